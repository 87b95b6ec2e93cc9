"""Settings of the classifiers of pixels and of segments; nothing heavy is imported to read them."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

LocalFeature = Literal["mean", "deviation", "gradient"]
Radius = Annotated[int, Field(ge=1, le=64)]


class _Settings(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    @property
    def multiple(self) -> int:
        """Sides of a window must be multiples of this: any size will do."""
        return 1


class Context(BaseModel):
    """What a classifier is told of the surroundings of a pixel, for each band; nothing by default.

    Examples
    --------
    >>> Context(features=("mean", "deviation"), radii=(2, 8)).reach
    8
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    features: tuple[LocalFeature, ...] = ()
    """Mean and deviation over a square, and how steep the plane is that fits it best (gradient magnitude)."""
    radii: Annotated[tuple[Radius, ...], Field(min_length=1, max_length=8)] = (2,)
    """Pixels from the middle to the rim of the square; each of the features is computed at each radius."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        for name in ("features", "radii"):
            values = getattr(self, name)
            if len(set(values)) != len(values):
                raise ValueError(f"{name}: each only once")
        return self

    @property
    def reach(self) -> int:
        """How many pixels around it a pixel's features depend on."""
        return max(self.radii) if self.features else 0


class ForestSettings(_Settings):
    """A random forest (Breiman 2001), as scikit-learn grows it."""

    name: Literal["forest"] = "forest"
    context: Context = Context()
    trees: Annotated[int, Field(ge=1, le=1000)] = 100
    depth: Annotated[int, Field(ge=1, le=64)] | None = None
    """The most decisions on the way to a leaf; as many as it takes without it."""
    leaf: Annotated[int, Field(ge=1)] = 10
    """The fewest training pixels in a leaf."""


class BoostingSettings(_Settings):
    """Gradient-boosted trees (Friedman 2001), as LightGBM grows them."""

    name: Literal["boosting"] = "boosting"
    context: Context = Context()
    rounds: Annotated[int, Field(ge=1, le=2000)] = 200
    """Trees of each class."""
    leaves: Annotated[int, Field(ge=2, le=1024)] = 31
    leaf: Annotated[int, Field(ge=1)] = 20
    """The fewest training pixels in a leaf."""
    rate: Annotated[float, Field(gt=0, le=1)] = 0.1
    """How much of each tree's correction is taken."""


class PerceptronSettings(_Settings):
    """A multi-layer perceptron with ReLU, trained with Adam by scikit-learn."""

    name: Literal["perceptron"] = "perceptron"
    context: Context = Context()
    layers: Annotated[tuple[Annotated[int, Field(ge=1, le=4096)], ...], Field(min_length=1, max_length=16)] = (64, 32)
    """Units of each hidden layer."""
    rounds: Annotated[int, Field(ge=1, le=1000)] = 40
    """Passes over the training pixels, at most; it stops earlier where a tenth of them, held out, gain no more."""
    rate: Annotated[float, Field(gt=0, le=1)] = 1e-3
    """Adam's learning rate."""
    decay: Annotated[float, Field(ge=0)] = 1e-4
    """Factor of the squared weights in the loss."""


class SegmentsSettings(_Settings):
    """Segments of similar pixels, classified as wholes: object-based classification.

    Segments are made by SLIC (Achanta et al. 2012) from the normalised bands.
    """

    name: Literal["segments"] = "segments"
    side: Annotated[int, Field(ge=2, le=64)] = 5
    """Side of a square as large as a segment is on average, pixels."""
    compactness: Annotated[float, Field(gt=0, le=100, allow_inf_nan=False)] = 1.0
    """How much nearness weighs against likeness: at 1, the side of a segment counts as much as one standard deviation
    of a band; low values give ragged segments that follow the bands."""
    classifier: Annotated[ForestSettings | BoostingSettings, Field(discriminator="name")] = BoostingSettings()


PixelSettings = ForestSettings | BoostingSettings | PerceptronSettings | SegmentsSettings
"""Settings of what is trained on drawn pixels, or segments, and not chip by chip."""
