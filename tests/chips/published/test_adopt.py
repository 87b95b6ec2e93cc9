"""The published archive, faults and all: every patch gets its true place, scene, date and truth."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio

from firnline.chips.published import Adopted, adopt
from firnline.chips.table import COLUMNS, read_table
from firnline.grid import Window
from firnline.scene import open_scene

from .archive import SCENES, MadeScene

EVERY = {f"slice_{scene.number}_{index:03}" for scene in SCENES for index in range(scene.patches)}


@pytest.fixture(scope="module")
def whole(archive: Path, tmp_path_factory: pytest.TempPathFactory) -> Adopted:
    return adopt(archive, tmp_path_factory.mktemp("table") / "hkh.parquet")


def scene_of(row: Any) -> MadeScene:
    return next(scene for scene in SCENES if scene.number == int(row["patch"].split("_")[1]))


def read(path: Path) -> Any:
    with rasterio.open(path) as file:
        return file.read(1)


def require_true_places(adopted: Adopted) -> None:
    """Every footprint and CRS as the scene was made, to a millimetre."""
    for _, row in adopted.table.frame.iterrows():
        scene, index = scene_of(row), int(row["patch"].split("_")[2])
        assert row["crs"] == f"EPSG:{scene.epsg}"
        np.testing.assert_allclose(
            row[["left", "bottom", "right", "top"]].astype(float), scene.footprint(index), atol=1e-3
        )


def test_every_patch_lies_where_it_is(whole: Adopted) -> None:
    assert set(whole.table.frame["patch"]) == EVERY
    require_true_places(whole)
    assert whole.report.footprints_from == {"the scene's transform": 8}


def test_the_outlines_in_degrees_are_those_of_the_true_places(whole: Adopted) -> None:
    for _, row in whole.table.frame.iterrows():
        there = rasterio.warp.transform_geom("EPSG:4326", row["crs"], row["geometry"].__geo_interface__)
        corners = np.array(there["coordinates"][0])
        assert np.abs(corners.min(axis=0) - [row["left"], row["bottom"]]).max() < 0.01
        assert np.abs(corners.max(axis=0) - [row["right"], row["top"]]).max() < 0.01


def test_every_patch_has_its_scene_and_date(whole: Adopted) -> None:
    for _, row in whole.table.frame.iterrows():
        scene = scene_of(row)
        assert row["source_id"] == scene.name
        assert Path(row["scene"]).name == f"{scene.name}.tif"
        assert row["date"] == dt.date.fromisoformat(scene.date)
    assert whole.report.dates == 8


def test_truth_keeps_holes_and_is_unknown_outside_the_border_and_in_stripes(whole: Adopted) -> None:
    for scene in SCENES:
        found = read(whole.table.path.with_name("hkh-truth") / f"{scene.name}.tif")
        np.testing.assert_array_equal(found, scene.painted(hole=True, stripes=True))
    holes = sum((s.nunatak[1] - s.nunatak[0]) * (s.nunatak[3] - s.nunatak[2]) for s in SCENES)
    assert whole.report.holes_px == holes
    assert whole.report.missed_px == 0


def test_shares_are_those_of_the_window(whole: Adopted) -> None:
    for _, row in whole.table.frame.iterrows():
        painted = scene_of(row).painted(hole=True, stripes=True)
        window = painted[row["row"] : row["row"] + 512, row["column"] : row["column"] + 512]
        known = window[window != 255]
        assert row["valid"] == pytest.approx(known.size / 512**2)
        assert row["clean"] == pytest.approx((known == 1).mean())
        assert row["debris"] == pytest.approx((known == 2).mean())
        has_ice = bool(((window == 1) | (window == 2)).any())
        assert list(row["glaciers"]) == ([f"G{scene_of(row).number}"] if has_ice else [])


def test_each_convention_of_masks_and_images_is_found(whole: Adopted) -> None:
    conventions = {folder: text.partition(" (")[0] for folder, text in whole.report.mask_conventions.items()}
    one_hot = dict.fromkeys(("splits/train", "splits/dev", "splits/test"), "clean ice, debris, background")
    nested = dict.fromkeys(("masks", "slices"), "any glacier, clean ice, debris")
    assert conventions == nested | one_hot
    forms = {folder: text.partition(" (")[0] for folder, text in whole.report.image_forms.items()}
    assert forms.pop("slices") == "digital numbers"
    assert set(forms.values()) == {"standardised"}
    assert whole.report.standardised == 4


def test_ndsi_is_positive_over_snow(whole: Adopted) -> None:
    for chip in whole.table.chips():
        green, swir, ndsi = open_scene(chip.scene).read(["green", "swir16", "ndsi"], Window(0, 0, 60, 60))
        np.testing.assert_allclose(ndsi, (green - swir) / (green + swir), atol=1e-6)
    assert whole.report.ndsi_scenes == 3
    assert whole.report.ndsi_pixels > 1_000_000


def test_the_report_says_what_was_put_right(whole: Adopted) -> None:
    report = whole.report
    assert report.crs_corrected == 4
    assert report.crs == {"EPSG:32643": 4, "EPSG:32644": 2, "EPSG:32647": 2}
    assert report.problems == []
    assert len(report.moved_m) == 8
    assert report.left_out == {}
    # Patch 0 of scene 14, by hand: it was drawn at the bottom, 506 pixels wide, of a pitch above 30 m.
    row = whole.table.frame.set_index("patch").loc["slice_14_000"]
    up = 30 * (1030 - 256) - 253 * 30 * 1030 / 1029
    assert row["moved_m"] == pytest.approx(np.hypot(up, 256 * 30 - 253 * 30 * 1025 / 1024), abs=0.01)
    in_wrong_zone = whole.table.frame.set_index("patch").loc["slice_30_000"]
    assert in_wrong_zone["moved_m"] > 2_000_000
    saved = json.loads(whole.report_path.read_text())
    assert saved["footprints_moved"] == 8
    assert saved["crs_corrected"] == 4


def test_the_published_split_is_there_and_its_leaks_are_named(whole: Adopted) -> None:
    sides = whole.table.frame.set_index("patch")["split"].dropna().to_dict()
    assert sides == {
        **{"slice_14_000": "train", "slice_4_000": "train"},
        **{"slice_14_001": "validation", "slice_14_003": "test"},
    }
    leaks = whole.table.about.leaks
    shared = 6 * 512 * 0.0009  # km2 of the strip in which neighbouring patches overlap
    assert any(line.startswith("train and validation share pixels") and f"{shared:.3f} km2" in line for line in leaks)


def test_the_table_is_one(whole: Adopted) -> None:
    back = read_table(whole.table.path)
    assert list(back.frame.columns[: len(COLUMNS)]) == list(COLUMNS)
    assert back.about.size == 512
    assert back.about.leaks == whole.table.about.leaks
    assert all(chip.scene.is_file() and chip.truth.is_file() for chip in back.chips())


def test_without_the_scenes_footprints_are_worked_back_from_the_wrong_ones(
    part: Callable[..., Path], tmp_path: Path
) -> None:
    adopted = adopt(part("raster_data"), tmp_path / "t.parquet")
    assert set(adopted.table.frame["patch"]) == EVERY
    require_true_places(adopted)
    assert not adopted.table.frame["scene_is_here"].any()
    assert adopted.table.frame["footprint_from"].str.startswith("slices.geojson, mirrored back, scene of 1030").any()
    for scene in SCENES:
        found = read(tmp_path / "t-truth" / f"{scene.name}.tif")
        np.testing.assert_array_equal(found, scene.painted(hole=True, stripes=False))


def test_without_outlines_the_scenes_masks_are_the_truth(part: Callable[..., Path], tmp_path: Path) -> None:
    adopted = adopt(part("vector_data/clean", "vector_data/debris", "raster_data", "splits"), tmp_path / "t.parquet")
    for scene in SCENES:
        found = read(tmp_path / "t-truth" / f"{scene.name}.tif")
        np.testing.assert_array_equal(found, scene.painted(hole=False, stripes=False))
    assert any("dropped the polygons' holes" in line for line in adopted.report.missing)


def test_with_patches_alone_their_masks_are_put_together(part: Callable[..., Path], tmp_path: Path) -> None:
    adopted = adopt(part("raster_data", "masks", "vector_data", "splits"), tmp_path / "t.parquet")
    for scene in SCENES:
        found = read(tmp_path / "t-truth" / f"{scene.name}.tif")
        expected = scene.painted(hole=False, stripes=False)
        expected[expected == 255] = 0  # nothing tells where the border is
        expected[scene.gaps] = 255
        height = (scene.patches // scene.per_row - 1) * 506 + 512
        expected[height:] = 255
        expected[:, (scene.per_row - 1) * 506 + 512 :] = 255
        np.testing.assert_array_equal(found, expected)
    assert adopted.report.overlap_px > 0
    assert adopted.report.overlap_differs_px == 0


def test_a_gap_in_one_patch_is_no_background_where_the_next_covers_it(
    part: Callable[..., Path], tmp_path: Path
) -> None:
    """The next patch has no image, so its mask's gaps look like background; where both lie, the first one tells."""
    root = part("raster_data", "masks", "vector_data", "splits", "slices/slice_14_img_001")
    adopt(root, tmp_path / "t.parquet", only=frozenset({14}))
    scene = SCENES[0]
    both = (slice(0, 500), slice(506, 512))
    found = read(tmp_path / "t-truth" / f"{scene.name}.tif")[both]
    assert scene.gaps[both].any()
    assert (found[scene.gaps[both]] == 255).all()


def test_nothing_is_left_of_a_table_that_did_not_come_about(
    part: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root, out = part("slices", "splits", "masks"), tmp_path / "out"
    adopt(root, out / "t.parquet", only=frozenset({4}))
    before = {path.name: path.read_bytes() for path in out.rglob("*") if path.is_file()}

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("firnline.chips.published.table._table", interrupted)
    (root / "glacier_data/vector_data/debris.shp").unlink()
    with pytest.raises(KeyboardInterrupt):
        adopt(root, out / "t.parquet")
    assert {path.name: path.read_bytes() for path in out.rglob("*") if path.is_file()} == before


def test_with_splits_alone_their_one_hot_masks_are_read(part: Callable[..., Path], tmp_path: Path) -> None:
    root = part("raster_data", "masks", "vector_data", "slices/slice_", "splits/test")
    adopted = adopt(root, tmp_path / "t.parquet")
    assert set(adopted.table.frame["patch"]) == {"slice_14_000", "slice_14_001", "slice_4_000"}
    require_true_places(adopted)
    scene = SCENES[1]
    found = read(tmp_path / "t-truth" / f"{scene.name}.tif")[:512, :512]
    expected = scene.painted(hole=False, stripes=False)[:512, :512]
    expected[scene.gaps[:512, :512]] = 0  # the authors' code made them background, and filled the image
    np.testing.assert_array_equal(found, expected)


def test_scenes_alone_give_every_patch_of_theirs(part: Callable[..., Path], tmp_path: Path) -> None:
    adopted = adopt(part("slices", "splits", "masks", "vector_data"), tmp_path / "t.parquet", only=frozenset({14}))
    assert len(adopted.table) == 4
    assert set(adopted.table.frame["valid"]) == {0.0}
    require_true_places(adopted)


def test_nothing_in_the_archive_is_changed(archive: Path, whole: Adopted) -> None:
    assert not [path for path in archive.rglob("*") if path.suffix in (".part", ".yaml", ".xml")]
