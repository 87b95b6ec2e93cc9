"""Lakes of glaciers: which water is one, whose it is, and whether it lies on the ice."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from affine import Affine
from numpy.typing import NDArray
from rasterio.crs import CRS

from firnline.errors import ConfigError, GridError
from firnline.grid import Grid
from firnline.inventory.columns import LAKES
from firnline.inventory.lakes import find_lakes

GLACIERS = pd.DataFrame({"glacier_id": ["A", "B"]})


def drawn(text: str) -> tuple[NDArray[np.uint8], NDArray[np.int32], Grid]:
    """A picture of rows: A and B glaciers, w water, W water on glacier A, ? unknown water, . neither."""
    rows = np.array([list(line) for line in text.split()])
    water = np.where(np.isin(rows, ["w", "W"]), 1, np.where(rows == "?", 255, 0)).astype(np.uint8)
    labels = np.where(np.isin(rows, ["A", "W"]), 1, np.where(rows == "B", 2, 0)).astype(np.int32)
    return water, labels, Grid(CRS.from_epsg(32645), Affine(100, 0, 500000, 0, -100, 3100000), rows.shape)


def lakes_of(text: str) -> list[list[object]]:
    water, labels, grid = drawn(text)
    lakes = find_lakes(water, GLACIERS, labels, grid)
    assert list(lakes.columns) == [*LAKES, "geometry"]
    assert lakes.crs == grid.crs
    return [[one.glacier_id, one.contact, round(one.area_km2, 2)] for one in lakes.itertuples()]


@pytest.mark.parametrize(
    ("text", "lakes"),
    [
        ("AAAA AwwA AAAA", [["A", "on", 0.02]]),
        ("AA.A AwwA AAAA", [["A", "touching", 0.02]]),
        ("ABB AwB AAB", [["A", "on", 0.01]]),
        ("AAB AwB ABB", [["A", "on", 0.01]]),
        ("ABB wwB ABB", [["B", "touching", 0.02]]),
        ("AA. AA. ..w", []),
        ("AAA wAA AAA", [["A", "touching", 0.01]]),
        ("AAA Aw? AAA", [["A", "touching", 0.01]]),
        ("AAA AWA AAA", []),
        ("AAA AAA ...", []),
        ("AAAAA AwA.w AAAAA", [["A", "on", 0.01], ["A", "touching", 0.01]]),
    ],
    ids=[
        "enclosed", "a gap", "two glaciers, A longer or equal", "two glaciers, equal", "B longer",
        "only a corner", "edge of the scene", "beside unknown", "water on glacier", "no water", "two",
    ],
)  # fmt: skip
def test_contact_and_owner(text: str, lakes: list[list[object]]) -> None:
    assert lakes_of(text) == lakes


def test_an_outline_is_the_pixels_in_map_units() -> None:
    water, labels, grid = drawn("AAAA AwwA AAAA")
    (lake,) = find_lakes(water, GLACIERS, labels, grid).geometry
    assert lake.bounds == (500100, 3099800, 500300, 3099900)
    assert lake.area == 20_000


def test_a_lake_of_the_smallest_area_is_kept_and_a_smaller_one_is_not() -> None:
    water, labels, grid = drawn("AAAA AwwA AAAA AwAA AAAA")
    assert len(find_lakes(water, GLACIERS, labels, grid, minimum_area_km2=0.02)) == 1
    assert len(find_lakes(water, GLACIERS, labels, grid, minimum_area_km2=0.01)) == 2
    none = find_lakes(water, GLACIERS, labels, grid, minimum_area_km2=0.03)
    assert none.empty
    assert list(none.columns) == [*LAKES, "geometry"]


def test_wrong_input_is_one_line() -> None:
    water, labels, grid = drawn("AAA AwA AAA")
    with pytest.raises(GridError, match="water mask has the shape"):
        find_lakes(water[:2], GLACIERS, labels, grid)
    with pytest.raises(ConfigError, match="minimum area"):
        find_lakes(water, GLACIERS, labels, grid, minimum_area_km2=-1)
