"""The flow that both self-distilled estimators share: generations, and the one that is kept."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from sklearn.ensemble import VotingClassifier, VotingRegressor
from sklearn.frozen import FrozenEstimator
from sklearn.utils import check_random_state

from skdistill._candidates import MIN_ROWS_TO_SEARCH
from skdistill._choosing import Choices
from skdistill._comparison import Trial
from skdistill._generations import Chain
from skdistill._holder import StudentHolder, copy_columns, make_settings
from skdistill._problem import Problem, Settings, check_problem, settle_classes
from skdistill._record import DistillationRecord, note_fit
from skdistill._validation import check_choice, check_integer, check_real
from skdistill.transfer import build_transfer_set, count_folds


class BaseSelfDistilled(StudentHolder):
    """The flow, the same for classification and regression."""

    generations: int
    keep: str
    hard_label_weight: float
    random_state: Any

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Any:
        """Fit generations of the student, as many as held-out rows speak for.

        Parameters
        ----------
        X : {array-like, DataFrame, sparse matrix, list} of shape (n_samples, ...)
            Rows; the student gets them as they are.
        y : array-like of shape (n_samples,)
            True labels, or values.
        sample_weight : array-like of shape (n_samples,), default=None
            Non-negative weights of the rows.

        Returns
        -------
        self : object
            The fitted estimator.

        Raises
        ------
        ValueError
            If an argument or parameter is invalid, or cannot act with this student.
        TypeError
            If the student is of no supported kind, or a classifier without ``predict_proba``.
        """
        n_generations = check_integer(self.generations, "generations", minimum=1)
        average = check_choice(self.keep, "keep", ["best", "average"]) == "average"
        rng = check_random_state(self.random_state)
        settings = make_settings(self, rng)
        student = self._make_student(rng)
        choices = self._choose(student)
        problem = self._check_problem(self._check_rows(X, student), y, sample_weight)
        record = DistillationRecord(teacher=type(student).__name__)
        chain = Chain(student, problem, choices, settings, record)
        reason = _why_no_comparison(problem, settings)
        with record.timed("search"):
            trials = [] if reason else chain.compare(n_generations, average=average)
        best = _choose_generation(trials)
        reason = reason or _explain(trials, best)
        settings.report(f"generation {best} is kept: {reason}")
        students = chain.run(best, average=average)
        choices = replace(choices, use_teacher=best > 0)
        note_fit(record, student, choices, build_transfer_set(problem.X))
        record.reasons = {"generations": reason}
        record.candidates = [_describe(trials, number, best) for number in range(len(trials))]
        self.student_ = students[0] if len(students) == 1 else _average(students, problem)
        self.best_generation_, self.generations_ = best, record.candidates
        self.distillation_ = record
        if problem.classes is not None:
            self.classes_ = problem.classes
        copy_columns(self, students[0])
        return self

    def _choose(self, student: Any) -> Choices:
        """Check how a generation is to learn from the one before."""
        weight = check_real(self.hard_label_weight, "hard_label_weight", minimum=0.0, maximum=1.0)
        if weight == 1.0:
            raise ValueError(
                f"hard_label_weight={self.hard_label_weight!r} leaves nothing to be learned from "
                "the generation before; give less than 1, or fit the student itself."
            )
        return Choices(
            temperature=self._choose_temperature(student),
            hard_label_weight=weight,
            teacher_labels="cross_fit",
            sampler=None,
            n_augmented=0,
            calibrate=False,
            reasons={},
        )

    def _choose_temperature(self, student: Any) -> float | None:
        return None

    def _check_problem(self, X: Any, y: Any, sample_weight: Any) -> Problem:
        if y is None:
            raise ValueError(
                "self-distillation requires y to be passed, but the target y is None; give y."
            )
        problem = check_problem(X, y, sample_weight, None, task=self._task)
        return problem if self._task == "regression" else settle_classes(problem, None)


def _why_no_comparison(problem: Problem, settings: Settings) -> str:
    """Say why generations cannot be compared; empty if they can."""
    classification = problem.classes is not None
    if not count_folds(settings.cv, problem.y, classification=classification):
        return "too few rows (of some class) for the folds of cv: the direct fit"
    if problem.n_weighty < MIN_ROWS_TO_SEARCH:
        return f"fewer than {MIN_ROWS_TO_SEARCH} rows, on which all is noise: the direct fit"
    return ""


def _choose_generation(trials: list[Trial]) -> int:
    """Take the first generation that is as good as the best, within one standard error."""
    if not trials:
        return 0
    best = min(trials, key=lambda trial: trial.score)
    return next((k for k, trial in enumerate(trials) if trial.is_as_good_as(best)), 0)


def _explain(trials: list[Trial], best: int) -> str:
    if not trials:
        return "no rows could be held out: the direct fit"
    if best == 0:
        return "no generation beats the direct fit by more than one standard error"
    return "the first within one standard error of the best on held-out rows"


def _describe(trials: list[Trial], number: int, best: int) -> dict[str, Any]:
    """Return what `generations_` says of a generation."""
    trial = trials[number]
    excess, error = trial.excess(trials[best])
    return {
        "generation": number,
        "loss": trial.score,
        "excess": excess,
        "standard_error": error,
        "n_rows": sum(len(losses) for losses in trial.losses),
        "n_folds": len(trial.losses),
        "seconds": trial.seconds,
        "chosen": number == best,
    }


def _average(students: list[Any], problem: Problem) -> Any:
    """Join fitted students in scikit-learn's voting estimator, which takes the mean."""
    named = [(f"generation_{k}", FrozenEstimator(s)) for k, s in enumerate(students)]
    if problem.classes is None:
        return VotingRegressor(named).fit(problem.X, problem.y)
    # Nothing is fitted to these rows: what counts is the labels, which must be the students'.
    return VotingClassifier(named, voting="soft").fit(problem.X, students[0].classes_)
