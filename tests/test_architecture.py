"""The house of docs/architecture.md: imports go down only, and each room keeps to what it may know."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

import firnline

ROOT = Path(firnline.__file__).parent

FLOORS = (
    ("__main__",),
    ("cli",),
    ("server",),
    ("cluster",),
    ("mapping", "map_report", "map_record"),
    ("experiments", "monitoring"),
    ("inference",),
    ("training",),
    ("models",),
    ("inventory",),
    ("chips",),
    ("evaluation",),
    ("acquire",),
    ("preflight",),
    ("report",),
    ("synthetic",),
    ("labels",),
    ("features", "terrain", "relief", "scene", "flags", "classraster", "clip", "cog", "spectral"),
    ("product", "sidecar", "files", "grid", "bands", "classes", "errors"),
)
"""From the roof down; a floor may be empty still."""

ARROWS = {
    ("mapping", "map_report"): "the main job ends with its report",
    ("mapping", "map_record"): "and leaves a record",
    ("features", "scene"): "derived bands are derived from stored ones",
    ("features", "terrain"): "slope and aspect come from a DEM on the scene's grid",
    ("features", "relief"): "so do curvature and the height over the surroundings",
    ("clip", "scene"): "a part of a scene is a scene",
    ("clip", "flags"): "whose flags go with it",
    ("spectral", "features"): "the level of a source's bands, and the bands of an index",
    ("product", "sidecar"): "a published layout is told like a sidecar tells",
    ("product", "bands"): "sensors and levels",
    ("sidecar", "bands"): "a sidecar names sensors and levels",
    ("sidecar", "errors"): "failures",
    ("files", "errors"): "failures",
    ("grid", "errors"): "failures",
    ("classes", "errors"): "failures",
}
"""Imports on one floor, each with its reason."""


def _modules() -> list[Path]:
    return sorted(ROOT.rglob("*.py"))


def _room(path: Path) -> str:
    return path.relative_to(ROOT).parts[0].removesuffix(".py")


@cache
def _imports(path: Path) -> tuple[str, ...]:
    """Every module that a file imports, anywhere in it."""
    return tuple(_walk(ast.parse(path.read_text(encoding="utf-8"))))


def _walk(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            module = node.module or ""
            yield from (f"firnline.{name.name}" for name in node.names) if module == "firnline" else (module,)


def _rooms_imported(path: Path) -> set[str]:
    named = {name.split(".")[1] for name in _imports(path) if name.startswith("firnline.")}
    return named - {"__version__"}


def _floor(room: str) -> int:
    found = [number for number, rooms in enumerate(FLOORS) if room in rooms]
    assert found, f"'{room}' stands on no floor: draw it in docs/architecture.md and here"
    return found[0]


def _outside(path: Path) -> set[str]:
    return {name.split(".")[0] for name in _imports(path)}


@pytest.mark.parametrize("path", [p for p in _modules() if p.parent != ROOT or p.name != "__init__.py"], ids=str)
def test_imports_go_down_only(path: Path) -> None:
    here = _room(path)
    for other in _rooms_imported(path) - {here}:
        is_down = _floor(other) > _floor(here)
        assert is_down or (here, other) in ARROWS, f"{path.relative_to(ROOT)} imports {other}, which is not below it"


def test_every_arrow_is_used() -> None:
    drawn = {(_room(path), other) for path in _modules() for other in _rooms_imported(path)}
    assert set(ARROWS) <= drawn


@pytest.mark.parametrize(
    ("room", "unknown"),
    [
        ("models", {"rasterio", "geopandas", "pyogrio", "shapely"}),
        ("scene", {"torch"}),
        ("features", {"torch"}),
        ("labels", {"torch"}),
        ("report", {"torch"}),
        ("inventory", {"torch"}),
        ("cli", {"torch", "numpy", "rasterio", "geopandas"}),
    ],
)
def test_a_room_does_not_know(room: str, unknown: set[str]) -> None:
    for path in (path for path in _modules() if _room(path) == room):
        assert not _outside(path) & unknown, path


def test_only_the_server_and_acquire_know_the_network() -> None:
    network = {
        "socket",
        "http",
        "urllib",
        "requests",
        "httpx",
        "aiohttp",
        "fastapi",
        "starlette",
        "uvicorn",
        "pystac_client",
    }
    for path in (path for path in _modules() if _room(path) not in ("server", "acquire")):
        assert not _outside(path) & network, path


def test_only_the_cluster_knows_dask() -> None:
    for path in (path for path in _modules() if _room(path) != "cluster"):
        assert not _outside(path) & {"dask", "distributed"}, path


def test_no_pickle_and_no_torch_load() -> None:
    for path in _modules():
        assert "pickle" not in _outside(path), path
        assert "torch.load(" not in path.read_text(encoding="utf-8"), path
