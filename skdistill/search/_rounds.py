"""Fit candidates to some rows, and note what they and the teacher say of others."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import joblib
import numpy as np
from sklearn.base import clone
from sklearn.utils.parallel import Parallel, delayed

from skdistill._intervals import Interval, paired_interval
from skdistill._labels import label_fold
from skdistill._learning import answer, learn
from skdistill._problem import Problem, Settings
from skdistill._record import DistillationRecord
from skdistill._scorers import Answers, Metric
from skdistill._trials import LabeledFold, Splits, hold_out
from skdistill._trust import targets_of
from skdistill.exceptions import TeacherError
from skdistill.search._cost import count_bytes
from skdistill.search._grid import Candidate
from skdistill.students import reads_teacher
from skdistill.teachers import Teacher
from skdistill.teachers._fingerprint import fingerprint

# Real rows that all candidates are fitted to, and the survivors.
FIRST_ROWS, SURVIVOR_ROWS = 1_500, 10_000

# Why a candidate of the first round was not fitted, where the user stopped it.
INTERRUPTED = "interrupted"


@dataclass(eq=False)
class Trial:
    """What one candidate said of held-out rows, fold by fold."""

    candidate: Candidate
    values: list[np.ndarray] = field(default_factory=list)
    n_bytes: int = 0
    student: Any = None  # as fitted last
    latency_us: float | None = None
    is_compiled: bool = True
    score: float = -np.inf
    interval: Interval | None = None
    failure: str | None = None


@dataclass(frozen=True, eq=False)
class HeldOut:
    """The rows of one or several folds that nothing was fitted to, and the teachers' answers."""

    y: np.ndarray
    folds: np.ndarray
    weight: np.ndarray | None
    teacher: np.ndarray

    @classmethod
    def join(cls, parts: Sequence[HeldOut]) -> HeldOut:
        """Put folds together."""
        weights = [part.weight for part in parts if part.weight is not None]
        return cls(
            np.concatenate([part.y for part in parts]),
            np.concatenate([np.full(len(part.y), i) for i, part in enumerate(parts)]),
            np.concatenate(weights) if weights else None,
            np.concatenate([part.teacher for part in parts]),
        )

    def compare(
        self,
        metric: Metric,
        student: np.ndarray,
        other: np.ndarray | None = None,
        *,
        n: int,
    ) -> Interval:
        """Bound by how much a student's score is below the teacher's, or another student's."""
        return paired_interval(
            metric,
            self.y,
            Answers.of(metric.classes, student),
            Answers.of(metric.classes, self.teacher if other is None else other),
            folds=self.folds,
            sample_weight=self.weight,
            n_resamples=n,
        )


@dataclass(frozen=True)
class Rounds:
    """What candidates are fitted to and compared on; parameters as of the flow of `fit`."""

    problem: Problem
    X_unlabeled: Any
    teacher: Teacher
    labels: np.ndarray
    temperature: float
    settings: Settings
    record: DistillationRecord
    rng: np.random.RandomState

    def run(
        self, trials: Sequence[Trial], split: tuple[np.ndarray, np.ndarray], *, first: bool
    ) -> HeldOut:
        """Fit candidates to the rows of a fold, and add what they say of the others.

        Parameters
        ----------
        trials : sequence of Trial
            They are changed in place.
        split : tuple of (train, test)
            Rows to fit to, and to hold out.
        first : bool
            Whether to fit to fewer rows.

        Returns
        -------
        held_out : HeldOut
            What the teacher says of the same rows. In the first round it was fitted to as few
            rows as the candidates, which are to be told apart; then to all rows of the other
            folds, as it is what will be replaced.
        """
        train, test = split
        most = FIRST_ROWS if first else SURVIVOR_ROWS
        rules = next(
            (t.candidate.choices for t in trials if t.candidate.distilled),
            trials[0].candidate.choices,
        )
        asks_anew = first and rules.out_of_fold
        fold = hold_out((train, test), self.problem, self.X_unlabeled, rules, self.rng, most=most)
        labeled = label_fold(
            self.teacher,
            fold,
            self.labels,
            rules,
            keep_teacher=asks_anew or any(reads_teacher(t.candidate.student) for t in trials),
            nested=True,
            settings=self.settings,
            record=self.record,
        )
        rows = fold.held_out
        if not asks_anew or labeled.teacher is None:
            answers = targets_of(self.labels, self.teacher)[fold.test]
        elif rows.classes is None:
            answers = labeled.teacher.predict(rows.X)
        else:
            answers = labeled.teacher.predict_proba(rows.X, rows.classes)
        if rows.classes is not None:
            labeled = labeled.soften(self.temperature)
        self._fit(trials, labeled, first=first)
        y = np.asarray(rows.y)
        return HeldOut(y, np.zeros(len(y), dtype=int), rows.weight, answers)

    def _fit(self, trials: Sequence[Trial], fold: LabeledFold, *, first: bool) -> None:
        memory, done = self.settings.memory, 0
        key = None if memory.location is None else str(joblib.hash((fold.fold, fold.targets)))
        answers = Parallel(n_jobs=self.settings.n_jobs, return_as="generator")(
            delayed(_fit_cached)(memory, key, trial.candidate, fold) for trial in trials
        )
        try:
            for trial, (values, n_bytes, student, failure) in zip(trials, answers, strict=True):
                if failure is None:
                    trial.values.append(values)
                trial.n_bytes = max(trial.n_bytes, n_bytes)
                trial.student, trial.failure = student, failure
                done += 1
                self.settings.show_progress(done, len(trials), "students fitted")
        except KeyboardInterrupt:
            if not first or not done:
                raise
            for trial in trials[done:]:
                trial.failure = INTERRUPTED
        self.record.search_fits += done


def _fit_cached(
    memory: joblib.Memory, key: str | None, candidate: Candidate, fold: LabeledFold
) -> tuple[Any, ...]:
    """Fit a candidate, or take it from the cache."""
    if key is None or reads_teacher(candidate.student):
        return _fit_one("", candidate, fold)
    choices = sorted(candidate.choices.describe().items())
    try:
        student = fingerprint(candidate.student, candidate.name)
    except TeacherError:  # it cannot be hashed
        return _fit_one("", candidate, fold)
    key = f"{key}-{student}-{choices}"
    return memory.cache(_fit_one, ignore=["candidate", "fold"])(key, candidate, fold)


def _fit_one(key: str, candidate: Candidate, fold: LabeledFold) -> tuple[Any, ...]:
    """Fit a candidate; `key` stands for all that matters in the cache."""
    part = fold.fold
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the final fit says what there is to say
            student = learn(
                clone(candidate.student),
                part.rows,
                fold.targets,
                part.problem,
                candidate.choices,
                fold.teacher,
            )
            values = answer(student, part.held_out.X, part.held_out.classes)
            return values, count_bytes(student), student, None
    except (ValueError, TypeError, ArithmeticError) as error:
        return None, 0, None, str(error)


def verifying_splits(splits: Splits, n_rows: int) -> Splits:
    """Take as many other folds as hold out so many rows, two at least; the first if it is alone."""
    others, total = splits[1:] or splits, 0
    taken: Splits = []
    for split in others:
        if total < n_rows or len(taken) < 2:
            taken.append(split)
            total += len(split[1])
    return taken
