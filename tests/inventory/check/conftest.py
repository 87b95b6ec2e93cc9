"""The benchmark's planting of faults, for the tests of the check."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

SCRIPT = Path(__file__).parents[3] / "benchmarks" / "inventory_faults.py"


def _load() -> ModuleType:
    spec = importlib.util.spec_from_file_location("inventory_faults", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def faults() -> ModuleType:
    """benchmarks/inventory_faults.py as a module."""
    return _load()


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """One test for each fault that the benchmark plants."""
    if "fault" in metafunc.fixturenames:
        metafunc.parametrize("fault", list(_load().FAULTS))
