"""Find the pairs of columns whose interaction a sum of single columns misses most."""

from __future__ import annotations

from itertools import combinations

import numpy as np

from skdistill.students._additive.tables import Fit, Layout
from skdistill.students._additive.targets import Target
from skdistill.students._additive.thresholds import coarse_bins
from skdistill.students._weights import one_row

# Columns among which pairs are searched: those that matter most alone.
MAX_COLUMNS = 40


def rank_pairs(*gains: dict[tuple[int, int], float]) -> list[tuple[int, int]]:
    """Rank the pairs of columns by the sum of what a table of both would gain.

    Parameters
    ----------
    *gains : dict of float
        What `pair_gains` returned, for one target or for several. What is no more than noise for
        one of them counts nothing, and takes nothing from what another gains.

    Returns
    -------
    pairs : list of tuple of int
        Those that gain, the strongest first.
    """
    total: dict[tuple[int, int], float] = {}
    for part in gains:
        for pair, gain in part.items():
            total[pair] = total.get(pair, 0.0) + max(gain, 0.0)
    ranked = sorted(total, key=lambda pair: -total[pair])
    return [pair for pair in ranked if total[pair] > 0]


def pair_gains(
    layout: Layout, fit: Fit, codes: np.ndarray, target: Target, weight: np.ndarray
) -> dict[tuple[int, int], float]:
    """Compute what a table of two columns would gain, for each pair of them, as in [1]_.

    For each cell of the table, with gradient sum ``G`` and curvature sum ``H`` of its rows'
    losses, one Newton step gains ``G**2 / (2 * H)``. Noise alone gains too, the more the more
    cells there are; so ``G**2`` goes without each row's own square. What is left are products of
    different rows, which have a mean of zero if there is no interaction.

    Parameters
    ----------
    layout : Layout
        Its pairs are not ranked again.
    fit : Fit
        Fitted values of that layout.
    codes : ndarray of shape (n_rows, n_columns)
        Bins of the columns.
    target : Target
        What was fitted.
    weight : ndarray of shape (n_rows,)
        Weights of the rows.

    Returns
    -------
    gains : dict of float
        By the columns of a pair. Below zero where there is no more than noise.

    References
    ----------
    .. [1] Lou, Y., Caruana, R., Gehrke, J., Hooker, G. (2013). Accurate Intelligible Models with
       Pairwise Interactions. KDD.
    """
    scores = layout.matrix(codes) @ fit.values + fit.intercept
    gradient, curvature = target.losses(scores)[1], target.curvature(scores)
    least = one_row(weight) * target.usual_curvature(weight / weight.sum())
    bins = {
        j: coarse_bins(layout.cuts[j], layout.coarse[j])[codes[:, j]]
        for j in _strongest(layout, fit, codes, weight)
    }
    gains = {}
    for j, k in combinations(sorted(bins), 2):
        if (j, k) in layout.pairs:
            continue
        size = (len(layout.coarse[j]) + 2) * (len(layout.coarse[k]) + 2)
        cell = bins[j] * (len(layout.coarse[k]) + 2) + bins[k]
        gains[j, k] = sum(
            _gain(cell, size, gradient[:, s], curvature[:, s], weight, least[s])
            for s in range(target.n_outputs)
        )
    return gains


def _gain(
    cell: np.ndarray,
    size: int,
    gradient: np.ndarray,
    curvature: np.ndarray,
    weight: np.ndarray,
    least: float,
) -> float:
    G = np.bincount(cell, weights=weight * gradient, minlength=size)
    # Weight two is two rows, each with a square of its own.
    own = np.bincount(cell, weights=weight * gradient**2, minlength=size) * one_row(weight)
    H = np.bincount(cell, weights=weight * curvature, minlength=size)
    return float(((G**2 - own) / (H + least)).sum())


def _strongest(layout: Layout, fit: Fit, codes: np.ndarray, weight: np.ndarray) -> list[int]:
    """Return the columns with the largest variance of their own points."""
    sizes = layout.sizes[: codes.shape[1]]
    ends = np.cumsum(sizes)
    spread = np.zeros(codes.shape[1])
    for j, (size, end) in enumerate(zip(sizes, ends, strict=True)):
        values = fit.values[end - size : end]
        share = np.bincount(codes[:, j], weights=weight, minlength=size) / weight.sum()
        spread[j] = (share @ (values - share @ values) ** 2).sum()
    found = np.argsort(-spread, kind="stable")[:MAX_COLUMNS]
    return [int(j) for j in found if len(layout.cuts[j]) > 0]
