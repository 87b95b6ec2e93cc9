"""Figure 3 on synthetic data: places are chosen by a rule, and the scores below them are those of the maps."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import rasterio
from matplotlib.image import imread

from firnline.classes import UNKNOWN, LabelScheme
from firnline.evaluation.blocks import Unit, UnitCounts
from firnline.evaluation.confusion import confusion
from firnline.experiments.config import read_experiment
from firnline.experiments.gallery import GallerySettings, choose_places
from firnline.experiments.results import SceneResult, Trial, Trials
from firnline.experiments.study import Study

Run = Callable[..., tuple[int, str, str]]
MakeConfig = Callable[..., Path]


def block(number: int, right: int, *, ice: int = 50) -> UnitCounts:
    """A block of 100 pixels with so much ice, of which so many pixels are mapped, and nothing else."""
    truth, said = np.zeros((2, 1, 100), np.uint8)
    truth[0, :ice], said[0, :right] = 1, 1
    return UnitCounts(Unit("a", 0, number), confusion(truth, said, 2))


def trial(arm: str, units: list[UnitCounts], seed: int = 0) -> Trial:
    result = SceneResult("a", None, LabelScheme.GLACIER, {"glacier": tuple(units)}, {}, None)
    return Trial(arm, "all", seed, Path(), (result,), 0.0, 0)


def test_the_best_the_median_and_the_worst_are_chosen() -> None:
    units = [block(0, 20), block(1, 45), block(2, 0, ice=2), block(3, 10), block(4, 30), block(5, 5)]
    other = [block(number, 50) for number in range(6)]
    trials = Trials((trial("first", units), trial("second", other)))
    places = choose_places(trials, "glacier", GallerySettings())
    assert [(each.why, each.unit.column, each.iou["first"]) for each in places] == [
        ("best", 1, 0.9),
        ("median", 0, 0.4),
        ("worst", 5, 0.1),
    ]
    assert places[0].iou["second"] == 1.0
    assert choose_places(trials, "glacier", GallerySettings(least_share=0.9)) == ()


def test_between_equal_blocks_the_seed_decides() -> None:
    trials = Trials((trial("first", [block(number, 25) for number in range(40)]),))
    chosen = [choose_places(trials, "glacier", GallerySettings(seed=seed))[0].unit for seed in (0, 0, 1, 2)]
    assert chosen[0] == chosen[1]
    assert len(set(chosen)) > 1


def test_one_block_is_shown_once() -> None:
    places = choose_places(Trials((trial("first", [block(0, 20)]),)), "glacier", GallerySettings())
    assert [each.why for each in places] == ["best"]


def test_images_labels_and_maps_side_by_side(make_config: MakeConfig, firnline: Run, together: Path) -> None:
    config = make_config(settings={"gallery": {"models": ["base", "firn"]}})
    code, out, error = firnline("experiment", "gallery", "--data", config, "-o", together)
    assert (code, out.split()[:1]) == (0, ["page"]), error
    rows = list(csv.DictReader((together / "gallery" / "places.csv").read_text(encoding="utf-8").splitlines()))
    assert [row["place"] for row in rows] == ["best", "median", "worst"]
    scores = [float(row["IoU base"]) for row in rows]
    assert scores == sorted(scores, reverse=True)
    study = Study("gallery", read_experiment(config), together)
    [scene] = study.folds[0].tests()
    [path] = (together / "trials" / "firn").rglob("probabilities.tif")
    with rasterio.open(path) as file:
        none, clean, debris = file.read().astype(int)
    known = (scene.truth != UNKNOWN) & (none != UNKNOWN)
    for row in rows:
        name, _, at = row["scene/row-column of blocks"].rpartition("/")
        assert name == scene.name
        top, left = (32 * int(number) for number in at.split("-"))
        part = (slice(top, top + 32), slice(left, left + 32))
        true, mapped = ((known & each)[part] for each in (scene.truth > 0, clean + debris > none))
        assert float(row["IoU firn"]) == pytest.approx((true & mapped).sum() / (true | mapped).sum())
    picture = imread(together / "gallery" / "gallery.png")
    assert picture.shape[1] > picture.shape[0]
    colours = {tuple(colour) for colour in (255 * picture[::2, ::2, :3].reshape(-1, 3)).round().astype(int).tolist()}
    assert (0, 114, 178) in colours  # clean ice


def test_labels_whose_licence_forbids_it_are_not_shown(
    make_config: MakeConfig, firnline: Run, together: Path
) -> None:
    """The labels are the only panel that goes."""
    path, shown = together / "gallery" / "gallery.png", {}
    for labels in (True, False):
        config = make_config(settings={"gallery": {"models": ["base"], "labels": labels}})
        code, _, error = firnline("experiment", "gallery", "--data", config, "-o", together)
        assert code == 0, error
        page = (together / "gallery" / "index.html").read_text(encoding="utf-8")
        shown[labels] = (
            imread(path).shape[1],
            "Image, labels and maps" in page,
            "percentile of the block), labels," in page,
        )
    assert shown[False][0] < 0.8 * shown[True][0]
    assert (shown[True][1:], shown[False][1:]) == ((True, True), (False, False))


@pytest.mark.parametrize(
    ("settings", "line"),
    [
        ({"models": ["oak"]}, "settings.gallery.models: 'oak' is not a model"),
        ({"question": "ice"}, "settings.gallery.question: Input should be 'glacier', 'clean ice' or 'debris'"),
        ({"least_share": 0}, "settings.gallery.least_share: Input should be greater than 0"),
    ],
)
def test_a_mistake_is_one_line(
    make_config: MakeConfig, firnline: Run, tmp_path: Path, settings: dict[str, object], line: str
) -> None:
    out = tmp_path / "out"
    code, _, error = firnline(
        "experiment", "gallery", "--data", make_config(settings={"gallery": settings}), "-o", out
    )
    assert (code, error.count("\n")) == (2, 1)
    assert line in error
    assert not out.exists()
