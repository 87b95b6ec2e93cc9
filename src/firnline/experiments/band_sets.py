"""Which bands are given to a model together: the sets that the paper tried, as far as the data has the bands."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from firnline.bands import BANDS, Kind
from firnline.chips.cuts import grouped
from firnline.chips.entries import open_source
from firnline.chips.table import read_table
from firnline.experiments.arms import Arm
from firnline.experiments.study import Study
from firnline.features import FeatureSource

FALSE_COLOUR: Final = ("swir16", "green", "nir08")
"""The paper's bands 4, 1, 3: the composite in which its outlines were drawn."""
TRUE_COLOUR: Final = ("blue", "green", "red")
"""The paper's bands 0, 1, 2."""
INDICES: Final = ("ndvi", "ndsi", "ndmi")
"""The paper's bands 10 to 12; what it calls NDWI is Gao's, here `ndmi`."""
TERRAIN: Final = ("elevation", "slope")
"""The paper's bands 13 and 14."""
RELIEF: Final = ("slope", "eastness", "northness", "curvature", "relative_elevation")
"""Features of terrain that mean the same in every region, as absolute elevation does not."""
PAPER_CHOICE: Final = ("slope", "elevation", "ndsi", "swir22", "ndmi", "lwir_low_gain", "ndvi")
"""What the paper's forest chose, its bands 14, 13, 11, 7, 12, 5 and 10: those above 5 % importance."""

SPECTRAL: Final = "spectral"
EVERYTHING: Final = "all"
FOREST: Final = "forest-choice"
PAPER: Final = "paper-choice"

Heights = Literal["none", "terrain", "relief"]


@dataclass(frozen=True)
class BandSet:
    """A set under a name: the bands of `base`, with indices or not, and with heights of a kind."""

    name: str
    bands: tuple[str, ...]
    base: str
    has_indices: bool = False
    heights: Heights = "none"


@dataclass(frozen=True)
class LeftOut:
    """A set that is not tried, and why."""

    name: str
    why: str


@dataclass(frozen=True)
class BandSets:
    """The sets that some data allows, those that it does not, and the one that holds all of the paper's bands."""

    sets: tuple[BandSet, ...]
    left_out: tuple[LeftOut, ...]
    full: str

    def pairs(self) -> Iterator[tuple[str, BandSet, BandSet]]:
        """(what is added, the set with it, the same set without it)."""
        by_kind = {(each.base, each.has_indices, each.heights): each for each in self.sets}
        for (base, has_indices, heights), each in by_kind.items():
            without_indices = by_kind.get((base, False, heights))
            without_heights = by_kind.get((base, has_indices, "none"))
            if has_indices and without_indices is not None:
                yield "indices", each, without_indices
            if heights != "none" and without_heights is not None:
                yield heights, each, without_heights


def band_sets(available: Collection[str]) -> BandSets:
    """The paper's sets, and those with the features of terrain that go over to other regions.

    Each of the bases (swir16 green nir08; blue green red; every spectral band) is taken alone, with indices, with
    elevation and slope, and with both. A set of named bands is left out when the data lacks one of them; `spectral`
    and the indices are those that the data has. The paper's spectral bands include the bit field of quality: it is
    no measurement, and left out here.

    Examples
    --------
    >>> found = band_sets(["blue", "green", "red", "swir16", "ndsi"])
    >>> [each.name for each in found.sets], found.full
    (['blue-green-red', 'blue-green-red+indices', 'spectral', 'spectral+indices'], 'spectral+indices')
    >>> next(each.why for each in found.left_out if each.name == "swir16-green-nir08")
    'the data lacks nir08'
    """
    of_kind = {kind: tuple(n for n in available if n in BANDS and BANDS[n].kind == kind) for kind in Kind}
    spectral = (*of_kind[Kind.OPTICAL], *of_kind[Kind.THERMAL])
    everything = _had((*spectral, *of_kind[Kind.RADAR], *INDICES, *TERRAIN), available)
    candidates = [*_products(spectral, available), BandSet(EVERYTHING, everything, EVERYTHING)]
    candidates.append(BandSet(PAPER, PAPER_CHOICE, PAPER))
    kept: dict[frozenset[str], BandSet] = {}
    left_out = []
    for each in candidates:
        lacking = [name for name in each.bands if name not in available]
        same = kept.get(frozenset(each.bands))
        if lacking or not each.bands:
            why = f"the data lacks {', '.join(lacking)}" if lacking else "the data has no such band"
            left_out.append(LeftOut(each.name, why))
        elif same is not None and each.name != EVERYTHING:
            left_out.append(LeftOut(each.name, f"has the same bands as {same.name}"))
        elif same is None:
            kept[frozenset(each.bands)] = each
    full = kept[frozenset(everything)].name if everything else ""
    return BandSets(tuple(kept.values()), tuple(left_out), full)


def _products(spectral: tuple[str, ...], available: Collection[str]) -> Iterator[BandSet]:
    indices = _had(INDICES, available)
    bases = {"-".join(FALSE_COLOUR): FALSE_COLOUR, "-".join(TRUE_COLOUR): TRUE_COLOUR, SPECTRAL: spectral}
    kinds: dict[Heights, tuple[str, ...]] = {"none": (), "terrain": TERRAIN, "relief": RELIEF}
    for base, bands in bases.items():
        for heights, added in kinds.items():
            if heights == "relief" and base != SPECTRAL:
                continue
            for more in ((), indices or INDICES):
                name = "+".join((base, *(["indices"] if more else []), *([heights] if added else [])))
                yield BandSet(name, (*bands, *more, *added) if bands else (), base, bool(more), heights)


def _had(names: Sequence[str], available: Collection[str]) -> tuple[str, ...]:
    return tuple(name for name in names if name in available)


def arm_of(study: Study, model: str, name: str, bands: Sequence[str]) -> Arm:
    """A model with these bands, all of them required."""
    has_optional = bool(study.arm(model, name=name).config.optional)
    return study.arm(model, name=name, bands=tuple(bands), **({"optional": ()} if has_optional else {}))


def common_bands(study: Study) -> tuple[str, ...]:
    """The bands that every scene of a study can give, stored or derived, in the order of the first."""
    found = [source.available for source in _sources(study)]
    return tuple(name for name in found[0] if all(name in each for each in found)) if found else ()


def _sources(study: Study) -> Iterator[FeatureSource]:
    if study.training.table is None:
        for scene in study.scenes:
            yield open_source(scene.entry, scene.path, scene.folder)
        return
    chips = list(read_table(study.folder / study.training.table).chips())
    for cut, _ in grouped([chip for chip in chips if chip.split is not None or chip.fold is not None]):
        yield cut.source()
