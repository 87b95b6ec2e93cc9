"""Evaluation: confusion counts over a whole set, the scores made of them, and the trivial scores beside them."""

from firnline.evaluation.compare import Compared, Evaluation, Pair, evaluate
from firnline.evaluation.confusion import Confusion, confusion
from firnline.evaluation.scores import ClassScores, RuleScores, Scores, by_class, everything_is, scores
from firnline.evaluation.table import as_record, as_text, write_record

__all__ = [
    "ClassScores",
    "Compared",
    "Confusion",
    "Evaluation",
    "Pair",
    "RuleScores",
    "Scores",
    "as_record",
    "as_text",
    "by_class",
    "confusion",
    "evaluate",
    "everything_is",
    "scores",
    "write_record",
]
