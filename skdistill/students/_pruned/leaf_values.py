"""The values of all leaves of a sum of trees, fitted together."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp

from skdistill.students._pruned.candidates import indicators
from skdistill.students._pruned.score_loss import ScoreLoss

# Newton's method stops when a sweep over the scores lowers the loss by less than this part of it.
TOLERANCE = 1e-7

# The constants are hardly penalised: the trees should not have to carry the mean.
CONSTANT_RIDGE = 1e-6


class LeafValues:
    """Values of leaves that minimise a loss plus a ridge penalty, all trees at once.

    The constants next to the trees are free. Leaves of one score are solved for together, by
    Newton's method with the exact curvature of that score; scores take turns, which for two
    classes and for values is plain Newton and otherwise block coordinate descent [1]_.

    Parameters
    ----------
    loss : ScoreLoss
        Of the rows.
    init : ndarray of shape (n_scores,)
        Constants to start from.
    ridge : float
        The penalty is half of it times the squares of the values.

    References
    ----------
    .. [1] Ren, S., Cao, X., Wei, Y., Sun, J. (2015). Global Refinement of Random Forest. CVPR.
    """

    def __init__(self, loss: ScoreLoss, init: np.ndarray, ridge: float) -> None:
        self.loss = loss
        self.init = np.array(init, dtype=np.float64)
        self.ridge = ridge
        self.outputs: list[int] = []
        self.codes: list[np.ndarray] = []
        self.values: list[np.ndarray] = []
        self.scores = np.repeat(self.init[None, :], len(loss.weight), axis=0)

    def add(self, output: int, codes: np.ndarray, n_leaves: int) -> None:
        """Add a tree whose leaves are zero.

        Parameters
        ----------
        output : int
            Score that it adds to.
        codes : ndarray of shape (n_samples,), dtype int32
            Leaf of each row.
        n_leaves : int
        """
        self.outputs.append(output)
        self.codes.append(codes)
        self.values.append(np.zeros(n_leaves))

    def refit(self, outputs: list[int], *, max_sweeps: int) -> None:
        """Move the leaves of some scores towards the optimum.

        Parameters
        ----------
        outputs : list of int
            Scores, in the order of their turns.
        max_sweeps : int
            Sweeps over them at most.
        """
        designs = {k: self._design(k) for k in outputs}
        best = self.loss.value(self.scores) + self._penalty()
        for _ in range(max_sweeps):
            before = best
            for k, design in designs.items():
                best = self._newton_step(k, design, best)
            if before - best <= TOLERANCE * abs(before):
                break

    def _design(self, output: int) -> _Design:
        """Collect the trees of a score, and the indicators of their leaves and of the constant."""
        trees = [t for t, k in enumerate(self.outputs) if k == output]
        starts = np.cumsum([0, *(len(self.values[t]) for t in trees)])
        columns = [self.codes[t] + start for t, start in zip(trees, starts, strict=False)]
        columns.append(np.full(len(self.scores), starts[-1]))
        leaves = np.column_stack(columns).astype(np.int32)
        B = indicators([leaves], int(starts[-1]) + 1)
        return _Design(trees, B, B.T.tocsr())

    def _newton_step(self, k: int, design: _Design, best: float) -> float:
        """Step along Newton's direction, halved until the penalised loss does not grow."""
        trees = design.trees
        gradient, curvature = (d[:, k] for d in self.loss.derivatives(self.scores))
        old = np.concatenate([*(self.values[t] for t in trees), self.init[k : k + 1]])
        ridge = np.full(len(old), self.ridge + CONSTANT_RIDGE)
        ridge[-1] = CONSTANT_RIDGE
        pull = ridge * old
        pull[-1] = 0.0  # to where it is
        hessian = design.products(curvature) + np.diag(ridge)
        step = -np.linalg.solve(hessian, design.across @ gradient + pull)
        along = design.rows @ step
        column = self.scores[:, k].copy()
        for fraction in 0.5 ** np.arange(12):
            self.scores[:, k] = column + fraction * along
            self._set(k, trees, old + fraction * step)
            reached = self.loss.value(self.scores) + self._penalty()
            if reached <= best:
                return reached
        self.scores[:, k] = column
        self._set(k, trees, old)
        return best

    def _set(self, k: int, trees: list[int], values: np.ndarray) -> None:
        start = 0
        for t in trees:
            stop = start + len(self.values[t])
            self.values[t] = values[start:stop]
            start = stop
        self.init[k] = values[-1]

    def _penalty(self) -> float:
        return 0.5 * (self.ridge + CONSTANT_RIDGE) * sum(float(v @ v) for v in self.values)


@dataclass(frozen=True)
class _Design:
    """The trees of a score, the indicators of their leaves, and these transposed."""

    trees: list[int]
    rows: sp.csr_matrix
    across: sp.csr_matrix

    def products(self, weight: np.ndarray) -> np.ndarray:
        """Sum the weights of the rows that each two leaves share."""
        each = np.repeat(weight, len(self.trees) + 1)  # the ones of a row, and the constant's
        weighted = sp.csr_matrix((each, self.rows.indices, self.rows.indptr), self.rows.shape)
        return np.asarray((self.across @ weighted).toarray())
