"""Milliseconds of the web tool's tiles: vector tiles of 20,000 outlines, and picture tiles of a scene.

    python benchmarks/web_tiles.py [--outlines 20000] [--library] [--pixels 4096]

Outlines are made up: lobed shapes of 150 points, a median of 0.4 km2, one in each square of 1.5 km. `--library` has
mapbox_vector_tile write the same outlines, in place of NumPy.
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

from firnline.server import vector_tiles
from firnline.server.app import create_app
from firnline.server.project import Project
from firnline.server.recipes import recipes_of
from firnline.server.store.store import Store
from firnline.server.tile_grid import TileGrid
from firnline.synthetic import make_range

WEST, SOUTH, EACH = 400_000.0, 3_000_000.0, 1500.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--outlines", type=int, default=20_000)
    parser.add_argument("--library", action="store_true", help="let mapbox_vector_tile write the rings as well")
    parser.add_argument("--pixels", type=int, default=4096, help="side of the scene")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        make_range(Path(folder), width=options.pixels, height=options.pixels, sensor="landsat8", seed=1)
        project = Project(folder)
        with TestClient(create_app(project), base_url="http://127.0.0.1:8770") as client:
            _vector(client, options.outlines, options.library)
            _pictures(client, project)


def _vector(client: TestClient, count: int, library: bool) -> None:
    store: Store = client.app.state.store  # type: ignore[attr-defined]
    parts = _outlines(count)
    began = time.perf_counter()
    layer = store.create_layer("made up", parts.crs.to_wkt(), "inventory", parts, pixel_m=30)
    print(f"{count} outlines of {shapely.get_num_coordinates(parts.geometry.values).mean():.0f} points")
    print(f"stored in {time.perf_counter() - began:.1f} s")
    grid = TileGrid.down_to(30)
    if library:
        vector_tiles._written = _by_the_library  # type: ignore[assignment]
    names = ("side km", "outlines", "KB", "read ms", "encode ms", "HTTP ms", "cached ms")
    print("level", *(f"{name:>9}" for name in names))
    for z in range(grid.levels - 1, 4, -1):
        side = grid.resolutions[z] * grid.tile_size
        wide = EACH * count**0.5
        at = [(WEST + wide * (i + 0.5) / 3, SOUTH + wide * (j + 0.5) / 3) for i in range(3) for j in range(3)]
        places = {(int((x - grid.origin[0]) // side), int((grid.origin[1] - y) // side)) for x, y in at}
        rows = [_tile(client, store, layer.id, grid, (z, *place)) for place in sorted(places)]
        medians = (statistics.median(column) for column in zip(*rows, strict=True))
        print(f"{z:>5} {side / 1e3:>9.1f}", *(f"{each:>9.1f}" for each in medians))


def _tile(
    client: TestClient, store: Store, layer: str, grid: TileGrid, place: tuple[int, int, int]
) -> tuple[float, ...]:
    """Outlines, kilobytes, and milliseconds of reading, encoding, the whole request, and once more from memory."""
    bounds, resolution = grid.bounds(*place), grid.resolutions[place[0]]
    url = f"/api/v1/inventories/{layer}/tiles/{'/'.join(map(str, place))}.mvt"
    read, found = _timed(lambda: store.outlines(layer, bounds, 0, resolution / 2))
    made, _ = _timed(lambda: vector_tiles.encode(found, bounds, resolution))
    first, answer = _timed(lambda: client.get(url))
    again, _ = _timed(lambda: client.get(url))
    return len(found.ids), len(answer.content) / 1e3, read, made, first, again


def _pictures(client: TestClient, project: Project) -> None:
    (entry,) = project.scenes().values()
    base = f"/api/v1/scenes/{entry.id}"
    print(f"display copy of {entry.scene.grid.shape} x {len(entry.scene.bands)} in", end=" ")
    print(f"{_timed(lambda: client.head(f'{base}/image.tif'))[0] / 1e3:.1f} s")
    print(f"GET /scenes in {_timed(lambda: client.get('/api/v1/scenes'))[0]:.0f} ms")
    grid = TileGrid.down_to(entry.scene.resolution)
    left, bottom, right, top = entry.scene.grid.bounds
    for recipe in recipes_of(entry.source):
        _timed(lambda recipe=recipe: client.get(f"{base}/tiles/0/0/0.png?recipe={recipe.id}"))  # imports, percentiles
        times: list[float] = []
        for z in range(7, grid.levels):
            side = grid.resolutions[z] * grid.tile_size
            for share in (0.3, 0.5, 0.7):
                x = int((left + share * (right - left) - grid.origin[0]) // side)
                y = int((grid.origin[1] - (bottom + share * (top - bottom))) // side)
                url = f"{base}/tiles/{z}/{x}/{y}.png?recipe={recipe.id}"
                times.append(_timed(lambda url=url: client.get(url))[0])
        print(f"picture tiles, {recipe.id}: median {statistics.median(times):.0f} ms, slowest {max(times):.0f} ms")


def _outlines(count: int) -> gpd.GeoDataFrame:
    rng = np.random.default_rng(0)
    wide = int(np.ceil(count**0.5))
    shapes = []
    for number in range(count):
        angle = np.linspace(0, 2 * np.pi, int(rng.integers(60, 240)), endpoint=False)
        lobes = sum(size * np.sin(n * angle + rng.uniform(0, 6)) for n, size in ((3, 0.25), (7, 0.15), (29, 0.05)))
        reach = min(500.0, rng.lognormal(5.8, 0.4)) * (1 + lobes)
        x, y = WEST + (number % wide + 0.5) * EACH, SOUTH + (number // wide + 0.5) * EACH
        shape = shapely.Polygon(np.round(np.c_[x + reach * np.cos(angle), y + reach * np.sin(angle)] / 10) * 10)
        valid = shapely.get_parts(shapely.get_parts(shapely.make_valid(shape)))
        shapes.append(max(valid, key=lambda part: part.area))
    return gpd.GeoDataFrame({"class": rng.integers(1, 3, count)}, geometry=shapes, crs=32645)


def _by_the_library(outlines: Any, rings: Any) -> bytes:
    import mapbox_vector_tile

    starts = rings.starts
    made = [
        {
            "geometry": shapely.Polygon(rings.points[start : start + n]),
            "properties": {"id": outlines.ids[at], "class": outlines.classes[at]},
        }
        for start, n, at in zip(starts, rings.counts, rings.of_outline, strict=True)
        if n > 2
    ]
    options = {"y_coord_down": True, "check_winding_order": False}
    return mapbox_vector_tile.encode([{"name": "outlines", "features": made}], default_options=options)


def _timed(do: Callable[[], Any]) -> tuple[float, Any]:
    """Milliseconds, and what came of it."""
    began = time.perf_counter()
    found = do()
    return (time.perf_counter() - began) * 1e3, found


if __name__ == "__main__":
    main()
