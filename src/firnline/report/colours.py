"""Colours of the classes, the same in pictures, in the report and in QGIS."""

from __future__ import annotations

from typing import Final

CLEAN: Final = "#0072B2"
DEBRIS: Final = "#D55E00"
"""Blue and vermilion of Okabe & Ito (2008), told apart by readers of every colour vision, also in grey."""

LAKE: Final = "#009E73"
"""Bluish green of the same palette: neither the blue of ice nor the colour of debris."""
UNCLASSED: Final = "#56748A"
"""Of ice whose class is not told."""

CLASS_COLOURS: Final = {
    "clean ice": CLEAN,
    "glacier": CLEAN,
    "debris-covered ice": DEBRIS,
    "supraglacial debris": DEBRIS,
}
"""The colour of each class that is mapped, by its name in `firnline.classes`."""

HATCHED: Final = frozenset({"debris-covered ice", "supraglacial debris"})
"""Classes that are hatched, so that colour is not the only difference."""


def rgb(colour: str) -> tuple[int, int, int]:
    """Red, green and blue (0 to 255) of a colour written as ``#RRGGBB``.

    Examples
    --------
    >>> rgb("#0072B2")
    (0, 114, 178)
    """
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)
