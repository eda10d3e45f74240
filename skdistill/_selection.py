"""Choose settings by validation on real rows: the loss on rows that are held out decides."""

from __future__ import annotations

import pickle
import time
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import joblib
import numpy as np
from joblib import Memory
from sklearn.base import clone
from sklearn.utils.parallel import Parallel, delayed

from skdistill._choosing import Choices
from skdistill._learning import learn, row_losses
from skdistill._problem import Problem, Settings, take_problem
from skdistill._record import DistillationRecord
from skdistill._trials import LabeledFold
from skdistill.exceptions import TeacherNotUsedWarning
from skdistill.students import reads_teacher


@dataclass(eq=False)
class Trial:
    """The losses of one candidate on the held-out rows of the folds so far."""

    choices: Choices
    losses: list[np.ndarray] = field(default_factory=list)
    weights: list[np.ndarray] = field(default_factory=list)
    seconds: float = 0.0

    def add(self, losses: np.ndarray, weights: np.ndarray, seconds: float) -> None:
        """Add what was measured on one fold."""
        self.losses.append(losses)
        self.weights.append(weights)
        self.seconds += seconds

    @property
    def score(self) -> float:
        """Weighted mean loss."""
        return float(np.average(np.concatenate(self.losses), weights=np.concatenate(self.weights)))

    def excess(self, other: Trial) -> tuple[float, float]:
        """Compute by how much it is worse on the folds of both, and the standard error of that."""
        n_folds = min(len(self.losses), len(other.losses))
        losses, others = (np.concatenate(trial.losses[:n_folds]) for trial in (self, other))
        weights = np.concatenate(self.weights[:n_folds])
        share = weights / weights.sum()
        difference = losses - others
        mean = float(share @ difference)
        return mean, float(np.sqrt((share**2) @ (difference - mean) ** 2))

    def is_as_good_as(self, other: Trial) -> bool:
        """Tell whether it is worse by no more than one standard error."""
        excess, error = self.excess(other)
        return excess <= error

    def describe(self, chosen: Trial) -> dict[str, Any]:
        """Return what a record says of it."""
        excess, error = self.excess(chosen)
        return {
            **self.choices.describe(),
            "loss": self.score,
            "excess": excess,
            "standard_error": error,
            "n_folds": len(self.losses),
            "seconds": self.seconds,
            "chosen": self is chosen,
        }


def plan_rounds(budget: int, n_candidates: int, n_folds: int) -> tuple[int, int, int]:
    """Divide the student fits that may be spent.

    Parameters
    ----------
    budget : int
        Student fits.
    n_candidates, n_folds : int
        What there is to compare, and to compare on.

    Returns
    -------
    n_first, n_kept, n_folds : int
        How many candidates are fitted on the first fold, how many of these on the other folds,
        and the folds. ``n_first + n_kept * (n_folds - 1)`` is at most `budget`.

    Examples
    --------
    >>> from skdistill._selection import plan_rounds
    >>> plan_rounds(12, 6, 3), plan_rounds(12, 4, 3), plan_rounds(5, 6, 3)
    ((6, 3, 3), (4, 4, 3), (2, 2, 2))
    """
    n_folds = min(n_folds, budget // 2)
    if n_folds < 1:
        return 1, 1, 0
    if n_candidates * n_folds <= budget:
        return n_candidates, n_candidates, n_folds
    n_kept = max(2, budget // 4)
    n_first = min(n_candidates, budget - n_kept * (n_folds - 1))
    return n_first, min(n_kept, n_first), n_folds


def select(
    student: Any,
    candidates: Sequence[Choices],
    folds: Sequence[LabeledFold],
    problem: Problem,
    *,
    settings: Settings,
    record: DistillationRecord,
) -> Choices:
    """Fit the candidates on folds, and choose the simplest that is as good as the best.

    All are fitted on the first fold; the first candidate, the direct fit and the best of the
    others then on the other folds. As good as the best is what is within one standard error of
    it, that of the mean difference of losses row by row. The simplest are the first candidate,
    which are the settings that need no search, and then the direct fit.

    Parameters
    ----------
    student : estimator
        Unfitted and seeded; clones of it are fitted.
    candidates : sequence of Choices
        What to compare, the most promising first.
    folds : sequence of LabeledFold
        Labelled rows to fit to, and held-out rows.
    problem : Problem
        All real rows.
    settings : Settings
        Budget, jobs, cache and progress.
    record : DistillationRecord
        Takes each candidate's score.

    Returns
    -------
    choices : Choices
        The candidate chosen.
    """
    n_first, n_kept, n_folds = plan_rounds(settings.search_budget, len(candidates), len(folds))
    if n_first < 2 or n_folds < 1:
        return candidates[0]
    trials = [Trial(choices) for choices in candidates[:n_first]]
    simplest = [trials[0], *(trial for trial in trials if not trial.choices.use_teacher)]
    run = _Runner(student, problem, settings.memory)
    kept = trials
    for number in range(n_folds):
        settings.report(f"search: {len(kept)} candidates on fold {number + 1} of {n_folds}")
        key = run.hash_fold(folds[number])
        answers = Parallel(n_jobs=settings.n_jobs)(
            delayed(run)(key, folds[number], trial.choices) for trial in kept
        )
        for trial, (losses, weights, seconds) in zip(kept, answers, strict=True):
            trial.add(losses, weights, seconds)
        if number == 0:
            # One fold is too little to drop what would be taken where nothing is better.
            kept = sorted(trials, key=lambda t: (t not in simplest, t.score))[:n_kept]
    best = min(kept, key=lambda trial: trial.score)
    chosen = next((trial for trial in simplest if trial.is_as_good_as(best)), best)
    record.candidates = [trial.describe(chosen) for trial in trials]
    record.search_fits = sum(len(trial.losses) for trial in trials)
    return _explain(chosen.choices, candidates[0])


def _explain(chosen: Choices, rules: Choices) -> Choices:
    """Note for each setting that was searched why it is what it is."""
    before, after = rules.describe(), chosen.describe()
    if not chosen.use_teacher:
        changes = dict.fromkeys(before.keys() - {"use_teacher"}, "void: the teacher was not used")
    else:
        changes = {
            name: "better on held-out rows than what the rules say"
            for name in before
            if before[name] != after[name]
        }
    return replace(chosen, reasons={**chosen.reasons, **changes})


def warn_if_unused(record: DistillationRecord) -> None:
    """Say so where the direct fit was taken."""
    if record.used_teacher:
        return
    others = [c for c in record.candidates if c["use_teacher"] and c["n_folds"] > 1]
    direct = next(c for c in record.candidates if c["chosen"])
    best = min(others or record.candidates, key=lambda candidate: candidate["loss"])
    warnings.warn(
        f"The teacher {record.teacher} was not used: on held-out rows the {record.student} "
        f"fitted to the true labels alone has a loss of {direct['loss']:.4g}, the best distilled "
        f"one {best['loss']:.4g} (standard error of the difference {best['standard_error']:.2g}). "
        "distillation_.candidates has the details.",
        TeacherNotUsedWarning,
        stacklevel=4,
    )


@dataclass(frozen=True)
class _Runner:
    """Fit and score one candidate through the cache; workers must be able to unpickle it."""

    student: Any
    problem: Problem
    memory: Memory

    def hash_fold(self, fold: LabeledFold) -> str | None:
        """Hash all that a trial depends on but the candidate.

        None where there is no cache, or the student cannot be hashed (for a lambda in it, say).
        """
        if self.memory.location is None:
            return None
        teacher = fold.teacher if reads_teacher(self.student) else None
        parts = (
            self.student,
            fold.fold,
            take_problem(self.problem, fold.fold.test),
            fold.targets,
            None if teacher is None else teacher.fingerprint(),
        )
        try:
            return "-".join(str(joblib.hash(part)) for part in parts)
        except (pickle.PicklingError, TypeError, AttributeError):
            return None

    def __call__(self, key: str | None, fold: LabeledFold, choices: Choices) -> tuple[Any, ...]:
        data = (self.student, fold, choices, self.problem)
        if key is None:
            return _held_out_losses("", data)
        cached = self.memory.cache(_held_out_losses, ignore=["data"])
        return cached(f"{key}-{sorted(choices.describe().items())}", data)


def _held_out_losses(key: str, data: tuple[Any, ...]) -> tuple[np.ndarray, np.ndarray, float]:
    """Fit a candidate to a fold's rows and score it; `key` stands for `data` in the cache."""
    student, labeled, choices, problem = data
    fold, start = labeled.fold, time.perf_counter()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the final fit says what there is to say
        fitted = learn(
            clone(student), fold.rows, labeled.targets, fold.problem, choices, labeled.teacher
        )
        held_out = take_problem(problem, fold.test)
        losses = row_losses(fitted, held_out)
    weights = np.ones(len(losses)) if held_out.weight is None else held_out.weight
    return losses, weights, time.perf_counter() - start
