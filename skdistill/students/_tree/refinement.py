"""Alternating optimisation of a grown tree: every split again, given all the others.

A tree grown greedily chooses each split before it knows what will be done below it. Afterwards
every split can be chosen again for the tree as it is: with all else fixed, a row of a node costs
what its leaf below the left child costs it, or that below the right one, and the best split of
the node is the one that sends rows to the cheaper side [1]_. No step makes the loss larger.

References
----------
.. [1] Carreira-Perpiñán, M. Á., Tavallali, P. (2018). Alternating Optimization of Decision Trees,
   with Application to Learning Sparse Oblique Trees. NeurIPS.
"""

from __future__ import annotations

import numpy as np

from skdistill.students._tree.coded_tree import CodedTree, Split
from skdistill.students._tree.growth import Task

# Probability below which a leaf's cross-entropy does not grow any more.
LEAST_PROBABILITY = 1e-6

# Part of all savings that is no more than rounding.
ROUNDING = 1e-9


class _Refiner:
    """The tree while it changes, and the losses of its leaves."""

    def __init__(self, task: Task, tree: CodedTree) -> None:
        self.task, self.tree = task, tree.copy()
        rows = np.arange(len(task.bins), dtype=np.int32)
        self.leaf = tree.route(task.bins, rows, tree.root)
        self.order = tree.top_down()
        self.leaves_below: list[list[int]] = [[] for _ in self.order]
        self.splits_below: list[set[int]] = [set() for _ in self.order]
        for node in reversed(self.order):
            for child in (int(tree.left[node]), int(tree.right[node])):
                if child < 0:
                    self.leaves_below[node].append(~child)
                else:
                    self.leaves_below[node] += self.leaves_below[child]
                    self.splits_below[node] |= self.splits_below[child] | {child}
        self.set_leaves()

    def set_leaves(self) -> None:
        """Give each leaf the mean of its rows, which is best for both losses."""
        task, n_leaves = self.task, self.tree.n_leaves
        sums = task.leaf_sums(self.leaf, n_leaves)
        means = sums[:, :-1] / sums[:, -1:]
        n_responses = means.shape[1] - task.n_hints
        if task.cross_entropy:
            self.slope = -np.log(np.maximum(means, LEAST_PROBABILITY))
            self.offset = np.zeros(n_leaves)
        else:
            self.slope = -2.0 * means
            self.offset = (means[:, :n_responses] ** 2).sum(axis=1)
        if task.n_hints:
            hints = means[:, n_responses:]
            self.slope[:, n_responses:] = -2.0 * task.hint_unit * hints
            self.offset += task.hint_unit * (hints**2).sum(axis=1)

    def above(self, nodes: set[int]) -> set[int]:
        """Find the splits above some, which see other leaves when these change."""
        return {node for node in self.order if self.splits_below[node] & nodes}

    def below(self, nodes: set[int]) -> set[int]:
        """Find the splits below some, which see other rows when these change."""
        return set().union(*(self.splits_below[node] for node in nodes))

    def sweep(self, wanted: set[int]) -> set[int]:
        """Choose some splits again, from the bottom up; return those that have changed."""
        rows_of = {
            node: rows
            for node, rows, _ in self.tree.rows_of_splits(self.task.bins)
            if node in wanted
        }
        changed = {n for n in reversed(self.order) if n in wanted and self.improve(n, rows_of[n])}
        if changed:
            self.set_leaves()
        return changed

    def improve(self, node: int, rows: np.ndarray) -> bool:
        """Choose one split again; tell whether it has changed."""
        task, tree = self.task, self.tree
        goes_left = tree.goes_left(task.bins, node, rows)
        leaf_left = self.leaves_if(rows, ~goes_left, int(tree.left[node]))
        leaf_right = self.leaves_if(rows, goes_left, int(tree.right[node]))
        targets, weight = task.targets[rows], task.weight[rows]
        loss = np.einsum("ij,ij->i", targets, self.slope[leaf_right] - self.slope[leaf_left])
        saving = weight * (loss + self.offset[leaf_right] - self.offset[leaf_left])
        sums = task.bins.sums(rows, np.column_stack([saving, weight]))
        slack = ROUNDING * np.abs(saving).sum()
        most = saving[goes_left].sum() + slack
        best: Split | None = None
        for missing_left, cut, left in task.sides(sums):
            # The first of equally good ones, whatever the rounding.
            at = int(np.argmax(left[:, 0] >= left[:, 0].max() - slack))
            if left[at, 0] > most:
                most, best = left[at, 0], task.as_split(int(cut[at]), missing_left)
        if best is None:
            return False
        before = tree.split(node)
        self.set_split(node, best)
        leaf = np.where(tree.goes_left(task.bins, node, rows), leaf_left, leaf_right)
        mass = np.bincount(leaf, weights=weight, minlength=tree.n_leaves)
        if mass[self.leaves_below[node]].min() < task.min_weight:
            self.set_split(node, before)
            return False
        self.leaf[rows] = leaf
        return True

    def leaves_if(self, rows: np.ndarray, moved: np.ndarray, child: int) -> np.ndarray:
        """Return the leaves of rows, if some of them moved to another child."""
        leaf = self.leaf[rows]
        leaf[moved] = self.tree.route(self.task.bins, rows[moved], child)
        return leaf

    def set_split(self, node: int, split: Split) -> None:
        self.tree.feature[node], self.tree.cut[node], self.tree.missing_left[node] = split


def refine(
    task: Task, tree: CodedTree, *, max_sweeps: int, changed: set[int] | None = None
) -> tuple[CodedTree, float]:
    """Choose the splits of a tree again until none changes.

    Parameters
    ----------
    task : Task
        What the tree is to learn.
    tree : CodedTree
        A tree whose leaves weigh enough.
    max_sweeps : int
        Most sweeps over the splits.
    changed : set of int, default=None
        Splits that are new, or see other rows, in a tree that was refined before: the first sweep
        looks only at these and at those above. None means all.

    Returns
    -------
    refined : CodedTree
        The same shape with other splits.
    loss : float
        Its loss, not above that of `tree`.
    """
    if not len(tree.feature):
        return tree, float(task.cost(task.values.sum(axis=0)))
    refiner = _Refiner(task, tree)
    wanted = set(refiner.order) if changed is None else changed | refiner.above(changed)
    for _ in range(max_sweeps):
        moved = refiner.sweep(wanted)
        if not moved:
            break
        wanted = moved | refiner.above(moved) | refiner.below(moved)
    return refiner.tree, task.loss(refiner.leaf, tree.n_leaves)
