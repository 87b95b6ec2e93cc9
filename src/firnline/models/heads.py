"""What a network with several heads gives while it is trained."""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor


class Heads(NamedTuple):
    """The outputs of a network in training; in prediction it gives `classes` alone.

    Parameters
    ----------
    classes
        Logits (batch, class, row, column): what is served.
    glacier
        Logit (batch, row, column) of ice of any kind against the rest; None where the network has no such head, or
        tells no kinds of ice apart.
    distance
        Signed distance (batch, row, column) to the nearest boundary between ice of any kind and the rest, in
        pixels, positive inside; None where the network has no such head.
    """

    classes: Tensor
    glacier: Tensor | None = None
    distance: Tensor | None = None
