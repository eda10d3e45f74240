"""The trees of a fitted model as plain arrays, whatever library grew them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

LEAF = -1  # the feature of a node that does not split


@dataclass(frozen=True)
class Forest:
    """Many binary trees, their nodes in one table.

    Attributes
    ----------
    roots : ndarray of shape (n_trees,), dtype int32
        First node of each tree.
    feature : ndarray of shape (n_nodes,), dtype int32
        Column that a node compares; -1 for leaves.
    threshold : ndarray of shape (n_nodes,), dtype float64
        Values at most this go left.
    left, right : ndarray of shape (n_nodes,), dtype int32
        Children; a leaf is its own child.
    missing_left : ndarray of shape (n_nodes,), dtype bool
        Whether NaN goes left.
    level_set : ndarray of shape (n_nodes,), dtype int32
        Which of `level_sets` a categorical split looks its value up in; -1 for other nodes.
    value : ndarray of shape (n_nodes, n_values), dtype float64
        What a leaf says; zero for other nodes.
    output : ndarray of shape (n_trees,), dtype int32
        Column of scores that a tree adds to; -1 where its values are all columns.
    init : ndarray of shape (n_scores,), dtype float64
        What the trees are added to.
    level_sets : tuple of ndarray of int
        The codes that go left, sorted.
    single : bool
        Whether values are compared in float32, as XGBoost and scikit-learn's trees do.
    """

    roots: np.ndarray
    feature: np.ndarray
    threshold: np.ndarray
    left: np.ndarray
    right: np.ndarray
    missing_left: np.ndarray
    level_set: np.ndarray
    value: np.ndarray
    output: np.ndarray
    init: np.ndarray
    level_sets: tuple[np.ndarray, ...] = ()
    single: bool = False

    def __len__(self) -> int:
        return len(self.roots)

    def go_left(self, nodes: np.ndarray, values: np.ndarray) -> np.ndarray:
        """Tell which values go left, each at its own node that splits.

        Parameters
        ----------
        nodes : ndarray of shape (n,), dtype int
        values : ndarray of shape (n,), dtype float64
            NaN is missing.

        Returns
        -------
        left : ndarray of shape (n,), dtype bool
        """
        if self.single:
            with np.errstate(over="ignore"):  # what float32 cannot hold is infinite in it
                values = values.astype(np.float32).astype(np.float64)
        left = values <= self.threshold[nodes]
        which = self.level_set[nodes]
        for s in np.unique(which[which >= 0]).tolist():
            here = which == s
            codes = np.trunc(values[here])  # as LightGBM and HistGradientBoosting do
            left[here] = np.isin(codes, self.level_sets[s])
        missing = np.isnan(values)
        left[missing] = self.missing_left[nodes[missing]]
        return left

    def apply(self, Z: np.ndarray) -> np.ndarray:
        """Find the leaf of each row in each tree, all rows one level down at a time.

        Parameters
        ----------
        Z : ndarray of shape (n_samples, n_columns), dtype float64

        Returns
        -------
        leaves : ndarray of shape (n_samples, n_trees), dtype int32
            Nodes.
        """
        leaves = np.empty((len(Z), len(self)), dtype=np.int32, order="F")
        for t, root in enumerate(self.roots.tolist()):
            place = leaves[:, t]
            place[:] = root
            rows = np.arange(len(Z)) if self.feature[root] != LEAF else np.arange(0)
            while len(rows):
                nodes = place[rows]
                goes_left = self.go_left(nodes, Z[rows, self.feature[nodes]])
                child = np.where(goes_left, self.left[nodes], self.right[nodes])
                place[rows] = child
                rows = rows[self.feature[child] != LEAF]
        return leaves

    def scores(self, Z: np.ndarray) -> np.ndarray:
        """Add up what the trees say: the model's own raw scores, or votes of a forest.

        Parameters
        ----------
        Z : ndarray of shape (n_samples, n_columns), dtype float64

        Returns
        -------
        scores : ndarray of shape (n_samples, n_scores)
        """
        total = np.repeat(self.init[None, :], len(Z), axis=0)
        leaves = self.apply(Z)
        for t, k in enumerate(self.output.tolist()):
            said = self.value[leaves[:, t]]
            if k < 0:
                total += said
            else:
                total[:, k] += said[:, 0]
        return total

    def take(self, trees: np.ndarray) -> Forest:
        """Return some of the trees; their nodes stay where they are."""
        return replace(self, roots=self.roots[trees], output=self.output[trees])

    def levels(self) -> list[np.ndarray]:
        """List the nodes by depth, the roots first."""
        found, nodes = [], self.roots
        while len(nodes):
            found.append(nodes)
            parents = nodes[self.feature[nodes] != LEAF]
            nodes = np.concatenate([self.left[parents], self.right[parents]])
        return found

    def truncated(self, max_depth: int) -> Forest:
        """Cut what is deeper than `max_depth` splits; cut nodes become leaves that say nothing.

        Parameters
        ----------
        max_depth : int
            At least one.

        Returns
        -------
        forest : Forest
            With the nodes that are left, in the same order.
        """
        levels = self.levels()
        feature = self.feature.copy()
        if len(levels) > max_depth:
            feature[levels[max_depth]] = LEAF
        kept = np.sort(np.concatenate(levels[: max_depth + 1]))
        index = np.zeros(len(feature), dtype=np.int32)
        index[kept] = np.arange(len(kept), dtype=np.int32)
        own = np.arange(len(kept), dtype=np.int32)
        leaf = feature[kept] == LEAF
        return replace(
            self,
            roots=index[self.roots],
            feature=feature[kept],
            threshold=self.threshold[kept],
            left=np.where(leaf, own, index[self.left[kept]]),
            right=np.where(leaf, own, index[self.right[kept]]),
            missing_left=self.missing_left[kept],
            level_set=np.where(leaf, -1, self.level_set[kept]),
            value=self.value[kept],
        )


@dataclass(frozen=True)
class Tree:
    """One tree as its library stores it: children are numbered within the tree, from its root 0."""

    feature: np.ndarray
    threshold: np.ndarray
    left: np.ndarray
    right: np.ndarray
    missing_left: np.ndarray
    value: np.ndarray
    level_sets: dict[int, np.ndarray]
    output: int


def plant(trees: Sequence[Tree], init: np.ndarray, *, single: bool) -> Forest:
    """Put single trees into one table.

    Parameters
    ----------
    trees : sequence of Tree
        At least one.
    init : ndarray of shape (n_scores,)
        What they are added to.
    single : bool
        Whether values are compared in float32.

    Returns
    -------
    forest : Forest
    """
    sizes = [len(tree.feature) for tree in trees]
    starts = np.cumsum([0, *sizes[:-1]]).astype(np.int32)
    feature = np.concatenate([tree.feature for tree in trees]).astype(np.int32)
    own, shift = np.arange(len(feature), dtype=np.int32), np.repeat(starts, sizes)
    leaf = feature == LEAF
    level_set = np.full(len(feature), -1, dtype=np.int32)
    level_sets: list[np.ndarray] = []
    for start, tree in zip(starts.tolist(), trees, strict=True):
        for node, levels in tree.level_sets.items():
            level_set[start + node] = len(level_sets)
            level_sets.append(levels)

    def children(side: str) -> np.ndarray:
        within = np.concatenate([getattr(tree, side) for tree in trees])
        return np.where(leaf, own, within + shift).astype(np.int32)

    return Forest(
        roots=starts,
        feature=feature,
        threshold=np.concatenate([tree.threshold for tree in trees]).astype(np.float64),
        left=children("left"),
        right=children("right"),
        missing_left=np.concatenate([tree.missing_left for tree in trees]).astype(bool),
        level_set=level_set,
        value=np.concatenate([tree.value for tree in trees]).astype(np.float64),
        output=np.array([tree.output for tree in trees], dtype=np.int32),
        init=np.asarray(init, dtype=np.float64),
        level_sets=tuple(level_sets),
        single=single,
    )
