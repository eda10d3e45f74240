"""Folds for out-of-fold labels: made, counted and checked."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
from sklearn.model_selection import KFold, StratifiedKFold, check_cv

from skdistill._validation import check_integer

_REMEDY = "use a smaller cv, more rows, or teacher_labels='in_sample'."


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
            splits = make_folds(y, y, classification=classification, cv=cv, random_state=0)
            if classification:
                check_classes_of_folds(splits, y)
        except ValueError:
            return 0
        return int(cv)
    if isinstance(cv, Iterator):
        return 1
    splitter = check_cv(cv, y, classifier=classification)
    return 0 if y is None else int(splitter.get_n_splits(y, y))


def make_folds(
    X: Any, y: np.ndarray, *, classification: bool, cv: Any, random_state: Any
) -> list[tuple[np.ndarray, np.ndarray]]:
    """List the (train, test) row indices of each fold, as `cross_fit` makes them.

    Parameters
    ----------
    X : array-like with n_samples rows
        For splitters that look at it.
    y : ndarray of shape (n_samples,)
        Labels or target values.
    classification : bool
        Whether a number of folds means stratified ones.
    cv : int, None, cross-validation splitter or iterable of (train, test)
        As for `cross_fit`.
    random_state : int or None
        Shuffles the rows where `cv` is a number.

    Returns
    -------
    folds : list of (ndarray of int, ndarray of int)

    Raises
    ------
    ValueError
        If there are fewer rows than folds.
    """
    if cv is None:
        cv = 5
    if isinstance(cv, int | np.integer):
        cv = check_integer(cv, "cv", minimum=2)
        splitter = _shuffled_folds(cv, y, classification, random_state)
    else:
        splitter = check_cv(cv, y, classifier=classification)
    with warnings.catch_warnings():
        # A class with fewer rows than folds is missing from some tests, which does no harm here.
        warnings.filterwarnings("ignore", message="The least populated class in y")
        splits = list(splitter.split(X, y))
    return [(_as_indices(train), _as_indices(test)) for train, test in splits]


def _shuffled_folds(n_folds: int, y: np.ndarray, stratify: bool, random_state: Any) -> Any:
    """Build the splitter for a number of folds, and check that there are rows enough."""
    if len(y) < n_folds:
        raise ValueError(
            f"cv={n_folds} needs at least {n_folds} rows, got n_samples={len(y)}; {_REMEDY}"
        )
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


def check_partition(splits: list[tuple[np.ndarray, np.ndarray]], n_samples: int) -> np.ndarray:
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


def check_classes_of_folds(splits: list[tuple[np.ndarray, np.ndarray]], y: np.ndarray) -> None:
    """Check that each fold's teacher sees at least two classes."""
    for number, (train, _) in enumerate(splits):
        if len(np.unique(y[train])) < 2:
            raise ValueError(
                f"cv: the training rows of fold {number} have a single class, so no teacher can "
                "be fitted; give more rows of the other classes, folds that spread them, or "
                "teacher_labels='in_sample'."
            )
