"""Fit penalised linear models of encoded columns, whatever the columns' scales are."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import scipy.sparse as sp
from scipy.optimize import Bounds, minimize
from sklearn.linear_model import ElasticNet, Ridge

from skdistill.losses import DistillationLoss
from skdistill.students._linear.logistic import LogisticObjective, SignedParts


@dataclass(frozen=True)
class Columns:
    """Encoded rows, and where their columns are.

    Attributes
    ----------
    Z : {ndarray, CSR matrix} of shape (n_rows, n_columns)
        Encoded rows.
    centre : ndarray of shape (n_columns,)
        What to subtract from each column: its mean; zero for sparse rows, which stay sparse.
    spread : ndarray of shape (n_columns,)
        Root of the mean square of what is left.
    units : ndarray of shape (n_columns,)
        Units in which coefficients are penalised: the spread of the columns that are to be
        standardised, one for the others.
    """

    Z: Any
    centre: np.ndarray
    spread: np.ndarray
    units: np.ndarray

    @classmethod
    def measure(cls, Z: Any, weight: np.ndarray, n_scaled: int) -> Columns:
        """Measure weighted rows, the first `n_scaled` columns of which are standardised."""
        centre, spread = _moments(Z, weight)
        units = np.ones(Z.shape[1])
        if not sp.issparse(Z):
            units[:n_scaled] = np.where(spread[:n_scaled] > 0, spread[:n_scaled], 1.0)
        return cls(Z, centre, spread, units)

    def scaled(self, scale: np.ndarray) -> Any:
        """Shift the columns by their centres and divide them."""
        if sp.issparse(self.Z):
            return self.Z @ sp.diags(1.0 / scale)
        return (self.Z - self.centre) / scale


@dataclass(frozen=True)
class Penalty:
    """Strength of the penalty, and the share of the absolute values in it."""

    alpha: float
    l1_ratio: float


@dataclass(frozen=True)
class Solver:
    """When L-BFGS stops: iterations at most, and the largest component of the gradient."""

    max_iter: int
    tol: float


@dataclass(frozen=True)
class Coefficients:
    """Coefficients of unscaled columns.

    Attributes
    ----------
    coef : ndarray of shape (n_outputs, n_columns) or (n_columns,)
    intercept : ndarray of shape (n_outputs,) or (1,)
    n_iter : int
        Iterations of the solver.
    failure : str
        Why it stopped before the optimum; empty if it did not.
    """

    coef: np.ndarray
    intercept: np.ndarray
    n_iter: int = field(default=1)
    failure: str = field(default="")

    def scores(self, Z: Any) -> np.ndarray:
        """Compute the linear scores of encoded rows."""
        return np.asarray(Z @ self.coef.T + self.intercept)


def fit_logistic(
    columns: Columns,
    loss: DistillationLoss,
    weight: np.ndarray,
    penalty: Penalty,
    solver: Solver,
    start: Coefficients | None = None,
) -> Coefficients:
    """Minimise the penalised sum of the rows' losses by L-BFGS.

    Parameters
    ----------
    columns : Columns
        Rows.
    loss : DistillationLoss
        Their loss.
    weight : ndarray of shape (n_rows,)
        Their weights.
    penalty : Penalty
        Of the coefficients, in the units of the columns.
    solver : Solver
        When to stop.
    start : Coefficients, default=None
        Where to start; None is the best constant prediction.

    Returns
    -------
    fitted : Coefficients
    """
    alpha = penalty.alpha / weight.sum()  # the optimiser sees the mean loss
    squares, absolutes = alpha * (1.0 - penalty.l1_ratio), alpha * penalty.l1_ratio
    # The optimiser works on columns of unit curvature. It changes its path, not the optimum.
    scale = np.hypot(columns.spread, 2.0 * np.sqrt(squares) * columns.units)
    scale[scale == 0] = 1.0
    relative = columns.units / scale
    objective = LogisticObjective(columns.scaled(scale), loss, weight, squares * relative**2)
    smooth = SignedParts(objective, absolutes * relative) if absolutes else objective
    if start is None:
        point = smooth.start()
    else:
        point = smooth.pack(start.coef * scale, start.intercept + start.coef @ columns.centre)
    lowest = smooth.bounds()
    result = minimize(
        smooth,
        point,
        jac=True,
        method="L-BFGS-B",
        bounds=None if lowest is None else Bounds(lowest, np.inf),
        # The gradient decides: a mean loss near zero makes any relative decrease look large.
        options={"maxiter": solver.max_iter, "gtol": solver.tol, "ftol": 1e-15, "maxls": 50},
    )
    pull = result.jac
    if lowest is not None:
        pull = np.where(result.x <= lowest, np.minimum(pull, 0.0), pull)
    failed = np.abs(pull).max() > solver.tol and result.status != 0
    coef, intercept = smooth.unpack(result.x)
    coef = coef / scale
    return Coefficients(
        coef,
        intercept - coef @ columns.centre,
        max(int(result.nit), 1),
        f"in {result.nit} iterations ({result.message})" if failed else "",
    )


def fit_values(
    columns: Columns, target: np.ndarray, weight: np.ndarray, penalty: Penalty, *, tol: float
) -> Coefficients:
    """Minimise the penalised sum of half the squared errors.

    Parameters
    ----------
    columns : Columns
        Rows.
    target : ndarray of shape (n_rows,) or (n_rows, n_outputs)
        What the predictions should meet.
    weight : ndarray of shape (n_rows,)
        Weights of the rows.
    penalty : Penalty
        Of the coefficients, in the units of the columns.
    tol : float
        Precision of what is iterated: coordinate descent, which takes the absolute values, and
        conjugate gradients for sparse rows.

    Returns
    -------
    fitted : Coefficients
    """
    if penalty.l1_ratio and penalty.alpha:
        alpha = penalty.alpha / weight.sum()  # the mean of half the squared errors is penalised
        model = ElasticNet(alpha=alpha, l1_ratio=penalty.l1_ratio, tol=tol, max_iter=100_000)
    else:
        # Cholesky squares the condition number; the decomposition by singular values is safe
        # without a penalty, and for columns of any scale.
        reach = np.sqrt(weight.sum()) * np.hypot.reduce(columns.spread / columns.units)
        well_posed = np.sqrt(penalty.alpha) > 1e-5 * reach
        solver = "sparse_cg" if sp.issparse(columns.Z) else "cholesky" if well_posed else "svd"
        # Coefficients of rare columns feel a residual that is small as a whole.
        model = Ridge(alpha=penalty.alpha, solver=solver, tol=0.01 * tol)
    model.fit(columns.scaled(columns.units), target, sample_weight=weight)
    coef = model.coef_ / columns.units
    return Coefficients(coef, np.atleast_1d(model.intercept_ - coef @ columns.centre))


def _moments(Z: Any, weight: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Compute what to subtract from each column, and its spread then."""
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
