"""How a band's numbers are stored in an analysis-ready scene: whole numbers with scale and offset, 0 unknown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from firnline.acquire.source import SourceBand
from firnline.bands import BANDS, Kind, Level

WHOLE: Final = "uint16"
FLOAT: Final = "float32"
_MOST: Final = 65535


@dataclass(frozen=True)
class Encoding:
    """``value = stored * scale + offset``; unknown is 0 in whole numbers and NaN in floats.

    Examples
    --------
    >>> elevation = Encoding("uint16", 0.2, -500.2)
    >>> stored = elevation.encode(np.array([4012.31, np.nan], np.float32))
    >>> stored.tolist(), elevation.decode(stored).round(1).tolist()
    ([22563, 0], [4012.39990234375, nan])
    """

    dtype: str
    scale: float = 1.0
    offset: float = 0.0
    level: Level = Level.NOT_RADIOMETRIC

    @property
    def nodata(self) -> float:
        """The stored value of unknown."""
        return 0.0 if self.dtype == WHOLE else float("nan")

    def encode(self, values: NDArray[np.floating]) -> NDArray[np.generic]:
        """Values in the band's unit to stored ones; NaN is unknown."""
        return self._finish((values.astype(np.float64) - self.offset) / self.scale, np.isfinite(values))

    def take(self, raw: NDArray[np.generic], known: NDArray[np.bool_], band: SourceBand) -> NDArray[np.generic]:
        """A product's stored numbers to this encoding: as they are, or shifted, where that is all it takes."""
        gain = band.scale / self.scale
        bias = (band.offset - self.offset) / self.scale
        is_shift = abs(gain - 1.0) < 1e-9 and abs(bias - round(bias)) < 1e-4
        if is_shift and raw.dtype.kind in "iu" and self.dtype == WHOLE:
            shifted = raw.astype(np.int64) + round(bias)
            return np.where(known, np.clip(shifted, 1, _MOST), 0).astype(np.uint16)
        if is_shift and round(bias) == 0:
            return self._finish(raw.astype(np.float64), known)
        return self._finish(raw.astype(np.float64) * gain + bias, known)

    def decode(self, stored: NDArray[np.generic]) -> NDArray[np.float32]:
        """Stored numbers to values in the band's unit, float32, NaN where unknown."""
        values = (stored.astype(np.float64) * self.scale).astype(np.float32) + np.float32(self.offset)
        values[~self.known(stored)] = np.nan
        return values

    def known(self, stored: NDArray[np.generic]) -> NDArray[np.bool_]:
        """Where stored numbers mean a value."""
        return np.asarray(stored != 0 if self.dtype == WHOLE else np.isfinite(stored))

    def _finish(self, stored: NDArray[np.float64], known: NDArray[np.bool_]) -> NDArray[np.generic]:
        if self.dtype == FLOAT:
            return np.where(known, stored, np.nan).astype(np.float32)
        whole = np.clip(np.rint(np.where(known, stored, 0.0)), 1, _MOST)
        return np.where(known, whole, 0).astype(np.uint16)


def elevation_encoding(dtype: str) -> Encoding:
    """Steps of 0.2 m from -500 m to 12,606 m: finer than any DEM of mountains is right."""
    return Encoding(WHOLE, 0.2, -500.2) if dtype == WHOLE else Encoding(FLOAT)


def slope_encoding(dtype: str) -> Encoding:
    """Steps of 0.01 degree."""
    return Encoding(WHOLE, 0.01, -0.01) if dtype == WHOLE else Encoding(FLOAT)


def index_encoding(dtype: str) -> Encoding:
    """Steps of 0.0001 from -1 to 1."""
    return Encoding(WHOLE, 1e-4, -1.0001) if dtype == WHOLE else Encoding(FLOAT)


def day_encoding(dtype: str) -> Encoding:
    """Days since 1970-01-01 as they are."""
    return Encoding(dtype)


def dtype_of_scene(dtypes: Sequence[str]) -> str:
    """What a scene of bands of these types is stored in: uint16 where all are whole numbers of at most 16 bits.

    Numbers that come as floats are kept as float32: how finely they may be rounded, nobody but their maker knows.

    Examples
    --------
    >>> dtype_of_scene(["uint8", "int16"]), dtype_of_scene(["uint16", "float64"])
    ('uint16', 'float32')
    """
    return WHOLE if all(dtype in ("uint8", "int8", "uint16", "int16") for dtype in dtypes) else FLOAT


def encoding_of(sources: Sequence[tuple[SourceBand, str]], dtype: str) -> Encoding:
    """The encoding that takes one band of every product, given with the type it is stored in.

    - Same scale and offset: the product's own numbers. They are shifted only where a real value is stored as 0 or
      below, which is to mean unknown here.
    - Same scale, other offsets (Sentinel-2 before and after baseline 04.00): the lowest offset, so that no number
      falls below 1.
    - Other scales (top-of-atmosphere reflectance scaled by each scene's sun): one step for all of 3e-5 in
      reflectance and 0.005 K, which is finer than the numbers of the sensors named in `bands.Sensor`.
    """
    bands = [band for band, _ in sources]
    level = bands[0].level
    scales = {band.scale for band in bands}
    if dtype == FLOAT:
        same = len(scales) == 1 and len({band.offset for band in bands}) == 1
        return Encoding(FLOAT, bands[0].scale, bands[0].offset, level) if same else Encoding(FLOAT, level=level)
    if len(scales) == 1:
        scale = scales.pop()
        offset = min(band.offset + (_lowest(stored, band.nodata) - 1) * scale for band, stored in sources)
        return Encoding(WHOLE, scale, offset, level)
    kind = BANDS[bands[0].name].kind if bands[0].name in BANDS else Kind.OTHER
    if kind == Kind.OPTICAL:
        return Encoding(WHOLE, 3e-5, -0.2, level)
    if kind == Kind.THERMAL:
        return Encoding(WHOLE, 0.005, 50.0, level)
    return Encoding(WHOLE, min(scales), min(band.offset for band in bands) - min(scales), level)


def _lowest(dtype: str, nodata: float | None) -> int:
    """The lowest number that may mean a value."""
    if dtype.startswith("u"):
        return 1 if nodata == 0 else 0
    return -32767 if dtype == "int16" else -127
