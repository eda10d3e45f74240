"""What fitting anew adds to the noise of the rows that students are verified on."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

import numpy as np

from skdistill._intervals import Interval
from skdistill._scorers import Metric
from skdistill._trials import Splits
from skdistill.search._rounds import SURVIVOR_ROWS, HeldOut, Trial

# Replicates that tell the noise of the rows of one fold.
N_FOLD = 50


def refit_variances(
    trials: Sequence[Trial], parts: Sequence[HeldOut], metric: Metric, splits: Splits
) -> list[float]:
    """Estimate how far the shortfall of another fit is from the mean over the fits of the folds.

    The student to be shipped, and its teacher, are another fit than those of the folds. The
    variance between fits is taken for ``n_test / n_train`` of that of the rows of a fold, which is
    what Nadeau and Bengio [1]_ take for fits that share most of their rows, or for more where
    the folds show more: Cochran's Q over its degrees of freedom [2]_ is one plus that ratio.
    Few folds show it badly, so that half of the weight is with the median over all students.
    The mean over `J` fits is off by ``1 / J`` of it, and the fit to come by all of it.

    Parameters
    ----------
    trials : sequence of Trial
        With answers for each part.
    parts : sequence of HeldOut
        The folds.
    metric : Metric
        What the scores are.
    splits : list of (train, test)
        Their rows.

    Returns
    -------
    variances : list of float
        Of each trial, besides that of the rows.

    References
    ----------
    .. [1] Nadeau and Bengio, "Inference for the Generalization Error", Machine Learning 52, 2003.
    .. [2] Higgins and Thompson, "Quantifying heterogeneity in a meta-analysis", Statistics in
       Medicine 21, 2002.
    """
    sizes = np.array([len(part.y) for part in parts], dtype=float)
    fitted = [min(len(train), SURVIVOR_ROWS) for train, _ in splits]
    least = sizes.mean() / np.mean(fitted)
    of_mean = np.square(sizes).sum() / sizes.sum() ** 2  # 1 / J for folds of one size
    folds = [_compare(trial, parts, metric) for trial in trials]
    ratios = np.array([_heterogeneity(gaps) for gaps in folds])
    ratios = (ratios + np.median(ratios)) / 2.0
    return [
        float(max(least, ratio - 1.0) * (1.0 + of_mean) * _usual_variance(gaps))
        for gaps, ratio in zip(folds, ratios, strict=True)
    ]


def _compare(trial: Trial, parts: Sequence[HeldOut], metric: Metric) -> list[Interval]:
    """Compare with the teacher fold by fold, where there is a comparison."""
    gaps = []
    for part, values in zip(parts, trial.values, strict=True):
        with suppress(ValueError):  # the metric is not defined there
            gaps.append(part.compare(metric, values, n=N_FOLD))
    return [gap for gap in gaps if 0.0 < gap.standard_error < np.inf]


def _heterogeneity(gaps: Sequence[Interval]) -> float:
    """Return Cochran's Q over its degrees of freedom; one, where there are none."""
    if len(gaps) < 2:
        return 1.0
    weight = np.array([gap.standard_error for gap in gaps]) ** -2.0
    values = np.array([gap.estimate for gap in gaps])
    centre = np.average(values, weights=weight)
    return float(weight @ np.square(values - centre) / (len(values) - 1))


def _usual_variance(gaps: Sequence[Interval]) -> float:
    """Return the variance that the rows of one fold bring, as the harmonic mean over the folds."""
    return 1.0 / float(np.mean([gap.standard_error**-2.0 for gap in gaps])) if gaps else 0.0
