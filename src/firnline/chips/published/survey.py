"""Looking at every mask and image of the archive once: which can be read, and what they hold."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from firnline.chips.published.footprints import Footprints
from firnline.chips.published.images import ImageFile, ImageForm, form_of, look_at_image
from firnline.chips.published.layout import Archive
from firnline.chips.published.masks import Convention, MaskFile, look_at_mask, settle
from firnline.chips.published.patches import SIZE, Patch
from firnline.chips.published.report import Report
from firnline.chips.published.truth import Masks
from firnline.errors import FirnlineError

_MEANS_AGREE: Final = 1e-6

Wanted = Callable[[int], bool]
"""Whether a scene of this number is wanted."""


def survey_masks(archive: Archive, wanted: Wanted, report: Report) -> Masks:
    """Read every mask once and settle the convention of each folder."""
    folders: dict[str, list[Path]] = {"masks": [path for n, path in archive.masks.items() if wanted(n)]}
    for name, pairs in archive.patches.items():
        folders[name] = [pair.mask for patch, pair in sorted(pairs.items()) if pair.mask and wanted(patch.scene)]
    conventions: dict[str, Convention] = {}
    files: dict[Path, MaskFile] = {}
    for name, paths in folders.items():
        whole = [file for file in (_mask(path, name, report) for path in paths) if file is not None]
        if not paths:
            continue
        convention, odd = settle(whole)
        conventions[name] = convention
        report.mask_conventions[name] = f"{convention} ({len(whole)} files)"
        if not convention.is_known:
            report.problem(f"masks in {name}: what their channels mean is {convention}; they were not used")
        for path in odd:
            report.problem(
                f"{path}: its channels contradict the other masks of {name} ({convention}); it was not used"
            )
        files |= {file.path: file for file in whole if file.path not in odd}
    return Masks(conventions, files)


def _mask(path: Path, folder: str, report: Report) -> MaskFile | None:
    try:
        return look_at_mask(path, None if folder == "masks" else (SIZE, SIZE))
    except FirnlineError as error:
        report.problem(f"{error}; it was not used")
        return None


def survey_images(archive: Archive, wanted: Wanted, report: Report) -> dict[Path, ImageForm]:
    """Sample every image and settle the form of each folder; an image that cannot be read is not in the answer."""
    forms: dict[Path, ImageForm] = {}
    for name, pairs in archive.patches.items():
        paths = [pair.image for patch, pair in sorted(pairs.items()) if pair.image and wanted(patch.scene)]
        whole = [file for file in (_image(path, report) for path in paths) if file is not None]
        if not paths:
            continue
        form, odd = form_of(whole)
        report.image_forms[name] = f"{form} ({len(whole)} files)"
        for path in odd:
            report.problem(f"{path}: its numbers are not of the form of the other images of {name} ({form})")
        forms |= _forms(whole, form, odd)
    report.standardised = sum(form == ImageForm.STANDARDISED for form in forms.values())
    if report.standardised:
        report.notes.append(
            f"{report.standardised} images are standardised and their gaps filled; chips read the scenes' own pixels"
        )
    return forms


def _forms(files: Sequence[ImageFile], form: ImageForm, odd: Sequence[Path]) -> dict[Path, ImageForm]:
    return {file.path: file.form if file.path in odd else form for file in files}


def _image(path: Path, report: Report) -> ImageFile | None:
    try:
        return look_at_image(path)
    except FirnlineError as error:
        report.problem(f"{error}; it was not used")
        return None


def compare_means(archive: Archive, footprints: Footprints, masks: Masks, report: Report) -> set[Patch]:
    """The patches whose mask is not the one that ``slices.geojson`` speaks of, by the means of its channels."""
    strangers = set()
    for row in footprints.rows:
        pair = archive.patches["slices"].get(row.patch)
        file = None if pair is None or pair.mask is None else masks.files.get(pair.mask)
        if file is None or len(row.means) != len(file.means):
            continue
        if max(abs(a - b) for a, b in zip(row.means, file.means, strict=True)) > _MEANS_AGREE:
            strangers.add(row.patch)
            report.problem(f"{file.path}: the means of its channels are not those that slices.geojson gives for it")
    return strangers
