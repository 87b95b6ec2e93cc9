"""How products become one analysis-ready scene."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class Composite(StrEnum):
    """Which observation of several a pixel is taken from."""

    SINGLE = "single"
    """Products of one day, put together; other days at most fill stripes."""
    LEAST_CLOUD = "least-cloud"
    """The first clear one: products with less cloud, and nearer to the end of the ablation season, come first."""
    MINIMUM_SNOW = "minimum-snow"
    """Of the clear ones that with the lowest NDSI."""


class ReadySettings(BaseModel):
    """How products become one scene.

    Examples
    --------
    >>> ReadySettings(composite="least-cloud", cloud_buffer=2).composite.value
    'least-cloud'
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    bands: tuple[str, ...] | None = None
    """Bands of the scene by name; without it every measured band that all products have, indices and terrain."""
    composite: Composite = Composite.SINGLE
    cloud: Literal["unknown", "keep"] = "unknown"
    """Whether pixels under cloud become unknown; they are flagged in any case."""
    cloud_buffer: int = Field(default=0, ge=0, le=100)
    """Pixels by which cloud is widened."""
    keep_cloud_over_ice: bool = False
    """Pixels under the cloud flag that look like bright snow or ice stay known (the flag stays)."""
    cirrus: bool = True
    """Whether thin cirrus counts as cloud. Over high mountains the cirrus band sees the ground itself."""
    shadow: Literal["unknown", "keep"] = "keep"
    """Whether pixels in the shadow of clouds become unknown; they are flagged in any case."""
    fill_stripes: bool = False
    """Fill Landsat 7 stripes from the products of other days."""
    resolution: float | None = Field(default=None, gt=0)
    """Pixel size in metres; without it that of the finest optical band (pan apart)."""
    resampling: Literal["bilinear", "nearest"] = "bilinear"
    """Of bands whose pixels are not the scene's; quality bits are always taken from the nearest pixel."""


@dataclass(frozen=True)
class Dem:
    """A digital elevation model, heights in metres."""

    path: Path
    name: str = ""
    """As the scene shall name it; without it the file's name."""
    date: str = ""
    """When its heights were measured; empty where that is not known."""
