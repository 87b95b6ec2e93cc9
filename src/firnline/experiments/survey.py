"""Where the scenes of a study lie, and how much of them is ice: what splits by place need to know."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import geopandas
import shapely
from pyproj import Geod
from rasterio.crs import CRS

from firnline.classes import UNKNOWN, LabelScheme
from firnline.experiments.measure import Question, answers, true_side
from firnline.experiments.scenes import StudyScene
from firnline.features import FeatureSource

if TYPE_CHECKING:
    from firnline.experiments.study import Study

_GEOD = Geod(ellps="WGS84")
_STEP = 1000.0
"""Outlines are cut into pieces of so many metres before they are projected, as training does it."""


@dataclass(frozen=True)
class Pixels:
    """Pixels of a class among those of known truth.

    Examples
    --------
    >>> (Pixels(1, 4) + Pixels(1, 6)).share
    0.2
    """

    of_class: int = 0
    known: int = 0

    def __add__(self, other: Pixels) -> Pixels:
        return Pixels(self.of_class + other.of_class, self.known + other.known)

    @property
    def share(self) -> float | None:
        """The density of the class; None where nothing is known."""
        return self.of_class / self.known if self.known else None


@dataclass(frozen=True, eq=False)
class Surveyed:
    """A scene of a study: its source, the outline of its used part (in its own `crs`, and in degrees), the scheme of
    its truth, and the pixels of each class that the truth knows."""

    scene: StudyScene
    source: FeatureSource
    outline: shapely.Polygon
    crs: CRS
    degrees: shapely.Polygon
    scheme: LabelScheme
    pixels: Mapping[Question, Pixels]

    @property
    def name(self) -> str:
        """The scene's."""
        return self.scene.name

    @property
    def centre(self) -> tuple[float, float]:
        """Longitude and latitude of the middle."""
        return self.degrees.centroid.x, self.degrees.centroid.y

    def metres_to(self, other: Surveyed) -> float:
        """How far the middle of another scene is away."""
        return float(_GEOD.inv(*self.centre, *other.centre)[2])

    def overlaps(self, other: Surveyed) -> bool:
        """Whether both hold the same ground; to touch is not to overlap."""
        theirs = other.outline if other.crs == self.crs else _projected(other.outline, other.crs, self.crs)
        return float(shapely.area(shapely.intersection(self.outline, theirs))) > 0


def survey(study: Study) -> tuple[Surveyed, ...]:
    """Look at every scene of a study.

    Raises
    ------
    FirnlineError
        When a scene or its truth cannot be read.
    """
    return tuple(_surveyed(scene) for scene in study.scenes)


def _surveyed(scene: StudyScene) -> Surveyed:
    opened = scene.opened()
    outline, crs = opened.grid.footprint(), opened.grid.crs
    pixels = {}
    for question in answers(opened.scheme):
        truth = true_side(question, opened)
        pixels[question] = Pixels(int((truth == 1).sum()), int((truth != UNKNOWN).sum()))
    return Surveyed(scene, opened.source, outline, crs, _projected(outline, crs, "EPSG:4326"), opened.scheme, pixels)


def _projected(outline: shapely.Polygon, here: CRS, there: CRS | str) -> shapely.Polygon:
    found = geopandas.GeoSeries([shapely.segmentize(outline, _STEP)], crs=here).to_crs(there).iloc[0]
    assert isinstance(found, shapely.Polygon)
    return found


def off_ground(scenes: Sequence[Surveyed], taken: Iterable[Surveyed]) -> tuple[Surveyed, ...]:
    """Those scenes that share no ground with any of those taken."""
    others = tuple(taken)
    return tuple(scene for scene in scenes if not any(scene.overlaps(other) for other in others))


def density(scenes: Iterable[Surveyed], question: Question) -> float | None:
    """The share of a class over several scenes as one set; None where none of them knows it."""
    return sum((scene.pixels.get(question, Pixels()) for scene in scenes), Pixels()).share
