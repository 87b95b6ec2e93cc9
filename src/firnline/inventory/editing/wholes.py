"""Corrections of whole parts: merge, reclassify, say of which glacier they are, delete, simplify."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import shapely
from shapely import Polygon

from firnline.errors import EditError
from firnline.inventory.editing.faces import Owner, after, cut, give, kept, touched
from firnline.inventory.editing.lines import heir
from firnline.inventory.editing.part import Change, Part, chosen, on_grid, require_class, require_coverage
from firnline.inventory.editing.straight import straightened


def merge(near: Sequence[Part], ids: Sequence[str]) -> Change:
    """Join parts to one, which has the class and the name of the first, and the first glacier that one of them has.

    Raises
    ------
    EditError
        When they do not hang together over shared edges.

    Examples
    --------
    >>> ice, debris = Part("a", 1, shapely.box(0, 0, 10, 10)), Part("b", 2, shapely.box(10, 0, 20, 10))
    >>> change = merge([ice, debris], ["a", "b"])
    >>> change.changed[0].geometry.area, change.removed
    (200.0, ('b',))
    """
    targets = chosen(near, ids)
    if len(targets) < 2:
        raise EditError("one outline alone cannot be merged", do="choose at least two that share an edge")
    whole = shapely.coverage_union_all([part.geometry for part in targets])
    if not isinstance(whole, Polygon):
        raise EditError("the outlines do not share edges", do="choose outlines that do, or fill the gap first")
    glacier = next((part.glacier_id for part in targets if part.glacier_id), None)
    change = Change(
        (replace(targets[0], geometry=whole, glacier_id=glacier),), removed=tuple(part.id for part in targets[1:])
    )
    names = {part.id for part in targets}
    require_coverage(near, [*(part for part in near if part.id not in names), *change.changed])
    return change


def reclassify(near: Sequence[Part], ids: Sequence[str], class_value: int | None) -> Change:
    """Give parts another class; 0, the background, removes them.

    Examples
    --------
    >>> reclassify([Part("a", 1, shapely.box(0, 0, 10, 10))], ["a"], 2).changed[0].class_value
    2
    """
    value = require_class(class_value, background=True)
    if value == 0:
        return delete(near, ids)
    other = [part for part in chosen(near, ids) if part.class_value != value]
    return Change(tuple(replace(part, class_value=value) for part in other))


def assign(near: Sequence[Part], ids: Sequence[str], glacier_id: str | None) -> Change:
    """Say of which glacier parts are; None, or nothing but spaces: of none that has an id.

    Examples
    --------
    >>> assign([Part("a", 1, shapely.box(0, 0, 10, 10))], ["a"], "RGI60-15.00001").changed[0].glacier_id
    'RGI60-15.00001'
    """
    name = (glacier_id or "").strip() or None
    return Change(
        tuple(replace(part, glacier_id=name) for part in chosen(near, ids) if (part.glacier_id or None) != name)
    )


def delete(near: Sequence[Part], ids: Sequence[str]) -> Change:
    """Remove parts.

    Examples
    --------
    >>> delete([Part("a", 1, shapely.box(0, 0, 10, 10))], ["a"]).removed
    ('a',)
    """
    return Change(removed=tuple(part.id for part in chosen(near, ids)))


def simplify(near: Sequence[Part], ids: Sequence[str], tolerance_m: float | None) -> Change:
    """Simplify outlines; edges that they share with others are simplified in those too.

    Parameters
    ----------
    near, ids
        Parts around, and which of them.
    tolerance_m
        The square root of the area, in metres, that a corner may have to be left out (Visvalingam and Whyatt 1993).

    Raises
    ------
    EditError
        When the tolerance is not greater than 0, or an outline would vanish.

    Examples
    --------
    >>> dented = shapely.Polygon([(0, 0), (100, 0), (100, 100), (50, 101), (0, 100)])
    >>> len(simplify([Part("a", 1, dented)], ["a"], 20).changed[0].geometry.exterior.coords)
    5
    """
    if tolerance_m is None or not 0 < tolerance_m < 1e6:
        raise EditError("the tolerance makes no sense", do="give metres, more than 0")
    targets = chosen(near, ids)
    shapes = np.array([part.geometry for part in targets], object)
    simple = [on_grid(shape) for shape in shapely.coverage_simplify(shapes, tolerance_m)]
    if not all(shape.is_valid and shape.area > 0 for shape in simple):
        raise EditError("an outline would vanish", do="give a smaller tolerance")
    lines = shapely.union_all([shape.boundary for shape in simple])
    faces = cut(touched(near, lines, targets), lines)
    owners: dict[int, Owner] = {}
    for part, shape in zip(targets, simple, strict=True):
        at = next(index for index, each in enumerate(faces.parts) if each.id == part.id)
        inside = faces.inside(shape)
        for index in np.flatnonzero(inside).tolist():
            owners[index] = part.id
        for index in np.flatnonzero((faces.owners == at) & ~inside).tolist():
            owners.setdefault(index, heir(faces, index, at))
    change = give(faces, lambda index: owners[index] if index in owners else kept(faces, index), near)
    plain = straightened(change, near, lines)
    require_coverage(near, after(near, plain))
    return plain
