"""What a configuration may say of the augmentation: how chips are changed in training as nature might."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

Share = Annotated[float, Field(ge=0, le=1)]
"""Of a band's deviation, or how often something happens."""


class Augmentation(BaseModel):
    """How chips are changed in training; each change keeps to physics. Only turns are on by default.

    Examples
    --------
    >>> Augmentation(turns="mirror", haze=0.2).haze
    0.2
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    turns: bool | Literal["mirror"] = True
    """The eight flips and quarter turns; ``mirror``: only east for west, in which the sun stays in the south."""
    gain: Annotated[float, Field(ge=0, le=0.9)] = 0.0
    """Each optical band is multiplied by a number of its own between 1 - gain and 1 + gain."""
    offset: Share = 0.0
    """To each optical band is added up to this share of its deviation, or as much taken away."""
    temperature: Annotated[float, Field(ge=0, le=50)] = 0.0
    """Kelvin, up to which all thermal bands together are warmer or colder."""
    haze: Share = 0.0
    """How often a chip is hazy."""
    cloud_shadow: Share = 0.0
    """How often a cloud's shadow lies on a chip."""
    saturation: Share = 0.0
    """How often the optical bands of a chip are cut off at the top."""
    stripes: Share = 0.0
    """How often a chip has the gaps of Landsat 7 after 2003."""
    coarser: Share = 0.0
    """How often a chip is seen with pixels two or three times as large."""
    drop_input: Share = 0.0
    """How often the optional bands of each kind are taken away together."""
