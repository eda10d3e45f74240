"""Rows with a true label: how they are found, split and scored."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import log_loss, mean_squared_error

from skdistill.students import TreeStudentClassifier, TreeStudentRegressor
from skdistill.students._checks import check_labeled, find_real_rows
from skdistill.students._real_rows import RealRows
from skdistill.targets import one_hot


@given(st.integers(8, 60), st.integers(2, 5), st.integers(0, 5))
@settings(max_examples=25, deadline=None)
def test_folds_part_the_real_rows_and_leave_all_others(n_real, n_folds, n_others):
    codes = np.arange(n_real) % 3
    rows = np.arange(n_real) + n_others
    real = RealRows(rows, one_hot(codes, 3), np.ones(n_real))
    folds = list(real.folds(n_folds, n_real + n_others, np.random.default_rng(0)))
    held = np.concatenate([held_out.rows for _, held_out in folds])
    np.testing.assert_array_equal(np.sort(held), rows)
    for train, held_out in folds:
        assert set(train) == set(range(n_real + n_others)) - set(held_out.rows)
        # Classes are spread evenly: no fold has two more of one than another.
        counts = np.bincount(held_out.truth.argmax(axis=1), minlength=3)
        assert abs(counts - np.bincount(codes, minlength=3) / n_folds).max() <= 2


def test_folds_are_seeded():
    real = RealRows(np.arange(20), np.arange(20.0), np.ones(20))
    first, again, other = (
        [held.rows.tolist() for _, held in real.folds(4, 20, np.random.default_rng(seed))]
        for seed in (0, 0, 1)
    )
    assert first == again != other


def test_scores_are_those_of_scikit_learn():
    rng = np.random.default_rng(0)
    codes, weight = rng.integers(3, size=30), rng.uniform(1, 2, size=30)
    proba = rng.dirichlet(np.ones(3), size=30)
    real = RealRows(np.arange(30), one_hot(codes, 3), weight)
    expected = log_loss(codes, proba, sample_weight=weight)
    assert real.score(proba) == pytest.approx(expected, rel=1e-12)
    values = RealRows(np.arange(30), rng.normal(size=30), weight)
    said = rng.normal(size=30)
    expected = mean_squared_error(values.truth, said, sample_weight=weight)
    assert values.score(said) == pytest.approx(expected, rel=1e-12)


def test_a_sure_mistake_is_bounded():
    real = RealRows(np.arange(1), np.array([[1.0, 0.0]]), np.ones(1))
    assert real.score(np.array([[0.0, 1.0]])) == pytest.approx(-np.log(1e-6))


def test_labeled_rows_are_found_by_weight_where_nothing_is_said():
    hard = np.array([0.3, 0.0, 1.0])
    assert check_labeled(None, "soft", hard).tolist() == [True, False, True]
    assert check_labeled([False, True, False], "soft", hard).tolist() == [False, True, False]
    assert check_labeled(None, None, hard).tolist() == [True, True, True]


def test_without_true_labels_all_rows_count_by_their_targets():
    truth, mixed = np.eye(2), np.full((2, 2), 0.5)
    real = find_real_rows(truth, mixed, np.zeros(2, dtype=bool), np.ones(2))
    assert real.truth is mixed
    assert len(real) == 2
    real = find_real_rows(truth, mixed, np.array([False, True]), np.ones(2))
    assert real.rows.tolist() == [1]
    np.testing.assert_array_equal(real.truth, [[0.0, 1.0]])


@pytest.mark.parametrize("student", [TreeStudentClassifier(), TreeStudentRegressor()])
@pytest.mark.parametrize(
    ("labeled", "with_targets", "message"),
    [
        ([True, False], True, "one value for each of the 4 rows"),
        ([1, 1, 0, 0], True, "must be a boolean array"),
        ([True] * 4, False, "there are no soft_targets"),
    ],
)
def test_wrong_labeled_is_refused(student, labeled, with_targets, message):
    X, y = np.arange(4.0)[:, None], np.array([0, 1, 0, 1])
    soft = one_hot(y, 2) if isinstance(student, TreeStudentClassifier) else y.astype(float)
    with pytest.raises(ValueError, match=message):
        student.fit(X, y, soft_targets=soft if with_targets else None, labeled=labeled)
