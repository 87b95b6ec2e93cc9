"""Groups of chips that hang together, dealt out to the sides of a split so that each gets its share."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import chain
from typing import Final

import geopandas
import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from firnline.chips.splitting.places import Indices, Numbers

_LARGE: Final = 0.2
"""A group with more than this share of the smallest side, in any measure, is dealt out before the others."""


def factorised(lists: Iterable[Sequence[str] | None]) -> tuple[Indices, Indices, list[str]]:
    """Lists of names as links: (index of the list, code of the name) of each name in each list, and the names.

    Examples
    --------
    >>> factorised([["b", "a"], [], None, ["a"]])
    (array([0, 0, 3]), array([1, 0, 0]), ['a', 'b'])
    """
    taken = [() if names is None else names for names in lists]
    counts = np.fromiter(map(len, taken), np.intp, len(taken))
    flat = list(map(str, chain.from_iterable(taken)))
    known = sorted(set(flat))
    code_of = {name: code for code, name in enumerate(known)}
    codes = np.fromiter(map(code_of.__getitem__, flat), np.intp, len(flat))
    return np.repeat(np.arange(len(taken)), counts), codes, known


def components(count: int, first: Indices, second: Indices) -> Indices:
    """The connected group (0, 1, ...) of each of `count` things, by links between them.

    Examples
    --------
    >>> components(4, np.array([0]), np.array([2])).tolist()
    [0, 1, 0, 2]
    """
    links = coo_array((np.ones(len(first), np.int8), (first, second)), shape=(count, count))
    return np.asarray(connected_components(links, directed=False)[1], dtype=np.intp)


def grouped(groups: Indices, chips: Indices, codes: Indices) -> Indices:
    """Groups joined where they hold the same code (a glacier, a place): the joined group of each member.

    Parameters
    ----------
    groups
        (chips,) the group of each chip.
    chips, codes
        Links: chip, and what is in it.
    """
    many = int(groups.max(initial=-1)) + 1
    total = many + int(codes.max(initial=-1)) + 1
    return components(total, groups[chips], many + codes)[groups]


def measures(frame: geopandas.GeoDataFrame, groups: Indices) -> Numbers:
    """What is balanced between the sides: the share of all chips, ice and debris (km2) that each group holds.

    Returns
    -------
    (groups, measures), each column adding to 1; a measure that no chip has is left out.
    """
    # Of the whole window, as the share that is valid is; a footprint ends at the scene's edge.
    area = (frame["height"] * frame["width"] * frame["pixel"] ** 2).to_numpy(dtype=np.float64)
    columns = [np.ones(len(frame))]
    for name in ("glacier", "debris"):
        share = frame[name].astype("float64").to_numpy() * frame["valid"].astype("float64").to_numpy()
        columns.append(np.nan_to_num(share) * area)
    count = int(groups.max(initial=-1)) + 1
    sums = [np.bincount(groups, weights=column, minlength=count) for column in columns]
    return np.column_stack([column / column.sum() for column in sums if column.sum() > 0])


def deal(held: Numbers, shares: Sequence[float], rng: np.random.Generator) -> NDArray[np.intp]:
    """Deal groups out to sides so that each side has about its share of every measure.

    One group after the other goes where the squared distance from the wanted shares grows least: large groups
    first, the rest in an order drawn by `rng`. Then each side that has a share has at least one group.

    Parameters
    ----------
    held
        (groups, measures): the share of each measure that a group holds.
    shares
        The share of each side, adding to 1.

    Returns
    -------
    The side of each group. Where there are fewer groups than sides with a share, some sides get none.

    Examples
    --------
    >>> sides = deal(np.full((10, 1), 0.1), [0.7, 0.1, 0.2], np.random.default_rng(0))
    >>> np.bincount(sides).tolist()
    [7, 1, 2]
    """
    wanted = [(side, share) for side, share in enumerate(shares) if share > 0]
    order = rng.permutation(len(held))
    largest = held.max(axis=1)[order]
    large = largest > _LARGE * min(share for _, share in wanted)
    by_size = order[large][np.argsort(-largest[large], kind="stable")]
    have = {side: [0.0] * held.shape[1] for side, _ in wanted}
    chosen = np.empty(len(held), dtype=np.intp)
    for group in np.concatenate([by_size, order[~large]]).tolist():
        row = held[group].tolist()
        # Growth of sum((have - share)^2) / share when the group comes to a side.
        side = min(
            wanted,
            key=lambda each: (
                sum(v * (v + 2 * (h - each[1])) for v, h in zip(row, have[each[0]], strict=True)) / each[1]
            ),
        )[0]
        chosen[group] = side
        have[side] = [h + v for h, v in zip(have[side], row, strict=True)]
    return _none_empty(chosen, held, [side for side, _ in wanted])


def _none_empty(chosen: NDArray[np.intp], held: Numbers, sides: list[int]) -> NDArray[np.intp]:
    """Give each side that is left empty the smallest group of a side that has more than one."""
    size = held.sum(axis=1)
    for side in sides:
        counts = np.bincount(chosen, minlength=max(sides) + 1)
        if counts[side] == 0 and (counts > 1).any():
            spare = np.flatnonzero(counts[chosen] > 1)
            chosen[spare[np.argmin(size[spare])]] = side
    return chosen
