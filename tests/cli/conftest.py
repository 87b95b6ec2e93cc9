"""Tiny scenes and models, and a command line in a process of its own that can be killed or run out of disk."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
import torch
from affine import Affine

from firnline.bands import Level
from firnline.classes import LabelScheme
from firnline.classraster import read_grid, write_classes
from firnline.models.architectures import UNetSettings
from firnline.models.band_inputs import BandInput, Reading
from firnline.models.bundle import Description, save_bundle

LANDSAT = Affine(30, 0, 478005, 0, -30, 3108145)


@pytest.fixture
def make_scene(tmp_path: Path) -> Callable[..., Path]:
    """Write a scene of smooth random reflectance; anything about it can be said otherwise."""

    def make(name: str = "scene.tif", **changes: Any) -> Path:
        said = {"names": ("blue", "green", "red", "nir08"), "shape": (96, 128), "level": "surface reflectance"}
        said |= {
            "crs": "EPSG:32645",
            "transform": LANDSAT,
            "driver": "GTiff",
            "dtype": "uint16",
            "nodata": 0,
        } | changes
        names, shape, level = said.pop("names"), said.pop("shape"), said.pop("level")
        random = np.random.default_rng(0)
        coarse = random.integers(1000, 9000, (len(names), shape[0] // 8 + 1, shape[1] // 8 + 1))
        values = np.kron(coarse, np.ones((8, 8)))[:, : shape[0], : shape[1]]
        values += random.integers(0, 500, values.shape)
        if said.pop("is_blank", False):
            values[:] = 0
        path = tmp_path / name
        with rasterio.open(path, "w", count=len(names), height=shape[0], width=shape[1], **said) as file:
            file.write(values.astype(said["dtype"]))
            file.descriptions = names
            file.scales = [1e-4] * len(names)
            file.update_tags(LEVEL=level)
        return path

    return make


@pytest.fixture(scope="session")
def make_bundle(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Save a model of random weights."""

    def make(*, names: tuple[str, ...] = ("blue", "green", "red", "nir08"), window: int = 64, width: int = 2) -> Path:
        torch.manual_seed(0)
        settings = UNetSettings(width=width, depth=2)
        level = Level.SURFACE_REFLECTANCE
        read = Reading(level=level, unit="1", mean=0.5, deviation=0.25)
        bands = tuple(BandInput(name=name, readings=(read,)) for name in names)
        description = Description(
            name="tiny",
            architecture=settings,
            bands=bands,
            impute="after",
            scheme=LabelScheme.CLASS,
            resolutions_m=(30.0,),
            window=window,
        )
        network = settings.build(description.layout, 3)
        with torch.no_grad():
            # Random weights that tell classes apart: no class wins everywhere.
            network.seg_layer.weight.mul_(20)
            logits = network.eval()(torch.randn(1, len(names), 64, 64))
            network.seg_layer.bias.sub_(logits.mean((0, 2, 3)))
        folder = tmp_path_factory.mktemp("model") / "tiny"
        save_bundle(folder, description, network)
        return folder

    return make


@pytest.fixture(scope="session")
def bundle(make_bundle: Callable[..., Path]) -> Path:
    """A model of four bands; tests leave it as it is."""
    return make_bundle()


@dataclass(frozen=True)
class Ended:
    """What a command line came to."""

    code: int
    out: str
    err: str


class Running:
    """A command line that runs in a process of its own."""

    def __init__(self, server: subprocess.Popen[str], arguments: tuple[object, ...], **ask: object) -> None:
        self._server = server
        assert server.stdin is not None
        server.stdin.write(json.dumps({"arguments": [str(each) for each in arguments], **ask}) + "\n")
        server.stdin.flush()
        self.pid = int(self._line())
        self._ended: Ended | None = None

    def send(self, signal: int) -> None:
        """Send it a signal; it is not waited for by then, so the process is still the same one."""
        assert self._ended is None
        os.kill(self.pid, signal)

    def ended(self) -> Ended:
        """Wait for its end."""
        if self._ended is None:
            self._ended = Ended(**json.loads(self._line()))
        return self._ended

    def _line(self) -> str:
        assert self._server.stdout is not None
        return self._server.stdout.readline()


@pytest.fixture(scope="session")
def _server() -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, str(Path(__file__).with_name("serve.py"))]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
    ) as server:
        yield server
        assert server.stdin is not None
        server.stdin.close()


@pytest.fixture
def start(_server: subprocess.Popen[str]) -> Iterator[Callable[..., Running]]:
    """Start a command line in a process of its own; one at a time."""
    begun: list[Running] = []

    def begin(*arguments: object, file_limit: int | None = None, offline: bool = False) -> Running:
        begun.append(Running(_server, arguments, file_limit=file_limit, offline=offline))
        return begun[-1]

    yield begin
    for each in begun:
        each.ended()


@pytest.fixture
def mistake(firnline: Callable[..., tuple[int, str, str]]) -> Callable[..., str]:
    """Run a command line that must end with exit code 2 and one line; gives the line."""

    def run(*arguments: object) -> str:
        code, out, err = firnline(*arguments)
        assert (code, out) == (2, ""), err
        assert err.startswith("firnline: ")
        assert err.count("\n") == 1
        return err.removeprefix("firnline: ").rstrip("\n")

    return run


@pytest.fixture
def labelled(make_scene: Callable[..., Path], tmp_path: Path) -> tuple[Path, Path]:
    """A scene and its class raster."""
    scene, truth = make_scene(), tmp_path / "truth.tif"
    classes = np.zeros((96, 128), np.uint8)
    classes[20:60, 30:90], classes[60:80, 30:90], classes[:, -5:] = 1, 2, 255
    write_classes(truth, classes, read_grid(scene), LabelScheme.CLASS)
    return scene, truth
