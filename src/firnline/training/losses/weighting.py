"""Weights of the loss terms that are learnt with the network."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Self

import torch
from torch import Tensor, nn

from firnline.training.loss_settings import Loss

LIMIT = 5.0
"""The learnt factor of a term stays between exp(-LIMIT) and exp(LIMIT)."""


class LossWeights(nn.Module):
    """Learnt weights, positive by construction (after Kendall, Gal and Cipolla 2018).

    The sum of w (exp(-s) L + s) over the terms, with L the term, w its weight in the settings and s learnt, from 0.
    exp(-s) cannot be negative, and + s keeps it from vanishing: at the best s it is 1 / L, so a term that is large
    because it is hard counts less. The sum can be negative, as a logarithm can.

    s is held softly between -LIMIT and LIMIT, so that no step, however large, makes a weight vanish or overflow. A
    term that is exactly 0 (nothing known, or no error) says nothing of its weight, and leaves s alone.

    Parameters
    ----------
    given
        The weight of each term in the settings.

    Examples
    --------
    >>> weighting = LossWeights({"dice": 1.0, "cross_entropy": 0.5})
    >>> weighting({"dice": torch.tensor(0.5), "cross_entropy": torch.tensor(2.0)}).item()
    1.5
    >>> weighting.now()
    {'dice': 1.0, 'cross_entropy': 0.5}
    """

    given: Tensor

    def __init__(self, given: Mapping[str, float]) -> None:
        super().__init__()
        self.terms = tuple(given)
        self.register_buffer("given", torch.tensor([float(given[term]) for term in self.terms]), persistent=False)
        self.free = nn.Parameter(torch.zeros(len(self.terms)))

    @classmethod
    def of(cls, settings: Loss) -> Self | None:
        """The weights that the settings want learnt; None where they are fixed.

        Examples
        --------
        >>> LossWeights.of(Loss(learn_weights=True)).terms
        ('dice', 'cross_entropy')
        >>> LossWeights.of(Loss()) is None
        True
        """
        return cls(settings.weights) if settings.learn_weights else None

    def forward(self, terms: Mapping[str, Tensor]) -> Tensor:
        """One loss of the terms, each a scalar that is not negative."""
        losses, s = torch.stack([terms[term] for term in self.terms]), self._s()
        return (self.given * (torch.exp(-s) * losses + torch.where(losses > 0, s, 0.0))).sum()

    def now(self) -> dict[str, float]:
        """The weight of each term, as learnt so far."""
        weights = self.given * torch.exp(-self._s().detach())
        return dict(zip(self.terms, weights.tolist(), strict=True))

    def _s(self) -> Tensor:
        return LIMIT * torch.tanh(self.free / LIMIT)
