"""Linear students: multinomial logistic regression on soft targets, and ridge regression."""

from __future__ import annotations

import warnings
from typing import Any, ClassVar

import numpy as np
import scipy.sparse as sp
from scipy.optimize import minimize
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import Ridge
from sklearn.utils.validation import check_is_fitted

from skdistill._validation import check_bool, check_integer, check_real
from skdistill.losses import DistillationLoss, log_softmax, softmax
from skdistill.students._base import BaseStudent, StudentClassifier, StudentRegressor
from skdistill.students._real_rows import RealRows


class _LinearStudent(BaseStudent):
    """Size and names of the coefficients, the same for classes and values."""

    _layout: ClassVar[str] = "onehot"
    _accept_sparse: ClassVar[bool] = True

    @property
    def n_parameters_(self) -> int:
        """Number of coefficients and intercepts."""
        check_is_fitted(self)
        return int(np.size(self.coef_) + np.size(self.intercept_))

    @property
    def coef_names_(self) -> list[str]:
        """Name of each column of `coef_`: a number, ``"x is missing"`` or ``"x=level"``."""
        check_is_fitted(self)
        return self._encoder.feature_names_out()


class LinearStudentClassifier(_LinearStudent, StudentClassifier):
    """Logistic regression that learns class probabilities from soft targets.

    Minimises the sum over the rows of the combined distillation loss [1]_ plus
    ``alpha / 2 * ||coef||**2``, intercepts unpenalised, by L-BFGS.

    Parameters
    ----------
    alpha : float, default=1.0
        Strength of the penalty, the inverse of scikit-learn's ``C``.
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
        Number of coefficients and intercepts.
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
    ``LogisticRegression(C=1 / alpha)``.

    References
    ----------
    .. [1] Hinton, G., Vinyals, O., Dean, J. (2015). Distilling the Knowledge in a Neural Network.
       arXiv:1503.02531.

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
        standardize: bool = True,
        max_iter: int = 1000,
        tol: float = 1e-5,
    ) -> None:
        self.alpha = alpha
        self.standardize = standardize
        self.max_iter = max_iter
        self.tol = tol

    def _check_params(self) -> None:
        check_real(self.alpha, "alpha", minimum=0.0)
        check_bool(self.standardize, "standardize")
        check_integer(self.max_iter, "max_iter", minimum=1)
        check_real(self.tol, "tol", minimum=0.0, strict=True)

    def _fit_encoded(
        self, Z: Any, loss: DistillationLoss, weight: np.ndarray, real: RealRows
    ) -> None:
        centre, spread = _moments(Z, weight)
        alpha = float(self.alpha) / weight.sum()  # the optimiser sees the mean loss
        units = _units(Z, spread, self._encoder.n_numeric_ if self.standardize else 0)
        # The optimiser works on columns of unit curvature. It changes its path, not the optimum.
        scale = np.sqrt(spread**2 + 4.0 * alpha * units**2)
        scale[scale == 0] = 1.0
        objective = _Objective(
            _shift_and_scale(Z, centre, scale), loss, weight, alpha * (units / scale) ** 2
        )
        result = minimize(
            objective,
            objective.start(),
            jac=True,
            method="L-BFGS-B",
            # The gradient decides: a mean loss near zero makes any relative decrease look large.
            options={"maxiter": self.max_iter, "gtol": self.tol, "ftol": 1e-15, "maxls": 50},
        )
        self.n_iter_ = max(int(result.nit), 1)
        if np.abs(result.jac).max() > self.tol and result.status != 0:
            warnings.warn(
                f"{type(self).__name__} did not converge in {result.nit} iterations "
                f"({result.message}). Increase max_iter or alpha, or tol if this is near enough.",
                ConvergenceWarning,
                stacklevel=3,
            )
        coef, intercept = objective.unpack(result.x)
        self.coef_ = coef / scale
        self.intercept_ = intercept - self.coef_ @ centre

    def _proba_encoded(self, Z: Any) -> np.ndarray:
        return softmax(_full_logits(Z @ self.coef_.T + self.intercept_))


class LinearStudentRegressor(_LinearStudent, StudentRegressor):
    """Ridge regression that learns a teacher's predictions.

    Minimises the weighted sum of squared errors plus ``alpha * ||coef||**2``, intercept
    unpenalised.

    Parameters
    ----------
    alpha : float, default=1.0
        Strength of the penalty, as in scikit-learn's ``Ridge``.
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
        Number of coefficients and the intercept.
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
    a column.

    References
    ----------
    .. [1] Hoerl, A. E., Kennard, R. W. (1970). Ridge Regression: Biased Estimation for
       Nonorthogonal Problems. Technometrics 12.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from skdistill.students import LinearStudentRegressor
    >>> X, y = load_diabetes(return_X_y=True)
    >>> student = LinearStudentRegressor().fit(X, y)
    >>> student.n_parameters_
    11
    """

    def __init__(self, *, alpha: float = 1.0, standardize: bool = True) -> None:
        self.alpha = alpha
        self.standardize = standardize

    def _check_params(self) -> None:
        check_real(self.alpha, "alpha", minimum=0.0)
        check_bool(self.standardize, "standardize")

    def _fit_encoded(self, Z: Any, target: np.ndarray, weight: np.ndarray, real: RealRows) -> None:
        centre, spread = _moments(Z, weight)
        units = _units(Z, spread, self._encoder.n_numeric_ if self.standardize else 0)
        # Cholesky squares the condition number; the decomposition by singular values is safe
        # without a penalty, and for columns of any scale.
        well_posed = self.standardize and self.alpha > 1e-10 * weight.sum() * Z.shape[1]
        solver = "sparse_cg" if sp.issparse(Z) else "cholesky" if well_posed else "svd"
        ridge = Ridge(alpha=self.alpha, solver=solver, tol=1e-10)
        ridge.fit(_shift_and_scale(Z, centre, units), target, sample_weight=weight)
        self.coef_ = ridge.coef_ / units
        self.intercept_ = float(ridge.intercept_ - self.coef_ @ centre)

    def _predict_encoded(self, Z: Any) -> np.ndarray:
        return Z @ self.coef_ + self.intercept_


class _Objective:
    """Penalised mean loss of the packed coefficients, and its gradient.

    Two classes have one column of coefficients: that of the second class's log-odds. The penalty
    is given for each column of `Z`.
    """

    def __init__(
        self, Z: Any, loss: DistillationLoss, weight: np.ndarray, penalty: np.ndarray
    ) -> None:
        n_classes = loss.mixed.shape[1]
        self.Z, self.loss, self.penalty = Z, loss, penalty
        self.weight = weight / weight.sum()
        self.n_outputs = 1 if n_classes == 2 else n_classes

    def start(self) -> np.ndarray:
        """Begin at the mean target probabilities."""
        mean = np.clip(self.weight @ self.loss.mixed, 1e-6, None)
        logits = np.log(mean) - np.log(mean).mean()
        packed = np.zeros((self.n_outputs, self.Z.shape[1] + 1))
        packed[:, -1] = logits[1:] - logits[:1] if self.n_outputs == 1 else logits
        return packed.ravel()

    def unpack(self, packed: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Split into coefficients (n_outputs, n_columns) and intercepts (n_outputs,)."""
        both = packed.reshape(self.n_outputs, -1)
        return both[:, :-1], both[:, -1]

    def __call__(self, packed: np.ndarray) -> tuple[float, np.ndarray]:
        coef, intercept = self.unpack(packed)
        logits = _full_logits(self.Z @ coef.T + intercept)
        rows, by_logit = self._loss_and_gradient(logits)
        value = self.weight @ rows + 0.5 * float((coef**2 @ self.penalty).sum())
        by_logit = self.weight[:, None] * by_logit[:, -self.n_outputs :]
        gradient = np.empty((self.n_outputs, len(self.penalty) + 1))
        gradient[:, :-1] = (self.Z.T @ by_logit).T + coef * self.penalty
        gradient[:, -1] = by_logit.sum(axis=0)
        return float(value), gradient.ravel()

    def _loss_and_gradient(self, logits: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Compute the loss of each row, up to a constant, and its gradient by the logits."""
        if self.loss.temperature != 1.0:
            return self.loss(logits), self.loss.gradient(logits)
        # Plain cross-entropy to the mixed targets: one softmax serves both.
        mixed, log_proba = self.loss.mixed, log_softmax(logits)
        return -(mixed * log_proba).sum(axis=1), np.exp(log_proba) - mixed


def _full_logits(outputs: np.ndarray) -> np.ndarray:
    """Return logits of all classes; with two, the first class's is zero."""
    return np.column_stack([np.zeros(len(outputs)), outputs]) if outputs.shape[1] == 1 else outputs


def _moments(Z: Any, weight: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Compute what to subtract from each column, and its spread then.

    Sparse columns stay where they are, so that they stay sparse.
    """
    share = weight / weight.sum()
    if sp.issparse(Z):
        return np.zeros(Z.shape[1]), np.sqrt(Z.multiply(Z).T @ share)
    centre = share @ Z
    spread = np.sqrt(share @ (Z - centre) ** 2)
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
