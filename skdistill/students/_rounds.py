"""How many rounds a boosted student takes and how long its steps are: chosen on real rows."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from skdistill.students._engines import Engine, Objective, TreePlan
from skdistill.students._real_rows import RealRows
from skdistill.students._score_loss import ScoreLoss

# With fewer real rows a choice would be chance.
FEWEST_ROWS = 60

# More real rows would cost time and change no choice.
MOST_ROWS = 20_000

N_FOLDS = 3

# XGBoost bounds the curvature of a leaf, not its rows. Rows keep this part of the curvature they
# start with, roughly, when a classifier grows confident; more would stop it early.
KEPT_CURVATURE = 0.25


@dataclass(frozen=True)
class BoostingTask:
    """What the trees learn.

    Parameters
    ----------
    loss : ScoreLoss
        Of the rows.
    init : ndarray of shape (n_scores,)
        What the trees are added to.
    factor : float
        The curvature of a score is the diagonal of the Hessian times it.
    predict : callable
        Turns scores (n_samples, n_scores) into probabilities or values.
    """

    loss: ScoreLoss
    init: np.ndarray
    factor: float
    predict: Callable[[np.ndarray], np.ndarray]

    def objective(self) -> Objective:
        """Return gradient and curvature as functions of the sum of the trees."""

        def derivatives(scores: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
            gradient, curvature = self.loss.derivatives(scores + self.init)
            return gradient, self.factor * curvature

        return derivatives

    def least_curvature(self) -> float:
        """Return the curvature that stands for one row in a leaf."""
        start = np.zeros((len(self.loss.weight), self.loss.n_scores))
        part = KEPT_CURVATURE if self.loss.n_scores > 1 else 1.0
        return part * float(self.objective()(start)[1].mean())


def choose_rounds(
    engine: Engine,
    Z: Any,
    tasks: Callable[[np.ndarray], BoostingTask],
    plan: TreePlan,
    rates: Iterable[float],
    real: RealRows,
    *,
    rng: np.random.Generator,
) -> TreePlan:
    """Choose the learning rate and the number of rounds that predict held-out true labels best.

    Parameters
    ----------
    engine : Engine
        Grows the trees.
    Z : {ndarray, CSR matrix} of shape (n_rows, n_columns)
        Encoded rows.
    tasks : callable
        Makes the task of the rows with given indices.
    plan : TreePlan
        What would be grown without a choice; has the most rounds.
    rates : iterable of float
        Learning rates that are compared.
    real : RealRows
        The rows with a true label.
    rng : numpy.random.Generator
        Draws the folds.

    Returns
    -------
    plan : TreePlan
        With the rate and the rounds chosen.
    """
    plans = [replace(plan, learning_rate=rate) for rate in rates]
    curves = np.zeros((len(plans), plan.n_rounds))
    for rows, held_out in _folds(real, Z.shape[0], rng):
        task = tasks(rows)
        Z_in, Z_out = Z[rows], Z[held_out.rows]
        for curve, tried in zip(curves, plans, strict=True):
            booster = engine.fit(Z_in, tried, task.objective())
            curve += held_out.weight.sum() * _losses_by_round(engine, booster, Z_out, task, held_out, plan)
    best, last = np.unravel_index(np.argmin(curves), curves.shape)
    return replace(plans[int(best)], n_rounds=int(last) + 1)
