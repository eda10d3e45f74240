"""Linear students: multinomial logistic regression on soft targets, and ridge regression."""

from __future__ import annotations

import warnings
from typing import Any, ClassVar

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils.validation import check_is_fitted

from skdistill._validation import check_bool, check_integer, check_real
from skdistill.hints import Hints
from skdistill.losses import DistillationLoss
from skdistill.students._base import BaseStudent
from skdistill.students._hinted import HintedClassifier, HintedRegressor
from skdistill.students._linear.fit import (
    Coefficients,
    Columns,
    Penalty,
    Solver,
    fit_logistic,
    fit_values,
)
from skdistill.students._linear.hints import shape_penalty
from skdistill.students._linear.strength import Path, choose_alpha
from skdistill.students._real_rows import RealRows
from skdistill.students._scores import class_probabilities
from skdistill.students._weights import one_row

# L-BFGS and coordinate descent when strengths are compared: to four digits of the loss.
ROUGH = Solver(max_iter=200, tol=1e-4)
ROUGH_TOL, FINE_TOL = 1e-4, 1e-8


class _LinearStudent(BaseStudent):
    """Size and names of the coefficients, the same for classes and values."""

    _layout: ClassVar[str] = "onehot"
    _accept_sparse: ClassVar[bool] = True
    _relation_measures: ClassVar[tuple[str, ...]] = ("distance",)

    @property
    def n_parameters_(self) -> int:
        """Number of coefficients that are not zero, and of intercepts."""
        check_is_fitted(self)
        return int(np.count_nonzero(self.coef_) + np.size(self.intercept_))

    @property
    def coef_names_(self) -> list[str]:
        """Name of each column of `coef_`: a number, ``"x is missing"`` or ``"x=level"``."""
        check_is_fitted(self)
        return self._encoder.feature_names_out()

    def _check_penalty(self) -> None:
        if isinstance(self.alpha, str):
            if self.alpha != "auto":
                raise ValueError(f"alpha must be 'auto' or a number, got {self.alpha!r}.")
        else:
            check_real(self.alpha, "alpha", minimum=0.0)
        check_real(self.l1_ratio, "l1_ratio", minimum=0.0, maximum=1.0)
        check_bool(self.standardize, "standardize")

    def _columns(self, Z: Any, weight: np.ndarray) -> Columns:
        return Columns.measure(Z, weight, self._encoder.n_numeric_ if self.standardize else 0)


class LinearStudentClassifier(_LinearStudent, HintedClassifier):
    """Logistic regression that learns class probabilities from soft targets.

    Minimises the sum over the rows of the combined distillation loss [1]_ plus ``alpha`` times
    ``(1 - l1_ratio) / 2 * ||coef||**2 + l1_ratio * ||coef||_1`` [2]_, intercepts unpenalised, by
    L-BFGS.

    Parameters
    ----------
    alpha : float or "auto", default="auto"
        Strength of the penalty, the inverse of scikit-learn's ``C``. "auto" takes the best of a
        path from 1000 to 0.01 on held-out rows with a true label, and of that a quarter if there
        is a teacher: its answers have less noise. With weights that are shares the path is in
        units of their mean.
    l1_ratio : float, default=0.0
        Share of the absolute values in the penalty, in [0, 1]. Above zero it sets coefficients to
        exactly zero, the more the larger `alpha` is; it takes a few times as long. The default
        keeps all of them: it predicts better where many columns matter a little.
    standardize : bool, default=True
        Penalise the coefficients in units of the numbers' standard deviations, so that the result
        does not depend on units of measurement. Categories' indicators stay as they are. Void for
        sparse `X`, whose columns are taken as they are. `coef_` is always for unscaled columns.
    max_iter : int, default=1000
        Most iterations of the optimiser. Columns are scaled inside, so that 100 are mostly enough.
    tol : float, default=1e-5
        Stop when no component of the gradient of the mean loss exceeds this. At the default the
        mean loss is right to six digits; smaller values move rare coefficients only.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        Sorted labels.
    coef_ : ndarray of shape (1, n_columns) or (n_classes, n_columns)
        Coefficients of the encoded columns; with two classes, of the second class's log-odds.
    intercept_ : ndarray of shape (1,) or (n_classes,)
        Intercepts.
    alpha_ : float
        Strength used.
    coef_names_ : list of str
        Name of each encoded column.
    n_iter_ : int
        Iterations of the optimiser.
    n_parameters_ : int
        Number of coefficients that are not zero, and of intercepts.
    nbytes_ : int
        Bytes of the pickled student.
    n_features_in_ : int
        Number of input columns.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the input columns, if `X` had string names in `fit`.

    See Also
    --------
    LinearStudentRegressor : The same for real values.

    Notes
    -----
    Missing numbers are imputed by the mean and marked by an indicator column; each category gets
    a column. With hard labels and ``standardize=False`` the result is that of scikit-learn's
    ``LogisticRegression(C=1 / alpha, l1_ratio=l1_ratio)``. For L-BFGS the absolute values are
    smooth, as each coefficient is the difference of two that are not negative.

    "auto" is five-fold cross-validation over the rows with a true label, over 5000 of them at
    most, by fits to these labels alone: what a teacher says of other rows knows those held out. It
    goes from strong to weak by half decades, each fit from where the last one ended, and stops when
    the loss has clearly risen twice. With fewer than 60 such rows `alpha` is 1. The folds are
    always the same. Memory: about three copies of the encoded rows, in double precision.

    A teacher's features and relations, given as `hints`, shape the penalty alone. Up to six
    principal components of both are further outputs, fitted to the same columns and dropped: a
    coefficient is pulled less, the more they depend on its column, as if those of all outputs
    were drawn with one variance for a column, as in [3]_ with columns in place of learned
    directions. A `weight` of 0.1 leaves half of that variance equal for all; that of the scores
    stays the same. It takes one to two more copies of the rows. With ``alpha=0`` there is nothing
    to shape, and hints raise an error.

    References
    ----------
    .. [1] Hinton, G., Vinyals, O., Dean, J. (2015). Distilling the Knowledge in a Neural Network.
       arXiv:1503.02531.
    .. [2] Zou, H., Hastie, T. (2005). Regularization and Variable Selection via the Elastic Net.
       JRSS B 67.
    .. [3] Argyriou, A., Evgeniou, T., Pontil, M. (2008). Convex Multi-Task Feature Learning.
       Machine Learning 73.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.ensemble import RandomForestClassifier
    >>> from skdistill.students import LinearStudentClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> teacher = RandomForestClassifier(random_state=0).fit(X, y)
    >>> student = LinearStudentClassifier()
    >>> student.fit(X, y, soft_targets=teacher.predict_proba(X), temperature=2.0).coef_.shape
    (3, 4)
    """

    def __init__(
        self,
        *,
        alpha: float | str = "auto",
        l1_ratio: float = 0.0,
        standardize: bool = True,
        max_iter: int = 1000,
        tol: float = 1e-5,
    ) -> None:
        self.alpha = alpha
        self.l1_ratio = l1_ratio
        self.standardize = standardize
        self.max_iter = max_iter
        self.tol = tol

    def _check_params(self) -> None:
        self._check_penalty()
        check_integer(self.max_iter, "max_iter", minimum=1)
        check_real(self.tol, "tol", minimum=0.0, strict=True)

    def _fit_hinted(
        self,
        Z: Any,
        loss: DistillationLoss,
        weight: np.ndarray,
        real: RealRows,
        hints: Hints | None,
    ) -> None:
        self.alpha_ = self._settle_alpha(Z, loss, real)
        columns = shape_penalty(self._columns(Z, weight), hints, weight, self.alpha_)
        solver = Solver(self.max_iter, self.tol)
        fitted = fit_logistic(columns, loss, weight, Penalty(self.alpha_, self.l1_ratio), solver)
        if fitted.failure:
            warnings.warn(
                f"{type(self).__name__} did not converge {fitted.failure}. "
                "Increase max_iter or alpha, or tol if this is near enough.",
                ConvergenceWarning,
                stacklevel=3,
            )
        self.coef_, self.intercept_, self.n_iter_ = fitted.coef, fitted.intercept, fitted.n_iter

    def _settle_alpha(self, Z: Any, loss: DistillationLoss, real: RealRows) -> float:
        """Return the strength that was given, or choose it by fits to true labels."""
        if not isinstance(self.alpha, str):
            return float(self.alpha)
        own, truth = Z[real.rows], DistillationLoss(real.truth, None)

        def make_path(train: np.ndarray, held_out: np.ndarray) -> Path:
            weight = real.weight[train]
            columns, loss = self._columns(own[train], weight), truth.take(train)
            last: Coefficients | None = None

            def predict(alpha: float) -> np.ndarray:
                nonlocal last
                penalty = Penalty(alpha, self.l1_ratio)
                last = fit_logistic(columns, loss, weight, penalty, ROUGH, last)
                return class_probabilities(last.scores(own[held_out]))

            return predict

        taught = not np.array_equal(loss.mixed[real.rows], real.truth)
        return choose_alpha(real, make_path, unit=one_row(real.weight), taught=taught)

    def _proba_encoded(self, Z: Any) -> np.ndarray:
        with np.errstate(over="ignore", invalid="ignore"):  # infinite scores are certain ones
            return class_probabilities(Z @ self.coef_.T + self.intercept_)


class LinearStudentRegressor(_LinearStudent, HintedRegressor):
    """Ridge or elastic-net regression that learns a teacher's predictions.

    Minimises the weighted sum of squared errors plus ``alpha`` times
    ``(1 - l1_ratio) * ||coef||**2 + 2 * l1_ratio * ||coef||_1`` [1]_ [2]_, intercept unpenalised.

    Parameters
    ----------
    alpha : float or "auto", default="auto"
        Strength of the penalty, as in scikit-learn's ``Ridge``. "auto" takes the best of a path
        from 1000 to 0.01 on held-out rows with a true value, and of that a quarter if there is a
        teacher: its predictions have less noise. With weights that are shares the path is in units
        of their mean; with `l1_ratio` above zero, times the standard deviation of the values.
    l1_ratio : float, default=0.0
        Share of the absolute values in the penalty, in [0, 1]. Above zero it sets coefficients to
        exactly zero, the more the larger `alpha` is. The default keeps all of them: it predicts
        better where many columns matter a little.
    standardize : bool, default=True
        Penalise the coefficients in units of the numbers' standard deviations, so that the result
        does not depend on units of measurement. Categories' indicators stay as they are. Void for
        sparse `X`, whose columns are taken as they are. `coef_` is always for unscaled columns.

    Attributes
    ----------
    coef_ : ndarray of shape (n_columns,)
        Coefficients of the encoded columns.
    intercept_ : float
        Intercept.
    alpha_ : float
        Strength used.
    coef_names_ : list of str
        Name of each encoded column.
    n_parameters_ : int
        Number of coefficients that are not zero, and the intercept.
    nbytes_ : int
        Bytes of the pickled student.
    n_features_in_ : int
        Number of input columns.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the input columns, if `X` had string names in `fit`.

    See Also
    --------
    LinearStudentClassifier : The same for classes.

    Notes
    -----
    Missing numbers are imputed by the mean and marked by an indicator column; each category gets
    a column. With ``standardize=False`` the result is that of scikit-learn's ``Ridge(alpha)`` or
    ``ElasticNet(alpha / sample_weight.sum(), l1_ratio=l1_ratio)``. "auto" chooses as in
    :class:`LinearStudentClassifier`. Hints shape the penalty as they do there.

    References
    ----------
    .. [1] Hoerl, A. E., Kennard, R. W. (1970). Ridge Regression: Biased Estimation for
       Nonorthogonal Problems. Technometrics 12.
    .. [2] Zou, H., Hastie, T. (2005). Regularization and Variable Selection via the Elastic Net.
       JRSS B 67.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from skdistill.students import LinearStudentRegressor
    >>> X, y = load_diabetes(return_X_y=True)
    >>> student = LinearStudentRegressor().fit(X, y)
    >>> student.n_parameters_
    11
    """

    def __init__(
        self, *, alpha: float | str = "auto", l1_ratio: float = 0.0, standardize: bool = True
    ) -> None:
        self.alpha = alpha
        self.l1_ratio = l1_ratio
        self.standardize = standardize

    def _check_params(self) -> None:
        self._check_penalty()

    def _fit_hinted(
        self,
        Z: Any,
        target: np.ndarray,
        weight: np.ndarray,
        real: RealRows,
        hints: Hints | None,
    ) -> None:
        self.alpha_ = self._settle_alpha(Z, target, real)
        columns = shape_penalty(self._columns(Z, weight), hints, weight, self.alpha_)
        penalty = Penalty(self.alpha_, self.l1_ratio)
        fitted = fit_values(columns, target, weight, penalty, tol=FINE_TOL)
        self.coef_, self.intercept_ = fitted.coef, float(fitted.intercept[0])

    def _settle_alpha(self, Z: Any, target: np.ndarray, real: RealRows) -> float:
        """Return the strength that was given, or choose it by fits to true values."""
        if not isinstance(self.alpha, str):
            return float(self.alpha)
        own = Z[real.rows]

        def make_path(train: np.ndarray, held_out: np.ndarray) -> Path:
            weight, truth = real.weight[train], real.truth[train]
            columns = self._columns(own[train], weight)

            def predict(alpha: float) -> np.ndarray:
                penalty = Penalty(alpha, self.l1_ratio)
                fitted = fit_values(columns, truth, weight, penalty, tol=ROUGH_TOL)
                return fitted.scores(own[held_out])

            return predict

        # The absolute values are penalised in the unit of the values.
        centred = real.truth - np.average(real.truth, weights=real.weight)
        width = np.sqrt(np.average(centred**2, weights=real.weight)) if self.l1_ratio else 1.0
        taught = not np.array_equal(target[real.rows], real.truth)
        unit = one_row(real.weight) * float(width or 1.0)
        return choose_alpha(real, make_path, unit=unit, taught=taught)

    def _predict_encoded(self, Z: Any) -> np.ndarray:
        return Z @ self.coef_ + self.intercept_
