"""What the nodes of a tree would predict, shrunk to their ancestors, and which are worth splitting.

Everything here works on sums over the rows of each node, so that any number of strengths and
penalties is compared without going through the rows again.

References
----------
.. [1] Agarwal, A., Tan, Y. S., Ronen, O., Singh, C., Yu, B. (2022). Hierarchical Shrinkage:
   improving the accuracy and interpretability of tree-based methods. ICML.
.. [2] Breiman, L., Friedman, J. H., Olshen, R. A., Stone, C. J. (1984). Classification and
   Regression Trees. Wadsworth.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from skdistill.students._real_rows import LEAST_PROBABILITY
from skdistill.students._tree.nodes import Nodes


@dataclass(frozen=True)
class Places:
    """Splits and leaves of a tree in one numbering.

    Split ``i`` is place ``i``, leaf ``j`` is place ``n_splits + j``.

    Attributes
    ----------
    n_splits : int
        Number of splits.
    children : ndarray of shape (n_splits, 2), dtype int
        Places of the left and the right child of each split.
    top_down : list of int
        The splits, parents before their children.
    """

    n_splits: int
    children: np.ndarray
    top_down: list[int]

    @classmethod
    def of(cls, nodes: Nodes) -> Places:
        """Give the nodes of a tree their numbers."""
        n_splits = len(nodes.feature)
        children = np.column_stack([nodes.left, nodes.right]).astype(np.intp)
        children = np.where(children >= 0, children, n_splits + ~children)
        top_down = [0] if n_splits else []
        for split in top_down:
            top_down += [int(child) for child in children[split] if child < n_splits]
        return cls(n_splits, children, top_down)

    def sum_up(self, of_leaves: np.ndarray) -> np.ndarray:
        """Sum what the leaves have up to the root, for all places."""
        total = np.zeros((self.n_splits + len(of_leaves), *of_leaves.shape[1:]))
        total[self.n_splits :] = of_leaves
        for split in reversed(self.top_down):
            total[split] = total[self.children[split]].sum(axis=0)
        return total


@dataclass(frozen=True)
class Totals:
    """Sums over the rows of each place.

    Attributes
    ----------
    mass : ndarray of shape (n_places,)
        Their weight.
    first : ndarray of shape (n_places, n_outputs)
        Weighted sums of the targets.
    second : ndarray of shape (n_places,)
        Weighted sums of the squared targets.
    """

    mass: np.ndarray
    first: np.ndarray
    second: np.ndarray

    @classmethod
    def of(
        cls, places: Places, leaf: np.ndarray, targets: np.ndarray, weight: np.ndarray
    ) -> Totals:
        """Sum over the rows, of which `leaf` tells the leaf.

        Parameters
        ----------
        places : Places
            The tree.
        leaf : ndarray of shape (n_rows,), dtype int
            Index of the leaf of each row.
        targets : ndarray of shape (n_rows, n_outputs)
            Probabilities of all classes, or values.
        weight : ndarray of shape (n_rows,)
            Weights of the rows.
        """
        n_leaves = places.n_splits + 1

        def total(values: np.ndarray) -> np.ndarray:
            return np.bincount(leaf, weights=values, minlength=n_leaves)

        columns = [total(weight), total(weight * np.einsum("ij,ij->i", targets, targets))]
        columns += [total(weight * column) for column in targets.T]
        sums = places.sum_up(np.column_stack(columns))
        return cls(sums[:, 0], sums[:, 2:], sums[:, 1])

    def losses(self, values: np.ndarray, *, cross_entropy: bool) -> np.ndarray:
        """Compute the summed loss of each place's rows if it predicted its row of `values`."""
        if cross_entropy:
            return -(self.first * np.log(np.maximum(values, LEAST_PROBABILITY))).sum(axis=1)
        crossed = np.einsum("ij,ij->i", values, self.first)
        return self.second - 2.0 * crossed + self.mass * np.einsum("ij,ij->i", values, values)


def shrunk_means(places: Places, totals: Totals, strength: float) -> np.ndarray:
    """Pull the mean target of each place to that of its ancestors: hierarchical shrinkage [1]_.

    With the means ``m`` and weights ``W`` of the places from the root to a place, the value is
    ``m_0 + sum_l (m_l - m_(l-1)) / (1 + strength / W_(l-1))``.

    Parameters
    ----------
    places : Places
        The tree.
    totals : Totals
        Sums of the training rows.
    strength : float
        The weight of a parent at which half of the difference to it stays; zero leaves the means.

    Returns
    -------
    values : ndarray of shape (n_places, n_outputs)
    """
    means = totals.first / totals.mass[:, None]
    values = means.copy()
    for split in places.top_down:
        below = places.children[split]
        keep = totals.mass[split] / (totals.mass[split] + strength)
        values[below] = values[split] + keep * (means[below] - means[split])
    # Rounding must not lead out of the range of the means: no probability is below zero.
    return np.clip(values, np.nanmin(means, axis=0), np.nanmax(means, axis=0))


def prune(places: Places, losses: np.ndarray, penalty: float) -> np.ndarray:
    """Find the subtree with the same root of least loss plus `penalty` for each leaf [2]_.

    Parameters
    ----------
    places : Places
        The tree.
    losses : ndarray of shape (n_places,)
        Loss of each place if it were a leaf.
    penalty : float
        What a leaf must save. At zero only splits that save nothing go.

    Returns
    -------
    ends : ndarray of shape (n_places,), dtype bool
        Which places are the leaves of the subtree.
    """
    cost = losses + penalty
    ends = np.ones(len(losses), dtype=bool)
    for split in reversed(places.top_down):
        below = cost[places.children[split]].sum()
        ends[split] = cost[split] <= below
        cost[split] = min(cost[split], below)
    return ends & _reached(places, ends)


def _reached(places: Places, ends: np.ndarray) -> np.ndarray:
    """Tell which places a row can come to that stops at the first of `ends` on its way."""
    reached = np.zeros(len(ends), dtype=bool)
    reached[0] = True
    for split in places.top_down:
        reached[places.children[split]] = reached[split] and not ends[split]
    return reached


def cut_back(nodes: Nodes, places: Places, ends: np.ndarray, values: np.ndarray) -> Nodes:
    """Make the subtree whose leaves are `ends`, with the values of those places.

    Parameters
    ----------
    nodes : Nodes
        The whole tree.
    places : Places
        Its numbering.
    ends : ndarray of shape (n_places,), dtype bool
        Which places are leaves, as `prune` tells.
    values : ndarray of shape (n_places, n_outputs)
        What each place predicts.

    Returns
    -------
    subtree : Nodes
    """
    kept = np.flatnonzero(_reached(places, ends) & ~ends)
    number = np.zeros(len(ends), dtype=np.int32)
    number[kept] = np.arange(len(kept), dtype=np.int32)
    number[ends] = ~np.arange(ends.sum(), dtype=np.int32)
    children = number[places.children[kept]]
    return Nodes(
        feature=nodes.feature[kept],
        threshold=nodes.threshold[kept],
        left=children[:, 0],
        right=children[:, 1],
        missing_left=nodes.missing_left[kept],
        value=values[ends],
    )
