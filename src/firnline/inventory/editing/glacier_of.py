"""The glacier that a new part belongs to: the one that it was drawn over, else the one that it was drawn beside.

It is told when the part is drawn, and not when the layer is delivered: so the person sees it, the history has it, and
undo takes it back with the part. A part that was there before keeps what it says of its glacier.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely import Polygon

from firnline.inventory.editing.part import Part
from firnline.inventory.faces import GRID_M


def glacier_of(shape: Polygon, before: Sequence[Part], around: Sequence[Part]) -> str | None:
    """The glacier that a new part belongs to; None where it is none that has an id.

    - Where more than half of its ground was one glacier's, that one: debris lies on the ice that it hides, and a
      glacier that is covered wholly is still there.
    - Else the glacier with which it shares the longest edge, over all of that glacier's parts. Of edges of the same
      length, to a millimetre, one with an id goes before one without, and then the id that sorts first.
    - None where it shares no edge; a common corner is none.

    Parts without an id count as a glacier too: new ice and the debris that is drawn at its foot are one, and not the
    neighbour's with which the debris shares a few metres.

    Parameters
    ----------
    shape
        The part's ground, which shares its vertices with `around`.
    before, around
        The parts there before it was drawn, and the other parts as they are with it.

    Examples
    --------
    >>> ice, other = Part("a", 1, shapely.box(0, 0, 9, 9), "A"), Part("b", 1, shapely.box(9, 0, 20, 9), "B")
    >>> glacier_of(shapely.box(2, -5, 12, 0), [], [ice, other])
    'A'
    """
    ground = _by_glacier(before, shape, lambda shapes: shapely.area(shapely.intersection(shapes, shape)))
    for glacier, m2 in ground.items():
        if 2 * m2 > shape.area:
            return glacier
    edge = shape.boundary
    edges = _by_glacier(
        around, shape, lambda shapes: shapely.length(shapely.intersection(shapely.boundary(shapes), edge))
    )
    shared = [(-round(metres / GRID_M), glacier is None, glacier or "") for glacier, metres in edges.items()]
    longest, is_none, glacier = min(shared, default=(0, True, ""))
    return None if longest == 0 or is_none else glacier


def _by_glacier(
    parts: Sequence[Part], shape: Polygon, measured: Callable[[NDArray[np.object_]], NDArray[np.float64]]
) -> dict[str | None, float]:
    """What is measured of the parts that meet a shape, added up by glacier; those without an id count together."""
    shapes = np.array([part.geometry for part in parts], object)
    meets = np.flatnonzero(shapely.intersects(shapes, shape)) if len(parts) else np.zeros(0, np.int64)
    found: dict[str | None, float] = {}
    for index, amount in zip(meets.tolist(), measured(shapes[meets]).tolist(), strict=True):
        glacier = parts[index].glacier_id or None
        found[glacier] = found.get(glacier, 0.0) + amount
    return found
