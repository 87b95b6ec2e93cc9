"""Outlines of a layer: read, with their past."""

from __future__ import annotations

import math
from hashlib import blake2b
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel

from firnline.server.images import is_known
from firnline.server.problems import Problem
from firnline.server.routes.answers import (
    TransactionAnswer,
    feature_dict,
    feature_json,
    transaction_answer,
)
from firnline.server.routes.dependencies import Id, StoreDep
from firnline.server.store.layer import Box

router = APIRouter(tags=["features"])

_PAGE = 2000
_GEOJSON = "application/geo+json"


class PastAnswer(BaseModel):
    """A version of an outline, what made it, and what ended it."""

    feature: dict[str, Any]
    made: TransactionAnswer | None
    ended: TransactionAnswer | None


@router.get("/inventories/{layer_id}/features", response_class=Response, responses={200: {"content": {_GEOJSON: {}}}})
def features(
    store: StoreDep,
    layer_id: Id,
    request: Request,
    bbox: Annotated[str | None, Query(description="minx,miny,maxx,maxy in the layer's CRS")] = None,
    limit: Annotated[int, Query(ge=1, le=20_000)] = _PAGE,
    after: Annotated[str, Query(pattern="^([0-9a-f]{12})?$", description="the `next` of the page before")] = "",
    at: Annotated[int | None, Query(ge=0, le=2**53, description="a revision; now without it")] = None,
) -> Response:
    """Outlines as a GeoJSON collection, by id; ``next`` asks for the following page.

    ``revision`` is the one that the outlines are of.
    """
    box = None if bbox is None else _box(bbox)
    layer = store.layer(layer_id)
    revision = layer.revision if at is None else min(at, layer.revision)
    asked = blake2b(repr((box, limit, after)).encode(), digest_size=6).hexdigest()
    tag = f'"{layer.id}-{revision}-{asked}"'
    headers = {"ETag": tag, "Cache-Control": "no-cache"}
    if is_known(request, tag):
        return Response(status_code=HTTPStatus.NOT_MODIFIED, headers=headers)
    # By its number also where it is the present one: a correction may come between.
    found = store.features(layer_id, box, revision, limit=limit + 1, after=after)
    page = found[:limit]
    following = f'"{page[-1].id}"' if len(found) > limit else "null"
    body = (
        f'{{"type":"FeatureCollection","revision":{revision},"next":{following},'
        f'"features":[{",".join(feature_json(page))}]}}'
    )
    return Response(body, media_type=_GEOJSON, headers=headers)


@router.get(
    "/inventories/{layer_id}/features/{feature_id}",
    response_class=Response,
    responses={200: {"content": {_GEOJSON: {}}}},
)
def feature(store: StoreDep, layer_id: Id, feature_id: Id) -> Response:
    """One outline; its ETag is its version."""
    store.layer(layer_id)
    found = store.feature(layer_id, feature_id)
    return Response(feature_json([found])[0], media_type=_GEOJSON, headers={"ETag": f'"{found.version}"'})


@router.get("/inventories/{layer_id}/features/{feature_id}/history")
def history(store: StoreDep, layer_id: Id, feature_id: Id) -> list[PastAnswer]:
    """All versions of an outline, the first first, with who made each, when, on which scene, and why."""
    store.layer(layer_id)
    return [
        PastAnswer(
            feature=feature_dict(past.feature),
            made=None if past.made is None else transaction_answer(past.made),
            ended=None if past.ended is None else transaction_answer(past.ended),
        )
        for past in store.history(layer_id, feature_id)
    ]


@router.get("/inventories/{layer_id}/changes")
def changes(
    store: StoreDep, layer_id: Id, since: Annotated[int, Query(ge=0, le=2**53)] = 0
) -> list[TransactionAnswer]:
    """What was done after a revision, the first first."""
    store.layer(layer_id)
    return [transaction_answer(each) for each in store.changes(layer_id, since)]


def _box(text: str) -> Box:
    parts = text.split(",")
    try:
        min_x, min_y, max_x, max_y = (float(part) for part in parts)
    except ValueError:
        raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, "bbox is minx,miny,maxx,maxy") from None
    if not all(math.isfinite(value) for value in (min_x, min_y, max_x, max_y)) or min_x > max_x or min_y > max_y:
        raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, "bbox is minx,miny,maxx,maxy, the smaller ones first")
    return min_x, min_y, max_x, max_y
