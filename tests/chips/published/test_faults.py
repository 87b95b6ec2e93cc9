"""An archive with something wrong in it: said in the report, and nothing wrong is taken for right."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio

from firnline.chips.published import adopt
from firnline.chips.published.images import read_patch
from firnline.errors import SceneError

from .archive import SCENES

Part = Callable[..., Path]
NO_IMAGES = ("raster_data", "splits", "masks", "vector_data")


def replace(path: Path, content: bytes) -> None:
    """Another file in the place of a hard link."""
    path.unlink()
    path.write_bytes(content)


def save(path: Path, array: Any) -> None:
    path.unlink()
    np.save(path, array)


def edit_geojson(root: Path, edit: Callable[[list[dict[str, Any]]], None]) -> None:
    path = root / "glacier_data" / "slices" / "slices.geojson"
    content = json.loads(path.read_text())
    edit(content["features"])
    replace(path, json.dumps(content).encode())


def test_a_mask_of_another_convention_among_many_is_named_and_not_used(part: Part, tmp_path: Path) -> None:
    root = part("raster_data", "splits", "masks", "vector_data")
    slices = root / "glacier_data" / "slices"
    for index in range(4, 40):  # nine of ten must agree: more masks, of patches that no scene has
        shutil.copy(slices / "slice_14_mask_000.npy", slices / f"slice_14_mask_{index:03}.npy")
    mask = np.load(slices / "slice_4_mask_001.npy")
    save(slices / "slice_4_mask_001.npy", np.stack([mask[..., 1], mask[..., 2], 1 - mask[..., 0]], axis=2))
    report = adopt(root, tmp_path / "t.parquet").report
    assert any("slice_4_mask_001.npy: its channels contradict" in line for line in report.problems)
    assert report.mask_conventions["slices"].startswith("any glacier, clean ice, debris")
    assert set(report.left_out) == {f"slice_14_{index:03}" for index in range(4, 40)}
    with rasterio.open(tmp_path / "t-truth" / "LE07_143039_20081212.tif") as file:
        assert (file.read(1)[:512, 513:1018] == 255).all()


def test_masks_that_follow_nothing_are_not_used(part: Part, tmp_path: Path) -> None:
    root = part(*NO_IMAGES)
    noise = np.random.default_rng(0).integers(0, 2, (512, 512, 3)).astype(np.uint8)
    save(root / "glacier_data" / "slices" / "slice_14_mask_000.npy", noise)
    report = adopt(root, tmp_path / "t.parquet").report
    assert report.mask_conventions["slices"].startswith("not recognised")
    assert report.truth_from == {"nothing: unknown": 3}


@pytest.mark.parametrize("what", ["cut off", "of another shape", "empty", "of numbers that are no mask"])
def test_a_broken_mask_is_named_and_its_patch_unknown(part: Part, tmp_path: Path, what: str) -> None:
    root = part(*NO_IMAGES)
    path = root / "glacier_data" / "slices" / "slice_4_mask_000.npy"
    if what == "cut off":
        replace(path, path.read_bytes()[:5000])
    elif what == "empty":
        replace(path, b"")
    else:
        save(path, np.zeros((256, 512, 3), np.uint8) if "shape" in what else np.zeros((512, 512, 3)))
    adopted = adopt(root, tmp_path / "t.parquet")
    assert [line for line in adopted.report.problems if "slice_4_mask_000.npy" in line and "not used" in line]
    assert adopted.table.frame.set_index("patch").loc["slice_4_000", "valid"] < 0.02
    assert len(adopted.table) == 8


def test_a_mask_that_is_not_the_one_the_index_speaks_of(part: Part, tmp_path: Path) -> None:
    root = part(*NO_IMAGES)
    slices = root / "glacier_data" / "slices"
    save(slices / "slice_14_mask_003.npy", np.load(slices / "slice_14_mask_000.npy"))
    report = adopt(root, tmp_path / "t.parquet").report
    assert any("slice_14_mask_003.npy: the means of its channels" in line for line in report.problems)


def test_a_patch_said_to_be_of_another_scene_is_left_out(part: Part, tmp_path: Path) -> None:
    root = part("splits", "raster_data")

    def edit(features: list[dict[str, Any]]) -> None:
        features[1]["properties"]["img_source"] = "/elsewhere/LE07_149036_20071102.tif"

    edit_geojson(root, edit)
    adopted = adopt(root, tmp_path / "t.parquet")
    assert "slice_14_001" in adopted.report.left_out
    assert "slice_14_001" not in set(adopted.table.frame["patch"])


def test_one_footprint_that_contradicts_the_others_moves_no_patch(part: Part, tmp_path: Path) -> None:
    root = part("splits", "raster_data")

    def edit(features: list[dict[str, Any]]) -> None:
        at = features[2]["geometry"]["coordinates"][0]
        features[2]["geometry"]["coordinates"][0] = [[x + 3000, y] for x, y in at]

    edit_geojson(root, edit)
    adopted = adopt(root, tmp_path / "t.parquet")
    row = adopted.table.frame.set_index("patch").loc["slice_14_002"]
    assert (row["left"], row["top"]) == (SCENES[0].footprint(2)[0], SCENES[0].footprint(2)[3])
    assert any("contradict the other 3" in line and "slice_14_002" in line for line in adopted.report.problems)


def test_an_index_without_a_crs_puts_its_footprints_nowhere(part: Part, tmp_path: Path) -> None:
    """GeoJSON without a CRS is in degrees, and no coordinate of these is one."""
    root = part("splits", "raster_data", "slices/slice_4", "slices/slice_30")
    path = root / "glacier_data" / "slices" / "slices.geojson"
    content = json.loads(path.read_text())
    del content["crs"]
    replace(path, json.dumps(content).encode())
    adopted = adopt(root, tmp_path / "t.parquet", only=frozenset({14}))
    assert (adopted.report.nowhere, adopted.report.crs_corrected) == (4, 4)
    assert adopted.table.frame["moved_m"].isna().all()
    assert adopted.table.frame["left"].tolist() == [SCENES[0].footprint(index)[0] for index in range(4)]


def test_a_broken_index_is_said_and_scenes_still_place_patches(part: Part, tmp_path: Path) -> None:
    root = part("splits", "vector_data", "raster_data/LE07_148", "raster_data/LE07_134")
    replace(root / "glacier_data" / "slices" / "slices.geojson", b'{"type": "FeatureColl')
    adopted = adopt(root, tmp_path / "t.parquet")
    assert any("slices.geojson: cannot be read as GeoJSON" in line for line in adopted.report.problems)
    assert set(adopted.table.frame["patch"]) == {"slice_4_000", "slice_4_001"}
    assert len(adopted.report.left_out) == 6


def test_a_clip_under_the_name_of_a_scene_places_nothing(part: Part, tmp_path: Path) -> None:
    root = part("splits", "vector_data")
    path = root / "glacier_data" / "raster_data" / f"{SCENES[0].name}.tif"
    with rasterio.open(path) as file:
        values, names = file.read()[:, 100:1000, 100:1000], file.descriptions
        moved = rasterio.Affine(30, 0, SCENES[0].left + 3000, 0, -30, SCENES[0].top - 3000)
        profile = file.profile | {"height": 900, "width": 900, "transform": moved}
    path.unlink()
    with rasterio.open(path, "w", **profile) as file:
        file.write(values)
        file.descriptions = names
    adopted = adopt(root, tmp_path / "t.parquet", only=frozenset({14}))
    assert adopted.report.clips == [path.name]
    row = adopted.table.frame.set_index("patch").loc["slice_14_003"]
    assert not row["scene_is_here"]
    assert row["left"] == SCENES[0].footprint(3)[0]


@pytest.mark.parametrize("fault", ["ndsi right already", "cut off", "no names"])
def test_a_scene_that_would_be_read_wrongly_is_left_out(part: Part, tmp_path: Path, fault: str) -> None:
    root = part("splits", "vector_data", "slices/slices.geojson", "raster_data/LE07_134")
    path = root / "glacier_data" / "raster_data" / f"{SCENES[1].name}.tif"
    with rasterio.open(path) as file:
        values, profile, names = file.read(), file.profile, file.descriptions
    content = path.read_bytes()
    path.unlink()
    if fault == "cut off":
        path.write_bytes(content[: len(content) // 2])
    else:
        values[11] *= -1 if fault == "ndsi right already" else 1
        with rasterio.open(path, "w", **profile) as file:
            file.write(values)
            if fault != "no names":
                file.descriptions = names
    adopted = adopt(root, tmp_path / "t.parquet", only=frozenset({4, 14}))
    assert set(adopted.table.frame["source_id"]) == {SCENES[0].name}
    assert {"slice_4_000", "slice_4_001"} <= set(adopted.report.left_out)
    assert any(SCENES[1].name in line for line in adopted.report.problems)


def test_a_patch_in_two_folders_of_the_split_is_on_no_side(part: Part, tmp_path: Path) -> None:
    root = part("raster_data", "slices/slice_")
    splits = root / "glacier_data" / "splits"
    shutil.copy(splits / "train" / "slice_4_mask_000.npy", splits / "test" / "slice_4_mask_000.npy")
    adopted = adopt(root, tmp_path / "t.parquet")
    assert adopted.table.frame.set_index("patch")["split"].isna()["slice_4_000"]
    assert any("slice_4_000: published in train and test" in line for line in adopted.report.problems)


def test_outlines_of_both_kinds_in_one_file_are_not_guessed(part: Part, tmp_path: Path) -> None:
    root = part("raster_data", "splits", "slices/slice_")
    vectors = root / "glacier_data" / "vector_data"
    for path in sorted(vectors.glob("clean.*")):
        replace(path, path.with_name(path.name.replace("clean", "debris")).read_bytes())
    adopted = adopt(root, tmp_path / "t.parquet")
    problems = adopted.report.problems
    assert len(problems) == 1
    assert "clean.shp" in problems[0]
    assert problems[0].endswith("the published masks were used instead")
    assert adopted.report.truth_from == {"the scene's published mask": 3}


def test_patch_images_are_read_by_name_and_standardised_ones_refused(archive: Path) -> None:
    data = archive / "glacier_data"
    patch = read_patch(data / "slices" / "slice_14_img_000.npy")
    published = np.load(data / "slices" / "slice_14_img_000.npy")
    assert patch.shape == (15, 512, 512)
    assert patch.dtype == np.float32
    np.testing.assert_array_equal(patch[11], -published[..., 11])
    np.testing.assert_array_equal(patch[12], published[..., 12])
    with pytest.raises(SceneError, match="standardised"):
        read_patch(data / "splits" / "train" / "slice_14_img_000.npy")


@pytest.mark.parametrize(
    ("without", "says"),
    [
        (("glacier",), "not a folder|nothing of the published"),
        (("raster_data", "slices/slices.geojson"), "no patch of it can be placed"),
    ],
)
def test_an_archive_of_which_nothing_can_be_made(
    part: Part, tmp_path: Path, firnline: Callable[..., tuple[int, str, str]], without: tuple[str, ...], says: str
) -> None:
    root = part(*without) if without != ("glacier",) else tmp_path
    code, out, err = firnline("datasets", "hkh", "--root", root, "-o", tmp_path / "t.parquet")
    assert code == 2
    assert out == ""
    assert len(err.strip().splitlines()) == 1
    assert any(part_ in err for part_ in says.split("|")), err
    assert not (tmp_path / "t.parquet").exists()
