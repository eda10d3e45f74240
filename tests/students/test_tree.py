"""The tree student: exact soft targets, leaves that no temperature flattens, and a small size."""

from __future__ import annotations

import pickle

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer, load_iris
from sklearn.ensemble import AdaBoostClassifier
from sklearn.metrics import log_loss
from sklearn.model_selection import train_test_split
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from skdistill.losses import softmax
from skdistill.students import TreeStudentClassifier, TreeStudentRegressor
from skdistill.targets import soften


def make(n=300, n_classes=3, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 4))
    P = softmax(3 * np.sin(2 * X) @ rng.normal(size=(4, n_classes)))
    return X, P.argmax(axis=1), P


def expand(X, P):
    """Each row once per class, weighted by its target."""
    rows, codes = np.nonzero(P > 0)
    return X[rows], codes, P[rows, codes]


@pytest.mark.parametrize("n_classes", [2, 3])
def test_soft_targets_grow_the_tree_of_weighted_hard_labels(n_classes):
    X, y, P = make(n=240, n_classes=n_classes)  # so few that all cuts are there
    student = TreeStudentClassifier(max_leaf_nodes=12, refine=False)
    student.set_params(min_samples_leaf=1, shrinkage=0, ccp_alpha=0, random_state=0).fit(
        X, y, soft_targets=P
    )
    rows, codes, weight = expand(X, P)
    # CART's Gini criterion on the expanded rows, with the same least leaf weight.
    cart = DecisionTreeClassifier(
        max_leaf_nodes=12, min_weight_fraction_leaf=0.999 / len(X), random_state=0
    ).fit(rows, codes, sample_weight=weight)
    assert_allclose(student.predict_proba(X), cart.predict_proba(X), atol=1e-9)


def test_values_are_those_of_scikit_learn():
    X, _, P = make(n=240)
    student = TreeStudentRegressor(max_leaf_nodes=10, min_samples_leaf=7, refine=False)
    student.set_params(shrinkage=0, ccp_alpha=0, random_state=0)
    cart = DecisionTreeRegressor(max_leaf_nodes=10, min_samples_leaf=7, random_state=0)
    expected = cart.fit(X, P[:, 0]).predict(X)
    assert_allclose(student.fit(X, P[:, 0]).predict(X), expected, rtol=1e-12)
    assert student.get_depth() == cart.get_depth()
    # The unit of the target does not matter, even where its variance is next to nothing.
    for scale in (1e-12, 1e12):
        assert_allclose(student.fit(X, P[:, 0] * scale).predict(X), expected * scale, rtol=1e-9)


@settings(max_examples=20, deadline=None)
@given(
    seed=st.integers(0, 1000),
    n_classes=st.integers(2, 5),
    temperature=st.sampled_from([1.0, 3.0, 10.0]),
)
def test_leaves_hold_the_mean_of_the_unsoftened_targets(seed, n_classes, temperature):
    X, y, P = make(n=100, n_classes=n_classes, seed=seed)
    weight = np.random.default_rng(seed).uniform(0.5, 2, len(X))
    student = TreeStudentClassifier(max_leaf_nodes=8, shrinkage=0, random_state=0)
    options = {"soft_targets": P, "classes": range(n_classes), "temperature": temperature}
    student.fit(X, y, sample_weight=weight, **options)
    leaf, proba = student.apply(X), student.predict_proba(X)
    for i in range(student.n_leaves_):
        expected = np.average(P[leaf == i], axis=0, weights=weight[leaf == i])
        assert_allclose(proba[leaf == i], np.tile(expected, (np.sum(leaf == i), 1)), rtol=1e-9)
    assert_allclose(weight @ proba, weight @ P)


def test_temperature_acts_on_the_structure():
    # One column decides the frequent pair of classes, the other the teacher's rare third class,
    # which only a temperature makes visible.
    rng = np.random.default_rng(0)
    X = rng.uniform(-1, 1, size=(400, 2))
    logits = np.column_stack([0.4 * np.sign(X[:, 0]), np.zeros(400), 3 * np.sign(X[:, 1]) - 9])
    P = softmax(logits)
    student = TreeStudentClassifier(max_leaf_nodes=2, random_state=0)
    cold = clone(student).fit(X, P.argmax(axis=1), soft_targets=P, classes=[0, 1, 2])
    hot = clone(student).fit(
        X, P.argmax(axis=1), soft_targets=P, classes=[0, 1, 2], temperature=10.0
    )
    assert cold.tree_.feature.tolist() == [0]
    assert hot.tree_.feature.tolist() == [1]
    grown = TreeStudentClassifier(max_leaf_nodes=2, random_state=0)
    grown.fit(X, P.argmax(axis=1), soft_targets=soften(P, 10.0), classes=[0, 1, 2])
    assert_array_equal(grown.tree_.threshold, hot.tree_.threshold)


def test_shrinkage_pulls_leaves_to_their_parents():
    X = np.arange(20.0)[:, None]
    y = np.repeat([0, 1], 10)
    student = TreeStudentClassifier(max_leaf_nodes=2, shrinkage=5).fit(X, y)
    # The root has 20 rows: a fifth of the difference to it goes.
    assert_allclose(student.predict_proba(X[:1]), [[0.9, 0.1]])
    # The weight's scale does not matter below a mean of one.
    scaled = clone(student).fit(X, y, sample_weight=np.full(20, 1e-3))
    assert_allclose(scaled.predict_proba(X), student.predict_proba(X))
    values = TreeStudentRegressor(max_leaf_nodes=2, shrinkage=5).fit(X, 10.0 * y)
    assert_allclose(values.predict(X[:1]), [1.0])


def test_shrinking_helps_on_held_out_rows():
    X, y = load_breast_cancer(return_X_y=True)
    X, X_test, y, y_test = train_test_split(X, y, random_state=0)
    student = TreeStudentClassifier(max_leaf_nodes=16, random_state=0).fit(X, y)
    cart = DecisionTreeClassifier(max_leaf_nodes=16, min_samples_leaf=5, random_state=0).fit(X, y)
    own = log_loss(y_test, student.predict_proba(X_test))
    assert own < 0.7 * log_loss(y_test, cart.predict_proba(X_test))


@pytest.mark.parametrize("least", [1, 5, 20])
def test_leaves_have_the_fewest_rows_asked_for(least):
    X, y, P = make()
    student = TreeStudentClassifier(max_leaf_nodes=64, min_samples_leaf=least, random_state=0)
    counts = np.bincount(student.fit(X, y, soft_targets=P).apply(X))
    assert counts.min() >= least
    weight = np.random.default_rng(0).integers(1, 4, len(X))
    student.fit(X, y, sample_weight=weight, soft_targets=P)
    assert np.bincount(student.apply(X), weights=weight).min() >= least
    # Two halves of exactly the least size can be split.
    student.fit(np.arange(2.0 * least)[:, None], np.repeat([0, 1], least))
    assert student.n_leaves_ == 2


def test_limits_of_size():
    X, y, P = make()
    for n_leaves in (2, 5, 16):
        student = TreeStudentClassifier(max_leaf_nodes=n_leaves, ccp_alpha=0)
        student.fit(X, y, soft_targets=P)
        assert student.n_leaves_ == n_leaves
    assert TreeStudentClassifier(max_depth=2).fit(X, y).get_depth() == 2
    alone = TreeStudentClassifier().fit(X[:8], np.arange(8) % 2)
    assert (alone.n_leaves_, alone.get_depth()) == (1, 0)
    assert_allclose(alone.predict_proba(X), 0.5)


def test_a_tree_of_64_leaves_and_26_classes_is_below_20_kilobytes():
    rng = np.random.default_rng(0)
    n = 3000
    frame = pd.DataFrame(rng.normal(size=(n, 40)), columns=[f"measure {j}" for j in range(40)])
    for name, n_levels in (("town", 400), ("month", 12)):
        frame[name] = rng.integers(0, n_levels, n).astype(str)
    P = rng.dirichlet(np.full(26, 0.1), size=n)
    y = np.array([f"class {k:02d}" for k in range(26)])[P.argmax(axis=1)]
    student = TreeStudentClassifier(max_leaf_nodes=64, min_samples_leaf=5, ccp_alpha=0)
    student.set_params(refine=False, random_state=0).fit(frame, y, soft_targets=P)
    assert student.n_leaves_ == 64
    assert student.nbytes_ == len(pickle.dumps(student, protocol=5)) < 20_000


def test_the_same_seed_gives_the_same_tree():
    X, y = load_iris(return_X_y=True)
    X = np.hstack([X, X])  # every split is there twice
    trees = [TreeStudentClassifier(random_state=3).fit(X, y).tree_ for _ in range(2)]
    assert_array_equal(trees[0].feature, trees[1].feature)


def test_works_where_weights_sum_to_one():
    X, y = load_breast_cancer(return_X_y=True)
    boosted = AdaBoostClassifier(TreeStudentClassifier(max_leaf_nodes=4), n_estimators=5)
    assert boosted.fit(X, y).score(X, y) > 0.95


@pytest.mark.parametrize("leaf", ["constant", "linear"])
@pytest.mark.parametrize("unit", [1e-3, 1e-14, 1e-300])
def test_the_unit_of_shares_does_not_matter(unit, leaf):
    X, y, P = make(n=400)
    student = TreeStudentClassifier(max_leaf_nodes=6, leaf=leaf, refine=False, random_state=0)
    ones = clone(student).fit(X, y, soft_targets=P)
    shares = clone(student).fit(X, y, sample_weight=np.full(len(X), unit), soft_targets=P)
    assert shares.shrinkage_ == ones.shrinkage_
    assert_array_equal(shares.tree_.feature, ones.tree_.feature)
    assert_allclose(shares.predict_proba(X), ones.predict_proba(X), atol=1e-6)


def test_an_outlier_does_not_hide_what_the_other_values_differ_in():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(2000, 4))
    expected = np.where(X[:, 2] > 0, 1.0, 0.0)
    y = expected.copy()
    y[0] = 1e7
    student = TreeStudentRegressor(shrinkage=0, ccp_alpha=0, min_samples_leaf=5, refine=False)
    assert np.mean(np.abs(student.fit(X, y).predict(X) - expected) < 1e-3) > 0.9


def test_missing_values_go_to_the_better_side():
    x = np.r_[np.zeros(20), np.ones(20), np.full(20, np.nan)][:, None]
    y = np.r_[np.zeros(20), np.ones(40)]
    assert_allclose(TreeStudentRegressor(max_leaf_nodes=2).fit(x, y).predict(x), y, atol=1e-12)


def test_numbers_that_float32_cannot_hold():
    x = np.r_[np.full(10, -1e300), np.full(10, 1e300)][:, None]
    y = np.repeat([0, 1], 10)
    assert TreeStudentClassifier().fit(x, y).score(x, y) == 1.0


@pytest.mark.parametrize(
    ("params", "error", "message"),
    [
        ({"max_leaf_nodes": 1}, ValueError, "max_leaf_nodes must be an integer >= 2, got 1"),
        ({"max_leaf_nodes": None}, TypeError, "max_leaf_nodes must be an integer, got None"),
        ({"max_depth": 0}, ValueError, "max_depth must be an integer >= 1"),
        ({"min_samples_leaf": 0.1}, TypeError, "min_samples_leaf must be an integer"),
        ({"min_samples_leaf": "all"}, ValueError, "min_samples_leaf must be .*, got 'all'"),
        ({"shrinkage": -1.0}, ValueError, "shrinkage must be a finite number >= 0, got -1.0"),
        ({"shrinkage": "much"}, ValueError, "shrinkage must be 'auto' or a number, got 'much'"),
        ({"ccp_alpha": np.nan}, ValueError, "ccp_alpha must be a finite number >= 0"),
        ({"leaf": "flat"}, ValueError, "leaf must be one of"),
    ],
)
@pytest.mark.parametrize("student", [TreeStudentClassifier, TreeStudentRegressor])
def test_bad_parameters(student, params, error, message):
    with pytest.raises(error, match=message):
        student(**params).fit(np.zeros((10, 1)), np.arange(10) % 2)
