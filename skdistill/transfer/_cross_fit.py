"""Out-of-fold teacher labels: each row is labelled by a teacher that never saw it."""

from __future__ import annotations

import sys
import time
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol

import joblib
import numpy as np
from sklearn.model_selection import KFold, StratifiedKFold, check_cv
from sklearn.utils.parallel import Parallel, delayed

from skdistill._compat import take_rows
from skdistill._validation import check_integer

_REMEDY = "use a smaller cv, more rows, or teacher_labels='in_sample'."


class RefittableTeacher(Protocol):
    """A teacher that can be fitted again on other rows."""

    def refit(
        self, X: Any, y: Any, sample_weight: Any = None, *, random_state: int | None = None
    ) -> RefittableTeacher:
        """Return a fresh teacher of the same kind, fitted on these rows."""

    def predict_proba(self, X: Any, classes: np.ndarray) -> np.ndarray:
        """Return probabilities of shape (n_samples, n_classes), columns in the order given."""

    def predict(self, X: Any) -> np.ndarray:
        """Return predictions of shape (n_samples,), for regression."""

    def fingerprint(self) -> str:
        """Return a text that changes when the teacher does."""


@dataclass(frozen=True)
class CrossFit:
    """What cross-fitting gives.

    Parameters
    ----------
    targets : ndarray of shape (n_samples, n_classes) or (n_samples,), dtype float64
        Out-of-fold probabilities, or predictions in regression.
    n_rows_scored : int
        Rows labelled now, not answered from the cache.
    n_fits : int
        Teachers fitted now, not answered from the cache.
    folds : ndarray of shape (n_samples,), dtype int
        Index of the fold whose teacher labelled the row.
    """

    targets: np.ndarray
    n_rows_scored: int
    n_fits: int
    folds: np.ndarray


def cross_fit(
    teacher: RefittableTeacher,
    X: Any,
    y: Any,
    *,
    classes: np.ndarray | None,
    cv: Any,
    memory: joblib.Memory,
    sample_weight: np.ndarray | None = None,
    n_jobs: int | None = None,
    random_state: int | None = None,
    verbose: int = 0,
) -> CrossFit:
    """Label each row by a teacher fitted on the other folds.

    A teacher labels its own training rows too surely; out-of-fold labels are what it would say
    of new rows [1]_.

    Parameters
    ----------
    teacher : RefittableTeacher
        Fitted anew for each fold; the given one is not changed.
    X : array-like with n_samples rows
        Passed on to the teacher as it is, but for the choice of rows.
    y : array-like of shape (n_samples,)
        Labels or target values.
    classes : ndarray of shape (n_classes,) or None
        The labels, in the order of the columns of the result. None means regression.
    cv : int, None, cross-validation splitter or iterable of (train, test)
        A number of folds (None: 5) gives *shuffled* folds, unlike elsewhere in scikit-learn,
        because rows often come sorted; they are stratified in classification. Splitters and
        iterables are used as they are.
    memory : joblib.Memory
        Caches each fold by itself, so that an interruption only loses the running ones.
    sample_weight : ndarray of shape (n_samples,) or None
        Passed to the teacher's fit.
    n_jobs : int or None
        Folds worked on at the same time; the result is the same for any number.
    random_state : int or None
        Seeds the teachers, and shuffles the rows where `cv` is a number.
    verbose : int, default=0
        Above zero, a line on standard error for each finished fold.

    Returns
    -------
    result : CrossFit

    Raises
    ------
    ValueError
        If there are fewer rows (in classification: fewer rows of every class) than folds, if the
        folds do not hold each row exactly once, if a teacher would see rows that it labels, or
        if the training rows of a fold have a single class.

    References
    ----------
    .. [1] Dao, T., Kamath, G. M., Syrgkanis, V., Mackey, L. (2021). Knowledge Distillation as
       Semiparametric Inference. ICLR.

    Examples
    --------
    >>> import numpy as np
    >>> from joblib import Memory
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.tree import DecisionTreeClassifier
    >>> from skdistill.teachers import as_teacher
    >>> from skdistill.transfer import cross_fit
    >>> X, y = load_iris(return_X_y=True)
    >>> teacher = as_teacher(DecisionTreeClassifier(), task="classification")
    >>> result = cross_fit(
    ...     teacher, X, y, classes=np.unique(y), cv=5, memory=Memory(None), random_state=0
    ... )
    >>> result.targets.shape, result.n_fits, result.n_rows_scored
    ((150, 3), 5, 150)
    >>> bool((result.targets.argmax(axis=1) == y).all())  # in sample it would be right throughout
    False
    """
    y = np.asarray(y)
    splits = _make_splits(X, y, classes is not None, cv, random_state)
    folds = _check_partition(splits, len(y))
    if classes is not None:
        _check_classes(splits, y)
    key = ""
    if memory.location is not None:
        key = "-".join([teacher.fingerprint(), *map(_hash, (X, y, sample_weight, classes))])
    run = _FoldRunner(
        teacher, X, y, sample_weight, classes, random_state, memory, key, len(splits), verbose
    )
    answers = Parallel(n_jobs=n_jobs)(
        delayed(run)(number, train, test) for number, (train, test) in enumerate(splits)
    )
    first = np.asarray(answers[0][0])
    targets = np.empty((len(y), *first.shape[1:]))
    for (_, test), (labels, _) in zip(splits, answers, strict=True):
        targets[test] = labels
    computed = [was_computed for _, was_computed in answers]
    n_rows_scored = sum(len(test) for (_, test), new in zip(splits, computed, strict=True) if new)
    return CrossFit(targets, n_rows_scored, sum(computed), folds)


@dataclass(frozen=True)
class _FoldRunner:
    """Label one fold through the cache; a class, because workers must be able to unpickle it."""

    teacher: RefittableTeacher
    X: Any
    y: np.ndarray
    sample_weight: np.ndarray | None
    classes: np.ndarray | None
    random_state: int | None
    memory: joblib.Memory
    key: str
    n_folds: int
    verbose: int

    def __call__(self, number: int, train: np.ndarray, test: np.ndarray) -> tuple[np.ndarray, bool]:
        start = time.perf_counter()
        # The call leaves a trace here only if it runs: that tells it from a cached answer.
        trace: list[bool] = []
        cached = self.memory.cache(_label_fold, ignore=["data", "trace"])
        data = (self.teacher, self.X, self.y, self.sample_weight, self.classes)
        labels = cached(self.key, train, test, self.random_state, data, trace)
        computed = bool(trace)
        if self.verbose > 0:
            source = f"fitted on {len(train)} rows" if computed else "from the cache"
            print(
                f"[skdistill] cross-fit {number + 1}/{self.n_folds}: teacher {source}, "
                f"{len(test)} rows labelled, {time.perf_counter() - start:.1f} s",
                file=sys.stderr,
                flush=True,
            )
        return labels, computed


def _hash(values: Any) -> str:
    """Hash data; a copy must have the hash of the view it was made from."""
    return str(joblib.hash(np.ascontiguousarray(values) if type(values) is np.ndarray else values))


def _label_fold(
    key: str,
    train: np.ndarray,
    test: np.ndarray,
    random_state: int | None,
    data: tuple[Any, ...],
    trace: list[bool],
) -> np.ndarray:
    """Fit a teacher on `train` and label `test`; `key` stands for `data` in the cache."""
    trace.append(True)
    teacher, X, y, sample_weight, classes = data
    weight = None if sample_weight is None else sample_weight[train]
    fitted = teacher.refit(take_rows(X, train), y[train], weight, random_state=random_state)
    rows = take_rows(X, test)
    return np.asarray(
        fitted.predict(rows) if classes is None else fitted.predict_proba(rows, classes)
    )


def count_folds(cv: Any, y: Any, *, classification: bool) -> int:
    """Count the folds that cross-fitting would use.

    Parameters
    ----------
    cv : int, None, cross-validation splitter or iterable of (train, test)
        As for `cross_fit`.
    y : array-like of shape (n_samples,) or None
        Labels or target values.
    classification : bool
        Whether a number of folds means stratified ones.

    Returns
    -------
    n_folds : int
        0 where `y` is None, or has too few rows (of some class) for the number of folds. An
        iterator counts as 1: it can be read only once, and `cross_fit` must do it.

    Raises
    ------
    TypeError, ValueError
        If `cv` is no valid way to make folds.

    Examples
    --------
    >>> from skdistill.transfer import count_folds
    >>> count_folds(5, ["a", "a", "b", "b", "b", "b", "b"], classification=True)
    5
    >>> count_folds(5, ["a", "a", "b", "b"], classification=True)
    0
    """
    if cv is None or isinstance(cv, int | np.integer):
        cv = 5 if cv is None else check_integer(cv, "cv", minimum=2)
        if y is None:
            return 0
        y = np.asarray(y)
        try:
            splits = _make_splits(y, y, classification, cv, 0)
            if classification:
                _check_classes(splits, y)
        except ValueError:
            return 0
        return int(cv)
    if isinstance(cv, Iterator):
        return 1
    splitter = check_cv(cv, y, classifier=classification)
    return 0 if y is None else int(splitter.get_n_splits(y, y))


def _make_splits(
    X: Any, y: np.ndarray, stratify: bool, cv: Any, random_state: Any
) -> list[tuple[np.ndarray, np.ndarray]]:
    """List the (train, test) row indices of each fold."""
    if cv is None:
        cv = 5
    if isinstance(cv, int | np.integer):
        cv = check_integer(cv, "cv", minimum=2)
        splitter = _shuffled_folds(cv, y, stratify, random_state)
    else:
        splitter = check_cv(cv, y, classifier=stratify)
    with warnings.catch_warnings():
        # A class with fewer rows than folds is missing from some tests, which does no harm here.
        warnings.filterwarnings("ignore", message="The least populated class in y")
        splits = list(splitter.split(X, y))
    return [(_as_indices(train), _as_indices(test)) for train, test in splits]


def _shuffled_folds(n_folds: int, y: np.ndarray, stratify: bool, random_state: Any) -> Any:
    """Build the splitter for a number of folds, and check that there are rows enough."""
    if len(y) < n_folds:
        raise ValueError(f"cv={n_folds} needs at least {n_folds} rows, got {len(y)}; {_REMEDY}")
    if not stratify:
        return KFold(n_folds, shuffle=True, random_state=random_state)
    largest = int(np.max(np.unique(y, return_counts=True)[1]))
    if largest < n_folds:
        raise ValueError(
            f"cv={n_folds} needs a class with at least {n_folds} rows, but the largest class has "
            f"{largest}; {_REMEDY}"
        )
    return StratifiedKFold(n_folds, shuffle=True, random_state=random_state)


def _as_indices(rows: Any) -> np.ndarray:
    """Return row indices, also for a boolean mask."""
    rows = np.asarray(rows)
    return np.flatnonzero(rows) if rows.dtype == bool else rows.astype(np.intp)


def _check_partition(splits: list[tuple[np.ndarray, np.ndarray]], n_samples: int) -> np.ndarray:
    """Check the folds and return the fold of each row."""
    tests = np.concatenate([test for _, test in splits] or [np.empty(0, dtype=np.intp)])
    if not np.array_equal(np.sort(tests), np.arange(n_samples)):
        raise ValueError(
            f"cv must put each of the {n_samples} rows in exactly one test fold, but its tests "
            f"hold {len(tests)} rows, {len(np.unique(tests))} of them distinct; use KFold, "
            "StratifiedKFold or another splitter that partitions the rows."
        )
    folds = np.empty(n_samples, dtype=np.intp)
    for number, (train, test) in enumerate(splits):
        folds[test] = number
        if not len(train) or not len(test):
            raise ValueError(f"cv: fold {number} has no training or no test rows; {_REMEDY}")
        if np.isin(test, train).any():
            raise ValueError(
                f"cv: fold {number} has rows that are in both train and test; a teacher must "
                "not label rows that it was fitted to."
            )
    return folds


def _check_classes(splits: list[tuple[np.ndarray, np.ndarray]], y: np.ndarray) -> None:
    """Check that each fold's teacher sees at least two classes."""
    for number, (train, _) in enumerate(splits):
        if len(np.unique(y[train])) < 2:
            raise ValueError(
                f"cv: the training rows of fold {number} have a single class, so no teacher can "
                "be fitted; give more rows of the other classes, folds that spread them, or "
                "teacher_labels='in_sample'."
            )
