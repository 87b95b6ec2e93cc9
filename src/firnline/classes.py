"""Class values of rasters, and the label schemes that say what they mean."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

import numpy as np
from numpy.typing import NDArray

from firnline.errors import LabelError

BACKGROUND: Final = 0
CLEAN_ICE: Final = 1
DEBRIS: Final = 2
UNKNOWN: Final = 255

SCHEME_TAG: Final = "FIRNLINE_LABEL_SCHEME"
"""The GeoTIFF tag by which a class raster says which scheme its values follow."""

Classes = NDArray[np.uint8]


class LabelScheme(StrEnum):
    """What the values of a class raster mean; 255 is unknown in all of them.

    ``class``: 0 background, 1 clean ice, 2 debris-covered ice. ``glacier``: 1 is any glacier, its type not
    known. ``debris``: 1 is supraglacial debris, and 0 is everything else, clean ice included. ``clean``: 1 is clean
    ice, and 0 is everything else, debris-covered ice included.

    Examples
    --------
    >>> LabelScheme("class").class_names
    ('background', 'clean ice', 'debris-covered ice')
    >>> LabelScheme.DEBRIS.class_names
    ('other', 'supraglacial debris')
    """

    CLASS = "class"
    GLACIER = "glacier"
    DEBRIS = "debris"
    CLEAN = "clean"

    @property
    def class_names(self) -> tuple[str, ...]:
        """The names of the values 0, 1, ... in order."""
        return _NAMES[self]

    @property
    def class_count(self) -> int:
        """How many known values the scheme has."""
        return len(_NAMES[self])


_NAMES: Final = {
    LabelScheme.CLASS: ("background", "clean ice", "debris-covered ice"),
    LabelScheme.GLACIER: ("background", "glacier"),
    LabelScheme.DEBRIS: ("other", "supraglacial debris"),
    LabelScheme.CLEAN: ("other", "clean ice"),
}
_FROM_CLASS: Final = {LabelScheme.GLACIER: (0, 1, 1), LabelScheme.DEBRIS: (0, 0, 1), LabelScheme.CLEAN: (0, 1, 0)}
"""What the values 0, 1, 2 of ``class`` are in the other schemes."""


def require_values(classes: Classes, scheme: LabelScheme, where: str) -> None:
    """Raise LabelError when `classes` (any shape, uint8) holds a value that `scheme` does not have.

    Examples
    --------
    >>> require_values(np.array([0, 1, 255], np.uint8), LabelScheme.GLACIER, "truth.tif")
    """
    stray = sorted(set(np.unique(classes).tolist()) - {*range(scheme.class_count), UNKNOWN})
    if stray:
        raise LabelError(
            f"has the values {stray}, which the label scheme '{scheme}' does not know",
            where=where,
            do="name the right scheme (class, glacier, debris or clean)",
        )


def convert(classes: Classes, source: LabelScheme, target: LabelScheme) -> Classes:
    """Rewrite a class raster in another scheme, where that loses no truth: class to any other.

    Parameters
    ----------
    classes
        Class values, uint8, any shape.
    source, target
        The scheme it is in, and the wanted one.

    Returns
    -------
    uint8 array of the same shape; unknown stays unknown.

    Raises
    ------
    LabelError
        When the target asks for what the source does not know (glacier to class, say).

    Examples
    --------
    >>> convert(np.array([0, 1, 2, 255], np.uint8), LabelScheme.CLASS, LabelScheme.GLACIER).tolist()
    [0, 1, 1, 255]
    """
    if source == target:
        return classes
    if source != LabelScheme.CLASS:
        raise LabelError(f"the label scheme '{source}' cannot be turned into '{target}': it does not know enough")
    table = np.full(256, UNKNOWN, np.uint8)
    table[[BACKGROUND, CLEAN_ICE, DEBRIS]] = _FROM_CLASS[target]
    return table[classes]
