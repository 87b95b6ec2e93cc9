"""Who corrected an inventory, how, when and on which scenes: what its provenance says of the work of people."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Correction:
    """One change that somebody made.

    Parameters
    ----------
    at
        When, ISO 8601.
    operation
        What was done: draw, split, undo ...
    who
        Who did it.
    scene
        The name of the scene that was looked at.
    why
        What the person said of it.
    features
        How many outlines it changed.
    """

    at: str
    operation: str
    who: str
    scene: str | None = None
    why: str | None = None
    features: int = 0


def edit_record(
    corrections: Iterable[Correction],
    *,
    layer: str,
    revision: int,
    snapshot: str | None = None,
    model: str | None = None,
    origin: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Count corrections for an inventory's provenance.

    Parameters
    ----------
    corrections
        All that led to this revision, in any order. What was taken back counts, and so does taking it back.
    layer, revision, snapshot
        What was delivered: the layer's name, its revision, and the name of the snapshot if it has one.
    model
        The model whose proposal was corrected.
    origin
        What the layer was made of.

    Returns
    -------
    Plain values, as JSON takes them.

    Examples
    --------
    >>> done = [Correction("2026-05-04T10:00:00", "draw", "Ana", "a.tif"),
    ...         Correction("2026-05-04T10:05:00", "undo", "Ana", "a.tif", "was a lake")]
    >>> said = edit_record(done, layer="Khumbu", revision=2, model="unet")
    >>> said["corrections"], said["by_operation"], said["by_person"]
    (2, {'draw': 1, 'undo': 1}, {'Ana': 2})
    >>> said["scenes"], said["model"], said["reasons"]
    (['a.tif'], 'unet', ['was a lake'])
    """
    done = sorted(corrections, key=lambda each: each.at)
    return {
        "layer": layer,
        "revision": revision,
        "snapshot": snapshot,
        "origin": dict(origin or {}),
        "model": model,
        "corrections": len(done),
        "outlines_changed": sum(each.features for each in done),
        "first": done[0].at if done else None,
        "last": done[-1].at if done else None,
        "by_operation": _counts(each.operation for each in done),
        "by_person": _counts(each.who for each in done),
        "scenes": list(dict.fromkeys(each.scene for each in done if each.scene)),
        "reasons": list(dict.fromkeys(each.why for each in done if each.why)),
    }


def _counts(names: Iterable[str]) -> dict[str, int]:
    """The most frequent first; of equals by name."""
    counts = Counter(names)
    return {name: counts[name] for name in sorted(counts, key=lambda name: (-counts[name], name))}
