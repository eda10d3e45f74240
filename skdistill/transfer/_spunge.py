"""SPUNGE: rows with a few cells from elsewhere."""

from __future__ import annotations

from typing import Any

import numpy as np

from skdistill._validation import check_real
from skdistill.transfer._base_sampler import TableSampler, draw_others, draw_parents
from skdistill.transfer._ranks import rank_columns
from skdistill.transfer._tables import Table


class SpungeSampler(TableSampler):
    """Make new rows by resampling a few columns of each row from their marginals (SPUNGE).

    A child starts as a copy of a row. A share of its columns, at least one, takes the values of
    another row, drawn at random among all; they are chosen among the columns in which the two
    differ, so that a child differs from its parent (unless the other row does not). Then a share
    of the numbers gets normal noise [1]_. It needs no distances, and is the fastest sampler.

    It assumes that columns are nearly independent: each column keeps its distribution, but the
    columns that change lose what ties them to the others. Use it for very many rows or columns
    that a teacher must answer for anyway, and see :func:`plausibility`.

    Children are valid rows: dtypes and categories are kept, columns of integers (also as floats)
    get integers, no number leaves the observed range, and only columns with missing values get
    missing values.

    Parameters
    ----------
    share : float, default=0.1
        Share in (0, 0.5] of the columns that are resampled in a row (on average, at least one in
        every row), and of the numbers that get noise. A tenth is the choice of [1]_. With all
        columns a child would be the other row.
    noise : float, default=0.1
        Standard deviation of the noise, in standard deviations of the column; zero for none. A
        tenth is the choice of [1]_.

    Attributes
    ----------
    n_features_in_ : int
        Number of columns.
    table_ : object
        A copy of the rows.
    ranges_ : list of object or None
        For each column what its numbers may be; None for columns that get no noise.
    ranks_ : ndarray of shape (n_rows, n_features), dtype int32
        The rows, encoded to see where two differ.

    Notes
    -----
    All resampled columns of a child come from the same other row; in [1]_ each has its own. As the
    choice among the columns that differ treats both rows alike, the marginal distributions are
    exactly those of the data, but for the noise.

    References
    ----------
    .. [1] Erickson, N., Mueller, J., Shirkov, A., Zhang, H., Larroy, P., Li, M., Smola, A. (2020).
       AutoGluon-Tabular: Robust and Accurate AutoML for Structured Data. arXiv:2003.06505. SPUNGE
       is in its code, as a simpler MUNGE.

    Examples
    --------
    >>> import numpy as np
    >>> from skdistill.transfer import SpungeSampler
    >>> X = np.array([[1, 10], [2, 20], [3, 30]])
    >>> SpungeSampler(noise=0).fit(X).sample(3, random_state=0)
    array([[ 1, 30],
           [ 3, 20],
           [ 2, 30]])
    """

    def __init__(self, *, share: float = 0.1, noise: float = 0.1) -> None:
        self.share = share
        self.noise = noise

    def _check_params(self) -> None:
        check_real(self.share, "share", minimum=0, maximum=0.5, strict=True)
        check_real(self.noise, "noise", minimum=0)

    def _learn(self, table: Table) -> None:
        self.ranks_ = rank_columns(table, self.ranges_)

    def _draw(self, n: int, rng: np.random.RandomState) -> list[Any]:
        parents = draw_parents(self.table_.n_rows, n, rng)
        others = draw_others(parents, self.table_.n_rows, rng)
        resampled = _choose(self.ranks_[parents] != self.ranks_[others], self.share, rng)
        return [
            self._with_noise(j, np.where(resampled[:, j], others, parents), rng)
            for j in range(self.n_features_in_)
        ]

    def _with_noise(self, j: int, source: np.ndarray, rng: np.random.RandomState) -> Any:
        """Return the values of column `j` in the rows `source`, a share of them with noise."""
        allowed = self.ranges_[j]
        if allowed is None:
            return self._take(j, source)
        numbers = self.table_.numbers(j)
        spread = self.noise * _deviation(numbers)
        drawn = numbers[source]
        put = np.isfinite(drawn) & (rng.random_sample(len(source)) < self.share)
        # Huge numbers overflow to infinity, which the range then bounds.
        with np.errstate(over="ignore"):
            drawn = drawn[put] + spread * rng.standard_normal(int(put.sum()))
        return self.table_.blend(j, source, put, allowed.bring_in(drawn))


def _choose(candidates: np.ndarray, share: float, rng: np.random.RandomState) -> np.ndarray:
    """Choose a share of the columns in every row, at least one, among its candidates.

    Where the share is no whole number of columns, it is rounded up or down at random.
    """
    n_rows, n_columns = candidates.shape
    wanted = np.floor(share * n_columns + rng.random_sample(n_rows)).astype(np.intp)
    wanted = np.maximum(wanted, 1)
    keys = rng.random_sample(candidates.shape)
    keys[~candidates] = np.inf
    last = np.take_along_axis(np.sort(keys, axis=1), wanted[:, None] - 1, axis=1)
    return candidates & (keys <= last)


def _deviation(numbers: np.ndarray) -> float:
    """Return the standard deviation of the finite numbers."""
    finite = numbers[np.isfinite(numbers)]
    largest = float(np.abs(finite).max())
    # Squares of very large or small numbers would leave float64's range.
    return float((finite / largest).std()) * largest if largest > 0 else 0.0
