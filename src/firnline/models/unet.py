"""The U-Net of the paper (Baraka et al. 2020; Ronneberger et al. 2015)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from firnline.models.norms import Norm, norm_layer


class ConvBlock(nn.Module):
    """Two 3 x 3 convolutions, each followed by ReLU; spatial dropout (Tompson et al. 2015) after the first."""

    def __init__(self, inputs: int, outputs: int, dropout: float, norm: Norm) -> None:
        super().__init__()
        bias = norm == "none"  # a normalisation layer has its own
        self.conv1 = nn.Conv2d(inputs, outputs, 3, padding=1, bias=bias)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, padding=1, bias=bias)
        self.norm1 = norm_layer(norm, outputs)
        self.norm2 = norm_layer(norm, outputs)
        self.dropout = nn.Dropout2d(dropout)

    def forward(self, x: Tensor) -> Tensor:
        """(batch, inputs, row, column) to (batch, outputs, row, column)."""
        x = torch.relu(self.dropout(self.norm1(self.conv1(x))))
        return torch.relu(self.norm2(self.conv2(x)))


class UpBlock(nn.Module):
    """Doubles the resolution, joins the encoder's features, and convolves."""

    def __init__(self, inputs: int, outputs: int, dropout: float, norm: Norm) -> None:
        super().__init__()
        self.upconv = nn.ConvTranspose2d(inputs, outputs, 2, stride=2)
        self.conv = ConvBlock(2 * outputs, outputs, dropout, norm)

    def forward(self, x: Tensor, skipped: Tensor) -> Tensor:
        """`x` at half the resolution of `skipped`; gives the resolution of `skipped`."""
        return self.conv(torch.cat([self.upconv(x), skipped], dim=1))  # type: ignore[no-any-return]


class UNet(nn.Module):
    """A U-Net whose encoder blocks have `width`, 2 `width`, 4 `width`, ... channels.

    With ``width=16, depth=5, dropout=0.3, norm="none"`` it is the paper's network. Modules are named as in the
    authors' code, so that their checkpoints load.

    Parameters
    ----------
    bands, classes
        Channels in and out.
    width, depth
        Channels of the first block, and how often the resolution is halved.
    dropout
        Share of channels dropped in training.
    norm
        Layer after each convolution: none (the paper), batch, or group (8 groups, or as many as divide the channels).

    Examples
    --------
    >>> sum(parameter.numel() for parameter in UNet(15, 3).parameters())
    7777363
    >>> UNet(4, 2, width=4, depth=2)(torch.zeros(1, 4, 16, 24)).shape
    torch.Size([1, 2, 16, 24])
    """

    def __init__(
        self,
        bands: int,
        classes: int,
        *,
        width: int = 16,
        depth: int = 5,
        dropout: float = 0.3,
        norm: Norm = "none",
    ) -> None:
        super().__init__()
        widths = [width * 2**level for level in range(depth)]
        self.downblocks = nn.ModuleList(
            ConvBlock(inputs, outputs, dropout, norm)
            for inputs, outputs in zip([bands, *widths], widths, strict=False)
        )
        self.pool = nn.MaxPool2d(2)
        self.middle_conv = ConvBlock(widths[-1], 2 * widths[-1], dropout, norm)
        self.upblocks = nn.ModuleList(UpBlock(2 * outputs, outputs, dropout, norm) for outputs in reversed(widths))
        self.seg_layer = nn.Conv2d(width, classes, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Logits (batch, class, row, column) of normalised bands (batch, band, row, column).

        Rows and columns must be multiples of 2 ** depth.
        """
        skipped = []
        for block in self.downblocks:
            x = block(x)
            skipped.append(x)
            x = self.pool(x)
        x = self.middle_conv(x)
        for block, features in zip(self.upblocks, reversed(skipped), strict=True):
            x = block(x, features)
        return self.seg_layer(x)  # type: ignore[no-any-return]
