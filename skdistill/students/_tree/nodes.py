"""A fitted binary tree as a few small arrays, and the routing of rows through it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

# What float32 cannot hold is its largest value here.
_FLOAT32_MAX = float(np.finfo(np.float32).max)


@dataclass(frozen=True)
class Nodes:
    """Split nodes and leaf values of one tree.

    A child that is not negative is the index of a split node; a negative child ``c`` is the leaf
    ``~c``. The root is split node 0; a tree without splits is the leaf 0.

    Attributes
    ----------
    feature : ndarray of shape (n_splits,), dtype int32
        Column compared in each split.
    threshold : ndarray of shape (n_splits,), dtype float64
        Values at most this go left.
    left, right : ndarray of shape (n_splits,), dtype int32
        Children.
    missing_left : ndarray of shape (n_splits,), dtype bool
        Whether missing values go left.
    value : ndarray of shape (n_leaves, n_outputs), dtype float64
        What each leaf predicts.
    """

    feature: np.ndarray
    threshold: np.ndarray
    left: np.ndarray
    right: np.ndarray
    missing_left: np.ndarray
    value: np.ndarray

    def apply(self, Z: np.ndarray) -> np.ndarray:
        """Find the leaf of each row, all rows one level down at a time.

        Parameters
        ----------
        Z : ndarray of shape (n_samples, n_columns)
            Encoded rows; NaN is missing.

        Returns
        -------
        leaf : ndarray of shape (n_samples,), dtype int32
        """
        place = np.full(len(Z), 0 if len(self.feature) else ~0, dtype=np.int32)
        rows = np.arange(len(Z)) if len(self.feature) else np.arange(0)
        while len(rows):
            node = place[rows]
            x = Z[rows, self.feature[node]]
            goes_left = np.where(np.isnan(x), self.missing_left[node], x <= self.threshold[node])
            child = np.where(goes_left, self.left[node], self.right[node])
            place[rows] = child
            rows = rows[child >= 0]
        return ~place

    def depth(self) -> int:
        """Count the splits on the longest way from the root to a leaf."""
        level, depth = np.zeros(min(1, len(self.feature)), dtype=np.int32), 0
        while len(level):
            depth += 1
            children = np.concatenate([self.left[level], self.right[level]])
            level = children[children >= 0]
        return depth


def to_float32(values: np.ndarray) -> np.ndarray:
    """Cast to float32; what is too large becomes the largest finite value, NaN stays."""
    return np.clip(values, -_FLOAT32_MAX, _FLOAT32_MAX).astype(np.float32)
