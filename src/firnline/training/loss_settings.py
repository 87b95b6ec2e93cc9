"""What a configuration may say of the loss."""

from __future__ import annotations

from typing import Annotated, Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

Weight = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]

AREA_TERMS: Final = ("dice", "tversky", "focal", "cross_entropy")
"""The terms that tell of every pixel what it is."""
TERMS: Final = (*AREA_TERMS, "boundary", "glacier", "distance")
"""The terms of a batch's loss; `l1` is of the network alone."""


class Loss(BaseModel):
    """Weights of the loss terms, 0 for none, and the settings of some.

    Examples
    --------
    >>> Loss(boundary=0.5).weights
    {'dice': 1.0, 'cross_entropy': 1.0, 'boundary': 0.5}
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    dice: Weight = 1.0
    dice_form: Literal["soft", "paper", "generalised"] = "soft"
    """``soft``: the usual one; ``paper``: the authors' code; ``generalised``: Sudre et al. 2017."""
    tversky: Weight = 0.0
    tversky_alpha: Positive = 0.3
    """What a false positive counts."""
    tversky_beta: Positive = 0.7
    """What a false negative counts."""
    focal: Weight = 0.0
    focal_gamma: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 2.0
    """How much less a pixel counts that is right already; 0 is cross-entropy."""
    cross_entropy: Weight = 1.0
    boundary: Weight = 0.0
    glacier: Weight = 0.0
    """Of the glacier head; the network must have one."""
    distance: Weight = 0.0
    """Of the distance head; the network must have one."""
    distance_reach: Annotated[int, Field(gt=0, le=256)] = 16
    """In pixels; what is farther from a boundary counts as this far."""
    learn_weights: bool = False
    """Learn how the terms weigh against each other, from the weights given here."""
    l1: Weight = 0.0
    """Factor of the sum of all absolute weights of the network."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        if not any(getattr(self, term) for term in AREA_TERMS):
            raise ValueError("dice, tversky, focal and cross_entropy are all 0: one of them must tell the classes")
        return self

    @property
    def weights(self) -> dict[str, float]:
        """The weight of each term of a batch's loss that has one."""
        return {term: getattr(self, term) for term in TERMS if getattr(self, term)}
