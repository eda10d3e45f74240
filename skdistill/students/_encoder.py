"""The students' own small preprocessing: raw tables to numbers, in a few hundred bytes."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse as sp

from skdistill._columns import Column, Factor, column_names, factor_codes, read_column

# Levels of a categorical column that are told apart; the rarest beyond are treated like levels
# never seen. It bounds what a column of identifiers can cost a student that should be small.
MAX_LEVELS = 255


class TabularEncoder:
    """Turn a table with categories and missing values into a matrix of numbers.

    Parameters
    ----------
    layout : {"ordered", "onehot"}
        "ordered" gives one output column for each input column: numbers stay as they are (missing
        as NaN), categories become ranks in the order of their mean response, for a tree the best
        order in binary classification and regression [1]_, and the order along the first
        principal component of the mean responses for more classes. "onehot" gives numbers with
        missing ones imputed by the mean, then an indicator for each column that had missing
        values, then one column for each level.

    Attributes
    ----------
    n_numeric_ : int
        With "onehot", how many of the first output columns are imputed numbers.
    n_outputs_ : int
        Number of output columns.

    References
    ----------
    .. [1] Fisher, W. D. (1958). On Grouping for Maximum Homogeneity. JASA 53.
    """

    def __init__(self, layout: str) -> None:
        self.layout = layout

    def fit_transform(self, X: Any, response: np.ndarray, weight: np.ndarray) -> Any:
        """Learn the tables from a checked `X`, and encode it.

        Parameters
        ----------
        X : DataFrame, ndarray or sparse matrix of shape (n_samples, n_features)
            Sparse matrices pass through unchanged.
        response : ndarray of shape (n_samples, n_responses)
            What categories are ordered by.
        weight : ndarray of shape (n_samples,)
            Weights of the rows.

        Returns
        -------
        Z : ndarray of shape (n_samples, n_outputs_), dtype float64, or sparse matrix
        """
        self.names_ = column_names(X) or [f"x{j}" for j in range(X.shape[1])]
        self.tables_: dict[int, dict[Any, int]] = {}
        self.defaults_: dict[int, int] = {}
        if sp.issparse(X):
            self._set_numeric(np.zeros(X.shape[1]), np.array([], dtype=np.intp))
            return X
        columns = read_columns(X)
        for j, column in enumerate(columns):
            if isinstance(column, Factor):
                self.tables_[j], self.defaults_[j] = self._fit_table(column, response, weight)
        means, missing = [], []
        for j, column in enumerate(columns):
            if isinstance(column, np.ndarray):
                present = ~np.isnan(column)
                total = weight[present].sum()
                means.append(float(weight[present] @ column[present]) / total if total else 0.0)
                if not present.all():
                    missing.append(j)
        self._set_numeric(np.array(means), np.array(missing, dtype=np.intp))
        return self._encode(columns)

    def transform(self, X: Any) -> Any:
        """Encode a checked `X`; levels never seen get the average treatment of all."""
        if sp.issparse(X):
            if self.tables_ or len(self.missing_):
                raise TypeError(
                    "X is sparse, but the student was fitted on categories or missing values; "
                    "give a dense X."
                )
            return X
        return self._encode(read_columns(X))

    def feature_names_out(self) -> list[str]:
        """Return a name for each output column."""
        if self.layout == "ordered":
            return list(self.names_)
        names = [self.names_[j] for j in self._numeric_inputs()]
        names += [f"{self.names_[j]} is missing" for j in self.missing_]
        for j, table in self.tables_.items():
            names += [f"{self.names_[j]}={level}" for level in table]
        return names

    def _set_numeric(self, means: np.ndarray, missing: np.ndarray) -> None:
        self.means_, self.missing_ = means, missing
        self.n_numeric_ = len(means)
        levels = sum(len(table) for table in self.tables_.values())
        onehot = self.n_numeric_ + len(missing) + levels
        self.n_outputs_ = len(self.names_) if self.layout == "ordered" else onehot

    def _numeric_inputs(self) -> list[int]:
        return [j for j in range(len(self.names_)) if j not in self.tables_]

    def _fit_table(
        self, factor: Factor, response: np.ndarray, weight: np.ndarray
    ) -> tuple[dict[Any, int], int]:
        """Give each level a code; missing values are a level of their own, None."""
        n_levels = len(factor.levels)
        codes = np.where(factor.codes < 0, n_levels, factor.codes)
        mass = np.bincount(codes, weights=weight, minlength=n_levels + 1)
        seen = np.flatnonzero(mass > 0)
        kept = seen[np.argsort(-mass[seen], kind="stable")][:MAX_LEVELS]
        levels = [*factor.levels, None]
        if self.layout == "onehot":
            return {levels[code]: i for i, code in enumerate(np.sort(kept))}, -1
        score, centre = _order_levels(codes, mass, response, weight)
        ranked = kept[np.argsort(score[kept], kind="stable")]
        default = int(np.searchsorted(score[ranked], centre))
        return {levels[code]: i for i, code in enumerate(ranked)}, min(default, len(ranked) - 1)

    def _encode(self, columns: list[Column]) -> np.ndarray:
        for j, column in enumerate(columns):
            if isinstance(column, Factor) and j not in self.tables_:
                raise TypeError(
                    f"Column {self.names_[j]!r} was numeric in fit and now holds "
                    f"{column.levels[:1]!r}: argument must be a string only where it was in fit."
                )
        ordered = self.layout == "ordered"
        n_samples = len(columns[0].codes if isinstance(columns[0], Factor) else columns[0])
        Z = np.zeros((n_samples, self.n_outputs_))
        rows = np.arange(n_samples)
        for i, j in enumerate(self._numeric_inputs()):
            column = columns[j]
            Z[:, j if ordered else i] = (
                column if ordered else np.where(np.isnan(column), self.means_[i], column)
            )
        start = self.n_numeric_
        if not ordered:
            for j in self.missing_:
                Z[:, start] = np.isnan(columns[j])
                start += 1
        for j, table in self.tables_.items():
            codes = factor_codes(columns[j], table, self.defaults_[j])
            if ordered:
                Z[:, j] = codes
            else:
                known = codes >= 0
                Z[rows[known], start + codes[known]] = 1.0
                start += len(table)
        return Z


def read_columns(X: Any) -> list[Column]:
    """Read every column of a DataFrame or array."""
    if isinstance(X, np.ndarray) and X.dtype.kind in "biuf":
        return list(X.astype(np.float64).T)
    return [read_column(X, j) for j in range(X.shape[1])]


def _order_levels(
    codes: np.ndarray, mass: np.ndarray, response: np.ndarray, weight: np.ndarray
) -> tuple[np.ndarray, float]:
    """Score the levels by their mean response, shrunk by one row's weight to the overall mean."""
    n_levels = len(mass)
    overall = weight @ response / weight.sum()
    prior = weight.mean()
    sums = np.column_stack(
        [np.bincount(codes, weights=weight * r, minlength=n_levels) for r in response.T]
    )
    means = (sums + prior * overall) / (mass + prior)[:, None] - overall
    if response.shape[1] <= 2:
        return means[:, -1], 0.0
    direction = np.linalg.svd(np.sqrt(mass)[:, None] * means, full_matrices=False)[2][0]
    direction *= np.sign(direction[np.argmax(np.abs(direction))])  # SVD leaves the sign open
    return means @ direction, 0.0
