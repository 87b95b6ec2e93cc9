"""Time to split and to audit a large made-up table of chips in six UTM zones.

    python benchmarks/split_chips.py [--chips 100000]

Prints seconds of CPU time (least of three runs) of each kind of split, from the table's columns to the side of each
chip, and of the audit that follows it. Chips of 128 pixels of 30 m lie edge to edge in scenes of 36 x 36 chips; each
glacier is in four of them.
"""

from __future__ import annotations

import argparse
import datetime as dt
import time
from pathlib import Path

import geopandas
import numpy as np
import pandas
import shapely

from firnline.chips.splitting.audit import audit
from firnline.chips.splitting.split_settings import split_settings
from firnline.chips.splitting.splits import split_chips, split_table
from firnline.chips.table import ChipTable

SIDE = 36
SIZE = 128
PIXEL = 30.0


def made_up(chips: int) -> ChipTable:
    """A table of that many chips; its outlines in degrees are left empty, since nothing here reads them."""
    number = np.arange(chips)
    scene, inside = number // SIDE**2, number % SIDE**2
    row, column = inside // SIDE * SIZE, inside % SIDE * SIZE
    zone, nth = scene % 6, scene // 6
    left = 300_000.0 + (nth % 3) * SIDE * SIZE * PIXEL + column * PIXEL
    top = 4_000_000.0 - (nth // 3) * SIDE * SIZE * PIXEL - row * PIXEL
    rng = np.random.default_rng(0)
    names = [f"scene{n:03d}.tif" for n in range(int(scene.max()) + 1)]
    block = inside // SIDE // 2 * (SIDE // 2) + inside % SIDE // 2
    ice = rng.random(chips) * (rng.random(chips) < 0.3)
    frame = pandas.DataFrame(
        {
            "id": [f"{names[s][:-4]}_r{r}_c{c}" for s, r, c in zip(scene, row, column, strict=True)],
            "scene": np.array(names, dtype=object)[scene],
            "source_id": np.array(names, dtype=object)[scene],
            "date": dt.date(2005, 9, 1),
            "row": row,
            "column": column,
            "height": SIZE,
            "width": SIZE,
            "valid": 1.0,
            "glacier": ice,
            "clean": 0.9 * ice,
            "debris": 0.1 * ice,
            "glaciers": [[f"{s}-{b}"] if i else [] for s, b, i in zip(scene, block, ice, strict=True)],
            "split": None,
            "fold": None,
            "crs": np.array([f"EPSG:{32642 + z}" for z in range(6)], dtype=object)[zone],
            "pixel": PIXEL,
            "left": left,
            "bottom": top - SIZE * PIXEL,
            "right": left + SIZE * PIXEL,
            "top": top,
        }
    )
    empty = np.full(chips, shapely.Polygon(), dtype=object)
    return ChipTable(Path("chips.parquet"), geopandas.GeoDataFrame(frame, geometry=empty, crs=4326))


def least(job: object, times: int = 3) -> float:
    """Seconds of CPU time of the fastest of some runs."""
    assert callable(job)
    taken = []
    for _ in range(times):
        start = time.process_time()
        job()
        taken.append(time.process_time() - start)
    return min(taken)


def main() -> None:
    """Time every kind."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--chips", type=int, default=100_000)
    table = made_up(parser.parse_args().chips)
    kinds = (
        {"kind": "block", "block_km": 20, "buffer_m": 1000},
        {"kind": "block", "block_km": 20, "buffer_m": 1000, "folds": 5},
        {"kind": "glacier"},
        {"kind": "scene", "together": "nothing"},
        {"kind": "random"},
    )
    for values in kinds:
        settings = split_settings(values)
        done = split_table(table, settings, Path())
        seconds = least(lambda settings=settings: split_chips(table, settings, Path()))
        audited = least(lambda done=done: audit(done))
        print(f"{seconds:6.2f} s split, {audited:6.2f} s audit  {done.about.split}")


if __name__ == "__main__":
    main()
