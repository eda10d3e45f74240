"""The steps of a distillation, each a function with a plain result.

``Problem`` is what the user gave, checked; ``classes`` is None for regression in every step.
"""

from __future__ import annotations

import sys
import warnings
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import scipy.sparse as sp
from joblib import Memory
from sklearn.utils import assert_all_finite
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_array, check_consistent_length, column_or_1d

from skdistill._choosing import Choices
from skdistill._columns import is_frame
from skdistill._compat import check_sample_weight, num_samples
from skdistill._record import DistillationRecord
from skdistill._validation import check_probabilities
from skdistill.exceptions import OverconfidentTeacherWarning
from skdistill.students import fit_student
from skdistill.targets import fit_temperature, is_nearly_one_hot, soften
from skdistill.teachers import Teacher, as_teacher, check_class_order, label_rows, resolve_classes
from skdistill.transfer import TransferSet, cross_fit


@dataclass(frozen=True)
class Problem:
    """What the user gave to fit, checked."""

    X: Any
    y: np.ndarray | None
    weight: np.ndarray | None  # None: the user gave none, and teachers get none
    soft_targets: np.ndarray | None
    classes: np.ndarray | None = None
    codes: np.ndarray | None = None

    @property
    def n_rows(self) -> int:
        """Number of real rows."""
        return num_samples(self.X)


@dataclass(frozen=True)
class Settings:
    """How to run: none of it changes what is learned, but the folds and the seed."""

    cv: Any
    memory: Memory
    n_jobs: int | None
    seed: int
    verbose: int

    def report(self, message: str) -> None:
        """Print one line of progress to stderr."""
        if self.verbose:
            print(f"[skdistill] {message}", file=sys.stderr, flush=True)


def as_table(X: Any) -> Any:
    """Return frames and lists of texts as they are, others as arrays or CSR matrices."""
    if sp.issparse(X):
        return X.tocsr()  # the format whose rows can be taken
    if type(X).__name__ == "LazyFrame":
        raise TypeError("X is a LazyFrame, whose rows are not there yet; give X.collect().")
    if is_frame(X) or hasattr(X, "iloc"):
        return X
    if isinstance(X, list | tuple) and len(X) and isinstance(X[0], str | bytes | dict):
        return X
    if isinstance(X, np.ndarray):
        return np.asarray(X)  # memory maps become plain arrays
    table = np.asarray(X)
    # Numbers beside texts must stay numbers.
    return np.asarray(X, dtype=object) if table.dtype.kind == "U" else table


def check_problem(X: Any, y: Any, sample_weight: Any, soft_targets: Any, *, task: str) -> Problem:
    """Check everything that can be checked before the teacher is asked."""
    if num_samples(X) == 0:
        raise ValueError("X has 0 sample(s) while a minimum of 1 is required.")
    if y is not None:
        y = column_or_1d(y, warn=True)
        check_consistent_length(X, y)
        if task == "classification":
            assert_all_finite(y, input_name="y")
            check_classification_targets(y)
        else:
            y = check_array(y, ensure_2d=False, dtype=np.float64, input_name="y")
    weight = None if sample_weight is None else check_sample_weight(sample_weight, X)
    return Problem(X, y, weight, soft_targets)


def prepare_teacher(
    teacher: Any, problem: Problem, settings: Settings, record: DistillationRecord, *, task: str
) -> Teacher | None:
    """Adapt the teacher, and fit it if it is not fitted."""
    if teacher is None:
        if problem.soft_targets is None:
            raise ValueError(
                "teacher is None and there are no soft_targets; give a teacher, or give fit "
                "precomputed soft_targets."
            )
        return None
    adapted = as_teacher(teacher, task=task)
    record.teacher = adapted.name
    adapted.check_features(problem.X)
    if adapted.is_fitted:
        return adapted
    if problem.y is None:
        raise ValueError(
            f"teacher {adapted.name} is not fitted: fitting it requires y to be passed, "
            "but the target y is None; give y or a fitted teacher."
        )
    if task == "classification":
        weighty = slice(None) if problem.weight is None else problem.weight > 0
        _check_classes(np.unique(problem.y[weighty]))
    settings.report(f"fitting the teacher {adapted.name} on {problem.n_rows} rows")
    record.teacher_fits += 1
    return adapted.fit_missing(problem.X, problem.y, problem.weight, random_state=settings.seed)


def settle_classes(problem: Problem, teacher: Teacher | None) -> Problem:
    """Agree on the classes, and check precomputed targets against them."""
    targets = problem.soft_targets
    if teacher is not None:
        classes = resolve_classes(teacher, problem.y)
    elif problem.y is not None:
        classes = np.unique(problem.y)
    else:
        targets = check_probabilities(targets, "soft_targets", n_rows=problem.n_rows)
        classes = np.arange(targets.shape[1])
    _check_classes(classes)
    if targets is not None:
        targets = check_probabilities(
            targets, "soft_targets", n_rows=problem.n_rows, n_classes=len(classes)
        )
    codes = None if problem.y is None else np.searchsorted(classes, problem.y)
    return replace(problem, classes=classes, codes=codes, soft_targets=targets)


def _check_classes(classes: np.ndarray) -> None:
    if len(classes) < 2:
        raise ValueError(
            f"y has one class, {classes.tolist()[0]!r}: a classifier needs at least two; give "
            "rows of another class too."
        )


def check_values(problem: Problem) -> Problem:
    """Check precomputed targets of a regression."""
    if problem.soft_targets is None:
        return problem
    targets = column_or_1d(problem.soft_targets)
    targets = check_array(targets, ensure_2d=False, dtype=np.float64, input_name="soft_targets")
    if len(targets) != problem.n_rows:
        raise ValueError(
            f"soft_targets has {len(targets)} values where there are {problem.n_rows} samples; "
            "give one prediction for each row of X."
        )
    return replace(problem, soft_targets=targets)


def label_transfer_set(
    teacher: Teacher | None,
    rows: TransferSet,
    problem: Problem,
    choices: Choices,
    settings: Settings,
    record: DistillationRecord,
) -> np.ndarray:
    """Label the real rows out of fold, in sample or as given, and all others by the teacher."""
    real = _label_real_rows(teacher, problem, choices, settings, record)
    if problem.classes is not None:
        _examine(real, problem, choices, teacher)
    if rows.n_rows == rows.n_real or teacher is None:
        return real
    settings.report(f"labelling {rows.n_rows - rows.n_real} further rows")
    others, n_scored = label_rows(
        teacher, rows.others, classes=problem.classes, memory=settings.memory
    )
    record.teacher_rows_scored += n_scored
    return np.concatenate([real, others])


def _label_real_rows(
    teacher: Teacher | None,
    problem: Problem,
    choices: Choices,
    settings: Settings,
    record: DistillationRecord,
) -> np.ndarray:
    if teacher is None or problem.soft_targets is not None:
        return np.asarray(problem.soft_targets)
    if choices.teacher_labels == "in_sample":
        settings.report(f"labelling {problem.n_rows} rows by the teacher {teacher.name}")
        targets, n_scored = label_rows(
            teacher, problem.X, classes=problem.classes, memory=settings.memory
        )
        record.teacher_rows_scored += n_scored
        return targets
    settings.report(f"cross-fitting the teacher {teacher.name} on {problem.n_rows} rows")
    folds = cross_fit(
        teacher,
        problem.X,
        problem.y,
        classes=problem.classes,
        cv=settings.cv,
        sample_weight=problem.weight,
        n_jobs=settings.n_jobs,
        memory=settings.memory,
        verbose=settings.verbose,
        random_state=settings.seed,
    )
    record.teacher_fits += folds.n_fits
    record.teacher_rows_scored += folds.n_rows_scored
    return folds.targets


def _examine(real: np.ndarray, problem: Problem, choices: Choices, teacher: Teacher | None) -> None:
    """Check the class order where only y can tell it, and warn of labels that say nothing."""
    codes, classes = problem.codes, problem.classes
    implicit = teacher is None or teacher.has_implicit_order
    if implicit and codes is not None and classes is not None:
        name = "soft_targets" if teacher is None else f"teacher {teacher.name}"
        check_class_order(real, codes, classes, name)
    if choices.teacher_labels == "in_sample" and is_nearly_one_hot(real):
        warnings.warn(
            f"The labels that the teacher gives the {len(real)} rows of X are nearly one-hot: the "
            "largest probability is above 0.99 on average. If it was fitted to these rows, it "
            "tells what it memorised, not what it knows. Use teacher_labels='cross_fit' with a "
            "teacher that can be refitted, give out-of-fold labels to fit as soft_targets, or "
            "distil on rows that the teacher has not seen.",
            OverconfidentTeacherWarning,
            stacklevel=4,
        )


def calibrate(
    targets: np.ndarray, problem: Problem, choices: Choices, record: DistillationRecord
) -> np.ndarray:
    """Scale the temperature of the targets so that those of the out-of-fold rows are calibrated."""
    if not choices.calibrate or problem.codes is None:
        return targets
    temperature = fit_temperature(targets[: problem.n_rows], problem.codes, problem.weight)
    record.calibrated, record.teacher_temperature = True, temperature
    return soften(targets, temperature)


def fit_to_targets(
    student: Any,
    rows: TransferSet,
    targets: np.ndarray,
    problem: Problem,
    choices: Choices,
    teacher: Teacher | None,
) -> Any:
    """Fit the student; rows without a label get a filler of no weight."""
    classes = problem.classes
    y = targets.copy() if classes is None else classes[targets.argmax(axis=1)]
    hard, labeled = np.zeros(rows.n_rows), np.zeros(rows.n_rows, dtype=bool)
    if problem.y is not None:
        y[: rows.n_real] = problem.y
        hard[: rows.n_real] = choices.hard_label_weight
        labeled[: rows.n_real] = True
    return fit_student(
        student,
        rows.X,
        y,
        classes=classes,
        soft_targets=targets,
        weight=rows.weight,
        temperature=1.0 if choices.temperature is None else choices.temperature,
        hard_label_weight=hard,
        labeled=labeled,
        teacher=teacher,
    )
