"""Outlines of a layer as vector tiles, for large inventories."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from firnline.server.images import is_known
from firnline.server.routes.dependencies import Id, StoreDep
from firnline.server.routes.scenes import TileGridAnswer, tile_grid_answer
from firnline.server.routes.tiles import Level, Place
from firnline.server.tile_grid import TileGrid
from firnline.server.vector_tiles import tile_mvt, tile_revision

router = APIRouter(tags=["inventories"])

_MVT = "application/vnd.mapbox-vector-tile"


@router.get("/inventories/{layer_id}/tilegrid")
def tile_grid(store: StoreDep, layer_id: Id) -> TileGridAnswer:
    """The grid of the layer's vector tiles, in its CRS."""
    return tile_grid_answer(TileGrid.down_to(store.layer(layer_id).pixel_m))


@router.get("/inventories/{layer_id}/tiles/{z}/{x}/{y}.mvt", response_class=Response)
def tile(
    store: StoreDep,
    layer_id: Id,
    z: Level,
    x: Place,
    y: Place,
    request: Request,
    at: Annotated[int | None, Query(ge=0, le=2**53, description="a revision; now without it")] = None,
) -> Response:
    """A vector tile: layer ``outlines`` with properties id, class (1 clean, 2 debris-covered) and glacier."""
    layer = store.layer(layer_id)
    grid, place = TileGrid.down_to(layer.pixel_m), (z, x, y)
    now = layer.revision if at is None else min(at, layer.revision)
    revision = tile_revision(store, layer_id, now, grid, place)
    etag = f'"{layer_id}-{revision}-{z}-{x}-{y}"'
    is_past = at is not None and at <= layer.revision  # a revision never changes
    headers = {"ETag": etag, "Cache-Control": "private, " + ("max-age=86400, immutable" if is_past else "no-cache")}
    if is_known(request, etag):
        return Response(status_code=304, headers=headers)
    content = tile_mvt(store, layer_id, revision, grid, place)
    return Response(content, media_type=_MVT, headers=headers)
