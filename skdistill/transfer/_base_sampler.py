"""What the samplers of tables share: reading the rows, checking, drawing which rows take part."""

from __future__ import annotations

from typing import Any, TypeVar

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from skdistill._validation import check_integer
from skdistill.transfer._tables import NumericRange, Table, as_table

Self = TypeVar("Self", bound="TableSampler")


class TableSampler(BaseEstimator):
    """Base of the samplers of arrays and data frames.

    A sampler implements ``_check_params()``, ``_draw(n, rng)``, which returns the columns of the
    new rows, and, if there is something to learn, ``_learn(table)``.
    """

    def fit(self: Self, X: Any, y: Any = None) -> Self:
        """Learn what new rows must look like.

        Parameters
        ----------
        X : ndarray or DataFrame of shape (n_rows, n_features)
            A numpy array (numbers, booleans, strings or objects), or a pandas or polars
            DataFrame. Missing values are allowed.
        y : None
            Ignored, as in every scikit-learn transformer.

        Returns
        -------
        self : object
            The sampler.

        Raises
        ------
        TypeError
            If `X` is sparse, not two-dimensional, or of another type.
        ValueError
            If `X` is empty, or a parameter is out of bounds.
        """
        self._check_params()
        table = as_table(X, remedy="rows of this kind cannot be augmented, use augment=None.")
        columns = range(table.n_columns)
        self.ranges_ = [NumericRange.of(table.observed(j)) for j in columns]
        self._learn(table)
        self.table_ = table
        self.n_features_in_ = table.n_columns
        return self

    def sample(self, n: int, random_state: Any = None) -> Any:
        """Make new rows.

        Every row is a parent equally often; where `n` is no multiple of the number of rows, the
        rest is drawn without replacement.

        Parameters
        ----------
        n : int
            How many, at least 0.
        random_state : int, RandomState or None, default=None
            The same seed gives the same rows. None differs from call to call.

        Returns
        -------
        X : ndarray or DataFrame of shape (n, n_features)
            Of the type, columns and dtypes that `fit` saw; a pandas index counts from zero.
        """
        check_is_fitted(self)
        n = check_integer(n, "n", minimum=0)
        return self.table_.assemble(self._draw(n, check_random_state(random_state)))

    def _check_params(self) -> None:
        """Raise if a parameter is out of bounds."""
        raise NotImplementedError

    def _learn(self, table: Table) -> None:
        """Learn more than the ranges of the columns."""

    def _draw(self, n: int, rng: np.random.RandomState) -> list[Any]:
        """Return the columns of `n` new rows."""
        raise NotImplementedError

    def _take(self, j: int, rows: np.ndarray) -> Any:
        """Return the raw values of column `j` in these rows."""
        nothing = np.zeros(len(rows), dtype=bool)
        return self.table_.blend(j, rows, nothing, np.empty(0))


def draw_parents(n_rows: int, n: int, rng: np.random.RandomState) -> np.ndarray:
    """Return `n` row indices in which each row is equally often, up to one."""
    repeats, rest = divmod(n, n_rows)
    return np.concatenate([np.tile(np.arange(n_rows), repeats), rng.permutation(n_rows)[:rest]])


def draw_others(parents: np.ndarray, n_rows: int, rng: np.random.RandomState) -> np.ndarray:
    """Draw for each parent another row, each equally likely; the parent itself if it is alone."""
    if n_rows == 1:
        return parents
    return (parents + rng.randint(1, n_rows, size=len(parents))) % n_rows
