"""Attributes of glaciers after RGI 7.0, measured or known; what is neither stays empty."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import rasterio

from firnline.inventory.columns import HYPSOMETRY, OWN, RGI7
from firnline.inventory.links import links, take_given
from firnline.inventory.position import centres, in_utm, utm_zones
from firnline.inventory.reference import Reference
from firnline.inventory.topography import Topography, describe


@dataclass(frozen=True)
class Known:
    """What is known of a map beside its pixels.

    Parameters
    ----------
    dates
        First and last day of the images; the same twice for a single scene.
    dem, dem_source, dem_date
        Heights, what they are called, when they were measured.
    reference
        An inventory to link to.
    given
        A user's own columns; see `firnline.inventory.links.read_given`.
    method, scene, quality
        How it was mapped, from which scene, with which marks.
    """

    dates: tuple[dt.date, dt.date] | None = None
    dem: Path | None = None
    dem_source: str | None = None
    dem_date: str | None = None
    reference: Reference | None = None
    given: pd.DataFrame | None = None
    method: str | None = None
    scene: str | None = None
    quality: str | None = None


def describe_glaciers(glaciers: gpd.GeoDataFrame, known: Known) -> tuple[gpd.GeoDataFrame, pd.DataFrame]:
    """Give glaciers all columns of an inventory.

    Parameters
    ----------
    glaciers
        As `find_glaciers` gives them, in a CRS projected in metres, with ``area_km2`` and ``area_error_km2``.
    known
        What else is known.

    Returns
    -------
    The glaciers with the columns `OWN` and `RGI7`, and their hypsometry (`HYPSOMETRY`).

    Raises
    ------
    SceneError, BandError
        When the DEM cannot be read.
    """
    table = glaciers.copy()
    table["cenlon"], table["cenlat"] = centres(table.geometry)
    table["utm_zone"] = utm_zones(table["cenlon"].to_numpy(np.float64))
    first, last = known.dates or (None, None)
    table["src_date_from"], table["src_date_to"] = _iso(first), _iso(last)
    table["src_date"] = None if first is None or last is None else _iso(first + (last - first) // 2)
    table["method"], table["scene"], table["quality"] = known.method, known.scene, known.quality
    table["rgi_id"] = None
    if known.reference is not None and known.reference.is_rgi:
        table["rgi_id"] = links(table, known.reference.frame)
    hypsometry = _topography(table, known)
    table = take_given(table, known.given)
    columns = {**OWN, **RGI7}
    return table[[*columns, "geometry"]].astype(columns), hypsometry


def _iso(day: dt.date | None) -> str | None:
    return None if day is None else day.isoformat()


def _topography(table: gpd.GeoDataFrame, known: Known) -> pd.DataFrame:
    """Fill in heights, slopes and aspects; without a DEM they stay empty."""
    found = [Topography(np.nan)] * len(table) if known.dem is None else _each_in_its_zone(table, known.dem)
    for name in ("zmin_m", "zmax_m", "zmed_m", "zmean_m", "slope_deg", "aspect_deg", "aspect_sec"):
        table[name] = pd.Series([getattr(each, name) for each in found], index=table.index, dtype=RGI7[name])
    table["dem_frac"] = [each.known for each in found]
    has_heights = table["zmed_m"].notna()
    table["dem_source"] = pd.Series(known.dem_source, index=table.index, dtype="string").where(has_heights)
    table["dem_date"] = pd.Series(known.dem_date, index=table.index, dtype="string").where(has_heights)
    rows = [(name, *band) for name, each in zip(table["glacier_id"], found, strict=True) for band in each.per_mille]
    return pd.DataFrame(rows, columns=list(HYPSOMETRY)).astype(HYPSOMETRY)


def _each_in_its_zone(table: gpd.GeoDataFrame, dem: Path) -> list[Topography]:
    """The topography of each glacier in its own UTM zone, as in RGI 7.0.

    Aspect counts from grid north, which in the CRS of a large map (Albers, polar stereographic) may be any direction.
    """
    found: dict[int, Topography] = {}
    places = np.arange(len(table))
    zones = table["utm_zone"].to_numpy(np.int64)
    south = table["cenlat"].to_numpy(np.float64) < 0
    for zone, is_south in sorted(set(zip(zones.tolist(), south.tolist(), strict=True))):
        at = places[(zones == zone) & (south == is_south)]
        outlines = in_utm(table.geometry.iloc[at], zone, south=is_south)
        crs = rasterio.CRS.from_user_input(outlines.crs)
        for place, outline, area in zip(at.tolist(), outlines, table["area_km2"].iloc[at], strict=True):
            found[place] = describe(outline, crs, float(area), dem)
    return [found[place] for place in places.tolist()]
