"""The verdict follows from the bound of the shortfall, and from the direct fit."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from report_parts import make_case

from skdistill import DistillationReport
from skdistill._scorers import make_metric
from skdistill.report._evidence import Evidence
from skdistill.report._groups import compare_groups, read_groups
from skdistill.report._verdict import KEEP, NOT_WORTH_IT, SHIP, decide

CLASSES = np.array(["a", "b"])


def evidence_of(*, n=400, seed=0, **right):
    """Make models that are right on so many rows, each with the same confidence."""
    rng = np.random.RandomState(seed)
    codes = rng.randint(2, size=n)
    answers = {}
    for name, share in right.items():
        correct = np.arange(n) < share * n
        said = np.where(correct, codes, 1 - codes)
        answers[name] = np.where(np.eye(2)[said] > 0, 0.9, 0.1)
    return Evidence(np.arange(n)[:, None], CLASSES[codes], CLASSES, None, answers)


def decision(tolerance, *, used_teacher=True, **right):
    metric = make_metric("accuracy", CLASSES)
    verdict = decide(evidence_of(**right), metric, (tolerance, False), used_teacher, 0)
    return verdict["decision"], verdict


@pytest.mark.parametrize(
    ("right", "tolerance", "expected"),
    [
        ({"teacher": 0.9, "student": 0.9}, 0.01, SHIP),
        ({"teacher": 0.9, "student": 0.95}, 0.0, SHIP),
        ({"teacher": 0.9, "student": 0.7}, 0.05, KEEP),
        # The mean is within tolerance, its bound is not.
        ({"teacher": 0.9, "student": 0.89}, 0.011, KEEP),
        ({"teacher": 0.9, "student": 0.9, "direct": 0.7}, 0.01, SHIP),
        ({"teacher": 0.9, "student": 0.9, "direct": 0.9}, 0.01, NOT_WORTH_IT),
        ({"teacher": 0.9, "student": 0.9, "direct": 0.95}, 0.01, NOT_WORTH_IT),
        ({"teacher": 0.9, "student": 0.7, "direct": 0.7}, 0.01, KEEP),
    ],
)
def test_decision(right, tolerance, expected):
    found, verdict = decision(tolerance, **right)
    assert found == expected
    assert verdict["within_tolerance"] == (expected != KEEP)


def test_student_that_used_no_teacher_is_not_worth_distilling():
    assert decision(0.01, used_teacher=False, teacher=0.9, student=0.9)[0] == NOT_WORTH_IT


def test_reasons_tell_the_figures():
    _, verdict = decision(0.05, teacher=0.9, student=0.7, direct=0.6)
    assert "student scores 0.7 and the teacher 0.9" in verdict["reasons"][0]
    assert "the shortfall itself is too large" in verdict["reasons"][0]
    assert "direct fit to the true labels scores 0.6" in verdict["reasons"][1]
    _, verdict = decision(0.011, teacher=0.9, student=0.89)
    assert "more test rows may show it" in verdict["reasons"][0]
    _, verdict = decision(0.0, teacher=0.9, student=0.95)
    assert "scores better than its teacher" in verdict["reasons"][-1]


def test_relative_tolerance_is_a_share_of_the_teachers_score():
    metric = make_metric("accuracy", CLASSES)
    verdict = decide(evidence_of(teacher=0.8, student=0.8), metric, (0.05, True), True, 0)
    assert verdict["allowed"] == pytest.approx(0.04)


def test_direct_fit_of_a_report_is_measured():
    case = make_case(2)
    report = DistillationReport.from_estimator(
        case.estimator, case.X, case.y, direct=case.estimator.student_, tolerance=10.0
    )
    assert report.verdict == NOT_WORTH_IT
    row = report.to_dict()["measures"][0]
    assert row["direct"] == row["student"]


def groups_of(teacher, student, n=2000):
    """Compare groups "x" and "y" where the models are right on such shares of the rows."""
    half = np.arange(n) < n // 2
    answers = {}
    for name, shares in (("teacher", teacher), ("student", student)):
        place = np.where(half, np.arange(n), np.arange(n) - n // 2) / (n // 2)
        correct = place < np.where(half, *shares)
        answers[name] = np.where(np.eye(2)[np.where(correct, 1, 0)] > 0, 0.9, 0.1)
    evidence = Evidence(np.zeros((n, 1)), np.full(n, "b"), CLASSES, None, answers)
    labels = np.where(half, "x", "y")
    return compare_groups(evidence, labels, make_metric("accuracy", CLASSES), 0)[0]


@pytest.mark.parametrize(
    ("teacher", "student", "expected"),
    [
        ((0.9, 0.8), (0.9, 0.8), "inherits"),
        ((0.9, 0.8), (0.9, 0.799), "inherits"),
        ((0.9, 0.8), (0.9, 0.6), "widens"),
        ((0.9, 0.6), (0.8, 0.8), "narrows"),
    ],
)
def test_gaps_between_groups(teacher, student, expected):
    table = groups_of(teacher, student)
    assert table["verdict"] == expected
    assert table["teacher_gap"] == pytest.approx(abs(teacher[0] - teacher[1]))
    assert table["student_gap"] == pytest.approx(abs(student[0] - student[1]))
    assert [row["n"] for row in table["rows"]] == [1000, 1000]


def test_small_groups_do_not_count():
    evidence = evidence_of(n=40, teacher=0.9, student=0.8)
    labels = ["x"] * 35 + ["y"] * 4 + [None]
    table = compare_groups(evidence, labels, make_metric("accuracy", CLASSES), 0)[0]
    assert table["teacher_gap"] is None
    assert [(row["group"], row["n"]) for row in table["rows"]] == [
        ("x", 35),
        ("y", 4),
        ("(missing)", 1),
    ]


def test_columns_become_groups():
    pd = pytest.importorskip("pandas")
    X = pd.DataFrame(
        {
            "city": ["Rome", "Oslo", None, "Rome"] * 25,
            "few": [1.0, 2.0, np.nan, 2.0] * 25,
            "many": np.arange(100.0),
        }
    )
    evidence = SimpleNamespace(X=X, columns=list(X.columns), y=np.zeros(100))
    groups = read_groups(["city", "few", "many"], evidence)
    assert groups["city"][:4].tolist() == ["Rome", "Oslo", "(missing)", "Rome"]
    assert groups["few"][:4].tolist() == ["1", "2", "(missing)", "2"]
    names, counts = np.unique(groups["many"].tolist(), return_counts=True)
    assert len(names) == 4
    assert counts.tolist() == [25] * 4
    assert list(read_groups(X["city"], evidence)) == ["city"]
