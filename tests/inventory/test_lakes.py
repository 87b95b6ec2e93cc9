"""Lakes at glaciers: hand-drawn rasters, and a lake on real heights."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import rasterio
import rasterio.features
from affine import Affine
from rasterio.crs import CRS
from shapely.geometry import box

from firnline.classraster import read_classes
from firnline.errors import ConfigError, GridError
from firnline.features import FeatureSource
from firnline.grid import Grid
from firnline.inventory.columns import LAKES
from firnline.inventory.coverage import regions, sizes, touching
from firnline.inventory.glaciers import find_glaciers
from firnline.inventory.lakes import LakeSettings, find_lakes, lakes_of_scene
from firnline.scene import open_scene
from firnline.synthetic import make_range
from firnline.synthetic.surface import Surface

IDS = ["FL1", "FL2"]
SIZE = 30.0
SMALL = LakeSettings(minimum_area_km2=0.0)


def drawn(*rows: str) -> tuple[np.ndarray, np.ndarray, Grid]:
    """Water and glaciers of a drawing: 1 and 2 glaciers, w water, W water that glacier 1 has, ? unknown, . ground."""
    letters = np.array([list(row) for row in rows])
    water = np.isin(letters, ["w", "W"]).astype(np.uint8)
    water[letters == "?"] = 255
    labels = np.select([letters == "1", letters == "W", letters == "2"], [1, 1, 2]).astype(np.int32)
    grid = Grid(CRS.from_epsg(32645), Affine(SIZE, 0, 500000, 0, -SIZE, 3100000), letters.shape)
    return water, labels, grid


def contacts(*rows: str, settings: LakeSettings = SMALL) -> list[tuple[str, str, int]]:
    water, labels, grid = drawn(*rows)
    lakes = find_lakes(water, labels, IDS, grid, settings=settings).lakes
    pixels = (lakes.geometry.area / SIZE**2).round().astype(int)
    return list(zip(lakes["glacier_id"], lakes["contact"], pixels, strict=True))


def test_a_lake_in_a_hole_is_on_the_ice_and_one_at_its_side_touches_it() -> None:
    assert contacts("11111..", "1ww11..", "11111ww", "11111w.") == [("FL1", "touching", 3), ("FL1", "on", 2)]


def test_a_lake_beside_a_nunatak_inside_the_ice_is_on_it() -> None:
    assert contacts("11111", "1ww.1", "1...1", "11111") == [("FL1", "on", 2)]


def test_a_lake_away_from_ice_or_across_a_corner_of_it_is_none() -> None:
    assert contacts("11...", "11...", "..w..", "....w") == []


def test_a_gap_that_opens_at_a_corner_is_no_enclosure() -> None:
    assert contacts("111..", "1w1..", "111..") == [("FL1", "on", 1)]
    assert contacts("111..", "1w1..", "11...") == [("FL1", "touching", 1)]


def test_between_two_glaciers_the_longer_contact_has_it_and_no_one_encloses_it() -> None:
    assert contacts("11122", "1ww22", "11122") == [("FL1", "touching", 2)]
    assert contacts("11222", "1www2", "12222") == [("FL2", "touching", 3)]
    assert contacts("1w2") == [("FL1", "touching", 1)], "of equal ones the first"


def test_what_the_map_calls_ice_is_no_lake() -> None:
    water, labels, grid = drawn("11111", "1WWW1", "11111")
    found = find_lakes(water, labels, IDS, grid, settings=SMALL)
    assert found.lakes.empty
    assert found.findings[0].startswith("1 areas of water (0.00 km2) lie in what the map calls glacier")
    assert find_lakes(water, labels, IDS, grid).findings == (), "smaller than a lake"


def test_unknown_water_is_no_lake() -> None:
    assert contacts("11111", "1?w?1", "11111") == [("FL1", "on", 1)]


def test_lakes_below_the_minimum_are_left_out() -> None:
    six, five = ("11111111", "1wwwwww1", "11111111"), ("11111111", "1wwwww11", "11111111")
    assert contacts(*six, settings=LakeSettings()) == [("FL1", "on", 6)]
    assert contacts(*five, settings=LakeSettings()) == []


def test_the_table_is_that_of_inventories() -> None:
    water, labels, grid = drawn("111", "1w1", "111")
    lakes = find_lakes(water, labels, IDS, grid, settings=SMALL).lakes
    assert list(lakes.columns) == [*LAKES, "geometry"]
    assert lakes.crs.to_epsg() == 32645
    assert lakes.geometry[0].equals(box(500030, 3100000 - 60, 500060, 3100000 - 30))
    assert lakes["area_km2"][0] == pytest.approx(0.0009 * 1.0008, rel=1e-4), "on the ellipsoid, not on the map plane"
    none = find_lakes(np.zeros_like(water), labels, IDS, grid).lakes
    assert list(none.columns) == [*LAKES, "geometry"]
    assert none.empty


def test_water_on_a_slope_or_in_shadow_is_shadow() -> None:
    water, labels, grid = drawn("1111111", "1ww1ww1", "1ww1ww1", "1111111")
    row, column = np.indices(grid.shape)
    heights = np.where(column > 3, 5000 + 30.0 * row, 5000).astype(
        np.float32
    )  # flat in the west, 45 degrees in the east
    found = find_lakes(water, labels, IDS, grid, heights=heights, settings=SMALL)
    assert found.lakes.geometry[0].centroid.x < 500000 + 3 * SIZE
    assert len(found.lakes) == 1
    assert "1 areas of water at glaciers are steeper than 10 degrees" in found.findings[0]
    shadow = (column > 3).astype(np.uint8)
    found = find_lakes(water, labels, IDS, grid, shadow=shadow, settings=SMALL)
    assert len(found.lakes) == 1
    assert "lie in shadow" in found.findings[0]


def test_a_lake_half_of_which_lies_in_shadow_stays_whole_and_unknown_shadow_does_not_count() -> None:
    water, labels, grid = drawn("111111", "1wwww1", "111111")
    shadow = np.zeros(grid.shape, np.uint8)
    shadow[1, 1:3] = 1
    assert (
        find_lakes(water, labels, IDS, grid, shadow=shadow, settings=SMALL).lakes.geometry.area.sum() == 4 * SIZE**2
    )
    shadow[1, 1:] = 255
    assert len(find_lakes(water, labels, IDS, grid, shadow=shadow, settings=SMALL).lakes) == 1


def test_without_heights_it_is_said_that_slope_was_not_asked() -> None:
    water, labels, grid = drawn("111", "1w1", "111")
    assert "no heights are known" in find_lakes(water, labels, IDS, grid, settings=SMALL).findings[0]


def test_shapes_and_settings_are_checked() -> None:
    water, labels, grid = drawn("111", "1w1", "111")
    with pytest.raises(GridError, match="glaciers has the shape"):
        find_lakes(water, labels[1:], IDS, grid)
    for wrong in ({"minimum_area_km2": -1.0}, {"steepest_degrees": 0.0}, {"most_shadow": 2.0}):
        with pytest.raises(ConfigError):
            LakeSettings(**wrong)


@pytest.mark.parametrize("sensor", ["sentinel2", "landsat8"])
def test_lakes_of_a_synthetic_range_are_lakes(sensor: str, tmp_path: Path) -> None:
    """With the true map of ice: every lake found is one, and the largest true one at the ice is among them."""
    made = make_range(tmp_path, sensor=sensor, seed=0)
    classes, grid, scheme = read_classes(made.classes)
    source = FeatureSource(open_scene(made.scene))
    with source.reader() as reader:
        heights = reader.read(["elevation"])[0]
    glaciers = find_glaciers(classes, grid, scheme)
    found = lakes_of_scene(
        source, classes, glaciers.labels, glaciers.glaciers["glacier_id"].tolist(), heights=heights
    ).lakes
    with rasterio.open(made.surfaces) as file:
        is_lake = (file.read(1) & 63) == Surface.LAKE
    numbers = rasterio.features.rasterize(
        [(shape, number) for number, shape in enumerate(found.geometry, start=1)],
        out_shape=grid.shape, transform=grid.transform,
    )  # fmt: skip
    assert is_lake[numbers > 0].mean() > 0.98
    true, values = regions(is_lake.view(np.uint8))
    at_ice = touching(true, values.size, glaciers.labels > 0)
    largest = int(np.argmax(np.where(at_ice, sizes(true, values.size), 0))) + 1
    assert (numbers[true == largest] > 0).mean() > 0.7, "the rest is shore, whose pixels are mixed"
    assert set(found["glacier_id"]) <= set(glaciers.glaciers["glacier_id"])
