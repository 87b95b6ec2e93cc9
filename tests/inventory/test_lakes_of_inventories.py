"""Lakes in an inventory that the commands make: those that were drawn, and a word where there can be none."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import rasterio
from affine import Affine

from firnline.features import FeatureSource
from firnline.inventory.inventory import read_inventory
from firnline.mapping import map_scene
from firnline.scene import open_scene
from firnline.synthetic import make_range

Cli = Callable[..., tuple[int, str, str]]

PROFILE = {"driver": "GTiff", "crs": "EPSG:32645", "transform": Affine(30, 0, 478005, 0, -30, 3108145)}
LAKE, ROCK, SNOW = (
    {"blue": 0.08, "green": 0.07, "nir08": 0.02, "swir16": 0.01},
    {"blue": 0.10, "green": 0.12, "nir08": 0.18, "swir16": 0.22},
    {"blue": 0.90, "green": 0.90, "nir08": 0.80, "swir16": 0.10},
)
"""Reflectance at the surface: clear water, rock, fresh snow."""


def test_an_inventory_has_the_lakes_that_were_drawn(tmp_path: Path, firnline: Cli) -> None:
    """Ice of 40 x 40 pixels with one lake in it and one at its right side, and a third far away."""
    looks = np.full((60, 80), 0)
    looks[10:50, 10:50] = 1
    looks[20:30, 20:30] = looks[20:30, 50:60] = looks[20:30, 68:78] = 2
    pixels = ({**ROCK, "red": 0.14}, {**SNOW, "red": 0.9}, {**LAKE, "red": 0.04})
    names = list(pixels[0])
    scene = tmp_path / "scene.tif"
    with rasterio.open(scene, "w", **PROFILE, count=5, dtype="float32", height=60, width=80) as file:
        file.descriptions = names
        file.update_tags(LEVEL="surface reflectance")
        file.write(np.array([[pixel[name] for pixel in pixels] for name in names], np.float32)[:, looks])
    map_scene(FeatureSource(open_scene(scene)), "ratio", tmp_path / "map")
    code, out, err = firnline("inventory", "make", tmp_path / "map", "-o", tmp_path / "with.gpkg")
    assert (code, err) == (0, ""), out + err
    assert "lakes are not" not in out
    made = read_inventory(tmp_path / "with.gpkg")
    (glacier,) = made.glaciers["glacier_id"]
    assert made.lakes["glacier_id"].tolist() == [glacier] * 2
    assert sorted(made.lakes["contact"]) == ["on", "touching"]
    assert made.lakes["area_km2"].tolist() == pytest.approx([0.09, 0.09], rel=0.05), "smoothing rounds corners"
    assert made.lakes.geometry.union_all().intersection(made.glaciers.geometry.union_all()).area == 0
    firnline("inventory", "make", tmp_path / "map", "-o", tmp_path / "without.gpkg", "--no-lakes")
    assert read_inventory(tmp_path / "without.gpkg").lakes.empty
    scene.unlink()
    _, out, _ = firnline("inventory", "make", tmp_path / "map", "-o", tmp_path / "gone.gpkg")
    assert "not there any more: lakes are not outlined" in out


def test_an_inventory_of_digital_numbers_says_that_it_has_no_lakes(tmp_path: Path, firnline: Cli) -> None:
    numbers = make_range(tmp_path / "range", width=96, height=96, seed=3)
    map_scene(FeatureSource(open_scene(numbers.scene)), "ratio", tmp_path / "map")
    code, out, _ = firnline("inventory", "make", tmp_path / "map", "-o", tmp_path / "made.gpkg")
    assert code == 0
    assert "cannot tell water" in out
    assert read_inventory(tmp_path / "made.gpkg").lakes.empty
