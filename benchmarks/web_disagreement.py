"""How long two layers are compared that are the same, and that differ in every outline.

    python benchmarks/web_disagreement.py [--outlines 2000]

The layer is that of web_edits.py, one coverage without gaps, which is the worst case; the other one lies 7 m farther
east and 3 m farther north.
"""

from __future__ import annotations

import argparse
import time

import numpy as np
import shapely
from web_edits import coverage

from firnline.inventory.disagreement import disagreement


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--outlines", type=int, default=2000)
    options = parser.parse_args()
    first = coverage(options.outlines)
    moved = shapely.transform(first.geometry.array, lambda places: (places + np.array((7.0, 3.0))).round(3))
    for title, second in (("the same", first), ("all differ", first.set_geometry(moved, crs=first.crs))):
        begin = time.process_time()
        found = disagreement(first, second)
        print(
            f"{len(first)} outlines, {title}: {len(found)} areas in {time.process_time() - begin:.1f} s of CPU time"
        )


if __name__ == "__main__":
    main()
