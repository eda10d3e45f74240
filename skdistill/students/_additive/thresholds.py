"""Cut columns into few bins: at quantiles of the rows, and where the targets change."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from sklearn.tree import DecisionTreeRegressor

from skdistill.students._additive.teacher_cuts import Splits
from skdistill.students._tree.bins import halfway

# Smallest share of the rows' weight on each side of a supervised cut.
LEAST_SHARE = 0.005


def choose_cuts(
    Z: np.ndarray,
    response: np.ndarray,
    weight: np.ndarray,
    max_bins: int,
    splits: Mapping[int, Splits],
) -> list[np.ndarray]:
    """Choose the thresholds of each column.

    A column with few values gets all thresholds between them. Of any other, half of the cuts are
    at quantiles, where the rows are, up to a quarter at thresholds of the teacher's trees, if they
    are known: at quantiles of their gain. The rest are those of a small regression tree of the
    targets on this column alone: a jump in a thin tail, such as that at zero of a column that is
    mostly zero, is not at a quantile.

    Parameters
    ----------
    Z : ndarray of shape (n_rows, n_columns), dtype float64
        Encoded rows, NaN for missing.
    response : ndarray of shape (n_rows, n_responses)
        The targets.
    weight : ndarray of shape (n_rows,)
        Positive weights of the rows.
    max_bins : int
        Most bins of a column, from 2 to 255; missing values have one more.
    splits : mapping of int to Splits
        Where the teacher's trees split some of the columns.

    Returns
    -------
    cuts : list of ndarray
        For each column thresholds in increasing order; values at most the first one are in the
        first bin.
    """
    return [_cut(column, response, weight, max_bins, splits.get(j)) for j, column in enumerate(Z.T)]


def codes_of(column: np.ndarray, cuts: np.ndarray) -> np.ndarray:
    """Return the bin of each value; missing ones have one of their own, the last.

    Parameters
    ----------
    column : ndarray of shape (n_rows,), dtype float64
        NaN for missing.
    cuts : ndarray of shape (n_cuts,)
        Thresholds in increasing order.

    Returns
    -------
    codes : ndarray of shape (n_rows,), dtype int64
        In ``[0, n_cuts + 1]``.
    """
    codes = np.searchsorted(cuts, column, side="left")
    codes[np.isnan(column)] = len(cuts) + 1
    return codes


def merge_cuts(cuts: np.ndarray, mass: np.ndarray, max_bins: int) -> np.ndarray:
    """Keep the cuts that come nearest to equal shares of the rows in at most `max_bins` bins.

    Parameters
    ----------
    cuts : ndarray of shape (n_cuts,)
        Thresholds in increasing order.
    mass : ndarray of shape (n_cuts + 1,) or longer
        Weight of the rows in each bin.
    max_bins : int
        Most bins that are left.

    Returns
    -------
    kept : ndarray of shape (n_kept,)
        Some of `cuts`.
    """
    if len(cuts) < max_bins:
        return cuts
    below = np.cumsum(mass[: len(cuts) + 1])
    wanted = np.arange(1, max_bins) / max_bins * below[-1]
    nearest = np.abs(below[:-1, None] - wanted).argmin(axis=0)
    return cuts[np.unique(nearest)]


def coarse_bins(fine: np.ndarray, cuts: np.ndarray) -> np.ndarray:
    """Return the bin of `cuts` in which each bin of `fine` lies, that of missing values included.

    Parameters
    ----------
    fine : ndarray of shape (n_fine,)
        Thresholds in increasing order.
    cuts : ndarray of shape (n_cuts,)
        Some of them.

    Returns
    -------
    bins : ndarray of shape (n_fine + 2,), dtype int64
    """
    inside = np.searchsorted(cuts, np.append(fine, np.inf), side="left")
    return np.append(inside, len(cuts) + 1)


def _cut(
    column: np.ndarray,
    response: np.ndarray,
    weight: np.ndarray,
    max_bins: int,
    splits: Splits | None,
) -> np.ndarray:
    present = ~np.isnan(column)
    values, ranks = np.unique(column[present], return_inverse=True)
    if len(values) < 2:
        return np.zeros(0)
    between = halfway(values[:-1], values[1:])
    if len(values) <= max_bins:
        return between
    weight = weight[present]
    n_quantiles = max_bins // 2
    mass = np.bincount(ranks, weights=weight)
    chosen = np.minimum(_at_quantiles(mass, n_quantiles), len(between) - 1)
    n_supervised = max_bins - 1 - n_quantiles
    if splits is not None:
        places = np.searchsorted(values, splits.thresholds, side="right") - 1
        inside = (places >= 0) & (places < len(between))
        gains = np.bincount(places[inside], weights=splits.gains[inside])
        taught = np.unique(_at_quantiles(gains, max_bins // 4))
        chosen = np.append(chosen, taught)
        n_supervised -= len(taught)
    if n_supervised:
        # On ranks no value is too large, and no two are too near, for the tree's precision.
        tree = DecisionTreeRegressor(
            max_leaf_nodes=n_supervised + 1,
            min_weight_fraction_leaf=LEAST_SHARE,
            random_state=0,  # a single column: there is nothing to draw
        ).fit(ranks[:, None], response[present], sample_weight=weight)
        thresholds = tree.tree_.threshold[tree.tree_.children_left >= 0]
        chosen = np.append(chosen, np.floor(thresholds).astype(np.int64))
    return between[np.unique(chosen)]


def _at_quantiles(mass: np.ndarray, n: int) -> np.ndarray:
    """Return the places at which a sum of masses passes `n` equal shares; none without a mass."""
    if not mass.any():
        return np.zeros(0, dtype=np.int64)
    below = np.cumsum(mass)
    return np.searchsorted(below, np.arange(1, n + 1) / (n + 1) * below[-1])
