"""Rasters from finished row bands: cloud-optimised GeoTIFFs that appear whole or not at all."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from firnline.classes import SCHEME_TAG, UNKNOWN, Classes, LabelScheme
from firnline.clip import outside
from firnline.cog import Colours, write_cog
from firnline.grid import Grid, Lattice, Window
from firnline.inference.journal import Journal
from firnline.inference.predict import PROBABILITY_SCALE
from firnline.report.colours import CLASS_COLOURS, rgb

_STRIP = 512
"""Rows that are written at once."""

_PALE_GREY = (242, 242, 242, 255)
"""Background has a colour, so that it is not taken for unknown, which has none."""


def write_class_map(path: Path, classes: Classes, grid: Grid, scheme: LabelScheme, tags: Mapping[str, str]) -> None:
    """Write a class raster (row, column) as a COG, with its scheme in a tag and its colours in a table.

    The colours are those of outlines and report; unknown is transparent.
    """
    strips = ((row, classes[None, row : row + _STRIP]) for row in range(0, grid.shape[0], _STRIP))
    tags = {**tags, SCHEME_TAG: str(scheme)}
    write_cog(path, strips, grid, ("class",), tags, "mode", colours=_colours(scheme))


def write_probability_map(
    path: Path,
    journal: Journal,
    lattice: Lattice,
    grid: Grid,
    scheme: LabelScheme,
    tags: Mapping[str, str],
    area: BaseGeometry | None = None,
) -> None:
    """Write the probabilities of the finished bands as a COG of one band a class, scaled bytes, 255 unknown.

    Outside of `area`, where one is given, all is unknown.
    """
    _write_layers(path, journal, lattice, grid, scheme.class_names, 1, tags, area)


def write_uncertainty_map(
    path: Path,
    journal: Journal,
    lattice: Lattice,
    grid: Grid,
    scheme: LabelScheme,
    names: tuple[str, ...],
    tags: Mapping[str, str],
    area: BaseGeometry | None = None,
) -> None:
    """Write what the finished bands hold after the probabilities (`names`) as a COG, scaled bytes, 255 unknown."""
    _write_layers(path, journal, lattice, grid, names, 1 + scheme.class_count, tags, area)


def _write_layers(
    path: Path,
    journal: Journal,
    lattice: Lattice,
    grid: Grid,
    names: tuple[str, ...],
    first: int,
    tags: Mapping[str, str],
    area: BaseGeometry | None,
) -> None:
    """Write as many layers of the finished bands as there are names, from the layer `first` on."""

    def strip(band: int) -> tuple[int, NDArray[np.uint8]]:
        top, stop = lattice.rows_of(band)
        values = journal.read(band)[first : first + len(names)]
        if area is not None:
            values[:, outside(area, grid.of_window(Window(top, 0, stop - top, grid.shape[1])))] = UNKNOWN
        return top, values

    strips = (strip(band) for band in range(lattice.band_count))
    write_cog(path, strips, grid, names, tags, "average", scale=PROBABILITY_SCALE)


def write_decision_map(
    path: Path, classes: Classes, grid: Grid, scheme: LabelScheme, tags: Mapping[str, str]
) -> None:
    """Write what was decided in the form of a probability map: 1 for the class of a pixel, 0 for the others."""
    values = np.arange(scheme.class_count, dtype=np.uint8)[:, None, None]

    def decided(rows: Classes) -> NDArray[np.uint8]:
        certain = np.where(rows == values, np.uint8(round(1 / PROBABILITY_SCALE)), np.uint8(0))
        certain[:, rows == UNKNOWN] = UNKNOWN
        return certain

    strips = ((row, decided(classes[row : row + _STRIP])) for row in range(0, grid.shape[0], _STRIP))
    write_cog(path, strips, grid, scheme.class_names, dict(tags), "average", scale=PROBABILITY_SCALE)


def _colours(scheme: LabelScheme) -> Colours:
    named = {value: CLASS_COLOURS.get(name) for value, name in enumerate(scheme.class_names)}
    classes = {value: _PALE_GREY if colour is None else (*rgb(colour), 255) for value, colour in named.items()}
    return {**classes, UNKNOWN: (0, 0, 0, 0)}
