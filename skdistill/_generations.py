"""A chain of generations: each learns from the true labels and from the one before."""

from __future__ import annotations

import time
import warnings
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import joblib
import numpy as np
from sklearn.base import clone
from sklearn.utils.parallel import Parallel, delayed

from skdistill._choosing import Choices
from skdistill._comparison import MOST_FOLDS, Trial
from skdistill._labels import INNER_FOLDS
from skdistill._learning import answer, answer_losses, learn
from skdistill._problem import Problem, Settings, take_problem
from skdistill._record import DistillationRecord
from skdistill._trials import Splits, split_rows, usable_splits
from skdistill.exceptions import TeacherError
from skdistill.teachers._fingerprint import fingerprint
from skdistill.transfer import build_transfer_set, count_folds, make_folds

# With more rows than this one part held out tells enough, and the other parts would cost most.
MANY_ROWS = 10_000


@dataclass(frozen=True)
class Chain:
    """What every generation is fitted to, and how.

    Parameters
    ----------
    student : estimator
        Unfitted and seeded; clones of it are fitted, so that generations differ by their labels
        alone.
    problem : Problem
        The rows, with true labels.
    choices : Choices
        How a generation learns from the one before.
    settings : Settings
        Folds, jobs, cache and progress.
    record : DistillationRecord
        Takes the counts of fits.
    """

    student: Any
    problem: Problem
    choices: Choices
    settings: Settings
    record: DistillationRecord

    def compare(self, n_generations: int, *, average: bool) -> list[Trial]:
        """Score generation after generation on held-out rows, until one is no better.

        Each part that is held out has a chain of its own, run on all other rows with folds of
        these alone: labels that any generation gave with a look at the held-out rows would hand
        on what it saw, and flatter all that follow.

        Parameters
        ----------
        n_generations : int
            At most so many after generation 0, which is the direct fit.
        average : bool
            Whether to score the mean of the answers of all generations so far, and not the
            answers of the last one.

        Returns
        -------
        trials : list of Trial
            One for each generation scored; none where nothing can be held out.

        Raises
        ------
        ValueError
            If a generation could not label all rows: then it is of no use to find the best.
        """
        self._label_folds()
        branches = self._branches()
        trials: list[Trial] = []
        lowest = np.inf
        for number in range(n_generations + 1 if branches else 0):
            trial = Trial(replace(self.choices, use_teacher=number > 0))
            trials.append(trial)
            if number:
                trial.seconds += self._label(branches, number - 1)
            self._score(branches, trial, number, average=average)
            if not trial.score < lowest:  # also where it is no number
                break
            lowest = trial.score
        return trials

    def run(self, number: int, *, average: bool) -> list[Any]:
        """Fit generations on all rows.

        Parameters
        ----------
        number : int
            The last generation.
        average : bool
            Whether those before are wanted too.

        Returns
        -------
        students : list of estimator
            Fitted; the last generation, or all.
        """
        whole = _Branch(np.arange(self.problem.n_rows))
        students = []
        if number:
            whole.folds = self._label_folds()
        for generation in range(number + 1):
            if generation:
                with self.record.timed("labels"):
                    self._label([whole], generation - 1)
            if average or generation == number:
                self.settings.report(f"fitting generation {generation} to all rows")
                with self.record.timed("student"):
                    students.append(self.fit(whole.train, whole.targets))
        return students

    def fit(self, train: np.ndarray, targets: np.ndarray | None) -> Any:
        """Fit a generation to some rows: to the true labels alone where there are no targets."""
        part = take_problem(self.problem, train)
        rows = build_transfer_set(part.X, sample_weight=part.weight)
        choices = replace(self.choices, use_teacher=targets is not None)
        soft = np.empty(0) if targets is None else targets[train]
        return learn(clone(self.student), rows, soft, part, choices, None)

    def _label_folds(self) -> Splits:
        """List the folds of the labels of all rows, which must have two classes to fit to."""
        folds, codes = split_rows(self.problem, self.settings), self.problem.codes
        for number, (train, _) in enumerate(folds):
            if codes is not None and len(np.unique(codes[train])) < 2:
                raise ValueError(
                    f"cv: the training rows of fold {number} have a single class, so no "
                    "generation can be fitted to them; give folds that spread the classes, such "
                    "as cv=5, or more rows of the other classes."
                )
        return folds

    def _branches(self) -> list[_Branch]:
        """List the chains that parts are held out of, with the folds of their labels."""
        problem, branches = self.problem, []
        splits = usable_splits(split_rows(problem, self.settings), problem)
        for train, test in splits[: 1 if problem.n_rows > MANY_ROWS else MOST_FOLDS]:
            part, classification = take_problem(problem, train), problem.classes is not None
            if not count_folds(INNER_FOLDS, part.y, classification=classification):
                continue
            folds = make_folds(
                part.X,
                np.asarray(part.y),
                classification=classification,
                cv=INNER_FOLDS,
                random_state=self.settings.seed,
            )
            inner = [(train[these], train[others]) for these, others in folds]
            branches.append(_Branch(train, take_problem(problem, test), test, inner))
        return branches

    def _score(self, branches: list[_Branch], trial: Trial, number: int, *, average: bool) -> None:
        """Fit a generation on each branch, and score it on what is held out."""
        self.settings.report(f"generation {number}: fitting on {len(branches)} parts")
        jobs = [(branch.train, branch.test, branch.targets) for branch in branches]
        for branch, (answers, seconds, _) in zip(branches, self._answer(jobs), strict=True):
            branch.answers.append(answers)
            kept = np.mean(branch.answers, axis=0) if average else answers
            held_out = branch.held_out
            weight = np.ones(len(answers)) if held_out.weight is None else held_out.weight
            trial.add(answer_losses(kept, held_out), weight, seconds)
        self.record.search_fits += len(jobs)
        self.settings.report(f"generation {number}: loss {trial.score:.4g} on held-out rows")

    def _label(self, branches: list[_Branch], number: int) -> float:
        """Let a generation label the rows of each branch out of fold; return the seconds."""
        self.settings.report(f"generation {number}: labelling rows out of fold")
        jobs = [(*fold, branch.targets) for branch in branches for fold in branch.folds]
        answers = iter(self._answer(jobs))
        total = 0.0
        for branch in branches:
            shape = () if self.problem.classes is None else (len(self.problem.classes),)
            targets = np.full((self.problem.n_rows, *shape), np.nan)
            for _, test in branch.folds:
                targets[test], seconds, is_new = next(answers)
                total += seconds
                self.record.teacher_fits += is_new
                self.record.teacher_rows_scored += len(test) * is_new
            branch.targets = targets
        return total

    def _answer(self, jobs: list[tuple[Any, ...]]) -> list[tuple[np.ndarray, float, bool]]:
        """Fit to the first rows of each job and answer on the second; tell what is not cached."""
        run = _Runner(self, self._key)
        return list(Parallel(n_jobs=self.settings.n_jobs)(delayed(run)(*job) for job in jobs))

    @cached_property
    def _key(self) -> str | None:
        """Hash all that answers depend on but rows and targets; None without a cache."""
        if self.settings.memory.location is None:
            return None
        problem = self.problem
        try:
            student = fingerprint(self.student, "student")
        except TeacherError:  # it cannot be hashed
            return None
        data = joblib.hash((problem.X, problem.y, problem.weight, problem.classes))
        return f"{student}-{data}-{self.choices.hard_label_weight}-{self.choices.temperature}"


@dataclass(eq=False)
class _Branch:
    """A chain on some of the rows, and how far it has come."""

    train: np.ndarray
    held_out: Any = None
    test: Any = None
    folds: Splits = field(default_factory=list)  # of `train`, in rows of the whole
    targets: np.ndarray | None = None  # of the last generation; NaN in rows that are held out
    answers: list[np.ndarray] = field(default_factory=list)


@dataclass(frozen=True)
class _Runner:
    """Fit and answer through the cache; workers must be able to unpickle it."""

    chain: Chain
    key: str | None

    def __call__(
        self, train: np.ndarray, test: np.ndarray, targets: np.ndarray | None
    ) -> tuple[np.ndarray, float, bool]:
        # The call leaves a trace here only if it runs: that tells it from a cached answer.
        trace: list[bool] = []
        if self.key is None:
            answers, seconds = _fit_and_answer("", train, test, targets, self.chain, trace)
        else:
            cached = self.chain.settings.memory.cache(_fit_and_answer, ignore=["chain", "trace"])
            answers, seconds = cached(self.key, train, test, targets, self.chain, trace)
        return answers, seconds, bool(trace)


def _fit_and_answer(
    key: str,
    train: np.ndarray,
    test: np.ndarray,
    targets: np.ndarray | None,
    chain: Chain,
    trace: list[bool],
) -> tuple[np.ndarray, float]:
    """Fit a generation and let it answer; `key` stands for `chain` in the cache."""
    trace.append(True)
    start = time.perf_counter()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the final fit says what there is to say
        fitted = chain.fit(train, targets)
        answers = answer(fitted, take_problem(chain.problem, test).X, chain.problem.classes)
    return answers, time.perf_counter() - start
