"""The columns of inventories: those of RGI 7.0, and firnline's own beside them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import geopandas as gpd
import pandas as pd

RGI7: Final = {
    "rgi_id": "string",
    "o1region": "string",
    "o2region": "string",
    "glims_id": "string",
    "anlys_id": "Int64",
    "subm_id": "Int64",
    "src_date": "string",
    "cenlon": "float64",
    "cenlat": "float64",
    "utm_zone": "Int64",
    "area_km2": "float64",
    "primeclass": "Int64",
    "conn_lvl": "Int64",
    "surge_type": "Int64",
    "term_type": "Int64",
    "glac_name": "string",
    "is_rgi6": "Int64",
    "termlon": "float64",
    "termlat": "float64",
    "zmin_m": "float64",
    "zmax_m": "float64",
    "zmed_m": "float64",
    "zmean_m": "float64",
    "slope_deg": "float64",
    "aspect_deg": "float64",
    "aspect_sec": "Int64",
    "dem_source": "string",
    "lmax_m": "float64",
}
"""The columns of the RGI 7.0 glacier product in its order (RGI 7.0 user guide), with types that hold "not known".

Of these firnline computes area_km2, cenlon, cenlat, utm_zone, the z*_m, slope_deg, aspect_deg and aspect_sec, and
knows src_date and dem_source. All others stay null (9, "not assigned", in conn_lvl, surge_type and term_type; in
primeclass 9 would be a rock glacier) unless they come from a user's file. `rgi_id` is a link to the glacier of the
reference inventory with the largest overlap; none is ever minted. aspect_sec is 1 (north) clockwise to 8, 9 where
there is none.
"""

OWN: Final = {
    "glacier_id": "string",
    "clean_km2": "float64",
    "debris_km2": "float64",
    "debris_frac": "float64",
    "mean_probability": "float64",
    "unknown_frac": "float64",
    "touches_unknown": "bool",
    "touches_edge": "bool",
    "is_lower_bound": "bool",
    "area_error_km2": "float64",
    "src_date_from": "string",
    "src_date_to": "string",
    "dem_date": "string",
    "dem_frac": "float64",
    "reference_id": "string",
    "divided_by": "string",
    "beyond_reference": "bool",
    "method": "string",
    "scene": "string",
    "quality": "string",
}
"""firnline's own columns of a glacier.

``glacier_id``: its own id (FL + position, as FL086912E27988N). ``unknown_frac``: unknown area that is enclosed by the
glacier, as a share of both together. ``is_lower_bound``: its area is a lower bound, as it touches or holds unknown
or touches the scene's edge. ``area_error_km2``: one standard error, of the boundary alone. ``dem_frac``: the share of
it whose height is known. ``reference_id``: the glacier of the reference inventory along whose divide it was cut.
``divided_by``: reference, flow or none. ``beyond_reference``: more than 5 % of it is ice outside the reference that
was given to the nearest connected glacier.
"""

PARTS: Final = {
    "glacier_id": "string",
    "class_value": "int32",
    "class": "string",
    "area_km2": "float64",
    "mean_probability": "float64",
    "touches_unknown": "bool",
    "touches_edge": "bool",
}
HOLES: Final = {"glacier_id": "string", "kind": "string", "area_km2": "float64"}
"""``kind``: rock (background enclosed by ice), or unknown, which is never taken for a nunatak."""
LAKES: Final = {"glacier_id": "string", "contact": "string", "area_km2": "float64"}
"""``contact``: on (enclosed by ice) or touching."""
HYPSOMETRY: Final = {"glacier_id": "string", "from_m": "int32", "per_mille": "int32"}
"""Bands of 50 m from ``from_m`` up; the per mille of a glacier add up to 1000."""


def empty(columns: Mapping[str, str], crs: Any) -> gpd.GeoDataFrame:
    """A layer without features.

    Examples
    --------
    >>> empty(HOLES, "EPSG:32645").columns.tolist()
    ['glacier_id', 'kind', 'area_km2', 'geometry']
    """
    table = pd.DataFrame({name: pd.Series(dtype=kind) for name, kind in columns.items()})
    return gpd.GeoDataFrame(table, geometry=gpd.GeoSeries([], dtype="geometry"), crs=crs)
