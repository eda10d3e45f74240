"""How many rounds a boosted student takes and how long its steps are: chosen on real rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from skdistill.students._boosting.engines import Engine, Objective, TreePlan
from skdistill.students._real_rows import RealRows

# With fewer real rows a choice would be chance.
FEWEST_ROWS = 60

# More rows, held out or trained on, would cost time and change no choice.
MOST_ROWS = 20_000

N_FOLDS = 3


@dataclass(frozen=True)
class BoostingTask:
    """What the trees learn of some rows.

    Parameters
    ----------
    objective : callable
        Gradient and curvature as functions of the sum of the trees.
    row_curvature : float
        Curvature that stands for one row in a leaf, where rows are not counted.
    predict : callable
        Turns sums of the trees (n_samples, n_scores) into probabilities or values.
    """

    objective: Objective
    row_curvature: float
    predict: Callable[[np.ndarray], np.ndarray]

    def grow(self, engine: Engine, Z: Any, plan: TreePlan) -> Any:
        """Boost to a plan, with smaller leaves where there are few rows."""
        min_rows = min(plan.min_rows, max(1, Z.shape[0] // 10))
        min_curvature = min_rows * self.row_curvature
        plan = replace(plan, min_rows=min_rows, min_curvature=min_curvature)
        return engine.fit(Z, plan, self.objective)


def choose_rounds(
    engine: Engine,
    Z: Any,
    make_task: Callable[[np.ndarray], BoostingTask],
    plans: Sequence[TreePlan],
    real: RealRows,
    *,
    rng: np.random.Generator,
) -> TreePlan:
    """Choose the plan, and after how many of its rounds to stop, by held-out true labels.

    The trees that are compared learn augmented rows too. With real rows alone the longest steps
    often seem best, and on all rows they diverge: a budget this small leaves little to overfit.

    Parameters
    ----------
    engine : Engine
        Grows the trees.
    Z : {ndarray, CSR matrix} of shape (n_rows, n_columns)
        Encoded rows.
    make_task : callable
        Makes the task of the rows with given indices.
    plans : sequence of TreePlan
        What is compared, all of the same number of rounds: the most that are allowed.
    real : RealRows
        The rows with a true label.
    rng : numpy.random.Generator
        Draws the folds.

    Returns
    -------
    plan : TreePlan
        One of the plans, with as many rounds as predict best; the first of them where there are
        too few real rows to choose on.
    """
    if len(real) < FEWEST_ROWS:
        return plans[0]
    curves = np.zeros((len(plans), plans[0].n_rounds))
    for rows, held_out in _folds(real, Z.shape[0], rng):
        task, Z_in, Z_out = make_task(rows), Z[rows], Z[held_out.rows]
        for curve, plan in zip(curves, plans, strict=True):
            booster = task.grow(engine, Z_in, plan)
            stages = engine.staged_scores(booster, Z_out, plan.n_threads)
            losses = [held_out.losses(task.predict(s)) @ held_out.weight for s in stages]
            curve[: len(losses)] += losses
            curve[len(losses) :] += losses[-1]  # the library found no further split
    best, last = np.unravel_index(np.argmin(curves), curves.shape)
    return replace(plans[int(best)], n_rounds=int(last) + 1)


def _folds(
    real: RealRows, n_rows: int, rng: np.random.Generator
) -> Iterator[tuple[np.ndarray, RealRows]]:
    """Hold out real rows and leave the others to train on, not more of either than is enough."""
    if len(real) > MOST_ROWS:
        real = real.take(np.sort(rng.choice(len(real), MOST_ROWS, replace=False)))
    for train, held_out in real.folds(N_FOLDS, n_rows, rng):
        too_many = len(train) > MOST_ROWS
        rows = np.sort(rng.choice(train, MOST_ROWS, replace=False)) if too_many else train
        yield rows, held_out
