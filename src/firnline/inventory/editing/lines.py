"""Corrections by lines: split, reshape."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

from firnline.errors import EditError
from firnline.inventory.editing.faces import Faces, Owner, cut, give, kept, touched
from firnline.inventory.editing.part import Change, Part, chosen, pieces, require_line
from firnline.inventory.faces import GRID_M


def split(near: Sequence[Part], ids: Sequence[str], line: BaseGeometry | None) -> Change:
    """Cut parts along a line; the largest piece of each keeps its name.

    Raises
    ------
    EditError
        When the line cuts none of them through.

    Examples
    --------
    >>> change = split([Part("a", 1, shapely.box(0, 0, 10, 10))], ["a"], shapely.LineString([(-1, 4), (11, 4)]))
    >>> change.changed[0].geometry.area, change.added[0].geometry.area
    (60.0, 40.0)
    """
    targets = chosen(near, ids)
    ground = shapely.union_all([part.geometry for part in targets])
    within = shapely.intersection(require_line(line), shapely.buffer(ground, 0.01))
    names = {part.id for part in targets}
    faces = cut(touched(near, within, targets), within)
    of: dict[str, list[int]] = {part.id: [] for part in targets}
    for index, owner in enumerate(faces.owners.tolist()):
        if owner >= 0 and faces.parts[owner].id in names:
            of[faces.parts[owner].id].append(index)
    if all(len(mine) < 2 for mine in of.values()):
        raise EditError("the line cuts nothing through", do="draw it from outside to outside of the outline")
    owners: dict[int, Owner] = {}
    for part in targets:
        largest = max(of[part.id], key=lambda index: float(shapely.area(faces.polygons[index])))
        new = replace(part, id="", came_from=part.id)
        owners |= {index: part.id if index == largest else replace(new) for index in of[part.id]}
    return give(faces, lambda index: owners[index] if index in owners else kept(faces, index), near)


def reshape(near: Sequence[Part], ids: Sequence[str], line: BaseGeometry | None) -> Change:
    """Let the outline of a part follow a line where the line leaves it and comes back to it.

    Where the line runs outside, the part gains the ground between, from its neighbours too; where it runs inside,
    the smaller side is lost to the neighbour with which it shares the longest edge, or to nobody. So an edge that two
    parts share is shared afterwards.

    Raises
    ------
    EditError
        When the line does not meet the outline twice.

    Examples
    --------
    >>> ice, debris = Part("a", 1, shapely.box(0, 0, 10, 10)), Part("b", 2, shapely.box(10, 0, 20, 10))
    >>> line = shapely.LineString([(10, 2), (8, 2), (8, 8), (10, 8)])
    >>> {part.id: part.geometry.area for part in reshape([ice, debris], ["a"], line).changed}
    {'a': 88.0, 'b': 112.0}
    """
    targets = chosen(near, ids)
    if len(targets) > 1:
        raise EditError("one outline is reshaped at a time", do="choose one")
    target, line = targets[0], require_line(line)
    new_shape = _reshaped(target, line)
    # Only the stretches between first and last meeting count; the ends of the line that dangle are none.
    faces = cut(touched(near, new_shape.boundary, [target]), new_shape.boundary)
    gained = faces.inside(new_shape)
    at = next(index for index, part in enumerate(faces.parts) if part.id == target.id)
    owners: dict[int, Owner] = {}
    for index in range(len(faces.polygons)):
        if gained[index]:
            owners[index] = target.id
        elif faces.owners[index] == at:
            owners[index] = heir(faces, index, at)
    return give(faces, lambda index: owners[index] if index in owners else kept(faces, index), near)


def heir(faces: Faces, index: int, loser: int) -> Owner:
    """Who gets a face that its owner loses: the neighbour with the longest edge to it, or nobody."""
    border = {owner: metres for owner, metres in faces.border(index).items() if owner != loser}
    owner = max(border, key=lambda each: border[each])
    return None if owner < 0 or border[owner] <= 0 else faces.parts[owner].id


def _reshaped(target: Part, line: BaseGeometry) -> shapely.Polygon:
    """The new shape of one part, as if it were alone."""
    noded = shapely.union_all([target.geometry.boundary, line], grid_size=GRID_M)
    faces = shapely.get_parts(shapely.polygonize(shapely.get_parts(noded)))
    inside = shapely.contains(target.geometry, shapely.point_on_surface(faces))
    shell = shapely.Polygon(target.geometry.exterior)
    in_hole = shapely.contains(shell, shapely.point_on_surface(faces)) & ~inside
    # A hole of the part is no gain, unless the line cuts it: then the piece that the line makes of it is.
    holes = [shapely.Polygon(ring) for ring in target.geometry.interiors]
    whole_hole = np.array([any(face.equals(each) for each in holes) for face in faces], np.bool_) & in_hole
    if inside.sum() < 2 and not (~inside & ~whole_hole).any():
        raise EditError("the line does not cut the outline twice", do="begin and end it across the outline's edge")
    main = max((face for face, is_in in zip(faces, inside, strict=True) if is_in), key=lambda face: face.area)
    outside = [face for face, is_in, is_hole in zip(faces, inside, whole_hole, strict=True) if not (is_in or is_hole)]
    joined = shapely.coverage_union_all([main, *outside])
    return pieces(joined)[0]
