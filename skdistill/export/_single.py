"""What casting rows to float32 does to a student's predictions."""

from __future__ import annotations

from typing import Any

import numpy as np

from skdistill.exceptions import ExportError
from skdistill.export._form import Form
from skdistill.export._parity import predict_rows
from skdistill.export._probes import base_rows, to_single

# By so much probabilities may change, and values in parts of their size or spread.
LARGEST_CHANGE = 1e-5


def check_cast(student: Any, form: Form, X: Any) -> None:
    """Raise if the student predicts something else once the numbers of its rows are float32.

    Parameters
    ----------
    student : estimator
        Fitted.
    form : Form
        Of the student.
    X : {array-like, DataFrame, sparse matrix} of shape (n_samples, n_features), or None
        Rows in double precision, of which 1000 at most are taken. None checks nothing.

    Raises
    ------
    ExportError
        If a probability changes by more than 1e-5, or a value by more than 1e-5 of its size or of
        the spread of all values, whichever is larger. The message names the feature that matters
        most.
    """
    if X is None:
        return
    rows = base_rows(form, X)
    cast = to_single(form, rows)
    before = predict_rows(student, rows)
    change = _changes(before, predict_rows(student, cast))
    worst = int(change.argmax())
    if change[worst] <= LARGEST_CHANGE:
        return
    column = _guilty(student, rows[worst], cast[worst])
    raise ExportError(
        f"dtype='float32' changes predictions for rows of X by up to {change[worst]:.2g}, "
        f"mostly by feature {form.inputs[column].name!r}, where {rows[worst, column]!r} becomes "
        f"{cast[worst, column]!r}; use dtype='float64', or subtract a constant near it from the "
        "feature before fitting."
    )


def _changes(before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """Return the change of each row; of values relative to their size or spread."""
    change = np.abs(after - before)
    if before.ndim == 2:
        return np.asarray(change.max(axis=1))
    scale = np.maximum(np.abs(before), np.ptp(before))
    return np.divide(change, scale, out=change, where=change > 0.0)


def _guilty(student: Any, row: np.ndarray, cast: np.ndarray) -> int:
    """Return the column that changes the prediction of a row most when it alone is cast."""
    rows = np.tile(row, (len(row) + 1, 1))
    np.fill_diagonal(rows, cast)
    predicted = predict_rows(student, rows).reshape(len(rows), -1)
    return int(np.abs(predicted[:-1] - predicted[-1]).max(axis=1).argmax())
