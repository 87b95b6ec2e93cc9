"""Complexes are divided along crests, tongues are not, and where heights are not known ice stays whole."""

from __future__ import annotations

from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
import rasterio
import shapely
from affine import Affine
from numpy.typing import NDArray
from rasterio.crs import CRS
from scipy import ndimage

from firnline.classes import Classes, LabelScheme
from firnline.grid import Grid, Window
from firnline.inventory.glaciers import Found, find_glaciers
from firnline.inventory.reference import burnt, read_reference, reference_of
from firnline.terrain import open_dem

SIZE = 30.0
SHAPE = (80, 120)
GRID = Grid(CRS.from_epsg(32645), Affine(SIZE, 0, 478005, 0, -SIZE, 3108145), SHAPE)
ROW, COLUMN = np.indices(SHAPE, np.float32)


def ice_in(top: int = 10, bottom: int = 70, left: int = 10, right: int = 110) -> Classes:
    classes = np.zeros(SHAPE, np.uint8)
    classes[top:bottom, left:right] = 1
    return classes


def divided(classes: Classes, heights: NDArray[np.floating], **options: object) -> Found:
    return find_glaciers(classes, GRID, LabelScheme.GLACIER, heights=heights.astype(np.float32), **options)


def roof(slope: float = 10) -> NDArray[np.floating]:
    """A crest from north to south in column 60, that falls to the south a little."""
    return 5000 - slope * np.abs(COLUMN - 60) - ROW


def test_the_divide_is_the_crest() -> None:
    found = divided(ice_in(), roof())
    assert len(found.glaciers) == 2
    assert found.glaciers["divided_by"].tolist() == ["flow", "flow"]
    west, east = found.labels[40, 20], found.labels[40, 100]
    assert west != east
    assert (found.labels[10:70, 10:59] == west).all()
    assert (found.labels[10:70, 62:110] == east).all()
    assert shapely.coverage_is_valid(found.glaciers.geometry.to_numpy())


def test_a_tongue_with_a_ridge_along_its_middle_is_one_glacier() -> None:
    """Debris-covered tongues are convex: water leaves to both sides, and a raw basin is cut along the middle."""
    tongue = ice_in(left=55, right=66)
    found = divided(tongue, 5000 - 4 * ROW - 1.0 * np.abs(COLUMN - 60))
    assert len(found.glaciers) == 1


def test_four_faces_of_a_dome() -> None:
    """Four crests along the diagonals: no more than a rim's width lies on the wrong side."""
    classes = np.zeros(SHAPE, np.uint8)
    classes[5:75, 25:95] = 1
    far, near = (each(np.abs(ROW - 39.5), np.abs(COLUMN - 59.5)) for each in (np.maximum, np.minimum))
    heights = 5600 - 15 * far + 5 * near  # highest on the diagonals
    found = divided(classes, heights)
    assert len(found.glaciers) == 4
    face = np.where(np.abs(ROW - 39.5) > np.abs(COLUMN - 59.5), np.where(ROW < 39.5, 0, 1),
                    np.where(COLUMN < 59.5, 2, 3))  # fmt: skip
    shares = [np.bincount(found.labels[(face == each) & (classes == 1)]).max() / 1225 for each in range(4)]
    assert min(shares) > 0.9


def test_a_nunatak_neither_divides_nor_drains() -> None:
    classes = ice_in()
    classes[35:45, 30:40] = 0
    assert len(divided(classes, roof()).glaciers) == 2


def test_sinks_are_filled() -> None:
    heights = roof()
    heights[38:43, 78:83] -= 60
    assert len(divided(ice_in(), heights).glaciers) == 2


def test_where_heights_are_not_known_a_complex_stays_whole() -> None:
    classes = ice_in(bottom=35)
    classes[45:70, 10:110] = 1
    heights = roof()
    heights[40:] = np.nan
    found = divided(classes, heights)
    assert sorted(found.glaciers["divided_by"]) == ["flow", "flow", "none"]
    assert len(np.unique(found.labels[45:70, 10:110])) == 1
    assert (np.count_nonzero(found.labels)) == np.count_nonzero(classes)


def test_one_unknown_pixel_of_ice_is_enough() -> None:
    heights = roof()
    heights[40, 40] = np.nan
    assert divided(ice_in(), heights).glaciers["divided_by"].tolist() == ["none"]


def test_unknown_terrain_round_the_ice_is_no_failure() -> None:
    classes = ice_in()
    found = divided(classes, np.where(classes == 1, roof(), np.nan))
    assert np.count_nonzero(found.labels) == np.count_nonzero(classes)


def test_ice_that_fills_the_scene_is_divided_too() -> None:
    found = divided(np.ones(SHAPE, np.uint8), roof())
    assert len(found.glaciers) == 2


def test_the_reference_comes_first() -> None:
    """The complex with a reference glacier is divided after it, the other by flow."""
    classes = ice_in(bottom=35)
    classes[45:70, 10:110] = 1
    (x0, y0), (x1, y1) = GRID.corner(45, 0), GRID.corner(80, 120)
    frame = gpd.GeoDataFrame({"rgi_id": ["a"]}, geometry=[shapely.box(x0, y1, x1, y0)], crs=32645)
    found = divided(classes, roof(), reference=reference_of(frame))
    assert sorted(found.glaciers["divided_by"]) == ["flow", "flow", "reference"]


@pytest.mark.parametrize("seed", range(6))
def test_no_pixel_is_lost_on_any_terrain(seed: int) -> None:
    random = np.random.default_rng(seed)
    heights = 4000 + 3000 * ndimage.gaussian_filter(random.normal(size=SHAPE), 4)
    classes = (ndimage.gaussian_filter(random.normal(size=SHAPE), 3) > -0.02).astype(np.uint8)
    if seed % 2:
        heights[random.random(SHAPE) < 0.001] = np.nan
    found = divided(classes, heights, minimum_area_km2=0)
    np.testing.assert_array_equal(found.labels > 0, classes == 1)
    assert shapely.coverage_is_valid(found.glaciers.geometry.to_numpy())
    assert (found.glaciers.geom_type == "Polygon").all()


@pytest.mark.real
def test_glaciers_of_everest_by_flow(shared_data: Path) -> None:
    """Against the divides of the RGI, where the DEM covers the scene: as many glaciers, and most of their area."""
    folder = shared_data / "landsat7-everest"
    with rasterio.open(folder / "LE07_140041_20001030_image.tif") as file:
        window = Window(0, 0, 460, 563)
        whole = Grid.of(file)
    grid = whole.of_window(window)
    with open_dem(folder / "aw3d_dem_50m.tif", whole) as dem:
        heights = dem.read(window)
    drawn, _ = burnt(read_reference(folder / "rgi60_outlines.gpkg"), grid)
    classes = (drawn > 0).astype(np.uint8)
    undivided = find_glaciers(classes, grid, LabelScheme.GLACIER)
    found = find_glaciers(classes, grid, LabelScheme.GLACIER, heights=heights)
    assert set(found.glaciers["divided_by"]) == {"flow"}
    assert len(undivided.glaciers) < 30
    assert 40 < len(found.glaciers) < 65  # 49 in the RGI
    assert _agreement(drawn, found.labels) > 0.8 > 0.6 > _agreement(drawn, undivided.labels)


def _agreement(drawn: NDArray[np.int32], labels: NDArray[np.int32]) -> float:
    """The IoU of each drawn glacier with the best found one, weighed by area."""
    both = np.zeros((drawn.max() + 1, labels.max() + 1))
    np.add.at(both, (drawn.ravel(), labels.ravel()), 1)
    union = both.sum(axis=1, keepdims=True) + both.sum(axis=0, keepdims=True) - both
    iou = (both / np.maximum(union, 1))[1:, 1:].max(axis=1)
    size = both[1:].sum(axis=1)
    return float((iou * size).sum() / size.sum())
