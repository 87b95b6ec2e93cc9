"""The pixels of a scene, as a COG that is read by ranges of bytes."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import Response

from firnline.server.cogs import image_of
from firnline.server.images import send_file_range
from firnline.server.routes.dependencies import ProjectDep, SceneDep

router = APIRouter(tags=["scenes"])


@router.head("/scenes/{scene_id}/image.tif", include_in_schema=False)
@router.get("/scenes/{scene_id}/image.tif", response_class=Response)
def image(project: ProjectDep, scene: SceneDep, request: Request) -> Response:
    """The scene's stored numbers as a COG; ranges of bytes are answered with 206."""
    return send_file_range(image_of(project, scene), request)
