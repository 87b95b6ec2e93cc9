"""The architectures by name, built from the settings that a bundle stores."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field
from torch import nn

from firnline.models.unet import UNet


class UNetSettings(BaseModel):
    """Settings of the U-Net; the defaults are the paper's network.

    Examples
    --------
    >>> UNetSettings(width=8, depth=3).multiple
    8
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Literal["unet"] = "unet"
    width: Annotated[int, Field(ge=1, le=256)] = 16
    depth: Annotated[int, Field(ge=1, le=8)] = 5
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.3
    norm: Literal["none", "batch", "group"] = "none"

    @property
    def multiple(self) -> int:
        """Sides of a window must be multiples of this."""
        return int(2**self.depth)

    def build(self, bands: int, classes: int) -> nn.Module:
        """A new network with random weights: (batch, band, row, column) to logits (batch, class, row, column)."""
        return UNet(bands, classes, width=self.width, depth=self.depth, dropout=self.dropout, norm=self.norm)


Architecture = UNetSettings
"""Settings of any architecture; `name` tells which."""
