"""Checks of what ``fit`` of a student is given besides X, and the targets made of it."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.utils.validation import check_array, column_or_1d

from skdistill._compat import take_rows
from skdistill._validation import check_probabilities, check_real
from skdistill.losses import DistillationLoss
from skdistill.students._real_rows import RealRows
from skdistill.targets import one_hot


def encode_labels(y: np.ndarray, classes: Any) -> tuple[np.ndarray, np.ndarray]:
    """Return sorted classes and the index of each label."""
    found, codes = np.unique(y, return_inverse=True)
    if classes is not None:
        given = np.asarray(classes)
        if given.ndim != 1 or not np.array_equal(given, np.unique(given)):
            raise ValueError(f"classes must be sorted and distinct labels, got {classes!r}.")
        unknown = np.setdiff1d(found, given)
        if len(unknown):
            raise ValueError(f"y has labels {unknown.tolist()} that classes does not list.")
        codes = np.searchsorted(given, found)[codes]
        found = given
    if len(found) < 2:
        raise ValueError(f"y has one class, {found[0]!r}: a classifier needs at least two classes.")
    return found, codes.ravel()


def make_loss(
    codes: np.ndarray,
    n_classes: int,
    soft_targets: Any,
    temperature: float,
    hard_label_weight: Any,
) -> DistillationLoss:
    """Check the targets and build the combined loss."""
    T = check_real(temperature, "temperature", minimum=1.0)
    w = check_unit_weights(hard_label_weight, "hard_label_weight", len(codes))
    if soft_targets is None:
        if T != 1.0 or np.any(w):
            raise ValueError(
                "temperature and hard_label_weight act on soft targets and have no effect "
                f"without them, got {temperature!r} and {hard_label_weight!r}; give soft_targets."
            )
        return DistillationLoss(one_hot(codes, n_classes), codes, hard_label_weight=1.0)
    P = check_probabilities(soft_targets, "soft_targets", n_rows=len(codes), n_classes=n_classes)
    return DistillationLoss(P, codes, temperature=T, hard_label_weight=w)


def check_unit_weights(value: Any, name: str, n_rows: int) -> Any:
    """Check a weight in [0, 1]: one number, or one for each row."""
    if np.ndim(value) == 0:
        return check_real(value, name, minimum=0.0, maximum=1.0)
    weights = check_array(value, ensure_2d=False, dtype=np.float64, input_name=name)
    if weights.shape != (n_rows,) or weights.min() < 0 or weights.max() > 1:
        raise ValueError(
            f"{name} must be a number in [0, 1] or one for each of the {n_rows} rows, "
            f"got an array of shape {weights.shape} with values in "
            f"[{weights.min():g}, {weights.max():g}]."
        )
    return weights


def check_values(values: Any, name: str) -> np.ndarray:
    flat = column_or_1d(values, warn=True)
    return check_array(flat, ensure_2d=False, dtype=np.float64, input_name=name)


def mix_values(y: np.ndarray, soft_targets: Any, hard_label_weight: Any) -> np.ndarray:
    """Mix true values with the teacher's predictions."""
    w = hard_label_weight
    if soft_targets is None:
        if np.any(w):
            raise ValueError(
                "hard_label_weight acts on soft targets and has no effect without them, "
                f"got {hard_label_weight!r}; give soft_targets."
            )
        return y
    teacher = check_values(soft_targets, "soft_targets")
    if teacher.shape != y.shape:
        raise ValueError(
            f"soft_targets has {len(teacher)} values where there are {len(y)} samples; "
            "give one prediction for each sample."
        )
    return np.asarray((1.0 - w) * teacher + w * y)


def check_labeled(labeled: Any, soft_targets: Any, hard_label_weight: np.ndarray) -> np.ndarray:
    """Check which rows have a true label, or find it by the weight of the hard labels."""
    n_samples = len(hard_label_weight)
    if soft_targets is None:
        if labeled is not None:
            raise ValueError(
                "labeled tells true labels from those of a teacher, but there are no "
                "soft_targets; give them, or leave out the rows without a label."
            )
        return np.ones(n_samples, dtype=bool)
    if labeled is None:
        return hard_label_weight > 0
    mask = np.asarray(labeled)
    if mask.shape != (n_samples,) or mask.dtype != bool:
        raise ValueError(
            f"labeled must be a boolean array with one value for each of the {n_samples} rows, "
            f"got one of shape {mask.shape} and dtype {mask.dtype}."
        )
    return mask


def find_real_rows(
    truth: np.ndarray, mixed: np.ndarray, labeled: np.ndarray, weight: np.ndarray
) -> RealRows:
    """Collect the rows with a true label; if there are none, all rows as the targets have them."""
    rows = np.flatnonzero(labeled)
    if len(rows):
        return RealRows(rows, truth[rows], weight[rows])
    return RealRows(np.arange(len(weight)), mixed, weight)


def weighty_rows(weight: np.ndarray) -> slice | np.ndarray:
    """Find the rows of positive weight: others must not act through the encoding either."""
    rows = np.flatnonzero(weight)
    if len(rows) == len(weight):
        return slice(None)  # nothing is copied
    if len(rows) == 0:
        raise ValueError("sample_weight is zero everywhere; give some row a positive weight.")
    return rows


def take(X: Any, rows: slice | np.ndarray) -> Any:
    return X if isinstance(rows, slice) else take_rows(X, rows)
