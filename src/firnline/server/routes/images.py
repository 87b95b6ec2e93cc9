"""The pixels of a scene, as a COG that is read by ranges of bytes."""

from __future__ import annotations

import time

from fastapi import APIRouter, Request
from pydantic import BaseModel
from starlette.responses import Response

from firnline.server.cogs import image_of, step_of
from firnline.server.images import send_file_range
from firnline.server.routes.dependencies import ProjectDep, SceneDep

router = APIRouter(tags=["scenes"])


@router.head("/scenes/{scene_id}/image.tif", include_in_schema=False)
@router.get("/scenes/{scene_id}/image.tif", response_class=Response)
def image(project: ProjectDep, scene: SceneDep, request: Request) -> Response:
    """The scene's stored numbers as a COG; ranges of bytes are answered with 206."""
    return send_file_range(image_of(project, scene), request)


class DisplayAnswer(BaseModel):
    """Whether a scene can be looked at at once; else what is done for that, its share (0 to 1), since when."""

    is_ready: bool
    step: str | None = None
    share: float | None = None
    seconds: float | None = None


@router.get("/scenes/{scene_id}/display")
def display(project: ProjectDep, scene: SceneDep) -> DisplayAnswer:
    """How far the copy of a scene is that browsers read well; it is made once, when its image is first asked for."""
    step = step_of(project, scene)
    if step is None:
        return DisplayAnswer(is_ready=True)
    return DisplayAnswer(
        is_ready=False, step=step.said, share=step.share, seconds=round(time.monotonic() - step.began, 1)
    )
