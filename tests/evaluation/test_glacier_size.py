"""Results by glacier size, worked by hand on a raster of 100 m pixels: a hundred are 1 km2."""

from __future__ import annotations

import numpy as np
import pytest

from firnline.classes import LabelScheme
from firnline.errors import ConfigError, LabelError
from firnline.evaluation.glacier_size import SizeClass, by_size


def scene() -> tuple[np.ndarray, np.ndarray]:
    truth, prediction = np.zeros((60, 60), np.uint8), np.zeros((60, 60), np.uint8)
    truth[10:30, 10:20] = 1  # 2 km2, part of it debris, and a pixel that touches by a corner
    truth[25:30, 10:20] = 2
    truth[30, 20] = 1
    truth[40:44, 40:45] = 1  # 0.2 km2
    truth[0:2, 50:52] = 1  # 0.04 km2, cut by the edge
    truth[50:53, 10:13] = 1  # 0.09 km2, cut by unknown
    truth[53, 13] = 255
    prediction[truth == 1] = 1  # the debris is missed
    prediction[truth == 2] = 0
    prediction[12, 20:25] = 1  # five pixels too wide: three of them within 300 m
    prediction[40:44, 46] = 1  # four pixels beside the small one
    prediction[40, 40] = 255
    return truth, prediction


def test_each_size_class_by_hand() -> None:
    truth, prediction = scene()
    found = by_size(truth, prediction, LabelScheme.CLASS, 100.0)
    small, low, middle, large, *_ = found.classes
    assert small == SizeClass(0.0, 0.1, glaciers=2, cut=2, hit=13, missed=0, false=0, unmapped=0)
    assert low == SizeClass(0.1, 0.5, glaciers=1, cut=0, hit=19, missed=0, false=4, unmapped=1)
    assert (middle.glaciers, middle.recall, middle.iou) == (0, None, None)
    assert large == SizeClass(1.0, 5.0, glaciers=1, cut=0, hit=151, missed=50, false=3, unmapped=0)
    assert (large.recall, large.iou) == (151 / 201, 151 / 204)
    assert found.false_elsewhere == 2


def test_every_pixel_is_counted_once_in_tiles_too(monkeypatch: pytest.MonkeyPatch) -> None:
    truth, prediction = scene()
    whole = by_size(truth, prediction, LabelScheme.CLASS, 100.0)
    monkeypatch.setattr("firnline.evaluation.glacier_size._TILE", 7)
    assert by_size(truth, prediction, LabelScheme.CLASS, 100.0) == whole
    twice = whole + whole
    assert sum(each.hit + each.missed + each.unmapped for each in twice.classes) == 2 * int(
        np.isin(truth, [1, 2]).sum()
    )
    false = int(((truth == 0) & (prediction == 1)).sum())
    assert sum(each.false for each in twice.classes) + twice.false_elsewhere == 2 * false


def test_a_glacier_at_a_limit_is_in_the_upper_class() -> None:
    truth = np.zeros((30, 30), np.uint8)
    truth[5:15, 5:15] = 1
    found = by_size(truth, truth, LabelScheme.GLACIER, 100.0).classes
    assert [each.at_least for each in found if each.glaciers] == [1.0]


def test_without_ice_all_that_is_mapped_lies_elsewhere() -> None:
    found = by_size(np.zeros((9, 9), np.uint8), np.ones((9, 9), np.uint8), LabelScheme.GLACIER, 30.0)
    assert found.false_elsewhere == 81
    assert all(each.glaciers == 0 for each in found.classes)


def test_pieces_of_debris_are_no_glaciers() -> None:
    truth, prediction = scene()
    with pytest.raises(LabelError, match="no glaciers"):
        by_size(truth, prediction, LabelScheme.DEBRIS, 30.0)
    with pytest.raises(ConfigError, match="make no sense"):
        by_size(truth, prediction, LabelScheme.CLASS, 30.0, limits=(0, 2, 1))
