"""Answers that several routes give."""

from __future__ import annotations

import json
import warnings
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import pyproj
import shapely
from pydantic import BaseModel

from firnline.server.store.layer import Feature, Layer, Outcome, Transaction


class CrsAnswer(BaseModel):
    """A CRS: its EPSG code where it has one, its name, and how proj4 writes it."""

    epsg: int | None
    name: str
    proj4: str


@lru_cache(maxsize=64)
def crs_answer(wkt: str) -> CrsAnswer:
    """A CRS as answers tell it.

    Examples
    --------
    >>> crs_answer(pyproj.CRS.from_epsg(32645).to_wkt()).epsg
    32645
    """
    crs = pyproj.CRS.from_wkt(wkt)
    with warnings.catch_warnings():  # that proj4 says less than the text, which a page does not need
        warnings.simplefilter("ignore", UserWarning)
        proj4 = crs.to_proj4()
    return CrsAnswer(epsg=crs.to_epsg(), name=crs.name, proj4=proj4)


class LayerAnswer(BaseModel):
    """A layer of outlines."""

    id: str
    name: str
    kind: str
    crs: CrsAnswer
    bounds: tuple[float, float, float, float] | None
    count: int
    area_km2: float
    revision: int
    scene: str | None
    model: str | None
    created: str


def layer_answer(layer: Layer) -> LayerAnswer:
    """A layer as answers tell it."""
    return LayerAnswer(
        id=layer.id, name=layer.name, kind=layer.kind, crs=crs_answer(layer.crs), bounds=layer.box, count=layer.count,
        area_km2=layer.area_km2, revision=layer.revision, scene=layer.scene_id, model=layer.origin.get("model"),
        created=layer.created_at,
    )  # fmt: skip


class TransactionAnswer(BaseModel):
    """One change: when, by whom, by which operation, on which scene, why, and which outlines."""

    id: int
    revision: int
    at: str
    who: str
    operation: str
    scene: str | None
    why: str | None
    features: list[str]


def transaction_answer(transaction: Transaction) -> TransactionAnswer:
    """A transaction as answers tell it."""
    return TransactionAnswer(
        id=transaction.id, revision=transaction.revision, at=transaction.at, who=transaction.who,
        operation=transaction.operation, scene=transaction.scene_id, why=transaction.why,
        features=list(transaction.features),
    )  # fmt: skip


def feature_json(features: Sequence[Feature]) -> list[str]:
    """Features as GeoJSON texts; coordinates are in the layer's CRS, not in degrees."""
    shapes = shapely.to_geojson(np.array([feature.geometry for feature in features], object))
    return [
        f'{{"type":"Feature","id":"{feature.id}","geometry":{shape},"properties":{_properties(feature)}}}'
        for feature, shape in zip(features, shapes, strict=True)
    ]


def feature_dict(feature: Feature) -> dict[str, Any]:
    """One feature as a GeoJSON object."""
    found: dict[str, Any] = json.loads(feature_json([feature])[0])
    return found


def _properties(feature: Feature) -> str:
    return json.dumps(
        {
            **feature.properties,
            "class": feature.class_,
            "glacier": feature.glacier_id,
            "version": feature.version,
            "area_km2": feature.area_km2,
        }
    )


def outcome_json(outcome: Outcome) -> str:
    """What a change did."""
    said = {
        "revision": outcome.revision,
        "transaction": None if outcome.transaction is None else outcome.transaction.id,
        "operation": outcome.operation,
        "removed": list(outcome.removed),
        "area_km2": outcome.area_km2,
        "area_change_km2": outcome.area_change_km2,
    }
    return f'{json.dumps(said)[:-1]},"features":[{",".join(feature_json(outcome.features))}]}}'
