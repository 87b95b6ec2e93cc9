"""Picture tiles of scenes, for browsers without WebGL."""

from __future__ import annotations

from hashlib import blake2b
from typing import Annotated

from fastapi import APIRouter, Path, Query, Request
from starlette.responses import Response

from firnline.server.images import is_known
from firnline.server.problems import NotFound
from firnline.server.recipes import recipes_of
from firnline.server.routes.dependencies import ProjectDep, SceneDep
from firnline.server.tiles import parse_limits, tile_key, tile_png

router = APIRouter(tags=["scenes"])

Level = Annotated[int, Path(ge=0, le=30)]
Place = Annotated[int, Path(ge=0, le=2**30)]
Ends = Annotated[str | None, Query(max_length=100, description="a number, or one for each band: 120,90.5,80")]


@router.get("/scenes/{scene_id}/tiles/{z}/{x}/{y}.png", response_class=Response)
def tile(
    project: ProjectDep,
    scene: SceneDep,
    z: Level,
    x: Place,
    y: Place,
    request: Request,
    recipe: Annotated[str, Query(max_length=40)],
    low: Ends = None,
    high: Ends = None,
) -> Response:
    """A tile of the scene's tile grid as PNG, transparent where unknown."""
    wanted = next((each for each in recipes_of(scene.source) if each.id == recipe), None)
    if wanted is None:
        raise NotFound("recipe for this scene")
    limits = parse_limits(low, high, wanted)
    etag = f'"{blake2b(repr(tile_key(scene, wanted, limits, (z, x, y))).encode(), digest_size=8).hexdigest()}"'
    headers = {"ETag": etag, "Cache-Control": "private, no-cache"}
    if is_known(request, etag):
        return Response(status_code=304, headers=headers)
    return Response(tile_png(project, scene, wanted, limits, (z, x, y)), media_type="image/png", headers=headers)
