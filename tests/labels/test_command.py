"""`firnline labels`: from files to a file, and one line on what is wrong."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
import rasterio
from affine import Affine
from rasterio.crs import CRS
from shapely.geometry import Polygon, box

from firnline.classes import LabelScheme
from firnline.classraster import read_classes, write_classes
from firnline.grid import Grid

Run = Callable[..., tuple[int, str, str]]

GRID = Grid(CRS.from_epsg(32645), Affine(30, 0, 0, 0, -30, 180), (6, 6))
BOW_TIE = Polygon([(0, 0), (90, 90), (90, 0), (0, 90)])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_classes(tmp_path / "scene.tif", np.zeros(GRID.shape, np.uint8), GRID, LabelScheme.CLASS)
    for name, geometry, columns in [
        ("parts", [box(0, 0, 90, 180), box(90, 0, 120, 180)], {"Glaciers": ["Clean Ice", "Debris covered"]}),
        ("glaciers", [box(0, 0, 90, 180)], {"BgnDate": ["20001030"]}),
        ("debris", [box(60, 0, 120, 180)], {}),
        ("border", [box(0, 0, 150, 180)], {}),
        ("broken", [BOW_TIE], {}),
        ("empty", [Polygon()], {}),
        ("own", [box(0, 0, 90, 180)], {"typ": ["Eis"]}),
    ]:
        gpd.GeoDataFrame(columns, geometry=geometry, crs=32645).to_file(tmp_path / f"{name}.gpkg")
    return tmp_path


def test_one_file_with_a_class_column(folder: Path, firnline: Run) -> None:
    out = folder / "new" / "classes.tif"
    code, printed, _ = firnline(
        "labels",
        folder / "scene.tif",
        "--outlines",
        folder / "parts.gpkg",
        "--border",
        folder / "border.gpkg",
        "-o",
        out,
    )
    assert code == 0
    assert printed.splitlines() == [
        "label scheme: class",
        "outlines: 2 on the scene, 0 elsewhere",
        "background: 6 pixels, 0.01 km2",
        "clean ice: 18 pixels, 0.02 km2",
        "debris-covered ice: 6 pixels, 0.01 km2",
        "unknown: 6 pixels, 0.01 km2",
        "outlines without dates, scene without a date: the difference is not known",
        "unknown because outside the border: 6 pixels, 0.01 km2",
        f"written: {out}",
    ]
    classes, grid, scheme = read_classes(out)
    assert (grid, scheme) == (GRID, LabelScheme.CLASS)
    assert classes[0].tolist() == [1, 1, 1, 2, 0, 255]
    with rasterio.open(out) as file:
        assert file.tags()["OUTLINES"] == str(folder / "parts.gpkg")
        assert {"FIRNLINE_VERSION", "FIRNLINE_CREATED", "BORDER", "GRID_OF"} <= set(file.tags())


@pytest.mark.parametrize(
    ("options", "scheme", "row"),
    [
        (["--clean", "glaciers", "--debris", "debris"], "class", [1, 1, 2, 2, 0, 0]),
        (["--glaciers", "glaciers", "--debris", "debris"], "class", [1, 1, 2, 255, 0, 0]),
        (["--glaciers", "glaciers"], "glacier", [1, 1, 1, 0, 0, 0]),
        (["--outlines", "glaciers", "--firm", "2000-10-30"], "glacier", [1, 1, 1, 0, 0, 0]),
        (["--outlines", "glaciers", "--firm", "2001-01-01/2001-12-31"], "glacier", [255, 255, 255, 0, 0, 0]),
        (["--debris", "debris"], "debris", [0, 0, 1, 1, 0, 0]),
        (["--outlines", "own", "--class-column", "typ", "--classes", "Eis=clean"], "class", [1, 1, 1, 0, 0, 0]),
    ],
)
def test_each_way_to_give_outlines(
    folder: Path, firnline: Run, options: list[str], scheme: str, row: list[int]
) -> None:
    named = [folder / f"{each}.gpkg" if (folder / f"{each}.gpkg").exists() else each for each in options]
    code, _, error = firnline("labels", folder / "scene.tif", *named, "-o", folder / "classes.tif")
    assert (code, error) == (0, "")
    raster = read_classes(folder / "classes.tif")
    assert str(raster.scheme) == scheme
    assert raster.classes[0].tolist() == row


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--outlines", "broken"], "broken.gpkg: has invalid geometry"),
        (["--outlines", "empty"], "empty.gpkg: has features without a geometry: feature 1; draw or delete"),
        (["--outlines", "absent.gpkg"], "absent.gpkg: does not exist; give a vector file"),
        (["--outlines", "parts", "--class-column", "kind"], "parts.gpkg: has no column 'kind'; it has Glaciers"),
        (["--outlines", "own", "--class-column", "typ"], "own.gpkg: column 'typ' has the values Eis, whose class"),
        (["--outlines", "own", "--classes", "Eis=snow"], "--classes: 'Eis=snow' says no class; write VALUE=CLASS"),
        (["--outlines", "glaciers", "--firm", "2000"], "--firm: '2000' is not an interval"),
        (["--outlines", "debris", "--firm", "2000-10-30"], "debris.gpkg: has no dates"),
        (["--clean", "glaciers"], "these options do not say which outlines to burn; give --outlines"),
        ([], "these options do not say which outlines to burn"),
        (
            ["--glaciers", "glaciers", "--class-column", "a"],
            "--class-column and --classes: tell about --outlines only",
        ),
    ],
)
def test_a_mistake_is_one_line_and_exit_2_and_writes_nothing(
    folder: Path, firnline: Run, options: list[str], message: str
) -> None:
    named = [folder / f"{each}.gpkg" if (folder / f"{each}.gpkg").exists() else each for each in options]
    before = sorted(folder.iterdir())
    code, _, error = firnline("labels", folder / "scene.tif", *named, "-o", folder / "classes.tif")
    assert code == 2
    assert error.startswith("firnline: ")
    assert message in error
    assert error.count("\n") == 1
    assert sorted(folder.iterdir()) == before


@pytest.fixture
def dated(folder: Path) -> Path:
    """Two files of glaciers: west of 1999 and of 2003, east without dates."""
    west = {"BgnDate": ["19990801", "20031005"], "RGIId": ["a", "b"]}
    gpd.GeoDataFrame(west, geometry=[box(0, 0, 30, 180), box(30, 0, 60, 180)], crs=32645).to_file(
        folder / "west.gpkg"
    )
    gpd.GeoDataFrame(geometry=[box(120, 0, 180, 180)], crs=32645).to_file(folder / "east.gpkg")
    return folder


def test_several_files_and_how_far_they_are_in_time(dated: Path, firnline: Run) -> None:
    out = dated / "classes.tif"
    files = ("--glaciers", dated / "west.gpkg", "--glaciers", dated / "east.gpkg")
    code, printed, _ = firnline("labels", dated / "scene.tif", *files, "--date", "2000-10-30", "-o", out)
    assert code == 0
    assert read_classes(out).classes[0].tolist() == [1, 1, 0, 0, 1, 1]
    said = (
        "outlines dated 1999-08-01 to 2003-10-05 (1 without a date), scene 2000-10-30: "
        "differences from 456 days before to 1070 days after"
    )
    assert said in printed.splitlines()
    with rasterio.open(out) as file:
        assert file.tags()["OUTLINE_DATES"] == said
        assert file.tags()["OUTLINES"] == f"{dated / 'west.gpkg'} {dated / 'east.gpkg'}"


def test_outlines_far_from_the_scene_in_time_are_unknown_on_request(dated: Path, firnline: Run) -> None:
    out = dated / "classes.tif"
    files = ("--glaciers", dated / "west.gpkg", "--glaciers", dated / "east.gpkg")
    code, printed, _ = firnline(
        "labels", dated / "scene.tif", *files, "--date", "2000-10-30", "--firm-within", 456, "-o", out
    )
    assert code == 0
    assert "unknown because 1 outlines are not of the firm dates: 6 pixels, 0.01 km2" in printed.splitlines()
    assert read_classes(out).classes[0].tolist() == [1, 255, 0, 0, 1, 1], "a file without dates is taken as firm"
    code, _, said = firnline("labels", dated / "scene.tif", *files, "--firm-within", 400, "-o", out)
    assert code == 2
    assert "has no date" in said


def test_where_clean_and_debris_overlap_it_is_debris_and_told(folder: Path, firnline: Run) -> None:
    parts = ("--clean", folder / "glaciers.gpkg", "--debris", folder / "debris.gpkg")
    code, printed, _ = firnline("labels", folder / "scene.tif", *parts, "-o", folder / "classes.tif")
    assert code == 0
    assert read_classes(folder / "classes.tif").classes[0].tolist() == [1, 1, 2, 2, 0, 0]
    assert "clean ice and debris overlap, debris: 6 pixels, 0.01 km2" in printed.splitlines()
