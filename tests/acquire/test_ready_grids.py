"""Pixels come onto the scene's grid: copied where they are the same, else as GDAL warps them, unknown kept apart."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import rasterio
import shapely
from affine import Affine
from numpy.typing import NDArray
from pyproj import Transformer
from rasterio.crs import CRS
from rasterio.warp import transform_bounds
from scipy import ndimage

from firnline.acquire.aoi import Aoi, read_aoi
from firnline.acquire.ready.make import make_ready
from firnline.acquire.ready.settings import ReadySettings
from firnline.acquire.source import SourceProduct
from firnline.bands import Level, Sensor
from firnline.errors import BandError, ConfigError, FirnlineError, GridError, SceneError
from firnline.grid import Grid
from firnline.scene import open_scene

MakeProduct = Callable[..., SourceProduct]
CORNER = (478005.0, 3108135.0)
_DN = {"level": Level.DIGITAL_NUMBER, "scale": 1.0, "offset": 0.0}


def _numbers(shape: tuple[int, int], seed: int = 0) -> NDArray[np.uint16]:
    values = np.random.default_rng(seed).integers(7000, 40000, shape).astype(np.uint16)
    values[:3] = 0  # no data
    return values


def _smooth(shape: tuple[int, int]) -> NDArray[np.uint16]:
    rows, columns = np.mgrid[0 : shape[0], 0 : shape[1]]
    return (20000 + 5000 * np.sin(rows / 9) + 4000 * np.cos(columns / 7)).astype(np.uint16)


def test_pixels_on_the_scenes_grid_are_copied_exactly(make_product: MakeProduct, tmp_path: Path) -> None:
    bands = {name: _numbers((90, 110), seed) for seed, name in enumerate(("blue", "green", "nir08"))}
    ready = make_ready([make_product(bands)], tmp_path / "scene.tif")
    assert (ready.grid.transform.c % 30, ready.grid.transform.f % 30) == (15.0, 15.0)
    with rasterio.open(ready.path) as file:
        assert file.dtypes[0] == "uint16"
        assert file.nodata == 0
        assert file.descriptions[:3] == ("blue", "green", "nir08")
        assert file.transform == Affine(30, 0, CORNER[0], 0, -30, CORNER[1])
        assert (file.scales[0], file.offsets[0]) == (2.75e-05, -0.2)
        for index, values in enumerate(bands.values(), start=1):
            assert (file.read(index) == values).all()
    scene = open_scene(ready.path)
    assert scene.band("green").level == Level.SURFACE_REFLECTANCE
    assert scene.sensor == Sensor.LANDSAT8
    assert str(scene.date) == "2019-10-24"


def test_an_area_of_interest_snaps_outwards_to_the_lattice(make_product: MakeProduct, tmp_path: Path) -> None:
    green = _numbers((90, 110))
    product = make_product({"green": green})
    left, top = CORNER
    box = shapely.box(left + 30 * 10 + 23, top - 30 * 40 - 1, left + 30 * 20 - 7, top - 30 * 20 + 3)
    ready = make_ready([product], tmp_path / "scene.tif", aoi=Aoi(box, CRS.from_epsg(32645)))
    assert ready.grid.bounds == (left + 300, top - 30 * 41, left + 600, top - 30 * 19)
    with rasterio.open(ready.path) as file:
        assert (file.read(1) == green[19:41, 10:20]).all()


def test_an_area_in_degrees_is_covered(make_product: MakeProduct, tmp_path: Path) -> None:
    product = make_product({"green": _numbers((200, 200))})
    left, top = CORNER
    bounds = transform_bounds("EPSG:32645", "EPSG:4326", left + 1000, top - 4000, left + 4000, top - 1000)
    ready = make_ready([product], tmp_path / "scene.tif", aoi=Aoi(shapely.box(*bounds), CRS.from_epsg(4326)))
    own = transform_bounds("EPSG:4326", "EPSG:32645", *bounds)
    here = ready.grid.bounds
    assert own[0] - 30 < here[0] <= own[0] + 1e-6
    assert own[3] - 1e-6 <= here[3] < own[3] + 30
    assert here[0] % 30 == 15.0


@pytest.mark.parametrize(
    ("dtype", "nodata", "values"),
    [
        ("uint8", 0.0, [[0, 1, 2, 255]]),
        ("uint8", None, [[0, 1, 2, 254]]),
        ("uint8", 255.0, [[0, 1, 2, 255]]),
        ("uint16", 0.0, [[0, 1, 2, 65535]]),
        ("uint16", None, [[0, 1, 2, 65534]]),
        ("uint16", 65535.0, [[0, 1, 2, 65535]]),
        ("int16", -9999.0, [[-9999, -2000, 0, 16000]]),
        ("int16", -32768.0, [[-32768, -32767, 0, 32767]]),
        ("int16", None, [[-32767, -1, 0, 32767]]),
        ("float32", 0.0, [[0, 0.25, np.nan, 1.5]]),
        ("float32", np.nan, [[0, 0.25, np.nan, -1.5]]),
        ("float64", None, [[0, 0.25, np.nan, 1.0]]),
        ("int32", -9999.0, [[-9999, -70000, 0, 90000]]),
    ],
)
def test_every_stored_number_keeps_its_value_and_unknown_stays_apart(
    dtype: str, nodata: float | None, values: list[list[float]], make_product: MakeProduct, tmp_path: Path
) -> None:
    stored = np.array(values, dtype)
    product = make_product({"green": stored}, nodata=nodata, scale=0.5, offset=3.0)
    ready = make_ready([product], tmp_path / "scene.tif")
    unknown = ~np.isfinite(stored.astype(float)) | (stored == nodata)
    expected = np.where(unknown, np.nan, stored.astype(float) * 0.5 + 3.0)
    read = open_scene(ready.path).read(["green"])[0]
    np.testing.assert_array_equal(np.isnan(read), np.isnan(expected))
    np.testing.assert_allclose(read, expected, rtol=1e-6, atol=1e-6)


def test_a_pixel_that_the_fill_band_marks_is_unknown_in_all(make_product: MakeProduct, tmp_path: Path) -> None:
    green = np.array([[5.0, 0.0, 7.0]], np.float32)
    product = make_product({"green": green, "elevation": np.array([[4000.0, 0.0, 0.0]], np.float32)}, nodata=None)
    from dataclasses import replace

    fill = replace(product.bands[0], nodata=0.0)
    ready = make_ready([replace(product, fill=fill)], tmp_path / "scene.tif")
    scene = open_scene(ready.path)
    assert np.isnan(scene.read(["green", "elevation"])).tolist() == [[[False, True, False]]] * 2
    assert scene.read(["elevation"])[0, 0, 2] == 0.0


@pytest.mark.parametrize("crs", ["EPSG:32645", "EPSG:32644"])
def test_other_pixels_are_interpolated_where_they_lie(crs: str, make_product: MakeProduct, tmp_path: Path) -> None:
    values = _smooth((700, 620))
    corner = CORNER if crs == "EPSG:32645" else transform_bounds("EPSG:32645", crs, *CORNER, *CORNER)[:2]
    product = make_product({"green": values}, corner=corner, crs=crs)
    left, top = CORNER[0] + 3011.0, CORNER[1] - 3004.0
    grid = Grid(CRS.from_epsg(32645), Affine(30, 0, left, 0, -30, top), (530, 300))
    ready = make_ready([product], tmp_path / "scene.tif", grid=grid)
    with rasterio.open(ready.path) as file:
        own = file.read(1)
    rows, columns = np.mgrid[0:530, 0:300] + 0.5
    move = Transformer.from_crs("EPSG:32645", crs, always_xy=True)
    x, y = move.transform(left + 30 * columns, top - 30 * rows)
    at = [(corner[1] - y) / 30 - 0.5, (x - corner[0]) / 30 - 0.5]
    expected = ndimage.map_coordinates(values.astype(float), at, order=1, cval=np.nan)
    steepest = 5000 / 9 + 4000 / 7  # numbers a pixel
    assert (own > 0).all()
    assert np.abs(own - expected).max() <= 0.51 + (0.0 if crs == "EPSG:32645" else 0.011 * steepest)
    assert "resampled (bilinear)" in "\n".join(ready.lines)


def test_unknown_does_not_bleed_into_values(make_product: MakeProduct, tmp_path: Path) -> None:
    values = np.full((60, 60), 20000, np.uint16)
    values[20:40, 20:40] = 0
    grid = Grid(CRS.from_epsg(32645), Affine(30, 0, CORNER[0] + 10, 0, -30, CORNER[1] - 10), (58, 58))
    ready = make_ready([make_product({"green": values})], tmp_path / "scene.tif", grid=grid)
    with rasterio.open(ready.path) as file:
        own = file.read(1)
    assert set(np.unique(own)) == {0, 20000}
    assert abs(int((own == 0).sum()) - 400) <= 1  # neither grown nor shrunk


def test_coarse_bands_come_onto_fine_pixels_and_fine_ones_are_averaged(
    make_product: MakeProduct, tmp_path: Path
) -> None:
    fine, coarse = _smooth((80, 80)), _smooth((40, 40))
    optical = {"scale": 1e-4, "offset": -0.1, "sensor": Sensor.SENTINEL2, "pixels": {"green": 10.0, "swir16": 20.0}}
    product = make_product({"green": fine, "swir16": coarse}, **optical)
    ready = make_ready([product], tmp_path / "fine.tif")
    assert ready.grid.transform.a == 10.0
    with rasterio.open(ready.path) as file:
        assert (file.read(1) == fine).all()
        middle = file.read(2)[10:-10, 10:-10].astype(float)
    rows, columns = np.mgrid[10:70, 10:70]
    r, c = (rows + 0.5) / 2 - 0.5, (columns + 0.5) / 2 - 0.5
    r0, c0 = np.floor(r).astype(int), np.floor(c).astype(int)
    fr, fc = r - r0, c - c0
    expected = (
        coarse[r0, c0] * (1 - fr) * (1 - fc)
        + coarse[r0, c0 + 1] * (1 - fr) * fc
        + coarse[r0 + 1, c0] * fr * (1 - fc)
        + coarse[r0 + 1, c0 + 1] * fr * fc
    )
    assert np.abs(middle - expected).max() <= 0.51
    ready = make_ready([product], tmp_path / "coarse.tif", settings=ReadySettings(resolution=20.0))
    with rasterio.open(ready.path) as file:
        assert (file.read(2) == coarse).all()
        mean = fine.reshape(40, 2, 40, 2).mean(axis=(1, 3))
        assert np.abs(file.read(1) - mean).max() <= 0.51


def test_a_mean_is_known_where_half_of_it_is(make_product: MakeProduct, tmp_path: Path) -> None:
    fine = _smooth((40, 40))
    fine[0:2, 0], fine[0:2, 2:4], fine[1, 3] = 0, 0, 9000  # two and three of four pixels are unknown
    product = make_product({"green": fine, "swir16": _smooth((20, 20))}, pixels={"green": 10.0, "swir16": 20.0})
    ready = make_ready([product], tmp_path / "s.tif", settings=ReadySettings(resolution=20.0))
    with rasterio.open(ready.path) as file:
        own = file.read(1)
    assert abs(int(own[0, 0]) - fine[0:2, 1].mean()) <= 0.51
    assert own[0, 1] == 0
    assert (own == 0).sum() == 1


def test_nearest_repeats_pixels(make_product: MakeProduct, tmp_path: Path) -> None:
    coarse = _smooth((20, 20))
    product = make_product({"green": _smooth((40, 40)), "swir16": coarse}, pixels={"green": 10.0, "swir16": 20.0})
    ready = make_ready([product], tmp_path / "s.tif", settings=ReadySettings(resampling="nearest"))
    with rasterio.open(ready.path) as file:
        assert (file.read(2) == coarse.repeat(2, 0).repeat(2, 1)).all()


def test_products_of_one_day_are_put_together(make_product: MakeProduct, tmp_path: Path) -> None:
    whole = _smooth((60, 100))
    west = make_product({"green": whole[:, :60]}, name="west")
    east = make_product({"green": whole[:, 50:]}, name="east", corner=(CORNER[0] + 50 * 30, CORNER[1]))
    ready = make_ready([west, east], tmp_path / "scene.tif")
    assert "day" not in ready.bands
    with rasterio.open(ready.path) as file:
        assert (file.read(1) == whole).all()


def test_bands_that_are_asked_for(make_product: MakeProduct, tmp_path: Path) -> None:
    product = make_product({name: _smooth((30, 30)) for name in ("green", "red", "nir08", "swir16")})
    ready = make_ready([product], tmp_path / "s.tif", settings=ReadySettings(bands=("ndvi", "red")))
    assert ready.bands == ("ndvi", "red")
    scene = open_scene(ready.path)
    nir, red = (_smooth((30, 30)) * 2.75e-05 - 0.2 for _ in range(2))
    np.testing.assert_allclose(scene.read(["ndvi"])[0], (nir - red) / (nir + red), atol=6e-5)


def _refused(
    products: list[SourceProduct], out: Path, error: type[FirnlineError], match: str, **more: object
) -> None:
    with pytest.raises(error, match=match):
        make_ready(products, out, **more)  # type: ignore[arg-type]
    assert [path.name for path in out.parent.iterdir() if path.is_file()] == []


def test_what_cannot_be_a_scene_is_refused_in_a_line(make_product: MakeProduct, tmp_path: Path) -> None:
    product = make_product({"green": _smooth((30, 30))}, name="A")
    other = make_product({"green": _smooth((30, 30))}, name="B", day="2019-09-01")
    out = tmp_path / "scene.tif"
    far = Aoi(shapely.box(0, 0, 1, 1), CRS.from_epsg(4326), "far.gpkg")
    _refused([], out, ConfigError, "no product")
    _refused([product], tmp_path / "scene.png", FirnlineError, "GeoTIFF")
    _refused([product, product], out, ConfigError, "twice: A")
    _refused([product], out, GridError, "far.gpkg: lies outside of every product", aoi=far)
    _refused([product, other], out, ConfigError, "products of 2 days: 2019-09-01 2019-10-24")
    elsewhere = Grid(CRS.from_epsg(32645), Affine(30, 0, 15, 0, -30, 15), (10, 10))
    _refused([product], out, GridError, "no product reaches", grid=elsewhere)
    _refused([product], out, BandError, "A: has no band 'swir22'", settings=ReadySettings(bands=("swir22",)))
    _refused(
        [product],
        out,
        BandError,
        "A: has no band 'swir16', which ndsi needs",
        settings=ReadySettings(bands=("ndsi",)),
    )
    _refused([product], out, BandError, "no DEM", settings=ReadySettings(bands=("green", "slope")))
    empty = make_product({"green": np.zeros((30, 30), np.uint16)}, name="E")
    _refused([empty], out, GridError, "E: no pixel of the products is known")
    Path(product.bands[0].href).unlink()
    _refused([product], out, SceneError, "green.tif: is missing")


def test_products_that_do_not_go_together_are_refused(make_product: MakeProduct, tmp_path: Path) -> None:
    values = {"green": _smooth((30, 30))}
    a = make_product(values, name="A")
    b = make_product(values, name="B", sensor=Sensor.SENTINEL2)
    c = make_product(values, name="C", level=Level.TOP_OF_ATMOSPHERE)
    _refused([a, b], tmp_path / "s.tif", ConfigError, r"A \(landsat8\) and B \(sentinel2\)")
    _refused([a, c], tmp_path / "s.tif", ConfigError, "green is surface reflectance in A and top-of-atmosphere")


def test_a_product_that_is_cut_off_leaves_nothing(make_product: MakeProduct, tmp_path: Path) -> None:
    product = make_product({"green": np.random.default_rng(0).integers(1, 60000, (900, 900)).astype(np.uint16)})
    path = Path(product.bands[0].href)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    _refused([product], tmp_path / "s.tif", SceneError, "damaged or cut off")


def test_an_area_is_read_from_a_file(tmp_path: Path) -> None:
    import geopandas

    path = tmp_path / "area.gpkg"
    geopandas.GeoDataFrame(geometry=[shapely.box(0, 0, 1, 1), shapely.box(2, 2, 3, 3)], crs=4326).to_file(path)
    assert read_aoi(path).bounds_in(CRS.from_epsg(4326)) == (0, 0, 3, 3)
    with pytest.raises(ConfigError, match="does not exist"):
        read_aoi(tmp_path / "none.gpkg")
    geopandas.GeoDataFrame(geometry=[shapely.Point(0, 0)], crs=4326).to_file(tmp_path / "point.gpkg")
    with pytest.raises(ConfigError, match="holds no polygon"):
        read_aoi(tmp_path / "point.gpkg")


def test_products_on_two_sides_of_the_earth_are_refused(make_product: MakeProduct, tmp_path: Path) -> None:
    here = make_product({"green": _smooth((30, 30))}, name="A")
    there = make_product({"green": _smooth((30, 30))}, name="B", crs="EPSG:32715")
    with pytest.raises(GridError, match="too far apart"):
        make_ready([here, there], tmp_path / "s.tif")
    with pytest.raises(GridError, match=r"lies outside of every product \(A B\)"):
        make_ready([here, there], tmp_path / "s.tif", aoi=Aoi(shapely.box(-90, -28, -89, -27), CRS.from_epsg(4326)))
    assert not list(tmp_path.glob("*.tif"))


def test_pixels_far_finer_than_the_products_are_refused(make_product: MakeProduct, tmp_path: Path) -> None:
    """A slip in --resolution would write for hours and fill a disk."""
    product = make_product({"green": _numbers((20, 20))})
    with pytest.raises(GridError, match="more than 10 times finer than the product's"):
        make_ready([product], tmp_path / "scene.tif", settings=ReadySettings(resolution=0.3))
    assert not list(tmp_path.glob("*.tif"))
    ready = make_ready([product], tmp_path / "scene.tif", settings=ReadySettings(resolution=3.0))
    assert ready.grid.shape == (200, 200)
