"""Self-distillation: a student learns from the true labels and from the student before it."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.base import ClassifierMixin, RegressorMixin

from skdistill._base_self_distilled import BaseSelfDistilled
from skdistill._holder import ProbabilityHolder
from skdistill._validation import check_real
from skdistill.students import takes_soft_targets
from skdistill.students._expansion import last_step


class SelfDistilledClassifier(ClassifierMixin, ProbabilityHolder, BaseSelfDistilled):
    """Let a classifier learn from itself, generation after generation.

    Generation 0 is the student fitted to the true labels. Each further one is the same student,
    fitted anew to the probabilities that the one before gives, mixed with the true labels [1]_.
    The probabilities are out of fold: each row is labelled by a copy that was not fitted to it, as
    labels of rows that a student has memorised say nothing new. It is a way to regularise [2]_,
    and no knowledge is added: a student that fits noise gains by it, one that is tuned hardly ever.

    Parameters
    ----------
    student : str or estimator, default="tree"
        "tree", "linear", "mlp", "boosting", ... for a default student of
        :mod:`skdistill.students`, one of its instances, any scikit-learn classifier with
        ``predict_proba`` whose ``fit`` takes `sample_weight`, or a Pipeline that ends in one.
    generations : int, default=3
        At most so many generations after generation 0. Each is scored on held-out rows, and the
        first that does not lower the loss is the last to be tried. The first generation within one
        standard error of the best is chosen, so that generation 0 stays where others win by
        chance.
    keep : {"best", "average"}, default="best"
        "best" keeps the generation chosen. "average" keeps the mean of the probabilities of all
        generations up to the one chosen, and is chosen by the loss of that mean: an ensemble, as
        many times the size of the student, and no longer one student to read or export.
    temperature : float, default=1.0
        Softens both generations in the loss, at least 1; never the final probabilities. Above 1
        only for students that learn soft targets themselves.
    hard_label_weight : float, default=0.5
        Weight of the true labels against those of the generation before, in [0, 1). One half is
        the sum of both losses of [1]_; without true labels generations drift away from the data.
    cv : int, cross-validation splitter or iterable, default=5
        Folds of the out-of-fold labels; each row must be in one test fold. Joined to at most five,
        the first three are also what generations are compared on, or the first alone with more
        than 10,000 rows.
    memory : str, path-like or joblib.Memory, default=None
        Caches the answers of all fits to parts of the rows, so that a fit that was interrupted, by
        Ctrl-C for example, goes on where it stopped if `random_state` is an integer.
    n_jobs : int, default=None
        Students fitted at the same time; the result is the same for any number.
    random_state : int, RandomState instance or None, default=None
        Seeds folds, and the student where it has no seed of its own. All generations have the same
        seed: they differ by their labels alone.
    verbose : int, default=0
        Above zero prints each step to stderr.

    Attributes
    ----------
    student_ : estimator
        The bare fitted student. With ``keep="average"`` and more than one generation a fitted
        :class:`~sklearn.ensemble.VotingClassifier` of all of them, which
        cannot be exported or saved as a student.
    best_generation_ : int
        The generation chosen; 0 is the direct fit. With ``keep="average"`` the last one of those
        that are averaged.
    generations_ : list of dict
        For each generation that was tried: `generation`, `loss` on held-out rows (log loss),
        `excess` over the one chosen and the `standard_error` of that, `n_rows` and `n_folds` held
        out, `seconds` of its fits and of the labels it learned from, `chosen`. Empty where there
        are fewer than 60 rows, or too few for the folds; ``distillation_.reasons`` says so.
    classes_ : ndarray of shape (n_classes,)
        Sorted labels.
    distillation_ : DistillationRecord
        Rows, fits and timings; `teacher` is the student's own class.
    n_features_in_ : int
        Number of columns seen in `fit`, where the student counts them.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the columns, where X has them.

    See Also
    --------
    DistilledClassifier : Learns from a better model than itself.

    Notes
    -----
    For each part that is held out a chain of its own runs on all other rows, with three folds for
    its labels: no label in it has seen what is held out. Trying the first generation costs five
    fits of the student for each of the three parts, each further one four; where generation k is
    then chosen, the chain on all rows costs `cv` fits for each k, and one for the student.

    The labels of the second and later generations are out of fold for the generation that gives
    them, not for those before it, which would multiply the fits.

    References
    ----------
    .. [1] Furlanello, T., Lipton, Z. C., Tschannen, M., Itti, L., Anandkumar, A. (2018). Born-Again
       Neural Networks. ICML.
    .. [2] Mobahi, H., Farajtabar, M., Bartlett, P. L. (2020). Self-Distillation Amplifies
       Regularization in Hilbert Space. NeurIPS.

    Examples
    --------
    >>> from sklearn.datasets import load_breast_cancer
    >>> from skdistill import SelfDistilledClassifier
    >>> from skdistill.students import TreeStudentClassifier
    >>> X, y = load_breast_cancer(return_X_y=True)
    >>> student = TreeStudentClassifier(max_leaf_nodes=8, refine=False)
    >>> model = SelfDistilledClassifier(student, random_state=0).fit(X, y)
    >>> model.student_.n_leaves_ <= 8
    True
    >>> [tried["generation"] for tried in model.generations_][:2]
    [0, 1]
    """

    _task = "classification"

    def __init__(
        self,
        student: Any = "tree",
        *,
        generations: int = 3,
        keep: str = "best",
        temperature: float = 1.0,
        hard_label_weight: float = 0.5,
        cv: Any = 5,
        memory: Any = None,
        n_jobs: int | None = None,
        random_state: Any = None,
        verbose: int = 0,
    ) -> None:
        self.student = student
        self.generations = generations
        self.keep = keep
        self.temperature = temperature
        self.hard_label_weight = hard_label_weight
        self.cv = cv
        self.memory = memory
        self.n_jobs = n_jobs
        self.random_state = random_state
        self.verbose = verbose

    def _make_student(self, rng: np.random.RandomState) -> Any:
        student = super()._make_student(rng)
        if not hasattr(student, "predict_proba"):
            raise TypeError(
                f"student {type(last_step(student)).__name__} has no predict_proba, from which the "
                "next generation learns; give a classifier that has it."
            )
        return student

    def _choose_temperature(self, student: Any) -> float | None:
        temperature = check_real(self.temperature, "temperature", minimum=1.0)
        if temperature != 1.0 and not takes_soft_targets(student):
            raise ValueError(
                f"temperature must be 1 for student {type(last_step(student)).__name__}, got "
                f"{self.temperature!r}: it would predict flattened probabilities; set "
                "temperature=1.0, or give a student of skdistill.students."
            )
        return temperature


class SelfDistilledRegressor(RegressorMixin, BaseSelfDistilled):
    """Let a regressor learn from itself, generation after generation.

    Generation 0 is the student fitted to the true values. Each further one is the same student,
    fitted anew to the out-of-fold predictions of the one before, mixed with the true values. See
    :class:`SelfDistilledClassifier`, also for the references.

    Parameters
    ----------
    student : str or estimator, default="tree"
        "tree", "linear", "mlp", "boosting", ... for a default student of
        :mod:`skdistill.students`, one of its instances, or any scikit-learn regressor.
    generations : int, default=3
        At most so many generations after generation 0, as for :class:`SelfDistilledClassifier`.
    keep : {"best", "average"}, default="best"
        "best" keeps the generation chosen. "average" keeps the mean of the predictions of all
        generations up to the one chosen: an ensemble, as many times the size of the student.
    hard_label_weight : float, default=0.5
        Weight of the true values against those of the generation before, in [0, 1).
    cv : int, cross-validation splitter or iterable, default=5
        Folds of the out-of-fold labels; each row must be in one test fold. Joined to at most five,
        the first three are also what generations are compared on, or the first alone with more
        than 10,000 rows.
    memory : str, path-like or joblib.Memory, default=None
        Caches the answers of all fits to parts of the rows, so that a fit that was interrupted, by
        Ctrl-C for example, goes on where it stopped if `random_state` is an integer.
    n_jobs : int, default=None
        Students fitted at the same time; the result is the same for any number.
    random_state : int, RandomState instance or None, default=None
        Seeds folds, and the student where it has no seed of its own. All generations have the same
        seed: they differ by their labels alone.
    verbose : int, default=0
        Above zero prints each step to stderr.

    Attributes
    ----------
    student_ : estimator
        The bare fitted student. With ``keep="average"`` and more than one generation a fitted
        :class:`~sklearn.ensemble.VotingRegressor` of all of them, which
        cannot be exported or saved as a student.
    best_generation_ : int
        The generation chosen; 0 is the direct fit. With ``keep="average"`` the last one of those
        that are averaged.
    generations_ : list of dict
        For each generation that was tried: `generation`, `loss` on held-out rows (squared error),
        `excess` over the one chosen and the `standard_error` of that, `n_rows` and `n_folds` held
        out, `seconds` of its fits and of the labels it learned from, `chosen`. Empty where there
        are fewer than 60 rows, or too few for the folds; ``distillation_.reasons`` says so.
    distillation_ : DistillationRecord
        Rows, fits and timings; `teacher` is the student's own class.
    n_features_in_ : int
        Number of columns seen in `fit`, where the student counts them.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the columns, where X has them.

    See Also
    --------
    DistilledRegressor : Learns from a better model than itself.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from skdistill import SelfDistilledRegressor
    >>> from skdistill.students import TreeStudentRegressor
    >>> X, y = load_diabetes(return_X_y=True)
    >>> student = TreeStudentRegressor(max_leaf_nodes=8, refine=False)
    >>> model = SelfDistilledRegressor(student, random_state=0).fit(X, y)
    >>> model.best_generation_ < len(model.generations_)
    True
    """

    _task = "regression"

    def __init__(
        self,
        student: Any = "tree",
        *,
        generations: int = 3,
        keep: str = "best",
        hard_label_weight: float = 0.5,
        cv: Any = 5,
        memory: Any = None,
        n_jobs: int | None = None,
        random_state: Any = None,
        verbose: int = 0,
    ) -> None:
        self.student = student
        self.generations = generations
        self.keep = keep
        self.hard_label_weight = hard_label_weight
        self.cv = cv
        self.memory = memory
        self.n_jobs = n_jobs
        self.random_state = random_state
        self.verbose = verbose
