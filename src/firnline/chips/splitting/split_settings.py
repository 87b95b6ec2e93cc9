"""How a table of chips is split: the settings of each kind, as a configuration or the command line gives them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, model_validator

from firnline.errors import ConfigError
from firnline.sidecar import explain

Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
Side = Literal["train", "validation", "test"]
Metres = Annotated[float, Field(ge=0, allow_inf_nan=False)]

_WITHIN: Final = 1e-6
"""Shares add to 1 within this: 0.7 + 0.1 + 0.2 is not 1 in binary."""


class _Settings(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Shares(_Settings):
    """Which share of the chips (and of the ice) each side shall have; they add to 1.

    Examples
    --------
    >>> Shares().of_sides()
    {'train': 0.7, 'validation': 0.1, 'test': 0.2, None: 0.0}
    """

    train: Share = 0.7
    validation: Share = 0.1
    test: Share = 0.2
    none: Share = 0.0
    """Chips left out, on no side."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        total = self.train + self.validation + self.test + self.none
        if abs(total - 1) > _WITHIN:
            raise ValueError(
                f"add to {total:g}, not to 1 (train {self.train:g}, validation {self.validation:g}, test"
                f" {self.test:g}, none {self.none:g}); 'none' takes what shall be on no side"
            )
        if self.train == 0:
            raise ValueError("train has no share: nothing could be learnt")
        return self

    def of_sides(self) -> dict[str | None, float]:
        """The shares by side, None for no side."""
        return {"train": self.train, "validation": self.validation, "test": self.test, None: self.none}

    def words(self) -> str:
        """`70/10/20`, with what is on no side where there is any."""
        text = "/".join(f"{100 * share:g}" for share in (self.train, self.validation, self.test))
        return f"{text}, {100 * self.none:g} % in none" if self.none else text


PAPER_SHARES: Final = {
    "paper-text": Shares(train=0.7, validation=0.1, test=0.1, none=0.1),
    "paper-code": Shares(train=0.7, validation=0.1, test=0.2),
}
"""Baraka et al. (2020) write 70/10/10; their code makes 70/10/20."""


class _Split(_Settings):
    """What every kind takes."""

    shares: Shares = Shares()
    folds: Annotated[int, Field(ge=2, le=50)] | None = None
    """k folds of about equal size in the column ``fold``, instead of sides in ``split``."""
    seed: Annotated[int, Field(ge=0)] = 0

    def _words(self, kind: str) -> str:
        how = f"{self.folds} folds" if self.folds else self.shares.words()
        return f"{kind}, {how}, seed {self.seed}"


class RandomSplit(_Split):
    """Each chip by itself, as the paper did: neighbours, and the glaciers in them, come on both sides."""

    kind: Literal["random"] = "random"
    preset: Literal["paper-text", "paper-code"] | None = None
    """The paper's 70/10/10 with the rest in none, or its code's 70/10/20."""
    stratified: bool = False
    """Chips with debris, with other ice and with none are dealt out apart, so that each side has its share."""

    @model_validator(mode="before")
    @classmethod
    def _apply_preset(cls, values: Any) -> Any:
        if isinstance(values, dict) and values.get("preset") in PAPER_SHARES:
            shares = PAPER_SHARES[values["preset"]]
            if values.get("shares", shares) not in (shares, shares.model_dump()) or values.get("folds"):
                raise ValueError("preset: has shares of its own; leave out shares and folds")
            return {**values, "shares": shares}
        return values

    def words(self) -> str:
        """The split in words."""
        return self._words("random, stratified" if self.stratified else "random")


class SceneSplit(_Split):
    """Whole scenes to a side."""

    kind: Literal["scene"] = "scene"
    together: Literal["nothing", "overlapping", "touching"] = "overlapping"
    """Scenes kept on one side: those whose chips share pixels or a glacier, or also those that touch. With
    ``nothing``, what they share is told by the audit."""
    sides: dict[Side, tuple[str, ...]] | None = None
    """Scenes named instead of drawn, by patterns of their file names: ``{train: ["0[2-7]_*"], test: ["08_*"]}``.
    A scene that no pattern names is on no side."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.sides is not None and self.folds is not None:
            raise ValueError("sides: name sides or ask for folds, not both")
        return self

    def words(self) -> str:
        """The split in words."""
        if self.sides is not None:
            named = "; ".join(f"{side} {' '.join(patterns)}" for side, patterns in self.sides.items())
            return f"scenes as named: {named}"
        kept = {"nothing": "", "overlapping": ", overlapping ones together", "touching": ", touching ones together"}
        return self._words(f"whole scenes{kept[self.together]}")


class BlockSplit(_Split):
    """Squares of ground to a side, with a buffer between the sides."""

    kind: Literal["block"] = "block"
    block_km: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 20.0
    """Side of a block, km."""
    buffer_m: Metres = 1000.0
    """Chips of training nearer than this to one of validation or test are on no side, and so are chips of
    validation that near to one of test."""

    def words(self) -> str:
        """The split in words."""
        return self._words(f"blocks of {self.block_km:g} km, buffer {self.buffer_m:g} m")


class RegionSplit(_Split):
    """Polygons that say which ground is on which side; shares count only where regions are dealt into folds."""

    kind: Literal["region"] = "region"
    file: Path | None = None
    """Polygons with a column that names the side (or, for folds, the region)."""
    column: str = "split"
    files: dict[Side, Path] | None = None
    """One file of polygons a side, instead."""
    buffer_m: Metres = 0.0
    """As in blocks."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        if (self.file is None) == (not self.files):
            raise ValueError("file: give a file with a column of sides, or files with one for each side")
        if self.folds is not None and self.file is None:
            raise ValueError("folds: need a file whose column names regions")
        return self

    def words(self) -> str:
        """The split in words."""
        buffer = f", buffer {self.buffer_m:g} m" if self.buffer_m else ""
        if self.file is None:
            names = " ".join(f"{side} {path.name}" for side, path in (self.files or {}).items())
            return f"regions of {names}{buffer}"
        kind = f"regions of {self.file.name} by {self.column}{buffer}"
        return self._words(kind) if self.folds else kind


class GlacierSplit(_Split):
    """No glacier and no pixel on two sides: chips hang together through what they share."""

    kind: Literal["glacier"] = "glacier"
    overlaps: Literal["together", "drop"] = "together"
    """Chips that share pixels go to one side; or each glacier goes to a side by itself, and of two chips that
    share pixels across sides one is dropped. Where chips overlap in rows, ``together`` makes one group of all."""
    buffer_m: Metres = 0.0
    """As in blocks."""

    def words(self) -> str:
        """The split in words."""
        dropped = ", overlaps dropped" if self.overlaps == "drop" else ""
        buffer = f", buffer {self.buffer_m:g} m" if self.buffer_m else ""
        return self._words(f"by glacier{dropped}{buffer}")


SplitSettings = Annotated[
    RandomSplit | SceneSplit | BlockSplit | RegionSplit | GlacierSplit, Field(discriminator="kind")
]
"""Any kind of split, told apart by ``kind``."""


def split_settings(values: dict[str, Any], where: str | Path | None = None) -> SplitSettings:
    """Check settings given as keys and values.

    Raises
    ------
    ConfigError
        When a key or value is wrong.

    Examples
    --------
    >>> split_settings({"kind": "block", "block_km": 10}).words()
    'blocks of 10 km, buffer 1000 m, 70/10/20, seed 0'
    """
    try:
        settings: SplitSettings = TypeAdapter(SplitSettings).validate_python(values)
    except ValidationError as error:
        raise ConfigError(explain(error), where=where, do="see docs/chips.md") from None
    return settings
