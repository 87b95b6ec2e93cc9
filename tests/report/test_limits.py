"""The report says what a reader must know: season, snow, unknown, training, use."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import pytest

from firnline.bands import Level
from firnline.report.content import ClassArea, Limit, ModelFacts, ResultFacts, SceneFacts, Severity, SnowFacts
from firnline.report.limits import confidence_and_limits
from firnline.report.season import season_limit

KHUMBU, ALPS, ANDES, TROPICS = (28.0, 86.9), (46.5, 8.0), (-33.4, -70.0), (-9.1, -77.6)


def found(limits: tuple[Limit, ...], part_of_heading: str) -> Limit:
    (limit,) = [limit for limit in limits if part_of_heading in limit.heading]
    return limit


def test_a_map_without_doubts_has_no_warning(
    scene_facts: SceneFacts, model_facts: ModelFacts, result_facts: ResultFacts
) -> None:
    limits = confidence_and_limits(scene_facts, model_facts, result_facts)
    assert Severity.WARNING not in {limit.severity for limit in limits}
    assert "hazards" in found(limits, "What not to use").text
    assert "40 Landsat 8 scenes of Nepal." in found(limits, "trained on").text


def test_the_heaviest_come_first(scene_facts: SceneFacts, model_facts: ModelFacts, result_facts: ResultFacts) -> None:
    limits = confidence_and_limits(replace(scene_facts, date=None), model_facts, result_facts)
    assert limits[0].heading == "The date is not known"
    assert [limit.rank for limit in limits] == sorted(limit.rank for limit in limits)


@pytest.mark.parametrize(
    ("place", "month", "severity"),
    [
        (KHUMBU, 2, Severity.WARNING),
        (KHUMBU, 7, Severity.CAUTION),
        (KHUMBU, 11, Severity.NOTE),
        (ALPS, 11, Severity.WARNING),
        (ALPS, 6, Severity.CAUTION),
        (ALPS, 8, Severity.NOTE),
        (ANDES, 8, Severity.WARNING),
        (ANDES, 2, Severity.NOTE),
        (TROPICS, 7, Severity.CAUTION),
    ],
)
def test_the_season_depends_on_where_the_scene_lies(
    place: tuple[float, float], month: int, severity: Severity
) -> None:
    assert season_limit(dt.date(2020, month, 5), place).severity == severity


@pytest.mark.parametrize(
    ("snow", "severity", "word"),
    [
        (None, Severity.CAUTION, "could not be measured"),
        (SnowFacts(0.9, 0.85), Severity.WARNING, "Much snow"),
        (SnowFacts(0.3, 0.15), Severity.CAUTION, "Snow outside"),
        (SnowFacts(0.2, 0.0), Severity.NOTE, "Little snow"),
    ],
)
def test_snow_is_said(
    snow: SnowFacts | None,
    severity: Severity,
    word: str,
    scene_facts: SceneFacts,
    model_facts: ModelFacts,
    result_facts: ResultFacts,
) -> None:
    limits = confidence_and_limits(scene_facts, model_facts, replace(result_facts, snow=snow))
    assert found(limits, word).severity == severity


@pytest.mark.parametrize(
    ("change", "heading"),
    [
        ({"synthetic": True}, "made-up scenes"),
        ({"sensors": ("sentinel2",)}, "Another sensor"),
        ({"level": Level.TOP_OF_ATMOSPHERE}, "Another radiometric level"),
        ({"bounds": (-150.0, 58.0, -130.0, 65.0)}, "Outside the region"),
        ({"classes": ("clean ice",)}, "Debris-covered ice is not mapped"),
        ({"classes": ("supraglacial debris",)}, "Clean ice is not mapped"),
        ({"trained_on": ""}, "trained on is not known"),
    ],
)
def test_a_model_that_does_not_fit_is_warned_of(
    change: dict[str, object],
    heading: str,
    scene_facts: SceneFacts,
    model_facts: ModelFacts,
    result_facts: ResultFacts,
) -> None:
    limits = confidence_and_limits(scene_facts, replace(model_facts, **change), result_facts)
    assert found(limits, heading).severity == Severity.WARNING


def test_a_rule_is_called_a_rule(scene_facts: SceneFacts, result_facts: ResultFacts) -> None:
    rule = ModelFacts("ndsi", "rule", ("clean ice",), ("green", "swir16"))
    limits = confidence_and_limits(scene_facts, rule, result_facts)
    assert "thresholds" in found(limits, "A rule").text
    assert not [limit for limit in limits if "measured" in limit.heading]


def test_unknown_and_cut_outlines_are_lower_bounds(
    scene_facts: SceneFacts, model_facts: ModelFacts, result_facts: ResultFacts
) -> None:
    area = ClassArea("clean ice", 6.3, 0.2, 4, lower_bounds=3, at_edge=1)
    limits = confidence_and_limits(scene_facts, model_facts, replace(result_facts, unknown_share=0.25, areas=(area,)))
    unknown = found(limits, "Unknown: 25 %")
    assert unknown.severity == Severity.WARNING
    assert "3 outlines touch it" in unknown.text
    assert "1 outline reaches" in found(limits, "edge of the scene").text


def test_a_small_unknown_share_is_not_rounded_to_none(
    scene_facts: SceneFacts, model_facts: ModelFacts, result_facts: ResultFacts
) -> None:
    limits = confidence_and_limits(scene_facts, model_facts, replace(result_facts, unknown_share=1e-5))
    assert found(limits, "Unknown: less than 0.1 %").severity == Severity.NOTE


def test_no_glacier_missing_bands_and_uses_are_said(
    scene_facts: SceneFacts, model_facts: ModelFacts, result_facts: ResultFacts
) -> None:
    model = replace(model_facts, not_for=("lakes", "sea ice."))
    result = replace(result_facts, areas=(), missing_bands=("slope",))
    limits = confidence_and_limits(scene_facts, model, result)
    assert found(limits, "No glacier").severity == Severity.WARNING
    assert "slope" in found(limits, "Optional bands").text
    assert found(limits, "What not to use").text.endswith("Not for: lakes. Not for: sea ice.")


def test_an_unknown_level_weighs_more_when_the_model_needs_one(
    scene_facts: SceneFacts, model_facts: ModelFacts, result_facts: ResultFacts
) -> None:
    scene = replace(scene_facts, level=Level.UNKNOWN)
    limits = confidence_and_limits(scene, model_facts, result_facts)
    assert found(limits, "radiometric level").severity == Severity.WARNING
    limits = confidence_and_limits(scene, replace(model_facts, level=None), result_facts)
    assert found(limits, "radiometric level").severity == Severity.CAUTION


def test_a_score_on_a_split_that_leaks_is_warned_of(
    scene_facts: SceneFacts, model_facts: ModelFacts, result_facts: ResultFacts
) -> None:
    clean = confidence_and_limits(scene_facts, model_facts, result_facts)
    assert not any("leak" in limit.heading + limit.text for limit in clean)
    leaky = replace(model_facts, leaks=("train and test share 27 glaciers",))
    (limit,) = (each for each in confidence_and_limits(scene_facts, leaky, result_facts) if "leaks" in each.heading)
    assert limit.severity == Severity.WARNING
    assert "train and test share 27 glaciers." in limit.text
