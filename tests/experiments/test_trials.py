"""Trials: each is made once, goes on where it was stopped, and is told apart from one made with other settings."""

from __future__ import annotations

import csv
import json
import os
import shutil
import weakref
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import rasterio

from firnline.chips.make import make_table
from firnline.chips.make_settings import MakeSettings
from firnline.classes import UNKNOWN
from firnline.classraster import read_classes, write_classes
from firnline.errors import ConfigError, OutputError
from firnline.evaluation.blocks import summed
from firnline.evaluation.confusion import confusion
from firnline.evaluation.rules import rule_map
from firnline.experiments.config import read_experiment
from firnline.experiments.folds import Fold, dealt_table
from firnline.experiments.measure import true_side
from firnline.experiments.outcome import Outcome, Table
from firnline.experiments.page import write_outcome
from firnline.experiments.registry import run_experiment
from firnline.experiments.results import Trial, Trials, read_trial, write_trial
from firnline.experiments.scenes import StudyScene, TestScene
from firnline.experiments.study import Study
from firnline.experiments.trivial import trivial_trials
from firnline.files import only_one
from firnline.models.bundle import load_bundle

MakeConfig = Callable[..., Path]


def study_of(
    config: Path, out: Path, *, restart: bool = False, tell: Callable[[str], None] = lambda _: None
) -> Study:
    return Study("baselines", read_experiment(config), out, restart=restart, tell=tell)


def test_counts_add_up_to_the_pixels_that_truth_and_map_know(make_config: MakeConfig, tmp_path: Path) -> None:
    study = study_of(make_config(), tmp_path)
    [trial] = study.trials([study.arm("base")])
    [scene] = study.folds[0].tests()
    said = read_classes(trial.map_folder(scene.name) / "classes.tif").classes
    both = (scene.truth != UNKNOWN) & (said != UNKNOWN)
    for question in ("glacier", "clean ice", "debris", "classes"):
        assert summed(trial.units(question)).scored == both.sum()
    of_classes = summed(trial.units("classes")).counts
    by_hand = [[int((both & (scene.truth == t) & (said == m)).sum()) for m in range(3)] for t in range(3)]
    assert of_classes.tolist() == by_hand
    debris = summed(trial.units("debris")).counts
    assert debris[1, 1] == by_hand[2][2]
    assert debris.sum(axis=1)[1] == sum(by_hand[2])
    with rasterio.open(trial.map_folder(scene.name) / "probabilities.tif") as file:
        assert (file.read().argmax(0)[both] == said[both]).mean() > 0.99


def test_an_interrupted_experiment_trains_only_the_rest(make_config: MakeConfig, tmp_path: Path) -> None:
    config = make_config(seeds=[0, 1])

    def stop(line: str) -> None:
        if line.startswith("trial 2"):
            raise KeyboardInterrupt

    stopped = study_of(config, tmp_path, tell=stop)
    with pytest.raises(KeyboardInterrupt):
        stopped.trials([stopped.arm("base")])
    results = list(tmp_path.rglob("result.json"))
    assert [path.parent.name for path in results] == ["seed-0"]
    before = results[0].stat().st_mtime_ns
    said: list[str] = []
    again = study_of(config, tmp_path, tell=said.append)
    trials = again.trials([again.arm("base")])
    assert [trial.seed for trial in trials] == [0, 1]
    assert results[0].stat().st_mtime_ns == before
    assert said[0] == "trial 1 of 2: base, fold all, seed 0: done before"
    assert said[1] == "trial 2 of 2: base, fold all, seed 1"


def test_other_settings_are_refused_by_name_and_made_anew_on_request(make_config: MakeConfig, tmp_path: Path) -> None:
    study = study_of(make_config(), tmp_path)
    study.trials([study.arm("base")])
    changed = make_config(training={"learning_rate": 0.02})
    other = study_of(changed, tmp_path)
    with pytest.raises(ConfigError, match=r"other settings \(training\.learning_rate\); use --restart"):
        other.trials([other.arm("base")])
    said: list[str] = []
    anew = study_of(changed, tmp_path, restart=True, tell=said.append)
    anew.trials([anew.arm("base")])
    assert not any("done before" in line for line in said)


def test_maps_of_another_runtime_are_other_trials(make_config: MakeConfig, tmp_path: Path) -> None:
    study = study_of(make_config(), tmp_path)
    study.trials([study.arm("base")])
    other = study_of(make_config(runtime="openvino"), tmp_path)
    with pytest.raises(ConfigError, match=r"other settings \(runtime\)"):
        other.trials([other.arm("base")])


def test_a_second_run_into_the_same_folder_is_refused(make_config: MakeConfig, tmp_path: Path) -> None:
    study = study_of(make_config(), tmp_path)
    with only_one(tmp_path / "trials"), pytest.raises(OutputError, match="another run is working there"):
        study.trials([study.arm("base")])
    assert not list(tmp_path.rglob("result.json"))


def test_test_scenes_are_not_all_held_at_once(
    make_config: MakeConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Hundreds of Landsat scenes are tested in the memory of one or two."""
    opened: list[weakref.ref[TestScene]] = []
    most = 0

    def watched(scene: StudyScene) -> TestScene:
        nonlocal most
        found = open_scene(scene)
        opened.append(weakref.ref(found))
        most = max(most, sum(each() is not None for each in opened))
        return found

    open_scene = StudyScene.opened
    monkeypatch.setattr(StudyScene, "opened", watched)
    study = study_of(make_config(folds=[["east-*", "landsat8"]]), tmp_path)
    again = study.folds[0].test * 3
    fold = Fold("many", study.folds[0].train, again)
    trivial_trials(study, [fold])
    assert len(opened) == 3 * len(again)  # everything, and the rule twice: what all can answer, and the map
    assert most <= 2  # the next one is opened before the last one is let go


def test_one_rule_is_tried_on_all_scenes_of_a_fold(make_config: MakeConfig, synthetic: Path, tmp_path: Path) -> None:
    """A scene without heights has no rule for debris, and that of glacier is for all scenes the one it allows."""
    flat = synthetic / "flat.tif"
    with rasterio.open(synthetic / "east-1" / "scene.tif") as file:
        profile, values = {**file.profile, "count": 5}, file.read((1, 2, 3, 4, 5))
    with rasterio.open(flat, "w", **profile) as copy:
        copy.descriptions = ["B1", "B2", "B3", "B4", "B5"]
        copy.write(values)
    flat.with_name("flat.firnline.yaml").write_text("sensor: landsat7\nlevel: digital number\n")
    scenes = [
        {"images": "west-1/scene.tif", "truth": "west-1/classes.tif"},
        {"images": "east-2/scene.tif", "truth": "east-2/classes.tif", "role": "validation"},
        {"images": "flat.tif", "truth": "east-1/classes.tif", "role": "validation"},
    ]
    study = study_of(make_config(training={"scenes": scenes}), tmp_path)
    trials = trivial_trials(study, study.folds)
    assert trials.answers("everything is the class", "debris")
    assert not trials.answers("untrained rule", "debris")
    glacier, by_hand = summed(trials.units("untrained rule", "glacier")).counts, np.zeros((2, 2), np.int64)
    for scene in study.folds[0].tests():
        said = rule_map(scene.source, "clean ice").classes  # ndsi > 0.4, which is all that both scenes allow
        assert said is not None
        by_hand += confusion(true_side("glacier", scene), said, 2).counts
    assert glacier.tolist() == by_hand.tolist()


def test_nothing_is_chosen_on_the_scenes_that_test(make_config: MakeConfig, synthetic: Path, tmp_path: Path) -> None:
    """With the truth of the test scene turned round, the best epoch would be another: the weights are the same."""
    found = read_classes(synthetic / "east-2" / "classes.tif")
    turned = np.where(found.classes == UNKNOWN, UNKNOWN, 2 - found.classes).astype(np.uint8)
    write_classes(synthetic / "east-2" / "turned.tif", turned, found.grid, found.scheme)
    weights = []
    for truth in ("classes", "turned"):
        scenes = [
            {"images": "west-1/scene.tif", "truth": "west-1/classes.tif"},
            {"images": "east-2/scene.tif", "truth": f"east-2/{truth}.tif", "role": "validation"},
        ]
        config = make_config(training={"scenes": scenes, "epochs": 3, "validate_every": 1, "patience": 1})
        study = study_of(config, tmp_path / truth)
        [trial] = study.trials([study.arm("base")])
        description = load_bundle(trial.bundle).description
        weights.append(description.weights_sha256)
        assert description.training["epochs"] == 3
        assert description.calibration is None
    assert weights[0] == weights[1]


def test_each_group_is_held_out_in_turn(make_config: MakeConfig, tmp_path: Path) -> None:
    folds = study_of(make_config(folds=["west*", ["east-1*", "east-2*"]]), tmp_path).folds
    parts = [([scene.name for scene in fold.train], [scene.name for scene in fold.test]) for fold in folds]
    assert parts == [(["east-1-scene"], ["west-1-scene"]), (["west-1-scene"], ["east-1-scene", "east-2-scene"])]
    with pytest.raises(ConfigError, match="no scene to test on"):
        assert study_of(make_config(folds=["north*"]), tmp_path).folds


def test_cpu_minutes_make_a_plan_that_stays(make_config: MakeConfig, tmp_path: Path) -> None:
    study = study_of(make_config(cpu_minutes=0.005), tmp_path)
    study.trials([study.arm("base")])
    plan = json.loads((tmp_path / "trials" / "base" / "plan.json").read_text())["plan"]
    assert plan["epochs"] >= 1
    bundle = load_bundle(tmp_path / "trials" / "base" / "all" / "seed-0" / "model")
    assert bundle.description.training["epochs"] == plan["epochs"]
    said: list[str] = []
    again = study_of(make_config(cpu_minutes=0.005), tmp_path, tell=said.append)
    again.trials([again.arm("base")])
    assert said == ["trial 1 of 1: base, fold all, seed 0: done before"]


def test_a_table_of_an_experiment_has_a_row_for_each_arm(make_config: MakeConfig, tmp_path: Path) -> None:
    config = make_config(seeds=[0, 1, 2], settings={"baselines": {"models": ["base", "firn"]}})
    page = run_experiment("baselines", config, tmp_path)
    rows = list(csv.DictReader((page.parent / "iou.csv").read_text().splitlines()))
    assert [row["model"] for row in rows] == ["base", "firn", "everything is the class", "untrained rule"]
    for row in rows:
        if row["glacier low"]:
            assert float(row["glacier low"]) <= float(row["glacier"]) <= float(row["glacier high"])
    everything = next(row for row in rows if row["model"] == "everything is the class")
    [scene] = study_of(config, tmp_path).folds[0].tests()
    known = scene.truth != UNKNOWN
    assert float(everything["clean ice"]) == pytest.approx((scene.truth[known] == 1).mean())
    text = page.read_text(encoding="utf-8")
    assert "another data set" in text
    assert "--seed 0 --seed 1 --seed 2" in text
    assert (page.parent / "iou-by-class.png").read_bytes().startswith(b"\x89PNG")
    record = json.loads((page.parent / "provenance.json").read_text())
    assert record["configuration"]["training"]["learning_rate"] == 0.01
    assert {path.name for path in page.parent.iterdir()} == {*record["files"], "index.html", "provenance.json"}


def test_files_of_an_earlier_run_do_not_stay_among_those_of_the_next(make_config: MakeConfig, tmp_path: Path) -> None:
    study = study_of(make_config(), tmp_path)
    first, second = (Outcome("t", "q", (Table(name, "t", ("a",), ()),)) for name in ("before", "after"))
    folder = write_outcome(first, study).parent
    (folder / "note.txt").write_text("of a person")
    write_outcome(second, study)
    assert {"after.csv", "after.md", "note.txt"} <= {path.name for path in folder.iterdir()}
    assert not {"before.csv", "before.md"} & {path.name for path in folder.iterdir()}


def test_what_training_warns_of_stays_with_the_trial_and_stands_on_the_page(
    make_config: MakeConfig, tmp_path: Path
) -> None:
    study = study_of(make_config(), tmp_path)
    write_trial(Trial("base", "all", 0, tmp_path / "trial", (), 0.0, 0, ("the split leaks: 3 chips",)))
    kept = read_trial(tmp_path / "trial")
    page = write_outcome(Outcome("t", "q", (), trials=Trials((kept, kept))), study).read_text(encoding="utf-8")
    assert page.count("the split leaks: 3 chips") == 1


def test_a_mistake_in_an_arm_is_told_before_anything_is_trained(make_config: MakeConfig, tmp_path: Path) -> None:
    arms = {"forest": {"architecture": {"threes": 3}}}
    with pytest.raises(ConfigError, match=r"arms\.forest.*threes"):
        run_experiment("errors", make_config(arms=arms), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_table_of_chips_is_tested_on_its_own_side(make_config: MakeConfig, synthetic: Path, tmp_path: Path) -> None:
    scenes = [
        {"images": "west-1/scene.tif", "truth": "west-1/classes.tif"},
        {"images": "east-1/scene.tif", "truth": "chips-truth.tif", "role": "validation"},
    ]
    truth = Path(shutil.copy(synthetic / "east-1" / "classes.tif", synthetic / "chips-truth.tif"))
    table = make_table(MakeSettings(name="chips", size=64, scenes=scenes), synthetic, synthetic / "chips.parquet")
    training = {"scenes": None, "table": "chips.parquet", "chips": {"per_epoch": 4}}
    study = study_of(make_config(training=training), tmp_path / "own")
    [trial] = study.trials([study.arm("base")])
    assert [scene.scene for scene in trial.scenes] == ["scene"]
    chips = list(table.chips("validation"))
    assert 0 < summed(trial.units("glacier")).scored <= 64 * 64 * len(chips)

    def other_way(row: dict[str, object]) -> str | None:
        return {"train": "test", "validation": "train"}.get(str(row["split"]))

    turned = dealt_table(table.path, tmp_path / "tables" / "turned.parquet", other_way, "the other way round")
    [back] = study.trials([study.arm("base")], [Fold("turned", table=turned)])
    assert back.folder.parent.name == "turned"
    assert summed(back.units("glacier")).truth_unknown != summed(trial.units("glacier")).truth_unknown
    os.utime(truth, (0, 0))
    with pytest.raises(ConfigError, match=r"other settings \(files\)"):
        study.trials([study.arm("base")])
