"""What one product shows in one window of the scene: stored numbers, flags, and how far it can be trusted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from firnline.acquire.ready.encoding import Encoding
from firnline.acquire.ready.layers import Files, Layer, Stored
from firnline.acquire.ready.quality import decode, decode_saturation
from firnline.acquire.ready.settings import ReadySettings
from firnline.acquire.ready.stripes import find_stripes, has_stripes
from firnline.acquire.source import SourceBand, SourceProduct
from firnline.bands import BANDS, Kind, Level, Sensor
from firnline.features import normalised_difference
from firnline.flags import Flag
from firnline.grid import Grid, Window
from firnline.spectral import NDSI_OF_SNOW

Bools = NDArray[np.bool_]

BRIGHT: Final = 0.3
"""Reflectance in green of what is called bright here; of digital numbers, the share of their range."""


class Rank(IntEnum):
    """How good an observation of a pixel is; the lowest is taken."""

    CLEAR = 0
    SHADOWED = 1
    """In the shadow of a cloud."""
    CLOUDED = 2
    """Under cloud, and kept."""
    PARTIAL = 3
    """Some of its bands are unknown."""
    MASKED = 4
    """Under cloud, and unknown by it."""
    STRIPE = 5
    NOTHING = 6


@dataclass(frozen=True)
class Observation:
    """A window of one product on the scene's grid; all arrays end in (row, column)."""

    values: NDArray[np.generic]
    """(band, row, column), as the scene stores them, with what is under cloud."""
    flags: NDArray[np.uint8]
    rank: NDArray[np.uint8]
    """A `Rank` each."""
    ndsi: NDArray[np.float32]
    """NaN where unknown, or where the bands are not there."""
    is_ice: Bools
    """Looks like bright snow or ice."""


@dataclass(frozen=True)
class Observer:
    """An open product on the scene's grid."""

    product: SourceProduct
    bands: tuple[SourceBand, ...]
    layers: tuple[Layer, ...]
    encodings: tuple[Encoding, ...]
    quality: Layer | None
    saturation: Layer | None
    settings: ReadySettings

    @classmethod
    def of(
        cls,
        product: SourceProduct,
        names: Sequence[str],
        encodings: Sequence[Encoding],
        grid: Grid,
        files: Files,
        settings: ReadySettings,
    ) -> Observer:
        """Open a product's bands of these names, and its quality band."""
        by_name = {band.name: band for band in product.bands}
        bands = tuple(by_name[name] for name in names)
        layers = tuple(files.layer(band, grid, settings.resampling, product.fill) for band in bands)
        said = product.quality
        quality = saturation = None
        if said is not None:
            quality = files.bits(said.href, said.index, grid)
            if said.saturation is not None:
                saturation = files.bits(said.saturation, said.saturation_index, grid)
        return cls(product, bands, layers, tuple(encodings), quality, saturation, settings)

    def observe(self, window: Window) -> Observation:
        """Read a window, which may reach beyond the scene: buffers and stripes look around what is wanted.

        Raises
        ------
        SceneError
            When a file is damaged.
        """
        stored = [layer.read(window) for layer in self.layers]
        known = np.stack([band.known for band in stored])
        flags, is_fill, is_image = self._flags(stored, window)
        known &= ~is_fill
        stripe = self._stripes(known, is_image)
        flags[stripe] |= np.uint8(Flag.STRIPE)
        ndsi, is_ice = self._ice(stored, known)
        cloud = widened(flags & Flag.CLOUD != 0, self.settings.cloud_buffer) & known.any(axis=0)
        flags[cloud] |= np.uint8(Flag.CLOUD)
        values = np.stack(
            [
                encoding.take(band.values, where, source)
                for encoding, band, where, source in zip(self.encodings, stored, known, self.bands, strict=True)
            ]
        )
        return Observation(values, flags, self._rank(known, flags, stripe, is_ice), ndsi, is_ice)

    def _flags(self, stored: Sequence[Stored], window: Window) -> tuple[NDArray[np.uint8], Bools, Bools]:
        flags = np.zeros(window.shape, np.uint8)
        is_fill = np.zeros(window.shape, np.bool_)
        for band, numbers in zip(self.bands, stored, strict=True):
            flags[_at_its_most(band, numbers, self.product.sensor)] |= np.uint8(Flag.SATURATED)
        if self.quality is None or self.product.quality is None:
            return flags, is_fill, is_fill
        convention, sensor = self.product.quality.convention, self.product.sensor
        bits = self.quality.read(window)
        said = decode(bits.values, convention, sensor, cirrus=self.settings.cirrus)
        flags[bits.known] |= said.flags[bits.known]
        seen = bits.known
        is_fill = said.is_fill & seen
        if self.saturation is not None:
            bits = self.saturation.read(window)
            flags[bits.known] |= decode_saturation(bits.values, convention, sensor)[bits.known]
        flags[is_fill] = 0
        return flags, is_fill, said.is_image & seen

    def _stripes(self, known: Bools, is_image: Bools) -> Bools:
        if not has_stripes(self.product):
            return np.zeros(known.shape[1:], np.bool_)
        return find_stripes(known[self._measured()], 30.0 / self.layers[0].target.resolution, is_image)

    def _measured(self) -> list[int]:
        """Optical bands, which tell whether a pixel was seen; others where there is none."""
        optical = [i for i, band in enumerate(self.bands) if is_optical(band.name)]
        return optical or list(range(len(self.bands)))

    def _ice(self, stored: Sequence[Stored], known: Bools) -> tuple[NDArray[np.float32], Bools]:
        names = [band.name for band in self.bands]
        if "green" not in names or "swir16" not in names:
            empty = np.full(known.shape[1:], np.nan, np.float32)
            return empty, np.zeros(known.shape[1:], np.bool_)
        values = []
        for name in ("green", "swir16"):
            band, numbers = self.bands[names.index(name)], stored[names.index(name)]
            value = (numbers.values.astype(np.float64) * band.scale + band.offset).astype(np.float32)
            values.append(np.where(known[names.index(name)], value, np.float32(np.nan)))
        ndsi = normalised_difference(*values)
        green = self.bands[names.index("green")]
        bright = BRIGHT * _range_of(green, self.layers[names.index("green")].dtype)
        return ndsi, np.asarray((ndsi > NDSI_OF_SNOW) & (values[0] >= bright))

    def _rank(self, known: Bools, flags: NDArray[np.uint8], stripe: Bools, is_ice: Bools) -> NDArray[np.uint8]:
        cloud, shadow = flags & Flag.CLOUD != 0, flags & Flag.CLOUD_SHADOW != 0
        masked = cloud.copy() if self.settings.cloud == "unknown" else np.zeros_like(cloud)
        if self.settings.keep_cloud_over_ice:
            masked &= ~is_ice
        if self.settings.shadow == "unknown":
            masked |= shadow
        rank = np.full(cloud.shape, Rank.CLEAR, np.uint8)
        rank[shadow] = Rank.SHADOWED
        rank[cloud] = Rank.CLOUDED
        rank[~known[self._measured()].all(axis=0)] = Rank.PARTIAL
        rank[masked] = Rank.MASKED
        nothing = ~known.any(axis=0)
        rank[nothing] = Rank.NOTHING
        rank[stripe] = Rank.STRIPE
        return rank


def is_optical(name: str) -> bool:
    """Whether a band is an image in reflected light (of which pan is one on a grid of its own)."""
    return name in BANDS and BANDS[name].kind == Kind.OPTICAL and name != "pan"


def widened(where: Bools, pixels: int) -> Bools:
    """`where` and all that lies within so many pixels of it.

    Examples
    --------
    >>> widened(np.array([[0, 0, 0, 0, 1]], bool), 2).astype(int).tolist()
    [[0, 0, 1, 1, 1]]
    """
    if pixels == 0 or not where.any():
        return where
    return np.asarray(ndimage.distance_transform_edt(~where) <= pixels)


def _at_its_most(band: SourceBand, stored: Stored, sensor: Sensor) -> Bools:
    """Where an optical band was saturated: as its maker says, else where it has the highest number of its type."""
    if not is_optical(band.name):
        return np.zeros(stored.known.shape, np.bool_)
    most = _most(band, stored, sensor)
    return np.asarray(stored.known & (stored.values.astype(np.float64) >= most))


def _most(band: SourceBand, stored: Stored, sensor: Sensor) -> float:
    if band.saturated is not None:
        return band.saturated
    if stored.values.dtype.kind == "u":
        return float(np.iinfo(str(stored.values.dtype)).max)
    is_eight_bits = band.level == Level.DIGITAL_NUMBER and sensor in (Sensor.LANDSAT5, Sensor.LANDSAT7)
    return 255.0 if is_eight_bits else float("inf")


def _range_of(band: SourceBand, dtype: str) -> float:
    """1 for reflectance; for digital numbers, the highest one."""
    if band.level != Level.DIGITAL_NUMBER:
        return 1.0
    return 65535.0 if dtype == "uint16" else 255.0
