"""Speed and memory of making training data, on a made-up scene of the paper's size.

    python benchmarks/training_data.py -o /tmp/benchmark [--size 7058x7747] [--only labels chips read check]

Writes a scene of 15 bands (uint16, 256-pixel blocks, zstd) and 3,000 polygons of up to 400 vertices, then measures,
each part in a process of its own: the class raster against one plain GDAL rasterise of the same polygons; the table
of chips; random chips against the training step of the paper's U-Net; the check of the scene. Times are CPU time;
ratios are of two things in one run. benchmarks/split_chips.py measures splits.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

BANDS = (
    *("blue", "green", "red", "nir08", "swir16", "lwir_low_gain", "lwir_high_gain", "swir22", "pan", "qa"),
    *("ndvi", "ndsi", "ndmi", "elevation", "slope"),
)
PARTS = ("labels", "chips", "read", "check")
POLYGONS, VERTICES, CHIP = 3000, 400, 512


def make(folder: Path, rows: int, columns: int) -> None:
    """The scene, in strips of 512 rows, and the polygons."""
    import geopandas
    import rasterio
    import shapely

    folder.mkdir(parents=True, exist_ok=True)
    scene = folder / "scene.tif"
    if scene.exists():
        return
    random = np.random.default_rng(0)
    transform = rasterio.Affine(30, 0, 300015, 0, -30, 3900015)
    profile = {
        **{"driver": "GTiff", "count": len(BANDS), "dtype": "uint16", "height": rows, "width": columns},
        **{"crs": "EPSG:32645", "transform": transform, "nodata": 0, "tiled": True, "blockxsize": 256},
        **{"blockysize": 256, "compress": "zstd", "zstd_level": 1, "predictor": 2, "BIGTIFF": "YES"},
    }
    with rasterio.open(scene, "w", **profile) as file:
        file.descriptions = BANDS
        file.scales = [1e-4] * len(BANDS)
        file.update_tags(SENSOR="landsat7", DATE="2005-09-01", LEVEL="surface reflectance")
        for row in range(0, rows, 512):
            height = min(512, rows - row)
            y = np.arange(row, row + height)[:, None] / 300
            x = np.arange(columns)[None, :] / 300
            smooth = 3000 + 1500 * np.sin(y) * np.cos(x)
            strip = [smooth * (1 + 0.1 * i) + random.normal(0, 60, smooth.shape) for i in range(len(BANDS))]
            values = np.clip(strip, 1, 65535).astype(np.uint16)
            values[:, :, : columns // 20] = 0  # outside the footprint
            window = rasterio.windows.Window(0, row, columns, height)
            file.write(values, window=window)
    outlines = []
    for _ in range(POLYGONS):
        corners = np.sort(random.uniform(0, 2 * np.pi, random.integers(20, VERTICES)))
        radius = random.uniform(150, 2500) * (1 + 0.3 * np.sin(3 * corners) + random.uniform(-0.1, 0.1, corners.size))
        middle = random.uniform((300015, 3900015 - 30 * rows), (300015 + 30 * columns, 3900015))
        shape = shapely.Polygon(np.stack([np.cos(corners), np.sin(corners)], 1) * radius[:, None] + middle)
        outlines.append(shapely.make_valid(shape))
    kinds = np.where(random.random(POLYGONS) < 0.8, "clean ice", "debris")
    frame = geopandas.GeoDataFrame({"class": kinds}, geometry=outlines, crs=32645)
    frame.to_file(folder / "outlines.gpkg")


def measure_labels(folder: Path) -> dict[str, float]:
    from rasterio.features import rasterize

    from firnline.classraster import read_grid
    from firnline.labels import rasterise, read_outlines, truth_of

    grid = read_grid(folder / "scene.tif")
    started = time.process_time()
    outlines = read_outlines(folder / "outlines.gpkg", grid=grid)
    read = time.process_time() - started
    geometry = outlines.frame.geometry.tolist()
    started = time.process_time()
    rasterize(geometry, out_shape=grid.shape, transform=grid.transform, dtype=np.uint8)
    plain = time.process_time() - started
    started = time.process_time()
    result = rasterise(grid, truth_of(outlines))
    ours = time.process_time() - started
    shares = np.bincount(result.classes.ravel(), minlength=3)[:3] / result.classes.size
    return {
        **{"read outlines, s": read, "one GDAL rasterise, s": plain, "class raster with report, s": ours},
        **{"ratio": ours / plain, "share clean": shares[1], "share debris": shares[2]},
    }


def measure_chips(folder: Path) -> dict[str, float]:
    from firnline.chips.make import make_table
    from firnline.chips.make_settings import MakeSettings
    from firnline.chips.table import write_table

    settings = {
        **{"name": "benchmark", "size": CHIP, "stride": 506},
        "scenes": [{"images": "scene.tif", "truth": {"outlines": "outlines.gpkg"}}],
    }
    started = time.process_time()
    table = make_table(MakeSettings.model_validate(settings), folder, folder / "chips.parquet")
    write_table(table)
    return {"chips": len(table), "table with class raster, s": time.process_time() - started}


def measure_read(folder: Path) -> dict[str, float]:
    """Random chips against a training step (forward, loss, backward, Adam) on one of them; one thread for each."""
    import torch

    from firnline.chips.reader import OpenScenes
    from firnline.chips.table import read_table
    from firnline.models.architectures import UNetSettings

    torch.set_num_threads(1)
    chips = list(read_table(folder / "chips.parquet").chips())
    drawn = np.random.default_rng(0).permutation(len(chips))[:24]
    with OpenScenes() as scenes:
        scenes.read(chips[0], BANDS)
        started = time.process_time()
        for number in drawn:
            raw, truth = scenes.read(chips[number], BANDS)
        reading = (time.process_time() - started) / len(drawn)
    network = UNetSettings(width=16, depth=5, dropout=0.3, norm="none").build(len(BANDS), 3)
    network = network.to(memory_format=torch.channels_last)
    optimiser = torch.optim.Adam(network.parameters())
    chip = torch.from_numpy(np.nan_to_num(raw)[None]).to(memory_format=torch.channels_last)
    classes = torch.from_numpy(truth[None]).long()
    for _ in range(3):  # the first steps take memory from the system
        started = time.process_time()
        loss = torch.nn.functional.cross_entropy(network(chip), classes, ignore_index=255)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        training = time.process_time() - started
    return {
        **{"read a chip of 512 x 512 x 15, s": reading, "train on it, s": training},
        **{"reading as share of a step": reading / training, "times faster": training / reading},
    }


def measure_check(folder: Path) -> dict[str, float]:
    from firnline.features import FeatureSource
    from firnline.preflight.check import check_scene
    from firnline.scene import open_scene

    started = time.process_time()
    check_scene(FeatureSource(open_scene(folder / "scene.tif")))
    return {"scenes check, s": time.process_time() - started}


def measured(part: str, folder: Path) -> dict[str, float]:
    result = globals()[f"measure_{part}"](folder)
    result["peak memory, MB"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return dict(result)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-o", "--out", type=Path, required=True)
    parser.add_argument("--size", default="7058x7747", help="rows x columns")
    parser.add_argument("--only", nargs="*", choices=PARTS, default=PARTS)
    parser.add_argument("--part", choices=PARTS, help="measure one part in this process")
    arguments = parser.parse_args()
    if arguments.part:
        print(json.dumps(measured(arguments.part, arguments.out)))
        return
    rows, columns = map(int, arguments.size.split("x"))
    make(arguments.out, rows, columns)
    for part in arguments.only:
        command = [sys.executable, __file__, "-o", str(arguments.out), "--part", part]
        output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        print(part)
        for name, value in json.loads(output.splitlines()[-1]).items():
            print(f"  {name:<45} {value:10.3f}")


if __name__ == "__main__":
    main()
