"""What trials came to: kept as JSON, and asked by arm and question."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from math import inf
from pathlib import Path
from typing import Any, Final

from firnline.classes import LabelScheme
from firnline.errors import ConfigError
from firnline.evaluation.blocks import Unit, UnitCounts
from firnline.evaluation.boundary import BoundaryDistances, Distances
from firnline.evaluation.glacier_size import BySize, SizeClass
from firnline.evaluation.paired import Run
from firnline.experiments.folds import Fold
from firnline.experiments.measure import QUESTIONS, Question, SceneResult
from firnline.files import replaced

RESULT: Final = "result.json"
BUNDLE: Final = "model"
MAPS: Final = "maps"


@dataclass(frozen=True, eq=False)
class Trial:
    """One training and its tests; `seed` is None of what was not trained.

    `folder` holds the bundle (``model``) and the maps (``maps/SCENE/classes.tif`` and ``probabilities.tif``).
    """

    arm: str
    fold: str
    seed: int | None
    folder: Path
    scenes: tuple[SceneResult, ...]
    cpu_minutes: float
    """Of its training."""
    parameters: int
    warnings: tuple[str, ...] = ()
    """What its training said makes the model, or its scores, worth less."""

    @property
    def bundle(self) -> Path:
        """The model."""
        return self.folder / BUNDLE

    def map_folder(self, scene: str) -> Path:
        """Where the map of a test scene lies: ``classes.tif`` and ``probabilities.tif``."""
        return self.folder / MAPS / scene

    @property
    def run(self) -> Run:
        """Its fold and seed, as paired comparisons name them."""
        return Run(self.fold, self.seed)

    def units(self, question: str, scenes: Iterable[str] | None = None) -> tuple[UnitCounts, ...]:
        """The counts of a question (or ``classes``) by block, of all test scenes or of those named."""
        named = None if scenes is None else set(scenes)
        return tuple(
            unit
            for scene in self.scenes
            if named is None or scene.scene in named
            for unit in scene.units.get(question, ())
        )


@dataclass(frozen=True, eq=False)
class Trials:
    """The trials of an experiment, in the order of arms, folds and seeds.

    Units of several runs are added: the score of an arm is of the counts of all its folds and seeds as one set.
    """

    of: tuple[Trial, ...]
    folds: tuple[Fold, ...] = ()

    def __iter__(self) -> Iterator[Trial]:
        return iter(self.of)

    @property
    def arms(self) -> tuple[str, ...]:
        """The arms by name."""
        return tuple(dict.fromkeys(trial.arm for trial in self.of))

    @property
    def seeds(self) -> tuple[int | None, ...]:
        """The seeds."""
        return tuple(dict.fromkeys(trial.seed for trial in self.of))

    @property
    def questions(self) -> tuple[Question, ...]:
        """What at least one arm answers."""
        asked = {question for trial in self.of for scene in trial.scenes for question in scene.units}
        return tuple(question for question in QUESTIONS if question in asked)

    def only(self, *, arm: str | None = None, fold: str | None = None, seed: int | None = None) -> Trials:
        """Those of an arm, of a fold, of a seed."""
        wanted = {"arm": arm, "fold": fold, "seed": seed}
        return Trials(
            tuple(t for t in self.of if all(v is None or getattr(t, key) == v for key, v in wanted.items())),
            tuple(each for each in self.folds if fold in (None, each.name)),
        )

    def answers(self, arm: str, question: str) -> bool:
        """Whether an arm answers a question."""
        return bool(self.units(arm, question))

    def units(self, arm: str, question: str, scenes: Iterable[str] | None = None) -> tuple[UnitCounts, ...]:
        """An arm's counts by block, each block once, with those of all folds and seeds added."""
        named = None if scenes is None else tuple(scenes)
        return added(unit for trial in self.only(arm=arm) for unit in trial.units(question, named))

    def runs(self, arm: str, question: str, scenes: Iterable[str] | None = None) -> dict[Run, tuple[UnitCounts, ...]]:
        """An arm's counts by run, for `evaluation.paired.difference`."""
        named = None if scenes is None else tuple(scenes)
        found = {trial.run: trial.units(question, named) for trial in self.only(arm=arm)}
        return {run: units for run, units in found.items() if units}

    def boundary(self, arm: str, question: str) -> BoundaryDistances | None:
        """The distances of an arm's boundaries, all folds and seeds as one set."""
        found = [s.boundary[question] for t in self.only(arm=arm) for s in t.scenes if question in s.boundary]
        total = found[0] if found else None
        for each in found[1:]:
            assert total is not None
            total = total + each
        return total

    def sizes(self, arm: str) -> BySize | None:
        """An arm's results by glacier size, all folds and seeds as one set."""
        found = [scene.sizes for trial in self.only(arm=arm) for scene in trial.scenes if scene.sizes is not None]
        total = found[0] if found else None
        for each in found[1:]:
            assert total is not None
            total = total + each
        return total

    @property
    def warnings(self) -> tuple[str, ...]:
        """Those of all trainings, each once."""
        return tuple(dict.fromkeys(warning for trial in self.of for warning in trial.warnings))

    @property
    def cpu_minutes(self) -> float:
        """Of all trainings."""
        return sum(trial.cpu_minutes for trial in self.of)


def added(units: Iterable[UnitCounts]) -> tuple[UnitCounts, ...]:
    """Counts of the same block added, in the order in which blocks come first.

    Examples
    --------
    >>> import numpy as np
    >>> from firnline.evaluation.confusion import confusion
    >>> one = UnitCounts(Unit("a"), confusion(np.ones((2, 2), np.uint8), np.ones((2, 2), np.uint8), 2))
    >>> [int(each.confusion.counts[1, 1]) for each in added([one, one])]
    [8]
    """
    totals: dict[Unit, UnitCounts] = {}
    for each in units:
        there = totals.get(each.unit)
        totals[each.unit] = each if there is None else UnitCounts(each.unit, there.confusion + each.confusion)
    return tuple(totals.values())


def write_trial(trial: Trial) -> None:
    """Write what a trial came to into its folder."""
    record = {
        "arm": trial.arm,
        "fold": trial.fold,
        "seed": trial.seed,
        "cpu_minutes": round(trial.cpu_minutes, 3),
        "parameters": trial.parameters,
        "warnings": list(trial.warnings),
        "scenes": [_scene_record(scene) for scene in trial.scenes],
    }
    with replaced(trial.folder / RESULT) as temporary:
        temporary.write_text(json.dumps(record, allow_nan=False) + "\n", encoding="utf-8")


def read_trial(folder: Path) -> Trial:
    """Read what `write_trial` wrote.

    Raises
    ------
    ConfigError
        When the file is something else.
    """
    path = folder / RESULT
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        return Trial(
            record["arm"],
            record["fold"],
            record["seed"],
            folder,
            tuple(_scene_of(scene) for scene in record["scenes"]),
            record["cpu_minutes"],
            record["parameters"],
            tuple(record.get("warnings", ())),
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ConfigError(f"cannot be read ({error!r})", where=path, do="delete it: the test is made again") from None


def _scene_record(scene: SceneResult) -> dict[str, Any]:
    return {
        "scene": scene.scene,
        "region": scene.region,
        "scheme": str(scene.scheme),
        "units": {name: [unit.as_record() for unit in units] for name, units in scene.units.items()},
        "boundary": {name: asdict(distances) for name, distances in scene.boundary.items()},
        "sizes": None if scene.sizes is None else _sizes_record(scene.sizes),
    }


def _sizes_record(sizes: BySize) -> dict[str, Any]:
    record = asdict(sizes)
    for each in record["classes"]:
        each["below"] = None if each["below"] == inf else each["below"]  # JSON knows no infinity
    return record


def _scene_of(record: Mapping[str, Any]) -> SceneResult:
    return SceneResult(
        record["scene"],
        record["region"],
        LabelScheme(record["scheme"]),
        {name: tuple(UnitCounts.from_record(unit) for unit in units) for name, units in record["units"].items()},
        {
            name: BoundaryDistances(_distances(both["from_truth"]), _distances(both["from_map"]))
            for name, both in record["boundary"].items()
        },
        None if record["sizes"] is None else _sizes(record["sizes"]),
    )


def _distances(record: Mapping[str, Any]) -> Distances:
    return Distances(tuple(record["metres"]), tuple(record["counts"]), record["beyond"], record["reach"])


def _sizes(record: Mapping[str, Any]) -> BySize:
    classes: Sequence[Mapping[str, Any]] = record["classes"]
    return BySize(
        tuple(SizeClass(**{**each, "below": inf if each["below"] is None else each["below"]}) for each in classes),
        record["false_elsewhere"],
    )
