"""What anybody has without a model, on the same scenes: everything is the class, and untrained rules."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final

import numpy as np

from firnline.classes import UNKNOWN, Classes
from firnline.evaluation.rules import RULES, Rule, mapped_by
from firnline.experiments.folds import Fold
from firnline.experiments.measure import RULE_OF, Question, SceneResult, answers, measured, true_side
from firnline.experiments.results import RESULT, Trial, Trials, read_trial, write_trial
from firnline.experiments.scenes import TestScene
from firnline.experiments.trials import TRIALS, depends_on, require_same

if TYPE_CHECKING:
    from firnline.experiments.study import Study

EVERYTHING: Final = "everything is the class"
RULE: Final = "untrained rule"

Maker = Callable[[TestScene, Question], Classes | None]
"""What a scene's map of a class is, 1, 0 or 255 (row, column) of the part that counts; None where there is none."""


def trivial_trials(study: Study, folds: Sequence[Fold]) -> Trials:
    """`EVERYTHING` and `RULE` tested on every fold; what is done already is read.

    A fold has one rule for all of its scenes; where a scene lacks the features of each rule for a class, the fold
    has no answer to that question.
    """
    makers: dict[str, tuple[str, Callable[[Fold], Maker]]] = {
        EVERYTHING: ("everything", lambda _fold: _everything),
        RULE: ("rule", _by_rule),
    }
    found = []
    for name, (folder, maker_of) in makers.items():
        for fold in folds:
            own = study.out / TRIALS / "untrained" / folder / fold.name
            require_same(own, depends_on(study, fold), study)
            if not (own / RESULT).is_file():
                maker = maker_of(fold)
                results = tuple(_tested(scene, maker, study.config.block) for scene in fold.tests())
                write_trial(Trial(name, fold.name, None, own, results, 0.0, 0))
            found.append(read_trial(own))
    return Trials(tuple(found), tuple(folds))


def _tested(scene: TestScene, maker: Maker, block: int) -> SceneResult:
    said = {question: maker(scene, question) for question in answers(scene.scheme)}
    asked = {q: (true_side(q, scene), classes) for q, classes in said.items() if classes is not None}
    return measured(scene, asked, block)


def _everything(scene: TestScene, _question: Question) -> Classes:
    return np.where(scene.truth == UNKNOWN, np.uint8(UNKNOWN), np.uint8(1))


def _by_rule(fold: Fold) -> Maker:
    """Maps by the first rule for each class whose features all scenes of the fold have."""
    usable: dict[Question, tuple[Rule, ...]] = {}
    for scene in fold.tests():
        for question in answers(scene.scheme):
            rules = usable.get(question, RULES[RULE_OF[question]])
            usable[question] = tuple(rule for rule in rules if not scene.source.missing(rule.needs))

    def maker(scene: TestScene, question: Question) -> Classes | None:
        return mapped_by(usable[question][0], scene.source)[scene.area.slices] if usable[question] else None

    return maker
