"""Out-of-fold teacher labels: each row is labelled by a teacher that never saw it."""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass
from typing import Any, Protocol

import joblib
import numpy as np
from sklearn.utils.parallel import Parallel, delayed

from skdistill._compat import take_rows
from skdistill.transfer._folds import check_classes_of_folds, check_partition, make_folds


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
    splits = make_folds(X, y, classification=classes is not None, cv=cv, random_state=random_state)
    folds = check_partition(splits, len(y))
    if classes is not None:
        check_classes_of_folds(splits, y)
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
    """Fit a teacher on `train`, label `test`; `key` stands for `data` in the cache."""
    trace.append(True)
    teacher, X, y, sample_weight, classes = data
    weight = None if sample_weight is None else sample_weight[train]
    fitted = teacher.refit(take_rows(X, train), y[train], weight, random_state=random_state)
    rows = take_rows(X, test)
    return np.asarray(
        fitted.predict(rows) if classes is None else fitted.predict_proba(rows, classes)
    )
