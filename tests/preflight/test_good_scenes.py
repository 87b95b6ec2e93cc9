"""Good scenes that are unlike those of the other tests: other ground, other ways of storing; none may be refused."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import rasterio
from affine import Affine
from scipy import ndimage

from firnline.features import FeatureSource
from firnline.preflight.check import check_scene
from firnline.preflight.finding import Preflight
from firnline.preflight.training_range import Trained
from firnline.scene import open_scene

SIDE = 200
NAMES = ("blue", "green", "red", "nir08", "swir16", "swir22")
GROUND = {
    "red rock": (0.07, 0.12, 0.26, 0.32, 0.42, 0.38),
    "grey rock": (0.11, 0.13, 0.15, 0.17, 0.19, 0.17),
    "dark rock": (0.05, 0.06, 0.07, 0.09, 0.11, 0.10),
    "sand": (0.15, 0.22, 0.32, 0.38, 0.48, 0.45),
    "soil": (0.07, 0.10, 0.15, 0.24, 0.32, 0.27),
    "grass": (0.03, 0.08, 0.05, 0.42, 0.22, 0.11),
    "dry grass": (0.06, 0.10, 0.14, 0.26, 0.33, 0.23),
    "conifers": (0.015, 0.03, 0.02, 0.22, 0.09, 0.04),
    "clear water": (0.03, 0.025, 0.012, 0.006, 0.003, 0.002),
    "snow": (0.92, 0.91, 0.88, 0.78, 0.10, 0.08),
    "fine fresh snow": (0.95, 0.95, 0.94, 0.88, 0.20, 0.14),
    "ice cloud": (0.70, 0.70, 0.70, 0.70, 0.28, 0.25),
}
"""Reflectance by band, after the shapes of published spectral libraries."""


def field(random: np.random.Generator, width: float) -> np.ndarray:
    values = ndimage.gaussian_filter(random.standard_normal((SIDE, SIDE)), width)
    return np.asarray(values / values.std())


def landscape(*grounds: str, seed: int = 0, haze: float = 0.0) -> dict[str, np.ndarray]:
    """Grounds mixed in patches, in the light and shade of hills, with noise and uneven haze."""
    random = np.random.default_rng(seed)
    weights = np.exp([2.5 * field(random, 5) for _ in grounds])
    weights /= weights.sum(axis=0)
    light = np.clip(1 + 0.3 * field(random, 4), 0.03, 2)
    air = haze * np.clip(0.5 + 0.5 * field(random, 30), 0, None)
    bands = {}
    for i, name in enumerate(NAMES):
        mixed = sum(weight * GROUND[ground][i] for weight, ground in zip(weights, grounds, strict=True))
        sky, scattered = (0.22, 0.14, 0.09, 0.06, 0.03, 0.02)[i], (0.06, 0.045, 0.03, 0.015, 0.004, 0.002)[i]
        mixed = mixed * (1 + 0.03 * field(random, 1)) * (light * (1 - sky) + sky) + air * scattered
        bands[name] = mixed + 0.002 * random.standard_normal(mixed.shape)
    return bands


def checked(
    path: Path,
    bands: dict[str, np.ndarray],
    *,
    trained: tuple[Trained, ...] = (),
    dtype: str = "float32",
    pixel: float = 30.0,
    level: str = "surface reflectance",
    **tags: str,
) -> Preflight:
    values = np.stack(list(bands.values()))
    profile = {"driver": "GTiff", "dtype": dtype, "count": len(bands), "crs": "EPSG:32645"}
    profile |= {"height": values.shape[1], "width": values.shape[2]}
    with rasterio.open(
        path / "scene.tif", "w", transform=Affine(pixel, 0, 478005, 0, -pixel, 3108145), **profile
    ) as file:
        file.write(values.astype(dtype))
        file.descriptions = list(bands)
        file.update_tags(LEVEL=level, **tags)
    return check_scene(FeatureSource(open_scene(path / "scene.tif")), trained)


@pytest.mark.parametrize(
    "grounds",
    [
        ("red rock",),
        ("red rock", "sand", "dry grass"),
        ("dry grass", "soil", "dark rock"),
        ("dry grass",),
        ("grass",),
        ("conifers",),
        ("conifers", "grey rock"),
        ("conifers", "grass", "grey rock", "snow"),
        ("clear water",),
        ("fine fresh snow",),
        ("ice cloud",),
    ],
    ids="-".join,
)
@pytest.mark.parametrize("haze", [0.0, 1.5])
def test_no_ground_is_refused(tmp_path: Path, grounds: tuple[str, ...], haze: float) -> None:
    found = checked(tmp_path, landscape(*grounds, seed=len(grounds), haze=haze))
    assert found.refusals == ()


@pytest.mark.parametrize("other", ["blue", "green", "red"])
def test_bands_swapped_beside_snow_are_refused_all_the_same(tmp_path: Path, other: str) -> None:
    bands = landscape("grass", "grey rock", "dark rock", "snow")
    assert checked(tmp_path, bands).refusals == ()
    bands[other], bands["swir16"] = bands["swir16"], bands[other]
    assert f"'{other}' and 'swir16' look swapped" in " ".join(each.what for each in checked(tmp_path, bands).refusals)


def test_short_wave_infrared_cut_off_at_0_is_no_wrong_scale(tmp_path: Path) -> None:
    bands = landscape("clear water")
    bands["swir16"] = np.zeros((SIDE, SIDE))
    assert checked(tmp_path, bands).refusals == ()
    bands = {name: values * 1e-4 for name, values in bands.items()}
    assert checked(tmp_path, bands).is_refused


def test_shadow_of_landsat_whose_sensor_is_not_said(tmp_path: Path) -> None:
    """Atmospheric correction errs in the shadows of deep winter: -0.05 and less in the short-wave infrared."""
    bands = landscape("grey rock", "snow")
    bands["swir16"][:20] = -0.07
    found = checked(tmp_path, bands)
    assert found.refusals == ()
    assert [each.severity for each in found.findings if each.check == "offset"] == ["caution"]
    assert checked(tmp_path, bands, SENSOR="Sentinel-2").is_refused
    bands["swir16"][:20] = -0.16  # an offset of 0.2 that went off twice
    assert checked(tmp_path, bands).is_refused


@pytest.mark.parametrize("level", ["", "digital number"])
def test_resampled_bytes_of_bright_snow_are_not_kelvin(tmp_path: Path, level: str) -> None:
    snow = 215 + 12 * np.clip(field(np.random.default_rng(1), 3), -2.5, 2.5)
    bands = {name: snow * factor for name, factor in {"blue": 1.0, "green": 0.99, "red": 0.98}.items()}
    assert checked(tmp_path, bands, level=level).refusals == ()


def test_black_pixels_of_a_single_band_are_no_proof_of_filler(tmp_path: Path) -> None:
    water = np.clip(landscape("grey rock")["nir08"] * 400, 1, 255)
    water[:20] = 0
    found = checked(tmp_path, {"nir08": water}, dtype="uint8", level="digital number")
    assert [each.severity for each in found.findings if each.check == "filler"] == ["caution"]


def test_shadow_that_was_cut_off_at_0_is_no_proof_of_filler(tmp_path: Path) -> None:
    bands = landscape("grey rock", "snow")
    shade = 0.02 * field(np.random.default_rng(3), 2)
    for i, name in enumerate(bands):
        bands[name][:40] = np.clip(shade[:40] - 0.005 * i, 0, None)
    found = checked(tmp_path, bands)
    assert [each.severity for each in found.findings if each.check == "filler"] == ["caution"]


def test_an_index_of_reflectance_beside_digital_numbers(tmp_path: Path) -> None:
    bands = landscape("grey rock", "dark rock", "snow")
    ndsi = (bands["green"] - bands["swir16"]) / (bands["green"] + bands["swir16"])
    numbers = {name: np.rint(20000 * np.clip(values, 0, None) + 5000) for name, values in bands.items()}
    for name in ("swir16", "swir22"):
        numbers[name] = numbers[name] * 0.4
    found = checked(tmp_path, {**numbers, "ndsi": np.clip(ndsi, -1, 1)}, level="digital number")
    assert found.refusals == ()
    assert [each.severity for each in found.findings if each.check == "stored indices"] == ["caution"]
    assert checked(tmp_path, {**numbers, "ndsi": np.clip(-ndsi, -1, 1)}, level="digital number").is_refused


def test_water_is_flat_and_a_model_may_see_it(tmp_path: Path) -> None:
    bands = {"green": 0.025 + 0.0004 * field(np.random.default_rng(0), 2)}
    trained = (Trained("green", 0.4, 0.3),)
    assert checked(tmp_path, bands, trained=trained).refusals == ()
    assert checked(tmp_path, {"green": bands["green"] * 1e-3}, level="", trained=trained).is_refused


# Heights


def hills(height: float) -> np.ndarray:
    return 3000 + height * field(np.random.default_rng(2), 6)


def test_one_wrong_pixel_of_a_dem_is_not_its_unit(tmp_path: Path) -> None:
    heights = hills(200)
    heights[100, 100], heights[50, 60] = 9400, -500
    bands = landscape("grey rock") | {"elevation": heights}
    assert checked(tmp_path, bands).refusals == ()
    heights[90:100, 90:100] = -500
    assert checked(tmp_path, bands).is_refused


def test_trees_and_boulders_in_small_pixels_are_steeper_than_landscapes(tmp_path: Path) -> None:
    bands = landscape("conifers") | {"elevation": hills(60)}
    found = checked(tmp_path, bands, pixel=1.0)
    assert found.refusals == ()
    assert [each.severity for each in found.findings if "a wall, or" in each.what] == ["caution"]
    bands["elevation"] = hills(500)
    assert "half of the ground would be steeper" in checked(tmp_path, bands, pixel=30.0).refusals[0].what


def test_walls_of_a_fjord_in_large_pixels_are_no_holes(tmp_path: Path) -> None:
    columns = np.arange(SIDE) + np.zeros((SIDE, 1))
    heights = np.clip((np.abs(columns - 100) - 20) * 500, 0, 1500) * 1.0
    bands = landscape("grey rock") | {"elevation": heights}
    assert checked(tmp_path, bands, pixel=500.0).refusals == ()


# Nothing that can be opened ends in a traceback, a warning, or a number that JSON does not know


@pytest.mark.parametrize("value", [0.0, 1e38, -3.4028235e38, np.inf, -np.inf, np.nan])
@pytest.mark.parametrize("band", ["red", "swir16", "elevation", "slope", "lwir11", "ndsi", "qa"])
def test_strange_values_are_judged_quietly(tmp_path: Path, band: str, value: float) -> None:
    bands = landscape("grey rock")
    strange = np.where(np.random.default_rng(0).random((SIDE, SIDE)) < 0.05, value, bands.get(band, hills(100)))
    found = checked(tmp_path, {**bands, band: strange}, SENSOR="landsat8")
    said = json.dumps(found.as_json(), allow_nan=False)
    assert len(said) < 20_000
    assert all(len(each.what) < 400 for each in found.findings)
    assert " nan" not in said
