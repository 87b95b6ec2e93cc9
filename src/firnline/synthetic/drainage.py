"""Which way a landscape drains: every cell hands on to one neighbour, and nothing runs in circles."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse import csgraph

from firnline.synthetic.noise import Floats, Indices

NEIGHBOURS = ((-1, -1), (-1, 0), (-1, 1), (0, -1), (0, 1), (1, -1), (1, 0), (1, 1))


@dataclass(frozen=True)
class Drainage:
    """A forest of cells: `receiver` (n,) is the next cell downstream, a root is its own.

    `levels` holds the cells that are not roots, those with the most cells below them first: when they are
    visited in this order, all that flows into a cell is there before it is asked for.
    """

    receiver: Indices
    levels: tuple[Indices, ...]

    def accumulate(self, source: Floats) -> Floats:
        """Sum of `source` (n,) over each cell and all that drains into it.

        Examples
        --------
        >>> drain(np.array([0, 0, 1, 1])).accumulate(np.ones(4)).tolist()
        [4.0, 3.0, 1.0, 1.0]
        """
        total = source.copy()
        for cells in self.levels:
            np.add.at(total, self.receiver[cells], total[cells])
        return total

    def along(self, step: Floats) -> tuple[Floats, Indices]:
        """Sum of `step` (n,; 0 at roots) from each cell down to its root, and that root (pointer doubling)."""
        total, after = step.copy(), self.receiver
        while True:
            total = total + total[after]
            further = after[after]
            if np.array_equal(further, after):
                return total, after
            after = further


def drain(receiver: Indices) -> Drainage:
    """Order the cells of a forest given by the receiver of each cell (n,)."""
    roots = receiver == np.arange(receiver.size)
    depth, _ = Drainage(receiver, ()).along((~roots).astype(np.float64))
    order = np.argsort(-depth, kind="stable")
    order = order[~roots[order]]
    cuts = np.flatnonzero(np.diff(depth[order])) + 1
    return Drainage(receiver, tuple(np.split(order, cuts)) if order.size else ())


def nearest_outlet(cost: Floats, outlets: NDArray[np.bool_]) -> Indices:
    """Receivers (n,) of the cheapest ways from all cells to an outlet over a grid (rows, columns) of costs."""
    rows, columns = cost.shape
    cells = np.arange(cost.size, dtype=np.int32).reshape(cost.shape)
    starts, ends, weights = [], [], []
    for dr, dc in NEIGHBOURS:
        here = (slice(max(0, -dr), rows - max(0, dr)), slice(max(0, -dc), columns - max(0, dc)))
        there = (slice(max(0, dr), rows + min(0, dr)), slice(max(0, dc), columns + min(0, dc)))
        starts.append(cells[here].ravel())
        ends.append(cells[there].ravel())
        weights.append(((cost[here] + cost[there]) * np.hypot(dr, dc)).ravel())
    index = (np.concatenate(starts), np.concatenate(ends))
    graph = sparse.csr_matrix((np.concatenate(weights), index), shape=(cost.size, cost.size))
    roots = np.flatnonzero(outlets.ravel())
    _, before, _ = csgraph.dijkstra(graph, indices=roots, min_only=True, return_predecessors=True)
    return np.where(before < 0, np.arange(cost.size), before).astype(np.int64)


def steepest(
    elevation: Floats, cell: float, outlets: NDArray[np.bool_], whim: Callable[[int], Floats] | None = None
) -> tuple[Indices, Floats]:
    """Receivers (n,) by steepest descent of a grid (rows, columns), and the distance to them in metres.

    `whim` gives, for each of the eight directions, a factor (rows, columns) on the slope that way: without it
    valleys line up with the grid. The way is always down, so nothing runs in circles.

    Examples
    --------
    >>> receiver, distance = steepest(np.array([[3.0, 2.0, 0.0]]), 10.0, np.array([[False, False, True]]))
    >>> receiver.tolist(), distance.tolist()
    ([1, 2, 2], [10.0, 10.0, 0.0])
    """
    rows, columns = elevation.shape
    cells = np.arange(elevation.size).reshape(elevation.shape)
    best = np.zeros(elevation.shape)
    receiver, distance = cells.copy(), np.zeros(elevation.shape)
    for way, (dr, dc) in enumerate(NEIGHBOURS):
        here = (slice(max(0, -dr), rows - max(0, dr)), slice(max(0, -dc), columns - max(0, dc)))
        there = (slice(max(0, dr), rows + min(0, dr)), slice(max(0, dc), columns + min(0, dc)))
        length = cell * float(np.hypot(dr, dc))
        fall = (elevation[here] - elevation[there]) / length
        if whim is not None:
            fall = fall * whim(way)[here]
        better = (fall > best[here]) & ~outlets[here]
        best[here][better] = fall[better]
        receiver[here][better] = cells[there][better]
        distance[here][better] = length
    return receiver.ravel(), distance.ravel()
