"""Tables of the user as rows of numbers, which is what C reads."""

from __future__ import annotations

from typing import Any

import numpy as np

from skdistill._columns import Factor, factor_codes
from skdistill.export._form import Form
from skdistill.students._base import BaseStudent
from skdistill.students._encoder import TabularEncoder, read_columns

# What stands for a level never seen in a column whose levels are numbers.
NO_LEVEL = -np.inf


class RowReader:
    """Reader of checked tables for one student.

    Parameters
    ----------
    student : estimator
        Fitted.
    form : Form
        Of the student.
    """

    def __init__(self, student: BaseStudent, form: Form) -> None:
        self.inputs = form.inputs
        self.used = [j for j, column in enumerate(form.inputs) if column.used]
        self.numeric = _numeric_inputs(student)
        self.plain = all(j in self.numeric for j in self.used)

    def read(self, X: Any) -> np.ndarray:
        """Read a table that the student's own check has passed.

        Parameters
        ----------
        X : DataFrame, ndarray or sparse matrix of shape (n_samples, n_features)

        Returns
        -------
        rows : ndarray of shape (n_samples, n_features), dtype float64
            C-contiguous. NaN is missing, categories are codes, -1 for levels never seen. Columns
            that the student does not look at are zero.

        Raises
        ------
        TypeError
            If a column that was numeric in `fit` now holds strings.
        """
        if hasattr(X, "toarray"):
            X = X.toarray()
        if self.plain and isinstance(X, np.ndarray) and X.dtype.kind in "biuf":
            return np.ascontiguousarray(X, dtype=np.float64)
        rows = np.zeros(X.shape)
        for j, column in read_columns(X, self.used).items():
            rows[:, j] = self._read_column(j, column)
        return rows

    def _read_column(self, j: int, column: Any) -> np.ndarray:
        levels = self.inputs[j].levels
        if levels is not None:
            table = {level: code for code, level in enumerate(levels)}
            codes = factor_codes(column, {**table, None: len(levels)}, -1)
            return np.where(codes == len(levels), np.nan, codes.astype(np.float64))
        if not isinstance(column, Factor):
            return column
        if j in self.numeric:
            raise TypeError(
                f"Column {self.inputs[j].name!r} was numeric in fit and now holds "
                f"{column.levels[:1]}; give numbers, or fit the student on strings."
            )
        numbers = [NO_LEVEL if isinstance(v, str) else float(v) for v in column.levels]
        return np.array([*numbers, np.nan])[column.codes]


def _numeric_inputs(student: Any) -> set[int]:
    """Find the columns that must hold numbers, not categories that are numbers."""
    encoder = student._encoder
    if isinstance(encoder, TabularEncoder):
        return set(range(student.n_features_in_)) - set(encoder.tables_)
    tables = zip(encoder.inputs, encoder.tables, strict=True)
    return {j for j, table in tables if table is None}
