"""Good scenes, and the corruptions of the benchmark."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

from firnline.synthetic import make_range

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "corrupt_scenes.py"


@pytest.fixture(scope="session")
def corrupting() -> ModuleType:
    """The benchmark that takes scenes apart and corrupts them."""
    spec = importlib.util.spec_from_file_location("corrupt_scenes", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # data classes look their module up
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session", params=["landsat7", "landsat8"])
def made(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A made-up scene, of digital numbers or of reflectance; its seed is none that thresholds were looked at with."""
    folder = tmp_path_factory.mktemp(f"range-{request.param}")
    return make_range(folder, width=256, height=256, seed=5, sensor=request.param).scene
