"""CPU seconds of the tasks of a large scene: the first look, each row band, the results. Feeds simulated_cluster.py.

    taskset -c 0 python benchmarks/cluster_tasks.py -o /tmp/tasks [--size 1400x7747] [--model BUNDLE] [--window 512]

Makes a mountain range as wide as a Landsat scene and a few row bands high, and computes its bands with the paper's
U-Net (untrained unless a bundle is given: it takes the same time), each as a worker does. The results are made of the
rules' classes: an untrained network's are noise. Run it on one core, as a worker has it. Writes measured.json.
"""

from __future__ import annotations

import argparse
import json
import resource
import time
from pathlib import Path
from statistics import median

import torch

from firnline.bands import Level
from firnline.classes import LabelScheme
from firnline.features import FeatureSource
from firnline.inference.band_tasks import compute_bands
from firnline.inference.journal import Journal, identity_of, open_journal
from firnline.inference.predict import predict
from firnline.mapping import WORK, MapSettings, finish, prepare
from firnline.models.architectures import UNetSettings
from firnline.models.band_inputs import BandInput, Reading
from firnline.models.bundle import Description, save_bundle
from firnline.scene import open_scene
from firnline.synthetic import make_range

BANDS = ("blue", "green", "red", "nir08", "swir16", "swir22", "elevation", "slope")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-o", "--out", type=Path, required=True)
    parser.add_argument("--size", default="1400x7747", help="rows x columns")
    parser.add_argument("--model", type=Path, help="a bundle; the paper's U-Net, untrained, without it")
    parser.add_argument("--window", type=int, default=512)
    options = parser.parse_args()
    torch.set_num_threads(1)
    rows, columns = (int(each) for each in options.size.split("x"))
    scene = options.out / "range" / "scene.tif"
    if not scene.exists():
        make_range(scene.parent, width=columns, height=rows)
    source = FeatureSource(open_scene(scene))
    model = options.model or _untrained(options.out / "model", source)
    settings = MapSettings(window=options.window, runtime="openvino", restart=True, force=True)
    said = {"rows": rows, "columns": columns, "window": options.window, "bytes": scene.stat().st_size}
    said |= _bands(source, model, options.out, settings) | _results(source, options.out, settings, rows, columns)
    said["peak_mb"] = round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
    (options.out / "measured.json").write_text(json.dumps(said, indent=2) + "\n")
    print(json.dumps(said, indent=2))
    megapixels = said["stride"] * columns / 1e6
    rate = median(said["band_s"][1:]) / megapixels
    print(f"{rate:.2f} CPU seconds a megapixel in row bands of {megapixels:.2f} Mpx")


def _untrained(folder: Path, source: FeatureSource) -> Path:
    names = [name for name in BANDS if name in source.available]
    inputs = []
    for name in names:
        unit = {"elevation": "m", "slope": "degree"}.get(name, "1")
        inputs.append(BandInput(name=name, readings=(_reading(source.level_of(name), unit),)))
    description = Description(
        name="untrained", architecture=UNetSettings(), bands=tuple(inputs), scheme=LabelScheme.CLASS,
        resolutions_m=(30.0,), window=512,
    )  # fmt: skip
    save_bundle(folder, description, UNetSettings().build(description.layout, 3))
    return folder


def _reading(level: Level, unit: str) -> Reading:
    mean, deviation = {"m": (5000.0, 800.0), "degree": (25.0, 12.0)}.get(unit, (0.3, 0.2))
    return Reading(level=level, unit=unit, mean=mean, deviation=deviation)


def _bands(source: FeatureSource, model: Path, out: Path, settings: MapSettings) -> dict[str, object]:
    """The first look with the model opened, then band after band, and one that stands alone."""
    began = time.process_time()
    ready = prepare(source, model, out / "bands", settings)
    plan = time.process_time() - began
    folder, count = out / "bands" / WORK, ready.lattice.band_count
    for path in folder.glob("band_*"):
        path.unlink()
    identity = identity_of(ready.depends_on)
    parts = (source, ready.opened.mapper, ready.cut, folder, identity)
    together = compute_bands(*parts, tuple(range(count - 1)), count)  # the last is lower than the others
    for path in folder.glob("band_00001.*"):
        path.unlink()
    (alone,) = compute_bands(*parts, (1,), count)
    seconds = [receipt.seconds for receipt in together]
    return {
        "plan_s": round(plan, 2),
        "stride": ready.lattice.stride,
        "band_s": seconds,
        "row_above_s": round(alone.seconds - seconds[1], 2),
        "runtime": ready.opened.record["runtime"],
        "channels": len(ready.opened.mapper.bands),
    }


def _results(source: FeatureSource, out: Path, settings: MapSettings, rows: int, columns: int) -> dict[str, object]:
    ready = prepare(source, "ratio", out / "results", settings)
    journal: Journal = open_journal(out / "results" / WORK, ready.depends_on)
    predict(source, ready.opened.mapper, ready.cut, journal)
    began = time.process_time()
    result = finish(ready, journal)
    seconds = time.process_time() - began
    size = sum(path.stat().st_size for path in result.out_dir.iterdir() if path.is_file())
    return {"finish_s_mpx": round(seconds / (rows * columns / 1e6), 3), "results_bytes": size}


if __name__ == "__main__":
    main()
