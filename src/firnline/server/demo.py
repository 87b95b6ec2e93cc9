"""The demo project: one made-up range seen by two satellites, and a model that learnt on another one."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from firnline.files import in_turn, new_folder
from firnline.synthetic import make_range

_SIZE: Final = 384
_SEED: Final = 2
_SENSORS: Final = ("landsat7", "landsat8")
_SCHOOL_SIZE: Final = 256
_SCHOOL_SEED: Final = 11
"""Of the range on which the model learns, which is not shown."""
_LEARNING: Final = """
name: demo
scheme: class
mixed: true
bands: [blue, green, red, nir08, swir16, swir22, slope, elevation, ndsi]
scenes:
  - {images: landsat7/scene.tif, truth: landsat7/classes.tif}
  - {images: landsat8/scene.tif, truth: landsat8/classes.tif}
architecture: {name: boosting, rounds: 60, context: {features: [mean], radii: [2]}}
pixels: {per_class: 4000}
"""
"""Boosted trees, because they learn in seconds."""


def make_demo(folder: Path | None = None, say: Callable[[str], None] = lambda _: None) -> Path:
    """Make the demo project where it is not there yet: the same range as Landsat 7 and as Landsat 8 would see it.

    A small model is trained on another made-up range, so that it can be compared with the rules. It says nothing
    about real glaciers.

    Parameters
    ----------
    folder
        Where; without it ``firnline/demo`` in the user's data (``$XDG_DATA_HOME``, else ``~/.local/share``).
    say
        Told what is done, as it takes some seconds.

    Raises
    ------
    OutputError
        When it cannot be written.
    """
    folder = folder or _of_the_user()
    with in_turn(folder.with_name(f".{folder.name}.lock")):
        if not folder.exists():
            say(f"makes the demo in {folder}: two made-up scenes, and a small model that learns on others")
            with new_folder(folder) as made:
                for sensor in _SENSORS:
                    make_range(made / sensor, width=_SIZE, height=_SIZE, seed=_SEED, sensor=sensor)
                _train(made)
    return folder


def _train(folder: Path) -> None:
    """Leave a model in the folder ``model``."""
    from firnline.training.config import read_config
    from firnline.training.train import train

    with TemporaryDirectory(prefix="firnline-demo-") as school:
        for sensor in _SENSORS:
            folder_of = Path(school) / sensor
            make_range(folder_of, width=_SCHOOL_SIZE, height=_SCHOOL_SIZE, seed=_SCHOOL_SEED, sensor=sensor)
        config = Path(school) / "demo.yaml"
        config.write_text(_LEARNING, encoding="utf-8")
        bundle = train(read_config(config), config.parent, Path(school) / "run")
        shutil.copytree(bundle, folder / "model")


def _of_the_user() -> Path:
    data = os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share"
    return Path(data) / "firnline" / "demo"
