"""A unit by its pixels hit, wrongly mapped and missed."""

from __future__ import annotations

import numpy as np

from firnline.evaluation.blocks import Unit, UnitCounts
from firnline.evaluation.confusion import Confusion


def unit(scene: str, block: int, hit: float, false: float, missed: float) -> UnitCounts:
    counts = np.array([[4000, round(false)], [round(missed), round(hit)]], np.int64)
    return UnitCounts(Unit(scene, 0, block), Confusion(counts, np.zeros(2, np.int64), 0))
