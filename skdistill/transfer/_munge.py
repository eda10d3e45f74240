"""MUNGE: children of a row and its nearest neighbour."""

from __future__ import annotations

from typing import Any

import numpy as np

from skdistill._validation import check_real
from skdistill.transfer._base_sampler import TableSampler, draw_parents
from skdistill.transfer._neighbors import MixedMetric, nearest_distinct
from skdistill.transfer._tables import Table


class MungeSampler(TableSampler):
    """Make new rows from pairs of near neighbours (MUNGE).

    A child starts as a copy of a row ``x``. With the nearest row ``x'`` that differs from it,
    each feature is, with probability `swap_probability`, replaced [1]_: a number by a draw from a
    normal distribution with mean ``x'`` and standard deviation ``|x - x'| / local_variance``, any
    other value by that of ``x'``. So children stay where the data are.

    Children are valid rows: dtypes and categories are kept, columns of integers (also as floats)
    get integers, no number leaves the observed range, and a value can only be missing where the
    column had missing ones: if either parent's is missing or infinite, the neighbour's is taken
    as it is. Dates and times are swapped like categories.

    Parameters
    ----------
    swap_probability : float, default=0.5
        Probability in (0, 1] that a feature changes. One half mixes both parents equally and
        is least likely to give a copy of either.
    local_variance : float, default=1.0
        Above zero; the larger, the closer numbers stay to the neighbour's. (Named as in [1]_;
        it divides the standard deviation.) One keeps the spread of a child comparable to the
        distance of its parents.

    Attributes
    ----------
    n_features_in_ : int
        Number of columns.
    table_ : object
        A copy of the rows.
    ranges_ : list of object or None
        For each column what its numbers may be; None for columns whose values are swapped.
    metric_ : object
        The rows, encoded for the neighbour search.

    Notes
    -----
    Neighbours are nearest in a mixed metric: the sum of squared differences in standard
    deviations for numbers, and one for each other value that differs; a missing value is a level
    of its own. Beyond 32 levels (fewer with many such columns) the rare levels of a column count
    as one. Among more than 10 000 distinct rows, neighbours come from a random 10 000 of them.

    References
    ----------
    .. [1] Bucilă, C., Caruana, R., Niculescu-Mizil, A. (2006). Model Compression. KDD.

    Examples
    --------
    >>> import numpy as np
    >>> from skdistill.transfer import MungeSampler
    >>> X = np.array([[1, 10], [2, 20], [3, 30], [4, 40]])
    >>> children = MungeSampler().fit(X).sample(100, random_state=0)
    >>> children.shape, children.dtype == X.dtype
    ((100, 2), True)
    >>> children.min(axis=0), children.max(axis=0)
    (array([ 1, 10]), array([ 4, 40]))
    """

    def __init__(self, *, swap_probability: float = 0.5, local_variance: float = 1.0) -> None:
        self.swap_probability = swap_probability
        self.local_variance = local_variance

    def _check_params(self) -> None:
        check_real(self.swap_probability, "swap_probability", minimum=0, maximum=1, strict=True)
        check_real(self.local_variance, "local_variance", minimum=0, strict=True)

    def _learn(self, table: Table) -> None:
        self.metric_ = MixedMetric(table, self.ranges_)

    def _draw(self, n: int, rng: np.random.RandomState) -> list[Any]:
        parents = draw_parents(self.table_.n_rows, n, rng)
        queries, inverse = np.unique(parents, return_inverse=True)
        neighbours = nearest_distinct(self.metric_, queries, rng)[inverse.reshape(-1)]
        columns = range(self.n_features_in_)
        return [self._child_values(j, parents, neighbours, rng) for j in columns]

    def _child_values(
        self, j: int, parents: np.ndarray, neighbours: np.ndarray, rng: np.random.RandomState
    ) -> Any:
        """Return the children's values of column `j`, as the raw column would be."""
        swapped = rng.random_sample(len(parents)) < self.swap_probability
        source = np.where(swapped, neighbours, parents)
        allowed = self.ranges_[j]
        if allowed is None:
            return self._take(j, source)
        numbers = self.table_.numbers(j)
        own, other = numbers[parents], numbers[neighbours]
        put = swapped & np.isfinite(own) & np.isfinite(other)
        # The difference of huge numbers overflows to infinity, which the range then bounds.
        with np.errstate(over="ignore"):
            spread = np.abs(own[put] - other[put]) / self.local_variance
            drawn = other[put] + spread * rng.standard_normal(int(put.sum()))
        return self.table_.blend(j, source, put, allowed.bring_in(drawn))
