"""The synthetic range must not be easy, and must look like the real thing: the promises of docs/synthetic.md.

Nothing here says how good a mapper is; these scores are about the data.
"""

from __future__ import annotations

import json
from importlib.resources import files
from typing import TYPE_CHECKING

import numpy as np
import pytest
from scipy import ndimage
from sklearn.ensemble import RandomForestClassifier
from sklearn.metrics import roc_auc_score

from firnline.classes import CLEAN_ICE, DEBRIS
from firnline.synthetic.surface import Surface

if TYPE_CHECKING:
    from conftest import Read

REAL = json.loads(files("firnline.synthetic").joinpath("quantiles.json").read_text(encoding="utf-8"))
LEVELS = REAL["levels"]


def debris_or_moraine(read: Read, where: tuple[slice, slice]) -> tuple[np.ndarray, np.ndarray]:
    """All bands of single pixels (n, bands), and whether they are debris."""
    kind, classes = read.kind[where], read.classes[where]
    chosen = read.usable[where] & ((classes == DEBRIS) | ((classes == 0) & (kind == Surface.MORAINE)))
    return np.stack([band[where][chosen] for band in read.bands.values()], axis=1), classes[chosen] == DEBRIS


def forest_auc(train: tuple[np.ndarray, np.ndarray], test: tuple[np.ndarray, np.ndarray]) -> float:
    order = np.random.default_rng(0).permutation(len(train[1]))[:6000]
    forest = RandomForestClassifier(80, min_samples_leaf=5, random_state=0)
    forest.fit(train[0][order], train[1][order])
    return float(roc_auc_score(test[1], forest.predict_proba(test[0])[:, 1]))


EVERYWHERE = (slice(None), slice(None))
WEST, EAST = (slice(None), slice(0, 256)), (slice(None), slice(256, None))


@pytest.mark.parametrize(("sensor", "halves"), [("default", (WEST, EAST)), ("default", (EAST, WEST))])
def test_a_forest_on_single_pixels_cannot_tell_debris_from_moraine(
    ranges: dict[str, Read], sensor: str, halves: tuple[tuple[slice, slice], tuple[slice, slice]]
) -> None:
    train, test = (debris_or_moraine(ranges[sensor], half) for half in halves)
    assert min(len(train[1]), len(test[1])) > 1000
    assert 0.5 <= forest_auc(train, test) <= 0.80


@pytest.mark.parametrize(("train", "test"), [("default", "next"), ("next", "default")])
def test_nor_from_one_range_to_another(ranges: dict[str, Read], train: str, test: str) -> None:
    auc = forest_auc(debris_or_moraine(ranges[train], EVERYWHERE), debris_or_moraine(ranges[test], EVERYWHERE))
    # Some signal there is: real debris is a little colder and less weathered than the moraine beside it.
    assert 0.55 <= auc <= 0.80


def intersection_over_union(predicted: np.ndarray, true: np.ndarray) -> float:
    return float((predicted & true).sum() / (predicted | true).sum())


@pytest.mark.parametrize("name", ["default", "next", "landsat8"])
def test_the_literatures_rule_finds_clean_ice_neither_badly_nor_well(ranges: dict[str, Read], name: str) -> None:
    """NDSI above 0.4 (Dozier 1989) and red / swir16 above 1.8 (Paul et al. 2016), as anybody would do it."""
    read = ranges[name]
    green, red, short = (read.bands[b] for b in (("B2", "B3", "B5") if "B5" in read.bands else _L8))
    usable = read.usable
    found = usable & ((green - short) / (green + short) > 0.4) & (red / np.maximum(short, 1e-3) > 1.8)
    assert 0.4 <= intersection_over_union(found, usable & (read.classes == CLEAN_ICE)) <= 0.8


_L8 = ("SR_B3", "SR_B4", "SR_B6")


@pytest.mark.parametrize("name", ["default", "next", "landsat8", "sentinel2"])
def test_no_threshold_on_slope_and_elevation_finds_debris(ranges: dict[str, Read], name: str) -> None:
    read = ranges[name]
    usable = read.usable
    debris = read.classes[usable] == DEBRIS
    assert best_box(read.bands["elevation"][usable], read.bands["slope"][usable], debris) < 0.5


def best_box(a: np.ndarray, b: np.ndarray, true: np.ndarray) -> float:
    """The best IoU of any box low < a < high and low < b < high, edges at quantiles of all pixels and of the true."""
    edges = [np.unique(np.quantile(np.concatenate([v, v[true]]), np.linspace(0, 1, 33))) for v in (a, b)]
    everything, hits = (
        np.pad(np.histogram2d(a[of], b[of], edges)[0], ((1, 0), (1, 0))).cumsum(0).cumsum(1)
        for of in (np.ones(true.size, bool), true)
    )
    best = 0.0
    for low in range(len(edges[0]) - 1):
        # One row for each upper edge of `a`, then every pair of edges of `b`.
        hit, found = (v[low + 1 :] - v[low] for v in (hits, everything))
        hit, found = (v[:, None, :] - v[:, :, None] for v in (hit, found))
        hit, found = np.maximum(hit, 0), np.maximum(found, 0)
        best = max(best, float((hit / (true.sum() + found - hit)).max()))
    return best


PAIRS = [
    ("debris", (Surface.DEBRIS,)),
    ("gentle rock", (Surface.MORAINE,)),
    ("rock", (Surface.ROCK,)),
    ("ice", (Surface.ICE,)),
    ("snow", (Surface.SNOW, Surface.FIRN)),
    ("snow or ice", (Surface.ICE, Surface.DIRTY_ICE, Surface.FIRN)),
    ("vegetation", (Surface.VEGETATION,)),
    ("water", (Surface.LAKE,)),
]


def pure(mask: np.ndarray) -> np.ndarray:
    """Pixels whose eight neighbours are of the kind too: labelled points are not set on edges."""
    return ndimage.binary_erosion(mask, np.ones((3, 3)))


OPTICAL = ("blue", "green", "red", "nir08", "swir16", "swir22")
STORED = {
    "landsat8": dict(zip(OPTICAL, ("SR_B2", "SR_B3", "SR_B4", "SR_B5", "SR_B6", "SR_B7"), strict=True)),
    "sentinel2": dict(zip(OPTICAL, ("B02", "B03", "B04", "B08", "B11", "B12"), strict=True)),
}


@pytest.mark.parametrize("sensor", ["landsat8", "sentinel2"])
@pytest.mark.parametrize(("surface", "kinds"), PAIRS)
def test_spectra_lie_within_the_quantiles_of_real_ones(
    ranges: dict[str, Read], sensor: str, surface: str, kinds: tuple[Surface, ...]
) -> None:
    read = ranges[sensor]
    here = pure(np.isin(read.kind, kinds)) & ~read.shadow & ~read.cloud
    assert here.sum() > 60
    for band, quantiles in REAL["surface_reflectance_and_kelvin"][surface].items():
        if band not in STORED[sensor]:
            continue
        real = dict(zip(LEVELS, quantiles, strict=True))
        low, middle, high = np.percentile(read.bands[STORED[sensor][band]][here], [15, 50, 85])
        assert real[5] <= middle <= real[95], f"{surface}, {band}: median {middle:.3f}"
        assert real[1] <= low, f"{surface}, {band}: 15 % at {low:.3f}, real 1 % at {real[1]}"
        assert high <= real[99], f"{surface}, {band}: 85 % at {high:.3f}, real 99 % at {real[99]}"


@pytest.mark.parametrize("surface", ["debris", "not debris"])
def test_digital_numbers_of_landsat_7_lie_within_those_over_everest(ranges: dict[str, Read], surface: str) -> None:
    read = ranges["default"]
    here = read.usable & ((read.kind == Surface.DEBRIS) == (surface == "debris"))
    for band, stored in (("blue", "B1"), ("green", "B2"), ("red", "B3"), ("nir08", "B4")):
        real = dict(zip(LEVELS, REAL["landsat7_digital_numbers"][surface][band], strict=True))
        low, middle, high = np.percentile(read.bands[stored][here], [15, 50, 85])
        assert real[5] <= middle <= real[95], f"{surface}, {band}: median {middle}"
        assert real[1] <= low, f"{surface}, {band}: 15 % at {low}"
        assert high <= real[99], f"{surface}, {band}: 85 % at {high}"


def test_prevalence_suits_a_demo(ranges: dict[str, Read]) -> None:
    classes = ranges["default"].classes
    known = classes != 255
    assert 0.02 <= (classes[known] == DEBRIS).mean() <= 0.06
    assert 0.08 <= (classes[known] == CLEAN_ICE).mean() <= 0.25


def test_clouds_shadow_snow_and_lakes_are_there(ranges: dict[str, Read]) -> None:
    read = ranges["default"]
    cloud = read.usable & ((read.bands["BQA"].astype(int) & 16) > 0)
    assert 0.005 < cloud.mean() < 0.08
    assert 0.02 < read.shadow.mean() < 0.25
    for kind in Surface:
        assert (read.kind == kind).mean() > 0.0005, kind.name
