"""The students' own small preprocessing: raw tables to numbers, in a few hundred bytes."""

from __future__ import annotations

from itertools import compress
from typing import Any

import numpy as np
import scipy.sparse as sp

from skdistill._columns import Column, Factor, column_names, factor_codes, read_column
from skdistill.students._weights import one_row

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
        principal component of the mean responses for more classes. Levels never seen get the
        rank of the level nearest to the overall mean. "onehot" gives numbers with missing ones
        imputed by the mean, then an indicator for each column that had missing values, then one
        column for each level; levels never seen have zeros in all of them.

    Attributes
    ----------
    n_inputs_ : int
        Number of input columns.
    n_outputs_ : int
        Number of output columns.
    n_numeric_ : int
        With "onehot", how many of the first output columns are imputed numbers.
    names_ : list of str or None
        Names of the input columns of a DataFrame.
    tables_ : dict of dict
        For each categorical input column the code of each level; None stands for missing. A
        column without any value is one of them.
    strings_ : set of int
        The categorical input columns that held strings in `fit`, also where `tables_` keeps no
        level that is one. The levels of the others are numbers.
    defaults_ : dict of int
        For each categorical input column the code of levels never seen; -1 with "onehot".
    means_ : ndarray
        With "onehot", the mean of each numeric input column; zeros if `X` was sparse in `fit`.
    missing_ : ndarray
        With "onehot", the numeric input columns with missing values.
    read_ : ndarray or None
        With "ordered", the input columns that are read; None reads all.

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
            Positive weights of the rows.

        Returns
        -------
        Z : ndarray of shape (n_samples, n_outputs_), dtype float64, or sparse matrix
        """
        self.names_ = column_names(X)
        self.n_inputs_ = int(X.shape[1])
        self.tables_: dict[int, dict[Any, int]] = {}
        self.defaults_: dict[int, int] = {}
        self.strings_: set[int] = set()
        self.means_ = np.zeros(0)
        self.missing_ = np.zeros(0, dtype=np.intp)
        self.read_: np.ndarray | None = None
        if self.layout == "ordered" and _is_numeric(X) and not _has_empty_column(X):
            self.n_numeric_ = self.n_outputs_ = self.n_inputs_
            return np.asarray(X, dtype=np.float64)  # no copy of what may be large
        columns = {} if sp.issparse(X) else read_columns(X, range(self.n_inputs_))
        for j, column in columns.items():
            if not isinstance(column, Factor) and np.isnan(column).all():
                columns[j] = Factor(np.full(len(column), -1), [])
        for j, column in columns.items():
            if isinstance(column, Factor):
                self.tables_[j], self.defaults_[j] = self._fit_table(column, response, weight)
                if has_strings(column):
                    self.strings_.add(j)
        self.n_numeric_ = self.n_inputs_ - len(self.tables_)
        if sp.issparse(X):
            if self.layout == "onehot":
                self.means_ = np.zeros(self.n_inputs_)
            self.n_outputs_ = self.n_inputs_
            return X
        if self.layout == "ordered":
            self.n_outputs_ = self.n_inputs_
            return self._ordered(columns)
        self._fit_means(columns, weight)
        levels = sum(len(table) for table in self.tables_.values())
        self.n_outputs_ = self.n_numeric_ + len(self.missing_) + levels
        return self._onehot(columns)

    def transform(self, X: Any) -> Any:
        """Encode a checked `X`.

        Parameters
        ----------
        X : DataFrame, ndarray or sparse matrix of shape (n_samples, n_features)
            Columns as in `fit_transform`.

        Returns
        -------
        Z : ndarray of shape (n_samples, n_outputs_), dtype float64, or sparse matrix

        Raises
        ------
        TypeError
            If a numeric column now holds strings, or `X` is sparse and was not like this before.
        """
        if sp.issparse(X):
            if self.tables_ or len(self.missing_):
                raise TypeError(
                    "X is sparse, but the student was fitted on categories or missing values; "
                    "give a dense X."
                )
            return X
        read = range(self.n_inputs_) if self.read_ is None else self.read_
        if _is_numeric(X) and not self.tables_:
            Z = np.asarray(X, dtype=np.float64)
            return Z if self.layout == "ordered" else self._imputed(Z)
        if self.layout == "onehot":
            return self._onehot(read_columns(X, read))
        return self._ordered(read_columns(X, read), n_samples=X.shape[0])

    def keep_only(self, outputs: np.ndarray, thresholds: np.ndarray) -> None:
        """Forget what a fitted tree never looks at; for "ordered" only.

        Of columns without a split nothing is kept, and of the levels only those that some split
        sends another way than a level never seen.

        Parameters
        ----------
        outputs : ndarray of shape (n_splits,), dtype int
            Output column of each split.
        thresholds : ndarray of shape (n_splits,)
            Values at most this go one way, others the other way.
        """
        self.keep_columns(outputs)
        for j, table in self.tables_.items():
            cuts = np.sort(thresholds[outputs == j])
            side = np.searchsorted(cuts, list(table.values()))
            differs = side != np.searchsorted(cuts, self.defaults_[j])
            self.tables_[j] = dict(compress(table.items(), differs))

    def keep_columns(self, outputs: np.ndarray) -> None:
        """Forget the columns that a fitted student never looks at; for "ordered" only.

        Parameters
        ----------
        outputs : ndarray of int
            Output columns that it looks at, in any order.
        """
        self.read_ = np.unique(outputs)
        kept = sorted(self.tables_.keys() & set(self.read_.tolist()))
        self.tables_ = {j: self.tables_[j] for j in kept}
        self.defaults_ = {j: self.defaults_[j] for j in kept}
        self.strings_ &= self.tables_.keys()

    def feature_names_out(self) -> list[str]:
        """Return a name for each output column."""
        names = self.names_ or [f"x{j}" for j in range(self.n_inputs_)]
        if self.layout == "ordered":
            return list(names)
        out = [names[j] for j in range(self.n_inputs_) if j not in self.tables_]
        out += [f"{names[j]} is missing" for j in self.missing_]
        for j, table in self.tables_.items():
            for level in table:
                out.append(f"{names[j]} is missing" if level is None else f"{names[j]}={level}")
        return out

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
        score = _score_levels(codes, mass, response, weight)
        ranked = kept[np.argsort(score[kept], kind="stable")]
        default = int(np.argmin(np.abs(score[ranked])))
        return {levels[code]: i for i, code in enumerate(ranked)}, default

    def _fit_means(self, columns: dict[int, Column], weight: np.ndarray) -> None:
        means, missing = [], []
        for j, column in columns.items():
            if j not in self.tables_:
                values = self._number(j, column)
                present = ~np.isnan(values)
                means.append(np.average(values[present], weights=weight[present]))
                if not present.all():
                    missing.append(j)
        self.means_ = np.array(means, dtype=np.float64)
        self.missing_ = np.array(missing, dtype=np.intp)

    def _number(self, j: int, column: Column) -> np.ndarray:
        if isinstance(column, Factor):
            name = self.names_[j] if self.names_ else j
            raise TypeError(
                f"Column {name!r} was numeric in fit and now holds {column.levels[:1]}; "
                "give numbers, or fit the student on strings."
            )
        return column

    def _ordered(self, columns: dict[int, Column], n_samples: int | None = None) -> np.ndarray:
        n_rows = _length(next(iter(columns.values()))) if n_samples is None else n_samples
        Z = np.zeros((n_rows, self.n_outputs_))
        for j, column in columns.items():
            if j in self.tables_:
                Z[:, j] = factor_codes(column, self.tables_[j], self.defaults_[j])
            else:
                Z[:, j] = self._number(j, column)
        return Z

    def _imputed(self, X: np.ndarray) -> np.ndarray:
        """Encode a matrix of numbers all at once; see `_onehot`."""
        missing = np.isnan(X)
        if missing.any():
            X = np.where(missing, self.means_, X)
        return np.hstack([X, missing[:, self.missing_]]) if len(self.missing_) else X

    def _onehot(self, columns: dict[int, Column]) -> np.ndarray:
        n_rows = _length(next(iter(columns.values())))
        Z = np.zeros((n_rows, self.n_outputs_))
        numeric = [j for j in columns if j not in self.tables_]
        for i, j in enumerate(numeric):
            values = self._number(j, columns[j])
            Z[:, i] = np.where(np.isnan(values), self.means_[i], values)
        start = len(numeric)
        for j in self.missing_.tolist():
            Z[:, start] = np.isnan(self._number(j, columns[j]))
            start += 1
        rows = np.arange(n_rows)
        for j, table in self.tables_.items():
            codes = factor_codes(columns[j], table, self.defaults_[j])
            known = codes >= 0
            Z[rows[known], start + codes[known]] = 1.0
            start += len(table)
        return Z


def read_columns(X: Any, indices: Any) -> dict[int, Column]:
    """Read some columns of a DataFrame or array, by position."""
    if _is_numeric(X):
        return {int(j): X[:, j].astype(np.float64) for j in indices}
    return {int(j): read_column(X, int(j)) for j in indices}


def has_strings(column: Column) -> bool:
    """Tell whether some level of a column is a string."""
    return isinstance(column, Factor) and any(isinstance(v, str) for v in column.levels)


def _is_numeric(X: Any) -> bool:
    return isinstance(X, np.ndarray) and X.dtype.kind in "biuf"


def _has_empty_column(X: np.ndarray) -> bool:
    """Tell whether some column has no value at all, looking at one column at a time."""
    return X.dtype.kind == "f" and any(np.isnan(x).all() for x in X.T)


def _length(column: Column) -> int:
    return len(column.codes if isinstance(column, Factor) else column)


def _score_levels(
    codes: np.ndarray, mass: np.ndarray, response: np.ndarray, weight: np.ndarray
) -> np.ndarray:
    """Score the levels by their mean response, shrunk by one row's weight to the overall mean.

    The score is relative to the overall mean, which has zero.
    """
    n_levels = len(mass)
    overall = weight @ response / weight.sum()
    prior = one_row(weight)
    sums = np.column_stack(
        [np.bincount(codes, weights=weight * r, minlength=n_levels) for r in response.T]
    )
    means = (sums + prior * overall) / (mass + prior)[:, None] - overall
    if response.shape[1] <= 2:
        return means[:, -1]
    direction = np.linalg.svd(np.sqrt(mass)[:, None] * means, full_matrices=False)[2][0]
    direction *= np.sign(direction[np.argmax(np.abs(direction))])  # SVD leaves the sign open
    return means @ direction
