"""Rows down binary trees: one on plain Python numbers, many by compiled code, always the same way.

scikit-learn's compiled trees compare in single precision. That tells on which side of a threshold a
number is, unless both round to the same float32: rows with such a number are few, are found on
their way, and are sent down again in double precision.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property

import numpy as np

from skdistill._compat import single_precision_tree
from skdistill.students._arrays import Arrays
from skdistill.students._float32 import in_double

# Rows are routed so many at a time, which bounds the memory of prediction.
ROWS_AT_A_TIME = 8192

# From float32 rows to the leaf of each.
Apply = Callable[[np.ndarray], np.ndarray]


class Routed(Arrays):
    """Base of dataclasses with the splits of one or several trees.

    A child that is not negative is the index of a split node; a negative child ``c`` is the leaf
    ``~c``. Rows go left where a feature is at most the threshold, compared in double precision.
    """

    feature: np.ndarray
    threshold: np.ndarray
    left: np.ndarray
    right: np.ndarray
    missing_left: np.ndarray

    def starts(self) -> list[int]:
        """List the first node of each tree, or its leaf."""
        raise NotImplementedError

    def leaves_of_row(self, row: list[float]) -> list[int]:
        """Find the leaf of one row in each tree.

        Parameters
        ----------
        row : list of float
            NaN is missing.

        Returns
        -------
        leaves : list of int
        """
        nodes, leaves = self._nodes, []
        for start in self.starts():
            place = start
            while place >= 0:
                feature, threshold, left, right, missing = nodes[place]
                x = row[feature]
                place = left if x <= threshold else right if x > threshold else missing
            leaves.append(~place)
        return leaves

    def route(self, Z: np.ndarray) -> np.ndarray:
        """Find the leaf of each row in each tree.

        Parameters
        ----------
        Z : ndarray of shape (n_samples, n_columns), dtype float64
            Rows; NaN is missing.

        Returns
        -------
        leaves : ndarray of shape (n_samples, n_trees), dtype int32
        """
        n_rows, starts = len(Z), self.starts()
        leaves = np.empty((n_rows, len(starts)), dtype=np.int32, order="F")
        if n_rows == 1:
            leaves[0] = self.leaves_of_row(Z[0].tolist())
            return leaves
        compiled = self._compiled if leaves.size and Z.shape[1] >= self._width else None
        for first in range(0, n_rows, ROWS_AT_A_TIME):
            block = slice(first, first + ROWS_AT_A_TIME)
            if compiled is None:
                leaves[block] = self.route_in_double(Z[block])
            else:
                self._route_in_single(Z[block], compiled, leaves[block])
        return leaves

    def route_in_double(self, Z: np.ndarray) -> np.ndarray:
        """Find the leaves as `route` does, all rows one level down at a time."""
        starts = np.array(self.starts(), dtype=np.int32)
        n_trees = len(starts)
        place = np.tile(starts, len(Z))
        active = np.flatnonzero(place >= 0)
        while len(active):
            node = place[active]
            x = Z[active // n_trees, self.feature[node]]
            goes_left = np.where(np.isnan(x), self.missing_left[node], x <= self.threshold[node])
            child = np.where(goes_left, self.left[node], self.right[node])
            place[active] = child
            active = active[child >= 0]
        return ~place.reshape(len(Z), n_trees)

    def _route_in_single(self, Z: np.ndarray, compiled: list[Apply], leaves: np.ndarray) -> None:
        """Write the leaves; rows that single precision leaves in doubt are routed again."""
        # What float32 cannot hold is infinite or zero in it.
        with np.errstate(over="ignore", under="ignore"):
            single = Z.astype(np.float32, order="C")
        for t, apply in enumerate(compiled):
            leaves[:, t] = apply(single)
        if leaves.min() < 0:
            doubtful = np.flatnonzero((leaves < 0).any(axis=1))
            leaves[doubtful] = self.route_in_double(Z[doubtful])

    @cached_property
    def _nodes(self) -> list[tuple[int, float, int, int, int]]:
        """Feature, threshold, and the children for low, high and missing values."""
        missing = np.where(self.missing_left, self.left, self.right)
        arrays = (self.feature, self.threshold, self.left, self.right, missing)
        return list(zip(*(array.tolist() for array in arrays), strict=True))

    @cached_property
    def _width(self) -> int:
        """Fewest columns that rows may have."""
        return int(self.feature.max(initial=-1)) + 1

    @cached_property
    def _compiled(self) -> list[Apply] | None:
        """For each tree what finds the leaves of float32 rows, -1 where in doubt."""
        compiled: list[Apply] = []
        for start in self.starts():
            apply = self._compile(start)
            if apply is None:
                return None
            compiled.append(apply)
        return compiled

    def _compile(self, start: int) -> Apply | None:
        """Compile a tree for float32 rows.

        What is equal to the float32 nearest to a threshold is in doubt, unless the threshold is the
        largest double that is rounded to it. So most splits become two: one tells the sides apart,
        and on the side with fewer leaves another finds what is in doubt.
        """
        splits, leaves, sizes = self._below(start)
        n, place = len(splits), {node: i for i, node in enumerate(splits)}
        # Node i is a split, n + i its second one. Leaves follow; the last is that of doubt.
        second, doubt = n + np.arange(n), 2 * n + len(leaves)
        place |= {~leaf: 2 * n + i for i, leaf in enumerate(leaves)}
        left, right = (
            np.array([place[child] for child in side[splits].tolist()], dtype=np.intp)
            for side in (self.left, self.right)
        )
        with np.errstate(over="ignore", under="ignore"):
            near = self.threshold[splits].astype(np.float32)
            below = np.nextafter(near, np.float32(-np.inf))
        beyond = near == -np.inf  # nothing is below, and only what is equal is in doubt
        exact = (in_double(near) == self.threshold[splits]) & ~beyond
        fewer = np.array([sizes[node][0] < sizes[node][1] for node in splits], dtype=bool)
        # The second split is on the left, on the right, or nowhere.
        on_left, on_right = fewer & ~exact & ~beyond, ~fewer & ~exact & ~beyond
        missing_left = self.missing_left[splits]
        end = np.full(len(leaves) + 1, -1)
        apply = single_precision_tree(
            feature=np.concatenate([self.feature[splits], self.feature[splits], end]),
            threshold=np.concatenate(
                [np.where(on_right, below, near), np.where(on_left, below, near), end]
            ),
            left=np.concatenate(
                [
                    np.select([on_left, beyond], [second, doubt], left),
                    np.where(on_left, left, doubt),
                    end,
                ]
            ),
            right=np.concatenate(
                [np.where(on_right, second, right), np.where(on_left, doubt, right), end]
            ),
            missing_left=np.concatenate([missing_left, on_left, np.zeros(len(end))]),
        )
        if apply is None:
            return None
        number = np.array([-1] * (2 * n) + leaves + [-1], dtype=np.int32)
        return lambda single: number.take(apply(single))

    def _below(self, start: int) -> tuple[list[int], list[int], dict[int, tuple[int, int]]]:
        """List the splits and leaves of a tree, and count the leaves left and right of a split."""
        splits: list[int] = []
        leaves: list[int] = []
        waiting = [start]
        while waiting:
            place = waiting.pop()
            if place < 0:
                leaves.append(~place)
                continue
            splits.append(place)
            if len(splits) > len(self.feature):
                raise ValueError("the splits of a tree lead back to themselves.")
            waiting += [int(self.right[place]), int(self.left[place])]
        sizes: dict[int, tuple[int, int]] = {}
        for place in reversed(splits):  # children come after their parents
            pair = (int(self.left[place]), int(self.right[place]))
            left, right = (1 if child < 0 else sum(sizes[child]) for child in pair)
            sizes[place] = left, right
        return splits, leaves, sizes
