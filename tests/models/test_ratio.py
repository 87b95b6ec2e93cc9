"""The band-ratio model: which rules a scene allows, what they map, and how that compares with real data."""

from __future__ import annotations

import csv
import json
from dataclasses import asdict, fields
from pathlib import Path

import numpy as np
import pytest
import rasterio
from numpy.typing import NDArray
from rasterio.transform import Affine

from firnline.bands import Level
from firnline.classes import BACKGROUND, CLEAN_ICE, DEBRIS, UNKNOWN, Classes
from firnline.errors import ConfigError, ModelError
from firnline.features import FeatureSource
from firnline.models.ratio import RatioModel, ratio_model
from firnline.models.ratio_rules import RULE_NAMES, RatioSettings
from firnline.scene import open_scene
from firnline.spectral import DEFAULTS

GROUND = {
    # what            blue   green  red    nir08  swir16 slope
    "snow": (0.90, 0.90, 0.88, 0.80, 0.05, 10.0),
    "bare ice": (0.35, 0.36, 0.34, 0.25, 0.02, 8.0),
    "snow in shadow": (0.16, 0.14, 0.11, 0.09, 0.01, 30.0),
    "rock": (0.15, 0.18, 0.20, 0.22, 0.28, 40.0),
    "rock in shadow": (0.045, 0.03, 0.02, 0.018, 0.005, 45.0),
    "debris": (0.15, 0.18, 0.20, 0.22, 0.28, 8.0),
    "meadow": (0.05, 0.08, 0.06, 0.35, 0.20, 8.0),
    "lake": (0.12, 0.15, 0.10, 0.03, 0.01, 0.0),
}
NAMES = ("blue", "green", "red", "nir08", "swir16", "slope")


def source_of(
    tmp_path: Path,
    values: NDArray[np.float32],
    names: tuple[str, ...] = NAMES,
    level: Level = Level.SURFACE_REFLECTANCE,
    more: str = "",
) -> FeatureSource:
    """A scene of (band, row, column) values."""
    path = tmp_path / "scene.tif"
    count, height, width = values.shape
    profile = {"driver": "GTiff", "count": count, "height": height, "width": width, "dtype": "float32"}
    at = Affine(30, 0, 478005, 0, -30, 3108145)
    with rasterio.open(path, "w", crs="EPSG:32645", transform=at, **profile) as file:
        file.descriptions = names
        file.write(values.astype(np.float32))
    path.with_name("scene.firnline.yaml").write_text(f"level: {level}\n{more}")
    return FeatureSource(open_scene(path))


def ground(*kinds: str) -> NDArray[np.float32]:
    """(band, 1, kinds) values of kinds of ground."""
    return np.array([GROUND[kind] for kind in kinds or GROUND], np.float32).T[:, None]


def classify(source: FeatureSource, settings: RatioSettings | None = None) -> Classes:
    model = ratio_model(source, settings)
    with source.reader() as reader:
        return model.classify(reader.read(model.bands))


def test_ground_is_told_apart_with_all_bands(tmp_path: Path) -> None:
    classes = classify(source_of(tmp_path, ground()))[0].tolist()
    assert dict(zip(GROUND, classes, strict=True)) == {
        "snow": CLEAN_ICE,
        "bare ice": CLEAN_ICE,
        "snow in shadow": CLEAN_ICE,
        "rock": BACKGROUND,
        "rock in shadow": BACKGROUND,
        "debris": DEBRIS,
        "meadow": BACKGROUND,
        "lake": BACKGROUND,
    }


def test_each_rule_does_what_it_says(tmp_path: Path) -> None:
    source = source_of(tmp_path, ground())
    kinds = list(GROUND)
    for rule, kind, becomes in (
        ("shadow", "rock in shadow", CLEAN_ICE),
        ("water", "lake", CLEAN_ICE),
        ("vegetation", "meadow", DEBRIS),
        ("debris slope", "debris", BACKGROUND),
    ):
        without = classify(source, RatioSettings(without=(rule,)))[0]
        assert without[kinds.index(kind)] == becomes, rule


def test_terrain_settings_bound_the_glacier(tmp_path: Path) -> None:
    values = np.concatenate([ground("snow", "snow", "debris"), [[[3000, 5000, 3000]]]])
    source = source_of(tmp_path, values, (*NAMES, "elevation"))
    assert classify(source).tolist() == [[1, 1, 2]]
    assert classify(source, RatioSettings(lowest_elevation=4000.0)).tolist() == [[0, 1, 0]]
    assert classify(source, RatioSettings(steepest_ice=5.0, debris=False)).tolist() == [[0, 0, 0]]


def test_all_or_any_of_the_ice_rules(tmp_path: Path) -> None:
    dirty_ice = np.array([0.2, 0.2, 0.24, 0.2, 0.11, 5], np.float32)[:, None, None]  # ratio 2.2, NDSI 0.29
    source = source_of(tmp_path, dirty_ice)
    assert classify(source, RatioSettings(debris=False)).tolist() == [[BACKGROUND]]
    assert classify(source, RatioSettings(debris=False, ice="any")).tolist() == [[CLEAN_ICE]]


# Which rules


def used(model: RatioModel) -> list[str]:
    return [rule.name for rule in model.used]


def test_missing_bands_leave_rules_out_and_it_is_told(tmp_path: Path) -> None:
    source = source_of(tmp_path, ground()[[1, 4]], ("green", "swir16"))
    model = ratio_model(source)
    assert used(model) == ["ndsi"]
    assert model.bands == ("green", "swir16")
    assert not model.maps_debris
    assert model.debris_statement == "debris-covered ice is not mapped: needs slope, which needs elevation or a DEM"
    reasons = {rule.name: reason for rule, reason in model.unused}
    assert reasons["ratio"] == "needs red"
    assert reasons["shadow"] == "needs blue"
    assert reasons["vegetation"] == "needs nir08 and red"
    assert reasons["lowest elevation"] == "switched off: no threshold is set"
    assert set(reasons) | set(used(model)) == set(RULE_NAMES), "every rule is spoken of"
    assert set(np.unique(classify(source))) <= {BACKGROUND, CLEAN_ICE}


def test_near_infrared_stands_in_for_red(tmp_path: Path) -> None:
    model = ratio_model(source_of(tmp_path, ground()[[3, 4]], ("nir08", "swir16")))
    assert [rule.states for rule in model.used] == ["nir08 / swir16 > 2"]


def test_a_stored_index_serves_where_its_bands_are_missing(tmp_path: Path) -> None:
    source = source_of(tmp_path, np.array([[[0.8, 0.1, np.nan]]], np.float32), ("ndsi",))
    assert ratio_model(source).bands == ("ndsi",)
    assert classify(source).tolist() == [[CLEAN_ICE, BACKGROUND, UNKNOWN]]


def test_without_a_rule_for_ice_there_is_no_model(tmp_path: Path) -> None:
    source = source_of(tmp_path, ground()[:4], NAMES[:4])
    with pytest.raises(
        ModelError, match=r"scene\.tif: no rule for ice can be used \(ratio: needs swir16; ndsi: needs"
    ):
        ratio_model(source)


@pytest.mark.parametrize("level", [Level.SURFACE_REFLECTANCE, Level.TOP_OF_ATMOSPHERE])
def test_thresholds_are_those_of_the_level(tmp_path: Path, level: Level) -> None:
    model = ratio_model(source_of(tmp_path, ground(), level=level))
    thresholds = {rule.name: rule.thresholds for rule in model.used}
    assert thresholds["shadow"] == (DEFAULTS[level].blue,)
    assert thresholds["water"] == (DEFAULTS[level].ndwi, DEFAULTS[level].water_nir)
    assert model.choice.level_note == ""


def test_at_an_unknown_level_only_rules_without_a_scale_are_used(tmp_path: Path) -> None:
    in_other_units = ground()
    in_other_units[:5] *= 7000
    source = source_of(tmp_path, in_other_units, level=Level.UNKNOWN)
    model = ratio_model(source)
    assert used(model) == ["ratio", "ndsi", "vegetation", "debris slope"]
    reasons = {rule.name: reason for rule, reason in model.unused}
    assert "no threshold is known" in reasons["shadow"]
    assert "no threshold is known" in reasons["water"]
    assert "level is not known" in model.choice.level_note
    assert classify(source)[0, :2].tolist() == [CLEAN_ICE, CLEAN_ICE]
    given = RatioSettings(blue=350.0)
    assert "shadow" in used(ratio_model(source, given)), "a threshold that is set can be used"
    assert classify(source, given)[0, list(GROUND).index("rock in shadow")] == BACKGROUND


@pytest.mark.parametrize(
    ("sensor", "known"), [("landsat7", True), ("landsat5", True), ("landsat8", False), ("", False)]
)
def test_digital_numbers_have_thresholds_for_eight_bit_sensors_only(tmp_path: Path, sensor: str, known: bool) -> None:
    more = f"sensor: {sensor}\n" if sensor else ""
    model = ratio_model(source_of(tmp_path, ground() * 255, level=Level.DIGITAL_NUMBER, more=more))
    assert ("shadow" in used(model)) == known
    assert model.choice.level == (Level.DIGITAL_NUMBER if known else Level.UNKNOWN)
    assert ("8 bits" in model.choice.level_note) != known


def test_bands_of_different_levels_share_no_thresholds(tmp_path: Path) -> None:
    more = "bands:\n  swir16: {level: digital number}\n"
    model = ratio_model(source_of(tmp_path, ground(), more=more))
    assert model.choice.level == Level.UNKNOWN
    assert "several levels" in model.choice.level_note


def test_the_thermal_rule_needs_a_temperature_and_a_threshold(tmp_path: Path) -> None:
    values = np.concatenate([ground("debris", "debris"), [[[275, 295]]]])
    names = (*NAMES, "lwir11")
    settings = RatioSettings(warmest_debris=285.0)
    numbers = source_of(tmp_path, values, names, more="bands:\n  lwir11: {level: digital number}\n")
    reasons = {rule.name: reason for rule, reason in ratio_model(numbers, settings).unused}
    assert reasons["debris temperature"] == "lwir11 is not a temperature (digital number)"
    kelvin = source_of(tmp_path, values, names, more="bands:\n  lwir11: {level: surface temperature}\n")
    assert "debris temperature" not in used(ratio_model(kelvin))
    assert classify(kelvin, settings).tolist() == [[DEBRIS, BACKGROUND]]


def test_the_record_is_json_and_speaks_of_every_rule(tmp_path: Path) -> None:
    model = ratio_model(source_of(tmp_path, ground()), RatioSettings(without=("water",)))
    record = json.loads(json.dumps(model.describe()))
    assert {rule["name"] for rule in record["used"] + record["unused"]} == set(RULE_NAMES)
    assert all(rule["source"] and rule["states"] for rule in record["used"] + record["unused"])
    assert all(rule["reason"] for rule in record["unused"])
    assert record["level"] == "surface reflectance"
    assert record["bands"] == list(model.bands)


@pytest.mark.parametrize(
    "wrong",
    [{"ratio": -1.0}, {"ndsi": 1.5}, {"blue": float("nan")}, {"ice": "most"}, {"without": ("snow",)}],
)
def test_settings_that_make_no_sense_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ConfigError):
        RatioSettings(**wrong)  # type: ignore[arg-type]


# What the document says

DOCUMENT = Path(__file__).parents[2] / "docs" / "rules.md"


def rows_of(heading: str) -> dict[str, list[str]]:
    """The rows of the table below a heading, by their first cell."""
    section = DOCUMENT.read_text(encoding="utf-8").split(f"\n## {heading}\n")[1].split("\n## ")[0]
    rows = [[cell.strip(" `") for cell in line.split("|")[1:-1]] for line in section.splitlines() if line[:1] == "|"]
    return {first: others for first, *others in rows}


def test_the_document_lists_every_rule_threshold_and_setting() -> None:
    assert set(RULE_NAMES) <= set(rows_of("The rules"))
    defaults = {field.name: field.default for field in fields(RatioSettings)}
    told = rows_of("Settings")
    assert list(told)[2:] == list(defaults)
    for name, default in defaults.items():
        said = told[name][0]
        is_off = default in (None, ()) and said in ("by level", "off", "none")
        assert is_off or said == (f"{default:g}" if isinstance(default, float) else str(default).lower()), name
    thresholds = rows_of("Thresholds by level")
    for column, level in enumerate(thresholds["threshold"]):
        for name, value in asdict(DEFAULTS[Level(level)]).items():
            said = thresholds[name][column]
            assert said == "none" if value is None else float(said) == value, (name, level)


def test_the_example_in_the_document_can_be_read(tmp_path: Path) -> None:
    from firnline.inference.open_model import read_rules

    path = tmp_path / "rules.yaml"
    path.write_text(DOCUMENT.read_text(encoding="utf-8").split("```yaml\n")[1].split("```")[0])
    assert read_rules(path) == RatioSettings(ratio=1.8, lowest_elevation=4200, steepest_debris=20, without=("water",))


# Unknown pixels and noise


def test_unknown_is_what_cannot_be_decided(tmp_path: Path) -> None:
    values = ground("snow", "snow", "debris", "rock")
    values[0, 0, 0] = np.nan  # no blue: ice cannot be told
    values[5, 0, 1:] = np.nan  # no slope: ice can, debris cannot
    assert classify(source_of(tmp_path, values)).tolist() == [[UNKNOWN, CLEAN_ICE, UNKNOWN, UNKNOWN]]
    assert classify(source_of(tmp_path, values), RatioSettings(debris=False)).tolist() == [[UNKNOWN, 1, 0, 0]]


def test_negative_reflectance_in_shadow_is_not_ice_and_dark_swir_is(tmp_path: Path) -> None:
    noise = np.array([[0.06, 0.9], [-0.01, 0.9], [-0.01, 0.88], [0.01, 0.8], [-0.03, -0.001], [40, 40]], np.float32)
    assert classify(source_of(tmp_path, noise[:, None])).tolist() == [[BACKGROUND, CLEAN_ICE]]


def test_the_wrong_number_of_bands_is_an_error(tmp_path: Path) -> None:
    model = ratio_model(source_of(tmp_path, ground()))
    with pytest.raises(ModelError, match="need 6 bands"):
        model.classify(np.zeros((2, 4, 4), np.float32))


# The whole scene


def finish(tmp_path: Path, classes: list[list[int]], **settings: bool) -> list[list[int]]:
    model = ratio_model(source_of(tmp_path, ground()), RatioSettings(**settings))  # type: ignore[arg-type]
    given = np.array(classes, np.uint8)
    result = model.finish(given)
    assert given.tolist() == classes, "what is given is left as it is"
    return result.tolist()


def test_debris_is_kept_where_it_reaches_ice_over_debris(tmp_path: Path) -> None:
    classes = [
        [1, 0, 0, 0, 2, 2],
        [0, 2, 0, 0, 0, 2],
        [0, 0, 2, 255, 0, 0],
        [0, 0, 2, 255, 2, 2],
    ]
    assert finish(tmp_path, classes, median=False) == [
        [1, 0, 0, 0, 0, 0],
        [0, 2, 0, 0, 0, 0],
        [0, 0, 2, 255, 0, 0],
        [0, 0, 2, 255, 0, 0],
    ]
    assert finish(tmp_path, classes, median=False, connected=False) == classes


def test_smoothing_removes_lone_ice_and_fills_lone_gaps(tmp_path: Path) -> None:
    classes = np.zeros((9, 12), np.uint8)
    classes[2, 2] = CLEAN_ICE
    classes[3:9, 5:12] = CLEAN_ICE
    classes[6, 8] = BACKGROUND
    classes[5, 10] = DEBRIS
    smooth = np.array(finish(tmp_path, classes.tolist(), connected=False))
    assert smooth[2, 2] == BACKGROUND
    assert smooth[6, 8] == CLEAN_ICE
    assert smooth[5, 10] == CLEAN_ICE


@pytest.mark.parametrize(
    ("around", "becomes"),
    [
        ([2, 2, 2, 2, 2, 2, 2, 2], DEBRIS),
        ([0, 0, 0, 2, 2, 2, 2, 2], DEBRIS),
        ([0, 0, 0, 0, 0, 2, 2, 2], BACKGROUND),
        ([0, 0, 0, 0, 2, 2, 2, 2], BACKGROUND),  # a tie
        ([255, 255, 255, 255, 255, 0, 2, 2], DEBRIS),  # unknown neighbours do not vote
        ([1, 1, 1, 0, 2, 2, 2, 2], DEBRIS),  # nor does ice
        ([1, 1, 1, 1, 0, 0, 0, 2], CLEAN_ICE),
    ],
)
def test_ice_that_is_outnumbered_becomes_what_lies_around_it(tmp_path: Path, around: list[int], becomes: int) -> None:
    alone = [around[:3], [around[3], CLEAN_ICE, around[4]], around[5:]]
    assert finish(tmp_path, alone, connected=False)[1][1] == becomes


def test_unknown_stays_unknown_and_known_stays_known(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    classes = rng.choice(np.array([0, 1, 2, 255], np.uint8), size=(60, 70), p=[0.3, 0.3, 0.2, 0.2])
    finished = np.array(finish(tmp_path, classes.tolist()))
    assert ((finished == UNKNOWN) == (classes == UNKNOWN)).all()
    lonely_in_unknown = np.full((3, 3), UNKNOWN, np.uint8)
    lonely_in_unknown[1, 1] = CLEAN_ICE
    assert finish(tmp_path, lonely_in_unknown.tolist())[1][1] == CLEAN_ICE, "unknown neighbours do not vote"


# Real data


def spectra(path: Path, columns: tuple[str, ...], offset: float) -> tuple[NDArray[np.float32], NDArray[np.int_]]:
    with path.open() as file:
        rows = list(csv.DictReader(file))
    values = np.array([[float(row[name]) for row in rows] for name in columns], np.float32) + np.float32(offset)
    return values[:, None], np.array([int(float(row["class"])) for row in rows])


@pytest.mark.real
@pytest.mark.parametrize(
    ("name", "level", "columns", "offset"),
    [
        # The Landsat table lacks the offset of Collection 2 (its snow has 0.2 in the short-wave infrared).
        ("Landsat", Level.SURFACE_REFLECTANCE, ("SR_B2", "SR_B3", "SR_B4", "SR_B5", "SR_B6"), -0.2),
        ("Sentinel-2_SR", Level.SURFACE_REFLECTANCE, ("B2", "B3", "B4", "B8", "B11"), 0.0),
        # Its B11 is band 10 (cirrus: 0.002 everywhere), and its B12 is band 11 (correlates by 0.93 with SR's).
        ("Sentinel-2_TOA", Level.TOP_OF_ATMOSPHERE, ("B2", "B3", "B4", "B8", "B12"), 0.0),
    ],
)
def test_thresholds_separate_labelled_spectra(
    tmp_path: Path, shared_data: Path, name: str, level: Level, columns: tuple[str, ...], offset: float
) -> None:
    values, truth = spectra(shared_data / "spectra" / f"{name}_training_data.csv", columns, offset)
    classes = classify(source_of(tmp_path, values, NAMES[:5], level))[0]
    is_ice = truth <= 3  # snow, snow in shadow, ice; the others are rock and water
    assert (classes[is_ice] == CLEAN_ICE).mean() > 0.94
    assert (classes[~is_ice] == CLEAN_ICE).mean() < 0.02


def intersection_over_union(found: NDArray[np.bool_], truth: NDArray[np.bool_]) -> float:
    return float((found & truth).sum() / (found | truth).sum())


@pytest.mark.real
def test_debris_on_sentinel2_tiles_beats_calling_everything_debris(tmp_path: Path, shared_data: Path) -> None:
    """No more than that: rules on slope and vegetation find the tongues, and the valley floors around them."""
    sidecar = tmp_path / "tiles.yaml"
    scaled = "".join(f"  {band}: {{scale: 0.0001}}\n" for band in ("blue", "green", "red", "nir", "swir16"))
    sidecar.write_text(f"sensor: sentinel2\nlevel: top-of-atmosphere reflectance\nbands:\n{scaled}")
    found, truth = [], []
    for tile in ("104", "107", "163", "170"):
        folder = shared_data / "sentinel2-himalaya"
        source = FeatureSource(open_scene(folder / f"{tile}_image.tif", sidecar=sidecar))
        model = ratio_model(source)
        assert used(model) == ["ratio", "ndsi", "shadow", "vegetation", "water", "debris slope"]
        found.append(model.finish(classify(source)) == DEBRIS)
        with rasterio.open(folder / f"{tile}_debris.tif") as file:
            truth.append(file.read(1) == 1)
    assert intersection_over_union(np.stack(found), np.stack(truth)) > 2 * np.stack(truth).mean()


@pytest.mark.real
def test_winter_scenes_without_near_infrared_are_mapped_as_far_as_they_go(shared_data: Path) -> None:
    """Snow lies everywhere, which the rules call ice: here they are no better than calling everything glacier."""
    folder = shared_data / "landsat8-zanskar"
    source = FeatureSource(open_scene(folder / "08_13_image.tif"))
    model = ratio_model(source)
    assert used(model) == ["ratio", "ndsi", "shadow"]
    assert not model.maps_debris
    classes = classify(source)
    with rasterio.open(folder / "08_13_glacier.tif") as file:
        truth = file.read(1)
    known = (truth != UNKNOWN) & (classes != UNKNOWN)
    assert 0.5 < intersection_over_union(classes[known] == CLEAN_ICE, truth[known] == 1) < truth[known].mean()
