"""Columns as bytes, and sums over their bins: what growth and search look at instead of values."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import scipy.sparse as sp

# Finite cuts of a column. With one more behind all values, where some are missing, and the code
# of missing values, codes fit into a byte.
MAX_CUTS = 253

# Rows whose quantiles stand for those of all rows.
QUANTILE_ROWS = 200_000

# Codes summed at a time: bounds the memory of their indices.
CHUNK_CODES = 250_000


@dataclass(frozen=True)
class Bins:
    """Encoded columns as bytes; constant columns are left out.

    The bins of all columns stand in one line: those of column ``j`` from ``starts[j]`` on, its
    last one for missing values. A value has the number of cuts below it as its code.

    Attributes
    ----------
    codes : ndarray of shape (n_rows, n_columns), dtype uint8
        Code of each value.
    cuts : list of ndarray
        For each column, thresholds in increasing order. Where values are missing, the last one is
        infinite and divides them from all others.
    columns : ndarray of shape (n_columns,), dtype int32
        Index of each column among the encoded ones.
    starts : ndarray of shape (n_columns + 1,), dtype int32
        First bin of each column, and the number of all bins.
    """

    codes: np.ndarray
    cuts: list[np.ndarray]
    columns: np.ndarray
    starts: np.ndarray

    def __len__(self) -> int:
        return len(self.codes)

    @cached_property
    def missing(self) -> np.ndarray:
        """Code of missing values in each column."""
        return (np.diff(self.starts) - 1).astype(np.uint8)

    @cached_property
    def has_missing(self) -> bool:
        """Whether any value is missing."""
        return any(np.isinf(cuts[-1]) for cuts in self.cuts)

    def take(self, rows: np.ndarray) -> Bins:
        """Return some of the rows."""
        return Bins(self.codes[rows], self.cuts, self.columns, self.starts)

    def sums(self, rows: np.ndarray, values: np.ndarray) -> np.ndarray:
        """Sum values over the rows in each bin.

        Parameters
        ----------
        rows : ndarray of shape (n_taken,), dtype int
            Indices of the rows.
        values : ndarray of shape (n_taken, n_values)
            Their values.

        Returns
        -------
        sums : ndarray of shape (n_bins, n_values)
        """
        n_bins, width = int(self.starts[-1]), len(self.columns)
        total = np.zeros((n_bins, values.shape[1]))
        step = max(1, CHUNK_CODES // width)
        for start in range(0, len(rows), step):
            part = slice(start, start + step)
            # One column of the matrix for each row, with a one in each of its bins: the product
            # is a histogram of all columns and values at once.
            bins = (self.codes[rows[part]] + self.starts[:-1]).ravel()
            ends = np.arange(0, len(bins) + 1, width, dtype=np.int32)
            member = sp.csc_matrix(
                (np.ones(len(bins)), bins, ends), shape=(n_bins, len(ends) - 1), copy=False
            )
            total += member @ values[part]
        return total


def bin_columns(Z: np.ndarray, weight: np.ndarray, rng: np.random.Generator) -> Bins:
    """Cut each column between its values, or at quantiles where there are many.

    Memory: one byte a value, and a few copies of a single column.

    Parameters
    ----------
    Z : ndarray of shape (n_rows, n_columns)
        Encoded rows, NaN for missing.
    weight : ndarray of shape (n_rows,)
        Weights of the rows, which quantiles respect.
    rng : numpy.random.Generator
        Draws the rows for quantiles if there are more than `QUANTILE_ROWS`.

    Returns
    -------
    bins : Bins
    """
    sample: slice | np.ndarray = slice(None)
    if len(Z) > QUANTILE_ROWS:
        sample = np.sort(rng.choice(len(Z), QUANTILE_ROWS, replace=False))
    codes = np.empty(Z.shape, dtype=np.uint8)
    columns: list[int] = []
    all_cuts: list[np.ndarray] = []
    for j in range(Z.shape[1]):
        x = np.ascontiguousarray(Z[:, j])
        cuts = _quantile_cuts(x[sample], weight[sample])
        if len(cuts) < MAX_CUTS and len(x) > QUANTILE_ROWS:
            cuts = _quantile_cuts(x, weight)  # so few values that rare ones count
        missing = np.isnan(x)
        if missing.any() and not missing.all():
            cuts = np.append(cuts, np.inf)
        if not len(cuts):
            continue
        code = np.searchsorted(cuts, x, side="left").astype(np.uint8)
        code[missing] = len(cuts) + 1
        codes[:, len(columns)] = code
        columns.append(j)
        all_cuts.append(cuts)
    starts = np.cumsum([0, *(len(cuts) + 2 for cuts in all_cuts)])
    if len(columns) < Z.shape[1]:
        codes = np.ascontiguousarray(codes[:, : len(columns)])
    return Bins(codes, all_cuts, np.array(columns, dtype=np.int32), starts.astype(np.int32))


def halfway(low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """Return thresholds that lie between: at least `low` and below `high`, also after rounding."""
    middle = low / 2.0 + high / 2.0
    return np.where((low <= middle) & (middle < high), middle, low)


def _quantile_cuts(x: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Choose thresholds halfway between neighbouring values, at most `MAX_CUTS` at quantiles."""
    present = ~np.isnan(x)
    values, inverse = np.unique(x[present], return_inverse=True)
    if len(values) < 2:
        return np.zeros(0)
    between = halfway(values[:-1], values[1:])
    if len(between) <= MAX_CUTS:
        return between
    below = np.cumsum(np.bincount(inverse, weights=weight[present]))[:-1]
    wanted = np.arange(1, MAX_CUTS + 1) / (MAX_CUTS + 1) * weight[present].sum()
    return between[np.unique(np.minimum(np.searchsorted(below, wanted), len(between) - 1))]
