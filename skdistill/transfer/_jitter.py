"""Jitter: rows with a little noise everywhere."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.special import ndtr, ndtri

from skdistill._validation import check_real
from skdistill.transfer._base_sampler import TableSampler, draw_others, draw_parents


class JitterSampler(TableSampler):
    """Make new rows by moving every number of a row a little (smoothed bootstrap).

    Noise is measured on the scale of each column's own distribution, so that no unit, outlier or
    heap of equal values needs care: a number becomes its normal score ``z`` (the normal quantile
    of its rank), the child has ``(z + noise * e) / sqrt(1 + noise**2)`` with standard normal
    ``e``, and the number at that score, between the two nearest observed ones. The division keeps
    each column's distribution, which plain noise would widen [1]_. Equal values share a range of
    scores, in which each row has a random place; so a heap (zeros, say) stays one, and codes of
    few integers change now and then to the next.

    It assumes that small changes of every number by itself give rows that could exist: columns
    that are tied exactly (a sum, a ratio) come apart. It stays nearest to the data of all
    samplers, and so shows least of what the teacher says elsewhere.

    Children are valid rows: dtypes and categories are kept, columns of integers (also as floats)
    get integers, no number leaves the observed range, and missing and infinite values stay as
    they are.

    Parameters
    ----------
    noise : float, default=0.1
        Standard deviation of the noise in normal scores, above zero. A correlation between two
        columns shrinks by about the factor ``1 / (1 + noise**2)``: by one hundredth at the default.
    swap_probability : float, default=0.05
        Probability in [0, 1] that a value which is no number is replaced by that of another row,
        drawn at random.

    Attributes
    ----------
    n_features_in_ : int
        Number of columns.
    table_ : object
        A copy of the rows.
    ranges_ : list of object or None
        For each column what its numbers may be; None for columns whose values are swapped.

    References
    ----------
    .. [1] Silverman, B. W., Young, G. A. (1987). The bootstrap: To smooth or not to smooth?
       Biometrika 74.

    Examples
    --------
    >>> import numpy as np
    >>> from skdistill.transfer import JitterSampler
    >>> X = np.column_stack([np.linspace(0, 1, 4), [0.0, 0, 0, 2.5]])
    >>> JitterSampler().fit(X).sample(4, random_state=0).round(2)
    array([[0.03, 0.  ],
           [0.33, 0.  ],
           [0.66, 0.  ],
           [1.  , 2.45]])
    """

    def __init__(self, *, noise: float = 0.1, swap_probability: float = 0.05) -> None:
        self.noise = noise
        self.swap_probability = swap_probability

    def _check_params(self) -> None:
        check_real(self.noise, "noise", minimum=0, strict=True)
        check_real(self.swap_probability, "swap_probability", minimum=0, maximum=1)

    def _draw(self, n: int, rng: np.random.RandomState) -> list[Any]:
        parents = draw_parents(self.table_.n_rows, n, rng)
        return [self._jitter(j, parents, rng) for j in range(self.n_features_in_)]

    def _jitter(self, j: int, parents: np.ndarray, rng: np.random.RandomState) -> Any:
        """Return the children's values of column `j`."""
        allowed = self.ranges_[j]
        if allowed is None:
            swapped = rng.random_sample(len(parents)) < self.swap_probability
            others = draw_others(parents, self.table_.n_rows, rng)
            return self._take(j, np.where(swapped, others, parents))
        numbers = self.table_.numbers(j)
        put = np.isfinite(numbers[parents])
        ordered = np.sort(numbers[np.isfinite(numbers)])
        drawn = _move_scores(numbers[parents][put], ordered, self.noise, rng)
        return self.table_.blend(j, parents, put, allowed.bring_in(drawn))


def _move_scores(
    values: np.ndarray, ordered: np.ndarray, noise: float, rng: np.random.RandomState
) -> np.ndarray:
    """Add noise to the normal scores of values, and return the numbers at the new scores.

    Parameters
    ----------
    values : ndarray of shape (n,), dtype float64
        Some of the observed values.
    ordered : ndarray of shape (n_observed,), dtype float64
        The observed values in ascending order.
    noise : float
        Standard deviation of the noise.
    rng : numpy.random.RandomState
        Gives the noise, and the places of equal values.

    Returns
    -------
    moved : ndarray of shape (n,), dtype float64
    """
    first = np.searchsorted(ordered, values, side="left")
    last = np.searchsorted(ordered, values, side="right") - 1
    place = first + (last - first) * rng.random_sample(len(values))
    score = ndtri((place + 0.5) / len(ordered))
    score = (score + noise * rng.standard_normal(len(values))) / np.sqrt(1 + noise**2)
    position = np.clip(ndtr(score) * len(ordered) - 0.5, 0, len(ordered) - 1)
    below = position.astype(np.intp)
    above = np.minimum(below + 1, len(ordered) - 1)
    part = position - below
    # Weights of both ends: their difference could overflow.
    return (1 - part) * ordered[below] + part * ordered[above]
