"""The architectures by name, built from the settings that a bundle stores; to read them takes no torch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from firnline.models.inputs import Layout
from firnline.models.pixels.settings import PixelSettings

if TYPE_CHECKING:
    from torch import nn

Decoder = Literal["unet", "unetplusplus", "fpn", "segformer"]
"""Those that need no pooling over the whole window, which would make a pixel's class hang on the window's size."""

STRIDE: Final = 32
"""The coarsest features of a borrowed encoder have one pixel for so many of the input."""

Width = Annotated[int, Field(ge=1, le=1024)]


class _Settings(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class UNetSettings(_Settings):
    """Settings of the U-Net; the defaults are the paper's network.

    Examples
    --------
    >>> UNetSettings(width=8, depth=3).multiple
    8
    """

    name: Literal["unet"] = "unet"
    width: Annotated[int, Field(ge=1, le=256)] = 16
    depth: Annotated[int, Field(ge=1, le=8)] = 5
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.3
    norm: Literal["none", "batch", "group"] = "none"

    @property
    def multiple(self) -> int:
        """Sides of a window must be multiples of this."""
        return int(2**self.depth)

    def build(self, layout: Layout, classes: int) -> nn.Module:
        """A new network with random weights: (batch, channel, row, column) to logits (batch, class, row, column)."""
        from firnline.models.unet import UNet

        settings = self.model_dump(exclude={"name"})
        return UNet(layout.channels, classes, **settings)


class FirnSettings(_Settings):
    """Settings of firnline's own network.

    Examples
    --------
    >>> FirnSettings().multiple
    32
    """

    name: Literal["firn"] = "firn"
    widths: Annotated[tuple[Width, ...], Field(min_length=2, max_length=9)] = (8, 16, 32, 64, 96, 128)
    """Channels of each level, from the full resolution down."""
    norm: Literal["batch", "group"] = "batch"
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.2
    """Share of channels dropped in each block in training."""

    @property
    def multiple(self) -> int:
        """Sides of a window must be multiples of this."""
        return int(2 ** (len(self.widths) - 1))

    def build(self, layout: Layout, classes: int) -> nn.Module:
        """A new network with random weights: (batch, channel, row, column) to logits (batch, class, row, column)."""
        from firnline.models.firn import Firn

        return Firn(layout, classes, widths=self.widths, norm=self.norm, dropout=self.dropout)


class EncoderSettings(_Settings):
    """Settings of a network with an encoder of segmentation-models-pytorch or timm (the extra `encoders`).

    They can be read without the extra; to build the network needs it.

    Examples
    --------
    >>> EncoderSettings(encoder="tu-convnext_atto").multiple
    32
    """

    name: Literal["encoder"] = "encoder"
    encoder: Annotated[str, Field(pattern=r"^[A-Za-z0-9_.\-]+$")] = "resnet18"
    """No colon or slash: by these timm would name a model on a server, or a folder."""
    decoder: Decoder = "unet"

    @property
    def multiple(self) -> int:
        """Sides of a window must be multiples of this."""
        return STRIDE

    def build(self, layout: Layout, classes: int) -> nn.Module:
        """A new network with random weights: (batch, channel, row, column) to logits (batch, class, row, column)."""
        from firnline.models.encoder import encoder_network

        return encoder_network(self.encoder, self.decoder, layout.channels, classes)


NetworkSettings = UNetSettings | FirnSettings | EncoderSettings
"""Settings of what is trained as a network, chip by chip."""


def unet_by_default(value: Any) -> Any:
    """Settings without a name are the U-Net's."""
    return {"name": "unet", **value} if isinstance(value, dict) else value


Trainable = Annotated[NetworkSettings | PixelSettings, Field(discriminator="name"), BeforeValidator(unet_by_default)]
"""What a training configuration may ask for."""


class EnsembleSettings(_Settings):
    """Several models of one scheme; a map shows the mean of their probabilities."""

    name: Literal["ensemble"] = "ensemble"


class TwoBinarySettings(_Settings):
    """A model of clean ice against the rest and one of debris against the rest, merged."""

    name: Literal["two-binary"] = "two-binary"


CompositeSettings = EnsembleSettings | TwoBinarySettings
"""Settings of what is made of other models, its members."""

Architecture = Annotated[NetworkSettings | PixelSettings | CompositeSettings, Field(discriminator="name")]
"""Settings of any architecture; `name` tells which."""
