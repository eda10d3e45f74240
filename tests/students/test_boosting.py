"""The boosting student: budget, exact objectives against the libraries' own, what it stores."""

import pickle
import subprocess
import sys

import lightgbm as lgb
import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
import xgboost as xgb
from boosting_parts import BACKENDS, FIXED, draw_labels, make_soft
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import expit
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris

from skdistill.losses import softmax
from skdistill.students import BoostingStudentClassifier, BoostingStudentRegressor
from skdistill.students._boosting.base import plan_rounds


def lightgbm_params(student, **params):
    return {
        "num_leaves": student.max_leaf_nodes,
        "learning_rate": student.learning_rate,
        "lambda_l2": student.reg_lambda_,
        "min_data_in_leaf": student.min_samples_leaf,
        "min_sum_hessian_in_leaf": 1e-3,
        "feature_pre_filter": False,
        "boost_from_average": False,
        "deterministic": True,
        "force_col_wise": True,
        "num_threads": 1,
        "verbosity": -1,
        **params,
    }


@given(st.integers(2, 400), st.integers(2, 40), st.integers(1, 30))
def test_plan_keeps_the_budget(budget, leaves, n_trees):
    if budget < 2 * n_trees:
        with pytest.raises(ValueError, match=f"max_total_leaves={budget}.* at least {2 * n_trees}"):
            plan_rounds(budget, leaves, n_trees)
        return
    n_rounds, n_leaves = plan_rounds(budget, leaves, n_trees)
    assert n_rounds >= 1
    assert 2 <= n_leaves <= leaves
    assert n_rounds * n_leaves * n_trees <= budget
    assert (n_rounds + 1) * n_leaves * n_trees > budget  # no round is left out


@BACKENDS
@pytest.mark.parametrize(
    ("n_classes", "budget", "leaves"),
    [(2, 155, 8), (2, 2, 8), (3, 155, 8), (10, 155, 8), (4, 9, 3)],
)
def test_fitted_leaves_are_counted_and_within_the_budget(backend, n_classes, budget, leaves):
    X, P = make_soft(n_classes)
    student = BoostingStudentClassifier(
        max_total_leaves=budget, max_leaf_nodes=leaves, learning_rate=0.3, backend=backend
    ).fit(X, draw_labels(P), soft_targets=P)
    codes = student.trees_.apply(X)
    counted = sum(len(np.unique(tree)) for tree in codes.T)
    assert budget / 2 < student.n_leaves_ == counted <= budget
    assert max(len(np.unique(tree)) for tree in codes.T) <= leaves


@BACKENDS
def test_budget_below_one_round_is_an_error(backend):
    X, P = make_soft(10)
    student = BoostingStudentClassifier(max_total_leaves=19, backend=backend)
    with pytest.raises(ValueError, match=r"max_total_leaves=19 .* at least 20"):
        student.fit(X, P.argmax(axis=1), soft_targets=P)


def test_binary_equals_the_cross_entropy_of_lightgbm():
    X, P = make_soft(2)
    weight = np.random.default_rng(1).random(len(X)) + 0.5
    student = BoostingStudentClassifier(learning_rate=0.3, max_total_leaves=80, reg_lambda=0.5)
    student.fit(X, draw_labels(P), soft_targets=P, sample_weight=7.0 * weight)
    prior = np.average(P[:, 1], weights=weight)
    start = np.log(prior / (1.0 - prior))
    data = lgb.Dataset(X, P[:, 1], weight=weight / weight.mean(), init_score=np.full(len(X), start))
    own = lgb.train(lightgbm_params(student, objective="cross_entropy"), data, num_boost_round=10)
    expected = expit(own.predict(X, raw_score=True) + start)
    np.testing.assert_allclose(student.predict_proba(X)[:, 1], expected, atol=1e-5)
    assert student.init_[0] == pytest.approx(start)


def test_binary_equals_the_logistic_loss_of_xgboost():
    # Fewer rows than bins: with more, XGBoost's own objective has the weights shape the bins.
    X, P = make_soft(2, 200)
    weight = np.random.default_rng(1).random(len(X)) + 0.5
    weight /= weight.mean()
    student = BoostingStudentClassifier(
        learning_rate=0.3, max_total_leaves=80, min_samples_leaf=20, backend="xgboost"
    )
    student.fit(X, draw_labels(P), soft_targets=P, sample_weight=weight)
    q = expit(student.init_[0])
    data = xgb.DMatrix(X, P[:, 1], weight=weight, base_margin=np.full(len(X), student.init_[0]))
    params = {
        "objective": "binary:logistic",
        "tree_method": "hist",
        "grow_policy": "lossguide",
        "max_leaves": 8,
        "max_depth": 0,
        "learning_rate": 0.3,
        "min_child_weight": 20 * 0.25 * q * (1.0 - q),
        "nthread": 1,
    }
    expected = xgb.train(params, data, num_boost_round=10).predict(data)
    np.testing.assert_allclose(student.predict_proba(X)[:, 1], expected, atol=1e-5)


def test_multiclass_equals_the_softmax_of_lightgbm():
    X, P = make_soft(3)
    y = draw_labels(P)
    weight = np.random.default_rng(1).random(len(X)) + 0.5
    student = BoostingStudentClassifier(learning_rate=0.3, max_total_leaves=120)
    student.fit(X, y, sample_weight=weight)
    start = np.tile(student.init_, (len(X), 1))
    data = lgb.Dataset(X, y, weight=weight / weight.mean(), init_score=start)
    params = lightgbm_params(student, objective="multiclass", num_class=3)
    own = lgb.train(params, data, num_boost_round=5)
    expected = softmax(own.predict(X, raw_score=True) + start)
    np.testing.assert_allclose(student.predict_proba(X), expected, atol=1e-5)


def test_regressor_equals_the_squared_error_of_lightgbm():
    X, y = load_diabetes(return_X_y=True)
    weight = np.random.default_rng(1).random(len(X)) + 0.5
    student = BoostingStudentRegressor(learning_rate=0.3, max_total_leaves=80)
    student.fit(X, y, sample_weight=weight)
    centred = (y - np.average(y, weights=weight)) / student.scale_
    data = lgb.Dataset(X, centred, weight=weight / weight.mean())
    own = lgb.train(lightgbm_params(student, objective="regression"), data, num_boost_round=10)
    expected = own.predict(X) * student.scale_ + student.init_
    np.testing.assert_allclose(student.predict(X), expected, rtol=1e-5)


@BACKENDS
def test_hard_labels_as_good_as_the_library_itself(backend):
    X, y = load_breast_cancer(return_X_y=True)
    student = BoostingStudentClassifier(backend=backend, random_state=0).fit(X[::2], y[::2])
    own = lgb.LGBMClassifier(
        n_estimators=19, num_leaves=8, learning_rate=0.3, n_jobs=1, verbose=-1
    ).fit(X[::2], y[::2])
    assert student.score(X[1::2], y[1::2]) > own.score(X[1::2], y[1::2]) - 0.02


@BACKENDS
@pytest.mark.parametrize("n_classes", [2, 4])
@pytest.mark.parametrize("temperature", [1.0, 4.0])
def test_no_temperature_flattens_the_predictions(backend, n_classes, temperature):
    X, P = make_soft(n_classes, 1500)
    student = BoostingStudentClassifier(
        max_total_leaves=600 * n_classes, learning_rate=0.1, backend=backend
    )
    student.fit(X, draw_labels(P), soft_targets=P, temperature=temperature)
    Q = student.predict_proba(X)
    assert abs(Q.max(axis=1).mean() - P.max(axis=1).mean()) < 0.03
    assert np.abs(P - Q).mean() < 0.05


@BACKENDS
@pytest.mark.parametrize("n_classes", [2, 3])
def test_temperature_and_hard_label_weight_act(backend, n_classes):
    X, P = make_soft(n_classes)
    fits = [
        BoostingStudentClassifier(backend=backend, **FIXED)
        .fit(X, draw_labels(P), soft_targets=P, **how)
        .predict_proba(X)
        for how in ({}, {"temperature": 3.0}, {"hard_label_weight": 0.5})
    ]
    for i, j in [(0, 1), (0, 2), (1, 2)]:
        assert np.abs(fits[i] - fits[j]).max() > 1e-3


@BACKENDS
def test_unit_of_weights_does_not_matter_but_weights_do(backend):
    X, P = make_soft(3)
    y = draw_labels(P)
    weight = np.where(y == 2, 10.0, 1.0)
    plain, weighted, scaled = (
        BoostingStudentClassifier(backend=backend, **FIXED)
        .fit(X, y, sample_weight=w)
        .predict_proba(X)
        for w in (None, weight, weight * 2.0**500)
    )
    np.testing.assert_array_equal(weighted, scaled)
    assert weighted[:, 2].mean() > plain[:, 2].mean() + 0.1


def test_regressor_mixes_teacher_and_truth():
    X, y = load_diabetes(return_X_y=True)
    mixed = BoostingStudentRegressor(learning_rate=0.3).fit(
        X, y, soft_targets=y + 2.0, hard_label_weight=0.5
    )
    shifted = BoostingStudentRegressor(learning_rate=0.3).fit(X, y + 1.0)
    np.testing.assert_allclose(mixed.predict(X), shifted.predict(X))


@BACKENDS
@pytest.mark.parametrize("scale", [1e-150, 1.0, 1e150])
def test_unit_of_the_target_does_not_matter(backend, scale):
    X, y = load_diabetes(return_X_y=True)
    student = BoostingStudentRegressor(backend=backend, random_state=0)
    expected = student.fit(X, y).predict(X)
    np.testing.assert_allclose(student.fit(X, y * scale).predict(X) / scale, expected, rtol=1e-5)


@BACKENDS
@pytest.mark.parametrize("make", [sp.csr_matrix, sp.csr_array, sp.csc_matrix])
def test_sparse_zeros_are_zeros(backend, make):
    X, P = make_soft(3)
    X[np.abs(X) < 0.7] = 0.0
    stored = make(X)
    stored.data[:5] = 0.0  # explicit zeros
    X = stored.toarray()
    y = draw_labels(P)
    student = BoostingStudentClassifier(backend=backend, **FIXED).fit(stored, y)
    np.testing.assert_array_equal(student.predict_proba(stored), student.predict_proba(X))
    dense = BoostingStudentClassifier(backend=backend, **FIXED).fit(X, y)
    np.testing.assert_array_equal(dense.predict_proba(stored), dense.predict_proba(X))
    if backend == "lightgbm":
        np.testing.assert_array_equal(dense.predict_proba(X), student.predict_proba(X))


@BACKENDS
def test_missing_values_go_their_own_way(backend):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(300, 2))
    X[::3, 0] = np.nan
    y = np.isnan(X[:, 0]).astype(int)
    student = BoostingStudentClassifier(backend=backend, **FIXED).fit(X, y)
    assert student.score(X, y) == 1.0
    never = BoostingStudentClassifier(backend=backend, **FIXED).fit(rng.normal(size=(300, 2)), y)
    assert np.isfinite(never.predict_proba(X)).all()


@BACKENDS
def test_raw_frame_with_categories(backend):
    rng = np.random.default_rng(0)
    colour = rng.choice(["red", "green", "blue"], 300).astype(object)
    size = rng.normal(size=300)
    y = np.where((colour == "red") == (size > 0), "yes", "no")
    colour[::10], size[5::10] = None, np.nan
    X = pd.DataFrame({"colour": colour, "size": size})
    student = BoostingStudentClassifier(backend=backend, random_state=0).fit(X, y)
    assert student.score(X, y) > 0.85


@BACKENDS
def test_pickle_is_small_and_predicts_the_same(backend):
    X, P = make_soft(5, 4000)
    student = BoostingStudentClassifier(backend=backend, **FIXED).fit(
        X, draw_labels(P), soft_targets=P
    )
    restored = pickle.loads(pickle.dumps(student))
    np.testing.assert_array_equal(restored.predict_proba(X), student.predict_proba(X))
    assert restored.n_leaves_ == student.n_leaves_
    assert student.nbytes_ < 5_000


@BACKENDS
def test_prediction_needs_no_boosting_library(backend, tmp_path):
    X, P = make_soft(3, 100)
    student = BoostingStudentClassifier(backend=backend, **FIXED).fit(X, draw_labels(P))
    file = tmp_path / "student.pickle"
    file.write_bytes(pickle.dumps((student, X, student.predict_proba(X))))
    code = f"""
import pickle, sys
sys.modules["lightgbm"] = sys.modules["xgboost"] = None
student, X, expected = pickle.load(open({str(file)!r}, "rb"))
assert (student.predict_proba(X) == expected).all()
"""
    subprocess.run([sys.executable, "-c", code], check=True)


def test_changing_the_backend_later_does_not_break_a_fitted_student():
    X, P = make_soft(2)
    student = BoostingStudentClassifier(**FIXED).fit(X, draw_labels(P))
    before = student.predict_proba(X)
    np.testing.assert_array_equal(student.set_params(backend="xgboost").predict_proba(X), before)


@BACKENDS
@pytest.mark.parametrize("learning_rate", ["auto", 0.3])
def test_threads_and_repetition_change_nothing(backend, learning_rate):
    X, P = make_soft(3, 400)
    student = BoostingStudentClassifier(
        backend=backend,
        max_total_leaves=24,
        max_leaf_nodes=4,
        learning_rate=learning_rate,
        reg_lambda=2.0,
    )
    one, again, two = (
        clone(student).set_params(n_jobs=n_jobs).fit(X, draw_labels(P)).predict_proba(X)
        for n_jobs in (None, 1, 2)
    )
    np.testing.assert_array_equal(one, again)
    np.testing.assert_array_equal(one, two)


@BACKENDS
def test_small_data_still_grow_trees(backend):
    X, y = load_iris(return_X_y=True)
    few = np.r_[0:5, 50:55, 100:105]
    student = BoostingStudentClassifier(backend=backend, random_state=0).fit(X[few], y[few])
    assert student.score(X[few], y[few]) > 0.9
    X, y = np.arange(12.0)[:, None], np.repeat([0.0, 1.0], 6)
    assert BoostingStudentRegressor(backend=backend, random_state=0).fit(X, y).score(X, y) > 0.9


@BACKENDS
def test_nothing_to_split_predicts_the_mean(backend):
    X = np.ones((40, 2))
    P = np.tile([[0.2, 0.3, 0.5]], (40, 1))
    student = BoostingStudentClassifier(backend=backend, random_state=0)
    student.fit(X, np.arange(40) % 3, soft_targets=P)
    np.testing.assert_allclose(student.predict_proba(X), P, atol=1e-6)
    regressor = BoostingStudentRegressor(backend=backend, random_state=0).fit(X, np.full(40, 7.0))
    np.testing.assert_allclose(regressor.predict(X), 7.0)
    two = BoostingStudentRegressor(backend=backend, random_state=0).fit([[0.0], [1.0]], [0.0, 2.0])
    assert np.isfinite(two.predict([[0.5]])).all()


@BACKENDS
def test_one_hot_targets_and_a_class_without_a_label(backend):
    X, P = make_soft(2)
    y = P.argmax(axis=1)
    targets = np.column_stack([np.eye(2)[y], np.zeros(len(y))])
    student = BoostingStudentClassifier(backend=backend, reg_lambda=0.0)
    student.fit(X, y, soft_targets=targets, classes=[0, 1, 2])
    Q = student.predict_proba(X)
    assert np.isfinite(Q).all()
    assert Q[:, 2].max() < 1e-4
    assert (Q.argmax(axis=1) == y).mean() > 0.8


@pytest.mark.parametrize(
    ("params", "error"),
    [
        ({"max_total_leaves": 1}, ValueError),
        ({"max_total_leaves": 20.0}, TypeError),
        ({"max_leaf_nodes": 1}, ValueError),
        ({"backend": "catboost"}, ValueError),
        ({"learning_rate": "fast"}, ValueError),
        ({"learning_rate": 0.0}, ValueError),
        ({"learning_rate": 1.5}, ValueError),
        ({"min_samples_leaf": 0}, ValueError),
        ({"reg_lambda": -1.0}, ValueError),
        ({"reg_lambda": "strong"}, ValueError),
    ],
)
@pytest.mark.parametrize("student", [BoostingStudentClassifier, BoostingStudentRegressor])
def test_bad_parameters_are_named(student, params, error):
    with pytest.raises(error, match=next(iter(params))):
        student(**params).fit([[0.0], [1.0]], [0, 1])


@BACKENDS
def test_missing_library_says_how_to_install_it(backend, monkeypatch):
    monkeypatch.setitem(sys.modules, backend, None)
    X, P = make_soft(2, 50)
    with pytest.raises(ImportError, match=rf"backend='{backend}'.*skdistill\[boosting\]"):
        BoostingStudentClassifier(backend=backend, random_state=0).fit(X, draw_labels(P))


@BACKENDS
@pytest.mark.parametrize("rows", [1, 30])
def test_min_samples_leaf_bounds_the_leaves(backend, rows):
    X, y = load_diabetes(return_X_y=True)
    student = BoostingStudentRegressor(backend=backend, min_samples_leaf=rows).fit(X, y)
    leaves = student.trees_.apply(X)
    smallest = min(np.unique(tree, return_counts=True)[1].min() for tree in leaves.T)
    assert (smallest >= 30) == (rows == 30)


def test_no_seed_matters_with_a_given_rate():
    X, P = make_soft(2)
    one, two = (
        BoostingStudentClassifier(learning_rate=0.3, random_state=seed)
        .fit(X, draw_labels(P))
        .predict_proba(X)
        for seed in (1, 2)
    )
    np.testing.assert_array_equal(one, two)


@pytest.mark.parametrize("backend", ["lightgbm", "xgboost"])
@pytest.mark.parametrize("fill", [0.0, 1e-40, np.nan, 1.0])
@pytest.mark.parametrize("sparse", [False, True])
def test_rows_without_information_give_the_prior(fill, sparse, backend):
    X = np.full((60, 3), fill)
    if sparse:
        X = sp.csr_matrix(np.nan_to_num(X))
    y = np.arange(60) % 3 == 0
    proba = BoostingStudentClassifier(backend=backend, **FIXED).fit(X, y).predict_proba(X)
    np.testing.assert_allclose(proba[:, 1], 1 / 3, rtol=1e-5)
    values = BoostingStudentRegressor(backend=backend, **FIXED).fit(X, y * 1.0).predict(X)
    np.testing.assert_allclose(values, 1 / 3, rtol=1e-5)
