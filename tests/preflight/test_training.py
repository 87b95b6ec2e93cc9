"""Training refuses scenes that would mislead the model; forced, the bundle says so."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import rasterio
from affine import Affine

from firnline.classes import LabelScheme
from firnline.classraster import read_grid, write_classes

CONFIG = """
name: tiny
scheme: glacier
bands: [green, swir16]
scenes: [{images: scene.tif, truth: truth.tif}]
architecture: {width: 2, depth: 1, norm: batch, dropout: 0}
chips: {size: 32, per_epoch: 2}
batch: 2
epochs: 1
threads: 1
"""


def test_train_refuses_and_force_goes_on_and_says_so(
    tmp_path: Path, firnline: Callable[..., tuple[int, str, str]]
) -> None:
    random = np.random.default_rng(0)
    is_ice = np.hypot(*np.mgrid[-48:48, -48:48]) < 30
    per_cent = np.stack([np.where(is_ice, 70, 20), np.where(is_ice, 10, 25)]) + random.normal(0, 3, (2, 96, 96))
    profile = {"driver": "GTiff", "dtype": "float32", "count": 2, "height": 96, "width": 96, "crs": "EPSG:32645"}
    scene = tmp_path / "scene.tif"
    with rasterio.open(scene, "w", transform=Affine(30, 0, 478005, 0, -30, 3108145), **profile) as file:
        file.descriptions = ("green", "swir16")
        file.update_tags(LEVEL="surface reflectance")
        file.write(per_cent.astype(np.float32))
    write_classes(tmp_path / "truth.tif", is_ice.astype(np.uint8), read_grid(scene), LabelScheme.GLACIER)
    (tmp_path / "config.yaml").write_text(CONFIG)
    words = ("train", tmp_path / "config.yaml", "-o", tmp_path / "out")
    code, out, err = firnline(*words)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert err.startswith(f"firnline: {scene}: band 'green' is said to be surface reflectance")
    assert not (tmp_path / "out").exists()
    code, out, err = firnline(*words, "--force")
    assert code == 0
    assert "refused by its check, and used all the same" in out + err
    said = json.loads((tmp_path / "out" / "model" / "model.json").read_text())["training"]["scenes"][0]
    assert len(said["refused, and used all the same"]) == 2
