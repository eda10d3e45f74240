"""Who labels what: no teacher of a fold of the search has seen what the fold holds out."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from flow_parts import Repeat, make_choices, make_problem, make_rows, make_settings, make_values
from joblib import Memory
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression

from skdistill import DistilledClassifier, DistilledRegressor
from skdistill._labels import (
    INNER_FOLDS,
    adapt_teacher,
    find_temperature,
    fit_teacher,
    label_fold,
    label_transfer_set,
)
from skdistill._record import DistillationRecord
from skdistill._trials import hold_out, split_rows, usable_splits
from skdistill.targets import fit_temperature
from skdistill.teachers import CallableTeacher, as_teacher
from skdistill.transfer import build_transfer_set

X, Y = make_rows(90)
X[:, 0] = np.arange(90)  # tells the rows apart
HOW: dict[str, Any] = {"settings": make_settings()}


def rows_of(X: Any) -> list[int]:
    return np.asarray(X)[:, 0].astype(int).tolist()


class Witness(BaseEstimator):
    """Remembers which rows it was fitted to, and notes what it is asked about."""

    fits: list[frozenset[int]] = []  # noqa: RUF012
    asked: list[tuple[frozenset[int], list[int]]] = []  # noqa: RUF012

    @classmethod
    def forget(cls) -> None:
        cls.fits.clear()
        cls.asked.clear()

    def fit(self, X: Any, y: Any) -> Any:
        self.rows_, self.mean_ = frozenset(rows_of(X)), float(np.mean(y))
        self.classes_ = np.unique(y)
        self.fits.append(self.rows_)
        return self

    def note(self, X: Any) -> np.ndarray:
        """Answer with the mean of what it was fitted to."""
        self.asked.append((self.rows_, rows_of(X)))
        return np.full(len(X), self.mean_)


class WitnessClassifier(ClassifierMixin, Witness):
    def predict_proba(self, X: Any) -> np.ndarray:
        share = self.note(X)
        return np.column_stack([1.0 - share, share])

    def predict(self, X: Any) -> np.ndarray:
        return self.classes_[self.predict_proba(X).argmax(axis=1)]


class WitnessRegressor(RegressorMixin, Witness):
    def predict(self, X: Any) -> np.ndarray:
        return self.note(X)


def make_folds(problem: Any = None, **choices: Any) -> Any:
    problem = make_problem(X, Y) if problem is None else problem
    splits = usable_splits(split_rows(problem, make_settings()), problem)
    rng, chosen = np.random.RandomState(0), make_choices(**choices)
    return [hold_out(split, problem, None, chosen, rng, most=4000) for split in splits], chosen


def witness() -> Any:
    teacher = as_teacher(WitnessClassifier().fit(X, Y), task="classification")
    Witness.forget()
    return teacher


# -- folds of the search ------------------------------------------------------------------------


NESTED: dict[str, Any] = {**HOW, "keep_teacher": True, "nested": True}


def test_teachers_of_a_fold_have_not_seen_what_it_holds_out():
    folds, choices = make_folds(sampler=Repeat(), n_augmented=90)
    record = DistillationRecord()
    for fold in folds:
        teacher = witness()
        real = np.full((90, 2), np.nan)  # no label of the final fit is needed
        labeled = label_fold(teacher, fold, real, choices, record=record, **NESTED)
        train, test = set(fold.train), set(rows_of(fold.held_out.X))
        assert len(Witness.fits) == 1 + INNER_FOLDS
        assert set.union(*map(set, Witness.fits)) == train
        for fitted_to, asked in Witness.asked:
            assert not fitted_to & test
            assert not set(asked) & test
        # Its real rows are labelled by teachers that have not seen these, others by one of all.
        out_of_fold = [(f, a) for f, a in Witness.asked if set(f) != train]
        assert sorted(row for _, asked in out_of_fold for row in asked) == sorted(train)
        assert all(not fitted_to & set(asked) for fitted_to, asked in out_of_fold)
        (others,) = [asked for fitted_to, asked in Witness.asked if set(fitted_to) == train]
        assert others == rows_of(fold.rows.others)
        np.testing.assert_allclose(labeled.targets[60:, 1], Y[fold.train].mean())
        assert labeled.targets.shape == (60 + 60, 2)
        assert labeled.teacher is not teacher
    assert record.teacher_fits == 3 * (1 + INNER_FOLDS)
    assert record.teacher_rows_scored == 3 * 120


def test_a_teacher_that_nobody_asks_is_not_fitted():
    (fold, *_), choices = make_folds()
    record, teacher = DistillationRecord(), witness()
    options = {**NESTED, "keep_teacher": False}
    labeled = label_fold(teacher, fold, np.empty((90, 2)), choices, record=record, **options)
    assert record.teacher_fits == len(Witness.fits) == INNER_FOLDS
    assert labeled.targets.shape == (60, 2)


def test_memory_answers_for_the_teachers_of_a_fold(tmp_path: Any):
    settings = make_settings(memory=Memory(tmp_path, verbose=0))
    options = {"settings": settings, "keep_teacher": False, "nested": True}
    teacher = as_teacher(LogisticRegression().fit(X, Y), task="classification")
    answers, fits = [], []
    for _ in range(2):
        (fold, *_), choices = make_folds(sampler=Repeat(), n_augmented=90)
        record = DistillationRecord()
        labeled = label_fold(teacher, fold, np.empty((90, 2)), choices, record=record, **options)
        answers.append(labeled.targets)
        fits.append((record.teacher_fits, record.teacher_rows_scored))
    np.testing.assert_array_equal(*answers)
    assert fits == [(1 + INNER_FOLDS, 120), (0, 0)]


def test_labels_of_the_final_fit_where_no_nested_ones_are_wanted():
    (fold, *_), choices = make_folds(sampler=Repeat(), n_augmented=90)
    real, record = np.random.default_rng(0).dirichlet([1, 1], size=90), DistillationRecord()
    options = {**NESTED, "nested": False}
    labeled = label_fold(witness(), fold, real, choices, record=record, **options)
    np.testing.assert_array_equal(labeled.targets[:60], real[fold.train])
    # The other rows are labelled by a teacher of the fold all the same.
    assert Witness.fits == [frozenset(fold.train)]
    np.testing.assert_allclose(labeled.targets[60:, 1], Y[fold.train].mean())


def test_a_frozen_teacher_labels_by_itself():
    folds, choices = make_folds(sampler=Repeat(), n_augmented=90, teacher_labels="in_sample")
    teacher = as_teacher(FrozenEstimator(LogisticRegression().fit(X, Y)), task="classification")
    real, record = teacher.predict_proba(X, np.array([0, 1])), DistillationRecord()
    for fold in folds:
        labeled = label_fold(teacher, fold, real, choices, record=record, **NESTED)
        assert labeled.teacher is teacher
        wanted = teacher.predict_proba(fold.rows.X, np.array([0, 1]))
        np.testing.assert_allclose(labeled.targets, wanted)
    assert record.teacher_fits == 0
    assert record.teacher_rows_scored == 3 * 60  # what is known is not asked again


def test_precomputed_targets_are_those_given():
    P = np.column_stack([1.0 - Y, Y]) * 0.8 + 0.1
    problem = make_problem(X, Y, targets=P)
    folds, choices = make_folds(problem, teacher_labels="given")
    for fold in folds:
        labeled = label_fold(None, fold, P, choices, record=DistillationRecord(), **NESTED)
        assert labeled.teacher is None
        np.testing.assert_array_equal(labeled.targets, P[fold.train])


@pytest.mark.filterwarnings("ignore::skdistill.exceptions.TeacherNotUsedWarning")
def test_a_class_of_two_rows_does_not_stop_the_search():
    # Each half has one of them, and none is left for the teachers of some inner fold.
    y = (np.arange(90) >= 88).astype(int)
    distilled = DistilledClassifier(
        LogisticRegression(), student="linear", cv=2, augment=None, random_state=0
    ).fit(X, y)
    assert distilled.distillation_.search_fits > 0
    assert distilled.distillation_.teacher_fits == 1 + 2


@pytest.mark.filterwarnings("ignore::skdistill.exceptions.TeacherNotUsedWarning")
@pytest.mark.parametrize("task", ["classification", "regression"])
def test_the_whole_flow_asks_no_teacher_about_rows_it_has_seen(task: str):
    if task == "classification":
        distilled, y = DistilledClassifier(WitnessClassifier(), student="linear"), Y
    else:
        distilled, y = DistilledRegressor(WitnessRegressor(), student="linear"), make_values(90)[1]
    Witness.forget()
    distilled.set_params(augment=None, random_state=0, cv=3).fit(X, y)
    assert all(not fitted_to & set(asked) for fitted_to, asked in Witness.asked)
    assert distilled.distillation_.teacher_fits == len(Witness.fits) == 1 + 3 + 3 * INNER_FOLDS


def test_without_a_search_no_teacher_is_fitted_for_it():
    Witness.forget()
    distilled = DistilledClassifier(
        WitnessClassifier(), student="linear", cv=3, augment=None, search_budget=0, random_state=0
    ).fit(X, Y)
    assert distilled.distillation_.teacher_fits == len(Witness.fits) == 1 + 3


# -- the final fit ------------------------------------------------------------------------------


def label(teacher: Any, problem: Any, **choices: Any) -> tuple[np.ndarray, DistillationRecord]:
    record = DistillationRecord()
    rows = build_transfer_set(X, X_unlabeled=X[:10] + 1000.0)
    splits = split_rows(problem, make_settings())
    targets = label_transfer_set(
        teacher, rows, problem, make_choices(**choices), splits=splits, record=record, **HOW
    )
    return targets, record


def test_real_rows_out_of_fold_and_others_by_the_teacher_itself():
    targets, record = label(witness(), make_problem(X, Y))
    assert targets.shape == (100, 2)
    assert all(len(fitted_to) == 60 for fitted_to in Witness.fits)
    assert all(not fitted_to & set(asked) for fitted_to, asked in Witness.asked)
    np.testing.assert_allclose(targets[90:, 1], Y.mean())
    assert (record.teacher_fits, record.teacher_rows_scored) == (3, 100)


def test_real_rows_in_sample():
    targets, record = label(witness(), make_problem(X, Y), teacher_labels="in_sample")
    np.testing.assert_allclose(targets[:, 1], Y.mean())
    assert (record.teacher_fits, record.teacher_rows_scored) == (0, 100)


def test_given_targets_are_kept_and_the_teacher_labels_the_others():
    P = np.column_stack([1.0 - Y, Y]) * 0.8 + 0.1
    targets, record = label(witness(), make_problem(X, Y, targets=P), teacher_labels="given")
    np.testing.assert_array_equal(targets[:90], P)
    np.testing.assert_allclose(targets[90:, 1], Y.mean())
    assert record.teacher_rows_scored == 10


def test_the_calibrating_temperature_is_found_on_real_rows_alone():
    rng = np.random.default_rng(0)
    P = np.clip(Y + rng.normal(scale=0.4, size=90), 0.01, 0.99)
    P = np.column_stack([1.0 - P, P])
    targets = np.concatenate([P, np.full((500, 2), 0.5)])
    record = DistillationRecord()
    problem = make_problem(X, Y, weight=1.0 + np.arange(90) % 2)
    found = find_temperature(targets, problem, make_choices(calibrate=True), record)
    assert found == record.teacher_temperature == fit_temperature(P, Y, problem.weight)
    assert record.calibrated
    other = DistillationRecord()
    assert find_temperature(targets, problem, make_choices(), other) == 1.0
    assert not other.calibrated


# -- the teacher --------------------------------------------------------------------------------


def test_a_fitted_teacher_is_not_fitted_again():
    record = DistillationRecord()
    problem = make_problem(X, Y)
    teacher = adapt_teacher(LogisticRegression().fit(X, Y), problem, record, task="classification")
    assert fit_teacher(teacher, problem, record=record, task="classification", **HOW) is teacher
    assert (record.teacher, record.teacher_fits) == ("LogisticRegression", 0)


def test_an_unfitted_teacher_is_fitted_once():
    record = DistillationRecord()
    Witness.forget()
    problem = make_problem(X, Y)
    teacher = adapt_teacher(WitnessClassifier(), problem, record, task="classification")
    fitted = fit_teacher(teacher, problem, record=record, task="classification", **HOW)
    assert fitted.is_fitted
    assert [len(rows) for rows in Witness.fits] == [90]
    assert record.teacher_fits == 1


def test_no_teacher_needs_targets():
    record = DistillationRecord()
    with pytest.raises(ValueError, match=r"teacher is None.*give a teacher"):
        adapt_teacher(None, make_problem(X, Y), record, task="classification")
    P = np.column_stack([1.0 - Y, Y])
    assert adapt_teacher(None, make_problem(X, Y, targets=P), record, task="classification") is None


# -- many rows ----------------------------------------------------------------------------------


def test_progress_of_labelling_many_rows(capsys: Any):
    teacher = CallableTeacher(lambda rows: 0.2 + 0.0 * rows[:, 0], output="probabilities")
    distilled = DistilledClassifier(
        teacher, student="linear", search_budget=0, random_state=0, verbose=1
    )
    many = np.zeros((9000, 4))
    distilled.set_params(augment=None).fit(X, Y, X_unlabeled=many)
    lines = capsys.readouterr().err.splitlines()
    done = [line for line in lines if "has labelled" in line]
    assert [line.split("labelled ")[1] for line in done] == [
        "4096 of 9000 rows",
        "8192 of 9000 rows",
        "9000 of 9000 rows",
    ]
