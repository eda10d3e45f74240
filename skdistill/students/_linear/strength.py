"""How strong the penalty of a linear student is: chosen on real rows."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from skdistill.students._real_rows import RealRows

# Strengths that are tried, from strong to weak, in units of rows, so that what is best hardly
# depends on their number: it is chosen on so many at most.
STRENGTHS = tuple(10.0 ** (half / 2) for half in range(6, -5, -1))
MOST_ROWS = 5_000

# With fewer rows a choice would be chance, and this is taken.
LEAST_ROWS = 60
USUAL_STRENGTH = 1.0

N_FOLDS = 5

# The path ends when two losses in a row are larger than the least one by this part of it. Those
# that absolute values have left no coefficient are all the same.
WORSE = 1e-3

# What a teacher says has less noise than labels have.
SOFT_SHARE = 0.25

# Predicts held-out rows after a fit with a given strength, which may start from the fit before.
Path = Callable[[float], np.ndarray]


def choose_alpha(
    real: RealRows,
    make_path: Callable[[np.ndarray, np.ndarray], Path],
    *,
    unit: float,
    taught: bool,
) -> float:
    """Choose the strength by cross-validation of fits to the true labels of the real rows alone.

    What a teacher says of other rows must not take part: it has seen the labels of the rows held
    out, and repeats them on rows nearby, so that the weakest penalty would win.

    Parameters
    ----------
    real : RealRows
        Rows with a true label.
    make_path : callable
        Called with the positions among the real rows of those to fit to and of those held out,
        makes the fits of one fold.
    unit : float
        Strength of one.
    taught : bool
        Whether the student will learn from a teacher, for which a quarter of the strength does.

    Returns
    -------
    alpha : float
        One of the path of strengths, or a quarter of it.
    """
    if len(real) < LEAST_ROWS:
        return USUAL_STRENGTH * unit
    # The same folds in every fit: a linear student has nothing else that is random.
    rng = np.random.default_rng(0)
    rows = np.arange(len(real))
    if len(rows) > MOST_ROWS:
        rows = np.sort(rng.choice(rows, MOST_ROWS, replace=False))
    some = RealRows(np.arange(len(rows)), real.truth[rows], real.weight[rows])
    folds = [
        (make_path(rows[train], rows[held_out.rows]), held_out)
        for train, held_out in some.folds(N_FOLDS, len(rows), rng)
    ]
    losses: list[float] = []
    for strength in STRENGTHS:
        losses.append(
            sum(float(held.losses(path(strength * unit)) @ held.weight) for path, held in folds)
        )
        if min(losses[-2:]) > (1.0 + WORSE) * min(losses):
            break
    return STRENGTHS[int(np.argmin(losses))] * unit * (SOFT_SHARE if taught else 1.0)
