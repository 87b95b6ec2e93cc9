"""Runtimes and precisions side by side on one machine: windows a second, and how far their probabilities are apart.

    python benchmarks/runtimes.py [--windows 512 1024] [--threads 2 16] [--cpu-time] [--int8 FOLDER]
                                  [--bundle BUNDLE --scene SCENE]

The paper's U-Net and firn with random weights (made so that their probabilities spread), on windows of random
numbers of 15 bands; or a trained bundle on the first window of a scene. It needs torch and numpy; OpenVINO and a CUDA
GPU where they are there; for a bundle all that firnline needs. int8 models are read from FOLDER, `unet-int8.xml` and
so on; where one is missing, NNCF makes it from random windows: that tells its speed, and nothing of its accuracy.

Times are of a window in numpy to probabilities in numpy, by the clock: on a machine with other work use one thread
and `--cpu-time`. The ways take turns, and the median counts.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from firnline.inference import torch_runtime
from firnline.inference.torch_runtime import TorchRuntime, WithSoftmax
from firnline.models.firn import Firn
from firnline.models.inputs import Layout
from firnline.models.unet import UNet

Floats = NDArray[np.float32]
Way = Callable[[Floats], Floats]
CPU, GPU = torch.device("cpu"), torch.device("cuda")
NAMES = tuple(f"band{number}" for number in range(15))
CLASSES = 3
CPU_FLAGS = ("avx2", "avx512f", "avx512_vnni", "avx_vnni", "avx512_bf16", "amx_bf16", "amx_int8")


@dataclass(frozen=True)
class Subject:
    """A network, and a window of a given size for it."""

    name: str
    network: nn.Module
    values: Callable[[int], Floats]


def main() -> None:
    """Measure each network in each size of windows."""
    options = _options()
    print(_machine())
    for subject in _subjects(options):
        count = sum(parameter.numel() for parameter in subject.network.parameters())
        print(f"\n{subject.name}: {count} parameters")
        for window in options.windows:
            values = subject.values(window)
            torch.set_num_threads(max(options.threads))
            truth = TorchRuntime.on(CPU, subject.network).probabilities(values)
            for threads in options.threads:
                torch.set_num_threads(threads)
                ways = _on_cpu(subject, values.shape, threads, options.int8)
                _measure(f"window {window}, {threads} threads of the CPU", ways, values, truth, options)
            if torch.cuda.is_available():
                title = f"window {window}, {torch.cuda.get_device_name()}"
                _measure(title, _on_gpu(subject), values, truth, options)
                print(f"  {'of which copies':26} {_copies_s(values) * 1e3:9.2f} ms")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--windows", type=int, nargs="+", default=[512, 1024])
    parser.add_argument("--threads", type=int, nargs="+", default=[2])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument(
        "--cpu-time", dest="clock", action="store_const", const=time.process_time, help="not for a GPU"
    )
    parser.add_argument("--int8", type=Path, help="folder of quantised models, read or made")
    parser.add_argument("--bundle", type=Path, help="a trained model in place of the random ones")
    parser.add_argument("--scene", type=Path, help="for the bundle; known without a sidecar, or one beside it")
    parser.set_defaults(clock=time.perf_counter)
    return parser.parse_args()


def _machine() -> str:
    said = Path("/proc/cpuinfo").read_text(encoding="utf-8") if sys.platform == "linux" else ""
    lines = dict(line.split("\t: ", 1) for line in said.replace("\t\t", "\t").splitlines() if "\t: " in line)
    flags = lines.get("flags", "").split()
    gpu = torch.cuda.get_device_name() if torch.cuda.is_available() else "no GPU"
    able = " ".join(flag for flag in CPU_FLAGS if flag in flags)
    return f"{lines.get('model name', 'CPU')}: {able}; {gpu}; torch {torch.__version__}"


def _subjects(options: argparse.Namespace) -> Iterator[Subject]:
    if options.bundle:
        yield _trained(options.bundle, options.scene)
        return
    networks = {
        "unet": UNet(len(NAMES), CLASSES),
        "firn": Firn(Layout(NAMES), CLASSES, widths=(8, 16, 32, 64, 96, 128)),
    }
    for name, network in networks.items():
        yield Subject(name, _spread(network), _random)


def _random(window: int) -> Floats:
    return np.random.default_rng(0).normal(0, 1, (len(NAMES), window, window)).astype(np.float32)


def _spread(network: nn.Module) -> nn.Module:
    """Weights after He et al. (2015), normalised as if trained: else a deep network says the same of every pixel."""
    torch.manual_seed(0)
    for layer in network.modules():
        if isinstance(layer, (nn.Conv2d, nn.ConvTranspose2d)):
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
        if isinstance(layer, nn.BatchNorm2d):
            layer.momentum = None  # the mean of all that it sees
    with torch.inference_mode():
        network.train()(torch.from_numpy(_random(256)[None]))
    return network.eval()


def _trained(folder: Path, scene: Path) -> Subject:
    from firnline.features import FeatureSource
    from firnline.grid import Window
    from firnline.inference.predict import read_padded
    from firnline.models.bundle import load_bundle
    from firnline.models.fit import fit_scene
    from firnline.models.inputs import spread
    from firnline.scene import open_scene

    bundle, source = load_bundle(folder), FeatureSource(open_scene(scene))
    inputs = fit_scene(bundle, source).inputs

    def values(window: int) -> Floats:
        inside = Window(0, 0, window, window).intersection(source.scene.grid.window)
        assert inside is not None
        with source.reader() as reader:
            raw = read_padded(reader, inputs.present, inside, window)
        return np.ascontiguousarray(inputs.apply(spread(raw, inputs.present, inputs.layout))[0])

    assert bundle.network is not None
    return Subject(bundle.description.name, bundle.network.eval(), values)


def _on_cpu(subject: Subject, shape: tuple[int, ...], threads: int, int8: Path | None) -> dict[str, Way]:
    ways = {
        f"torch {precision}": TorchRuntime.on(CPU, subject.network, precision).probabilities
        for precision in ("f32", "bf16")
    }
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]  # or it would tell Google
    try:
        import openvino
    except ImportError:
        return ways
    core = openvino.Core()
    model = openvino.convert_model(
        WithSoftmax(subject.network).eval(), example_input=torch.zeros(1, shape[0], 64, 64)
    )
    model.reshape([1, *shape])
    models = {"f32": (model, "f32")}
    if "BF16" in core.get_property("CPU", "OPTIMIZATION_CAPABILITIES"):
        models["bf16"] = model, "bf16"
    if int8:
        quantised = _int8(core, model, shape, int8 / f"{subject.name}-int8.xml")
        quantised.reshape([1, *shape])
        models |= {f"int8, rest {hint}": (quantised, hint) for _, hint in list(models.values())}
    for name, (each, hint) in models.items():
        settings = {"INFERENCE_PRECISION_HINT": hint, "INFERENCE_NUM_THREADS": threads}
        ways[f"openvino {name}"] = _by(core.compile_model(each, "CPU", settings))
    return ways


def _by(compiled: Any) -> Way:
    return lambda values: np.array(compiled(values[None])[0][0])


def _int8(core: Any, model: Any, shape: tuple[int, ...], kept: Path) -> Any:
    """As `firnline models quantise` does it (weights of 7 bits), but on random windows."""
    if not kept.exists():
        import nncf
        import openvino

        kept.parent.mkdir(parents=True, exist_ok=True)
        windows = np.random.default_rng(1).normal(0, 1, (2, 1, *shape)).astype(np.float32)
        advanced = nncf.AdvancedQuantizationParameters(overflow_fix=nncf.OverflowFix.ENABLE)
        made = nncf.quantize(model, nncf.Dataset(list(windows)), subset_size=2, advanced_parameters=advanced)
        openvino.save_model(made, kept, compress_to_fp16=False)
    return core.read_model(kept)


def _on_gpu(subject: Subject) -> dict[str, Way]:
    f32 = TorchRuntime.on(GPU, subject.network)
    ways: dict[str, Way] = {
        "torch f32": f32.probabilities,
        "torch bf16": replace(f32, precision="bf16").probabilities,
    }

    def in_tf32(values: Floats) -> Floats:
        kept, torch_runtime._exactly = torch_runtime._exactly, nullcontext
        try:
            return f32.probabilities(values)
        finally:
            torch_runtime._exactly = kept

    return ways | {"torch as it comes (TF32)": in_tf32}


def _copies_s(values: Floats) -> float:
    """Of a window to the GPU, and its probabilities back."""

    def copy(values: Floats) -> Floats:
        batch = torch.from_numpy(values[None]).to(GPU, memory_format=torch.channels_last)
        return np.asarray(batch[0, :CLASSES].cpu().numpy())

    return median(_seconds(copy, values) for _ in range(20))


def _measure(title: str, ways: dict[str, Way], values: Floats, truth: Floats, options: argparse.Namespace) -> None:
    """Print each way's median, and how its first and last probabilities stand to torch's in f32 on the CPU."""
    print(f" {title}")
    first = {name: way(values) for name, way in ways.items()}
    times: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(options.rounds):
        for name, way in ways.items():
            times[name].append(_seconds(way, values, options.clock))
    base = median(times["torch f32"])
    for name, spent in times.items():
        took = median(spent)
        apart = np.abs(first[name] - truth).max()
        moved = (first[name].argmax(0) != truth.argmax(0)).mean()
        again = "the same" if np.array_equal(ways[name](values), first[name]) else "OTHER"
        rate = values[0].size / took / 1e6
        print(
            f"  {name:26} {took * 1e3:9.2f} ms {rate:8.2f} Mpx/s {base / took:6.2f} x torch f32;"
            f" apart {apart:.1e}, class changed {moved:.3%}; {again} bytes again"
        )


def _seconds(way: Way, values: Floats, clock: Callable[[], float] = time.perf_counter) -> float:
    began = clock()
    way(values)
    return clock() - began


if __name__ == "__main__":
    main()
