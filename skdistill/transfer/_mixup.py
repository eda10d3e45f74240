"""Mixup: rows on the line between two rows."""

from __future__ import annotations

from typing import Any

import numpy as np

from skdistill._validation import check_real
from skdistill.transfer._base_sampler import TableSampler, draw_others, draw_parents


class MixupSampler(TableSampler):
    """Make new rows on the line between a row and another one, drawn at random (mixup).

    A child of the rows ``x`` and ``x'`` has the numbers ``w x + (1 - w) x'``, where the weight
    ``w`` is drawn once for a child from a Beta(`alpha`, `alpha`) distribution [1]_. Every other
    value is that of ``x`` with probability ``w``, else that of ``x'``, each column by itself.
    Labels are not mixed as in [1]_: the teacher labels the child.

    It assumes that what lies between two rows could exist. That is often wrong for clusters and
    for curved relations between columns; there children fill the space between the data, where
    the teacher's answers may matter to nobody. It suits smooth problems with few rows.

    Children are valid rows: dtypes and categories are kept, columns of integers (also as floats)
    get integers, numbers lie between those of the parents, and a value can only be missing where
    a parent's is: if either parent's is missing or infinite, it is taken like other values.
    Dates and times are taken like categories.

    Parameters
    ----------
    alpha : float, default=1.0
        Above zero. One gives weights that are uniform between zero and one. Small values give
        children that are close to one of their parents, as mixed labels of images need; here a
        copy would teach nothing.

    Attributes
    ----------
    n_features_in_ : int
        Number of columns.
    table_ : object
        A copy of the rows.
    ranges_ : list of object or None
        For each column what its numbers may be; None for columns whose values are taken.

    References
    ----------
    .. [1] Zhang, H., Cisse, M., Dauphin, Y. N., Lopez-Paz, D. (2018). mixup: Beyond Empirical
       Risk Minimization. ICLR.

    Examples
    --------
    >>> import numpy as np
    >>> from skdistill.transfer import MixupSampler
    >>> X = np.array([[0.5, 0.5], [8.5, 4.5]])
    >>> children = MixupSampler().fit(X).sample(100, random_state=0)
    >>> bool(np.allclose(children[:, 1], children[:, 0] / 2 + 0.25))
    True
    """

    def __init__(self, *, alpha: float = 1.0) -> None:
        self.alpha = alpha

    def _check_params(self) -> None:
        check_real(self.alpha, "alpha", minimum=0, strict=True)

    def _draw(self, n: int, rng: np.random.RandomState) -> list[Any]:
        parents = draw_parents(self.table_.n_rows, n, rng)
        others = draw_others(parents, self.table_.n_rows, rng)
        weight = rng.beta(self.alpha, self.alpha, size=n)
        columns = range(self.n_features_in_)
        return [self._mix(j, parents, others, weight, rng) for j in columns]

    def _mix(
        self,
        j: int,
        parents: np.ndarray,
        others: np.ndarray,
        weight: np.ndarray,
        rng: np.random.RandomState,
    ) -> Any:
        """Return the children's values of column `j`."""
        source = np.where(rng.random_sample(len(parents)) < weight, parents, others)
        allowed = self.ranges_[j]
        if allowed is None:
            return self._take(j, source)
        numbers = self.table_.numbers(j)
        own, other = numbers[parents], numbers[others]
        put = np.isfinite(own) & np.isfinite(other)
        mixed = weight[put] * own[put] + (1 - weight[put]) * other[put]
        return self.table_.blend(j, source, put, allowed.bring_in(mixed))
