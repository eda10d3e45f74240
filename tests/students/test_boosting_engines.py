"""What the libraries grow, taken out as plain trees."""

import numpy as np
import pytest
import scipy.sparse as sp
import xgboost as xgb
from boosting_parts import BACKENDS, make_soft

from skdistill.students._boosting.engines import ENGINES, TreePlan


def grow(backend, Z, targets, watch=None):
    """Trees of a squared loss, as the library's own booster."""
    plan = TreePlan(
        n_rounds=4,
        n_leaves=5,
        n_scores=targets.shape[1],
        learning_rate=0.5,
        reg_lambda=1.0,
        min_rows=5,
        min_curvature=5.0,
        seed=0,
        n_threads=1,
    )

    def objective(scores):
        return scores - targets, np.ones_like(scores)

    return ENGINES[backend].fit(Z, plan, objective, watch)


@BACKENDS
@pytest.mark.parametrize("n_classes", [1, 3])
@pytest.mark.parametrize("sparse", [False, True])
def test_engines_say_the_leaves_of_each_round_and_take_values_for_them(backend, n_classes, sparse):
    X, P = make_soft(3)
    X[np.abs(X) < 0.7] = 0.0
    Z = sp.csr_matrix(X) if sparse else X
    engine, seen = ENGINES[backend], []
    booster = grow(backend, Z, P[:, :n_classes], seen.append)
    codes = engine.leaves(booster, Z, 1)
    assert codes.shape == (len(X), 4 * n_classes)
    np.testing.assert_array_equal(np.column_stack(seen), codes)
    assert 1 < codes.max() < engine.n_slots(5)
    rng = np.random.default_rng(0)
    values = [rng.normal(size=engine.n_slots(5)) for _ in range(4 * n_classes)]
    trees = engine.read(booster, values)
    expected = np.zeros((len(X), n_classes))
    for t, (value, leaf) in enumerate(zip(values, codes.T, strict=True)):
        expected[:, t % n_classes] += value[leaf]
    if sparse and backend == "xgboost":
        X = np.where(X == 0.0, np.nan, X)
    np.testing.assert_allclose(trees.scores(X, np.zeros(n_classes)), expected, atol=1e-12)


def beside_thresholds(trees, X, seed=0):
    """Rows with thresholds in place of numbers, and their neighbours in double and single."""
    rows = X[np.random.default_rng(seed).integers(0, len(X), (7, len(trees.feature)))]
    cuts = trees.threshold
    single = cuts.astype(np.float32)
    values = [
        cuts,
        *(np.nextafter(cuts, end) for end in (-np.inf, np.inf)),
        single,
        *(np.nextafter(single, np.float32(end)) for end in (-np.inf, np.inf)),
        np.full(len(cuts), np.nan),
    ]
    for of_kind, value in zip(rows, values, strict=True):
        of_kind[np.arange(len(cuts)), trees.feature] = value
    return rows.reshape(-1, X.shape[1])


@BACKENDS
@pytest.mark.parametrize("n_classes", [1, 3])
@pytest.mark.parametrize("missing", [False, True])
def test_scores_are_those_of_the_library_also_at_thresholds(backend, n_classes, missing):
    X, P = make_soft(3)
    X[:, 1] += 1.7e9  # needs more digits than single precision has
    if missing:
        X[::5, 2] = np.nan
    booster = grow(backend, X, P[:, :n_classes])
    trees = ENGINES[backend].read(booster)
    rows = np.vstack([X, beside_thresholds(trees, X)])
    scores = trees.scores(rows, np.zeros(n_classes))
    if backend == "lightgbm":
        expected, precision = booster.predict(rows, raw_score=True), 1e-12
    else:
        expected, precision = booster.predict(xgb.DMatrix(rows), output_margin=True), 1e-6
    np.testing.assert_allclose(scores, expected.reshape(len(rows), -1), atol=precision)
