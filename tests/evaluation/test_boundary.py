"""Boundary distances, against every pair of pixel sides measured one by one."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.distance import cdist

from firnline.classes import UNKNOWN
from firnline.errors import ConfigError, GridError
from firnline.evaluation.boundary import boundary_distances


def sides(
    classes: np.ndarray, value: int | None
) -> dict[tuple[float, float], tuple[tuple[int, int], tuple[int, int]]]:
    """The middle of each boundary side (in pixels), and the two pixels beside it; one pixel at a time."""
    found = {}
    rows, columns = classes.shape
    for r in range(rows):
        for c in range(columns):
            for other in ((r, c + 1), (r + 1, c)):
                if other[0] == rows or other[1] == columns or UNKNOWN in (classes[r, c], classes[other]):
                    continue
                a, b = ((v > 0) if value is None else (v == value) for v in (classes[r, c], classes[other]))
                if a != b:
                    found[(r + other[0] + 1) / 2, (c + other[1] + 1) / 2] = ((r, c), other)
    return found


def brute(source: np.ndarray, target: np.ndarray, value: int | None, pixel: float) -> np.ndarray:
    measured = [at for at, (a, b) in sides(source, value).items() if UNKNOWN not in (target[a], target[b])]
    return np.sort(cdist(np.array(measured), np.array(list(sides(target, value)))).min(axis=1) * pixel)


def blobs(seed: int, shape: tuple[int, int]) -> np.ndarray:
    from scipy.ndimage import gaussian_filter

    rng = np.random.default_rng(seed)
    classes = np.digitize(gaussian_filter(rng.normal(size=shape), 4), [0.02, 0.09]).astype(np.uint8)
    classes[gaussian_filter(rng.normal(size=shape), 3) > 0.1] = UNKNOWN
    return classes


@pytest.mark.parametrize("value", [1, 2, None])
@pytest.mark.parametrize("tile", [1024, 16])
def test_distances_are_those_of_brute_force(monkeypatch: pytest.MonkeyPatch, value: int | None, tile: int) -> None:
    monkeypatch.setattr("firnline.evaluation.boundary._TILE", tile)
    truth, prediction = blobs(0, (60, 50)), blobs(1, (60, 50))
    reach = 10 * 30.0
    found = boundary_distances(truth, prediction, value, 30.0, reach=reach)
    for distances, expected in (
        (found.from_truth, brute(truth, prediction, value, 30.0)),
        (found.from_map, brute(prediction, truth, value, 30.0)),
    ):
        within = expected[expected <= reach + 1e-6]
        assert distances.count == len(expected) > 30
        assert distances.beyond == len(expected) - len(within)
        np.testing.assert_allclose(np.repeat(distances.metres, distances.counts), within)
        for share in (0.5, 0.95):
            inverse = np.quantile(expected, share, method="inverted_cdf")
            assert distances.quantile(share) == pytest.approx(inverse if inverse <= reach else np.inf)
    assert found.symmetric.count == found.from_truth.count + found.from_map.count


def test_a_lost_and_a_made_up_glacier_show_in_one_direction_each() -> None:
    truth, prediction = np.zeros((60, 300), np.uint8), np.zeros((60, 300), np.uint8)
    truth[20:40, 10:40] = prediction[20:40, 10:40] = 1
    truth[20:40, 140:160] = 1  # is missed, 100 pixels away
    found = boundary_distances(truth, prediction, 1, 10.0, reach=500.0)
    assert found.from_map.quantile(1.0) == 0.0
    assert (found.from_truth.quantile(0.5), found.from_truth.beyond) == (0.0, 80)
    assert found.from_truth.text(0.95) == "> 500 m"
    back = boundary_distances(prediction, truth, 1, 10.0, reach=500.0)
    assert (back.from_map, back.from_truth) == (found.from_truth, found.from_map)
    far = boundary_distances(truth, prediction, 1, 10.0, reach=2000.0)
    assert far.from_truth.beyond == 0
    assert 1000.0 <= (far.from_truth.quantile(0.95) or 0) <= 1200.0


def test_the_edge_of_unknown_and_of_the_raster_is_no_boundary() -> None:
    truth = np.ones((20, 20), np.uint8)
    prediction = truth.copy()
    truth[:5], prediction[:, :5] = UNKNOWN, UNKNOWN
    found = boundary_distances(truth, prediction, 1, 30.0)
    assert (found.symmetric.count, found.symmetric.quantile(0.5), found.symmetric.text(0.5)) == (0, None, "-")
    truth[10:] = 0  # where the map is unknown, nothing is measured
    assert boundary_distances(truth, prediction, 1, 30.0).from_truth.count == 15


def test_rasters_are_added_to_one_distribution() -> None:
    rasters = [(blobs(n, (40, 40)), blobs(n + 1, (40, 40))) for n in range(3)]
    parts = [boundary_distances(*pair, None, pixel) for pair, pixel in zip(rasters, (10.0, 30.0, 30.0), strict=True)]
    total = parts[0] + parts[1] + parts[2]
    every = np.concatenate([np.repeat(part.symmetric.metres, part.symmetric.counts) for part in parts])
    expected = np.quantile(every, 0.95, method="inverted_cdf")
    assert total.symmetric.quantile(0.95) == pytest.approx(expected)


def test_what_makes_no_sense_is_refused() -> None:
    with pytest.raises(GridError, match="the truth has the shape"):
        boundary_distances(np.zeros((2, 2), np.uint8), np.zeros((2, 3), np.uint8), 1, 30.0)
    with pytest.raises(ConfigError, match="make no sense"):
        boundary_distances(np.zeros((2, 2), np.uint8), np.zeros((2, 2), np.uint8), 1, 0.0)
