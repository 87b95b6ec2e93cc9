"""Masks of water, shadow and snow: told from what the scene has, and unknown where it has not."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import rasterio
from affine import Affine
from numpy.typing import NDArray

from firnline.bands import Level
from firnline.errors import BandError
from firnline.features import FeatureSource
from firnline.flags import Flag, flags_path
from firnline.inventory import masks
from firnline.inventory.inventory import read_inventory
from firnline.inventory.masks import write_masks
from firnline.mapping import map_scene
from firnline.models.ratio_rules import DEFAULTS
from firnline.scene import open_scene
from firnline.synthetic import SyntheticRange, make_range
from firnline.synthetic.surface import Surface

Cli = Callable[..., tuple[int, str, str]]

PROFILE = {"driver": "GTiff", "crs": "EPSG:32645", "transform": Affine(30, 0, 478005, 0, -30, 3108145)}
LAKE, ROCK, SNOW, DARK, NAN = (
    {"blue": 0.08, "green": 0.07, "nir08": 0.02, "swir16": 0.01},
    {"blue": 0.10, "green": 0.12, "nir08": 0.18, "swir16": 0.22},
    {"blue": 0.90, "green": 0.90, "nir08": 0.80, "swir16": 0.10},
    {"blue": 0.02, "green": 0.02, "nir08": 0.02, "swir16": 0.02},
    {"blue": np.nan, "green": np.nan, "nir08": np.nan, "swir16": np.nan},
)
"""Reflectance at the surface: clear water, rock, fresh snow, and rock in shadow."""


def scene_of(
    folder: Path, without: str = "", level: str = "surface reflectance", slope: list[float] | None = None
) -> FeatureSource:
    """A row of pixels: lake, rock, snow, dark rock, unknown."""
    names = [name for name in LAKE if name not in without.split()]
    values = [[pixel[name] for pixel in (LAKE, ROCK, SNOW, DARK, NAN)] for name in names]
    if slope is not None:
        names, values = [*names, "slope"], [*values, slope]
    path = folder / "scene.tif"
    with rasterio.open(path, "w", **PROFILE, count=len(names), dtype="float32", height=1, width=5) as file:
        file.descriptions = names
        file.update_tags(LEVEL=level)
        file.write(np.array(values, np.float32)[:, None])
    return FeatureSource(open_scene(path))


def told(source: FeatureSource) -> dict[str, list[int]]:
    path = source.scene.path.with_name("masks.tif")
    write_masks(source, path)
    with rasterio.open(path) as file:
        assert file.descriptions == ("water", "shadow", "snow")
        assert file.nodata == 255
        assert file.profile["tiled"]
        assert file.dtypes[0] == "uint8"
        return {name: band[0].tolist() for name, band in zip(file.descriptions, file.read(), strict=True)}


def test_water_shadow_and_snow_are_told_apart(tmp_path: Path) -> None:
    assert told(scene_of(tmp_path)) == {
        "water": [1, 0, 0, 0, 255],
        "shadow": [0, 0, 0, 1, 255],
        "snow": [0, 0, 1, 0, 255],
    }


@pytest.mark.parametrize(
    ("without", "unknown"),
    [("nir08", {"water", "shadow"}), ("blue", {"shadow"}), ("swir16", {"snow"}), ("blue nir08", {"water", "shadow"})],
)
def test_what_a_missing_band_would_tell_is_unknown(tmp_path: Path, without: str, unknown: set[str]) -> None:
    found = told(scene_of(tmp_path, without))
    assert {name for name, values in found.items() if values == [255] * 5} == unknown


def test_digital_numbers_tell_nothing(tmp_path: Path) -> None:
    with pytest.raises(BandError, match="neither water nor shadow nor snow"):
        told(scene_of(tmp_path, level="digital number"))
    assert not (tmp_path / "masks.tif").exists()


def test_water_is_flat_where_the_slope_is_known(tmp_path: Path) -> None:
    assert told(scene_of(tmp_path, slope=[20, 0, 0, 0, 0]))["water"][0] == 0
    assert told(scene_of(tmp_path, slope=[2, 0, 0, 0, 0]))["water"][0] == 1
    assert told(scene_of(tmp_path, slope=[np.nan, 0, 0, 0, 0]))["water"][0] == 1


def test_flags_go_before_darkness_and_the_file_says_so(tmp_path: Path) -> None:
    source = scene_of(tmp_path)
    told(source)
    with rasterio.open(tmp_path / "masks.tif") as file:
        assert file.tags()["SHADOW"].startswith("darkness")
    flags = np.array([[[Flag.TERRAIN_SHADOW, Flag.CLOUD_SHADOW, Flag.CLOUD, 0, 0]]], np.uint8)
    with rasterio.open(
        flags_path(source.scene.path), "w", **PROFILE, count=1, dtype="uint8", height=1, width=5
    ) as file:
        file.write(flags)
    found = told(source)
    assert found["shadow"] == [1, 1, 255, 0, 255], "flags say nothing of a pixel without data"
    assert found["water"] == [255, 255, 255, 0, 255], "rock lit by the sky looks like water"
    assert found["snow"][2] == 255, "nothing is known under a cloud"
    with rasterio.open(tmp_path / "masks.tif") as file:
        assert file.tags()["SHADOW"].startswith("flags")


@pytest.mark.parametrize("level", [Level.SURFACE_REFLECTANCE, Level.TOP_OF_ATMOSPHERE])
def test_thresholds_are_those_of_the_ratio_rules(level: Level) -> None:
    rules = DEFAULTS[level]
    mine = (masks.NDWI_OF_WATER, masks.WATER_NIR[level], masks.DARK_BLUE[level], masks.NDSI_OF_SNOW)
    assert mine == (rules.ndwi, rules.water_nir, rules.blue, rules.ndsi)


@pytest.fixture(scope="module")
def mountains(tmp_path_factory: pytest.TempPathFactory) -> SyntheticRange:
    return make_range(tmp_path_factory.mktemp("range"), width=256, height=256, seed=3, sensor="landsat8")


def test_a_synthetic_range_has_its_water_and_snow(mountains: SyntheticRange, tmp_path: Path, firnline: Cli) -> None:
    path = tmp_path / "masks.tif"
    code, out, err = firnline("inventory", "masks", mountains.scene, "-o", path)
    assert (code, err) == (0, ""), out + err
    assert "NDWI above 0.3" in out
    with rasterio.open(path) as file:
        water, _, snow = file.read()
    with rasterio.open(mountains.surfaces) as file:
        surfaces: NDArray[np.uint8] = file.read(1)
    lit = surfaces < 64
    kind = surfaces & 15
    assert ((water == 1) & lit).sum() > 20
    assert (kind[(water == 1) & lit] == Surface.LAKE).mean() > 0.9
    assert (snow[lit & np.isin(kind, [Surface.SNOW, Surface.FIRN])] == 1).mean() > 0.95
    assert (snow[lit & np.isin(kind, [Surface.ROCK, Surface.VEGETATION])] == 1).mean() < 0.02


def test_an_inventory_has_the_lakes_that_were_drawn(tmp_path: Path, firnline: Cli) -> None:
    """Ice of 40 x 40 pixels with one lake in it and one at its right side, and a third far away."""
    looks = np.full((60, 80), 0)
    looks[10:50, 10:50] = 1
    looks[20:30, 20:30] = looks[20:30, 50:60] = looks[20:30, 68:78] = 2
    pixels = ({**ROCK, "red": 0.14}, {**SNOW, "red": 0.9}, {**LAKE, "red": 0.04})
    names = list(pixels[0])
    scene = tmp_path / "scene.tif"
    with rasterio.open(scene, "w", **PROFILE, count=5, dtype="float32", height=60, width=80) as file:
        file.descriptions = names
        file.update_tags(LEVEL="surface reflectance")
        file.write(np.array([[pixel[name] for pixel in pixels] for name in names], np.float32)[:, looks])
    map_scene(FeatureSource(open_scene(scene)), "ratio", tmp_path / "map")
    code, out, err = firnline("inventory", "make", tmp_path / "map", "-o", tmp_path / "with.gpkg")
    assert (code, err) == (0, ""), out + err
    assert "lakes are not" not in out
    made = read_inventory(tmp_path / "with.gpkg")
    (glacier,) = made.glaciers["glacier_id"]
    assert made.lakes["glacier_id"].tolist() == [glacier] * 2
    assert sorted(made.lakes["contact"]) == ["on", "touching"]
    assert made.lakes["area_km2"].tolist() == pytest.approx([0.09, 0.09], rel=0.05), "smoothing rounds corners"
    assert made.lakes.geometry.union_all().intersection(made.glaciers.geometry.union_all()).area == 0
    firnline("inventory", "make", tmp_path / "map", "-o", tmp_path / "without.gpkg", "--no-lakes")
    assert read_inventory(tmp_path / "without.gpkg").lakes.empty
    scene.unlink()
    _, out, _ = firnline("inventory", "make", tmp_path / "map", "-o", tmp_path / "gone.gpkg")
    assert "not there any more: lakes are not outlined" in out


def test_an_inventory_of_digital_numbers_says_that_it_has_no_lakes(tmp_path: Path, firnline: Cli) -> None:
    numbers = make_range(tmp_path / "range", width=96, height=96, seed=3)
    map_scene(FeatureSource(open_scene(numbers.scene)), "ratio", tmp_path / "map")
    code, out, _ = firnline("inventory", "make", tmp_path / "map", "-o", tmp_path / "made.gpkg")
    assert code == 0
    assert "cannot tell water" in out
    assert read_inventory(tmp_path / "made.gpkg").lakes.empty
