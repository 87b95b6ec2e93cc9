"""How long corrections take in the web tool, by operation, with many outlines in the layer.

    python benchmarks/web_edits.py [--outlines 20000] [--repeats 20]

The layer is a made-up coverage: cells of about 400 m with 60 vertices each. Times are of the whole request, by the
test client in one process, so without a network: median and the slowest of the repeats, milliseconds.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import shapely
from fastapi.testclient import TestClient

from firnline.inventory.editing.part import on_grid
from firnline.server.app import create_app
from firnline.server.project import Project
from firnline.synthetic import make_range

LEFT, TOP, CELL = 500_000.0, 3_100_000.0, 400.0


def coverage(count: int, seed: int = 0) -> gpd.GeoDataFrame:
    """Cells with wavy edges that neighbours share."""
    rng = np.random.default_rng(seed)
    side = int(np.ceil(np.sqrt(count)))
    corners = np.stack(np.meshgrid(np.arange(side + 1), np.arange(side + 1), indexing="ij"), -1) * CELL
    corners = corners + rng.uniform(-0.25, 0.25, corners.shape) * CELL + (LEFT, TOP)

    def edge(a: np.ndarray, b: np.ndarray, seed: int) -> np.ndarray:
        along = np.linspace(0, 1, 16)[:, None]
        wave = np.random.default_rng(seed).normal(0, 6, (16, 2)) * (np.sin(np.pi * along))
        return a + (b - a) * along + wave

    shapes = []
    for index in range(count):
        i, j = divmod(index, side)
        k = [2 * (a * (side + 2) + b) for a, b in ((i, j), (i + 1, j), (i, j + 1))]
        south, north = (edge(corners[i, y], corners[i + 1, y], k_) for y, k_ in ((j, k[0]), (j + 1, k[2])))
        west, east = (edge(corners[x, j], corners[x, j + 1], k_ + 1) for x, k_ in ((i, k[0]), (i + 1, k[1])))
        ring = np.concatenate([south[:-1], east[:-1], north[::-1][:-1], west[::-1]])
        shapes.append(on_grid(shapely.Polygon(ring)))
    valid = shapely.is_valid(shapes)
    shapes = [shape for shape, is_valid in zip(shapes, valid, strict=True) if is_valid]
    return gpd.GeoDataFrame({"class": 1 + np.arange(len(shapes)) % 2}, geometry=shapes, crs=32645)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--outlines", type=int, default=20_000)
    parser.add_argument("--repeats", type=int, default=20)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        make_range(Path(folder), width=64, height=64)
        project = Project(folder)
        with TestClient(create_app(project), base_url="http://127.0.0.1") as client:
            measure(client, coverage(options.outlines), options.repeats)


def measure(client: TestClient, parts: gpd.GeoDataFrame, repeats: int) -> None:
    store = client.app.state.store  # type: ignore[attr-defined]
    start = time.perf_counter()
    layer = store.create_layer("many", parts.crs.to_wkt(), "inventory", parts, pixel_m=30)
    print(f"{layer.count} outlines, {layer.area_km2:.0f} km2, written in {time.perf_counter() - start:.1f} s")
    at = f"/api/v1/inventories/{layer.id}"
    rng = np.random.default_rng(1)
    ids = [each.id for each in store.features(layer.id)]

    def target() -> Any:
        while True:
            found = client.get(f"{at}/features/{ids[int(rng.integers(len(ids)))]}")
            if found.status_code == 200:
                return found.json()

    for name, body in operations().items():
        took = []
        for _ in range(repeats):
            feature = target()
            asked = body(feature, shapely.geometry.shape(feature["geometry"])) | {"session": "s", "who": "bench"}
            start = time.perf_counter()
            answer = client.post(f"{at}/operations", json=asked)
            took.append(1000 * (time.perf_counter() - start))
            if answer.status_code != 200:
                print(name, answer.json()["detail"])
        print(f"{name:15} median {statistics.median(took):6.1f}   slowest {max(took):6.1f}")
    for name in ("undo", "redo"):
        took = []
        for _ in range(repeats):
            start = time.perf_counter()
            client.post(f"{at}/{name}", json={"session": "s", "who": "bench"})
            took.append(1000 * (time.perf_counter() - start))
        print(f"{name:15} median {statistics.median(took):6.1f}   slowest {max(took):6.1f}")
    for name, path in (("list of layers", "/api/v1/inventories"), ("2,000 features", f"{at}/features")):
        took = []
        for _ in range(repeats):
            start = time.perf_counter()
            client.get(path)
            took.append(1000 * (time.perf_counter() - start))
        print(f"{name:15} median {statistics.median(took):6.1f}   slowest {max(took):6.1f}")


def operations() -> dict[str, Callable[[Any, shapely.Polygon], dict[str, Any]]]:
    """Bodies of operations on a feature."""

    def disc(shape: shapely.Polygon, size: float) -> dict[str, Any]:
        return dict(shapely.geometry.mapping(shapely.buffer(shape.exterior.interpolate(50), size)))

    def line(shape: shapely.Polygon) -> dict[str, Any]:
        x, y = shape.centroid.coords[0]
        return dict(shapely.geometry.mapping(shapely.LineString([(x - 600, y + 7), (x + 600, y - 9)])))

    def moved(shape: shapely.Polygon) -> list[Any]:
        x, y = shape.exterior.coords[5]
        return [[[x, y], [x + 1.5, y - 1]]]

    return {
        "reclassify": lambda f, s: {"operation": "reclassify", "features": [f["id"]], "class": 2},
        "move_vertices": lambda f, s: {"operation": "move_vertices", "moves": moved(s)},
        "add": lambda f, s: {"operation": "add", "features": [f["id"]], "geometry": disc(s, 80), "overwrite": True},
        "remove": lambda f, s: {"operation": "remove", "features": [f["id"]], "geometry": disc(s, 60)},
        "draw": lambda f, s: {"operation": "draw", "geometry": disc(s, 90), "overwrite": True, "class": 1},
        "hole": lambda f, s: {
            "operation": "hole", "features": [f["id"]], "class": 2,
            "geometry": dict(shapely.geometry.mapping(shapely.buffer(s.representative_point(), 20))),
        },
        "split": lambda f, s: {"operation": "split", "features": [f["id"]], "geometry": line(s)},
        "reshape": lambda f, s: {"operation": "reshape", "features": [f["id"]], "geometry": line(s)},
        "simplify": lambda f, s: {"operation": "simplify", "features": [f["id"]], "tolerance_m": 20},
        "delete": lambda f, s: {"operation": "delete", "features": [f["id"]]},
    }  # fmt: skip


if __name__ == "__main__":
    main()
