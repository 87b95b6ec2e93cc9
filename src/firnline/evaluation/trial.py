"""Trying the untrained rules on the very pixels on which a map is scored."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from firnline.classes import UNKNOWN, Classes, LabelScheme
from firnline.evaluation.confusion import Confusion, confusion
from firnline.evaluation.rules import rule_map
from firnline.evaluation.scores import ANY_ICE, RuleScores, scores
from firnline.features import FeatureSource


@dataclass(frozen=True)
class Trial:
    """One rule on one scene: its counts for its class against the rest, or why there are none.

    `unknown` counts the scored pixels at which the rule knows nothing.
    """

    rule: str
    counts: Confusion | None
    why_not: str = ""
    unknown: int = 0


def try_rules(source: FeatureSource, scheme: LabelScheme, truth: Classes, prediction: Classes) -> dict[str, Trial]:
    """Try the rule for each class of a scheme, where both truth and prediction (in that scheme) are known."""
    scored = (truth != UNKNOWN) & (prediction != UNKNOWN)
    is_class = {name: truth == value for value, name in enumerate(scheme.class_names) if value > 0}
    if scheme.class_count > 2:
        is_class[ANY_ICE] = truth > 0
    return {
        name: _trial(source, name, np.where(scored, true, UNKNOWN).astype(np.uint8))
        for name, true in is_class.items()
    }


def _trial(source: FeatureSource, name: str, truth: Classes) -> Trial:
    found = rule_map(source, name)
    if found.classes is None:
        return Trial(found.words, None, found.why_not)
    counts = confusion(truth, found.classes, 2)
    return Trial(found.words, counts, unknown=int(counts.unmapped.sum()))


def summed(trials: Sequence[dict[str, Trial]]) -> dict[str, RuleScores]:
    """The scores of each rule over a whole set of scenes."""
    return {name: _over_set([trial[name] for trial in trials]) for name in trials[0]} if trials else {}


def _over_set(trials: Sequence[Trial]) -> RuleScores:
    missing = next((trial for trial in trials if trial.counts is None), None)
    if missing is not None:
        return RuleScores(missing.rule, None, missing.why_not)
    rules = dict.fromkeys(trial.rule for trial in trials)
    if len(rules) > 1:
        return RuleScores(" / ".join(rules), None, "the scenes differ in what they can tell")
    total = Confusion(np.zeros((2, 2), np.int64), np.zeros(2, np.int64), 0)
    for trial in trials:
        if trial.counts is not None:
            total = total + trial.counts
    return RuleScores(trials[0].rule, scores(total, 1), unknown=sum(trial.unknown for trial in trials))
