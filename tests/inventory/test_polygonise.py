"""Outlines are valid, keep holes, never overlap, and hold exactly the pixels they come from."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import rasterio
import rasterio.features
import shapely
from affine import Affine
from rasterio.crs import CRS

from firnline.classes import UNKNOWN, Classes, LabelScheme
from firnline.errors import ConfigError, GridError, LabelError
from firnline.grid import Grid
from firnline.inventory.polygonise import COLUMNS, geodesic_areas_km2, polygonise

PIXEL_KM2 = 0.0009


def grid_of(classes: Classes, size: float = 30.0) -> Grid:
    return Grid(CRS.from_epsg(32645), Affine(size, 0, 478005, 0, -size, 3108145), classes.shape)


def drawn(*rows: str) -> Classes:
    """A class raster from a drawing: ``.`` background, ``c`` clean, ``d`` debris, ``?`` unknown."""
    values = {".": 0, "c": 1, "d": 2, "?": UNKNOWN}
    return np.array([[values[letter] for letter in row] for row in rows], np.uint8)


def rasters() -> dict[str, Classes]:
    """Random rasters of all roughnesses, and the patterns by which polygonisers are known to fail."""
    random = np.random.default_rng(20)
    made = {}
    for number in range(40):
        shape = tuple(random.integers(1, 40, 2))
        shares = random.dirichlet((1.0, 1.0, 1.0, 0.4))
        made[f"noise {number}"] = random.choice([0, 1, 2, UNKNOWN], size=shape, p=shares).astype(np.uint8)
    parity = np.indices((12, 13)).sum(axis=0) % 2
    made["checkerboard"] = parity.astype(np.uint8)
    made["checkerboard of two classes"] = (1 + parity).astype(np.uint8)
    made["checkerboard with unknown"] = np.where(parity, 1, UNKNOWN).astype(np.uint8)
    made["ring that meets itself across a corner"] = drawn(".cc", "c.c", "ccc")
    made["hole that touches the outside across a corner"] = drawn("cccc", "c.cc", "cc.c", "ccc.")
    made["whole scene"] = np.ones((5, 7), np.uint8)
    made["one row"] = drawn("cd.cd?c")
    made["stripes"] = np.repeat(np.arange(12, dtype=np.uint8) % 3, 5).reshape(12, 5)
    return made


@pytest.mark.parametrize(("name", "classes"), rasters().items(), ids=rasters().keys())
def test_any_raster_gives_a_valid_coverage_of_its_pixels(name: str, classes: Classes) -> None:
    grid = grid_of(classes)
    outlines = polygonise(classes, grid, LabelScheme.CLASS, minimum_area_km2=0)
    assert outlines.geometry.is_valid.all()
    assert (outlines.geometry.geom_type == "Polygon").all()
    assert shapely.coverage_is_valid(outlines.geometry.to_numpy())
    for value in (1, 2):
        area = outlines.geometry[outlines["class_value"] == value].area.sum()
        assert area == pytest.approx(np.count_nonzero(classes == value) * 900.0)
    if len(outlines):
        shapes = zip(outlines.geometry, outlines["class_value"], strict=True)
        back = rasterio.features.rasterize(shapes, out_shape=grid.shape, transform=grid.transform)
        np.testing.assert_array_equal(back, np.where(classes == UNKNOWN, 0, classes))


def test_it_stays_a_valid_coverage_when_reprojected() -> None:
    """Without a vertex where a third outline begins, a long straight edge and its neighbour drift apart."""
    classes = drawn("cccccccccccc", "dddddd......", "ddd...cccccc", "cccccccccccc")
    outlines = polygonise(classes, grid_of(classes, 3000.0), LabelScheme.CLASS, minimum_area_km2=0)
    assert shapely.coverage_is_valid(outlines.to_crs(4326).geometry.to_numpy())


def test_collinear_points_are_left_out() -> None:
    outline = polygonise(np.ones((40, 50), np.uint8), grid_of(np.ones((40, 50))), LabelScheme.GLACIER).geometry[0]
    assert shapely.get_num_coordinates(outline) == 5


def test_nunataks_are_holes_and_unknown_holes_are_not_merged() -> None:
    classes = drawn("ccccccc", "c.ccc?c", "ccccccc")
    outlines = polygonise(classes, grid_of(classes), LabelScheme.CLASS, minimum_area_km2=0)
    assert len(outlines) == 1
    assert len(outlines.geometry[0].interiors) == 2
    assert outlines.geometry[0].area == pytest.approx(19 * 900.0)
    assert outlines["touches_unknown"].tolist() == [True]


def test_pixels_across_a_corner_are_two_outlines() -> None:
    classes = drawn("c.", ".c")
    outlines = polygonise(classes, grid_of(classes), LabelScheme.CLASS, minimum_area_km2=0)
    assert len(outlines) == 2
    assert sorted(outlines["part_of"]) == [1, 2]


def test_minimum_area_is_asked_of_the_glacier_not_of_its_parts() -> None:
    classes = drawn(
        "cccc....d",
        "cccc...dd",
        "cccc.....",
        "...dd..c.",
    )
    outlines = polygonise(classes, grid_of(classes), LabelScheme.CLASS, minimum_area_km2=12.5 * PIXEL_KM2)
    assert outlines["class"].tolist() == ["clean ice", "debris-covered ice"]
    assert outlines["part_of"].tolist() == [1, 1]
    assert outlines["area_km2"].tolist() == pytest.approx([12 * PIXEL_KM2, 2 * PIXEL_KM2], rel=2e-3)


def test_a_glacier_of_exactly_the_minimum_stays() -> None:
    classes = np.pad(np.ones((10, 10), np.uint8), 2)
    assert len(polygonise(classes, grid_of(classes, 10.0), LabelScheme.CLASS, minimum_area_km2=0.01)) == 1


def test_leaving_out_a_small_glacier_leaves_no_vertex_behind() -> None:
    classes = drawn(".c.....", "ddddddd", "ddddddd")
    classes[0, 1] = 0
    alone = polygonise(classes, grid_of(classes), LabelScheme.CLASS)
    assert shapely.get_num_coordinates(alone.geometry[0]) == 5


def test_touching_unknown_and_the_edge_is_by_shared_pixel_edge() -> None:
    classes = drawn("........", ".cc.dd..", ".cc?dd..", "....?...", ".cc.....", ".cc....c")
    outlines = polygonise(classes, grid_of(classes), LabelScheme.CLASS, minimum_area_km2=0)
    found = {
        (row.class_value, round(row.geometry.area / 900)): (row.touches_unknown, row.touches_edge)
        for row in outlines.itertuples()
        if not row.touches_edge
    }
    assert found == {(1, 4): (True, False), (2, 4): (True, False)}
    assert outlines["touches_edge"].tolist().count(True) == 2
    corner_only = drawn("....", ".c..", "..?.", "....")
    assert polygonise(corner_only, grid_of(corner_only), LabelScheme.CLASS, minimum_area_km2=0)[
        "touches_unknown"
    ].tolist() == [False]


def test_nothing_found_is_a_table_with_the_same_columns() -> None:
    classes = drawn("..", "?.")
    empty = polygonise(classes, grid_of(classes), LabelScheme.CLASS)
    full = polygonise(np.ones((9, 9), np.uint8), grid_of(np.ones((9, 9))), LabelScheme.CLASS)
    assert len(empty) == 0
    assert list(empty.columns) == list(full.columns) == [*COLUMNS, "geometry"]
    assert empty.dtypes.equals(full.dtypes)
    assert empty.crs == full.crs


@pytest.mark.parametrize("scheme", [LabelScheme.GLACIER, LabelScheme.DEBRIS])
def test_other_schemes_name_their_class(scheme: LabelScheme) -> None:
    outlines = polygonise(np.ones((9, 9), np.uint8), grid_of(np.ones((9, 9))), scheme)
    assert outlines["class"].tolist() == [scheme.class_names[1]]


def test_area_is_true_area() -> None:
    """Against Lambert's equal-area projection of the same square, cut finely."""
    classes = np.ones((200, 200), np.uint8)
    outlines = polygonise(classes, grid_of(classes, 100.0), LabelScheme.GLACIER)
    fine = outlines.geometry.segmentize(100.0)
    equal_area = fine.to_crs("+proj=laea +lat_0=28 +lon_0=87 +datum=WGS84").area[0] / 1e6
    assert outlines["area_km2"][0] == pytest.approx(equal_area, rel=1e-6)
    assert geodesic_areas_km2(outlines.geometry)[0] > outlines.geometry.area[0] / 1e6


def test_holes_are_taken_from_the_area() -> None:
    classes = drawn("ccc", "c.c", "ccc")
    outlines = polygonise(classes, grid_of(classes), LabelScheme.CLASS, minimum_area_km2=0)
    assert outlines["area_km2"][0] == pytest.approx(8 * PIXEL_KM2, rel=2e-3)


def test_mistakes_are_told() -> None:
    classes = drawn("c")
    with pytest.raises(LabelError, match=r"values \[2\]"):
        polygonise(drawn("d"), grid_of(classes), LabelScheme.GLACIER)
    with pytest.raises(GridError, match="shape"):
        polygonise(drawn("cc"), grid_of(classes), LabelScheme.CLASS)
    with pytest.raises(ConfigError, match="makes no sense"):
        polygonise(classes, grid_of(classes), LabelScheme.CLASS, minimum_area_km2=-1)
    degrees = Grid(CRS.from_epsg(4326), Affine(0.01, 0, 87, 0, -0.01, 28), (1, 1))
    with pytest.raises(GridError, match="not projected"):
        polygonise(classes, degrees, LabelScheme.CLASS)


@pytest.mark.real
def test_real_glaciers_are_a_valid_coverage(shared_data: Path) -> None:
    with rasterio.open(shared_data / "landsat8-zanskar" / "08_13_class.tif") as file:
        classes, grid = file.read(1), Grid.of(file)
    outlines = polygonise(classes, grid, LabelScheme.CLASS)
    assert outlines.geometry.is_valid.all()
    assert shapely.coverage_is_valid(outlines.geometry.to_numpy())
    assert set(outlines["class"]) == {"clean ice", "debris-covered ice"}
    by_complex = outlines.groupby("part_of")["area_km2"].sum()
    assert by_complex.min() >= 0.01
