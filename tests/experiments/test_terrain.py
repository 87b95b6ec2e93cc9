"""Figure 6 on synthetic data: areas by elevation and slope add up to what was mapped; no heights, no experiment."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import rasterio
from numpy.typing import NDArray

from firnline.classes import UNKNOWN
from firnline.classraster import read_classes

Run = Callable[..., tuple[int, str, str]]
MakeConfig = Callable[..., Path]

FLAT = ["blue", "green", "nir08", "swir16"]


def rows_of(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(path.read_text(encoding="utf-8").splitlines()))


def maps_of(folder: Path) -> dict[str, NDArray[np.uint8]]:
    """By question, (seed, row, column): 1, 0 or 255; glacier is where both kinds together are the more probable."""
    seeds = sorted(folder.rglob("classes.tif"))
    classes = np.stack([read_classes(path).classes for path in seeds])
    glacier = []
    for path in seeds:
        with rasterio.open(path.with_name("probabilities.tif")) as file:
            none, clean, debris = file.read().astype(int)
        glacier.append(clean + debris > none)
    found = {"glacier": np.stack(glacier), "clean ice": classes == 1, "debris": classes == 2}
    return {name: np.where(classes == UNKNOWN, UNKNOWN, each).astype(np.uint8) for name, each in found.items()}


def test_histograms_add_up_to_the_mapped_area(
    make_config: MakeConfig, synthetic: Path, firnline: Run, tmp_path: Path
) -> None:
    config = make_config(seeds=[0, 1], training={"bands": FLAT}, settings={"terrain": {"slope_degrees": 10}})
    code, out, error = firnline("experiment", "terrain", "--data", config, "-o", tmp_path)
    assert (code, out.split()[:1]) == (0, ["page"]), error
    own = tmp_path / "terrain"
    assert (own / "by-terrain.png").read_bytes().startswith(b"\x89PNG")
    truth = read_classes(synthetic / "east-2" / "classes.tif").classes
    maps = {arm: maps_of(tmp_path / "trials" / arm) for arm in ("with-terrain", "without-terrain")}
    with rasterio.open(synthetic / "east-2" / "scene.tif") as file:
        heights = file.read(14)
    known = (truth != UNKNOWN) & np.isfinite(heights)
    for each in maps.values():
        known &= (each["clean ice"] != UNKNOWN).all(axis=0)
    for question, values in {"glacier": (1, 2), "clean ice": (1,), "debris": (2,)}.items():
        true_area = 0.0009 * (known & np.isin(truth, values)).sum()
        for name in ("elevation", "slope"):
            found = [row for row in rows_of(own / f"{name}.csv") if row["class"] == question]
            assert sum(float(row["truth, km²"]) for row in found) == pytest.approx(true_area)
            for arm, each in maps.items():
                area = 0.0009 * (known & (each[question] == 1)).sum() / 2  # of two seeds
                assert sum(float(row[f"{arm}, km²"]) for row in found) == pytest.approx(area)
    ice = heights[known & (truth > 0)]
    for row in rows_of(own / "elevation.csv"):
        if row["class"] == "glacier":
            inside = (ice >= float(row["from, m"])) & (ice < float(row["to, m"]))
            assert float(row["truth, km²"]) == pytest.approx(0.0009 * inside.sum())
    where = {(row["class"], row["of"]): row for row in rows_of(own / "where.csv")}
    assert float(where["glacier", "truth"]["median elevation, m"]) == pytest.approx(float(np.median(ice)), abs=10)


def test_terrain_that_the_model_takes_anyway_is_what_is_taken_away(
    make_config: MakeConfig, firnline: Run, tmp_path: Path
) -> None:
    from firnline.experiments.config import read_experiment
    from firnline.experiments.study import Study
    from firnline.experiments.terrain import TerrainSettings, terrain_arms

    study = Study("terrain", read_experiment(make_config()), tmp_path)
    seen, unseen = terrain_arms(study, TerrainSettings())
    assert seen.config.bands == (*FLAT, "slope")
    assert unseen.config.bands == tuple(FLAT)
    seen, _ = terrain_arms(study, TerrainSettings(inputs=("relative_elevation",)))
    assert seen.config.bands == (*FLAT, "relative_elevation")


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        (
            {"settings": {"terrain": {"inputs": ["aspect"]}}},
            "'aspect' is not a feature of terrain",
        ),
        (
            {"settings": {"terrain": {"elevation_m": 15}}},
            "elevation_m: Input should be a multiple of 10",
        ),
        ({"training": {"bands": ["slope"]}}, "without terrain, no band is left that every scene has"),
    ],
)
def test_a_mistake_is_one_line(
    make_config: MakeConfig, firnline: Run, tmp_path: Path, changes: dict[str, object], line: str
) -> None:
    out = tmp_path / "out"
    code, _, error = firnline("experiment", "terrain", "--data", make_config(**changes), "-o", out)
    assert (code, error.count("\n")) == (2, 1)
    assert line in error
    assert not out.exists()


def test_scenes_without_heights_are_one_line(
    make_config: MakeConfig, synthetic: Path, firnline: Run, tmp_path: Path
) -> None:
    scenes = []
    for number, role in ((1, "train"), (2, "validation")):
        source = synthetic / ("east-1" if number == 1 else "east-2") / "scene.tif"
        plain = tmp_path / f"plain-{number}.tif"
        with rasterio.open(source) as file:
            profile = {**file.profile, "count": 5}
            with rasterio.open(plain, "w", **profile) as copy:
                copy.descriptions = ["B1", "B2", "B3", "B4", "B5"]
                copy.write(file.read((1, 2, 3, 4, 5)))
        plain.with_name(f"{plain.stem}.firnline.yaml").write_text("sensor: landsat7\nlevel: digital number\n")
        truth = source.with_name("classes.tif")
        scenes.append({"images": str(plain), "truth": str(truth), "role": role})
    config = make_config(training={"bands": FLAT, "scenes": scenes})
    code, _, error = firnline("experiment", "terrain", "--data", config, "-o", tmp_path / "out")
    assert (code, error.count("\n")) == (2, 1)
    assert "plain-1 lacks elevation (needs a DEM), slope (needs elevation or a DEM)" in error
    assert not (tmp_path / "out").exists()
