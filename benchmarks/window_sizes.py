"""How much a map depends on how the scene was cut: the same scenes in windows of several sizes.

    python benchmarks/window_sizes.py --model runs/himalaya/model SCENE.tif ...

Polygons cannot depend on the cutting (they are made of one class raster), but what a network says does, as it sees
less around a pixel near the edge of a window. Compared with the largest window: changed pixels as a share of each
class's union, and the change of its area.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import numpy as np

from firnline.classraster import ClassRaster, read_classes
from firnline.features import FeatureSource
from firnline.mapping import MapSettings, map_scene
from firnline.scene import open_scene


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("scenes", nargs="+", type=Path)
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--sidecar", type=Path)
    parser.add_argument("--windows", type=int, nargs="+", default=[128, 256, 512])
    parser.add_argument("--overlaps", type=int, nargs="+", default=[32, 64])
    given = parser.parse_args()
    print("| scene | window | overlap | class | changed, of the union | area |")
    print("| --- | --- | --- | --- | --- | --- |")
    for path in given.scenes:
        source = FeatureSource(open_scene(path, sidecar=given.sidecar))
        largest = mapped(source, given.model, max(given.windows), max(given.overlaps))
        for window in sorted(given.windows)[:-1]:
            for overlap in given.overlaps:
                compare(path.stem, mapped(source, given.model, window, overlap), largest, window, overlap)


def mapped(source: FeatureSource, model: Path, window: int, overlap: int) -> ClassRaster:
    with tempfile.TemporaryDirectory() as folder:
        settings = MapSettings(window=window, overlap=overlap, force=True)
        return read_classes(map_scene(source, model, Path(folder), settings).classes)


def compare(name: str, found: ClassRaster, largest: ClassRaster, window: int, overlap: int) -> None:
    for value, label in list(enumerate(found.scheme.class_names))[1:]:
        here, there = found.classes == value, largest.classes == value
        union = np.count_nonzero(here | there)
        if union:
            changed, area = np.count_nonzero(here ^ there) / union, here.sum() / max(there.sum(), 1) - 1
            print(f"| {name} | {window} | {overlap} | {label} | {changed:.1%} | {area:+.1%} |")


if __name__ == "__main__":
    main()
