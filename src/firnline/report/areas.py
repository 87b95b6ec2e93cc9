"""Sums over outlines for the report's table of areas."""

from __future__ import annotations

import geopandas as gpd
import numpy as np

from firnline.classes import UNKNOWN, Classes, LabelScheme
from firnline.grid import Grid
from firnline.report.content import ClassArea


def class_areas(
    outlines: gpd.GeoDataFrame, classes: Classes, grid: Grid, scheme: LabelScheme
) -> tuple[ClassArea, ...]:
    """Sum up outlines by class, one row for every class of the scheme, those not found included.

    Parameters
    ----------
    outlines
        As `firnline.inventory.polygonise.polygonise` gives them.
    classes
        The class raster they come from, uint8 (row, column): how much of the scene is known.
    grid
        Its grid.
    scheme
        What its values mean.

    Returns
    -------
    True areas (km2), and shares of the known part of the scene, both as on the map plane.

    Examples
    --------
    >>> from affine import Affine
    >>> from rasterio.crs import CRS
    >>> grid = Grid(CRS.from_epsg(32645), Affine(100, 0, 500000, 0, -100, 3100000), (1, 2))
    >>> none = gpd.GeoDataFrame({"class_value": [], "area_km2": []}, geometry=[], crs="EPSG:32645")
    >>> [area.name for area in class_areas(none, np.zeros((1, 2), np.uint8), grid, LabelScheme.CLASS)]
    ['clean ice', 'debris-covered ice']
    """
    known_km2 = int(np.count_nonzero(classes != UNKNOWN)) * grid.pixel_area_km2
    rows = []
    for value, name in enumerate(scheme.class_names[1:], start=1):
        of_class = outlines[outlines["class_value"] == value]
        mapped_km2 = float(of_class.geometry.area.sum()) / 1e6
        rows.append(
            ClassArea(
                name=name,
                area_km2=float(of_class["area_km2"].sum()),
                share_of_known=mapped_km2 / known_km2 if known_km2 else 0.0,
                outlines=len(of_class),
                lower_bounds=int(of_class["touches_unknown"].sum()) if len(of_class) else 0,
                at_edge=int(of_class["touches_edge"].sum()) if len(of_class) else 0,
            )
        )
    return tuple(rows)
