"""Layers delivered: an inventory in a form that others take, made by a job."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated, Final

from fastapi import APIRouter, Response
from pydantic import BaseModel, ConfigDict, Field

from firnline.errors import ConfigError
from firnline.inventory.delivery.deliver import Form
from firnline.inventory.delivery.submission import Submission, read_submission
from firnline.server.layer_inventory import revision_of
from firnline.server.project import Project
from firnline.server.routes.dependencies import Id, JobsDep, ProjectDep, StoreDep
from firnline.server.routes.jobs import JobAnswer, job_answer

router = APIRouter(tags=["inventories"])

SUBMISSION: Final = "submission.yaml"
"""In the project's folder: what GLIMS asks of who submits, for exports that do not bring it."""


class Export(BaseModel):
    """What is wanted: the form, a snapshot by id or name (or a revision; the present one without it)."""

    model_config = ConfigDict(extra="forbid")

    format: Form
    snapshot: Annotated[str | None, Field(min_length=1, max_length=200)] = None
    region: Annotated[str | None, Field(max_length=5, description="RGI 7 region of glaciers without one, 15-03")] = (
        None
    )
    submission: Annotated[
        Submission | None,
        Field(description="what GLIMS asks for; without it submission.yaml of the project's folder counts"),
    ] = None


@router.post("/inventories/{layer_id}/exports", status_code=HTTPStatus.CREATED)
def export(
    project: ProjectDep, store: StoreDep, jobs: JobsDep, layer_id: Id, wanted: Export, response: Response
) -> JobAnswer:
    """Have a layer delivered as it is now, or as it was; when the job is done, ``/jobs/{job_id}/file`` has it.

    The file of ``gpkg``, else a folder of files as a zip. Corrections that come meanwhile are not in it.
    """
    revision = revision_of(store, layer_id, wanted.snapshot)
    submission = wanted.submission
    if wanted.format is Form.GLIMS and submission is None:
        submission = _of_the_project(project)
    settings = {
        "layer": layer_id,
        "revision": revision.number,
        "snapshot": revision.snapshot,
        "format": str(wanted.format),
        "region": wanted.region,
        "submission": None if submission is None else submission.model_dump(mode="json"),
    }
    name = f"{revision.layer.name}, {wanted.format}"
    job = jobs.submit("export", name, revision.layer.scene_id, None, None, settings)
    response.headers["Location"] = f"/api/v1/jobs/{job.id}"
    return job_answer(job)


def _of_the_project(project: Project) -> Submission:
    """What the project's folder says to GLIMS."""
    path = project.folder / SUBMISSION
    if not path.is_file():
        raise ConfigError(
            "GLIMS asks who made the outlines, how, and from which images",
            do=f"put {SUBMISSION} into the project's folder (docs/delivery.md, examples/delivery/submission.yaml)",
        )
    return read_submission(path)
