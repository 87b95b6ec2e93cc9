"""A network in fewer bits: quantised by NNCF on the user's scenes, and let pass by the gate or not at all."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np

from firnline.classes import Classes
from firnline.classraster import read_classes
from firnline.errors import ConfigError, LabelError, ModelError
from firnline.features import FeatureSource
from firnline.files import replaced
from firnline.grid import Lattice, require_same
from firnline.inference.accepted import INT8, accept
from firnline.inference.gate import GateResult, gate
from firnline.inference.journal import open_journal
from firnline.inference.onnx_runtime import extra
from firnline.inference.openvino_runtime import OpenVinoRuntime, converted, import_openvino
from firnline.inference.predict import PredictionSettings, predict, read_padded, usual_overlap, whole_classes
from firnline.inference.runtime import Precision, Runtime, RuntimeName, open_runtime, settled
from firnline.inference.window_model import TrainedModel
from firnline.models.bundle import Bundle, load_bundle
from firnline.models.fit import fit_scene
from firnline.models.inputs import spread
from firnline.models.normaliser import Floats

MOST_WINDOWS: Final = 100
"""Windows that the ranges of activations are taken from: evenly over the scenes, the known ones."""


def quantise(
    folder: Path,
    calibrate: Sequence[FeatureSource],
    validate: FeatureSource,
    truth: Path,
    *,
    precision: Precision = "int8",
    runtime: RuntimeName = "auto",
) -> GateResult:
    """Make a bundle ready for a precision, and keep it when the gate accepts it on a scene with a truth.

    Parameters
    ----------
    folder
        A bundle of one network; of one that is made of others, its members are quantised one by one.
    calibrate
        Scenes of the kind that will be mapped, best those of the training; for ``int8`` alone.
    validate, truth
        A scene that was not trained on, and its class raster in the model's label scheme.
    precision, runtime
        What for.

    Raises
    ------
    ModelError
        When the gate does not accept it (with the figures), or the bundle has no network of its own.
    LabelError
        When the truth is in another label scheme.
    ConfigError
        When there is nothing to calibrate on, or this machine lacks the precision or the extra ``int8``.
    """
    bundle = load_bundle(folder)
    _require_network(bundle)
    runtime = settled(runtime, precision)
    true = _truth(truth, validate, bundle)
    f32 = open_runtime(bundle, bundle.description.window, runtime)
    before = _classes(bundle, validate, f32)
    with tempfile.TemporaryDirectory() as work:
        made = Path(work) / INT8
        fewer = _fewer(bundle, calibrate, precision, runtime, made)
        result = gate(before, _classes(bundle, validate, fewer), true, bundle.description.scheme.class_names)
        if not result.is_accepted:
            raise ModelError(
                f"is not accepted in {precision}: {'; '.join(result.failures)}",
                where=folder,
                do="map in f32, or calibrate on more scenes",
            )
        if precision == "int8":
            _keep(made, bundle.derived / INT8)
    about = {
        "runtime": fewer.name,
        "calibrated_on": [source.scene.path.name for source in calibrate],
        "validated_on": validate.scene.path.name,
    }
    accept(bundle, runtime, precision, result, about)
    return result


def _require_network(bundle: Bundle) -> None:
    if bundle.members:
        names = " and ".join(f"members/{name}" for name in bundle.description.members)
        raise ModelError("is made of others", where=bundle.folder, do=f"quantise {names} in it one by one")
    if not bundle.has_network:
        raise ModelError("has no network: there is nothing to quantise", where=bundle.folder)


def _truth(path: Path, source: FeatureSource, bundle: Bundle) -> Classes:
    read = read_classes(path)
    require_same(source.scene.grid, read.grid, source.scene.path, path)
    if read.scheme != bundle.description.scheme:
        raise LabelError(
            f"is of the label scheme '{read.scheme}', and the model of '{bundle.description.scheme}'",
            where=path,
            do="give a truth in the model's",
        )
    return read.classes


def _classes(bundle: Bundle, source: FeatureSource, runtime: Runtime) -> Classes:
    """The scene's class raster, mapped as `firnline map` does."""
    said = bundle.description
    temperatures = None if said.calibration is None else said.calibration.temperatures
    model = TrainedModel(fit_scene(bundle, source).inputs, said.scheme, runtime, temperatures)
    settings = PredictionSettings(said.window, usual_overlap(said.window))
    with tempfile.TemporaryDirectory() as work:
        journal = open_journal(Path(work), {})
        return whole_classes(journal, predict(source, model, settings, journal))


def _fewer(
    bundle: Bundle, calibrate: Sequence[FeatureSource], precision: Precision, runtime: RuntimeName, made: Path
) -> Runtime:
    window = bundle.description.window
    if precision != "int8":
        return open_runtime(bundle, window, runtime, precision, gated=False)
    write_int8(bundle, calibrate, made)
    return OpenVinoRuntime.of(bundle, window, "int8", made)


def write_int8(bundle: Bundle, calibrate: Sequence[FeatureSource], made: Path, most: int = MOST_WINDOWS) -> None:
    """Quantise after training (NNCF), with symmetric weights of 7 bits: on a CPU without VNNI 8 would overflow."""
    openvino = import_openvino()
    nncf = extra("nncf", "int8")
    windows = _windows(bundle, calibrate, most)
    if not windows:
        raise ConfigError("no window of the scenes is known", where="--calibrate", do="give scenes of the training")
    side, channels = bundle.description.window, bundle.description.layout.channels
    model = converted(bundle, openvino.Core(), openvino.__version__)
    model.reshape([1, channels, side, side])
    advanced = nncf.AdvancedQuantizationParameters(overflow_fix=nncf.OverflowFix.ENABLE)
    data = nncf.Dataset([values[None] for values in windows])
    smaller = nncf.quantize(model, data, subset_size=len(windows), advanced_parameters=advanced)
    openvino.save_model(smaller, made, compress_to_fp16=False)


def _windows(bundle: Bundle, calibrate: Sequence[FeatureSource], most: int) -> list[Floats]:
    """Normalised windows, evenly from each scene, as the network gets them."""
    found: list[Floats] = []
    share = max(1, most // max(1, len(calibrate)))
    side = bundle.description.window
    for source in calibrate:
        inputs, lattice = fit_scene(bundle, source).inputs, Lattice(source.scene.grid.shape, side, 0)
        every = [window for row in range(lattice.band_count) for window in lattice.windows_in_row(row)]
        with source.reader() as reader:
            for window in every[:: -(-len(every) // share)]:
                inside = window.intersection(source.scene.grid.window)
                assert inside is not None  # windows start inside the scene
                raw = read_padded(reader, inputs.present, inside, side)
                values, known = inputs.apply(spread(raw, inputs.present, inputs.layout))
                if known.any():
                    found.append(np.ascontiguousarray(values))
    return found


def _keep(made: Path, kept: Path) -> None:
    """Put the accepted model beside the weights; it counts once its note is written."""
    for suffix in (".bin", ".xml"):
        with replaced(kept.with_suffix(suffix)) as path:
            shutil.copyfile(made.with_suffix(suffix), path)
