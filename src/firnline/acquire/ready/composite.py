"""Several observations of a pixel to one: the order of products, the choice, and stripes filled from other days."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from firnline.acquire.ready.encoding import Encoding
from firnline.acquire.ready.observe import Observation, Rank
from firnline.acquire.ready.settings import Composite
from firnline.acquire.ready.stripes import match_to
from firnline.acquire.source import SourceProduct
from firnline.flags import Flag
from firnline.grid import Window

NORTHERN_END: Final = (9, 15)
SOUTHERN_END: Final = (3, 15)
"""Month and day near which the ablation season of mountain glaciers ends, by hemisphere."""
_CLOUD_STEP: Final = 10.0
"""Per cent: cloud covers that differ by less are alike, and the season decides."""


def days_from_end_of_ablation(date: dt.date, latitude: float) -> int:
    """Days between a date and the end of the ablation season nearest to it.

    Examples
    --------
    >>> days_from_end_of_ablation(dt.date(2019, 10, 24), 28.0), days_from_end_of_ablation(dt.date(2020, 1, 5), -33.0)
    (39, 70)
    """
    month, day = NORTHERN_END if latitude >= 0 else SOUTHERN_END
    return min(abs((date - dt.date(year, month, day)).days) for year in (date.year - 1, date.year, date.year + 1))


def in_order(products: Sequence[SourceProduct], composite: Composite, latitude: float) -> tuple[SourceProduct, ...]:
    """The order in which products are looked at.

    Those of one day stay as given, and others follow by their distance in days (they fill stripes). In composites
    less cloud comes first (in steps of 10 per cent; not known comes last), then what is nearer to the end of the
    ablation season, then the later.
    """
    if composite == Composite.SINGLE:
        first = products[0].date
        return tuple(sorted(products, key=lambda product: abs((product.date - first).days)))

    def key(product: SourceProduct) -> tuple[float, int, float, str]:
        cover = 101.0 if product.cloud_cover is None else product.cloud_cover
        season = days_from_end_of_ablation(product.date, latitude)
        return cover // _CLOUD_STEP, season, -product.moment.timestamp(), product.id

    return tuple(sorted(products, key=key))


@dataclass(frozen=True)
class Chosen:
    """One observation of each pixel; `source` is the number of its product, in order, -1 where there is none."""

    values: NDArray[np.generic]
    flags: NDArray[np.uint8]
    rank: NDArray[np.uint8]
    source: NDArray[np.int16]
    is_ice: NDArray[np.bool_]

    def cropped(self, rim: int) -> Chosen:
        """Without a rim of pixels."""
        if rim == 0:
            return self
        inner = (..., slice(rim, -rim), slice(rim, -rim))
        return Chosen(self.values[inner], self.flags[inner], self.rank[inner], self.source[inner], self.is_ice[inner])


def choose(observations: Iterable[Observation], composite: Composite) -> Chosen:
    """Choose for each pixel: the best rank; of equal ones the first, or for minimum snow the lowest NDSI.

    Observations are taken one after the other: two are held at a time.
    """
    best: Chosen | None = None
    score: NDArray[np.float32] | None = None
    for number, seen in enumerate(observations):
        own = _score(seen, composite)
        if best is None or score is None:
            source = np.where(seen.rank < Rank.NOTHING, np.int16(number), np.int16(-1))
            best, score = Chosen(seen.values, seen.flags, seen.rank, source, seen.is_ice), own
            continue
        better = (seen.rank < best.rank) | ((seen.rank == best.rank) & (own < score))
        better &= seen.rank < Rank.NOTHING
        best.values[:, better] = seen.values[:, better]
        best.flags[better] = seen.flags[better]
        best.rank[better] = seen.rank[better]
        best.is_ice[better] = seen.is_ice[better]
        best.source[better] = number
        score[better] = own[better]
    assert best is not None
    return best


def _score(seen: Observation, composite: Composite) -> NDArray[np.float32]:
    """Lower is better among equal ranks; all the same where the first shall win."""
    if composite != Composite.MINIMUM_SNOW:
        return np.zeros(seen.rank.shape, np.float32)
    return np.where(np.isfinite(seen.ndsi), seen.ndsi, np.float32(2.0)).astype(np.float32)


def fill(
    chosen: Chosen, number: int, seen: Observation, encodings: Sequence[Encoding], tops: Sequence[float]
) -> None:
    """Fill what is still missing in stripes from product `number`, where it is clear; flags say so.

    Values are matched to the surroundings in each band (`stripes.match_to`), and stay below `tops`.
    """
    gaps = (chosen.rank == Rank.STRIPE) & (seen.rank == Rank.CLEAR)
    if not gaps.any():
        return
    both = (chosen.rank == Rank.CLEAR) & (seen.rank == Rank.CLEAR) & (chosen.flags & Flag.FILLED == 0)
    both &= (chosen.flags | seen.flags) & Flag.SATURATED == 0
    for wanted, other, encoding, top in zip(chosen.values, seen.values, encodings, tops, strict=True):
        shared = both & encoding.known(wanted) & encoding.known(other)
        matched = match_to(_plain(wanted, encoding), _plain(other, encoding), shared)
        inside = gaps & encoding.known(other)
        least = 1.0 if encoding.dtype == "uint16" else -np.inf
        values = np.clip(matched[inside], least, top)
        wanted[inside] = np.rint(values) if encoding.dtype == "uint16" else values
    chosen.flags[gaps] = seen.flags[gaps] | np.uint8(Flag.STRIPE | Flag.FILLED)
    chosen.rank[gaps] = Rank.CLEAR
    chosen.source[gaps] = number
    chosen.is_ice[gaps] = seen.is_ice[gaps]


def _plain(stored: NDArray[np.generic], encoding: Encoding) -> NDArray[np.float64]:
    """Stored numbers without NaN, to be summed."""
    return np.where(encoding.known(stored), stored, 0.0).astype(np.float64)


def blocks(shape: tuple[int, int], rows: int = 512, columns: int = 1024) -> list[Window]:
    """A grid cut into blocks, row by row.

    Examples
    --------
    >>> [tuple((w.row, w.column, w.height, w.width)) for w in blocks((600, 1100))]
    [(0, 0, 512, 1024), (0, 1024, 512, 76), (512, 0, 88, 1024), (512, 1024, 88, 76)]
    """
    return [
        Window(row, column, min(rows, shape[0] - row), min(columns, shape[1] - column))
        for row in range(0, shape[0], rows)
        for column in range(0, shape[1], columns)
    ]
