"""A systematic sample of a scene: blocks spread evenly over it, read once, bounded in memory."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from firnline.bands import BANDS
from firnline.features import FeatureSource
from firnline.flags import flags_path, read_flags
from firnline.grid import Window
from firnline.scene import Scene

BLOCK: Final = 256
"""Side of a block, pixels: several periods of the stripes of Landsat 7, several slopes of a valley."""
SIDE: Final = 7
"""At most so many blocks down, and so many across."""
_FEW_BLOCKS: Final = 16

Floats = NDArray[np.float32]


def sample_windows(shape: tuple[int, int]) -> tuple[Window, ...]:
    """The blocks that are looked at: all of a small scene, `SIDE` x `SIDE` spread evenly over a large one.

    Examples
    --------
    >>> len(sample_windows((512, 300))), len(sample_windows((7000, 7700)))
    (4, 49)
    >>> sample_windows((7000, 7700))[-1]
    Window(row=6744, column=7444, height=256, width=256)
    """
    return tuple(
        Window(row, column, height, width) for row, height in _starts(shape[0]) for column, width in _starts(shape[1])
    )


def _starts(pixels: int) -> list[tuple[int, int]]:
    if pixels <= SIDE * BLOCK:
        return [(start, min(BLOCK, pixels - start)) for start in range(0, pixels, BLOCK)]
    return [(int(start), BLOCK) for start in np.linspace(0, pixels - BLOCK, SIDE).round()]


@dataclass(frozen=True)
class Block:
    """The bands of one block, (row, column) each, NaN where unknown.

    `heights` and `slope` are those that the scene's features give (from the DEM where one is given).
    """

    window: Window
    bands: dict[str, Floats]
    heights: Floats | None
    slope: Floats | None
    flags: NDArray[np.uint8] | None


@dataclass(frozen=True)
class Sample:
    """Thinned pixels of all blocks, one float32 array (n,) a band, all in the same order; NaN where unknown."""

    bands: dict[str, Floats]
    heights: Floats | None
    slope: Floats | None
    flags: NDArray[np.uint8] | None

    def known(self, *names: str) -> tuple[Floats, ...]:
        """The pixels at which all of the bands are known, an array each."""
        taken = [self.bands[name] for name in names]
        good = np.all([np.isfinite(values) for values in taken], axis=0)
        return tuple(values[good] for values in taken)


def read_blocks(source: FeatureSource, windows: Sequence[Window], flags: bool) -> Iterator[Block]:
    """Read the blocks, one after the other."""
    has_heights, has_slope = "elevation" in source.available, "slope" in source.available
    with source.reader() as reader:
        for window in windows:
            bands = dict(
                zip(source.scene.band_names, reader.scene.read(source.scene.band_names, window), strict=True)
            )
            yield Block(
                window,
                bands,
                reader.read(["elevation"], window)[0] if has_heights else None,
                reader.read(["slope"], window)[0] if has_slope else None,
                _flags(source.scene, window) if flags else None,
            )


def _flags(scene: Scene, window: Window) -> NDArray[np.uint8]:
    return read_flags(flags_path(scene.path), scene.grid, window, scene.driver)


class Gatherer:
    """Collects pixels of blocks as they come by: every second of every second row, of many blocks every fourth."""

    def __init__(self, blocks: int) -> None:
        self._step = 2 if blocks <= _FEW_BLOCKS else 4
        self._bands: dict[str, list[Floats]] = {}
        self._heights: list[Floats] = []
        self._slope: list[Floats] = []
        self._flags: list[NDArray[np.uint8]] = []

    def add(self, block: Block) -> None:
        """Take the thinned pixels of a block."""
        thin = (slice(None, None, self._step), slice(None, None, self._step))
        for name, values in block.bands.items():
            self._bands.setdefault(name, []).append(values[thin].ravel())
        if block.heights is not None:
            self._heights.append(block.heights[thin].ravel())
        if block.slope is not None:
            self._slope.append(block.slope[thin].ravel())
        if block.flags is not None:
            self._flags.append(block.flags[thin].ravel())

    def sample(self) -> Sample:
        """All of them together."""
        return Sample(
            {name: np.concatenate(parts) for name, parts in self._bands.items()},
            np.concatenate(self._heights) if self._heights else None,
            np.concatenate(self._slope) if self._slope else None,
            np.concatenate(self._flags) if self._flags else None,
        )


def optical(scene: Scene) -> tuple[str, ...]:
    """The optical bands that see the ground: water vapour and cirrus see mostly air."""
    names = tuple(band.name for band in scene.bands if band.name in BANDS and band.kind == "optical")
    return tuple(name for name in names if name not in ("cirrus", "nir09"))


def quantiles(values: Floats, *shares: float) -> list[float]:
    """Quantiles (0 to 1) of the finite values; NaN where there are none."""
    finite = values[np.isfinite(values)]
    if finite.size == 0:
        return [float("nan")] * len(shares)
    return [float(value) for value in np.quantile(finite, shares)]
