"""Parts of the real rows held out one after the other, and the transfer set of the others."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from skdistill._choosing import Choices
from skdistill._compat import num_samples, take_rows
from skdistill._problem import Problem, Settings, take_problem
from skdistill.hints import Hints
from skdistill.targets import soften
from skdistill.teachers import Teacher
from skdistill.transfer import TransferSet, build_transfer_set, check_partition, make_folds

# Folds that the rows are split into for the search, however many `cv` has.
MOST_SPLITS = 5

# At most so many rows are fitted to, and held out, in a fold of the search.
MAX_REAL_ROWS = 4_000
MAX_UNLABELED_ROWS = 20_000
MAX_HELD_OUT_ROWS = 20_000

Splits = list[tuple[np.ndarray, np.ndarray]]


@dataclass(frozen=True)
class Fold:
    """Rows to fit a candidate to, and real rows to score it on.

    Parameters
    ----------
    problem : Problem
        The real rows to fit to.
    rows : TransferSet
        These, with unlabelled rows and with rows made of these alone: nothing in it has seen
        what is held out.
    train : ndarray of int
        Which of all real rows they are.
    held_out : Problem
        The real rows to score on.
    """

    problem: Problem
    rows: TransferSet
    train: np.ndarray
    held_out: Problem


@dataclass(frozen=True)
class LabeledFold:
    """A fold, what the teacher says and else knows of its rows, and that teacher."""

    fold: Fold
    targets: np.ndarray
    teacher: Teacher | None
    hints: Hints | None = None

    def soften(self, temperature: float) -> LabeledFold:
        """Return it with targets of another temperature."""
        return replace(self, targets=soften(self.targets, temperature))


def split_rows(problem: Problem, settings: Settings) -> Splits:
    """List the (train, test) rows of each fold of `cv`, which must be a partition."""
    splits = make_folds(
        problem.X,
        np.asarray(problem.y),
        classification=problem.classes is not None,
        cv=settings.cv,
        random_state=settings.seed,
    )
    check_partition(splits, problem.n_rows)
    return splits


def usable_splits(splits: Splits, problem: Problem) -> Splits:
    """Join the folds of `cv` to at most five, and leave out those that nothing can be told from.

    A fold must have rows of some weight on both sides, and two classes to fit to.
    """
    parts = np.array_split(np.arange(len(splits)), min(len(splits), MOST_SPLITS))
    tests = [np.sort(np.concatenate([splits[i][1] for i in part])) for part in parts]
    everything = np.arange(problem.n_rows)
    joined = [(np.setdiff1d(everything, test), test) for test in tests]
    if problem.weight is not None:
        joined = [
            (train[problem.weight[train] > 0], test[problem.weight[test] > 0])
            for train, test in joined
        ]
    return [
        (train, test)
        for train, test in joined
        if len(train)
        and len(test)
        and (problem.codes is None or len(np.unique(problem.codes[train])) > 1)
    ]


def hold_out(
    split: tuple[np.ndarray, np.ndarray],
    problem: Problem,
    X_unlabeled: Any,
    choices: Choices,
    rng: np.random.RandomState,
    *,
    whole: bool = False,
) -> Fold:
    """Make a fold on which candidates are compared.

    Parameters
    ----------
    split : tuple of (train, test)
        Rows to fit to and rows to hold out.
    problem : Problem
        All real rows.
    X_unlabeled : array-like or None
        Unlabelled rows.
    choices : Choices
        Which sampler, and how many rows of it for how many real ones.
    rng : RandomState
        Draws rows where there are many, and augmented rows.
    whole : bool, default=False
        Whether to fit to all rows, however many.

    Returns
    -------
    fold : Fold
    """
    train, test = split
    train = train if whole else draw_rows(train, MAX_REAL_ROWS, problem.codes, rng)
    test = draw_rows(test, MAX_HELD_OUT_ROWS, problem.codes, rng)
    share = len(train) / problem.n_rows
    if X_unlabeled is not None:
        n_rows = num_samples(X_unlabeled)
        n_kept = max(1, round(share * n_rows))
        n_kept = n_kept if whole else min(n_kept, MAX_UNLABELED_ROWS)
        X_unlabeled = take_rows(X_unlabeled, np.sort(rng.permutation(n_rows)[:n_kept]))
    part = take_problem(problem, train)
    rows = build_transfer_set(
        part.X,
        X_unlabeled=X_unlabeled,
        sampler=choices.sampler,
        n_augmented=round(share * choices.n_augmented),
        sample_weight=part.weight,
        random_state=rng,
    )
    return Fold(part, rows, train, take_problem(problem, test))


def draw_rows(
    rows: np.ndarray, n_wanted: int, codes: np.ndarray | None, rng: np.random.RandomState
) -> np.ndarray:
    """Draw some rows, of each class its share, but at least two."""
    if len(rows) <= n_wanted:
        return rows
    shuffled = rng.permutation(rows)
    if codes is None:
        return np.sort(shuffled[:n_wanted])
    classes, counts = np.unique(codes[rows], return_counts=True)
    quota = np.maximum(2, np.rint(n_wanted * counts / len(rows)).astype(int))
    kept = [shuffled[codes[shuffled] == c][:n] for c, n in zip(classes, quota, strict=True)]
    return np.sort(np.concatenate(kept))
