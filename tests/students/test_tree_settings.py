"""Regularisation of a tree, chosen on rows with a true label."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from sklearn.metrics import log_loss

from skdistill.students import TreeStudentClassifier, TreeStudentRegressor
from skdistill.students._tree import settings as module
from skdistill.students._tree.settings import grid, is_worth_choosing


def make(n, noise, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.uniform(-1, 1, size=(n, 5))
    return X, np.sin(4 * X[:, 0]) + X[:, 1] + noise * rng.normal(size=n)


@pytest.mark.parametrize("leaf", ["constant", "linear"])
def test_noise_asks_for_more_shrinkage(leaf):
    student = TreeStudentRegressor(max_leaf_nodes=16, leaf=leaf, refine=False, random_state=0)
    clear = student.fit(*make(400, 0.0)).shrinkage_
    noisy = student.fit(*make(400, 5.0)).shrinkage_
    assert clear <= 3.0 < noisy


def test_chosen_settings_predict_better_than_none():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(3000, 8))
    y = rng.random(3000) < 1 / (1 + np.exp(-X[:, 0] - X[:, 1]))
    train, test = slice(0, 500), slice(500, None)
    chosen = TreeStudentClassifier(max_leaf_nodes=64, random_state=0).fit(X[train], y[train])
    plain = TreeStudentClassifier(
        max_leaf_nodes=64, min_samples_leaf=5, shrinkage=1, ccp_alpha=0, random_state=0
    ).fit(X[train], y[train])
    loss = [log_loss(y[test], s.predict_proba(X[test])) for s in (chosen, plain)]
    assert loss[0] < 0.85 * loss[1]


def test_more_leaves_than_help_are_pruned():
    X, y = make(600, 0.0)
    y = np.round(3 * X[:, 0]) + 0.1 * y  # seven steps
    student = TreeStudentRegressor(max_leaf_nodes=40, ccp_alpha=0.003, random_state=0).fit(X, y)
    assert 7 <= student.n_leaves_ < 20
    assert student.score(X, y) > 0.97
    assert student.ccp_alpha_ == 0.003


def test_only_the_true_labels_of_real_rows_choose():
    X, y = make(600, 0.0)
    hidden = np.random.default_rng(1).permutation(y)
    labeled = np.arange(600) < 300
    student = TreeStudentRegressor(max_leaf_nodes=16, random_state=0, refine=False)
    good = student.fit(X, y, soft_targets=y, labeled=labeled).shrinkage_
    elsewhere = student.fit(X, np.where(labeled, y, hidden), soft_targets=y, labeled=labeled)
    assert elsewhere.shrinkage_ == good  # what others are said to be changes nothing
    wrong = student.fit(X, np.where(labeled, hidden, y), soft_targets=y, labeled=labeled)
    assert wrong.shrinkage_ > good


def test_given_settings_are_used_as_they_are():
    X, y = make(300, 1.0)
    given = {"min_samples_leaf": 7, "shrinkage": 2.5, "ccp_alpha": 1e-4}
    student = TreeStudentRegressor(**given, random_state=0).fit(X, y)
    assert {name: getattr(student, name + "_") for name in given} == given


def test_nothing_is_chosen_on_few_rows_or_too_many(monkeypatch):
    assert not is_worth_choosing(49, 16)
    assert is_worth_choosing(50, 16)
    assert is_worth_choosing(16_000, 16)
    assert not is_worth_choosing(16_001, 16)
    monkeypatch.setattr(module, "ENOUGH_ROWS_A_LEAF", 10)
    X, y = make(400, 1.0)
    student = TreeStudentRegressor(max_leaf_nodes=16, random_state=0).fit(X, y)
    default = grid("auto", "auto", "auto", hard=False, linear=False).default()
    assert (student.min_samples_leaf_, student.shrinkage_) == (5, default.shrinkage) == (5, 0.0)
    # Hard labels are never without shrinkage: the log loss of a pure leaf could be infinite.
    student = TreeStudentClassifier(max_leaf_nodes=16, random_state=0).fit(X, y > 0)
    assert student.shrinkage_ == 10.0
    assert student.predict_proba(X).min() > 0


def test_a_part_of_many_rows_is_enough(monkeypatch):
    monkeypatch.setattr(module, "MOST_ROWS", 90)
    seen = []
    true_score = module._score_constant

    def score(compared, nodes, train, Z_out, held_out):
        seen.append(len(train.Z) + len(held_out))
        return true_score(compared, nodes, train, Z_out, held_out)

    monkeypatch.setattr(module, "_score_constant", score)
    TreeStudentRegressor(max_leaf_nodes=4, random_state=0).fit(*make(400, 1.0))
    assert set(seen) == {90}


def test_the_same_seed_chooses_the_same():
    X, y = make(200, 2.0)
    fits = [TreeStudentRegressor(random_state=5).fit(X, y) for _ in range(2)]
    assert_array_equal(fits[0].predict(X), fits[1].predict(X))
    assert fits[0].shrinkage_ == fits[1].shrinkage_
