"""`firnline scenes build`: from products as they lie on a disk to a scene, in one command."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import rasterio
from affine import Affine

Run = Callable[..., tuple[int, str, str]]
NAMES = (
    *("B1", "B2", "B3", "B4", "B5", "B6_VCID_1", "B6_VCID_2", "B7", "B8", "BQA"),
    *("ndvi", "ndsi", "ndwi", "elevation", "slope"),
)


@pytest.fixture
def published(tmp_path: Path) -> Path:
    """A scene in the published layout: 15 bands of floats."""
    rng = np.random.default_rng(0)
    planes = rng.integers(20, 200, (15, 40, 50)).astype(np.float32)
    planes[9] = 672
    planes[9, 5:9, 5:9] = 752
    path = tmp_path / "LE07_140041_20001030.tif"
    with rasterio.open(
        path,
        "w",
        driver="GTiff",
        count=15,
        dtype="float32",
        height=40,
        width=50,
        crs="EPSG:32645",
        transform=Affine(30, 0, 478005, 0, -30, 3108135),
    ) as file:
        file.descriptions = NAMES
        file.write(planes)
    return path


def test_a_product_becomes_a_scene(published: Path, firnline: Run, tmp_path: Path) -> None:
    out = tmp_path / "out" / "scene.tif"
    code, text, error = firnline(
        "scenes", "build", published, "-o", out, "--bands", "green,ndsi", "--cloud-buffer", 1
    )
    assert (code, error) == (0, "")
    assert "cloud: 1.6 %, 0.0 km2 unknown" in text
    assert f"scene    {out}" in text
    with rasterio.open(out) as file:
        assert file.descriptions == ("green", "ndsi")
        assert np.isnan(file.read(1)).sum() == 32  # a square of 4 with a rim of 1, its corners apart
    assert sorted(path.name for path in out.parent.iterdir()) == [
        "scene.flags.tif",
        "scene.json",
        "scene.manifest.json",
        "scene.tif",
    ]


@pytest.mark.real
def test_what_the_check_has_against_the_scene_is_said(shared_data: Path, firnline: Run, tmp_path: Path) -> None:
    """A third of the clip lies outside of the image, and its heights are as unknown as its bands there."""
    clip = shared_data / "lila-hkh-sample" / "raster_data" / "LE07_134040_20070922_clip.tif"
    code, text, _ = firnline("scenes", "build", clip, "-o", tmp_path / "scene.tif")
    assert code == 0
    assert [line for line in text.splitlines() if line.startswith("check")] == [
        "check    caution: DEM: heights are unknown in 36.0 % of the pixels"
    ]


def test_the_grid_of_another_raster(published: Path, firnline: Run, tmp_path: Path) -> None:
    like = tmp_path / "like.tif"
    with rasterio.open(
        like,
        "w",
        driver="GTiff",
        count=1,
        dtype="uint8",
        height=10,
        width=12,
        crs="EPSG:32645",
        transform=Affine(30, 0, 478305, 0, -30, 3107835),
    ) as file:
        file.write(np.zeros((1, 10, 12), np.uint8))
    out = tmp_path / "scene.tif"
    assert firnline("scenes", "build", published, "-o", out, "--like", like, "--bands", "red")[0] == 0
    with rasterio.open(out) as file, rasterio.open(published) as source:
        assert file.transform == Affine(30, 0, 478305, 0, -30, 3107835)
        assert (file.read(1) == source.read(3)[10:20, 10:22]).all()


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (["--composite", "best"], "--composite: Input should be"),
        (["--cloud-buffer", "-1"], "--cloud-buffer: Input should be"),
        (["--cloud", "drop"], "--cloud: Input should be 'unknown' or 'keep'"),
        (["--level", "raw"], "--level: 'raw' is no level"),
        (["--like", "x.tif", "--resolution", "20"], "--like says the whole grid"),
        (["--dem-name", "SRTM"], "a DEM that is not given"),
        (["--aoi", "none.gpkg"], "none.gpkg: does not exist"),
        (["--bands", "swir99"], "has no band 'swir99'"),
        (["--dem", "none.tif"], "none.tif: does not exist"),
    ],
)
def test_a_mistake_is_one_line_and_exit_2_and_writes_nothing(
    options: list[str], expected: str, published: Path, firnline: Run, tmp_path: Path
) -> None:
    code, _, error = firnline("scenes", "build", published, "-o", tmp_path / "scene.tif", *options)
    assert code == 2
    assert expected in error
    assert error.count("\n") == 1
    assert list(tmp_path.iterdir()) == [published]
