"""What the user gave to fit, checked; ``classes`` is None for regression."""

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

from skdistill._columns import is_frame
from skdistill._compat import check_sample_weight, num_samples, take_rows
from skdistill._validation import check_probabilities
from skdistill.teachers import Teacher, resolve_classes
from skdistill.transfer._set import append_unlabeled


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

    @property
    def n_weighty(self) -> int:
        """Number of real rows of some weight."""
        return self.n_rows if self.weight is None else int(np.count_nonzero(self.weight))


@dataclass(frozen=True)
class Settings:
    """How to run: folds, seed, budget, cache, jobs, progress."""

    cv: Any
    memory: Memory
    n_jobs: int | None
    seed: int
    verbose: int
    search_budget: int = 0

    def report(self, message: str) -> None:
        """Print one line of progress to stderr."""
        if self.verbose:
            print(f"[skdistill] {message}", file=sys.stderr, flush=True)

    def show_progress(self, done: int, total: int, what: str) -> None:
        """Draw a bar on stderr, on the same line again and again; only where people look."""
        if self.verbose and sys.stderr.isatty():
            bar = f"[{'#' * (30 * done // total):<30}] {done}/{total} {what}"
            end = "\n" if done == total else ""
            print(f"\r[skdistill] {bar:<70}", end=end, file=sys.stderr, flush=True)


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
            missing = _says_unlabeled(y)
            check_classification_targets(y[~missing] if missing.any() else y)
        else:
            y = check_array(y, ensure_2d=False, dtype=np.float64, input_name="y")
    weight = None if sample_weight is None else check_sample_weight(sample_weight, X)
    return Problem(X, y, weight, soft_targets)


def separate_unlabeled(
    problem: Problem, X_unlabeled: Any, teacher: Teacher | None
) -> tuple[Problem, Any]:
    """Move the rows that y marks as unlabelled, by -1, to the unlabelled rows.

    As in :mod:`sklearn.semi_supervised`, -1 means that there is no label, unless the teacher knows
    it as a class or there would not be two classes without it.

    Parameters
    ----------
    problem : Problem
        All rows.
    X_unlabeled : array-like or None
        The unlabelled rows that were given as such.
    teacher : Teacher or None
        The teacher, fitted or not.

    Returns
    -------
    problem : Problem
        The labelled rows.
    X_unlabeled : array-like or None
        All unlabelled rows.
    """
    if problem.y is None:
        return problem, X_unlabeled
    missing = _says_unlabeled(problem.y)
    labels = problem.y[~missing]
    # Among texts the number -1 cannot be a class.
    may_be_class = labels.dtype != object or not len(labels)
    if not missing.any() or (may_be_class and len(np.unique(labels)) < 2):
        return problem, X_unlabeled
    known = None if teacher is None else teacher.classes
    if known is not None and -1 in known.tolist():
        return problem, X_unlabeled
    n_missing = int(missing.sum())
    if problem.soft_targets is not None:
        raise ValueError(
            f"y is -1 in {n_missing} rows, which means that they have no label, but soft_targets "
            "are given; give the labelled rows with their soft_targets, and the others as "
            "X_unlabeled, which a teacher labels."
        )
    if known is None:
        warnings.warn(
            f"y is -1 in {n_missing} rows: they are taken to have no label, as in "
            "sklearn.semi_supervised. If -1 is a class, name it otherwise; if not, X_unlabeled "
            "says the same without this warning.",
            UserWarning,
            stacklevel=3,
        )
    others = take_rows(problem.X, np.flatnonzero(missing))
    problem = take_problem(problem, np.flatnonzero(~missing))
    if problem.y is not None and problem.y.dtype == object:
        problem = replace(problem, y=np.asarray(problem.y.tolist()))
    return problem, others if X_unlabeled is None else append_unlabeled(others, X_unlabeled)


def _says_unlabeled(y: np.ndarray) -> np.ndarray:
    """Tell which labels are the number -1, also among texts."""
    if y.dtype.kind in "if":
        return np.asarray(y == -1)
    if y.dtype != object:
        return np.zeros(len(y), dtype=bool)
    return np.array([isinstance(label, int | np.integer) and label == -1 for label in y])


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
    check_classes(classes)
    if targets is not None:
        targets = check_probabilities(
            targets, "soft_targets", n_rows=problem.n_rows, n_classes=len(classes)
        )
    codes = None if problem.y is None else np.searchsorted(classes, problem.y)
    return replace(problem, classes=classes, codes=codes, soft_targets=targets)


def check_classes(classes: np.ndarray) -> None:
    """Check that there is something to tell apart."""
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


def take_problem(problem: Problem, rows: np.ndarray) -> Problem:
    """Return some of the real rows."""

    def take(values: np.ndarray | None) -> np.ndarray | None:
        return None if values is None else values[rows]

    return replace(
        problem,
        X=take_rows(problem.X, rows),
        y=take(problem.y),
        weight=take(problem.weight),
        soft_targets=take(problem.soft_targets),
        codes=take(problem.codes),
    )
