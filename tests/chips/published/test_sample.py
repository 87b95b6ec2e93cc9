"""The real sample: two mask patches whose scenes are not there, a clip of a third, two rows of slices.geojson.

The sample has a truth of its own: the patches are of different scenes, and show the same glacier where they overlap.
"""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from firnline.chips.published import Adopted, adopt
from firnline.chips.published.images import BANDS
from firnline.scene import open_scene

pytestmark = pytest.mark.real

Bounds = dict[str, tuple[float, float]]
"""Left and top by patch."""


@pytest.fixture(scope="module")
def sample(shared_data: Path) -> Path:
    return shared_data / "lila-hkh-sample"


@pytest.fixture(scope="module")
def adopted(sample: Path, tmp_path_factory: pytest.TempPathFactory) -> Adopted:
    return adopt(sample, tmp_path_factory.mktemp("sample") / "hkh.parquet")


def glacier_on_the_ground(sample: Path, corners: Bounds) -> dict[str, NDArray[Any]]:
    """Eastings and northings of the glacier pixels' corners by patch, those inside both patches."""
    inside = {}
    for name, (left, top) in corners.items():
        scene, index = name.removeprefix("slice_").split("_")
        rows, columns = np.nonzero(np.load(sample / "slices" / f"slice_{scene}_mask_{index}.npy")[..., 0])
        inside[name] = np.stack([left + 30 * columns, top - 30 * rows], axis=1)
    (left_a, top_a), (left_b, top_b) = corners.values()
    left, top = max(left_a, left_b), min(top_a, top_b)
    right, bottom = min(left_a, left_b) + 512 * 30, max(top_a, top_b) - 512 * 30
    return {
        name: at[(at[:, 0] >= left) & (at[:, 0] < right) & (at[:, 1] <= top) & (at[:, 1] > bottom)]
        for name, at in inside.items()
    }


def test_both_patches_show_the_same_glacier_pixel_by_pixel(adopted: Adopted, sample: Path) -> None:
    frame = adopted.table.frame
    corners = {row["patch"]: (row["left"], row["top"]) for _, row in frame.iterrows()}
    seen = glacier_on_the_ground(sample, corners)
    np.testing.assert_array_equal(seen["slice_6_072"], seen["slice_14_062"])
    assert len(seen["slice_6_072"]) == 33


@pytest.mark.parametrize("shift", [(30, 0), (-30, 0), (0, 30), (0, -30)])
def test_a_pixel_aside_they_would_not(adopted: Adopted, sample: Path, shift: tuple[int, int]) -> None:
    frame = adopted.table.frame
    corners = {row["patch"]: (row["left"], row["top"]) for _, row in frame.iterrows()}
    left, top = corners["slice_6_072"]
    seen = glacier_on_the_ground(sample, corners | {"slice_6_072": (left + shift[0], top + shift[1])})
    assert not np.array_equal(seen["slice_6_072"], seen["slice_14_062"])


def test_where_the_published_footprints_put_it_it_is_two_glaciers(sample: Path) -> None:
    content = json.loads((sample / "slices.geojson").read_text())
    places = []
    for feature in content["features"]:
        outline = np.array(feature["geometry"]["coordinates"][0])
        name = Path(feature["properties"]["mask_slice"]).name
        rows, columns = np.nonzero(np.load(sample / "slices" / name)[:250, :450, 0])
        assert len(rows) == 33  # no other glacier is in these rows and columns of either
        places.append((outline[:, 0].min() + 30 * columns.mean(), outline[:, 1].max() - 30 * rows.mean()))
    assert np.hypot(*np.subtract(*places)) > 2_500


def test_footprints_by_hand(adopted: Adopted) -> None:
    """Scene 6: its footprints' pixels are 30.00382263 and 30.0042123 m wide, so it has 1 + 30 / 0.00382263 = 7849
    columns and 7123 rows; 15 footprints a row, so patch 72 is the 13th of row 4 of either count."""
    row = adopted.table.frame.set_index("patch").loc["slice_6_072"]
    left = 543608.211009174352512 - 12 * 506 * 30 * 7849 / 7848
    bottom = 3784433.525695029646158 - 4 * 506 * 30 * 7123 / 7122
    assert left == pytest.approx(361425.0, abs=1e-6)
    assert bottom == pytest.approx(3723705.0, abs=1e-6)
    assert row["left"] == pytest.approx(361425 + 30 * 12 * 506)
    assert row["right"] - row["left"] == 512 * 30
    assert row["top"] == pytest.approx(3723705 + 30 * 7123 - 30 * 4 * 506)
    assert row["top"] - row["bottom"] == 512 * 30
    assert (row["row"], row["column"]) == (2024, 6072)
    assert row["footprint_from"] == "slices.geojson, mirrored back, scene of 7123 x 7849 pixels worked out from it"


def test_scene_date_zone_and_convention(adopted: Adopted) -> None:
    frame = adopted.table.frame.set_index("patch")
    assert frame["date"].to_dict() == {"slice_6_072": dt.date(2007, 11, 2), "slice_14_062": dt.date(2005, 9, 2)}
    assert set(frame["crs"]) == {"EPSG:32643"}
    assert not frame["scene_is_here"].any()
    assert adopted.report.mask_conventions == {"slices": "any glacier, clean ice, debris (2 files)"}
    assert frame["clean"].to_dict() == pytest.approx({"slice_6_072": 697 / 512**2, "slice_14_062": 33 / 512**2})
    assert 70_000 < min(adopted.report.moved_m) < max(adopted.report.moved_m) < 80_000


def test_the_clip_is_said_to_be_one(adopted: Adopted) -> None:
    assert adopted.report.clips == ["LE07_134040_20070922_clip.tif"]
    assert len(adopted.report.problems) == 1


def test_ndsi_of_the_clip_is_read_snow_positive(sample: Path) -> None:
    scene = open_scene(sample / "raster_data" / "LE07_134040_20070922_clip.tif")
    assert scene.band_names == BANDS
    green, swir, ndsi = scene.read(["green", "swir16", "ndsi"])
    known = green + swir > 0
    np.testing.assert_allclose(ndsi[known], ((green - swir) / (green + swir))[known], atol=1e-6)
    bright = known & (green > 200)  # snow: bright in green, dark in short-wave infrared
    assert np.median(ndsi[bright]) > 0.4
