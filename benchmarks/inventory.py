"""Seconds and memory of an inventory of a whole made-up Landsat scene: 5,000 glaciers on 7058 x 7747 pixels.

    python benchmarks/inventory.py [--glaciers 5000] [--rows 7058] [--columns 7747]
        [--heights] [--reference] [--simplify M] [--whole]

`--whole` makes the whole inventory: attributes from a DEM file of 30 m, area errors, the GeoPackage, and its check.

Peak memory is that of the process, the class raster (and heights) included.
"""

from __future__ import annotations

import argparse
import resource
import tempfile
import time
from pathlib import Path

import geopandas as gpd
import numpy as np
import rasterio
import shapely
from affine import Affine
from rasterio.crs import CRS
from scipy import ndimage

from firnline.classes import UNKNOWN, Classes, LabelScheme
from firnline.grid import Grid
from firnline.inventory.area_error import area_errors
from firnline.inventory.attributes import Known, describe_glaciers
from firnline.inventory.check.check import check_inventory
from firnline.inventory.glaciers import Found, find_glaciers
from firnline.inventory.inventory import Inventory, write_inventory
from firnline.inventory.reference import Reference, reference_of


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--glaciers", type=int, default=5000)
    parser.add_argument("--rows", type=int, default=7058)
    parser.add_argument("--columns", type=int, default=7747)
    parser.add_argument("--heights", action="store_true", help="divide by flow")
    parser.add_argument("--simplify", type=float, help="metres")
    parser.add_argument("--reference", action="store_true", help="divide by a reference of two halves a glacier")
    parser.add_argument("--whole", action="store_true", help="attributes, file and check too")
    options = parser.parse_args()
    shape = options.rows, options.columns
    grid = Grid(CRS.from_epsg(32645), Affine(30, 0, 300000, 0, -30, 3300000), shape)
    classes, made = made_up(shape, options.glaciers)
    heights = made if options.heights else None
    dem = Path(tempfile.mkdtemp()) / "dem.tif"
    if options.whole:
        write_dem(dem, made, grid)
    del made
    print(f"made up: {np.isin(classes, (1, 2)).mean():.1%} ice, {memory():.0f} MB")
    reference = halves(grid, options.glaciers) if options.reference else None
    begin, used = time.perf_counter(), time.process_time()
    found = find_glaciers(
        classes,
        grid,
        LabelScheme.CLASS,
        reference=reference,
        heights=heights,
        simplify_m=options.simplify,
    )
    print(
        f"{len(found.glaciers)} glaciers, {len(found.parts)} parts, {len(found.holes)} holes in "
        f"{time.perf_counter() - begin:.1f} s ({time.process_time() - used:.1f} s of CPU), peak {memory():.0f} MB"
    )
    if options.whole:
        complete(found, classes, grid, dem)
        print(
            f"with attributes, file and check {time.perf_counter() - begin:.1f} s "
            f"({time.process_time() - used:.1f} s of CPU), peak {memory():.0f} MB"
        )


def complete(found: Found, classes: Classes, grid: Grid, dem: Path) -> None:
    """The rest of the way: attributes, errors, the file, its check."""
    found.glaciers["area_error_km2"] = area_errors(
        found.labels, len(found.glaciers), classes, grid, LabelScheme.CLASS
    )
    begin = time.process_time()
    glaciers, hypsometry = describe_glaciers(found.glaciers, Known(dem=dem, dem_source="made up"))
    print(f"attributes {time.process_time() - begin:.1f} s of CPU, {memory():.0f} MB")
    path = dem.with_name("inventory.gpkg")
    begin = time.process_time()
    write_inventory(Inventory(glaciers, found.parts, found.holes, hypsometry=hypsometry), path)
    print(f"file {time.process_time() - begin:.1f} s of CPU, {memory():.0f} MB")
    begin = time.process_time()
    checked = check_inventory(path)
    print(f"check {time.process_time() - begin:.1f} s of CPU, {memory():.0f} MB; {checked.summary()}")


def write_dem(path: Path, heights: np.ndarray, grid: Grid) -> None:
    profile = {"driver": "GTiff", "dtype": "float32", "count": 1, "tiled": True, "crs": grid.crs}
    with rasterio.open(
        path, "w", **profile, height=grid.shape[0], width=grid.shape[1], transform=grid.transform
    ) as file:
        file.write(heights, 1)


def made_up(shape: tuple[int, int], glaciers: int) -> tuple[Classes, np.ndarray]:
    """Cells with a rough blob of ice each, its lower part under debris, with rock and cloud in it; a cone each."""
    random = np.random.default_rng(1)
    side = int((shape[0] * shape[1] / glaciers) ** 0.5)
    classes, heights = np.zeros(shape, np.uint8), np.zeros(shape, np.float32)
    y, x = np.indices((side, side)) - side / 2
    for row in range(0, shape[0] - side + 1, side):
        for column in range(0, shape[1] - side + 1, side):
            noise = ndimage.zoom(random.normal(size=(10, 10)), side / 10, order=1)[:side, :side]
            radius = side * random.uniform(0.1, 0.42)
            blob = np.hypot(y, x) + 4 * noise < radius
            cell = np.where(blob, np.where(y > radius * random.uniform(0, 1), 2, 1), 0)
            cell[blob & (noise > 1.8)] = 0
            cell[blob & (noise < -2.0)] = UNKNOWN
            box = slice(row, row + side), slice(column, column + side)
            classes[box] = cell
            heights[box] = 5000 - 20 * y - 15 * np.abs(x) + 20 * noise
    return classes, heights


def halves(grid: Grid, glaciers: int) -> Reference:
    """The left and the right half of each glacier's cell, but a rim of ice that lies beyond."""
    side = int((grid.shape[0] * grid.shape[1] / glaciers) ** 0.5)
    boxes = []
    for row in range(0, grid.shape[0] - side + 1, side):
        for column in range(0, grid.shape[1] - side + 1, side):
            for left, right in ((0.2, 0.5), (0.5, 0.8)):
                x0, y1 = grid.corner(row + 0.2 * side, column + left * side)
                x1, y0 = grid.corner(row + 0.8 * side, column + right * side)
                boxes.append(shapely.box(x0, y0, x1, y1))
    ids = [str(number) for number in range(len(boxes))]
    return reference_of(gpd.GeoDataFrame({"rgi_id": ids}, geometry=boxes, crs=grid.crs.to_wkt()))


def memory() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3


if __name__ == "__main__":
    main()
