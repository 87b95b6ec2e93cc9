"""What the page of an inventory is made of: plain facts, gathered by whoever made the inventory."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import geopandas as gpd
import pandas as pd

from firnline.report.content import Limit


@dataclass(frozen=True)
class Sums:
    """Area of all glaciers, km2, and its standard error where errors of glaciers are independent, or all alike."""

    glaciers: int
    area_km2: float
    independent_km2: float
    correlated_km2: float
    lower_bounds: int


@dataclass(frozen=True)
class InventoryFacts:
    """An inventory as its page shows it. All layers are in one CRS projected in metres.

    Parameters
    ----------
    title
        The heading.
    glaciers
        One row a glacier: ``glacier_id``, ``area_km2``, ``clean_km2``, ``debris_km2``, ``area_error_km2``,
        ``is_lower_bound``, ``aspect_sec`` and what else the columns of an inventory are; null where not known.
    parts
        With ``glacier_id`` and ``class``.
    holes
        With ``glacier_id`` and ``kind`` (rock or unknown).
    lakes
        With ``glacier_id``, ``contact`` and ``area_km2``.
    divides
        Lines along which two glaciers touch.
    hypsometry
        ``glacier_id``, ``from_m`` and ``per_mille``, in bands of 50 m.
    sums
        The region.
    limits
        What a reader must know first, those on lower bounds before others.
    provenance
        Where the inventory comes from.
    """

    title: str
    glaciers: gpd.GeoDataFrame
    parts: gpd.GeoDataFrame
    holes: gpd.GeoDataFrame
    lakes: gpd.GeoDataFrame
    divides: gpd.GeoSeries
    hypsometry: pd.DataFrame
    sums: Sums
    limits: tuple[Limit, ...] = ()
    provenance: Mapping[str, Any] = field(default_factory=dict)
