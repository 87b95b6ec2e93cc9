"""What a configuration may say of how pixels are drawn for a pixel classifier."""

from __future__ import annotations

from collections.abc import Collection
from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field


class Drawing(BaseModel):
    """Which pixels, or segments, a classifier learns from."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    per_class: Annotated[int, Field(ge=1)] = 30_000
    """How many of each class, spread evenly over the scenes and over the chips of each."""
    per_chip: Annotated[int, Field(ge=1)] = 1000
    """The most of one class from one chip, so that neighbours do not fill the sample."""
    count: Literal["alike", "as they occur"] = "alike"
    """How much the classes count: all the same, or in proportion to their pixels."""


APPLIES: Final = frozenset(
    {
        "name", "scheme", "bands", "mixed", "scenes", "table", "fold", "truth_as", "buffer_m", "architecture",
        "chips", "pixels", "impute", "seed", "seeds", "threads", "cache_mb", "level", "calibrate",
    }
)  # fmt: skip
"""The keys of a configuration that mean something to a pixel classifier; of `chips` only the size does."""


def require_pixel_keys(given: Collection[str], of_chips: Collection[str]) -> None:
    """Raise ValueError when a key is given that a pixel classifier would not heed, all of them named.

    Examples
    --------
    >>> require_pixel_keys({"name", "epochs", "chips"}, {"size", "focus"})
    Traceback (most recent call last):
    ValueError: chips.focus, epochs: mean nothing to a pixel classifier
    """
    stray = [*(f"chips.{key}" for key in of_chips if key != "size"), *(key for key in given if key not in APPLIES)]
    if stray:
        raise ValueError(f"{', '.join(sorted(stray))}: mean nothing to a pixel classifier")
