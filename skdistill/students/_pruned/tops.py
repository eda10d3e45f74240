"""Choose which tops of the teacher's trees to keep."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from skdistill.students._pruned.candidates import CandidateTrees, Subtree
from skdistill.students._pruned.leaf_values import LeafValues
from skdistill.students._pruned.score_loss import ScoreLoss

# No kept tree has more leaves: what a sum of trees needs beyond is cheaper as another tree.
MAX_LEAVES = 10

# A tree of n leaves must gain more by this leaf than one of n - 1: without, stumps win always.
EXTRA_LEAF = 1.0

# While trees are chosen, a gain counts as if every leaf had this much more curvature.
GAIN_RIDGE = 1.0


@dataclass(frozen=True)
class Budget:
    """What bounds the choice.

    Attributes
    ----------
    n_leaves : int
        Leaves of all kept trees together; each belongs to one score.
    min_weight : float
        Least weight of the rows of a leaf.
    """

    n_leaves: int
    min_weight: float


def keep_subtrees(
    candidates: CandidateTrees, loss: ScoreLoss, init: np.ndarray, budget: Budget, ridge: float
) -> tuple[list[Subtree], LeafValues]:
    """Keep one top of a tree after the other, always the one that lowers the loss most per leaf.

    For the gradient and curvature at the current scores, the best top of every tree is found
    exactly, at every size and for every score; the leaves of the score it goes to are then fitted
    together again, so that the next gradient is that of an optimum.

    Parameters
    ----------
    candidates : CandidateTrees
        Trees and rows.
    loss : ScoreLoss
        Loss of the rows.
    init : ndarray of shape (n_scores,)
        Constants to start from.
    budget : Budget
    ridge : float
        Penalty of the squares of the leaves' values.

    Returns
    -------
    kept : list of Subtree
        Empty if no split gains anything.
    leaves : LeafValues
        Their values, almost at the optimum.
    """
    leaves, kept, spare = LeafValues(loss, init, ridge), [], budget.n_leaves
    allowed = _allowed_splits(candidates, loss.weight, budget.min_weight)
    while spare >= 2:
        gain = _split_gains(candidates, allowed, *loss.derivatives(leaves.scores))
        best = candidates.best_gains(gain, min(MAX_LEAVES, spare))
        size = np.arange(2, len(best))[:, None, None]
        worth = best[2:, candidates.levels[0]] / (size + EXTRA_LEAF)
        n, tree, output = np.unravel_index(np.argmax(worth), worth.shape)
        if not worth[n, tree, output] > 1e-9 * loss.weight.sum():
            break
        subtree = candidates.backtrack(best[:, :, output], int(tree), int(n) + 2)
        kept.append(subtree)
        spare -= len(subtree.leaves)
        leaves.add(int(output), candidates.leaf_codes(subtree), len(subtree.leaves))
        leaves.refit([int(output)], max_sweeps=1)
    return kept, leaves


def _allowed_splits(candidates: CandidateTrees, weight: np.ndarray, least: float) -> np.ndarray:
    """List the nodes that split into two of at least the least weight."""
    mass = candidates.node_sums(weight[:, None])[:, 0]
    # A leaf of exactly the least weight passes in spite of rounding.
    heavy = mass >= least * (1.0 - 1e-9)
    left, right = candidates.left, candidates.right
    return np.flatnonzero(candidates.is_split & heavy[left] & heavy[right])


def _split_gains(
    candidates: CandidateTrees, allowed: np.ndarray, gradient: np.ndarray, curvature: np.ndarray
) -> np.ndarray:
    """Compute how much each split lowers the loss, to second order, for each score alone."""
    k = gradient.shape[1]
    sums = candidates.node_sums(np.hstack([gradient, curvature]))
    worth = 0.5 * sums[:, :k] ** 2 / (sums[:, k:] + GAIN_RIDGE)
    gain = np.full_like(worth, -np.inf)
    left, right = candidates.left[allowed], candidates.right[allowed]
    gain[allowed] = worth[left] + worth[right] - worth[allowed]
    return gain
