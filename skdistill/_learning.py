"""A student learns: from targets and labels, or from the true labels alone."""

from __future__ import annotations

from typing import Any

import numpy as np

from skdistill._choosing import Choices
from skdistill._problem import Problem
from skdistill._trust import discount
from skdistill.hints import Hints
from skdistill.students import fit_student
from skdistill.students._real_rows import LEAST_PROBABILITY
from skdistill.targets import correct_targets
from skdistill.teachers import Teacher
from skdistill.transfer import TransferSet


def learn(
    student: Any,
    rows: TransferSet,
    targets: np.ndarray,
    problem: Problem,
    choices: Choices,
    teacher: Teacher | None,
    *,
    hints: Hints | None = None,
) -> Any:
    """Fit the student as chosen.

    Parameters
    ----------
    student : estimator
        Unfitted; it is fitted in place.
    rows : TransferSet
        Real rows first, augmented rows last; the latter are left out if none are wanted.
    targets : ndarray of shape (n_rows, n_classes) or (n_rows,)
        Soft targets, or the teacher's predictions.
    problem : Problem
        The real rows and their labels.
    choices : Choices
        What to learn.
    teacher : Teacher or None
        For students that are made of its parts.
    hints : Hints or None
        What else the teacher knows of `rows`; left out where the response alone is chosen, and by
        the direct fit, which knows no teacher.

    Returns
    -------
    student : estimator
        The one given, fitted.
    """
    if not choices.use_teacher:
        return _learn_directly(student, problem, rows)
    if not choices.knowledge:
        hints = None
    if choices.sampler is None and rows.n_augmented:
        rows = rows.without_augmented()
        targets = targets[: rows.n_rows]
        hints = None if hints is None else hints.take(slice(0, rows.n_rows))
    classes = problem.classes
    if choices.correction is not None:
        targets = _correct(targets, problem, choices.correction)
    # Rows without a label get a filler of no weight.
    y = targets.copy() if classes is None else classes[targets.argmax(axis=1)]
    hard, labeled = np.zeros(rows.n_rows), np.zeros(rows.n_rows, dtype=bool)
    if problem.y is not None:
        y[: rows.n_real] = problem.y
        hard[: rows.n_real] = choices.hard_label_weight
        labeled[: rows.n_real] = True
    weight = rows.weight
    if rows.trust is not None:
        weight, hard = discount(weight, hard, rows.trust)
    return fit_student(
        student,
        rows.X,
        y,
        classes=classes,
        soft_targets=targets,
        weight=weight,
        temperature=1.0 if choices.temperature is None else choices.temperature,
        hard_label_weight=hard,
        labeled=labeled,
        teacher=teacher,
        hints=hints,
    )


def _learn_directly(student: Any, problem: Problem, rows: TransferSet) -> Any:
    return fit_student(
        student,
        problem.X,
        np.asarray(problem.y),
        classes=problem.classes,
        soft_targets=None,
        weight=rows.weight[: rows.n_real],
    )


def _correct(targets: np.ndarray, problem: Problem, c: float) -> np.ndarray:
    """Correct the targets of the real rows by what is known to be true."""
    n_real = problem.n_rows
    truth = np.asarray(problem.y if problem.codes is None else problem.codes)
    corrected = correct_targets(targets[:n_real], truth, c, problem.weight)
    return np.concatenate([corrected, targets[n_real:]])


def row_losses(student: Any, held_out: Problem) -> np.ndarray:
    """Compute the loss of a fitted student on each of some real rows, by a proper score.

    Parameters
    ----------
    student : estimator
        Fitted.
    held_out : Problem
        Rows with true labels.

    Returns
    -------
    losses : ndarray of shape (n_samples,)
        Log loss, where the student gives probabilities, else one for each wrong label; squared
        error for regression.
    """
    classes, codes = held_out.classes, held_out.codes
    if classes is not None and codes is not None and not hasattr(student, "predict_proba"):
        return np.asarray(student.predict(held_out.X) != held_out.y, dtype=np.float64)
    return answer_losses(answer(student, held_out.X, classes), held_out)


def answer(student: Any, X: Any, classes: np.ndarray | None) -> np.ndarray:
    """Predict with a fitted student, as a teacher would label.

    Parameters
    ----------
    student : estimator
        Fitted.
    X : array-like with n_samples rows
        Rows.
    classes : ndarray of shape (n_classes,) or None
        Labels of the columns; one that the student has not seen gets zeros. None for regression.

    Returns
    -------
    answers : ndarray of shape (n_samples, n_classes) or (n_samples,)
        Probabilities, or predictions.
    """
    if classes is None:
        return np.ravel(student.predict(X))
    P = np.asarray(student.predict_proba(X))
    if len(student.classes_) == len(classes):
        return P
    aligned = np.zeros((len(P), len(classes)))
    aligned[:, np.searchsorted(classes, student.classes_)] = P
    return aligned


def answer_losses(answers: np.ndarray, held_out: Problem) -> np.ndarray:
    """Compute the loss of answers to real rows: log loss, or squared error.

    Parameters
    ----------
    answers : ndarray of shape (n_samples, n_classes) or (n_samples,)
        As `answer` gives them.
    held_out : Problem
        Rows with true labels.

    Returns
    -------
    losses : ndarray of shape (n_samples,)
    """
    if held_out.codes is None:
        return np.asarray((answers - held_out.y) ** 2)
    right = answers[np.arange(len(answers)), held_out.codes]
    return -np.log(np.maximum(right, LEAST_PROBABILITY))
