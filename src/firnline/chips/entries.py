"""Scenes with their truth, as configurations of tables and of training runs name them."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from firnline.classes import LabelScheme
from firnline.errors import ConfigError
from firnline.features import FeatureSource
from firnline.grid import Window
from firnline.scene import open_scene


def _as_list(value: Any) -> Any:
    return (value,) if isinstance(value, (str, Path)) else value


Files = Annotated[tuple[Path, ...], BeforeValidator(_as_list)]
"""One file, or a list of them."""


class OutlineTruth(BaseModel):
    """Truth from outlines: whole glaciers, with debris where it is mapped, or clean and debris parts.

    Examples
    --------
    >>> [str(path) for path in OutlineTruth(glaciers="rgi.gpkg").glaciers]
    ['rgi.gpkg']
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    glaciers: Files = ()
    clean: Files = ()
    debris: Files = ()
    outlines: Files = ()
    """Files with a class column that is understood (ICIMOD's ``Glaciers``, firnline's ``class``)."""
    border: Path | None = None
    all_touched: bool = False
    unknown_rim: Annotated[int, Field(ge=0)] = 0
    date_column: str | None = None
    firm: tuple[dt.date, dt.date] | None = None
    """Outlines dated outside these days are unknown."""
    firm_within: Annotated[int, Field(ge=0)] | None = None
    """The same, by days from the scene's date."""


class SceneEntry(BaseModel):
    """Scenes with their truth.

    ``images`` may hold ``*`` and ``[...]``. In ``truth``, ``{name}`` is the image's file name up to its last
    underscore, ``{stem}`` all of it but the suffix.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    images: str
    truth: str | OutlineTruth
    role: Literal["train", "validation"] = "train"
    scheme: LabelScheme | None = None
    """The truth's label scheme, where the file does not say."""
    truth_as: LabelScheme | None = None
    """Convert the truth to this scheme first."""
    sidecar: Path | None = None
    dem: Path | None = None
    crop: tuple[float, float, float, float] | None = None
    """Use only this part: (left, bottom, right, top) in the scene's map units."""


def scene_paths(entry: SceneEntry, folder: Path) -> list[Path]:
    """The files that an entry's pattern matches, in order; relative ones count from `folder`.

    Raises
    ------
    ConfigError
        When there is none.
    """
    pattern = Path(entry.images)
    root = Path(pattern.anchor) if pattern.is_absolute() else folder
    try:
        paths = sorted(root.glob(str(pattern.relative_to(pattern.anchor) if pattern.is_absolute() else pattern)))
    except (ValueError, IndexError, NotImplementedError):  # what pathlib says of no pattern differs by version
        paths = []
    if not paths:
        raise ConfigError(f"no file matches '{entry.images}'", where=f"scenes.images, from {folder}")
    return paths


def open_source(entry: SceneEntry, path: Path, folder: Path) -> FeatureSource:
    """Open a scene of an entry, with its sidecar and DEM."""
    sidecar = None if entry.sidecar is None else folder / entry.sidecar
    return FeatureSource(open_scene(path, sidecar=sidecar), None if entry.dem is None else folder / entry.dem)


def require_bands(source: FeatureSource, bands: tuple[str, ...]) -> None:
    """Raise ConfigError when a scene lacks one of the bands, and say what it would take."""
    missing = source.missing(bands)
    if missing:
        reasons = ", ".join(f"{name} ({source.why_missing(name)})" for name in missing)
        raise ConfigError(f"lacks bands that the model shall take: {reasons}", where=source.scene.path)


def used_part(entry: SceneEntry, source: FeatureSource) -> Window:
    """The part of a scene that an entry uses: all of it, or its crop.

    Raises
    ------
    ConfigError
        When the crop lies outside the scene.
    """
    grid = source.scene.grid
    if entry.crop is None:
        return grid.window
    left, bottom, right, top = entry.crop
    x0, _, _, y1 = grid.bounds
    dx, dy = grid.transform.a, -grid.transform.e
    row, column = round((y1 - top) / dy), round((left - x0) / dx)
    wanted = Window(row, column, round((top - bottom) / dy), round((right - left) / dx))
    part = wanted.intersection(grid.window)
    if part is None:
        raise ConfigError("crop lies outside the scene", where=source.scene.path)
    return part
