"""Parts of the real rows held out one after the other, and the transfer set of the others."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from skdistill._choosing import Choices
from skdistill._compat import num_samples, take_rows
from skdistill._problem import Problem, Settings, take_problem
from skdistill.targets import soften
from skdistill.teachers import Teacher
from skdistill.transfer import TransferSet, build_transfer_set, make_folds

# At most so many folds are compared on, and so many real rows are fitted to in each.
N_FOLDS = 3
MAX_REAL_ROWS = 4_000
MAX_UNLABELED_ROWS = 20_000

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
    train, test : ndarray of int
        Which of all real rows they are, and which are held out.
    is_whole : bool
        Whether no real rows but those held out are missing.
    """

    problem: Problem
    rows: TransferSet
    train: np.ndarray
    test: np.ndarray
    is_whole: bool


@dataclass(frozen=True)
class LabeledFold:
    """A fold, what the teacher says of its rows, and that teacher."""

    fold: Fold
    targets: np.ndarray
    teacher: Teacher | None

    def soften(self, temperature: float) -> LabeledFold:
        """Return it with targets of another temperature."""
        return replace(self, targets=soften(self.targets, temperature))


def split_rows(problem: Problem, settings: Settings) -> Splits:
    """List the (train, test) rows of each fold of `cv`."""
    return make_folds(
        problem.X,
        np.asarray(problem.y),
        classification=problem.classes is not None,
        cv=settings.cv,
        random_state=settings.seed,
    )


def hold_out(
    splits: Splits,
    problem: Problem,
    X_unlabeled: Any,
    choices: Choices,
    rng: np.random.RandomState,
) -> list[Fold]:
    """Make the folds on which candidates are compared.

    Parameters
    ----------
    splits : list of (train, test)
        Rows to fit to and rows to hold out.
    problem : Problem
        All real rows.
    X_unlabeled : array-like or None
        Unlabelled rows.
    choices : Choices
        Which sampler, and how many rows of it for how many real ones.
    rng : RandomState
        Draws rows where there are many, and augmented rows.

    Returns
    -------
    folds : list of Fold
        At most three, each with at most 4000 real and 20,000 unlabelled rows, so that the search
        costs the same however large the data are. Folds without rows of weight on either side, or
        with a single class to fit to, are left out.
    """
    usable = [split for split in splits if _is_usable(split, problem)]
    return [_make_fold(split, problem, X_unlabeled, choices, rng) for split in usable[:N_FOLDS]]


def _is_usable(split: tuple[np.ndarray, np.ndarray], problem: Problem) -> bool:
    """Tell whether rows of some weight are left to fit to, of two classes, and to score on."""
    train, test = (
        rows if problem.weight is None else rows[problem.weight[rows] > 0] for rows in split
    )
    if problem.codes is not None and len(np.unique(problem.codes[train])) < 2:
        return False
    return len(train) > 0 and len(test) > 0


def _make_fold(
    split: tuple[np.ndarray, np.ndarray],
    problem: Problem,
    X_unlabeled: Any,
    choices: Choices,
    rng: np.random.RandomState,
) -> Fold:
    others, test = split
    train = others[_draw(len(others), MAX_REAL_ROWS, rng)]
    share = len(train) / problem.n_rows
    if X_unlabeled is not None:
        n_unlabeled = min(max(1, round(share * num_samples(X_unlabeled))), MAX_UNLABELED_ROWS)
        kept = _draw(num_samples(X_unlabeled), n_unlabeled, rng)
        X_unlabeled = take_rows(X_unlabeled, kept)
    part = take_problem(problem, train)
    rows = build_transfer_set(
        part.X,
        X_unlabeled=X_unlabeled,
        sampler=choices.sampler,
        n_augmented=round(share * choices.n_augmented),
        sample_weight=part.weight,
        random_state=rng,
    )
    return Fold(part, rows, train, test, is_whole=len(train) == len(others))


def _draw(n_rows: int, n_wanted: int, rng: np.random.RandomState) -> np.ndarray:
    """Draw positions of rows in their order, all where there are no more than wanted."""
    if n_rows <= n_wanted:
        return np.arange(n_rows)
    return np.sort(rng.choice(n_rows, n_wanted, replace=False))
