"""What a configuration of a table of chips may say; a wrong key or value is an error that names it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from firnline.bands import band_name
from firnline.chips.entries import Files, SceneEntry
from firnline.chips.filters import Filters
from firnline.chips.splitting.split_settings import SplitSettings
from firnline.errors import ConfigError
from firnline.sidecar import explain, read_yaml


class MakeSettings(BaseModel):
    """A table of chips to be made.

    Examples
    --------
    >>> settings = MakeSettings(name="demo", size=512, stride=506,
    ...                         scenes=({"images": "a.tif", "truth": "a_class.tif"},))
    >>> settings.step
    506
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    size: Annotated[int, Field(gt=0, le=8192)] = 512
    """Side of a chip, pixels."""
    stride: Annotated[int, Field(gt=0)] | None = None
    """Pixels from one chip to the next; the size where not given, so that chips do not overlap."""
    remainders: Literal["cover", "drop"] = "cover"
    """Whether a last row and column of chips, shifted inward, cover what whole strides leave over."""
    scenes: tuple[SceneEntry, ...] = Field(min_length=1)
    bands: tuple[str, ...] | None = None
    """Bands in which a pixel must be known to be valid; every measured band of each scene where not given."""
    glacier_ids: Files = ()
    """Outlines with a column of glacier ids, where the truth has none."""
    filters: Filters = Filters()
    split: SplitSettings | None = None
    licence: str = ""
    """Under which the data may be passed on."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.stride is not None and self.stride > self.size:
            raise ValueError("stride: larger than size would leave pixels in no chip")
        if self.split is not None and self.has_roles:
            raise ValueError("split: the scenes have roles, which are a split; leave out either")
        if self.bands is not None:
            names = tuple(band_name(name) or name for name in self.bands)
            if not names or len(set(names)) != len(names):
                raise ValueError("bands: needs at least one band, and each only once")
            object.__setattr__(self, "bands", names)
        return self

    @property
    def step(self) -> int:
        """Pixels from one chip to the next."""
        return self.size if self.stride is None else self.stride

    @property
    def has_roles(self) -> bool:
        """Whether an entry says on which side its scenes are."""
        return any("role" in entry.model_fields_set for entry in self.scenes)


def read_make_settings(path: Path) -> MakeSettings:
    """Read a YAML configuration; relative paths in it count from its folder.

    Raises
    ------
    ConfigError
        When it cannot be read, or a key or value is wrong.
    """
    try:
        return MakeSettings.model_validate(read_yaml(path, "a configuration of chips"))
    except ValidationError as error:
        raise ConfigError(explain(error), where=path, do="see docs/chips.md") from None
