"""Against a reference inventory: glaciers that are missing, new, much larger or smaller, or shifted."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import geopandas as gpd
import numpy as np
import shapely
from numpy.typing import NDArray

from firnline.errors import GridError
from firnline.inventory.check.finding import Finding, Severity
from firnline.inventory.check.subject import Shapes, Subject
from firnline.inventory.check.table import about
from firnline.inventory.check.thresholds import Thresholds

_HARDLY: Final = 0.05
"""Less overlap than this share of a glacier is none."""
_NEW_KM2: Final = 0.1
"""A new glacier of this size is a warning, a smaller one a note."""
_ALIKE_IOU: Final = 0.3
_FEWEST: Final = 5
"""So many matched glaciers tell a shift of the whole inventory."""
_FITS: Final = 0.8


@dataclass(frozen=True, eq=False)
class Matches:
    """Glaciers that are each other's best match by shared area; all arrays (match,)."""

    mine: NDArray[np.intp]
    theirs: NDArray[np.intp]
    iou: NDArray[np.float64]
    ratio: NDArray[np.float64]
    """My area over theirs."""
    moved: NDArray[np.float64]
    """(match, 2): my centroid less theirs, metres."""


def check_against(
    subject: Subject, reference: Subject, thresholds: Thresholds, footprint: Any | None = None
) -> Iterator[Finding]:
    """Compare an inventory with a reference.

    Parameters
    ----------
    footprint
        The area that was mapped, in `Subject.measure_crs`. Without one the convex hull of the inventory counts as
        mapped, and what the reference has beyond it, up to `Thresholds.footprint_margin_m`, is a note.

    Raises
    ------
    GridError
        When one of both tells no CRS.

    Examples
    --------
    >>> from firnline.inventory.check.subject import subject_of
    >>> boxes = [shapely.box(n * 1000, 0, n * 1000 + 500, 500) for n in range(4)]
    >>> theirs = subject_of(gpd.GeoDataFrame({"rgi_id": list("abcd")}, geometry=boxes, crs="EPSG:32645"))
    >>> mine = subject_of(theirs.frame.drop(index=1).reset_index(drop=True))
    >>> [(found.kind, found.what) for found in check_against(mine, theirs, Thresholds())]
    [('missing glacier', "glacier 'b' of the reference (0.25 km2) is not in the inventory")]
    """
    if subject.crs is None or reference.crs is None:
        nameless = subject if subject.crs is None else reference
        raise GridError("tells no CRS, so the two cannot be compared", where=nameless.path, do="assign one")
    yield from _repairs(subject, reference)
    theirs = subject.to_metres(gpd.GeoSeries(reference.shapes, crs=reference.crs))
    theirs[~np.isfinite(shapely.bounds(theirs)).all(axis=1)] = shapely.Polygon()  # the far side of the globe
    mine, other = subject.tree.query(theirs, predicate="intersects")[::-1]
    shared = shapely.area(shapely.intersection(subject.metric[mine], theirs[other]))
    of_theirs, of_mine = _sums(other, shared, len(theirs)), _sums(mine, shared, len(subject.metric))
    yield from _missing(subject, reference, theirs, of_theirs, footprint, thresholds)
    yield from _new(subject, of_mine)
    matches = _matches(subject.metric, theirs, mine, other, shared)
    yield from _sizes(subject, reference, matches, footprint, theirs, thresholds)
    yield from _shifts(subject, reference, matches, theirs, thresholds)


def _repairs(subject: Subject, reference: Subject) -> Iterator[Finding]:
    broken = reference.usable & ~shapely.is_valid(reference.raw)
    if broken.any():
        what = f"{broken.sum()} glaciers of the reference have invalid geometry and were mended to compare"
        ids = tuple(str(value) for value in reference.ids[broken][:5])
        yield Finding("reference mended", Severity.NOTE, ids, what, *subject.middle())
    if not reference.usable.all():
        what = f"{(~reference.usable).sum()} glaciers of the reference have no geometry to compare with"
        ids = tuple(str(value) for value in reference.ids[~reference.usable][:5])
        yield Finding("reference mended", Severity.NOTE, ids, what, *subject.middle())


def _missing(
    subject: Subject,
    reference: Subject,
    theirs: Shapes,
    shared: NDArray[np.float64],
    footprint: Any | None,
    thresholds: Thresholds,
) -> Iterator[Finding]:
    area = shapely.area(theirs)
    gone = (shared < _HARDLY * area) & (area / 1e6 >= thresholds.missing_km2)
    hull = shapely.convex_hull(shapely.geometrycollections(subject.metric)) if footprint is None else footprint
    wide = shapely.buffer(hull, thresholds.footprint_margin_m) if footprint is None else footprint
    centres = shapely.point_on_surface(theirs)
    for index in np.flatnonzero(gone & shapely.intersects(wide, centres)):
        inside = bool(shapely.intersects(hull, centres[index]))
        severity = Severity.WARNING if inside else Severity.NOTE
        beyond = "" if inside else ", just beyond what the inventory reaches"
        what = (
            f"glacier '{reference.ids[index]}' of the reference ({area[index] / 1e6:.4g} km2) is not in the"
            f" inventory{beyond}"
        )
        at = subject.file_point(centres[index].x, centres[index].y)
        yield Finding("missing glacier", severity, (str(reference.ids[index]),), what, *at, float(area[index]) / 1e6)


def _sums(of: NDArray[np.intp], values: NDArray[np.float64], count: int) -> NDArray[np.float64]:
    return np.bincount(of, values, count).astype(np.float64)


def _new(subject: Subject, shared: NDArray[np.float64]) -> Iterator[Finding]:
    area = shapely.area(subject.metric)
    for index in np.flatnonzero(subject.usable & (shared < _HARDLY * area)):
        severity = Severity.WARNING if area[index] / 1e6 >= _NEW_KM2 else Severity.NOTE
        what = f"has {area[index] / 1e6:.4g} km2 where the reference has no glacier"
        yield about(subject, int(index), "new glacier", severity, what)


def _matches(
    mine: Shapes, theirs: Shapes, i: NDArray[np.intp], j: NDArray[np.intp], shared: NDArray[np.float64]
) -> Matches:
    order = np.argsort(-shared, kind="stable")
    i, j, shared = i[order], j[order], shared[order]
    best_of_mine = np.zeros(len(i), np.bool_)
    best_of_theirs = np.zeros(len(i), np.bool_)
    best_of_mine[np.unique(i, return_index=True)[1]] = True  # the first, so the largest
    best_of_theirs[np.unique(j, return_index=True)[1]] = True
    kept = best_of_mine & best_of_theirs & (shared > 0)
    i, j, shared = i[kept], j[kept], shared[kept]
    a, b = shapely.area(mine[i]), shapely.area(theirs[j])
    moved = shapely.get_coordinates(shapely.centroid(mine[i])) - shapely.get_coordinates(shapely.centroid(theirs[j]))
    return Matches(i, j, shared / (a + b - shared), a / b, moved.reshape(-1, 2))


def _sizes(
    subject: Subject,
    reference: Subject,
    matches: Matches,
    footprint: Any | None,
    theirs: Shapes,
    thresholds: Thresholds,
) -> Iterator[Finding]:
    odd = (matches.ratio > thresholds.larger) | (matches.ratio < 1.0 / thresholds.larger)
    for n in np.flatnonzero(odd):
        index, other = int(matches.mine[n]), int(matches.theirs[n])
        larger = matches.ratio[n] > 1
        if not larger and footprint is not None and not footprint.covers(theirs[other]):
            continue  # only a part of it was mapped
        factor = matches.ratio[n] if larger else 1.0 / matches.ratio[n]
        kind = "much larger" if larger else "much smaller"
        area = shapely.area(theirs[other]) / 1e6
        what = (
            f"{subject.areas_km2[index]:.4g} km2 is {kind} than '{reference.ids[other]}' of the reference"
            f" ({area:.4g} km2), by a factor of {factor:.2f}"
        )
        a, b = subject.metric[index], theirs[other]
        at = subject.point_in(shapely.difference(a, b) if larger else shapely.difference(b, a))
        extent = abs(float(subject.areas_km2[index]) - area)
        yield Finding(kind, Severity.WARNING, (str(subject.ids[index]),), what, *at, extent)


def _shifts(
    subject: Subject, reference: Subject, matches: Matches, theirs: Shapes, thresholds: Thresholds
) -> Iterator[Finding]:
    common = np.zeros(2)
    alike = (matches.iou > _ALIKE_IOU) & (np.abs(np.log(np.maximum(matches.ratio, 1e-9))) < np.log(1.25))
    if alike.sum() >= _FEWEST:
        moved = matches.moved[alike]
        middle = np.median(moved, axis=0)
        # Standard error of a median, from the median absolute deviation.
        error = 1.2533 * 1.4826 * np.median(np.abs(moved - middle), axis=0) / np.sqrt(len(moved))
        length = float(np.hypot(*middle))
        if length > max(thresholds.shift_m, 3.0 * float(np.hypot(*error))):
            common = middle
            what = (
                f"the inventory is shifted against the reference by {length:.0f} m ({_way(middle)}; median of"
                f" {len(moved)} glaciers, standard error {np.hypot(*error):.0f} m)"
            )
            yield Finding("shifted", Severity.WARNING, (), what, *subject.middle(), float(subject.areas_km2.sum()))
    rest = matches.moved - common
    length = np.hypot(*rest.T)
    for n in np.flatnonzero(length > thresholds.shift_m):
        a = _moved(subject.metric[matches.mine[n]], -common)
        b = theirs[matches.theirs[n]]
        before, after = _iou(a, b), _iou(_moved(a, -rest[n]), b)
        # A glacier that grew or melted on one side moves its centre too: moved back, it fits no better.
        if after < _FITS or 1.0 - after > 0.5 * (1.0 - before):
            continue
        index = int(matches.mine[n])
        what = (
            f"is shifted by {length[n]:.0f} m ({_way(rest[n])}) against '{reference.ids[matches.theirs[n]]}' of the"
            f" reference{' beyond the shift of all' if common.any() else ''}: moved back, intersection over union"
            f" rises from {before:.2f} to {after:.2f}"
        )
        yield about(subject, index, "shifted", Severity.WARNING, what)


def _way(vector: NDArray[np.float64]) -> str:
    x, y = vector
    return f"{abs(x):.0f} m {'east' if x >= 0 else 'west'}, {abs(y):.0f} m {'north' if y >= 0 else 'south'}"


def _moved(shape: Any, by: NDArray[np.float64]) -> Any:
    return shapely.transform(shape, lambda points: points + by)


def _iou(a: Any, b: Any) -> float:
    shared = float(shapely.intersection(a, b).area)
    union = float(a.area) + float(b.area) - shared
    return shared / union if union else 0.0
