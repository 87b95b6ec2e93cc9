from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import rasterio
from affine import Affine
from rasterio.crs import CRS

from firnline.classes import SCHEME_TAG, LabelScheme
from firnline.classraster import read_classes, read_grid, write_classes
from firnline.errors import GridError, LabelError, SceneError
from firnline.grid import Grid

GRID = Grid(CRS.from_epsg(32645), Affine(30, 0, 478005, 0, -30, 3108145), (2, 3))
CLASSES = np.array([[0, 1, 2], [255, 0, 1]], np.uint8)


def _write(path: Path, values: np.ndarray, *, description: str = "", nodata: float | None = None) -> Path:
    profile = {"driver": "GTiff", "height": 2, "width": 3, "crs": GRID.crs, "transform": GRID.transform}
    values = np.atleast_3d(values.T).T
    with rasterio.open(path, "w", count=len(values), dtype=values.dtype, nodata=nodata, **profile) as file:
        file.write(values)
        if description:
            file.set_band_description(1, description)
    return path


def test_what_is_written_is_read_back_with_its_meaning(tmp_path: Path) -> None:
    path = write_classes(tmp_path / "new" / "classes.tif", CLASSES, GRID, LabelScheme.CLASS, {"SOURCE": "here"})
    classes, grid, scheme = read_classes(path)
    np.testing.assert_array_equal(classes, CLASSES)
    assert grid == GRID
    assert scheme is LabelScheme.CLASS


def test_other_programs_see_nodata_scheme_and_provenance(tmp_path: Path) -> None:
    path = write_classes(tmp_path / "classes.tif", CLASSES, GRID, LabelScheme.CLASS, {"SOURCE": "here"})
    with rasterio.open(path) as file:
        assert file.nodata == 255
        assert file.descriptions == ("class",)
        assert file.tags()[SCHEME_TAG] == "class"
        assert file.tags()["SOURCE"] == "here"
        assert file.profile["tiled"]


def test_the_band_description_tells_the_scheme_where_no_tag_does(tmp_path: Path) -> None:
    path = _write(tmp_path / "d.tif", np.minimum(CLASSES, 1), description="debris")
    assert read_classes(path).scheme is LabelScheme.DEBRIS


def test_a_raster_that_does_not_say_its_scheme_needs_to_be_told(tmp_path: Path) -> None:
    path = _write(tmp_path / "m.tif", CLASSES, description="mask")
    with pytest.raises(LabelError, match=r"m.tif: does not say what its values mean; name its label scheme"):
        read_classes(path)
    assert read_classes(path, LabelScheme.CLASS).scheme is LabelScheme.CLASS


def test_a_scheme_against_what_the_file_says_is_refused(tmp_path: Path) -> None:
    path = write_classes(tmp_path / "c.tif", CLASSES, GRID, LabelScheme.CLASS)
    with pytest.raises(LabelError, match="says its label scheme is 'class', not 'debris'"):
        read_classes(path, LabelScheme.DEBRIS)


def test_another_nodata_value_becomes_unknown(tmp_path: Path) -> None:
    path = _write(tmp_path / "n.tif", np.array([[0, 1, 2], [-9999, 0, 1]], np.int16), nodata=-9999)
    np.testing.assert_array_equal(read_classes(path, LabelScheme.CLASS).classes, CLASSES)


@pytest.mark.parametrize(
    ("values", "what"),
    [
        (np.array([[0, 1, 7], [0, 0, 0]], np.uint8), "has the values \\[7\\]"),
        (np.array([[0, 1, 700], [0, 0, 0]], np.int16), "holds values from 0 to 700"),
        (np.zeros((2, 3), np.float32), "is not a class raster: 1 band\\(s\\) of float32"),
        (np.zeros((2, 2, 3), np.uint8), "is not a class raster: 2 band\\(s\\)"),
    ],
)
def test_what_is_no_class_raster_is_refused(tmp_path: Path, values: np.ndarray, what: str) -> None:
    with pytest.raises(LabelError, match=what):
        read_classes(_write(tmp_path / "c.tif", values), LabelScheme.CLASS)


def test_no_raster_at_all_is_refused(tmp_path: Path) -> None:
    text = tmp_path / "c.tif"
    text.write_text("no raster")
    for path in (text, tmp_path / "absent.tif", tmp_path):
        with pytest.raises(LabelError, match="give a class raster"):
            read_classes(path)
    with pytest.raises(SceneError, match=r"absent.tif: does not exist"):
        read_grid(tmp_path / "absent.tif")


def test_a_cut_off_raster_is_refused(tmp_path: Path) -> None:
    classes = np.random.default_rng(0).integers(0, 3, (600, 600), np.uint8)
    path = write_classes(tmp_path / "c.tif", classes, Grid(GRID.crs, GRID.transform, (600, 600)), LabelScheme.CLASS)
    path.write_bytes(path.read_bytes()[:20_000])
    with pytest.raises(LabelError, match="cut off"):
        read_classes(path)


def test_nothing_wrong_is_written(tmp_path: Path) -> None:
    with pytest.raises(LabelError, match="has the values \\[2\\]"):
        write_classes(tmp_path / "c.tif", CLASSES, GRID, LabelScheme.GLACIER)
    with pytest.raises(GridError, match="the classes are"):
        write_classes(tmp_path / "c.tif", CLASSES[:1], GRID, LabelScheme.CLASS)
    assert list(tmp_path.iterdir()) == []
