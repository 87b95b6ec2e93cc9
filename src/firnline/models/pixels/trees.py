"""Decision trees as plain arrays: checked before they are walked, and walked by scikit-learn's compiled code.

Forests and boosted trees are both kept so. Neither library's own format would do: scikit-learn's is a pickle, and
LightGBM's text, where it is damaged, ends the whole process, loops for ever, or is believed to ask for features that
there are not (all seen with version 4.7).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Self

import numpy as np
from numpy.typing import NDArray

from firnline.models.normaliser import Floats

LEAF: Final = -1
_TYPES: Final = {
    "start": np.int64, "left": np.int32, "right": np.int32, "feature": np.int32, "threshold": np.float64,
    "value": np.float32,
}  # fmt: skip


@dataclass(frozen=True, eq=False)
class Trees:
    """Binary decision trees whose values at a sample are added up.

    A sample goes left where its feature is at most the threshold. A child has a higher number than its parent, so
    that every way ends.

    Parameters
    ----------
    start
        int64 (tree + 1): where the nodes of each tree begin in the arrays below; then their end.
    left, right
        int32 (node): the children, counted within the tree; -1 in leaves.
    feature, threshold
        int32 and float64 (node): what an inner node asks.
    value
        float32 (node, output): what a leaf gives.
    feature_count
        How many features a sample has.

    Raises
    ------
    ValueError
        When the arrays are not trees.

    Examples
    --------
    >>> children = {"left": np.array([1, -1, -1], np.int32), "right": np.array([2, -1, -1], np.int32)}
    >>> asks = {"feature": np.array([0, 0, 0], np.int32), "threshold": np.array([0.5, 0, 0])}
    >>> value = np.array([[0], [10], [20]], np.float32)
    >>> stump = Trees(start=np.array([0, 3]), **children, **asks, value=value, feature_count=1)
    >>> stump.total(np.array([[0.5], [0.6]], np.float32)).tolist()
    [[10.0], [20.0]]
    """

    start: NDArray[np.int64]
    left: NDArray[np.int32]
    right: NDArray[np.int32]
    feature: NDArray[np.int32]
    threshold: NDArray[np.float64]
    value: Floats
    feature_count: int
    _walkers: list[Any] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        _require_trees(self)
        object.__setattr__(self, "_walkers", [_walker(self, tree) for tree in range(self.count)])

    @classmethod
    def of_arrays(cls, arrays: Mapping[str, NDArray[Any]], feature_count: int) -> Self:
        """What `arrays` gave.

        Raises
        ------
        ValueError
            When an array is missing, of another type, or they are not trees.
        """
        for name, wanted in _TYPES.items():
            if name not in arrays or arrays[name].dtype != wanted:
                raise ValueError(f"has no {name} of type {np.dtype(wanted)}")
        parts: dict[str, Any] = {name: np.ascontiguousarray(arrays[name]) for name in _TYPES}
        return cls(**parts, feature_count=feature_count)

    @property
    def arrays(self) -> dict[str, NDArray[Any]]:
        """All that it is made of, by name."""
        return {name: getattr(self, name) for name in _TYPES}

    @property
    def count(self) -> int:
        """How many trees there are."""
        return len(self.start) - 1

    def total(self, samples: Floats) -> NDArray[np.float64]:
        """(sample, feature), float32 without NaN, to the sum over all trees (sample, output), in their order."""
        samples = np.ascontiguousarray(samples, np.float32)
        total = np.zeros((len(samples), self.value.shape[1]))
        for first, walker in zip(self.start, self._walkers, strict=False):
            total += self.value[first + walker.apply(samples)]
        return total


def _require_trees(trees: Trees) -> None:
    """Compiled code follows these numbers unseen, so each must lead to a node, a feature, a value."""
    start, nodes = trees.start, len(trees.left)
    shapes = {getattr(trees, name).shape for name in ("left", "right", "feature", "threshold")}
    if shapes != {(nodes,)} or trees.value.ndim != 2 or len(trees.value) != nodes or start.ndim != 1 or nodes == 0:
        raise ValueError("arrays of trees do not have one length")
    if len(start) < 2 or start[0] != 0 or start[-1] != nodes or (np.diff(start) < 1).any():
        raise ValueError("trees do not follow each other")
    size = np.diff(start)
    tree = np.repeat(np.arange(len(size)), size)
    number, size_here = np.arange(nodes) - start[tree], size[tree]
    is_leaf = trees.left == LEAF
    if (is_leaf != (trees.right == LEAF)).any():
        raise ValueError("a node has one child")
    for child in (trees.left, trees.right):
        if (~is_leaf & ((child <= number) | (child >= size_here))).any():
            raise ValueError("a node's child is not one of those after it")
    if (~is_leaf & ((trees.feature < 0) | (trees.feature >= trees.feature_count))).any():
        raise ValueError("a node asks for a feature that there is not")
    if not np.isfinite(trees.threshold).all() or not np.isfinite(trees.value).all():
        raise ValueError("a threshold or value is not a number")


def _walker(trees: Trees, tree: int) -> Any:
    """One tree as scikit-learn holds it: its fields are filled by name, since versions differ in which there are."""
    from sklearn.tree._tree import NODE_DTYPE, Tree

    part = slice(trees.start[tree], trees.start[tree + 1])
    count = int(trees.start[tree + 1] - trees.start[tree])
    nodes = np.zeros(count, NODE_DTYPE)
    nodes["left_child"], nodes["right_child"] = trees.left[part], trees.right[part]
    nodes["feature"], nodes["threshold"] = trees.feature[part], trees.threshold[part]
    nodes["n_node_samples"] = nodes["weighted_n_node_samples"] = 1
    walker = Tree(trees.feature_count, np.array([1], np.intp), 1)
    values = np.zeros((count, 1, 1))  # its own values are not asked for
    walker.__setstate__({"max_depth": count, "node_count": count, "nodes": nodes, "values": values})
    return walker


def joined(parts: list[dict[str, NDArray[Any]]], feature_count: int) -> Trees:
    """Trees from the arrays of each (all but ``start``).

    Examples
    --------
    >>> leaf = {"left": [-1], "right": [-1], "feature": [0], "threshold": [0.0], "value": [[2.0]]}
    >>> joined([leaf, leaf], 1).total(np.zeros((1, 1), np.float32)).tolist()
    [[4.0]]
    """
    start = np.concatenate([[0], np.cumsum([len(part["left"]) for part in parts])]).astype(np.int64)
    whole = {
        name: np.concatenate([np.asarray(part[name]) for part in parts]).astype(wanted)
        for name, wanted in _TYPES.items()
        if name != "start"
    }
    return Trees.of_arrays({"start": start, **whole}, feature_count)
