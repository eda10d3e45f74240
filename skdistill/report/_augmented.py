"""How real the rows look that were made for the student to learn from."""

from __future__ import annotations

from typing import Any

import numpy as np

from skdistill._columns import is_frame
from skdistill._compat import num_samples, take_rows
from skdistill.transfer import plausibility, resolve_sampler

# With fewer rows it would tell chance.
FEWEST_ROWS, MOST_ROWS = 200, 2_000


def measure_plausibility(estimator: Any, X: Any, seed: int) -> float | None:
    """Tell how well a classifier tells rows of the estimator's sampler from real ones.

    Parameters
    ----------
    estimator : DistilledClassifier, DistilledRegressor or CompactSearch
        A fitted one.
    X : ndarray or DataFrame of shape (n_samples, n_features)
        Test rows. The sampler is fitted to half of them, at most 1000, and the others are what its
        rows are compared with.
    seed : int
        Draws the rows.

    Returns
    -------
    auc : float or None
        Area under the ROC curve; None where the student learned from no augmented rows, and for
        too few rows or other tables than these.
    """
    n_rows, sampler = num_samples(X), None
    if estimator.distillation_.augment is not None:
        augment = estimator.get_params(deep=False).get("augment", "auto")
        is_auto = isinstance(augment, str) and augment == "auto"
        sampler = resolve_sampler("munge" if is_auto else augment)
    is_table = isinstance(X, np.ndarray) or is_frame(X)
    if sampler is None or n_rows < FEWEST_ROWS or not is_table:
        return None
    rows = np.random.RandomState(seed).permutation(n_rows)[:MOST_ROWS]
    fitted, others = (take_rows(X, np.sort(part)) for part in (rows[::2], rows[1::2]))
    sampled = sampler.fit(fitted).sample(num_samples(fitted), seed)
    return plausibility(others, sampled, random_state=seed)
