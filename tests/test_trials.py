"""Folds of the search: what is held out leaves no trace in what is fitted to."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from flow_parts import Repeat, make_choices, make_problem, make_rows, make_settings
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.model_selection import KFold

from skdistill import _trials
from skdistill._trials import (
    MOST_SPLITS,
    Fold,
    LabeledFold,
    hold_out,
    split_rows,
    usable_splits,
)
from skdistill.targets import soften

X, Y = make_rows(90)
X[:, 0] = np.arange(90)  # tells the rows apart
HALVES = [(np.arange(45), np.arange(45, 90)), (np.arange(45, 90), np.arange(45))]
UNLABELED = 1000.0 + np.arange(120.0).reshape(30, 4)


class Spy(Repeat):
    """Keeps the rows of each fit."""

    def __init__(self) -> None:
        self.seen: list[Any] = []

    def fit(self, X: Any) -> Spy:
        self.seen.append(X)
        return super().fit(X)


def make_folds(
    problem: Any = None,
    *,
    unlabeled: Any = None,
    cv: Any = 3,
    seed: int = 0,
    whole: bool = False,
    **choices: Any,
) -> list[Fold]:
    problem = make_problem(X, Y) if problem is None else problem
    splits = usable_splits(split_rows(problem, make_settings(cv=cv, seed=seed)), problem)
    rng, chosen = np.random.RandomState(seed), make_choices(**choices)
    return [
        hold_out(
            split, problem, unlabeled, chosen, rng, most=None if whole else _trials.MAX_REAL_ROWS
        )
        for split in splits
    ]


def rows_of(table: Any) -> set[int]:
    return set(np.asarray(table)[:, 0].astype(int))


def held_out_of(fold: Fold) -> list[int]:
    return np.asarray(fold.held_out.X)[:, 0].astype(int).tolist()


def test_nothing_that_is_held_out_is_fitted_to():
    sampler = Spy()
    folds = make_folds(sampler=sampler, n_augmented=450, unlabeled=UNLABELED)
    assert len(folds) == len(sampler.seen) == 3
    for fold, parents in zip(folds, sampler.seen, strict=True):
        held_out = set(held_out_of(fold))
        assert not held_out & set(fold.train)
        assert held_out | set(fold.train) == set(range(90))
        for table in (fold.problem.X, fold.rows.X, parents):
            assert not held_out & rows_of(table)
        np.testing.assert_array_equal(fold.problem.X, X[fold.train])
        np.testing.assert_array_equal(fold.problem.y, Y[fold.train])
        np.testing.assert_array_equal(fold.rows.X[fold.rows.real], X[fold.train])
        np.testing.assert_array_equal(fold.held_out.y, Y[held_out_of(fold)])
    tests = [row for fold in folds for row in held_out_of(fold)]
    assert sorted(tests) == list(range(90))


def test_other_rows_are_as_many_for_each_real_one_as_in_the_final_fit():
    for fold in make_folds(sampler=Repeat(), n_augmented=450, unlabeled=UNLABELED):
        rows = fold.rows
        assert (rows.n_real, rows.n_unlabeled, rows.n_augmented) == (60, 20, 300)
        assert rows_of(rows.X[rows.unlabeled]) <= rows_of(UNLABELED)
        # Half of the weight, too.
        assert rows.weight[rows.augmented].sum() == pytest.approx(rows.weight.sum() / 2)


def test_no_other_rows_where_none_are_chosen():
    for fold in make_folds():
        assert fold.rows.n_rows == fold.rows.n_real == 60


def test_weights_go_with_their_rows():
    weight = 1.0 + np.arange(90)
    for fold in make_folds(make_problem(X, Y, weight)):
        np.testing.assert_array_equal(fold.problem.weight, weight[fold.train])
        np.testing.assert_array_equal(fold.rows.weight, weight[fold.train])


def test_frames_stay_frames():
    frame = pd.DataFrame(X, columns=list("abcd"), index=np.arange(90)[::-1])
    for fold in make_folds(make_problem(frame, Y), sampler=Repeat2(), n_augmented=90):
        assert fold.problem.X.columns.tolist() == list("abcd")
        assert not set(held_out_of(fold)) & rows_of(fold.rows.X)


class Repeat2(Repeat):
    """Repeats rows of frames."""

    def sample(self, n: int, random_state: Any) -> Any:
        return self.X_.iloc[np.arange(n) % len(self.X_)]


@given(st.integers(8, 80), st.integers(4, 40), st.integers(1, 30), st.integers(0, 99))
@settings(max_examples=15, deadline=None)
def test_rows_are_drawn_where_there_are_many(
    n_real: int, n_held_out: int, n_unlabeled: int, seed: int
):
    sampler = Spy()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_trials, "MAX_REAL_ROWS", n_real)
        patch.setattr(_trials, "MAX_HELD_OUT_ROWS", n_held_out)
        patch.setattr(_trials, "MAX_UNLABELED_ROWS", n_unlabeled)
        folds = make_folds(sampler=sampler, n_augmented=450, unlabeled=UNLABELED, seed=seed)
    for fold, parents in zip(folds, sampler.seen, strict=True):
        train, test = fold.train.tolist(), held_out_of(fold)
        # Each class has its share, so that rounding may cost or bring a row.
        assert abs(len(train) - min(n_real, 60)) <= 1
        assert abs(len(test) - min(n_held_out, 30)) <= 1
        assert abs(Y[train].mean() - Y.mean()) < 0.2
        assert len(set(train)) == len(train) == fold.rows.n_real
        assert train == sorted(train)
        assert not set(test) & (set(train) | rows_of(fold.rows.X) | rows_of(parents))
        assert fold.rows.n_augmented == round(5 * len(train))
        assert fold.rows.n_unlabeled == min(max(1, round(len(train) / 3)), n_unlabeled)


def test_a_whole_fold_draws_no_rows_to_fit_to(monkeypatch: Any):
    monkeypatch.setattr(_trials, "MAX_REAL_ROWS", 20)
    monkeypatch.setattr(_trials, "MAX_UNLABELED_ROWS", 3)
    for fold in make_folds(unlabeled=UNLABELED, whole=True):
        assert (fold.rows.n_real, fold.rows.n_unlabeled) == (60, 20)


def test_no_class_is_lost_where_rows_are_drawn(monkeypatch: Any):
    monkeypatch.setattr(_trials, "MAX_REAL_ROWS", 10)
    rare = np.where(np.arange(90) % 30 == 0, 2, Y)  # three rows
    for fold in make_folds(make_problem(X, rare)):
        assert set(fold.problem.y) == {0, 1, 2}


def test_many_folds_are_joined():
    folds = make_folds(cv=9)
    assert len(folds) == MOST_SPLITS
    assert {len(fold.train) + len(held_out_of(fold)) for fold in folds} == {90}
    assert sorted(row for fold in folds for row in held_out_of(fold)) == list(range(90))
    assert len(make_folds(cv=2)) == 2


def test_folds_are_those_of_cv():
    folds = make_folds(cv=KFold(3))
    assert [held_out_of(fold)[0] for fold in folds] == [0, 30, 60]
    for fold, (train, test) in zip(make_folds(cv=HALVES), HALVES, strict=True):
        np.testing.assert_array_equal(fold.train, train)
        assert held_out_of(fold) == test.tolist()
    with pytest.raises(ValueError, match="each of the 90 rows in exactly one test fold"):
        make_folds(cv=HALVES[:1])


def test_folds_that_say_nothing_are_left_out():
    some = (np.arange(90) >= 45) + 0.0
    # All weight is held out, or none is.
    assert make_folds(make_problem(X, Y, some), cv=HALVES) == []
    few = np.where(np.arange(90) == 3, 1.0, some)
    assert [held_out_of(fold) for fold in make_folds(make_problem(X, Y, few), cv=HALVES)] == [[3]]
    # One class is left to fit to.
    ordered, classes = np.sort(Y), [np.flatnonzero(np.sort(Y) == c) for c in (0, 1)]
    assert make_folds(make_problem(X, ordered), cv=[tuple(classes), tuple(classes[::-1])]) == []
    assert len(make_folds(make_problem(X, ordered), cv=3)) == 3


def test_same_seed_same_folds(monkeypatch: Any):
    monkeypatch.setattr(_trials, "MAX_REAL_ROWS", 40)
    one, two, three = (
        make_folds(seed=seed, unlabeled=UNLABELED, sampler=Repeat(), n_augmented=90)
        for seed in (1, 1, 2)
    )
    for fold, same in zip(one, two, strict=True):
        np.testing.assert_array_equal(fold.rows.X, same.rows.X)
        assert held_out_of(fold) == held_out_of(same)
    assert not np.array_equal(one[0].rows.X, three[0].rows.X)


def test_targets_of_another_temperature():
    fold = make_folds()[0]
    P = np.random.default_rng(0).dirichlet([1, 1], size=60)
    labeled = LabeledFold(fold, P, None)
    np.testing.assert_array_equal(labeled.soften(3.0).targets, soften(P, 3.0))
    assert labeled.soften(3.0).fold is fold
    np.testing.assert_array_equal(labeled.targets, P)
