"""Holes of rock and of unknown are kept apart, and an unknown hole is never a nunatak."""

from __future__ import annotations

import numpy as np
import pytest
import rasterio.features
import shapely
from affine import Affine
from rasterio.crs import CRS
from scipy import ndimage

from firnline.classes import UNKNOWN, Classes, LabelScheme
from firnline.grid import Grid
from firnline.inventory.glaciers import Found, find_glaciers

VALUES = {".": 0, "c": 1, "d": 2, "?": UNKNOWN}


def found_in(*rows: str, minimum: float = 0) -> Found:
    classes: Classes = np.array([[VALUES[letter] for letter in row] for row in rows], np.uint8)
    grid = Grid(CRS.from_epsg(32645), Affine(30, 0, 478005, 0, -30, 3108145), classes.shape)
    return find_glaciers(classes, grid, LabelScheme.CLASS, minimum_area_km2=minimum * 0.0009)


def pixels(found: Found) -> list[tuple[str, int]]:
    areas = found.holes.geometry.area / 900
    return sorted((kind, round(area)) for kind, area in zip(found.holes["kind"], areas, strict=True))


def test_rock_and_unknown_are_apart() -> None:
    found = found_in("ccccccc", "c.ccc?c", "c.ccccc", "ccccccc")
    assert pixels(found) == [("rock", 2), ("unknown", 1)]
    glacier = found.glaciers.iloc[0]
    assert glacier["unknown_frac"] == pytest.approx(1 / 26, rel=1e-3)
    assert found.holes["glacier_id"].tolist() == [glacier["glacier_id"]] * 2


def test_one_hole_of_both_is_split() -> None:
    found = found_in("cccccc", "c.?..c", "cccccc")
    assert pixels(found) == [("rock", 1), ("rock", 2), ("unknown", 1)]
    assert found.glaciers["is_lower_bound"].tolist() == [True]


def test_unknown_within_rock_within_ice_counts_too() -> None:
    found = found_in("ccccc", "c...c", "c.?.c", "c...c", "ccccc")
    glacier = found.glaciers.iloc[0]
    assert pixels(found) == [("rock", 8), ("unknown", 1)]
    assert not glacier["touches_unknown"]
    assert glacier["unknown_frac"] > 0
    assert glacier["is_lower_bound"]


def test_all_holes_of_an_outline_are_filled_by_pieces() -> None:
    random = np.random.default_rng(9)
    for _ in range(25):
        shape = tuple(random.integers(3, 40, 2))
        classes = random.choice(["c", "d", ".", "?"], size=shape, p=[0.5, 0.2, 0.2, 0.1])
        found = found_in(*("".join(row) for row in classes))
        grid = Grid(CRS.from_epsg(32645), Affine(30, 0, 478005, 0, -30, 3108145), shape)
        rings = [shapely.Polygon(ring) for each in found.glaciers.geometry for ring in each.interiors]
        inside = rasterio.features.rasterize(rings, shape, transform=grid.transform) if rings else np.zeros(shape)
        bare, _ = ndimage.label(found.labels == 0, np.ones((3, 3)))
        rim = np.concatenate([bare[0], bare[-1], bare[:, 0], bare[:, -1]])
        expected = (inside > 0) & (bare > 0) & ~np.isin(bare, rim)
        for kind, of_kind in (("unknown", classes == "?"), ("rock", classes == ".")):
            own = found.holes.geometry[found.holes["kind"] == kind]
            drawn = rasterio.features.rasterize(own, shape, transform=grid.transform) if len(own) else np.zeros(shape)
            np.testing.assert_array_equal(drawn > 0, expected & of_kind)
        for each, name in zip(found.holes.geometry, found.holes["glacier_id"], strict=True):
            outline = found.glaciers.geometry[found.glaciers["glacier_id"] == name].iloc[0]
            assert shapely.Polygon(outline.exterior).contains(each)
            assert not outline.intersects(each.representative_point())


def test_a_gap_over_a_corner_opens_a_hole() -> None:
    """Ice joins over edges only, so what is no ice joins over corners: the hole is none, whatever it is of."""
    found = found_in(".......", "..ccc..", "..c?c..", "..cc...", ".......")
    assert pixels(found) == []
    assert found.glaciers["unknown_frac"].tolist() == [0]
    assert found.glaciers["touches_unknown"].tolist() == [True]


def test_what_reaches_the_edge_is_no_hole() -> None:
    assert pixels(found_in("cc?cc", "c..cc", "ccccc")) == []


def test_ice_too_small_for_a_glacier_is_rock_in_a_hole() -> None:
    found = found_in("ccccc", "c...c", "c.c.c", "c...c", "ccccc", minimum=2)
    assert pixels(found) == [("rock", 9)]


def test_a_glacier_in_a_hole_of_another_keeps_its_own_holes() -> None:
    found = found_in(
        "ccccccc", "c.....c", "c.ccc.c", "c.c?c.c", "c.ccc.c", "c.....c", "ccccccc",
    )  # fmt: skip
    large, small = found.glaciers["glacier_id"]
    owners = dict(zip(found.holes["kind"], found.holes["glacier_id"], strict=True))
    assert owners == {"rock": large, "unknown": small}
