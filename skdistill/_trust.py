"""Rows on which several teachers disagree count less for the student."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, TypeGuard

import numpy as np

from skdistill.teachers import EnsembleTeacher, Teacher
from skdistill.transfer import TransferSet


class DisagreementTeacher:
    """An ensemble whose labels have a further column: how far its members disagree.

    It goes where a teacher goes that labels rows, out of fold or through the cache, so that
    disagreement takes the way that labels take.

    Parameters
    ----------
    teacher : EnsembleTeacher
        Fitted, or to be refitted.
    """

    def __init__(self, teacher: EnsembleTeacher) -> None:
        self.teacher, self.name = teacher, teacher.name

    def predict_proba(self, X: Any, classes: np.ndarray) -> np.ndarray:
        """Return probabilities and disagreement, of shape (n_samples, n_classes + 1)."""
        return np.column_stack(self.teacher.label_with_disagreement(X, classes))

    def predict(self, X: Any) -> np.ndarray:
        """Return predictions and disagreement, of shape (n_samples, 2)."""
        return np.column_stack(self.teacher.label_with_disagreement(X, None))

    def refit(self, *args: Any, **kwargs: Any) -> DisagreementTeacher:
        """Fit fresh copies of the members (see `Teacher.refit`)."""
        return DisagreementTeacher(self.teacher.refit(*args, **kwargs))

    def fingerprint(self) -> str:
        """Compute a key for caches, other than that of the ensemble."""
        return f"{self.teacher.fingerprint()}-disagreement"


def distrusts(teacher: Teacher | None) -> TypeGuard[EnsembleTeacher]:
    """Tell whether disagreement counts: there are several teachers, and it was asked for."""
    return isinstance(teacher, EnsembleTeacher) and teacher.distrust > 0


def check_distrust(
    teacher: Teacher | None,
    rows: TransferSet,
    *,
    hard_label_weight: float,
    has_soft_targets: bool,
) -> None:
    """Refuse distrust that cannot act: it weighs the teachers' part of the loss."""
    if not distrusts(teacher):
        return
    if has_soft_targets:
        raise ValueError(
            "distrust weighs rows by how far teachers disagree, which soft_targets do not tell; "
            "give the teachers without soft_targets, or distrust=0."
        )
    if hard_label_weight == 1 and rows.n_rows == rows.n_real:
        raise ValueError(
            f"distrust={teacher.distrust!r} weighs what teachers say of rows, of which "
            "hard_label_weight=1 without unlabelled or augmented rows leaves nothing; give a "
            "lower hard_label_weight, further rows, or distrust=0."
        )


def with_disagreement(teacher: Teacher) -> Any:
    """Return what labels rows: the teacher, or one that tells disagreement where that counts."""
    return DisagreementTeacher(teacher) if distrusts(teacher) else teacher


def targets_of(labels: np.ndarray, teacher: Teacher | None) -> np.ndarray:
    """Return labels without the column of disagreement, if they have it."""
    if not distrusts(teacher):
        return labels
    return labels[:, :-1] if labels.shape[1] > 2 else labels[:, 0]


def take_trust(
    labels: np.ndarray, rows: TransferSet, teacher: Teacher | None
) -> tuple[np.ndarray, TransferSet]:
    """Separate targets from disagreement, which becomes trust in the rows.

    Parameters
    ----------
    labels : ndarray of shape (n_rows, ...)
        What the teacher said, with disagreement as the last column if that counts.
    rows : TransferSet
        The rows.
    teacher : Teacher or None
        Who said it.

    Returns
    -------
    targets : ndarray of shape (n_rows, n_classes) or (n_rows,)
    rows : TransferSet
        With trust, if disagreement counts; else the ones given.
    """
    if not distrusts(teacher):
        return labels, rows
    d = labels[:, -1]
    mean = float(np.average(d, weights=rows.weight))
    trust = 1.0 / (1.0 + teacher.distrust * d / mean) if mean > 0 else np.ones(len(d))
    return targets_of(labels, teacher), replace(rows, trust=trust)


def discount(
    weight: np.ndarray, hard: np.ndarray, trust: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Weigh the soft part of each row's loss by trust; the hard part stays as it is.

    Parameters
    ----------
    weight : ndarray of shape (n_rows,)
        Weights of the rows.
    hard : ndarray of shape (n_rows,)
        Share of the true label in the loss of each row.
    trust : ndarray of shape (n_rows,)
        At most one. It is scaled so that the soft parts weigh as much together as before.

    Returns
    -------
    weight, hard : ndarray of shape (n_rows,)
        Such that ``weight * (1 - hard)`` is trusted, and ``weight * hard`` what it was.
    """
    soft_weight, hard_weight = weight * (1.0 - hard), weight * hard
    trusted = soft_weight * trust
    if trusted.sum() > 0:
        trusted = trusted * (soft_weight.sum() / trusted.sum())
    total = trusted + hard_weight
    # Rows without any weight keep their share.
    return total, np.divide(hard_weight, total, out=hard.copy(), where=total > 0)
