"""Single precision: thresholds that send every float32 row the student's way, or a refusal."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import scipy.sparse as sp

from skdistill._columns import Factor, is_frame, read_column
from skdistill.exceptions import ExportError
from skdistill.export._form import Axis, Form, LeafModels, Lookup, Network, Scorer, Sum, Trees

LARGEST = float(np.finfo(np.float32).max)


def round_down(thresholds: np.ndarray) -> np.ndarray:
    """Return the largest float32 values that are at most the thresholds.

    A float32 number is at most a threshold exactly where it is at most the result.

    Parameters
    ----------
    thresholds : ndarray of dtype float64

    Returns
    -------
    rounded : ndarray of dtype float32

    Examples
    --------
    >>> import numpy as np
    >>> from skdistill.export._onnx.single import round_down
    >>> bool(round_down(np.array([0.1]))[0] <= 0.1)  # the nearest float32 is larger
    True
    """
    with np.errstate(over="ignore", under="ignore"):
        rounded = np.asarray(thresholds, dtype=np.float64).astype(np.float32)
        below = np.nextafter(rounded, np.float32(-np.inf))
    return np.where(rounded > thresholds, below, rounded)


def check_single(form: Form, X: Any = None) -> None:
    """Raise if rows that are cast to float32 would go another way than before.

    Parameters
    ----------
    form : Form
        Of the student.
    X : {array-like, DataFrame, sparse matrix} of shape (n_samples, n_features), default=None
        Rows in double precision. None compares the thresholds among themselves.

    Raises
    ------
    ExportError
        If float32 cannot tell two thresholds of a feature apart, or if a number of `X` is on
        another side of a threshold once it is cast.
    """
    found: list[list[np.ndarray]] = [[] for _ in form.inputs]
    for j, some in _thresholds(form.scorer):
        found[j].append(some)
    if X is not None and not is_frame(X) and not isinstance(X, np.ndarray) and not sp.issparse(X):
        X = np.array(X, dtype=object)
    for j, thresholds in enumerate(found):
        cuts = np.unique(np.concatenate(thresholds or [np.zeros(0)]))
        cuts = cuts[np.abs(cuts) <= LARGEST]
        if len(cuts):
            _check_distinct(form.inputs[j].name, cuts)
            if X is not None:
                _check_column(form.inputs[j].name, _read_numbers(X, j), cuts)


def _check_distinct(name: str, cuts: np.ndarray) -> None:
    same = np.flatnonzero(np.diff(round_down(cuts)) == 0)
    if len(same):
        i = int(same[0])
        raise ExportError(
            f"dtype='float32' cannot tell the thresholds {float(cuts[i])!r} and "
            f"{float(cuts[i + 1])!r} of feature {name!r} apart; use dtype='float64', or subtract a "
            "constant near them from the feature before fitting."
        )


def _check_column(name: str, values: np.ndarray, cuts: np.ndarray) -> None:
    with np.errstate(over="ignore"):
        cast = values.astype(np.float32).astype(np.float64)
    moved = np.flatnonzero(
        (np.searchsorted(cuts, values) != np.searchsorted(cuts, cast)) & ~np.isnan(values)
    )
    if len(moved):
        value = float(values[moved[0]])
        raise ExportError(
            f"dtype='float32' sends {len(moved)} of {len(values)} rows of X another way: {value!r} "
            f"in feature {name!r} becomes {float(cast[moved[0]])!r}, on the other side of a "
            "threshold; use dtype='float64', or subtract a constant near it from the feature "
            "before fitting."
        )


def _read_numbers(X: Any, j: int) -> np.ndarray:
    if sp.issparse(X):
        return np.asarray(X[:, [j]].toarray()[:, 0], dtype=np.float64)
    column = read_column(X, j)
    if isinstance(column, Factor):
        return np.array([*map(float, column.levels), np.nan])[column.codes]
    return column


def _thresholds(scorer: Scorer) -> Iterator[tuple[int, np.ndarray]]:
    """Yield the numbers, by input, at which the outputs may jump."""
    if isinstance(scorer, Network):
        yield from _thresholds(scorer.first)
    elif isinstance(scorer, LeafModels):
        yield from _thresholds(scorer.trees)
    elif isinstance(scorer, Sum):
        yield from (_cuts(axis) for table in scorer.tables for axis in table.axes)
    elif isinstance(scorer, Trees):
        for k, feature in enumerate(scorer.features):
            if isinstance(feature, Lookup):
                yield _cuts(feature.axis)
            else:
                yield feature.input, scorer.threshold[scorer.feature == k]


def _cuts(axis: Axis) -> tuple[int, np.ndarray]:
    return axis.input, np.zeros(0) if axis.cuts is None else axis.cuts
