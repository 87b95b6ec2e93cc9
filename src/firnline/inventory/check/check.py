"""The check: every question in turn, and the findings by weight."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import geopandas as gpd
import shapely

from firnline.features import FeatureSource
from firnline.inventory.check.against_reference import check_against
from firnline.inventory.check.dates import check_dates
from firnline.inventory.check.finding import Finding, Severity, ranked
from firnline.inventory.check.geometry import check_geometry
from firnline.inventory.check.holes import check_holes, check_reference_holes
from firnline.inventory.check.overlaps import check_overlaps
from firnline.inventory.check.subject import Subject, read_subject
from firnline.inventory.check.surface import check_surface
from firnline.inventory.check.table import check_table
from firnline.inventory.check.terrain import check_terrain, ground_of_dem, ground_of_table
from firnline.inventory.check.thresholds import Thresholds


@dataclass(frozen=True)
class Checked:
    """What the check of an inventory found."""

    path: str
    glaciers: int
    area_km2: float
    findings: tuple[Finding, ...]
    """The heaviest first."""
    crs: Any = None
    """The CRS of the findings' points, which is the file's."""

    def count(self, severity: Severity) -> int:
        """How many findings weigh so."""
        return sum(finding.severity == severity for finding in self.findings)

    def summary(self) -> str:
        """One line: how many glaciers, and how many findings of each severity, by kind."""
        kinds = Counter(f.kind for f in self.findings if f.severity != Severity.NOTE)
        named = ", ".join(f"{number} {kind}" for kind, number in kinds.most_common())
        counts = ", ".join(f"{self.count(each)} {each}s" for each in Severity)
        return f"{self.glaciers} glaciers, {self.area_km2:.4g} km2: {counts}" + (f" ({named})" if named else "")


def check_inventory(
    inventory: str | Path | Subject,
    *,
    dem: str | Path | None = None,
    reference: str | Path | Subject | None = None,
    scene: FeatureSource | None = None,
    thresholds: Thresholds | None = None,
    today: dt.date | None = None,
) -> Checked:
    """Find what is wrong with an inventory: geometry, table, terrain, surface, and against a reference.

    Nothing is changed. Invalid geometry is told, and mended for the questions that need areas.

    Parameters
    ----------
    inventory
        An inventory of firnline or any vector file of glacier polygons (`read_subject`).
    dem
        Heights in metres, any grid; without one, slope and heights of the table are asked.
    reference
        Another inventory of the same glaciers, in any CRS.
    scene
        The scene, for water and vegetation; its footprint is then the area that was mapped.
    thresholds
        From where on something is told.
    today
        Dates after it lie in the future.

    Raises
    ------
    LabelError
        When a file cannot be read, or holds no glacier.
    SceneError, BandError, GridError
        When DEM or scene cannot be read, or a CRS is missing that is needed to lay one over the other.

    Examples
    --------
    >>> from firnline.inventory.check.subject import subject_of
    >>> table = {"rgi_id": ["a", "b"], "src_date": ["2000-10-30", "2000-10-30"]}
    >>> boxes = [shapely.box(500000, 0, 500500, 500), shapely.box(500450, 0, 500900, 500)]
    >>> found = check_inventory(subject_of(gpd.GeoDataFrame(table, geometry=boxes, crs="EPSG:32645")))
    >>> found.summary()
    '2 glaciers, 0.4754 km2: 1 errors, 0 warnings, 0 notes (1 overlap)'
    """
    subject = inventory if isinstance(inventory, Subject) else read_subject(inventory)
    other = reference if reference is None or isinstance(reference, Subject) else read_subject(reference)
    findings = ranked(_ask(subject, dem, other, scene, thresholds or Thresholds(), today))
    return Checked(str(subject.path), len(subject.frame), float(subject.areas_km2.sum()), findings, subject.crs)


def _ask(
    subject: Subject,
    dem: str | Path | None,
    reference: Subject | None,
    scene: FeatureSource | None,
    thresholds: Thresholds,
    today: dt.date | None,
) -> Iterator[Finding]:
    yield from check_geometry(subject, thresholds)
    yield from check_overlaps(subject, thresholds)
    yield from check_table(subject, thresholds)
    yield from check_dates(subject, today)
    yield from check_holes(subject)
    ground = ground_of_table(subject)
    if dem is not None:
        ground = ground_of_dem(subject, dem).joined(ground)
    yield from check_terrain(subject, ground, thresholds)
    if scene is not None:
        yield from check_surface(subject, scene, ground, thresholds)
    if reference is not None:
        yield from check_against(subject, reference, thresholds, _footprint(subject, scene))
        yield from check_reference_holes(subject, reference, thresholds)


def _footprint(subject: Subject, scene: FeatureSource | None) -> Any:
    """The scene's outer edge in the CRS that is measured in."""
    if scene is None:
        return None
    grid = scene.scene.grid
    edge = shapely.segmentize(grid.footprint(), 100 * grid.transform.a)
    return subject.to_metres(gpd.GeoSeries([edge], crs=grid.crs.to_wkt()))[0]
