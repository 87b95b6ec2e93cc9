"""Features: indices, terrain, and what a source says of itself."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import rasterio
from numpy.typing import NDArray
from rasterio.crs import CRS
from rasterio.transform import Affine
from rasterio.warp import transform, transform_bounds

from firnline.bands import Level
from firnline.errors import BandError, FirnlineError, GridError, SceneError
from firnline.features import FeatureSource, normalised_difference
from firnline.grid import Window
from firnline.scene import Scene, open_scene

UTM45 = CRS.from_epsg(32645)
ORIGIN = Affine(30, 0, 478005, 0, -30, 3108145)
Bands = dict[str, NDArray[np.float32]]


def write(path: Path, bands: Bands, *, crs: CRS | None = UTM45, at: Affine = ORIGIN, **more: object) -> Path:
    first = next(iter(bands.values()))
    profile = {"driver": "GTiff", "count": len(bands), "dtype": "float32", "crs": crs, "transform": at} | more
    with rasterio.open(path, "w", height=first.shape[0], width=first.shape[1], **profile) as file:
        file.descriptions = list(bands)
        file.write(np.stack(list(bands.values())))
    return path


def make_scene(tmp_path: Path, bands: Bands, **more: object) -> Scene:
    return open_scene(write(tmp_path / "scene.tif", bands, **more))


def full(value: float, shape: tuple[int, int] = (6, 8)) -> NDArray[np.float32]:
    return np.full(shape, value, np.float32)


def mountains(shape: tuple[int, int], seed: int = 0) -> NDArray[np.float32]:
    rng = np.random.default_rng(seed)
    return (5000 + np.cumsum(np.cumsum(rng.normal(size=shape), 0), 1)).astype(np.float32)


def read(source: FeatureSource, names: list[str], window: Window | None = None) -> NDArray[np.float32]:
    with source.reader() as reader:
        return reader.read(names, window)


def horn_reference(z: NDArray[np.float32], dx: float, dy: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Slope and aspect of inner pixels, written another way: as sums over shifted arrays."""
    w = np.array([1.0, 2.0, 1.0])
    inner = (z.shape[0] - 2, z.shape[1] - 2)
    p, q = np.zeros(inner), np.zeros(inner)
    for k in range(3):
        p += w[k] * (z[k : k + inner[0], 2:].astype(float) - z[k : k + inner[0], :-2]) / (8 * dx)
        q += w[k] * (z[:-2, k : k + inner[1]].astype(float) - z[2:, k : k + inner[1]]) / (8 * dy)
    return np.degrees(np.arctan(np.hypot(p, q))), np.degrees(np.arctan2(-p, -q)) % 360


# Indices


@pytest.mark.parametrize(
    ("index", "a", "b"),
    [("ndvi", "nir08", "red"), ("ndsi", "green", "swir16"), ("ndmi", "nir08", "swir16"), ("ndwi", "green", "nir08")],
)
def test_an_index_is_the_catalogues_formula(tmp_path: Path, index: str, a: str, b: str) -> None:
    scene = make_scene(tmp_path, {a: full(0.5), b: full(0.25)})
    assert read(FeatureSource(scene), [index])[0] == pytest.approx(full(1 / 3))


def test_an_index_is_computed_from_bands_even_where_one_is_stored(tmp_path: Path) -> None:
    bands = {"green": full(0.75), "swir16": full(0.25), "ndsi": full(-0.9), "ndvi": full(7.0)}
    source = FeatureSource(make_scene(tmp_path, bands))
    ndsi, ndvi = read(source, ["ndsi", "ndvi"])
    assert (ndsi == 0.5).all()
    assert (ndvi == 1.0).all(), "a stored index lies in [-1, 1] too"
    assert source.origin_of("ndsi") == "derived: (green - swir16) / (green + swir16)"
    assert source.origin_of("ndvi") == "stored"


def test_reflectance_around_zero_gives_an_index_in_range_or_none() -> None:
    a = np.array([0.02, -0.02, 0.0, np.nan, 1e-9], np.float32)
    b = np.array([-0.015, -0.01, 0.0, 0.5, 0.0], np.float32)
    assert normalised_difference(a, b).tolist() == pytest.approx([1, np.nan, np.nan, np.nan, 1], nan_ok=True)


def test_saturated_snow_stays_valid(tmp_path: Path) -> None:
    scene = make_scene(tmp_path, {"green": full(255), "swir16": full(30), "red": full(255)})
    assert np.isfinite(read(FeatureSource(scene), ["green", "red", "ndsi"])).all()


# What a source says of itself


def test_available_and_missing_are_told_with_the_reason(tmp_path: Path) -> None:
    source = FeatureSource(make_scene(tmp_path, {"green": full(0.5), "swir16": full(0.1), "mystery": full(1)}))
    assert source.available == ("green", "swir16", "mystery", "ndsi")
    assert source.missing(("slope", "ndsi", "ndvi", "lwir11")) == ("slope", "ndvi", "lwir11")
    assert source.why_missing("ndsi") == ""
    assert source.why_missing("ndmi") == "needs nir08"
    assert source.why_missing("slope") == "needs elevation or a DEM"
    assert source.why_missing("elevation") == "needs a DEM"
    assert source.why_missing("lwir11") == "the scene has no such band"
    with pytest.raises(BandError, match="ndvi: needs nir08 and red"):
        read(source, ["green", "ndvi"])


def test_levels_are_those_of_the_bands_and_none_for_what_is_derived(tmp_path: Path) -> None:
    path = write(tmp_path / "scene.tif", {"green": full(0.5), "swir16": full(0.1)})
    path.with_name("scene.firnline.yaml").write_text("level: surface reflectance\n")
    source = FeatureSource(open_scene(path))
    assert source.level_of("green") == Level.SURFACE_REFLECTANCE
    assert source.level_of("ndsi") == Level.NOT_RADIOMETRIC
    with pytest.raises(BandError, match="red"):
        source.level_of("red")


def test_a_window_outside_the_scene_is_refused(tmp_path: Path) -> None:
    source = FeatureSource(make_scene(tmp_path, {"green": full(0.5)}))
    with pytest.raises(GridError, match="not inside"):
        read(source, ["green"], Window(0, 0, 7, 8))


def test_slope_needs_metres(tmp_path: Path) -> None:
    at = Affine(0.001, 0, 86, 0, -0.001, 28)
    scene = make_scene(tmp_path, {"elevation": full(5000)}, crs=CRS.from_epsg(4326), at=at)
    assert FeatureSource(scene).missing(["elevation", "slope"]) == ("slope",)
    assert FeatureSource(scene).why_missing("slope") == "needs a CRS projected in metres, and not Mercator"


def test_bands_shared_by_several_features_are_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from firnline import scene as scene_module

    calls: list[list[int]] = []
    stored = scene_module.SceneReader._stored

    def counted(self: scene_module.SceneReader, indexes: list[int], window: Window) -> NDArray[np.generic]:
        calls.append(indexes)
        return stored(self, indexes, window)

    monkeypatch.setattr(scene_module.SceneReader, "_stored", counted)
    bands = {"green": full(0.5), "red": full(0.3), "nir08": full(0.4), "swir16": full(0.1), "elevation": full(5)}
    source = FeatureSource(make_scene(tmp_path, bands))
    read(source, ["ndvi", "ndsi", "ndwi", "ndmi", "green", "slope", "elevation", "aspect"])
    assert sorted(index for indexes in calls for index in indexes) == [1, 2, 3, 4, 5]


# Terrain


def test_a_plane_has_one_slope_and_aspect_up_to_the_edge(tmp_path: Path) -> None:
    rows, columns = np.mgrid[0:6, 0:8].astype(np.float32)
    down_to_the_east = (5000 - 30 * columns).astype(np.float32)  # 30 m a pixel of 30 m
    down_to_the_south = (5000 - 15 * rows).astype(np.float32)
    for heights, slope, aspect in (
        (down_to_the_east, 45.0, 90.0),
        (down_to_the_south, np.degrees(np.arctan(0.5)), 180.0),
    ):
        found = read(FeatureSource(make_scene(tmp_path, {"elevation": heights})), ["slope", "aspect"])
        assert found[0] == pytest.approx(full(slope), abs=1e-4)
        assert found[1] == pytest.approx(full(aspect), abs=1e-4)


def test_a_cone_falls_away_on_all_sides(tmp_path: Path) -> None:
    rows, columns = np.mgrid[0:81, 0:81].astype(np.float64) - 40
    heights = (6000 - 30 * 0.5 * np.hypot(rows, columns)).astype(np.float32)
    slope, aspect = read(FeatureSource(make_scene(tmp_path, {"elevation": heights})), ["slope", "aspect"])
    far = np.hypot(rows, columns) > 15
    assert np.abs(slope - np.degrees(np.arctan(0.5)))[far].max() < 0.2
    bearing = np.degrees(np.arctan2(columns, -rows)) % 360
    assert np.abs((aspect - bearing + 180) % 360 - 180)[far].max() < 0.3
    assert slope[40, 40] == 0
    assert np.isnan(aspect[40, 40]), "a summit looks nowhere"


def test_pixels_that_are_not_square(tmp_path: Path) -> None:
    heights = mountains((20, 30))
    scene = make_scene(tmp_path, {"elevation": heights}, at=Affine(20, 0, 478005, 0, -40, 3108145))
    slope, aspect = read(FeatureSource(scene), ["slope", "aspect"])
    expected = horn_reference(heights, 20, 40)
    assert slope[1:-1, 1:-1] == pytest.approx(expected[0], abs=1e-4)
    assert aspect[1:-1, 1:-1] == pytest.approx(expected[1], abs=1e-3)


def test_an_unknown_height_makes_its_eight_neighbours_unknown(tmp_path: Path) -> None:
    heights = mountains((9, 9))
    heights[4, 4] = np.nan
    heights[0, 8] = np.nan
    slope = read(FeatureSource(make_scene(tmp_path, {"elevation": heights})), ["slope"])[0]
    expected = np.zeros((9, 9), bool)
    expected[3:6, 3:6] = True
    expected[:2, 7:] = True
    assert (np.isnan(slope) == expected).all()


def windows_over(shape: tuple[int, int], size: int) -> list[Window]:
    return [
        Window(row, column, min(size, shape[0] - row), min(size, shape[1] - column))
        for row in range(0, shape[0], size)
        for column in range(0, shape[1], size)
    ]


@pytest.mark.parametrize("size", [1, 7, 16, 33])
@pytest.mark.parametrize("with_dem", [False, True])
def test_a_window_holds_exactly_what_the_whole_scene_holds_there(tmp_path: Path, size: int, with_dem: bool) -> None:
    shape = (40, 51)
    bands = {"green": mountains(shape, 2), "swir16": mountains(shape, 3)}
    dem = None
    if with_dem:
        west, south, east, north = transform_bounds(UTM45, CRS.from_epsg(4326), 477000, 3106000, 480500, 3109000)
        at = Affine((east - west) / 60, 0, west, 0, (south - north) / 50, north)
        dem = write(tmp_path / "dem.tif", {"height": mountains((50, 60), 4)}, crs=CRS.from_epsg(4326), at=at)
    else:
        bands["elevation"] = mountains(shape)
        bands["elevation"][20:22, 30] = np.nan
    source = FeatureSource(make_scene(tmp_path, bands), dem)
    names = ["slope", "ndsi", "aspect", "elevation"]
    whole = read(source, names)
    assert np.isfinite(whole).mean() > 0.9
    with source.reader() as reader:
        for window in windows_over(shape, size):
            np.testing.assert_array_equal(reader.read(names, window), whole[:, *window.slices])


def test_windows_agree_over_the_seams_of_the_tiles_a_dem_is_warped_in(tmp_path: Path) -> None:
    """Tiles are 512 pixels: this scene has four, and the slope must not show where they meet."""
    x, y = np.meshgrid(np.linspace(0, 9, 400), np.linspace(0, 9, 400))
    smooth = (5000 + 800 * np.sin(x) * np.cos(y)).astype(np.float32)
    west, south, east, north = transform_bounds(UTM45, CRS.from_epsg(4326), 477500, 3089000, 497000, 3108800)
    at = Affine((east - west) / 400, 0, west, 0, (south - north) / 400, north)
    dem = write(tmp_path / "dem.tif", {"height": smooth}, crs=CRS.from_epsg(4326), at=at)
    source = FeatureSource(make_scene(tmp_path, {"green": full(1, (600, 600))}), dem)
    whole = read(source, ["elevation", "slope"])
    for window in (Window(500, 500, 30, 30), Window(510, 0, 4, 600), Window(599, 599, 1, 1)):
        np.testing.assert_array_equal(read(source, ["elevation", "slope"], window), whole[:, *window.slices])
    steps = np.abs(np.diff(whole[0], axis=1))
    assert steps[:, 509:512].max() < 1.2 * steps.max()
    assert (
        np.abs(np.diff(whole[0], n=2, axis=1))[:, 508:512].max() < 1.2 * np.abs(np.diff(whole[0], n=2, axis=1)).max()
    )


# A DEM of another CRS and resolution


def plane_dem(path: Path, *, nodata: float | None = None, scale: float = 1.0) -> Path:
    """Heights that fall by 0.5 m a metre to the east in UTM 45, stored on a latitude-longitude grid."""
    west, south, east, north = transform_bounds(UTM45, CRS.from_epsg(4326), 477000, 3106500, 480000, 3109500)
    rows, columns = 50, 60
    at = Affine((east - west) / columns, 0, west, 0, (south - north) / rows, north)
    r, c = np.mgrid[0:rows, 0:columns] + 0.5
    longitude, latitude = at.c + c.ravel() * at.a, at.f + r.ravel() * at.e
    x, _ = transform(CRS.from_epsg(4326), UTM45, longitude, latitude)
    heights = (5000 - 0.5 * (np.array(x) - 478005)).reshape(rows, columns)
    return write(path, {"h": (heights / scale).astype(np.float32)}, crs=CRS.from_epsg(4326), at=at, nodata=nodata)


def test_a_dem_is_resampled_to_the_scene(tmp_path: Path) -> None:
    scene = make_scene(tmp_path, {"green": full(0.5, (20, 30))})
    source = FeatureSource(scene, plane_dem(tmp_path / "dem.tif"))
    green, elevation, slope, aspect = read(source, ["green", "elevation", "slope", "aspect"])
    assert (green == 0.5).all()
    assert source.missing(["green", "red", "slope"]) == ("red",)
    assert source.why_missing("red") == "the scene has no such band"
    east = 15 + 30 * np.arange(30)
    assert np.abs(elevation - (5000 - 0.5 * east)).max() < 1.0
    assert slope == pytest.approx(np.full((20, 30), np.degrees(np.arctan(0.5))), abs=0.1)
    assert aspect == pytest.approx(np.full((20, 30), 90.0), abs=0.5)
    assert source.origin_of("slope") == f"derived from {tmp_path / 'dem.tif'}"
    assert source.level_of("elevation") == Level.NOT_RADIOMETRIC


def test_a_named_dem_goes_before_stored_terrain(tmp_path: Path) -> None:
    scene = make_scene(tmp_path, {"elevation": full(1), "slope": full(77)})
    assert (read(FeatureSource(scene), ["slope"]) == 77).all()
    elevation, slope = read(FeatureSource(scene, plane_dem(tmp_path / "dem.tif")), ["elevation", "slope"])
    assert (elevation > 4000).all()
    assert (slope < 30).all()


def test_where_the_dem_has_nothing_terrain_is_unknown(tmp_path: Path) -> None:
    heights = full(4000, (40, 40))
    heights[:10, :10] = -32768
    dem = write(tmp_path / "dem.tif", {"h": heights}, at=ORIGIN, nodata=-32768)
    scene = make_scene(tmp_path, {"green": full(0.5, (50, 50))})
    elevation, slope = read(FeatureSource(scene, dem), ["elevation", "slope"])
    assert np.isnan(elevation[:10, :10]).all()
    assert np.isnan(elevation[40:]).all()
    assert np.isnan(elevation[:, 40:]).all()
    known = elevation[np.isfinite(elevation)]
    assert known.size == 1500
    assert (known == 4000).all(), "no height is mixed with nodata"
    assert np.isnan(slope[10, :10]).all(), "nor is a slope"


def test_nan_in_a_dem_without_nodata_is_unknown(tmp_path: Path) -> None:
    heights = full(4000, (10, 10))
    heights[5, 5] = np.nan
    dem = write(tmp_path / "dem.tif", {"h": heights})
    elevation = read(FeatureSource(make_scene(tmp_path, {"green": full(1, (10, 10))}), dem), ["elevation"])[0]
    assert np.isnan(elevation).sum() == 1
    assert np.isnan(elevation[5, 5])


def test_a_dem_stored_with_a_scale(tmp_path: Path) -> None:
    path = plane_dem(tmp_path / "dem.tif", scale=0.1)
    with rasterio.open(path, "r+") as file:
        file.scales, file.offsets = [0.1], [100.0]
    elevation = read(FeatureSource(make_scene(tmp_path, {"green": full(1)}), path), ["elevation"])[0]
    assert elevation[0, 0] == pytest.approx(5000 - 7.5 + 100, abs=0.5)


def test_dems_that_cannot_serve_are_refused_with_the_file_named(tmp_path: Path) -> None:
    scene = make_scene(tmp_path, {"green": full(1)})
    bare = write(tmp_path / "bare.tif", {"h": full(1)}, crs=None)
    far = write(tmp_path / "far.tif", {"h": full(1)}, crs=CRS.from_epsg(32643))
    two = write(tmp_path / "two.tif", {"h": full(1), "i": full(1)})
    cases: list[tuple[Path, type[FirnlineError], str]] = [
        (bare, GridError, "bare.tif: the DEM has no CRS"),
        (far, GridError, "far.tif: the DEM does not reach the scene"),
        (two, BandError, "two.tif: a DEM has one band"),
        (tmp_path / "none.tif", SceneError, "none.tif: does not exist"),
    ]
    for path, error, message in cases:
        with pytest.raises(error, match=message):
            FeatureSource(scene, path)
