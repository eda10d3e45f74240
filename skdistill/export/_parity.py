"""The comparison of what an export computes with what its student predicts."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from skdistill.exceptions import ParityError
from skdistill.export._columns import name_inputs
from skdistill.export._lowering import lower
from skdistill.export._scale import allowed_differences

# The message shows so many columns of the worst row, and so many characters of each.
SHOWN_COLUMNS, SHOWN_LENGTH = 50, 60

# What may help.
REMEDY = (
    "Numbers far from zero (times, identifiers) cost digits: subtract a constant from such "
    "columns, and from such a target, before fit; float32 holds seven digits of numbers from "
    "1e-38 to 1e38. If it still differs, please report it."
)


def check_parity(
    student: Any,
    rows: np.ndarray,
    outputs: Any,
    *,
    tolerance: float,
    target: str,
    single: bool = False,
) -> None:
    """Raise unless an export computes what its student predicts.

    Parameters
    ----------
    student : estimator
        One of the built-in students, fitted.
    rows : ndarray of shape (n_rows, n_features), dtype object
        As made by `probe_rows`.
    outputs : array-like of shape (n_rows, n_classes) or (n_rows,)
        Probabilities or values that the export computed.
    tolerance : float
        Largest difference of probabilities, or of values in units of their spread, besides what
        rounding may do to sums of large terms (`allowed_differences`).
    target : str
        What was exported to, for the message.
    single : bool, default=False
        Whether the export computes in single precision.

    Raises
    ------
    ParityError
        If a difference is above the tolerance, or if the most probable class is another one, but
        for classes whose probabilities in the student are apart by no more than its tolerance.
    """
    expected = predict_rows(student, rows)
    outputs = np.asarray(outputs, dtype=np.float64)
    if outputs.shape != expected.shape:
        raise ParityError(
            f"The student has outputs of shape {expected.shape} and its {target} form of shape "
            f"{outputs.shape}."
        )
    difference = _differences(expected, outputs)
    allowed = allowed_differences(
        lower(student), rows, expected, tolerance=tolerance, single=single
    )
    wrong = np.flatnonzero(difference > allowed)
    if len(wrong):
        with np.errstate(divide="ignore", over="ignore"):
            worst = int(wrong[(difference[wrong] / allowed[wrong]).argmax()])
        reason = f"differ by {difference[worst]:.3g}, more than the tolerance {allowed[worst]:.3g}"
        message = _message(student, rows[worst], expected[worst], outputs[worst], target, reason)
        raise ParityError(f"{message}\n{REMEDY}")
    if expected.ndim == 2:
        changed = np.flatnonzero(_label_changes(expected, outputs, allowed))
        if len(changed):
            i = int(changed[0])
            reason = "have another most probable class"
            message = _message(student, rows[i], expected[i], outputs[i], target, reason)
            raise ParityError(f"{message}\n{REMEDY}")


def predict_rows(student: Any, rows: np.ndarray) -> np.ndarray:
    """Predict rows of objects: probabilities, or values of a regressor.

    Parameters
    ----------
    student : estimator
        Fitted.
    rows : ndarray of shape (n_rows, n_features), dtype object
        Numbers and levels; NaN and None are missing.

    Returns
    -------
    outputs : ndarray of shape (n_rows, n_classes) or (n_rows,), dtype float64
    """
    with warnings.catch_warnings():
        # The columns are in their order, though they have no names here.
        warnings.filterwarnings("ignore", "X does not have valid feature names", UserWarning)
        predicted = (
            student.predict_proba(rows) if hasattr(student, "classes_") else student.predict(rows)
        )
    return np.asarray(predicted, dtype=np.float64)


def _differences(expected: np.ndarray, outputs: np.ndarray) -> np.ndarray:
    """Return the largest difference of each row; infinite where only one of two is a number."""
    with np.errstate(invalid="ignore"):
        difference = np.abs(outputs - expected)
    same = (outputs == expected) | (np.isnan(outputs) & np.isnan(expected))
    difference = np.where(same, 0.0, np.where(np.isnan(difference), np.inf, difference))
    return difference if expected.ndim == 1 else difference.max(axis=1)


def _label_changes(expected: np.ndarray, outputs: np.ndarray, allowed: np.ndarray) -> np.ndarray:
    """Tell which rows have another label that is no tie in the student."""
    row = np.arange(len(expected))
    best, other = expected.argmax(axis=1), outputs.argmax(axis=1)
    return (best != other) & (expected[row, best] - expected[row, other] > allowed)


def _message(
    student: Any, row: np.ndarray, expected: Any, output: Any, target: str, reason: str
) -> str:
    names = name_inputs(student, getattr(student._encoder, "names_", None))
    cells = [f"{_cut(name)}: {_cut(value)}" for name, value in zip(names, row, strict=True)]
    shown = ", ".join(cells[:SHOWN_COLUMNS] + ["..."] * (len(cells) > SHOWN_COLUMNS))
    return (
        f"The predictions of {type(student).__name__} and of its {target} form {reason}; nothing "
        f"was written.\n  row: {{{shown}}}\n  student: {_plain(expected)}\n"
        f"  {target}: {_plain(output)}"
    )


def _cut(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= SHOWN_LENGTH else f"{text[:SHOWN_LENGTH]}..."


def _plain(output: Any) -> Any:
    return np.asarray(output).tolist()
