"""The main job: a scene goes in, and what comes out opens, agrees with itself, and says where it comes from."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
import rasterio
import rasterio.features

from firnline.classraster import read_classes
from firnline.evaluation.compare import Pair, evaluate
from firnline.features import FeatureSource
from firnline.inventory.export import VectorFormat
from firnline.mapping import MapSettings, map_scene
from firnline.scene import open_scene
from firnline.synthetic import SyntheticRange, make_range
from firnline.training.config import TrainingConfig
from firnline.training.train import train

Cli = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="module")
def mountains(tmp_path_factory: pytest.TempPathFactory) -> SyntheticRange:
    return make_range(tmp_path_factory.mktemp("range"), width=256, height=200, seed=0)


@pytest.fixture(scope="module")
def bundle(mountains: SyntheticRange, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A network that learnt for a few seconds: enough to be better than chance."""
    config = TrainingConfig.model_validate(
        {
            "name": "quick",
            "scheme": "class",
            "bands": ["green", "red", "swir16", "slope"],
            "scenes": [{"images": mountains.scene.name, "truth": mountains.classes.name}],
            "architecture": {"width": 4, "depth": 2, "norm": "batch", "dropout": 0},
            "chips": {"size": 64, "per_epoch": 80},
            "batch": 2,
            "epochs": 4,
            "learning_rate": 0.01,
            "threads": 1,
        }
    )
    return train(config, mountains.scene.parent, tmp_path_factory.mktemp("training"))


@pytest.fixture(scope="module")
def mapped(mountains: SyntheticRange, bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("maps") / "out"
    map_scene(FeatureSource(open_scene(mountains.scene)), bundle, out, MapSettings(overlap=32))
    return out


def test_everything_promised_is_there_and_nothing_else(mapped: Path) -> None:
    names = sorted(path.name for path in mapped.iterdir())
    assert names == ["classes.tif", "glaciers.gpkg", "probabilities.tif", "provenance.json", "report.html"]


def test_the_map_is_better_than_calling_everything_ice(mapped: Path, mountains: SyntheticRange) -> None:
    found = evaluate([Pair(mapped / "classes.tif", mountains.classes)])
    assert found.confusion.merged().of_class(1)[0] > 0
    clean = next(scores for scores in found.classes if scores.name == "clean ice")
    assert clean.scores.iou is not None
    assert clean.everything.iou is not None
    assert clean.scores.iou > clean.everything.iou + 0.2


def test_outlines_are_the_class_raster(mapped: Path) -> None:
    """Valid, without overlap, and burnt back onto the grid they give the raster, but for what is too small."""
    outlines = gpd.read_file(mapped / "glaciers.gpkg", layer="outlines")
    raster = read_classes(mapped / "classes.tif")
    assert len(outlines)
    assert outlines.is_valid.all()
    assert outlines.area.sum() == pytest.approx(outlines.union_all().area, rel=1e-9)
    burnt = rasterio.features.rasterize(
        zip(outlines.geometry, outlines["class_value"], strict=True),
        raster.grid.shape,
        transform=raster.grid.transform,
        dtype="uint8",
    )
    drawn = burnt > 0
    assert np.array_equal(burnt[drawn], raster.classes[drawn])
    left_out = (raster.classes > 0) & (raster.classes < 255) & ~drawn
    small = np.bincount(rasterio.features.sieve(left_out.astype(np.uint8), 12, connectivity=4).ravel(), minlength=2)
    assert small[1] == 0, "only glaciers below 0.01 km2 (11 pixels) are left out"
    assert outlines["mean_probability"].between(0.3, 1).all()


def test_provenance_says_inputs_model_settings_and_date(mapped: Path, mountains: SyntheticRange) -> None:
    said = json.loads((mapped / "provenance.json").read_text())
    assert said["inputs"][0]["file"] == str(mountains.scene)
    assert said["model"]["weights_sha256"]
    assert said["model"]["training"]["scenes"][0]["is_synthetic"] is True
    assert said["settings"]["overlap"] == 32
    assert said["bands"]["slope"]["origin"] == "stored"
    assert said["made"]


def test_the_report_warns_of_a_model_that_never_saw_a_real_glacier(mapped: Path) -> None:
    page = (mapped / "report.html").read_text()
    assert page.index("Confidence and limits") < page.index("<img")
    assert "trained on made-up scenes" in page
    assert "http://" not in page.replace("http://www.w3.org", "")
    assert "<script" not in page


def test_formats_hold_the_same_outlines(
    mountains: SyntheticRange, bundle: Path, tmp_path: Path, firnline: Cli
) -> None:
    formats = [part for name in ("gpkg", "geojson", "shp", "parquet") for part in ("--format", name)]
    code, out, err = firnline("map", mountains.scene, "--model", bundle, "-o", tmp_path / "out", *formats)
    assert (code, err) == (0, ""), out + err
    names = {"gpkg", "geojson", "shp", "parquet"}
    counts = set()
    for suffix in names:
        path = tmp_path / "out" / f"glaciers.{suffix}"
        reader = gpd.read_parquet if suffix == "parquet" else gpd.read_file
        frame = reader(path, layer="outlines") if suffix == "gpkg" else reader(path)
        counts.add((len(frame), round(frame["area_km2"].sum(), 3)))
    assert len(counts) == 1


def test_rules_map_without_training_and_have_no_probabilities(
    mountains: SyntheticRange, tmp_path: Path, firnline: Cli
) -> None:
    code, out, err = firnline("map", mountains.scene, "--model", "ratio", "-o", tmp_path / "out")
    assert (code, err) == (0, ""), out + err
    assert "clean ice" in out
    outlines = gpd.read_file(tmp_path / "out" / "glaciers.gpkg", layer="outlines")
    assert outlines["mean_probability"].isna().all()
    said = json.loads((tmp_path / "out" / "provenance.json").read_text())
    assert [rule["name"] for rule in said["model"]["used"]]
    assert all(rule["reason"] for rule in said["model"]["unused"])


def test_rules_decide_for_the_finished_map(mountains: SyntheticRange, tmp_path: Path) -> None:
    """Smoothing and lone debris change the classes at the end, and the other raster with them."""
    map_scene(FeatureSource(open_scene(mountains.scene)), "ratio", tmp_path / "out")
    classes = read_classes(tmp_path / "out" / "classes.tif").classes
    with rasterio.open(tmp_path / "out" / "probabilities.tif") as file:
        decided = file.read()
        assert file.tags()["MEANING"].startswith("rules decide")
        assert (file.descriptions[2], file.scales[2], file.nodata) == ("debris-covered ice", 1 / 250, 255)
    known = classes != 255
    assert set(np.unique(classes)) == {0, 1, 2, 255}
    assert np.array_equal(decided.argmax(axis=0)[known], classes[known])
    assert (decided.sum(axis=0, dtype=int)[known] == 250).all()
    assert (decided[:, ~known] == 255).all()


def test_rules_are_set_by_a_file(mountains: SyntheticRange, tmp_path: Path, firnline: Cli) -> None:
    rules = tmp_path / "rules.yaml"
    rules.write_text("ratio: 3\nlowest_elevation: 5200\ndebris: false\nwithout: [water]\n")
    words = ("map", mountains.scene, "--model", "ratio", "--rules", rules, "-o", tmp_path / "out")
    code, out, err = firnline(*words)
    assert (code, err) == (0, ""), out + err
    said = json.loads((tmp_path / "out" / "provenance.json").read_text())["model"]
    thresholds = {rule["name"]: rule["thresholds"] for rule in said["used"]}
    assert (thresholds["ratio"], thresholds["lowest elevation"]) == ([3.0], [5200.0])
    assert said["settings"]["without"] == ["water"]
    assert not (read_classes(tmp_path / "out" / "classes.tif").classes == 2).any()


def test_rules_are_neither_perfect_nor_useless_on_the_default_range(tmp_path: Path) -> None:
    """The generator must not be easy for the mapper beside it: they share no thresholds."""
    made = make_range(tmp_path / "range")
    map_scene(FeatureSource(open_scene(made.scene)), "ratio", tmp_path / "out")
    found = evaluate([Pair(tmp_path / "out", made.classes)])
    clean = next(scores for scores in found.classes if scores.name == "clean ice")
    assert clean.scores.iou is not None
    assert 0.4 <= clean.scores.iou <= 0.8


@pytest.mark.real
def test_a_real_tile_is_mapped_and_evaluated_by_the_readme(shared_data: Path, tmp_path: Path, firnline: Cli) -> None:
    scene = shared_data / "landsat8-zanskar" / "08_13_image.tif"
    code, _, err = firnline("map", scene, "--model", "ratio", "-o", tmp_path / "out")
    assert (code, err) == (0, "")
    outlines = gpd.read_file(tmp_path / "out" / "glaciers.gpkg", layer="outlines")
    assert outlines.is_valid.all()
    assert outlines.crs.to_epsg() == 32643
    mapped, stored = read_classes(tmp_path / "out" / "classes.tif").classes, open_scene(scene)
    unknown = ~np.isfinite(stored.read(["red", "green", "swir16"])).all(axis=0)
    assert (mapped[unknown] == 255).all(), "no data is never mapped as background"
    truth = shared_data / "landsat8-zanskar" / "08_13_class.tif"
    code, out, _ = firnline("evaluate", tmp_path / "out", "--truth", truth)
    assert code == 0
    assert "everything is glacier" in out


def test_outlines_of_an_earlier_map_do_not_stay(mountains: SyntheticRange, tmp_path: Path) -> None:
    source, other = FeatureSource(open_scene(mountains.scene)), tmp_path / "out" / "glaciers.qgz"
    map_scene(source, "ratio", tmp_path / "out", MapSettings(formats=(VectorFormat.SHAPEFILE,)))
    other.touch()
    map_scene(source, "ratio", tmp_path / "out", MapSettings(formats=(VectorFormat.GEOPACKAGE,)))
    assert sorted(path.name for path in (tmp_path / "out").glob("glaciers.*")) == ["glaciers.gpkg", "glaciers.qgz"]
