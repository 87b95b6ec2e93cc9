"""How sure a model is of a pixel: the entropy of its probabilities, and how far an ensemble's members differ."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from firnline.models.normaliser import Floats

ENTROPY: Final = "entropy"
DISAGREEMENT: Final = "disagreement"


def entropy(probabilities: Floats) -> Floats:
    """The entropy (Shannon 1948) of probabilities (class, ...), over its largest value: float32 from 0 to 1.

    0 where one class is certain, 1 where all are as likely as each other.

    Examples
    --------
    >>> entropy(np.array([[0.5, 1.0, 0.9], [0.5, 0.0, 0.1]], np.float32)).round(3).tolist()
    [1.0, 0.0, 0.4690000116825104]
    """
    p = np.maximum(probabilities, np.float32(1e-12))  # x log x goes to 0
    bits = -(p * np.log(p)).sum(axis=0) / np.float32(np.log(len(p)))
    return np.asarray(bits.clip(0, 1), np.float32)


def disagreement(members: Sequence[Floats]) -> Floats:
    """How far members' probabilities, each (class, ...), are from being the same: float32 from 0 to 1.

    The entropy of their mean less the mean of their entropies, both over the largest value: the generalised
    Jensen-Shannon divergence (Lin 1991). It is the part of the entropy that comes of not knowing which member is
    right, and not of all of them being unsure.

    Examples
    --------
    >>> sure, other, unsure = (np.array(p, np.float32)[:, None] for p in ((1, 0), (0, 1), (0.5, 0.5)))
    >>> disagreement([sure, other]).tolist(), disagreement([unsure, unsure]).tolist()
    ([1.0], [0.0])
    """
    mean = np.asarray(np.mean(np.stack(members), axis=0), np.float32)
    apart = entropy(mean) - np.mean([entropy(member) for member in members], axis=0, dtype=np.float32)
    return np.asarray(apart.clip(0, 1), np.float32)
