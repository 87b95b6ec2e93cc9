"""Filters: which chips a table keeps, and how many each of them took."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from firnline.bands import Sensor

_Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
_SHARES: Final = ("valid", "glacier", "clean", "debris")


class ShareRange(BaseModel):
    """Which shares (0 to 1) are kept: above a value, from one on, up to one."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    above: _Share | None = None
    min: _Share | None = None
    max: _Share | None = None

    @model_validator(mode="after")
    def _check(self) -> Self:
        lowest = max(self.above or 0.0, self.min or 0.0)
        if self.max is not None and lowest > self.max:
            raise ValueError(f"nothing lies from {lowest:g} to {self.max:g}")
        if (self.above, self.min, self.max) == (None, None, None):
            raise ValueError("needs above, min or max")
        return self

    def holds(self, share: float) -> bool:
        """Whether a share is kept."""
        return (
            (self.above is None or share > self.above)
            and (self.min is None or share >= self.min)
            and (self.max is None or share <= self.max)
        )

    def words(self) -> str:
        """The range in words: ``above 0.1, at most 0.5``."""
        told = {"above": self.above, "at least": self.min, "at most": self.max}
        return ", ".join(f"{name} {value:g}" for name, value in told.items() if value is not None)


class Filters(BaseModel):
    """Which chips are kept; each filter takes from what the ones before it left.

    Examples
    --------
    >>> filters = Filters(valid={"min": 0.5}, glacier={"above": 0.1})
    >>> filters.dropped_by({"valid": 0.4, "glacier": 0.2})
    'valid at least 0.5'
    >>> filters.dropped_by({"valid": 0.6, "glacier": 0.2}) is None
    True
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    dates: tuple[dt.date, dt.date] | None = None
    """Scenes of these days, first and last; one without a date is dropped."""
    sensors: tuple[Sensor, ...] | None = None
    valid: ShareRange | None = ShareRange(above=0)
    """Share of the window that is known; a chip of which nothing is known teaches nothing."""
    glacier: ShareRange | None = None
    clean: ShareRange | None = None
    debris: ShareRange | None = None
    both_classes: bool = False
    """Keep chips that hold clean ice and debris-covered ice."""
    shares_of: Literal["valid", "all"] = "valid"
    """What glacier, clean and debris are shares of: the valid pixels, or all of the window's, as in the paper."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.dates is not None and self.dates[0] > self.dates[1]:
            raise ValueError(f"dates: nothing lies from {self.dates[0]} to {self.dates[1]}")
        return self

    def dropped_scene_by(self, date: dt.date | None, sensor: str | None) -> str | None:
        """The filter, in words, that takes all chips of a scene; None where none does."""
        if self.dates is not None and (date is None or not self.dates[0] <= date <= self.dates[1]):
            return f"dates {self.dates[0]} to {self.dates[1]}"
        if self.sensors is not None and sensor not in self.sensors:
            return f"sensors {' '.join(self.sensors)}"
        return None

    def dropped_by(self, shares: Mapping[str, Any]) -> str | None:
        """The filter, in words, that takes a chip with these shares; None where none does.

        A share that the truth does not tell (None) is in no range.
        """
        return next(self._dropping(shares), None)

    def _dropping(self, shares: Mapping[str, Any]) -> Iterator[str]:
        of = shares["valid"] if self.shares_of == "all" else 1.0
        for name in _SHARES:
            kept: ShareRange | None = getattr(self, name)
            if kept is None:
                continue
            share = shares.get(name)
            if share is None or not kept.holds(share * (1.0 if name == "valid" else of)):
                of_all = self.shares_of == "all" and name != "valid"
                yield f"{name} {kept.words()}{' of all pixels' if of_all else ''}"
        if self.both_classes and not (shares.get("clean") and shares.get("debris")):
            yield "both classes present"
