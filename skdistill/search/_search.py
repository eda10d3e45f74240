"""The estimator that finds the smallest student that is good enough."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from sklearn.base import clone
from sklearn.utils import check_random_state

from skdistill._choosing import Choices, Situation, choose
from skdistill._compat import num_samples
from skdistill._holder import copy_columns, make_settings
from skdistill._intervals import parse_tolerance
from skdistill._labels import adapt_teacher, find_temperature, fit_teacher, label_transfer_set
from skdistill._learning import learn
from skdistill._problem import (
    Problem,
    Settings,
    as_table,
    check_problem,
    separate_unlabeled,
    settle_classes,
)
from skdistill._record import DistillationRecord, note_fit
from skdistill._scorers import make_metric
from skdistill._trials import Splits, split_rows, usable_splits
from skdistill._trust import take_trust
from skdistill._validation import check_integer, check_real
from skdistill.exceptions import UnmetToleranceWarning
from skdistill.search._contest import Budget, Contest
from skdistill.search._found import FoundStudent
from skdistill.search._grid import check_rows, list_candidates
from skdistill.search._rounds import Rounds, Trial
from skdistill.students import BaseStudent
from skdistill.targets import soften
from skdistill.teachers import Teacher, find_task
from skdistill.transfer import build_transfer_set, count_folds

# Augmented rows: five for each real one, but no more than this, or two for each.
AUGMENTED_ROWS, MOST_AUGMENTED_ROWS = 8_000, 20_000


class CompactSearch(FoundStudent):
    """Find the smallest student that is good enough, and fit it.

    Students of all families and many sizes are fitted, distilled and directly to the true labels,
    to some rows, and those that are worth their bytes meet the teacher on held-out rows that have
    not been used before. The smallest that is within the tolerance with 95 % confidence is
    fitted to all rows.

    Parameters
    ----------
    teacher : object
        As for :class:`~skdistill.DistilledClassifier`; a regressor makes it a search for a
        regressor.
    students : str, BaseStudent or list of these, default="all"
        Names of families, of which several sizes are tried, and instances of
        :mod:`skdistill.students`. "all" leaves out those that cannot be tried; `skipped_` says
        why.
    max_bytes : int, default=None
        Most bytes of read-only tables of the student in C, with numbers in double.
    max_latency_us : float, default=None
        Most microseconds of one row on this machine, compiled and called from Python.
    max_leaves : int, default=None
        Most leaves of students made of trees; others have none.
    metric : str, default="auto"
        A name of :func:`sklearn.metrics.get_scorer`. "auto" is "neg_log_loss", and
        "neg_root_mean_squared_error" for regression: both are proper.
    tolerance : float or str, default=None
        By how much the score may be below the teacher's: a number in units of the metric, or a
        share of the teacher's score such as "2%". None: the best score within the budget, and of
        those within one standard error the smallest.
    cv : int, cross-validation splitter or iterable, default=5
        Folds of which the first one chooses who survives, and others verify; and on which the
        teacher is cross-fitted.
    memory : str, path-like or joblib.Memory, default=None
        Caches students of the search and what the teacher says.
    n_jobs : int, default=None
        Students fitted at the same time; the result is the same for any number.
    random_state : int, RandomState instance or None, default=None
        Seeds folds, drawn and augmented rows, students, and a teacher without a seed.
    verbose : int, default=0
        Above zero prints each step to stderr, with a bar where that is a terminal.

    Attributes
    ----------
    student_, best_student_ : BaseStudent
        The bare fitted student; there is no teacher in it.
    teacher_ : Teacher
        The adapted, fitted teacher, used by `fidelity` alone.
    distillation_ : DistillationRecord
        How the student was fitted.
    verdict_ : str
        What was chosen and why, in a few sentences.
    within_tolerance_ : bool or None
        Whether the tolerance is met with 95 % confidence; None without one.
    interval_ : Interval or None
        The shortfall of the chosen one on held-out rows.
    frontier_ : list of dict
        The survivors that no smaller one is as good as, smallest first.
    candidates_ : list of dict
        All that were tried, in the same form: "student", "params", "name", "distilled", "score",
        "teacher_score", "shortfall", its bound "upper", "n_folds", "verified" (whether the scores
        come from other rows than those that chose who survives), "bytes", "latency_us", "compiled"
        (False where there is no C compiler: the time is then the estimator's own),
        "within_tolerance", "chosen" and "failure".
    skipped_ : dict of str to str
        Families that could not be tried, and why.
    metric_ : str
        Name of the metric.
    classes_ : ndarray of shape (n_classes,)
        Sorted labels, for classification.
    n_features_in_ : int
        Number of columns seen in `fit`.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the columns, where X has them.

    Raises
    ------
    ValueError
        By `fit`, where nothing is within `max_bytes`, `max_latency_us` or `max_leaves`
        (`frontier_` is set then), or a parameter is invalid.

    Warns
    -----
    UnmetToleranceWarning
        If no student could be shown to be within the tolerance; the best one is taken.

    See Also
    --------
    DistilledClassifier : Distils into one given student.

    Notes
    -----
    Of the first fold, 1500 rows are enough to tell who may survive, six at most. On the other
    folds survivors are fitted to at most 10000 rows and meet the teacher fitted to all rows of
    the other folds: neither has seen the rows they are compared on. A teacher that cannot be
    refitted answers itself; if it was fitted to these rows, its score is flattered and the search
    too strict.

    Ctrl-C ends the search early: the choice then rests on what the first fold has told so far, and
    the verdict says so.

    The bound "upper" is from the standard error of a paired bootstrap [1]_ and, for those that were
    verified, the variance of fitting anew: ``n_test / n_train`` of that of the rows of a fold
    [3]_, or more where folds differ by more than their rows explain. It holds for all survivors
    together with 95 % confidence, after Bonferroni: the smallest of those that are within a
    tolerance may be taken. Without one, the score of the best of them is flattered a little. The
    survivors are fixed by the first fold, whose rows do not verify [2]_. The claim is of students
    fitted to as many rows as in a fold: a teacher that still gains much by more rows moves further
    away. A few folds show the variance of very unstable students badly: their promises are broken
    more often.

    References
    ----------
    .. [1] Efron and Tibshirani, "An Introduction to the Bootstrap", 1993.
    .. [2] Angelopoulos, Bates, Candes, Jordan and Lei, "Learn then Test: Calibrating Predictive
       Algorithms to Achieve Risk Control", arXiv:2110.01052, 2021.
    .. [3] Nadeau and Bengio, "Inference for the Generalization Error", Machine Learning 52, 2003.

    Examples
    --------
    >>> from sklearn.datasets import load_breast_cancer
    >>> from sklearn.ensemble import RandomForestClassifier
    >>> from skdistill import CompactSearch
    >>> from skdistill.students import TreeStudentClassifier
    >>> X, y = load_breast_cancer(return_X_y=True)
    >>> teacher = RandomForestClassifier(n_estimators=20, random_state=0).fit(X, y)
    >>> students = ["linear", TreeStudentClassifier(max_leaf_nodes=8)]
    >>> search = CompactSearch(teacher, students=students, max_bytes=900, cv=2, random_state=0)
    >>> chosen, = (row for row in search.fit(X, y).candidates_ if row["chosen"])
    >>> chosen["bytes"] <= 900
    True
    """

    def __init__(
        self,
        teacher: Any,
        *,
        students: Any = "all",
        max_bytes: int | None = None,
        max_latency_us: float | None = None,
        max_leaves: int | None = None,
        metric: str = "auto",
        tolerance: float | str | None = None,
        cv: Any = 5,
        memory: Any = None,
        n_jobs: int | None = None,
        random_state: Any = None,
        verbose: int = 0,
    ) -> None:
        self.teacher = teacher
        self.students = students
        self.max_bytes = max_bytes
        self.max_latency_us = max_latency_us
        self.max_leaves = max_leaves
        self.metric = metric
        self.tolerance = tolerance
        self.cv = cv
        self.memory = memory
        self.n_jobs = n_jobs
        self.random_state = random_state
        self.verbose = verbose

    def fit(
        self, X: Any, y: Any = None, sample_weight: Any = None, *, X_unlabeled: Any = None
    ) -> CompactSearch:
        """Search, and fit the student that is chosen to all rows.

        Parameters
        ----------
        X : {array-like, DataFrame, sparse matrix} of shape (n_samples, n_features)
            Real rows.
        y : array-like of shape (n_samples,)
            True labels or values; -1 marks rows without one as in
            :class:`~skdistill.DistilledClassifier`.
        sample_weight : array-like of shape (n_samples,), default=None
            Non-negative weights of the rows.
        X_unlabeled : like X, of shape (n_unlabeled, n_features), default=None
            Rows without labels; the teacher labels them.

        Returns
        -------
        self : CompactSearch
        """
        if y is None:
            raise ValueError(
                "CompactSearch requires y to be passed, but the target y is None: it compares "
                "by true labels."
            )
        record, rng, settings = self._start()
        problem, X_unlabeled, teacher = self._settle(
            X, y, sample_weight, X_unlabeled, record, settings
        )
        choices = _choose(problem, X_unlabeled, teacher, settings)
        contest, skipped = self._call(problem, teacher, choices, rng)
        with record.timed("transfer set"):
            rows = build_transfer_set(
                problem.X,
                X_unlabeled=X_unlabeled,
                sampler=choices.sampler,
                n_augmented=choices.n_augmented,
                sample_weight=problem.weight,
                random_state=rng,
            )
        splits = split_rows(problem, settings)
        with record.timed("teacher labels"):
            labels = label_transfer_set(
                teacher, rows, problem, choices, splits=splits, settings=settings, record=record
            )
        targets, rows = take_trust(labels, rows, teacher)
        temperature = find_temperature(targets, problem, choices, record)
        real = labels[: rows.n_real]
        rounds = Rounds(problem, X_unlabeled, teacher, real, temperature, settings, record, rng)
        with record.timed("search"):
            self._hold(contest, rounds, usable_splits(splits, problem))
        if problem.classes is not None:
            targets = soften(targets, temperature)

        def fit_one(trial: Trial) -> Any:
            settings.report(f"fitting the student {trial.candidate.name}")
            made = trial.candidate
            return learn(clone(made.student), rows, targets, problem, made.choices, teacher)

        with record.timed("student"):
            student = contest.fit_chosen(fit_one, problem.X)
        note_fit(record, student, contest.chosen.candidate.choices, rows)
        self.teacher_, self.distillation_, self.skipped_ = teacher, record, skipped
        self._finish(contest, student, problem)
        settings.report(self.verdict_)
        if self.within_tolerance_ is False:
            warnings.warn(self.verdict_, UnmetToleranceWarning, stacklevel=2)
        return self

    def _call(
        self, problem: Problem, teacher: Teacher, choices: Choices, rng: np.random.RandomState
    ) -> tuple[Contest, dict[str, str]]:
        """Call the candidates to the contest; say also which families cannot take part."""
        candidates, skipped = list_candidates(
            self.students,
            teacher,
            choices,
            problem.X,
            task="regression" if problem.classes is None else "classification",
            max_leaves=self.max_leaves,
            rng=rng,
        )
        contest = Contest(
            [Trial(candidate) for candidate in candidates],
            make_metric(self.metric, problem.classes),
            None if self.tolerance is None else parse_tolerance(self.tolerance),
            Budget(self.max_bytes, self.max_latency_us),
            refittable=choices.out_of_fold,
        )
        return contest, skipped

    def _hold(self, contest: Contest, rounds: Rounds, splits: Splits) -> None:
        """Hold the contest; what was found stays also where it ends by an error or interrupt."""
        try:
            contest.run(rounds, splits)
        finally:
            self.frontier_, self.candidates_ = contest.frontier(), contest.candidates()

    def _finish(self, contest: Contest, student: BaseStudent, problem: Problem) -> None:
        """Set the fitted attributes."""
        self.frontier_, self.candidates_ = contest.frontier(), contest.candidates()
        self.verdict_, self.within_tolerance_ = contest.verdict(), contest.within_tolerance
        self.interval_, self.metric_ = contest.chosen.interval, contest.metric.name
        self.student_ = self.best_student_ = student
        if problem.classes is not None:
            self.classes_ = problem.classes
        elif hasattr(self, "classes_"):  # of an earlier fit, with a teacher of classes
            del self.classes_
        copy_columns(self, student)

    def _start(self) -> tuple[DistillationRecord, np.random.RandomState, Settings]:
        rng = check_random_state(self.random_state)
        if self.max_bytes is not None:
            check_integer(self.max_bytes, "max_bytes", minimum=1)
        if self.max_latency_us is not None:
            check_real(self.max_latency_us, "max_latency_us", minimum=0.0, strict=True)
        if self.max_leaves is not None:
            check_integer(self.max_leaves, "max_leaves", minimum=2)
        settings = make_settings(self, rng)
        return DistillationRecord(), rng, settings

    def _settle(
        self,
        X: Any,
        y: Any,
        sample_weight: Any,
        X_unlabeled: Any,
        record: DistillationRecord,
        settings: Settings,
    ) -> tuple[Problem, Any, Teacher]:
        """Check what was given, and fit the teacher if it is not."""
        make_metric(self.metric, None)
        if self.tolerance is not None:
            parse_tolerance(self.tolerance)
        task = find_task(self.teacher)
        X = as_table(X)
        check_rows(self.students, X, task=task)
        problem = check_problem(X, y, sample_weight, None, task=task)
        teacher: Any = adapt_teacher(self.teacher, problem, record, task=task)
        X_unlabeled = None if X_unlabeled is None else as_table(X_unlabeled)
        if task == "classification":
            problem, X_unlabeled = separate_unlabeled(problem, X_unlabeled, teacher)
        with record.timed("teacher"):
            teacher = fit_teacher(teacher, problem, settings, record, task=task)
        if task == "classification":
            problem = settle_classes(problem, teacher)
        return problem, X_unlabeled, teacher


def _choose(problem: Problem, X_unlabeled: Any, teacher: Teacher, settings: Settings) -> Choices:
    """Resolve by the rules how students are distilled."""
    classification = problem.classes is not None
    n_rows = problem.n_weighty
    params = {
        "hard_label_weight": "auto",
        "teacher_labels": "auto",
        "augment": "auto",
        "size_factor": 5.0,
        "max_size": min(MOST_AUGMENTED_ROWS, max(AUGMENTED_ROWS, 2 * n_rows)),
    }
    if classification:
        params |= {"temperature": "auto", "calibrate_teacher": "auto"}
    situation = Situation(
        X=problem.X,
        has_labels=True,
        has_teacher=True,
        has_targets=False,
        refittable=teacher.refittable,
        n_folds=count_folds(settings.cv, problem.y, classification=classification),
        n_rows=n_rows,
        n_unlabeled=0 if X_unlabeled is None else num_samples(X_unlabeled),
    )
    return choose(params, situation)
