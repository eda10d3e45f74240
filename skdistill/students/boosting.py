"""Small sums of trees that learn soft targets, grown by LightGBM or XGBoost."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from skdistill.losses import DistillationLoss
from skdistill.students._base import StudentClassifier, StudentRegressor
from skdistill.students._boosting.base import BoostingStudent
from skdistill.students._boosting.growth import BoostingTask
from skdistill.students._pruned.score_loss import ClassScores, ValueScores
from skdistill.students._real_rows import RealRows
from skdistill.students._scores import class_probabilities, mean_one, prior_scores

# XGBoost bounds the curvature of a leaf, not its rows. Rows keep this part of the curvature they
# start with, roughly, when a classifier grows confident; more would stop it early.
KEPT_CURVATURE = 0.25


class BoostingStudentClassifier(BoostingStudent, StudentClassifier):
    """Small sum of trees that learns class probabilities from soft targets.

    Trees are grown by LightGBM [1]_ or XGBoost [2]_ on the combined distillation loss [3]_, with
    its exact gradient, for two classes and for more. After each round all leaves are fitted
    together, as in regularised greedy forests [4]_.

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
        "auto" needs no rate: after each round the values of all leaves are fitted together, so that
        the next trees learn only what no values of those before can say; this makes much better
        use of a small budget. A number in (0, 1] is plain gradient boosting, each tree a step of
        this length, as the library does it and faster.
    min_samples_leaf : int, default=10
        Least number of rows in a leaf, but never more than a tenth of the training rows, without
        which small data would give no tree at all. XGBoost bounds the sum of curvatures instead:
        it gets a quarter of that of so many average rows at the start.
    reg_lambda : float or "auto", default="auto"
        Penalty of the squares of the leaves' values, with weights of mean one. Where they are
        fitted together, "auto" takes the best of seven from 1 to 1000 on held-out rows with a true
        label, and of that a quarter if there is a teacher: its answers have less noise. With a
        number as `learning_rate` "auto" is 1.
    random_state : int, RandomState instance or None, default=None
        Draws the folds on which `reg_lambda` "auto" chooses. LightGBM makes its bins from a random
        sample where there are more than 200000 rows. Nothing else is random.
    n_jobs : int or None, default=None
        Number of threads in `fit`; None means 1, -1 all processors.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        Sorted labels.
    trees_ : TreeSum
        The trees: arrays of splits and leaves. The library that grew them is no longer needed.
    init_ : ndarray of shape (1,) or (n_classes,)
        What the trees are added to, fitted together with the leaves; with a number as
        `learning_rate` the logarithms of the mean targets. With two classes, their difference.
    zero_is_missing_ : bool
        Whether zeros go the way of missing values: where XGBoost was fitted to a sparse `X`.
    n_leaves_ : int
        Leaves of all trees together.
    n_rounds_ : int
        Rounds of the budget.
    reg_lambda_ : float
        Penalty of the leaves' values that was used.
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
    in LightGBM's own multiclass objective; leaves that are fitted together need no such factor.

    While trees are added the penalty is a part of the number of rows, 0.01 or 0.03, which leaves
    something to the trees that follow; then all leaves are fitted to the end under `reg_lambda`.
    Both are chosen by three-fold cross-validation over the rows with a true label, over 5000 of
    them at most, by fits to these labels alone: what a teacher says of other rows knows those held
    out. With fewer than 60 such rows they are 0.01 and 3, and with `reg_lambda` given, 0.01. With
    K > 2 classes penalties are times ``2 / K``, as the curvature of a score is less. Memory: for
    each row about 40 bytes a tree.

    References
    ----------
    .. [1] Ke, G., et al. (2017). LightGBM: A Highly Efficient Gradient Boosting Decision Tree.
       NeurIPS.
    .. [2] Chen, T., Guestrin, C. (2016). XGBoost: A Scalable Tree Boosting System. KDD.
    .. [3] Hinton, G., Vinyals, O., Dean, J. (2015). Distilling the Knowledge in a Neural Network.
       arXiv:1503.02531.
    .. [4] Johnson, R., Zhang, T. (2014). Learning Nonlinear Functions Using Regularized Greedy
       Forest. IEEE TPAMI 36.

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
        truth = DistillationLoss(real.truth, None)

        def make_true_task(rows: np.ndarray) -> BoostingTask:
            return _class_task(truth.take(rows), real.weight[rows])

        taught = not np.array_equal(loss.mixed[real.rows], real.truth)
        self._boost(Z, _class_task(loss, weight), make_true_task, real, taught=taught)

    def _proba_encoded(self, Z: Any) -> np.ndarray:
        return class_probabilities(self._sum_trees(Z, self.init_))


class BoostingStudentRegressor(BoostingStudent, StudentRegressor):
    """Small sum of trees that learns a teacher's predictions.

    Trees are grown by LightGBM [1]_ or XGBoost [2]_ on the squared error to the mixture of the
    teacher's predictions and the true values. After each round all leaves are fitted together,
    as in regularised greedy forests [3]_.

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
        "auto" needs no rate: after each round the values of all leaves are fitted together, so that
        the next trees learn only what no values of those before can say; this makes much better
        use of a small budget. A number in (0, 1] is plain gradient boosting, each tree a step of
        this length, as the library does it and faster.
    min_samples_leaf : int, default=10
        Least number of rows in a leaf, but never more than a tenth of the training rows, without
        which small data would give no tree at all. For XGBoost it is the least sum of weights,
        whose mean is one.
    reg_lambda : float or "auto", default="auto"
        Penalty of the squares of the leaves' values, with weights of mean one. Where they are
        fitted together, "auto" takes the best of seven from 1 to 1000 on held-out rows with a true
        value, and of that a quarter if there is a teacher: its predictions have less noise. With a
        number as `learning_rate` "auto" is 1.
    random_state : int, RandomState instance or None, default=None
        Draws the folds on which `reg_lambda` "auto" chooses. LightGBM makes its bins from a random
        sample where there are more than 200000 rows. Nothing else is random.
    n_jobs : int or None, default=None
        Number of threads in `fit`; None means 1, -1 all processors.

    Attributes
    ----------
    trees_ : TreeSum
        The trees: arrays of splits and leaves, in standard deviations of the target. The library
        that grew them is no longer needed.
    init_ : float
        What the trees are added to, fitted together with the leaves; with a number as
        `learning_rate` the mean of the target.
    scale_ : float
        Standard deviation of the target: predictions are `init_` plus `scale_` times the trees.
    zero_is_missing_ : bool
        Whether zeros go the way of missing values: where XGBoost was fitted to a sparse `X`.
    n_leaves_ : int
        Leaves of all trees together.
    n_rounds_ : int
        Rounds of the budget.
    reg_lambda_ : float
        Penalty of the leaves' values that was used.
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
    group that goes the way of each split that suits it best. Penalties are chosen as in
    :class:`BoostingStudentClassifier`, in units of the target's variance.

    References
    ----------
    .. [1] Ke, G., et al. (2017). LightGBM: A Highly Efficient Gradient Boosting Decision Tree.
       NeurIPS.
    .. [2] Chen, T., Guestrin, C. (2016). XGBoost: A Scalable Tree Boosting System. KDD.
    .. [3] Johnson, R., Zhang, T. (2014). Learning Nonlinear Functions Using Regularized Greedy
       Forest. IEEE TPAMI 36.

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
        taught = not np.array_equal(target[real.rows], real.truth)
        centre, self.scale_ = _mean_and_scale(target, weight)
        real = replace(real, truth=(real.truth - centre) / self.scale_)

        def make_true_task(rows: np.ndarray) -> BoostingTask:
            return _value_task(real.truth[rows], real.weight[rows])

        task = _value_task((target - centre) / self.scale_, weight)
        self._boost(Z, task, make_true_task, real, taught=taught)
        self.init_ = float(centre + self.scale_ * self.init_[0])

    def _predict_encoded(self, Z: Any) -> np.ndarray:
        return self._sum_trees(Z, np.zeros(1))[:, 0] * self.scale_ + self.init_


def _class_task(loss: DistillationLoss, weight: np.ndarray) -> BoostingTask:
    """Learn the combined loss from the logarithms of the mean targets on."""
    scores = ClassScores(loss, mean_one(weight))
    init = prior_scores(loss.mixed, weight)
    start = np.repeat(init[None, :], len(weight), axis=0)
    curvature = float(scores.derivatives(start)[1].mean())
    return BoostingTask(scores, init, KEPT_CURVATURE * curvature, class_probabilities)


def _value_task(values: np.ndarray, weight: np.ndarray) -> BoostingTask:
    """Learn the squared error of standardised values."""
    centre, scale = _mean_and_scale(values, weight)

    def predict(scores: np.ndarray) -> np.ndarray:
        return scores[:, 0] * scale + centre

    scores = ValueScores(values, mean_one(weight), centre, scale)
    return BoostingTask(scores, np.zeros(1), 1.0, predict)


def _mean_and_scale(target: np.ndarray, weight: np.ndarray) -> tuple[float, float]:
    """Compute mean and standard deviation, one where the target is constant."""
    mean = float(np.average(target, weights=weight))
    centred = target - mean
    reach = float(np.abs(centred).max()) or 1.0
    scale = reach * float(np.sqrt(np.average((centred / reach) ** 2, weights=weight)))
    return mean, scale or 1.0
