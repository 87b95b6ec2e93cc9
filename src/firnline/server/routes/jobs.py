"""Jobs: predictions asked for, followed, ended; what they made."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated, Any, Final, Literal

import shapely
from fastapi import APIRouter, Path, Request, Response
from pydantic import BaseModel, ConfigDict, Field
from shapely.geometry.base import BaseGeometry
from starlette.responses import FileResponse

from firnline.clip import window_of
from firnline.server.geojson import GeoJson
from firnline.server.images import send_file_range
from firnline.server.jobs.job import Job, Kind
from firnline.server.problems import NotFound, Problem
from firnline.server.project import SceneEntry
from firnline.server.routes.dependencies import Id, JobsDep, ProjectDep
from firnline.server.routes.models import find_model

router = APIRouter(tags=["jobs"])

_MEDIA: Final = {".gpkg": "application/geopackage+sqlite3", ".zip": "application/zip"}


class NewJob(BaseModel):
    """A prediction to make: a scene, or an area of it, mapped by a model."""

    model_config = ConfigDict(extra="forbid")

    kind: Literal["predict"] = "predict"
    scene: Annotated[str, Field(pattern="^[0-9a-f]{12}$")]
    model: Annotated[str, Field(pattern="^([0-9a-f]{12}|ratio)$", description="a model's id; ratio is the rules")]
    area: Annotated[GeoJson | None, Field(description="in the scene's CRS; null is the whole scene")] = None
    name: Annotated[str | None, Field(min_length=1, max_length=200, description="of the layer it makes")] = None
    uncertainty: Annotated[bool, Field(description="write a raster of it too; not with the rules")] = False
    minimum_area_km2: Annotated[float, Field(ge=0, le=1000, description="smallest glacier")] = 0.01
    force: Annotated[bool, Field(description="map a scene that its check refuses; the result says so")] = False


class PredictionResult(BaseModel):
    """What a prediction made: a layer, and rasters."""

    inventory: str
    rasters: list[str]
    marks: list[str]
    unknown_share: float


class ExportResult(BaseModel):
    """What an export made: a file, bytes."""

    file: str
    size: int


class JobAnswer(BaseModel):
    """A job."""

    id: str
    name: str
    kind: Kind
    state: Literal["queued", "running", "done", "failed", "cancelled"]
    progress: float
    message: str
    scene: str | None
    model: str | None
    area: dict[str, Any] | None
    settings: dict[str, Any]
    result: PredictionResult | ExportResult | None
    error: str | None
    created: str
    ended: str | None


class BandAnswer(BaseModel):
    """A row band that is mapped: its picture, and where it lies in the scene's CRS."""

    job: str
    band: int
    image: str
    bounds: tuple[float, float, float, float]


def job_answer(job: Job) -> JobAnswer:
    """A job as it is answered."""
    return JobAnswer.model_validate(job.as_json())


@router.post("/jobs", status_code=HTTPStatus.CREATED)
def make(project: ProjectDep, jobs: JobsDep, new: NewJob, response: Response) -> JobAnswer:
    """Have a prediction made; its outlines become a new layer of proposals, and no other layer is touched."""
    entry = project.scene(new.scene)
    if entry is None:
        raise NotFound("scene")
    model = find_model(project, new.model, scene=new.scene)
    if new.scene in model.problems:
        raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, model.problems[new.scene])
    if new.uncertainty and model.kind == "rules":
        raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, "rules decide, and have no uncertainty; use a trained model")
    if new.area is not None:
        _require_area(new.area, entry)
    area = None if new.area is None else shapely.geometry.mapping(new.area)
    name = new.name or f"{model.name}, {entry.scene.path.stem}"
    settings = new.model_dump(include={"uncertainty", "minimum_area_km2", "force"})
    job = jobs.submit("predict", name, new.scene, new.model, area, settings)
    response.headers["Location"] = f"/api/v1/jobs/{job.id}"
    return job_answer(job)


def _require_area(area: BaseGeometry, entry: SceneEntry) -> None:
    if area.geom_type not in ("Polygon", "MultiPolygon"):
        raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, "an area is a Polygon or MultiPolygon")
    if not area.is_valid:
        raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, f"the area crosses itself ({shapely.is_valid_reason(area)})")
    window_of(area, entry.scene.grid)  # raises where it holds nothing of the scene


@router.get("/jobs")
def listed(jobs: JobsDep) -> list[JobAnswer]:
    """All jobs, the newest first."""
    return [job_answer(job) for job in jobs.store.jobs()]


@router.get("/jobs/{job_id}")
def one(jobs: JobsDep, job_id: Id) -> JobAnswer:
    """One job."""
    return job_answer(jobs.store.job(job_id))


@router.delete("/jobs/{job_id}")
def cancel(jobs: JobsDep, job_id: Id) -> JobAnswer:
    """End a job that waits or runs, and drop what it has made; 409 where it has ended."""
    job = jobs.cancel(job_id)
    if job is None:
        raise Problem(HTTPStatus.CONFLICT, f"the job has ended already: it is {jobs.store.job(job_id).state}")
    return job_answer(job)


@router.get("/jobs/{job_id}/bands")
def bands(jobs: JobsDep, job_id: Id) -> list[BandAnswer]:
    """The row bands that are mapped so far, for a page that comes later."""
    jobs.store.job(job_id)
    return [BandAnswer.model_validate(event.data) for event in jobs.events.of("band", job_id)]


@router.get("/jobs/{job_id}/bands/{band}.png", response_class=Response)
def picture(request: Request, jobs: JobsDep, job_id: Id, band: Annotated[int, Path(ge=0, le=100_000)]) -> Response:
    """The picture of a row band: ice and debris half transparent, the rest wholly."""
    return send_file_range(jobs.folder(job_id).picture(band), request, "image/png")


@router.head("/jobs/{job_id}/result/{raster}.tif", response_class=Response, include_in_schema=False)
@router.get("/jobs/{job_id}/result/{raster}.tif", response_class=Response)
def result(
    request: Request, jobs: JobsDep, job_id: Id, raster: Literal["classes", "probabilities", "uncertainty"]
) -> Response:
    """A raster of a prediction as a COG, whole or by ranges."""
    job = jobs.store.job(job_id)
    if job.kind != "predict" or job.result is None or raster not in job.result["rasters"]:
        raise NotFound("raster")
    return send_file_range(jobs.folder(job_id).raster(raster), request)


@router.get("/jobs/{job_id}/file", response_class=FileResponse)
def file(jobs: JobsDep, job_id: Id) -> Response:
    """The file of an export that is done, as a download; 404 once it was dropped, a week later."""
    job = jobs.store.job(job_id)
    path = jobs.folder(job_id).file / str((job.result or {}).get("file", ""))
    if not path.is_file():
        raise NotFound("file")
    return FileResponse(
        path, media_type=_MEDIA[path.suffix], filename=path.name, headers={"Cache-Control": "no-store"}
    )
