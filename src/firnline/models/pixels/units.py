"""What is classified as one: each pixel by itself, or segments of similar pixels; and the features of each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from firnline.models.normaliser import Floats
from firnline.models.pixels.context import context_features, feature_names
from firnline.models.pixels.settings import Context, PixelSettings, SegmentsSettings

_FARTHEST: Final = 4.0
"""Values farther than this from the mean, in deviations, do not pull a segment any harder."""


@dataclass(frozen=True, eq=False)
class Units:
    """The units of a window.

    Parameters
    ----------
    of_pixel
        intp (row, column): the unit that each pixel belongs to, from 0.
    features
        float32 (unit, feature).
    """

    of_pixel: NDArray[np.intp]
    features: Floats

    @property
    def count(self) -> int:
        """How many there are."""
        return len(self.features)


def units_of(values: Floats, settings: PixelSettings) -> Units:
    """The units of a window of normalised bands (band, row, column), float32.

    Examples
    --------
    >>> from firnline.models.pixels.settings import ForestSettings
    >>> units = units_of(np.arange(8, dtype=np.float32).reshape(2, 2, 2), ForestSettings())
    >>> units.of_pixel.tolist(), units.features.tolist()
    ([[0, 1], [2, 3]], [[0.0, 4.0], [1.0, 5.0], [2.0, 6.0], [3.0, 7.0]])
    """
    features = context_features(values, context_of(settings))
    if isinstance(settings, SegmentsSettings):
        return _segments(values, features, settings)
    pixels = np.arange(features[0].size).reshape(features.shape[1:])
    return Units(pixels, np.ascontiguousarray(features.reshape(len(features), -1).T))


def unit_feature_names(bands: Sequence[str], settings: PixelSettings) -> tuple[tuple[str, str], ...]:
    """Each feature's name and the band that it is of.

    Examples
    --------
    >>> unit_feature_names(("red",), SegmentsSettings())
    (('mean of red', 'red'), ('deviation of red', 'red'))
    """
    names = feature_names(bands, context_of(settings))
    if not isinstance(settings, SegmentsSettings):
        return names
    within = [(f"deviation of {band}", band) for band in bands]
    return (*((f"mean of {name}", band) for name, band in names), *within)


def feature_count(bands: int, settings: PixelSettings) -> int:
    """How many features a unit has."""
    return len(unit_feature_names(tuple(map(str, range(bands))), settings))


def context_of(settings: PixelSettings) -> Context:
    """What is asked of a pixel's surroundings."""
    return settings.classifier.context if isinstance(settings, SegmentsSettings) else settings.context


def _segments(values: Floats, features: Floats, settings: SegmentsSettings) -> Units:
    """Segments with the mean of each feature, and the deviation of each band, over their pixels."""
    of_pixel = segmented(values, settings)
    flat = of_pixel.ravel()
    size = np.bincount(flat).astype(np.float64)
    means = [np.bincount(flat, feature.ravel()) / size for feature in features.astype(np.float64)]
    deviations = [
        np.sqrt(np.bincount(flat, (band.ravel() - mean[flat]) ** 2) / size)
        for band, mean in zip(values.astype(np.float64), means, strict=False)
    ]
    return Units(of_pixel, np.stack([*means, *deviations], axis=1).astype(np.float32))


def segmented(values: Floats, settings: SegmentsSettings) -> NDArray[np.intp]:
    """Segments of similar pixels, by SLIC (Achanta et al. 2012), each in one piece.

    Parameters
    ----------
    values
        Normalised bands (band, row, column), float32.
    settings
        How large and how compact segments are.

    Returns
    -------
    intp (row, column): the number of each pixel's segment, 0 and rising without a gap.
    """
    from skimage.segmentation import slic

    near = np.clip(values, -_FARTHEST, _FARTHEST)
    # It stretches the window's values to 0 to 1, and so lets the brightest pixel decide how much nearness weighs.
    extent = float(near.max() - near.min()) or 1.0
    segments = slic(
        near,
        n_segments=max(1, round(near[0].size / settings.side**2)),
        compactness=settings.compactness / extent,
        convert2lab=False,
        channel_axis=0,
        start_label=0,
    )
    _, numbers = np.unique(segments, return_inverse=True)
    return numbers.reshape(segments.shape).astype(np.intp)
