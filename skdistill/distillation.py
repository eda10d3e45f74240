"""Distil a teacher into a compact student: the flow from rows to a fitted student."""

from __future__ import annotations

from abc import ABCMeta, abstractmethod
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, MetaEstimatorMixin, RegressorMixin
from sklearn.utils import check_random_state, get_tags
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted, check_memory

from skdistill._choosing import Choices, Situation, choose
from skdistill._compat import clone_keeping, seed_estimator
from skdistill._flow import (
    Problem,
    Settings,
    as_table,
    calibrate,
    check_problem,
    check_values,
    fit_to_targets,
    label_transfer_set,
    prepare_teacher,
    settle_classes,
)
from skdistill._record import DistillationRecord
from skdistill._validation import check_integer
from skdistill.metrics import classification_fidelity, regression_fidelity
from skdistill.students import BaseStudent, make_student
from skdistill.teachers import Teacher, keep_fitted
from skdistill.transfer import TransferSet, build_transfer_set, count_folds


def _student_has(method: str) -> Any:
    """Offer a method where the student has it, or will have it once it is fitted."""

    def check(self: Any) -> bool:
        student = getattr(self, "student_", None)
        if student is None:
            student = make_student(self.student, task=self._task)
        return hasattr(student, method)

    return available_if(check)


class _BaseDistilled(MetaEstimatorMixin, BaseEstimator, metaclass=ABCMeta):
    """The flow, the same for classification and regression."""

    _task: str

    def fit(
        self,
        X: Any,
        y: Any = None,
        sample_weight: Any = None,
        *,
        X_unlabeled: Any = None,
        soft_targets: Any = None,
    ) -> Any:
        """Distil the teacher into the student.

        Parameters
        ----------
        X : {array-like, DataFrame, sparse matrix, list} of shape (n_samples, ...)
            Real training rows; teacher and student both get them as they are.
        y : array-like of shape (n_samples,), default=None
            Hard labels. None is possible where the teacher is fitted (or `soft_targets` are
            given) and no hard labels are mixed in.
        sample_weight : array-like of shape (n_samples,), default=None
            Non-negative weights of the real rows, for the student and for teachers fitted here.
        X_unlabeled : like X, of shape (n_unlabeled, ...), default=None
            More rows of the same columns, without labels; the teacher labels them. Inside a
            cross-validation do not give exactly as many rows as X has: scikit-learn would take
            them for something to be split with X.
        soft_targets : array-like of shape (n_samples, n_classes) or (n_samples,), default=None
            Precomputed labels of the rows of X by the teacher, better out-of-fold ones: columns in
            the order of the sorted classes; for regression, values. The teacher, if there is one,
            then only labels the other rows of the transfer set.

        Returns
        -------
        self : object
            The fitted estimator.

        Raises
        ------
        ValueError
            If an argument or parameter is invalid, cannot act here, or does not fit the others;
            :class:`~skdistill.exceptions.TeacherError` where the teacher itself failed.
        TypeError
            If the teacher or the student is of no supported kind.
        """
        record, rng, settings = self._start()
        student = self._make_student(rng)
        X = self._check_rows(X, student)
        problem = check_problem(X, y, sample_weight, soft_targets, task=self._task)
        with record.timed("teacher"):
            teacher = prepare_teacher(self.teacher, problem, settings, record, task=self._task)
        problem = self._settle(problem, teacher)
        choices = self._choose(problem, teacher)
        with record.timed("transfer set"):
            rows = build_transfer_set(
                problem.X,
                X_unlabeled=self._check_unlabeled(X_unlabeled, teacher),
                sampler=choices.sampler,
                n_augmented=choices.n_augmented,
                sample_weight=problem.weight,
                random_state=rng,
            )
        with record.timed("teacher labels"):
            targets = label_transfer_set(teacher, rows, problem, choices, settings, record)
        targets = calibrate(targets, problem, choices, record)
        settings.report(f"fitting the student {type(student).__name__} on {rows.n_rows} rows")
        with record.timed("student"):
            student = fit_to_targets(student, rows, targets, problem, choices)
        self._finish(student, teacher, problem, choices, record, rows)
        return self

    def _start(self) -> tuple[DistillationRecord, np.random.RandomState, Settings]:
        rng = check_random_state(self.random_state)
        settings = Settings(
            cv=self.cv,
            memory=check_memory(self.memory),
            n_jobs=self.n_jobs,
            seed=int(rng.randint(np.iinfo(np.int32).max)),
            verbose=check_integer(self.verbose, "verbose", minimum=0),
        )
        return DistillationRecord(), rng, settings

    def _make_student(self, rng: np.random.RandomState) -> Any:
        return seed_estimator(make_student(self.student, task=self._task), rng)

    def _check_rows(self, X: Any, student: Any) -> Any:
        """Let a built-in student check X first: a bad X must not cost teacher time."""
        if isinstance(student, BaseStudent):
            student.check_rows(X)
        return as_table(X)

    def _check_unlabeled(self, X_unlabeled: Any, teacher: Teacher | None) -> Any:
        if X_unlabeled is None:
            return None
        if teacher is None:
            raise ValueError(
                "X_unlabeled needs a teacher that labels it, but teacher is None; give one."
            )
        return as_table(X_unlabeled)

    @abstractmethod
    def _settle(self, problem: Problem, teacher: Teacher | None) -> Problem:
        """Settle the classes, and check precomputed targets."""

    def _choose(self, problem: Problem, teacher: Teacher | None) -> Choices:
        situation = Situation(
            X=problem.X,
            has_labels=problem.y is not None,
            has_teacher=teacher is not None,
            has_targets=problem.soft_targets is not None,
            refittable=teacher is not None and teacher.refittable,
            n_folds=count_folds(self.cv, problem.y, classification=problem.classes is not None),
            n_rows=problem.n_rows,
        )
        return choose(self.get_params(deep=False), situation)

    def _finish(
        self,
        student: Any,
        teacher: Teacher | None,
        problem: Problem,
        choices: Choices,
        record: DistillationRecord,
        rows: TransferSet,
    ) -> None:
        """Set the fitted attributes, all at the end: a failed fit changes nothing."""
        record.student = type(student).__name__
        record.temperature = choices.temperature
        record.hard_label_weight = choices.hard_label_weight
        record.teacher_labels = choices.teacher_labels
        record.augment = None if choices.sampler is None else type(choices.sampler).__name__
        record.reasons = choices.reasons
        record.n_real, record.n_unlabeled = rows.n_real, rows.n_unlabeled
        record.n_augmented = rows.n_augmented
        self.student_, self.teacher_, self.distillation_ = student, teacher, record
        if problem.classes is not None:
            self.classes_ = problem.classes
        for name in ("n_features_in_", "feature_names_in_"):
            if hasattr(student, name):
                setattr(self, name, getattr(student, name))
            elif hasattr(self, name):
                delattr(self, name)

    def predict(self, X: Any) -> np.ndarray:
        """Predict with the student.

        Parameters
        ----------
        X : like X of fit, of shape (n_samples, ...)
            Rows.

        Returns
        -------
        y : ndarray of shape (n_samples,)
            Labels, or values for regression.
        """
        check_is_fitted(self)
        return self.student_.predict(as_table(X))

    def _fitted_teacher(self) -> Teacher:
        check_is_fitted(self)
        if self.teacher_ is None:
            raise ValueError(
                "fidelity compares with the teacher, but this student learned from precomputed "
                "soft_targets alone; use the functions of skdistill.metrics on your own labels."
            )
        return self.teacher_

    def __sklearn_clone__(self) -> Any:
        """Clone everything but a fitted teacher, which both copies share."""
        return clone_keeping(self, teacher=keep_fitted(self.teacher))

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        try:
            members = [get_tags(make_student(self.student, task=self._task))]
        except (TypeError, ValueError):
            members = []
        if hasattr(self.teacher, "__sklearn_tags__"):
            members.append(get_tags(self.teacher))
        tags.input_tags.allow_nan = all(member.input_tags.allow_nan for member in members)
        tags.input_tags.sparse = all(member.input_tags.sparse for member in members)
        return tags


class DistilledClassifier(ClassifierMixin, _BaseDistilled):
    """Distil a classifier into a compact student.

    The teacher labels a transfer set of real, unlabelled and augmented rows with probabilities;
    the student learns them together with the true labels [1]_.

    Parameters
    ----------
    teacher : object, default=None
        What to distil: a fitted estimator or Pipeline (kept as it is, also by ``clone``), an
        unfitted one (fitted inside), a ``FrozenEstimator``, a LightGBM or XGBoost Booster,
        CatBoost, a :class:`~skdistill.teachers.CallableTeacher`, or a list of these (averaged).
        None: `fit` gets precomputed `soft_targets`.
    student : str or estimator, default="tree"
        "tree", "linear", "mlp" or "boosting" for a default-configured student of
        :mod:`skdistill.students`, one of its instances, any scikit-learn classifier whose ``fit``
        takes `sample_weight` (each row then counts once for each class), or a Pipeline that ends
        in one of these.
    temperature : float or "auto", default="auto"
        Softens teacher and student in the loss, at least 1; never the final probabilities. "auto"
        is 1. A tree grows on softened targets and fills its leaves with unsoftened ones. Students
        that are not built in can only learn at 1.
    hard_label_weight : float or "auto", default="auto"
        Weight of the true labels in the loss of real rows, in [0, 1]. "auto" is 0.3, and 0 without
        labels.
    teacher_labels : {"auto", "cross_fit", "in_sample"}, default="auto"
        Where the soft targets of the rows of X come from: from clones of the teacher fitted on
        the other folds, or from the teacher itself, which may have memorised these rows. "auto"
        cross-fits teachers that can be refitted, which costs `cv` fits of the teacher.
    augment : {"auto", "munge"}, sampler or None, default="auto"
        Who makes further rows for the teacher to label. "auto" is
        :class:`~skdistill.transfer.MungeSampler` for dense tables and None otherwise. Together
        the new rows weigh as much as the real ones.
    size_factor : float, default=5.0
        Augmented rows for each real one. Void without `augment`.
    max_size : int, default=100_000
        At most so many augmented rows, which bounds time and memory. Void without `augment`.
    calibrate_teacher : bool or "auto", default="auto"
        Scale the teacher's temperature so that its out-of-fold labels are calibrated [2]_. "auto"
        does so where there are at least 100 out-of-fold labels.
    cv : int, cross-validation splitter or iterable, default=5
        Folds of the cross-fitted labels; they must not overlap. Void without cross-fitting.
    memory : str, path-like or joblib.Memory, default=None
        Caches what the teacher says, so that a second fit (another student, another temperature)
        does not ask it again.
    n_jobs : int, default=None
        Folds fitted at the same time; the result is the same for any number.
    random_state : int, RandomState instance or None, default=None
        Seeds folds, augmented rows, and teacher and student where they have none of their own.
    verbose : int, default=0
        Above zero prints each step to stderr.

    Attributes
    ----------
    student_ : estimator
        The bare fitted student; there is no teacher in it.
    teacher_ : Teacher or None
        The adapted, fitted teacher, used by `fidelity` alone.
    classes_ : ndarray of shape (n_classes,)
        Sorted labels, those of the teacher where it knows more than y shows.
    distillation_ : DistillationRecord
        What was chosen and why, rows, teacher calls, timings.
    n_features_in_ : int
        Number of columns seen in `fit`, where the student counts them.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the columns, where X has them.

    Notes
    -----
    A teacher that was fitted to all rows leaks into *scores* of a cross-validation around this
    estimator (not into fidelity): score on rows that neither has seen.

    The transfer set, its labels and one working copy are held in memory at a time: about
    ``(1 + size_factor) * n_samples * (2 * n_features + 3 * n_classes) * 8`` bytes.

    References
    ----------
    .. [1] Hinton, G., Vinyals, O., Dean, J. (2015). Distilling the Knowledge in a Neural Network.
       arXiv:1503.02531.
    .. [2] Guo, C., Pleiss, G., Sun, Y., Weinberger, K. Q. (2017). On Calibration of Modern Neural
       Networks. ICML.

    Examples
    --------
    >>> from sklearn.datasets import load_breast_cancer
    >>> from sklearn.ensemble import RandomForestClassifier
    >>> from skdistill import DistilledClassifier
    >>> X, y = load_breast_cancer(return_X_y=True)
    >>> teacher = RandomForestClassifier(n_estimators=50, random_state=0).fit(X, y)
    >>> student = DistilledClassifier(teacher, student="tree", random_state=0).fit(X, y)
    >>> student.student_.n_leaves_ <= 16
    True
    >>> student.distillation_.teacher_labels
    'cross_fit'
    """

    _task = "classification"
    classes_: np.ndarray

    def __init__(
        self,
        teacher: Any = None,
        *,
        student: Any = "tree",
        temperature: float | str = "auto",
        hard_label_weight: float | str = "auto",
        teacher_labels: str = "auto",
        augment: Any = "auto",
        size_factor: float = 5.0,
        max_size: int = 100_000,
        calibrate_teacher: bool | str = "auto",
        cv: Any = 5,
        memory: Any = None,
        n_jobs: int | None = None,
        random_state: Any = None,
        verbose: int = 0,
    ) -> None:
        self.teacher = teacher
        self.student = student
        self.temperature = temperature
        self.hard_label_weight = hard_label_weight
        self.teacher_labels = teacher_labels
        self.augment = augment
        self.size_factor = size_factor
        self.max_size = max_size
        self.calibrate_teacher = calibrate_teacher
        self.cv = cv
        self.memory = memory
        self.n_jobs = n_jobs
        self.random_state = random_state
        self.verbose = verbose

    def _settle(self, problem: Problem, teacher: Teacher | None) -> Problem:
        return settle_classes(problem, teacher)

    @_student_has("predict_proba")
    def predict_proba(self, X: Any) -> np.ndarray:
        """Predict class probabilities with the student.

        Parameters
        ----------
        X : like X of fit, of shape (n_samples, ...)
            Rows.

        Returns
        -------
        proba : ndarray of shape (n_samples, n_classes)
            Columns in the order of `classes_`.
        """
        check_is_fitted(self)
        P = self.student_.predict_proba(as_table(X))
        if len(self.student_.classes_) == len(self.classes_):
            return P
        aligned = np.zeros((len(P), len(self.classes_)))
        aligned[:, np.searchsorted(self.classes_, self.student_.classes_)] = P
        return aligned

    @_student_has("predict_proba")
    def fidelity(self, X: Any, sample_weight: Any = None) -> dict[str, float]:
        """Compare the student with the teacher, as it was given, on rows of your choice.

        Parameters
        ----------
        X : like X of fit, of shape (n_samples, ...)
            Rows, best such that neither has seen; no labels are needed.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows.

        Returns
        -------
        fidelity : dict
            "agreement", the share of rows with the same most probable class; "kl", the mean
            Kullback-Leibler divergence from the teacher in nats; "brier", the mean squared
            distance of the two rows of probabilities.

        Raises
        ------
        ValueError
            If there is no teacher to compare with.
        """
        X = as_table(X)
        teacher = self._fitted_teacher().predict_proba(X, self.classes_)
        return classification_fidelity(teacher, self.predict_proba(X), sample_weight)


class DistilledRegressor(RegressorMixin, _BaseDistilled):
    """Distil a regressor into a compact student.

    The teacher predicts a transfer set of real, unlabelled and augmented rows; the student learns
    its predictions mixed with the true values. There is nothing to soften or to calibrate, so
    that those parameters of :class:`DistilledClassifier` are missing here.

    Parameters
    ----------
    teacher : object, default=None
        As for :class:`DistilledClassifier`.
    student : str or estimator, default="tree"
        "tree", "linear", "mlp" or "boosting" for a default-configured student of
        :mod:`skdistill.students`, one of its instances, or any scikit-learn regressor.
    hard_label_weight : float or "auto", default="auto"
        Weight of the true values on real rows, in [0, 1]. "auto" is 0.3, and 0 without values.
    teacher_labels : {"auto", "cross_fit", "in_sample"}, default="auto"
        As for :class:`DistilledClassifier`.
    augment : {"auto", "munge"}, sampler or None, default="auto"
        As for :class:`DistilledClassifier`.
    size_factor : float, default=5.0
        Augmented rows for each real one. Void without `augment`.
    max_size : int, default=100_000
        At most so many augmented rows. Void without `augment`.
    cv : int, cross-validation splitter or iterable, default=5
        Folds of the cross-fitted labels. Void without cross-fitting.
    memory : str, path-like or joblib.Memory, default=None
        Caches what the teacher says.
    n_jobs : int, default=None
        Folds fitted at the same time; the result is the same for any number.
    random_state : int, RandomState instance or None, default=None
        Seeds folds, augmented rows, and teacher and student where they have none of their own.
    verbose : int, default=0
        Above zero prints each step to stderr.

    Attributes
    ----------
    student_ : estimator
        The bare fitted student; there is no teacher in it.
    teacher_ : Teacher or None
        The adapted, fitted teacher, used by `fidelity` alone.
    distillation_ : DistillationRecord
        What was chosen and why, rows, teacher calls, timings.
    n_features_in_ : int
        Number of columns seen in `fit`, where the student counts them.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the columns, where X has them.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from sklearn.ensemble import RandomForestRegressor
    >>> from skdistill import DistilledRegressor
    >>> X, y = load_diabetes(return_X_y=True)
    >>> teacher = RandomForestRegressor(n_estimators=30, random_state=0).fit(X, y)
    >>> student = DistilledRegressor(teacher, random_state=0).fit(X, y)
    >>> sorted(student.fidelity(X))
    ['r2', 'rmse']
    """

    _task = "regression"

    def __init__(
        self,
        teacher: Any = None,
        *,
        student: Any = "tree",
        hard_label_weight: float | str = "auto",
        teacher_labels: str = "auto",
        augment: Any = "auto",
        size_factor: float = 5.0,
        max_size: int = 100_000,
        cv: Any = 5,
        memory: Any = None,
        n_jobs: int | None = None,
        random_state: Any = None,
        verbose: int = 0,
    ) -> None:
        self.teacher = teacher
        self.student = student
        self.hard_label_weight = hard_label_weight
        self.teacher_labels = teacher_labels
        self.augment = augment
        self.size_factor = size_factor
        self.max_size = max_size
        self.cv = cv
        self.memory = memory
        self.n_jobs = n_jobs
        self.random_state = random_state
        self.verbose = verbose

    def _settle(self, problem: Problem, teacher: Teacher | None) -> Problem:
        return check_values(problem)

    def fidelity(self, X: Any, sample_weight: Any = None) -> dict[str, float]:
        """Compare the student with the teacher on rows of your choice.

        Parameters
        ----------
        X : like X of fit, of shape (n_samples, ...)
            Rows, best such that neither has seen; no labels are needed.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows.

        Returns
        -------
        fidelity : dict
            "r2" and "rmse" of the student against the teacher's predictions.

        Raises
        ------
        ValueError
            If there is no teacher to compare with.
        """
        X = as_table(X)
        teacher = self._fitted_teacher().predict(X)
        return regression_fidelity(teacher, self.predict(X), sample_weight)
