"""What a report is made of: plain facts, gathered by whoever made the map."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

import pyproj

from firnline.bands import Kind, Level
from firnline.grid import Grid
from firnline.scene import Scene


class Severity(StrEnum):
    """How much a limit weighs: it may make the map wrong, it makes it less sure, or it is good to know."""

    WARNING = "warning"
    CAUTION = "caution"
    NOTE = "note"


_ORDER: Final = tuple(Severity)


@dataclass(frozen=True)
class Limit:
    """One thing that a reader must know before using the map, in plain sentences."""

    heading: str
    text: str
    severity: Severity

    @property
    def rank(self) -> int:
        """0 for the heaviest, so that limits sort by it."""
        return _ORDER.index(self.severity)


@dataclass(frozen=True)
class SceneFacts:
    """What is known of the scene. `level` is that of its optical bands; `centre` is (latitude, longitude)."""

    name: str
    path: str
    sensor: str | None
    date: dt.date | None
    crs: str
    resolution_m: float
    shape: tuple[int, int]
    level: Level
    bands: tuple[str, ...]
    centre: tuple[float, float]
    note: str = ""


@dataclass(frozen=True)
class ModelFacts:
    """What is known of the model.

    ``kind`` is "rule" where nothing was trained. ``classes`` are those it can find, background left out.
    ``sensors``, ``level`` and ``bounds`` (west, south, east, north, in degrees) are those of its training
    scenes, empty or None where not known. ``scores`` holds one row a name ("this model", "everything is
    glacier"), each with values by metric, measured on ``scores_on``.
    """

    name: str
    kind: str
    classes: tuple[str, ...]
    bands: tuple[str, ...]
    trained_on: str = ""
    sensors: tuple[str, ...] = ()
    level: Level | None = None
    bounds: tuple[float, float, float, float] | None = None
    synthetic: bool = False
    not_for: tuple[str, ...] = ()
    scores: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    scores_on: str = ""
    calibration: str = ""
    """Whether its probabilities are calibrated, in a sentence; empty where there is nothing to say."""
    leaks: tuple[str, ...] = ()
    """What the chips it was trained on share with those it was measured on, a line each."""


@dataclass(frozen=True)
class ClassArea:
    """A class in the map. ``lower_bounds`` and ``at_edge`` count outlines that touch unknown or the scene's edge."""

    name: str
    area_km2: float
    share_of_known: float
    outlines: int
    lower_bounds: int = 0
    at_edge: int = 0


@dataclass(frozen=True)
class SnowFacts:
    """Share of pixels that look like snow or ice, of the known ones and of those outside the outlines (0 to 1)."""

    share_of_known: float
    share_outside: float


@dataclass(frozen=True)
class ResultFacts:
    """What came out: unknown share of the scene (0 to 1), areas, snow where it can be measured."""

    unknown_share: float
    areas: tuple[ClassArea, ...]
    minimum_area_km2: float
    snow: SnowFacts | None = None
    missing_bands: tuple[str, ...] = ()
    """Optional bands of the model that the scene lacks."""
    marks: tuple[str, ...] = ()
    """Why the result is not inventory-grade, as the check of the scene found it."""
    forced: tuple[str, ...] = ()
    """What the check of the scene found that would mislead a model, where it was mapped all the same."""


@dataclass(frozen=True)
class Picture:
    """A picture as file content; a wide one takes the width of the page, others half of it."""

    title: str
    caption: str
    data: bytes
    mime: str
    wide: bool = False


@dataclass(frozen=True)
class ReportContent:
    """Everything the page shows, in the order in which it shows it."""

    title: str
    limits: tuple[Limit, ...]
    pictures: tuple[Picture, ...]
    result: ResultFacts
    model: ModelFacts
    scene: SceneFacts
    settings: Mapping[str, object]
    provenance: Mapping[str, object]


def scene_facts(scene: Scene) -> SceneFacts:
    """Gather what is known of a scene; the level is unknown where its optical bands do not agree on one."""
    levels = {band.level for band in scene.bands if band.kind == Kind.OPTICAL}
    return SceneFacts(
        name=scene.path.stem,
        path=str(scene.path),
        sensor=None if scene.sensor is None else str(scene.sensor),
        date=scene.date,
        crs=scene.grid.crs.to_string(),
        resolution_m=scene.grid.resolution,
        shape=scene.grid.shape,
        level=levels.pop() if len(levels) == 1 else Level.UNKNOWN,
        bands=scene.band_names,
        centre=latitude_longitude(scene.grid, scene.grid.shape[0] / 2, scene.grid.shape[1] / 2),
        note=scene.note,
    )


def latitude_longitude(grid: Grid, row: float, column: float) -> tuple[float, float]:
    """Latitude and longitude (degrees, WGS 84) of a pixel's upper left corner.

    Examples
    --------
    >>> from affine import Affine
    >>> from rasterio.crs import CRS
    >>> grid = Grid(CRS.from_epsg(32645), Affine(30, 0, 500000, 0, -30, 3100000), (10, 10))
    >>> [round(degrees, 3) for degrees in latitude_longitude(grid, 0, 0)]
    [28.025, 87.0]
    """
    scene_crs, degrees = pyproj.CRS.from_user_input(grid.crs), pyproj.CRS.from_epsg(4326)
    to_degrees = pyproj.Transformer.from_crs(scene_crs, degrees, always_xy=True)
    longitude, latitude = to_degrees.transform(*grid.corner(row, column))
    return float(latitude), float(longitude)
