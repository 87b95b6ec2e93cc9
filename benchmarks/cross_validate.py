"""Cross-validation over the training scenes of a configuration, which leaves its validation scenes untouched.

    python benchmarks/cross_validate.py examples/landsat8-zanskar.yaml --groups "02_|03_" "04_" "05_" "06_" "07_" \
        -o runs/cv [--set chips.size=128 ...] [--seeds 0 1 2]

Each group of training scenes (a regular expression on file names) is held out in turn, with the configuration's
buffer around it. Prints the IoU of each fold (best epoch and last epoch), and of all folds together.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import time
from pathlib import Path
from typing import Any

import yaml

from firnline.chips.entries import SceneEntry
from firnline.models.bundle import load_bundle
from firnline.training.config import TrainingConfig, read_config
from firnline.training.loop import train


def folds(config: TrainingConfig, folder: Path, groups: list[str]) -> list[TrainingConfig]:
    entries = []
    for entry in config.scenes:
        if entry.role == "train":
            for path in sorted(folder.glob(entry.images)):
                entries.append((path.name, entry.model_copy(update={"images": _relative(path, folder)})))
    made = []
    for group in groups:
        roles = ["validation" if re.match(group, name) else "train" for name, _ in entries]
        scenes = tuple(_with_role(entry, role) for (_, entry), role in zip(entries, roles, strict=True))
        made.append(config.model_copy(update={"scenes": scenes}))
    return made


def _relative(path: Path, folder: Path) -> str:
    return os.path.relpath(path, folder)


def _with_role(entry: SceneEntry, role: str) -> SceneEntry:
    return entry.model_copy(update={"role": role})


def changed(config: TrainingConfig, settings: list[str]) -> TrainingConfig:
    content: dict[str, Any] = config.model_dump()
    for setting in settings:
        key, _, value = setting.partition("=")
        *parents, last = key.split(".")
        place = content
        for parent in parents:
            place = place[parent]
        place[last] = yaml.safe_load(value)
    return TrainingConfig.model_validate(content)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("config", type=Path)
    parser.add_argument("--groups", nargs="+", required=True)
    parser.add_argument("-o", "--out", type=Path, required=True)
    parser.add_argument("--set", nargs="*", default=[], dest="settings")
    parser.add_argument("--seeds", nargs="*", type=int, default=[0])
    given = parser.parse_args()
    folder = given.config.resolve().parent
    config = changed(read_config(given.config), given.settings)
    for seed in given.seeds:
        for number, fold in enumerate(folds(config, folder, given.groups)):
            out = given.out / f"seed{seed}_fold{number}"
            started = time.process_time()
            bundle = load_bundle(train(fold.model_copy(update={"seed": seed}), folder, out))
            history = json.loads((out / "history.json").read_text())
            record = {
                "seed": seed,
                "group": given.groups[number],
                "settings": given.settings,
                "best": bundle.description.metrics,
                "last": history[-1],
                "cpu_s": round(time.process_time() - started),
            }
            print(json.dumps(record), flush=True)


if __name__ == "__main__":
    main()
