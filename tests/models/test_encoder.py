"""Networks with an encoder of segmentation-models-pytorch or timm; test_contract.py has what all promise."""

from __future__ import annotations

import importlib.util
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest
import rasterio
import torch
import yaml
from affine import Affine
from rasterio.crs import CRS
from torch import nn

from firnline.bands import Level
from firnline.classes import LabelScheme
from firnline.classraster import write_classes
from firnline.errors import ConfigError, ModelError
from firnline.grid import Grid
from firnline.models.architectures import EncoderSettings, UNetSettings
from firnline.models.band_inputs import BandInput, Reading
from firnline.models.bundle import Description, load_bundle, save_bundle
from firnline.models.encoder import Decoder
from firnline.models.inputs import Layout
from firnline.training.processes import SharedBatchNorm, share_batch_norms

LAYOUT = Layout(("green", "swir16", "slope"), ("slope",))
SMALL = "tu-mobilenetv3_small_050"
MISSING = "needs the extra 'encoders', which is not installed"


@pytest.fixture
def installed() -> None:
    """The extra: in CI it must be there, elsewhere the test is skipped without it."""
    if not os.environ.get("CI") and importlib.util.find_spec("segmentation_models_pytorch") is None:
        pytest.skip("the extra 'encoders' is not installed")


@pytest.fixture
def absent(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if the extra were not installed."""
    for name in ("torchvision", "timm", "segmentation_models_pytorch"):
        monkeypatch.setitem(sys.modules, name, None)


@pytest.fixture
def scene(tmp_path: Path) -> Path:
    """Green and swir16 with a round glacier, bright in green, and its truth beside it."""
    rows, columns = np.mgrid[:128, :128]
    is_ice = np.hypot(rows - 60, columns - 70) < 35
    random = np.random.default_rng(0)
    green = np.where(is_ice, 0.7, 0.2) + random.normal(0, 0.05, is_ice.shape)
    swir = np.where(is_ice, 0.1, 0.25) + random.normal(0, 0.05, is_ice.shape)
    grid = Grid(CRS.from_epsg(32645), Affine(30, 0, 478005, 0, -30, 3108145), is_ice.shape)
    profile = {"count": 2, "height": 128, "width": 128, "dtype": "float32", "nodata": np.nan}
    path = tmp_path / "a_image.tif"
    with rasterio.open(path, "w", crs=grid.crs, transform=grid.transform, driver="GTiff", **profile) as file:
        file.descriptions = ("green", "swir16")
        file.update_tags(LEVEL=str(Level.SURFACE_REFLECTANCE))
        file.write(np.stack([green, swir]).astype(np.float32))
    write_classes(tmp_path / "a_truth.tif", is_ice.astype(np.uint8), grid, LabelScheme.GLACIER)
    return path


def configuration(folder: Path, **architecture: str) -> Path:
    said: dict[str, Any] = {
        "name": "tiny", "scheme": "glacier", "bands": ["green", "swir16"],
        "scenes": [{"images": "a_image.tif", "truth": "{name}_truth.tif"}],
        "architecture": {"name": "encoder", **architecture},
        "chips": {"size": 64, "per_epoch": 16}, "batch": 4, "epochs": 6, "learning_rate": 0.003, "threads": 1,
    }  # fmt: skip
    (folder / "tiny.yaml").write_text(yaml.safe_dump(said))
    return folder / "tiny.yaml"


def test_a_configuration_of_it_says_what_to_install(firnline: Any, scene: Path, absent: None) -> None:
    code, _, err = firnline("train", configuration(scene.parent), "-o", scene.parent / "out")
    assert code == 2
    assert len(err.strip().splitlines()) == 1
    assert MISSING in err
    assert f"pip install 'firnline[encoders]' torch=={torch.__version__.split('+')[0]}" in err, "else pip replaces it"
    assert not (scene.parent / "out").exists()


def test_a_bundle_of_it_says_what_to_install(firnline: Any, scene: Path, absent: None) -> None:
    read = Reading(level=Level.SURFACE_REFLECTANCE, unit="1", mean=0.5, deviation=0.25)
    bands = tuple(BandInput(name=name, readings=(read,)) for name in ("green", "swir16"))
    said = Description(
        name="m", architecture=EncoderSettings(), bands=bands, scheme="glacier", resolutions_m=(30,), window=64
    )
    save_bundle(scene.parent / "model", said, UNetSettings(width=2, depth=1).build(said.layout, 2))
    code, _, err = firnline("map", scene, "--model", scene.parent / "model", "-o", scene.parent / "out")
    assert code == 2
    assert f"{scene.parent / 'model'}: an encoder {MISSING}" in err
    assert "pip install 'firnline[encoders]'" in err
    assert not (scene.parent / "out").exists()


def test_other_architectures_import_nothing_of_it() -> None:
    run = (
        "import sys, firnline.training.train, firnline.mapping\n"
        "from firnline.models.architectures import *\n"
        "from firnline.models.inputs import Layout\n"
        "EncoderSettings(); FirnSettings(widths=(2, 2)).build(Layout(('red',)), 2)\n"
        "print(sorted({'torchvision', 'timm', 'segmentation_models_pytorch', 'huggingface_hub'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", run], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("name", ["tu-hf-hub:owner/model", "tu-local-dir:model", "../model", ""])
def test_a_name_that_leads_out_of_the_library_is_refused(name: str) -> None:
    """Of timm's names, `hf-hub:` fetches from a server, and `local-dir:` opens a folder."""
    with pytest.raises(ValueError, match="should match pattern"):
        EncoderSettings(encoder=name)


@pytest.mark.parametrize("decoder", get_args(Decoder))
def test_every_decoder_gives_logits_of_every_pixel(decoder: Decoder, installed: None) -> None:
    network = EncoderSettings(encoder=SMALL, decoder=decoder).build(LAYOUT, 3)
    assert network.training
    assert network(torch.zeros(2, LAYOUT.channels, 64, 96)).shape == (2, 3, 64, 96)


@pytest.mark.parametrize("encoder", ["resnet18", "tu-convnext_atto", "mit_b0"])
def test_encoders_of_any_family_look_at_the_presence_planes(encoder: str, installed: None) -> None:
    torch.manual_seed(0)
    network = EncoderSettings(encoder=encoder).build(LAYOUT, 2).eval()
    values = torch.randn(1, LAYOUT.channels, 64, 64)
    with torch.no_grad():
        said = network(values)
        values[:, -1] = 1 - values[:, -1]
        assert not torch.equal(network(values), said)
    assert said.isfinite().all()


def test_building_one_reaches_no_network(installed: None, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("a connection")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    for encoder in ("resnet18", "tu-resnet18.a1_in1k"):
        EncoderSettings(encoder=encoder).build(LAYOUT, 2)


@pytest.mark.parametrize(
    ("encoder", "message"),
    [
        ("resnet1", "segmentation-models-pytorch has no encoder 'resnet1'; choose another"),
        ("tu-resnet1", r"the encoder 'tu-resnet1' cannot be used: Unknown model \(resnet1\); choose another"),
        ("tu-swin_tiny_patch4_window7_224", r"cannot be used: Input height \(32\) doesn't match model \(224\)"),
    ],
)
def test_an_encoder_that_cannot_be_used_is_told_in_a_line(encoder: str, message: str, installed: None) -> None:
    with pytest.raises(ModelError, match=message):
        EncoderSettings(encoder=encoder).build(LAYOUT, 2)


def test_learns_and_maps_what_it_learnt(firnline: Any, scene: Path, installed: None) -> None:
    folder = scene.parent
    config = configuration(folder, encoder=SMALL, decoder="unetplusplus")
    code, _, err = firnline("train", config, "-o", folder / "run")
    assert code == 0, err
    said = load_bundle(folder / "run" / "model").description
    assert said.architecture == EncoderSettings(encoder=SMALL, decoder="unetplusplus")
    assert {"timm", "segmentation-models-pytorch"} < set(said.training["versions"])
    maps = []
    for runtime in ("torch", "openvino"):
        code, _, err = firnline(
            "map", scene, "--model", folder / "run" / "model", "-o", folder / runtime, "--runtime", runtime
        )
        assert code == 0, err
        with rasterio.open(folder / runtime / "classes.tif") as file:
            maps.append(file.read(1))
    with rasterio.open(folder / "a_truth.tif") as file:
        truth = file.read(1)
    assert np.mean(maps[0] == truth) > 0.9
    assert np.mean(maps[0] != maps[1]) < 0.001


def test_several_processes_share_its_batch_norms_or_refuse(installed: None) -> None:
    """Of an encoder whose batch normalisation also activates, torchrun would make another network."""
    plain = EncoderSettings().build(LAYOUT, 2)
    share_batch_norms(plain)
    norms = [each for each in plain.modules() if isinstance(each, nn.BatchNorm2d)]
    assert norms
    assert all(isinstance(each, SharedBatchNorm) for each in norms)
    with pytest.raises(ConfigError, match=r"BatchNormAct2d.* cannot be shared by several processes"):
        share_batch_norms(EncoderSettings(encoder=SMALL).build(LAYOUT, 2))
