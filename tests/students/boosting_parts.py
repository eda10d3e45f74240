"""What the tests of boosting students share."""

import numpy as np
import pytest

from skdistill.losses import softmax

BACKENDS = pytest.mark.parametrize("backend", ["lightgbm", "xgboost"])


# A penalty that is given is not chosen, which takes most of the time of a fit.
FIXED = {"reg_lambda": 2.0, "random_state": 0}


def make_soft(n_classes, n_samples=500, seed=0):
    """Rows, and the probabilities of a linear teacher."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n_samples, 4))
    return X, softmax(X @ rng.normal(size=(4, n_classes)))


def draw_labels(P, seed=0):
    u = np.random.default_rng(seed).random((len(P), 1))
    return (P.cumsum(axis=1)[:, :-1] < u).sum(axis=1)
