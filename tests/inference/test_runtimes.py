"""Runtimes agree in f32; fewer bits only after the gate; the ONNX file serves other programs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
import torch
from affine import Affine

from firnline.bands import Level
from firnline.classes import LabelScheme
from firnline.classraster import write_classes
from firnline.errors import ConfigError, LabelError, ModelError
from firnline.features import FeatureSource
from firnline.inference import onnx_runtime
from firnline.inference.export import export_onnx
from firnline.inference.openvino_runtime import import_openvino
from firnline.inference.quantise import quantise
from firnline.inference.runtime import open_runtime
from firnline.mapping import MapSettings, map_scene
from firnline.models.architectures import FirnSettings
from firnline.models.band_inputs import BandInput, Reading
from firnline.models.bundle import Calibration, Description, describe_again, load_bundle, save_bundle


@pytest.fixture
def onnx(interop):
    for name in ("onnx", "onnxruntime", "onnxscript"):
        interop(name)
    return interop("onnxruntime")


@pytest.fixture
def scene(write_scene, tmp_path: Path) -> FeatureSource:
    """Smooth ground: each class holds together, as on a mountain."""
    rows, columns = np.mgrid[:128, :160] / 20
    return write_scene(tmp_path / "scene.tif", np.stack([np.sin(rows) + 0.5, np.cos(columns + rows) + 0.5]))


def mapped(source: FeatureSource, bundle: Path, out: Path, **settings) -> np.ndarray:
    map_scene(source, bundle, out, MapSettings(force=True, **settings))
    with rasterio.open(out / "classes.tif") as file:
        return file.read(1)


def test_three_runtimes_agree_to_a_ten_thousandth(bundle: Path, onnx) -> None:
    window = np.random.default_rng(0).normal(0, 1, (2, 64, 64)).astype(np.float32)
    opened = load_bundle(bundle)
    said = {name: open_runtime(opened, 64, name) for name in ("torch", "openvino", "onnx")}
    maps = {name: runtime.probabilities(window) for name, runtime in said.items()}
    for name, found in maps.items():
        assert np.abs(found - maps["torch"]).max() < 1e-4, name
        assert " f32 on " in said[name].name
    again = open_runtime(load_bundle(bundle), 64, "onnx").probabilities(window)
    assert np.array_equal(again, maps["onnx"]), "from the kept file"


@pytest.mark.parametrize(
    ("sure", "runtimes"),
    [
        ((200, -200, -200, 0, -200), ("torch", "openvino", "onnx")),
        ((-200, 200, -200, 0, 200), ("torch", "openvino")),  # an export to ONNX takes seconds
    ],
)
def test_runtimes_agree_where_both_heads_of_firn_are_sure(tmp_path: Path, sure, runtimes, onnx) -> None:
    """Logits that are far apart, as pixels out of range may give them: no runtime may make NaN of them."""
    read = Reading(level=Level.SURFACE_REFLECTANCE, unit="1", mean=0.5, deviation=0.3)
    said = Description(
        name="sure", architecture=FirnSettings(widths=(4, 8)), bands=(BandInput(name="green", readings=(read,)),),
        scheme=LabelScheme.CLASS, resolutions_m=(30.0,), window=64,
    )  # fmt: skip
    network: Any = said.architecture.build(said.layout, 3)
    torch.nn.init.zeros_(network.heads.weight)
    network.heads.bias.data = torch.tensor(sure, dtype=torch.float32)
    save_bundle(tmp_path / "model", said, network)
    bundle = load_bundle(tmp_path / "model")
    for name in runtimes:
        found = open_runtime(bundle, 64, name).probabilities(np.zeros((1, 64, 64), np.float32))
        assert found[sure.index(200)] == pytest.approx(np.ones((64, 64)), abs=1e-6), name
        assert found.sum(axis=0) == pytest.approx(np.ones((64, 64)), abs=1e-6), name


def test_a_missing_extra_is_one_line(bundle: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(name: str) -> None:
        raise ImportError(name)

    monkeypatch.setattr(onnx_runtime, "import_module", fail)
    with pytest.raises(ConfigError, match=r"onnxruntime is not installed; pip install firnline\[onnx\]"):
        open_runtime(load_bundle(bundle), 64, "onnx")


@pytest.mark.parametrize(
    ("runtime", "precision", "message"),
    [("torch", "int8", "is not for the runtime torch; use openvino"), ("onnx", "bf16", "use openvino or torch")],
)
def test_a_precision_that_a_runtime_lacks_is_told(bundle: Path, runtime, precision, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        open_runtime(load_bundle(bundle), 64, runtime, precision)


@pytest.mark.parametrize("precision", ["int8", "bf16"])
def test_fewer_bits_are_refused_until_the_gate_has_let_them_pass(bundle: Path, scene, tmp_path, precision) -> None:
    with pytest.raises(ModelError, match=f"was not accepted in {precision} on openvino.*models quantise"):
        mapped(scene, bundle, tmp_path / "out", runtime="openvino", precision=precision)


def test_bf16_on_a_cpu_without_it_is_one_line(bundle: Path) -> None:
    able = "BF16" in import_openvino().Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")
    if able:
        assert " bf16 on " in open_runtime(load_bundle(bundle), 64, "openvino", "bf16", gated=False).name
        return
    with pytest.raises(ConfigError, match="this CPU does not compute in bf16; use f32 or int8"):
        open_runtime(load_bundle(bundle), 64, "openvino", "bf16", gated=False)


@pytest.fixture
def truth(write_bundle, scene, tmp_path: Path) -> tuple[Path, Path]:
    """A bundle of its own, and the f32 map of it: a truth on which f32 is perfect."""
    model = write_bundle()
    classes = mapped(scene, model, tmp_path / "f32", runtime="openvino")
    assert len(np.unique(classes)) == 3
    write_classes(tmp_path / "truth.tif", classes, scene.scene.grid, LabelScheme.CLASS)
    return model, tmp_path / "truth.tif"


def test_int8_that_changes_glaciers_is_refused_with_the_figures_and_not_kept(
    truth, scene, tmp_path: Path, interop, monkeypatch
) -> None:
    """A network of random weights on a scene cut fine: int8 moves more pixels than the gate lets pass."""
    interop("nncf")
    model, classes = truth
    with pytest.raises(ModelError, match=r"is not accepted in int8: .*(IoU falls|area changes|of its pixels change)"):
        quantise(model, [scene], scene, classes)
    assert not list((load_bundle(model).derived).glob("int8*"))


def test_int8_that_passes_maps_and_is_noted(truth, scene, tmp_path: Path, interop, monkeypatch) -> None:
    interop("nncf")
    from firnline.inference import gate as limits

    for name in ("MOST_IOU_LOST", "MOST_AREA_CHANGE", "MOST_CHANGED"):
        monkeypatch.setattr(limits, name, 0.5)  # of random weights: what is tested is the way there
    model, classes = truth
    result = quantise(model, [scene], scene, classes)
    assert result.is_accepted
    derived = load_bundle(model).derived
    note = json.loads((derived / "int8-openvino.json").read_text())
    assert note["gate"]["accepted"] is True
    assert note["calibrated_on"] == ["scene.tif"]
    assert [each["name"] for each in note["gate"]["classes"]] == ["clean ice", "debris-covered ice"]
    assert "FakeQuantize" in (derived / "int8.xml").read_text()
    found = mapped(scene, model, tmp_path / "int8", precision="int8")
    said = json.loads((tmp_path / "int8" / "provenance.json").read_text())["model"]
    assert (said["precision"], " int8 on cpu" in said["runtime"]) == ("int8", True)
    with rasterio.open(classes) as file:
        assert 0 < (found != file.read(1)).mean() < 0.3
    weights = derived / "int8.bin"
    weights.write_bytes(weights.read_bytes()[:-1] + b"\x01")
    with pytest.raises(ModelError, match="its int8 files are not the ones that were accepted"):
        mapped(scene, model, tmp_path / "again", precision="int8")


def test_a_truth_of_another_scheme_is_refused(bundle: Path, scene, tmp_path: Path) -> None:
    write_classes(tmp_path / "t.tif", np.ones((128, 160), np.uint8), scene.scene.grid, LabelScheme.GLACIER)
    with pytest.raises(LabelError, match="is of the label scheme 'glacier', and the model of 'class'"):
        quantise(bundle, [scene], scene, tmp_path / "t.tif", precision="bf16", runtime="torch")


def test_the_onnx_file_gives_our_probabilities_as_deepness_feeds_it(write_bundle, scene, tmp_path, onnx) -> None:
    """Deepness computes (value / 255 - mean) / std, here from the metadata, as its own code does."""
    model = write_bundle()
    describe_again(model, calibration=Calibration(temperatures=(1.5, 1.0, 2.0)))
    export_onnx(load_bundle(model), tmp_path / "model.onnx")
    session = onnx.InferenceSession(tmp_path / "model.onnx", providers=["CPUExecutionProvider"])
    (entry,), said = session.get_inputs(), session.get_modelmeta().custom_metadata_map
    assert entry.shape == [1, 2, 64, 64]
    assert json.loads(said["model_type"]) == "Segmentor"
    assert json.loads(said["class_names"]) == {"0": "background", "1": "clean ice", "2": "debris-covered ice"}
    assert (json.loads(said["resolution"]), json.loads(said["tiles_size"])) == (3000.0, 64)
    mean, deviation = (np.array(json.loads(said[f"standardization_{name}"])) for name in ("mean", "std"))
    raw = scene.scene.read(["green", "swir16"])[:, :64, :64]
    raw[0, 5, 5] = np.nan
    tiles = np.moveaxis(raw, 0, -1)[None]
    fed = ((np.float32(tiles * 1.0 / 255.0) - mean) / deviation).transpose(0, 3, 1, 2).astype(np.float32)
    found = session.run(None, {entry.name: fed})[0][0]
    from firnline.inference.open_model import open_model

    ours = open_model(model, scene, runtime="torch").mapper.map_window(raw)[0]
    assert np.abs(found - ours).max() < 1e-4
    assert found.sum(axis=0) == pytest.approx(np.ones((64, 64)), abs=1e-5)


def test_models_are_listed_and_shown(bundle: Path, firnline, tmp_path: Path) -> None:
    code, out, _ = firnline("models", "list", bundle.parent)
    assert code == 0
    assert out.startswith(f"{bundle}  unet  class  any sensor  30 m")
    code, out, _ = firnline("models", "show", bundle)
    assert code == 0
    for line in (
        "classes     background, clean ice, debris-covered ice",
        "windows     64 pixels",
        "band        green:",
    ):
        assert line in out
    code, _, err = firnline("models", "list", tmp_path)
    assert (code, err) == (2, f"firnline: {tmp_path}: holds no model bundle; train one, or name another folder\n")
    code, _, err = firnline("models", "export", bundle)
    assert (code, "name a file with --onnx" in err) == (2, True)


def test_all_settings_of_a_prediction_are_its_identity(bundle: Path, write_scene, tmp_path: Path, firnline) -> None:
    """Unfinished work is not gone on with under another runtime, prior, turning or uncertainty."""
    values = np.random.default_rng(0).random((3, 160, 64))
    values[2] = 4000
    source = write_scene(tmp_path / "scene.tif", values, ("green", "swir16", "elevation"))
    out = tmp_path / "out"
    plain = ("map", source.scene.path, "-m", bundle, "-o", out, "--force", "--runtime", "torch")

    def stop(done: int, _all: int) -> None:
        if done == 1:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        map_scene(source, bundle, out, MapSettings(force=True, runtime="torch"), stop)
    for other in (["--runtime", "openvino"], ["--tta"], ["--uncertainty"], ["--only-above", "3000"]):
        code, _, err = firnline(*plain, *other)
        assert (code, "begun with another scene, model or setting" in err) == (2, True), other
    assert firnline(*plain)[0] == 0
    assert firnline(*plain, "--uncertainty", "--tta", "--only-above", "3000")[0] == 0
    with rasterio.open(out / "uncertainty.tif") as file:
        assert file.descriptions == ("entropy",)
        assert 0 < (file.read(1) * file.scales[0]).mean() < 1
        assert file.transform == Affine(30, 0, 478005, 0, -30, 3108145)
    said = json.loads((out / "provenance.json").read_text())
    assert said["model"]["prior"] == {"only_above_m": 3000.0, "only_slope_below_deg": None}
    assert (said["model"]["tta"], said["settings"]["uncertainty"]) == (True, True)
    assert firnline(*plain)[0] == 0
    assert not (out / "uncertainty.tif").exists(), "of another map"
