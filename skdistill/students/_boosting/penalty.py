"""How strongly the leaves of a boosted student are penalised: chosen on real rows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from skdistill.students._boosting.engines import Engine, TreePlan
from skdistill.students._boosting.growth import BoostingTask, CorrectedTrees
from skdistill.students._real_rows import RealRows

# With fewer real rows a choice would be chance; more would cost time and change no choice.
FEWEST_ROWS = 60
MOST_ROWS = 5_000

N_FOLDS = 3

# Penalties while trees are added, as parts of the number of rows: how much of the loss is left to
# the trees that follow. And those of the final fit, from strong to weak.
GROWTH_STRENGTHS = (0.01, 0.03)
PENALTIES = (1000.0, 300.0, 100.0, 30.0, 10.0, 3.0, 1.0)

# A path of penalties ends when two losses in a row are larger than the least one by this part.
WORSE = 1e-3

# Sweeps of Newton's method, at most, where penalties are compared.
ROUGH_SWEEPS = 5

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
    folds = [
        (rows[train], rows[held_out.rows], held_out)
        for train, held_out in some.folds(N_FOLDS, len(rows), rng)
    ]
    best, least = USUAL, np.inf
    for strength in GROWTH_STRENGTHS:
        grown = []
        for train, others, held_out in folds:
            task = make_task(train)
            trees = task.grow_together(engine, Z[train], plan, strength)
            codes = engine.leaves(trees.booster, Z[others], plan.n_threads)
            grown.append(_Fold(task, trees, codes, held_out))
        losses: list[float] = []
        for penalty in PENALTIES:
            losses.append(sum(fold.loss(penalty) for fold in grown))
            if losses[-1] < least:
                best, least = Penalties(strength, penalty), losses[-1]
            if min(losses[-2:]) > (1.0 + WORSE) * min(losses):
                break
    return replace(best, final=best.final * SOFT_SHARE) if taught else best


@dataclass(frozen=True)
class _Fold:
    """Trees of some rows, and the leaves of those held out."""

    task: BoostingTask
    trees: CorrectedTrees
    codes: np.ndarray
    held_out: RealRows

    def loss(self, penalty: float) -> float:
        """Refit under a penalty, and sum the losses of the rows held out."""
        self.trees.refit(penalty, max_sweeps=ROUGH_SWEEPS)
        predicted = self.task.predict(self.trees.scores(self.codes))
        return float(self.held_out.losses(predicted) @ self.held_out.weight)
