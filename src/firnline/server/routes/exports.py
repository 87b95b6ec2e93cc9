"""Layers delivered: an inventory in a form that others take, as a download."""

from __future__ import annotations

import re
import zipfile
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Final

from fastapi import APIRouter, Response
from pydantic import BaseModel, ConfigDict, Field
from starlette.background import BackgroundTask
from starlette.responses import FileResponse

from firnline.errors import ConfigError
from firnline.inventory.delivery.deliver import Form, deliver
from firnline.inventory.delivery.submission import Submission, read_submission
from firnline.server.layer_inventory import Revision, inventory_of_layer, revision_of
from firnline.server.project import Project
from firnline.server.routes.dependencies import Id, ProjectDep, StoreDep

router = APIRouter(tags=["inventories"])

_MEDIA: Final = {".gpkg": "application/geopackage+sqlite3", ".zip": "application/zip"}
_LONGEST: Final = 60
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


@router.post(
    "/inventories/{layer_id}/exports",
    response_class=FileResponse,
    responses={200: {"content": {media: {} for media in _MEDIA.values()}}},
)
def export(project: ProjectDep, store: StoreDep, layer_id: Id, wanted: Export) -> Response:
    """Deliver a layer: the file of ``gpkg``, else a folder of files as a zip."""
    revision = revision_of(store, layer_id, wanted.snapshot)
    submission = wanted.submission
    if wanted.format is Form.GLIMS and submission is None:
        submission = _of_the_project(project)
    inventory = inventory_of_layer(project, store, revision)
    folder = TemporaryDirectory(prefix="firnline-export-")
    try:
        name = file_name(revision, wanted.format)
        out = Path(folder.name) / (f"{name}.gpkg" if wanted.format is Form.GEOPACKAGE else name)
        deliver(inventory, out, wanted.format, submission=submission, region=wanted.region)
        path = out if out.is_file() else _zipped(out)
    except BaseException:
        folder.cleanup()
        raise
    return FileResponse(
        path,
        media_type=_MEDIA[path.suffix],
        filename=path.name,
        headers={"Cache-Control": "no-store"},
        background=BackgroundTask(folder.cleanup),
    )


def _of_the_project(project: Project) -> Submission:
    """What the project's folder says to GLIMS."""
    path = project.folder / SUBMISSION
    if not path.is_file():
        raise ConfigError(
            "GLIMS asks who made the outlines, how, and from which images",
            do=f"put {SUBMISSION} into the project's folder (docs/delivery.md, examples/delivery/submission.yaml)",
        )
    return read_submission(path)


def file_name(revision: Revision, form: Form) -> str:
    """A name for what is delivered that every file system takes, without a suffix."""
    said = f"{revision.layer.name}-{revision.snapshot or f'revision{revision.number}'}"
    plain = re.sub(r"[^A-Za-z0-9_-]+", "_", said)[:_LONGEST].strip("_-")
    return f"{plain or 'inventory'}-{form}"


def _zipped(folder: Path) -> Path:
    path = folder.with_name(f"{folder.name}.zip")
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in sorted(folder.iterdir()):
            archive.write(file, f"{folder.name}/{file.name}")
    return path
