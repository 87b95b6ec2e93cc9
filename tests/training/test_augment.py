"""Augmentation keeps physics: directions turn with the pixels, indices follow their bands, unknown stays unknown."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from affine import Affine
from pydantic import ValidationError

from firnline.bands import BANDS, Kind, Level
from firnline.classes import UNKNOWN, Classes, LabelScheme
from firnline.features import FeatureSource
from firnline.grid import Window
from firnline.models.normaliser import Floats
from firnline.scene import open_scene
from firnline.training.augment import augmented
from firnline.training.augment_bands import ChipBand
from firnline.training.augmentation import Augmentation
from firnline.training.config import TrainingConfig
from firnline.training.sampling import Place, draw_places

SIDE = 96
OPTICAL = ("blue", "green", "red", "nir08", "swir16")
BAND_SET = (
    *(ChipBand(name, Level.SURFACE_REFLECTANCE, 0.2) for name in OPTICAL),
    ChipBand("lwir11", Level.SURFACE_TEMPERATURE, 9.0),
    ChipBand("lwir12", Level.SURFACE_TEMPERATURE, 9.0),
    ChipBand("coherence", Level.NOT_RADIOMETRIC, 0.2),
    ChipBand("slope", Level.NOT_RADIOMETRIC, 15.0),
    ChipBand("ndsi", Level.NOT_RADIOMETRIC, 0.5),
)
NAMES = [band.name for band in BAND_SET]
EVENTS = ("haze", "cloud_shadow", "saturation", "stripes", "coarser")
EVERYTHING: dict[str, Any] = {"gain": 0.2, "offset": 0.3, "temperature": 8.0, **dict.fromkeys(EVENTS, 1.0)}


def a_chip(seed: int = 0) -> tuple[Floats, Classes]:
    """Rough ground from shade (a little below 0) to fresh snow, with holes in image and truth."""
    random = np.random.default_rng(seed)
    brightness = random.uniform(-0.02, 1.1, (SIDE, SIDE))
    raw = np.stack(
        [brightness * (1 - 0.15 * i) for i in range(len(OPTICAL))]
        + [random.uniform(240, 290, (SIDE, SIDE)), random.uniform(240, 290, (SIDE, SIDE))]
        + [random.uniform(0, 1, (SIDE, SIDE)), random.uniform(0, 60, (SIDE, SIDE))]
    ).astype(np.float32)
    raw[:7, 10:25, 30:60] = np.nan
    raw[8, 80:, :9] = np.nan
    green, swir = raw[1], raw[4]
    with np.errstate(divide="ignore", invalid="ignore"):
        ndsi = np.where(green + swir > 0, np.clip((green - swir) / (green + swir), -1, 1), np.nan)
    truth = random.integers(0, 3, (SIDE, SIDE)).astype(np.uint8)
    truth[:, 40:50] = UNKNOWN
    return np.concatenate([raw, ndsi[None]]).astype(np.float32), truth


def changed(seed: int = 0, chip: tuple[Floats, Classes] | None = None, **settings: Any) -> tuple[Floats, Floats]:
    """Bands of a chip before and after a change, not turned."""
    raw, truth = a_chip() if chip is None else chip
    after, same = augmented(raw, truth, BAND_SET, Augmentation(turns=False, **settings), np.random.default_rng(seed))
    assert np.array_equal(same, truth), "truth moves in turns only"
    return raw, after


def flat(**values: float) -> tuple[Floats, Classes]:
    """The same value all over, 0 in bands that are not named."""
    raw = np.zeros((len(NAMES), SIDE, SIDE), np.float32)
    for name, value in values.items():
        raw[NAMES.index(name)] = value
    return raw, np.zeros((SIDE, SIDE), np.uint8)


# --- Turns

TERRAIN = ("slope", "eastness", "northness", "curvature", "relative_elevation")


def terrain_of(path: Path, heights: Floats) -> Floats:
    """What firnline derives of heights: the truth about a turned mountain."""
    profile: dict[str, Any] = {"driver": "GTiff", "count": 1, "dtype": "float32", "crs": "EPSG:32645"}
    transform = Affine(30, 0, 478005, 0, -30, 3108145)
    height, width = heights.shape
    with rasterio.open(path, "w", width=width, height=height, transform=transform, **profile) as file:
        file.descriptions = ["elevation"]
        file.write(heights[None])
    with FeatureSource(open_scene(path)).reader() as reader:
        return reader.read(TERRAIN)


def a_cone() -> Floats:
    """Off the middle, and steeper on one side: each of its eight turns is another mountain."""
    row, column = np.mgrid[:24, :24]
    return (6000 - 12 * np.hypot(row - 6.0, column - 15.3) + 3 * column + row).astype(np.float32)


@pytest.mark.parametrize(("turns", "count"), [(True, 8), ("mirror", 2), (False, 1)])
def test_turned_terrain_is_the_terrain_of_turned_heights(tmp_path: Path, turns: bool | str, count: int) -> None:
    heights = a_cone()
    raw = np.concatenate([heights[None], terrain_of(tmp_path / "a.tif", heights)])
    bands = [ChipBand(name, Level.NOT_RADIOMETRIC, 1.0) for name in ("elevation", *TERRAIN)]
    truth = np.zeros(heights.shape, np.uint8)
    seen = {}
    for seed in range(50):
        turned, _ = augmented(raw, truth, bands, Augmentation(turns=turns), np.random.default_rng(seed))
        seen[turned[0].tobytes()] = turned
    assert len(seen) == count
    for turned in seen.values():
        expected = terrain_of(tmp_path / "b.tif", turned[0])
        np.testing.assert_allclose(turned[1:], expected, atol=2e-4)


def test_of_one_direction_alone_no_quarter_turn_is_made() -> None:
    raw = np.array([[[1.0, 2.0], [3.0, 4.0]], [[0.5, 0.5], [0.5, 0.5]]], np.float32)
    bands = [ChipBand(name, Level.NOT_RADIOMETRIC, 1.0) for name in ("slope", "northness")]
    seen = set()
    for seed in range(30):
        turned, _ = augmented(raw, np.zeros((2, 2), np.uint8), bands, Augmentation(), np.random.default_rng(seed))
        seen.add((tuple(turned[0].ravel().tolist()), float(turned[1, 0, 0])))
    assert seen == {((1, 2, 3, 4), 0.5), ((2, 1, 4, 3), 0.5), ((3, 4, 1, 2), -0.5), ((4, 3, 2, 1), -0.5)}


# --- What holds for all changes together


def test_everything_is_off_by_default_but_turns() -> None:
    raw, truth = a_chip()
    after, same = augmented(raw, truth, BAND_SET, Augmentation(turns=False), np.random.default_rng(0))
    assert np.array_equal(after, raw, equal_nan=True)
    assert np.array_equal(same, truth)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(
    "settings", [EVERYTHING, {"offset": 0.3}, {"coarser": 1.0}], ids=["all", "offset", "coarser"]
)
def test_unknown_stays_unknown_and_reflectance_stays_above_zero(seed: int, settings: dict[str, Any]) -> None:
    raw, after = changed(seed, **settings)
    assert np.isnan(after[np.isnan(raw)]).all()
    optical, was_above = after[:5], raw[:5] >= 0
    assert not (optical[was_above] < 0).any()
    for name in ("coherence", "slope"):
        at = NAMES.index(name)
        assert np.array_equal(after[at], raw[at], equal_nan=True), f"{name} is not the imager's"


@pytest.mark.parametrize("change", [*(name for name in EVERYTHING if name != "stripes")])
def test_known_stays_known_but_in_stripes(change: str) -> None:
    raw, after = changed(**{change: EVERYTHING[change]})
    measured = slice(None, -1)  # an index may come to mean nothing
    assert np.array_equal(np.isnan(after[measured]), np.isnan(raw[measured]))
    assert not np.array_equal(after, raw, equal_nan=True)


def test_turned_chips_hold_the_same_classes_and_the_same_unknown() -> None:
    raw, truth = a_chip()
    for seed in range(8):
        after, turned = augmented(raw, truth, BAND_SET, Augmentation(), np.random.default_rng(seed))
        assert np.array_equal(np.bincount(turned.ravel()), np.bincount(truth.ravel()))
        assert np.isnan(after).sum() == np.isnan(raw).sum()


def test_a_chip_depends_on_chance_alone_and_is_not_changed_in_place() -> None:
    raw, truth = a_chip()
    kept = raw.copy(), truth.copy()
    settings = Augmentation(**EVERYTHING, drop_input=0.5)

    def run(seed: int) -> tuple[Floats, Classes]:
        return augmented(raw, truth, BAND_SET, settings, np.random.default_rng(seed), (("lwir11",),))

    (a, ta), (b, tb), (c, _) = run(1), run(1), run(2)
    assert np.array_equal(a, b, equal_nan=True)
    assert np.array_equal(ta, tb)
    assert not np.array_equal(a, c, equal_nan=True)
    assert np.array_equal(raw, kept[0], equal_nan=True)
    assert np.array_equal(truth, kept[1])
    assert (a.dtype, ta.dtype) == (np.float32, np.uint8)
    assert a.flags.c_contiguous
    assert ta.flags.c_contiguous


@pytest.mark.parametrize("change", ["gain", "offset", "haze", "cloud_shadow", "saturation", "coarser"])
def test_an_index_is_that_of_the_changed_bands(change: str) -> None:
    _, after = changed(**{change: EVERYTHING[change]})
    green, swir, ndsi = (after[NAMES.index(name)].astype(np.float64) for name in ("green", "swir16", "ndsi"))
    known = ~np.isnan(ndsi)
    assert known.mean() > 0.8
    expected = np.clip((green[known] - swir[known]) / (green[known] + swir[known]), -1, 1)
    np.testing.assert_allclose(ndsi[known], expected, atol=1e-5)


def test_an_index_whose_bands_are_not_in_the_chip_is_left_as_it_is_but_in_stripes() -> None:
    raw, truth = a_chip()
    bands, only = [BAND_SET[-1], BAND_SET[0]], raw[[-1, 0]]
    settings = Augmentation(turns=False, gain=0.2, haze=1, cloud_shadow=1, saturation=1)
    after, _ = augmented(only, truth, bands, settings, np.random.default_rng(0))
    assert np.array_equal(after[0], only[0], equal_nan=True)
    striped, _ = augmented(only, truth, bands, Augmentation(turns=False, stripes=1), np.random.default_rng(0))
    assert np.isnan(striped[0]).sum() > np.isnan(only[0]).sum()


def test_digital_numbers_are_changed_as_the_reflectance_that_they_stand_for() -> None:
    """Where reflectance varies by 0.2 and temperature by 10 K, eight bits of it look the same in the end."""
    raw, truth = a_chip()
    keep = [*range(5), 5]
    levels = [*[Level.SURFACE_REFLECTANCE] * 5, Level.SURFACE_TEMPERATURE]
    physical = [ChipBand(NAMES[i], level, 10.0 if i == 5 else 0.2) for i, level in zip(keep, levels, strict=True)]
    counts = [ChipBand(b.name, Level.DIGITAL_NUMBER, b.deviation * 200) for b in physical]
    settings = Augmentation(**EVERYTHING)
    one, _ = augmented(raw[keep], truth, physical, settings, np.random.default_rng(3))
    two, _ = augmented(raw[keep] * 200, truth, counts, settings, np.random.default_rng(3))
    np.testing.assert_allclose(two / 200, one, rtol=1e-4, atol=1e-5)


# --- Each change


def test_gain_and_offset_are_of_each_band_and_within_their_strength() -> None:
    raw, truth = a_chip()
    raw[:5] = np.abs(raw[:5]) + 0.2
    gains = []
    for seed in range(5):
        raw, after = changed(seed, (raw, truth), gain=0.2, offset=0.5)
        for i in range(5):
            known = ~np.isnan(raw[i])
            gain, offset = np.polyfit(raw[i][known], after[i][known], 1)
            assert abs(gain - 1) <= 0.2001
            assert abs(offset) <= 0.5 * 0.2 + 1e-4
            gains.append(round(float(gain), 3))
    assert len(set(gains)) > 20
    assert np.ptp(gains) > 0.2


def test_another_day_is_warmer_or_colder_in_all_thermal_bands_alike() -> None:
    shifts = []
    for seed in range(10):
        raw, after = changed(seed, temperature=8.0)
        difference = (after - raw)[5:7]
        shifts.append(float(np.nanmean(difference)))
        assert float(np.nanmax(np.abs(difference - shifts[-1]))) < 1e-3
        assert np.array_equal(after[:5], raw[:5], equal_nan=True)
    assert -8 <= min(shifts) < 0 < max(shifts) <= 8


def test_haze_brightens_dark_ground_most_in_blue_and_leaves_white_snow() -> None:
    for seed in range(5):
        _, dark = changed(seed, flat(), haze=1)
        added = dark[:5].mean(axis=(1, 2))
        assert (np.diff(added) < 0).all(), "falls with the wavelength"
        assert 0.01 < added[0] < 0.13
        assert added[4] < 0.31 * added[0]  # (1.6 / 0.48) ** -1 = 0.30
        _, white = changed(seed, flat(**dict.fromkeys(OPTICAL, 1.0)), haze=1)
        np.testing.assert_allclose(white[:5], 1.0, atol=1e-6)


def test_a_cloud_takes_more_light_where_the_sky_gives_less() -> None:
    values = {**dict.fromkeys(OPTICAL, 0.5), "lwir11": 270.0, "lwir12": 270.0}
    for seed in range(8):
        _, after = changed(seed, flat(**values), cloud_shadow=1)
        darkest = after[:5].min(axis=(1, 2)) / 0.5
        assert (np.diff(darkest) < 0).all()
        assert 0.25 < darkest[0] < 0.7
        assert (after[:5].max(axis=(1, 2)) == 0.5).any(), "some of the chip is in the sun"
        steps = np.abs(np.diff(after[0], axis=1)).max()
        assert steps < 0.6 * (0.5 - after[0].min()), "the edge is soft"
        assert 265 <= after[5].min() <= 270


def test_saturation_cuts_off_where_the_instrument_does() -> None:
    """Landsat 7 ETM+ in blue: 0.301 in high gain with the sun in the zenith; 1.53 times as much in low gain."""
    ceilings = []
    for seed in range(30):
        raw, after = changed(seed, saturation=1)
        ceilings.append(np.nanmax(after[0]))
        below = raw[0] < ceilings[-1]
        assert np.array_equal(after[0][below], raw[0][below])
        assert (after[0][raw[0] >= ceilings[-1]] == ceilings[-1]).all()
    assert min(ceilings) >= 0.301 / 0.9 - 1e-3
    assert max(ceilings) <= min(1.53 * 0.301 / 0.45, float(np.nanmax(raw[0]))) + 1e-3
    assert max(ceilings) > 1.5 * min(ceilings)


def test_stripes_are_wedges_as_after_the_scan_line_corrector_failed() -> None:
    side = 512
    raw = np.ones((3, side, side), np.float32)
    bands = [BAND_SET[0], BAND_SET[5], BAND_SET[8]]  # blue, lwir11, slope
    truth = np.zeros((side, side), np.uint8)
    for seed in range(6):
        settings = Augmentation(turns=False, stripes=1)
        after, same = augmented(raw, truth, bands, settings, np.random.default_rng(seed))
        missed = np.isnan(after[0])
        assert np.array_equal(missed, np.isnan(after[1]))
        assert not np.isnan(after[2]).any()
        assert np.array_equal(same, truth)
        starts = np.flatnonzero(~missed[:-1, 100] & missed[1:, 100])
        assert set(np.diff(starts)) <= {32, 33, 34}
        left, right = missed[:, :64].mean(), missed[:, -64:].mean()
        assert abs(left - right) > 0.03, "wider to one side"
        assert 0.02 < missed.mean() < 0.5
        fall = next(s for s in np.flatnonzero(~missed[:-1, 160] & missed[1:, 160]) if s > starts[2]) - starts[2]
        assert 0 < fall <= 33, "falls to the east"


def test_larger_pixels_keep_a_ramp_and_blur_what_is_small() -> None:
    """The mean of a ramp over a pixel is the ramp in its middle, and between middles it is straight again."""
    raw, truth = flat()
    raw[0] = 0.1 + 0.001 * np.arange(SIDE) + 0.002 * np.arange(SIDE)[:, None]
    raw[1] = np.indices((SIDE, SIDE)).sum(axis=0) % 2
    raw[2] = 0.25
    raw[2, 30:40, 30:40] = np.nan
    _, after = changed(4, (raw, truth), coarser=1)
    inside = slice(5, -5)
    np.testing.assert_allclose(after[0][inside, inside], raw[0][inside, inside], atol=1e-5)
    assert after[1][inside, inside].std() < 0.5 * raw[1].std()
    assert after[1][inside, inside].mean() == pytest.approx(0.5, abs=0.02)
    np.testing.assert_allclose(after[2][~np.isnan(raw[2])], 0.25, atol=1e-6)


def test_inputs_are_dropped_whole_and_what_is_required_stays() -> None:
    raw, truth = a_chip()
    settings = Augmentation(turns=False, drop_input=0.5)
    droppable = (("lwir11", "lwir12"), ("slope",), ("coherence",))
    seen = set()
    for seed in range(60):
        after, _ = augmented(raw, truth, BAND_SET, settings, np.random.default_rng(seed), droppable)
        gone = np.isnan(after).all(axis=(1, 2))
        assert not gone[[0, 1, 2, 3, 4, 9]].any()
        assert gone[5] == gone[6], "both thermal bands go together"
        assert np.array_equal(after[~gone], raw[~gone], equal_nan=True)
        seen.add(tuple(gone[[5, 7, 8]].tolist()))
    assert len(seen) == 8


def test_every_optical_band_has_a_wavelength() -> None:
    optical = [ChipBand(name, Level.UNKNOWN, 1.0) for name, band in BANDS.items() if band.kind == Kind.OPTICAL]
    assert all(0.4 < band.wavelength < 2.5 for band in optical)


@pytest.mark.parametrize(
    "wrong", [{"haze": 1.5}, {"gain": -0.1}, {"turns": "all"}, {"fog": 1}, {"offset": float("nan")}]
)
def test_a_wrong_setting_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match=next(iter(wrong))):
        Augmentation.model_validate(wrong)


# --- Sampling


@pytest.fixture
def settings() -> Callable[..., TrainingConfig]:
    def make(**chips: Any) -> TrainingConfig:
        said = {"name": "a", "scheme": "class", "bands": ["red"], "scenes": [], "chips": {"per_epoch": 600, **chips}}
        return TrainingConfig.model_validate(said)

    return make


def test_each_thing_is_drawn_as_often_whatever_scheme_tells_of_it(settings: Callable[..., TrainingConfig]) -> None:
    """Value 1 is clean ice, any glacier, or debris: what is common in one scheme must not crowd out what is rare."""
    window = Window(0, 0, 256, 256)
    schemes = [LabelScheme.CLASS, LabelScheme.GLACIER, LabelScheme.DEBRIS, LabelScheme.CLEAN]
    clean, ice = [Place(0, window, 1.0, (0.5, 0.5, 0.0))] * 40, [Place(1, window, 1.0, (0.5, 0.5))] * 40
    other_clean = [Place(3, window, 1.0, (0.5, 0.5))] * 40
    debris = [Place(0, window, 1.0, (0.8, 0.1, 0.1)), *[Place(2, window, 1.0, (0.9, 0.1))] * 3]
    nothing = [Place(scene, window, 1.0, (1.0, 0.0)) for scene in (1, 2, 3)] * 20
    places = [*clean, *ice, *other_clean, *debris, *nothing]
    drawn = draw_places(places, schemes, settings(focus=1.0), epoch=1)
    assert not any(place in nothing for place in drawn)
    assert 0.25 < np.mean([place in ice for place in drawn]) < 0.42
    with_debris = [place for place in drawn if place in debris]
    assert 0.25 < len(with_debris) / len(drawn) < 0.42
    assert 0.15 < np.mean([place.scene == 0 for place in with_debris]) < 0.35, "one in four places of one pool"
    by_chance = draw_places(places, schemes, settings(focus=0.0), epoch=1)
    assert np.mean([place in debris for place in by_chance]) < 0.06


def test_the_pools_know_every_scheme(settings: Callable[..., TrainingConfig]) -> None:
    window = Window(0, 0, 256, 256)
    places = [
        Place(i, window, 1.0, (0.5, *[0.5 / (s.class_count - 1)] * (s.class_count - 1)))
        for i, s in enumerate(LabelScheme)
    ]
    drawn = draw_places(places, list(LabelScheme), settings(focus=1.0), epoch=1)
    assert {place.scene for place in drawn} == set(range(len(LabelScheme)))
