"""Findings: one thing that is wrong with an inventory, where to look at it, and how much it weighs."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

import geopandas as gpd
import numpy as np
import pyogrio
import shapely

from firnline.files import replaced


class Severity(StrEnum):
    """How much a finding weighs: an error makes a delivery wrong, a warning is to be looked at, a note is told."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


_BASE: Final = {Severity.ERROR: 2.0, Severity.WARNING: 1.0, Severity.NOTE: 0.0}
_HALF_KM2: Final = 1.0
"""A finding about 1 km2 stands half-way between those about nothing and those about everything."""


@dataclass(frozen=True)
class Finding:
    """One thing found in an inventory.

    Parameters
    ----------
    kind
        What is wrong, as "overlap"; the same words for the same fault.
    severity
        How much it weighs.
    glaciers
        Ids of the glaciers it is about; empty where it is about the file.
    what
        What was found, one sentence with figures, without a full stop.
    x, y
        The point to zoom to, at the fault itself, in the file's CRS; NaN where there is none.
    extent_km2
        How much area is at stake, km2: what ranks findings of one severity.

    Examples
    --------
    >>> small = Finding("overlap", Severity.ERROR, ("a", "b"), "overlap by 1000 m2", 1.0, 2.0, 0.001)
    >>> large = Finding("overlap", Severity.ERROR, ("c", "d"), "overlap by 1 km2", 1.0, 2.0, 1.0)
    >>> small.rank < large.rank, large.rank, large.line()
    (True, 2.5, 'error    overlap: c, d: overlap by 1 km2 (at 1, 2)')
    """

    kind: str
    severity: Severity
    glaciers: tuple[str, ...]
    what: str
    x: float = float("nan")
    y: float = float("nan")
    extent_km2: float = 0.0

    @property
    def rank(self) -> float:
        """The score by which findings are ordered: 2 to 3 errors, 1 to 2 warnings, 0 to 1 notes, by area at stake."""
        extent = self.extent_km2 if np.isfinite(self.extent_km2) else 0.0
        return round(_BASE[self.severity] + extent / (extent + _HALF_KM2), 6)

    def line(self) -> str:
        """The finding as one line of text."""
        about = f" {', '.join(self.glaciers)}:" if self.glaciers else ""
        at = f" (at {self.x:.10g}, {self.y:.10g})" if np.isfinite(self.x) and np.isfinite(self.y) else ""
        return f"{self.severity:<8} {self.kind}:{about} {self.what}{at}"

    def as_json(self) -> dict[str, Any]:
        """The finding as plain values."""
        return {
            "kind": self.kind,
            "severity": str(self.severity),
            "glaciers": list(self.glaciers),
            "what": self.what,
            "x": self.x if np.isfinite(self.x) else None,
            "y": self.y if np.isfinite(self.y) else None,
            "rank": self.rank,
        }


def ranked(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """The findings, the heaviest first; of equals, those of one kind beside each other."""
    return tuple(sorted(findings, key=lambda f: (-f.rank, f.kind, f.glaciers, f.what)))


def write_findings(findings: Iterable[Finding], crs: Any, path: str | Path) -> Path:
    """Write findings as points: a GeoPackage with the layer ``findings``, in the CRS of the inventory.

    Findings without a place (an inventory without any geometry) have a null point.

    Raises
    ------
    OutputError
        When the file cannot be written.
    """
    path, listed = Path(path), list(findings)
    columns = {
        "rank": [f.rank for f in listed],
        "severity": [str(f.severity) for f in listed],
        "kind": [f.kind for f in listed],
        "glaciers": [" ".join(f.glaciers) for f in listed],
        "what": [f.what for f in listed],
    }
    points = [shapely.Point(f.x, f.y) if np.isfinite(f.x) and np.isfinite(f.y) else None for f in listed]
    frame = gpd.GeoDataFrame(
        columns, geometry=gpd.GeoSeries(np.array(points, dtype=object), dtype="geometry"), crs=crs
    )
    frame = frame.astype({"rank": "float64"} | dict.fromkeys(("severity", "kind", "glaciers", "what"), "str"))
    with replaced(path) as temporary:
        pyogrio.write_dataframe(frame, temporary, layer="findings", driver="GPKG", geometry_type="Point")
    return path
