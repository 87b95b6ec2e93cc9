"""What the sides of a split share: pixels, glaciers, scenes; how far apart they are, and what each of them holds."""

from __future__ import annotations

import datetime as dt
from dataclasses import asdict, dataclass
from enum import StrEnum
from itertools import combinations
from typing import Any, Final

import geopandas
import numpy as np
import pandas
from numpy.typing import NDArray

from firnline.chips.splitting.groups import factorised
from firnline.chips.splitting.places import Indices, Mask, Pairs, Places
from firnline.chips.table import LOCAL, SPLITS, ChipTable
from firnline.errors import ConfigError

REST: Final = "the rest"
"""What each fold is held against: all other folds together, as it is when that fold is held out."""

_GLACIER_REACH_M: Final = 100_000
"""No glacier outside the polar ice caps is longer than this (Fedchenko, 77 km, is the longest): sides farther
apart share none, named or not."""

_SHOWN: Final = 5
"""So many names are written out in a line."""


class Severity(StrEnum):
    """How bad a finding is.

    ``leak``: the same ground or the same glacier is on both sides, so a score on one of them says too much.
    ``warning``: the sides are not independent in a lesser way (neighbouring pixels, the same image), or it cannot
    be told, or a side is not fit to measure something.
    """

    LEAK = "leak"
    WARNING = "warning"


@dataclass(frozen=True)
class Finding:
    """One thing that was found, in a line that can stand alone."""

    severity: Severity
    kind: str
    """``pixels``, ``glaciers``, ``touch``, ``scenes``, ``products``, ``unnamed`` or ``balance``."""
    line: str


@dataclass(frozen=True)
class Side:
    """What one side, or one fold, holds; areas in km2, None where no chip's scheme can tell."""

    name: str
    chips: int
    scenes: int
    glaciers: int
    km2: float
    valid_pixels: int
    valid_km2: float
    glacier_km2: float | None
    clean_km2: float | None
    debris_km2: float | None
    first_date: dt.date | None
    last_date: dt.date | None


@dataclass(frozen=True)
class Between:
    """What two sides share. Pairs are of one chip each; ground shared by several pairs counts with each."""

    a: str
    b: str
    pairs: int
    """Pairs of chips that share pixels."""
    chips_a: int
    """Chips of `a` that share pixels with one of `b`."""
    chips_b: int
    shared_km2: float
    """Ground that the pairs share, summed over them."""
    touching_pairs: int
    """Pairs that share an edge or a corner, and no pixel."""
    distance_m: float
    """The least distance: 0 where chips touch or share pixels."""
    glaciers: tuple[str, ...]
    scenes: tuple[str, ...]
    products: tuple[str, ...]
    """Source ids on both sides that come from different scene files."""


@dataclass(frozen=True)
class Audit:
    """The sides of a split, what they share, and what is to be said of it."""

    sides: tuple[Side, ...]
    between: tuple[Between, ...]
    findings: tuple[Finding, ...]
    unused: int
    """Chips on no side."""
    kind: str
    """``split``, ``fold``, or nothing where the table has neither."""

    @property
    def leaks(self) -> tuple[str, ...]:
        """The findings by which the split leaks, a line each."""
        return tuple(each.line for each in self.findings if each.severity is Severity.LEAK)

    @property
    def warnings(self) -> tuple[str, ...]:
        """The other findings."""
        return tuple(each.line for each in self.findings if each.severity is Severity.WARNING)

    def as_dict(self) -> dict[str, Any]:
        """All of it for JSON: dates as text."""
        return {
            "kind": self.kind,
            "leaks": list(self.leaks),
            "warnings": list(self.warnings),
            "unused": self.unused,
            "sides": [
                {key: str(value) if isinstance(value, dt.date) else value for key, value in asdict(side).items()}
                for side in self.sides
            ],
            "between": [asdict(pair) for pair in self.between],
        }


def audit(table: ChipTable, places: Places | None = None) -> Audit:
    """Compare the sides of a table's split with each other, or each of its folds with the rest.

    A side's chips are the ground in their windows, known or not; beyond a small scene there is none.

    Parameters
    ----------
    table
        Any table of chips.
    places
        Where its rows lie, if that was worked out before.

    Raises
    ------
    ConfigError
        When a value of ``split`` is not a side, or footprints make no sense.
    """
    kind, sides = _sides_of(table)
    frame = table.frame
    content = _Content(frame, Places.of(frame) if places is None else places)
    summaries = tuple(content.side(name, mask) for name, mask in sides.items())
    if kind == "fold":
        used = np.any(list(sides.values()), axis=0) if sides else np.zeros(len(frame), dtype=bool)
        couples = [(name, mask, REST, used & ~mask) for name, mask in sides.items()] if len(sides) > 1 else []
    else:
        couples = [(a, sides[a], b, sides[b]) for a, b in combinations(sides, 2)]
    between = tuple(content.between(*couple) for couple in couples)
    findings = [finding for pair in between for finding in _findings(pair)]
    findings += content.unnamed(sides, between)
    findings += _of_balance(summaries)
    used_chips = sum(side.chips for side in summaries)
    return Audit(summaries, between, tuple(findings), len(frame) - used_chips, kind)


def leaks_of(table: ChipTable) -> tuple[str, ...]:
    """What leaks: what the table says of itself, and what its columns show, which somebody may have changed since.

    Raises
    ------
    ConfigError
        As `audit` does.
    """
    return tuple(dict.fromkeys((*table.about.leaks, *audit(table).leaks)))


def _sides_of(table: ChipTable) -> tuple[str, dict[str, Mask]]:
    """The kind of split, and the chips of each side or fold."""
    split, fold = table.frame["split"], table.frame["fold"]
    if split.notna().any():
        values = split.astype(object).to_numpy()
        unknown = sorted({str(value) for value in split.dropna().unique()} - set(SPLITS))
        if unknown:
            raise ConfigError(f"'{unknown[0]}' is not a side", where=table.path, do=f"write {', '.join(SPLITS)}")
        masks = {name: np.asarray(values == name, dtype=bool) for name in SPLITS}
        return "split", {name: mask for name, mask in masks.items() if mask.any()}
    if fold.notna().any():
        numbers = pandas.to_numeric(fold).fillna(-1).to_numpy(dtype=np.int64)
        return "fold", {f"fold {number}": numbers == number for number in np.unique(numbers[numbers >= 0])}
    return "", {}


class _Content:
    """The columns of a table as arrays, worked out once for all comparisons."""

    def __init__(self, frame: geopandas.GeoDataFrame, places: Places) -> None:
        self.places = places
        self.pairs = places.adjacent
        self.glacier_links, self.glacier_codes, self.glacier_names = factorised(frame["glaciers"])
        self.scene_codes, self.scene_names = frame["scene"].astype(object).factorize(sort=True)
        self.product_codes, self.product_names = frame["source_id"].astype(object).factorize(sort=True)
        self.dates = pandas.to_datetime(frame["date"], errors="coerce")
        edges = frame[["left", "bottom", "right", "top"]].to_numpy(dtype=np.float64)
        self.km2 = (edges[:, 2] - edges[:, 0]) * (edges[:, 3] - edges[:, 1]) / 1e6
        self.pixels = (frame["height"].astype("int64") * frame["width"].astype("int64")).to_numpy()
        # Of the whole window, as the share that is valid is; a footprint ends at the scene's edge.
        self.window_km2 = self.pixels * frame["pixel"].to_numpy(dtype=np.float64) ** 2 / 1e6
        names = ("valid", "glacier", "clean", "debris")
        self.shares = {name: frame[name].astype("float64").to_numpy() for name in names}
        iced = np.any([np.nan_to_num(self.shares[name]) > 0 for name in names[1:]], axis=0)
        named = np.zeros(len(frame), dtype=bool)
        named[self.glacier_links] = True
        self.is_unnamed = iced & ~named
        is_local = np.array([LOCAL in name for name in self.glacier_names], dtype=bool)
        self.is_named_locally = np.zeros(len(frame), dtype=bool)
        self.is_named_locally[self.glacier_links[is_local[self.glacier_codes]]] = True

    def side(self, name: str, mask: Mask) -> Side:
        valid = np.nan_to_num(self.shares["valid"][mask])
        dates = self.dates[mask].dropna()

        def ice(kind: str) -> float | None:
            share = self.shares[kind][mask]
            return float(np.nansum(share * valid * self.window_km2[mask])) if np.isfinite(share).any() else None

        return Side(
            name=name,
            chips=int(mask.sum()),
            scenes=len(np.unique(self.scene_codes[mask])),
            glaciers=len(np.unique(self.glacier_codes[mask[self.glacier_links]])),
            km2=float(self.km2[mask].sum()),
            valid_pixels=int(np.round((valid * self.pixels[mask]).sum())),
            valid_km2=float((valid * self.window_km2[mask]).sum()),
            glacier_km2=ice("glacier"),
            clean_km2=ice("clean"),
            debris_km2=ice("debris"),
            first_date=None if dates.empty else dates.min().date(),
            last_date=None if dates.empty else dates.max().date(),
        )

    def between(self, name_a: str, a: Mask, name_b: str, b: Mask) -> Between:
        at = [np.bincount(self.places.of_chip[mask], minlength=len(self.places)) for mask in (a, b)]
        shares = self.pairs.km2 > 0
        pairs, km2, with_b, with_a = _shared(at[0], at[1], self.pairs, shares, self.places)
        first, second = self.pairs.first[~shares], self.pairs.second[~shares]
        touching = int((at[0][first] * at[1][second] + at[0][second] * at[1][first]).sum())
        apart = 0.0
        if not pairs and not touching:
            apart = self.places.distance(np.flatnonzero(at[0]), np.flatnonzero(at[1]))
        glaciers = np.intersect1d(
            self.glacier_codes[a[self.glacier_links]], self.glacier_codes[b[self.glacier_links]]
        )
        scenes = np.intersect1d(self.scene_codes[a], self.scene_codes[b])
        return Between(
            a=name_a,
            b=name_b,
            pairs=pairs,
            chips_a=int(at[0][with_b].sum()),
            chips_b=int(at[1][with_a].sum()),
            shared_km2=km2,
            touching_pairs=touching,
            distance_m=apart,
            glaciers=tuple(self.glacier_names[code] for code in glaciers),
            scenes=tuple(str(self.scene_names[code]) for code in scenes),
            products=self._products(a, b),
        )

    def _products(self, a: Mask, b: Mask) -> tuple[str, ...]:
        shared = np.intersect1d(self.product_codes[a], self.product_codes[b])
        either = (a | b) & np.isin(self.product_codes, shared) & (self.product_codes >= 0)
        files = np.unique(np.column_stack([self.product_codes[either], self.scene_codes[either]]), axis=0)
        several = np.flatnonzero(np.bincount(files[:, 0], minlength=len(self.product_names)) > 1)
        return tuple(str(self.product_names[int(code)]) for code in several)

    def unnamed(self, sides: dict[str, Mask], between: tuple[Between, ...]) -> list[Finding]:
        """A warning where glaciers of two sides have no ids, and are near enough to be the same."""
        without = {name: (self.is_unnamed | self.is_named_locally) & mask for name, mask in sides.items()}
        without = {name: mask for name, mask in without.items() if mask.any()}
        in_doubt = any(self._cannot_be_told(a, b) for a, b in combinations(without.values(), 2))
        if not in_doubt or min(pair.distance_m for pair in between) > _GLACIER_REACH_M:
            return []
        each = ", ".join(f"{int(mask.sum())} of {name}" for name, mask in without.items())
        line = f"whether the sides share glaciers cannot be told: chips with ice whose glaciers have no ids: {each}"
        return [Finding(Severity.WARNING, "unnamed", line)]

    def _cannot_be_told(self, a: Mask, b: Mask) -> bool:
        """Whether glaciers without ids may be on both sides: names of one scene can be compared, no others."""
        either = a | b
        return bool((self.is_unnamed & either).any()) or len(np.unique(self.scene_codes[either])) > 1


def _shared(
    at_a: Indices, at_b: Indices, pairs: Pairs, shares: NDArray[np.bool_], places: Places
) -> tuple[int, float, Mask, Mask]:
    """Pairs of chips that share pixels, the ground they share (km2), and the places that share with b, with a.

    Chips at one place share all of it; so do pairs of places, with the numbers of chips at each.
    """
    first, second, km2 = pairs.first[shares], pairs.second[shares], pairs.km2[shares]
    many = at_a[first] * at_b[second] + at_a[second] * at_b[first]
    both = at_a * at_b
    area = (places.bounds[:, 2] - places.bounds[:, 0]) * (places.bounds[:, 3] - places.bounds[:, 1]) / 1e6
    beside = []
    for at in (at_b, at_a):
        has = at > 0
        mask = has.copy()
        mask[first[has[second]]] = True
        mask[second[has[first]]] = True
        beside.append(mask)
    return int(many.sum() + both.sum()), float((many * km2).sum() + (both * area).sum()), beside[0], beside[1]


def _findings(pair: Between) -> list[Finding]:
    found = []
    ab = f"{pair.a} and {pair.b}"
    if pair.pairs:
        line = (
            f"{ab} share pixels: {_count(pair.pairs, 'pair')} of chips ({pair.chips_a} of {pair.a}, {pair.chips_b} of"
            f" {pair.b}), {pair.shared_km2:.4g} km2"
        )
        found.append(Finding(Severity.LEAK, "pixels", line))
    if pair.glaciers:
        line = f"{ab} share {_count(len(pair.glaciers), 'glacier')}: {_some(pair.glaciers)}"
        found.append(Finding(Severity.LEAK, "glaciers", line))
    if pair.touching_pairs:
        line = f"{ab} touch: {_count(pair.touching_pairs, 'pair')} of chips with a common edge or corner"
        found.append(Finding(Severity.WARNING, "touch", line))
    if pair.scenes:
        line = f"{ab} share {_count(len(pair.scenes), 'scene')}: {_some(pair.scenes)}"
        found.append(Finding(Severity.WARNING, "scenes", line))
    if pair.products:
        many = _count(len(pair.products), "product")
        line = f"{ab} share {many} under different file names: {_some(pair.products)}"
        found.append(Finding(Severity.WARNING, "products", line))
    return found


def _of_balance(sides: tuple[Side, ...]) -> list[Finding]:
    """A warning for each class that a side lacks and another has."""
    found = []
    for name, words in (("glacier_km2", "ice"), ("clean_km2", "clean ice"), ("debris_km2", "debris-covered ice")):
        areas = {side.name: getattr(side, name) for side in sides}
        if any(areas.values()):
            for side in (side for side, area in areas.items() if not area):
                found.append(Finding(Severity.WARNING, "balance", f"{side} holds no {words}"))
    return found


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _some(names: tuple[str, ...]) -> str:
    more = len(names) - _SHOWN
    return " ".join(names[:_SHOWN]) + (f" and {more} more" if more > 0 else "")
