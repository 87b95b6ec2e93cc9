"""A scene is what its file and sidecar say, and nothing is guessed."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from zipfile import ZipFile

import numpy as np
import pytest
import rasterio
from affine import Affine

from firnline.bands import BANDS, Level, Sensor, band_name, sensor_from_text
from firnline.errors import BandError, ConfigError, GridError, SceneError
from firnline.grid import Window
from firnline.scene import open_scene


def write(path: Path, values: np.ndarray, names: tuple[str, ...] = (), **profile: object) -> Path:
    count, height, width = values.shape
    settings = {
        "driver": "GTiff", "dtype": values.dtype, "count": count, "height": height, "width": width,
        "crs": "EPSG:32645", "transform": Affine(30, 0, 478005, 0, -30, 3108145),
    } | profile  # fmt: skip
    with rasterio.open(path, "w", **settings) as file:
        if names:
            file.descriptions = names
        file.write(values)
    return path


@pytest.mark.parametrize(
    ("raw", "sensor", "name"),
    [
        ("B4", Sensor.LANDSAT5, "nir08"),
        ("B4", Sensor.LANDSAT7, "nir08"),
        ("B4", Sensor.LANDSAT8, "red"),
        ("B04", Sensor.SENTINEL2, "red"),
        ("SR_B5", Sensor.LANDSAT9, "nir08"),
        ("ST_B10", Sensor.LANDSAT8, "lwir11"),
        ("ST_B6", Sensor.LANDSAT7, "lwir11"),
        ("B6_VCID_2", Sensor.LANDSAT7, "lwir_high_gain"),
        ("B8", Sensor.LANDSAT7, "pan"),
        ("B8", Sensor.SENTINEL2, "nir08"),
        ("B8A", Sensor.SENTINEL2, "nir08_narrow"),
        ("B11", Sensor.SENTINEL2, "swir16"),
        ("B11", Sensor.LANDSAT8, "lwir12"),
        ("nir", None, "nir08"),
        ("SWIR16", None, "swir16"),
        ("B4", None, None),
        ("albedo", None, None),
    ],
)
def test_products_names_mean_what_their_sensor_says(raw: str, sensor: Sensor | None, name: str | None) -> None:
    assert band_name(raw, sensor) == name


@pytest.mark.parametrize(
    ("texts", "sensor"),
    [
        (["landsat9_scene.tif"], Sensor.LANDSAT9),
        (["LC09_L2SP_147037_20230827.tif"], Sensor.LANDSAT9),
        (["clip_LC08_147037.tif"], Sensor.LANDSAT8),
        (["x_OLI_y.tif"], Sensor.LANDSAT8),
        (["Landsat 8/9 OLI/TIRS"], Sensor.LANDSAT8),
        (["OLI_TIRS", "LANDSAT_9"], Sensor.LANDSAT9),
        (["OLI-2"], Sensor.LANDSAT9),
        (["x_OLI_2023.tif"], Sensor.LANDSAT8),
        (["LE71340402007265.tif"], Sensor.LANDSAT7),
        (["ETM+"], Sensor.LANDSAT7),
        (["S2C_MSIL2A_20250928.tif"], Sensor.SENTINEL2),
        (["sentinel-2_20190928.tif"], Sensor.SENTINEL2),
        (["landsat_500m.tif"], None),
        (["folios2a_x.tif"], None),
        (["police.tif"], None),
    ],
)
def test_the_sensor_is_found_in_names_and_tags(texts: list[str], sensor: Sensor | None) -> None:
    assert sensor_from_text(*texts) == sensor


def test_stored_scale_offset_and_nodata_are_applied(tmp_path: Path) -> None:
    stored = np.array([[[0, 10000, 20000]]], np.uint16)
    path = write(tmp_path / "LC09_20230827.tif", stored, ("SR_B4",), nodata=0)
    with rasterio.open(path, "r+") as file:
        file.scales, file.offsets = [2.75e-05], [-0.2]
    scene = open_scene(path)
    assert scene.read(["red"])[0, 0].tolist() == pytest.approx([np.nan, 0.075, 0.35], nan_ok=True)
    assert scene.band("red").level == Level.SURFACE_REFLECTANCE
    assert (scene.sensor, scene.date) == (Sensor.LANDSAT9, dt.date(2023, 8, 27))


def test_a_level_that_nothing_says_is_unknown(tmp_path: Path) -> None:
    scene = open_scene(write(tmp_path / "a.tif", np.ones((1, 2, 2), np.float32), ("red",)))
    assert scene.band("red").level == Level.UNKNOWN
    assert scene.band("red").unit == "unknown"
    assert (scene.sensor, scene.date) == (None, None)


def test_the_sidecar_beside_a_scene_says_what_the_file_does_not(tmp_path: Path) -> None:
    path = write(tmp_path / "a.tif", np.array([[[0, 500]], [[7, 9]]], np.int16))
    (tmp_path / "a.firnline.yaml").write_text(
        "sensor: sentinel2\ndate: 2019-09-28\nlevel: surface reflectance\nnames: [B03, B11]\n"
        "bands: {B03: {scale: 0.001, offset: 0.5}}\nfill: {band: B03, value: 0}\n"
    )
    scene = open_scene(path)
    assert scene.band_names == ("green", "swir16")
    assert scene.date == dt.date(2019, 9, 28)
    values = scene.read(["swir16", "green"])
    assert values[:, 0, 1].tolist() == pytest.approx([9, 1.0])
    assert np.isnan(values[:, 0, 0]).all(), "the fill of one band makes the pixel unknown in all"


@pytest.mark.parametrize("is_internal", [True, False], ids=["internal", "beside"])
@pytest.mark.parametrize("nodata", [None, 0], ids=["no nodata", "nodata"])
def test_what_the_files_own_mask_hides_is_unknown(tmp_path: Path, is_internal: bool, nodata: int | None) -> None:
    path, mask = tmp_path / "a.tif", np.full((2, 5), 255, np.uint8)
    mask[1, :3] = 0
    with rasterio.Env(GDAL_TIFF_INTERNAL_MASK=is_internal):
        write(path, np.full((2, 2, 5), 7, np.uint8), ("red", "green"), nodata=nodata)
        with rasterio.open(path, "r+") as file:
            file.write_mask(mask)
    scene = open_scene(path)
    assert np.array_equal(np.isnan(scene.read(["green", "red"])), np.stack([mask == 0] * 2))
    assert np.isnan(scene.read(["red"], Window(1, 2, 1, 3))).tolist() == [[[True, False, False]]]


@pytest.mark.parametrize("nodata", [None, 3], ids=["no nodata", "nodata"])
@pytest.mark.parametrize("options", [{}, {"bands": ["blue", "green", "nir"]}], ids=["described", "told"])
def test_an_alpha_band_is_no_band_and_hides_pixels(
    tmp_path: Path, options: dict[str, list[str]], nodata: int | None
) -> None:
    values = np.full((4, 1, 3), 7, np.uint16)
    values[0, 0, 0], values[3, 0] = 3, (65535, 0, 1)
    names = () if options else ("blue", "green", "nir08", "")
    path = write(tmp_path / "a.tif", values, names, photometric="RGB", alpha="yes", nodata=nodata)
    scene = open_scene(path, **options)  # type: ignore[arg-type]
    assert scene.band_names == ("blue", "green", "nir08")
    blue, nir = scene.read(["blue", "nir08"])
    assert nir[0].tolist() == pytest.approx([7, np.nan, 7], nan_ok=True)
    assert blue[0].tolist() == pytest.approx([3 if nodata is None else np.nan, np.nan, 7], nan_ok=True)


@pytest.mark.parametrize("names", [("blue", "green", "red", "nir08"), ()], ids=["described", "told"])
def test_a_fourth_band_that_has_a_name_is_no_alpha(tmp_path: Path, names: tuple[str, ...]) -> None:
    """GDAL calls the last of four bands of bytes alpha unless it is told otherwise."""
    path = write(tmp_path / "a.tif", np.zeros((4, 2, 2), np.uint8), names)
    scene = open_scene(path, bands=None if names else ["blue", "green", "red", "nir"])
    assert scene.band_names == ("blue", "green", "red", "nir08")
    assert (scene.read(["red", "nir08"]) == 0).all()


def test_bands_of_several_types_are_read_together(tmp_path: Path) -> None:
    write(tmp_path / "numbers.tif", np.full((1, 2, 3), 7, np.uint8), nodata=0)
    write(tmp_path / "heights.tif", np.full((1, 2, 3), 5000.5, np.float32))
    sources = "".join(
        f"""<VRTRasterBand dataType="{kind}" band="{band}"><Description>{name}</Description><SimpleSource>
        <SourceFilename relativeToVRT="1">{file}</SourceFilename><SourceBand>1</SourceBand></SimpleSource>
        </VRTRasterBand>"""
        for band, (kind, name, file) in enumerate(
            [("Byte", "red", "numbers.tif"), ("Float32", "elevation", "heights.tif")], start=1
        )
    )
    path = tmp_path / "scene.vrt"
    path.write_text(
        '<VRTDataset rasterXSize="3" rasterYSize="2"><SRS>EPSG:32645</SRS>'
        f"<GeoTransform>478005, 30, 0, 3108145, 0, -30</GeoTransform>{sources}</VRTDataset>"
    )
    values = open_scene(path).read(["elevation", "red"])
    assert values[:, 0, 0].tolist() == [5000.5, 7]


def test_names_that_only_gdal_understands_are_opened_as_they_are(tmp_path: Path) -> None:
    write(tmp_path / "LC08_20200901.tif", np.ones((1, 2, 2), np.float32), ("red",))
    with ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.write(tmp_path / "LC08_20200901.tif", "LC08_20200901.tif")
    (tmp_path / "LC08_20200901.tif").unlink()
    for name in (f"/vsizip/{tmp_path}/a.zip/LC08_20200901.tif", f"zip://{tmp_path}/a.zip!LC08_20200901.tif"):
        scene = open_scene(name)
        assert scene.read(["red"]).tolist() == [[[1, 1], [1, 1]]]
        assert (scene.sensor, scene.date) == (Sensor.LANDSAT8, dt.date(2020, 9, 1))
    with pytest.raises(SceneError, match=r"zip/b\.tif: is not a raster that GDAL reads"):
        open_scene(f"/vsizip/{tmp_path}/a.zip/b.tif")


def test_infinite_values_are_unknown(tmp_path: Path) -> None:
    values = np.array([[[np.inf, -np.inf, 1]]], np.float32)
    scene = open_scene(write(tmp_path / "a.tif", values, ("red",)))
    assert np.isfinite(scene.read(["red"])).tolist() == [[[False, False, True]]]


def test_a_window_is_where_it_says(tmp_path: Path) -> None:
    values = np.arange(60, dtype=np.float32).reshape(1, 6, 10)
    scene = open_scene(write(tmp_path / "a.tif", values, ("red",)))
    assert np.array_equal(scene.read(["red"], Window(2, 3, 3, 4)), values[:, 2:5, 3:7])


@pytest.mark.parametrize(
    ("names", "options", "error", "words"),
    [
        ((), {}, BandError, "--bands"),
        ((), {"bands": ["red"]}, BandError, "2 bands"),
        (("red", "red"), {}, BandError, "red"),
        (("B4", "B5"), {}, BandError, "sensor"),
        (("B4", "B99"), {"sensor": Sensor.LANDSAT8}, BandError, "B99"),
    ],
)
def test_bands_that_cannot_be_named_are_an_error(
    tmp_path: Path, names: tuple[str, ...], options: dict[str, object], error: type[Exception], words: str
) -> None:
    path = write(tmp_path / "plain.tif", np.ones((2, 2, 2), np.float32), names)
    with pytest.raises(error, match=words):
        open_scene(path, **options)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("sensr: landsat7", "sensr"),
        ("sensor: landsat11", "landsat8"),
        ("bands: {blue: {name: x}}", "blue"),
        ("[", "YAML"),
        ("date: 2020-13-01", "is not YAML: month must be in 1..12"),
    ],
)
def test_a_wrong_sidecar_is_an_error_that_names_the_key(tmp_path: Path, content: str, words: str) -> None:
    path = write(tmp_path / "a.tif", np.ones((1, 2, 2), np.float32), ("red",))
    (tmp_path / "a.firnline.yaml").write_text(content)
    with pytest.raises((ConfigError, BandError), match=words):
        open_scene(path)


@pytest.mark.parametrize(
    ("profile", "words"),
    [
        ({"crs": None}, "no CRS"),
        ({"transform": Affine(30, 5, 478005, 5, -30, 3108145)}, "rotated"),
        ({"transform": Affine(30, 0, 478005, 0, 30, 3108145)}, "north up"),
    ],
)
def test_a_grid_that_cannot_be_used_is_an_error(tmp_path: Path, profile: dict[str, object], words: str) -> None:
    path = write(tmp_path / "a.tif", np.ones((1, 2, 2), np.float32), ("red",), **profile)
    with pytest.raises(GridError, match=words):
        open_scene(path)


def test_a_truncated_file_is_told_where_it_breaks(tmp_path: Path) -> None:
    values = np.random.default_rng(0).random((1, 512, 512)).astype(np.float32)
    path = write(tmp_path / "a.tif", values, ("red",), tiled=True, blockxsize=128, blockysize=128)
    path.write_bytes(path.read_bytes()[:600_000])
    with pytest.raises(SceneError, match="damaged or cut off"):
        open_scene(path).read(["red"])


def test_the_papers_published_layout_is_put_right(tmp_path: Path) -> None:
    """Its ndsi has the sign flipped and its ndwi is Gao's: read by those names both would mislead."""
    names = ("B1", "B2", "B3", "B4", "B5", "B6_VCID_1", "B6_VCID_2", "B7", "B8", "BQA", "ndvi", "ndsi", "ndwi")
    values = np.ones((15, 1, 2), np.float32)
    values[11] = -0.8
    values[:, 0, 1] = 0
    scene = open_scene(write(tmp_path / "LE07_1_20050101.tif", values, (*names, "elevation", "slope")))
    assert "ndwi" not in scene.band_names
    assert scene.read(["ndsi"])[0, 0].tolist() == pytest.approx([0.8, np.nan], nan_ok=True)
    assert scene.band("nir08").level == Level.DIGITAL_NUMBER
    assert np.isnan(scene.read(scene.band_names)[:, 0, 1]).all()


@pytest.mark.real
def test_every_real_image_is_read_as_it_is(shared_data: Path) -> None:
    paths = [*shared_data.glob("*/*_image.tif"), *shared_data.glob("lila-hkh-sample/raster_data/*.tif")]
    assert len(paths) == 32
    for path in paths:
        scene = open_scene(path)
        values = scene.read(scene.band_names)
        assert set(scene.band_names) <= set(BANDS), path
        assert scene.sensor is not None, path
        assert 0.1 < np.isfinite(values).mean() <= 1, path


@pytest.mark.real
def test_real_reflectance_and_temperature_are_physical(shared_data: Path) -> None:
    scene = open_scene(shared_data / "landsat8-zanskar" / "08_13_image.tif")
    green, swir, thermal = scene.read(["green", "swir16", "lwir11"])
    assert 0 < np.nanmedian(swir) < 0.2 < np.nanmedian(green) < 1.2, "snow: bright in green, dark at 1.6 um"
    assert 230 < np.nanmin(thermal) < np.nanmax(thermal) < 300
    assert scene.band("lwir11").level == Level.SURFACE_TEMPERATURE


@pytest.mark.real
def test_the_real_sample_of_the_papers_data_has_ndsi_as_defined(shared_data: Path) -> None:
    (path,) = shared_data.glob("lila-hkh-sample/raster_data/*.tif")
    scene = open_scene(path)
    green, swir, ndsi = scene.read(["green", "swir16", "ndsi"]).astype(np.float64)
    known = np.isfinite(green) & (green + swir > 0)
    assert ndsi[known] == pytest.approx(((green - swir) / (green + swir))[known], abs=1e-5)
    assert str(scene.date) == "2007-09-22"
