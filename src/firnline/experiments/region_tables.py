"""Splits of a table of chips by region and at random, each a table of its own beside the trials."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

import geopandas
import numpy as np
import pandas

from firnline.chips.splitting.audit import audit
from firnline.chips.splitting.groups import factorised
from firnline.chips.splitting.places import Indices, Mask
from firnline.chips.splitting.separation import kept_apart
from firnline.chips.splitting.split_settings import SplitSettings, split_settings
from firnline.chips.splitting.splits import Dealt, split_chips
from firnline.chips.table import SPLITS, TEST, TRAIN, VALIDATION, ChipTable, read_table, write_table
from firnline.errors import ConfigError
from firnline.experiments.folds import REFERENCES, Fold
from firnline.experiments.measure import Question
from firnline.experiments.region_splits import BY_REGION, KINDS, TRIES, Kind, RegionsSettings, Split, fold_name
from firnline.experiments.scenes import TestScene, scenes_of_chips

if TYPE_CHECKING:
    from firnline.experiments.study import Study

_COLUMNS: Final[dict[Question, str]] = {"glacier": "glacier", "clean ice": "clean", "debris": "debris"}


@dataclass(frozen=True)
class SidesFold(Fold):
    """A fold of a table of chips whose validation and test chips are both mapped, scenes named by their side."""

    def tests(self) -> Iterator[TestScene]:
        """The scenes of both sides, each opened when it is its turn."""
        assert self.table is not None
        table = read_table(self.table)
        for side in (VALIDATION, TEST):
            for scene in scenes_of_chips(list(table.chips(side)), self.table):
                yield replace(scene, name=_mapped_name(side, scene.name))


def _mapped_name(side: str, scene: str) -> str:
    return f"{side}-{scene}"


def draw_from_table(study: Study, own: RegionsSettings) -> Iterator[Split]:
    """Deal the chips out into folds as `firnline chips split` does, another seed and another fold tested each time.

    Raises
    ------
    ConfigError
        When the table cannot be split so, or a side is left without chips.
    """
    assert study.training.table is not None
    table = read_table(study.folder / study.training.table)
    folds = max(2, round(1 / own.test))
    for kind in KINDS:
        drawn: set[frozenset[str]] = set()
        for attempt in range(TRIES):
            if len(drawn) == own.repetitions:
                break
            how = own.split if kind == BY_REGION else {"kind": "random"}
            settings = split_settings({**how, "folds": folds, "seed": own.seed + attempt}, study.loaded.path)
            dealt = split_chips(table, settings, study.loaded.path.parent)
            is_tested = (dealt.table.frame["fold"] == attempt % folds).fillna(False).to_numpy(dtype=np.bool_)
            names = frozenset(dealt.table.frame["id"][is_tested])
            if names not in drawn:
                drawn.add(names)
                yield _one(study, own, dealt, is_tested, settings, kind, len(drawn))


def _one(
    study: Study,
    own: RegionsSettings,
    dealt: Dealt,
    is_tested: Mask,
    settings: SplitSettings,
    kind: Kind,
    number: int,
) -> Split:
    """The split that tests some of the chips, its table written."""
    frame = dealt.table.frame
    others = np.where(frame["fold"].isna(), -1, SPLITS.index(TRAIN))
    sides = np.where(is_tested, SPLITS.index(TEST), others).astype(np.intp)
    _draw_validation(sides, own.validation, np.random.default_rng([own.seed, KINDS.index(kind), number]))
    if kind == BY_REGION:
        buffer_m = float(getattr(settings, "buffer_m", 0.0))
        links = factorised(frame["glaciers"])[:2]
        sides = kept_apart(sides, dealt.places, links, buffer_m=buffer_m, folds=False)[0]
    for side, name in enumerate(SPLITS):
        if not (sides == side).any():
            raise ConfigError(
                f"the split {number} {kind} leaves no chip for {name}",
                where=study.training.table,
                do="take smaller blocks or a smaller buffer (settings.regions.split), or more scenes",
            )
    names = np.array([*SPLITS, None], dtype=object)[sides]
    frame = frame.assign(split=names, fold=pandas.array([None] * len(names), dtype="Int32"))
    words = f"{settings.words()}: one fold tests, {100 * own.validation:g} % of the others validate"
    named = dealt.table.with_frame(frame, split=words, leaks=())
    path = study.out / study.experiment / "tables" / f"{fold_name(kind, number)}.parquet"
    done = named.with_frame(frame, leaks=audit(named, dealt.places).leaks).moved(path)
    _written(done)
    return _split_of(done, kind, number, int((sides < 0).sum()))


def _draw_validation(sides: Indices, share: float, rng: np.random.Generator) -> None:
    """Turn a share of the training chips into validation, at random, as the paper did."""
    training = np.flatnonzero(sides == SPLITS.index(TRAIN))
    count = min(len(training) - 1, max(1, round(share * len(training))))
    if count > 0:
        sides[rng.choice(training, count, replace=False)] = SPLITS.index(VALIDATION)


def _written(table: ChipTable) -> None:
    """Write a table, unless the same one is there: trials rest on the file as it is."""
    if table.path.is_file():
        columns = ["id", "split", *REFERENCES]
        old, new = read_table(table.path), table.frame[columns].reset_index(drop=True)
        if old.about.truths == table.about.truths and old.frame[columns].fillna("").equals(new.fillna("")):
            return
    write_table(table)


def _split_of(table: ChipTable, kind: Kind, number: int, left_out: int) -> Split:
    parts: Mapping[str, Any] = {side: table.frame[table.frame["split"] == side] for side in SPLITS}
    fold = SidesFold(fold_name(kind, number), table=table.path.absolute())
    mapped = {
        _mapped_name(side, scene.name): side
        for side in (VALIDATION, TEST)
        for scene in scenes_of_chips(list(table.chips(side)), table.path)
    }
    return Split(
        kind=kind,
        number=number,
        fold=fold,
        side_of=mapped,
        outlines={side: tuple(part.geometry) for side, part in parts.items()},
        density={side: {q: _density(part, name) for q, name in _COLUMNS.items()} for side, part in parts.items()},
        sizes={side: len(part) for side, part in parts.items()},
        left_out=left_out,
    )


def _density(frame: geopandas.GeoDataFrame, column: str) -> float | None:
    """The share of a class in the valid pixels of chips, those of overlapping chips counted in each."""
    share = frame[column].astype("float64").to_numpy()
    known = (frame["valid"] * frame["height"] * frame["width"]).astype("float64").to_numpy()
    known = np.where(np.isnan(share), 0.0, known)
    return float(np.nansum(share * known) / known.sum()) if known.sum() > 0 else None
