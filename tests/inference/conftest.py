"""A tiny bundle of random weights, and scenes of any values."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
import rasterio
import torch
from affine import Affine

from firnline.bands import Level
from firnline.classes import LabelScheme
from firnline.features import FeatureSource
from firnline.models.architectures import UNetSettings
from firnline.models.band_inputs import BandInput, Reading
from firnline.models.bundle import Description, save_bundle
from firnline.scene import open_scene

BANDS = ("green", "swir16")


@pytest.fixture(scope="session")
def write_scene() -> Callable[..., FeatureSource]:
    """Write values (band, row, column) as a scene of surface reflectance, or terrain."""

    def write(path: Path, values: np.ndarray, names: Sequence[str] = BANDS) -> FeatureSource:
        count, height, width = values.shape
        profile = {"driver": "GTiff", "dtype": "float32", "count": count, "height": height, "width": width}
        profile |= {"crs": "EPSG:32645", "transform": Affine(30, 0, 478005, 0, -30, 3108145), "nodata": np.nan}
        with rasterio.open(path, "w", **profile) as file:
            file.descriptions = names
            file.update_tags(LEVEL=str(Level.SURFACE_REFLECTANCE))
            file.write(values.astype(np.float32))
        return FeatureSource(open_scene(path))

    return write


@pytest.fixture(scope="session")
def write_bundle(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Save a network of random weights whose classes are about as frequent as each other."""

    def write(names: Sequence[str] = BANDS, seed: int = 3, gain: float = 5) -> Path:
        torch.manual_seed(seed)
        settings = UNetSettings(width=4, depth=2, norm="batch")
        bands = []
        for name in names:
            level = (
                Level.NOT_RADIOMETRIC if name in ("eastness", "northness", "aspect") else Level.SURFACE_REFLECTANCE
            )
            read = Reading(level=level, unit="1", mean=0.5, deviation=0.3)
            bands.append(BandInput(name=name, readings=(read,)))
        described = Description(
            name="tiny", architecture=settings, bands=tuple(bands), impute="after", scheme=LabelScheme.CLASS,
            resolutions_m=(30.0,), window=64,
        )  # fmt: skip
        network = settings.build(described.layout, 3)
        with torch.no_grad():
            network.seg_layer.weight.mul_(gain)
            logits = network.eval()(torch.randn(1, len(names), 64, 64))
            network.seg_layer.bias.sub_(logits.mean((0, 2, 3)))
        folder = tmp_path_factory.mktemp("bundles") / "tiny"
        save_bundle(folder, described, network)
        return folder

    return write


@pytest.fixture(scope="session")
def bundle(write_bundle: Callable[..., Path]) -> Path:
    """A model of two bands; tests leave it as it is."""
    return write_bundle()
