"""A fitted sum of small trees as a few arrays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from skdistill._ensembles import LEAF, Forest
from skdistill.students._float32 import in_double
from skdistill.students._routing import ROWS_AT_A_TIME, Routed


@dataclass(frozen=True)
class TreeSum(Routed):
    """Split nodes and leaf values of several trees.

    A child that is not negative is the index of a split node; a negative child ``c`` is the leaf
    ``~c``. Leaves are numbered over all trees.

    Attributes
    ----------
    feature : ndarray of shape (n_splits,), dtype int32
        Column compared in each split.
    threshold : ndarray of shape (n_splits,), dtype float64
        Values at most this go left, compared in double precision; may be infinite.
    left, right : ndarray of shape (n_splits,), dtype int32
        Children.
    missing_left : ndarray of shape (n_splits,), dtype bool
        Whether missing values go left.
    roots : ndarray of shape (n_trees,), dtype int32
        First split node of each tree; ``~c`` of a tree without splits, which is the leaf ``c``.
    output : ndarray of shape (n_trees,), dtype int32
        Score that each tree adds to.
    value : ndarray of shape (n_leaves,), dtype float64
        What each leaf adds.
    """

    feature: np.ndarray
    threshold: np.ndarray
    left: np.ndarray
    right: np.ndarray
    missing_left: np.ndarray
    roots: np.ndarray
    output: np.ndarray
    value: np.ndarray

    def starts(self) -> list[int]:
        """List the first node of each tree, or its leaf."""
        return self._starts

    def apply(self, Z: np.ndarray) -> np.ndarray:
        """Find the leaf of each row in each tree.

        Parameters
        ----------
        Z : ndarray of shape (n_samples, n_columns), dtype float64
            Rows; NaN is missing.

        Returns
        -------
        leaf : ndarray of shape (n_samples, n_trees), dtype int32
        """
        return self.route(Z)

    def scores(self, Z: np.ndarray, init: np.ndarray) -> np.ndarray:
        """Add the trees up.

        Parameters
        ----------
        Z : ndarray of shape (n_samples, n_columns), dtype float64
            Rows.
        init : ndarray of shape (n_scores,)
            What they are added to.

        Returns
        -------
        scores : ndarray of shape (n_samples, n_scores), dtype float64
        """
        if len(Z) == 1:
            return np.array([self._scores_of_row(Z[0].tolist(), init.tolist())])
        scores = np.repeat(init[None, :], len(Z), axis=0)
        for start in range(0, len(Z), ROWS_AT_A_TIME):
            rows = slice(start, start + ROWS_AT_A_TIME)
            leaves = self.route(Z[rows])
            for t, k in enumerate(self._outputs):
                scores[rows, k] += self.value.take(leaves[:, t])
        return scores

    def _scores_of_row(self, row: list[float], scores: list[float]) -> list[float]:
        values = self._values
        for k, leaf in zip(self._outputs, self.leaves_of_row(row), strict=True):
            scores[k] += values[leaf]
        return scores

    @cached_property
    def _starts(self) -> list[int]:
        return self.roots.tolist()

    @cached_property
    def _outputs(self) -> list[int]:
        return self.output.tolist()

    @cached_property
    def _values(self) -> list[float]:
        return self.value.tolist()

    def with_values(self, value: np.ndarray) -> TreeSum:
        """Return the same trees with other values."""
        return replace(self, value=value)


def no_trees() -> TreeSum:
    """Return the sum of no trees."""
    ints, none = np.zeros(0, dtype=np.int32), np.zeros(0)
    return TreeSum(ints, none, ints, ints, none.astype(bool), ints, ints, none)


def from_forest(forest: Forest) -> TreeSum:
    """Take the trees of a model that compare numbers, one value a leaf.

    Parameters
    ----------
    forest : Forest
        Without sets of levels. What it adds its trees to is left out.

    Returns
    -------
    trees : TreeSum
        Leaves in the order of the forest's nodes.
    """
    leaf = forest.feature == LEAF
    place = np.where(leaf, ~(np.cumsum(leaf) - 1), np.cumsum(~leaf) - 1).astype(np.int32)
    threshold = forest.threshold[~leaf]
    return TreeSum(
        feature=forest.feature[~leaf],
        threshold=in_double(threshold) if forest.single else threshold,
        left=place[forest.left[~leaf]],
        right=place[forest.right[~leaf]],
        missing_left=forest.missing_left[~leaf],
        roots=place[forest.roots],
        output=forest.output,
        value=forest.value[leaf, 0],
    )


def join_trees(trees: Sequence[TreeSum]) -> TreeSum:
    """Put single trees, each a sum of one, into one table.

    Parameters
    ----------
    trees : sequence of TreeSum
        Of one tree each.

    Returns
    -------
    joined : TreeSum
    """
    if not trees:
        return no_trees()
    splits = np.cumsum([0, *(len(tree.feature) for tree in trees)])
    leaves = np.cumsum([0, *(len(tree.value) for tree in trees)])

    def children(side: str) -> np.ndarray:
        parts = []
        for tree, s, v in zip(trees, splits[:-1], leaves[:-1], strict=True):
            child = getattr(tree, side)
            parts.append(np.where(child < 0, child - v, child + s))
        return np.concatenate(parts).astype(np.int32)

    def together(name: str) -> np.ndarray:
        return np.concatenate([getattr(tree, name) for tree in trees])

    return TreeSum(
        feature=together("feature"),
        threshold=together("threshold"),
        left=children("left"),
        right=children("right"),
        missing_left=together("missing_left"),
        roots=splits[:-1].astype(np.int32),
        output=together("output"),
        value=together("value"),
    )
