"""Resolve ``"auto"`` by rules, each with its reason on record."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse as sp

from skdistill._columns import is_frame
from skdistill._validation import check_choice, check_integer, check_real
from skdistill.knowledge import (
    Knowledge,
    RelationKnowledge,
    needs_teacher,
    resolve_knowledge,
)
from skdistill.transfer import Sampler, resolve_sampler

OUT_OF_FOLD = ("cross_fit", "corrected")

# Out-of-fold rows below which one calibrating temperature is not worth its variance.
MIN_ROWS_TO_CALIBRATE = 100

# Strength of the loss correction where it is not searched.
CORRECTION = 0.1

# Share of the true labels on real rows: enough to correct a teacher that is wrong, too little to
# bring their noise back.
HARD_LABEL_WEIGHT = 0.3


@dataclass(frozen=True)
class Situation:
    """What the rules look at."""

    X: Any
    has_labels: bool
    has_teacher: bool
    has_targets: bool
    refittable: bool
    n_folds: int
    n_rows: int
    n_unlabeled: int = 0
    sees_temperature: bool = True
    takes_hints: bool = True
    takes_similarity: bool = True


@dataclass(frozen=True)
class Choices:
    """Settings with every "auto" resolved; `reasons` says why."""

    temperature: float | None
    hard_label_weight: float
    teacher_labels: str
    sampler: Sampler | None
    n_augmented: int
    calibrate: bool
    reasons: dict[str, str]
    use_teacher: bool = True
    correction: float | None = None
    knowledge: tuple[Knowledge, ...] = ()

    @property
    def out_of_fold(self) -> bool:
        """Whether the labels of the real rows come from teachers that have not seen them."""
        return self.teacher_labels in OUT_OF_FOLD

    def describe(self) -> dict[str, Any]:
        """Return what a record says of them."""
        if not self.use_teacher:
            return {"use_teacher": False}
        described: dict[str, Any] = {
            "use_teacher": True,
            "hard_label_weight": self.hard_label_weight,
            "correction": self.correction,
            "temperature": self.temperature,
            "augment": None if self.sampler is None else type(self.sampler).__name__,
        }
        if "knowledge" in self.reasons:  # it was asked for
            described["knowledge"] = ["response", *(kind.kind for kind in self.knowledge)]
        return described


def choose(params: dict[str, Any], situation: Situation) -> Choices:
    """Check the settings and resolve "auto" by rules.

    Parameters
    ----------
    params : dict
        The estimator's parameters; those that are absent do not apply to it.
    situation : Situation
        What is known of the data and the teacher.

    Returns
    -------
    choices : Choices

    Raises
    ------
    TypeError, ValueError
        If a setting is invalid, or cannot act in this situation.
    """
    reasons: dict[str, str] = {}
    labels = _choose_labels(params["teacher_labels"], situation, reasons)
    sampler, n_augmented = _choose_sampler(params, situation, reasons)
    return Choices(
        temperature=_choose_temperature(params, reasons),
        hard_label_weight=_choose_weight(params["hard_label_weight"], labels, situation, reasons),
        teacher_labels=labels,
        sampler=sampler,
        n_augmented=n_augmented,
        calibrate=_choose_calibration(params, labels, situation, reasons),
        reasons=reasons,
        correction=CORRECTION if labels == "corrected" else None,
        knowledge=_choose_knowledge(params, situation, reasons),
    )


def _choose_temperature(params: dict[str, Any], reasons: dict[str, str]) -> float | None:
    if "temperature" not in params:
        return None
    if is_auto(params["temperature"]):
        reasons["temperature"] = "calibrated probabilities of tabular teachers are soft as they are"
        return 1.0
    reasons["temperature"] = "given"
    return check_real(params["temperature"], "temperature", minimum=1.0)


def _choose_weight(value: Any, labels: str, situation: Situation, reasons: dict[str, str]) -> float:
    if is_auto(value):
        if labels == "corrected":
            reasons["hard_label_weight"] = "corrected labels have their share of the true ones"
            return 0.0
        if not situation.has_labels:
            reasons["hard_label_weight"] = "there are no hard labels"
            return 0.0
        reasons["hard_label_weight"] = "a minor share of the true labels corrects the teacher"
        return HARD_LABEL_WEIGHT
    weight = check_real(value, "hard_label_weight", minimum=0.0, maximum=1.0)
    if weight > 0 and not situation.has_labels:
        raise ValueError(
            f"hard_label_weight={value!r} requires y to be passed, but the target y is None; "
            "give y, or hard_label_weight=0."
        )
    reasons["hard_label_weight"] = "given"
    return weight


def _choose_labels(value: Any, situation: Situation, reasons: dict[str, str]) -> str:
    check_choice(value, "teacher_labels", ["auto", "in_sample", "cross_fit", "corrected"])
    if situation.has_targets:
        if value != "auto":
            raise ValueError(
                f"teacher_labels={value!r} has no effect on soft_targets given to fit; "
                "leave it at 'auto'."
            )
        reasons["teacher_labels"] = "soft_targets were given to fit"
        return "given"
    if value in OUT_OF_FOLD and not situation.refittable:
        raise ValueError(
            f"teacher_labels={value!r} needs a teacher that can be refitted (a scikit-learn "
            "estimator, not frozen); for others compute out-of-fold labels yourself and give "
            "them to fit as soft_targets."
        )
    if value in OUT_OF_FOLD and not situation.has_labels:
        raise ValueError(
            f"teacher_labels={value!r} requires y to be passed, but the target y is None; "
            "give y, or teacher_labels='in_sample'."
        )
    if value != "auto":
        reasons["teacher_labels"] = "given"
        return str(value)
    if not situation.refittable:
        reasons["teacher_labels"] = "the teacher cannot be refitted"
    elif not situation.has_labels:
        reasons["teacher_labels"] = "there are no hard labels to refit the teacher on"
    elif situation.n_folds == 0:
        reasons["teacher_labels"] = "too few rows (of some class) for the folds of cv"
    else:
        reasons["teacher_labels"] = "the teacher can be refitted; it may have memorised its rows"
        return "cross_fit"
    return "in_sample"


def _choose_sampler(
    params: dict[str, Any], situation: Situation, reasons: dict[str, str]
) -> tuple[Sampler | None, int]:
    augment = params["augment"]
    factor = check_real(params["size_factor"], "size_factor", minimum=0.0, strict=True)
    cap = check_integer(params["max_size"], "max_size", minimum=1)
    if is_auto(augment):
        if not situation.has_teacher:
            reasons["augment"] = "there is no teacher to label new rows"
            return None, 0
        if not _is_dense_table(situation.X):
            reasons["augment"] = "X is not a dense table"
            return None, 0
        reasons["augment"] = "more rows show more of the teacher"
        augment = "munge"
    else:
        reasons["augment"] = "given"
    sampler = resolve_sampler(augment)
    if sampler is None:
        return None, 0
    if not situation.has_teacher:
        raise ValueError(
            f"augment={params['augment']!r} needs a teacher that labels the new rows, but "
            "teacher is None; give one, or augment=None."
        )
    return sampler, max(1, min(round(factor * situation.n_rows), cap))


def _choose_knowledge(
    params: dict[str, Any], situation: Situation, reasons: dict[str, str]
) -> tuple[Knowledge, ...]:
    if "knowledge" not in params:
        return ()
    kinds = resolve_knowledge(params["knowledge"])
    if not kinds:
        return ()
    names = [kind.kind for kind in kinds]
    if not situation.takes_hints:
        raise ValueError(
            f"knowledge={params['knowledge']!r}: {names} cannot shape this student, whose fit "
            "takes no hints; set knowledge='response', or give another student: 'tree', 'linear', "
            "'additive' or 'mlp'."
        )
    measures = [kind.measure for kind in kinds if isinstance(kind, RelationKnowledge)]
    if "similarity" in measures and not situation.takes_similarity:
        raise ValueError(
            f"knowledge={params['knowledge']!r}: measure='similarity' compares rows in a hidden "
            "layer, which this student does not have; give measure='distance', or the student "
            "'mlp'."
        )
    if not situation.has_teacher and needs_teacher(kinds):
        raise ValueError(
            f"knowledge={params['knowledge']!r}: {names} needs a teacher that represents the rows, "
            "but teacher is None; give one, a representation that is a function of X, or "
            "knowledge='response'."
        )
    reasons["knowledge"] = "given"
    return kinds


def _choose_calibration(
    params: dict[str, Any], labels: str, situation: Situation, reasons: dict[str, str]
) -> bool:
    if "calibrate_teacher" not in params:
        return False
    value = params["calibrate_teacher"]
    if not (is_auto(value) or isinstance(value, bool)):
        raise ValueError(f"calibrate_teacher must be True, False or 'auto', got {value!r}.")
    if value is True and labels not in OUT_OF_FOLD:
        raise ValueError(
            "calibrate_teacher=True needs out-of-fold labels: on rows it was fitted to a teacher "
            f"looks better than it is. Here teacher_labels is {labels!r}; use 'cross_fit', or "
            "calibrate the teacher on held-out rows before."
        )
    if not is_auto(value):
        reasons["calibrate_teacher"] = "given"
        return bool(value)
    if labels not in OUT_OF_FOLD:
        reasons["calibrate_teacher"] = "there are no out-of-fold labels to calibrate on"
        return False
    if situation.n_rows < MIN_ROWS_TO_CALIBRATE:
        reasons["calibrate_teacher"] = f"fewer than {MIN_ROWS_TO_CALIBRATE} out-of-fold rows"
        return False
    reasons["calibrate_teacher"] = "out-of-fold labels show how confident the teacher may be"
    return True


def is_auto(value: Any) -> bool:
    """Tell whether a setting is left to be chosen."""
    return isinstance(value, str) and value == "auto"


def _is_dense_table(X: Any) -> bool:
    if sp.issparse(X):
        return False
    return is_frame(X) or (isinstance(X, np.ndarray) and X.ndim == 2)
