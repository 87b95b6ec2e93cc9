"""Hillshade and slope of a scene, as a COG that is read by ranges of bytes."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import Response

from firnline.server.images import send_file_range
from firnline.server.routes.dependencies import ProjectDep, SceneDep
from firnline.server.terrain_image import terrain_of

router = APIRouter(tags=["scenes"])


@router.head("/scenes/{scene_id}/terrain.tif", include_in_schema=False)
@router.get("/scenes/{scene_id}/terrain.tif", response_class=Response)
def terrain(project: ProjectDep, scene: SceneDep, request: Request) -> Response:
    """Bands hillshade (0 to 1) and slope (degrees), float32, NaN where unknown; 404 where no heights are known."""
    return send_file_range(terrain_of(project, scene), request)
