"""A tree whose splits compare codes of bins: the working form of growth and search."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from skdistill.students._tree.bins import Bins, halfway
from skdistill.students._tree.nodes import Nodes

# Column, cut and side of missing values.
Split = tuple[int, int, bool]


@dataclass
class CodedTree:
    """Split nodes by code; numbered as in `Nodes`: a negative child ``c`` is the leaf ``~c``.

    Attributes
    ----------
    feature : ndarray of shape (n_splits,), dtype int32
        Column of the bins.
    cut : ndarray of shape (n_splits,), dtype uint8
        Codes at most this go left.
    missing_left : ndarray of shape (n_splits,), dtype bool
        Whether missing values go left.
    left, right : ndarray of shape (n_splits,), dtype int32
        Children.
    """

    feature: np.ndarray
    cut: np.ndarray
    missing_left: np.ndarray
    left: np.ndarray
    right: np.ndarray

    @classmethod
    def from_lists(cls, splits: list[Split], children: list[list[int]]) -> CodedTree:
        """Build a tree from its splits (column, cut, missing_left) and their two children."""
        feature, cut, missing_left = zip(*splits, strict=True) if splits else ((), (), ())
        pairs = np.array(children, dtype=np.int32).reshape(-1, 2)
        return cls(
            np.array(feature, dtype=np.int32),
            np.array(cut, dtype=np.uint8),
            np.array(missing_left, dtype=bool),
            pairs[:, 0].copy(),
            pairs[:, 1].copy(),
        )

    @property
    def n_leaves(self) -> int:
        return len(self.feature) + 1

    @property
    def root(self) -> int:
        return 0 if len(self.feature) else ~0

    def copy(self) -> CodedTree:
        return CodedTree(
            self.feature.copy(),
            self.cut.copy(),
            self.missing_left.copy(),
            self.left.copy(),
            self.right.copy(),
        )

    def split(self, node: int) -> Split:
        """Return column, cut and side of missing values of a node."""
        return int(self.feature[node]), int(self.cut[node]), bool(self.missing_left[node])

    def goes_left(self, bins: Bins, node: np.ndarray | int, rows: np.ndarray) -> np.ndarray:
        """Tell which rows go left, in one node or each in its own."""
        feature = self.feature[node]
        code = bins.codes[rows, feature]
        if not bins.has_missing:
            return code <= self.cut[node]
        missing = code == bins.missing[feature]
        return np.where(missing, self.missing_left[node], code <= self.cut[node])

    def route(self, bins: Bins, rows: np.ndarray, start: int) -> np.ndarray:
        """Find the leaf of each row from a place in the tree on."""
        place = np.full(len(rows), start, dtype=np.int32)
        inner = np.arange(len(rows) if start >= 0 else 0)
        while len(inner):
            node = place[inner]
            left = self.goes_left(bins, node, rows[inner])
            child = np.where(left, self.left[node], self.right[node])
            place[inner] = child
            inner = inner[child >= 0]
        return ~place

    def top_down(self) -> list[int]:
        """List the split nodes, parents before their children."""
        order = [0] if len(self.feature) else []
        for node in order:
            order += [int(child) for child in (self.left[node], self.right[node]) if child >= 0]
        return order

    def depths(self) -> dict[int, int]:
        """Return the number of splits above each place."""
        depth = {self.root: 0}
        for node in self.top_down():
            depth[int(self.left[node])] = depth[int(self.right[node])] = depth[node] + 1
        return depth

    def rows_of_splits(self, bins: Bins) -> Iterator[tuple[int, np.ndarray, np.ndarray]]:
        """Yield each split from the top down, its rows, and which of them go left."""
        rows_of = {0: np.arange(len(bins), dtype=np.int32)}
        for node in self.top_down():
            rows = rows_of.pop(node)
            left = self.goes_left(bins, node, rows)
            for child, side in ((int(self.left[node]), left), (int(self.right[node]), ~left)):
                if child >= 0:
                    rows_of[child] = rows[side]
            yield node, rows, left

    def replaced(self, node: int, place: int) -> tuple[CodedTree, set[int]]:
        """Put a place below a node in its stead, or a leaf (-1).

        Returns
        -------
        tree : CodedTree
            The smaller tree, numbered anew from the top.
        changed : set of int
            Splits that see other rows or another child: those of the place, and the one above.
        """
        splits: list[Split] = []
        children: list[list[int]] = []
        changed: set[int] = set()
        n_leaves = 0
        todo = [(self.root, -1, 0, False)]
        while todo:
            here, parent, side, moved = todo.pop()
            if here == node:
                here, moved = place, True
                changed.add(parent)
            if here < 0:
                number, n_leaves = ~n_leaves, n_leaves + 1
            else:
                number = len(splits)
                splits.append(self.split(here))
                children.append([0, 0])
                for below, child in ((1, self.right[here]), (0, self.left[here])):
                    todo.append((int(child), number, below, moved))
                if moved:
                    changed.add(number)
            if parent >= 0:
                children[parent][side] = number
        return CodedTree.from_lists(splits, children), changed - {-1}

    def to_nodes(self, Z: np.ndarray, bins: Bins, weight: np.ndarray) -> Nodes:
        """Return the tree with thresholds halfway between the values they divide.

        A split of rows without a missing value sends later ones to its heavier side.
        """
        threshold, missing_left = np.zeros(len(self.feature)), self.missing_left.copy()
        for node, rows, left in self.rows_of_splits(bins):
            x = Z[rows, bins.columns[self.feature[node]]]
            present = ~np.isnan(x)
            low = x[present & left].max(initial=-np.inf)
            high = x[present & ~left].min(initial=np.inf)
            threshold[node] = halfway(low, high) if high < np.inf else high
            if present.all():
                heavy = weight[rows[left]].sum()
                missing_left[node] = 2.0 * heavy >= weight[rows].sum()
        return Nodes(
            feature=bins.columns[self.feature],
            threshold=threshold,
            left=self.left.copy(),
            right=self.right.copy(),
            missing_left=missing_left,
            value=np.zeros((self.n_leaves, 0)),
        )


# The tree of one leaf.
STUMP = CodedTree.from_lists([], [])
