"""Labels and columns: find labels by value, and put columns of probabilities in their order."""

from __future__ import annotations

from typing import Any

import numpy as np

from skdistill._validation import SUM_TOLERANCE, check_probabilities


def check_labels(classes: Any, name: str = "classes") -> np.ndarray:
    """Check labels of columns, in any order, and return them as an array.

    Parameters
    ----------
    classes : array-like of shape (n_classes,)
        Labels, each once.
    name : str
        The parameter's name, for the message.

    Returns
    -------
    labels : ndarray of shape (n_classes,)

    Raises
    ------
    ValueError
        If there are fewer than two labels, or one occurs twice.
    """
    labels = np.asarray(classes)
    if labels.ndim != 1 or len(labels) < 2:
        raise ValueError(f"{name} must be a list of at least two labels, got {classes!r}.")
    if len(np.unique(labels)) < len(labels):
        raise ValueError(f"{name} must hold each label once, got {labels.tolist()}.")
    return labels


def find_labels(labels: np.ndarray, among: np.ndarray) -> np.ndarray:
    """Find the position of each label in `among`; -1 where it is not there.

    Labels are compared by value: 1, 1.0 and True are equal, "1" is not.
    """
    unique, inverse = np.unique(labels, return_inverse=True)
    position = {label: i for i, label in enumerate(among.tolist())}
    found = np.array([position.get(label, -1) for label in unique.tolist()], dtype=np.intp)
    return found[inverse.reshape(-1)]


def find_codes(labels: np.ndarray, classes: np.ndarray, name: str) -> np.ndarray:
    """Find the class of each label of y (ValueError names those that teacher `name` lacks)."""
    codes = find_labels(labels, classes)
    if (codes < 0).any():
        strange = np.unique(labels[codes < 0])
        raise ValueError(
            f"y has labels {strange[:8].tolist()} that teacher {name} does not know; give "
            "y in the labels of the teacher, whose "
            f"classes are {classes.tolist()}.{describe_mismatch(strange, classes)}"
        )
    return codes


def describe_mismatch(labels: np.ndarray, among: np.ndarray) -> str:
    """Say that two sets of labels differ in type only, or return an empty string."""
    as_text = find_labels(labels.astype(str), among.astype(str))
    if (as_text < 0).any():
        return ""
    here, there = type(labels.tolist()[0]).__name__, type(among.tolist()[0]).__name__
    return f" They differ in type ({here} here, {there} there): convert one of them."


def align_columns(
    proba: Any, columns: np.ndarray, classes: np.ndarray, *, name: str, n_rows: int
) -> np.ndarray:
    """Check probabilities and put their columns in the order of `classes`.

    Parameters
    ----------
    proba : array-like of shape (n_rows, len(columns)), or (n_rows,) if there are two
        Probabilities.
    columns : ndarray
        Labels of the columns of `proba`.
    classes : ndarray
        Labels of the columns wanted. One that `columns` lacks gets zeros.
    name : str
        Who gave the probabilities, for the message.
    n_rows : int
        How many rows there must be.

    Returns
    -------
    aligned : ndarray of shape (n_rows, len(classes)), dtype float64

    Raises
    ------
    ValueError
        If these are no probabilities, or a column that is not wanted holds some.
    """
    if len(columns) == 1:
        # Fitted to a single class, as on a small fold. One column is not "the second of two".
        proba = np.column_stack([np.asarray(proba, dtype=np.float64), np.zeros(n_rows)])
        P = check_probabilities(proba, name, n_rows=n_rows, n_classes=2)[:, :1]
    else:
        P = check_probabilities(proba, name, n_rows=n_rows, n_classes=len(columns))
    if np.array_equal(columns, classes):
        return P
    position = find_labels(columns, classes)
    known = position >= 0
    lost = P[:, ~known].max(initial=0.0)
    if lost > SUM_TOLERANCE:
        raise ValueError(
            f"{name}: labels {columns[~known].tolist()} get probabilities up to {lost:.3g}, but "
            f"the classes are {classes.tolist()}; give classes that hold every label of the "
            f"teacher.{describe_mismatch(columns, classes)}"
        )
    aligned = np.zeros((n_rows, len(classes)))
    aligned[:, position[known]] = P[:, known]
    if not known.all():
        aligned /= aligned.sum(axis=1, keepdims=True)
    return aligned
