"""A small made-up inventory: two glaciers along a divide, one alone; debris, rock, unknown, lakes, nulls."""

from __future__ import annotations

from typing import Any

import geopandas as gpd
import pandas as pd
import shapely
from shapely.geometry import Polygon, box

from firnline.inventory.columns import HOLES, HYPSOMETRY, LAKES, OWN, PARTS, RGI7
from firnline.inventory.inventory import Inventory

CRS = "EPSG:32645"
DIVIDE = [(480000, 3100000), (480300, 3102000), (480000, 3104000)]
DIVIDE_M = 2 * (300**2 + 2000**2) ** 0.5
ROCK = box(478500, 3103000, 478800, 3103300)
UNKNOWN = box(479200, 3103000, 479500, 3103300)
DEBRIS = Polygon([(478000, 3100000), DIVIDE[0], (480150, 3101000), (478000, 3101000)])
WEST = Polygon([(478000, 3100000), *DIVIDE, (478000, 3104000)], [ROCK.exterior.coords, UNKNOWN.exterior.coords])
ON_ICE = box(481000, 3102000, 481200, 3102200)
EAST = Polygon([*DIVIDE, (482000, 3104000), (482000, 3100000)], [ON_ICE.exterior.coords])
TOUCHING = box(481000, 3099700, 481500, 3100000)
ALONE = box(490000, 3100000, 490500, 3100600)
IDS = ("FL086785E28028N", "FL086815E28028N", "FL086900E28020N")


def inventory(**changed: Any) -> Inventory:
    """The inventory; keywords replace layers."""
    layers: dict[str, Any] = {
        "glaciers": glaciers(),
        "parts": _layer(
            PARTS,
            [WEST.difference(DEBRIS), DEBRIS, EAST, ALONE],
            glacier_id=[IDS[0], *IDS],
            class_value=[1, 2, 1, 1],
            touches_unknown=[True, False, False, False],
            touches_edge=[False, False, False, True],
            mean_probability=[0.9, 0.7, 0.95, None],
            **{"class": ["clean ice", "debris-covered ice", "clean ice", "clean ice"]},
        ),
        "holes": _layer(HOLES, [ROCK, UNKNOWN], glacier_id=[IDS[0], IDS[0]], kind=["rock", "unknown"]),
        "lakes": _layer(LAKES, [ON_ICE, TOUCHING], glacier_id=[IDS[1], IDS[1]], contact=["on", "touching"]),
        "hypsometry": pd.DataFrame(
            {
                "glacier_id": [IDS[0], IDS[0], IDS[1]],
                "from_m": [5000, 5050, 5150],
                "per_mille": [400, 600, 1000],
            }
        ).astype(HYPSOMETRY),
        "provenance": {"scene": "made up", "model": "none"},
    }
    return Inventory(**{**layers, **changed})


def glaciers(**changed: Any) -> gpd.GeoDataFrame:
    """Its glaciers: the first is known in every column, the last only by what firnline computes."""
    columns: dict[str, list[Any]] = {
        "glacier_id": list(IDS),
        "touches_unknown": [True, False, False],
        "touches_edge": [False, False, True],
        "is_lower_bound": [True, False, True],
        "beyond_reference": [False, False, False],
        "area_error_km2": [0.1, 0.1, 0.02],
        "src_date": ["2000-10-30", "2000-10-30", "2000-10-29/2000-11-02"],
        "src_date_from": ["2000-10-30", "2000-10-30", "2000-10-29"],
        "src_date_to": ["2000-10-30", "2000-10-30", "2000-11-02"],
        "rgi_id": ["RGI2000-v7.0-G-15-00001", None, None],
        "o1region": ["15", None, None],
        "o2region": ["15-03", None, None],
        "glims_id": ["G086785E28028N", None, None],
        "anlys_id": [7, None, None],
        "subm_id": [8, None, None],
        "cenlon": [86.785, 86.815, 86.9],
        "cenlat": [28.028, 28.028, 28.02],
        "utm_zone": [45, 45, 45],
        "primeclass": [5, None, None],
        "conn_lvl": [9, 9, 9],
        "surge_type": [9, 9, 9],
        "term_type": [0, 9, 9],
        "glac_name": ["Ghulkin à côté", None, None],
        "is_rgi6": [0, None, None],
        "termlon": [86.78, None, None],
        "termlat": [28.02, None, None],
        **{name: [5000.5, 5100.0, None] for name in ("zmin_m", "zmax_m", "zmed_m", "zmean_m")},
        "slope_deg": [12.0, 20.0, None],
        "aspect_deg": [1.0, 91.0, None],
        "aspect_sec": [1, 3, 9],
        "dem_source": ["made up", "made up", None],
        "lmax_m": [4000.4, None, None],
    }
    return _layer({**OWN, **RGI7}, [WEST, EAST, ALONE], **{**columns, **changed})


def same_shape(one: Polygon, other: Polygon, within_m: float = 1e-3) -> bool:
    """Whether two polygons are the same to a millimetre, wherever their rings begin."""
    same_vertices = shapely.get_num_coordinates(one) == shapely.get_num_coordinates(other)
    return bool(same_vertices and shapely.hausdorff_distance(one.boundary, other.boundary) < within_m)


def _layer(kinds: dict[str, str], shapes: list[Polygon], **columns: list[Any]) -> gpd.GeoDataFrame:
    if "area_km2" in kinds:
        columns["area_km2"] = [shape.area / 1e6 for shape in shapes]
    table = pd.DataFrame(
        {name: pd.Series(columns.get(name, [None] * len(shapes))).astype(kind) for name, kind in kinds.items()}
    )
    return gpd.GeoDataFrame(table, geometry=shapes, crs=CRS)
