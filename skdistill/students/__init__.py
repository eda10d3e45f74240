"""Compact estimators that learn soft targets exactly, and the way to teach any other one."""

from __future__ import annotations

import inspect
from typing import Any

from sklearn.base import clone, is_classifier, is_regressor

from skdistill._validation import check_choice
from skdistill.students._base import BaseStudent
from skdistill.students._expansion import last_step, reads_teacher, takes_hints, takes_soft_targets
from skdistill.students._fitting import fit_student
from skdistill.students._tree.plot import plot_tree
from skdistill.students._tree.text import export_text
from skdistill.students.additive import AdditiveStudentClassifier, AdditiveStudentRegressor
from skdistill.students.boosting import BoostingStudentClassifier, BoostingStudentRegressor
from skdistill.students.linear import LinearStudentClassifier, LinearStudentRegressor
from skdistill.students.mlp import MLPStudentClassifier, MLPStudentRegressor
from skdistill.students.pruned import PrunedStudentClassifier, PrunedStudentRegressor
from skdistill.students.tree import TreeStudentClassifier, TreeStudentRegressor

__all__ = [
    "STUDENT_NAMES",
    "AdditiveStudentClassifier",
    "AdditiveStudentRegressor",
    "BaseStudent",
    "BoostingStudentClassifier",
    "BoostingStudentRegressor",
    "LinearStudentClassifier",
    "LinearStudentRegressor",
    "MLPStudentClassifier",
    "MLPStudentRegressor",
    "PrunedStudentClassifier",
    "PrunedStudentRegressor",
    "TreeStudentClassifier",
    "TreeStudentRegressor",
    "export_text",
    "fit_student",
    "make_student",
    "plot_tree",
    "reads_teacher",
    "takes_hints",
    "takes_soft_targets",
]

_BUILTIN: dict[str, tuple[type, type]] = {
    "tree": (TreeStudentClassifier, TreeStudentRegressor),
    "linear": (LinearStudentClassifier, LinearStudentRegressor),
    "additive": (AdditiveStudentClassifier, AdditiveStudentRegressor),
    "mlp": (MLPStudentClassifier, MLPStudentRegressor),
    "boosting": (BoostingStudentClassifier, BoostingStudentRegressor),
    "pruned": (PrunedStudentClassifier, PrunedStudentRegressor),
}
STUDENT_NAMES = tuple(_BUILTIN)


def make_student(student: Any, *, task: str) -> Any:
    """Make an unfitted student from its name, or from an estimator.

    Parameters
    ----------
    student : {"tree", "linear", "additive", "mlp", "boosting", "pruned"} or estimator
        A name gives the default-configured student. An estimator is cloned.
    task : {"classification", "regression"}
        What it has to learn.

    Returns
    -------
    student : estimator
        Unfitted.

    Raises
    ------
    ValueError
        If the name is unknown, or the estimator is not one for the task.
    TypeError
        If `student` is neither a name nor an estimator.

    Examples
    --------
    >>> from skdistill.students import make_student
    >>> make_student("linear", task="regression")
    LinearStudentRegressor()
    """
    check_choice(task, "task", ["classification", "regression"])
    classification = task == "classification"
    if isinstance(student, str):
        check_choice(student, "student", STUDENT_NAMES)
        return _BUILTIN[student][0 if classification else 1]()
    names = list(STUDENT_NAMES)
    if inspect.isclass(student):
        raise TypeError(
            f"student must be an estimator or one of {names}, got the class {student.__name__}; "
            f"give an instance: {student.__name__}()."
        )
    if not (hasattr(student, "fit") and hasattr(student, "get_params")):
        raise TypeError(f"student must be an estimator or one of {names}, got {student!r}.")
    if not (is_classifier if classification else is_regressor)(student):
        kind, other = ("classifier", "Regressor") if classification else ("regressor", "Classifier")
        raise ValueError(
            f"student must be a {kind} for {task}, got {type(last_step(student)).__name__}; "
            f"give a {kind}, one of {names}, or use Distilled{other}."
        )
    return clone(student)
