"""What tables and sentences say where there is little to say it of: few seeds or blocks, a class that is absent."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from firnline.classes import LabelScheme
from firnline.evaluation.blocks import Unit, UnitCounts
from firnline.evaluation.confusion import Confusion
from firnline.experiments.measure import SceneResult
from firnline.experiments.results import Trial, Trials
from firnline.experiments.scoring import by_chance, differences, differences_table, found, iou


def units(hit: int, false: int, missed: int, blocks: int = 20) -> tuple[UnitCounts, ...]:
    """Blocks with so many true positives, false positives and false negatives, a little different from each other."""
    counts = [np.array([[50 + n, false], [missed, hit + (n if hit else 0)]], np.int64) for n in range(blocks)]
    return tuple(UnitCounts(Unit("a", 0, n), Confusion(c, np.zeros(2, np.int64), 0)) for n, c in enumerate(counts))


def trials(seeds: int, **arms: tuple[UnitCounts, ...]) -> Trials:
    def one(arm: str, seed: int) -> Trial:
        scene = SceneResult("a", None, LabelScheme.DEBRIS, {"debris": arms[arm]}, {}, None)
        return Trial(arm, "all", seed, Path(), (scene,), 0.0, 0)

    return Trials(tuple(one(arm, seed) for arm in arms for seed in range(seeds)))


def test_a_difference_says_whether_blocks_or_seeds_are_too_few() -> None:
    few_seeds = trials(2, first=units(80, 0, 20), second=units(40, 0, 60))
    few_blocks = trials(3, first=units(80, 0, 20, 5), second=units(40, 0, 60, 5))
    assert "[too few: 2 seeds] | too few |" in differences_table(few_seeds, against="second").markdown
    assert "[too few: 5 blocks] | too few |" in differences_table(few_blocks, against="second").markdown


def test_a_class_that_the_truth_does_not_hold_is_neither_scored_nor_compared() -> None:
    """Both maps are wrong, one ten times as wrong: an IoU of 0 for both would look like no difference."""
    both = trials(3, little=units(0, 1, 0), much=units(0, 10, 0))
    score = iou(both.units("much", "debris"))
    assert score is not None
    assert score.text == "0.000 [not in the truth]"
    [gap] = differences(both, "little")
    assert (gap.difference.verdict, gap.difference.value) == ("too few", None)
    assert "the truth holds none of the class" in gap.sentence


def test_many_comparisons_are_told_with_what_chance_makes_of_them() -> None:
    many = trials(3, worse=units(40, 0, 60), **{f"arm{n}": units(80, 0, 20) for n in range(10)})
    *_, last = found(many, against="worse")
    assert last.startswith("These are 10 comparisons at 95 %")
    assert "0.5 of them would seem to differ on average; here 10 do." in last
    alike = trials(3, one=units(40, 0, 60), other=units(40, 0, 60), third=units(40, 0, 60))
    assert by_chance([each.difference for each in differences(alike, "one")]) == ()  # nothing is claimed
