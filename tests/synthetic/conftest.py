"""The default range and its neighbour, made once and read as arrays."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
import rasterio

from firnline.synthetic import SyntheticRange, make_range


@dataclass(frozen=True)
class Read:
    """A range in memory: `bands` by stored name in physical units, `classes`, `kind` (without its flags)."""

    made: SyntheticRange
    bands: dict[str, np.ndarray]
    classes: np.ndarray
    kind: np.ndarray
    shadow: np.ndarray
    cloud: np.ndarray

    @property
    def usable(self) -> np.ndarray:
        """Seen by the sensor and inside the border."""
        return np.isfinite(np.stack(list(self.bands.values()))).all(0) & (self.classes != 255)


def read(made: SyntheticRange) -> Read:
    with rasterio.open(made.scene) as scene:
        bands = {
            name: band * scale + offset
            for name, band, scale, offset in zip(
                scene.descriptions, scene.read().astype(np.float64), scene.scales, scene.offsets, strict=True
            )
        }
    with rasterio.open(made.classes) as truth, rasterio.open(made.surfaces) as surfaces:
        surface = surfaces.read(1)
        return Read(made, bands, truth.read(1), surface & 63, surface >= 128, (surface & 64) > 0)


@pytest.fixture(scope="session")
def ranges(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Read]:
    """The default range (landsat7, seed 0), the next seed, and the default range of the other sensors."""
    base = tmp_path_factory.mktemp("ranges")
    return {
        "default": read(make_range(base / "default")),
        "next": read(make_range(base / "next", seed=1)),
        "landsat8": read(make_range(base / "landsat8", sensor="landsat8")),
        "sentinel2": read(make_range(base / "sentinel2", sensor="sentinel2")),
    }
