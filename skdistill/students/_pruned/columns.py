"""The columns that a pruned student's trees compare, made of the raw table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from skdistill._columns import Factor, factor_codes
from skdistill.students._encoder import read_columns


@dataclass(frozen=True)
class TreeColumns:
    """The columns that the trees compare: numbers of the table, and 0 or 1 for sets of levels.

    Attributes
    ----------
    inputs : tuple of int
        Column of the table that each is made of.
    tables : tuple of (dict or None)
        Levels for which a column is 1; it is 0 for all others, those never seen too. The key None
        stands for missing. None in place of a dict: the column holds the numbers themselves.
    strings : frozenset of int
        Those of `inputs` that held strings in `fit`, also where no table has one.
    """

    inputs: tuple[int, ...]
    tables: tuple[dict[Any, int] | None, ...]
    strings: frozenset[int] = frozenset()

    def transform(self, X: Any) -> np.ndarray:
        """Read them from a checked table.

        Parameters
        ----------
        X : DataFrame or ndarray of shape (n_samples, n_features)

        Returns
        -------
        Z : ndarray of shape (n_samples, n_columns), dtype float64

        Raises
        ------
        TypeError
            If a column that was numeric in `fit` now holds strings.
        """
        plain = isinstance(X, np.ndarray) and X.dtype == np.float64
        if plain and all(table is None for table in self.tables):
            return X.take(np.array(self.inputs, dtype=np.intp), axis=1)
        read = read_columns(X, sorted(set(self.inputs)))
        Z = np.zeros((X.shape[0], len(self.inputs)))
        for i, (j, table) in enumerate(zip(self.inputs, self.tables, strict=True)):
            column = read[j]
            if table is not None:
                Z[:, i] = factor_codes(column, table, 0)
            elif isinstance(column, Factor):
                raise TypeError(
                    f"Column {j} was numeric in fit and now holds {column.levels[:1]}; give "
                    "numbers, or fit the student on strings."
                )
            else:
                Z[:, i] = column
        return Z
