"""Corrections by areas: draw, add, remove, cut a hole."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from firnline.errors import EditError
from firnline.inventory.editing.faces import Faces, Owner, after, cut, give, kept, touched
from firnline.inventory.editing.glacier_of import glacier_of
from firnline.inventory.editing.part import Change, Part, chosen, require_class, require_polygons

Taken = NDArray[np.bool_]
"""Whether each face changes hands."""


def draw(
    near: Sequence[Part], area: BaseGeometry | None, class_value: int | None, *, overwrite: bool = False,
    sliver_m: float = 0.0,
) -> Change:  # fmt: skip
    """Draw a new part, of the glacier that it lies on or beside (`glacier_of`).

    Parameters
    ----------
    near
        Parts whose boxes meet the area's.
    area
        The polygon.
    class_value
        Its class.
    overwrite
        Whether it takes ground that others have; else it gets what is free of it.
    sliver_m
        Gaps of less mean width than this between it and what is there, metres, are filled by it.

    Raises
    ------
    EditError
        When it gets no ground.

    Examples
    --------
    >>> ice = Part("a", 1, shapely.box(0, 0, 10, 10))
    >>> draw([ice], shapely.box(5, 0, 20, 10), 2).added[0].geometry.area
    100.0
    >>> change = draw([ice], shapely.box(5, 0, 20, 10), 2, overwrite=True)
    >>> change.changed[0].geometry.area, change.added[0].geometry.area
    (50.0, 150.0)
    """
    area = require_polygons(area)
    new = Part("", require_class(class_value), shapely.Polygon())
    parts = touched(near, area)
    faces = cut(parts, area.boundary)
    taken = faces.inside(area) & (overwrite | (faces.owners < 0))
    if not taken.any():
        raise EditError("all of that ground is taken", do="draw on free ground, or let it overwrite")
    taken |= _gaps(faces, taken, sliver_m)
    return _named(near, give(faces, _owners(faces, taken, new), near))


def _named(near: Sequence[Part], change: Change) -> Change:
    """The change with the glaciers of what was drawn; pieces of parts that were there have theirs."""
    rest = after(near, replace(change, added=tuple(part for part in change.added if part.came_from is not None)))
    return replace(
        change,
        added=tuple(
            replace(part, glacier_id=glacier_of(part.geometry, near, rest)) if part.came_from is None else part
            for part in change.added
        ),
    )


def add(
    near: Sequence[Part], ids: Sequence[str], area: BaseGeometry | None, *, overwrite: bool = False,
    sliver_m: float = 0.0,
) -> Change:  # fmt: skip
    """Add ground to a part; parameters as of `draw`.

    Raises
    ------
    EditError
        When the area does not reach the part, or adds nothing.

    Examples
    --------
    >>> add([Part("a", 1, shapely.box(0, 0, 10, 10))], ["a"], shapely.box(5, 0, 20, 10)).changed[0].geometry.area
    200.0
    """
    target = _one(near, ids)
    area = require_polygons(area)
    faces = cut(touched(near, area, [target]), area.boundary)
    at = _index(faces, target)
    taken = faces.inside(area) & (overwrite | (faces.owners < 0)) & (faces.owners != at)
    if not taken.any():
        raise EditError("that adds nothing", do="draw over the edge of the outline, or let it overwrite")
    taken |= _gaps(faces, taken | (faces.owners == at), sliver_m)
    whole = shapely.coverage_union_all(list(faces.polygons[taken | (faces.owners == at)]))
    if whole.geom_type != "Polygon":
        raise EditError("that does not touch the outline all over", do="begin on the outline, or draw a new one")
    return give(faces, _owners(faces, taken, target.id), near)


def remove(near: Sequence[Part], ids: Sequence[str], area: BaseGeometry | None) -> Change:
    """Take ground from parts.

    Raises
    ------
    EditError
        When the area does not meet them.

    Examples
    --------
    >>> remove([Part("a", 1, shapely.box(0, 0, 10, 10))], ["a"], shapely.box(5, 0, 20, 10)).changed[0].geometry.area
    50.0
    """
    return _take(near, ids, require_polygons(area), None)


def hole(near: Sequence[Part], ids: Sequence[str], area: BaseGeometry | None, class_value: int | None = 0) -> Change:
    """Cut a hole out of a part, and fill it with another class where one is given (not 0).

    Raises
    ------
    EditError
        When the area does not meet the part.

    Examples
    --------
    >>> change = hole([Part("a", 1, shapely.box(0, 0, 10, 10))], ["a"], shapely.box(2, 2, 4, 4), 2)
    >>> change.changed[0].geometry.area, change.added[0].geometry.area, change.added[0].class_value
    (96.0, 4.0, 2)
    """
    target = _one(near, ids)
    value = require_class(class_value, background=True)
    new = Part("", value, shapely.Polygon(), target.glacier_id, target.id) if value else None
    return _take(near, [target.id], require_polygons(area), new)


def _take(near: Sequence[Part], ids: Sequence[str], area: BaseGeometry, new: Part | None) -> Change:
    targets = chosen(near, ids)
    # What the area does to parts that were not chosen is nothing: its line is drawn on the chosen ground alone.
    ground = shapely.union_all([part.geometry for part in targets])
    line = shapely.intersection(area.boundary, shapely.buffer(ground, 0.01))
    names = {part.id for part in targets}
    faces = cut(touched(near, line, targets), line)
    mine = np.array([owner >= 0 and faces.parts[owner].id in names for owner in faces.owners], np.bool_)
    taken = faces.inside(area) & mine
    if not taken.any():
        raise EditError("that does not meet what was chosen", do="draw over it")
    return give(faces, _owners(faces, taken, new), near)


def _gaps(faces: Faces, taken: Taken, sliver_m: float) -> Taken:
    """Faces that nobody has, thinner than `sliver_m`, that touch what is taken along an edge."""
    thin: Taken = (faces.owners < 0) & ~taken & (faces.widths() < sliver_m)
    if not thin.any():
        return thin
    ground = shapely.coverage_union_all(list(faces.polygons[taken]))
    met = shapely.length(shapely.intersection(faces.polygons[thin], ground)) > 0
    thin[thin] = met
    return thin


def _owners(faces: Faces, taken: Taken, owner: Owner) -> Callable[[int], Owner]:
    return lambda index: owner if taken[index] else kept(faces, index)


def _one(near: Sequence[Part], ids: Sequence[str]) -> Part:
    targets = chosen(near, ids)
    if len(targets) > 1:
        raise EditError("this works on one outline at a time", do="choose one")
    return targets[0]


def _index(faces: Faces, part: Part) -> int:
    return next(index for index, each in enumerate(faces.parts) if each.id == part.id)
