"""A fitted binary tree as a few small arrays."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from skdistill.students._routing import Routed


@dataclass(frozen=True)
class Nodes(Routed):
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

    def starts(self) -> list[int]:
        """List the root, the only one, or the leaf of a tree without splits."""
        return [0 if len(self.feature) else ~0]

    def apply(self, Z: np.ndarray) -> np.ndarray:
        """Find the leaf of each row.

        Parameters
        ----------
        Z : ndarray of shape (n_samples, n_columns), dtype float64
            Encoded rows; NaN is missing.

        Returns
        -------
        leaf : ndarray of shape (n_samples,), dtype int32
        """
        return self.route(Z)[:, 0]

    def depth(self) -> int:
        """Count the splits on the longest way from the root to a leaf."""
        level, depth = np.zeros(min(1, len(self.feature)), dtype=np.int32), 0
        while len(level):
            depth += 1
            children = np.concatenate([self.left[level], self.right[level]])
            level = children[children >= 0]
        return depth
