"""A fitted sum of small trees as a few arrays, and the columns that it compares."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from skdistill._columns import Factor, factor_codes
from skdistill.students._encoder import read_columns
from skdistill.students._tree.nodes import to_float32

# Rows are routed so many at a time, which bounds the memory of prediction.
_ROWS_AT_A_TIME = 8192


@dataclass(frozen=True)
class TreeSum:
    """Split nodes and leaf values of several trees.

    A child that is not negative is the index of a split node; a negative child ``c`` is the leaf
    ``~c``. Leaves are numbered over all trees.

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
    roots : ndarray of shape (n_trees,), dtype int32
        First split node of each tree.
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

    def apply(self, Z: np.ndarray) -> np.ndarray:
        """Find the leaf of each row in each tree, all of them one level down at a time.

        Parameters
        ----------
        Z : ndarray of shape (n_samples, n_columns)
            Rows; NaN is missing. Values are compared in float32, as scikit-learn does.

        Returns
        -------
        leaf : ndarray of shape (n_samples, n_trees), dtype int32
        """
        n_trees = len(self.roots)
        place = np.tile(self.roots, len(Z))
        active = np.arange(len(place))
        while len(active):
            node = place[active]
            x = to_float32(Z[active // n_trees, self.feature[node]])
            goes_left = np.where(np.isnan(x), self.missing_left[node], x <= self.threshold[node])
            child = np.where(goes_left, self.left[node], self.right[node])
            place[active] = child
            active = active[child >= 0]
        return ~place.reshape(len(Z), n_trees)

    def scores(self, Z: np.ndarray, init: np.ndarray) -> np.ndarray:
        """Add the trees up.

        Parameters
        ----------
        Z : ndarray of shape (n_samples, n_columns)
            Rows.
        init : ndarray of shape (n_scores,)
            What they are added to.

        Returns
        -------
        scores : ndarray of shape (n_samples, n_scores), dtype float64
        """
        scores = np.repeat(init[None, :], len(Z), axis=0)
        if len(self.roots) == 0:
            return scores
        of_score = (self.output[:, None] == np.arange(len(init))).astype(np.float64)
        for start in range(0, len(Z), _ROWS_AT_A_TIME):
            rows = slice(start, start + _ROWS_AT_A_TIME)
            scores[rows] += self.value[self.apply(Z[rows])] @ of_score
        return scores

    def with_values(self, value: np.ndarray) -> TreeSum:
        """Return the same trees with other values."""
        return replace(self, value=value)


@dataclass(frozen=True)
class TreeColumns:
    """The columns that the trees compare: numbers of the table, and 0 or 1 for sets of levels.

    Attributes
    ----------
    inputs : tuple of int
        Column of the table that each is made of.
    tables : tuple of (dict or None)
        Levels for which a column is 1; it is 0 for all others, those never seen too. The key None
        stands for missing. None in place of a dict: the column holds the numbers themselves.
    """

    inputs: tuple[int, ...]
    tables: tuple[dict[Any, int] | None, ...]

    def transform(self, X: Any) -> np.ndarray:
        """Read them from a checked table.

        Parameters
        ----------
        X : DataFrame or ndarray of shape (n_samples, n_features)

        Returns
        -------
        Z : ndarray of shape (n_samples, n_columns), dtype float64

        Raises
        ------
        TypeError
            If a column that was numeric in `fit` now holds strings.
        """
        read = read_columns(X, sorted(set(self.inputs)))
        Z = np.zeros((X.shape[0], len(self.inputs)))
        for i, (j, table) in enumerate(zip(self.inputs, self.tables, strict=True)):
            column = read[j]
            if table is not None:
                Z[:, i] = factor_codes(column, table, 0)
            elif isinstance(column, Factor):
                raise TypeError(
                    f"Column {j} was numeric in fit and now holds {column.levels[:1]}; give "
                    "numbers, or fit the student on strings."
                )
            else:
                Z[:, i] = column
        return Z


def no_trees() -> TreeSum:
    """Return the sum of no trees."""
    ints, none = np.zeros(0, dtype=np.int32), np.zeros(0)
    return TreeSum(ints, none, ints, ints, none.astype(bool), ints, ints, none)


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
