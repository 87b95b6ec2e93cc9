"""The gate before a map in fewer bits: judged on glaciers, for 98 % of a scene's pixels are background anyway."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

from firnline.classes import UNKNOWN, Classes

MOST_IOU_LOST: Final = 0.005
"""Half a point of intersection over union."""
MOST_AREA_CHANGE: Final = 0.005
"""As a share of the area in f32."""
MOST_CHANGED: Final = 0.01
"""Pixels that belong to a class in one map alone, as a share of those that belong to it in either."""


@dataclass(frozen=True)
class ClassChange:
    """What fewer bits did to one class; None where the scene has nothing to judge by."""

    name: str
    iou_f32: float | None
    iou: float | None
    area_change: float | None
    changed: float | None

    @property
    def failures(self) -> tuple[str, ...]:
        """What is beyond its limit, in words."""
        if self.iou_f32 is None or self.iou is None or self.area_change is None or self.changed is None:
            return (f"{self.name}: the scene has too little of it to judge by",)
        found = []
        if self.iou_f32 - self.iou > MOST_IOU_LOST:
            lost = 100 * (self.iou_f32 - self.iou)
            found.append(f"{self.name}: IoU falls by {lost:.2f} points from {self.iou_f32:.3f} (limit 0.5)")
        if abs(self.area_change) > MOST_AREA_CHANGE:
            found.append(f"{self.name}: area changes by {self.area_change:+.2%} (limit 0.5 %)")
        if self.changed > MOST_CHANGED:
            found.append(f"{self.name}: {self.changed:.2%} of its pixels change (limit 1 %)")
        return tuple(found)


@dataclass(frozen=True)
class GateResult:
    """The gate's figures, a class each; the background is none."""

    classes: tuple[ClassChange, ...]

    @property
    def failures(self) -> tuple[str, ...]:
        """What is beyond its limit, in words; empty where the map may be used."""
        return tuple(line for each in self.classes for line in each.failures)

    @property
    def is_accepted(self) -> bool:
        """Whether every class keeps within every limit."""
        return not self.failures

    def as_json(self) -> dict[str, Any]:
        """For the note beside what was made."""
        limits = {"iou_lost": MOST_IOU_LOST, "area_change": MOST_AREA_CHANGE, "changed": MOST_CHANGED}
        return {"accepted": self.is_accepted, "limits": limits, "classes": [asdict(each) for each in self.classes]}


def gate(f32: Classes, fewer: Classes, truth: Classes, names: Sequence[str]) -> GateResult:
    """Compare two class rasters of one scene, in f32 and in fewer bits, with each other and with the truth.

    Parameters
    ----------
    f32, fewer, truth
        uint8 (row, column) of one label scheme, 255 unknown. Areas and changes count where both maps are known;
        intersection over union where the truth is known too.
    names
        Names of the values 0, 1, ...; 0 is the background and is not judged.

    Examples
    --------
    >>> import numpy as np
    >>> f32 = np.array([[1, 1, 1, 0]], np.uint8)
    >>> gate(f32, np.array([[1, 1, 0, 0]], np.uint8), f32, ("background", "glacier")).failures[1]
    'glacier: area changes by -33.33% (limit 0.5 %)'
    """
    both = (f32 != UNKNOWN) & (fewer != UNKNOWN)
    judged = both & (truth != UNKNOWN)
    return GateResult(
        tuple(
            _change(name, f32[both] == value, fewer[both] == value, f32[judged] == value, fewer[judged] == value,
                    truth[judged] == value)
            for value, name in enumerate(names)
            if value > 0
        )
    )  # fmt: skip


def _change(name: str, before: Any, after: Any, judged_before: Any, judged_after: Any, true: Any) -> ClassChange:
    """The figures of a class, from where it is: all of them boolean, of the same pixels each."""
    area, either = int(before.sum()), int((before | after).sum())
    has_truth = bool(true.any())
    return ClassChange(
        name,
        _iou(judged_before, true) if has_truth else None,
        _iou(judged_after, true) if has_truth else None,
        (int(after.sum()) - area) / area if area else None,
        int((before != after).sum()) / either if area else None,
    )


def _iou(found: Any, true: Any) -> float:
    return float((found & true).sum() / (found | true).sum())
