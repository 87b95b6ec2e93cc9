"""Masks of the published data set: what their channels mean, told from the pixels, and as classes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from firnline.classes import BACKGROUND, CLEAN_ICE, DEBRIS, UNKNOWN, Classes
from firnline.errors import LabelError

Mask = NDArray[np.uint8]

_ROWS_AT_ONCE: Final = 512


class Convention(StrEnum):
    """What the channels of a mask mean."""

    ANY_CLEAN_DEBRIS = "any glacier, clean ice, debris"
    CLEAN_DEBRIS_BACKGROUND = "clean ice, debris, background"
    BACKGROUND_CLEAN_DEBRIS = "background, clean ice, debris"
    CLEAN_DEBRIS = "clean ice, debris"
    AMBIGUOUS = "ambiguous"
    UNRECOGNISED = "not recognised"

    @property
    def is_known(self) -> bool:
        """Whether masks of it can be read."""
        return self not in (Convention.AMBIGUOUS, Convention.UNRECOGNISED)


Counts = tuple[int, ...]
"""Pixels by code: channel 0 set counts 1, channel 1 set 2, channel 2 set 4. Eight numbers."""

_NESTED: Final = frozenset((0b011, 0b101, 0b111))
"""Codes in which the first channel is set wherever one of the others is."""
_ONE_HOT: Final = frozenset((0b001, 0b010, 0b100))

_GAPS_AT_MOST: Final = 0.75
"""Share of a one-hot folder's pixels that may be gaps, which are zero in all channels."""
_ODD_AT_MOST: Final = 0.1
"""Share of a folder's files that may contradict the others before none of them is believed."""


@dataclass(frozen=True)
class MaskFile:
    """A mask file and its pixels by code."""

    path: Path
    shape: tuple[int, ...]
    counts: Counts

    @property
    def means(self) -> tuple[float, ...]:
        """Share of the pixels that is set, by channel."""
        total = sum(self.counts)
        return tuple(
            sum(count for code, count in enumerate(self.counts) if code >> channel & 1) / total
            for channel in range(self.shape[2])
        )


def open_mask(path: Path, shape: tuple[int, int] | None = None) -> Mask:
    """A mask (row, column, channel), uint8, mapped and not read.

    Raises
    ------
    LabelError
        When it is cut off or no mask; or not of `shape` (rows, columns).
    """
    try:
        mask: Mask = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise LabelError(
            f"cannot be read: cut off or no .npy file ({error})", where=path, do="get it again"
        ) from None
    if mask.ndim != 3 or mask.shape[2] not in (2, 3) or mask.dtype.kind not in "uib" or mask.size == 0:
        raise LabelError(f"is {mask.dtype} of shape {mask.shape}, not a mask of 2 or 3 channels", where=path)
    if shape is not None and mask.shape[:2] != shape:
        raise LabelError(f"has {mask.shape[0]} x {mask.shape[1]} pixels, not {shape[0]} x {shape[1]}", where=path)
    return mask


def look_at_mask(path: Path, shape: tuple[int, int] | None = None) -> MaskFile:
    """Count the pixels of a mask by code, a strip of rows at a time.

    Raises
    ------
    LabelError
        As `open_mask` does.
    """
    mask = open_mask(path, shape)
    counts = np.zeros(8, np.int64)
    for row in range(0, mask.shape[0], _ROWS_AT_ONCE):
        counts += np.bincount(_codes(mask[row : row + _ROWS_AT_ONCE]).ravel(), minlength=8)
    return MaskFile(path, mask.shape, tuple(counts.tolist()))


def _codes(mask: Mask) -> NDArray[np.uint8]:
    codes: NDArray[np.uint8] = (mask[..., 0] != 0).astype(np.uint8)
    for channel in range(1, mask.shape[2]):
        codes |= (mask[..., channel] != 0).astype(np.uint8) << np.uint8(channel)
    return codes


def recognise(files: Sequence[MaskFile]) -> Convention:
    """The convention that all the masks of a folder follow, told from their sums.

    An empty mask fits more than one, so a folder is judged as a whole. Where the first channel is the sum of the
    others it is any glacier; where the three sum to one they are one-hot, and the one set in most of the pixels
    is the background.

    Examples
    --------
    >>> def masks(*counts):
    ...     return [MaskFile(Path("m.npy"), (2, 5, 3), counts)]
    >>> print(recognise(masks(7, 0, 0, 2, 0, 1, 0, 0)))
    any glacier, clean ice, debris
    >>> print(recognise(masks(0, 2, 1, 0, 7, 0, 0, 0)))
    clean ice, debris, background
    >>> print(recognise(masks(10, 0, 0, 0, 0, 0, 0, 0)))
    ambiguous
    """
    if not files or len({file.shape[2] for file in files}) != 1:
        return Convention.AMBIGUOUS
    total = np.sum([file.counts for file in files], axis=0)
    seen = {code for code in range(1, 8) if total[code]}
    if files[0].shape[2] == 2:
        return Convention.CLEAN_DEBRIS if 0b10 in seen else Convention.AMBIGUOUS
    if not seen:
        return Convention.AMBIGUOUS
    if seen <= _NESTED:
        return Convention.ANY_CLEAN_DEBRIS
    return _one_hot(total) if seen <= _ONE_HOT else Convention.UNRECOGNISED


def _one_hot(total: NDArray[np.int64]) -> Convention:
    """Which channel of three that exclude each other is the background: the one with most of the pixels.

    Clean ice and debris without a channel for the background look alike where most pixels are zero in all three.
    """
    first, middle, last = (int(total[code]) for code in (0b001, 0b010, 0b100))
    half = (first + middle + last) / 2
    if total[0] > _GAPS_AT_MOST * total.sum():
        return Convention.AMBIGUOUS
    if last > half:
        return Convention.CLEAN_DEBRIS_BACKGROUND
    return Convention.BACKGROUND_CLEAN_DEBRIS if first > half and last and middle else Convention.AMBIGUOUS


def settle(files: Sequence[MaskFile]) -> tuple[Convention, tuple[Path, ...]]:
    """The convention of a folder, and the files in it that contradict it.

    Where all files together follow none, but nine of ten of those that show anything follow one, it is that one.
    """
    together = recognise(files)
    if together != Convention.UNRECOGNISED:
        return together, ()
    telling = [file for file in files if _codes_of(file)]
    for codes in (_NESTED, _ONE_HOT):
        odd = [file for file in telling if not _codes_of(file) <= codes]
        if len(odd) <= _ODD_AT_MOST * len(telling):
            return recognise([file for file in files if file not in odd]), tuple(file.path for file in odd)
    return Convention.UNRECOGNISED, ()


def _codes_of(file: MaskFile) -> set[int]:
    return {code for code in range(1, 8) if file.counts[code]}


def to_classes(mask: Mask, convention: Convention) -> Classes:
    """Class values (scheme ``class``) of a mask (row, column, channel); debris wins where both are set.

    Zero in all channels of a one-hot mask is a gap, and unknown; in the other conventions a gap looks like
    background, and stays so.

    Raises
    ------
    LabelError
        When the convention is not known.

    Examples
    --------
    >>> one_hot = np.array([[[1, 0, 0], [0, 1, 0], [0, 0, 1], [0, 0, 0]]], np.uint8)
    >>> to_classes(one_hot, Convention.CLEAN_DEBRIS_BACKGROUND).tolist()
    [[1, 2, 0, 255]]
    """
    if not convention.is_known:
        raise LabelError(f"the channels of the masks are {convention}", do="name no masks, or give the outlines")
    clean, debris = {
        Convention.ANY_CLEAN_DEBRIS: (1, 2),
        Convention.CLEAN_DEBRIS_BACKGROUND: (0, 1),
        Convention.BACKGROUND_CLEAN_DEBRIS: (1, 2),
        Convention.CLEAN_DEBRIS: (0, 1),
    }[convention]
    classes = np.full(mask.shape[:2], BACKGROUND, np.uint8)
    classes[mask[..., clean] != 0] = CLEAN_ICE
    classes[mask[..., debris] != 0] = DEBRIS
    if convention in (Convention.CLEAN_DEBRIS_BACKGROUND, Convention.BACKGROUND_CLEAN_DEBRIS):
        classes[~(mask != 0).any(axis=2)] = UNKNOWN
    return classes
