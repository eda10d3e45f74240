"""Best-first growth of a tree on bins, from one leaf or from a tree that has room left."""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from hashlib import blake2b
from typing import NamedTuple

import numpy as np

from skdistill.students._tree.bins import Bins
from skdistill.students._tree.coded_tree import CodedTree, Split

# Leaves with so many codes for each sum over a bin keep the sums, so that only those of the smaller
# child are computed. With fewer, as of tens of classes, they would take more memory than the rows.
CODES_A_SUM = 2

# A gain of less, for a unit of weight, is rounding.
NO_GAIN = 1e-13

# Stands for zero under a logarithm or a fraction bar.
TINY = 1e-300


class ColumnSplits(NamedTuple):
    """The best split of each column in one node.

    Attributes
    ----------
    gain : ndarray of shape (n_columns,), dtype float64
        By how much it lowers the cost; minus infinity if there is none.
    cut : ndarray of shape (n_columns,), dtype int32
        Bin below the cut.
    missing_left : ndarray of shape (n_columns,), dtype bool
        Whether missing values go left.
    """

    gain: np.ndarray
    cut: np.ndarray
    missing_left: np.ndarray


@dataclass(frozen=True)
class Task:
    """What a tree is to learn, and its limits.

    Attributes
    ----------
    bins : Bins
        The rows.
    targets : ndarray of shape (n_rows, n_outputs), dtype float64
        Probabilities of all classes, or values around zero; and then hints, with mean zero.
    weight : ndarray of shape (n_rows,), dtype float64
        Weights of the rows.
    min_weight : float
        Least weight of a leaf.
    max_depth : int or None
        Most splits in a row.
    cross_entropy : bool
        The loss: cross-entropy of probabilities, or squared error.
    n_hints : int, default=0
        How many of the last targets are hints. Their squared error is added to the loss, in a
        unit that makes a variance of one weigh as much as all that splits can save of the other
        targets' loss.
    seen : dict
        The best splits of sets of rows that were looked at: a search meets most of them again.
    """

    bins: Bins
    targets: np.ndarray
    weight: np.ndarray
    min_weight: float
    max_depth: int | None
    cross_entropy: bool
    n_hints: int = 0
    seen: dict[bytes, ColumnSplits] = field(default_factory=dict, init=False, repr=False)

    @cached_property
    def values(self) -> np.ndarray:
        """Weighted targets, and the weights: what is summed over leaves and bins."""
        return np.column_stack([self.targets * self.weight[:, None], self.weight])

    @cached_property
    def column_of(self) -> np.ndarray:
        """Column of each bin."""
        starts = self.bins.starts
        return np.repeat(np.arange(len(starts) - 1), np.diff(starts))

    @cached_property
    def is_cut(self) -> np.ndarray:
        """Whether there is a cut above each bin: not above the last values, nor the missing."""
        return np.arange(len(self.column_of)) < self.bins.starts[1:][self.column_of] - 2

    @cached_property
    def hint_unit(self) -> float:
        """What one of the hints' squared error weighs: what leaves can save of the other loss."""
        if not self.n_hints:
            return 0.0
        values, mass = self.values[:, : -self.n_hints - 1], self.values[:, -1]
        whole = self._response_cost(values.sum(axis=0), mass.sum())
        saved = whole - self._response_cost(values, mass).sum()
        return max(float(saved / mass.sum()), 0.0)

    @property
    def n_sums(self) -> int:
        """Number of sums over the bins of a node."""
        return int(self.bins.starts[-1]) * self.values.shape[1]

    def cost(self, sums: np.ndarray) -> np.ndarray:
        """Compute the total loss of leaves at their means, but for a constant of all rows.

        Parameters
        ----------
        sums : ndarray of shape (..., n_outputs + 1)
            Sums of `values`.

        Returns
        -------
        cost : ndarray of shape (...)
        """
        total, mass = sums[..., :-1], sums[..., -1]
        if not self.n_hints:
            return self._response_cost(total, mass)
        hints = np.square(total[..., -self.n_hints :]).sum(axis=-1) / np.maximum(mass, TINY)
        return self._response_cost(total[..., : -self.n_hints], mass) - self.hint_unit * hints

    def _response_cost(self, total: np.ndarray, mass: np.ndarray) -> np.ndarray:
        if not self.cross_entropy:
            return -np.square(total).sum(axis=-1) / np.maximum(mass, TINY)
        certain = (total * np.log(np.maximum(total, TINY))).sum(axis=-1)
        return mass * np.log(np.maximum(mass, TINY)) - certain

    def sides(self, sums: np.ndarray) -> Iterator[tuple[bool, np.ndarray, np.ndarray]]:
        """Find the cuts of a node whose sides both weigh enough, for each side of missing values.

        Parameters
        ----------
        sums : ndarray of shape (n_bins, n_values)
            Sums over the bins of the node's rows, those of the weights last.

        Yields
        ------
        missing_left : bool
            Whether missing values go left.
        cut : ndarray of shape (n_found,), dtype int
            Bin below each cut, in increasing order.
        left : ndarray of shape (n_found, n_values)
            Sums over the left side of each cut.
        """
        starts = self.bins.starts
        most = sums[: starts[1], -1].sum() - self.min_weight
        upto = np.cumsum(sums, axis=0)
        before = np.zeros((len(starts) - 1, sums.shape[1]))
        before[1:] = upto[starts[1:-1] - 1]
        missing = sums[starts[1:] - 1]
        for missing_left in (False, True) if missing[:, -1].any() else (False,):
            base = missing - before if missing_left else -before
            mass = upto[:, -1] + base[self.column_of, -1]
            # A cut above an empty bin is the same as the one below it.
            allowed = self.is_cut & (sums[:, -1] > 0)
            if missing_left:
                allowed &= missing[self.column_of, -1] > 0
            allowed &= (mass >= self.min_weight) & (mass <= most)
            cut = np.flatnonzero(allowed)
            if len(cut):
                yield missing_left, cut, upto[cut] + base[self.column_of[cut]]

    def as_split(self, cut: int, missing_left: bool) -> Split:
        """Return column, cut and side of missing values for the bin below a cut."""
        column = int(self.column_of[cut])
        return column, int(cut - self.bins.starts[column]), bool(missing_left)

    def best_splits(self, sums: np.ndarray) -> ColumnSplits:
        """Find the split of each column that lowers the cost of a node most."""
        total = sums[: self.bins.starts[1]].sum(axis=0)
        n_columns = len(self.bins.columns)
        found = ColumnSplits(
            np.full(n_columns, -np.inf), np.zeros(n_columns, np.int32), np.zeros(n_columns, bool)
        )
        for missing_left, cut, left in self.sides(sums):
            gain = self.cost(total) - self.cost(left) - self.cost(total - left)
            columns, first = np.unique(self.column_of[cut], return_index=True)
            most = np.full(n_columns, np.nan)
            most[columns] = np.maximum.reduceat(gain, first)
            most -= NO_GAIN * total[-1]  # the first of equally good ones, whatever the rounding
            reached = np.flatnonzero(gain >= most[self.column_of[cut]])
            columns, first = np.unique(self.column_of[cut[reached]], return_index=True)
            better = most[columns] > found.gain[columns]
            columns, first = columns[better], first[better]
            found.gain[columns] = most[columns]
            found.cut[columns] = cut[reached[first]]
            found.missing_left[columns] = missing_left
        return found

    def loss(self, leaf: np.ndarray, n_leaves: int) -> float:
        """Compute the loss of all rows, each in its leaf, at the means of the leaves."""
        return float(self.cost(self.leaf_sums(leaf, n_leaves)).sum())

    def leaf_sums(self, leaf: np.ndarray, n_leaves: int) -> np.ndarray:
        """Sum `values` over leaves."""
        sums = [np.bincount(leaf, weights=v, minlength=n_leaves) for v in self.values.T]
        return np.column_stack(sums)


class _Growth:
    """A tree while it grows, with the best split of each leaf in a heap."""

    def __init__(self, task: Task, tree: CodedTree, taste: np.ndarray | None) -> None:
        self.task, self.taste = task, taste
        self.splits = [tree.split(node) for node in range(len(tree.feature))]
        self.children = np.column_stack([tree.left, tree.right]).tolist()
        self.parent: dict[int, tuple[int, int]] = {
            ~child: (node, side)
            for node, pair in enumerate(self.children)
            for side, child in enumerate(pair)
            if child < 0
        }
        rows = np.arange(len(task.bins), dtype=np.int32)
        leaf = tree.route(task.bins, rows, tree.root)
        order = np.argsort(leaf, kind="stable").astype(np.int32)
        ends = np.cumsum(np.bincount(leaf, minlength=tree.n_leaves))[:-1]
        self.rows = np.split(order, ends) if len(ends) else [rows]
        depth = tree.depths()
        self.depth = [depth[~leaf] for leaf in range(tree.n_leaves)]
        self.heap: list[tuple[float, int, Split, np.ndarray | None]] = []
        for number in range(tree.n_leaves):
            self.consider(number, None)

    def sums(self, leaf: int) -> np.ndarray:
        rows = self.rows[leaf]
        return self.task.bins.sums(rows, self.task.values[rows])

    def consider(self, leaf: int, sums: np.ndarray | None) -> None:
        """Put the best split of a leaf on the heap, if there is one."""
        task = self.task
        if task.max_depth is not None and self.depth[leaf] >= task.max_depth:
            return
        mass = task.weight[self.rows[leaf]].sum()
        if mass < 2.0 * task.min_weight:
            return
        key = blake2b(self.rows[leaf].data, digest_size=16).digest()
        found = task.seen.get(key)
        if found is None:
            sums = self.sums(leaf) if sums is None else sums
            found = task.seen[key] = task.best_splits(sums)
        liking = found.gain if self.taste is None else self.taste * found.gain
        slack = NO_GAIN * mass
        best = int(np.argmax(liking >= liking.max() - slack))
        gain = float(found.gain[best])
        if gain == -np.inf or (gain <= slack and not self.is_mixed(leaf)):
            return
        split = task.as_split(int(found.cut[best]), bool(found.missing_left[best]))
        if self.taste is not None:
            gain *= self.taste[best]
        n_codes, n_sums = len(self.rows[leaf]) * len(task.bins.columns), task.n_sums
        kept = sums if n_codes > CODES_A_SUM * n_sums else None
        heapq.heappush(self.heap, (-gain, leaf, split, kept))

    def is_mixed(self, leaf: int) -> bool:
        """Tell whether targets differ: a split that gains nothing may prepare one that does."""
        targets = self.task.targets[self.rows[leaf]]
        return bool((targets != targets[0]).any())

    def grow(self) -> None:
        """Split the leaf whose split gains most."""
        _, leaf, split, sums = heapq.heappop(self.heap)
        bins, rows = self.task.bins, self.rows[leaf]
        feature, cut, missing_left = split
        code = bins.codes[rows, feature]
        left = code <= cut
        if missing_left:
            left |= code == bins.missing[feature]
        node, new = len(self.splits), len(self.rows)
        self.splits.append(split)
        self.children.append([~leaf, ~new])
        if leaf in self.parent:
            above, side = self.parent[leaf]
            self.children[above][side] = node
        self.parent[leaf], self.parent[new] = (node, 0), (node, 1)
        self.rows[leaf] = rows[left]
        self.rows.append(rows[~left])
        self.depth[leaf] += 1
        self.depth.append(self.depth[leaf])
        few, many = sorted((leaf, new), key=lambda child: len(self.rows[child]))
        part = self.sums(few)
        self.consider(few, part)
        self.consider(many, None if sums is None else sums - part)


def grow_best_first(
    task: Task, tree: CodedTree, n_leaves: int, *, taste: np.ndarray | None = None
) -> CodedTree:
    """Split leaves, the most useful split first, until there are enough.

    Parameters
    ----------
    task : Task
        What to learn.
    tree : CodedTree
        Where to start; its splits stay.
    n_leaves : int
        Most leaves.
    taste : ndarray of shape (n_columns,), default=None
        Positive factors for the gains of each column.

    Returns
    -------
    grown : CodedTree
        With fewer leaves than asked for if none can be split any more. New splits have the
        highest numbers.
    """
    growth = _Growth(task, tree, taste)
    while growth.heap and len(growth.rows) < n_leaves:
        growth.grow()
    return CodedTree.from_lists(growth.splits, growth.children)
