"""Patches of the published data set: what their names say, and where in a scene they lie."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from firnline.grid import Window

SIZE: Final = 512
STRIDE: Final = 506
"""Patches overlap by 6 pixels."""

_NAME: Final = re.compile(r"slice_(\d{1,2})_(img|mask)_(\d{3,4})(?:\.npy)?")


@dataclass(frozen=True, order=True)
class Patch:
    """Patch `index` of scene `scene`: counted row by row from the top left.

    Examples
    --------
    >>> Patch(6, 72).name
    'slice_6_072'
    """

    scene: int
    index: int

    @property
    def name(self) -> str:
        """The file name's part that image and mask share."""
        return f"slice_{self.scene}_{self.index:03}"


def parse_patch(file_name: str) -> tuple[Patch, str] | None:
    """The patch that a file is of and which half it is, ``img`` or ``mask``; None when it is not of one.

    Examples
    --------
    >>> parse_patch("slice_6_mask_072.npy")
    (Patch(scene=6, index=72), 'mask')
    >>> parse_patch("stats_train.json") is None
    True
    """
    match = _NAME.fullmatch(file_name)
    return None if match is None else (Patch(int(match[1]), int(match[3])), match[2])


def patches_along(pixels: int) -> int:
    """How many patches fit along a side; what remains at the right and the bottom is in none.

    Examples
    --------
    >>> patches_along(7849), patches_along(512), patches_along(511)
    (15, 1, 0)
    """
    return max(0, (pixels - SIZE) // STRIDE + 1)


def patch_count(shape: tuple[int, int]) -> int:
    """How many patches a scene of (rows, columns) has."""
    return patches_along(shape[0]) * patches_along(shape[1])


def window_of(index: int, shape: tuple[int, int]) -> Window | None:
    """The window of a patch in a scene of (rows, columns); None where the scene has no such patch.

    Examples
    --------
    >>> window_of(72, (7123, 7849))
    Window(row=2024, column=6072, height=512, width=512)
    """
    if not 0 <= index < patch_count(shape):
        return None
    row, column = divmod(index, patches_along(shape[1]))
    return Window(row * STRIDE, column * STRIDE, SIZE, SIZE)
