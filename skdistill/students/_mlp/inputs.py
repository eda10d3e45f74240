"""Monotone transforms of a network's numeric inputs: standardising, or a table of quantiles."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.special import ndtri

from skdistill.students._arrays import Arrays
from skdistill.students._routing import ROWS_AT_A_TIME

# Quantiles in a table, at most: 16 fit as well as 64 and weigh a quarter.
N_KNOTS = 16

# Knots that are counted rather than searched for, at most.
MOST_COUNTED = 255

# The nearest that a rank comes to 0 and 1, where its normal score would be infinite.
LEAST_RANK = 1e-6


@dataclass(frozen=True)
class Scale:
    """Offset and width of each column, float64."""

    offset: np.ndarray
    width: np.ndarray

    def apply(self, Z: np.ndarray) -> np.ndarray:
        """Standardise the columns."""
        return (Z - self.offset) / self.width


def fit_scale(Z: np.ndarray, weight: np.ndarray) -> Scale:
    """Find the weighted mean and standard deviation of each column.

    Parameters
    ----------
    Z : ndarray of shape (n_samples, n_columns), dtype float64
        Finite numbers.
    weight : ndarray of shape (n_samples,)
        Positive weights of the rows.

    Returns
    -------
    scale : Scale
        A constant column has width one.
    """
    share = weight / weight.sum()
    offset = share @ Z
    centred = Z - offset
    reach = np.abs(centred).max(axis=0)
    # What differs from the mean by rounding alone is constant.
    constant = reach <= 1e-13 * np.abs(offset)
    reach[constant | (reach == 0.0)] = 1.0
    # Dividing by the reach first keeps the squares of huge values finite.
    width = reach * np.sqrt(share @ (centred / reach) ** 2)
    width[constant | (width == 0.0)] = 1.0
    return Scale(offset, width)


@dataclass(frozen=True)
class QuantileTables(Arrays):
    """For each column a table from its quantiles to normal scores; linear between, flat outside.

    Parameters
    ----------
    knots : ndarray of shape (n_entries,), dtype float64
        The quantiles of one column after the other, increasing within each.
    values : ndarray of shape (n_entries,), dtype float32
        What they are mapped to, not decreasing within each.
    ends : ndarray of shape (n_columns,), dtype int32
        Where the table of each column ends.
    """

    knots: np.ndarray
    values: np.ndarray
    ends: np.ndarray

    def apply(self, Z: np.ndarray) -> np.ndarray:
        """Map the columns of (n_samples, n_columns); the result is float64."""
        if len(Z) == 1:
            row = zip(self._curves, Z[0].tolist(), strict=True)
            return np.array([[curve.at(x) for curve, x in row]])
        out = np.empty(Z.shape)
        for j, curve in enumerate(self._curves):
            for start in range(0, len(Z), ROWS_AT_A_TIME):
                rows = slice(start, start + ROWS_AT_A_TIME)
                out[rows, j] = curve(np.ascontiguousarray(Z[rows, j]))
        return out

    @cached_property
    def _curves(self) -> list[_Curve]:
        ends = self.ends.tolist()
        return [
            _Curve(self.knots[start:end], self.values[start:end].astype(np.float64))
            for start, end in zip([0, *ends], ends, strict=False)
        ]


class _Curve:
    """Linear between knots and flat outside: `np.interp`, but faster with a few knots.

    Parameters
    ----------
    knots : ndarray of shape (n_knots,), dtype float64
        Increasing.
    values : ndarray of shape (n_knots,), dtype float64
        What they are mapped to.
    """

    def __init__(self, knots: np.ndarray, values: np.ndarray) -> None:
        self.knots, self.values, self.sorted = knots, values, knots.tolist()
        with np.errstate(over="ignore"):
            span = knots[-1] - knots[0]
            self.slopes = np.append(np.diff(values) / np.diff(knots), 0.0)
        # For differences that overflow `np.interp` has its own rules.
        finite = bool(np.isfinite(span) and np.isfinite(self.slopes).all())
        self.plain = finite and len(knots) <= MOST_COUNTED
        # For one number: where it starts from, and the slope, after so many knots passed.
        self.pieces = list(
            zip(
                [knots[0], *knots.tolist()],
                [values[0], *values.tolist()],
                [0.0, *self.slopes.tolist()],
                strict=True,
            )
        )

    def at(self, x: float) -> float:
        """Map one number."""
        if not self.plain:
            return float(np.interp(x, self.knots, self.values))
        knot, value, slope = self.pieces[bisect_right(self.sorted, x)]
        return slope * (x - knot) + value if slope else value

    def __call__(self, x: np.ndarray) -> np.ndarray:
        """Map a contiguous array."""
        if not self.plain:
            return np.interp(x, self.knots, self.values)
        x = np.minimum(np.maximum(x, self.knots[0]), self.knots[-1])
        # The knots passed are counted: a search has branches that no processor foresees.
        k, passed = np.zeros(len(x), dtype=np.uint8), np.empty(len(x), dtype=bool)
        for knot in self.sorted[1:]:
            np.greater_equal(x, knot, out=passed)
            np.add(k, passed.view(np.uint8), out=k)
        x -= self.knots.take(k)
        x *= self.slopes.take(k)
        x += self.values.take(k)
        return x


def fit_quantile_tables(
    Z: np.ndarray, weight: np.ndarray, n_knots: int = N_KNOTS
) -> QuantileTables:
    """Make the distribution of each column as normal as its ties allow.

    Every distinct value has a rank, that of the middle of its weight, and is mapped to the normal
    score of the rank; the values of a table have mean zero and unit variance over the rows.

    Parameters
    ----------
    Z : ndarray of shape (n_samples, n_columns), dtype float64
        Finite numbers.
    weight : ndarray of shape (n_samples,)
        Positive weights of the rows.
    n_knots : int
        Largest number of entries of a table; columns with no more distinct values have them all.

    Returns
    -------
    tables : QuantileTables
    """
    scale = fit_scale(Z, weight)
    share = weight / weight.sum()
    tables = [
        _fit_table(z, share, n_knots) if np.ptp(z) > 1e-13 * abs(m) else (z[:1], np.zeros(1))
        for z, m in zip(Z.T, scale.offset, strict=True)
    ]
    return QuantileTables(
        np.concatenate([knots for knots, _ in tables] or [np.zeros(0)]),
        np.concatenate([values for _, values in tables] or [np.zeros(0)]).astype(np.float32),
        np.cumsum([len(knots) for knots, _ in tables], dtype=np.int32),
    )


def _fit_table(z: np.ndarray, share: np.ndarray, n_knots: int) -> tuple[np.ndarray, np.ndarray]:
    distinct, codes = np.unique(z, return_inverse=True)
    mass = np.bincount(codes, weights=share)
    score = ndtri(np.clip(np.cumsum(mass) - mass / 2.0, LEAST_RANK, 1.0 - LEAST_RANK))
    knots, values = distinct, score
    if len(distinct) > n_knots:
        levels = ndtri((np.arange(n_knots) + 0.5) / n_knots)
        knots = np.unique(np.interp(levels, score, distinct))
        values = np.interp(knots, distinct, score)
    mapped = np.interp(distinct, knots, values)
    mean = mass @ mapped
    width = np.sqrt(mass @ (mapped - mean) ** 2)
    return knots, (values - mean) / (width if width > 0.0 else 1.0)
