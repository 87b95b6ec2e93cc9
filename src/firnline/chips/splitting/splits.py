"""A table of chips split into training, validation and test, or into folds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath
from typing import Final

import geopandas
import numpy as np
import pandas

from firnline.chips.splitting.audit import audit
from firnline.chips.splitting.blocks import blocks_of
from firnline.chips.splitting.groups import components, deal, factorised, grouped, measures
from firnline.chips.splitting.places import Indices, Mask, Pairs, Places
from firnline.chips.splitting.regions import read_regions, regions_of
from firnline.chips.splitting.separation import kept_apart
from firnline.chips.splitting.split_settings import (
    BlockSplit,
    GlacierSplit,
    RandomSplit,
    RegionSplit,
    SceneSplit,
    Side,
    SplitSettings,
)
from firnline.chips.table import LOCAL, SPLITS, ChipTable
from firnline.errors import ConfigError

_NONE: Final = -1


def split_table(table: ChipTable, settings: SplitSettings, folder: Path) -> ChipTable:
    """Fill the column `split`, or `fold`, and say in `about` how it was split and what leaks.

    The result depends on the chips, the settings and the seed, not on the order of the rows. Kinds `block`,
    `region` and `glacier` have no leak; `random` and `scene` may, and then `about.leaks` tells.

    Parameters
    ----------
    table
        Chips of any kind; an earlier split is replaced.
    settings
        The kind of split and what it takes.
    folder
        Where relative paths of region files count from.

    Raises
    ------
    ConfigError
        When the table cannot be split so: no chips, fewer groups than sides, a side left without chips.
    """
    dealt = split_chips(table, settings, folder)
    leaks = audit(dealt.table, dealt.places).leaks
    return dealt.table.with_frame(dealt.table.frame.iloc[np.argsort(dealt.order)], leaks=leaks)


@dataclass(frozen=True, eq=False)
class Dealt:
    """A table that is split, and not audited: its rows are in the order of their ids, `order` of those given."""

    table: ChipTable
    places: Places
    order: Indices


def split_chips(table: ChipTable, settings: SplitSettings, folder: Path) -> Dealt:
    """Split a table as `split_table` does, and leave it to the caller to look for leaks.

    Raises
    ------
    ConfigError
        As `split_table` does.
    """
    if not len(table):
        raise ConfigError("has no chips to split", where=table.path)
    if table.frame["id"].duplicated().any():
        twice = table.frame["id"][table.frame["id"].duplicated()].iloc[0]
        raise ConfigError(f"has two chips '{twice}'", where=table.path, do="make the table again")
    order = np.argsort(table.frame["id"].to_numpy(dtype=object), kind="stable")
    dealer = _Dealer(table.frame.iloc[order], settings, folder, table.path)
    sides, remark = dealer.sides()
    _require_all(sides, dealer.wanted(), settings, table.path, remark)
    out = int((sides == _NONE).sum())
    words = settings.words() + (f"; {out} of {len(sides)} chips on no side" if out else "")
    words += f" ({remark})" if remark else ""
    frame = _with_sides(dealer.frame, sides, settings.folds is not None)
    return Dealt(table.with_frame(frame, split=words, leaks=()), dealer.places, order)


def _with_sides(frame: geopandas.GeoDataFrame, sides: Indices, is_fold: bool) -> geopandas.GeoDataFrame:
    names = np.array([*SPLITS, None], dtype=object)
    split = names[np.full(len(sides), _NONE) if is_fold else sides]
    fold = pandas.arrays.IntegerArray(sides.astype(np.int32), (sides == _NONE) | (not is_fold))
    return frame.assign(split=pandas.array(split, dtype="str"), fold=fold)


def _require_all(sides: Indices, wanted: list[int], settings: SplitSettings, where: Path, remark: str) -> None:
    counts = np.bincount(sides[sides != _NONE], minlength=max(wanted) + 1)
    for side in wanted:
        if counts[side] == 0:
            name = f"fold {side}" if settings.folds else SPLITS[side]
            why = f" ({remark})" if remark else ""
            raise ConfigError(f"the split ({settings.words()}) leaves no chip in {name}{why}", where=where, do=_DO)


_DO: Final = "take smaller blocks or a smaller buffer, other regions or shares, fewer folds, or more scenes"


class _Dealer:
    """One split of one frame, whose rows are in the order of their ids."""

    def __init__(self, frame: geopandas.GeoDataFrame, settings: SplitSettings, folder: Path, where: Path) -> None:
        self.where = where
        self.frame = frame
        self.settings = settings
        self.folder = folder
        self.rng = np.random.default_rng(settings.seed)
        self.places = Places.of(frame)
        self.glaciers = factorised(frame["glaciers"])[:2]

    def wanted(self) -> list[int]:
        """The sides (or folds) that shall have chips."""
        settings = self.settings
        if settings.folds is not None:
            return list(range(settings.folds))
        named: set[str] | None = None
        if isinstance(settings, SceneSplit) and settings.sides is not None:
            named = set(settings.sides)
        if isinstance(settings, RegionSplit):
            named = set(read_regions(settings, self.folder)["name"])
        shares = settings.shares.of_sides()
        return [n for n, side in enumerate(SPLITS) if (shares[side] > 0 if named is None else side in named)]

    def sides(self) -> tuple[Indices, str]:
        """The side (or fold) of each chip, -1 for none, and what was dropped, in words."""
        match self.settings:
            case RandomSplit():
                return self._random(self.settings), ""
            case SceneSplit():
                return self._scenes(self.settings), ""
            case BlockSplit():
                blocks = blocks_of(self.places, self.settings.block_km)[self.places.of_chip]
                return self._apart(self._dealt(blocks, "blocks"), self.settings.buffer_m)
            case RegionSplit():
                return self._apart(self._regions(self.settings), self.settings.buffer_m)
            case GlacierSplit():
                return self._apart(
                    self._dealt(self._by_glacier(self.settings), "groups of chips that share glaciers or pixels"),
                    self.settings.buffer_m,
                )

    def _apart(self, sides: Indices, buffer_m: float) -> tuple[Indices, str]:
        folds = self.settings.folds is not None
        apart, dropped = kept_apart(sides, self.places, self.glaciers, buffer_m=buffer_m, folds=folds)
        return apart, dropped.words()

    def _shares(self) -> list[float]:
        if self.settings.folds is not None:
            return [1 / self.settings.folds] * self.settings.folds
        return list(self.settings.shares.of_sides().values())

    def _dealt(self, groups: Indices, noun: str) -> Indices:
        """The side of each chip, whole groups to a side."""
        shares = self._shares()
        count = int(groups.max()) + 1
        sides = sum(share > 0 for share in shares)
        if count < sides:
            raise ConfigError(
                f"{noun}: {count}, for {sides} {'folds' if self.settings.folds else 'sides'}"
                f" ({self.settings.words()})",
                where=self.where,
                do=_FEW[self.settings.kind],
            )
        dealt = deal(measures(self.frame, groups), shares, self.rng)
        if self.settings.folds is None:
            dealt = np.where(dealt == len(SPLITS), _NONE, dealt)
        return dealt[groups]

    def _random(self, settings: RandomSplit) -> Indices:
        strata = np.zeros(len(self.frame), dtype=np.intp)
        if settings.stratified:
            ice = self.frame["glacier"].astype("float64").to_numpy() > 0
            ice |= self.frame["clean"].astype("float64").to_numpy() > 0
            strata = np.where(self.frame["debris"].astype("float64").to_numpy() > 0, 2, ice.astype(np.intp))
        sides = np.empty(len(self.frame), dtype=np.intp)
        for stratum in np.unique(strata):
            drawn = self.rng.permutation(np.flatnonzero(strata == stratum))
            # With the same start in each, every small stratum would give its only chip to the same side.
            start = self.rng.random() if settings.stratified else 0.5
            sides[drawn] = _cut(len(drawn), self._shares(), start)
        if settings.folds is None:
            sides[sides == len(SPLITS)] = _NONE
        return sides

    def _scenes(self, settings: SceneSplit) -> Indices:
        scenes, names = self.frame["scene"].astype(object).factorize(sort=True)
        if settings.sides is not None:
            of_scene = _named(list(map(str, names)), settings.sides)
            return np.asarray(of_scene[scenes], dtype=np.intp)
        if settings.together == "nothing":
            return self._dealt(scenes, "scenes")
        pairs = self.places.adjacent
        joined = pairs.km2 > 0 if settings.together == "overlapping" else np.ones(len(pairs.km2), dtype=bool)
        ground = components(len(self.places), pairs.first[joined], pairs.second[joined])[self.places.of_chip]
        groups = grouped(scenes, np.arange(len(scenes)), ground)
        return self._dealt(grouped(groups, *self.glaciers), _SCENE_GROUPS[settings.together])

    def _regions(self, settings: RegionSplit) -> Indices:
        regions = read_regions(settings, self.folder)
        found = regions_of(self.places, regions)[self.places.of_chip]
        inside = found != _NONE
        if not inside.any():
            raise ConfigError(
                "no chip lies whole in a region",
                where=settings.file or "regions",
                do="check that they cover the scenes",
            )
        if settings.folds is None:
            of_region = np.array([SPLITS.index(name) for name in regions["name"]])
            return np.where(inside, of_region[found], _NONE)
        used = np.unique(found[inside], return_inverse=True)[1].reshape(-1).astype(np.intp)
        whole, self.frame = self.frame, self.frame[inside]
        sides = np.full(len(found), _NONE, dtype=np.intp)
        sides[inside] = self._dealt(used, "regions")
        self.frame = whole
        return sides

    def _by_glacier(self, settings: GlacierSplit) -> Indices:
        chips = np.arange(len(self.frame))
        groups = grouped(chips, chips, self.places.of_chip)
        if settings.overlaps == "together":
            pairs = self.places.adjacent
            shared = (pairs.km2 > 0) | self._may_share_glaciers(pairs)
            ground = components(len(self.places), pairs.first[shared], pairs.second[shared])
            groups = grouped(chips, chips, ground[self.places.of_chip])
        return grouped(groups, *self.glaciers)

    def _may_share_glaciers(self, pairs: Pairs) -> Mask:
        """Pairs of places in two scenes that touch where ice has no ids: a glacier may go over the scenes' edge."""
        without_id = np.array([any(LOCAL in name for name in names) for names in self.frame["glaciers"]], dtype=bool)
        is_local = np.zeros(len(self.places), dtype=bool)
        is_local[self.places.of_chip[without_id]] = True
        scene = np.empty(len(self.places), dtype=np.intp)
        scene[self.places.of_chip] = self.frame["scene"].astype(object).factorize()[0]
        differ = scene[pairs.first] != scene[pairs.second]
        return np.asarray(differ & is_local[pairs.first] & is_local[pairs.second], dtype=bool)


_SCENE_GROUPS: Final = {
    "overlapping": "groups of scenes that share pixels or glaciers",
    "touching": "groups of scenes that touch or share glaciers",
}

_FEW: Final = {
    "scene": "add scenes, ask for fewer sides or folds, or split by block (one scene can be split so)",
    "block": "take smaller blocks, or fewer folds",
    "region": "draw more regions, or ask for fewer folds",
    "glacier": "make chips that do not overlap, set overlaps: drop, or split by block",
}


def _cut(count: int, shares: list[float], start: float) -> Indices:
    """The side of each in a row of `count` things cut by shares; `start` (0 to 1) says how ends are rounded.

    Examples
    --------
    >>> _cut(10, [0.7, 0.1, 0.2], 0.5).tolist()
    [0, 0, 0, 0, 0, 0, 0, 1, 2, 2]
    """
    last = max(side for side, share in enumerate(shares) if share > 0)
    places = (np.arange(count) + start) / count
    return np.minimum(np.searchsorted(np.cumsum(shares), places, side="right"), last).astype(np.intp)


def _named(scenes: list[str], sides: Mapping[Side, tuple[str, ...]]) -> Indices:
    """The side of each scene by patterns of its file name or path.

    Raises
    ------
    ConfigError
        When a scene is named for two sides, or a pattern names none.
    """
    found = np.full(len(scenes), _NONE, dtype=np.intp)
    for side, patterns in sides.items():
        for pattern in patterns:
            hits = [
                n
                for n, scene in enumerate(scenes)
                if any(fnmatchcase(name, pattern) for name in (scene, PurePosixPath(scene).name))
            ]
            if not hits:
                raise ConfigError(f"no scene is named '{pattern}'", where=f"sides.{side}", do="see the column scene")
            for n in hits:
                if found[n] not in (_NONE, SPLITS.index(side)):
                    raise ConfigError(
                        f"{scenes[n]} is named for {SPLITS[found[n]]} and {side}", where="sides", do="name it once"
                    )
                found[n] = SPLITS.index(side)
    return found
