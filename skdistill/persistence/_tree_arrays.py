"""Trees as arrays: what every split and leaf must be, so that a row always finds its leaf."""

from __future__ import annotations

from typing import Any

import numpy as np

from skdistill.exceptions import PersistenceError
from skdistill.persistence._parts import Arrays
from skdistill.students._tree.nodes import Nodes
from skdistill.students._tree_sum import TreeSum

SPLITS = ("feature", "threshold", "left", "right", "missing_left")


def write_splits(trees: Nodes | TreeSum, arrays: dict[str, np.ndarray]) -> None:
    """Add the arrays of splits, and the values of leaves, to those of a file."""
    for name in (*SPLITS, "value"):
        arrays[f"trees.{name}"] = getattr(trees, name)


def read_nodes(arrays: Arrays, *, n_columns: int, n_values: int) -> Nodes:
    """Read a single tree, whose root is split 0.

    Parameters
    ----------
    arrays : Arrays
        Those of the file.
    n_columns : int
        Number of columns that splits compare.
    n_values : int
        Number of values of a leaf.

    Returns
    -------
    nodes : Nodes
    """
    value = arrays.floats("trees.value", [None, n_values])
    splits = _read_splits(arrays, n_columns, len(value))
    root = 0 if len(splits["feature"]) else ~0
    _check_shape(splits["left"], splits["right"], np.array([root], dtype=np.int32), len(value))
    return Nodes(value=value, **splits)


def read_tree_sum(arrays: Arrays, *, n_columns: int, n_scores: int) -> TreeSum:
    """Read a sum of trees, each of which adds to one score.

    Parameters
    ----------
    arrays : Arrays
        Those of the file.
    n_columns : int
        Number of columns that splits compare.
    n_scores : int
        Number of scores.

    Returns
    -------
    trees : TreeSum
    """
    value = arrays.floats("trees.value", [None])
    splits = _read_splits(arrays, n_columns, len(value))
    n_splits = len(splits["feature"])
    roots = arrays.integers("trees.roots", [None], low=-len(value), high=n_splits)
    output = arrays.integers("trees.output", [len(roots)], low=0, high=n_scores)
    _check_shape(splits["left"], splits["right"], roots, len(value))
    return TreeSum(value=value, roots=roots, output=output, **splits)


def _read_splits(arrays: Arrays, n_columns: int, n_leaves: int) -> dict[str, Any]:
    feature = arrays.integers("trees.feature", [None], low=0, high=n_columns)
    n_splits = len(feature)
    children = {
        side: arrays.integers(f"trees.{side}", [n_splits], low=-n_leaves, high=n_splits)
        for side in ("left", "right")
    }
    return {
        "feature": feature,
        # A split that parts missing values from all others has an infinite one.
        "threshold": arrays.floats("trees.threshold", [n_splits], infinite=True),
        "missing_left": arrays.booleans("trees.missing_left", [n_splits]),
        **children,
    }


def _check_shape(left: np.ndarray, right: np.ndarray, roots: np.ndarray, n_leaves: int) -> None:
    """Check that each split and leaf belongs to one tree, and that no way goes in a circle."""
    n_splits = len(left)
    named = np.concatenate([roots, left, right]).astype(np.int64)
    place = np.where(named < 0, n_splits + ~named, named)
    if (np.bincount(place, minlength=n_splits + n_leaves) != 1).any():
        raise PersistenceError("a split or leaf of the trees is the child of none, or of several")
    above = np.arange(n_splits)
    for side in (left, right):
        inner = np.flatnonzero(side >= 0)
        above[side[inner]] = inner
    # Each time this doubles the steps towards the root, which stays where it is.
    for _ in range(n_splits.bit_length()):
        above = above[above]
    if not np.isin(above, roots).all():
        raise PersistenceError("splits of the trees form a circle")
