"""What a map can and cannot be trusted for, in plain sentences drawn from plain facts."""

from __future__ import annotations

from collections.abc import Iterator

from firnline.bands import Level
from firnline.report.content import Limit, ModelFacts, ResultFacts, SceneFacts, Severity, SnowFacts
from firnline.report.season import season_limit

_A_LOT_OF_SNOW = 0.3
_SOME_SNOW = 0.1


def confidence_and_limits(scene: SceneFacts, model: ModelFacts, result: ResultFacts) -> tuple[Limit, ...]:
    """Say what a reader must know before using a map, the heaviest first.

    Examples
    --------
    >>> scene = SceneFacts("a", "a.tif", "landsat8", None, "EPSG:32643", 30.0, (512, 512), Level.SURFACE_REFLECTANCE,
    ...                    ("green", "swir16"), (33.5, 77.0))
    >>> model = ModelFacts("NDSI", "rule", ("clean ice",), ("green", "swir16"))
    >>> limits = confidence_and_limits(scene, model, ResultFacts(0.0, (), 0.01))
    >>> [limit.heading for limit in limits][:2]
    ['The date is not known', 'Debris-covered ice is not mapped']
    """
    limits = [
        *_checked(result),
        season_limit(scene.date, scene.centre),
        _snow(result.snow),
        *_classes(model),
        *_training(scene, model),
        *_input(scene, model, result),
        *_extent(scene, result),
        _use(model),
    ]
    return tuple(sorted(limits, key=lambda limit: limit.rank))


def _checked(result: ResultFacts) -> Iterator[Limit]:
    """What the check of the scene found before it was mapped."""
    if result.forced:
        yield Limit(
            "The scene was refused, and mapped all the same (--force)",
            f"The check of the scene found what misleads a model: {_sentence('; '.join(result.forced))} Outlines and "
            "areas may be wrong everywhere. Do not use this map before that is put right.",
            Severity.WARNING,
        )
    if result.marks:
        yield Limit(
            "Not inventory-grade: seasonal snow",
            f"The check of the scene found: {_sentence('; '.join(result.marks))} The rasters (tag QUALITY), the "
            "outlines (column quality) and the record carry this mark.",
            Severity.WARNING,
        )


def _percent(share: float) -> str:
    """Per cent in words: neither a small share nor almost all of it is rounded away."""
    if 0 < share < 0.001:
        return "less than 0.1 %"
    if 0.999 < share < 1:
        return "more than 99.9 %"
    return f"{100 * share:.1f} %" if share < 0.1 or share > 0.99 else f"{100 * share:.0f} %"


def _snow(snow: SnowFacts | None) -> Limit:
    if snow is None:
        return Limit(
            "Snow could not be measured",
            "The scene has no reflectance in green and short-wave infrared, by which snow is told from rock. Judge "
            "the snow from the picture.",
            Severity.CAUTION,
        )
    measured = (
        f"{_percent(snow.share_of_known)} of the known pixels look like snow or ice (NDSI above 0.4), and so do "
        f"{_percent(snow.share_outside)} of those mapped as not glacier. "
    )
    if snow.share_outside >= _A_LOT_OF_SNOW:
        return Limit(
            "Much snow outside the outlines",
            measured + "Seasonal snow covers much of the ground: the border between snow and glacier cannot be seen, "
            "and clean ice may be wrong by large areas either way.",
            Severity.WARNING,
        )
    if snow.share_outside >= _SOME_SNOW:
        return Limit(
            "Snow outside the outlines",
            measured
            + "It is seasonal snow, perennial snow, or glacier that the model missed. Check the upper parts.",
            Severity.CAUTION,
        )
    return Limit(
        "Little snow outside the outlines",
        measured + "This does not exclude that snow itself was mapped as clean ice: compare the outlines with the "
        "picture.",
        Severity.NOTE,
    )


def _classes(model: ModelFacts) -> Iterator[Limit]:
    if "debris-covered ice" in model.classes:
        yield Limit(
            "Debris-covered ice is less certain than clean ice",
            "Seen from above, ice under debris looks like the ground beside it. Check the lower ends of glaciers "
            "against high-resolution images or elevation change.",
            Severity.NOTE,
        )
    elif "supraglacial debris" in model.classes:
        yield Limit(
            "Clean ice is not mapped",
            "The outlines hold debris on glaciers only. They are no glacier outlines.",
            Severity.WARNING,
        )
    elif "glacier" in model.classes:
        yield Limit(
            "Clean and debris-covered ice are not told apart",
            "The model maps any glacier ice as one class; debris-covered parts may be missing.",
            Severity.CAUTION,
        )
    else:
        yield Limit(
            "Debris-covered ice is not mapped",
            "The model finds clean ice only. Glaciers with debris-covered tongues end too high, and their areas are "
            "too small.",
            Severity.WARNING,
        )


def _training(scene: SceneFacts, model: ModelFacts) -> Iterator[Limit]:
    if model.synthetic:
        yield Limit(
            "The model was trained on made-up scenes",
            "It has never seen a real glacier. The map shows that the software runs. Do not use it for any real "
            "glacier.",
            Severity.WARNING,
        )
    elif model.kind == "rule":
        yield Limit(
            "A rule, not a trained model",
            "Pixels are classified by fixed thresholds. Seasonal snow, lakes, cloud and shaded ice are known to be "
            "confused with clean ice or to be missed.",
            Severity.CAUTION,
        )
    elif not model.trained_on:
        yield Limit(
            "What the model was trained on is not known",
            "Its bundle does not say. Where the map can be trusted is unknown.",
            Severity.WARNING,
        )
    else:
        yield Limit("What the model was trained on", _sentence(model.trained_on), Severity.NOTE)
    if model.kind != "rule":
        yield _scores(model)
        if model.calibration:
            yield Limit("What the probabilities are worth", _sentence(model.calibration), Severity.NOTE)
        yield from _other_conditions(scene, model)


def _scores(model: ModelFacts) -> Limit:
    if not model.scores:
        return Limit(
            "How good the model is has not been measured",
            "Its bundle holds no scores on scenes kept apart from training.",
            Severity.CAUTION,
        )
    on = f" on {model.scores_on}" if model.scores_on else ""
    if model.leaks:
        return Limit(
            "Measured accuracy is too good: the split leaks",
            f"The scores under Model were measured{on}, but what the model was trained on is not apart from it: "
            f"{_sentence('; '.join(model.leaks))} Part of the score is memory. Expect less on any other scene.",
            Severity.WARNING,
        )
    return Limit(
        "Measured accuracy",
        f"The scores under Model were measured{on}. They hold for scenes like those; on other sensors, seasons and "
        "mountains expect less.",
        Severity.NOTE,
    )


def _other_conditions(scene: SceneFacts, model: ModelFacts) -> Iterator[Limit]:
    """Where the scene is unlike what the model was trained on."""
    if model.sensors and scene.sensor not in model.sensors:
        yield Limit(
            "Another sensor than in training",
            f"The scene is from {scene.sensor or 'an unknown sensor'}; the model was trained on "
            f"{', '.join(model.sensors)}. Bands of the same name differ between sensors.",
            Severity.WARNING,
        )
    if model.level is not None and scene.level not in (model.level, Level.UNKNOWN):
        yield Limit(
            "Another radiometric level than in training",
            f"The values of the scene are: {scene.level}. The model was trained on: {model.level}. Its answers may "
            "be arbitrary.",
            Severity.WARNING,
        )
    if model.bounds is not None and not _within(scene.centre, model.bounds):
        west, south, east, north = model.bounds
        yield Limit(
            "Outside the region of training",
            f"The training scenes lie between {south:g} and {north:g} degrees north, {west:g} and {east:g} degrees "
            "east. Glaciers, rock and snow differ from region to region.",
            Severity.WARNING,
        )


def _within(centre: tuple[float, float], bounds: tuple[float, float, float, float]) -> bool:
    (latitude, longitude), (west, south, east, north) = centre, bounds
    return west <= longitude <= east and south <= latitude <= north


def _input(scene: SceneFacts, model: ModelFacts, result: ResultFacts) -> Iterator[Limit]:
    if scene.level == Level.UNKNOWN:
        trained = "" if model.level is None else f"The model was trained on {model.level}. "
        yield Limit(
            "The radiometric level is not known",
            "Whether the values are surface reflectance, reflectance at the top of the atmosphere or digital numbers "
            f"is not said. {trained}Say it in the scene's sidecar (level: ...).",
            Severity.WARNING if trained else Severity.CAUTION,
        )
    if result.missing_bands:
        yield Limit(
            "Optional bands are missing",
            f"{model.name} had to do without {', '.join(result.missing_bands)}. It was told so; expect the map to be "
            "less good.",
            Severity.CAUTION,
        )


def _extent(scene: SceneFacts, result: ResultFacts) -> Iterator[Limit]:
    """What part of the glaciers the outlines hold."""
    touching = sum(area.lower_bounds for area in result.areas)
    at_edge = sum(area.at_edge for area in result.areas)
    if result.unknown_share > 0:
        heavy = Severity.CAUTION if result.unknown_share >= 0.05 else Severity.NOTE
        yield Limit(
            f"Unknown: {_percent(result.unknown_share)} of the scene",
            "There is no data, or it is masked (cloud, stripe, border). Nothing is mapped there, and nothing is "
            f"guessed. {_counted(touching, 'outline touches', 'outlines touch')} it (column touches_unknown): "
            "areas of these are lower bounds.",
            Severity.WARNING if result.unknown_share >= 0.2 else heavy,
        )
    if at_edge:
        yield Limit(
            "Glaciers cut by the edge of the scene",
            f"{_counted(at_edge, 'outline reaches', 'outlines reach')} the edge and may go on beyond (column "
            "touches_edge).",
            Severity.NOTE,
        )
    if not any(area.outlines for area in result.areas):
        yield Limit(
            "No glacier was mapped",
            "There may be none, or the model does not fit the scene. The picture tells which.",
            Severity.WARNING,
        )
    yield Limit(
        "How exact the outlines are",
        f"They follow the edges of pixels of {scene.resolution_m:g} m. Analysts who draw by hand differ by 3 to 4 "
        "pixels at the lower parts of clean glaciers (Raup et al. 2014), and by more on debris and snow. Connected "
        f"glaciers smaller than {result.minimum_area_km2:g} km² are left out; they are not divided at ice divides.",
        Severity.NOTE,
    )


def _counted(number: int, one: str, many: str) -> str:
    return f"{number:,} {one if number == 1 else many}"


def _sentence(text: str) -> str:
    text = text.strip()
    return text if text.endswith(".") else f"{text}."


def _use(model: ModelFacts) -> Limit:
    own = " ".join(f"Not for: {_sentence(use)}" for use in model.not_for)
    return Limit(
        "What not to use this map for",
        "Do not base decisions on hazards, water supply or safety on it, and do not enter it in an inventory, before "
        f"a person who knows glaciers has checked the outlines against the scene. {own}".strip(),
        Severity.CAUTION,
    )
