"""Attributes against what others measured, and against surfaces whose slope and aspect are known."""

from __future__ import annotations

import datetime as dt
import math
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import rasterio
import rasterio.features
import shapely
from affine import Affine
from rasterio.crs import CRS
from rasterio.warp import Resampling, reproject

from firnline.classes import LabelScheme
from firnline.errors import BandError, LabelError
from firnline.grid import Grid
from firnline.inventory.area_error import area_errors
from firnline.inventory.attributes import Known, describe_glaciers
from firnline.inventory.columns import OWN, RGI7
from firnline.inventory.links import links, read_given
from firnline.inventory.polygonise import geodesic_areas_km2
from firnline.inventory.position import centres, utm_zones
from firnline.inventory.reference import reference_of
from firnline.inventory.topography import Topography, cell_size, describe, hypsometry, sector_of

UTM = CRS.from_epsg(32645)


def write_dem(
    path: Path, heights: np.ndarray, size: float = 30.0, nodata: float | None = None, dtype: str = "float32"
) -> Path:
    """A DEM whose upper left corner lies at (500000, 3100000)."""
    profile = {
        "driver": "GTiff",
        "dtype": dtype,
        "count": 1,
        "height": heights.shape[0],
        "width": heights.shape[1],
    }
    transform = Affine(size, 0, 500000, 0, -size, 3100000)
    with rasterio.open(path, "w", **profile, crs=UTM, transform=transform, nodata=nodata) as file:
        file.write(heights.astype(dtype), 1)
    return path


def places(count: int = 120, size: float = 30.0) -> tuple[np.ndarray, np.ndarray]:
    """Metres east and north of the upper left corner, of pixel centres."""
    at = (np.arange(count) + 0.5) * size
    return np.broadcast_to(at, (count, count)), np.broadcast_to(-at[:, None], (count, count))


SQUARE = shapely.box(500600, 3097600, 502600, 3099600)


@pytest.mark.parametrize("sector", range(1, 9))
def test_a_plane_has_its_slope_and_aspect(sector: int, tmp_path: Path) -> None:
    direction, slope = (sector - 1) * 45.0, 20.0
    east, north = places()
    down = east * math.sin(math.radians(direction)) + north * math.cos(math.radians(direction))
    dem = write_dem(tmp_path / "dem.tif", 5000 - math.tan(math.radians(slope)) * down)
    found = describe(SQUARE, UTM, 4.0, dem)
    assert found.slope_deg == pytest.approx(slope, abs=0.05)
    assert found.aspect_deg is not None
    assert (found.aspect_deg - direction + 180) % 360 - 180 == pytest.approx(0, abs=0.1)
    assert found.aspect_sec == sector
    assert found.known == 1


def test_a_cone_and_a_level_have_no_aspect(tmp_path: Path) -> None:
    east, north = places()
    cone = 5000 - 0.3 * np.hypot(east - 1600, north + 1400)
    found = describe(SQUARE, UTM, 4.0, write_dem(tmp_path / "cone.tif", cone))
    assert (found.aspect_deg, found.aspect_sec) == (None, 9)
    level = describe(SQUARE, UTM, 4.0, write_dem(tmp_path / "level.tif", np.full((120, 120), 5000.0)))
    assert (level.aspect_deg, level.aspect_sec, level.slope_deg) == (None, 9, 0.0)
    assert level.per_mille == ((5000, 1000),)


def test_a_dem_that_covers_half_says_nothing_of_the_whole(tmp_path: Path) -> None:
    heights = np.full((120, 120), 5000.0)
    heights[:, 50:] = -32768
    found = describe(SQUARE, UTM, 4.0, write_dem(tmp_path / "dem.tif", heights, nodata=-32768))
    assert found == Topography(pytest.approx(0.45, abs=0.03))  # type: ignore[arg-type]


def test_voids_take_no_part(tmp_path: Path) -> None:
    heights = np.full((120, 120), 5000.0)
    heights[40:45, 40:50] = -32768
    found = describe(SQUARE, UTM, 4.0, write_dem(tmp_path / "dem.tif", heights, nodata=-32768))
    assert 0.95 < found.known < 1
    assert found.zmin_m == found.zmax_m == 5000


def test_voids_that_the_dem_does_not_declare_are_never_heights(tmp_path: Path) -> None:
    heights = np.full((120, 120), 5000.0)
    heights[40:45, 40:50] = -32768
    found = describe(SQUARE, UTM, 4.0, write_dem(tmp_path / "whole.tif", heights, dtype="int16"))
    assert found.zmin_m == found.zmax_m == 5000
    assert found.known < 1
    heights[40:45, 40:50] = -9999
    with pytest.raises(BandError, match="holds a height of -9999 m, where no land is; declare"):
        describe(SQUARE, UTM, 4.0, write_dem(tmp_path / "other.tif", heights))


def test_heights_in_feet_are_not_taken_for_metres(tmp_path: Path) -> None:
    dem = write_dem(tmp_path / "dem.tif", np.full((120, 120), 16404.0))
    for unit, is_refused in (("metre", False), ("US survey foot", True)):
        with rasterio.open(dem, "r+") as file:
            file.units = (unit,)
        if is_refused:
            with pytest.raises(BandError, match="heights are in 'US survey foot'; convert"):
                describe(SQUARE, UTM, 4.0, dem)
        else:
            assert describe(SQUARE, UTM, 4.0, dem).zmed_m == 16404


@pytest.mark.parametrize("epsg", [32647, 32648, 3413, 3995, 3857])
@pytest.mark.parametrize(("side", "latitude"), [("north", 79.0), ("south", -79.0)])
def test_aspect_counts_from_true_north_in_any_crs(epsg: int, side: str, latitude: float, tmp_path: Path) -> None:
    """A plane that falls to the north by 0.1 in a hundred metres; in EPSG:3413 grid north is 145 degrees off here."""
    if side == "south" and epsg in (3413, 3995):
        epsg = {3413: 3031, 3995: 3976}[epsg]
    north = latitude + 0.1 * (np.arange(400)[::-1] + 0.5) / 400
    fall = np.broadcast_to((1000 - (north - latitude) * 5000)[:, None], (400, 400))
    transform = Affine(0.2 / 400, 0, 100, 0, -0.1 / 400, latitude + 0.1)
    profile = {"driver": "GTiff", "dtype": "float32", "count": 1, "height": 400, "width": 400}
    with rasterio.open(tmp_path / "dem.tif", "w", **profile, crs=CRS.from_epsg(4326), transform=transform) as file:
        file.write(fall.astype(np.float32), 1)
    box = shapely.segmentize(shapely.box(100.05, latitude + 0.03, 100.15, latitude + 0.07), 0.01)
    outlines = gpd.GeoSeries([box], crs=4326).to_crs(epsg)
    table, _ = describe_glaciers(glaciers_of(outlines), Known(dem=tmp_path / "dem.tif"))
    assert (table["aspect_deg"].iloc[0] + 180) % 360 - 180 == pytest.approx(0, abs=2)  # convergence of the UTM zone
    assert table["aspect_sec"].iloc[0] == 1
    metres_a_degree = 111_700  # of latitude at 79 degrees
    assert table["slope_deg"].iloc[0] == pytest.approx(math.degrees(math.atan(5000 / metres_a_degree)), rel=0.01)


def test_glaciers_of_many_zones_keep_their_order(tmp_path: Path) -> None:
    """Each has the height of its own longitude, whichever zone is described first."""
    profile = {"driver": "GTiff", "dtype": "float32", "count": 1, "height": 60, "width": 1200}
    with rasterio.open(
        tmp_path / "dem.tif", "w", **profile, crs=CRS.from_epsg(4326), transform=Affine(0.01, 0, 80, 0, -0.01, 0.3)
    ) as file:
        file.write(np.broadcast_to(np.arange(1200, dtype=np.float32), (60, 1200)), 1)
    at = [(90.5, 0.1), (82.5, -0.1), (86.5, -0.1), (82.7, 0.1)]
    outlines = gpd.GeoSeries([shapely.box(x, y, x + 0.02, y + 0.02) for x, y in at], crs=4326).to_crs(3857)
    table, _ = describe_glaciers(glaciers_of(outlines), Known(dem=tmp_path / "dem.tif"))
    assert table["utm_zone"].tolist() == [46, 44, 45, 44]
    assert table["zmed_m"].tolist() == pytest.approx([1050.5, 250.5, 650.5, 270.5], abs=1)


def test_a_dem_that_lies_elsewhere_is_no_heights(tmp_path: Path) -> None:
    far = shapely.box(600000, 3097600, 602000, 3099600)
    assert describe(far, UTM, 4.0, write_dem(tmp_path / "dem.tif", np.zeros((120, 120)))) == Topography(0.0)


def test_cells_grow_with_the_glacier_up_to_100_m() -> None:
    assert [round(cell_size(area), 1) for area in (0.01, 1, 8.04, 500)] == [11.4, 24.0, 49.7, 100.0]


@pytest.mark.parametrize("seed", range(5))
def test_per_mille_add_up_to_1000(seed: int) -> None:
    heights = np.random.default_rng(seed).uniform(3000, 6000, 7 + 100 * seed)
    found = hypsometry(heights)
    assert sum(share for _, share in found) == 1000
    exact = np.bincount(((heights - found[0][0]) // 50).astype(int)) * 1000 / heights.size
    assert np.abs(exact - [share for _, share in found]).max() < 1
    assert all(low % 50 == 0 for low, _ in found)


def test_the_error_is_the_length_of_the_boundary_times_its_width() -> None:
    """A square of 40 x 40 pixels, the right half debris, divided from its neighbour below; unknown on the left."""
    grid = Grid(UTM, Affine(30, 0, 500000, 0, -30, 3100000), (90, 60))
    classes, labels = np.zeros(grid.shape, np.uint8), np.zeros(grid.shape, np.int32)
    classes[5:85, 10:30], classes[5:85, 30:50], classes[:, :10] = 1, 2, 255
    labels[5:45, 10:50], labels[45:85, 10:50] = 1, 2
    clean, debris = (
        20,
        20 + 40,
    )  # above; above and on the right: not the divide, not the unknown, not ice against debris
    expected = (0.5 * clean + 1.0 * debris) * 30 * 30 * math.pi / 4 / 1e6
    assert area_errors(labels, 2, classes, grid, LabelScheme.CLASS).tolist() == pytest.approx([expected] * 2)


def test_a_disc_has_the_error_of_its_circle() -> None:
    grid = Grid(UTM, Affine(30, 0, 500000, 0, -30, 3100000), (240, 240))
    row, column = np.indices(grid.shape)
    disc = np.hypot(row - 119.5, column - 119.5) < 100
    found = area_errors(disc.astype(np.int32), 1, disc.astype(np.uint8), grid, LabelScheme.CLASS)[0]
    assert found == pytest.approx(2 * math.pi * 100 * 30 * 15 / 1e6, rel=0.02)


def glaciers_of(outlines: gpd.GeoSeries) -> gpd.GeoDataFrame:
    own = {name: None for name in OWN if name not in ("touches_unknown", "touches_edge", "is_lower_bound")}
    said = {
        **own,
        "touches_unknown": False,
        "touches_edge": False,
        "is_lower_bound": False,
        "beyond_reference": False,
    }
    table = gpd.GeoDataFrame({name: [value] * len(outlines) for name, value in said.items()}, geometry=outlines)
    table["glacier_id"] = [f"FL{number}" for number in range(len(outlines))]
    table["area_km2"] = geodesic_areas_km2(table.geometry)
    return table


def test_nothing_is_guessed() -> None:
    table, heights = describe_glaciers(glaciers_of(gpd.GeoSeries([SQUARE], crs=32645)), Known())
    assert [*table.columns] == [*OWN, *RGI7, "geometry"]
    known = {name for name in RGI7 if table[name].notna().all()}
    codes = {"conn_lvl", "surge_type", "term_type", "aspect_sec"}
    assert known == {"area_km2", "cenlon", "cenlat", "utm_zone"} | codes
    assert (table[sorted(codes)] == 9).all(axis=None)
    assert heights.empty


def test_a_range_of_dates_is_kept() -> None:
    dates = (dt.date(2001, 9, 1), dt.date(2001, 10, 1))
    table, _ = describe_glaciers(glaciers_of(gpd.GeoSeries([SQUARE], crs=32645)), Known(dates=dates))
    assert table[["src_date", "src_date_from", "src_date_to"]].iloc[0].tolist() == [
        "2001-09-16",
        "2001-09-01",
        "2001-10-01",
    ]


def test_what_the_user_says_goes_in_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "names.csv"
    pd.DataFrame({"glacier_id": ["FL1", "FL9"], "glac_name": ["Khumbu", "x"], "term_type": [1, 2]}).to_csv(path)
    both = gpd.GeoSeries([SQUARE, shapely.box(503000, 3097600, 504000, 3099600)], crs=32645)
    table, _ = describe_glaciers(glaciers_of(both), Known(given=read_given(path)))
    assert table["glac_name"].fillna("-").tolist() == ["-", "Khumbu"]
    assert table["term_type"].tolist() == [9, 1]


def test_what_belongs_to_another_days_outline_does_not_come_by_a_link(tmp_path: Path) -> None:
    """RGI's own table of attributes: the glacier's name and region, not its length and terminus of the year 2000."""
    path = tmp_path / "attributes.csv"
    path.write_text(
        "rgi_id,o1region,o2region,anlys_id,subm_id,is_rgi6,termlon,termlat,lmax_m,glac_name,area_km2,src_date\n"
        "RGI2000-v7.0-G-01-1,01,01-02,7,8,1,86.1,27.9,900,Gulkana,9.5,2000-01-01\n"
    )
    outlines = gpd.GeoSeries([SQUARE], crs=32645)
    rgi = reference_of(gpd.GeoDataFrame({"rgi_id": ["RGI2000-v7.0-G-01-1"]}, geometry=outlines))
    given = read_given(path)
    table, _ = describe_glaciers(glaciers_of(outlines), Known(reference=rgi, given=given))
    assert table[["o1region", "o2region", "glac_name"]].iloc[0].tolist() == ["01", "01-02", "Gulkana"]
    of_then = ["anlys_id", "subm_id", "is_rgi6", "termlon", "termlat", "lmax_m"]
    assert table[[*of_then, "src_date"]].isna().all(axis=None)
    assert table["area_km2"].iloc[0] == pytest.approx(4.0, rel=0.01)
    assert given.attrs["left_out"] == tuple(of_then)
    own = tmp_path / "own.csv"
    own.write_text("glacier_id,lmax_m,is_rgi6\nFL0,2100,0\n")
    table, _ = describe_glaciers(glaciers_of(outlines), Known(given=read_given(own)))
    assert table[["lmax_m", "is_rgi6"]].iloc[0].tolist() == [2100, 0]


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        ({"name": ["a"]}, "needs a column glacier_id"),
        ({"glacier_id": ["a"], "name": ["b"]}, "one of RGI 7.0's"),
        ({"glacier_id": ["a", "a"], "glac_name": ["b", "c"]}, "names 'a' twice"),
        ({"glacier_id": ["a"], "term_type": ["lake"]}, "wrong kind"),
    ],
)
def test_a_table_that_cannot_be_used_is_told(columns: dict[str, list[str]], said: str, tmp_path: Path) -> None:
    path = tmp_path / "given.csv"
    pd.DataFrame(columns).to_csv(path, index=False)
    with pytest.raises(LabelError, match=said):
        read_given(path)


def test_links_are_to_rgi_only() -> None:
    outlines = gpd.GeoSeries([SQUARE], crs=32645)
    other = reference_of(gpd.GeoDataFrame({"glac_id": ["G087"]}, geometry=outlines))
    rgi = reference_of(gpd.GeoDataFrame({"rgi_id": ["RGI2000-v7.0-G-15-1"]}, geometry=outlines))
    assert describe_glaciers(glaciers_of(outlines), Known(reference=other))[0]["rgi_id"].isna().all()
    assert describe_glaciers(glaciers_of(outlines), Known(reference=rgi))[0]["rgi_id"].tolist() == [
        "RGI2000-v7.0-G-15-1"
    ]


def test_the_largest_overlap_is_linked_and_a_touch_is_none() -> None:
    now = gpd.GeoDataFrame(geometry=[shapely.box(0, 0, 100, 100), shapely.box(195, 0, 300, 100)], crs=32645)
    then = gpd.GeoDataFrame(
        {"reference_id": ["small", "large"]},
        geometry=[shapely.box(0, 0, 100, 40), shapely.box(0, 40, 200, 100)],
        crs=32645,
    )
    assert links(now, then).tolist() == ["large", None]


@pytest.mark.real
def test_rgi_7_says_the_same_of_its_glaciers(shared_data: Path) -> None:
    """Glaciers around Hintereisferner: area within 0.1 %, zones, and points within a metre."""
    theirs = gpd.read_file(shared_data / "vectors-dems" / "rgi7g_hef_complex.shp")
    theirs = theirs[theirs.geom_type == "Polygon"]
    assert len(theirs) > 15
    ours = theirs.to_crs(32632)
    assert geodesic_areas_km2(ours.geometry) == pytest.approx(theirs["area_km2"].to_numpy(), rel=1e-3)
    longitude, latitude = centres(ours.geometry)
    assert (utm_zones(longitude) == theirs["utm_zone"].to_numpy()).all()
    inside = shapely.contains_xy(theirs.geometry.to_numpy(), longitude, latitude)
    assert inside.all()
    east = (longitude - theirs["cenlon"].to_numpy()) * 111_320 * np.cos(np.radians(latitude))
    north = (latitude - theirs["cenlat"].to_numpy()) * 111_320
    away = np.hypot(east, north)
    assert away.max() < 1
    sectors = [sector_of(degrees) for degrees in theirs["aspect_deg"]]
    assert sectors == theirs["aspect_sec"].tolist()


@pytest.mark.real
def test_baltoro_is_as_its_table_says(shared_data: Path) -> None:
    """SRTM's heights against the table that came with the outline, made from another DEM: some tens of metres."""
    folder = shared_data / "vectors-dems"
    outline = gpd.read_file(folder / "baltoro_wgs84.shp")
    said = outline.iloc[0]
    shape = outline.to_crs(32643).geometry.iloc[0]
    found = describe(shape, CRS.from_epsg(32643), float(said["AREA"]), folder / "baltoro_srtm_clip.tif")
    assert found.known > 0.99
    assert found.zmed_m == pytest.approx(said["Elev_med"], abs=40)
    assert found.zmean_m == pytest.approx(said["Elev_mean"], abs=40)
    assert found.slope_deg == pytest.approx(said["Slope"], abs=3)
    assert found.zmin_m == pytest.approx(said["Elev_min"], abs=15)
    assert found.zmax_m == pytest.approx(said["Elev_max"], abs=15)
    assert found.aspect_deg == pytest.approx(said["Aspect"], abs=10)
    assert found.aspect_sec == 6, said["Aspect_tx"]


@pytest.mark.real
def test_mount_baker_is_as_other_formulas_have_it(shared_data: Path) -> None:
    """Cells of another origin, averages of the DEM in place of widened bilinear kernels, central differences."""
    folder, utm = shared_data / "vectors-dems", CRS.from_epsg(32610)
    glims = gpd.read_file(folder / "baker_glims.geojson")
    outlines = glims.geometry.force_2d().make_valid().to_crs(32610)
    assert len(outlines) == 7
    for outline in outlines:
        found = describe(outline, utm, outline.area / 1e6, folder / "cop30_baker.tif")
        z, slope, aspect = averaged(outline, folder / "cop30_baker.tif", round(cell_size(outline.area / 1e6)))
        assert found.known == 1
        assert [found.zmed_m, found.zmean_m] == pytest.approx([np.median(z), z.mean()], abs=2)
        assert [found.zmin_m, found.zmax_m] == pytest.approx([z.min(), z.max()], abs=10)
        assert found.slope_deg == pytest.approx(slope, abs=0.2)
        assert found.aspect_deg == pytest.approx(aspect, abs=0.5)


def averaged(outline: shapely.Geometry, dem: Path, size: int) -> tuple[np.ndarray, float, float]:
    """Heights of the cells in an outline, their mean slope, and the direction of their mean unit vector."""
    left, bottom, right, top = shapely.bounds(outline)
    transform = Affine(size, 0, (left // size - 2) * size, 0, -size, (top // size + 3) * size)
    heights = np.full((int((top - bottom) / size) + 7, int((right - left) / size) + 6), np.nan)
    with rasterio.open(dem) as file:
        reproject(
            rasterio.band(file, 1), heights, dst_transform=transform, dst_crs=file.crs, dst_nodata=np.nan,
            resampling=Resampling.average,
        )  # fmt: skip
    inside = rasterio.features.geometry_mask([outline], heights.shape, transform, invert=True)
    south, east = np.gradient(heights, float(size))
    down = np.arctan2(-east, south)[inside]
    aspect = math.degrees(math.atan2(np.sin(down).mean(), np.cos(down).mean())) % 360
    return heights[inside], math.degrees(np.arctan(np.hypot(south, east))[inside].mean()), aspect
