"""Pictures of finished row bands, laid over the map while the rest is computed."""

from __future__ import annotations

from math import ceil
from pathlib import Path
from typing import Final

import numpy as np

from firnline.classes import BACKGROUND, UNKNOWN, Classes, LabelScheme
from firnline.files import replaced
from firnline.report.colours import CLASS_COLOURS, rgb

_OPACITY: Final = 128
_WIDEST: Final = 2048
"""Pixels; a picture of a wider band is thinned: it is looked at for a minute."""


def write_band_picture(path: Path, classes: Classes, scheme: LabelScheme) -> None:
    """Write class values (row, column) as an RGBA PNG: ice and debris half transparent, the rest wholly.

    Raises
    ------
    OutputError
        When it cannot be written.

    Examples
    --------
    >>> import tempfile
    >>> from PIL import Image
    >>> path = Path(tempfile.mkdtemp()) / "0.png"
    >>> write_band_picture(path, np.array([[0, 1, 2, 255]], np.uint8), LabelScheme.CLASS)
    >>> np.array(Image.open(path))[0].tolist()
    [[0, 0, 0, 0], [0, 114, 178, 128], [213, 94, 0, 128], [0, 0, 0, 0]]
    """
    from PIL import Image

    step = ceil(classes.shape[1] / _WIDEST)
    colours = np.zeros((256, 4), np.uint8)
    for value, name in enumerate(scheme.class_names):
        if value not in (BACKGROUND, UNKNOWN):
            colours[value] = (*rgb(CLASS_COLOURS[name]), _OPACITY)
    with replaced(path) as temporary:
        Image.fromarray(colours[classes[step // 2 :: step, step // 2 :: step]]).save(temporary, compress_level=1)
