"""What anybody has without a model, on the same scenes: everything is the class, and untrained rules."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final

import numpy as np

from firnline.classes import UNKNOWN, Classes
from firnline.evaluation.rules import rule_map
from firnline.experiments.folds import Fold
from firnline.experiments.measure import RULE_OF, Question, SceneResult, answers, measured, true_side
from firnline.experiments.results import RESULT, Trial, Trials, read_trial, write_trial
from firnline.experiments.scenes import TestScene
from firnline.experiments.trials import TRIALS, depends_on, require_same

if TYPE_CHECKING:
    from firnline.experiments.study import Study

EVERYTHING: Final = "everything is the class"
RULE: Final = "untrained rule"


def trivial_trials(study: Study, folds: Sequence[Fold]) -> Trials:
    """`EVERYTHING` and `RULE` tested on every fold; what is done already is read.

    A rule whose features a scene lacks answers nothing in its fold.
    """
    makers: dict[str, tuple[str, Callable[[TestScene, Question], Classes | None]]] = {
        EVERYTHING: ("everything", _everything),
        RULE: ("rule", _by_rule),
    }
    found = []
    for name, (folder, maker) in makers.items():
        for fold in folds:
            own = study.out / TRIALS / "untrained" / folder / fold.name
            require_same(own, depends_on(study, fold), study)
            if not (own / RESULT).is_file():
                write_trial(Trial(name, fold.name, None, own, _tested(study, fold, maker), 0.0, 0))
            found.append(read_trial(own))
    return Trials(tuple(found), tuple(folds))


def _tested(
    study: Study, fold: Fold, maker: Callable[[TestScene, Question], Classes | None]
) -> tuple[SceneResult, ...]:
    scenes = fold.tests()
    asked: list[dict[Question, tuple[Classes, Classes]]] = []
    silent: set[Question] = set()
    for scene in scenes:
        asked.append({})
        for question in answers(scene.scheme):
            said = maker(scene, question)
            if said is None:
                silent.add(question)
            else:
                asked[-1][question] = (true_side(question, scene), said)
    return tuple(
        measured(scene, {q: both for q, both in own.items() if q not in silent}, study.config.block)
        for scene, own in zip(scenes, asked, strict=True)
    )


def _everything(scene: TestScene, _question: Question) -> Classes:
    return np.where(scene.truth == UNKNOWN, np.uint8(UNKNOWN), np.uint8(1))


def _by_rule(scene: TestScene, question: Question) -> Classes | None:
    found = rule_map(scene.source, RULE_OF[question]).classes
    return None if found is None else found[scene.area.slices]
