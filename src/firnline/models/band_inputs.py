"""The bands of a model as its bundle describes them: whether each must be there, and how it is normalised."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, model_validator

from firnline.bands import Level, Sensor
from firnline.models.inputs import Inputs, Layout
from firnline.models.normaliser import Impute, Normaliser


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Reading(_Part):
    """How the numbers of a band at one radiometric level are normalised."""

    level: Level
    unit: str
    mean: FiniteFloat
    deviation: Annotated[FiniteFloat, Field(gt=0)]
    sensors: tuple[Sensor, ...] = ()
    """The sensors of the training scenes that had it so."""


class BandInput(_Part):
    """A band that the model takes: whether it must be there, and at which levels it was learnt from."""

    name: str
    required: bool = True
    readings: Annotated[tuple[Reading, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _check(self) -> Self:
        levels = [reading.level for reading in self.readings]
        if len(set(levels)) != len(levels):
            raise ValueError("readings: one for each level")
        return self

    def at(self, level: Level) -> Reading | None:
        """How it is normalised at a level; None where the model was not trained on that level."""
        return next((reading for reading in self.readings if reading.level == level), None)


def layout_of(bands: Sequence[BandInput]) -> Layout:
    """The order of the bands, and which are optional."""
    return Layout(tuple(band.name for band in bands), tuple(band.name for band in bands if not band.required))


def inputs_of(bands: Sequence[BandInput], readings: Mapping[str, Reading], impute: Impute) -> Inputs:
    """How a scene whose bands come in these readings becomes channels; an optional band without one is absent.

    Examples
    --------
    >>> read = Reading(level="surface reflectance", unit="1", mean=0.2, deviation=0.1)
    >>> bands = [BandInput(name="red", readings=[read]), BandInput(name="nir08", required=False, readings=[read])]
    >>> inputs_of(bands, {"red": read}, "after").absent
    ('nir08',)
    """
    names = tuple(band.name for band in bands)
    normaliser = Normaliser(
        names,
        tuple(readings[name].mean if name in readings else 0.0 for name in names),
        tuple(readings[name].deviation if name in readings else 1.0 for name in names),
        impute,
    )
    return Inputs(layout_of(bands), normaliser, tuple(name for name in names if name not in readings))
