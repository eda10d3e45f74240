"""How a boosted student grows: by steps of a given length, or with all leaves fitted together."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from skdistill.students._boosting.engines import Engine, TreePlan
from skdistill.students._pruned.leaf_values import LeafValues
from skdistill.students._pruned.score_loss import ScoreLoss

# All leaves are fitted together so many times while trees are added: mostly after each round. The
# cost of one grows with the square of the number of trees; between two, new trees step alone.
MOST_REFITS = 20

# Sweeps of Newton's method over the scores, at most, while trees are added.
ROUND_SWEEPS = 2


@dataclass(frozen=True)
class BoostingTask:
    """What the trees learn of some rows.

    Parameters
    ----------
    loss : ScoreLoss
        Of the rows, weights of mean one.
    init : ndarray of shape (n_scores,)
        What the trees are added to.
    row_curvature : float
        Curvature that stands for one row in a leaf, where rows are not counted.
    predict : callable
        Turns scores (n_samples, n_scores) into probabilities or values.
    """

    loss: ScoreLoss
    init: np.ndarray
    row_curvature: float
    predict: Callable[[np.ndarray], np.ndarray]

    def grow(self, engine: Engine, Z: Any, plan: TreePlan) -> Any:
        """Boost to a plan, each tree a step of the length of its learning rate."""

        def objective(scores: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
            return self._derivatives(scores + self.init)

        return engine.fit(Z, self._with_least(plan), objective)

    def grow_together(
        self, engine: Engine, Z: Any, plan: TreePlan, strength: float
    ) -> CorrectedTrees:
        """Boost to a plan, and fit the leaves of all trees together after each round.

        Parameters
        ----------
        engine : Engine
            Grows the trees.
        Z : {ndarray, CSR matrix} of shape (n_samples, n_columns)
            Encoded rows.
        plan : TreePlan
            What to grow; its learning rate is void.
        strength : float
            Penalty of the leaves' values while trees are added, as a part of the number of rows.

        Returns
        -------
        trees : CorrectedTrees
        """
        n_rows, n_scores = len(self.loss.weight), self.loss.n_scores
        leaves = LeafValues(self.loss, self.init, score_penalty(strength * n_rows, n_scores))
        n_slots = engine.n_slots(plan.n_leaves)
        every = -(-plan.n_rounds // MOST_REFITS)

        def objective(_: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
            return self._derivatives(leaves.scores)

        def watch(codes: np.ndarray) -> None:
            derivatives = self._derivatives(leaves.scores)
            for k in range(n_scores):
                leaves.add(k, codes[:, k], n_slots)
                step_alone(leaves, *(d[:, k] for d in derivatives))
            if len(leaves.outputs) % (every * n_scores) == 0:
                leaves.refit(list(range(n_scores)), max_sweeps=ROUND_SWEEPS)

        plan = replace(self._with_least(plan), learning_rate=1.0)
        return CorrectedTrees(engine.fit(Z, plan, objective, watch), leaves)

    def _derivatives(self, scores: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        gradient, curvature = self.loss.derivatives(scores)
        # The diagonal understates the curvature of the softmax: moving all scores is free.
        n_scores = scores.shape[1]
        return gradient, curvature * (n_scores / (n_scores - 1.0) if n_scores > 1 else 1.0)

    def _with_least(self, plan: TreePlan) -> TreePlan:
        """Allow smaller leaves where there are few rows."""
        min_rows = min(plan.min_rows, max(1, len(self.loss.weight) // 10))
        return replace(plan, min_rows=min_rows, min_curvature=min_rows * self.row_curvature)


@dataclass(frozen=True)
class CorrectedTrees:
    """Trees of a library, with values of all leaves that are fitted together.

    Parameters
    ----------
    booster : object
        The library's own; the values of its leaves are not used.
    leaves : LeafValues
        Those that are.
    """

    booster: Any
    leaves: LeafValues

    def refit(self, reg_lambda: float, *, max_sweeps: int) -> None:
        """Fit all leaves under another penalty, starting from where they are."""
        n_scores = self.leaves.loss.n_scores
        self.leaves.ridge = score_penalty(reg_lambda, n_scores)
        self.leaves.refit(list(range(n_scores)), max_sweeps=max_sweeps)

    def scores(self, codes: np.ndarray) -> np.ndarray:
        """Add the trees up, for rows with these leaves (n_samples, n_trees)."""
        scores = np.repeat(self.leaves.init[None, :], len(codes), axis=0)
        trees = zip(self.leaves.outputs, self.leaves.values, codes.T, strict=True)
        for output, values, leaf in trees:
            scores[:, output] += values[leaf]
        return scores


def step_alone(leaves: LeafValues, gradient: np.ndarray, curvature: np.ndarray) -> None:
    """Give the leaves of the last tree, which are zero, the values that suit it alone."""
    output, codes, n_leaves = leaves.outputs[-1], leaves.codes[-1], len(leaves.values[-1])
    pull = np.bincount(codes, gradient, minlength=n_leaves)
    leaves.values[-1] = -pull / (np.bincount(codes, curvature, minlength=n_leaves) + leaves.ridge)
    leaves.scores[:, output] += leaves.values[-1][codes]


def score_penalty(reg_lambda: float, n_scores: int) -> float:
    """Scale a penalty to the curvature of a score, which shrinks with the share of its class."""
    return reg_lambda if n_scores == 1 else 2.0 * reg_lambda / n_scores
