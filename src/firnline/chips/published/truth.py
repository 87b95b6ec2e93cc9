"""The truth of a published scene: its outlines burnt anew, holes kept, else the published masks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from rasterio.features import geometry_mask

from firnline.chips.published.images import known_in
from firnline.chips.published.layout import SLICES, Archive
from firnline.chips.published.masks import Convention, MaskFile, open_mask, to_classes
from firnline.chips.published.patches import SIZE, Patch, window_of
from firnline.chips.published.placing import Placement
from firnline.chips.published.report import Report
from firnline.classes import BACKGROUND, UNKNOWN, Classes
from firnline.errors import FirnlineError, LabelError
from firnline.grid import Grid
from firnline.labels import Outlines, Parts, Role, joined, rasterise, read_border, read_outlines

FROM_OUTLINES: Final = "the outlines, holes kept"
FROM_MASK: Final = "the scene's published mask"
FROM_PATCHES: Final = "the patches' published masks"
NO_TRUTH: Final = "nothing: unknown"

_ROWS_AT_ONCE: Final = 512


@dataclass(frozen=True)
class Masks:
    """The masks that can be read, and by which convention, folder by folder."""

    conventions: Mapping[str, Convention] = field(default_factory=dict)
    files: Mapping[Path, MaskFile] = field(default_factory=dict)
    """Whole masks that do not contradict their folder."""

    def convention_of(self, folder: str, path: Path | None) -> Convention | None:
        """How to read a mask; None when it cannot be."""
        convention = self.conventions.get(folder)
        return convention if path in self.files and convention is not None and convention.is_known else None


@dataclass(frozen=True)
class SceneTruth:
    """Class values (scheme ``class``) on a scene's grid, and what they are made of."""

    classes: Classes
    source: str
    outlines: Outlines | None = None
    """The outlines that they were burnt from."""


def truth_of_scene(placement: Placement, archive: Archive, masks: Masks, report: Report) -> SceneTruth:
    """The best truth there is for a scene; unknown outside the border of the mapped region, where that is there."""
    number, grid = placement.scene.number, placement.grid
    truth = _from_outlines(archive, grid, report)
    if truth is not None:
        _compare(truth.classes, archive.masks.get(number), masks, report)
        return truth
    truth = _from_mask(archive.masks.get(number), grid, masks, report)
    if truth is None:
        truth = _from_patches(number, grid, archive, masks, report)
    if archive.border is not None:
        truth.classes[_outside(archive.border, grid, report)] = UNKNOWN
    return truth


def _from_outlines(archive: Archive, grid: Grid, report: Report) -> SceneTruth | None:
    """Outlines burnt anew; None, said in the report, when they cannot be used."""
    if archive.clean is None or archive.debris is None:
        return None
    try:
        clean = read_outlines(archive.clean, grid=grid, role=Role.CLEAN)
        debris = read_outlines(archive.debris, grid=grid, role=Role.DEBRIS)
    except LabelError as error:
        report.problem(f"{error}; the published masks were used instead")
        return None
    outlines = joined((clean, debris))
    if len(outlines.frame):
        classes = rasterise(grid, Parts(clean, debris)).classes
    else:
        classes = np.full(grid.shape, BACKGROUND, np.uint8)
    if archive.border is not None:
        classes[_outside(archive.border, grid, report)] = UNKNOWN
    return SceneTruth(classes, FROM_OUTLINES, outlines)


def _outside(path: Path, grid: Grid, report: Report) -> NDArray[np.bool_]:
    """Pixels whose centre is outside the mapped region."""
    try:
        border = read_border(path, grid=grid)
    except LabelError as error:
        report.problem(f"{error}; land outside the border was not told from background")
        return np.zeros(grid.shape, np.bool_)
    report.unknown_outside_border = True
    if not len(border.frame):
        return np.ones(grid.shape, np.bool_)
    return np.asarray(geometry_mask(border.frame.geometry.tolist(), grid.shape, grid.transform), np.bool_)


def _from_mask(path: Path | None, grid: Grid, masks: Masks, report: Report) -> SceneTruth | None:
    convention = masks.convention_of("masks", path)
    if path is None or convention is None:
        return None
    try:
        mask = open_mask(path, grid.shape)
    except LabelError as error:
        report.problem(f"{error}; it was not used")
        return None
    classes = np.empty(grid.shape, np.uint8)
    for rows in _strips(grid.shape[0]):
        classes[rows] = to_classes(mask[rows], convention)
    return SceneTruth(classes, FROM_MASK)


def _compare(classes: Classes, path: Path | None, masks: Masks, report: Report) -> None:
    """Count where the published mask and the burnt outlines say otherwise."""
    convention = masks.convention_of("masks", path)
    if path is None or convention is None:
        return
    try:
        mask = open_mask(path, (classes.shape[0], classes.shape[1]))
    except LabelError as error:
        report.problem(f"{error}; it was not compared with the outlines")
        return
    for rows in _strips(classes.shape[0]):
        published, ours = to_classes(mask[rows], convention), classes[rows]
        both = (published != UNKNOWN) & (ours != UNKNOWN)
        report.compared_px += int(np.count_nonzero(both))
        report.holes_px += int(np.count_nonzero(both & (published != BACKGROUND) & (ours == BACKGROUND)))
        report.missed_px += int(np.count_nonzero(both & (published == BACKGROUND) & (ours != BACKGROUND)))


def _from_patches(number: int, grid: Grid, archive: Archive, masks: Masks, report: Report) -> SceneTruth:
    """The masks of a scene's patches side by side, those of ``slices`` before those of ``splits``; unknown where
    there is no patch, where a patch's image or mask has a gap, and where two patches contradict each other."""
    classes = np.full(grid.shape, UNKNOWN, np.uint8)
    placed = np.zeros(grid.shape, np.bool_)
    for patch in sorted(patch for patch in archive.named_patches if patch.scene == number):
        window = window_of(patch.index, grid.shape)
        values = None if window is None else _patch_classes(archive, patch, masks)
        if window is None or values is None:
            continue
        before, seen = classes[window.slices], placed[window.slices]
        differs = seen & (before != values) & (before != UNKNOWN) & (values != UNKNOWN)
        report.overlap_px += int(np.count_nonzero(seen))
        report.overlap_differs_px += int(np.count_nonzero(differs))
        # A gap in one patch is a gap, though it looks like background in the mask of the next.
        classes[window.slices] = np.where(seen & (before != values), np.uint8(UNKNOWN), values)
        placed[window.slices] = True
    return SceneTruth(classes, FROM_PATCHES if placed.any() else NO_TRUTH)


def _patch_classes(archive: Archive, patch: Patch, masks: Masks) -> Classes | None:
    """The classes of a patch from the first folder whose mask can be read; unknown in the gaps of its raw image."""
    for folder in sorted(archive.patches):
        pair = archive.patches[folder].get(patch)
        convention = None if pair is None else masks.convention_of(folder, pair.mask)
        if pair is None or pair.mask is None or convention is None:
            continue
        values = to_classes(np.asarray(open_mask(pair.mask, (SIZE, SIZE))), convention)
        if folder == SLICES and pair.image is not None:
            try:
                values[~known_in(pair.image)] = UNKNOWN
            except FirnlineError:  # said when the images were looked at
                values[:] = UNKNOWN
        return values
    return None


def _strips(rows: int) -> Iterator[slice]:
    return (slice(row, row + _ROWS_AT_ONCE) for row in range(0, rows, _ROWS_AT_ONCE))
