"""Evaluation: confusion counts over a whole set, the scores made of them, and the trivial scores beside them."""

from firnline.evaluation.blocks import Unit, UnitCounts, unit_counts
from firnline.evaluation.bootstrap import Interval, Statistic, interval
from firnline.evaluation.compare import Compared, Evaluation, Pair, evaluate
from firnline.evaluation.confusion import Confusion, confusion
from firnline.evaluation.paired import Difference, Run, Verdict, difference
from firnline.evaluation.scores import ClassScores, RuleScores, Scores, by_class, everything_is, scores
from firnline.evaluation.table import as_record, as_text, write_record

__all__ = [
    "ClassScores",
    "Compared",
    "Confusion",
    "Difference",
    "Evaluation",
    "Interval",
    "Pair",
    "RuleScores",
    "Run",
    "Scores",
    "Statistic",
    "Unit",
    "UnitCounts",
    "Verdict",
    "as_record",
    "as_text",
    "by_class",
    "confusion",
    "difference",
    "evaluate",
    "everything_is",
    "interval",
    "scores",
    "unit_counts",
    "write_record",
]
