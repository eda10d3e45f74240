"""How hints shape the penalty of a linear student: columns they depend on are pulled less."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from skdistill.hints import Hints
from skdistill.students._hints import structure_columns
from skdistill.students._linear.fit import Columns, Penalty, fit_values
from skdistill.students._weights import one_row

# Precision of the further outputs, which only weigh columns.
TOL = 1e-6

# Hints of this weight, which is the default of each kind, determine half of the variance.
HALF = 0.1


def shape_penalty(
    columns: Columns, hints: Hints | None, weight: np.ndarray, alpha: float
) -> Columns:
    """Change the units of the penalty by what the hints, as further outputs, depend on.

    The coefficients of all outputs are taken to be drawn with the same variance for a column. A
    share of it, ``w / (HALF + w)`` for further outputs of the variance ``w``, is in proportion to
    the squares of their coefficients; the rest is equal. The variance of the scores that are drawn
    so stays the same, so that the strength of the penalty keeps its meaning, however many
    columns are empty.

    Parameters
    ----------
    columns : Columns
        Rows.
    hints : Hints or None
        Of these rows.
    weight : ndarray of shape (n_rows,)
        Weights of the rows.
    alpha : float
        Strength of the penalty. The further outputs have at least that of one row, so that
        coefficients of columns which are nearly the same stay small.

    Returns
    -------
    columns : Columns
        With other units; as they were, where no column tells anything of the hints.

    Raises
    ------
    ValueError
        If there is no penalty to shape, or the relations ask for a hidden layer.
    """
    if hints is None:
        return columns
    if not alpha:
        raise ValueError(
            "alpha=0.0 leaves a linear student no penalty, which is all that hints can shape in "
            "it; give alpha='auto' or a number above zero, or knowledge='response'."
        )
    further = structure_columns(hints, weight)
    if not further.shape[1]:
        return columns
    penalty = Penalty(max(alpha, one_row(weight)), 0.0)
    coef = np.atleast_2d(fit_values(columns, further, weight, penalty, tol=TOL).coef)
    squares = np.square(coef * columns.units).sum(axis=0)
    reach = np.square(columns.spread / columns.units)
    if not squares @ reach:
        return columns
    given = float((weight / weight.sum() @ np.square(further)).sum())
    equal = HALF / (HALF + given)
    variance = equal + (1.0 - equal) * squares * (reach.sum() / (squares @ reach))
    return replace(columns, units=columns.units / np.sqrt(variance))
