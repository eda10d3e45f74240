"""Generations are fitted to out-of-fold labels of the one before, and scored on unseen rows."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from flow_parts import make_choices, make_problem, make_rows, make_settings, make_values
from joblib import Memory
from sklearn.linear_model import LogisticRegression
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from skdistill import _generations
from skdistill._generations import Chain
from skdistill._problem import Problem, check_problem
from skdistill._record import DistillationRecord
from skdistill._trials import split_rows
from skdistill.students import TreeStudentClassifier
from skdistill.students._real_rows import LEAST_PROBABILITY
from skdistill.targets import one_hot

X, Y = make_rows(150)
VALUES = make_values(150)[1]
WEIGHT = np.where(np.arange(150) % 3, 1.0, 2.5)


def values_problem(y: np.ndarray = VALUES, weight: Any = None) -> Problem:
    return check_problem(X, y, weight, None, task="regression")


def make_chain(
    student: Any, problem: Problem, *, choices: dict[str, Any] | None = None, **changes: Any
) -> Chain:
    usual = {"hard_label_weight": 0.5} | (choices or {})
    if problem.classes is None:
        usual["temperature"] = None
    record, settings = DistillationRecord(), make_settings(**changes)
    return Chain(student, problem, make_choices(**usual), settings, record)


# -- what a generation learns -------------------------------------------------------------------


@pytest.mark.parametrize("number", [0, 1, 2, 3])
def test_generation_learns_out_of_fold_predictions_of_the_one_before(number: int) -> None:
    # This student memorises its rows: its own labels of them would be the true values.
    student = DecisionTreeRegressor(random_state=0)
    chain = make_chain(student, values_problem(weight=WEIGHT), choices={"hard_label_weight": 0.3})
    wanted = VALUES
    for _ in range(number):
        labels = np.empty(150)
        for train, test in split_rows(chain.problem, chain.settings):
            fold = DecisionTreeRegressor(random_state=0)
            labels[test] = fold.fit(X[train], wanted[train], WEIGHT[train]).predict(X[test])
        wanted = 0.3 * VALUES + 0.7 * labels
    (fitted,) = chain.run(number, average=False)
    expected = DecisionTreeRegressor(random_state=0).fit(X, wanted, WEIGHT)
    np.testing.assert_allclose(fitted.predict(X), expected.predict(X))
    if number:
        assert np.abs(fitted.predict(X) - VALUES).mean() > 0.1
        assert chain.record.teacher_fits == 3 * number


def test_generation_learns_out_of_fold_probabilities_of_the_one_before() -> None:
    student = DecisionTreeClassifier(min_samples_leaf=10, random_state=0)
    chain = make_chain(student, make_problem(X, Y))
    labels = np.empty((150, 2))
    for train, test in split_rows(chain.problem, chain.settings):
        fold = DecisionTreeClassifier(min_samples_leaf=10, random_state=0)
        labels[test] = fold.fit(X[train], Y[train]).predict_proba(X[test])
    mixed = 0.5 * labels + 0.5 * one_hot(Y, 2)
    (fitted,) = chain.run(1, average=False)
    # A leaf of the tree holds the mean of the labels it was fitted to.
    leaves = fitted.apply(X)
    for leaf in np.unique(leaves):
        inside = leaves == leaf
        np.testing.assert_allclose(fitted.predict_proba(X[inside])[0], mixed[inside].mean(axis=0))


def test_all_generations_are_there_to_be_averaged() -> None:
    chain = make_chain(DecisionTreeRegressor(random_state=0), values_problem())
    students = chain.run(2, average=True)
    for number, student in enumerate(students):
        (alone,) = chain.run(number, average=False)
        np.testing.assert_array_equal(student.predict(X), alone.predict(X))
    assert len(students) == 3


def test_temperature_softens_the_labels() -> None:
    student = TreeStudentClassifier(max_leaf_nodes=6, refine=False, random_state=0)
    one, hot = (
        make_chain(student, make_problem(X, Y), choices={"temperature": t}).run(1, average=False)[0]
        for t in (1.0, 5.0)
    )
    assert not np.allclose(one.predict_proba(X), hot.predict_proba(X))


# -- how generations are compared ---------------------------------------------------------------


def test_no_generation_has_seen_what_it_is_scored_on() -> None:
    student = DecisionTreeRegressor(random_state=0)
    chain = make_chain(student, values_problem())
    branch = chain._branches()[0]
    changed = VALUES.copy()
    changed[branch.test] = 1e3
    other = make_chain(student, values_problem(changed))
    answers = []
    for each in (chain, other):
        part = each._branches()[0]
        np.testing.assert_array_equal(part.test, branch.test)
        for number in range(3):
            if number:
                each._label([part], number - 1)
                assert np.isnan(part.targets[part.test]).all()
            trial = _generations.Trial(each.choices)
            each._score([part], trial, number, average=False)
        answers.append(part.answers)
    # The folds of cv without this part, as on all rows, would give labels that know these values.
    np.testing.assert_array_equal(*answers)


def test_score_is_the_mean_loss_on_held_out_rows_by_weight() -> None:
    student = DecisionTreeRegressor(max_leaf_nodes=4, random_state=0)
    chain = make_chain(student, values_problem(weight=WEIGHT))
    (trial,) = chain.compare(0, average=False)
    losses = np.empty(150)
    for train, test in split_rows(chain.problem, chain.settings):
        fold = DecisionTreeRegressor(max_leaf_nodes=4, random_state=0)
        fold.fit(X[train], VALUES[train], WEIGHT[train])
        losses[test] = (fold.predict(X[test]) - VALUES[test]) ** 2
    assert trial.score == pytest.approx(np.average(losses, weights=WEIGHT))


def test_average_is_scored_by_the_mean_of_all_answers_so_far() -> None:
    student = DecisionTreeClassifier(min_samples_leaf=5, random_state=0)
    chain = make_chain(student, make_problem(X, Y))
    branches = chain._branches()
    scores = []
    for number in range(2):
        if number:
            chain._label(branches, 0)
        scores.append(_generations.Trial(chain.choices))
        chain._score(branches, scores[-1], number, average=True)
    losses = []
    for branch in branches:
        right = np.mean(branch.answers, axis=0)[np.arange(len(branch.test)), Y[branch.test]]
        losses.append(-np.log(np.maximum(right, LEAST_PROBABILITY)))
    assert scores[1].score == pytest.approx(np.concatenate(losses).mean())
    assert scores[1].score < 0.95 * scores[0].score


@pytest.mark.parametrize(
    ("scores", "n_tried"),
    [
        ([3.0, 2.0, 1.0, 0.5], 4),
        ([3.0, 3.0, 1.0, 0.5], 2),
        ([3.0, 2.0, 2.5, 0.5], 3),
        ([np.nan, 2.0, 2.5, 0.5], 1),
        ([3.0, np.inf, 2.5, 0.5], 2),
    ],
)
def test_stops_at_the_first_generation_that_is_no_better(
    scores: list[float], n_tried: int, monkeypatch: Any
) -> None:
    def score(self: Any, branches: Any, trial: Any, number: int, *, average: bool) -> None:
        trial.add(np.full(5, scores[number]), np.ones(5), 0.0)

    labelled: list[int] = []
    monkeypatch.setattr(Chain, "_score", score)
    monkeypatch.setattr(Chain, "_label", lambda self, b, number: labelled.append(number) or 0.0)
    trials = make_chain(LogisticRegression(), make_problem(X, Y)).compare(3, average=False)
    assert len(trials) == n_tried
    assert labelled == list(range(n_tried - 1))  # nothing is labelled for those not tried


def test_many_rows_are_held_out_once(monkeypatch: Any) -> None:
    chain = make_chain(DecisionTreeRegressor(), values_problem(), cv=5)
    assert [len(branch.test) for branch in chain._branches()] == [30, 30, 30]
    monkeypatch.setattr(_generations, "MANY_ROWS", 149)
    assert [len(branch.test) for branch in chain._branches()] == [30]


def test_parts_without_enough_rows_of_two_classes_are_not_held_out() -> None:
    codes = np.zeros(150, dtype=int)
    codes[:3] = 1
    problem = make_problem(X, codes)
    assert make_chain(DecisionTreeClassifier(), problem, cv=3)._branches()
    # All of class 1 in one test: there is nothing to be learned without them.
    folds = [(np.setdiff1d(np.arange(150), t), t) for t in np.array_split(np.arange(150), 3)]
    assert len(make_chain(DecisionTreeClassifier(), problem, cv=folds)._branches()) == 2


def test_folds_of_one_class_are_refused_before_anything_is_fitted() -> None:
    codes = np.zeros(150, dtype=int)
    codes[:3] = 1
    folds = [(np.setdiff1d(np.arange(150), t), t) for t in np.array_split(np.arange(150), 3)]
    chain = make_chain(DecisionTreeClassifier(), make_problem(X, codes), cv=folds)
    message = "fold 0 have a single class.* give folds that spread the classes"
    with pytest.raises(ValueError, match=message):
        chain.compare(2, average=False)
    assert chain.record.search_fits == 0
    with pytest.raises(ValueError, match=message):
        chain.run(1, average=False)
    assert len(chain.run(0, average=False)) == 1


# -- running ------------------------------------------------------------------------------------


def test_cache_answers_the_second_time(tmp_path: Any) -> None:
    def run(**choices: Any) -> tuple[int, np.ndarray]:
        chain = make_chain(
            DecisionTreeClassifier(min_samples_leaf=5, random_state=0),
            make_problem(X, Y, choices.pop("weight", None)),
            memory=Memory(str(tmp_path), verbose=0),
            choices=choices,
        )
        chain.compare(1, average=False)
        (fitted,) = chain.run(1, average=False)
        return chain.record.teacher_fits, fitted.predict_proba(X)

    first, again = run(), run()
    # Three folds on each of three parts. Generation 0 has labelled all rows when it was scored.
    assert (first[0], again[0]) == (9, 0)
    np.testing.assert_array_equal(first[1], again[1])
    assert run(hard_label_weight=0.1)[0] == 9
    assert run(weight=WEIGHT)[0] == 9


def test_student_that_cannot_be_hashed_is_fitted_without_the_cache(tmp_path: Any) -> None:
    class Unhashable(DecisionTreeRegressor):
        def __getstate__(self) -> Any:
            raise TypeError("not today")

    chain = make_chain(Unhashable(), values_problem(), memory=Memory(str(tmp_path), verbose=0))
    assert chain._key is None
    assert chain.run(1, average=False)[0].predict(X).shape == (150,)


def test_jobs_do_not_change_the_result() -> None:
    chain = make_chain(DecisionTreeRegressor(random_state=0), values_problem())
    two = replace(chain, settings=make_settings(n_jobs=2), record=DistillationRecord())
    for one, other in zip(
        chain.compare(2, average=False), two.compare(2, average=False), strict=True
    ):
        assert one.score == other.score
    assert chain.record.teacher_fits == two.record.teacher_fits
