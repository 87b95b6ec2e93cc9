"""Training of a classifier from samples, by scikit-learn and LightGBM, which are imported only here."""

from __future__ import annotations

import warnings
from importlib.metadata import version
from typing import Any

import numpy as np
from numpy.typing import NDArray

from firnline.errors import ConfigError
from firnline.models.normaliser import Floats
from firnline.models.pixels.classifier import Kind, RasterClassifier, kind_of, link_of
from firnline.models.pixels.decider import Decider
from firnline.models.pixels.dense import Dense
from firnline.models.pixels.settings import BoostingSettings, ForestSettings, PerceptronSettings, PixelSettings
from firnline.models.pixels.trees import LEAF, Trees, joined

Labels = NDArray[np.uint8]
_LEAST_HELD_OUT = 20
"""Samples of each class from which on a perceptron can spare a tenth of them to know when to stop."""


def fit_classifier(
    settings: PixelSettings,
    features: Floats,
    labels: Labels,
    classes: int,
    *,
    weights: Floats | None = None,
    seed: int = 0,
    threads: int = 1,
) -> RasterClassifier:
    """Train a classifier.

    Parameters
    ----------
    settings
        What is trained; of segments, the features are those of segments.
    features
        float32 (sample, feature), without NaN.
    labels
        uint8 (sample): class values from 0 to `classes` - 1. One that does not occur has probability 0 ever after.
    classes
        How many classes there are.
    weights
        float32 (sample): how much each counts; all the same without them.
    seed
        Of all that is random.
    threads
        How many are used. The result is the same for any number of them, but for the last digits of a perceptron.

    Raises
    ------
    ConfigError
        When all samples are of one class.

    Examples
    --------
    >>> features = np.linspace(0, 1, 200, dtype=np.float32)[:, None]
    >>> labels = np.where(features[:, 0] > 0.5, np.uint8(2), np.uint8(0))
    >>> classifier = fit_classifier(ForestSettings(trees=5), features, labels, 3)
    >>> classifier.probabilities(np.array([[[0.1, 0.9]]], np.float32)).round(2)[:, 0].tolist()
    [[1.0, 0.0], [0.0, 0.0], [0.0, 1.0]]
    """
    seen, numbers = np.unique(labels, return_inverse=True)
    if len(seen) < 2:
        raise ConfigError(
            "all pixels to train on are of one class, and there is nothing to tell apart",
            do="add scenes that hold another class",
        )
    kind = kind_of(settings)
    model, importance = _fit(kind, features, numbers.astype(np.int64), weights, seed, threads)
    decider = Decider(model, link_of(kind), tuple(map(int, seen)), classes, importance)
    return RasterClassifier(settings, decider)


def fitter(kind: Kind) -> str:
    """The library that fits it, with its version: another one may give other trees.

    Examples
    --------
    >>> fitter(ForestSettings()).split()[0]
    'scikit-learn'
    """
    library = "lightgbm" if isinstance(kind, BoostingSettings) else "scikit-learn"
    return f"{library} {version(library)}"


def _fit(
    kind: Kind, features: Floats, numbers: NDArray[np.int64], weights: Floats | None, seed: int, threads: int
) -> tuple[Trees | Dense, NDArray[np.float64] | None]:
    match kind:
        case ForestSettings():
            return _forest(kind, features, numbers, weights, seed, threads)
        case BoostingSettings():
            return _boosting(kind, features, numbers, weights, seed, threads)
        case PerceptronSettings():
            return _perceptron(kind, features, numbers, weights, seed, threads), None


def _forest(
    settings: ForestSettings,
    features: Floats,
    numbers: NDArray[np.int64],
    weights: Floats | None,
    seed: int,
    threads: int,
) -> tuple[Trees, NDArray[np.float64]]:
    from sklearn.ensemble import RandomForestClassifier

    forest = RandomForestClassifier(
        settings.trees,
        max_depth=settings.depth,
        min_samples_leaf=settings.leaf,
        n_jobs=threads,
        random_state=seed,
    )
    forest.fit(features, numbers, weights)
    parts = []
    for tree in (each.tree_ for each in forest.estimators_):
        counts = tree.value[:, 0]
        is_leaf = tree.children_left == LEAF
        parts.append(
            {
                "left": tree.children_left,
                "right": tree.children_right,
                "feature": np.where(is_leaf, 0, tree.feature),
                "threshold": np.where(is_leaf, 0.0, tree.threshold),
                "value": counts / counts.sum(axis=1, keepdims=True),
            }
        )
    return joined(parts, features.shape[1]), np.asarray(forest.feature_importances_, np.float64)


def _boosting(
    settings: BoostingSettings,
    features: Floats,
    numbers: NDArray[np.int64],
    weights: Floats | None,
    seed: int,
    threads: int,
) -> tuple[Trees, NDArray[np.float64]]:
    import lightgbm

    classes = int(numbers.max()) + 1
    objective = {"objective": "binary"} if classes == 2 else {"objective": "multiclass", "num_class": classes}
    booster = lightgbm.train(
        {
            **objective,
            "num_leaves": settings.leaves,
            "min_data_in_leaf": settings.leaf,
            "learning_rate": settings.rate,
            "seed": seed,
            "num_threads": threads,
            "deterministic": True,
            "force_row_wise": True,  # or it chooses by the time that each way takes
            "verbose": -1,
        },
        lightgbm.Dataset(features, numbers, weight=weights),
        settings.rounds,
    )
    gain = np.asarray(booster.feature_importance("gain"), np.float64)
    return boosted_trees(booster.model_to_string(), classes, features.shape[1]), gain / max(gain.sum(), 1e-300)


def boosted_trees(text: str, classes: int, feature_count: int) -> Trees:
    """Trees from the text that LightGBM has just written (its documented model format).

    Of two classes it learns the log odds of the second; of more, each tree in turn is for one of them.
    """
    parts: list[dict[str, NDArray[Any]]] = []
    for tree in text.split("\nend of trees")[0].split("\nTree=")[1:]:
        said = dict(line.split("=", 1) for line in tree.splitlines() if "=" in line)
        place = 1 if classes == 2 else len(parts) % classes
        parts.append(_boosted_tree(said, place, classes))
    return joined(parts, feature_count)


def _boosted_tree(said: dict[str, str], place: int, classes: int) -> dict[str, NDArray[Any]]:
    """One tree: its inner nodes come first, in the order in which they were split, and then its leaves."""
    leaves = int(said["num_leaves"])

    def numbers(name: str, count: int, dtype: type) -> NDArray[Any]:
        return np.array(said[name].split() if count else [], dtype)

    inner = leaves - 1
    # 2 is where NaN would go; any other bit is a decision other than "at most the threshold".
    assert not (numbers("decision_type", inner, np.int64) & ~2).any(), "training values hold no NaN and no categories"
    children = [numbers(name, inner, np.int64) for name in ("left_child", "right_child")]
    left, right = (np.where(child < 0, inner + ~child, child) for child in children)
    value = np.zeros((inner + leaves, classes))
    value[inner:, place] = numbers("leaf_value", leaves, np.float64)
    ends = np.full(leaves, LEAF)
    return {
        "left": np.concatenate([left, ends]),
        "right": np.concatenate([right, ends]),
        "feature": np.concatenate([numbers("split_feature", inner, np.int64), np.zeros(leaves, np.int64)]),
        "threshold": np.concatenate([numbers("threshold", inner, np.float64), np.zeros(leaves)]),
        "value": value,
    }


def _perceptron(
    settings: PerceptronSettings,
    features: Floats,
    numbers: NDArray[np.int64],
    weights: Floats | None,
    seed: int,
    threads: int,
) -> Dense:
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.neural_network import MLPClassifier
    from threadpoolctl import threadpool_limits

    network = MLPClassifier(
        settings.layers,
        alpha=settings.decay,
        learning_rate_init=settings.rate,
        max_iter=settings.rounds,
        early_stopping=int(np.bincount(numbers).min()) >= _LEAST_HELD_OUT,
        random_state=seed,
    )
    with threadpool_limits(threads), warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # `rounds` is the end that was asked for
        network.fit(features, numbers, weights)
    layers = [np.asarray(weight, np.float32) for weight in network.coefs_]
    biases = [np.asarray(bias, np.float32) for bias in network.intercepts_]
    if layers[-1].shape[1] == 1:  # of two classes it learns the log odds of the second
        layers[-1] = np.concatenate([np.zeros_like(layers[-1]), layers[-1]], axis=1)
        biases[-1] = np.concatenate([np.zeros_like(biases[-1]), biases[-1]])
    return Dense(tuple(layers), tuple(biases))
