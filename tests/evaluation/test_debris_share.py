"""The paper's Table 3 on chips worked by hand."""

from __future__ import annotations

import numpy as np
import pytest

from firnline.errors import LabelError
from firnline.evaluation.blocks import Unit, UnitCounts
from firnline.evaluation.confusion import confusion
from firnline.evaluation.debris_share import by_debris, debris_percent


def chips() -> tuple[list[UnitCounts], list[UnitCounts]]:
    """Ten chips with 0 to 9 % debris: the multiclass map is right, the binary one misses all debris."""
    multi, binary = [], []
    for percent in range(10):
        truth = np.zeros(200, np.uint8)
        truth[:100] = 255
        truth[100 : 100 + percent] = 2
        truth[150:160] = 1
        unit = Unit("scene", 0, percent)
        multi.append(UnitCounts(unit, confusion(truth, truth, 3)))
        glacier = np.where(truth == 2, 1, truth).astype(np.uint8)
        binary.append(UnitCounts(unit, confusion(glacier, np.where(truth == 2, 0, glacier).astype(np.uint8), 2)))
    return multi, binary


def test_share_and_scores_by_threshold() -> None:
    multi, binary = chips()
    percent = debris_percent(multi)
    assert [percent[Unit("scene", 0, n)] for n in range(10)] == [pytest.approx(n) for n in range(10)]
    rows = by_debris({"binary": binary, "multiclass": multi}, percent, thresholds=(0, 1, 5))
    assert [(row.chips, row.share) for row in rows] == [(9, 0.9), (8, 0.8), (4, 0.4)]
    assert [row.scores["multiclass"].value for row in rows] == [1.0, 1.0, 1.0]
    assert rows[0].scores["binary"].value == pytest.approx(90 / 135)
    assert rows[2].scores["binary"].value == pytest.approx(40 / 70)
    assert rows[0].scores["binary"].low is not None
    assert rows[2].scores["binary"].low is None  # four chips are too few for an interval


def test_arms_on_other_chips_and_counts_without_debris_are_refused() -> None:
    multi, binary = chips()
    with pytest.raises(LabelError, match="binary has no counts of 1 chips, scene/0-0 among them"):
        by_debris({"binary": binary[1:]}, debris_percent(multi))
    with pytest.raises(LabelError, match="no class of debris"):
        debris_percent(binary)
