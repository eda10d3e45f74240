"""What teacher and student answer to the same rows, and an axes to draw it in."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.utils.validation import check_is_fitted

from skdistill._optional import import_optional


def paired_answers(estimator: Any, X: Any) -> tuple[np.ndarray, np.ndarray]:
    """Ask the teacher and the student of a distilled estimator about the same rows.

    Parameters
    ----------
    estimator : estimator
        Fitted, with `teacher_` and `student_`.
    X : array-like or DataFrame of shape (n_samples, n_features)
        Rows.

    Returns
    -------
    teacher, student : ndarray of shape (n_samples, n_classes) or (n_samples,), dtype float64
        Probabilities in the order of `classes_`, or values.

    Raises
    ------
    ValueError
        If there is no teacher.
    """
    check_is_fitted(estimator)
    if getattr(estimator, "teacher_", None) is None:
        raise ValueError(
            "estimator has no teacher to compare with: it learned from precomputed soft_targets "
            "alone. Use from_predictions with your own labels."
        )
    classes = getattr(estimator, "classes_", None)
    if classes is None:
        teacher = estimator.teacher_.predict(X)
    else:
        teacher = estimator.teacher_.predict_proba(X, classes)
    return teacher, model_answers(estimator.student_, X, classes)


def model_answers(model: Any, X: Any, classes: np.ndarray | None) -> np.ndarray:
    """Ask a model; a class that it never saw gets zeros.

    Parameters
    ----------
    model : estimator
        Fitted; a classifier has `predict_proba` and `classes_`.
    X : array-like or DataFrame of shape (n_samples, n_features)
        Rows.
    classes : ndarray of shape (n_classes,) or None
        Sorted labels of the columns wanted; None for regression.

    Returns
    -------
    answers : ndarray of shape (n_samples, n_classes) or (n_samples,), dtype float64

    Raises
    ------
    ValueError
        If the model knows classes that are not among `classes`.
    """
    if classes is None:
        return np.asarray(model.predict(X), dtype=np.float64).ravel()
    own = np.asarray(model.classes_)
    unknown = own[~np.isin(own, classes)]
    if len(unknown):
        raise ValueError(
            f"the model knows the classes {unknown.tolist()}, which the distilled estimator does "
            "not; fit it to the same labels."
        )
    proba = np.asarray(model.predict_proba(X), dtype=np.float64)
    answers = np.zeros((len(proba), len(classes)))
    answers[:, np.searchsorted(classes, own)] = proba
    return answers


def get_axes(ax: Any, purpose: str) -> Any:
    """Return the axes given, or those of a new figure."""
    if ax is not None:
        return ax
    return import_optional("matplotlib.pyplot", extra="report", purpose=purpose).subplots()[1]


def check_pairs(teacher: Any, student: Any) -> tuple[np.ndarray, np.ndarray]:
    """Check that both answered the same rows."""
    pair = np.asarray(teacher, dtype=np.float64), np.asarray(student, dtype=np.float64)
    if pair[0].shape != pair[1].shape or pair[0].ndim not in (1, 2):
        raise ValueError(
            "teacher and student must be of the same shape, (n_samples,) or (n_samples, "
            f"n_classes), got {pair[0].shape} and {pair[1].shape}."
        )
    return pair


def class_text(label: Any) -> str:
    """Write a label of a class, whatever its type."""
    return str(label.item() if isinstance(label, np.generic) else label)
