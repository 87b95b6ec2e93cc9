"""Simpler outlines: fewer vertices, with every edge that two outlines share simplified once, for both."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray

from firnline.errors import ConfigError


@dataclass(frozen=True, eq=False)
class AreaChange:
    """What simplification did to areas, on the map plane.

    ``before_km2`` and ``after_km2``: float64 (glacier,), in the order of the glaciers.
    """

    simplify_m: float
    before_km2: NDArray[np.float64]
    after_km2: NDArray[np.float64]

    @property
    def relative(self) -> NDArray[np.float64]:
        """The change of each glacier as a share of its area before."""
        return self.after_km2 / self.before_km2 - 1

    @property
    def total(self) -> float:
        """The change of all together as a share of their area before."""
        before = float(self.before_km2.sum())
        return float(self.after_km2.sum()) / before - 1 if before else 0.0


def simplified(polygons: NDArray[np.object_], simplify_m: float) -> NDArray[np.object_]:
    """Leave out vertices of a coverage of polygons so that it stays a coverage.

    Vertices go in the order of the area of the triangle with their neighbours (Visvalingam and Whyatt 1993), for
    as long as it is smaller than the square of `simplify_m`; none goes where three areas meet, nor where
    outlines would come to cross. The steps of a diagonal edge are triangles of half a pixel: from 0.71 pixels on
    they are gone.

    Raises
    ------
    ConfigError
        When `simplify_m` is not above 0.

    Examples
    --------
    >>> stairs = shapely.Polygon([(0, 0), (30, 0), (30, 10), (20, 10), (20, 20), (10, 20), (10, 30), (0, 30)])
    >>> len(simplified(np.array([stairs], object), 10.0)[0].exterior.coords) < 9
    True
    """
    if not simplify_m > 0:
        raise ConfigError(f"simplification by {simplify_m} m makes no sense", do="give more than 0, or leave it out")
    if len(polygons) == 0:
        return polygons
    simple = shapely.coverage_simplify(polygons, simplify_m)
    return np.asarray(shapely.orient_polygons(simple), object)
