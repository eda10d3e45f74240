"""From what the user gives to an adapter, and from there to the classes of the student."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.optimize import linear_sum_assignment
from sklearn.base import clone

from skdistill._compat import has_fitted_attributes
from skdistill._validation import check_choice
from skdistill.teachers._alignment import find_codes
from skdistill.teachers._autogluon import AutoGluonTeacher, is_autogluon
from skdistill.teachers._base import Teacher
from skdistill.teachers._booster import BoosterTeacher, is_booster
from skdistill.teachers._ensemble import EnsembleTeacher
from skdistill.teachers._onnx import OnnxTeacher, is_onnx
from skdistill.teachers._sklearn import EstimatorTeacher
from skdistill.teachers._torch import is_torch_module


def as_teacher(teacher: Any, *, task: str) -> Teacher:
    """Adapt anything that can teach, and check that it can teach the task.

    Parameters
    ----------
    teacher : object
        A scikit-learn compatible estimator or Pipeline, fitted or not (those of LightGBM, XGBoost
        and CatBoost too); `sklearn.frozen.FrozenEstimator`; a ``lightgbm.Booster`` or
        ``xgboost.Booster``; the path of an ``.onnx`` file or a session of ONNX Runtime;
        AutoGluon's ``TabularPredictor``; a list or tuple of these, which is averaged; or an
        adapter, which is returned as it is. Functions are wrapped in `CallableTeacher`, and modules
        of PyTorch in `TorchTeacher`, which say what they return.
    task : {"classification", "regression"}
        What the student is to learn.

    Returns
    -------
    teacher : Teacher

    Raises
    ------
    TypeError
        If it cannot be adapted, or gives no class probabilities in classification.
    ValueError
        If it is for the other task, or is not fitted and cannot be.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.ensemble import RandomForestClassifier
    >>> from skdistill.teachers import as_teacher
    >>> X, y = load_iris(return_X_y=True)
    >>> teacher = as_teacher(RandomForestClassifier(10).fit(X, y), task="classification")
    >>> teacher
    EstimatorTeacher(RandomForestClassifier)
    >>> teacher.classes, teacher.refittable
    (array([0, 1, 2]), True)
    """
    check_choice(task, "task", ("classification", "regression"))
    adapted = adapt(teacher)
    adapted.check_task(task)
    adapted.check_ready()
    return adapted


def find_task(teacher: Any) -> str:
    """Tell what a model can teach: classification if it can, else regression.

    Parameters
    ----------
    teacher : object
        As for :func:`as_teacher`.

    Returns
    -------
    task : {"classification", "regression"}

    Raises
    ------
    TypeError, ValueError
        If it can teach neither.
    """
    try:
        as_teacher(teacher, task="classification")
    except (TypeError, ValueError) as error:
        try:
            as_teacher(teacher, task="regression")
        except (TypeError, ValueError):
            raise error from None
        return "regression"
    return "classification"


def adapt(teacher: Any) -> Teacher:
    """Wrap `teacher` by what it is; `as_teacher` adds the checks."""
    if isinstance(teacher, Teacher):
        return teacher
    if isinstance(teacher, list | tuple):
        return EnsembleTeacher(teacher)
    if is_booster(teacher):
        return BoosterTeacher(teacher)
    if is_autogluon(teacher):
        return AutoGluonTeacher(teacher)
    if is_onnx(teacher):
        return OnnxTeacher(teacher)
    if isinstance(teacher, type):
        raise TypeError(
            f"teacher is the class {teacher.__name__}; give an instance: {teacher.__name__}()."
        )
    if hasattr(teacher, "fit") and hasattr(teacher, "predict"):
        return EstimatorTeacher(teacher)
    if is_torch_module(teacher):
        raise TypeError(
            f"teacher {type(teacher).__name__} is a torch.nn.Module, which does not say what it "
            "returns. Wrap it: skdistill.teachers.TorchTeacher(module, output='logits'), or "
            "output='probabilities' or 'predictions'."
        )
    if callable(teacher):
        name = getattr(teacher, "__name__", type(teacher).__name__)
        raise TypeError(
            f"teacher {name} is a function, which does not say what it returns. Wrap it: "
            "skdistill.teachers.CallableTeacher(f, output='probabilities'), or "
            "output='logits' or 'predictions'."
        )
    raise TypeError(
        f"teacher of type {type(teacher).__name__} is not understood. Give an estimator, a "
        "LightGBM or XGBoost Booster, the path of an .onnx file, a predictor of AutoGluon, a "
        "TorchTeacher, a CallableTeacher, or a list of these; "
        "precomputed probabilities go to fit(..., soft_targets=...)."
    )


def keep_fitted(teacher: Any) -> Any:
    """Copy a teacher for a clone of the estimator that holds it: a fitted one is shared.

    ``sklearn.base.clone`` would silently undo its fit.

    Parameters
    ----------
    teacher : object
        Anything `as_teacher` takes, or None.

    Returns
    -------
    teacher : object
        The same object where it is fitted or is no estimator; an unfitted estimator is cloned, and
        so are those in a list or tuple.

    Examples
    --------
    >>> from sklearn.linear_model import LinearRegression
    >>> from skdistill.teachers import keep_fitted
    >>> fitted, unfitted = LinearRegression().fit([[0], [1]], [0, 1]), LinearRegression()
    >>> [a is b for a, b in zip(keep_fitted([fitted, unfitted]), [fitted, unfitted])]
    [True, False]
    """
    if isinstance(teacher, list | tuple):
        return type(teacher)(keep_fitted(member) for member in teacher)
    is_estimator = hasattr(teacher, "get_params") and not isinstance(teacher, type | Teacher)
    if is_estimator and not has_fitted_attributes(teacher):
        return clone(teacher)
    return teacher


def resolve_classes(teacher: Teacher, y: Any | None) -> np.ndarray:
    """Find the sorted labels of the student: the teacher's, where they are known.

    Parameters
    ----------
    teacher : Teacher
        The teacher.
    y : array-like of shape (n_samples,) or None
        True labels.

    Returns
    -------
    classes : ndarray of shape (n_classes,)
        In the type of `y` where teacher and `y` have equal labels of different types (bool and
        int), so that the student answers in the labels it was given.

    Raises
    ------
    ValueError
        If the teacher lacks a label of `y`, or neither tells the labels.
    """
    classes = teacher.classes
    if y is None:
        if classes is None:
            raise ValueError(
                f"teacher {teacher.name} does not tell its classes; give y, or name them: "
                "CallableTeacher(..., classes=[...])."
            )
        return classes
    labels = np.unique(np.asarray(y))
    if classes is None:
        return labels
    find_codes(labels, classes, teacher.name)
    if labels.dtype != classes.dtype and labels.dtype.kind in "biuf":
        converted = classes.astype(labels.dtype)
        return converted if np.array_equal(converted, classes) else classes
    return classes


def check_class_order(proba: np.ndarray, codes: np.ndarray, classes: np.ndarray, name: str) -> None:
    """Check that columns without labels are in the order of the sorted labels.

    They are not if the teacher is worse than guessing the commonest class, and would be right much
    more often (by .2 of the rows) with its columns in another order.

    Parameters
    ----------
    proba : ndarray of shape (n_samples, n_classes)
        The teacher's probabilities.
    codes : ndarray of shape (n_samples,), dtype int
        Index of the true class.
    classes : ndarray of shape (n_classes,)
        Sorted labels.
    name : str
        Who gave the probabilities, for the message.

    Raises
    ------
    ValueError
        If the order seems to be another; the message gives the one that fits best.
    """
    n_rows, n_classes = proba.shape
    if n_rows == 0:
        return
    counts = np.zeros((n_classes, n_classes))
    np.add.at(counts, (proba.argmax(axis=1), codes), 1.0)
    majority = np.max(counts.sum(axis=0)) / n_rows
    identity = np.trace(counts) / n_rows
    columns, order = linear_sum_assignment(counts, maximize=True)
    best = counts[columns, order].sum() / n_rows
    if identity >= majority or best - identity <= 0.2:
        return
    raise ValueError(
        f"the columns of {name} seem to be in another order than the sorted labels "
        f"{classes.tolist()}: they are right on {identity:.0%} of the rows, and on {best:.0%} if "
        f"read as {classes[order].tolist()}. Reorder them, or say the order of a teacher's "
        "columns: CallableTeacher(..., classes=[...])."
    )
