"""Ground that people drew, and that the server holds: what they have in common, within what a screen can tell."""

from __future__ import annotations

import math

import numpy as np
import shapely
from shapely import Polygon

ROUNDING = 0.01
"""Metres that noding on a grid of a millimetre may move an edge, with room."""

Place = tuple[float, float]


def edge(held: dict[str, tuple[int, Polygon]], one: str, other: str) -> shapely.Geometry:
    """The edge that two outlines share."""
    return held[one][1].boundary.intersection(held[other][1].boundary)


def same(one: shapely.Geometry, other: shapely.Geometry, metres: float = ROUNDING) -> bool:
    """Whether two areas differ by no more than a strip of some metres along their edges."""
    return bool(one.symmetric_difference(other).area <= metres * max(one.length, other.length))


def middle(ground: shapely.Geometry) -> Place:
    """The place of an area that is furthest from its edge."""
    (x, y), _ = shapely.maximum_inscribed_circle(ground).coords
    return x, y


def ring(x: float, y: float, radius: float) -> list[Place]:
    """A circle as a hand draws it, from its rightmost point and back to it."""
    angles = np.linspace(0, 2 * math.pi, 24)
    return [(x + radius * math.cos(angle), y + radius * math.sin(angle)) for angle in angles]
