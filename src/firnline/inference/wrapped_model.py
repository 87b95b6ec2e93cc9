"""Models around another model: what a prior rules out, and the mean over flips and turns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from firnline.classes import BACKGROUND, Classes, LabelScheme
from firnline.errors import ConfigError
from firnline.inference.blend import Known
from firnline.inference.window_model import Prepared, WindowModel, nothing
from firnline.models.normaliser import Floats
from firnline.training.augment_turns import turn, turns_of


@dataclass(frozen=True)
class PriorSettings:
    """Where the user says that no glacier is; nothing by default.

    A pixel that is ruled out is background, by the user's word and not the model's. A height or slope that is not
    known rules nothing out, and a pixel that is unknown stays unknown.

    Examples
    --------
    >>> PriorSettings(only_above=4000.0).bands, bool(PriorSettings())
    (('elevation',), False)
    """

    only_above: float | None = None
    """Glaciers lie at this height or above, metres."""
    only_slope_below: float | None = None
    """Glaciers lie on slopes of this steepness or below, degrees."""

    def __post_init__(self) -> None:
        if self.only_above is not None and not np.isfinite(self.only_above):
            raise ConfigError("is no height", where="--only-above", do="give metres")
        if self.only_slope_below is not None and not 0 < self.only_slope_below <= 90:
            raise ConfigError("is no slope", where="--only-slope-below", do="give degrees, above 0 and up to 90")

    def __bool__(self) -> bool:
        return bool(self.bands)

    @property
    def bands(self) -> tuple[str, ...]:
        """The features that it looks at."""
        asked = {"elevation": self.only_above, "slope": self.only_slope_below}
        return tuple(name for name, limit in asked.items() if limit is not None)

    def as_json(self) -> dict[str, Any]:
        """For records and the journal."""
        return {"only_above_m": self.only_above, "only_slope_below_deg": self.only_slope_below}

    def rules_out(self, features: Floats) -> Known:
        """Which pixels (row, column) are too low or too steep, of `bands` (band, row, column).

        Examples
        --------
        >>> prior = PriorSettings(only_above=4000.0, only_slope_below=45.0)
        >>> heights, slopes = [3999.0, 4000.0, 5000.0, np.nan], [0.0, 0.0, 46.0, np.nan]
        >>> prior.rules_out(np.array([[heights], [slopes]], np.float32)).tolist()
        [[True, False, True, False]]
        """
        out = np.zeros(features.shape[1:], np.bool_)
        for name, values in zip(self.bands, features, strict=True):
            # NaN compares as False both ways: what is unknown rules nothing out
            out |= values < self.only_above if name == "elevation" else values > self.only_slope_below
        return out


NO_PRIOR = PriorSettings()


@dataclass(frozen=True)
class WrappedModel(WindowModel):
    """What stands around another model, and is that model in all that it does not say otherwise."""

    inner: WindowModel

    @property
    def bands(self) -> tuple[str, ...]:
        """The model's."""
        return self.inner.bands

    @property
    def scheme(self) -> LabelScheme:
        """The model's."""
        return self.inner.scheme

    @property
    def extras(self) -> tuple[str, ...]:
        """The model's."""
        return self.inner.extras

    def finish(self, classes: Classes) -> Classes:
        """As the model does."""
        return self.inner.finish(classes)


@dataclass(frozen=True)
class PriorModel(WrappedModel):
    """A model that is not asked about pixels that a prior rules out: they are background."""

    prior: PriorSettings

    @property
    def bands(self) -> tuple[str, ...]:
        """The model's, then those that only the prior looks at."""
        return tuple(dict.fromkeys((*self.inner.bands, *self.prior.bands)))

    def prepare(self, raw: Floats) -> Prepared:
        """Find what is ruled out, and have the model prepare."""
        names = self.bands
        out = self.prior.rules_out(raw[[names.index(name) for name in self.prior.bands]])
        inner = self.inner.prepare(raw[: len(self.inner.bands)])
        return Prepared((inner, out), inner.known)

    def compute(self, window: Prepared) -> tuple[Floats, Known]:
        """Ask the model where a known pixel is left; pixel by pixel, so that no cutting into windows matters."""
        inner, out = window.values
        if (window.known & ~out).any():
            values, known = self.inner.compute(inner)
        else:
            values, known = nothing(self, window.known)
        values[:, out] = 0
        values[BACKGROUND, out] = 1
        return values, known


@dataclass(frozen=True)
class TurnedModel(WrappedModel):
    """A model that looks at a window in all flips and quarter turns, and gives the mean of what it says.

    Directions turn with the pixels (`training.augment_turns`). It takes eight times as long, or four times where
    the model takes only one of ``eastness`` and ``northness``.
    """

    def prepare(self, raw: Floats) -> Prepared:
        """Prepare the window as it is; it is turned when it is computed, for else eight of them would wait."""
        straight = self.inner.prepare(raw)
        return Prepared((raw, straight), straight.known)

    def compute(self, window: Prepared) -> tuple[Floats, Known]:
        """The mean over the turns, in a fixed order."""
        if not window.known.any():
            return nothing(self, window.known)
        raw, straight = window.values
        total, known = self.inner.compute(straight)
        total = total.copy()
        turns = turns_of(self.bands)
        for quarters, flip in turns[1:]:
            said, _ = self.inner.map_window(turn(raw, self.bands, quarters, flip))
            total += np.rot90(said[:, :, ::-1] if flip else said, -quarters, (1, 2))
        return total / np.float32(len(turns)), known
