"""One correction, whatever it is: named, with what it needs, applied to the parts around it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import shapely
from shapely.geometry.base import BaseGeometry

from firnline.errors import EditError
from firnline.inventory.editing.ground import add, draw, hole, remove
from firnline.inventory.editing.lines import reshape, split
from firnline.inventory.editing.part import Change, Part
from firnline.inventory.editing.vertices import Position, delete_vertex, insert_vertex, move_vertices
from firnline.inventory.editing.wholes import assign, delete, merge, reclassify, simplify


@dataclass(frozen=True)
class Edit:
    """What a person asks for; which fields count hangs on the operation.

    Parameters
    ----------
    operation
        A name of `OPERATIONS`.
    targets
        Names of the parts that were chosen.
    geometry
        What was drawn.
    moves
        Vertices, from where to where.
    class_value
        A class.
    glacier_id
        The id of a glacier.
    overwrite
        Whether ground is taken from others.
    tolerance_m, sliver_m
        See `wholes.simplify` and `ground.draw`.
    """

    operation: str
    targets: tuple[str, ...] = ()
    geometry: BaseGeometry | None = None
    moves: tuple[tuple[Position, Position], ...] = ()
    class_value: int | None = None
    glacier_id: str | None = None
    overwrite: bool = False
    tolerance_m: float | None = None
    sliver_m: float = 0.0

    @property
    def places(self) -> list[BaseGeometry]:
        """What was drawn and moved: parts that it meets are touched by the edit beside the targets."""
        drawn = [] if self.geometry is None else [self.geometry]
        return drawn + [shapely.MultiPoint(list(move)) for move in self.moves]


_APPLY: Final[dict[str, Callable[[Sequence[Part], Edit], Change]]] = {
    "draw": lambda near, e: draw(near, e.geometry, e.class_value, overwrite=e.overwrite, sliver_m=e.sliver_m),
    "add": lambda near, e: add(near, e.targets, e.geometry, overwrite=e.overwrite, sliver_m=e.sliver_m),
    "remove": lambda near, e: remove(near, e.targets, e.geometry),
    "hole": lambda near, e: hole(near, e.targets, e.geometry, e.class_value or 0),
    "split": lambda near, e: split(near, e.targets, e.geometry),
    "reshape": lambda near, e: reshape(near, e.targets, e.geometry),
    "merge": lambda near, e: merge(near, e.targets),
    "reclassify": lambda near, e: reclassify(near, e.targets, e.class_value),
    "assign": lambda near, e: assign(near, e.targets, e.glacier_id),
    "delete": lambda near, e: delete(near, e.targets),
    "simplify": lambda near, e: simplify(near, e.targets, e.tolerance_m),
    "move_vertices": lambda near, e: move_vertices(near, e.moves),
    "insert_vertex": lambda near, e: insert_vertex(near, e.geometry),
    "delete_vertex": lambda near, e: delete_vertex(near, e.geometry),
}

OPERATIONS: Final = tuple(_APPLY)
"""What can be done to outlines."""


ABOUT_VERTICES: Final = ("move_vertices", "insert_vertex", "delete_vertex")
"""Operations that have no targets: every part that has the vertex follows."""


def apply(near: Sequence[Part], edit: Edit) -> Change:
    """Apply a correction.

    Parameters
    ----------
    near
        All parts whose boxes come within a metre of the targets' or of what was drawn.
    edit
        What is asked for.

    Raises
    ------
    EditError
        When it cannot be done, with the reason.

    Examples
    --------
    >>> ice = Part("a", 1, shapely.box(0, 0, 10, 10))
    >>> apply([ice], Edit("reclassify", ("a",), class_value=2)).changed[0].class_value
    2
    """
    if edit.operation not in _APPLY:
        raise EditError(f"'{edit.operation}' is no operation", do=f"use one of {' '.join(OPERATIONS)}")
    return _APPLY[edit.operation](near, edit)
