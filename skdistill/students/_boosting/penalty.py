"""How strongly the leaves of a boosted student are penalised: chosen on real rows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from skdistill.students._boosting.engines import Engine, TreePlan
from skdistill.students._boosting.growth import BoostingTask
from skdistill.students._real_rows import RealRows

# With fewer real rows a choice would be chance; more would cost time and change no choice.
FEWEST_ROWS = 60
MOST_ROWS = 20_000

N_FOLDS = 3

# Penalties while trees are added, as parts of the number of rows: how much of the loss is left to
# the trees that follow. And those of the final fit, from strong to weak.
GROWTH_STRENGTHS = (0.01, 0.03)
PENALTIES = (1000.0, 300.0, 100.0, 30.0, 10.0, 3.0, 1.0)

# What a teacher says has less noise than labels have.
SOFT_SHARE = 0.25


@dataclass(frozen=True)
class Penalties:
    """Penalty while trees are added, as a part of the number of rows, and of the final fit."""

    growth: float
    final: float


# Taken where nothing can be chosen.
USUAL = Penalties(GROWTH_STRENGTHS[0], 3.0)


def choose_penalties(
    engine: Engine,
    Z: Any,
    make_task: Callable[[np.ndarray], BoostingTask],
    plan: TreePlan,
    real: RealRows,
    *,
    taught: bool,
    rng: np.random.Generator,
) -> Penalties:
    """Choose by cross-validation of fits to the true labels of the real rows alone.

    What a teacher says of other rows must not take part: it has seen the labels of the rows held
    out, and repeats them on rows nearby, so that the weakest penalty would win.

    Parameters
    ----------
    engine : Engine
        Grows the trees.
    Z : {ndarray, CSR matrix} of shape (n_real, n_columns)
        Encoded real rows.
    make_task : callable
        Makes the task of learning the true labels of some of them, given by position.
    plan : TreePlan
        What is grown.
    real : RealRows
        The rows with a true label.
    taught : bool
        Whether the student will learn from a teacher, for which a quarter of the final penalty
        does.
    rng : numpy.random.Generator
        Draws the folds.

    Returns
    -------
    penalties : Penalties
    """
    if len(real) < FEWEST_ROWS:
        return USUAL
    rows = np.arange(len(real))
    if len(rows) > MOST_ROWS:
        rows = np.sort(rng.choice(rows, MOST_ROWS, replace=False))
    some = RealRows(np.arange(len(rows)), real.truth[rows], real.weight[rows])
    losses = np.zeros((len(GROWTH_STRENGTHS), len(PENALTIES)))
    for train, held_out in some.folds(N_FOLDS, len(rows), rng):
        task, Z_in, Z_out = make_task(rows[train]), Z[rows[train]], Z[rows[held_out.rows]]
        for i, strength in enumerate(GROWTH_STRENGTHS):
            trees = task.grow_together(engine, Z_in, plan, strength)
            codes = engine.leaves(trees.booster, Z_out, plan.n_threads)
            for j, penalty in enumerate(PENALTIES):
                trees.refit(penalty)
                losses[i, j] += held_out.losses(task.predict(trees.scores(codes))) @ held_out.weight
    best = np.unravel_index(np.argmin(losses), losses.shape)
    final = PENALTIES[int(best[1])] * (SOFT_SHARE if taught else 1.0)
    return Penalties(GROWTH_STRENGTHS[int(best[0])], final)
