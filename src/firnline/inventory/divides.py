"""Complexes to glaciers: divided by a reference inventory, else by flow, else whole."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from firnline.grid import Grid
from firnline.inventory.coverage import Labels, Mask, common_edges, minimum_pixels, regions, renumbered, sizes
from firnline.inventory.flow_divides import KIENHOLZ, FlowRule, after_flow
from firnline.inventory.reference import Reference, burnt
from firnline.inventory.reference_divides import after_reference

BEYOND_SHARE: Final = 0.05
"""From this share of ice outside the reference on a glacier is flagged: outlines of two days never agree to the
pixel, and a flag that all glaciers have says nothing."""


@dataclass(frozen=True, eq=False)
class Divided:
    """Glaciers as a raster, each connected over edges and numbered from 1, the largest first.

    ``labels``: int32 (row, column), 0 where there is no glacier. Of glacier 1, 2, ...: ``reference_id`` (text or
    None), ``divided_by`` (reference, flow or none) and ``beyond_reference`` (whether it holds ice outside the
    reference).
    """

    labels: Labels
    reference_id: NDArray[np.object_]
    divided_by: NDArray[np.object_]
    beyond_reference: Mask

    @property
    def count(self) -> int:
        """How many glaciers there are."""
        return len(self.divided_by)


def divide(
    ice: Mask,
    grid: Grid,
    *,
    minimum_area_km2: float,
    reference: Reference | None = None,
    heights: NDArray[np.float32] | None = None,
    rule: FlowRule = KIENHOLZ,
) -> Divided:
    """Cut the ice into glaciers.

    Ice that hangs together over pixel edges is a complex. Complexes in which a glacier of the reference lies are
    divided after it (`after_reference`); others by flow (`after_flow`) where the heights of all their pixels are
    known; others stay whole. A glacier is one connected region, so a reference glacier of which several remain
    gives several with the same ``reference_id``; but a piece that is not the largest of its reference glacier, is
    smaller than the minimum area and touches another glacier goes to the neighbour with the longest common edge
    (a splinter: two drawings of one divide cross each other). So do slivers of basins.

    Parameters
    ----------
    ice
        Which pixels are ice of any kind (row, column).
    grid
        Where they lie; in a CRS projected in metres.
    minimum_area_km2
        Complexes smaller than this (on the map plane), and glaciers, are left out.
    reference, heights
        Glaciers mapped before; metres on the same grid, NaN where not known.
    rule
        The parameters of the merging of basins.

    Examples
    --------
    >>> from affine import Affine
    >>> from rasterio.crs import CRS
    >>> grid = Grid(CRS.from_epsg(32645), Affine(100, 0, 500000, 0, -100, 3100000), (1, 4))
    >>> divided = divide(np.array([[True, False, True, True]]), grid, minimum_area_km2=0)
    >>> divided.labels.tolist(), divided.divided_by.tolist()
    ([[2, 0, 1, 1]], ['none', 'none'])
    """
    minimum = minimum_pixels(minimum_area_km2, grid)
    complexes, found = regions(ice.view(np.uint8))
    complexes, count = renumbered(complexes, sizes(complexes, found.size) >= minimum)
    codes, names, beyond = complexes, list[str](), None
    whole: Mask = np.ones(count, np.bool_)
    if reference is not None and count:
        drawn, names = burnt(reference, grid)
        given, known = after_reference(complexes, count, drawn)
        beyond = (given > 0) & (drawn == 0)
        del drawn
        np.add(given, count, out=given, where=given > 0)
        np.copyto(given, complexes, where=given == 0)
        codes = given
        whole &= ~known
    offset = count + len(names)
    if heights is not None and whole.any():
        basins = after_flow(complexes, whole, heights, grid, rule)
        np.add(basins, offset, out=basins, where=basins > 0)
        np.copyto(basins, codes, where=basins == 0)
        codes = basins
    del complexes
    labels, values = regions(codes)
    del codes
    by_reference, by_flow = (values > count) & (values <= offset), values > offset
    small = _splinters(labels, values, by_reference, minimum) | _slivers(labels, by_flow, grid, rule, minimum)
    to = _absorbed(labels, sizes(labels, values.size), small)
    labels = to[labels]
    labels, kept = _by_size(labels, values.size, minimum)
    ids = np.array([None, *names], object)
    chosen = values[kept - 1]
    outside = np.zeros(kept.size, np.bool_)
    if beyond is not None:
        share = np.bincount(labels[beyond], minlength=kept.size + 1)[1:] / sizes(labels, kept.size)
        outside = share > BEYOND_SHARE
    from_reference = by_reference[kept - 1]
    return Divided(
        labels,
        ids[np.where(from_reference, chosen - count, 0)],
        np.where(from_reference, "reference", np.where(by_flow[kept - 1], "flow", "none")).astype(object),
        outside,
    )


def _by_size(labels: Labels, count: int, minimum: float) -> tuple[Labels, NDArray[np.int64]]:
    """Number areas of at least `minimum` pixels from the largest; also the old number of 1, 2, ..."""
    size = sizes(labels, count)
    order = np.argsort(-size, kind="stable")
    order = order[(size[order] >= minimum) & (size[order] > 0)]
    number = np.zeros(count + 1, np.int32)
    number[order + 1] = np.arange(1, order.size + 1)
    return number[labels], order + 1


def _splinters(labels: Labels, values: NDArray[np.int64], by_reference: Mask, minimum: float) -> Mask:
    """Pieces of a reference glacier beside its largest that are smaller than the minimum."""
    size = sizes(labels, values.size)
    largest: Mask = np.zeros(values.size, np.bool_)
    order = np.lexsort((-size, values))
    largest[order[np.concatenate([[True], values[order][1:] != values[order][:-1]])[: order.size]]] = True
    return np.asarray(by_reference & ~largest & (size < minimum), np.bool_)


def _slivers(labels: Labels, by_flow: Mask, grid: Grid, rule: FlowRule, minimum: float) -> Mask:
    """Basins too small, or too small and thin, to be a glacier (Kienholz et al. 2013)."""
    if not by_flow.any():
        return by_flow
    size = sizes(labels, by_flow.size)
    area = size * grid.pixel_area_km2
    # The steps of a diagonal are longer than it, over all directions by 4 / pi.
    perimeter = _edge_counts(labels, by_flow.size) * np.pi / 4
    compactness = 2 * np.sqrt(np.pi * size) / perimeter
    thin = (area < rule.thin_sliver_km2) & (compactness < rule.compactness)
    return np.asarray(by_flow & ((size < minimum) | (area < rule.sliver_km2) | thin), np.bool_)


def _edge_counts(labels: Labels, count: int) -> NDArray[np.int64]:
    """How many pixel edges bound area 1, 2, ..."""
    edges = np.zeros(count + 1, np.int64)
    for a, b in ((labels[:, :-1], labels[:, 1:]), (labels[:-1], labels[1:])):
        differ = a != b
        for side in (a, b):
            edges += np.bincount(side[differ], minlength=count + 1)
    for line in (labels[0], labels[-1], labels[:, 0], labels[:, -1]):
        edges += np.bincount(line, minlength=count + 1)
    return edges[1:]


def _absorbed(labels: Labels, size: NDArray[np.int64], small: Mask) -> NDArray[np.int32]:
    """The area that area 0, 1, 2, ... becomes: small ones that of the neighbour with the longest common edge.

    Neighbours that are small themselves come last: where there is no other, the largest of them stays and takes in
    the rest. A small one without any neighbour stays.
    """
    to = np.arange(size.size + 1)
    small = np.concatenate([[False], small])
    if not small.any():
        return to.astype(np.int32)
    one, other, edges = common_edges(labels)
    one, other, edges = np.concatenate([one, other]), np.concatenate([other, one]), np.tile(edges, 2)
    while True:
        open_ = small[one]
        here, there, length = one[open_], to[other[open_]], edges[open_]
        usable = ~small[there] & (there != here)
        if usable.any():
            pair, where = np.unique(np.column_stack([here, there])[usable], axis=0, return_inverse=True)
            total = np.bincount(where.ravel(), weights=length[usable])
            order = np.lexsort((pair[:, 1], -total, pair[:, 0]))
            first = order[np.concatenate([[True], pair[order][1:, 0] != pair[order][:-1, 0]])]
            to[pair[first, 0]] = pair[first, 1]
            small[pair[first, 0]] = False
        elif here.size:
            small[here[np.argmax(size[here - 1])]] = False
        else:
            return to.astype(np.int32)
