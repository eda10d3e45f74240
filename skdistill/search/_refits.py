"""How much surer the folds of a search look of a fit to come than they are."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

import numpy as np

from skdistill._intervals import Interval
from skdistill._scorers import Metric
from skdistill._trials import Splits
from skdistill.search._rounds import HeldOut, Trial

# Replicates that tell the noise of the rows of one fold.
N_FOLD = 50


def excess_variance(
    trials: Sequence[Trial], parts: Sequence[HeldOut], metric: Metric, splits: Splits
) -> float:
    """Tell by what to multiply the variance that is due to the held-out rows alone.

    The fits of the folds share most of their rows, and the student to be shipped, with its teacher,
    is another fit. After Nadeau and Bengio [1]_ the mean of the shortfalls of `J` folds has the
    variance ``(1 / J + n_test / n_train)`` times that of one fold, where rows alone would have
    ``1 / J`` of it. That of one fold is not taken for less than the noise of its rows; where
    the folds differ by more, it is more, in the same proportion for all students, as each of
    them has few folds.

    Parameters
    ----------
    trials : sequence of Trial
        With answers for each part.
    parts : sequence of HeldOut
        The folds.
    metric : Metric
        What the scores are.
    splits : list of (train, test)
        Rows of the folds.

    Returns
    -------
    factor : float
        Above one.

    References
    ----------
    .. [1] Nadeau and Bengio, "Inference for the Generalization Error", Machine Learning 52, 2003.
    """
    ratios = []
    for trial in trials:
        gaps: list[Interval] = []
        for part, values in zip(parts, trial.values, strict=True):
            with suppress(ValueError):  # the metric is not defined on this fold
                gaps.append(part.compare(metric, values, n=N_FOLD))
        within = np.mean([gap.standard_error**2 for gap in gaps]) if gaps else 0.0
        if len(gaps) > 1 and 0.0 < within < np.inf:
            ratios.append(np.var([gap.estimate for gap in gaps], ddof=1) / within)
    between = max(1.0, float(np.mean(ratios))) if ratios else 1.0
    held_out = float(np.mean([len(test) / len(train) for train, test in splits]))
    return between * (1.0 + len(splits) * held_out)
