"""Time and peak memory of the masks of water, shadow and snow on a made-up scene of seven bands.

    python benchmarks/masks.py [--side 7000]

The scene is made by another process, so that the peak is that of the masks alone. GDAL keeps 64 MB of blocks.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

ROWS = 512
BANDS = ("blue", "green", "red", "nir08", "swir16", "swir22", "elevation")


def make(path: Path, side: int) -> None:
    """Noise for light, and hills for heights, in strips."""
    import rasterio
    from scipy.ndimage import zoom

    rng = np.random.default_rng(0)
    coarse = side // 40 + 2
    heights = zoom(rng.standard_normal((coarse, coarse)).astype(np.float32), 40, order=1)[:side, :side] * 400 + 5000
    with rasterio.open(
        path, "w", driver="GTiff", dtype="float32", count=len(BANDS), height=side, width=side, crs="EPSG:32645",
        transform=rasterio.Affine(30, 0, 400000, 0, -30, 3200000), tiled=True, blockxsize=512, blockysize=512,
    ) as file:  # fmt: skip
        file.descriptions = BANDS
        file.update_tags(LEVEL="surface reflectance", SUN_AZIMUTH="150", SUN_ELEVATION="40")
        for row in range(0, side, ROWS):
            rows = min(ROWS, side - row)
            window = rasterio.windows.Window(0, row, side, rows)
            for band in range(1, len(BANDS)):
                file.write(rng.random((rows, side), dtype=np.float32) * 0.5, band, window=window)
            file.write(heights[row : row + rows], len(BANDS), window=window)


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--side", type=int, default=7000)
    parser.add_argument("--make", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.make is not None:
        make(given.make, given.side)
        return
    from firnline.features import FeatureSource
    from firnline.inventory.masks import masks_of, write_masks
    from firnline.scene import open_scene

    with tempfile.TemporaryDirectory() as folder:
        scene = Path(folder) / "scene.tif"
        subprocess.run([sys.executable, __file__, "--side", str(given.side), "--make", str(scene)], check=True)
        wall, cpu = time.perf_counter(), time.process_time()
        write_masks(Path(folder) / "masks.tif", masks_of(FeatureSource(open_scene(scene))))
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{given.side} x {given.side}: {wall:.0f} s, {cpu:.0f} s of CPU, peak {peak:.0f} MB")


if __name__ == "__main__":
    main()
