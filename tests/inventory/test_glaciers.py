"""Glaciers, parts and holes of a map are one valid coverage, and no pixel is lost but those of small glaciers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import rasterio
import rasterio.features
import shapely
from affine import Affine
from rasterio.crs import CRS
from scipy import ndimage

from firnline.classes import UNKNOWN, Classes, LabelScheme
from firnline.errors import ConfigError, GridError, LabelError
from firnline.grid import Grid
from firnline.inventory.columns import HOLES, OWN, PARTS
from firnline.inventory.coverage import regions
from firnline.inventory.glaciers import GLACIERS, find_glaciers
from firnline.inventory.polygonise import polygonise

VALUES = {".": 0, "c": 1, "d": 2, "?": UNKNOWN}


def grid_of(classes: Classes, size: float = 30.0) -> Grid:
    return Grid(CRS.from_epsg(32645), Affine(size, 0, 478005, 0, -size, 3108145), classes.shape)


def drawn(*rows: str) -> Classes:
    """``.`` background, ``c`` clean, ``d`` debris, ``?`` unknown."""
    return np.array([[VALUES[letter] for letter in row] for row in rows], np.uint8)


def random_maps() -> list[Classes]:
    random = np.random.default_rng(5)
    maps = []
    for number in range(24):
        shape = tuple(random.integers(1, 45, 2))
        noise = ndimage.gaussian_filter(random.normal(size=(4, *shape)), (0, 0.8, 0.8)) if number % 2 else None
        values = np.array([0, 1, 2, UNKNOWN], np.uint8)
        if noise is None:
            maps.append(random.choice(values, size=shape, p=random.dirichlet((1, 1, 1, 0.3))))
        else:
            maps.append(values[noise.argmax(axis=0)])
    return maps


@pytest.mark.parametrize("classes", random_maps(), ids=range(24))
@pytest.mark.parametrize("minimum", [0, 5])
def test_any_map_gives_valid_coverages_that_hold_its_pixels(classes: Classes, minimum: int) -> None:
    grid = grid_of(classes)
    found = find_glaciers(classes, grid, LabelScheme.CLASS, minimum_area_km2=minimum * 0.0009)
    ice = (classes == 1) | (classes == 2)
    complexes, count = ndimage.label(ice)
    size = np.bincount(complexes.ravel(), minlength=count + 1)
    kept = ice & (size[complexes] >= minimum)
    np.testing.assert_array_equal(found.labels > 0, kept)
    assert len(found.glaciers) == (size[1:] >= minimum).sum()
    for layer in (found.glaciers, found.parts, found.holes):
        assert layer.geometry.is_valid.all()
        assert (layer.geom_type == "Polygon").all()
        assert shapely.coverage_is_valid(layer.geometry.to_numpy())
    pieces = [*found.parts.geometry, *found.holes.geometry]
    assert shapely.coverage_is_valid(np.array(pieces, object))
    shapes = [(each, number) for number, each in enumerate(found.glaciers.geometry, 1)]
    if shapes:
        burnt = rasterio.features.rasterize(shapes, out_shape=grid.shape, transform=grid.transform)
        np.testing.assert_array_equal(burnt, found.labels)
        shapes = zip(found.parts.geometry, found.parts["class_value"], strict=True)
        burnt = rasterio.features.rasterize(shapes, out_shape=grid.shape, transform=grid.transform)
        np.testing.assert_array_equal(burnt, np.where(kept, classes, 0))
    assert found.parts.groupby("glacier_id")["area_km2"].sum().sum() == pytest.approx(
        found.glaciers["area_km2"].sum()
    )
    own = found.parts.geometry.groupby(found.parts["glacier_id"]).apply(lambda each: each.union_all())
    for row in found.glaciers.itertuples():
        assert own[row.glacier_id].equals(row.geometry)


def test_regions_are_those_of_scipy_value_by_value() -> None:
    random = np.random.default_rng(3)
    for _ in range(30):
        values = random.integers(0, 4, tuple(random.integers(1, 30, 2)))
        labels, of = regions(values)
        assert np.array_equal(np.where(labels > 0, np.concatenate([[0], of])[labels], 0), values)
        for value in (1, 2, 3):
            expected, count = ndimage.label(values == value)
            pairs = np.unique(np.column_stack([expected[expected > 0], labels[expected > 0]]), axis=0)
            assert len(pairs) == count == (of == value).sum()


def test_known_attributes() -> None:
    classes = drawn(
        "..........",
        ".cccdd....",
        ".c?cdd....",
        ".cccdd..cc",
        "........cc",
    )
    found = find_glaciers(classes, grid_of(classes), LabelScheme.CLASS, minimum_area_km2=0)
    large, small = found.glaciers.itertuples()
    assert large.clean_km2 == pytest.approx(8 * 0.0009, rel=2e-3)
    assert large.debris_km2 == pytest.approx(6 * 0.0009, rel=2e-3)
    assert large.debris_frac == pytest.approx(6 / 14)
    assert large.unknown_frac == pytest.approx(1 / 15)
    assert (large.touches_unknown, large.touches_edge, large.is_lower_bound) == (True, False, True)
    assert (small.touches_unknown, small.touches_edge, small.is_lower_bound) == (False, True, True)
    assert small.unknown_frac == 0
    assert found.glaciers["divided_by"].tolist() == ["none", "none"]
    assert found.glaciers["reference_id"].isna().all()
    assert not found.glaciers["beyond_reference"].any()


def test_minimum_area_is_asked_of_the_glacier() -> None:
    classes = drawn("cccc....d", "cccc...dd", "cccc.....", "...dd..c.")
    found = find_glaciers(classes, grid_of(classes), LabelScheme.CLASS, minimum_area_km2=12.5 * 0.0009)
    assert len(found.glaciers) == 1
    assert found.parts["class"].tolist() == ["clean ice", "debris-covered ice"]


@pytest.mark.parametrize(
    ("scheme", "knows"),
    [(LabelScheme.GLACIER, set()), (LabelScheme.CLEAN, {"clean_km2"}), (LabelScheme.DEBRIS, {"debris_km2"})],
)
def test_what_a_scheme_does_not_tell_is_null(scheme: LabelScheme, knows: set[str]) -> None:
    classes = np.ones((9, 9), np.uint8)
    found = find_glaciers(classes, grid_of(classes), scheme)
    for name in ("clean_km2", "debris_km2", "debris_frac"):
        value = found.glaciers[name][0]
        assert value == found.glaciers["area_km2"][0] if name in knows else np.isnan(value)
    assert found.parts["class"].tolist() == [scheme.class_names[1]]


def test_the_outlines_move_with_the_grid_and_with_what_is_round_them() -> None:
    """A pixel gives the same edge wherever it lies in a raster: no cutting or padding can change an outline."""
    random = np.random.default_rng(8)
    values = np.array([0, 1, 2, UNKNOWN], np.uint8)
    inner = values[ndimage.gaussian_filter(random.normal(size=(4, 30, 25)), (0, 1, 1)).argmax(axis=0)]
    inner = np.pad(inner, 1)
    outer = np.pad(inner, ((7, 3), (2, 11)))
    shifted = Grid(CRS.from_epsg(32645), Affine(30, 0, 478005 - 60, 0, -30, 3108145 + 210), outer.shape)
    one = find_glaciers(inner, grid_of(inner), LabelScheme.CLASS)
    other = find_glaciers(outer, shifted, LabelScheme.CLASS)
    for layer in ("glaciers", "parts", "holes"):
        a, b = getattr(one, layer), getattr(other, layer)
        assert a["glacier_id"].tolist() == b["glacier_id"].tolist()
        assert shapely.equals(a.geometry.to_numpy(), b.geometry.to_numpy()).all()


def test_parts_are_those_of_the_polygoniser() -> None:
    classes = random_maps()[3]
    found = find_glaciers(classes, grid_of(classes), LabelScheme.CLASS)
    outlines = polygonise(classes, grid_of(classes), LabelScheme.CLASS)
    assert sorted(found.parts["area_km2"]) == pytest.approx(sorted(outlines["area_km2"]))
    assert len(found.glaciers) == outlines["part_of"].nunique()


def test_ids_tell_the_place_and_are_unique() -> None:
    classes = drawn("c.c.c.c")
    for epsg, x, y, start in ((32645, 478005, 3108145, "FL086"), (32718, 300000, 8500000, "FL076")):
        grid = Grid(CRS.from_epsg(epsg), Affine(10, 0, x, 0, -10, y), classes.shape)
        ids = find_glaciers(classes, grid, LabelScheme.CLASS, minimum_area_km2=0).glaciers["glacier_id"]
        assert ids.is_unique
        assert ids.str.startswith(start).all()
    assert ids[0][8] == "W"
    assert ids[0][14] == "S"
    assert ids[1] == f"{ids[0]}B2"


def test_nothing_found_has_the_same_columns() -> None:
    classes = drawn("..", "?.")
    none = find_glaciers(classes, grid_of(classes), LabelScheme.CLASS)
    one = find_glaciers(np.ones((9, 9), np.uint8), grid_of(np.ones((9, 9))), LabelScheme.CLASS)
    for layer, columns in (("glaciers", GLACIERS), ("parts", PARTS), ("holes", HOLES)):
        empty, full = getattr(none, layer), getattr(one, layer)
        assert len(empty) == 0
        assert set(empty.columns) == set(full.columns) == {*columns, "geometry"}
        assert empty.dtypes.equals(full.dtypes)
    assert all(str(one.glaciers[name].dtype) == OWN[name] for name in GLACIERS if name in OWN)


def test_probability_of_a_glacier_is_that_of_its_pixels(tmp_path: Path) -> None:
    classes = drawn("ccd", "cdd", "...")
    grid = grid_of(classes)
    stored = np.zeros((3, 3, 3), np.uint8)
    stored[1], stored[2] = 200, 100
    path = tmp_path / "p.tif"
    profile = {"driver": "GTiff", "dtype": "uint8", "count": 3, "nodata": 255, "height": 3, "width": 3}
    with rasterio.open(path, "w", crs=grid.crs, transform=grid.transform, **profile) as file:
        file.write(stored)
        file.descriptions, file.scales = LabelScheme.CLASS.class_names, (1 / 250,) * 3
    found = find_glaciers(classes, grid, LabelScheme.CLASS, minimum_area_km2=0, probabilities=path)
    assert found.parts["mean_probability"].tolist() == pytest.approx([0.8, 0.4])
    assert found.glaciers["mean_probability"].tolist() == pytest.approx([0.6])


def test_mistakes_are_told() -> None:
    classes = drawn("c")
    with pytest.raises(LabelError, match=r"values \[2\]"):
        find_glaciers(drawn("d"), grid_of(classes), LabelScheme.GLACIER)
    with pytest.raises(GridError, match="shape"):
        find_glaciers(drawn("cc"), grid_of(classes), LabelScheme.CLASS)
    with pytest.raises(GridError, match="heights"):
        find_glaciers(classes, grid_of(classes), LabelScheme.CLASS, heights=np.zeros((2, 2), np.float32))
    with pytest.raises(ConfigError, match="makes no sense"):
        find_glaciers(classes, grid_of(classes), LabelScheme.CLASS, minimum_area_km2=-1)
