"""Smoothed tables of points: the penalised fit of an additive model to binned columns.

Every term is a table with a value for each bin, or for each cell of two columns' bins. The
penalty is on the differences of neighbouring values [1]_, so that a bin with few rows says what
its neighbours say, and slightly on the values themselves, so that the optimum is unique.

References
----------
.. [1] Eilers, P. H. C., Marx, B. D. (1996). Flexible Smoothing with B-splines and Penalties.
   Statistical Science 11.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
from scipy.linalg import cholesky_banded, lapack
from scipy.optimize import minimize

from skdistill.students._additive.scorecard import Scorecard, Term
from skdistill.students._additive.targets import Target
from skdistill.students._additive.thresholds import coarse_bins

# Penalty on squared values, where that on squared differences of neighbours is 1.
RIDGE = 0.01
PAIR_RIDGE = 0.2


@dataclass(frozen=True)
class Layout:
    """Which tables there are.

    Attributes
    ----------
    cuts : list of ndarray
        Thresholds of each encoded column.
    coarse : list of ndarray
        Those of them that tables of two columns use.
    pairs : list of tuple of int
        The columns of each table of two.
    """

    cuts: list[np.ndarray]
    coarse: list[np.ndarray]
    pairs: list[tuple[int, int]]

    @property
    def sizes(self) -> list[int]:
        """Number of values of each table, those of columns first."""
        coarse = [len(cuts) + 2 for cuts in self.coarse]
        return [len(cuts) + 2 for cuts in self.cuts] + [
            coarse[j] * coarse[k] for j, k in self.pairs
        ]

    @property
    def bandwidth(self) -> int:
        """How far apart two neighbours of a table are, at most."""
        return max([1, *(len(self.coarse[k]) + 2 for _, k in self.pairs)])

    def matrix(self, codes: np.ndarray) -> sp.csr_matrix:
        """Return the design: for each row a one at its bin of each table.

        Parameters
        ----------
        codes : ndarray of shape (n_rows, n_columns)
            Bins of the columns.
        """
        coarse = [
            coarse_bins(fine, cuts) for fine, cuts in zip(self.cuts, self.coarse, strict=True)
        ]
        n_rows, n_terms = len(codes), len(self.sizes)
        start = np.concatenate([[0], np.cumsum(self.sizes)])
        cells = np.empty((n_rows, n_terms), dtype=np.int32)
        cells[:, : codes.shape[1]] = codes + start[: codes.shape[1]]
        for i, (j, k) in enumerate(self.pairs, start=codes.shape[1]):
            width = len(self.coarse[k]) + 2
            cells[:, i] = start[i] + coarse[j][codes[:, j]] * width + coarse[k][codes[:, k]]
        ends = np.arange(0, cells.size + 1, n_terms)
        return sp.csr_matrix((np.ones(cells.size), cells.ravel(), ends), (n_rows, start[-1]))

    def penalty(self) -> sp.csr_matrix:
        """Return the matrix of the quadratic penalty, shape (n_values, n_values)."""
        blocks = [_roughness(len(cuts) + 1) for cuts in self.cuts]
        tables = [block + RIDGE * sp.identity(block.shape[0]) for block in blocks]
        for j, k in self.pairs:
            rows, columns = (_roughness(len(self.coarse[i]) + 1) for i in (j, k))
            n_rows, n_columns = rows.shape[0], columns.shape[0]
            table = sp.kron(rows, sp.identity(n_columns)) + sp.kron(sp.identity(n_rows), columns)
            tables.append(table + PAIR_RIDGE * sp.identity(n_rows * n_columns))
        return sp.block_diag(tables, format="csr")

    def scorecard(self, fit: Fit) -> Scorecard:
        """Put fitted values into tables."""
        parts = np.split(fit.values, np.cumsum(self.sizes)[:-1])
        terms = [Term((j,), (cuts,), parts[j]) for j, cuts in enumerate(self.cuts)]
        for (j, k), part in zip(self.pairs, parts[len(self.cuts) :], strict=True):
            cuts = (self.coarse[j], self.coarse[k])
            shape = (len(cuts[0]) + 2, len(cuts[1]) + 2, part.shape[1])
            terms.append(Term((j, k), cuts, part.reshape(shape)))
        return Scorecard(fit.intercept.copy(), terms)


@dataclass(frozen=True)
class Fit:
    """Values of all tables, shape (n_values, n_outputs), and intercepts, shape (n_outputs,)."""

    values: np.ndarray
    intercept: np.ndarray

    @classmethod
    def constant(cls, n_values: int, target: Target, weight: np.ndarray) -> Fit:
        """Return tables of zeros, and the best intercepts with them."""
        return cls(np.zeros((n_values, target.n_outputs)), target.start(weight / weight.sum()))

    def resized(self, n_values: int) -> Fit:
        """Drop the last tables, or append tables of zeros."""
        kept = self.values[:n_values]
        more = np.zeros((n_values - len(kept), kept.shape[1]))
        return Fit(np.vstack([kept, more]), self.intercept)


@dataclass(frozen=True)
class Limits:
    """When to stop.

    Attributes
    ----------
    decrease : float
        When a step lessens the mean loss by less than this share of it, ...
    gradient : float
        ... or no component of its gradient, in the optimiser's coordinates, exceeds this, ...
    steps : int
        ... or after so many steps.
    """

    decrease: float
    gradient: float
    steps: int


class Problem:
    """Penalised mean loss of the values, in coordinates in which its optimum is near.

    The Hessian is close to one matrix with a narrow band for each output: the rows' weight in
    each bin, times the usual curvature of the loss, plus the penalty. Its Cholesky factor makes
    the coordinates. It changes the path of the optimiser, not the optimum.

    Parameters
    ----------
    X : sparse matrix of shape (n_rows, n_values)
        The design.
    target : Target
        What to fit.
    weight : ndarray of shape (n_rows,)
        Weights of the rows.
    penalty : sparse matrix of shape (n_values, n_values)
        Times half the squared values it is added to the sum of the rows' losses.
    bandwidth : int
        Of `penalty`.
    """

    def __init__(
        self,
        X: sp.csr_matrix,
        target: Target,
        weight: np.ndarray,
        penalty: sp.csr_matrix,
        bandwidth: int,
    ) -> None:
        self.X, self.transposed, self.target = X, X.T.tocsr(), target
        self.share = weight / weight.sum()
        self.penalty = penalty / weight.sum()
        curvature = target.usual_curvature(self.share)
        self.unit = np.sqrt(curvature)
        mass = X.T @ self.share
        self.factors = [
            cholesky_banded(_band(sp.diags(mass * c + 1e-12) + self.penalty, bandwidth), lower=True)
            for c in curvature
        ]

    def solve(self, start: Fit, limits: Limits) -> Fit:
        """Find the optimum by L-BFGS, that of squares by conjugate gradients."""
        if self.target.quadratic:
            return self._unpack(self._conjugate_gradients(self._pack(start), limits))
        result = minimize(
            self,
            self._pack(start),
            jac=True,
            method="L-BFGS-B",
            options={
                "maxiter": limits.steps,
                "gtol": limits.gradient,
                "ftol": limits.decrease,
                "maxcor": 20,
            },
        )
        return self._unpack(result.x)

    def __call__(self, packed: np.ndarray) -> tuple[float, np.ndarray]:
        fit = self._unpack(packed)
        losses, by_score = self.target.losses(self.X @ fit.values + fit.intercept)
        by_score = by_score * self.share[:, None]
        pull = self.penalty @ fit.values
        gradient = np.empty((len(fit.values) + 1, self.target.n_outputs))
        gradient[:-1] = self._divide(self.transposed @ by_score + pull, "N")
        gradient[-1] = by_score.sum(axis=0) / self.unit
        value = self.share @ losses + 0.5 * (fit.values * pull).sum()
        return float(value), gradient.ravel()

    def _conjugate_gradients(self, packed: np.ndarray, limits: Limits) -> np.ndarray:
        """Reach the zero of a linear gradient, to more digits than the loss itself can show."""
        origin = self(np.zeros_like(packed))[1]
        residual = -self(packed)[1]
        direction, square = residual, residual @ residual
        for _ in range(limits.steps):
            if square <= limits.gradient**2:
                break
            bent = self(direction)[1] - origin
            step = square / (direction @ bent)
            packed = packed + step * direction
            residual = residual - step * bent
            last, square = square, residual @ residual
            direction = residual + square / last * direction
        return packed

    def _pack(self, fit: Fit) -> np.ndarray:
        packed = np.empty((len(fit.values) + 1, self.target.n_outputs))
        for s, band in enumerate(self.factors):
            packed[:-1, s] = band[0] * fit.values[:, s]
            for k in range(1, len(band)):
                packed[:-1, s][:-k] += band[k, :-k] * fit.values[k:, s]
        packed[-1] = fit.intercept * self.unit
        return packed.ravel()

    def _unpack(self, packed: np.ndarray) -> Fit:
        both = packed.reshape(-1, self.target.n_outputs)
        return Fit(self._divide(both[:-1], "T"), both[-1] / self.unit)

    def _divide(self, columns: np.ndarray, trans: str) -> np.ndarray:
        """Solve with the factor of each output, or with its transpose."""
        solved = [
            lapack.dtbtrs(band, columns[:, s : s + 1], uplo="L", trans=trans)[0]
            for s, band in enumerate(self.factors)
        ]
        return np.hstack(solved)


def _roughness(n_bins: int) -> sp.csr_matrix:
    """Sum of squared differences of neighbours; missing values have their distance from zero."""
    steps = sp.diags([-np.ones(n_bins - 1), np.ones(n_bins - 1)], [0, 1], (n_bins - 1, n_bins))
    return sp.block_diag([steps.T @ steps, 1.0], format="csr")


def _band(matrix: sp.csr_matrix, bandwidth: int) -> np.ndarray:
    """Store the lower part of a symmetric matrix by its diagonals, as LAPACK does."""
    band = np.zeros((bandwidth + 1, matrix.shape[0]))
    for k in range(min(bandwidth + 1, matrix.shape[0])):
        diagonal = matrix.diagonal(-k)
        band[k, : len(diagonal)] = diagonal
    return band
