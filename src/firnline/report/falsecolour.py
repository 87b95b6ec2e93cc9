"""False-colour images of a scene of any size: best bands, read decimated, stretched, unknown drawn as unknown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from firnline.bands import Kind
from firnline.classes import UNKNOWN, Classes, LabelScheme
from firnline.grid import Window
from firnline.report.colours import CLASS_COLOURS, rgb
from firnline.scene import Scene, SceneReader

_CHOICES: Final = (
    ("swir16", "nir08", "red"),
    ("swir16", "nir08", "green"),
    ("swir16", "green", "blue"),
    ("swir16", "red", "green"),
    ("nir08", "red", "green"),
    ("red", "green", "blue"),
)
"""Bands for red, green and blue, the best first: short-wave infrared makes snow and ice blue, rock brown."""
_UNKNOWN_LIGHT, _UNKNOWN_DARK = 232, 196
_STRIP_ROWS: Final = 512


@dataclass(frozen=True)
class Stretch:
    """Which value of each of three bands becomes 0, and which 255."""

    bands: tuple[str, str, str]
    low: tuple[float, ...]
    high: tuple[float, ...]


def choose_bands(scene: Scene) -> tuple[str, str, str]:
    """The three bands for red, green and blue; the same one three times (grey) where no combination is there."""
    names = scene.band_names
    for choice in _CHOICES:
        if set(choice) <= set(names):
            return choice
    optical = [band.name for band in scene.bands if band.kind == Kind.OPTICAL]
    grey = (optical or [*names])[0]
    return grey, grey, grey


def step_for(shape: tuple[int, int], largest: int) -> int:
    """How many pixels become one so that no side is longer than `largest`.

    Examples
    --------
    >>> step_for((512, 512), 1200), step_for((7747, 7058), 1200)
    (1, 7)
    """
    return max(1, -(-max(shape) // largest))


def read_decimated(
    reader: SceneReader, names: Sequence[str], step: int, window: Window | None = None
) -> NDArray[np.float32]:
    """Read bands with `step` x `step` pixels averaged to one, in strips, so that memory stays bounded.

    Returns
    -------
    float32 (band, row, column), NaN where half of the averaged pixels or more are unknown.
    """
    window = reader.scene.grid.window if window is None else window
    if step == 1:
        return reader.read(names, window)
    rows = max(1, _STRIP_ROWS // step) * step
    strips = []
    for row in range(window.row, window.stop_row, rows):
        strip = Window(row, window.column, min(rows, window.stop_row - row), window.width)
        strips.append(_averaged(reader.read(names, strip), step))
    return np.concatenate(strips, axis=1)


def _averaged(values: NDArray[np.float32], step: int) -> NDArray[np.float32]:
    row_starts, column_starts = (np.arange(0, size, step) for size in values.shape[1:])
    known = np.isfinite(values)

    def summed(array: NDArray[np.float32]) -> NDArray[np.float32]:
        return np.add.reduceat(np.add.reduceat(array, row_starts, axis=1), column_starts, axis=2)

    count = summed(known.astype(np.float32))
    pixels = summed(np.ones((1, *values.shape[1:]), np.float32))
    total = summed(np.where(known, values, np.float32(0)))
    return np.divide(total, count, out=np.full_like(total, np.nan), where=2 * count > pixels)


def fit_stretch(bands: tuple[str, str, str], values: NDArray[np.float32]) -> Stretch:
    """Stretch from the 2nd to the 98th percentile of each band over the pixels known in all three."""
    known = np.isfinite(values).all(axis=0)
    if not known.any():
        return Stretch(bands, (0.0,) * 3, (1.0,) * 3)
    low, high = np.percentile(values[:, known], (2, 98), axis=1)
    # Apart by more than float32 tells, so that a band of one value can be stretched too.
    least = np.maximum(1e-6, 1e-5 * np.abs(low))
    return Stretch(bands, tuple(low.tolist()), tuple(np.maximum(high, low + least).tolist()))


def to_rgb(values: NDArray[np.float32], stretch: Stretch) -> NDArray[np.uint8]:
    """Colours (row, column, 3) of band values (3, row, column); unknown pixels are striped grey, never black."""
    low, high = (np.array(limit, np.float32)[:, None, None] for limit in (stretch.low, stretch.high))
    known = np.isfinite(values).all(axis=0)
    share = np.clip((np.where(known, values, low) - low) / (high - low), 0, 1)
    image = np.moveaxis((share * 255).astype(np.uint8), 0, -1)
    image[~known] = stripes(known.shape)[~known]
    return np.ascontiguousarray(image)


def class_picture(image: NDArray[np.uint8], classes: Classes, scheme: LabelScheme) -> NDArray[np.uint8]:
    """Classes in their colours over a pale grey of the image, unknown striped; uint8 (row, column, 3).

    Parameters
    ----------
    image
        uint8 (row, column, 3), of the same rows and columns as the classes.
    classes
        Class values, uint8 (row, column), 255 unknown.
    scheme
        What they mean.

    Examples
    --------
    >>> image = np.zeros((1, 2, 3), np.uint8)
    >>> class_picture(image, np.array([[0, 1]], np.uint8), LabelScheme.GLACIER).tolist()
    [[[175, 175, 175], [0, 114, 178]]]
    """
    grey = image.mean(axis=-1, keepdims=True)
    picture: NDArray[np.uint8] = (175 + grey * (75 / 255)).astype(np.uint8).repeat(3, axis=-1)
    for value, name in enumerate(scheme.class_names[1:], start=1):
        picture[classes == value] = rgb(CLASS_COLOURS[name])
    is_unknown = classes == UNKNOWN
    picture[is_unknown] = stripes(classes.shape)[is_unknown]
    return picture


def stripes(shape: tuple[int, int]) -> NDArray[np.uint8]:
    """The grey stripes by which unknown pixels are shown, uint8 (row, column, 3)."""
    row, column = np.indices(shape, np.int32, sparse=True)
    width = max(2, max(shape) // 150)
    dark = (row + column) // width % 4 == 0
    return np.where(dark, _UNKNOWN_DARK, _UNKNOWN_LIGHT).astype(np.uint8)[..., None].repeat(3, axis=-1)
