"""One view of the columns of arrays and data frames, that gives rows back as they came.

A sampler needs three things of a column: numbers or level codes to measure distances with, the
raw values of any rows, and drawn numbers put among them. Raw values are only ever *taken*, never
encoded and decoded; that is what keeps dtypes, categories and kinds of missing values.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from numbers import Integral, Real
from typing import Any

import numpy as np
import scipy.sparse as sp

from skdistill._optional import comes_from


@dataclass(frozen=True)
class NumericRange:
    """What the observed finite values of a numeric column allow.

    Attributes
    ----------
    low, high : scalar of dtype `dtype`
        Least and largest value.
    integral : bool
        Whether every value is an integer, whatever the dtype.
    dtype : numpy.dtype
        Integer or float dtype that holds the values exactly.
    """

    low: Any
    high: Any
    integral: bool
    dtype: np.dtype[Any]

    @classmethod
    def of(cls, observed: np.ndarray) -> NumericRange | None:
        """Read the range of non-missing values; None if they are not real numbers, or none."""
        if observed.dtype.kind not in "iuf":
            return None
        finite = observed[np.isfinite(observed)]
        if not len(finite):
            return None
        integral = observed.dtype.kind in "iu" or bool((finite == np.rint(finite)).all())
        return cls(finite.min(), finite.max(), integral, observed.dtype)

    def bring_in(self, drawn: np.ndarray) -> np.ndarray:
        """Round (if integral), clip and cast drawn float64 numbers to the column's dtype."""
        if self.integral:
            drawn = np.rint(drawn)
        low, high = float(self.low), float(self.high)
        # The bounds are set in the column's own dtype: float64 cannot hold every int64.
        values = np.full(drawn.shape, self.low, dtype=self.dtype)
        inside = (drawn > low) & (drawn < high)
        values[inside] = drawn[inside].astype(self.dtype)
        values[drawn >= high] = self.high
        return values


class Table:
    """Columns of a two-dimensional numpy array; base of the data frame views.

    Parameters
    ----------
    X : ndarray of shape (n_rows, n_columns)
        Rows, of any dtype. Kept as a copy, so that later changes by the caller do no harm.
    """

    def __init__(self, X: Any) -> None:
        self.X = X.copy()
        self.n_rows, self.n_columns = X.shape

    def column(self, j: int) -> Any:
        """Return the raw values of column `j`."""
        return self.X[:, j]

    def missing(self, j: int) -> np.ndarray:
        """Tell where column `j` is missing, shape (n_rows,), dtype bool."""
        return _missing(self.column(j))

    def observed(self, j: int) -> np.ndarray:
        """Return the non-missing values of column `j`, in a number dtype if they are numbers."""
        return _as_numbers(self.column(j)[~self.missing(j)])

    def numbers(self, j: int) -> np.ndarray:
        """Return column `j` as float64, missing values as NaN; only for numeric columns."""
        values = self.column(j)
        if values.dtype == object:
            values = np.where(self.missing(j), np.nan, values)
        return values.astype(np.float64)

    def codes(self, j: int) -> np.ndarray:
        """Encode the levels of column `j` as numbers from zero; missing values are -1."""
        return _factorize(self.column(j).tolist(), self.missing(j), name=self.label(j))

    def label(self, j: int) -> str:
        """Name column `j` for messages."""
        return str(j)

    def blend(self, j: int, rows: np.ndarray, put: np.ndarray, drawn: np.ndarray) -> Any:
        """Take rows of column `j` and replace those where `put` is True by `drawn` numbers."""
        values = self.column(j)[rows]
        values[put] = drawn
        return values

    def assemble(self, columns: list[Any]) -> Any:
        """Put columns together to rows of the original type."""
        X = np.empty((len(columns[0]), self.n_columns), dtype=self.X.dtype)
        for j, values in enumerate(columns):
            X[:, j] = values
        return X


class PandasTable(Table):
    """Columns of a pandas DataFrame; they are addressed by position, so names may repeat."""

    def column(self, j: int) -> Any:
        return self.X.iloc[:, j]

    def missing(self, j: int) -> np.ndarray:
        return np.asarray(self.column(j).isna(), dtype=bool)

    def observed(self, j: int) -> np.ndarray:
        series = self.column(j)
        dtype = series.dtype
        if getattr(dtype, "kind", "O") in "iuf" and not _is_sparse(dtype):
            return np.asarray(series.dropna().to_numpy(dtype=getattr(dtype, "numpy_dtype", dtype)))
        values = series.dropna()
        return (
            _as_numbers(values.to_numpy())
            if dtype.kind == "O" and isinstance(dtype, np.dtype)
            else np.empty(len(values), object)
        )

    def numbers(self, j: int) -> np.ndarray:
        return np.asarray(self.column(j).to_numpy(dtype=np.float64, na_value=np.nan))

    def codes(self, j: int) -> np.ndarray:
        series = self.column(j)
        if hasattr(series, "cat"):
            return np.asarray(series.cat.codes, dtype=np.intp)
        return _factorize(series.tolist(), self.missing(j), name=self.label(j))

    def label(self, j: int) -> str:
        return repr(self.X.columns[j])

    def blend(self, j: int, rows: np.ndarray, put: np.ndarray, drawn: np.ndarray) -> Any:
        import pandas as pd

        series = self.column(j)
        values = series.array.take(rows)
        if put.any():
            values[put] = drawn
        # Without its dtype, pandas would guess one for a column of objects.
        return pd.Series(values, dtype=series.dtype)

    def assemble(self, columns: list[Any]) -> Any:
        import pandas as pd

        X = pd.concat(columns, axis=1)
        X.columns = self.X.columns
        return X


class PolarsTable(Table):
    """Columns of a polars DataFrame."""

    def __init__(self, X: Any) -> None:
        self.X = X.clone()
        self.n_rows, self.n_columns = X.shape

    def column(self, j: int) -> Any:
        return self.X.to_series(j)

    def missing(self, j: int) -> np.ndarray:
        series = self.column(j)
        missing = series.is_null()
        if series.dtype.is_float():
            missing |= series.is_nan().fill_null(True)
        return np.asarray(missing.to_numpy(), dtype=bool)

    def observed(self, j: int) -> np.ndarray:
        series = self.column(j)
        values = series.drop_nulls()
        if series.dtype.is_integer() or series.dtype.is_float():
            return np.asarray(values.to_numpy())
        return np.empty(len(values), object)

    def numbers(self, j: int) -> np.ndarray:
        import polars as pl

        return np.asarray(self.column(j).cast(pl.Float64).to_numpy())

    def codes(self, j: int) -> np.ndarray:
        return _factorize(self.column(j).to_list(), self.missing(j), name=self.label(j))

    def label(self, j: int) -> str:
        return repr(self.X.columns[j])

    def blend(self, j: int, rows: np.ndarray, put: np.ndarray, drawn: np.ndarray) -> Any:
        import polars as pl

        series = self.column(j).gather(rows)
        if not put.any():
            return series
        full = np.zeros(len(rows), dtype=drawn.dtype)
        full[put] = drawn
        return pl.Series(series.name, full).cast(series.dtype).zip_with(pl.Series(put), series)

    def assemble(self, columns: list[Any]) -> Any:
        import polars as pl

        return pl.DataFrame(columns)


def as_table(X: Any, *, remedy: str) -> Table:
    """Wrap an array or data frame.

    Parameters
    ----------
    X : ndarray or DataFrame of shape (n_rows, n_columns)
        A numpy array, or a pandas or polars DataFrame.
    remedy : str
        What to do with other data, for the message.

    Returns
    -------
    table : Table

    Raises
    ------
    TypeError
        If `X` is anything else.
    ValueError
        If it has no rows or no columns.
    """
    two_dimensional = len(getattr(X, "shape", ())) == 2
    if sp.issparse(X) or not two_dimensional:
        kind = "a sparse matrix" if sp.issparse(X) else type(X).__name__
        raise TypeError(f"X must be a two-dimensional array or a data frame, got {kind}; {remedy}")
    if 0 in X.shape:
        raise ValueError(f"X must have at least one row and one column, got shape {X.shape}.")
    if isinstance(X, np.ndarray):
        return Table(X)
    if comes_from(X, "pandas"):
        return PandasTable(X)
    if comes_from(X, "polars"):
        return PolarsTable(X)
    raise TypeError(
        f"X must be a numpy array or a pandas or polars DataFrame, got {type(X).__name__}; {remedy}"
    )


def _is_sparse(dtype: Any) -> bool:
    """Tell whether a pandas dtype is sparse: such columns cannot be written to."""
    return type(dtype).__name__ == "SparseDtype"


def _missing(values: np.ndarray) -> np.ndarray:
    """Find None, NaN, NaT and pandas.NA in a one-dimensional array."""
    if values.dtype != object:
        return np.not_equal(values, values)
    pandas = sys.modules.get("pandas")  # pandas.NA can only be there if pandas is loaded
    if pandas is not None:
        return np.asarray(pandas.isna(values), dtype=bool)
    return np.asarray((values == None) | np.not_equal(values, values), dtype=bool)  # noqa: E711


def _as_numbers(observed: np.ndarray) -> np.ndarray:
    """Give objects that are all real numbers a number dtype; leave everything else."""
    if observed.dtype != object:
        return observed
    kinds = set(map(type, observed))
    if bool in kinds or not all(issubclass(kind, Real) for kind in kinds):
        return observed
    numbers = np.array(observed.tolist())
    whole = all(issubclass(kind, Integral) for kind in kinds)
    # Integers beyond 64 bits became floats or stay objects: such columns are swapped.
    return observed if whole and numbers.dtype.kind not in "iu" else numbers


def _factorize(values: list[Any], missing: np.ndarray, *, name: str) -> np.ndarray:
    """Encode levels as numbers in order of appearance; missing values are -1."""
    try:
        index = {level: code for code, level in enumerate(dict.fromkeys(values))}
    except TypeError as error:
        raise TypeError(
            f"X: column {name} holds values that cannot be compared ({error}); "
            "make them strings or numbers, or use augment=None."
        ) from error
    codes = np.fromiter(map(index.__getitem__, values), dtype=np.intp, count=len(values))
    codes[missing] = -1
    return codes
