"""Counts and scores, against scikit-learn and by hand."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn import metrics

from firnline.errors import GridError, LabelError
from firnline.evaluation import Confusion, by_class, confusion, everything_is, scores


def random_pair(seed: int, class_count: int) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    rng = np.random.default_rng(seed)
    truth = rng.choice(class_count, size=(40, 50), p=rng.dirichlet(np.ones(class_count))).astype(np.uint8)
    prediction = np.where(rng.random(truth.shape) < 0.6, truth, rng.integers(0, class_count, truth.shape))
    return truth, prediction.astype(np.uint8)


@pytest.mark.parametrize("class_count", [2, 3])
@pytest.mark.parametrize("seed", range(4))
def test_scores_are_those_of_scikit_learn(seed: int, class_count: int) -> None:
    truth, prediction = random_pair(seed, class_count)
    counts = confusion(truth, prediction, class_count)
    np.testing.assert_array_equal(counts.counts, metrics.confusion_matrix(truth.ravel(), prediction.ravel()))
    for value in range(class_count):
        true, mapped = truth.ravel() == value, prediction.ravel() == value
        found = scores(counts, value)
        assert found.iou == pytest.approx(metrics.jaccard_score(true, mapped))
        assert found.precision == pytest.approx(metrics.precision_score(true, mapped))
        assert found.recall == pytest.approx(metrics.recall_score(true, mapped))
        assert found.f1 == pytest.approx(metrics.f1_score(true, mapped))
        assert found.mcc == pytest.approx(metrics.matthews_corrcoef(true, mapped))
        assert found.prevalence == pytest.approx(true.mean())
        assert found.area_error == pytest.approx(mapped.sum() / true.sum() - 1)


def test_iou_by_hand() -> None:
    truth = np.array([[1, 1, 1, 0], [2, 2, 0, 0]], np.uint8)
    prediction = np.array([[1, 1, 2, 1], [2, 0, 0, 0]], np.uint8)
    counts = confusion(truth, prediction, 3)
    assert scores(counts, 1).iou == 2 / 4
    assert scores(counts, 2).iou == 1 / 3
    assert scores(counts.merged(), 1).iou == 4 / 6  # ice of any kind: the pixel of debris for clean ice is right


def test_unknown_is_counted_apart_and_never_scored() -> None:
    truth = np.array([0, 1, 1, 255, 255, 1], np.uint8)
    prediction = np.array([0, 1, 255, 1, 255, 0], np.uint8)
    counts = confusion(truth, prediction, 2)
    assert counts.counts.tolist() == [[1, 0], [1, 1]]
    assert counts.truth_unknown == 2
    assert counts.unmapped.tolist() == [0, 1]
    assert counts.unmapped_share == 1 / 4
    assert counts.scored == 3


def test_a_set_is_scored_as_one_not_as_a_mean_of_its_rasters() -> None:
    rich = confusion(np.ones(8, np.uint8), np.ones(8, np.uint8), 2)
    poor = confusion(np.array([1, 0], np.uint8), np.array([0, 1], np.uint8), 2)
    none = confusion(np.zeros(8, np.uint8), np.zeros(8, np.uint8), 2)
    assert scores(rich + poor + none, 1).iou == 8 / 10
    with pytest.raises(LabelError, match="cannot be added"):
        _ = rich + confusion(np.zeros(1, np.uint8), np.zeros(1, np.uint8), 3)


def test_a_class_absent_from_both_is_absent_not_perfect_and_not_nan() -> None:
    found = scores(confusion(np.zeros(9, np.uint8), np.zeros(9, np.uint8), 3), 2)
    assert found.is_absent
    values = (found.iou, found.precision, found.recall, found.f1, found.mcc, found.area_error)
    assert values == (None,) * 6
    assert found.prevalence == 0.0


def test_a_class_in_the_truth_that_is_never_mapped_is_missed_not_absent() -> None:
    found = scores(confusion(np.array([0, 1], np.uint8), np.zeros(2, np.uint8), 2), 1)
    assert not found.is_absent
    assert (found.iou, found.precision, found.recall, found.f1, found.mcc) == (0.0, None, 0.0, 0.0, 0.0)
    assert found.area_error == -1.0


def test_a_class_mapped_where_there_is_none_scores_nothing() -> None:
    found = scores(confusion(np.zeros(2, np.uint8), np.array([0, 1], np.uint8), 2), 1)
    assert not found.is_absent
    assert (found.iou, found.precision, found.recall, found.mcc, found.area_error) == (0.0, 0.0, None, None, None)


def test_everything_is_the_class_scores_its_share() -> None:
    truth, prediction = random_pair(0, 3)
    counts = confusion(truth, prediction, 3)
    for value in range(3):
        trivial, share = everything_is(counts, value), float((truth == value).mean())
        assert (trivial.iou, trivial.precision) == (pytest.approx(share), pytest.approx(share))
        assert (trivial.recall, trivial.mcc) == (1.0, 0.0)
        everywhere = confusion(truth, np.full_like(truth, value), 3)
        assert trivial == scores(everywhere, value)


def test_mcc_holds_on_more_pixels_than_64_bits_can_multiply() -> None:
    counts = Confusion(np.array([[4 * 10**9, 10**9], [10**9, 4 * 10**9]]), np.zeros(2, np.int64), 0)
    assert scores(counts, 1).mcc == pytest.approx(0.6)


def test_rows_are_the_classes_of_ice_and_all_of_them_together() -> None:
    truth, prediction = random_pair(0, 3)
    rows = by_class(confusion(truth, prediction, 3), ("background", "clean ice", "debris-covered ice"), {})
    assert [row.name for row in rows] == ["clean ice", "debris-covered ice", "glacier"]
    rows = by_class(confusion(truth.clip(0, 1), prediction.clip(0, 1), 2), ("background", "glacier"), {})
    assert [row.name for row in rows] == ["glacier"]


def test_rasters_of_different_shapes_or_strange_values_are_refused() -> None:
    with pytest.raises(GridError, match="the truth has the shape"):
        confusion(np.zeros((2, 2), np.uint8), np.zeros((2, 3), np.uint8), 2)
    with pytest.raises(LabelError, match=r"the values \[2\] are not among 2 classes"):
        confusion(np.zeros(2, np.uint8), np.full(2, 2, np.uint8), 2)
