"""One glacier at a time: is its geometry there, valid, of one part, and without slivers and spikes?"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

import numpy as np
import shapely
from numpy.typing import NDArray

from firnline.inventory.check.finding import Finding, Severity
from firnline.inventory.check.subject import Shapes, Subject
from firnline.inventory.check.thresholds import Thresholds

_AT: Final = re.compile(r"\[\s*(\S+)\s+([^\s\]]+)")
_ELONGATED: Final = 10.0
"""perimeter^2 / (4 area) of a sliver: about its length over its width; a square has 4."""
_SAME_POINT_M: Final = 5.0
"""Points of a ring that are nearer to each other count as one when spikes are looked for: a tip may be cut off."""


def check_geometry(subject: Subject, thresholds: Thresholds) -> Iterator[Finding]:
    """Ask for null, empty, impossible, invalid and multipart geometry, slivers, spikes and extreme shapes.

    Examples
    --------
    >>> import geopandas as gpd
    >>> from firnline.inventory.check.subject import subject_of
    >>> bow_tie = shapely.Polygon([(0, 0), (500, 500), (500, 0), (0, 500)])
    >>> subject = subject_of(gpd.GeoDataFrame({"rgi_id": ["a"]}, geometry=[bow_tie], crs="EPSG:32645"))
    >>> [(found.kind, found.x, found.y) for found in check_geometry(subject, Thresholds())]
    [('invalid geometry', 250.0, 250.0)]
    """
    yield from _missing(subject)
    yield from _invalid(subject)
    yield from _multipart(subject)
    yield from _slivers(subject, thresholds)
    yield from _spikes(subject, thresholds)
    yield from _extreme(subject, thresholds)


def _missing(subject: Subject) -> Iterator[Finding]:
    kinds = shapely.get_type_id(subject.raw)
    empty = shapely.is_empty(subject.raw)
    for index in np.flatnonzero(~subject.usable):
        what = f"is no polygon but a {getattr(subject.raw[index], 'geom_type', '')}"
        kind = "not a polygon"
        if kinds[index] == -1:
            kind, what = "null geometry", "has no geometry (null, or a ring of too few points)"
        elif empty[index]:
            kind, what = "empty geometry", "has an empty geometry"
        elif subject.impossible[index]:
            x, y = shapely.get_coordinates(subject.raw[index])[0]
            name = "degrees" if subject.crs is None else subject.crs.name
            kind, what = "impossible coordinates", f"has coordinates that {name} does not have, as {x:.6g}, {y:.6g}"
        yield Finding(kind, Severity.ERROR, (subject.ids[index],), what, *subject.point(index))


def _invalid(subject: Subject) -> Iterator[Finding]:
    broken = np.flatnonzero(subject.usable & ~shapely.is_valid(subject.raw))
    plain, mended_area = shapely.area(subject.raw), shapely.area(subject.shapes)
    for index, reason in zip(broken, shapely.is_valid_reason(subject.raw[broken]), strict=True):
        found = _AT.search(reason)
        x, y = (float(found[1]), float(found[2])) if found else subject.point(index)
        words = reason.partition("[")[0].strip().lower()
        changed = abs(mended_area[index] / plain[index] - 1.0) if plain[index] else 1.0
        kind = "self-touching ring" if words.startswith("ring self-intersection") else "invalid geometry"
        what = f"is invalid ({words}); mended, its area changes by {changed:.2%}"
        yield Finding(kind, Severity.ERROR, (subject.ids[index],), what, x, y, float(subject.areas_km2[index]))


def _multipart(subject: Subject) -> Iterator[Finding]:
    # Of the stored geometry: what mending takes apart is told as invalid.
    for index in np.flatnonzero(subject.usable & (shapely.get_num_geometries(subject.raw) > 1)):
        parts = shapely.get_parts(subject.metric[index])
        if len(parts) < 2:
            continue
        areas = np.sort(shapely.area(parts))
        what = (
            f"has {len(parts)} separate parts, the smallest of {areas[0] / 1e6:.4g} km2;"
            " an inventory has one polygon a glacier"
        )
        at = subject.point_in(parts[np.argmin(shapely.area(parts))])
        extent = float(areas[:-1].sum() / 1e6)
        yield Finding("multipart", Severity.WARNING, (subject.ids[index],), what, *at, extent)


def mean_width(shapes: Shapes) -> NDArray[np.float64]:
    """Twice the area over the perimeter, metres: the width of a long strip; 0 of what has no perimeter.

    Examples
    --------
    >>> mean_width(np.array([shapely.box(0, 0, 1000, 10)])).round(1).tolist()
    [9.9]
    """
    perimeter = np.asarray(shapely.length(shapes), np.float64)
    width = np.zeros(len(shapes))
    np.divide(2.0 * shapely.area(shapes), perimeter, out=width, where=perimeter > 0)
    return width


def elongation(shapes: Shapes) -> NDArray[np.float64]:
    """perimeter^2 / (4 area): about length over width of a strip, 4 of a square, infinite without area."""
    area = np.asarray(shapely.area(shapes), np.float64)
    found = np.full(len(shapes), np.inf)
    np.divide(shapely.length(shapes) ** 2, 4.0 * area, out=found, where=area > 0)
    return found


def _slivers(subject: Subject, thresholds: Thresholds) -> Iterator[Finding]:
    parts, owner = shapely.get_parts(subject.metric, return_index=True)
    rings, part_of = shapely.get_rings(parts, return_index=True)
    areas = np.asarray(shapely.polygons(rings), dtype=object).reshape(-1)
    outer = np.ones(len(rings), np.bool_)
    outer[1:] = part_of[1:] != part_of[:-1]
    # The part as it is, holes cut out: a frame round a nunatak may be thin. Holes as polygons of their own.
    shapes: Shapes = np.where(outer, parts[part_of], areas)
    thin = (mean_width(shapes) < thresholds.sliver_m) & (elongation(shapes) >= _ELONGATED)
    for number in np.flatnonzero(thin):
        shape, index = shapes[number], owner[part_of[number]]
        kind = "sliver" if outer[number] else "sliver hole"
        is_part = shapely.get_num_geometries(subject.metric[index]) > 1
        words = (
            "has a sliver for a hole"
            if not outer[number]
            else "has a sliver for a part"
            if is_part
            else "is a sliver"
        )
        width = float(mean_width(shapes[[number]])[0])
        what = f"{words}: {shape.area:.0f} m2, {width:.1f} m wide on average"
        at = subject.point_in(shape)
        yield Finding(kind, Severity.WARNING, (subject.ids[index],), what, *at, float(shape.area) / 1e6)


def _spikes(subject: Subject, thresholds: Thresholds) -> Iterator[Finding]:
    smooth = shapely.remove_repeated_points(subject.metric, _SAME_POINT_M)
    parts, owner = shapely.get_parts(smooth, return_index=True)
    rings, part_of = shapely.get_rings(parts, return_index=True)
    points, ring_of = shapely.get_coordinates(rings, return_index=True)
    if not len(points):
        return
    first = np.flatnonzero(np.concatenate([[True], ring_of[1:] != ring_of[:-1]]))
    last = np.append(first[1:], len(points)) - 1
    before, after = np.arange(len(points)) - 1, np.arange(len(points)) + 1
    before[first], after[last] = last - 1, first + 1  # a ring's last point is its first
    a, b = points[before] - points, points[after] - points
    side_a, side_b = np.hypot(*a.T), np.hypot(*b.T)
    with np.errstate(divide="ignore", invalid="ignore"):
        cosine = (a * b).sum(axis=1) / (side_a * side_b)
    degrees = np.degrees(np.arccos(np.clip(np.nan_to_num(cosine, nan=-1.0), -1.0, 1.0)))
    height = np.minimum(side_a, side_b)
    sharp = (degrees < thresholds.spike_degrees) & (height > thresholds.spike_m)
    sharp[last] = False
    for number in np.flatnonzero(sharp):
        index = owner[part_of[ring_of[number]]]
        what = f"has a spike {height[number]:.0f} m long with an angle of {degrees[number]:.1f} degrees"
        at = subject.file_point(*points[number])
        yield Finding("spike", Severity.WARNING, (subject.ids[index],), what, *at, float(height[number] ** 2) / 1e8)


def _extreme(subject: Subject, thresholds: Thresholds) -> Iterator[Finding]:
    boxes = shapely.oriented_envelope(subject.metric)
    corners, of = shapely.get_coordinates(boxes, return_index=True)
    counts = np.bincount(of, minlength=len(boxes))
    for index in np.flatnonzero(counts == 5):
        start = int(np.searchsorted(of, index))
        sides = np.hypot(*np.diff(corners[start : start + 3], axis=0).T)
        long, short = float(sides.max()), float(sides.min())
        if long > thresholds.aspect_ratio * short:
            what = f"is {long:.0f} m long and {short:.0f} m wide, a ratio of {long / max(short, 1e-9):.0f}"
            area = float(subject.areas_km2[index])
            yield Finding("extreme shape", Severity.WARNING, (subject.ids[index],), what, *subject.point(index), area)
