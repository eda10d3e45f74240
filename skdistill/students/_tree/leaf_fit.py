"""What a tree learns, and the last step of its fit: prune it, and give it leaves."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from skdistill.students._scores import class_probabilities
from skdistill.students._tree.leaves import Places, Totals, cut_back, prune, shrunk_means
from skdistill.students._tree.linear_leaves import LinearLeaves, fit_linear_leaves
from skdistill.students._tree.nodes import Nodes


@dataclass(frozen=True)
class TreeTargets:
    """What a tree learns.

    Attributes
    ----------
    structure : ndarray of shape (n_rows, n_outputs + n_hints)
        What the splits are chosen for; the last ones are hints, which no leaf predicts.
    values : ndarray of shape (n_rows, n_outputs)
        What the leaves predict.
    cross_entropy : bool
        The loss: cross-entropy of probabilities, or squared error.
    n_hints : int, default=0
        How many hints there are.
    """

    structure: np.ndarray
    values: np.ndarray
    cross_entropy: bool
    n_hints: int = 0

    def take(self, rows: np.ndarray) -> TreeTargets:
        """Return the targets of some rows."""
        return replace(self, structure=self.structure[rows], values=self.values[rows])

    def with_hints(self, columns: np.ndarray) -> TreeTargets:
        """Add columns of shape (n_rows, n_hints) that shape the splits, too."""
        structure = np.hstack([self.structure, columns])
        return replace(self, structure=structure, n_hints=columns.shape[1])


def fit_leaves(
    nodes: Nodes,
    Z: np.ndarray,
    targets: TreeTargets,
    weight: np.ndarray,
    *,
    ccp_alpha: float,
    strength: float,
    linear: bool,
) -> tuple[Nodes, LinearLeaves | None, np.ndarray]:
    """Prune a grown tree and fit its leaves.

    Parameters
    ----------
    nodes : Nodes
        The tree; its leaves may be empty.
    Z : ndarray of shape (n_rows, n_columns)
        Encoded rows.
    targets : TreeTargets
        What the tree learns.
    weight : ndarray of shape (n_rows,)
        Weights of the rows.
    ccp_alpha : float
        Share of the root's loss that a leaf must save.
    strength : float
        Weight that pulls leaves to their ancestors, or slopes to zero.
    linear : bool
        Whether the leaves get slopes.

    Returns
    -------
    nodes : Nodes
        The subtree with the values of its leaves.
    leaves : LinearLeaves or None
        The linear models of its leaves, if they are linear.
    shares : ndarray of shape (n_leaves,)
        Share of the rows in each leaf, by weight.
    """
    entropy = targets.cross_entropy
    places, leaf = Places.of(nodes), nodes.apply(Z)
    totals = Totals.of(places, leaf, targets.values, weight)
    means = shrunk_means(places, totals, 0.0)
    own = totals.losses(means, cross_entropy=entropy)
    ends = prune(places, own, ccp_alpha * own[0])
    shares = totals.mass[ends] / totals.mass[0]
    if not linear:
        shrunk = shrunk_means(places, totals, strength)
        return cut_back(nodes, places, ends, shrunk), None, shares
    tree = cut_back(nodes, places, ends, means)
    leaves = fit_linear_leaves(
        Z,
        tree.apply(Z),
        tree.value,
        targets.values,
        weight,
        penalty=strength,
        cross_entropy=entropy,
    )
    # What a linear leaf predicts is told by its scores alone.
    return replace(tree, value=np.zeros((len(tree.value), 0))), leaves, shares


def predict_leaves(
    nodes: Nodes, leaves: LinearLeaves | None, Z: np.ndarray, *, cross_entropy: bool
) -> np.ndarray:
    """Predict probabilities or values of shape (n_rows, n_outputs) for encoded rows."""
    leaf = nodes.apply(Z)
    if leaves is None:
        return nodes.value.take(leaf, axis=0)  # faster than an index, and a copy, too
    scores = leaves.scores(Z, leaf)
    return class_probabilities(scores) if cross_entropy else scores
