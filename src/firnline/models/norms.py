"""Normalisation layers by name."""

from __future__ import annotations

from math import gcd
from typing import Literal

from torch import nn

Norm = Literal["none", "batch", "group"]


def norm_layer(norm: Norm, channels: int) -> nn.Module:
    """The layer after (or before) a convolution of so many channels.

    ``batch``: Ioffe and Szegedy 2015; what it normalises by is learnt, and so is the same in every window that is
    mapped. ``group``: Wu and He 2018, 8 groups, or as many as divide the channels; by each window itself.

    Examples
    --------
    >>> norm_layer("group", 12).num_groups
    4
    """
    match norm:
        case "none":
            return nn.Identity()
        case "batch":
            return nn.BatchNorm2d(channels)
        case "group":
            return nn.GroupNorm(gcd(8, channels), channels)
