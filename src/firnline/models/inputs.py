"""What a model takes: which bands, which of them may be absent, and how a scene's values become channels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from firnline.bands import BANDS, Kind
from firnline.chips.statistics import known_pixels
from firnline.models.normaliser import Floats, Normaliser


@dataclass(frozen=True)
class Layout:
    """The bands of a model in their order, and which of them it can do without.

    A network's channels are the bands, and then a plane for each optional band: 1 where it is known, 0 where it is
    not. A band that is absent is 0 in both.

    Examples
    --------
    >>> layout = Layout(("green", "swir16", "slope"), ("slope",))
    >>> layout.channels, layout.required
    (4, ('green', 'swir16'))
    >>> layout.channels_of(Kind.TERRAIN), layout.kinds
    ((2, 3), (<Kind.OPTICAL: 'optical'>, <Kind.TERRAIN: 'terrain'>))
    """

    bands: tuple[str, ...]
    optional: tuple[str, ...] = ()

    @property
    def channels(self) -> int:
        """How many channels a network takes."""
        return len(self.bands) + len(self.optional)

    @property
    def required(self) -> tuple[str, ...]:
        """The bands that every scene must have."""
        return tuple(name for name in self.bands if name not in self.optional)

    @property
    def kinds(self) -> tuple[Kind, ...]:
        """The kinds of input, in the order of their first bands; indices count as optical."""
        return tuple(dict.fromkeys(kind_of(name) for name in self.bands))

    def channels_of(self, kind: Kind) -> tuple[int, ...]:
        """The channels of one kind: those of its bands, then those that tell whether its optional bands are known."""
        values = [i for i, name in enumerate(self.bands) if kind_of(name) == kind]
        first = len(self.bands)
        return (*values, *(first + i for i, name in enumerate(self.optional) if kind_of(name) == kind))

    @property
    def optional_groups(self) -> tuple[tuple[str, ...], ...]:
        """The optional bands of each kind: what a scene lacks, it mostly lacks together."""
        groups = (tuple(name for name in self.optional if kind_of(name) == kind) for kind in self.kinds)
        return tuple(group for group in groups if group)

    def is_optional(self, kind: Kind) -> bool:
        """Whether all bands of a kind are optional."""
        return all(name in self.optional for name in self.bands if kind_of(name) == kind)


def kind_of(name: str) -> Kind:
    """What a band measures, as far as a model's inputs go together: an index is optical.

    Examples
    --------
    >>> kind_of("ndsi"), kind_of("slope")
    (<Kind.OPTICAL: 'optical'>, <Kind.TERRAIN: 'terrain'>)
    """
    kind = BANDS[name].kind if name in BANDS else Kind.OTHER
    return Kind.OPTICAL if kind == Kind.INDEX else kind


@dataclass(frozen=True)
class Inputs:
    """How the bands of one scene become channels.

    Parameters
    ----------
    layout
        The model's bands.
    normaliser
        Of the layout's bands in their order, at the levels that they have in this scene.
    absent
        Optional bands that the scene does not have, or not so that the model could use them.

    Examples
    --------
    >>> inputs = Inputs(Layout(("red", "slope"), ("slope",)), Normaliser(("red", "slope"), (0.5, 0.0), (0.25, 1.0)))
    >>> channels, known = inputs.apply(np.array([[[1.0, np.nan]], [[np.nan, 0.5]]], np.float32))
    >>> channels.tolist(), known.tolist()
    ([[[2.0, 0.0]], [[0.0, 0.5]], [[0.0, 1.0]]], [[True, False]])
    """

    layout: Layout
    normaliser: Normaliser
    absent: tuple[str, ...] = ()

    @property
    def present(self) -> tuple[str, ...]:
        """The bands that are read of the scene, in the layout's order."""
        return tuple(name for name in self.layout.bands if name not in self.absent)

    def apply(self, raw: Floats) -> tuple[Floats, NDArray[np.bool_]]:
        """Normalise (band, row, column) values in their own units, NaN where unknown.

        Returns
        -------
        The channels, float32 without NaN, and which pixels (row, column) are known: those whose required measured
        bands are all known (`known_pixels`).
        """
        bands, optional = self.layout.bands, self.layout.optional
        if self.absent:
            raw = raw.copy()
            raw[[bands.index(name) for name in self.absent]] = np.nan
        values = self.normaliser.apply(raw)
        if not optional:
            return values, known_pixels(raw, bands)
        required = [i for i, name in enumerate(bands) if name not in optional]
        known = known_pixels(raw[required], self.layout.required)
        told = np.isfinite(raw[[bands.index(name) for name in optional]])
        return np.concatenate([values, told.astype(np.float32)]), known


def spread(raw: Floats, names: Sequence[str], layout: Layout) -> Floats:
    """Put bands (band, row, column), named `names`, in a layout's order; what is absent is NaN.

    Examples
    --------
    >>> spread(np.ones((1, 1, 1), np.float32), ["red"], Layout(("red", "slope"), ("slope",))).ravel().tolist()
    [1.0, nan]
    """
    if tuple(names) == layout.bands:
        return raw
    whole = np.full((len(layout.bands), *raw.shape[1:]), np.nan, np.float32)
    for band, name in zip(raw, names, strict=True):
        whole[layout.bands.index(name)] = band
    return whole
