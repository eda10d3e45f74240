"""How large the numbers are that a prediction is added up from: what rounding goes by."""

from __future__ import annotations

from typing import Any

import numpy as np

from skdistill.export._form import Form, LeafModels, Network, Slope, Sum, Trees

# The spread of a regressor's outputs is that between these percentiles: what rows far from all
# others give does not make it blind to the others.
SPREAD = (5, 95)


# Rounding that the sum of a row's terms may be off by, in shares of their sizes: sixty-four units
# in the last place of double precision, and four of single precision.
ROUNDING, SINGLE_ROUNDING = 64.0 * 2.0**-52, 4.0 * 2.0**-23


def allowed_differences(
    form: Form, rows: np.ndarray, expected: np.ndarray, *, tolerance: float, single: bool
) -> np.ndarray:
    """Return by how much the outputs of each row may differ from the student's.

    That is the tolerance, times the spread of the outputs for values, and what rounding may do to
    the sum of the row's terms: the order of a sum changes its result by some units in the last
    place of the largest term, however small the result is.

    Parameters
    ----------
    form : Form
        Of the student.
    rows : ndarray of shape (n_rows, n_features), dtype object
        As made by `probe_rows`.
    expected : ndarray of shape (n_rows, n_classes) or (n_rows,)
        What the student predicts.
    tolerance : float
        Of probabilities, or of values with a spread of 1.
    single : bool
        Whether sums are made in single precision.

    Returns
    -------
    allowed : ndarray of shape (n_rows,), dtype float64
    """
    rounding = SINGLE_ROUNDING if single else ROUNDING
    sizes = rounding * term_sizes(form, rows)
    if form.classes is None:
        return tolerance * _spread(expected) + sizes
    return tolerance + sizes / 2.0  # no probability changes by more than half as much as its score


def term_sizes(form: Form, rows: np.ndarray) -> np.ndarray:
    """Return the sum of the sizes of all terms of each row's largest score, or of its value.

    Of a tree the term is its largest leaf, of a table its largest point.

    Parameters
    ----------
    form : Form
        Of the student.
    rows : ndarray of shape (n_rows, n_features), dtype object
        As made by `probe_rows`.

    Returns
    -------
    sizes : ndarray of shape (n_rows,), dtype float64
        Finite.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        sizes = np.broadcast_to(_sizes(form.scorer, rows).max(axis=1), len(rows))
    largest = np.finfo(np.float64).max
    return np.nan_to_num(sizes, nan=largest, posinf=largest)


def _spread(outputs: np.ndarray) -> float:
    finite = outputs[np.isfinite(outputs)]
    return float(np.subtract(*np.percentile(finite, SPREAD[::-1]))) if len(finite) else 0.0


def _sizes(scorer: Any, rows: np.ndarray) -> np.ndarray:
    """Return the sums of sizes, (n_rows, n_outputs), or (1, n_outputs) where all are the same."""
    if isinstance(scorer, Trees):
        return _tree_sizes(scorer)[None]
    if isinstance(scorer, LeafModels):
        reach = np.maximum(scorer.high - scorer.centre, scorer.centre - scorer.low)
        steps = (np.abs(scorer.slope) * np.abs(reach)[:, None]).sum(axis=1)
        return (np.abs(scorer.intercept) + steps).max(axis=0)[None]
    if isinstance(scorer, Network):
        sizes = _sum_sizes(scorer.first, rows)
        for coef, intercept in zip(scorer.coefs, scorer.intercepts, strict=True):
            sizes = sizes @ np.abs(coef) + np.abs(intercept)
        return sizes
    return _sum_sizes(scorer, rows)


def _tree_sizes(trees: Trees) -> np.ndarray:
    if -1 in trees.output:
        return np.abs(trees.init) + np.abs(trees.value).max(axis=0)
    sizes = np.abs(trees.init).astype(np.float64)
    for root, output in zip(trees.roots.tolist(), trees.output.tolist(), strict=True):
        sizes[output] += np.abs(trees.value[_leaves(trees, root), 0]).max()
    return sizes


def _leaves(trees: Trees, root: int) -> list[int]:
    found, stack = [], [root]
    while stack:
        node = stack.pop()
        if node < 0:
            found.append(~node)
        else:
            stack += [int(trees.left[node]), int(trees.right[node])]
    return found


def _sum_sizes(total: Sum, rows: np.ndarray) -> np.ndarray:
    points = [np.abs(table.points).reshape(-1, table.points.shape[-1]) for table in total.tables]
    sizes = np.tile(sum([p.max(axis=0) for p in points], np.abs(total.intercept)), (len(rows), 1))
    for slope in total.slopes:
        sizes += _slope_sizes(slope, rows[:, slope.input].astype(np.float64))
    return sizes


def _slope_sizes(slope: Slope, x: np.ndarray) -> np.ndarray:
    missing = np.isnan(x)[:, None]
    if slope.knots is not None and slope.values is not None:
        x = np.interp(x, slope.knots, slope.values)
    return np.where(missing, np.abs(slope.missing), np.abs(x)[:, None] * np.abs(slope.coef))
