"""Features and relations in the flow: which rows they are of, whose they are, what they change."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from flow_parts import make_rows, make_values
from numpy.testing import assert_allclose
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier

from skdistill import DistilledClassifier, DistilledRegressor, _labels
from skdistill.exceptions import TeacherError
from skdistill.knowledge import FeatureKnowledge, RelationKnowledge
from skdistill.students import (
    BoostingStudentClassifier,
    MLPStudentClassifier,
    MLPStudentRegressor,
    TreeStudentClassifier,
    TreeStudentRegressor,
)
from skdistill.teachers import CallableTeacher

# Whether the teacher is used does not matter to most of these tests.
pytestmark = pytest.mark.filterwarnings("ignore::skdistill.exceptions.TeacherNotUsedWarning")

X, Y = make_rows(120)
FOREST = RandomForestClassifier(10, max_depth=4, random_state=0)
STUMP = TreeStudentClassifier(max_leaf_nodes=2, random_state=0)


def second_column(X: Any) -> np.ndarray:
    return np.asarray(X)[:, 1]


class Pupil(ClassifierMixin, BaseEstimator):
    """A student that notes the rows and hints it is given."""

    seen: list[tuple[Any, Any]] = []  # noqa: RUF012

    def fit(
        self,
        X: Any,
        y: Any,
        sample_weight: Any = None,
        *,
        soft_targets: Any = None,
        classes: Any = None,
        temperature: float = 1.0,
        hard_label_weight: Any = 0.0,
        hints: Any = None,
    ) -> Any:
        self.seen.append((X, hints))
        self.classes_ = np.unique(y)
        return self

    def predict(self, X: Any) -> np.ndarray:
        return np.full(len(X), self.classes_[0])


# -- which rows, whose features -----------------------------------------------------------------


def test_hints_are_of_the_rows_that_the_student_gets():
    """Also in the folds, without augmented rows, and with unlabelled ones.

    Direct fits get none, nor does the candidate without hints.
    """
    Pupil.seen.clear()
    knowledge = ["response", FeatureKnowledge(representation=second_column)]
    distilled = DistilledClassifier(FOREST, student=Pupil(), knowledge=knowledge, random_state=0)
    distilled.fit(X, Y, X_unlabeled=X[:30] + 0.1)
    assert len(Pupil.seen) > 5
    with_hints = [(rows, hints) for rows, hints in Pupil.seen if hints is not None]
    assert 0 < len(Pupil.seen) - len(with_hints) <= 6
    assert len({len(rows) for rows, _ in with_hints}) >= 2  # with and without augmented rows
    for rows, hints in with_hints:
        assert hints.relations is None
        assert len(hints.features) == len(rows)
        correlation = np.corrcoef(hints.features[:, 0], second_column(rows))[0, 1]
        assert_allclose(abs(correlation), 1.0)


def test_hints_are_centred_and_scaled_by_the_weights_of_the_rows():
    Pupil.seen.clear()
    weight = np.where(Y == 1, 3.0, 0.5)
    knowledge = [
        "response",
        FeatureKnowledge(representation=second_column),
        RelationKnowledge(representation=second_column),
    ]
    DistilledClassifier(
        FOREST,
        student=Pupil(),
        knowledge=knowledge,
        augment=None,
        search_budget=0,
        random_state=0,
    ).fit(X, Y, weight)
    ((_, hints),) = Pupil.seen
    for columns in (hints.features, hints.relations):
        centred = columns[:, 0] - np.average(columns[:, 0], weights=weight)
        assert_allclose(np.average(centred**2, weights=weight), 1.0)
    assert_allclose(weight @ hints.features, 0.0, atol=1e-9)


class Noting(RandomForestClassifier):
    """A teacher that remembers which rows it was fitted to."""

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Any:
        self.rows_ = {tuple(row) for row in X}
        return super().fit(X, y, sample_weight)


def test_the_teacher_of_hints_has_not_seen_what_a_fold_holds_out(monkeypatch: Any):
    asked = []

    def spy(knowledge: Any, teacher: Any, X: Any, weight: Any, rng: Any) -> Any:
        asked.append((teacher.estimator.rows_, {tuple(row) for row in X}))
        return make_hints(knowledge, teacher, X, weight, rng)

    make_hints = _labels.make_hints
    monkeypatch.setattr(_labels, "make_hints", spy)
    DistilledClassifier(
        Noting(5, random_state=0),
        student=STUMP,
        knowledge=["response", "feature"],
        augment=None,
        random_state=0,
    ).fit(X, Y)
    everything = {tuple(row) for row in X}
    (final_teacher, final_rows), *folds = asked
    assert final_teacher == final_rows == everything
    assert folds
    for teacher_rows, rows in folds:
        assert teacher_rows == rows
        assert len(rows) < len(everything)


def test_a_teacher_that_shows_nothing_costs_no_labels():
    calls = []

    def teach(X: Any) -> np.ndarray:
        calls.append(len(X))
        return np.full((len(X), 2), 0.5)

    teacher = CallableTeacher(teach, output="probabilities")
    distilled = DistilledClassifier(teacher, knowledge=["response", "relation"])
    with pytest.raises(TeacherError, match="shows nothing but labels"):
        distilled.fit(X, Y)
    assert not calls


# -- what they change ---------------------------------------------------------------------------


def lean_left(X: Any) -> np.ndarray:
    """A teacher that sees the first column alone, and is hardly sure of anything."""
    p = 0.5 + 0.1 * np.sign(np.asarray(X)[:, 0])
    return np.column_stack([1.0 - p, p])


def steps(X: Any) -> np.ndarray:
    return np.sign(second_column(X))


@pytest.mark.parametrize("kind", [FeatureKnowledge, RelationKnowledge])
def test_features_and_relations_decide_where_a_tree_splits(kind: Any):
    teacher = CallableTeacher(lean_left, output="probabilities", classes=[0, 1])

    def root(knowledge: Any) -> int:
        distilled = DistilledClassifier(
            teacher,
            student=STUMP,
            knowledge=knowledge,
            hard_label_weight=0.0,
            search_budget=0,
            random_state=0,
        ).fit(X, Y)
        return first_split(distilled, X)

    assert root("response") == root(["response"]) == 0
    assert root(["response", kind(weight=20.0, representation=steps)]) == 1
    assert root(["response", kind(weight=1e-3, representation=steps)]) == 0


def test_hints_reach_a_tree_at_the_end_of_a_pipeline():
    student = make_pipeline(StandardScaler(), STUMP)
    knowledge = ["response", FeatureKnowledge(weight=20.0, representation=steps)]
    distilled = DistilledClassifier(
        CallableTeacher(lean_left, output="probabilities", classes=[0, 1]),
        student=student,
        knowledge=knowledge,
        hard_label_weight=0.0,
        search_budget=0,
        random_state=0,
    ).fit(X, Y)
    assert first_split(distilled, X) == 1


def first_split(distilled: Any, X: np.ndarray) -> int:
    """Tell which column a tree of two leaves splits, by what its predictions depend on."""
    predict = getattr(distilled, "predict_proba", distilled.predict)
    moved = [np.ptp(predict(np.where(np.arange(4) == j, X, 0.0)), axis=0).max() for j in range(4)]
    (column,) = np.flatnonzero(np.array(moved) > 0)
    return int(column)


def test_a_tree_of_a_regressor_splits_where_features_say():
    X, y = make_values(150)
    teacher = CallableTeacher(lambda X: np.asarray(X)[:, 0], output="predictions")
    options = {"hard_label_weight": 0.0, "search_budget": 0, "random_state": 0}
    student = TreeStudentRegressor(max_leaf_nodes=2, random_state=0)
    plain = DistilledRegressor(teacher, student=student, **options).fit(X, y)
    knowledge = ["response", FeatureKnowledge(weight=50.0, representation=steps)]
    hinted = DistilledRegressor(teacher, student=student, knowledge=knowledge, **options)
    assert first_split(plain, X) == 0
    assert first_split(hinted.fit(X, y), X) == 1


@pytest.mark.parametrize("kind", ["feature", "relation"])
@pytest.mark.parametrize("task", ["classification", "regression"])
def test_the_mlp_learns_something_else(kind: str, task: str):
    if task == "classification":
        teacher, labels, form = FOREST, Y, DistilledClassifier
        student: Any = MLPStudentClassifier(hidden_layer_sizes=(4,), max_iter=20, random_state=0)
    else:
        teacher, form = RandomForestRegressor(10, max_depth=4, random_state=0), DistilledRegressor
        labels = make_values(120)[1]
        student = MLPStudentRegressor(hidden_layer_sizes=(4,), max_iter=20, random_state=0)
    options = {"student": student, "search_budget": 0, "augment": None, "random_state": 0}
    plain = form(teacher, **options).fit(X, labels)
    hinted = form(teacher, knowledge=["response", kind], **options).fit(X, labels)
    again = form(teacher, knowledge=["response", kind], **options).fit(X, labels)
    predict = "predict_proba" if task == "classification" else "predict"
    before, after = getattr(plain, predict)(X), getattr(hinted, predict)(X)
    assert np.abs(before - after).max() > 1e-4
    assert_allclose(getattr(again, predict)(X), after, rtol=0)
    assert hinted.student_.n_parameters_ == plain.student_.n_parameters_


# -- what is refused ----------------------------------------------------------------------------


@pytest.mark.parametrize("student", [BoostingStudentClassifier(), LogisticRegression()])
def test_students_without_a_place_for_hints_are_refused(student: Any):
    distilled = DistilledClassifier(FOREST, student=student, knowledge=["response", "feature"])
    with pytest.raises(ValueError, match=r"\['feature'\] cannot shape this student"):
        distilled.fit(X, Y)


@pytest.mark.parametrize(
    "student", ["tree", "linear", "additive", make_pipeline(StandardScaler(), STUMP)], ids=range(4)
)
def test_similarities_are_refused_before_the_teacher_labels(student: Any):
    asked = []

    def teach(X: Any) -> np.ndarray:
        asked.append(len(X))
        return lean_left(X)

    knowledge = [
        "response",
        RelationKnowledge(representation=second_column, measure="similarity"),
    ]
    teacher = CallableTeacher(teach, output="probabilities", classes=[0, 1])
    distilled = DistilledClassifier(teacher, student=student, knowledge=knowledge)
    with pytest.raises(ValueError, match="this student does not have; give measure="):
        distilled.fit(X, Y)
    assert not asked


def test_the_mlp_learns_similarities_of_a_teacher():
    knowledge = ["response", RelationKnowledge(measure="similarity")]
    student = MLPStudentClassifier(hidden_layer_sizes=(4,), max_iter=20, random_state=0)
    distilled = DistilledClassifier(
        FOREST,
        student=student,
        knowledge=knowledge,
        augment=None,
        search_budget=0,
        random_state=0,
    ).fit(X, Y)
    assert distilled.distillation_.knowledge[0]["n_columns"] > 0


def test_targets_without_a_teacher_have_no_features():
    targets = np.column_stack([1.0 - Y, Y]) * 0.8 + 0.1
    distilled = DistilledClassifier(student=STUMP, knowledge=["response", "feature"])
    with pytest.raises(ValueError, match="needs a teacher that represents the rows"):
        distilled.fit(X, Y, soft_targets=targets)
    knowledge = ["response", FeatureKnowledge(representation=second_column)]
    distilled.set_params(knowledge=knowledge, random_state=0).fit(X, Y, soft_targets=targets)
    assert distilled.distillation_.reasons["knowledge"] == "given"


def test_unknown_knowledge_is_refused():
    with pytest.raises(ValueError, match="lacks 'response'"):
        DistilledClassifier(FOREST, knowledge=["feature"]).fit(X, Y)


# -- record, cache, search ----------------------------------------------------------------------


def test_the_record_says_what_was_taught():
    knowledge = ["response", "feature", RelationKnowledge(representation=second_column)]
    distilled = DistilledClassifier(
        FOREST, student=STUMP, knowledge=knowledge, search_budget=0, random_state=0
    ).fit(X, Y)
    record = distilled.distillation_
    feature, relation = record.knowledge
    assert (feature["kind"], relation["kind"]) == ("feature", "relation")
    assert feature["n_columns"] == FeatureKnowledge().n_components
    assert relation["representation"] == "second_column"
    assert record.seconds["knowledge"] > 0
    assert json.loads(json.dumps(record.to_dict()))["knowledge"] == record.knowledge
    plain = distilled.set_params(knowledge="response").fit(X, Y).distillation_
    assert plain.knowledge == []
    assert "knowledge" not in plain.seconds


def test_a_direct_fit_was_taught_nothing():
    rng = np.random.default_rng(0)

    def guess(X: Any) -> np.ndarray:
        p = rng.random(len(X))
        return np.column_stack([p, 1.0 - p])

    knowledge = ["response", FeatureKnowledge(representation=second_column)]
    record = (
        DistilledClassifier(
            CallableTeacher(guess, output="probabilities", classes=[0, 1]),
            student=TreeStudentClassifier(max_leaf_nodes=4, refine=False, random_state=0),
            knowledge=knowledge,
            random_state=0,
        )
        .fit(X, Y)
        .distillation_
    )
    assert not record.used_teacher
    assert record.knowledge == []


def irrelevant(X: Any) -> np.ndarray:
    """The column that the labels do not depend on: noise that a tree can learn."""
    return np.asarray(X)[:, 3]


def truth(X: Any) -> np.ndarray:
    """The chances that the labels are drawn by."""
    p = 1.0 / (1.0 + np.exp(-(np.asarray(X)[:, :3] @ [2.0, -1.5, 1.0])))
    return np.column_stack([1.0 - p, p])


def test_the_search_drops_harmful_hints_and_keeps_the_teacher(tmp_path: Any):
    knowledge = ["response", FeatureKnowledge(representation=irrelevant, weight=10.0)]
    distilled = DistilledClassifier(
        CallableTeacher(truth, output="probabilities", classes=[0, 1]),
        student=TreeStudentClassifier(max_leaf_nodes=8, refine=False, random_state=0),
        knowledge=knowledge,
        augment=None,
        search_budget=9,
        cv=3,
        memory=str(tmp_path),
        random_state=0,
    )
    record = distilled.fit(X, Y).distillation_
    assert record.used_teacher
    assert record.knowledge == []
    assert record.search_fits <= 9
    assert "better on held-out rows than with hints" in record.reasons["knowledge"]
    hinted, plain = record.candidates[0], record.candidates[2]
    assert hinted["knowledge"] == ["response", "feature"]
    assert plain["knowledge"] == ["response"]
    assert plain["chosen"]
    assert plain["loss"] < 0.9 * hinted["loss"]
    # It is the student that would have been there without hints.
    fixed = {"search_budget": 0, "hard_label_weight": record.hard_label_weight}
    alone = distilled.set_params(knowledge="response", **fixed)
    assert_allclose(distilled.predict_proba(X), alone.fit(X, Y).predict_proba(X))


def test_the_search_keeps_hints_that_do_no_harm():
    knowledge = ["response", FeatureKnowledge(representation=second_column, weight=1e-6)]
    record = (
        DistilledClassifier(
            CallableTeacher(truth, output="probabilities", classes=[0, 1]),
            student=TreeStudentClassifier(max_leaf_nodes=8, refine=False, random_state=0),
            knowledge=knowledge,
            augment=None,
            search_budget=9,
            cv=3,
            random_state=0,
        )
        .fit(X, Y)
        .distillation_
    )
    assert record.used_teacher
    assert record.reasons["knowledge"] == "given"
    assert [one["kind"] for one in record.knowledge] == ["feature"]


def test_the_cache_tells_knowledge_apart(tmp_path: Any):
    """With and without a cache, in any order, the search sees the same losses."""
    found: dict[str, list[Any]] = {"cached": [], "fresh": []}
    for memory in (str(tmp_path), None):
        for weight in (0.01, 20.0):
            knowledge = ["response", FeatureKnowledge(weight=weight, representation=steps)]
            distilled = DistilledClassifier(
                DecisionTreeClassifier(max_depth=4, random_state=0),
                student=STUMP,
                augment=None,
                knowledge=knowledge,
                search_budget=3,
                cv=3,
                memory=memory,
                random_state=0,
            ).fit(X, Y)
            losses = [candidate["loss"] for candidate in distilled.distillation_.candidates]
            found["cached" if memory else "fresh"].append(losses)
    assert found["cached"] == found["fresh"]
    assert found["fresh"][0] != found["fresh"][1]


def test_knowledge_can_be_searched_from_outside():
    grid = {"knowledge": ["response", ["response", "feature"], ["response", "relation"]]}
    distilled = DistilledClassifier(
        FOREST.fit(X, Y), student=STUMP, search_budget=0, augment=None, random_state=0
    )
    search = GridSearchCV(distilled, grid, cv=2, error_score="raise").fit(X, Y)
    assert search.best_params_["knowledge"] in grid["knowledge"]
