"""What the search compares: only what is left to be chosen, and the direct fit."""

from __future__ import annotations

from typing import Any

import pytest
from flow_parts import Repeat, make_choices, make_situation

from skdistill._candidates import MIN_ROWS_TO_SEARCH, list_candidates
from skdistill._choosing import Choices
from skdistill.knowledge import FeatureKnowledge

AUTO: dict[str, Any] = {"hard_label_weight": "auto", "augment": "auto", "temperature": "auto"}
GIVEN: dict[str, Any] = {"hard_label_weight": 0.3, "augment": None, "temperature": 1.0}
RULES = make_choices(sampler=Repeat(), n_augmented=2500)
DIRECT = {"use_teacher": False}


def changes(candidates: list[Choices]) -> list[dict[str, Any]]:
    """Return in what each candidate differs from the first."""
    first = candidates[0].describe()
    return [
        {name: value for name, value in one.describe().items() if first[name] != value}
        for one in candidates[1:]
    ]


def names(candidates: list[Choices]) -> set[str]:
    return {name for change in changes(candidates) for name in change}


def test_all_is_left_to_be_chosen():
    candidates = list_candidates(RULES, AUTO, make_situation())
    assert candidates[0] is RULES
    # The direct fit comes early: a small budget must not lose it.
    assert changes(candidates)[0] == DIRECT
    assert names(candidates) == {"use_teacher", "hard_label_weight", "augment", "temperature"}
    assert {"augment": None} in changes(candidates)
    assert {"hard_label_weight": 0.0} in changes(candidates)
    assert {"hard_label_weight": 1.0} in changes(candidates)
    # One thing at a time, each once, and what is not compared stays as the rules chose it.
    assert all(len(change) == 1 for change in changes(candidates))
    assert len({str(change) for change in changes(candidates)}) == len(candidates) - 1
    assert {(c.teacher_labels, c.calibrate) for c in candidates} == {("cross_fit", False)}


@pytest.mark.parametrize("auto", ["hard_label_weight", "augment", "temperature"])
def test_what_is_given_is_not_varied(auto: str):
    candidates = list_candidates(RULES, {**GIVEN, auto: "auto"}, make_situation())
    # Who gives a weight to the labels does not get a student without the teacher.
    varied = {"hard_label_weight", "use_teacher"} if auto == "hard_label_weight" else {auto}
    assert names(candidates) == varied
    others = list_candidates(RULES, {**AUTO, auto: GIVEN[auto]}, make_situation())
    assert not names(others) & varied
    assert len(others) > 1


def test_nothing_is_left_to_be_chosen():
    assert list_candidates(RULES, GIVEN, make_situation()) == [RULES]


def test_candidates_without_the_teacher_or_its_rows_have_none():
    for candidate in list_candidates(RULES, AUTO, make_situation()):
        assert (candidate.n_augmented == 0) == (candidate.sampler is None)
        assert candidate.use_teacher or candidate.sampler is None


def test_hints_may_be_left_out_where_the_teacher_may() -> None:
    hinted = make_choices(knowledge=(FeatureKnowledge(),), reasons={"knowledge": "given"})
    candidates = list_candidates(hinted, AUTO, make_situation())
    assert changes(candidates)[:2] == [DIRECT, {"knowledge": ["response"]}]
    assert [c.knowledge for c in candidates].count(()) == 1
    assert "knowledge" not in names(
        list_candidates(hinted, {**AUTO, "hard_label_weight": 0.3}, make_situation())
    )
    assert "knowledge" not in names(list_candidates(RULES, AUTO, make_situation()))


def test_without_further_rows_full_weight_of_the_labels_is_the_direct_fit():
    plain = make_choices()
    full = {"hard_label_weight": 1.0}
    assert full not in changes(list_candidates(plain, AUTO, make_situation()))
    assert full in changes(list_candidates(plain, AUTO, make_situation(n_unlabeled=1)))
    assert "augment" not in names(list_candidates(plain, AUTO, make_situation()))


def test_students_that_are_not_built_in_and_values_have_no_temperature():
    assert "temperature" not in names(
        list_candidates(RULES, AUTO, make_situation(sees_temperature=False))
    )
    params = {name: value for name, value in AUTO.items() if name != "temperature"}
    values = make_choices(temperature=None, sampler=Repeat(), n_augmented=5)
    candidates = list_candidates(values, params, make_situation())
    assert {candidate.temperature for candidate in candidates} == {None}


def test_the_strength_of_a_correction_is_varied_where_there_is_one():
    corrected = make_choices(
        teacher_labels="corrected", correction=0.1, hard_label_weight=0.0, sampler=Repeat()
    )
    candidates = list_candidates(corrected, AUTO, make_situation())
    strengths = [c.correction for c in candidates if c.use_teacher]
    assert len(set(strengths)) >= 3
    assert changes(candidates)[0] == DIRECT
    assert {c.correction for c in list_candidates(RULES, AUTO, make_situation())} == {None}


@pytest.mark.parametrize(
    "where",
    [{"has_labels": False}, {"n_folds": 1}, {"n_folds": 0}, {"n_rows": MIN_ROWS_TO_SEARCH - 1}],
)
def test_only_the_rules_where_nothing_can_be_compared(where: dict[str, Any]):
    assert list_candidates(RULES, AUTO, make_situation(**where)) == [RULES]


def test_enough_rows():
    situation = make_situation(n_rows=MIN_ROWS_TO_SEARCH, n_folds=2)
    assert len(list_candidates(RULES, AUTO, situation)) > 3
