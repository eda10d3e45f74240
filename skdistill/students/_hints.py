"""Hints for students: their checks, and the columns that shape a structure."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.linalg import svd

from skdistill._validation import check_choice
from skdistill.hints import RELATION_MEASURES, Hints

# Most columns that shape a structure besides the response. Sums over bins cost in proportion to
# their number, and what a teacher knows of the rows mostly varies along a few directions.
MAX_COLUMNS = 6

# Share of the squared values below which a variance is rounding.
NO_SPREAD = 1e-20


def check_hints(hints: Any, n_rows: int) -> Hints | None:
    """Check that hints are of the rows, finite, and have a weight and a known measure.

    Parameters
    ----------
    hints : Hints or None
        What was given.
    n_rows : int
        Number of training rows.

    Returns
    -------
    hints : Hints or None
        None also where they hold nothing.
    """
    if hints is None:
        return None
    if not isinstance(hints, Hints):
        raise TypeError(
            f"hints must be a skdistill.hints.Hints, got a {type(hints).__name__}; "
            "skdistill.knowledge.make_hints makes them of a fitted teacher."
        )
    found = False
    for name, weight_name in (("features", "feature_weight"), ("relations", "relation_weight")):
        values, weight = getattr(hints, name), getattr(hints, weight_name)
        if values is None:
            continue
        found = True
        if np.ndim(values) != 2 or len(values) != n_rows:
            raise ValueError(
                f"hints.{name} must have one row for each of the {n_rows} samples, got shape "
                f"{np.shape(values)}."
            )
        if not np.isfinite(values).all():
            raise ValueError(f"hints.{name} must be finite, got NaN or infinite values.")
        if not 0.0 < weight < np.inf:
            raise ValueError(
                f"hints.{weight_name} must be a number above zero, got {weight!r}; give "
                f"{name}=None to leave them out."
            )
    check_choice(hints.relation_measure, "hints.relation_measure", RELATION_MEASURES)
    return hints if found else None


def structure_columns(hints: Hints, weight: np.ndarray) -> np.ndarray:
    """Turn hints into few columns whose squared error is the loss of a structure.

    Features and relations are centred and scaled so that the variances of their columns sum to
    their weight: squared error to the means of groups of rows then is that share of what it was
    which the groups leave unexplained, times the weight. It depends on inner products of rows
    alone, which the leading principal components keep best.

    Parameters
    ----------
    hints : Hints
        Features, relations, or both.
    weight : ndarray of shape (n_rows,)
        Weights of the rows.

    Returns
    -------
    columns : ndarray of shape (n_rows, n_columns), dtype float64
        At most `MAX_COLUMNS`, with mean zero. None, if all rows have the same hints.

    Raises
    ------
    ValueError
        If the relations ask for a hidden layer.
    """
    if hints.relations is not None and hints.relation_measure != "distance":
        raise ValueError(
            f"measure={hints.relation_measure!r} of RelationKnowledge compares rows in a hidden "
            "layer, which this student does not have: the embedding itself shapes it. "
            "Give measure='distance', or the student 'mlp'."
        )
    share = weight / weight.sum()
    parts = []
    for values, times in (
        (hints.features, hints.feature_weight),
        (hints.relations, hints.relation_weight),
    ):
        if values is None:
            continue
        centred = values - share @ values
        total = (share @ np.square(centred)).sum()
        if total > NO_SPREAD * np.square(values).max(initial=0.0):
            parts.append(centred * np.sqrt(times / total))
    if not parts:
        return np.zeros((len(weight), 0))
    columns = np.hstack(parts)
    if columns.shape[1] <= MAX_COLUMNS:
        return columns
    variances = columns.T @ (share[:, None] * columns)
    directions, _, _ = svd(variances)  # symmetric: the singular vectors of the columns
    return np.asarray(columns @ directions[:, :MAX_COLUMNS])
