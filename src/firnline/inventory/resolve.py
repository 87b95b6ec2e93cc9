"""Polygons as people have them, made a coverage: the earlier one keeps the ground, and cracks are closed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from firnline.errors import LabelError
from firnline.inventory.check.geometry import mean_width
from firnline.inventory.edges import edges_of
from firnline.inventory.faces import GRID_M, Faces, Shapes, faces_of, joined

CRACK_M: Final = 0.05
"""Gaps narrower than this come of reprojection and rounding, and nobody meant them."""
CRUMB_M2: Final = 1.0
"""Pieces smaller than this are left over from cutting."""
NONE: Final = -1
_PER_M: Final = round(1 / GRID_M)
"""As GEOS rounds, to the last bit: a multiple of a thousandth is another number."""


@dataclass(frozen=True, eq=False)
class Resolved:
    """A valid coverage made of polygons.

    Parameters
    ----------
    shapes
        Polygons, object (piece,), whole millimetres, in the order of the polygons that they are of.
    owner
        The polygon (from 0) that a piece is of, int64 (piece,).
    beneath
        The code of the polygon beneath it, int64 (piece,); `NONE` where there is none, or nobody asked.
    overlaps
        (earlier, later polygon, m2 that the later one lost), the largest first.
    crumbs
        How many pieces below `CRUMB_M2` were dropped.
    """

    shapes: Shapes
    owner: NDArray[np.int64]
    beneath: NDArray[np.int64]
    overlaps: tuple[tuple[int, int, float], ...] = ()
    crumbs: int = 0


def resolve(
    polygons: Shapes, on_top: NDArray[np.bool_] | None = None, code: NDArray[np.integer] | None = None
) -> Resolved:
    """Make a valid coverage of polygons that overlap, nearly meet, or meet without sharing vertices.

    What is a coverage already stays as it is, to the last vertex (but for rounding to millimetres).

    Parameters
    ----------
    polygons
        Valid polygons in metres, object (polygon,), the earlier first.
    on_top
        Polygons that are meant to lie on others, bool (polygon,); they come before those others, and where they lie
        on them is no overlap. Their pieces are cut where the code of what is beneath changes.
    code
        Numbers from 0 of what lies beneath, int (polygon,).

    Raises
    ------
    LabelError
        When no coverage comes of it.

    Examples
    --------
    >>> boxes = np.array([shapely.box(0, 0, 20, 10), shapely.box(10, 0, 30, 10)], object)
    >>> found = resolve(boxes)
    >>> [piece.area for piece in found.shapes], found.overlaps
    ([200.0, 100.0], ((0, 1, 100.0),))
    """
    top = np.zeros(len(polygons), np.bool_) if on_top is None else on_top
    codes = np.arange(len(polygons)) if code is None else code
    snapped, of = shapely.get_parts(_in_millimetres(polygons), return_index=True)
    if not len(snapped):
        return Resolved(snapped, np.zeros(0, np.int64), np.zeros(0, np.int64))
    invalid = shapely.length(shapely.coverage_invalid_edges(snapped, CRACK_M)) > 0
    near, _ = shapely.STRtree(snapped[invalid]).query(snapped, predicate="intersects")
    for chosen in (np.isin(np.arange(len(snapped)), near), np.ones(len(snapped), np.bool_)):
        found = _resolved(snapped, of, chosen, top, codes)
        if shapely.coverage_is_valid(found.shapes):
            return found
    raise LabelError("its polygons do not come to fit together", do="mend it by hand (QGIS: Check geometries)")


def _in_millimetres(polygons: Shapes) -> Shapes:
    """Round coordinates; vertices stay one by one but where that makes a polygon touch itself."""
    rounded = shapely.transform(polygons, lambda points: np.rint(points * _PER_M) / _PER_M)
    rounded = np.asarray(shapely.remove_repeated_points(rounded), object)
    broken = ~shapely.is_valid(rounded)
    rounded[broken] = shapely.set_precision(polygons[broken], GRID_M)
    return rounded


def _resolved(
    snapped: Shapes,
    of: NDArray[np.integer],
    chosen: NDArray[np.bool_],
    top: NDArray[np.bool_],
    codes: NDArray[np.integer],
) -> Resolved:
    """Cut the chosen polygons into faces and deal them out; the others stay."""
    faces = faces_of(snapped[chosen])
    owner_of = np.asarray(of, np.int64)[chosen]
    faces = Faces(faces.shapes, faces.face, owner_of[faces.polygon])
    winner = _cracks_closed(faces)
    beneath = np.full(len(faces.shapes), NONE, np.int64)
    below = ~top[faces.polygon]
    beneath[faces.face[below][::-1]] = codes[faces.polygon[below]][::-1]
    beneath[~top[winner] | (winner == NONE)] = NONE
    width = int(codes.max()) + 2
    given = winner != NONE
    shapes, key = joined(faces.shapes[given], (winner * width + beneath + 1)[given])
    owner, under = np.divmod(key, width)
    shapes = np.concatenate([shapes, snapped[~chosen]])
    owner = np.concatenate([owner, np.asarray(of, np.int64)[~chosen]])
    under = np.concatenate([under - 1, np.full(int((~chosen).sum()), NONE)])
    order = np.argsort(owner, kind="stable")
    order = order[shapely.area(shapes[order]) >= CRUMB_M2]
    kept = np.asarray(shapely.orient_polygons(shapes[order]), object).reshape(-1)
    overlaps = _overlaps(faces, winner, top)
    return Resolved(kept, owner[order], under[order], overlaps, len(shapes) - len(order))


def _cracks_closed(faces: Faces) -> NDArray[np.int64]:
    """The owner of each face; a crack goes to the neighbour that it shares the longest edge with."""
    winner = faces.first()
    crack = (winner == NONE) & (mean_width(faces.shapes) < CRACK_M)
    if not crack.any():
        return winner
    edges = edges_of(faces.shapes)
    beside = crack[edges.owner] & ~edges.outer & (winner[edges.other] != NONE)
    ends = edges.ends[beside]
    table = pd.DataFrame(
        {
            "crack": edges.owner[beside],
            "to": winner[edges.other[beside]],
            "length": np.hypot(ends[:, 2] - ends[:, 0], ends[:, 3] - ends[:, 1]),
        }
    )
    longest = table.groupby(["crack", "to"])["length"].sum().reset_index().sort_values("length", kind="stable")
    winner[longest["crack"].to_numpy()] = longest["to"].to_numpy()  # the longest is written last
    return winner


def _overlaps(faces: Faces, winner: NDArray[np.int64], top: NDArray[np.bool_]) -> tuple[tuple[int, int, float], ...]:
    earlier = winner[faces.face]
    meant = top[earlier] & ~top[faces.polygon]
    lost = (faces.polygon != earlier) & ~meant
    areas = shapely.area(faces.shapes)[faces.face[lost]]
    table = pd.DataFrame({"earlier": earlier[lost], "later": faces.polygon[lost], "m2": areas})
    sums = table.groupby(["earlier", "later"])["m2"].sum().reset_index()
    sums = sums[sums["m2"] > CRUMB_M2].sort_values("m2", ascending=False, kind="stable")
    return tuple((int(one), int(two), float(m2)) for one, two, m2 in sums.itertuples(index=False))
