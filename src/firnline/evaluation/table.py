"""Evaluations told: a Markdown table for people, a JSON record for machines."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Final

from firnline import __version__
from firnline.evaluation.compare import Compared, Evaluation
from firnline.evaluation.scores import ClassScores, Scores
from firnline.files import replaced

_COLUMNS: Final = {
    "IoU": "iou",
    "precision": "precision",
    "recall": "recall",
    "F1": "f1",
    "MCC": "mcc",
    "share": "prevalence",
    "area error": "area_error",
}


def as_text(evaluation: Evaluation) -> str:
    """The scores as Markdown, in lines that read well on a terminal too.

    Each class is followed by what a map scores that shows nothing but that class, and by an untrained rule. A
    score without a value is ``-``; a class in neither truth nor prediction is ``absent``.
    """
    lines = [*_heading(evaluation), ""]
    rows = [["class", *_COLUMNS]]
    for each in evaluation.classes:
        rows += _class_rows(each)
    lines += [*_table(rows), ""]
    lines.append("share: of the class in the truth." + (_GLACIER_NOTE if _has_glacier_row(evaluation) else ""))
    lines += [
        *_rule_notes(evaluation.classes),
        "",
        "Pixels, truth by row and prediction by column:",
        "",
        *_table(_confusion_rows(evaluation)),
    ]
    return "\n".join(lines)


_GLACIER_NOTE: Final = " glacier: clean and debris-covered ice taken together."


def _has_glacier_row(evaluation: Evaluation) -> bool:
    return any(each.value is None for each in evaluation.classes)


def _heading(evaluation: Evaluation) -> list[str]:
    counts = evaluation.confusion
    pairs = len(evaluation.compared)
    pixel_km2 = evaluation.pixel_km2
    area = "" if pixel_km2 is None else f" ({counts.scored * pixel_km2:.2f} km2)"
    unmapped = int(counts.unmapped.sum())
    return [
        f"Label scheme {evaluation.scheme}, {pairs} pair{'s' if pairs > 1 else ''} as one set: "
        f"{counts.scored} pixels{area} known in truth and prediction are scored.",
        f"Not scored: {counts.truth_unknown - evaluation.filled} pixels of unknown truth; {unmapped} pixels "
        f"of known truth ({100 * counts.unmapped_share:.1f} %) that the prediction leaves unknown.",
        *_filled_note(evaluation.filled),
    ]


def _filled_note(filled: int) -> list[str]:
    """What filling took from the score; nothing where nothing was filled."""
    if filled == 0:
        return []
    return [f"Not scored either: {filled} pixels of known truth where the scene has values of another date."]


def _class_rows(each: ClassScores) -> list[list[str]]:
    if each.scores.is_absent:
        return [[each.name, "absent", *["-"] * (len(_COLUMNS) - 1)]]
    rows = [[each.name, *_cells(each.scores)], [f"- everything is {each.name}", *_cells(each.everything)]]
    if each.rule is not None and each.rule.scores is not None:
        rows.append([f"- {each.rule.rule}", *_cells(each.rule.scores)])
    return rows


def _cells(scores: Scores) -> list[str]:
    values = [getattr(scores, attribute) for attribute in _COLUMNS.values()]
    shown = ["-" if value is None else f"{value:.3f}" for value in values[:-1]]
    return [*shown, "-" if values[-1] is None else f"{100 * values[-1]:+.1f} %"]


def _rule_notes(classes: Sequence[ClassScores]) -> list[str]:
    """What to know of the rules: which could not be tried, and where they know nothing."""
    tried = [(each.name, each.rule) for each in classes if each.rule is not None]
    notes = [f"No untrained rule for {name} ({r.rule}): {r.why_not}." for name, r in tried if r.scores is None]
    for unknown in dict.fromkeys(rule.unknown for _, rule in tried if rule.unknown):
        names = ", ".join(name for name, rule in tried if rule.unknown == unknown)
        notes.append(
            f"Left out of the rules' scores, for want of features: {unknown} of the scored pixels ({names})."
        )
    return notes


def _confusion_rows(evaluation: Evaluation) -> list[list[str]]:
    names = evaluation.scheme.class_names
    counts = evaluation.confusion
    rows = [["", *names, "unknown"]]
    for name, row, unmapped in zip(names, counts.counts.tolist(), counts.unmapped.tolist(), strict=True):
        rows.append([name, *(str(count) for count in row), str(unmapped)])
    return rows


def _table(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = [
        f"| {' | '.join([row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])])} |"  # names left
        for row in rows
    ]
    rule = f"|{'-' * (widths[0] + 2)}|" + "".join(f"{'-' * (width + 1)}:|" for width in widths[1:])
    return [lines[0], rule, *lines[1:]]


def as_record(evaluation: Evaluation) -> dict[str, object]:
    """Everything as plain values: inputs, counts, scores; a score without a value is None, never NaN."""
    counts = evaluation.confusion
    return {
        "firnline": __version__,
        "created": dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
        "label_scheme": str(evaluation.scheme),
        "outlines_burnt": "every pixel touched" if evaluation.all_touched else "pixels whose centre is inside",
        "pairs": [_pair_record(each) for each in evaluation.compared],
        "pixels": {
            "scored": counts.scored,
            "truth_unknown": counts.truth_unknown - evaluation.filled,
            "filled_from_another_date": evaluation.filled,
            "prediction_unknown": int(counts.unmapped.sum()),
            "prediction_unknown_share": counts.unmapped_share,
            "pixel_km2": evaluation.pixel_km2,
        },
        "confusion": {
            "classes": list(evaluation.scheme.class_names),
            "truth_by_prediction": counts.counts.tolist(),
            "truth_with_prediction_unknown": counts.unmapped.tolist(),
        },
        "classes": [_class_record(each) for each in evaluation.classes],
    }


def _pair_record(each: Compared) -> dict[str, object]:
    named = {name: None if path is None else str(path) for name, path in vars(each.pair).items()}
    return {
        **named,
        "prediction_label_scheme": str(each.prediction_scheme),
        "truth_label_scheme": str(each.truth_scheme),
        "truth_by_prediction": each.confusion.counts.tolist(),
    }


def _class_record(each: ClassScores) -> dict[str, object]:
    trivial: dict[str, object] = {"everything_is_this_class": asdict(each.everything)}
    if each.rule is not None:
        trivial["rule"] = asdict(each.rule)
    return {
        "name": each.name,
        "value": each.value,
        "absent": each.scores.is_absent,
        **asdict(each.scores),
        "trivial": trivial,
    }


def write_record(evaluation: Evaluation, path: str | Path) -> None:
    """Write `as_record` as JSON.

    Raises
    ------
    OutputError
        When it could not be written.
    """
    text = json.dumps(as_record(evaluation), indent=2, allow_nan=False)
    with replaced(path) as temporary:
        temporary.write_text(text + "\n", encoding="utf-8")
