"""Small sums of trees that learn soft targets, grown by LightGBM or XGBoost."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, ClassVar

import numpy as np
from joblib import effective_n_jobs
from sklearn.utils import check_random_state

from skdistill._validation import check_choice, check_integer, check_real
from skdistill.losses import DistillationLoss, softmax
from skdistill.students._base import BaseStudent, StudentClassifier, StudentRegressor
from skdistill.students._boosting.engines import ENGINES, TreePlan
from skdistill.students._boosting.rounds import BoostingTask, choose_rounds
from skdistill.students._real_rows import RealRows
from skdistill.students._scores import (
    mean_one,
    n_scores,
    prior_scores,
    score_curvature,
    score_gradient,
    to_logits,
)

# With many classes, leaves per tree shrink until this many rounds fit into the budget.
WANTED_ROUNDS = 5

# The learning rates of "auto", as multiples of the usual one, which is taken without a choice.
RATE_FACTORS = (1.0, 0.7, 1.4, 2.0)

# XGBoost bounds the curvature of a leaf, not its rows. Rows keep this part of the curvature they
# start with, roughly, when a classifier grows confident; more would stop it early.
KEPT_CURVATURE = 0.25

# Curvatures below this would let a single leaf take a step of any size.
LEAST_CURVATURE = 1e-6


class _Boosting(BaseStudent):
    """Parameters and training that the classifier and the regressor share."""

    _layout: ClassVar[str] = "ordered"
    _accept_sparse: ClassVar[bool] = True

    def __init__(
        self,
        *,
        max_total_leaves: int = 155,
        max_leaf_nodes: int = 8,
        backend: str = "lightgbm",
        learning_rate: float | str = "auto",
        min_samples_leaf: int = 20,
        reg_lambda: float = 1.0,
        random_state: Any = None,
        n_jobs: int | None = None,
    ) -> None:
        self.max_total_leaves = max_total_leaves
        self.max_leaf_nodes = max_leaf_nodes
        self.backend = backend
        self.learning_rate = learning_rate
        self.min_samples_leaf = min_samples_leaf
        self.reg_lambda = reg_lambda
        self.random_state = random_state
        self.n_jobs = n_jobs

    def _check_params(self) -> None:
        check_integer(self.max_total_leaves, "max_total_leaves", minimum=2)
        check_integer(self.max_leaf_nodes, "max_leaf_nodes", minimum=2)
        check_choice(self.backend, "backend", ENGINES)
        if isinstance(self.learning_rate, str):
            if self.learning_rate != "auto":
                raise ValueError(
                    f"learning_rate must be 'auto' or a number, got {self.learning_rate!r}."
                )
        else:
            check_real(self.learning_rate, "learning_rate", minimum=0.0, maximum=1.0, strict=True)
        check_integer(self.min_samples_leaf, "min_samples_leaf", minimum=1)
        check_real(self.reg_lambda, "reg_lambda", minimum=0.0)

    def _boost(
        self, Z: Any, n_trees: int, make_task: Callable[[Any], BoostingTask], real: RealRows
    ) -> None:
        """Boost `n_trees` trees a round within the budget."""
        self._engine = ENGINES[self.backend]
        plans = self._plans(n_trees)
        plan = plans[0]
        if len(plans) > 1:
            rng = np.random.default_rng(plan.seed)
            plan = choose_rounds(self._engine, Z, make_task, plans, real, rng=rng)
        grown = make_task(slice(None)).grow(self._engine, Z, plan)
        # Through bytes, so that what predicts now is exactly what a pickle restores.
        stored = self._engine.to_bytes(grown)
        self.booster_ = self._engine.from_bytes(stored)
        self.n_leaves_ = self._engine.n_leaves(self.booster_)
        self.n_rounds_, self.learning_rate_ = plan.n_rounds, plan.learning_rate

    def _plans(self, n_trees: int) -> list[TreePlan]:
        """List what may be grown, first what is grown without a choice."""
        n_rounds, n_leaves = plan_rounds(self.max_total_leaves, self.max_leaf_nodes, n_trees)
        if self.learning_rate == "auto":
            usual = float(np.clip(7.0 / n_rounds, 0.1, 0.5))
            rates = [min(1.0, factor * usual) for factor in RATE_FACTORS]
        else:
            rates = [float(self.learning_rate)]
        first = TreePlan(
            n_rounds=n_rounds,
            n_leaves=n_leaves,
            n_scores=n_trees,
            learning_rate=rates[0],
            reg_lambda=self.reg_lambda,
            min_rows=self.min_samples_leaf,
            min_curvature=0.0,  # of each task
            seed=check_random_state(self.random_state).randint(np.iinfo(np.int32).max),
            n_threads=effective_n_jobs(self.n_jobs),
        )
        return [replace(first, learning_rate=rate) for rate in rates]

    def __getstate__(self) -> dict[str, Any]:
        state = dict(super().__getstate__())
        if "booster_" in state:
            state["booster_"] = self._engine.to_bytes(self.booster_)
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        if "booster_" in state:
            state = {**state, "booster_": state["_engine"].from_bytes(state["booster_"])}
        super().__setstate__(state)

    def _boosted_scores(self, Z: Any) -> np.ndarray:
        return self._engine.scores(self.booster_, Z, effective_n_jobs(self.n_jobs))


def plan_rounds(max_total_leaves: int, max_leaf_nodes: int, n_trees: int) -> tuple[int, int]:
    """Divide a budget of leaves into rounds and leaves of a tree.

    Parameters
    ----------
    max_total_leaves : int
        The budget.
    max_leaf_nodes : int
        Leaves of a tree, at most.
    n_trees : int
        Trees of a round.

    Returns
    -------
    n_rounds, n_leaves : int
        Their product times `n_trees` is within the budget.

    Raises
    ------
    ValueError
        If the budget does not suffice for one round of trees with two leaves.

    Examples
    --------
    >>> from skdistill.students.boosting import plan_rounds
    >>> plan_rounds(155, 8, 1)
    (19, 8)
    >>> plan_rounds(155, 8, 7)  # 8 leaves would leave two rounds
    (5, 4)
    """
    if max_total_leaves < 2 * n_trees:
        raise ValueError(
            f"max_total_leaves={max_total_leaves} does not suffice for a single round of "
            f"{n_trees} trees with two leaves each; give at least {2 * n_trees}."
        )
    n_leaves = min(max_leaf_nodes, max(2, max_total_leaves // (n_trees * WANTED_ROUNDS)))
    return max_total_leaves // (n_trees * n_leaves), n_leaves


class BoostingStudentClassifier(_Boosting, StudentClassifier):
    """Small sum of trees that learns class probabilities from soft targets.

    Gradient boosting by LightGBM [1]_ or XGBoost [2]_ on the combined distillation loss [3]_, with
    its exact gradient, for two classes and for more.

    Parameters
    ----------
    max_total_leaves : int, default=155
        Budget: no fitted student has more leaves, all trees together. The default is about 20
        trees of 8 leaves.
    max_leaf_nodes : int, default=8
        Leaves of a tree, at most. With more than two classes a round has a tree for each class;
        where fewer than five rounds would fit into the budget, trees get fewer leaves, down to 2.
    backend : {"lightgbm", "xgboost"}, default="lightgbm"
        The library that grows the trees; both come with ``pip install 'skdistill[boosting]'``.
    learning_rate : float or "auto", default="auto"
        Shrinkage of each tree, in (0, 1]. With a number all rounds of the budget are grown. "auto"
        chooses the rate and where to stop, by 3-fold cross-validation over the rows with a true
        label (over 20000 of them at most), for which it grows twelve times as many trees; rates
        are 0.7, 1, 1.4 and 2 times the usual one. With fewer than 60 such rows it takes the usual
        rate and all rounds. The usual rate is 7 divided by the number of rounds, within
        [0.1, 0.5]: few rounds must take long steps.
    min_samples_leaf : int, default=20
        Least number of rows in a leaf, but never more than a tenth of the training rows, without
        which small data would give no tree at all. XGBoost bounds the sum of curvatures instead:
        it gets a quarter of that of so many average rows at the start.
    reg_lambda : float, default=1.0
        Penalty of the squares of the leaves' values.
    random_state : int, RandomState instance or None, default=None
        Draws the folds on which `learning_rate` "auto" chooses. LightGBM makes its bins from a
        random sample where there are more than 200000 rows. Nothing else is random.
    n_jobs : int or None, default=None
        Number of threads in `fit` and in prediction; None means 1, -1 all processors.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        Sorted labels.
    booster_ : lightgbm.Booster or xgboost.Booster
        The trees, without training data, parameters or statistics.
    init_ : ndarray of shape (1,) or (n_classes,)
        What the trees are added to: the logarithms of the mean targets; with two classes, their
        difference.
    n_leaves_ : int
        Leaves of all trees together.
    n_rounds_ : int
        Rounds that were asked for: those of the budget, or fewer if stopped early.
    learning_rate_ : float
        Shrinkage of each tree that was used.
    nbytes_ : int
        Bytes of the pickled student.
    n_features_in_ : int
        Number of input columns.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the input columns, if `X` had string names in `fit`.

    Raises
    ------
    ValueError
        By `fit`, if `max_total_leaves` is less than two leaves for each tree of one round.
    ImportError
        By `fit`, if the library of `backend` is not installed.

    See Also
    --------
    BoostingStudentRegressor : The same for real values.

    Notes
    -----
    Missing numbers go the way of each split that suits them best; categories are ranked by their
    mean response. Zeros of a sparse `X` are zeros; XGBoost treats them, stored or not, as one
    group that goes the way of each split that suits it best.
    The temperature acts on the gradient alone: predictions are at temperature one. With more than
    two classes the curvature of a score is the diagonal of the Hessian times ``K / (K - 1)``, as
    in LightGBM's own multiclass objective.

    References
    ----------
    .. [1] Ke, G., et al. (2017). LightGBM: A Highly Efficient Gradient Boosting Decision Tree.
       NeurIPS.
    .. [2] Chen, T., Guestrin, C. (2016). XGBoost: A Scalable Tree Boosting System. KDD.
    .. [3] Hinton, G., Vinyals, O., Dean, J. (2015). Distilling the Knowledge in a Neural Network.
       arXiv:1503.02531.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.ensemble import RandomForestClassifier
    >>> from skdistill.students import BoostingStudentClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> teacher = RandomForestClassifier(random_state=0).fit(X, y)
    >>> student = BoostingStudentClassifier(max_total_leaves=60)
    >>> student = student.fit(X, y, soft_targets=teacher.predict_proba(X))
    >>> student.n_leaves_ <= 60, bool(student.score(X, y) > 0.9)
    (True, True)
    """

    def _fit_encoded(
        self, Z: Any, loss: DistillationLoss, weight: np.ndarray, real: RealRows
    ) -> None:
        def make_task(rows: Any) -> BoostingTask:
            return _class_task(loss.take(rows), weight[rows])

        self.init_ = prior_scores(loss.mixed, weight)
        self._boost(Z, n_scores(loss.mixed.shape[1]), make_task, real)

    def _proba_encoded(self, Z: Any) -> np.ndarray:
        return softmax(to_logits(self._boosted_scores(Z) + self.init_))


class BoostingStudentRegressor(_Boosting, StudentRegressor):
    """Small sum of trees that learns a teacher's predictions.

    Gradient boosting by LightGBM [1]_ or XGBoost [2]_ on the squared error to the mixture of the
    teacher's predictions and the true values.

    Parameters
    ----------
    max_total_leaves : int, default=155
        Budget: no fitted student has more leaves, all trees together. The default is about 20
        trees of 8 leaves.
    max_leaf_nodes : int, default=8
        Leaves of a tree, at most. The budget divided by it is the number of trees.
    backend : {"lightgbm", "xgboost"}, default="lightgbm"
        The library that grows the trees; both come with ``pip install 'skdistill[boosting]'``.
    learning_rate : float or "auto", default="auto"
        Shrinkage of each tree, in (0, 1]. With a number all rounds of the budget are grown. "auto"
        chooses the rate and where to stop, by 3-fold cross-validation over the rows with a true
        label (over 20000 of them at most), for which it grows twelve times as many trees; rates
        are 0.7, 1, 1.4 and 2 times the usual one. With fewer than 60 such rows it takes the usual
        rate and all rounds. The usual rate is 7 divided by the number of rounds, within
        [0.1, 0.5]: few rounds must take long steps.
    min_samples_leaf : int, default=20
        Least number of rows in a leaf, but never more than a tenth of the training rows, without
        which small data would give no tree at all. For XGBoost it is the least sum of weights,
        whose mean is one.
    reg_lambda : float, default=1.0
        Penalty of the squares of the leaves' values.
    random_state : int, RandomState instance or None, default=None
        Draws the folds on which `learning_rate` "auto" chooses. LightGBM makes its bins from a
        random sample where there are more than 200000 rows. Nothing else is random.
    n_jobs : int or None, default=None
        Number of threads in `fit` and in prediction; None means 1, -1 all processors.

    Attributes
    ----------
    booster_ : lightgbm.Booster or xgboost.Booster
        The trees, without training data, parameters or statistics.
    init_ : float
        Mean of the target.
    scale_ : float
        Standard deviation of the target: predictions are `init_` plus `scale_` times the trees.
    n_leaves_ : int
        Leaves of all trees together.
    n_rounds_ : int
        Rounds that were asked for: those of the budget, or fewer if stopped early.
    learning_rate_ : float
        Shrinkage of each tree that was used.
    nbytes_ : int
        Bytes of the pickled student.
    n_features_in_ : int
        Number of input columns.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the input columns, if `X` had string names in `fit`.

    Raises
    ------
    ImportError
        By `fit`, if the library of `backend` is not installed.

    See Also
    --------
    BoostingStudentClassifier : The same for classes.

    Notes
    -----
    Missing numbers go the way of each split that suits them best; categories are ranked by their
    mean response. Zeros of a sparse `X` are zeros; XGBoost treats them, stored or not, as one
    group that goes the way of each split that suits it best.

    References
    ----------
    .. [1] Ke, G., et al. (2017). LightGBM: A Highly Efficient Gradient Boosting Decision Tree.
       NeurIPS.
    .. [2] Chen, T., Guestrin, C. (2016). XGBoost: A Scalable Tree Boosting System. KDD.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from sklearn.ensemble import RandomForestRegressor
    >>> from skdistill.students import BoostingStudentRegressor
    >>> X, y = load_diabetes(return_X_y=True)
    >>> teacher = RandomForestRegressor(random_state=0).fit(X, y)
    >>> student = BoostingStudentRegressor(max_total_leaves=60, random_state=0)
    >>> student.fit(X, y, soft_targets=teacher.predict(X)).n_leaves_ <= 60
    True
    """

    def _fit_encoded(self, Z: Any, target: np.ndarray, weight: np.ndarray, real: RealRows) -> None:
        self.init_, self.scale_ = _mean_and_scale(target, weight)
        values = (target - self.init_) / self.scale_

        def make_task(rows: Any) -> BoostingTask:
            return _value_task(values[rows], weight[rows])

        real = replace(real, truth=(real.truth - self.init_) / self.scale_)
        self._boost(Z, 1, make_task, real)

    def _predict_encoded(self, Z: Any) -> np.ndarray:
        return self._boosted_scores(Z)[:, 0] * self.scale_ + self.init_


def _class_task(loss: DistillationLoss, weight: np.ndarray) -> BoostingTask:
    """Learn the combined loss from the logarithms of the mean targets on."""
    n_classes = loss.mixed.shape[1]
    relative = mean_one(weight)[:, None]
    init = prior_scores(loss.mixed, weight)
    # The diagonal understates the curvature of the softmax: moving all scores is free.
    factor = 1.0 if n_classes == 2 else n_classes / (n_classes - 1.0)

    def objective(scores: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        raw = scores + init
        curvature = np.maximum(factor * score_curvature(loss, raw), LEAST_CURVATURE)
        return relative * score_gradient(loss, raw), relative * curvature

    def predict(scores: np.ndarray) -> np.ndarray:
        return softmax(to_logits(scores + init))

    start = objective(np.zeros((len(weight), n_scores(n_classes))))[1]
    return BoostingTask(objective, KEPT_CURVATURE * float(start.mean()), predict)


def _value_task(values: np.ndarray, weight: np.ndarray) -> BoostingTask:
    """Learn the squared error of standardised values."""
    relative = mean_one(weight)[:, None]

    def objective(scores: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return relative * (scores - values[:, None]), relative

    def predict(scores: np.ndarray) -> np.ndarray:
        return scores[:, 0]

    return BoostingTask(objective, 1.0, predict)


def _mean_and_scale(target: np.ndarray, weight: np.ndarray) -> tuple[float, float]:
    """Compute mean and standard deviation, one where the target is constant."""
    mean = float(np.average(target, weights=weight))
    centred = target - mean
    reach = float(np.abs(centred).max()) or 1.0
    scale = reach * float(np.sqrt(np.average((centred / reach) ** 2, weights=weight)))
    return mean, scale or 1.0
