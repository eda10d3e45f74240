"""How well a classifier tells sampled rows from real ones."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from sklearn.utils import check_random_state

from skdistill._compat import concat_rows, num_samples, take_rows
from skdistill._validation import check_integer
from skdistill.transfer._ranks import rank_columns
from skdistill.transfer._set import difference
from skdistill.transfer._tables import NumericRange, as_table

N_FOLDS = 5


def plausibility(
    X_real: Any, X_sampled: Any, *, random_state: Any = None, max_rows: int = 5_000
) -> float:
    """Tell how well a classifier can tell sampled rows from real ones.

    Gradient boosting learns which rows are sampled, and is scored on the rows that it was not
    fitted to (five folds). One half means that it sees no difference, one that it is always right.

    A good value does not make a good sampler: copies of real rows, each once, have one half or
    less, and show the student nothing new. Less than one half means that a real row and a copy of
    it (or a near one) were in different folds. Give real rows that the sampler was not fitted to,
    if there are enough: then copies have one half, and what is above it is the sampler's doing.
    And sample no more rows than it was fitted to: several children of one row give each other
    away, as repeated rows do.

    Parameters
    ----------
    X_real : ndarray or DataFrame of shape (n_real, n_features)
        Real rows.
    X_sampled : like `X_real`, of shape (n_sampled, n_features)
        Sampled rows, with the columns of `X_real`.
    random_state : int, RandomState or None, default=None
        Draws the rows that are compared, the folds, and seeds the classifier.
    max_rows : int, default=5000
        At most so many rows of each kind are compared, which bounds the cost to a few seconds.
        Of both kinds equally many are.

    Returns
    -------
    auc : float
        Area under the ROC curve, in [0, 1].

    Raises
    ------
    TypeError
        If `X_real` is neither a numpy array nor a data frame.
    ValueError
        If the two have other columns or types, or there are fewer than ten rows of either.

    Notes
    -----
    Time and memory are those of five fits to ``2 * max_rows`` rows. The classifier sees numbers
    and levels by their ranks.

    Examples
    --------
    >>> import numpy as np
    >>> from skdistill.transfer import ConditionalSampler, MixupSampler, plausibility
    >>> angle = np.random.default_rng(0).uniform(0, 2 * np.pi, size=600)
    >>> X = np.column_stack([np.cos(angle), np.sin(angle)])
    >>> fitted, held_out = X[:300], X[300:]
    >>> for sampler in ConditionalSampler(), MixupSampler():
    ...     sampled = sampler.fit(fitted).sample(300, random_state=0)
    ...     print(sampler, round(plausibility(held_out, sampled, random_state=0), 1))
    ConditionalSampler() 0.6
    MixupSampler() 0.9
    """
    max_rows = check_integer(max_rows, "max_rows", minimum=2 * N_FOLDS)
    rng = check_random_state(random_state)
    problem = difference(X_sampled, X_real)
    if problem:
        raise ValueError(f"X_sampled {problem}; give rows of the type and columns of X_real.")
    n = min(num_samples(X_real), num_samples(X_sampled), max_rows)
    if n < 2 * N_FOLDS:
        raise ValueError(
            f"X_real and X_sampled must have at least {2 * N_FOLDS} rows each, got "
            f"{num_samples(X_real)} and {num_samples(X_sampled)}."
        )
    chosen = [take_rows(X, rng.permutation(num_samples(X))[:n]) for X in (X_real, X_sampled)]
    table = as_table(concat_rows(chosen), remedy="give a dense table.")
    ranges = [NumericRange.of(table.observed(j)) for j in range(table.n_columns)]
    ranks = rank_columns(table, ranges)
    Z = np.where(ranks < 0, np.nan, ranks)
    sampled = np.repeat([0, 1], n)
    seed = int(rng.randint(2**31 - 1))
    classifier = HistGradientBoostingClassifier(
        max_iter=100, early_stopping=False, random_state=seed
    )
    folds = StratifiedKFold(N_FOLDS, shuffle=True, random_state=seed)
    score = cross_val_predict(classifier, Z, sampled, cv=folds, method="predict_proba")
    return float(roc_auc_score(sampled, score[:, 1]))
