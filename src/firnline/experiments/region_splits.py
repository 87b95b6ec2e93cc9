"""Repeated splits of the same data, by region and at random; each with training, validation beside it, and test."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal, Self

import numpy as np
import shapely
from pydantic import Field, model_validator
from scipy.cluster.hierarchy import fcluster, linkage

from firnline.chips.table import TEST, TRAIN, VALIDATION
from firnline.experiments.config import Settings
from firnline.experiments.folds import Fold
from firnline.experiments.measure import QUESTIONS, Question
from firnline.experiments.survey import Surveyed, density, off_ground, survey

if TYPE_CHECKING:
    from firnline.experiments.study import Study

Kind = Literal["by region", "at random"]
BY_REGION: Final[Kind] = "by region"
AT_RANDOM: Final[Kind] = "at random"
KINDS: Final[tuple[Kind, ...]] = (BY_REGION, AT_RANDOM)

Share = Annotated[float, Field(gt=0, lt=1)]
TRIES: Final = 60
"""How often a split is drawn anew that leaves a side empty, or that was drawn before."""


class RegionsSettings(Settings):
    """What the experiment `regions` takes."""

    repetitions: Annotated[int, Field(ge=1, le=50)] = 5
    """Splits of each kind."""
    test: Share = 0.3
    """The share of scenes (or chips) that is held out for testing, about."""
    validation: Share = 0.15
    """The share of the others that validates."""
    groups: Annotated[int, Field(ge=2)] | None = None
    """How many regions scenes are gathered into by their places where the configuration names none; without it about
    two scenes a region, 3 to 8 regions."""
    seed: Annotated[int, Field(ge=0)] = 0
    """Of the drawing of splits."""
    split: dict[str, Any] = Field(default_factory=lambda: {"kind": "block"})
    """How the chips of a table are gathered into regions: the settings of `firnline chips split`."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.split.get("kind") == "random" or {"folds", "shares", "seed"} & set(self.split):
            raise ValueError("split: takes a kind that keeps regions together, without folds, shares and seed")
        return self


@dataclass(frozen=True, eq=False)
class Split:
    """One split: `fold` trains on one side and maps the other two; `side_of` says which of its test scenes validate
    and which test. By side, `outlines` in degrees and the density of each class; `sizes` in scenes or chips."""

    kind: Kind
    number: int
    fold: Fold
    side_of: Mapping[str, str]
    outlines: Mapping[str, tuple[shapely.Polygon, ...]]
    density: Mapping[str, Mapping[Question, float | None]]
    sizes: Mapping[str, int]
    left_out: int
    """Scenes or chips of training that were given up, as they share ground with another side."""

    @property
    def name(self) -> str:
        """For tables."""
        return f"{self.kind} {self.number}"

    def scenes(self, side: str) -> tuple[str, ...]:
        """The names of the scenes of a side that is mapped."""
        return tuple(name for name, own in self.side_of.items() if own == side)


def fold_name(kind: Kind, number: int) -> str:
    """A split as its folder is called."""
    return f"{kind.replace(' ', '-')}-{number}"


def draw_splits(study: Study, own: RegionsSettings) -> tuple[Split, ...]:
    """Draw the splits of a study: of its scenes, or of its table of chips.

    Raises
    ------
    ConfigError
        When the data leaves a side empty.
    """
    if study.training.table is not None:
        from firnline.experiments.region_tables import draw_from_table

        return tuple(draw_from_table(study, own))
    return tuple(_of_scenes(study, own))


def _of_scenes(study: Study, own: RegionsSettings) -> Iterator[Split]:
    scenes = survey(study)
    if study.config.regions:
        scenes = tuple(each for each in scenes if each.scene.region is not None)
    regions = list(_regions(scenes, own).values())
    sizes: list[int] = []
    for kind in KINDS:
        drawn: set[frozenset[str]] = set()
        rng = np.random.default_rng([own.seed, KINDS.index(kind)])
        wanted = own.repetitions if kind == BY_REGION else len(sizes)
        for _ in range(TRIES * wanted):
            if len(drawn) == wanted:
                break
            if kind == BY_REGION:
                test = _region(regions, own.test, rng)
                others = [region for region in regions if region[0] not in test]
            else:  # as many are tested, so that there are as many to train on
                test = tuple(_shuffled(scenes, rng)[: sizes[len(drawn)]])
                others = [tuple(scene for scene in scenes if scene not in test)]
            sides = _sides(test, others, own.validation, rng)
            names = frozenset(each.name for each in test)
            if sides is None or names in drawn:
                continue
            drawn.add(names)
            sizes += [len(test)] if kind == BY_REGION else []
            yield _split(kind, len(drawn), scenes, sides)
        if not drawn:
            do = "give more scenes, larger ones as a table of chips (firnline chips), or more regions"
            raise study.refusal(
                f"no split of {len(scenes)} scenes {kind} leaves some to train, validate and test", do
            )


def _regions(scenes: Sequence[Surveyed], own: RegionsSettings) -> dict[str, tuple[Surveyed, ...]]:
    """The scenes by region; where none are named, gathered by the distances of their middles (average linkage)."""
    names = [each.scene.region for each in scenes]
    if len(scenes) > 2 and names == [None] * len(scenes):
        count = own.groups or min(8, max(3, len(scenes) // 2))
        apart = [one.metres_to(other) for one, other in combinations(scenes, 2)]
        names = [f"group {n}" for n in fcluster(linkage(apart, "average"), count, "maxclust")]
    groups: defaultdict[str, list[Surveyed]] = defaultdict(list)
    for name, scene in zip(names, scenes, strict=True):
        groups[str(name)].append(scene)
    return {name: tuple(each) for name, each in groups.items()}


Sides = dict[str, tuple[Surveyed, ...]]


def _sides(
    test: Sequence[Surveyed], others: Sequence[Sequence[Surveyed]], share: float, rng: np.random.Generator
) -> Sides | None:
    """The sides around what is tested; None where one is left empty.

    Validation is drawn at random, as the paper did, among the groups of scenes that are not tested, of which each
    keeps a scene to train on: validation is then never in a region that training has not seen. Unlike in the paper,
    what shares ground with scenes that are mapped is not trained on.
    """
    groups = [off_ground(group, test) for group in others]
    spare = [scene for group in groups for scene in _shuffled(group, rng)[1:]]
    if not spare:
        return None
    count = min(len(spare), max(1, round(share * sum(len(group) for group in groups))))
    validation = _shuffled(spare, rng)[:count]
    rest = [scene for group in groups for scene in group if scene not in validation]
    train = off_ground(rest, validation)
    return {TRAIN: train, VALIDATION: tuple(validation), TEST: tuple(test)} if train else None


def _shuffled(scenes: Sequence[Surveyed], rng: np.random.Generator) -> list[Surveyed]:
    return [scenes[place] for place in rng.permutation(len(scenes)).tolist()]


def _region(regions: Sequence[tuple[Surveyed, ...]], share: float, rng: np.random.Generator) -> tuple[Surveyed, ...]:
    """Regions in an order drawn at random, until they hold about the share; one is always left to train on."""
    wanted = share * sum(len(region) for region in regions)
    found: list[Surveyed] = []
    for place in rng.permutation(len(regions)).tolist()[:-1]:
        if not found or len(found) + len(regions[place]) / 2 <= wanted:
            found += regions[place]
    return tuple(found)


def _split(kind: Kind, number: int, scenes: Sequence[Surveyed], sides: Sides) -> Split:
    mapped = {each.name: side for side in (VALIDATION, TEST) for each in sides[side]}
    train, test = ([each.scene for side in names for each in sides[side]] for names in ((TRAIN,), (VALIDATION, TEST)))
    return Split(
        kind=kind,
        number=number,
        fold=Fold(fold_name(kind, number), tuple(train), tuple(test)),
        side_of=mapped,
        outlines={side: tuple(each.degrees for each in own) for side, own in sides.items()},
        density={side: {q: density(own, q) for q in QUESTIONS} for side, own in sides.items()},
        sizes={side: len(own) for side, own in sides.items()},
        left_out=len(scenes) - sum(len(own) for own in sides.values()),
    )
