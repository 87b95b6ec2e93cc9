"""Two glaciers at a time: are they drawn twice, do they overlap, is there a thin gap between them?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np
import shapely
from numpy.typing import NDArray

from firnline.inventory.check.finding import Finding, Severity
from firnline.inventory.check.geometry import elongation, mean_width
from firnline.inventory.check.subject import Shapes, Subject
from firnline.inventory.check.thresholds import Thresholds

_GAP_ELONGATION: Final = 20.0
Pairs = tuple[NDArray[np.intp], NDArray[np.intp]]


def check_overlaps(subject: Subject, thresholds: Thresholds) -> Iterator[Finding]:
    """Ask for duplicates, overlaps and thin gaps between neighbours.

    Examples
    --------
    >>> import geopandas as gpd
    >>> from firnline.inventory.check.subject import subject_of
    >>> boxes = [shapely.box(0, 0, 500, 500), shapely.box(450, 0, 900, 500)]
    >>> subject = subject_of(gpd.GeoDataFrame({"rgi_id": ["a", "b"]}, geometry=boxes, crs="EPSG:32645"))
    >>> [(found.kind, found.glaciers, found.what) for found in check_overlaps(subject, Thresholds())]
    [('overlap', ('a', 'b'), 'overlap by 25000 m2, 45.5 m wide on average, 11.1% of the smaller')]
    """
    first, second = subject.tree.query(subject.metric, predicate="intersects")
    once = first < second
    yield from _overlapping(subject, (first[once], second[once]), thresholds)
    yield from _gaps(subject, thresholds)


def _overlapping(subject: Subject, pairs: Pairs, thresholds: Thresholds) -> Iterator[Finding]:
    first, second = pairs
    a, b = subject.metric[first], subject.metric[second]
    # Neighbours that only share an edge are most pairs, and cost little to leave out.
    deep = ~shapely.touches(a, b)
    first, second, a, b = first[deep], second[deep], a[deep], b[deep]
    shared = _areas_only(shapely.intersection(a, b))
    area = shapely.area(shared)
    smaller = np.minimum(shapely.area(a), shapely.area(b))
    union = shapely.area(a) + shapely.area(b) - area
    width = mean_width(shared)
    is_same = area > thresholds.duplicate_iou * union
    told = is_same | ((area > thresholds.overlap_m2) & (width > thresholds.overlap_width_m))
    for n in np.flatnonzero(told):
        ids = (subject.ids[first[n]], subject.ids[second[n]])
        at, extent = subject.point_in(shared[n]), float(area[n]) / 1e6
        if is_same[n]:
            what = f"are one glacier drawn twice: intersection over union {area[n] / union[n]:.3f}"
            yield Finding("duplicate", Severity.ERROR, ids, what, *at, extent)
            continue
        share = float(area[n] / smaller[n])
        severity = Severity.ERROR if share > thresholds.overlap_share else Severity.WARNING
        what = f"overlap by {area[n]:.0f} m2, {width[n]:.1f} m wide on average, {share:.1%} of the smaller"
        yield Finding("overlap", severity, ids, what, *at, extent)


def _areas_only(shapes: Shapes) -> Shapes:
    """Without the points and lines that intersections of neighbours hold beside areas."""
    mixed = np.flatnonzero(shapely.get_type_id(shapes) == shapely.GeometryType.GEOMETRYCOLLECTION)
    for n in mixed:
        parts = shapely.get_parts(shapes[n])
        shapes[n] = shapely.multipolygons(parts[shapely.get_type_id(parts) == shapely.GeometryType.POLYGON])
    return shapes


def _gaps(subject: Subject, thresholds: Thresholds) -> Iterator[Finding]:
    """Strips along which two glaciers run beside each other without meeting."""
    reach = thresholds.gap_m
    first, second = subject.tree.query(subject.metric, predicate="dwithin", distance=reach)
    once = first < second
    first, second = first[once], second[once]
    if not first.size:
        return
    a, b = subject.metric[first], subject.metric[second]
    near = _boxes_in_common(a, b, 2 * reach)
    lines_a = shapely.intersection(shapely.boundary(a), near)
    lines_b = shapely.intersection(shapely.boundary(b), near)
    strips = shapely.intersection(
        shapely.buffer(lines_a, reach, quad_segs=2, cap_style="flat"),
        shapely.buffer(lines_b, reach, quad_segs=2, cap_style="flat"),
    )
    gaps, pair = shapely.get_parts(shapely.difference(shapely.difference(strips, a), b), return_index=True)
    flat = shapely.get_type_id(gaps) == shapely.GeometryType.POLYGON
    gaps, pair = gaps[flat], pair[flat]
    width, length = mean_width(gaps), shapely.length(gaps) / 2
    told = (
        (width < reach)
        & (width > thresholds.overlap_width_m)
        & (length > thresholds.gap_length_m)
        & (elongation(gaps) > _GAP_ELONGATION)
    )
    candidates = np.flatnonzero(told)
    for n in candidates:
        i, j = first[pair[n]], second[pair[n]]
        others = subject.tree.query(gaps[n], predicate="intersects")
        rest = shapely.difference(gaps[n], shapely.union_all(subject.metric[others]))
        if rest.area < 0.5 * gaps[n].area:  # a third glacier fills it
            continue
        what = f"leave a gap of {rest.area:.0f} m2 between them, {length[n]:.0f} m long and {width[n]:.1f} m wide"
        at = subject.point_in(rest)
        yield Finding("gap", Severity.WARNING, (subject.ids[i], subject.ids[j]), what, *at, float(rest.area) / 1e6)


def _boxes_in_common(a: Shapes, b: Shapes, margin: float) -> Shapes:
    one, two = shapely.bounds(a), shapely.bounds(b)
    low = np.maximum(one[:, :2], two[:, :2]) - margin
    high = np.minimum(one[:, 2:], two[:, 2:]) + margin
    return np.asarray(shapely.box(low[:, 0], low[:, 1], high[:, 0], high[:, 1]), dtype=object)
