"""The suite after Dao et al. 2021, on tiny data."""

import warnings

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks import dao
from benchmarks.dao_students import (
    MATCHED_CANDIDATES,
    METHODS,
    SMALLEST,
    Rows,
    candidates,
    choose_forest,
    correct,
    fit_forest,
)
from benchmarks.tasks import RunSettings, key_of

TASK = dao.DaoTask("sklearn:breast_cancer", 0, teacher_trees=10, n_folds=3, sizes=(16,))


def _rows(n=120, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 3))
    p = 1.0 / (1.0 + np.exp(-2.0 * X[:, 0]))
    y = (rng.random(n) < p).astype(float)
    return Rows(X, y, np.clip(p + 0.1 * (y - p), 0, 1), p)


@given(p=st.floats(0, 1), y=st.sampled_from([0.0, 1.0]), c=st.floats(1e-5, 1e3, exclude_min=True))
@settings(max_examples=50, deadline=None)
def test_corrected_targets_lie_between_teacher_and_label(p, y, c):
    target = correct(np.array([p]), np.array([y]), c)[0]
    assert min(p, y) - 1e-12 <= target <= max(p, y) + 1e-12


def test_correction_has_both_limits_and_the_formula():
    p, y = np.array([0.2, 0.9]), np.array([1.0, 0.0])
    np.testing.assert_allclose(correct(p, y, 1e-12), p, atol=1e-9)
    np.testing.assert_allclose(correct(p, y, 1e12), y, atol=1e-9)
    # γ = .64 / (.64 + .8²) = ½
    assert correct(p, y, 0.64)[0] == pytest.approx(0.6)


def test_every_method_gets_the_same_candidates_at_equal_size():
    assert {len(candidates(m, matched=True)) for m in METHODS} == {MATCHED_CANDIDATES}
    assert [len(candidates(m, matched=False)) for m in METHODS] == [1, 1, 1, 9]


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("n_trees", [1, 3])
def test_equal_size_is_kept_by_the_forest_as_a_whole(method, n_trees):
    chosen = choose_forest(method, _rows(), n_trees=n_trees, seed=0, total_leaves=13)
    assert sum(tree.get_n_leaves() for tree in chosen.model.forest.estimators_) <= 13
    assert chosen.n_fits == 1 + 3 * MATCHED_CANDIDATES
    P = chosen.model.predict_proba(_rows(seed=1).X)
    np.testing.assert_allclose(P.sum(axis=1), 1.0)
    assert P.min() >= 0.0


def test_plain_targets_are_learned_on_the_log_scale():
    rows = _rows()
    certain = Rows(rows.X, rows.y, rows.y, rows.out_of_fold)  # from a teacher that knows by heart
    said = fit_forest("plain", certain, {}, n_trees=1, seed=0, leaves=None).predict_proba(rows.X)
    assert said[:, 1].min() == pytest.approx(SMALLEST)  # a leaf with rows of one class
    assert said[:, 1].max() == pytest.approx(1.0)
    linear = fit_forest("plain", certain, {"log_scale": False}, n_trees=1, seed=0, leaves=None)
    assert linear.predict_proba(rows.X)[:, 1].min() == 0.0


def test_published_numbers_cover_each_cell_of_the_protocol():
    named = {(student, method) for _, student, method in dao.PUBLISHED}
    keys = [key for key in dao.expected_keys(TASK) if key.size == ""]
    assert {(key.student, key.method) for key in keys} == named
    assert len(dao.PUBLISHED) == 2 * len(named)
    assert all(0.5 < auc < 1.0 for auc in dao.PUBLISHED.values())


def test_tasks_are_those_that_the_folder_has_data_for():
    assert dao.tasks(None) == []


@pytest.fixture(scope="module")
def result(tmp_path_factory):
    rows, folder = [], tmp_path_factory.mktemp("cache")
    dao.run_task(TASK, rows.append, RunSettings(None, folder))
    return rows, folder


def test_run_emits_each_expected_cell_once(result):
    rows, _ = result
    assert [key_of(row) for row in rows] == dao.expected_keys(TASK)
    assert [row for row in rows if row["status"] != "ok"] == []
    for row in rows:
        assert 0.5 < row["metrics"]["auc"] <= 1.0
        assert row["bytes"] > 0
        if row["size"]:
            assert row["n_leaves"] <= int(row["size"])
    assert rows[0]["fidelity"]["agreement"] == 1.0


def test_run_leaves_out_what_is_done_and_repeats_itself(result):
    before, folder = result
    keys = dao.expected_keys(TASK)
    again = []
    dao.run_task(TASK, again.append, RunSettings(None, folder, done=frozenset(keys[:-2])))
    assert [key_of(row) for row in again] == keys[-2:]
    assert [row["metrics"] for row in again] == [row["metrics"] for row in before[-2:]]


def test_a_failing_cell_becomes_a_row(monkeypatch, tmp_path):
    def fail(*args, **kwargs):
        raise RuntimeError("no forest today")

    monkeypatch.setattr(dao, "choose_forest", fail)
    rows, keys = [], dao.expected_keys(TASK)
    dao.run_task(TASK, rows.append, RunSettings(None, tmp_path, done=frozenset(keys[2:])))
    assert [row["status"] for row in rows] == ["ok", "failed"]
    assert rows[1]["reason"] == "RuntimeError: no forest today"


def test_categories_become_codes_and_missing_values_means():
    train = pd.DataFrame({"a": [1.0, np.nan, 3.0], "b": ["x", "y", np.nan]})
    test = pd.DataFrame({"a": [np.nan], "b": ["z"]})
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        X_train, X_test = dao._as_matrices(train, test)
    # Columns with categories come first: x is 0, y is 1, their mean .5; z was never seen.
    np.testing.assert_allclose(X_train, [[0.0, 1.0], [1.0, 2.0], [0.5, 3.0]])
    np.testing.assert_allclose(X_test, [[-1.0, 2.0]])
