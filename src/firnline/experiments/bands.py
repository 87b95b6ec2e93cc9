"""Figure 2: which bands help, and how that hangs on how much there is to train on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from fnmatch import fnmatchcase
from typing import Annotated, Final

from pydantic import Field

from firnline.experiments.amounts import amounts
from firnline.experiments.arms import Arm
from firnline.experiments.band_figures import curve_figure, sets_figure
from firnline.experiments.band_findings import Learning, Tried, sentences, tables
from firnline.experiments.band_sets import FOREST, BandSet, LeftOut, arm_of, band_sets, common_bands
from firnline.experiments.config import Settings, section
from firnline.experiments.importance import asked, choices
from firnline.experiments.outcome import Outcome
from firnline.experiments.results import Trials
from firnline.experiments.study import Study

NAME: Final = "bands"

Share = Annotated[float, Field(gt=0, le=1)]


class BandsSettings(Settings):
    """Which sets are tried, and with how much to train on."""

    only: Annotated[tuple[str, ...], Field(min_length=1)] = ("*",)
    """Patterns of the names of sets; the one of all bands, which the others are compared with, is always there."""
    shares: tuple[Share, ...] = (0.1, 0.25, 0.5, 1.0)
    """Of the training scenes, or of the training chips of a table; none for no learning curve."""
    curve: tuple[str, ...] = ("swir16-green-nir08", "blue-green-red", "spectral")
    """Patterns of the sets that the learning curve is of, besides that of all bands."""
    draw: Annotated[int, Field(ge=0)] = 0
    """The chance by which parts of the training data are drawn."""


def run(study: Study) -> Outcome:
    """Train the model of the configuration on every set of bands, and on some of them with less and less data.

    Raises
    ------
    ConfigError
        When the data allows one set alone.
    """
    own = section(study.config, NAME, BandsSettings)
    allowed = band_sets(common_bands(study))
    sets = tuple(each for each in allowed.sets if each.name == allowed.full or _is_like(each.name, own.only))
    if len(sets) < 2:
        has = ", ".join(common_bands(study)) or "none"
        raise study.refusal(
            f"there are not two sets of bands to compare (bands that all scenes have: {has})",
            "give scenes with more bands, or see settings.bands.only",
        )
    if _is_like(FOREST, own.only):
        asked(study)  # a mistake in the settings of the forest is told before anything is trained
    trials = _named(study.trials([_arm(study, each) for each in sets]))
    left_out = tuple(each for each in allowed.left_out if _is_like(each.name, own.only))
    tried = Tried(trials, sets, left_out, allowed.full)
    if _is_like(FOREST, own.only):
        tried = _with_choice(study, tried)
    learning = _learning(study, tried, own)
    all_trials = (*tried.trials, *tried.forests, *(trial for each in learning for trial in each.trials))
    return Outcome(
        "Bands: what a model gains by being given more of them",
        "Which bands help to map glaciers, and do more of them help when there is little to train on?",
        tables(study, tried, learning),
        (sets_figure(tried), *([curve_figure(tried, learning)] if learning else [])),
        sentences(tried, learning),
        {"model": study.config.model, **own.model_dump()},
        Trials(tuple(dict.fromkeys(all_trials)), study.folds),
    )


def _is_like(name: str, patterns: Sequence[str]) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns)


def _arm(study: Study, each: BandSet) -> Arm:
    return arm_of(study, study.config.model, f"bands-{each.name}", each.bands)


def _named(trials: Trials) -> Trials:
    """The same, each arm under the name of its set."""
    return Trials(tuple(replace(t, arm=t.arm.removeprefix("bands-")) for t in trials), trials.folds)


def _with_choice(study: Study, tried: Tried) -> Tried:
    """The forest's choice tried as well: one of each fold's own, for its test scenes must have no say in it."""
    by_fold, forests = choices(study)
    tried = replace(tried, forests=tuple(forests))
    if not all(by_fold.values()):
        return replace(tried, left_out=(*tried.left_out, LeftOut(FOREST, "no band has so much of its importance")))
    for each in tried.sets:
        if all(set(bands) == set(each.bands) for bands in by_fold.values()):
            return replace(tried, left_out=(*tried.left_out, LeftOut(FOREST, f"has the same bands as {each.name}")))
    chosen = []
    for fold in study.folds:
        folder = FOREST if len(study.folds) == 1 else f"{FOREST}-{fold.name}"
        arm = _arm(study, BandSet(folder, by_fold[fold.name], FOREST))
        chosen += [replace(trial, arm=FOREST) for trial in study.trials([arm], [fold])]
    return replace(tried, trials=Trials((*tried.trials, *chosen), study.folds), choices=by_fold)


def _learning(study: Study, tried: Tried, own: BandsSettings) -> tuple[Learning, ...]:
    """Trials by amount of training data, the least first; with all of it they are trained already."""
    drawn = [each for each in tried.sets if each.name == tried.full or _is_like(each.name, own.curve)]
    names = {each.name for each in drawn}
    found = []
    for amount in amounts(study, own.shares, own.draw):
        if amount.kept == amount.whole:
            part = Trials(tuple(trial for trial in tried.trials if trial.arm in names), study.folds)
        else:
            part = _named(study.trials([_arm(study, each) for each in drawn], amount.folds))
        found.append(Learning(amount, part))
    return tuple(found) if len(found) > 1 else ()
