"""What a submission to GLIMS says of who made an inventory, how, and from which images: written by its user."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from firnline.errors import ConfigError
from firnline.sidecar import explain, read_yaml

Words = Annotated[str, Field(min_length=1, max_length=80)]
Longitude = Annotated[float, Field(ge=-180, le=180)]
Latitude = Annotated[float, Field(ge=-90, le=90)]


class _Said(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Person(_Said):
    """Who answers for an inventory, or drew it."""

    surname: Words
    given_names: Words
    affiliation: Words
    email: Annotated[str, Field(pattern=r"^\S+@\S+\.\S+$", max_length=80)]
    url: Annotated[str, Field(max_length=200)] = ""
    country: Annotated[str, Field(pattern=r"^([A-Z]{2})?$")] = ""
    """Two letters (ISO 3166)."""


class Image(_Said):
    """An image that outlines were drawn from."""

    id: Annotated[str, Field(min_length=1, max_length=200)]
    """As its provider names it."""
    acquired: dt.date
    instrument: Words
    platform: Words
    bounds: tuple[Longitude, Latitude, Longitude, Latitude]
    """West, south, east, north (degrees)."""
    orthocorrected: bool


class Uncertainty(_Said):
    """How well outlines lie, in metres: within an image, and on the ground."""

    local_m: Annotated[float, Field(gt=0)]
    global_m: Annotated[float, Field(gt=0)]


class Submission(_Said):
    """All that GLIMS asks for beside the outlines; what has a default may be left out.

    Examples
    --------
    >>> sorted(name for name, field in Submission.model_fields.items() if field.is_required())
    ['analysis_date', 'analysts', 'images', 'method', 'submitter', 'uncertainty']
    """

    submitter: Person
    analysts: Annotated[tuple[Person, ...], Field(min_length=1)]
    analysis_date: dt.date
    method: Annotated[str, Field(min_length=1)]
    """How outlines were made and corrected, as long as it takes."""
    images: Annotated[tuple[Image, ...], Field(min_length=1)]
    uncertainty: Uncertainty
    regional_center: int | None = None
    """Its number at GLIMS."""
    dem: Annotated[str, Field(max_length=200)] = ""
    """The elevation model of the heights and divides, with its date."""
    references: tuple[str, ...] = ()
    """Publications that describe the inventory."""


def read_submission(path: Path) -> Submission:
    """Read what a submission says (YAML).

    Raises
    ------
    ConfigError
        When it cannot be read, a key is missing or not known, or a value makes no sense.
    """
    try:
        return Submission.model_validate(read_yaml(path, "a submission"))
    except ValidationError as error:
        do = "see docs/delivery.md and examples/delivery/submission.yaml"
        raise ConfigError(explain(error), where=path, do=do) from None
