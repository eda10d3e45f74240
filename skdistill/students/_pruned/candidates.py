"""The teacher's trees as candidates: for any gradient, the best small subtree of each of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import scipy.sparse as sp

from skdistill._ensembles import LEAF, Source

# Only so many splits below the root are looked at. A kept subtree has a handful of leaves, and
# deeper splits of a forest follow its noise.
MAX_DEPTH = 6

# Only so many trees, evenly spaced over the teacher's, so that time and memory are bounded.
MAX_TREES = 300


@dataclass(frozen=True)
class Subtree:
    """The top of one of the teacher's trees.

    Attributes
    ----------
    tree : int
        Which candidate it is the top of.
    splits : list of int
        Nodes that split, the root first.
    leaves : list of int
        Nodes where it was cut.
    """

    tree: int
    splits: list[int]
    leaves: list[int]


@dataclass(frozen=True)
class CandidateTrees:
    """Trees of one or more models in one table of nodes, and the leaves of some rows.

    Attributes
    ----------
    left, right : ndarray of shape (n_nodes,), dtype int32
        Children; a leaf is its own child.
    is_split : ndarray of shape (n_nodes,), dtype bool
        Whether a node splits.
    levels : list of ndarray
        The nodes by depth; the first are the roots.
    membership : sparse matrix of shape (n_samples, n_nodes)
        One in the leaf of each row in each tree. With twelve bytes for each row and tree it is
        what takes the memory.
    sources : list of (Source, int)
        The models, their trees cut, with the number of their first node.
    """

    left: np.ndarray
    right: np.ndarray
    is_split: np.ndarray
    levels: list[np.ndarray]
    membership: sp.csr_matrix
    sources: list[tuple[Source, int]]

    @classmethod
    def read(cls, sources: Sequence[Source], X: Any) -> CandidateTrees:
        """Route rows through the trees.

        Parameters
        ----------
        sources : sequence of Source
            Models of trees. Long ones are thinned out, deep ones are cut.
        X : array-like or DataFrame of shape (n_samples, n_features)
            Raw rows.

        Returns
        -------
        candidates : CandidateTrees
        """
        each = max(1, MAX_TREES // len(sources))
        parts, leaves, levels, first = [], [], [], 0
        for source in sources:
            kept = np.unique(np.linspace(0, len(source.forest) - 1, each).astype(int))
            forest = source.forest.take(kept).truncated(MAX_DEPTH)
            leaves.append(forest.apply(source.encode(X)) + first)
            levels.append([nodes + first for nodes in forest.levels()])
            parts.append((replace(source, forest=forest), first))
            first += len(forest.feature)
        depth = max(map(len, levels))
        return cls(
            left=np.concatenate([source.forest.left + start for source, start in parts]),
            right=np.concatenate([source.forest.right + start for source, start in parts]),
            is_split=np.concatenate([source.forest.feature != LEAF for source, _ in parts]),
            levels=[
                np.concatenate([part[d] for part in levels if d < len(part)]) for d in range(depth)
            ],
            membership=indicators(leaves, first),
            sources=parts,
        )

    def node_sums(self, values: np.ndarray) -> np.ndarray:
        """Add values of rows up in every node.

        Parameters
        ----------
        values : ndarray of shape (n_samples, n_values)

        Returns
        -------
        sums : ndarray of shape (n_nodes, n_values)
        """
        sums = np.asarray(self.membership.T @ values)
        for nodes in reversed(self.levels):
            parents = nodes[self.is_split[nodes]]
            sums[parents] = sums[self.left[parents]] + sums[self.right[parents]]
        return sums

    def best_gains(self, gain: np.ndarray, max_leaves: int) -> np.ndarray:
        """Find, for every node and size, the largest gain of a subtree below it.

        Parameters
        ----------
        gain : ndarray of shape (n_nodes, n_scores)
            Gain of each split; minus infinity where it must not be made.
        max_leaves : int
            Largest size looked at.

        Returns
        -------
        best : ndarray of shape (max_leaves + 1, n_nodes, n_scores)
            Best gain with exactly so many leaves, minus infinity where there is no such subtree.
        """
        best = np.full((max_leaves + 1, *gain.shape), -np.inf)
        best[1] = 0.0
        for depth in range(len(self.levels) - 1, -1, -1):
            parents = self.levels[depth][self.is_split[self.levels[depth]]]
            left, right = best[:, self.left[parents]], best[:, self.right[parents]]
            reach = 2 ** (len(self.levels) - 1 - depth)  # no more leaves below a node
            for size in range(2, min(max_leaves, reach) + 1):
                both = left[1] + right[size - 1]
                for a in range(2, size):
                    np.maximum(both, left[a] + right[size - a], out=both)
                best[size, parents] = gain[parents] + both
        return best

    def backtrack(self, best: np.ndarray, tree: int, size: int) -> Subtree:
        """Find the subtree that has the gain ``best[size, root]``.

        Parameters
        ----------
        best : ndarray of shape (max_leaves + 1, n_nodes)
            From `best_gains`, for one score.
        tree : int
        size : int
            Number of leaves.

        Returns
        -------
        subtree : Subtree
        """
        splits, leaves = [], []
        waiting = [(int(self.levels[0][tree]), size)]
        while waiting:
            node, n = waiting.pop()
            if n == 1:
                leaves.append(node)
                continue
            splits.append(node)
            left, right = int(self.left[node]), int(self.right[node])
            share = max(range(1, n), key=lambda a: best[a, left] + best[n - a, right])
            waiting += [(right, n - share), (left, share)]
        return Subtree(tree, splits, leaves)

    def leaf_codes(self, subtree: Subtree) -> np.ndarray:
        """Find the leaf of each row in a subtree.

        Returns
        -------
        codes : ndarray of shape (n_samples,), dtype int32
            Positions in its `leaves`.
        """
        code = np.zeros(len(self.left), dtype=np.int32)
        for i, leaf in enumerate(subtree.leaves):
            below = np.array([leaf])
            while len(below):
                code[below] = i
                parents = below[self.is_split[below]]
                below = np.concatenate([self.left[parents], self.right[parents]])
        n_trees = len(self.levels[0])
        return code[self.membership.indices.reshape(-1, n_trees)[:, subtree.tree]]


def indicators(leaves: Sequence[np.ndarray], n_columns: int) -> sp.csr_matrix:
    """Make a sparse matrix with a one for each leaf that a row falls in.

    Parameters
    ----------
    leaves : sequence of ndarray of shape (n_samples, n_trees), dtype int32
        Columns of the ones.
    n_columns : int

    Returns
    -------
    matrix : sparse matrix of shape (n_samples, n_columns), dtype float64
    """
    columns = np.hstack(leaves)  # C order, as the rows of the matrix
    n, n_trees = columns.shape
    starts = np.arange(0, n * n_trees + 1, n_trees)
    shape = (n, n_columns)
    return sp.csr_matrix((np.ones(n * n_trees), columns.ravel(), starts), shape=shape)
