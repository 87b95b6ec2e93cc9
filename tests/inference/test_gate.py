"""The gate judges glaciers: figures worked out by hand, each limit from both sides."""

from __future__ import annotations

import numpy as np
import pytest

from firnline.inference.gate import gate

NAMES = ("background", "clean ice", "debris-covered ice")


def raster(background: int, ice: int, debris: int, unknown: int = 0) -> np.ndarray:
    values = [0] * background + [1] * ice + [2] * debris + [255] * unknown
    return np.array([values], np.uint8)


def test_the_same_map_is_accepted_with_nothing_changed() -> None:
    f32 = raster(10_000, 500, 300)
    found = gate(f32, f32, f32, NAMES)
    assert found.is_accepted
    assert [(each.name, each.iou, each.area_change, each.changed) for each in found.classes] == [
        ("clean ice", 1.0, 0.0, 0.0),
        ("debris-covered ice", 1.0, 0.0, 0.0),
    ]


@pytest.mark.parametrize(("moved", "accepted"), [(1, True), (2, False)])
def test_half_a_percent_of_a_class_is_the_limit_however_much_background_there_is(moved: int, accepted: bool) -> None:
    """300 pixels of debris in a million: one lost is 0.33 % of it, two are 0.67 %, and 0.0002 % of the scene."""
    f32 = raster(1_000_000, 500, 300)
    fewer = f32.copy()
    fewer[0, -moved:] = 0
    found = gate(f32, fewer, f32, NAMES)
    debris = found.classes[1]
    assert debris.area_change == pytest.approx(-moved / 300)
    assert debris.iou == pytest.approx((300 - moved) / 300)
    assert debris.changed == pytest.approx(moved / 300)
    assert found.is_accepted is accepted
    assert all("debris-covered ice" in line for line in found.failures)


def test_pixels_that_change_places_are_counted_though_the_area_stays() -> None:
    """6 of 1000 go and 6 others come: the area is the same, and 12 of 1006 pixels changed."""
    f32 = raster(2000, 1000, 100)
    fewer = f32.copy()
    fewer[0, 2000:2006], fewer[0, :6] = 0, 1
    truth = raster(2000, 1000, 100)
    found = gate(f32, fewer, truth, NAMES).classes[0]
    assert found.area_change == 0
    assert found.changed == pytest.approx(12 / 1006)
    assert found.iou == pytest.approx(994 / 1006)
    assert [line.split(":")[1].split()[0] for line in found.failures] == ["IoU", "1.19%"]


def test_a_gain_in_iou_is_no_loss() -> None:
    truth = raster(2000, 1000, 100)
    f32 = truth.copy()
    f32[0, 2000:2004] = 0  # what f32 misses, fewer bits find
    assert gate(f32, truth, truth, NAMES).is_accepted


def test_unknown_pixels_count_for_nothing() -> None:
    f32 = raster(100, 500, 300, unknown=50)
    fewer, truth = f32.copy(), f32.copy()
    fewer[0, -50:] = 1
    truth[0, 100:200] = 255
    found = gate(f32, fewer, truth, NAMES)
    assert found.is_accepted
    assert found.classes[0].changed == 0


def test_what_the_scene_does_not_have_cannot_be_judged() -> None:
    f32 = raster(100, 500, 0)
    found = gate(f32, f32, f32, NAMES)
    assert not found.is_accepted
    assert found.failures == ("debris-covered ice: the scene has too little of it to judge by",)
