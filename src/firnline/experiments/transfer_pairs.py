"""Pairs of regions or sensors: what is trained on, what is tested on, with which bands, or why that cannot be."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from firnline.bands import Level
from firnline.chips.statistics import BandStatistics
from firnline.errors import ModelError
from firnline.experiments.arms import Arm, kind_of
from firnline.experiments.folds import Fold
from firnline.experiments.measure import answers
from firnline.experiments.scenes import StudyScene
from firnline.experiments.survey import Surveyed, off_ground, survey
from firnline.models.fit import RESOLUTION_FACTOR, fit_bands, level_behind
from firnline.training.config import TrainingConfig
from firnline.training.readings import BandGatherer, available_bands

if TYPE_CHECKING:
    from firnline.experiments.study import Study


@dataclass(frozen=True, eq=False)
class End:
    """A region or a sensor: the scenes to train on, and those held out from that, where there are any."""

    name: str
    train: tuple[Surveyed, ...]
    held_out: tuple[Surveyed, ...]

    @property
    def all(self) -> tuple[Surveyed, ...]:
        """All its scenes."""
        return (*self.train, *self.held_out)


@dataclass(frozen=True, eq=False)
class Pair:
    """A model trained on one end and tested on another, or on what is held out of the same.

    `arm` and `fold` are how; None where `why_not` says why it cannot be. `notes` tell what had to give way.
    """

    model: str
    source: End
    target: End
    tested: tuple[Surveyed, ...]
    arm: Arm | None = None
    fold: Fold | None = None
    why_not: str = ""
    notes: tuple[str, ...] = ()

    @property
    def is_home(self) -> bool:
        """Whether it stays where it was trained."""
        return self.source is self.target


def ends_of(study: Study, by: str | None) -> tuple[End, ...]:
    """The ends of a study: its regions, or where it names none (or `by` says so) the sensors of its scenes.

    Scenes in the role of validation are held out; an end that has no others trains on all of them.

    Raises
    ------
    ConfigError
        When there are fewer than two.
    """
    if study.training.table is not None:
        raise study.refusal("a table of chips does not tell regions apart", "give scenes, and regions by their names")
    groups: defaultdict[str, list[Surveyed]] = defaultdict(list)
    regions = (by or ("region" if study.config.regions else "sensor")) == "region"
    for scene in survey(study):
        name = scene.scene.region if regions else scene.source.scene.sensor
        if name is not None:
            groups[str(name)].append(scene)
    if len(groups) < 2:
        what = "region" if regions else "known sensor"
        there = f"the only {what} is {next(iter(groups))}" if groups else f"no scene is of a {what}"
        raise study.refusal(there, "name two or more in regions, by patterns of file names")
    return tuple(_end(name, own) for name, own in groups.items())


def _end(name: str, scenes: Sequence[Surveyed]) -> End:
    train = tuple(each for each in scenes if each.scene.entry.role == "train")
    held_out = tuple(each for each in scenes if each not in train)
    return End(name, train, held_out) if train else End(name, held_out, ())


def pairs_of(study: Study, ends: Sequence[End], models: Sequence[str]) -> tuple[Pair, ...]:
    """Every ordered pair of ends for every model, and each with itself where a part is held out.

    Pairs whose training is the same share a fold, so that they are trained but once.
    """
    pairs = [
        pair
        for model in models
        for source in ends
        for target in ends
        for pair in _pairs(study, model, source, target)
    ]
    return tuple(_sharing(pairs))


def _pairs(study: Study, model: str, source: End, target: End) -> Iterator[Pair]:
    tested = target.held_out if source is target else target.all
    if not tested:
        yield Pair(model, source, target, (), why_not="no part is held out")
        return
    train = off_ground(source.train, tested)
    notes = () if train == source.train else (f"{len(source.train) - len(train)} overlapping scenes not trained on",)
    pair = Pair(model, source, target, tested, notes=notes)
    if not train:
        yield replace(pair, why_not="all scenes to train on overlap those to test on")
        return
    whole = study.arm(model)
    common = _common(whole.config.bands, (*train, *tested))
    missing = [name for name in whole.config.bands if name not in common]
    if not common:
        yield replace(pair, why_not=f"no band in common of {' '.join(whole.config.bands)}")
        return
    optional = _of_any(whole.config.optional, train)
    yield _tried(study, pair, train, common, optional, missing)
    learnable = _of_any(missing, train)
    if kind_of(study.loaded, model) == "firn" and learnable:
        free = replace(pair, model=f"{model}, bands optional")
        yield _tried(study, free, train, common, (*learnable, *optional), missing, model)


def _common(names: Iterable[str], scenes: Sequence[Surveyed]) -> tuple[str, ...]:
    return tuple(name for name in names if not any(scene.source.missing([name]) for scene in scenes))


def _of_any(names: Iterable[str], scenes: Sequence[Surveyed]) -> tuple[str, ...]:
    return tuple(name for name in names if not all(scene.source.missing([name]) for scene in scenes))


def _tried(
    study: Study,
    pair: Pair,
    train: Sequence[Surveyed],
    bands: tuple[str, ...],
    optional: tuple[str, ...],
    missing: Sequence[str],
    model: str | None = None,
) -> Pair:
    """A pair with its arm and fold, or why it cannot be."""
    model = model or pair.model
    arm = study.arm(model)
    if (bands, optional) != (arm.config.bands, arm.config.optional):
        name = f"{model}-of-{'-'.join(bands)}" + (f"-or-{'-'.join(optional)}" if optional else "")
        arm = study.arm(model, name=name, bands=bands, optional=optional)
    why_not = why_unfit(arm.config, train, pair.tested)
    if why_not:
        return replace(pair, why_not=why_not)
    lost = [name for name in missing if name not in optional]
    notes = (*pair.notes, *((f"without {' '.join(lost)}",) if lost else ()))
    fold = Fold(pair.source.name, _scenes(train), _scenes(pair.tested))
    return replace(pair, arm=arm, fold=fold, notes=notes)


def _scenes(surveyed: Iterable[Surveyed]) -> tuple[StudyScene, ...]:
    return tuple(each.scene for each in surveyed)


def why_unfit(config: TrainingConfig, train: Sequence[Surveyed], tested: Sequence[Surveyed]) -> str:
    """Why a model trained on some scenes could not map others, by the rules of `firnline map`; empty where it can."""
    if not any(set(answers(each.scheme)) & set(answers(config.scheme)) for each in tested):
        return f"its truth ({tested[0].scheme}) tells nothing of what the model maps ({config.scheme})"
    pixels = [each.source.scene.grid.resolution for each in train]
    for each in tested:
        size = each.source.scene.grid.resolution
        if all(max(size / other, other / size) > RESOLUTION_FACTOR for other in pixels):
            return (
                f"pixels of {size:g} m, trained on {pixels[0]:g} m (a factor of {RESOLUTION_FACTOR:g} is the limit)"
            )
        if not config.mixed and any(abs(size - other) > 0.01 * other for other in pixels):
            return f"pixels of {size:g} m, trained on {pixels[0]:g} m, and the training is not mixed (mixed: true)"
    return _level_unfit(config, train, tested)


def _level_unfit(config: TrainingConfig, train: Sequence[Surveyed], tested: Sequence[Surveyed]) -> str:
    gatherer = BandGatherer(config.layout)
    levels: defaultdict[str, set[Level]] = defaultdict(set)
    for each in train:
        names = available_bands(each.source, config.layout)
        any_values = BandStatistics(names)  # what the values are does not matter here
        any_values.add(np.stack([np.eye(2, dtype=np.float32)] * len(names)))
        gatherer.add(each.source, any_values)
        for name in names:
            levels[name].add(level_behind(each.source, name))
    for each in tested:
        try:
            fit_bands(gatherer.bands(), each.source, config.impute, config.name)
        except ModelError as error:
            return error.what.replace(f" of the model '{config.name}'", "")
        for name in () if config.mixed else available_bands(each.source, config.layout):
            level = level_behind(each.source, name)
            if levels[name] and level not in levels[name]:
                return f"band '{name}' is of another level ({level}), and the training is not mixed (mixed: true)"
    return ""


def _sharing(pairs: Sequence[Pair]) -> Iterator[Pair]:
    """The pairs, those of one arm and the same training scenes with one fold that tests all of their scenes."""
    groups: defaultdict[tuple[str, tuple[str, ...]], list[Pair]] = defaultdict(list)
    for pair in pairs:
        if pair.arm is not None and pair.fold is not None:
            groups[_key(pair)].append(pair)
    folds: dict[tuple[str, tuple[str, ...]], Fold] = {}
    for key, own in groups.items():
        first = own[0].fold
        assert first is not None
        tested = tuple(dict.fromkeys(scene for pair in own for scene in _scenes(pair.tested)))
        name = f"{own[0].source.name}-to-{'+'.join(dict.fromkeys(pair.target.name for pair in own))}"
        folds[key] = replace(first, name=_plain(name), test=tested)
    for pair in pairs:
        yield pair if pair.fold is None else replace(pair, fold=folds[_key(pair)])


def _key(pair: Pair) -> tuple[str, tuple[str, ...]]:
    assert pair.arm is not None
    assert pair.fold is not None
    return pair.arm.name, tuple(scene.name for scene in pair.fold.train)


def _plain(name: str) -> str:
    return "".join(letter if letter.isalnum() or letter in "-_.+" else "~" for letter in name)


def work_of(pairs: Iterable[Pair]) -> Mapping[str, tuple[Arm, tuple[Fold, ...]]]:
    """What is to be trained: by arm, its folds."""
    arms: dict[str, Arm] = {}
    folds: defaultdict[str, dict[str, Fold]] = defaultdict(dict)
    for pair in pairs:
        if pair.arm is not None and pair.fold is not None:
            arms[pair.arm.name] = pair.arm
            folds[pair.arm.name][pair.fold.name] = pair.fold
    return {name: (arm, tuple(folds[name].values())) for name, arm in arms.items()}
