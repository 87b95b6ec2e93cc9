"""The test scenes of trials once more, each with the maps that were made of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from firnline.classes import Classes
from firnline.experiments.folds import Fold
from firnline.experiments.measure import Question, SceneMap, answers, read_map, sides
from firnline.experiments.results import Trial, Trials
from firnline.experiments.scenes import StudyScene, TestScene


@dataclass(frozen=True, eq=False)
class MappedScene:
    """A test scene of a fold, and the trials that mapped it, by arm and seed.

    `origin` is the scene of the configuration that it is; None where a table of chips names the scenes.
    """

    fold: Fold
    scene: TestScene
    origin: StudyScene | None
    trials: Trials

    def map_of(self, trial: Trial) -> SceneMap:
        """What a trial mapped there."""
        return read_map(trial.map_folder(self.scene.name))

    def sides(self, question: Question) -> dict[tuple[str, int | None], tuple[Classes, Classes]]:
        """By arm and seed of those that answer a question: truth and map as 1 where its class is, 0, or 255."""
        found = {}
        for trial in self.trials:
            said = self.map_of(trial)
            if question in answers(said.scheme):
                found[trial.arm, trial.seed] = sides(question, self.scene, said)
        return found


def mapped_scenes(trials: Trials) -> Iterator[MappedScene]:
    """Every test scene of every fold, opened one at a time."""
    for fold in trials.folds:
        own = trials.only(fold=fold.name)
        for number, scene in enumerate(fold.tests()):
            yield MappedScene(fold, scene, None if fold.table is not None else fold.test[number], own)
