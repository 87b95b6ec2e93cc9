"""Where layers, or two revisions of one, disagree."""

from __future__ import annotations

import json
from typing import Annotated, Any, Final

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from fastapi import APIRouter, Query, Response

from firnline.inventory.disagreement import disagreement
from firnline.server.kept import Kept
from firnline.server.layer_inventory import Revision, revision_of, scheme_of
from firnline.server.routes.dependencies import Id, StoreDep
from firnline.server.store.store import Store

router = APIRouter(tags=["comparisons"])

_GEOJSON: Final = "application/geo+json"
_ANSWER: Final[dict[int | str, dict[str, Any]]] = {200: {"content": {_GEOJSON: {}}}}
_kept: Kept[tuple[object, ...], bytes] = Kept(8)

RevisionName = Annotated[
    str | None, Query(min_length=1, max_length=200, description="a snapshot by id or name, or a revision")
]
Width = Annotated[
    float | None,
    Query(
        ge=0, le=10_000, description="areas that are nowhere wider (metres) are left out, and counted in `dropped`"
    ),
]


@router.get("/inventories/{layer_id}/diff", response_class=Response, responses=_ANSWER)
def diff(
    store: StoreDep,
    layer_id: Id,
    from_: Annotated[
        str, Query(alias="from", min_length=1, max_length=200, description="a snapshot by id or name, or a revision")
    ] = "0",
    to: RevisionName = None,
    width: Width = None,
) -> Response:
    """Areas that changed from one revision to another (the present one without ``to``).

    A GeoJSON collection in the layer's CRS, the largest first: ``change`` (added, removed, reclassified),
    ``from_class``, ``to_class`` (null is none), ``area_km2``; sums by change in ``area_km2`` of the collection.
    """
    return _answer(store, revision_of(store, layer_id, from_), revision_of(store, layer_id, to), width)


@router.get("/inventories/{layer_id}/disagreement", response_class=Response, responses=_ANSWER)
def between_layers(
    store: StoreDep,
    layer_id: Id,
    with_: Annotated[str, Query(alias="with", pattern="^[0-9a-f]{12}$", description="the other layer")],
    width: Width = None,
) -> Response:
    """Areas where another layer has something else, in this layer's CRS: ``added`` is what the other one has more.

    Where one of them has whole glaciers, as RGI, only ice is compared (``compared``: ice or classes).
    """
    return _answer(store, revision_of(store, layer_id, None), revision_of(store, with_, None), width)


def _answer(store: Store, one: Revision, other: Revision, width: float | None) -> Response:
    def make() -> bytes:
        frames = [store.features_frame(each.layer.id, each.number) for each in (one, other)]
        # Whole glaciers of one layer are the clean and debris-covered parts of another; of itself, a correction.
        schemes = {scheme_of(each.layer, parts) for each, parts in zip((one, other), frames, strict=True)}
        ice_only = one.layer.id != other.layer.id and len(schemes) > 1
        return _geojson(disagreement(*frames, least_width_m=width, ice_only=ice_only), ice_only)

    key = (str(store.database.path), one.layer.id, one.number, other.layer.id, other.number, width)
    return Response(_kept.get(key, make), media_type=_GEOJSON, headers={"Cache-Control": "no-cache"})


def _geojson(found: gpd.GeoDataFrame, ice_only: bool) -> bytes:
    sums = dict.fromkeys(("added", "removed", "reclassified"), 0.0)
    sums |= {str(change): float(area) for change, area in found.groupby("change")["area_km2"].sum().items()}
    shapes = shapely.to_geojson(np.asarray(found.geometry.array, object))
    columns = found[["change", "from_class", "to_class", "area_km2"]].itertuples(index=False)
    features = [
        f'{{"type":"Feature","geometry":{shape},"properties":{json.dumps(_properties(*row))}}}'
        for shape, row in zip(shapes, columns, strict=True)
    ]
    said = {
        "type": "FeatureCollection",
        "compared": "ice" if ice_only else "classes",
        "area_km2": sums,
        "dropped": found.attrs["dropped"],
        "dropped_km2": found.attrs["dropped_km2"],
    }
    return f'{json.dumps(said)[:-1]},"features":[{",".join(features)}]}}'.encode()


def _properties(change: str, before: int, after: int, area_km2: float) -> dict[str, object]:
    classes = [None if pd.isna(value) else int(value) for value in (before, after)]
    return {"change": change, "from_class": classes[0], "to_class": classes[1], "area_km2": area_km2}
