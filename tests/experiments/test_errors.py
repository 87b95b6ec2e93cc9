"""Errors by what the ground is like: strata follow their rules, and every error is put down to one of them."""

from __future__ import annotations

import csv
import datetime as dt
from collections.abc import Callable
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pytest
import rasterio
from numpy.typing import NDArray
from shapely.geometry import box

from firnline.chips.entries import OutlineTruth, SceneEntry
from firnline.classes import UNKNOWN, LabelScheme
from firnline.classraster import write_classes
from firnline.evaluation.blocks import summed
from firnline.experiments.config import read_experiment
from firnline.experiments.errors import ALL, ErrorsSettings, count
from firnline.experiments.scenes import list_scenes
from firnline.experiments.strata import CLOUD, DATE, DEBRIS, MORAINE, SATURATED, SHADOW, SNOW, WATER, Ground
from firnline.experiments.study import Study
from firnline.flags import Flag
from firnline.grid import Grid

Run = Callable[..., tuple[int, str, str]]
MakeConfig = Callable[..., Path]

GRID = Grid(rasterio.CRS.from_epsg(32645), rasterio.Affine(30, 0, 478005, 0, -30, 3108135), (20, 30))


def test_every_error_is_in_the_rows_that_add_up(make_config: MakeConfig, firnline: Run, tmp_path: Path) -> None:
    config = make_config(seeds=[0, 1])
    code, out, error = firnline("experiment", "errors", "--data", config, "-o", tmp_path)
    assert (code, out.split()[:1]) == (0, ["page"]), error
    assert (tmp_path / "errors" / "by-cause.png").read_bytes().startswith(b"\x89PNG")
    study = Study("errors", read_experiment(config), tmp_path)
    trials = study.trials([study.arm("base")])
    table = (tmp_path / "errors" / "attribution.csv").read_text(encoding="utf-8").splitlines()
    rows = list(csv.DictReader(table))
    for question in ("glacier", "clean ice", "debris"):
        (_, false), (missed, _) = summed(trials.units("base", question)).counts.tolist()
        *parts, whole = [row for row in rows if row["class"] == question]
        for name, errors in (("false positives", false), ("false negatives", missed)):
            assert sum(int(row[f"{name}, pixels"]) for row in parts) == errors == int(whole[f"{name}, pixels"])
            if errors:
                assert sum(float(row[f"share of {name}"]) for row in parts) == pytest.approx(1)
    counted, _ = count(trials, ErrorsSettings(), 32)
    for each in counted:
        [[true, fp], [fn, tp]] = summed(trials.units("base", each.question)).counts.tolist()
        assert each.counts[ALL].tolist() == [tp, fp, fn, true]
        assert sum(each.alone.values()).tolist() == [tp, fp, fn, true]  # type: ignore[union-attr]
        assert each.rate(ALL).value == pytest.approx((fp + fn) / (tp + fp + fn + true))


def a_scene(
    folder: Path, values: dict[str, NDArray[np.floating[Any]] | float], truth: NDArray[np.uint8], scheme: LabelScheme
) -> SceneEntry:
    """Write a scene of reflectance whose bands are constant or given, and its truth."""
    path = folder / "scene.tif"
    profile = {"driver": "GTiff", "count": len(values), "dtype": "float32", "height": 20, "width": 30}
    with rasterio.open(path, "w", **profile, crs=GRID.crs, transform=GRID.transform) as file:
        file.descriptions = list(values)
        file.write(np.stack([np.broadcast_to(np.asarray(v, np.float32), (20, 30)) for v in values.values()]))
    path.with_name("scene.firnline.yaml").write_text("date: 2020-09-01\nlevel: surface reflectance\n")
    write_classes(folder / "truth.tif", truth, GRID, scheme)
    return SceneEntry(images=str(path), truth=str(folder / "truth.tif"))


def strata_of(entry: SceneEntry, folder: Path, **own: Any) -> tuple[dict[str, NDArray[np.bool_]], dict[str, str]]:
    [scene] = list_scenes((entry,), folder)
    return Ground(scene.opened(), scene, ErrorsSettings(**own)).strata()


def test_strata_follow_their_rules(tmp_path: Path) -> None:
    """Columns: 0-4 clean ice, 5-9 debris, 10-14 snow, 15-19 bare ground, 20-24 lake, 25-29 forest in full shadow."""
    column = np.broadcast_to(np.arange(30), (20, 30))
    kind = column // 5

    def of(*by_kind: float) -> NDArray[np.float32]:
        return np.asarray(by_kind, np.float32)[kind]

    truth = np.asarray([1, 2, 0, 0, 0, 0], np.uint8)[kind]
    slope = np.where(np.arange(20)[:, None] < 10, 5.0, 35.0) * np.ones((20, 30))
    bands = {
        "green": of(0.7, 0.15, 0.8, 0.15, 0.09, 0.02),
        "red": of(0.65, 0.17, 0.78, 0.17, 0.05, 0.02),
        "nir08": of(0.5, 0.19, 0.7, 0.19, 0.03, 0.05),
        "swir16": of(0.05, 0.22, 0.06, 0.22, 0.02, 0.03),
        "slope": slope,
    }
    told, why = strata_of(a_scene(tmp_path, bands, truth, LabelScheme.CLASS), tmp_path, beside_m=200)
    assert set(told) == {SHADOW, WATER, SNOW, DEBRIS, MORAINE, SATURATED}
    assert why == {CLOUD: "there are no flags beside the scene", DATE: "the truth has no date"}
    assert (told[SNOW] == (kind == 2) | (kind == 4)).all()  # a lake's index is that of snow
    assert (told[DEBRIS] == (kind == 1)).all()
    assert (told[WATER] == (kind == 4)).all()
    assert (told[SHADOW] == (kind >= 4)).all()
    # Bare, gentle, without snow, at most 200 m (6 pixels) from debris, which ends at column 9.
    assert (told[MORAINE] == ((column == 15) & (slope < 24))).all()


def test_flags_and_the_sun_tell_too(tmp_path: Path) -> None:
    truth = np.zeros((20, 30), np.uint8)
    heights = np.broadcast_to(6000 - 45.0 * np.abs(np.arange(30) - 14.5), (20, 30))  # a ridge, 56°
    entry = a_scene(tmp_path, {"red": 0.3, "elevation": heights}, truth, LabelScheme.GLACIER)
    with rasterio.open(tmp_path / "scene.tif", "r+") as file:
        file.update_tags(SUN_AZIMUTH="90", SUN_ELEVATION="30")
    told, why = strata_of(entry, tmp_path)
    assert told[SHADOW][5, 2:12].all()  # falls to the west, away from a sun in the east
    assert not told[SHADOW][5, 18:28].any()
    assert why[SNOW] == "ndsi: needs green and swir16"
    assert why[DEBRIS] == "truth of the scheme glacier does not tell debris"
    flags = np.zeros((1, 20, 30), np.uint8)
    flags[0, 0, :3] = Flag.CLOUD, Flag.SATURATED, Flag.CLOUD_SHADOW
    flags[0, 1, 25] = Flag.WATER
    profile = {"driver": "GTiff", "count": 1, "dtype": "uint8", "height": 20, "width": 30}
    with rasterio.open(tmp_path / "scene.flags.tif", "w", **profile, crs=GRID.crs, transform=GRID.transform) as file:
        file.write(flags)
    told, _ = strata_of(entry, tmp_path)
    assert np.argwhere(told[CLOUD]).tolist() == [[0, 0]]
    assert np.argwhere(told[SATURATED]).tolist() == [[0, 1]]
    assert np.argwhere(told[WATER]).tolist() == [[1, 25]]
    assert told[SHADOW][0, 2]


def test_outlines_of_another_time_are_a_stratum(tmp_path: Path) -> None:
    truth = np.zeros((20, 30), np.uint8)
    entry = a_scene(tmp_path, {"red": 0.3, "green": 0.3}, truth, LabelScheme.GLACIER)
    left, _, _, top = GRID.bounds
    squares = [box(left + 30 * c, top - 300, left + 30 * (c + 8), top) for c in (0, 10, 20)]
    dates = [dt.date(2020, 8, 1).isoformat(), "2009-08-01", None]
    frame = gpd.GeoDataFrame({"src_date": dates, "rgi_id": ["a", "b", "c"]}, geometry=squares, crs=GRID.crs)
    frame.to_file(tmp_path / "rgi.gpkg")
    dated = entry.model_copy(update={"truth": OutlineTruth(glaciers=str(tmp_path / "rgi.gpkg"))})
    told, _ = strata_of(dated, tmp_path)
    expected = np.zeros((20, 30), np.bool_)
    expected[:10, 10:18] = expected[:10, 20:28] = True  # drawn eleven years before, and not dated
    assert (told[DATE] == expected).all()


def test_edges_are_where_the_truth_changes_and_not_beside_the_unknown(tmp_path: Path) -> None:
    truth = np.zeros((20, 30), np.uint8)
    truth[:, 10:20] = 1
    truth[:, 20:] = UNKNOWN
    entry = a_scene(tmp_path, {"red": 0.3}, truth, LabelScheme.GLACIER)
    [scene] = list_scenes((entry,), tmp_path)
    edge = Ground(scene.opened(), scene, ErrorsSettings(edge_pixels=2)).edge(truth)
    assert np.flatnonzero(edge.all(axis=0)).tolist() == [8, 9, 10, 11]
    assert edge.sum() == 4 * 20


@pytest.mark.parametrize(
    ("settings", "line"),
    [
        ({"models": ["oak"]}, "settings.errors.models: 'oak' is not a model"),
        ({"edge_pixels": 0}, "settings.errors.edge_pixels: Input should be greater than or equal to 1"),
        ({"snow": 0.3}, "settings.errors.snow: is not a known key"),
    ],
)
def test_a_mistake_is_one_line(
    make_config: MakeConfig, firnline: Run, tmp_path: Path, settings: dict[str, object], line: str
) -> None:
    out = tmp_path / "out"
    code, _, error = firnline("experiment", "errors", "--data", make_config(settings={"errors": settings}), "-o", out)
    assert (code, error.count("\n")) == (2, 1)
    assert line in error
    assert not out.exists()
