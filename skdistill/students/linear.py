"""Linear students: multinomial logistic regression on soft targets, and ridge regression."""

from __future__ import annotations

import warnings
from typing import Any, ClassVar

import numpy as np
import scipy.sparse as sp
from scipy.optimize import Bounds, minimize
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import ElasticNet, Ridge
from sklearn.utils.validation import check_is_fitted

from skdistill._validation import check_bool, check_integer, check_real
from skdistill.losses import DistillationLoss, softmax
from skdistill.students._base import BaseStudent, StudentClassifier, StudentRegressor
from skdistill.students._logistic import LogisticObjective, SignedParts
from skdistill.students._real_rows import RealRows
from skdistill.students._scores import to_logits


class _LinearStudent(BaseStudent):
    """Size and names of the coefficients, the same for classes and values."""

    _layout: ClassVar[str] = "onehot"
    _accept_sparse: ClassVar[bool] = True

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


class LinearStudentClassifier(_LinearStudent, StudentClassifier):
    """Logistic regression that learns class probabilities from soft targets.

    Minimises the sum over the rows of the combined distillation loss [1]_ plus ``alpha`` times
    ``(1 - l1_ratio) / 2 * ||coef||**2 + l1_ratio * ||coef||_1`` [2]_, intercepts unpenalised, by
    L-BFGS.

    Parameters
    ----------
    alpha : float, default=1.0
        Strength of the penalty, the inverse of scikit-learn's ``C``.
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

    References
    ----------
    .. [1] Hinton, G., Vinyals, O., Dean, J. (2015). Distilling the Knowledge in a Neural Network.
       arXiv:1503.02531.
    .. [2] Zou, H., Hastie, T. (2005). Regularization and Variable Selection via the Elastic Net.
       JRSS B 67.

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
        alpha: float = 1.0,
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
        check_real(self.alpha, "alpha", minimum=0.0)
        check_real(self.l1_ratio, "l1_ratio", minimum=0.0, maximum=1.0)
        check_bool(self.standardize, "standardize")
        check_integer(self.max_iter, "max_iter", minimum=1)
        check_real(self.tol, "tol", minimum=0.0, strict=True)

    def _fit_encoded(
        self, Z: Any, loss: DistillationLoss, weight: np.ndarray, real: RealRows
    ) -> None:
        centre, spread = _moments(Z, weight)
        alpha = float(self.alpha) / weight.sum()  # the optimiser sees the mean loss
        units = _units(Z, spread, self._encoder.n_numeric_ if self.standardize else 0)
        squares, absolutes = alpha * (1.0 - self.l1_ratio), alpha * self.l1_ratio
        # The optimiser works on columns of unit curvature. It changes its path, not the optimum.
        scale = np.hypot(spread, 2.0 * np.sqrt(squares) * units)
        scale[scale == 0] = 1.0
        objective = LogisticObjective(
            _shift_and_scale(Z, centre, scale), loss, weight, squares * (units / scale) ** 2
        )
        coef, intercept = self._minimize(objective, absolutes * units / scale)
        self.coef_ = coef / scale
        self.intercept_ = intercept - self.coef_ @ centre

    def _minimize(
        self, objective: LogisticObjective, absolutes: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Find the optimum with this penalty on the absolute values of each column."""
        smooth = SignedParts(objective, absolutes) if absolutes.any() else objective
        start = smooth.start()
        lowest = smooth.bounds()
        result = minimize(
            smooth,
            start,
            jac=True,
            method="L-BFGS-B",
            bounds=None if lowest is None else Bounds(lowest, np.inf),
            # The gradient decides: a mean loss near zero makes any relative decrease look large.
            options={"maxiter": self.max_iter, "gtol": self.tol, "ftol": 1e-15, "maxls": 50},
        )
        self.n_iter_ = max(int(result.nit), 1)
        pull = result.jac
        if lowest is not None:
            pull = np.where(result.x <= lowest, np.minimum(pull, 0.0), pull)
        if np.abs(pull).max() > self.tol and result.status != 0:
            warnings.warn(
                f"{type(self).__name__} did not converge in {result.nit} iterations "
                f"({result.message}). Increase max_iter or alpha, or tol if this is near enough.",
                ConvergenceWarning,
                stacklevel=4,
            )
        return smooth.unpack(result.x)

    def _proba_encoded(self, Z: Any) -> np.ndarray:
        return softmax(to_logits(Z @ self.coef_.T + self.intercept_))


class LinearStudentRegressor(_LinearStudent, StudentRegressor):
    """Ridge or elastic-net regression that learns a teacher's predictions.

    Minimises the weighted sum of squared errors plus ``alpha`` times
    ``(1 - l1_ratio) * ||coef||**2 + 2 * l1_ratio * ||coef||_1`` [1]_ [2]_, intercept unpenalised.

    Parameters
    ----------
    alpha : float, default=1.0
        Strength of the penalty, as in scikit-learn's ``Ridge``.
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
    ``ElasticNet(alpha / sample_weight.sum(), l1_ratio=l1_ratio)``.

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
        self, *, alpha: float = 1.0, l1_ratio: float = 0.0, standardize: bool = True
    ) -> None:
        self.alpha = alpha
        self.l1_ratio = l1_ratio
        self.standardize = standardize

    def _check_params(self) -> None:
        check_real(self.alpha, "alpha", minimum=0.0)
        check_real(self.l1_ratio, "l1_ratio", minimum=0.0, maximum=1.0)
        check_bool(self.standardize, "standardize")

    def _fit_encoded(self, Z: Any, target: np.ndarray, weight: np.ndarray, real: RealRows) -> None:
        centre, spread = _moments(Z, weight)
        units = _units(Z, spread, self._encoder.n_numeric_ if self.standardize else 0)
        model = self._make_model(Z, weight)
        model.fit(_shift_and_scale(Z, centre, units), target, sample_weight=weight)
        self.coef_ = model.coef_ / units
        self.intercept_ = float(model.intercept_ - self.coef_ @ centre)

    def _make_model(self, Z: Any, weight: np.ndarray) -> Any:
        if self.l1_ratio and self.alpha:
            alpha = self.alpha / weight.sum()  # the mean of half the squared errors is penalised
            return ElasticNet(alpha=alpha, l1_ratio=self.l1_ratio, tol=1e-8, max_iter=100_000)
        # Cholesky squares the condition number; the decomposition by singular values is safe
        # without a penalty, and for columns of any scale.
        well_posed = self.standardize and self.alpha > 1e-10 * weight.sum() * Z.shape[1]
        solver = "sparse_cg" if sp.issparse(Z) else "cholesky" if well_posed else "svd"
        return Ridge(alpha=self.alpha, solver=solver, tol=1e-10)

    def _predict_encoded(self, Z: Any) -> np.ndarray:
        return Z @ self.coef_ + self.intercept_


def _moments(Z: Any, weight: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Compute what to subtract from each column, and its spread then.

    Sparse columns stay where they are, so that they stay sparse.
    """
    share = weight / weight.sum()
    if sp.issparse(Z):
        reach = abs(Z).max(axis=0).toarray().ravel()
        reach[reach == 0] = 1.0
        relative = Z @ sp.diags(1.0 / reach)
        return np.zeros(Z.shape[1]), reach * np.sqrt(relative.multiply(relative).T @ share)
    centre = share @ Z
    relative = Z - centre
    reach = np.abs(relative).max(axis=0)
    # Dividing by the reach first keeps the squares of huge values finite.
    relative /= np.where(reach > 0, reach, 1.0)
    spread = reach * np.sqrt(share @ relative**2)
    # What rounding leaves of a constant column is no spread.
    spread[spread <= 1e-14 * np.abs(Z).max(axis=0)] = 0.0
    return centre, spread


def _units(Z: Any, spread: np.ndarray, n_scaled: int) -> np.ndarray:
    """Return the unit of each column in which its coefficient is penalised."""
    units = np.ones(Z.shape[1])
    if not sp.issparse(Z):
        units[:n_scaled] = np.where(spread[:n_scaled] > 0, spread[:n_scaled], 1.0)
    return units


def _shift_and_scale(Z: Any, centre: np.ndarray, scale: np.ndarray) -> Any:
    return Z @ sp.diags(1.0 / scale) if sp.issparse(Z) else (Z - centre) / scale
