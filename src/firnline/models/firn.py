"""firnline's own network: a compact residual U-Net for scenes that differ in what they have."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

import torch
import torch.nn.functional as functional
from torch import Tensor, nn

from firnline.models.heads import Heads
from firnline.models.inputs import Layout
from firnline.models.norms import Norm, norm_layer


class ResidualBlock(nn.Module):
    """Two normalised 3 x 3 convolutions beside an identity, activation first (He et al. 2016).

    Between them whole channels are dropped in training (Tompson et al. 2015).
    """

    def __init__(self, channels: int, norm: Norm, dropout: float = 0.0) -> None:
        super().__init__()
        self.norm1 = norm_layer(norm, channels)
        self.conv1 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.dropout = nn.Dropout2d(dropout) if dropout else nn.Identity()
        self.norm2 = norm_layer(norm, channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """(batch, channels, row, column), the same size."""
        inner = self.dropout(self.conv1(torch.relu(self.norm1(x))))
        return x + self.conv2(torch.relu(self.norm2(inner)))  # type: ignore[no-any-return]


class Firn(nn.Module):
    """A residual U-Net with a stem for each kind of input, and heads for classes, glacier, and distance.

    Each stem sees the bands of its kind and the planes that tell which of them are known; the stems' features add
    up. The stem of an optional kind has no bias, so that it adds nothing where its inputs are absent.

    At the full resolution there are only the stems and one convolution before the heads, for detail; the blocks work
    at half of it and below. A glacier is many pixels wide, and of a network of the same size with blocks at the
    full resolution these take most of the time (docs/results.md).

    The served probabilities come from two heads: of any ice, the mean of what both say; of its kinds, the classes'.

    Parameters
    ----------
    layout
        The bands.
    classes
        How many classes; with two there is no separate glacier head.
    widths
        Channels of each level; each level has half the resolution of the one before.
    norm
        The layer before each convolution.
    dropout
        Share of channels dropped in each block in training.

    Examples
    --------
    >>> network = Firn(Layout(("green", "swir16", "slope"), ("slope",)), 3, widths=(4, 8))
    >>> heads = network(torch.zeros(1, 4, 16, 16))
    >>> heads.classes.shape, heads.glacier.shape, heads.distance.shape
    (torch.Size([1, 3, 16, 16]), torch.Size([1, 16, 16]), torch.Size([1, 16, 16]))
    >>> network.eval()(torch.zeros(1, 4, 16, 16)).shape
    torch.Size([1, 3, 16, 16])
    """

    def __init__(
        self, layout: Layout, classes: int, *, widths: Sequence[int], norm: Norm = "batch", dropout: float = 0.0
    ) -> None:
        super().__init__()
        self._channels = [list(layout.channels_of(kind)) for kind in layout.kinds]
        self.stems = nn.ModuleList(
            nn.Conv2d(len(channels), widths[0], 3, padding=1, bias=not layout.is_optional(kind))
            for kind, channels in zip(layout.kinds, self._channels, strict=True)
        )
        self.stem_norm = norm_layer(norm, widths[0])
        self.down = nn.ModuleList(nn.Conv2d(wide, wider, 2, stride=2, bias=False) for wide, wider in pairwise(widths))
        self.encode = nn.ModuleList(ResidualBlock(width, norm, dropout) for width in widths[1:])
        self.up = nn.ModuleList(nn.Conv2d(wider, wide, 1, bias=False) for wide, wider in pairwise(widths))
        self.decode = nn.ModuleList(ResidualBlock(width, norm, dropout) for width in widths[1:-1])
        self.coarse_norm = norm_layer(norm, widths[1])
        self.fine = nn.Conv2d(widths[0], widths[0], 3, padding=1, bias=False)
        self.norm = norm_layer(norm, widths[0])
        self.has_glacier_head = classes > 2
        self.heads = nn.Conv2d(widths[0], classes + 1 + int(self.has_glacier_head), 1)
        self.classes = classes

    def forward(self, x: Tensor) -> Tensor | Heads:
        """Channels (batch, channel, row, column) to logits (batch, class, row, column); all heads in training.

        Rows and columns must be multiples of 2 to the number of levels less one.
        """
        features = self._features(x)
        outputs = self.heads(torch.relu(self.norm(features)))
        classes, distance = outputs[:, : self.classes], outputs[:, self.classes]
        glacier = outputs[:, self.classes + 1] if self.has_glacier_head else None
        if glacier is not None:
            classes = fused(classes, glacier)
        return Heads(classes, glacier, distance) if self.training else classes

    def _features(self, x: Tensor) -> Tensor:
        stems = [stem(x[:, channels]) for stem, channels in zip(self.stems, self._channels, strict=True)]
        detail = torch.relu(self.stem_norm(torch.stack(stems).sum(0) if len(stems) > 1 else stems[0]))
        x = self.encode[0](self.down[0](detail))
        skipped = []
        for down, block in zip(list(self.down)[1:], list(self.encode)[1:], strict=True):
            skipped.append(x)
            x = block(down(x))
        coarser = list(self.up)[1:]
        for up, block, beside in zip(reversed(coarser), reversed(self.decode), reversed(skipped), strict=True):
            x = block(_doubled(up(x)) + beside)
        x = _doubled(self.up[0](torch.relu(self.coarse_norm(x))))
        return self.fine(torch.relu(x + detail))  # type: ignore[no-any-return]


def _doubled(x: Tensor) -> Tensor:
    return functional.interpolate(x, scale_factor=2.0, mode="bilinear", align_corners=False)


def fused(classes: Tensor, glacier: Tensor) -> Tensor:
    """Log probabilities in which ice of any kind is the mean of what the two heads say.

    Parameters
    ----------
    classes
        Logits (batch, class, row, column), background first.
    glacier
        Logit (batch, row, column) of ice of any kind.

    Examples
    --------
    >>> classes = torch.log(torch.tensor([0.5, 0.375, 0.125])).reshape(1, 3, 1, 1)
    >>> served = torch.softmax(fused(classes, torch.full((1, 1, 1), 1000.0)), 1)
    >>> [round(probability, 4) for probability in served.flatten().tolist()]
    [0.25, 0.5625, 0.1875]
    """
    kinds = functional.log_softmax(classes[:, 1:].float(), dim=1)
    either = torch.logsumexp(classes[:, 1:].float(), dim=1) - classes[:, 0].float()
    ice, rest = _log_mean(either, glacier.float()), _log_mean(-either, -glacier.float())
    return torch.cat([rest.unsqueeze(1), ice.unsqueeze(1) + kinds], dim=1)


def _log_mean(a: Tensor, b: Tensor) -> Tensor:
    """The logarithm of the mean of the two probabilities with these logits; it has a gradient however small it is."""
    return torch.logaddexp(-functional.softplus(-a), -functional.softplus(-b)) - math.log(2)
