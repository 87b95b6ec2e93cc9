"""The files of a synthetic range: layout, sameness, truth, errors and memory."""

from __future__ import annotations

import tracemalloc
from pathlib import Path
from typing import TYPE_CHECKING

import geopandas as gpd
import numpy as np
import pytest
import rasterio
import rasterio.features

from firnline.classes import CLEAN_ICE, DEBRIS, SCHEME_TAG, UNKNOWN
from firnline.errors import ConfigError, FirnlineError, OutputError
from firnline.scene import open_scene
from firnline.synthetic import SyntheticRange, make_range, world
from firnline.synthetic.surface import Surface, lay_ground, slope_of
from firnline.synthetic.truth import classes_of

if TYPE_CHECKING:
    from conftest import Read

PAPER = ["B1", "B2", "B3", "B4", "B5", "B6_VCID_1", "B6_VCID_2", "B7", "B8", "BQA"]
PAPER += ["ndvi", "ndsi", "ndwi", "elevation", "slope"]


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> SyntheticRange:
    """300 x 200 is no multiple of the tile."""
    return make_range(tmp_path_factory.mktemp("range"), width=300, height=200, seed=5)


def pixels(path: Path) -> np.ndarray:
    with rasterio.open(path) as dataset:
        return dataset.read()


def test_landsat7_scene_has_the_papers_layout_and_quirks(small: SyntheticRange) -> None:
    with rasterio.open(small.scene) as scene:
        assert list(scene.descriptions) == PAPER
        assert set(scene.dtypes) == {"float32"}
        assert (scene.width, scene.height) == (300, 200)
        assert scene.block_shapes[0] == (256, 256)
        assert scene.tags()["SENSOR"] == "landsat7"
        assert scene.tags()["SYNTHETIC"] == "true"
        assert scene.tags()["SEED"] == "5"
        band = dict(zip(PAPER, scene.read(), strict=True))
    gap = np.isnan(band["B1"])
    assert 0.05 < gap.mean() < 0.4, "stripes after 2003"
    assert np.isfinite(band["elevation"]).all()
    assert (band["BQA"][gap] == 1).all()
    for name in PAPER[:9]:
        seen = band[name][~gap]
        assert ((seen >= 1) & (seen <= 255) & (seen == np.round(seen))).all(), name
    green, near, short = band["B2"], band["B4"], band["B5"]
    flipped = (short - green) / (short + green)
    np.testing.assert_allclose(band["ndsi"][~gap], flipped[~gap], atol=1e-6)
    gao = (near - short) / (near + short)
    np.testing.assert_allclose(band["ndwi"][~gap], gao[~gap], atol=1e-6)
    slope = slope_of(band["elevation"].astype(float), 30.0)
    np.testing.assert_allclose(band["slope"][1:-1, 1:-1], slope, atol=0.01)


def test_snow_saturates_as_it_does_in_landsat_7(small: SyntheticRange) -> None:
    blue, kind = pixels(small.scene)[0], pixels(small.surfaces)[0]
    snow = (kind == Surface.FIRN) & np.isfinite(blue)
    assert (blue[snow] == 255).mean() > 0.3


def test_scene_opens_by_name_with_the_quirks_undone(small: SyntheticRange) -> None:
    scene = open_scene(small.scene)
    names = [band.name for band in scene.bands]
    assert "ndmi" in names
    assert "ndwi" not in names
    ndsi = scene.bands[names.index("ndsi")]
    assert ndsi.scale == -1


@pytest.mark.parametrize(("sensor", "resolution"), [("landsat8", 30), ("sentinel2", 10)])
def test_other_products_carry_scale_and_offset(tmp_path: Path, sensor: str, resolution: int) -> None:
    made = make_range(tmp_path, width=96, height=64, seed=2, sensor=sensor)
    assert made.sidecar is None
    with rasterio.open(made.scene) as scene:
        assert set(scene.dtypes) == {"uint16"}
        assert scene.nodata == 0
        assert scene.res == (resolution, resolution)
        assert scene.read().min() >= 1
        slope = scene.read(scene.count) * scene.scales[-1]
        assert 0 < slope.max() < 90
    opened = open_scene(made.scene)
    assert str(opened.sensor) == sensor
    names = {band.name for band in opened.bands}
    assert {"blue", "green", "red", "nir08", "swir16", "swir22", "elevation", "slope"} <= names
    assert all(b.level == "surface reflectance" for b in opened.bands if b.name in ("green", "swir16"))


def test_same_seed_same_pixels_and_another_seed_another_range(small: SyntheticRange, tmp_path: Path) -> None:
    again = make_range(tmp_path / "again", width=300, height=200, seed=5)
    other = make_range(tmp_path / "other", width=300, height=200, seed=6)
    for name in ("scene", "classes", "surfaces"):
        first = pixels(getattr(small, name))
        assert first.tobytes() == pixels(getattr(again, name)).tobytes(), name
        assert first.tobytes() != pixels(getattr(other, name)).tobytes(), name


def test_a_tile_does_not_depend_on_how_the_scene_is_cut() -> None:
    sun = world.Sun(150, 43)
    place = world.make_world(3, 128, 128, 30.0, sun)
    rows, columns = np.arange(128), np.arange(128)
    whole = lay_ground(place, rows, columns)
    part = lay_ground(place, rows[40:90], columns[70:])
    for name in ("elevation", "slope", "lit", "kind", "dirt"):
        np.testing.assert_array_equal(getattr(part, name), getattr(whole, name)[40:90, 70:], err_msg=name)


def test_truth_is_unknown_outside_the_border_only(small: SyntheticRange) -> None:
    with rasterio.open(small.classes) as dataset:
        classes, transform = dataset.read(1), dataset.transform
        assert dataset.tags()[SCHEME_TAG] == "class"
        assert dataset.descriptions == ("class",)
        assert dataset.nodata == UNKNOWN
    border = gpd.read_file(small.border)
    outside = rasterio.features.geometry_mask(border.geometry, classes.shape, transform)
    assert ((classes == UNKNOWN) == outside).all()
    assert 0.01 < outside.mean() < 0.15
    assert {CLEAN_ICE, DEBRIS} <= set(np.unique(classes))


def test_outlines_rasterise_to_the_class_raster(small: SyntheticRange) -> None:
    outlines = gpd.read_file(small.outlines, layer="outlines")
    assert set(outlines["Glaciers"]) == {"Clean Ice", "Debris covered"}
    assert outlines.geometry.is_valid.all()
    with rasterio.open(small.classes) as dataset:
        classes, transform = dataset.read(1), dataset.transform
        assert outlines.crs == dataset.crs
    values = outlines["Glaciers"].map({"Clean Ice": CLEAN_ICE, "Debris covered": DEBRIS})
    burnt = rasterio.features.rasterize(
        zip(outlines.geometry, values, strict=True), out_shape=classes.shape, transform=transform
    )
    known = classes != UNKNOWN
    assert (burnt[known] == classes[known]).all()


def test_nunataks_stay_holes(ranges: dict[str, Read]) -> None:
    outlines = gpd.read_file(ranges["default"].made.outlines)
    assert any(len(polygon.interiors) for polygon in outlines.geometry)


def test_the_specialist_leaves_out_specks_and_little_else(small: SyntheticRange) -> None:
    classes, kind = pixels(small.classes)[0], pixels(small.surfaces)[0] & 63
    known = classes != UNKNOWN
    assert (classes_of(kind)[known] != classes[known]).mean() < 0.03


def test_ice_lies_high_and_debris_low_on_it(small: SyntheticRange) -> None:
    classes, elevation = pixels(small.classes)[0], pixels(small.scene)[13]
    heights = [np.median(elevation[classes == value]) for value in (CLEAN_ICE, DEBRIS)]
    assert heights[0] > heights[1] + 50
    assert heights[1] > np.median(elevation[classes == 0]) - 300


@pytest.mark.parametrize("seed", range(6))
def test_seeds_give_ranges_with_both_classes(tmp_path: Path, seed: int) -> None:
    classes = pixels(make_range(tmp_path, width=256, height=256, seed=seed).classes)[0]
    known = classes != UNKNOWN
    clean, debris = ((classes[known] == value).mean() for value in (CLEAN_ICE, DEBRIS))
    assert 0.02 < clean < 0.4
    assert 0.004 < debris < 0.2


def test_smallest_size_works(tmp_path: Path) -> None:
    for seed in range(3):
        made = make_range(tmp_path / str(seed), width=64, height=64, seed=seed)
        assert pixels(made.scene).shape == (15, 64, 64)


def test_progress_rises_to_one(tmp_path: Path) -> None:
    seen: list[float] = []
    make_range(tmp_path, width=64, height=64, progress=seen.append)
    assert seen == sorted(seen)
    assert seen[-1] == 1.0


@pytest.mark.parametrize(
    "wrong", [{"width": 63}, {"height": 0}, {"width": 10**6}, {"seed": -1}, {"sensor": "landsat5"}]
)
def test_bad_arguments_are_told_in_one_line(tmp_path: Path, wrong: dict[str, object]) -> None:
    with pytest.raises(ConfigError) as caught:
        make_range(tmp_path / "out", **wrong)  # type: ignore[arg-type]
    assert isinstance(caught.value, FirnlineError)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "out").exists()


def test_a_file_in_the_way_of_the_folder(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("")
    with pytest.raises(OutputError, match="out"):
        make_range(tmp_path / "out", width=64, height=64)


def test_nothing_half_written_is_left(tmp_path: Path) -> None:
    def stop(share: float) -> None:
        if share > 0.5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        make_range(tmp_path, width=64, height=64, progress=stop)
    assert list(tmp_path.iterdir()) == []


def test_memory_does_not_grow_with_the_scene(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Four times the pixels may cost the uint8 class rasters, and no float of them (a float32 scene has 60 bytes)."""
    # The coarse world is bounded by its number of cells; hold it alike for both sizes.
    monkeypatch.setattr(world, "MOST_CELLS", 150)

    def peak(height: int) -> int:
        tracemalloc.start()
        try:
            make_range(tmp_path / str(height), width=512, height=height, seed=1)
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    peak(256)  # imports and caches
    extra_pixels = 512 * (1024 - 256)
    assert peak(1024) - peak(256) < 8 * extra_pixels + 4_000_000
