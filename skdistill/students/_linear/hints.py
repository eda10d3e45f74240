"""How hints shape the penalty of a linear student: columns they depend on are pulled less."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from skdistill.hints import Hints
from skdistill.students._hints import structure_columns
from skdistill.students._linear.fit import Columns, Penalty, fit_values

# Precision of the further outputs, which only weigh columns.
TOL = 1e-6

# Hints of this weight, which is the default of each kind, determine half of the variance. They may:
# unlike splits or hidden units, they take nothing from the response that it would need.
HALF = 0.1


def shape_penalty(
    columns: Columns, hints: Hints | None, weight: np.ndarray, alpha: float
) -> Columns:
    """Change the units of the penalty by what the hints, as further outputs, depend on.

    The coefficients of all outputs are taken to be drawn with the same variance for a column. A
    share of it, ``w / (HALF + w)`` for hints of the weight ``w``, is in proportion to the squares
    of the further outputs' coefficients; the rest is equal. The mean over the columns stays one,
    so that the strength of the penalty keeps its meaning.

    Parameters
    ----------
    columns : Columns
        Rows.
    hints : Hints or None
        Of these rows.
    weight : ndarray of shape (n_rows,)
        Weights of the rows.
    alpha : float
        Strength of the penalty, also of the further outputs.

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
    squares = np.zeros(len(columns.units))
    if further.shape[1]:
        fitted = fit_values(columns, further, weight, Penalty(alpha, 0.0), tol=TOL)
        squares = np.square(fitted.coef * columns.units).sum(axis=0)
    if not squares.any():
        return columns
    total = sum(
        given
        for values, given in (
            (hints.features, hints.feature_weight),
            (hints.relations, hints.relation_weight),
        )
        if values is not None
    )
    share = total / (HALF + total)
    variance = (1.0 - share) + share * squares / squares.mean()
    return replace(columns, units=columns.units / np.sqrt(variance))
