"""Rows as what an ONNX model is fed: one tensor, or one for each column."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import scipy.sparse as sp

from skdistill._columns import Factor, column_names, is_frame, read_column
from skdistill._compat import num_samples

# Types of inputs that rows can be turned into; strings are objects there.
DTYPES = {
    "tensor(float)": np.float32,
    "tensor(double)": np.float64,
    "tensor(float16)": np.float16,
    "tensor(int64)": np.int64,
    "tensor(int32)": np.int32,
    "tensor(bool)": np.bool_,
    "tensor(string)": np.object_,
}


class Inputs:
    """The inputs of a model.

    A single one takes the whole table. Of several each takes one column, which is found by name,
    and by position if rows have no names. Models that this package wrote say which column an input
    is, and what stands for a missing string.

    Parameters
    ----------
    inputs : list of onnxruntime.NodeArg
    metadata : dict of str to str
        The model's own.

    Attributes
    ----------
    features : list of str or None
        The columns of the table, for models that say them.
    n_fixed : int or None
        Number of rows that the model takes at once, where it takes no other.

    Raises
    ------
    ValueError
        If an input is none that rows of a table fit to.
    """

    def __init__(self, inputs: list[Any], metadata: dict[str, str]) -> None:
        ours = metadata if "skdistill_version" in metadata else {}
        self.features: list[str] | None = json.loads(ours.get("features", "null"))
        columns = json.loads(ours.get("inputs", "{}"))
        self._missing: dict[str, str] = json.loads(ours.get("missing", "{}"))
        self._inputs = inputs
        # One input named by its column is of a table of which the model looks at one column.
        self.by_column = len(inputs) > 1 or bool(columns)
        self._columns = {i.name: columns.get(i.name, i.name) for i in inputs}
        for one in inputs:
            self._check(one)
        first = inputs[0].shape[0] if inputs[0].shape else None
        self.n_fixed = first if isinstance(first, int) and first > 0 else None

    def _check(self, one: Any) -> None:
        rank, width = len(one.shape), one.shape[1] if len(one.shape) > 1 else 1
        remedy = (
            "give what runs it on rows of your table: CallableTeacher(f, output='probabilities')."
        )
        if one.type not in DTYPES:
            raise ValueError(f"model has the input {one.name!r} of type {one.type}; {remedy}")
        if rank not in (1, 2) or (self.by_column and width != 1):
            what = "a column" if self.by_column else "a table"
            raise ValueError(
                f"model has the input {one.name!r} of shape {one.shape}, which is not that of "
                f"{what}; {remedy}"
            )

    @property
    def needed(self) -> list[str]:
        """Names of the columns that are looked up by name."""
        return list(self._columns.values()) if self.by_column else []

    def feed(self, X: Any) -> dict[str, np.ndarray]:
        """Turn rows into tensors.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features) or list of str
            Rows.

        Returns
        -------
        tensors : dict of str to ndarray

        Raises
        ------
        ValueError
            If columns are missing or too many, or hold what an input does not take.
        """
        if not is_frame(X):
            X = X.toarray() if sp.issparse(X) else np.asarray(X)
            X = X.reshape(num_samples(X), -1)
        names = column_names(X)
        if not self.by_column:
            one = self._inputs[0]
            return {one.name: self._table(one, X, names or list(range(X.shape[1])))}
        if names is None:
            names = self._assumed_names(X)
        return {
            one.name: self._cells(one, X, names.index(self._columns[one.name])).reshape(
                (-1, 1)[: len(one.shape)]
            )
            for one in self._inputs
        }

    def _assumed_names(self, X: Any) -> list[str]:
        """Name the columns of rows without names by their position."""
        names = self.features or list(self._columns.values())
        if X.shape[1] != len(names):
            raise ValueError(
                f"X has {X.shape[1]} columns without names, the model has {len(names)} inputs, "
                f"{names}; give a DataFrame with these columns."
            )
        return names

    def _table(self, one: Any, X: Any, names: list[Any]) -> np.ndarray:
        width = one.shape[1] if len(one.shape) > 1 else 1
        if isinstance(width, int) and width > 0 and len(names) != width:
            raise ValueError(f"X has {len(names)} columns, the model takes {width}.")
        if isinstance(X, np.ndarray) and X.dtype.kind in "biuf" and one.type != "tensor(string)":
            table = _as_numbers(X, one, "X")
        else:
            table = np.column_stack([self._cells(one, X, j) for j in range(len(names))])
        return table if len(one.shape) == 2 else table[:, 0]

    def _cells(self, one: Any, X: Any, index: int) -> np.ndarray:
        """Read a column as what an input takes."""
        column = read_column(X, index)
        what = f"column {(column_names(X) or range(index + 1))[index]!r} of X"
        if one.type == "tensor(string)":
            return _as_strings(column, self._missing.get(one.name), what)
        if isinstance(column, Factor):
            raise ValueError(
                f"{what} holds strings where the model takes numbers; give X as the model was "
                "trained on it."
            )
        return _as_numbers(column, one, what)


def _as_strings(column: np.ndarray | Factor, missing: str | None, what: str) -> np.ndarray:
    """Write cells as strings; whole numbers without a decimal point, as they were before NaN."""
    if isinstance(column, np.ndarray):
        levels, codes = np.unique(column, return_inverse=True)
        texts = [str(int(v)) if float(v).is_integer() else str(v) for v in levels.tolist()]
        codes = np.where(np.isnan(column), -1, codes)
    else:
        texts, codes = [str(level) for level in column.levels], column.codes
    if missing is None and (codes < 0).any():
        raise ValueError(
            f"{what} has missing values, and the model does not tell which string stands for "
            "them; fill them in as when the model was trained."
        )
    # A missing value has code -1, the last.
    return np.array([*texts, missing], dtype=object)[codes]


def _as_numbers(values: np.ndarray, one: Any, what: str) -> np.ndarray:
    dtype = np.dtype(DTYPES[one.type])
    if dtype.kind == "f":
        return values.astype(dtype)
    cast = values.astype(dtype) if np.isfinite(values).all() else None
    if cast is None or not np.array_equal(cast, values):
        raise ValueError(
            f"{what} has values that are missing or not whole, which the input {one.name!r} of "
            f"type {one.type} cannot hold."
        )
    return cast
