"""The search for the smallest student that is good enough."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.base import clone, is_classifier, is_regressor
from sklearn.datasets import make_classification, make_friedman1
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_score

from skdistill import CompactSearch
from skdistill.exceptions import UnmetToleranceWarning
from skdistill.plotting import ParetoDisplay
from skdistill.students import BaseStudent, TreeStudentClassifier

FEW = [TreeStudentClassifier(max_leaf_nodes=n, refine=False) for n in (2, 8)]


@pytest.fixture(scope="module")
def rows():
    return make_classification(600, 6, n_informative=4, random_state=0)


@pytest.fixture(scope="module")
def forest(rows):
    return RandomForestClassifier(20, min_samples_leaf=5, random_state=0).fit(*rows)


@pytest.fixture(scope="module")
def search(rows, forest):
    return CompactSearch(
        forest, students=["linear", *FEW], max_bytes=500, tolerance=10.0, cv=2, random_state=0
    ).fit(*rows)


def test_finds_the_smallest_within_a_wide_tolerance(search, rows):
    X, _ = rows
    assert search.within_tolerance_ is True
    (chosen,) = (row for row in search.candidates_ if row["chosen"])
    assert chosen["bytes"] == min(row["bytes"] for row in search.frontier_)
    assert chosen["upper"] <= 10
    assert chosen["verified"]
    assert chosen["n_folds"] == 1
    assert isinstance(search.best_student_, BaseStudent)
    assert search.student_ is search.best_student_
    assert search.predict_proba(X).shape == (600, 2)
    assert set(search.fidelity(X)) == {"agreement", "kl", "brier"}
    assert search.interval_.upper == chosen["upper"]
    assert "with 95 % confidence" in search.verdict_
    assert len(search.candidates_) == 6
    assert search.distillation_.used_teacher == chosen["distilled"]
    sizes = [row["bytes"] for row in search.frontier_]
    assert sizes == sorted(sizes)


def test_unmet_tolerance_warns_and_takes_the_best(rows, forest):
    search = CompactSearch(forest, students=FEW[0], tolerance="1%", cv=2, random_state=0)
    with pytest.warns(UnmetToleranceWarning, match="not shown to be within the tolerance"):
        search.fit(*rows)
    assert search.within_tolerance_ is False
    assert search.interval_.estimate > 0
    assert search.predict(rows[0]).shape == (600,)


def test_budget_that_nothing_meets(rows, forest):
    search = CompactSearch(forest, students=FEW, max_bytes=5, cv=2, random_state=0)
    with pytest.raises(ValueError, match=r"max_bytes=5: the smallest, tree, 2 leaves, has \d+"):
        search.fit(*rows)
    assert search.frontier_
    assert not any(row["chosen"] for row in search.frontier_)
    search = CompactSearch(forest, students=FEW, max_latency_us=1e-6, cv=2, random_state=0)
    with pytest.raises(ValueError, match="max_latency_us=1e-06: the fastest"):
        search.fit(*rows)
    search = CompactSearch(forest, students=FEW[1], max_leaves=4)
    with pytest.raises(ValueError, match="max_leaves=4 leaves none"):
        search.fit(*rows)


def test_direct_fit_beats_a_bad_teacher(rows):
    teacher = DummyClassifier(strategy="prior").fit(*rows)
    search = CompactSearch(teacher, students=FEW[1], cv=2, random_state=0).fit(*rows)
    assert not search.distillation_.used_teacher
    assert "better than the teacher" in search.verdict_
    assert "fitted to the true labels alone" in search.verdict_


def test_same_seed_same_result(search, rows, forest):
    again = clone(search).fit(*rows)
    for one, other in zip(search.candidates_, again.candidates_, strict=True):
        assert {**one, "latency_us": 0} == {**other, "latency_us": 0}
    np.testing.assert_array_equal(search.predict_proba(rows[0]), again.predict_proba(rows[0]))
    assert again.teacher is forest


def test_cache_changes_nothing(search, rows, tmp_path):
    for _ in range(2):
        cached = clone(search).set_params(memory=str(tmp_path)).fit(*rows)
        assert cached.verdict_ == search.verdict_


def test_regression():
    X, y = make_friedman1(400, noise=0.5, random_state=0)
    teacher = RandomForestRegressor(10, random_state=0)
    search = CompactSearch(teacher, students=["linear", "tree"], max_leaves=4, cv=2, random_state=0)
    assert is_regressor(search)
    assert not hasattr(search, "predict_proba")
    search.fit(X, y, sample_weight=np.linspace(0.5, 1.5, 400))
    assert search.metric_ == "neg_root_mean_squared_error"
    assert search.within_tolerance_ is None
    assert search.score(X, y) > 0.4
    assert set(search.fidelity(X)) == {"r2", "rmse"}


def test_three_classes_with_text_labels_and_auc():
    X, y = make_classification(
        400, 6, n_informative=4, n_classes=3, random_state=0, n_clusters_per_class=1
    )
    labels = np.array(["low", "mid", "top"])[y]
    teacher = LogisticRegression()
    search = CompactSearch(
        teacher, students=FEW[1], metric="roc_auc_ovr", tolerance="20%", cv=2, random_state=0
    ).fit(X, labels)
    assert is_classifier(search)
    assert search.within_tolerance_
    assert search.classes_.tolist() == ["low", "mid", "top"]


def test_all_families(rows, forest):
    search = CompactSearch(forest, max_leaves=20, max_bytes=800, cv=2, random_state=0)
    search.students = ["linear", "additive", "boosting", "pruned"]
    search.fit(rows[0][:200], rows[1][:200])
    families = {row["student"] for row in search.candidates_}
    assert len(families) == 4
    assert max(row["bytes"] for row in search.frontier_) <= 800


def test_unreadable_teacher_has_no_pruned_student(rows):
    search = CompactSearch(
        LogisticRegression(), students=["linear", "pruned"], cv=2, random_state=0
    )
    search.fit(*rows)
    assert "has no trees that can be read" in search.skipped_["pruned"]


def test_bad_arguments(rows, forest):
    X, y = rows
    for params, match in [
        ({"students": "forest"}, "students has 'forest'"),
        ({"students": []}, "students is empty"),
        ({"tolerance": "much"}, "tolerance='much'"),
        ({"metric": "nonsense"}, "metric='nonsense'"),
        ({"max_bytes": 0}, "max_bytes"),
    ]:
        with pytest.raises(ValueError, match=match):
            CompactSearch(forest, **params).fit(X, y)
    with pytest.raises(TypeError, match="cannot be exported"):
        CompactSearch(forest, students=[LogisticRegression()]).fit(X, y)
    with pytest.raises(ValueError, match="requires y"):
        CompactSearch(forest).fit(X)


def test_an_interrupt_while_verifying_leaves_the_first_fold(rows, forest, monkeypatch):
    from skdistill.search import _rounds

    run = _rounds.Rounds.run

    def interrupted(self, trials, split, *, first):
        if not first:
            raise KeyboardInterrupt
        return run(self, trials, split, first=first)

    monkeypatch.setattr(_rounds.Rounds, "run", interrupted)
    search = CompactSearch(forest, students=FEW, cv=2, random_state=0)
    with pytest.warns(UserWarning, match="interrupted"):
        search.fit(*rows)
    assert "same rows chose it" in search.verdict_


def test_an_interrupt_in_the_first_fold_leaves_what_was_fitted(rows, forest, monkeypatch):
    from skdistill.search import _rounds

    fit, fitted = _rounds._fit_one, []

    def interrupted(key, candidate, fold):
        if len(fitted) == 2:
            raise KeyboardInterrupt
        fitted.append(candidate)
        return fit(key, candidate, fold)

    monkeypatch.setattr(_rounds, "_fit_one", interrupted)
    search = CompactSearch(forest, students=FEW, cv=2, random_state=0)
    with pytest.warns(UserWarning, match="interrupted"):
        search.fit(*rows)
    failures = [row["failure"] for row in search.candidates_]
    assert sorted(failures, key=str) == [None, None, "interrupted", "interrupted"]
    assert search.predict(rows[0]).shape == (600,)
    fitted[:] = [None, None]  # nothing is fitted before the interrupt
    with pytest.raises(KeyboardInterrupt):
        search.fit(*rows)


def test_inside_a_cross_validation(rows, forest):
    search = CompactSearch(forest, students=FEW, cv=2, random_state=0)
    assert cross_val_score(search, *rows, cv=2).min() > 0.6


def test_the_frontier_is_drawn_with_the_tolerance(search):
    figures = pytest.importorskip("matplotlib.figure")
    display = ParetoDisplay.from_estimator(search, ax=figures.Figure().subplots())
    assert display.names == [row["name"] for row in search.frontier_]
    assert display.lowest == pytest.approx(display.teacher_score - 10.0)
    assert search.frontier_[display.chosen]["chosen"]
