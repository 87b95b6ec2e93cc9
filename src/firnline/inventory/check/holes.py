"""Holes: rock that the ice now covers, and unknown that is not told as such."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import geopandas as gpd
import numpy as np
import shapely
from numpy.typing import NDArray

from firnline.inventory.check.finding import Finding, Severity
from firnline.inventory.check.subject import Shapes, Subject
from firnline.inventory.check.table import about
from firnline.inventory.check.thresholds import Thresholds

_COVERED: Final = 0.5
"""A hole is lost when more of it than this is ice now."""


def check_holes(subject: Subject) -> Iterator[Finding]:
    """Ask whether the holes of the inventory's own layer are still holes, and unknown makes a lower bound.

    Examples
    --------
    >>> from firnline.inventory.check.subject import subject_of
    >>> table = {"glacier_id": ["a"], "is_lower_bound": [False], "unknown_frac": [0.1]}
    >>> crs = "EPSG:32645"
    >>> glaciers = gpd.GeoDataFrame(table, geometry=[shapely.box(0, 0, 900, 900)], crs=crs)
    >>> rock = {"glacier_id": ["a"], "kind": ["rock"]}
    >>> holes = gpd.GeoDataFrame(rock, geometry=[shapely.box(300, 300, 600, 600)], crs=crs)
    >>> for found in check_holes(subject_of(glaciers, layers={"holes": holes})):
    ...     print(found.kind, "|", found.what)
    hole lost | covers a hole of rock of 0.09 km2, 100% of it
    lower bound | 10.0% of it is unknown, but it is not marked as a lower bound
    """
    holes = subject.layers.get("holes")
    if isinstance(holes, gpd.GeoDataFrame) and len(holes) and "kind" in holes.columns:
        kinds = holes["kind"].astype("str").to_numpy()
        yield from _lost(subject, subject.to_metres(holes.geometry), kinds, Severity.ERROR, "")
    yield from _not_marked(subject, holes)


def check_reference_holes(subject: Subject, reference: Subject, thresholds: Thresholds) -> Iterator[Finding]:
    """Ask whether nunataks of a reference inventory are ice in this one."""
    rings, of = [], []
    parts, owner = shapely.get_parts(reference.shapes, return_index=True)
    for part, index in zip(parts, owner, strict=True):
        rings += [shapely.Polygon(ring) for ring in part.interiors]
        of += [index] * len(part.interiors)
    if not rings:
        return
    holes = subject.to_metres(gpd.GeoSeries(rings, crs=reference.crs))
    holes = _without_glaciers(holes, subject.to_metres(gpd.GeoSeries(reference.shapes, crs=reference.crs)))
    large = shapely.area(holes) / 1e6 >= thresholds.hole_km2
    kinds = np.full(int(large.sum()), "rock", dtype=object)
    yield from _lost(subject, holes[large], kinds, Severity.WARNING, " of the reference")


def _without_glaciers(holes: Shapes, glaciers: Shapes) -> Shapes:
    """A hole may be filled by another glacier of the same inventory: that is no rock."""
    tree = shapely.STRtree(glaciers)
    hole, glacier = tree.query(holes, predicate="intersects")
    rest = holes.copy()
    for number in np.unique(hole):
        rest[number] = shapely.difference(holes[number], shapely.union_all(glaciers[glacier[hole == number]]))
    return rest


def _lost(
    subject: Subject, holes: Shapes, kinds: NDArray[np.object_], severity: Severity, whose: str
) -> Iterator[Finding]:
    usable = ~(shapely.is_missing(holes) | shapely.is_empty(holes))
    holes, kinds = shapely.make_valid(holes[usable]), kinds[usable]
    hole, glacier = subject.tree.query(holes, predicate="intersects")
    covered = shapely.intersection(holes[hole], subject.metric[glacier])
    for number in np.unique(hole):
        pieces, owners = covered[hole == number], glacier[hole == number]
        ice = shapely.union_all(pieces)
        share = ice.area / holes[number].area if holes[number].area else 0.0
        if share <= _COVERED:
            continue
        index = owners[np.argmax(shapely.area(pieces))]
        what = f"covers a hole of {kinds[number]}{whose} of {holes[number].area / 1e6:.3g} km2, {share:.0%} of it"
        at = subject.point_in(ice)
        yield Finding("hole lost", severity, (str(subject.ids[index]),), what, *at, float(ice.area) / 1e6)


def _not_marked(subject: Subject, holes: object) -> Iterator[Finding]:
    column = subject.column("is_lower_bound")
    if column is None:
        return
    marked = subject.frame[column].fillna(False).astype("bool").to_numpy()
    why: dict[int, str] = {}
    for name, words in (("touches_edge", "it touches the scene's edge"), ("touches_unknown", "it touches unknown")):
        found = subject.column(name)
        if found is not None:
            flags = subject.frame[found].fillna(False).astype("bool").to_numpy()
            why |= {int(index): words for index in np.flatnonzero(flags)}
    if isinstance(holes, gpd.GeoDataFrame) and {"kind", "glacier_id"} <= set(holes.columns):
        with_unknown = set(holes["glacier_id"][(holes["kind"] == "unknown").to_numpy()])
        inside = [n for n, value in enumerate(subject.ids) if value in with_unknown]
        why |= dict.fromkeys(inside, "it has a hole of unknown")
    share = subject.numbers("unknown_frac")
    if share is not None:
        why |= {int(index): f"{share[index]:.1%} of it is unknown" for index in np.flatnonzero(share > 0)}
    for index, words in sorted(why.items()):
        if not marked[index]:
            what = f"{words}, but it is not marked as a lower bound"
            yield about(subject, index, "lower bound", Severity.ERROR, what)
