"""Simplified glaciers, parts and holes still share their edges, and what that does to areas is told."""

from __future__ import annotations

import numpy as np
import pytest
import shapely
from affine import Affine
from rasterio.crs import CRS
from scipy import ndimage

from firnline.classes import UNKNOWN, Classes, LabelScheme
from firnline.errors import ConfigError
from firnline.grid import Grid
from firnline.inventory.glaciers import Found, find_glaciers


def found_in(classes: Classes, simplify_m: float | None) -> Found:
    grid = Grid(CRS.from_epsg(32645), Affine(30, 0, 478005, 0, -30, 3108145), classes.shape)
    return find_glaciers(classes, grid, LabelScheme.CLASS, minimum_area_km2=0, simplify_m=simplify_m)


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("simplify_m", [30.0, 60.0])
def test_a_simplified_map_is_a_valid_coverage(seed: int, simplify_m: float) -> None:
    random = np.random.default_rng(seed)
    noise = ndimage.gaussian_filter(random.normal(size=(4, 60, 50)), (0, 1.5, 1.5))
    classes = np.array([0, 1, 2, UNKNOWN], np.uint8)[noise.argmax(axis=0)]
    raw, simple = found_in(classes, None), found_in(classes, simplify_m)
    pieces = np.array([*simple.parts.geometry, *simple.holes.geometry], object)
    assert shapely.coverage_is_valid(pieces)
    assert shapely.coverage_is_valid(simple.glaciers.geometry.to_numpy())
    for layer in ("glaciers", "parts", "holes"):
        a, b = getattr(raw, layer), getattr(simple, layer)
        assert b.geometry.is_valid.all()
        assert (b.geom_type == "Polygon").all()
        assert a["glacier_id"].tolist() == b["glacier_id"].tolist()
    assert shapely.get_num_coordinates(pieces).sum() < 0.8 * sum(
        shapely.get_num_coordinates([*raw.parts.geometry, *raw.holes.geometry])
    )
    own = simple.parts.geometry.groupby(simple.parts["glacier_id"]).apply(lambda each: each.union_all())
    for row in simple.glaciers.itertuples():
        assert own[row.glacier_id].equals(row.geometry)


def test_the_change_of_area_is_told() -> None:
    row, column = np.indices((80, 80))
    classes = (np.hypot(row - 40, column - 40) < 30).astype(np.uint8)
    raw, simple = found_in(classes, None), found_in(classes, 30.0)
    assert raw.change is None
    assert simple.change is not None
    before, after = raw.glaciers.geometry.area / 1e6, simple.glaciers.geometry.area / 1e6
    assert simple.change.before_km2 == pytest.approx(before)
    assert simple.change.after_km2 == pytest.approx(after)
    assert simple.change.relative == pytest.approx(after / before - 1)
    assert simple.change.total == pytest.approx(after.sum() / before.sum() - 1)
    assert 0 < abs(simple.change.total) < 0.03
    # A disc of pixels has the perimeter of the square round it; a simplified one comes nearer to the circle's.
    circle = 2 * np.pi * 30 * 30
    assert raw.glaciers.length[0] == pytest.approx(8 * 30 * 30, rel=0.03)
    assert abs(simple.glaciers.length[0] - circle) < 0.6 * abs(raw.glaciers.length[0] - circle)


def test_nothing_to_simplify_and_no_tolerance() -> None:
    empty = found_in(np.zeros((4, 4), np.uint8), 30.0)
    assert empty.change is not None
    assert empty.change.total == 0
    with pytest.raises(ConfigError, match="makes no sense"):
        found_in(np.ones((4, 4), np.uint8), 0.0)
