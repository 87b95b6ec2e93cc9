"""Vertices that noding leaves on straight edges, where an old line met a new one: nobody drew them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely import Polygon
from shapely.geometry.base import BaseGeometry

from firnline.inventory.editing.faces import after, is_same
from firnline.inventory.editing.part import Change, Part
from firnline.inventory.faces import GRID_M

_OFF: Final = 1.5 * GRID_M
"""Rounding puts a node on a straight edge up to this far beside it."""


def straightened(change: Change, near: Sequence[Part], line: BaseGeometry) -> Change:
    """Drop what noding left on a new line: vertices that are not the line's, between two edges in one direction.

    A vertex stays where three edges meet, where an outline has it that does not change, and where it is off the line:
    so edges that are shared stay shared, and nothing moves by more than rounding does.

    Parameters
    ----------
    change
        What a correction changes.
    near
        All parts around, as they were.
    line
        The new line, on the grid.

    Examples
    --------
    >>> ice = Part("a", 1, shapely.Polygon([(0, 0), (40, 0), (100, 0), (100, 100)]))
    >>> found = straightened(Change((ice,)), [ice], shapely.LineString([(0, 0), (100, 0)]))
    >>> len(found.changed[0].geometry.exterior.coords)
    4
    """
    ours = {id(part) for part in (*change.changed, *change.added)}
    corners, is_ours = _corners(after(near, change), ours)
    nodes, node = np.unique(corners[:, 1], axis=0, return_inverse=True)
    others = np.concatenate([corners[:, 0], corners[:, 2]])
    edges = np.unique(np.column_stack([np.tile(node, 2), others]), axis=0)
    degree = np.bincount(edges[:, 0], minlength=len(nodes))
    stays = degree != 2
    stays[node[~is_ours | ~_is_straight(corners)]] = True
    places = shapely.points(nodes * GRID_M)
    drawn = np.rint(shapely.get_coordinates(line) / GRID_M).astype(np.int64)
    stays |= np.isin(_as_one(nodes), _as_one(drawn)) | ~shapely.dwithin(places, line, 2 * GRID_M)
    dropped = _as_one(nodes[~stays])
    was = {part.id: part.geometry for part in near}
    changed = [_without(part, dropped) for part in change.changed]
    return replace(
        change,
        # A neighbour that noding alone touched is as it was.
        changed=tuple(now for now in changed if now.id not in was or not is_same(now.geometry, was[now.id])),
        added=tuple(_without(part, dropped) for part in change.added),
    )


def _in_millimetres(ring: BaseGeometry) -> NDArray[np.int64]:
    """The vertices of a ring, the first one not told again, int64 (vertex, 2)."""
    return np.rint(shapely.get_coordinates(ring)[:-1] / GRID_M).astype(np.int64)


def _corners(parts: Sequence[Part], ours: set[int]) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """(the vertex before, the vertex, the one behind) of all rings, int64 (corner, 3, 2), and whether it is ours."""
    rings, is_ours = [np.zeros((0, 3, 2), np.int64)], [np.zeros(0, np.bool_)]
    for part in parts:
        for ring in (part.geometry.exterior, *part.geometry.interiors):
            at = _in_millimetres(ring)
            rings.append(np.stack([np.roll(at, 1, axis=0), at, np.roll(at, -1, axis=0)], axis=1))
            is_ours.append(np.full(len(at), id(part) in ours))
    return np.concatenate(rings), np.concatenate(is_ours)


def _is_straight(corners: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Whether the way goes on in one direction, to rounding."""
    coming, going = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 1]
    whole = corners[:, 2] - corners[:, 0]
    off = np.abs(coming[:, 0] * whole[:, 1] - coming[:, 1] * whole[:, 0])
    length = np.hypot(whole[:, 0], whole[:, 1])
    return np.asarray((off <= _OFF / GRID_M * length) & ((coming * going).sum(axis=1) > 0), np.bool_)


def _as_one(nodes: NDArray[np.int64]) -> NDArray[np.complex128]:
    """Both coordinates as one number that can be looked up; whole millimetres of any CRS are exact in it."""
    return nodes[:, 0] + 1j * nodes[:, 1]


def _without(part: Part, dropped: NDArray[np.complex128]) -> Part:
    rings = []
    for ring in (part.geometry.exterior, *part.geometry.interiors):
        goes = np.isin(_as_one(_in_millimetres(ring)), dropped)
        kept = shapely.get_coordinates(ring)[:-1][~goes]
        rings.append(kept if goes.any() and len(kept) >= 3 else shapely.get_coordinates(ring))
    return replace(part, geometry=Polygon(rings[0], rings[1:]))
