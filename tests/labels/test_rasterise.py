"""Outlines to class rasters: each rule on a grid small enough to draw."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
from affine import Affine
from rasterio.crs import CRS
from shapely.geometry import Polygon, box

from firnline.classes import LabelScheme
from firnline.classraster import read_classes, read_grid
from firnline.errors import ConfigError, LabelError
from firnline.grid import Grid
from firnline.labels import (
    DebrisOnly,
    GlaciersWithDebris,
    LabelResult,
    Outlines,
    Parts,
    Role,
    parse_firm_dates,
    rasterise,
    read_border,
    read_outlines,
    truth_of,
)

SIZE = 6
GRID = Grid(CRS.from_epsg(32645), Affine(30, 0, 0, 0, -30, SIZE * 30), (SIZE, SIZE))


def pixels(row: int, column: int, height: int, width: int) -> Polygon:
    """The polygon of a rectangle of pixels."""
    left, top = GRID.corner(row, column)
    right, bottom = GRID.corner(row + height, column + width)
    return box(left, bottom, right, top)


class Drawer:
    """Writes outlines and reads them for the grid."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.count = 0

    def __call__(self, *polygons: Polygon, role: Role | None = None, **columns: list[object]) -> Outlines:
        self.count += 1
        path = self.folder / f"{self.count}.gpkg"
        gpd.GeoDataFrame(columns, geometry=list(polygons), crs=GRID.crs.to_wkt()).to_file(path)
        return read_outlines(path, grid=GRID, role=role)


@pytest.fixture
def draw(tmp_path: Path) -> Drawer:
    return Drawer(tmp_path)


def picture(result: LabelResult) -> str:
    """Rows of digits, ``?`` for unknown."""
    return "\n".join("".join("?" if value == 255 else str(value) for value in row) for row in result.classes)


def drawn(text: str) -> str:
    return "\n".join(line.strip() for line in text.strip().splitlines())


def test_parts_side_by_side_make_the_glacier_and_debris_wins_where_they_overlap(draw: Drawer) -> None:
    parts = draw(pixels(0, 0, 3, 3), pixels(2, 2, 4, 1), Glaciers=["Clean Ice", "Debris covered"])
    result = rasterise(GRID, truth_of(parts))
    assert result.scheme is LabelScheme.CLASS
    assert picture(result) == drawn(
        """111000
           111000
           112000
           002000
           002000
           002000"""
    )
    assert result.report.pixels == {"background": 24, "clean ice": 8, "debris-covered ice": 4, "unknown": 0}
    assert result.report.outside_glaciers == 0


def test_separate_files_of_parts_say_the_same(draw: Drawer) -> None:
    one = truth_of(draw(pixels(0, 0, 3, 3), pixels(2, 2, 4, 1), Glaciers=["Clean Ice", "Debris covered"]))
    two = Parts(draw(pixels(0, 0, 3, 3), role=Role.CLEAN), draw(pixels(2, 2, 4, 1), role=Role.DEBRIS))
    np.testing.assert_array_equal(rasterise(GRID, one).classes, rasterise(GRID, two).classes)


def test_debris_parts_that_touch_no_clean_ice_stay_debris_and_are_reported(draw: Drawer) -> None:
    parts = draw(
        pixels(0, 0, 2, 2), pixels(2, 2, 1, 1), pixels(5, 5, 1, 1), Glaciers=["Clean Ice"] + ["Debris covered"] * 2
    )
    result = rasterise(GRID, truth_of(parts))
    assert result.classes[5, 5] == 2
    assert result.report.debris_apart == 1
    assert "debris that touches no clean ice, kept: 1 pixels, 0.00 km2" in result.report.lines()


def test_debris_on_whole_glaciers_is_debris_and_outside_of_them_unknown_and_reported(draw: Drawer) -> None:
    truth = GlaciersWithDebris(draw(pixels(0, 0, 4, 3)), draw(pixels(2, 1, 4, 2), role=Role.DEBRIS))
    result = rasterise(GRID, truth)
    assert result.scheme is LabelScheme.CLASS
    assert picture(result) == drawn(
        """111000
           111000
           122000
           122000
           0??000
           0??000"""
    )
    assert result.report.outside_glaciers == 4
    assert "unknown because debris outside every glacier outline: 4 pixels, 0.00 km2" in result.report.lines()


def test_glims_debris_is_debris_on_glaciers(draw: Drawer) -> None:
    kinds = ["glac_bound", "intrnl_rock", "debris_cov"]
    outlines = draw(pixels(0, 0, 4, 4), pixels(1, 1, 1, 1), pixels(3, 0, 2, 1), line_type=kinds)
    assert picture(rasterise(GRID, truth_of(outlines))) == drawn(
        """111100
           101100
           111100
           211100
           ?00000
           000000"""
    )


def test_whole_glaciers_alone_say_nothing_of_their_type(draw: Drawer) -> None:
    result = rasterise(GRID, truth_of(draw(pixels(0, 0, 1, 6))))
    assert result.scheme is LabelScheme.GLACIER
    assert result.report.pixels == {"background": 30, "glacier": 6, "unknown": 0}


def test_debris_alone_says_nothing_of_clean_ice(draw: Drawer) -> None:
    result = rasterise(GRID, DebrisOnly(draw(pixels(0, 0, 1, 6), role=Role.DEBRIS)))
    assert result.scheme is LabelScheme.DEBRIS
    assert result.report.pixels == {"other": 30, "supraglacial debris": 6, "unknown": 0}


def test_a_nunatak_stays_a_hole(draw: Drawer) -> None:
    result = rasterise(GRID, truth_of(draw(pixels(0, 0, 5, 5).difference(pixels(2, 2, 2, 1)))))
    assert picture(result) == drawn(
        """111110
           111110
           110110
           110110
           111110
           000000"""
    )


def test_outside_the_border_is_unknown(draw: Drawer, tmp_path: Path) -> None:
    gpd.GeoDataFrame(geometry=[pixels(0, 0, 6, 4)], crs=32645).to_crs(4326).to_file(tmp_path / "border.geojson")
    border = read_border(tmp_path / "border.geojson", grid=GRID)
    result = rasterise(GRID, truth_of(draw(pixels(0, 3, 2, 3))), border=border)
    assert picture(result) == drawn(
        """0001??
           0001??
           0000??
           0000??
           0000??
           0000??"""
    )
    assert result.report.outside_border == 12


def test_the_centre_rule_and_the_touched_rule(draw: Drawer) -> None:
    sliver = truth_of(draw(box(20, 100, 50, 170)))  # holds centres of column 1 only
    assert rasterise(GRID, sliver).classes[:, :2].tolist() == [[0, 1]] * 3 + [[0, 0]] * 3
    touched = rasterise(GRID, sliver, all_touched=True)
    assert touched.classes[:, :2].tolist() == [[1, 1]] * 3 + [[0, 0]] * 3


def test_outlines_not_of_the_firm_dates_become_unknown(draw: Drawer) -> None:
    dates = ["20001030", "20100409", "20009999"]
    outlines = draw(pixels(0, 0, 1, 6), pixels(0, 3, 3, 3), pixels(5, 0, 1, 6), BgnDate=dates)
    result = rasterise(GRID, truth_of(outlines), firm_dates=parse_firm_dates("2000-10-01/2000-10-31"))
    assert picture(result) == drawn(
        """111???
           000???
           000???
           000000
           000000
           ??????"""
    )
    assert (result.report.not_firm_outlines, result.report.not_firm) == (2, 15)


def test_debris_on_a_glacier_that_is_not_firm_is_not_called_outside(draw: Drawer) -> None:
    glaciers = draw(pixels(0, 0, 2, 2), pixels(3, 0, 2, 2), BgnDate=["20001030", "20100409"])
    truth = GlaciersWithDebris(glaciers, draw(pixels(1, 0, 3, 1), role=Role.DEBRIS))
    result = rasterise(GRID, truth, firm_dates=parse_firm_dates("2000-10-30"))
    assert result.classes[:, 0].tolist() == [1, 2, 255, 255, 255, 0]
    assert result.report.outside_glaciers == 1


def test_firm_dates_need_dates(draw: Drawer) -> None:
    with pytest.raises(LabelError, match=r"1.gpkg: has no dates, .*; name the --date-column"):
        rasterise(GRID, truth_of(draw(pixels(0, 0, 1, 1))), firm_dates=parse_firm_dates("2000-10-30"))


def test_a_rim_of_unknown_lies_on_both_sides_of_boundaries_and_not_along_unknown(
    draw: Drawer, tmp_path: Path
) -> None:
    gpd.GeoDataFrame(geometry=[pixels(0, 0, 6, 5)], crs=32645).to_file(tmp_path / "border.gpkg")
    border = read_border(tmp_path / "border.gpkg", grid=GRID)
    result = rasterise(GRID, truth_of(draw(pixels(0, 0, 3, 6))), border=border, unknown_rim=1)
    assert picture(result) == drawn(
        """11111?
           11111?
           ??????
           ??????
           00000?
           00000?"""
    )
    assert result.report.rim == 12
    with pytest.raises(ConfigError, match="is not a number of pixels"):
        rasterise(GRID, truth_of(draw(pixels(0, 0, 3, 6))), unknown_rim=-1)


def test_outlines_of_another_place_are_refused(draw: Drawer) -> None:
    elsewhere = draw(box(9000, 0, 9090, 90))
    with pytest.raises(LabelError, match=r"1.gpkg: does not touch the scene \(EPSG:32645, bounds 0 0 180 180\)"):
        rasterise(GRID, truth_of(elsewhere))
    with pytest.raises(LabelError, match=r"1.gpkg: does not touch the scene"):
        rasterise(GRID, truth_of(draw(pixels(0, 0, 1, 1))), border=elsewhere)


def test_debris_may_be_absent_from_a_scene_that_has_ice(draw: Drawer) -> None:
    truth = GlaciersWithDebris(draw(pixels(0, 0, 1, 1)), draw(box(9000, 0, 9090, 90), role=Role.DEBRIS))
    result = rasterise(GRID, truth)
    assert result.report.pixels["debris-covered ice"] == 0
    assert (result.report.outlines, result.report.elsewhere) == (1, 1)


@pytest.mark.real
def test_of_the_everest_outlines_ten_are_of_the_day_of_the_image(shared_data: Path) -> None:
    folder = shared_data / "landsat7-everest"
    grid = read_grid(folder / "LE07_140041_20001030_image.tif")
    outlines = read_outlines(folder / "rgi60_outlines.gpkg", grid=grid)
    whole = rasterise(grid, truth_of(outlines))
    firm = rasterise(grid, truth_of(outlines), firm_dates=parse_firm_dates("2000-10-30"))
    assert (whole.report.outlines, firm.report.not_firm_outlines) == (86, 76)
    assert firm.report.pixels["glacier"] + firm.report.not_firm == whole.report.pixels["glacier"]
    of_that_day = outlines.frame[[date == dt.date(2000, 10, 30) for date in outlines.frame["date"]]]
    drawn_km2 = of_that_day.intersection(grid.footprint()).area.sum() / 1e6
    assert firm.report.pixels["glacier"] * grid.pixel_area_km2 == pytest.approx(drawn_km2, rel=0.01)


@pytest.mark.real
def test_debris_on_the_everest_outlines(shared_data: Path) -> None:
    folder = shared_data / "landsat7-everest"
    mask = read_classes(folder / "debris.tif")
    outlines = read_outlines(folder / "rgi60_outlines.gpkg", grid=mask.grid)
    ice = rasterise(mask.grid, truth_of(outlines)).classes == 1
    assert (ice[mask.classes == 1]).mean() > 0.8


@pytest.mark.real
def test_invalid_outlines_of_alaska_are_repaired(shared_data: Path) -> None:
    folder = shared_data / "vectors-dems" / "alaska-debris"
    grid = Grid(CRS.from_epsg(32606), Affine(100, 0, 500000, 0, -100, 7100000), (3000, 4000))
    glaciers = read_outlines(folder / "01Alaska_minGl2km2_deltas.shp", grid=grid)
    debris = read_outlines(folder / "01Alaska_minGl2km2_deltas_debris2010.shp", grid=grid, role=Role.DEBRIS)
    report = rasterise(grid, truth_of(glaciers, debris)).report
    assert report.repaired > 0
    assert report.pixels["debris-covered ice"] > 10 * report.outside_glaciers
