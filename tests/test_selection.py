"""The search: its budget, its rule, its cache, its record."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from flow_parts import Repeat, make_choices, make_problem, make_rows, make_settings, make_values
from sklearn.base import clone
from sklearn.ensemble import RandomForestClassifier
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression, Ridge, RidgeClassifier

from skdistill import DistilledClassifier, DistilledRegressor, _selection, _trials
from skdistill._choosing import Choices
from skdistill._comparison import Trial
from skdistill._problem import check_problem
from skdistill._record import DistillationRecord
from skdistill._selection import Search, warn_if_unused
from skdistill._trials import split_rows, usable_splits
from skdistill.exceptions import TeacherNotUsedWarning
from skdistill.knowledge import FeatureKnowledge
from skdistill.students import TreeStudentClassifier, TreeStudentRegressor

# What is chosen does not matter to most of these tests.
pytestmark = pytest.mark.filterwarnings(
    "ignore::skdistill.exceptions.TeacherNotUsedWarning",
)

X, Y = make_rows(120)
TREE = TreeStudentClassifier(max_leaf_nodes=4, refine=False, random_state=0)

RULES = make_choices(sampler=Repeat(), n_augmented=240)
DIRECT = make_choices(use_teacher=False)
BARE = make_choices()
HARD = make_choices(sampler=Repeat(), n_augmented=240, hard_label_weight=1.0)
SOFT = make_choices(sampler=Repeat(), n_augmented=240, hard_label_weight=0.0)
MIXED = make_choices(sampler=Repeat(), n_augmented=240, hard_label_weight=0.7)
ALL = [RULES, DIRECT, BARE, HARD, MIXED, SOFT]


# -- the budget ---------------------------------------------------------------------------------


@pytest.mark.parametrize("budget", [0, 2, 5, 12, 100])
def test_no_more_students_are_fitted(budget: int, monkeypatch: Any):
    calls = count_fits(monkeypatch)
    distilled = DistilledClassifier(
        LogisticRegression(), student=TREE, search_budget=budget, random_state=0
    )
    record = distilled.fit(X, Y).distillation_
    assert record.search_fits == len(calls) <= budget
    assert sum(candidate["n_folds"] for candidate in record.candidates) == len(calls)
    assert bool(record.candidates) == (budget >= 2)


@pytest.mark.parametrize("budget", [2, 4, 12])
def test_where_rows_are_drawn_the_direct_fit_meets_the_one_chosen_on_all_rows(
    budget: int, monkeypatch: Any
):
    sizes = []

    def learn(
        student: Any, rows: Any, targets: Any, problem: Any, choices: Any, *rest: Any, **more: Any
    ):
        sizes.append((problem.n_rows, choices.use_teacher))
        return learn_as_ever(student, rows, targets, problem, choices, *rest, **more)

    learn_as_ever = _selection.learn
    monkeypatch.setattr(_selection, "learn", learn)
    for module in (_selection, _trials):
        monkeypatch.setattr(module, "MAX_REAL_ROWS", 40)
    distilled = DistilledClassifier(
        LogisticRegression(), student=TREE, search_budget=budget, random_state=0
    )
    record = distilled.fit(X, Y).distillation_
    assert record.search_fits == len(sizes) <= budget
    assert len(record.final_losses) == 2
    assert sizes[-2:] == [(96, True), (96, False)]  # four fifths of 120 rows
    assert all(n_rows <= 41 for n_rows, _ in sizes[:-2])
    assert record.used_teacher or record.final_losses[1] < record.final_losses[0]
    assert sum(candidate["chosen"] for candidate in record.candidates) == 1


# -- the rule -----------------------------------------------------------------------------------


def made_up(
    losses: dict[int, Any], weight: Any = None, *, teacher: float = 0.0, whole: bool = False
) -> tuple[Choices, DistillationRecord, Any]:
    """Search with these losses of the candidates: what is chosen (`whole`: with its reasons).

    That of the teacher is the same for all rows.
    """
    run, numbered = make_settings(), X.copy()
    numbered[:, 0] = np.arange(len(Y))  # tells the rows apart
    problem = make_problem(numbered, Y, weight)
    splits = split_rows(problem, run)
    first = [set(test) for _, test in usable_splits(splits, problem)]
    record, asked = DistillationRecord(teacher="Made", student="Up"), Counter()
    candidates = [ALL[which] for which in losses]

    def answer(key: str, run: Any, choices: Choices) -> tuple[np.ndarray, np.ndarray, float]:
        held_out = run.fold.fold.held_out
        test = held_out.X[:, 0].astype(int)
        which = next(i for i, candidate in enumerate(ALL) if candidate is choices)
        asked[which] += 1
        weights = np.ones(len(test)) if held_out.weight is None else held_out.weight
        number = first.index(set(test))
        return np.broadcast_to(losses[which], (3, len(Y)))[number, test], weights, 0.1

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_selection, "_held_out_losses", answer)
        right, rng = np.exp(-teacher), np.random.RandomState(0)
        targets = np.where(np.arange(2) == Y[:, None], right, 1.0 - right)
        search = Search(TREE, problem, None, None, targets, 1.0, run, record, rng)
        chosen = search.choose(candidates, splits)
    if not whole:
        chosen = next(one for one in candidates if one.describe() == chosen.describe())
    return chosen, record, asked


NOISE = np.random.default_rng(0).normal(size=len(Y))


def test_a_clear_winner_is_taken():
    chosen, record, _ = made_up({0: 0.8, 1: 0.9, 2: 0.5 + 0.1 * NOISE})
    assert chosen is BARE
    assert [candidate["chosen"] for candidate in record.candidates] == [False, False, True]
    assert record.candidates[0]["excess"] == pytest.approx(0.3 - 0.1 * NOISE.mean())
    error = 0.1 * NOISE.std() / np.sqrt(len(Y))
    assert record.candidates[0]["standard_error"] == pytest.approx(error)


def test_what_is_within_one_standard_error_of_the_best_gives_way_to_the_simpler():
    error = NOISE.std() / np.sqrt(len(Y))
    near = 1.0 + 0.9 * error + NOISE - NOISE.mean()
    beyond = 1.0 + 1.1 * error + NOISE - NOISE.mean()
    # The rules need no search, and come first; then the direct fit, which needs no teacher.
    assert made_up({0: near, 1: near, 2: 1.0})[0] is RULES
    assert made_up({0: beyond, 1: near, 2: 1.0})[0] is DIRECT
    assert made_up({0: beyond, 1: beyond, 2: 1.0})[0] is BARE
    assert made_up({0: near, 1: 1.0})[0] is RULES
    assert made_up({0: beyond, 1: 1.0})[0] is DIRECT
    assert made_up({0: 1.0, 2: 1.0, 1: 1.0})[0] is RULES
    # Differences that are the same in all rows are no noise.
    assert made_up({0: 1.001, 1: 1.0})[0] is DIRECT


def test_the_noise_is_that_of_the_difference_row_by_row():
    # Rows that are hard for both say nothing about which is better.
    assert made_up({0: 0.05 + 9.0 * NOISE + 0.01 * NOISE**2, 1: 9.0 * NOISE})[0] is DIRECT


@pytest.mark.parametrize(("which", "wanted"), [(0, RULES), (1, DIRECT)])
def test_rules_direct_fit_and_the_best_of_the_first_fold_go_on(which: int, wanted: Choices):
    first = {0: 1.4, 1: 1.5, 2: 0.8, 3: 0.7, 4: 1.3, 5: 0.9}
    losses = {i: np.array([[loss], [loss], [loss]]) for i, loss in first.items()}
    losses[which][1:] = 0.2  # is better than all others on the other folds
    chosen, record, asked = made_up(losses)
    assert asked == {0: 3, 1: 3, 2: 1, 3: 3, 4: 1, 5: 1}
    assert [candidate["n_folds"] for candidate in record.candidates] == [3, 3, 1, 3, 1, 1]
    assert chosen is wanted


def test_a_teacher_that_is_no_better_than_the_direct_fit_does_not_speak_for_its_student():
    error = NOISE.std() / np.sqrt(len(Y))
    noisy = 1.0 + NOISE - NOISE.mean()
    close, far = 1.0 - 0.9 * error, 1.0 - 1.1 * error
    losses = {0: 1.0 + 0.001 * error, 1: noisy}
    assert made_up(losses, teacher=far)[0] is RULES
    assert made_up(losses, teacher=close)[0] is DIRECT
    assert made_up(losses, teacher=2.0)[0] is DIRECT
    # Nor does it speak against it: the direct fit must be better.
    assert made_up({0: 1.0 - 0.001 * error, 1: noisy}, teacher=2.0)[0] is RULES
    # What is better than the direct fit by a standard error is taken; the rules come before it.
    assert made_up({**losses, 2: 1.0 - 0.9 * error}, teacher=2.0)[0] is DIRECT
    assert made_up({0: noisy, 1: noisy - 0.01 * error, 2: 0.5}, teacher=2.0)[0] is BARE
    other = 1.0 - 0.05 * error + 0.01 * (NOISE - NOISE.mean())
    assert made_up({0: noisy + 0.01 * error, 1: 1.0, 2: other}, teacher=2.0)[0] is RULES


def test_with_such_a_teacher_a_candidate_without_hints_is_still_simpler(monkeypatch: Any):
    hinted = replace(RULES, knowledge=(FeatureKnowledge(),), reasons={"knowledge": "given"})
    plain = replace(RULES, reasons={"knowledge": "given"})
    monkeypatch.setattr("test_selection.ALL", [hinted, DIRECT, plain, BARE])
    monkeypatch.setattr(_selection, "find_hints", lambda *_: None)
    error = NOISE.std() / np.sqrt(len(Y))
    near = 1.0 + 0.9 * error + NOISE - NOISE.mean()
    losses = {0: 2.0, 1: 1.9, 2: near, 3: 1.0}
    assert made_up(losses, teacher=3.0)[0] is plain


def test_the_final_is_by_the_same_rules(monkeypatch: Any):
    record, rng = DistillationRecord(teacher="Made", student="Up"), np.random.RandomState(0)
    problem, split = make_problem(X, Y), (np.arange(60), np.arange(60, 120))
    fold = _trials.hold_out(split, problem, None, RULES, rng, most=None)
    noise = NOISE[:60] - NOISE[:60].mean()
    error = noise.std() / np.sqrt(60)

    def winner(other: Any, *, teacher: float) -> Choices:
        def fit(_: Any, trials: list[Trial], *rest: Any) -> None:
            for trial, losses in zip(trials, (other, 1.0 + noise), strict=True):
                trial.add(np.broadcast_to(losses, 60), np.ones(60), 0.1)

        monkeypatch.setattr(Search, "_try", fit)
        right = np.exp(-teacher)
        targets = np.where(np.arange(2) == Y[:, None], right, 1.0 - right)
        search = Search(TREE, problem, None, None, targets, 1.0, make_settings(), record, rng)
        return search._let_meet(Trial(RULES), Trial(DIRECT), SimpleNamespace(fold=fold)).choices

    close, far = 1.0 - 0.9 * error, 1.0 - 1.1 * error
    assert winner(1.0 + 0.5 * error, teacher=far) is RULES
    assert winner(1.0 + 0.5 * error, teacher=close) is DIRECT
    assert winner(1.0 + 1.1 * error, teacher=far) is DIRECT
    assert winner(1.0 - 0.001 * error, teacher=2.0) is RULES


@pytest.mark.parametrize("temperature", [1.0, 4.0])
def test_the_teacher_is_judged_as_it_is_told(temperature: float):
    record, rng = DistillationRecord(teacher="Made", student="Up"), np.random.RandomState(0)
    problem, weight = make_problem(X, Y, 1.0 + Y), 1.0 + Y
    P = np.where(np.arange(2) == Y[:, None], 0.8, 0.2)
    disagreement = np.full((len(Y), 1), 9.0)
    targets = np.hstack([P, disagreement])
    search = Search(TREE, problem, None, None, targets, temperature, make_settings(), record, rng)
    split = usable_splits(split_rows(problem, make_settings()), problem)[0]
    fold = _trials.hold_out(split, problem, None, RULES, rng, most=None)
    losses, weights, _ = search._score_teacher(fold)
    odds = 4.0 ** (1.0 / temperature)
    np.testing.assert_allclose(losses, -np.log(odds / (1.0 + odds)), rtol=1e-12)
    np.testing.assert_array_equal(weights, weight[split[1]])


def test_beside_a_student_without_probabilities_wrong_labels_are_counted():
    record, rng = DistillationRecord(teacher="Made", student="Up"), np.random.RandomState(0)
    problem, split = make_problem(X, Y), (np.arange(60), np.arange(60, 120))
    fold = _trials.hold_out(split, problem, None, RULES, rng, most=None)
    wrong = np.arange(120) % 3 == 0
    targets = np.where(np.arange(2) == np.where(wrong, 1 - Y, Y)[:, None], 0.6, 0.4)
    targets = np.hstack([targets, np.full((120, 1), 9.0)])  # and a column of disagreement
    search = Search(
        RidgeClassifier(), problem, None, None, targets, 1.0, make_settings(), record, rng
    )
    np.testing.assert_array_equal(search._score_teacher(fold)[0], wrong[60:])


def test_a_teacher_of_values_is_judged_by_its_squared_error():
    record, rng = DistillationRecord(teacher="Made", student="Up"), np.random.RandomState(0)
    rows, values = make_values(120)
    problem = check_problem(rows, values, None, None, task="regression")
    split = np.arange(60), np.arange(60, 120)
    fold = _trials.hold_out(split, problem, None, RULES, rng, most=None)
    for targets in (values + 0.5, np.column_stack([values + 0.5, np.full(120, 9.0)])):
        search = Search(TREE, problem, None, None, targets, 1.0, make_settings(), record, rng)
        np.testing.assert_allclose(search._score_teacher(fold)[0], 0.25)


def test_rows_count_by_their_weight():
    wrong = (np.arange(len(Y)) % 4 == 0).astype(float)
    losses = {0: 0.9, 1: 1.0 - 0.2 * wrong}
    assert made_up(losses)[0] is RULES
    assert made_up(losses, weight=0.01 + wrong)[0] is DIRECT


def test_reasons_say_what_the_search_changed():
    rules = made_up({0: 0.1, 1: 0.9, 3: 0.8}, whole=True)[0]
    assert rules.reasons == {}
    better = "better on held-out rows than what the rules say"
    assert made_up({0: 0.9, 1: 0.9, 3: 0.1}, whole=True)[0].reasons == {"hard_label_weight": better}
    assert made_up({0: 0.9, 1: 0.9, 2: 0.1}, whole=True)[0].reasons == {"augment": better}
    direct = made_up({0: 0.9, 1: 0.1, 2: 0.8}, whole=True)[0].reasons
    assert direct.keys() >= {"hard_label_weight", "augment", "temperature"}
    assert set(direct.values()) == {"void: the teacher was not used"}


def test_a_student_that_predicts_no_numbers_is_never_taken():
    broken = np.where(np.arange(len(Y)) == 7, np.nan, 0.1)
    chosen, record, _ = made_up({0: 0.9, 1: 1.2, 2: broken})
    assert chosen is RULES
    assert record.candidates[2]["loss"] == np.inf


# -- the cache ----------------------------------------------------------------------------------


def count_fits(monkeypatch: Any, *, stop_at: int | None = None) -> list[Any]:
    """List the students that the search fits; interrupt it at one of them."""
    calls: list[Any] = []
    learn = _selection.learn

    def spy(*arguments: Any, **options: Any) -> Any:
        if len(calls) + 1 == stop_at:
            raise KeyboardInterrupt
        calls.append(arguments)
        return learn(*arguments, **options)

    monkeypatch.setattr(_selection, "learn", spy)
    return calls


def scores(record: DistillationRecord) -> list[dict[str, Any]]:
    """Return all that the record says of the candidates but their seconds."""
    return [{k: v for k, v in one.items() if k != "seconds"} for one in record.candidates]


def test_memory_answers_the_second_search(monkeypatch: Any, tmp_path: Any):
    calls = count_fits(monkeypatch)
    distilled = DistilledClassifier(
        LogisticRegression(), student=TREE, memory=str(tmp_path), random_state=0
    )
    first = distilled.fit(X, Y).distillation_
    assert len(calls) == 12
    second = clone(distilled).fit(X, Y).distillation_
    assert len(calls) == 12
    assert (second.candidates, second.search_fits) == (first.candidates, first.search_fits)
    # With a larger budget only what is new is fitted; another student is new.
    more = clone(distilled).set_params(search_budget=100).fit(X, Y).distillation_
    assert len(calls) == more.search_fits > 12
    clone(distilled).set_params(student__max_leaf_nodes=3).fit(X, Y)
    assert len(calls) == more.search_fits + 12


@pytest.mark.parametrize("what", ["labels", "weights"])
def test_memory_knows_the_held_out_rows(what: str, monkeypatch: Any, tmp_path: Any):
    # With labels by a frozen teacher, what is fitted on a fold does not tell what is held out.
    teacher = FrozenEstimator(LogisticRegression().fit(X, Y))
    folds = [(np.arange(60), np.arange(60, 120)), (np.arange(60, 120), np.arange(60))]
    distilled = DistilledClassifier(
        teacher, student=TREE, cv=folds, augment=None, random_state=0, search_budget=4
    )
    last = np.arange(120) >= 60
    y, weight = Y.copy(), np.ones(120)
    if what == "labels":
        y[last] = 1 - y[last]
    else:
        weight[last] = 1.0 + Y[last]
    answers = [
        scores(clone(distilled).set_params(memory=memory).fit(X, labels, w).distillation_)
        for memory, labels, w in ((str(tmp_path), Y, np.ones(120)), (str(tmp_path), y, weight))
    ]
    fresh = scores(clone(distilled).fit(X, y, weight).distillation_)
    assert answers[1] == fresh != answers[0]


def test_an_interrupted_search_goes_on(monkeypatch: Any, tmp_path: Any):
    distilled = DistilledClassifier(
        LogisticRegression(), student=TREE, memory=str(tmp_path), random_state=0
    )
    with monkeypatch.context() as patch:
        calls = count_fits(patch, stop_at=8)
        with pytest.raises(KeyboardInterrupt):
            distilled.fit(X, Y)
        assert len(calls) == 7
    assert not hasattr(distilled, "student_")
    calls = count_fits(monkeypatch)
    resumed = distilled.fit(X, Y)
    assert len(calls) == 12 - 7
    whole = clone(distilled).set_params(memory=None).fit(X, Y)
    assert scores(resumed.distillation_) == scores(whole.distillation_)
    np.testing.assert_array_equal(resumed.predict_proba(X), whole.predict_proba(X))


# -- seeds, jobs and the record -----------------------------------------------------------------


def test_same_seed_same_choice_for_any_number_of_jobs():
    teacher = RandomForestClassifier(2, min_samples_leaf=5)  # has no seed of its own
    settings = {"student": TREE, "cv": 2, "search_budget": 6, "random_state": 3}
    distilled = DistilledClassifier(teacher, **settings)
    fits = [clone(distilled).set_params(n_jobs=n_jobs).fit(X, Y) for n_jobs in (None, None, 2)]
    for other in fits[1:]:
        assert scores(other.distillation_) == scores(fits[0].distillation_)
        np.testing.assert_array_equal(other.predict_proba(X), fits[0].predict_proba(X))
    another = clone(distilled).set_params(random_state=4).fit(X, Y)
    assert scores(another.distillation_) != scores(fits[0].distillation_)


@pytest.mark.parametrize("task", ["classification", "regression"])
def test_the_record_of_a_search_is_plain_data(task: str):
    if task == "classification":
        distilled, rows = DistilledClassifier(LogisticRegression(), student=TREE), (X, Y)
    else:
        student = TreeStudentRegressor(max_leaf_nodes=4, refine=False)
        distilled, rows = DistilledRegressor(Ridge(), student=student), make_values(120)
    record = distilled.set_params(random_state=0).fit(*rows).distillation_
    assert json.loads(json.dumps(record.to_dict(), allow_nan=False)) == record.to_dict()
    chosen = [candidate for candidate in record.candidates if candidate["chosen"]]
    assert len(chosen) == 1
    assert chosen[0]["use_teacher"] is record.used_teacher
    assert (chosen[0]["excess"], chosen[0]["standard_error"]) == (0.0, 0.0)
    if record.used_teacher:
        assert chosen[0]["hard_label_weight"] == record.hard_label_weight
        assert chosen[0]["augment"] == record.augment
    assert record.seconds["search"] >= 0.9 * sum(one["seconds"] for one in record.candidates)


def test_the_warning_says_what_was_compared():
    _, record, _ = made_up({0: 0.75, 1: 0.5, 2: 0.625})
    record.used_teacher = False
    with pytest.warns(
        TeacherNotUsedWarning, match=r"The Up .*teacher Made was not used.* 0\.5; .*\+0\.125"
    ):
        warn_if_unused(record)
    record.used_teacher = True
    warn_if_unused(record)  # is silent
