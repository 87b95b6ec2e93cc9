"""Bad input to `train`, `synth`, `evaluate` and `labels`: one line, exit code 2, nothing written."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pytest
import rasterio
import safetensors.torch
import torch
import yaml
from affine import Affine
from shapely.geometry import LineString, Polygon

from firnline.classes import LabelScheme
from firnline.classraster import read_classes, write_classes
from firnline.grid import Grid

# train


@pytest.fixture
def config(labelled: tuple[Path, Path]) -> dict[str, Any]:
    scene, truth = labelled
    return {
        **{"name": "tiny", "scheme": "class", "bands": ["red", "nir08"], "epochs": 1, "batch": 2},
        **{"architecture": {"width": 2, "depth": 1}, "chips": {"size": 32, "per_epoch": 2}},
        "scenes": [{"images": scene.name, "truth": truth.name}],
    }


@pytest.fixture
def refused(mistake: Callable[..., str], tmp_path: Path) -> Callable[..., str]:
    """Train, which must be refused before anything is written; gives the line."""

    def run(content: bytes | dict[str, Any], *options: object) -> str:
        path, out = tmp_path / "config.yaml", tmp_path / "out"
        path.write_bytes(yaml.safe_dump(content).encode() if isinstance(content, dict) else content)
        line = mistake("train", path, "-o", out, *options)
        assert not out.exists()
        return line

    return run


def test_a_configuration_that_is_not_there(mistake, tmp_path: Path) -> None:
    assert "absent.yaml: cannot be read: No such file or directory" in mistake("train", tmp_path / "absent.yaml")
    assert "cannot be read: Is a directory" in mistake("train", tmp_path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "config.yaml: must be keys with values; see docs/training.md"),
        (b"- a\n- b\n", "config.yaml: must be keys with values"),
        (b"hello\n", "config.yaml: must be keys with values"),
        (b"[a: {", "config.yaml: is not YAML: while parsing"),
        (b"\xff\xfe\x00", "config.yaml: is not text in UTF-8"),
    ],
)
def test_a_configuration_that_is_none(refused, content: bytes, message: str) -> None:
    assert message in refused(content)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"colour": 3}, "config.yaml: colour: is not a known key; see docs/training.md"),
        ({"chips": {"size": 32, "form": 3}}, "config.yaml: chips.form: is not a known key"),
        ({"batch": "many"}, "config.yaml: batch: Input should be a valid integer"),
        ({"seed": -1}, "config.yaml: seed: Input should be greater than or equal to 0"),
        ({"learning_rate": float("inf")}, "config.yaml: learning_rate: Input should be a finite number"),
        ({"chips": {"size": 33}}, "config.yaml: chips.size: must be a multiple of 2 for this architecture"),
        ({"bands": []}, "config.yaml: bands: needs at least one band, and each only once"),
        ({"bands": ["red", "pan", "coherence"]}, "scene.tif: lacks bands that the model shall take: pan (the scene"),
        ({"scenes": []}, "scenes: has no scene with role: train"),
        ({"level": "digital number"}, "scene.tif: band 'red' is surface reflectance, not digital number"),
        ({"chips": {"size": 512}}, "chips: no chip of 512 pixels has a known share of 0.1; lower chips.known"),
    ],
)
def test_a_setting_that_makes_no_sense_is_named(
    refused, config: dict[str, Any], changes: dict[str, Any], message: str
) -> None:
    assert message in refused({**config, **changes})


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"images": "absent*.tif"}, "no file matches 'absent*.tif'"),
        ({"images": ""}, "no file matches ''"),
        ({"images": "a**b"}, "no file matches 'a**b'"),
        ({"truth": "absent.tif"}, "absent.tif: does not exist; give a class raster (GeoTIFF)"),
        ({"truth": "scene.tif"}, "scene.tif: is not a class raster: 4 band(s) of uint16"),
        ({"truth": {}}, "scene.tif: truth cannot be made of nothing; name outlines, or glaciers"),
        ({"truth": {"glaciers": "absent.gpkg"}}, "absent.gpkg: does not exist; give a vector file"),
        ({"role": "validation"}, "scenes: has no scene with role: train"),
        ({"crop": [0, 0, 30, 30]}, "scene.tif: crop lies outside the scene"),
        ({"dem": "absent.tif"}, "absent.tif: does not exist; give the DEM"),
        ({"sidecar": "absent.yaml"}, "absent.yaml: cannot be read as a sidecar: No such file"),
    ],
)
def test_a_scene_that_cannot_be_trained_on(
    refused, config: dict[str, Any], changes: dict[str, Any], message: str
) -> None:
    assert message in refused({**config, "scenes": [{**config["scenes"][0], **changes}]})


def test_truth_on_another_grid(refused, config: dict[str, Any], labelled: tuple[Path, Path]) -> None:
    classes, grid, scheme = read_classes(labelled[1])
    moved = Grid(grid.crs, Affine(30, 0, 478020, 0, -30, 3108145), grid.shape)
    write_classes(labelled[1], classes, moved, scheme)
    line = refused(config)
    assert "truth.tif: is on another grid (EPSG:32645, 96 x 128 pixels of 30, corner 478020 3108145) than" in line


def test_truth_with_stray_values(refused, config: dict[str, Any], labelled: tuple[Path, Path]) -> None:
    classes, grid, _ = read_classes(labelled[1])
    write_classes(labelled[1], np.minimum(classes, 2), grid, LabelScheme.CLASS)
    config["scenes"][0]["scheme"] = "glacier"
    assert "says its label scheme is 'class', not 'glacier'" in refused(config)
    with rasterio.open(labelled[1], "r+") as file:
        file.write(np.full((1, *grid.shape), 7, np.uint8))
    config["scenes"][0]["scheme"] = "class"
    assert "truth.tif: has the values [7], which the label scheme 'class' does not know" in refused(config)


def test_pixels_on_both_sides(refused, config: dict[str, Any]) -> None:
    both = [config["scenes"][0], {**config["scenes"][0], "role": "validation"}]
    assert "overlaps scene, which is trained on; pixels must not be" in refused({**config, "scenes": both})


def test_a_broken_checkpoint(firnline, mistake, config: dict[str, Any], tmp_path: Path) -> None:
    path, out = tmp_path / "config.yaml", tmp_path / "run"
    path.write_text(yaml.safe_dump(config))
    command = ("train", path, "-o", out)
    assert firnline(*command)[0] == 0
    checkpoint = out / "checkpoint.safetensors"
    whole = checkpoint.read_bytes()
    for content in (whole[:-50], b"hello", b""):
        checkpoint.write_bytes(content)
        assert "checkpoint.safetensors: is damaged: " in mistake(*command)
    safetensors.torch.save_file({"a": torch.zeros(1)}, checkpoint)
    assert "checkpoint.safetensors: belongs to a run with other settings" in mistake(*command)
    checkpoint.write_bytes(whole)
    line = mistake(*command, "--epochs", "3")
    assert line.endswith("belongs to a run with other settings; restore the settings, or use --restart")
    assert checkpoint.read_bytes() == whole
    assert firnline(*command, "--epochs", "2", "--restart")[0] == 0


def test_a_file_in_place_of_the_runs_folder(mistake, config: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(config))
    (tmp_path / "file").write_text("mine")
    assert "file: File exists" in mistake("train", tmp_path / "config.yaml", "-o", tmp_path / "file")


# synth


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--size", "10x10"], "a width of 10 pixels; choose 64 to 20000"),
        (["--size", "large"], "--size: 'large' is not a size; write it as 512x512"),
        (["--size", "²x²"], "--size: '²x²' is not a size; write it as 512x512"),
        (["--seed", "-1"], "a seed of -1; choose a whole number"),
        (["--sensor", "spot"], "there is no synthetic 'spot'; choose one of landsat7, landsat8, sentinel2"),
    ],
)
def test_a_range_that_cannot_be_made(mistake, tmp_path: Path, options: list[str], message: str) -> None:
    assert message in mistake("synth", tmp_path / "out", *options)
    assert not (tmp_path / "out").exists()


def test_a_file_in_place_of_the_ranges_folder(mistake, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    assert "file: cannot be written to: File exists; name another folder" in mistake("synth", tmp_path / "file")


# evaluate and labels


@pytest.fixture
def outlines(tmp_path: Path) -> Callable[[str, Any], Path]:
    """Write one outline in the scene."""

    def write(name: str, geometry: Any) -> Path:
        path = tmp_path / f"{name}.gpkg"
        gpd.GeoDataFrame({"id": [1]}, geometry=[geometry], crs="EPSG:32645").to_file(path)
        return path

    return write


_X, _Y = 478305, 3107845
BAD_OUTLINES = {
    "bow_tie": (Polygon([(_X, _Y), (_X + 900, _Y - 900), (_X + 900, _Y), (_X, _Y - 900)]), "has invalid geometry"),
    "empty": (Polygon(), "has features without a geometry: feature 1; draw or delete them"),
    "absent": (None, "has features without a geometry: feature 1; draw or delete them"),
    "line": (LineString([(_X, _Y), (_X + 900, _Y)]), "has features that are not polygons but LineString: feature 1"),
}


@pytest.mark.parametrize("kind", BAD_OUTLINES)
def test_outlines_with_bad_geometry(mistake, labelled, outlines, tmp_path: Path, kind: str) -> None:
    geometry, message = BAD_OUTLINES[kind]
    path, (scene, truth), out = outlines(kind, geometry), labelled, tmp_path / "out.tif"
    for line in (
        mistake("labels", scene, "--outlines", path, "-o", out),
        mistake("labels", scene, "--outlines", path, "--border", path, "-o", out),
        mistake("evaluate", truth, "--truth", path, "--as", "glacier", "--json", tmp_path / "scores.json"),
    ):
        assert f"{kind}.gpkg: {message}" in line
    assert not out.exists()
    assert not (tmp_path / "scores.json").exists()


def test_what_cannot_be_compared(mistake, labelled, make_scene, tmp_path: Path) -> None:
    scene, truth = labelled
    other = make_scene("other.tif", shape=(64, 64))
    (tmp_path / "text.tif").write_text("a letter")
    for words, message in [
        ((truth, truth, "--truth", truth), "2 predictions, 1 truths and 0 scenes do not pair up; give one --truth"),
        ((tmp_path / "absent.tif", "--truth", truth), "absent.tif: does not exist; give a class raster"),
        ((tmp_path, "--truth", truth), "classes.tif: does not exist; give a class raster"),
        ((tmp_path / "text.tif", "--truth", truth), "text.tif: is not a raster that GDAL reads"),
        ((scene, "--truth", truth), "scene.tif: is not a class raster: 4 band(s) of uint16"),
        (
            (truth, "--truth", truth, "--as", "ice"),
            "--as: 'ice' is not a label scheme; say class, glacier, debris or clean",
        ),
        ((truth, "--truth", truth, "--scene", other), "other.tif: is on another grid"),
    ]:
        assert message in mistake("evaluate", *words)
