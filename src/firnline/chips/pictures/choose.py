"""Which chips of a table to look at: by id, by side of the split, or those that show most of something."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from firnline.chips.table import ChipTable
from firnline.errors import ConfigError


class Order(StrEnum):
    """What chips are put in order by, the largest share first; or drawn at random."""

    GLACIER = "glacier"
    CLEAN = "clean"
    DEBRIS = "debris"
    VALID = "valid"
    RANDOM = "random"


def choose(
    table: ChipTable,
    *,
    ids: Sequence[str] = (),
    split: str | None = None,
    order: Order = Order.RANDOM,
    count: int | None = None,
    seed: int = 0,
) -> ChipTable:
    """The chips that are asked for, in the order asked for.

    Parameters
    ----------
    table
        The table; it is not changed.
    ids
        Chips by id, in this order; `order` and `count` then do not matter.
    split
        Only those on this side.
    order
        By which share, the largest first (ties by id); chips for which it is not known are left out.
    count
        At most so many.
    seed
        Of the random order.

    Raises
    ------
    ConfigError
        When an id is not in the table, or nothing is left.
    """
    frame = table.frame if split is None else table.frame[table.frame["split"] == split]
    if split is not None and frame.empty:
        there = sorted({str(side) for side in table.frame["split"].dropna()}) or ["no split at all"]
        raise ConfigError(f"has no chips in the split '{split}'", where=table.path, do=f"it has {' '.join(there)}")
    if frame.empty:
        raise ConfigError("holds no chips", where=table.path, do="make one with chips, with milder filters")
    if ids:
        position = {name: number for number, name in enumerate(frame["id"])}
        missing = [name for name in ids if name not in position]
        if missing:
            named = " ".join(missing[:5]) + (" ..." if len(missing) > 5 else "")
            raise ConfigError(f"has no chip {named}", where=table.path, do=f"ids look like {frame['id'].iloc[0]}")
        return table.with_frame(frame.iloc[[position[name] for name in ids]])
    if count is not None and count < 0:
        raise ConfigError(f"cannot be {count}", where="count", do="give a number of chips")
    shares = None if order == Order.RANDOM else frame[str(order)].to_numpy(np.float64, na_value=np.nan)
    chosen = _in_order(table, frame["id"].to_numpy(), shares, order, seed)
    return table.with_frame(frame.iloc[chosen[:count]])


def _in_order(
    table: ChipTable, ids: NDArray[np.object_], shares: NDArray[np.float64] | None, order: Order, seed: int
) -> NDArray[np.intp]:
    if shares is None:
        return np.random.default_rng(seed).permutation(len(ids))
    known = np.flatnonzero(np.isfinite(shares))
    if not known.size:
        raise ConfigError(
            f"does not know the share of {order} of any chip", where=table.path, do="put them in another order"
        )
    return known[np.lexsort((ids[known].astype(str), -shares[known]))]
