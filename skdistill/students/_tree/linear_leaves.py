"""A small linear model in every leaf of a tree."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from scipy.optimize import minimize

from skdistill.losses import log_softmax, softmax
from skdistill.students._scores import RAREST, to_logits

# Columns are clipped to these quantiles of the training rows, so that no outlier bends a leaf and
# no later row, however far away, gets more than the training range allows.
TAILS = (0.01, 0.99)

# A share of the rows that reaches a quantile but for so much reaches it.
ROUNDING = 1e-9

# Rows that are multiplied by the slopes of their leaves at a time.
CHUNK = 65_536

MAX_STEPS = 100

# A column of less spread counts as constant: a slope in its unit could be too large for float64.
LEAST_SPREAD = 1e-290


@dataclass(frozen=True)
class Inputs:
    """What a linear leaf sees of the encoded columns.

    Attributes
    ----------
    low, high : ndarray of shape (n_columns,)
        Range to which each column is clipped.
    centre : ndarray of shape (n_columns,)
        Mean of each clipped column, also what is put in place of missing values.
    """

    low: np.ndarray
    high: np.ndarray
    centre: np.ndarray

    @classmethod
    def of(cls, Z: np.ndarray, weight: np.ndarray) -> tuple[Inputs, np.ndarray]:
        """Learn the ranges and means, and the spread of each column.

        Parameters
        ----------
        Z : ndarray of shape (n_rows, n_columns)
            Encoded rows, NaN for missing.
        weight : ndarray of shape (n_rows,)
            Weights of the rows.

        Returns
        -------
        inputs : Inputs
        spread : ndarray of shape (n_columns,)
            Standard deviation of each clipped column; one for a constant column.
        """
        low, high, centre, spread = np.zeros((4, Z.shape[1]))
        for j, z in enumerate(Z.T):
            present = ~np.isnan(z)
            values, w = z[present], weight[present]
            if not len(values):
                continue
            low[j], high[j] = _range(values, w)
            clipped = np.clip(values, low[j], high[j])
            # Halves and units of the range keep huge numbers from overflowing.
            half = high[j] / 2.0 - low[j] / 2.0
            unit = (clipped / 2.0 - low[j] / 2.0) / (half if half else 1.0)
            mean = np.average(unit, weights=w)
            centre[j] = low[j] + 2.0 * half * mean if np.isfinite(2.0 * half) else 0.0
            spread[j] = 2.0 * half * np.sqrt(np.average((unit - mean) ** 2, weights=w))
        usable = (spread > LEAST_SPREAD) & np.isfinite(spread)
        return cls(low, high, centre), np.where(usable, spread, 1.0)

    def __call__(self, Z: np.ndarray) -> np.ndarray:
        """Clip and centre encoded rows; missing values become zero."""
        X = np.minimum(np.maximum(Z, self.low), self.high)
        X -= self.centre
        X[np.isnan(X)] = 0.0
        return X


@dataclass(frozen=True)
class LinearLeaves:
    """What is added to the constant scores of the leaves.

    Attributes
    ----------
    inputs : Inputs
        What the leaves see of a row.
    intercept : ndarray of shape (n_leaves, n_scores)
        Scores of a row at the centre of the columns.
    slope : ndarray of shape (n_leaves, n_columns, n_scores)
        Change of the scores with each centred column.
    """

    inputs: Inputs
    intercept: np.ndarray
    slope: np.ndarray

    def scores(self, Z: np.ndarray, leaf: np.ndarray) -> np.ndarray:
        """Compute the scores of encoded rows whose leaves are known.

        Parameters
        ----------
        Z : ndarray of shape (n_rows, n_columns)
            Encoded rows, NaN for missing.
        leaf : ndarray of shape (n_rows,), dtype int
            Index of the leaf of each row.

        Returns
        -------
        scores : ndarray of shape (n_rows, n_scores)
            Values, margins of the second of two classes, or logits.
        """
        scores = self.intercept.take(leaf, axis=0)
        if len(Z) == 1:
            return scores + self.inputs(Z) @ self.slope[leaf[0]]
        for start in range(0, len(Z), CHUNK):
            rows = slice(start, start + CHUNK)
            X, groups = self.inputs(Z[rows]), _groups(leaf[rows])
            for i, members in groups:
                scores[rows][members] += X[members] @ self.slope[i]
        return scores

    def rescaled(self, factor: float, offset: float) -> LinearLeaves:
        """Return leaves whose scores are `factor` times these plus `offset`."""
        return LinearLeaves(self.inputs, self.intercept * factor + offset, self.slope * factor)


def fit_linear_leaves(
    Z: np.ndarray,
    leaf: np.ndarray,
    means: np.ndarray,
    targets: np.ndarray,
    weight: np.ndarray,
    *,
    penalty: float,
    cross_entropy: bool,
) -> LinearLeaves:
    """Fit a ridge-regularised linear model in each leaf, from its constant prediction on.

    Parameters
    ----------
    Z : ndarray of shape (n_rows, n_columns)
        Encoded rows, NaN for missing.
    leaf : ndarray of shape (n_rows,), dtype int
        Index of the leaf of each row.
    means : ndarray of shape (n_leaves, n_outputs)
        What the leaves predict without slopes.
    targets : ndarray of shape (n_rows, n_outputs)
        Probabilities of all classes, or values.
    weight : ndarray of shape (n_rows,)
        Weights of the rows.
    penalty : float
        Weight of the squared slopes for columns of unit spread. At infinity the leaves are
        constant.
    cross_entropy : bool
        The loss: cross-entropy of the softmax of the scores, or squared error.

    Returns
    -------
    leaves : LinearLeaves
    """
    inputs, spread = Inputs.of(Z, weight)
    order = np.argsort(leaf, kind="stable")
    starts = np.searchsorted(leaf[order], np.arange(len(means) + 1))
    X, targets, weight = inputs(Z[order]) / spread, targets[order], weight[order]
    blocks = [slice(a, b) for a, b in pairwise(starts)]
    # Around the mean of its own leaf a slope does not disturb the constant.
    middle = np.array([weight[b] @ X[b] / weight[b].sum() for b in blocks])
    for b, m in zip(blocks, middle, strict=True):
        X[b] -= m
    if cross_entropy:
        constant, slope = _fit_logits(X, blocks, means, targets, weight, penalty)
    else:
        constant, slope = means, _fit_values(X, blocks, means, targets, weight, penalty)
    constant = constant - np.einsum("ij,ijk->ik", middle, slope)
    return LinearLeaves(inputs, constant, slope / spread[:, None])


def _fit_values(
    X: np.ndarray,
    blocks: list[slice],
    means: np.ndarray,
    targets: np.ndarray,
    weight: np.ndarray,
    penalty: float,
) -> np.ndarray:
    """Least squares in each leaf."""
    slopes = []
    for b, mean in zip(blocks, means, strict=True):
        weighted = X[b] * weight[b][:, None]
        gram = weighted.T @ X[b]
        gram[np.diag_indices(len(gram))] += penalty
        # Without a penalty columns may be collinear: then the shortest solution.
        solution = np.linalg.lstsq(gram, weighted.T @ (targets[b] - mean), rcond=None)
        slopes.append(solution[0])
    return np.array(slopes)


def _fit_logits(
    X: np.ndarray,
    blocks: list[slice],
    means: np.ndarray,
    targets: np.ndarray,
    weight: np.ndarray,
    penalty: float,
) -> tuple[np.ndarray, np.ndarray]:
    """Minimise the exact cross-entropy of soft targets in all leaves at once."""
    base = np.log(np.maximum(means, RAREST))
    if base.shape[1] == 2:
        base = base[:, 1:] - base[:, :1]
    shape = (len(base), X.shape[1] + 1, base.shape[1])
    total = weight.sum()

    def loss(flat: np.ndarray) -> tuple[float, np.ndarray]:
        theta = flat.reshape(shape)
        scores = np.concatenate(
            [base[i] + theta[i, 0] + X[b] @ theta[i, 1:] for i, b in enumerate(blocks)]
        )
        logits = to_logits(scores)
        value = -(weight @ np.einsum("ij,ij->i", targets, log_softmax(logits)))
        residual = (softmax(logits) - targets)[:, -shape[2] :] * weight[:, None]
        slopes = theta[:, 1:]
        gradient = np.empty(shape)
        for i, b in enumerate(blocks):
            gradient[i, 0] = residual[b].sum(axis=0)
            gradient[i, 1:] = X[b].T @ residual[b] + penalty * slopes[i]
        value += penalty / 2.0 * np.sum(slopes**2)
        return value / total, gradient.ravel() / total

    found = minimize(
        loss,
        np.zeros(np.prod(shape)),
        jac=True,
        method="L-BFGS-B",
        options={"maxiter": MAX_STEPS, "gtol": 1e-6},
    )
    theta = found.x.reshape(shape)
    return base + theta[:, 0], theta[:, 1:]


def _range(values: np.ndarray, weight: np.ndarray) -> tuple[float, float]:
    """Find the quantiles to clip at; of a column that is mostly one value, the extremes."""
    order = np.argsort(values)
    share = np.cumsum(weight[order]) / weight.sum() + ROUNDING
    low, high = values[order][np.searchsorted(share, TAILS).clip(max=len(values) - 1)]
    if low < high:
        return float(low), float(high)
    return float(values.min()), float(values.max())


def _groups(leaf: np.ndarray) -> list[tuple[int, np.ndarray]]:
    """List the leaves with rows, each with the positions of its rows."""
    order = np.argsort(leaf, kind="stable")
    found, starts = np.unique(leaf[order], return_index=True)
    return list(zip(found.tolist(), np.split(order, starts[1:]), strict=True))
