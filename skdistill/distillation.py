"""The distilled estimators: a teacher goes in, a compact student comes out."""

from __future__ import annotations

from typing import Any

from sklearn.base import ClassifierMixin, RegressorMixin

from skdistill._base_distilled import BaseDistilled
from skdistill._compat import check_sample_weight
from skdistill._holder import ProbabilityHolder, student_has
from skdistill._problem import Problem, as_table, check_values, settle_classes
from skdistill.metrics import classification_fidelity, regression_fidelity
from skdistill.teachers import Teacher


class DistilledClassifier(ClassifierMixin, ProbabilityHolder, BaseDistilled):
    """Distil a classifier into a compact student.

    The teacher labels a transfer set of real, unlabelled and augmented rows with probabilities;
    the student learns them together with the true labels [1]_.

    Parameters
    ----------
    teacher : object, default=None
        What to distil: a fitted estimator or Pipeline (kept as it is, also by ``clone``), an
        unfitted one (fitted inside), a ``FrozenEstimator``, a LightGBM or XGBoost Booster,
        CatBoost, the path of an ONNX file, AutoGluon's ``TabularPredictor``, an adapter of
        :mod:`skdistill.teachers` (for functions, modules of PyTorch, several teachers with
        weights), or a list of these (averaged). None: `fit` gets precomputed `soft_targets`.
    student : str or estimator, default="tree"
        "tree", "linear", "mlp", "boosting", "pruned", ... for a default student of
        :mod:`skdistill.students`, one of its instances, any scikit-learn classifier whose ``fit``
        takes `sample_weight` (each row then counts once for each class), or a Pipeline that ends
        in one of these.
    temperature : float or "auto", default="auto"
        Softens teacher and student in the loss, at least 1; never the final probabilities. "auto"
        compares 1 and 2 on held-out rows. A tree grows on softened targets and fills its leaves
        with unsoftened ones. Students that are not built in can only learn at 1.
    hard_label_weight : float or "auto", default="auto"
        Weight of the true labels in the loss of real rows, in [0, 1]. "auto" compares 0.3, the
        direct fit, which knows no teacher, 1 (the teacher then speaks for the other rows only),
        and, as far as `search_budget` goes, 0.7 and 0 on held-out rows. Without labels it is 0.
    teacher_labels : {"auto", "cross_fit", "corrected", "in_sample"}, default="auto"
        Where the soft targets of the rows of X come from: from clones of the teacher fitted on
        the other folds, the same corrected by the true labels
        (:func:`~skdistill.targets.correct_targets`; instead of `hard_label_weight`, which is then
        0 for "auto"), or from the teacher itself, which may have memorised these rows. "auto"
        cross-fits teachers that can be refitted, which costs `cv` fits of the teacher.
    augment : str, sampler or None, default="auto"
        Who makes further rows for the teacher to label: "munge", "conditional", "jitter", "mixup",
        "spunge", or an object with ``fit(X)`` and ``sample(n, random_state)``. "auto" compares
        :class:`~skdistill.transfer.MungeSampler` with None on held-out rows, as far as
        `search_budget` goes, for dense tables; it is None otherwise. Together the new rows weigh
        as much as all others.
    size_factor : float, default=5.0
        Augmented rows for each real one. Void without `augment`.
    max_size : int, default=100_000
        At most so many augmented rows, which bounds time and memory. Void without `augment`.
    knowledge : str or list, default="response"
        What is taught. "response" is what the teacher says. A list adds what it knows beyond: with
        "feature" its inner representation of the rows, with "relation" their distances in it, as
        in ``["response", "feature"]``; a :class:`~skdistill.knowledge.FeatureKnowledge` or
        :class:`~skdistill.knowledge.RelationKnowledge` sets weight and representation. It shapes
        students whose ``fit`` takes `hints`: "tree", "linear", "additive" and "mlp".
    calibrate_teacher : bool or "auto", default="auto"
        Scale the teacher's temperature so that its out-of-fold labels are calibrated [2]_. "auto"
        does so where there are at least 100 out-of-fold labels.
    search_budget : int, default=12
        At most so many students are fitted to choose the settings that are "auto": six candidates
        on one fold of `cv`, the best of them on two more, each to at most 4000 real rows and those
        made of them. A teacher that can be refitted is fitted anew four times for each fold, so
        that nothing has seen what is held out. With more than 5000 rows two of the fits are a
        final against the direct fit on all rows, and four candidates are compared. 0 takes fixed
        rules: a weight of 0.3, a temperature of 1, and "munge".
    cv : int, cross-validation splitter or iterable, default=5
        Folds of the cross-fitted labels and of the search; each row must be in one test fold. Void
        without both.
    memory : str, path-like or joblib.Memory, default=None
        Caches what the teacher says, so that a second fit (another student, another temperature)
        with the same integer `random_state` does not ask it again.
    n_jobs : int, default=None
        Folds of the teacher, and students of the search, fitted at the same time; the result is
        the same for any number.
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
        What was chosen and why, each candidate's score, rows, teacher calls, timings.
    n_features_in_ : int
        Number of columns seen in `fit`, where the student counts them.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the columns, where X has them.

    Warns
    -----
    TeacherNotUsedWarning
        If the direct fit to the true labels was as good on held-out rows, and was taken.

    Notes
    -----
    A teacher that was fitted to all rows leaks into *scores* of a cross-validation around this
    estimator (not into fidelity): score on rows that neither has seen.

    The transfer set, its labels and one working copy are held in memory at a time: about
    ``(1 + size_factor) * n_samples * (2 * n_features + 3 * n_classes) * 8`` bytes, where for the
    linear student and the mlp `n_features` counts a column for each level of a category.

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
        knowledge: Any = "response",
        calibrate_teacher: bool | str = "auto",
        search_budget: int = 12,
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
        self.knowledge = knowledge
        self.calibrate_teacher = calibrate_teacher
        self.search_budget = search_budget
        self.cv = cv
        self.memory = memory
        self.n_jobs = n_jobs
        self.random_state = random_state
        self.verbose = verbose

    def _settle(self, problem: Problem, teacher: Teacher | None) -> Problem:
        return settle_classes(problem, teacher)

    @student_has("predict_proba")
    def fidelity(self, X: Any, sample_weight: Any = None) -> dict[str, float]:
        """Compare the student with the teacher, as it was given, on rows of your choice.

        Parameters
        ----------
        X : like X of fit, of shape (n_samples, ...)
            Rows, best such that neither has seen; no labels are needed.
        sample_weight : array-like of shape (n_samples,), default=None
            Non-negative weights of the rows.

        Returns
        -------
        fidelity : dict
            "agreement", the share of rows with the same most probable class; "kl", the mean
            Kullback-Leibler divergence from the teacher in nats; "brier", the mean squared
            distance of the two rows of probabilities.

        Raises
        ------
        ValueError
            If there is no teacher to compare with, or weights are negative or too few.
        """
        X = as_table(X)
        teacher = self._fitted_teacher().predict_proba(X, self.classes_)
        weight = None if sample_weight is None else check_sample_weight(sample_weight, X)
        return classification_fidelity(teacher, self.predict_proba(X), weight)


class DistilledRegressor(RegressorMixin, BaseDistilled):
    """Distil a regressor into a compact student.

    The teacher predicts a transfer set of real, unlabelled and augmented rows; the student learns
    its predictions mixed with the true values. There is nothing to soften or to calibrate, so
    that those parameters of :class:`DistilledClassifier` are missing here.

    Parameters
    ----------
    teacher : object, default=None
        As for :class:`DistilledClassifier`.
    student : str or estimator, default="tree"
        "tree", "linear", "mlp", "boosting", "pruned", ... for a default student of
        :mod:`skdistill.students`, one of its instances, or any scikit-learn regressor.
    hard_label_weight : float or "auto", default="auto"
        Weight of the true values on real rows, in [0, 1]. "auto" compares several, and the direct
        fit without a teacher, on held-out rows. Without true values it is 0.
    teacher_labels : {"auto", "cross_fit", "corrected", "in_sample"}, default="auto"
        As for :class:`DistilledClassifier`.
    augment : str, sampler or None, default="auto"
        As for :class:`DistilledClassifier`.
    size_factor : float, default=5.0
        Augmented rows for each real one. Void without `augment`.
    max_size : int, default=100_000
        At most so many augmented rows. Void without `augment`.
    knowledge : str or list, default="response"
        As for :class:`DistilledClassifier`.
    search_budget : int, default=12
        As for :class:`DistilledClassifier`.
    cv : int, cross-validation splitter or iterable, default=5
        As for :class:`DistilledClassifier`.
    memory : str, path-like or joblib.Memory, default=None
        Caches what the teacher says.
    n_jobs : int, default=None
        Folds of the teacher, and students of the search, fitted at the same time; the result is
        the same for any number.
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
        knowledge: Any = "response",
        search_budget: int = 12,
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
        self.knowledge = knowledge
        self.search_budget = search_budget
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
            Non-negative weights of the rows.

        Returns
        -------
        fidelity : dict
            "r2" and "rmse" of the student against the teacher's predictions.

        Raises
        ------
        ValueError
            If there is no teacher to compare with, or weights are negative or too few.
        """
        X = as_table(X)
        teacher = self._fitted_teacher().predict(X)
        weight = None if sample_weight is None else check_sample_weight(sample_weight, X)
        return regression_fidelity(teacher, self.predict(X), weight)
