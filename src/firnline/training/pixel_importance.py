"""Which bands a pixel classifier goes by: what its splits took away, and what is lost when a band is shuffled."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from firnline.evaluation.confusion import confusion
from firnline.evaluation.scores import scores
from firnline.models.normaliser import Floats
from firnline.models.pixels.classifier import RasterClassifier
from firnline.models.pixels.decider import Decider
from firnline.models.pixels.units import unit_feature_names
from firnline.training.pixel_drawing import Samples


@dataclass(frozen=True)
class FeatureImportance:
    """One feature: its name, the band that it is of, and its share of what all splits took away."""

    name: str
    band: str
    impurity: float | None


@dataclass(frozen=True)
class BandImportance:
    """One band, with all features made of it.

    Parameters
    ----------
    band
        Its name.
    impurity
        The share of its features in what all splits took away (of Gini impurity in a forest, of the loss in boosted
        trees), on the training samples; None for a perceptron, which has no splits. It favours bands with many
        different values (Strobl et al. 2007).
    drop
        How much IoU is lost on held-out samples when all its features are shuffled together among them (Breiman
        2001), the mean over the repeats. Two bands that say the same both have a low one.
    deviation
        Of the drop, over the repeats.
    """

    band: str
    impurity: float | None
    drop: float
    deviation: float


@dataclass(frozen=True)
class Importances:
    """What a classifier goes by.

    Parameters
    ----------
    iou
        On the held-out samples, the mean over the classes but the first that occur among them.
    features
        In the order in which the classifier takes them.
    bands
        The most important first, by impurity where there is one, else by the drop.
    """

    iou: float
    features: tuple[FeatureImportance, ...]
    bands: tuple[BandImportance, ...]

    def above(self, share: float = 0.05) -> tuple[str, ...]:
        """The bands with more than a share of the importance, the most important first.

        The share is of impurity, as in the paper's choice of bands; for a perceptron of all drops above 0.
        """
        drops = sum(max(band.drop, 0.0) for band in self.bands) or 1.0
        return tuple(
            band.band
            for band in self.bands
            if (max(band.drop, 0.0) / drops if band.impurity is None else band.impurity) > share
        )


def importances(
    classifier: RasterClassifier, bands: Sequence[str], held_out: Samples, *, repeats: int = 5, seed: int = 0
) -> Importances:
    """Importance of each feature and band.

    Parameters
    ----------
    classifier, bands
        What was trained, and the bands that it takes, in its order.
    held_out
        Samples drawn as they occur (`draw_held_out`), on which nothing was trained: IoU depends on how frequent
        classes are.
    repeats, seed
        How often each band is shuffled, and by which chance.
    """
    names = unit_feature_names(bands, classifier.settings)
    decider = classifier.decider
    whole = _iou(decider, held_out.features, held_out.labels)
    found = []
    for number, band in enumerate(bands):
        of_band = np.array([other == band for _, other in names])
        drops = []
        for repeat in range(repeats):
            random = np.random.default_rng([seed, number, repeat])
            drops.append(whole - _iou(decider, _shuffled(held_out.features, of_band, random), held_out.labels))
        share = None if decider.importance is None else float(decider.importance[of_band].sum())
        found.append(BandImportance(band, share, float(np.mean(drops)), float(np.std(drops))))
    found.sort(key=lambda each: each.drop if each.impurity is None else each.impurity, reverse=True)
    return Importances(whole, _features(decider, names), tuple(found))


def _features(decider: Decider, names: Sequence[tuple[str, str]]) -> tuple[FeatureImportance, ...]:
    if decider.importance is None:
        return tuple(FeatureImportance(name, band, None) for name, band in names)
    shares = decider.importance.tolist()
    return tuple(FeatureImportance(name, band, share) for (name, band), share in zip(names, shares, strict=True))


def _shuffled(features: Floats, columns: NDArray[np.bool_], random: np.random.Generator) -> Floats:
    """Some features dealt out again among the samples, in one way for all of them."""
    shuffled = features.copy()
    shuffled[:, columns] = features[random.permutation(len(features))][:, columns]
    return shuffled


def _iou(decider: Decider, features: Floats, labels: NDArray[np.uint8]) -> float:
    mapped = decider.probabilities(features).argmax(axis=1).astype(np.uint8)
    counts = confusion(labels, mapped, decider.class_count)
    occurring = [value for value in range(1, decider.class_count) if (labels == value).any()]
    found = [scores(counts, value).iou or 0.0 for value in occurring]
    return float(np.mean(found)) if found else 0.0
