"""Complexes are divided along the divides of a reference inventory, and every pixel of ice goes to some glacier."""

from __future__ import annotations

from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
import rasterio
import shapely
from affine import Affine
from rasterio.crs import CRS

from firnline.classes import Classes, LabelScheme
from firnline.errors import LabelError
from firnline.grid import Grid
from firnline.inventory.glaciers import Found, find_glaciers
from firnline.inventory.reference import Reference, burnt, read_reference, reference_of

SIZE = 100.0
GRID = Grid(CRS.from_epsg(32645), Affine(SIZE, 0, 500000, 0, -SIZE, 3100000), (6, 12))


def cells(top: int, left: int, bottom: int, right: int) -> shapely.Polygon:
    """The square round rows `top` to `bottom` and columns `left` to `right`."""
    (x0, y0), (x1, y1) = GRID.corner(top, left), GRID.corner(bottom, right)
    return shapely.box(x0, y1, x1, y0)


def reference(**glaciers: shapely.Geometry) -> Reference:
    frame = gpd.GeoDataFrame({"rgi_id": list(glaciers)}, geometry=list(glaciers.values()), crs=32645)
    return reference_of(frame)


def ice(*boxes: tuple[int, int, int, int]) -> Classes:
    classes = np.zeros(GRID.shape, np.uint8)
    for top, left, bottom, right in boxes:
        classes[top:bottom, left:right] = 1
    return classes


def divided(classes: Classes, known: Reference, minimum_pixels: float = 0) -> Found:
    return find_glaciers(classes, GRID, LabelScheme.GLACIER, reference=known, minimum_area_km2=minimum_pixels * 0.01)


def by_id(found: Found) -> dict[str, list[int]]:
    """Pixels of the glaciers of each reference id."""
    pixels = np.bincount(found.labels.ravel())[1:]
    table: dict[str, list[int]] = {}
    for name, count in zip(found.glaciers["reference_id"], pixels, strict=True):
        table.setdefault(str(name), []).append(int(count))
    return table


def test_the_divide_is_that_of_the_reference() -> None:
    found = divided(ice((1, 1, 5, 11)), reference(a=cells(0, 0, 6, 4), b=cells(0, 4, 6, 12)))
    assert by_id(found) == {"a": [12], "b": [28]}
    assert found.glaciers["divided_by"].tolist() == ["reference", "reference"]
    assert not found.glaciers["beyond_reference"].any()
    assert shapely.coverage_is_valid(found.glaciers.geometry.to_numpy())


def test_ice_beyond_goes_to_the_nearest_within_the_ice_and_is_flagged() -> None:
    """Row 5 lies two pixels below glacier b, but the way to it leads through a alone."""
    classes = ice((0, 0, 6, 2), (5, 0, 6, 10), (0, 6, 3, 10))
    found = divided(classes, reference(a=cells(0, 0, 4, 2), b=cells(0, 6, 3, 10)))
    assert by_id(found) == {"a": [12 + 8], "b": [12]}
    flagged = dict(zip(found.glaciers["reference_id"], found.glaciers["beyond_reference"], strict=True))
    assert flagged == {"a": True, "b": False}


def test_a_complex_without_reference_stays_whole() -> None:
    found = divided(ice((0, 0, 2, 4), (4, 6, 6, 12)), reference(a=cells(0, 0, 2, 2)))
    whole = found.glaciers.set_index("divided_by")
    assert whole["reference_id"].isna().to_dict() == {"none": True, "reference": False}
    assert whole["beyond_reference"].to_dict() == {"none": False, "reference": True}


def test_splinters_go_to_the_neighbour_with_the_longest_common_edge() -> None:
    """Two pixels of a lie across b, touching b with five edges."""
    odd = shapely.union_all([cells(0, 0, 6, 3), cells(2, 7, 3, 9)])
    known = reference(a=odd, b=shapely.difference(cells(0, 3, 6, 12), cells(2, 7, 3, 9)))
    classes = ice((0, 0, 6, 12))
    assert by_id(divided(classes, known, minimum_pixels=3)) == {"b": [54], "a": [18]}
    assert by_id(divided(classes, known, minimum_pixels=2)) == {"b": [52], "a": [18, 2]}


def test_a_large_piece_becomes_a_glacier_of_its_own_with_the_same_id() -> None:
    found = divided(ice((0, 0, 2, 4), (4, 0, 6, 3)), reference(a=cells(0, 0, 6, 6)), minimum_pixels=5)
    assert by_id(found) == {"a": [8, 6]}
    assert found.glaciers["glacier_id"].is_unique


def test_small_loose_pieces_are_left_out() -> None:
    assert by_id(divided(ice((0, 0, 2, 4), (4, 0, 6, 1)), reference(a=cells(0, 0, 6, 6)), 5)) == {"a": [8]}


def test_overlapping_outlines_the_smaller_has_the_pixel() -> None:
    found = divided(ice((0, 0, 6, 12)), reference(small=cells(0, 0, 6, 4), large=cells(0, 0, 6, 12)))
    assert by_id(found) == {"large": [48], "small": [24]}


def test_no_pixel_is_lost_whatever_the_reference() -> None:
    random = np.random.default_rng(2)
    for _ in range(20):
        classes = (random.random(GRID.shape) < 0.7).astype(np.uint8)
        boxes = {}
        for name in "abcd":
            top, left = random.integers(0, 5), random.integers(0, 10)
            boxes[name] = cells(top, left, top + random.integers(1, 5), left + random.integers(1, 6))
        known = reference(**boxes)
        found = divided(classes, known)
        np.testing.assert_array_equal(found.labels > 0, classes == 1)
        drawn, ids = burnt(known, GRID)
        for row in np.unique(found.labels[(drawn > 0) & (classes == 1)]):
            assert found.glaciers["reference_id"][row - 1] in ids


def test_invalid_geometry_is_mended_and_told() -> None:
    x, y = GRID.corner(0, 0)
    bow = shapely.Polygon([(x, y), (x + 400, y - 600), (x + 400, y), (x, y - 600)])
    known = reference(bow=bow, b=cells(0, 4, 6, 12))
    assert known.repaired == ("bow",)
    found = divided(ice((0, 0, 6, 12)), known)
    assert sum(map(sum, by_id(found).values())) == 72
    assert set(by_id(found)) == {"bow", "b"}
    assert "1 invalid outlines were mended (bow)" in found.findings[0]


@pytest.mark.parametrize("column", ["RGIId", "rgi_id", "glac_id", "glacier_id", "RGIID"])
def test_ids_of_known_inventories_are_found_in_any_crs(tmp_path: Path, column: str) -> None:
    frame = gpd.GeoDataFrame({column: ["x", "x", "y"]}, geometry=[cells(0, 0, 6, 2), cells(0, 2, 6, 4),
                             cells(0, 4, 6, 12)], crs=32645)  # fmt: skip
    frame.to_crs(4326).to_file(tmp_path / "r.gpkg")
    known = read_reference(tmp_path / "r.gpkg")
    assert known.frame["reference_id"].tolist() == ["x", "y"]
    assert by_id(divided(ice((1, 1, 5, 11)), known)) == {"x": [12], "y": [28]}


def test_what_is_no_reference_is_told(tmp_path: Path) -> None:
    square = cells(0, 0, 2, 2)
    frame = gpd.GeoDataFrame({"name": ["x"]}, geometry=[square], crs=32645)
    with pytest.raises(LabelError, match="no column of glacier ids"):
        reference_of(frame)
    assert reference_of(frame, "name").frame["reference_id"].tolist() == ["x"]
    with pytest.raises(LabelError, match="no column 'id'"):
        reference_of(frame, "id")
    with pytest.raises(LabelError, match="no CRS"):
        reference_of(gpd.GeoDataFrame({"rgi_id": ["x"]}, geometry=[square]))
    with pytest.raises(LabelError, match="no polygon"):
        reference_of(gpd.GeoDataFrame({"rgi_id": ["x"]}, geometry=[square.centroid], crs=32645))
    with pytest.raises(LabelError, match="without an id"):
        reference_of(gpd.GeoDataFrame({"rgi_id": [""]}, geometry=[square], crs=32645))
    with pytest.raises(LabelError, match="does not exist"):
        read_reference(tmp_path / "none.gpkg")


@pytest.mark.real
def test_rgi_glaciers_come_back(shared_data: Path) -> None:
    """The RGI's outlines burnt to a map, divided by the RGI: its glaciers again."""
    folder = shared_data / "landsat7-everest"
    with rasterio.open(folder / "LE07_140041_20001030_image.tif") as file:
        grid = Grid.of(file)
    known = read_reference(folder / "rgi60_outlines.gpkg")
    drawn, ids = burnt(known, grid)
    found = find_glaciers((drawn > 0).astype(np.uint8), grid, LabelScheme.GLACIER, reference=known)
    kept = [number for number in range(1, len(ids) + 1) if (drawn == number).sum() * grid.pixel_area_km2 >= 0.01]
    again = 0
    for number in kept:
        own = drawn == number
        labels = np.bincount(found.labels[own])
        best = labels.argmax()
        iou = labels[best] / (own | (found.labels == best)).sum()
        again += iou > 0.9 and found.glaciers["reference_id"][best - 1] == ids[number - 1]
    assert again >= 0.95 * len(kept) > 70
