"""Patch images of the published data set: raw or standardised, told from the range of B1, and read by name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from firnline.chips.published.patches import SIZE
from firnline.errors import SceneError

BANDS: Final = (
    *("blue", "green", "red", "nir08", "swir16", "lwir_low_gain", "lwir_high_gain", "swir22", "pan", "qa"),
    *("ndvi", "ndsi", "ndmi", "elevation", "slope"),
)
"""The bands of a patch by position, under their true names: what the authors call ndwi is Gao's, ndmi."""

_NDSI: Final = BANDS.index("ndsi")
_MEASURED: Final = [index for index, name in enumerate(BANDS) if name not in ("ndvi", "ndsi", "ndmi")]
_EVERY_ROW: Final = 32
"""One row in so many is looked at: a patch lies pixel by pixel on disk, so that a band alone cannot be read."""
_STANDARDISED_BELOW: Final = 12.0
"""No band of 8 bits lies 12 deviations above its mean, and no raw patch of land stays below 12 everywhere."""


class ImageForm(StrEnum):
    """What the numbers of a patch image are."""

    DIGITAL_NUMBERS = "digital numbers"
    STANDARDISED = "standardised"
    UNDETERMINED = "undetermined"
    UNRECOGNISED = "not recognised"


@dataclass(frozen=True)
class ImageFile:
    """A patch image and the range of the sampled pixels of B1; None where all of them are unknown."""

    path: Path
    lowest: float | None
    highest: float | None
    is_whole: bool
    """Whether every sampled value is whole, as digital numbers are."""

    @property
    def form(self) -> ImageForm:
        """What its own pixels tell.

        Examples
        --------
        >>> print(ImageFile(Path("a.npy"), -1.2, 3.4, False).form, ImageFile(Path("a.npy"), 52.0, 255.0, True).form)
        standardised digital numbers
        >>> print(ImageFile(Path("a.npy"), 0.0, 0.0, True).form)
        undetermined
        """
        if self.lowest is None or self.highest is None or self.lowest == self.highest == 0:
            return ImageForm.UNDETERMINED
        if self.lowest >= 0 and _STANDARDISED_BELOW < self.highest <= 255:
            return ImageForm.DIGITAL_NUMBERS
        if self.lowest < 0 and self.highest < _STANDARDISED_BELOW:
            return ImageForm.STANDARDISED
        in_doubt = self.lowest >= 0 and self.highest <= _STANDARDISED_BELOW
        return ImageForm.UNDETERMINED if in_doubt else ImageForm.UNRECOGNISED


def open_image(path: Path) -> NDArray[np.floating]:
    """A patch image (row, column, band), mapped and not read.

    Raises
    ------
    SceneError
        When it is cut off or no patch of 512 x 512 x 15.
    """
    try:
        image: NDArray[np.floating] = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise SceneError(
            f"cannot be read: cut off or no .npy file ({error})", where=path, do="get it again"
        ) from None
    if image.shape != (SIZE, SIZE, len(BANDS)) or image.dtype.kind != "f":
        raise SceneError(f"is {image.dtype} of shape {image.shape}, not a patch of 512 x 512 x 15", where=path)
    return image


def look_at_image(path: Path) -> ImageFile:
    """Sample B1 of a patch image.

    Raises
    ------
    SceneError
        As `open_image` does.
    """
    sample = np.asarray(open_image(path)[::_EVERY_ROW, :, 0])
    known = sample[np.isfinite(sample)]
    if not known.size:
        return ImageFile(path, None, None, True)
    return ImageFile(path, float(known.min()), float(known.max()), bool((known == np.floor(known)).all()))


def form_of(files: Sequence[ImageFile]) -> tuple[ImageForm, tuple[Path, ...]]:
    """The form of a folder's images, and the files that contradict it; undetermined ones contradict nothing."""
    forms = [file.form for file in files if file.form != ImageForm.UNDETERMINED]
    if not forms:
        return ImageForm.UNDETERMINED, ()
    form = max(sorted(set(forms)), key=forms.count)
    odd = tuple(file.path for file in files if file.form not in (form, ImageForm.UNDETERMINED))
    return form, odd


def read_patch(path: Path, form: ImageForm | None = None) -> NDArray[np.float32]:
    """Read a patch image in firnline's terms: `BANDS`, NaN where unknown, and ndsi positive over snow.

    The authors' ndsi is (B5 - B2) / (B5 + B2); its sign is turned. A standardised image is refused: what it was
    cannot be had back without the statistics that it was standardised by, and its gaps are filled.

    Parameters
    ----------
    path
        The file.
    form
        What its folder holds; without it the file is judged by itself.

    Returns
    -------
    float32 (band, row, column), `BANDS`.

    Raises
    ------
    SceneError
        When it is not a whole patch, or not of digital numbers.
    """
    form = look_at_image(path).form if form is None else form
    if form != ImageForm.DIGITAL_NUMBERS:
        raise SceneError(f"holds no digital numbers: {form}", where=path, do="read the scene's own pixels instead")
    image = np.ascontiguousarray(np.moveaxis(np.asarray(open_image(path), np.float32), 2, 0))
    image[_NDSI] *= -1.0
    image[~np.isfinite(image)] = np.nan
    return image


def known_in(path: Path) -> NDArray[np.bool_]:
    """Which pixels (row, column) of a raw patch have a value in every measured band; 0 in B1 is no value.

    Raises
    ------
    SceneError
        As `open_image` does.
    """
    image = np.asarray(open_image(path))
    return np.asarray(np.isfinite(image[..., _MEASURED]).all(axis=2) & (image[..., 0] != 0))
