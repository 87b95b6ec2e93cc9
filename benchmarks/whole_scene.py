"""Mapping a whole scene: what each stage costs, the memory at its peak, and the speed against what the CPU can do.

    python benchmarks/whole_scene.py [--rows 2048 --columns 2048] [--runtime openvino] [--precision int8]
                                     [--window 512] [--overlap 64] [--end-to-end]

A made-up scene of 15 bands in float32 (the paper's is 7058 x 7747 pixels) and the paper's U-Net with random weights.
Stages are measured one after another, in CPU time: other work on the machine does not count.
The convolution peak is the best of four 3 x 3 convolutions in f32, in the same runtime and run.
"""

from __future__ import annotations

import argparse
import resource
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
import torch
from affine import Affine
from torch import nn

from firnline.bands import Level
from firnline.classes import LabelScheme
from firnline.features import FeatureSource
from firnline.grid import Lattice, Window
from firnline.inference.blend import RowBlender
from firnline.inference.journal import open_journal
from firnline.inference.open_model import open_model
from firnline.inference.openvino_runtime import OpenVinoRuntime
from firnline.inference.predict import PredictionSettings, as_bytes, compute_padded, predict
from firnline.inference.quantise import write_int8
from firnline.inference.runtime import PRECISIONS, open_runtime
from firnline.models.architectures import UNetSettings
from firnline.models.band_inputs import BandInput, Reading
from firnline.models.bundle import Description, load_bundle, save_bundle
from firnline.models.inputs import Layout
from firnline.scene import open_scene

NAMES = tuple(f"band{number}" for number in range(15))
ROUNDS = 5


def main() -> None:
    """Make the scene and the model, measure, print."""
    options = _options()
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        scene = Path(folder) / "scene.tif"
        maker = get_context("spawn").Process(target=_made_scene, args=(scene, options.rows, options.columns))
        maker.start()  # in a process of its own: GDAL's cache of what it writes is no memory of mapping
        maker.join()
        model = _made_model(Path(folder) / "model")
        source = FeatureSource(open_scene(scene))
        if options.end_to_end:
            _end_to_end(source, model, Path(folder) / "out", options)
            return
        mapper: Any = open_model(model, source, window=options.window, runtime=options.runtime).mapper
        if options.precision == "bf16":
            runtime = open_runtime(load_bundle(model), options.window, options.runtime, "bf16", gated=False)
            mapper = replace(mapper, runtime=runtime)
        if options.precision == "int8":
            made = options.int8_from or Path(folder) / "int8.xml"
            mapper = replace(mapper, runtime=_int8(model, source, made, options.window))
        settings = PredictionSettings(options.window, options.overlap)
        print(f"scene {options.rows} x {options.columns} x {len(NAMES)} float32, {mapper.runtime.name}")
        if options.only_predict:
            began = time.process_time(), time.perf_counter()
            predict(source, mapper, settings, open_journal(Path(folder) / "threads", {}))
            spent = time.process_time() - began[0], time.perf_counter() - began[1]
            print(f"predict in threads: {spent[0]:.1f} CPU s, {spent[1]:.1f} s on the clock, {_peak_mb()}")
            return
        _stages(source, mapper, settings, Path(folder) / "stages")
        _against_peak(mapper, settings)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=7058)
    parser.add_argument("--columns", type=int, default=7747)
    parser.add_argument("--window", type=int, default=512)
    parser.add_argument("--overlap", type=int, default=64)
    parser.add_argument("--runtime", default="openvino", choices=("openvino", "torch", "onnx"))
    parser.add_argument("--precision", default="f32", choices=PRECISIONS, help="without the gate: weights are random")
    parser.add_argument("--int8-from", type=Path, help="a model quantised elsewhere, where NNCF is not installed")
    parser.add_argument("--only-predict", action="store_true", help="prediction in threads alone, for its memory")
    parser.add_argument("--end-to-end", action="store_true", help="all of `firnline map`, with rasters and report")
    parser.add_argument("--folder", type=Path, default=None, help="for the scene, of 4 x 15 bytes a pixel")
    return parser.parse_args()


def _int8(model: Path, source: FeatureSource, made: Path, window: int) -> OpenVinoRuntime:
    bundle = load_bundle(model)
    if not made.exists():
        write_int8(bundle, [source], made, most=4)
    return OpenVinoRuntime.of(bundle, window, "int8", made)


def _made_scene(path: Path, rows: int, columns: int) -> Path:
    """Smooth ground with noise, uncompressed in blocks of 256 pixels."""
    profile = {
        "driver": "GTiff", "dtype": "float32", "count": len(NAMES), "height": rows, "width": columns, "tiled": True,
        "blockxsize": 256, "blockysize": 256, "crs": "EPSG:32645", "bigtiff": "if_safer",
        "transform": Affine(30, 0, 478005, 0, -30, 3108145),
    }  # fmt: skip
    random = np.random.default_rng(0)
    with rasterio.open(path, "w", **profile) as file:
        file.descriptions = NAMES
        file.update_tags(LEVEL=str(Level.SURFACE_REFLECTANCE))
        for row in range(0, rows, 256):
            height = min(256, rows - row)
            ground = np.sin((np.arange(columns) / 97)[None] + ((row + np.arange(height)) / 61)[:, None])
            for index in range(len(NAMES)):
                values = 0.3 + 0.1 * ground + random.normal(0, 0.05, (height, columns))
                file.write(values.astype(np.float32), index + 1, window=Window(row, 0, height, columns).to_rasterio())
    return path


def _made_model(folder: Path) -> Path:
    torch.manual_seed(0)
    read = Reading(level=Level.UNKNOWN, unit="1", mean=0.3, deviation=0.1)
    said = Description(
        name="the paper's, random weights", architecture=UNetSettings(), scheme=LabelScheme.CLASS, window=512,
        bands=tuple(BandInput(name=name, readings=(read,)) for name in NAMES), resolutions_m=(30.0,),
    )  # fmt: skip
    save_bundle(folder, said, UNetSettings().build(said.layout, 3))
    return folder


class _Clock:
    """CPU seconds of the whole process by stage; the stages take turns."""

    def __init__(self) -> None:
        self.spent: dict[str, float] = defaultdict(float)

    @contextmanager
    def of(self, stage: str) -> Iterator[None]:
        began = time.process_time()
        yield
        self.spent[stage] += time.process_time() - began


def _stages(source: FeatureSource, model: Any, settings: PredictionSettings, folder: Path) -> None:
    lattice = Lattice(source.scene.grid.shape, settings.window, settings.overlap)
    clock, journal, side = _Clock(), open_journal(folder, {}), settings.window
    windows = 0
    with rasterio.Env(GDAL_CACHEMAX=256), source.reader() as reader:

        def map_window(window: Window) -> Any:
            nonlocal windows
            windows += 1
            with clock.of("read"):
                raw = reader.read(model.bands, window)
            with clock.of("normalise"):
                missing = ((0, 0), (0, side - window.height), (0, side - window.width))
                prepared = model.prepare(np.pad(raw, missing, mode="symmetric"))
            with clock.of("network"):
                return compute_padded(model, prepared, window)

        blender = RowBlender(lattice, model.layers, map_window)
        for band in range(lattice.band_count):
            before = sum(clock.spent.values())
            began = time.process_time()
            values = blender.band(band)
            clock.spent["blend"] += time.process_time() - began - (sum(clock.spent.values()) - before)
            with clock.of("write"):
                journal.write(band, as_bytes(*values))
    total = sum(clock.spent.values())
    print(f"{windows} windows of {side}, overlap {settings.overlap}; CPU seconds of each stage, and their share:")
    for stage in ("read", "normalise", "network", "blend", "write"):
        print(f"  {stage:10} {clock.spent[stage]:8.2f}  {clock.spent[stage] / total:6.1%}")
    waste = windows * side**2 / np.prod(lattice.shape)
    print(f"  {'all':10} {total:8.2f}; the network computes {waste:.2f} times the scene's pixels; {_peak_mb()}")


def _against_peak(model: Any, settings: PredictionSettings) -> None:
    side = settings.window
    values = np.random.default_rng(0).normal(0, 1, (len(NAMES), side, side)).astype(np.float32)
    network = _fastest(lambda: model.runtime.probabilities(values))
    flops = _flops(side)
    rates = []
    for channels, pixels in ((32, 256), (64, 128), (128, 64), (256, 64)):
        convolution, work = _convolution(model, channels, pixels)
        rates.append(work / _fastest(convolution) / 1e9)
    rate = max(rates)
    print(
        f"network: {network:.2f} CPU s a window, {flops / 1e9:.1f} GFLOP: {flops / network / 1e9:.1f} GFLOP/s a core"
    )
    print(
        f"convolution peak: {rate:.1f} GFLOP/s a core; the network reaches {flops / network / 1e9 / rate:.0%} of it"
    )


def _fastest(work: Callable[[], object]) -> float:
    """The least CPU time of several rounds: other programs can only add to it."""
    work()
    times = []
    for _ in range(ROUNDS):
        began = time.process_time()
        work()
        times.append(time.process_time() - began)
    return min(times)


def _flops(side: int) -> float:
    """Of the network's convolutions: a multiplication and an addition each."""
    count = 0.0

    def add(layer: nn.Module, given: tuple[torch.Tensor, ...], made: torch.Tensor) -> None:
        nonlocal count
        weight = layer.weight.numel()
        pixels = (given[0] if isinstance(layer, nn.ConvTranspose2d) else made).shape[2:].numel()
        count += 2.0 * weight * pixels

    network = UNetSettings().build(Layout(NAMES), 3).eval()
    for layer in network.modules():
        if isinstance(layer, (nn.Conv2d, nn.ConvTranspose2d)):
            layer.register_forward_hook(add)
    with torch.inference_mode():
        network(torch.zeros(1, len(NAMES), 64, 64))
    return count * (side / 64) ** 2


def _convolution(model: Any, channels: int, side: int) -> tuple[Callable[[], object], float]:
    """A 3 x 3 convolution in the runtime of the model, and its operations."""
    layer = nn.Conv2d(channels, channels, 3, padding=1).eval().to(memory_format=torch.channels_last)
    work = 2.0 * layer.weight.numel() * side**2
    image = torch.randn(1, channels, side, side).to(memory_format=torch.channels_last)
    if type(model.runtime).__name__ != "OpenVinoRuntime":

        def by_torch() -> object:
            with torch.inference_mode():
                return layer(image)

        return by_torch, work
    import openvino
    from openvino import opset13 as ops

    parameter = ops.parameter([1, channels, side, side], np.float32)
    weights = ops.constant(layer.weight.detach().contiguous().numpy())
    made = ops.convolution(parameter, weights, [1, 1], [1, 1], [1, 1], [1, 1])
    compiled = openvino.Core().compile_model(
        openvino.Model([made], [parameter]), "CPU", {"INFERENCE_PRECISION_HINT": "f32"}
    )
    values = np.ascontiguousarray(image.numpy())
    return lambda: compiled(values), work


def _end_to_end(source: FeatureSource, model: Path, out: Path, options: argparse.Namespace) -> None:
    from firnline.mapping import MapSettings, map_scene

    began = time.process_time(), time.perf_counter()
    settings = MapSettings(window=options.window, overlap=options.overlap, runtime=options.runtime, force=True)
    map_scene(source, model, out, settings)
    spent = time.process_time() - began[0], time.perf_counter() - began[1]
    print(f"end to end, report and outlines included: {spent[0]:.1f} CPU s, {spent[1]:.1f} s, {_peak_mb()}")


def _peak_mb() -> str:
    return f"peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB"


if __name__ == "__main__":
    main()
