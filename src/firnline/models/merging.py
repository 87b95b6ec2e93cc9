"""Probabilities after the network: the merging of several models, and calibration."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from firnline.classes import LabelScheme
from firnline.evaluation.temperature import apply_temperatures
from firnline.models.architectures import Architecture, TwoBinarySettings
from firnline.models.normaliser import Floats

Merge = Callable[[Sequence[Floats]], Floats]
"""From the members' probabilities, each (class, row, column), to those of the whole."""


def merging_of(architecture: Architecture) -> Merge:
    """How the members of a composite model are merged."""
    return two_binary if isinstance(architecture, TwoBinarySettings) else mean


def member_schemes(architecture: Architecture, scheme: LabelScheme, count: int) -> tuple[LabelScheme, ...]:
    """The schemes that the members of a composite model of a scheme must have, in their order; none where none fit.

    Examples
    --------
    >>> [str(each) for each in member_schemes(TwoBinarySettings(), LabelScheme.CLASS, 2)]
    ['clean', 'debris']
    """
    if not isinstance(architecture, TwoBinarySettings):
        return (scheme,) * count
    return (LabelScheme.CLEAN, LabelScheme.DEBRIS) if scheme == LabelScheme.CLASS else ()


def mean(members: Sequence[Floats]) -> Floats:
    """The mean over the members.

    Examples
    --------
    >>> mean([np.array([[[0.5]], [[0.5]]], np.float32), np.array([[[1.0]], [[0.0]]], np.float32)]).ravel().tolist()
    [0.75, 0.25]
    """
    return np.mean(np.stack(members), axis=0, dtype=np.float32)  # type: ignore[no-any-return]


def two_binary(members: Sequence[Floats]) -> Floats:
    """Background, clean ice and debris from a model of clean ice and one of debris, each against the rest.

    The two are taken as independent, given that a pixel is not both: p(clean) is in proportion to c (1 - d),
    p(debris) to d (1 - c), p(background) to (1 - c) (1 - d).

    Examples
    --------
    >>> clean, debris = np.array([0.2, 0.8]).reshape(2, 1, 1), np.array([0.5, 0.5]).reshape(2, 1, 1)
    >>> two_binary([clean.astype(np.float32), debris.astype(np.float32)]).ravel().astype(float).round(4).tolist()
    [0.1667, 0.6667, 0.1667]
    """
    clean, debris = (np.clip(member[1], 1e-6, 1 - 1e-6) for member in members)
    parts = np.stack([(1 - clean) * (1 - debris), clean * (1 - debris), debris * (1 - clean)])
    return np.asarray(parts / parts.sum(axis=0), np.float32)


def calibrated(probabilities: Floats, temperatures: Sequence[float] | None) -> Floats:
    """Probabilities (class, row, column) as a bundle's temperatures correct them (`apply_temperatures`).

    Without temperatures, or where all of them are 1, they stay as they are, to the bit.

    Examples
    --------
    >>> p = np.array([0.8, 0.2], np.float32).reshape(2, 1, 1)
    >>> calibrated(p, (2.0, 2.0)).ravel().astype(float).round(4).tolist()
    [0.6667, 0.3333]
    """
    if temperatures is None or all(each == 1 for each in temperatures):
        return probabilities
    return apply_temperatures(probabilities, temperatures)
