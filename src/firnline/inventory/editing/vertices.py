"""Corrections by vertices: every outline that has the vertex follows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely import Polygon
from shapely.geometry.base import BaseGeometry

from firnline.errors import EditError
from firnline.inventory.editing.faces import nodes_shared
from firnline.inventory.editing.part import Change, Part, on_grid, require_coverage
from firnline.inventory.faces import GRID_M

Position = tuple[float, float]
_AT_EDGE: Final = 0.01
"""A point this close to an edge, metres, is on it: what a browser computes as its nearest point."""


def move_vertices(near: Sequence[Part], moves: Sequence[tuple[Position, Position]]) -> Change:
    """Move vertices, one or many at once, in all outlines that have them; a place on an edge becomes a vertex first.

    Parameters
    ----------
    near
        Parts around the old and the new places.
    moves
        From where to where.

    Raises
    ------
    EditError
        When no outline is there, or outlines would cross or overlap.

    Examples
    --------
    >>> ice, debris = Part("a", 1, shapely.box(0, 0, 10, 10)), Part("b", 2, shapely.box(10, 0, 20, 10))
    >>> {part.id: part.geometry.area for part in move_vertices([ice, debris], [((10, 10), (12, 10))]).changed}
    {'a': 110.0, 'b': 90.0}
    """
    if not moves:
        raise EditError("no vertex was moved", do="drag one")
    there = {_rounded(start): _rounded(end) for start, end in moves}
    moved = []
    for part, met in zip(near, _met(near, list(there)), strict=True):
        if any(met):
            rings = zip(_rings(part.geometry), met, strict=True)
            moved.append(_of_rings(part, [_moved(_with_points(ring, here), here, there) for ring, here in rings]))
    if not moved:
        raise EditError("no outline has a vertex there any more", do="load the outlines anew")
    return nodes_shared(near, moved)


def insert_vertex(near: Sequence[Part], place: BaseGeometry | None) -> Change:
    """Make a vertex of a place on an edge, in all outlines that have the edge.

    Raises
    ------
    EditError
        When no edge is there.

    Examples
    --------
    >>> ice, debris = Part("a", 1, shapely.box(0, 0, 10, 10)), Part("b", 2, shapely.box(10, 0, 20, 10))
    >>> [part.id for part in insert_vertex([ice, debris], shapely.Point(10, 5)).changed]
    ['a', 'b']
    """
    at = _position(place)
    changed = []
    for part, met in zip(near, _met(near, [at]), strict=True):
        before = _rings(part.geometry)
        rings = [_with_points(ring, here) for ring, here in zip(before, met, strict=True)]
        if any(len(ring) > len(old) for ring, old in zip(rings, before, strict=True)):
            changed.append(_of_rings(part, rings))
    if not changed:
        raise EditError("no edge without a vertex is there", do="click on an edge")
    return nodes_shared(near, changed)


def delete_vertex(near: Sequence[Part], place: BaseGeometry | None) -> Change:
    """Take a vertex out of all outlines that have it.

    Raises
    ------
    EditError
        When no vertex is there, more than two outlines meet in it, or what is left would be no outline.

    Examples
    --------
    >>> corner = Polygon([(0, 0), (10, 0), (10, 10), (5, 12), (0, 10)])
    >>> delete_vertex([Part("a", 1, corner)], shapely.Point(5, 12)).changed[0].geometry.area
    100.0
    """
    at = _position(place)
    changed = []
    for part in near:
        rings = [_without(ring, at) for ring in _rings(part.geometry)]
        if any(ring is not None for ring in rings):
            kept = [
                before if ring is None else ring for ring, before in zip(rings, _rings(part.geometry), strict=True)
            ]
            changed.append(_of_rings(part, kept))
    if not changed:
        raise EditError("no vertex is there", do="click on one")
    if _degree(near, at) > 2:
        raise EditError("outlines that meet there would come apart", do="move the vertex instead")
    names = {part.id for part in changed}
    require_coverage(near, [*(part for part in near if part.id not in names), *changed])
    return Change(tuple(changed))


def _position(place: BaseGeometry | None) -> Position:
    if not isinstance(place, shapely.Point) or place.is_empty:
        raise EditError("a place is needed", do="click on the outline")
    return _rounded((place.x, place.y))


def _rounded(place: Position) -> Position:
    if not np.isfinite(place).all():
        raise EditError("a coordinate is no number", do="move it again")
    x, y = shapely.get_coordinates(on_grid(shapely.Point(place)))[0].tolist()
    return x, y


def _rings(polygon: Polygon) -> list[NDArray[np.float64]]:
    return [np.asarray(ring.coords, np.float64) for ring in (polygon.exterior, *polygon.interiors)]


def _at(ring: NDArray[np.float64], place: Position) -> NDArray[np.bool_]:
    found: NDArray[np.bool_] = np.abs(ring - place).max(axis=1) < GRID_M / 2
    return found


def _degree(parts: Sequence[Part], place: Position) -> int:
    """How many edges meet in a vertex, each counted once whoever shares it."""
    ends: set[Position] = set()
    for part in parts:
        for ring in _rings(part.geometry):
            for index in np.flatnonzero(_at(ring[:-1], place)).tolist():
                ends |= {_rounded(tuple(ring[index - 1 if index else -2])), _rounded(tuple(ring[index + 1]))}
    return len(ends)


def _of_rings(part: Part, rings: Sequence[NDArray[np.float64]]) -> Part:
    return replace(part, geometry=Polygon(rings[0], rings[1:]))


def _met(parts: Sequence[Part], places: Sequence[Position]) -> list[list[list[Position]]]:
    """Of each ring of each part, the places that are on it."""
    rings = [[part.geometry.exterior, *part.geometry.interiors] for part in parts]
    met: list[list[list[Position]]] = [[[] for _ in each] for each in rings]
    flat = [here for each in met for here in each]
    lines = np.array([ring for each in rings for ring in each], object)
    tree = shapely.STRtree([shapely.Point(place) for place in places])
    for ring, place in sorted(tree.query(lines, predicate="dwithin", distance=_AT_EDGE).T.tolist()):
        flat[ring].append(places[place])
    return met


def _moved(
    ring: NDArray[np.float64], starts: Sequence[Position], there: dict[Position, Position]
) -> NDArray[np.float64]:
    places = [(_at(ring, start), there[start]) for start in starts]  # all before any is moved
    for here, end in places:
        ring[here] = end
    return ring


def _with_points(ring: NDArray[np.float64], places: Sequence[Position]) -> NDArray[np.float64]:
    for place in places:
        ring = _with_point(ring, place)
    return ring


def _with_point(ring: NDArray[np.float64], place: Position) -> NDArray[np.float64]:
    if _at(ring, place).any():
        return ring
    edges = shapely.linestrings(np.stack([ring[:-1], ring[1:]], axis=1))
    distances = np.asarray(shapely.distance(edges, shapely.Point(place)))
    nearest = int(np.argmin(distances))
    return np.insert(ring, nearest + 1, place, axis=0) if distances[nearest] <= _AT_EDGE else ring


def _without(ring: NDArray[np.float64], place: Position) -> NDArray[np.float64] | None:
    here = _at(ring, place)
    if not here.any():
        return None
    left = ring[:-1][~here[:-1]]
    if len(left) < 3:
        raise EditError("an outline needs three vertices", do="delete the outline instead")
    return np.concatenate([left, left[:1]])
