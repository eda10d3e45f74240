"""Read the columns of a table, whatever holds it: numbers as float64, categories as factors."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import repeat
from types import NoneType
from typing import Any

import numpy as np

from skdistill._optional import comes_from


@dataclass(frozen=True)
class Factor:
    """A categorical column: ``levels[codes[i]]`` is the value of row i, code -1 is missing."""

    codes: np.ndarray
    levels: list[Any]


Column = np.ndarray | Factor


def is_frame(X: Any) -> bool:
    """Tell whether `X` is a pandas or polars DataFrame, importing neither."""
    return comes_from(X, "pandas", "polars") and hasattr(X, "columns")


def column_names(X: Any) -> list[str] | None:
    """Return the column names of a DataFrame, None for anything else."""
    return [str(name) for name in X.columns] if is_frame(X) else None


def read_column(X: Any, index: int) -> Column:
    """Read one column of a two-dimensional table.

    Parameters
    ----------
    X : DataFrame or ndarray of shape (n_samples, n_features)
        Pandas, polars or NumPy.
    index : int
        Position of the column.

    Returns
    -------
    column : ndarray of shape (n_samples,), dtype float64, or Factor
        Numbers and booleans as float64 with NaN for missing; everything that holds a string, and
        the categorical dtypes, as a factor.

    Raises
    ------
    TypeError
        If the column holds neither numbers nor strings (dates, lists, ...).
    ValueError
        If a number is infinite.
    """
    if comes_from(X, "pandas"):
        column = _read_pandas(X.iloc[:, index])
        name = X.columns[index]
    elif comes_from(X, "polars"):
        column = _read_polars(X.to_series(index))
        name = X.columns[index]
    else:
        column = _read_values(np.asarray(X)[:, index], index)
        name = index
    if isinstance(column, np.ndarray) and np.isinf(column).any():
        raise ValueError(f"Column {name!r} contains infinity or a value too large for float64.")
    return column


def factor_codes(column: Column, table: dict[Any, int], default: int) -> np.ndarray:
    """Look the values of a column up in a table of codes.

    Parameters
    ----------
    column : ndarray or Factor
        As read by `read_column`; numbers are looked up by value.
    table : dict
        Code of each known level; the key None stands for missing.
    default : int
        Code of unknown levels.

    Returns
    -------
    codes : ndarray of shape (n_samples,), dtype int64
    """
    factor = column if isinstance(column, Factor) else _factorize(column.astype(object))
    missing = table.get(None, default)
    of_level = np.fromiter(
        map(table.get, factor.levels, repeat(default)), dtype=np.int64, count=len(factor.levels)
    )
    return np.append(of_level, missing)[factor.codes]  # code -1 finds the last one


def _read_pandas(series: Any) -> Column:
    import pandas as pd
    from pandas.api import types

    if isinstance(series.dtype, pd.CategoricalDtype):
        return Factor(series.cat.codes.to_numpy(), _plain(series.cat.categories.tolist()))
    if isinstance(series.dtype, pd.StringDtype):  # knows that all are strings, and is faster
        codes, levels = pd.factorize(series)
        if len(levels):  # without any, it may as well be a column of numbers
            return Factor(codes, levels.tolist())
    if types.is_bool_dtype(series.dtype) or types.is_numeric_dtype(series.dtype):
        if types.is_complex_dtype(series.dtype):
            raise ValueError(f"Complex data not supported: column {series.name!r}.")
        return np.asarray(series.to_numpy(dtype=np.float64, na_value=np.nan))
    if types.is_datetime64_any_dtype(series.dtype) or types.is_timedelta64_dtype(series.dtype):
        raise TypeError(
            f"Column {series.name!r} has dtype {series.dtype}; turn dates into numbers first, "
            "for example days since a fixed day."
        )
    # NumPy makes the copy: pandas 3.1 gives unpickled strings themselves, in spite of copy=True.
    values = np.array(series.to_numpy(dtype=object), dtype=object)
    values[series.isna().to_numpy()] = None
    return _read_values(values, series.name)


def _read_polars(series: Any) -> Column:
    import polars as pl

    if series.dtype.is_numeric() or series.dtype == pl.Boolean:
        return np.asarray(series.cast(pl.Float64).to_numpy())
    if series.dtype.is_temporal():
        raise TypeError(
            f"Column {series.name!r} has dtype {series.dtype}; turn dates into numbers first, "
            "for example days since a fixed day."
        )
    return _read_values(np.array(series.to_list(), dtype=object), series.name)


def _read_values(values: np.ndarray, name: Any) -> Column:
    """Read a one-dimensional array of any dtype; `name` is for the message."""
    if values.dtype.kind in "biuf":
        return values.astype(np.float64)
    values = values.astype(object)
    kinds = set(map(type, values))
    if any(issubclass(kind, str) for kind in kinds):
        return _factorize(values)
    try:
        return np.asarray(values.astype(np.float64))
    except (TypeError, ValueError) as error:
        raise TypeError(
            f"Column {name!r} holds values that are neither numbers nor strings ({error}); "
            "turn them into numbers, or leave the column out."
        ) from error


def _factorize(values: np.ndarray) -> Factor:
    """Give distinct values numbers in order of appearance; None and NaN are missing."""
    _check_cells(values)
    none = np.array(None, dtype=object)
    missing = np.equal(values, none) | np.not_equal(values, values)  # only NaN differs from itself
    levels = list(dict.fromkeys(values[~missing].tolist()))
    table = {level: code for code, level in enumerate(levels)}
    codes = np.full(len(values), -1, dtype=np.int64)
    present = values[~missing]
    codes[~missing] = np.fromiter(map(table.__getitem__, present), np.int64, count=len(present))
    return Factor(codes, levels)


def _plain(levels: list[Any]) -> list[Any]:
    """Turn levels such as intervals into strings, so that the student needs no pandas."""
    return [level if isinstance(level, str | int | float) else str(level) for level in levels]


def _check_cells(values: np.ndarray) -> None:
    """Raise unless every cell is a string, a number or None."""
    for kind in set(map(type, values)):
        if not issubclass(kind, str | int | float | np.number | np.bool_ | NoneType):
            raise TypeError(
                f"A column of strings holds a {kind.__name__!r}; every cell must be a string or a "
                "number, or None where it is missing."
            )
