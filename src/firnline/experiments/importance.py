"""Figure 5: which bands a random forest goes by."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from statistics import mean, stdev
from typing import Annotated, Final

from matplotlib.axes import Axes
from matplotlib.patches import Patch
from pydantic import Field

from firnline.bands import band_name
from firnline.experiments.arms import Arm
from firnline.experiments.band_sets import PAPER_CHOICE, arm_of, band_sets, common_bands
from firnline.experiments.config import Settings, section
from firnline.experiments.figures import COLOURS, GREY, INK, canvas, png_of
from firnline.experiments.folds import Fold
from firnline.experiments.outcome import Cell, Figure, Outcome, Table
from firnline.experiments.paper_numbers import ANOTHER
from firnline.experiments.results import Trial, Trials
from firnline.experiments.scoring import iou_table
from firnline.experiments.study import Study
from firnline.experiments.trials import keeping_the_last
from firnline.files import replaced
from firnline.models.bundle import load_bundle
from firnline.models.pixels.classifier import RasterClassifier
from firnline.models.pixels.units import unit_feature_names
from firnline.training.pixel_importance import BandImportance, Importances
from firnline.training.pixels import importance_in
from firnline.training.processes import joined
from firnline.training.run import prepare

NAME: Final = "importance"
FOREST_ARM: Final = "importance-forest"
ABOVE: Final = 0.05
"""From this share of importance on the paper's forest chose a band."""
_KEPT: Final = "importance.json"


class ImportanceSettings(Settings):
    """What the forest is given, and how its importances are measured."""

    bands: tuple[str, ...] | None = None
    """Without it, all that every scene has: spectral and radar bands, the paper's indices, elevation and slope."""
    above: Annotated[float, Field(gt=0, lt=1)] = ABOVE
    pixels: Annotated[int, Field(ge=100)] = 50_000
    """How many held-out pixels bands are shuffled among."""
    repeats: Annotated[int, Field(ge=2)] = 5
    """How often each band is shuffled."""


def run(study: Study) -> Outcome:
    """Train a forest of pixels on every fold with every seed, and measure what it goes by.

    Raises
    ------
    ConfigError
        When there are fewer than two bands, or one that is asked for is not to be had.
    """
    own, arm = asked(study)
    trials = study.trials([arm])
    found = [_measured(study, arm, trial, trials.folds, own) for trial in trials]
    order = _order(found)
    return Outcome(
        "Importance: which bands a random forest goes by",
        "Which bands does a classifier of single pixels decide by?",
        (_table(found, order, own), _paper(order), iou_table(study, trials, first="classifier")),
        (_figure(found, order, own),),
        tuple(_sentences(found, order, own)),
        own.model_dump() | {"bands": arm.config.bands},
        trials,
    )


def _bands(study: Study, own: ImportanceSettings) -> tuple[str, ...]:
    wanted = None if own.bands is None else tuple(dict.fromkeys(band_name(name) or name for name in own.bands))
    lacking = set(wanted or ()) - set(common_bands(study))
    if lacking:
        raise study.refusal(f"not all scenes have {', '.join(sorted(lacking))}", "see settings.importance.bands")
    bands = all_bands(study) if wanted is None else wanted
    if len(bands) < 2:
        raise study.refusal("there are fewer than two bands that all scenes have", "leave out scenes, or name bands")
    return bands


def all_bands(study: Study) -> tuple[str, ...]:
    """Everything that every scene has of what the paper gave its forest, and radar."""
    sets = band_sets(common_bands(study))
    return next((each.bands for each in sets.sets if each.name == sets.full), ())


def forest_arm(study: Study, bands: Sequence[str]) -> Arm:
    """The forest, which `bands` shares with this experiment.

    Raises
    ------
    ConfigError
        When the settings do not go together.
    """
    return arm_of(study, "forest", FOREST_ARM, bands)


def choices(study: Study) -> tuple[dict[str, tuple[str, ...]], Trials]:
    """The forest's choice for each fold, with the forests: bands above a share of impurity, the most important first.

    It is the mean over the seeds of one fold, and rests on its training samples alone: nothing of what tests the fold
    is looked at. The settings are those of this experiment, so that both share their forests.
    """
    own, arm = asked(study)
    trials = study.trials([arm])
    return {fold.name: _chosen(trials.only(fold=fold.name), own.above) for fold in trials.folds}, trials


def asked(study: Study) -> tuple[ImportanceSettings, Arm]:
    """The settings of this experiment, and its forest.

    Raises
    ------
    ConfigError
        When they are wrong, there are fewer than two bands, or one that is asked for is not to be had.
    """
    own = section(study.config, NAME, ImportanceSettings)
    return own, forest_arm(study, _bands(study, own))


def _chosen(trials: Trials, above: float) -> tuple[str, ...]:
    shares = [_impurity(trial) for trial in trials]
    of_band = {band: mean(share[band] for share in shares) for band in shares[0]}
    return tuple(band for band in sorted(of_band, key=lambda band: -of_band[band]) if of_band[band] > above)


def _impurity(trial: Trial) -> dict[str, float]:
    """The share of each band in what the splits of a trial's forest took away."""
    bands, classifier = load_bundle(trial.bundle).description.layout.bands, _classifier(trial)
    shares, names = classifier.decider.importance, unit_feature_names(bands, classifier.settings)
    assert shares is not None  # a forest has splits
    of_band = dict.fromkeys(bands, 0.0)
    for (_, band), share in zip(names, shares.tolist(), strict=True):
        of_band[band] += share
    return of_band


def _classifier(trial: Trial) -> RasterClassifier:
    classifier = load_bundle(trial.bundle).classifier
    assert classifier is not None  # the arm is a forest
    return classifier


def _measured(
    study: Study, arm: Arm, trial: Trial, folds: Sequence[Fold], own: ImportanceSettings
) -> dict[str, BandImportance]:
    """What a trial's forest goes by, by band; kept beside the trial, for shuffling takes its time."""
    path = trial.folder / _KEPT
    how = {"pixels": own.pixels, "repeats": own.repeats}
    if path.is_file():
        kept = json.loads(path.read_text(encoding="utf-8"))
        if kept["asked"] == how:
            return {each["band"]: BandImportance(**each) for each in kept["bands"]}
    study.tell(f"shuffling bands: fold {trial.fold}, seed {trial.seed}")
    found = _shuffled(study, arm, trial, next(fold for fold in folds if fold.name == trial.fold), own)
    with replaced(path) as temporary:
        record = {"asked": how, "bands": [asdict(each) for each in found.bands]}
        temporary.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    return {each.band: each for each in found.bands}


def _shuffled(study: Study, arm: Arm, trial: Trial, fold: Fold, own: ImportanceSettings) -> Importances:
    """The drops of IoU on the scenes that test a fold, on which nothing is trained."""
    config = keeping_the_last(fold.training(arm.config)).model_copy(update={"seed": trial.seed})
    with joined() as processes:
        run = prepare(config, study.folder, processes, force=study.force)
        return importance_in(run, _classifier(trial), count=own.pixels, repeats=own.repeats)


Found = Sequence[dict[str, BandImportance]]
"""By band, of each trial."""


def _order(found: Found) -> dict[str, float]:
    """The bands with their mean impurity, the most important first."""
    means = {band: mean(_numbers(found, band, "impurity")) for band in found[0]}
    return dict(sorted(means.items(), key=lambda item: -item[1]))


def _numbers(found: Found, band: str, of: str) -> list[float]:
    return [float(getattr(each[band], of)) for each in found]


def _spread(numbers: Sequence[float]) -> float | None:
    return stdev(numbers) if len(numbers) > 1 else None


def _table(found: Found, order: dict[str, float], own: ImportanceSettings) -> Table:
    rows: list[tuple[Cell, ...]] = []
    for band, share in order.items():
        impurity, drops = (_numbers(found, band, of) for of in ("impurity", "drop"))
        paper = "chosen" if band in PAPER_CHOICE else "-"
        above = "yes" if share > own.above else "no"
        rows.append((band, share, _spread(impurity), above, mean(drops), _spread(drops), paper))
    note = (
        f"Mean and standard deviation over {len(found)} trainings (folds and seeds). Impurity: the share of a band "
        "in what all splits took away on the training pixels; it favours bands with many different values. Lost IoU: "
        "how much lower the mean IoU of the classes is on held-out pixels, as they occur, when the band is shuffled "
        f"among them ({own.repeats} times in each training); of two bands that say the same, both have a low one. "
        "The paper's: whether its forest chose the band (more than 5 %), on another data set."
    )
    columns = (
        "band",
        "impurity",
        "spread",
        f"above {100 * own.above:g} %",
        "lost IoU",
        "spread of it",
        "the paper's",
    )
    return Table("importance", "Importance by band", columns, tuple(rows), note)


def _paper(order: dict[str, float]) -> Table:
    rows = tuple((n, band, "yes" if band in order else "no") for n, band in enumerate(PAPER_CHOICE, start=1))
    return Table(
        "paper-choice", "The paper's choice (another data set)", ("place", "band", "given here"), rows, ANOTHER
    )


def _sentences(found: Found, order: dict[str, float], own: ImportanceSettings) -> list[str]:
    chosen = [band for band, share in order.items() if share > own.above]
    told = ", ".join(f"{band} ({100 * order[band]:.0f} %)" for band in chosen) or "none"
    both = [band for band in chosen if band in PAPER_CHOICE]
    missing = [band for band in PAPER_CHOICE if band not in order]
    drops = {band: _numbers(found, band, "drop") for band in order}
    needed = [band for band, each in drops.items() if len(each) > 1 and mean(each) > 2 * stdev(each)]
    shuffled = f"more IoU is lost than twice the spread for: {', '.join(needed) or 'none'}."
    if len(found) < 2:
        shuffled = "what is lost has no spread: one training tells nothing of chance."
    return [
        f"Bands above {100 * own.above:g} % of impurity: {told}.",
        f"Of the paper's choice (another data set), {', '.join(both) or 'none'} are among them"
        + (f"; {', '.join(missing)} could not be given here." if missing else "."),
        f"Shuffled on held-out pixels, {shuffled}",
        "This says what a forest of single pixels goes by, not what a network gains by a band (see bands).",
    ]


def _figure(found: Found, order: dict[str, float], own: ImportanceSettings) -> Figure:
    figure = canvas(8.6, 1.2 + 0.3 * len(order))
    left, right = figure.subplots(1, 2, sharey=True)
    for axes, of, label in ((left, "impurity", "share of impurity"), (right, "drop", "lost IoU when shuffled")):
        for place, band in enumerate(order):
            _bar(axes, place, _numbers(found, band, of), COLOURS[1] if band in PAPER_CHOICE else COLOURS[0])
        axes.set_xlabel(label)
        axes.spines[["top", "right"]].set_visible(False)
    left.axvline(own.above, color=GREY, linestyle="--", linewidth=1)
    right.axvline(0.0, color=GREY, linewidth=1)
    left.set_yticks(range(len(order)), list(order))
    left.invert_yaxis()
    chosen = Patch(color=COLOURS[1], label="chosen in the paper (another data set)")
    others = Patch(color=COLOURS[0], label="not chosen there")
    figure.legend(handles=[chosen, others], loc="outside lower right", ncols=2, frameon=False, fontsize=8)
    caption = (
        f"Mean over {len(found)} trainings, with a dot for each of them. Left, the dashed line is at "
        f"{100 * own.above:g} %: bands beyond it are the forest's choice. Right, on held-out pixels."
    )
    return Figure("importance-figure", "Importance by band", caption, png_of(figure))


def _bar(axes: Axes, place: int, numbers: Sequence[float], colour: str) -> None:
    axes.barh(place, mean(numbers), height=0.66, color=colour)
    axes.plot(numbers, [place] * len(numbers), "o", color=INK, markersize=2.5)
