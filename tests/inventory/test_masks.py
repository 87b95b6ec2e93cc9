"""Masks of water, shadow and snow: by hand, on a range whose truth is known, and on real lakes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import rasterio
from scipy import ndimage

from firnline.errors import BandError
from firnline.features import FeatureSource
from firnline.flags import Flag, flags_path
from firnline.grid import Window
from firnline.inventory.mask_rules import MaskThresholds
from firnline.inventory.masks import masks_of, write_masks
from firnline.scene import open_scene
from firnline.synthetic import SyntheticRange, make_range
from firnline.synthetic.surface import Surface

Cli = Callable[..., tuple[int, str, str]]
PROFILE = {
    "driver": "GTiff", "dtype": "float32", "crs": "EPSG:32645", "nodata": -9,
    "transform": rasterio.Affine(30, 0, 478005, 0, -30, 3108145),
}  # fmt: skip
COLUMNS = ("clear lake", "milky lake", "snow", "ice", "rock", "rock in shadow", "unknown")
BANDS = {
    "green": (0.05, 0.25, 0.80, 0.40, 0.15, 0.03, -9),
    "nir08": (0.01, 0.11, 0.70, 0.25, 0.20, 0.03, 0.2),
    "swir16": (0.01, 0.02, 0.05, 0.02, 0.25, 0.02, 0.2),
}
WATER, SHADOW, SNOW = (1, 1, 0, 0, 0, 0, 255), (0, 0, 0, 0, 0, 1, 255), (0, 0, 1, 1, 0, 0, 255)


def scene(folder: Path, bands: dict[str, tuple[float, ...]] = BANDS, level: str = "surface reflectance") -> Path:
    path = folder / "scene.tif"
    width = len(next(iter(bands.values())))
    with rasterio.open(path, "w", **PROFILE, count=len(bands), width=width, height=1) as file:
        file.descriptions = list(bands)
        file.update_tags(LEVEL=level)
        file.write(np.array([[values] for values in bands.values()], np.float32))
    return path


def write_flags(path: Path, flags: np.ndarray) -> None:
    with rasterio.open(path) as file:
        profile = {**PROFILE, "dtype": "uint8", "nodata": None, "width": file.width, "height": file.height}
    with rasterio.open(flags_path(path), "w", **profile, count=1) as file:
        file.write(flags.astype(np.uint8), 1)


def masks_in(path: Path, thresholds: MaskThresholds | None = None) -> dict[str, tuple[int, ...]]:
    out = path.with_name("masks.tif")
    write_masks(out, masks_of(FeatureSource(open_scene(path)), thresholds))
    with rasterio.open(out) as file:
        assert file.nodata == 255
        return {name: tuple(file.read(band)[0]) for band, name in enumerate(file.descriptions, start=1)}


def test_surfaces_drawn_by_hand(tmp_path: Path) -> None:
    assert masks_in(scene(tmp_path)) == {"water": WATER, "shadow": SHADOW, "snow": SNOW}


def test_a_mask_whose_bands_are_absent_is_unknown_and_says_so(tmp_path: Path) -> None:
    path = scene(tmp_path, {name: BANDS[name] for name in ("green", "nir08")})
    found = masks_in(path)
    assert found["water"] == WATER
    assert found["snow"] == (255,) * 7
    with rasterio.open(path.with_name("masks.tif")) as file:
        tags = file.tags()
    assert tags["SNOW"] == "unknown: needs ndsi, which needs swir16"
    assert tags["WATER"].startswith("NDWI > 0.3 and nir08 < 0.15 (McFeeters")
    assert tags["SHADOW"].startswith("darker than 0.11 in every optical band (green nir08)")


def test_digital_numbers_have_no_thresholds_but_take_given_ones(tmp_path: Path) -> None:
    numbers = {name: tuple(200 * value for value in values[:6]) for name, values in BANDS.items()}
    path = scene(tmp_path, numbers, "digital number")
    with pytest.raises(BandError, match="can tell neither water nor shadow nor snow"):
        masks_in(path)
    assert not path.with_name("masks.tif").exists()
    given = masks_in(path, MaskThresholds(ndwi=0.3, water_nir=30.0, ndsi=0.4, snow_nir=22.0, dark=22.0))
    assert given == {"water": WATER[:6], "shadow": SHADOW[:6], "snow": SNOW[:6]}


def test_flags_count_and_cloud_is_unknown(tmp_path: Path) -> None:
    path = scene(tmp_path)
    flags = np.zeros((1, 7))
    flags[0, 2], flags[0, 3], flags[0, 4], flags[0, 0] = (
        Flag.CLOUD,
        Flag.TERRAIN_SHADOW,
        Flag.WATER,
        Flag.CLOUD_SHADOW,
    )
    write_flags(path, flags)
    found = masks_in(path)
    assert found["water"] == (1, 1, 255, 0, 1, 0, 255)
    assert found["shadow"] == (1, 0, 255, 1, 0, 1, 255)
    assert found["snow"] == (0, 0, 255, 1, 0, 0, 255)


def test_flags_alone_tell_where_no_band_does(tmp_path: Path) -> None:
    path = scene(tmp_path, {"red": (0.2, 0.2, -9.0, -9.0)}, "digital number")
    write_flags(path, np.array([[Flag.WATER, 0, 0, Flag.WATER]]))
    assert masks_in(path)["water"] == (1, 0, 255, 1)


@pytest.fixture(scope="module")
def mountains(tmp_path_factory: pytest.TempPathFactory) -> SyntheticRange:
    return make_range(tmp_path_factory.mktemp("range"), width=512, height=512, seed=0, sensor="sentinel2")


def test_lakes_of_a_synthetic_range_are_found_and_little_else(mountains: SyntheticRange) -> None:
    masks = masks_of(FeatureSource(open_scene(mountains.scene)))
    with masks.reader() as reader:
        water, shadow, snow = reader.read(masks.source.scene.grid.window)
    with rasterio.open(mountains.surfaces) as file:
        surface = file.read(1)
    kind, is_dark, is_cloud = surface & 63, surface >= 128, (surface & 64) > 0
    seen = ~is_cloud & (water != 255)
    lake = kind == Surface.LAKE
    inside = ndimage.binary_erosion(lake, np.ones((3, 3)))  # pixels of the shore are mixed
    assert (inside & seen).sum() > 300
    assert (water == 1)[inside & seen].mean() > 0.9
    lit = (water == 1) & seen & ~is_dark
    assert lake[lit].mean() > 0.95
    assert is_dark[shadow == 1].mean() > 0.85, "the range also calls grazing light shadow, the mask does not"
    frozen = np.isin(kind, [Surface.ICE, Surface.FIRN, Surface.SNOW]) & seen & ~is_dark
    assert (snow == 1)[frozen].mean() > 0.9
    assert not ((water == 1) & (snow == 1)).any()


def test_shadow_does_not_depend_on_the_windows(mountains: SyntheticRange) -> None:
    masks = masks_of(FeatureSource(open_scene(mountains.scene)))
    assert masks.sun is not None
    with masks.reader() as reader:
        whole = reader.read(masks.source.scene.grid.window)
        part = reader.read(Window(130, 60, 70, 90))
    assert np.mean(part != whole[:, 130:200, 60:150]) < 0.005, "a ray begins elsewhere, and crosses lines elsewhere"


def test_the_command_says_how_each_mask_was_told(mountains: SyntheticRange, tmp_path: Path, firnline: Cli) -> None:
    code, out, err = firnline("inventory", "masks", mountains.scene, "-o", tmp_path / "masks.tif")
    assert (code, err) == (0, "")
    assert "hidden from a sun at azimuth" in out
    with rasterio.open(tmp_path / "masks.tif") as file:
        assert file.descriptions == ("water", "shadow", "snow")
        assert file.tags(ns="IMAGE_STRUCTURE")["LAYOUT"] == "COG"
    code, _, err = firnline("inventory", "masks", tmp_path / "no.tif", "-o", tmp_path / "masks.tif")
    assert code == 2
    assert "does not exist" in err
    code, _, err = firnline("inventory", "masks", mountains.scene, "--ndwi", 3, "-o", tmp_path / "masks.tif")
    assert code == 2
    assert "between -1 and 1" in err


@pytest.mark.real
def test_lakes_seen_by_eye_in_real_tiles(shared_data: Path) -> None:
    """Two lakes of Sentinel-2 tile 3 (Sikkim), one of 125 and a pond of 113: places read off a picture."""
    sidecar = Path(__file__).parents[2] / "examples" / "sidecars" / "sentinel2-himalaya.yaml"
    lakes = {"3": [(75, 300), (175, 220)], "125": [(10, 50)], "113": [(360, 159)]}
    ground = {"3": [(300, 100), (100, 150)], "125": [(250, 330)], "113": [(100, 100)]}
    for tile in lakes:
        masks = masks_of(
            FeatureSource(open_scene(shared_data / "sentinel2-himalaya" / f"{tile}_image.tif", sidecar=sidecar))
        )
        assert "look like reflectance" in masks.level
        with masks.reader() as reader:
            water, _, snow = reader.read(masks.source.scene.grid.window)
        for row, column in lakes[tile]:
            assert (water[row - 3 : row + 4, column - 3 : column + 4] == 1).mean() > 0.8, (tile, row, column)
            assert (snow[row - 3 : row + 4, column - 3 : column + 4] == 0).all()
        for row, column in ground[tile]:
            assert (water[row - 3 : row + 4, column - 3 : column + 4] == 0).all(), (tile, row, column)
