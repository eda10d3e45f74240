"""Self-distilled estimators: what is kept, what is told of it, and scikit-learn's ways."""

from __future__ import annotations

import json
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
import sklearn
from flow_parts import make_rows, make_values
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import make_column_transformer
from sklearn.ensemble import RandomForestRegressor
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.metrics import log_loss
from sklearn.model_selection import GridSearchCV, cross_validate
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder
from sklearn.svm import LinearSVC
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from skdistill import SelfDistilledClassifier, SelfDistilledRegressor, export, load, save
from skdistill.students import MLPStudentClassifier, TreeStudentClassifier, TreeStudentRegressor

X, Y = make_rows(300)
X_TEST, Y_TEST = make_rows(2000, seed=1)
VALUES = make_values(300)[1]
# It fits every row, so that its own labels of these rows are the true ones.
DEEP = DecisionTreeClassifier(random_state=0)
# All of its settings are given, which saves the folds in which it would choose them.
SMALL = TreeStudentClassifier(
    max_leaf_nodes=20, refine=False, min_samples_leaf=1, shrinkage=0.0, ccp_alpha=0.0
)


def test_generations_help_a_tree_that_fits_noise() -> None:
    model = SelfDistilledClassifier(DEEP, random_state=0).fit(X, Y)
    direct = clone(DEEP).fit(X, Y)
    assert model.best_generation_ >= 1
    assert model.distillation_.used_teacher
    ours, alone = (log_loss(Y_TEST, m.predict_proba(X_TEST)) for m in (model, direct))
    assert ours < 0.7 * alone
    losses = [tried["loss"] for tried in model.generations_]
    assert losses[1] < losses[0]


def test_generations_help_a_regression_tree_that_fits_noise() -> None:
    rng = np.random.default_rng(0)
    noisy = VALUES + 4.0 * rng.normal(size=300)
    student = DecisionTreeRegressor(random_state=0)
    model = SelfDistilledRegressor(student, random_state=0).fit(X, noisy)
    X_new = rng.normal(size=(2000, 4))
    truth = 2.0 * X_new[:, 0] - 1.5 * X_new[:, 1] + X_new[:, 2]
    direct = clone(student).fit(X, noisy)
    assert model.best_generation_ >= 1
    ours, alone = (np.mean((m.predict(X_new) - truth) ** 2) for m in (model, direct))
    assert ours < 0.8 * alone


@pytest.mark.parametrize("keep", ["best", "average"])
def test_direct_fit_stays_where_no_generation_helps(keep: str) -> None:
    exact = 2.0 * X[:, 0] - X[:, 1] + 0.1 * VALUES
    model = SelfDistilledRegressor(LinearRegression(), keep=keep, random_state=0).fit(X, exact)
    assert model.best_generation_ == 0
    assert not model.distillation_.used_teacher
    assert len(model.generations_) < 4
    direct = LinearRegression().fit(X, exact)
    np.testing.assert_array_equal(model.predict(X_TEST), direct.predict(X_TEST))
    assert isinstance(model.student_, LinearRegression)


def test_generation_that_wins_by_less_than_a_standard_error_is_not_kept(monkeypatch: Any) -> None:
    from skdistill._generations import Chain

    rng = np.random.default_rng(0)
    noise = [rng.normal(size=400) for _ in range(3)]
    means = [1.0, 0.99, 0.5]  # the second is better by chance, the third for good

    def score(self: Any, branches: Any, trial: Any, number: int, *, average: bool) -> None:
        trial.add(means[number] + noise[number] - noise[number].mean(), np.ones(400), 0.0)

    monkeypatch.setattr(Chain, "_score", score)
    for generations, best in ((1, 0), (2, 2)):
        model = SelfDistilledClassifier(SMALL, generations=generations, random_state=0).fit(X, Y)
        assert model.best_generation_ == best
        assert [tried["chosen"] for tried in model.generations_].index(True) == best


def test_average_of_generations_is_an_ensemble() -> None:
    model = SelfDistilledClassifier(DEEP, keep="average", random_state=0).fit(X, Y)
    members = model.student_.estimators_
    assert len(members) == model.best_generation_ + 1 > 1
    np.testing.assert_array_equal(
        members[0].predict_proba(X_TEST), clone(DEEP).fit(X, Y).predict_proba(X_TEST)
    )
    mean = np.mean([member.predict_proba(X_TEST) for member in members], axis=0)
    np.testing.assert_allclose(model.predict_proba(X_TEST), mean)
    np.testing.assert_array_equal(model.predict(X_TEST), model.classes_[mean.argmax(axis=1)])
    with pytest.raises(TypeError, match="student is a VotingClassifier"):
        save(model, "never.skd")

    noisy = VALUES + 4.0 * np.random.default_rng(0).normal(size=300)
    values = SelfDistilledRegressor(DecisionTreeRegressor(), keep="average", random_state=0)
    values.fit(X, noisy)
    members = values.student_.estimators_
    mean = np.mean([member.predict(X_TEST) for member in members], axis=0)
    np.testing.assert_allclose(values.predict(X_TEST), mean)


def test_record_tells_every_generation() -> None:
    model = SelfDistilledClassifier(DEEP, random_state=0, generations=2).fit(X, Y)
    record = model.distillation_
    assert record.candidates == model.generations_
    assert json.loads(json.dumps(record.to_dict()))["student"] == "DecisionTreeClassifier"
    for number, tried in enumerate(model.generations_):
        assert tried["generation"] == number
        assert (tried["n_rows"], tried["n_folds"]) == (180, 3)
        assert tried["seconds"] > 0
        assert (tried["excess"] == 0) == tried["chosen"]
        assert (tried["standard_error"] == 0) == tried["chosen"]
    n_tried = len(model.generations_)
    assert record.search_fits == 3 * n_tried
    assert record.teacher_fits == 9 * (n_tried - 1) + 5 * model.best_generation_
    assert set(record.seconds) == {"search", "labels", "student"}
    assert "within one standard error" in record.reasons["generations"]


def test_settings_act() -> None:
    def fitted(**changes: Any) -> np.ndarray:
        model = SelfDistilledClassifier(SMALL, generations=1, random_state=0)
        model.set_params(**changes).fit(X, Y)
        assert model.best_generation_ == 1
        return model.predict_proba(X_TEST)

    usual = fitted()
    for changes in ({"hard_label_weight": 0.1}, {"temperature": 4.0}, {"cv": 3}):
        assert not np.allclose(usual, fitted(**changes))


# -- what the student may be --------------------------------------------------------------------


def make_people(n: int = 300) -> tuple[pd.DataFrame, np.ndarray]:
    """Raw rows: texts, categories, numbers, missing values of every kind."""
    rng = np.random.RandomState(0)
    job = rng.choice(["clerk", "nurse", "pilot"], n).astype(object)
    age = rng.randint(18, 80, n).astype(float)
    table = pd.DataFrame(
        {
            "age": np.where(rng.rand(n) < 0.1, np.nan, age),
            "job": np.where(rng.rand(n) < 0.1, None, job),
            "town": pd.Categorical(rng.choice(["a", "b"], n), categories=["a", "b", "c"]),
        }
    )
    return table, np.where((age > 45) ^ (job == "pilot") ^ (rng.rand(n) < 0.2), "yes", "no")


@pytest.mark.parametrize("keep", ["best", "average"])
def test_reads_raw_frames_and_is_saved_and_exported(keep: str, tmp_path: Any) -> None:
    frame, labels = make_people()
    model = SelfDistilledClassifier(SMALL, keep=keep, random_state=0).fit(frame, labels)
    assert list(model.feature_names_in_) == list(frame.columns)
    assert list(model.classes_) == ["no", "yes"]
    assert np.mean(model.predict(frame) == labels) > 0.6
    if model.best_generation_ and keep == "average":
        return
    save(model, tmp_path / "student.skd")
    again = load(tmp_path / "student.skd")
    np.testing.assert_array_equal(again.predict_proba(frame), model.predict_proba(frame))
    export.to_python(model, tmp_path / "student.py", X=frame)
    assert len(pickle.dumps(model.student_)) < 20_000


def test_any_student_may_learn_from_itself() -> None:
    frame, labels = make_people()
    encode = make_column_transformer((OneHotEncoder(handle_unknown="ignore"), ["job", "town"]))
    piped = make_pipeline(encode, DecisionTreeClassifier(min_samples_leaf=3))
    assert SelfDistilledClassifier(piped, random_state=0).fit(frame, labels).predict(frame).size
    texts = ["good film" if y else "bad film" for y in Y]
    reader = make_pipeline(CountVectorizer(), LogisticRegression())
    assert SelfDistilledClassifier(reader, random_state=0).fit(texts, Y).score(texts, Y) == 1.0
    forest = RandomForestRegressor(5, max_leaf_nodes=8)
    assert SelfDistilledRegressor(forest, random_state=0).fit(X, VALUES).score(X, VALUES) > 0.5


def test_classes_that_folds_or_weights_lack() -> None:
    labels = np.array(["no", "yes"], dtype=object)[Y]
    labels[:2] = "rare"
    for weight in (None, (np.arange(300) > 1).astype(float)):
        for student in (DecisionTreeClassifier(min_samples_leaf=3), SMALL):
            for keep in ("best", "average"):
                model = SelfDistilledClassifier(student, generations=1, keep=keep, random_state=0)
                P = model.fit(X, labels, weight).predict_proba(X_TEST)
                assert list(model.classes_) == ["no", "rare", "yes"]
                np.testing.assert_allclose(P.sum(axis=1), 1.0)
                named = model.classes_[P.argmax(axis=1)]
                np.testing.assert_array_equal(model.predict(X_TEST), named)


def test_predict_proba_is_there_where_the_student_has_it() -> None:
    assert hasattr(SelfDistilledClassifier(DEEP), "predict_proba")
    assert not hasattr(SelfDistilledClassifier(LinearSVC()), "predict_proba")
    assert not hasattr(SelfDistilledRegressor(), "predict_proba")


# -- inside scikit-learn ------------------------------------------------------------------------


@pytest.mark.parametrize("keep", ["best", "average"])
def test_same_seed_same_result_for_any_number_of_jobs(keep: str) -> None:
    # Neither forest nor tree has a seed of its own.
    for student in (DecisionTreeClassifier(max_features=1), SMALL):
        settings = {"student": student, "keep": keep, "generations": 1, "random_state": 3}
        one = SelfDistilledClassifier(**settings).fit(X, Y)
        two = SelfDistilledClassifier(**settings, n_jobs=2).fit(X, Y)
        np.testing.assert_array_equal(one.predict_proba(X_TEST), two.predict_proba(X_TEST))
        assert [g["loss"] for g in one.generations_] == [g["loss"] for g in two.generations_]


def test_grid_search_cross_validation_and_calibration() -> None:
    base = SelfDistilledClassifier(SMALL, generations=1, random_state=0)
    grid = {"student__max_leaf_nodes": [2, 20], "keep": ["best", "average"]}
    search = GridSearchCV(base, grid, cv=2, scoring="neg_log_loss").fit(X, Y)
    assert set(search.best_params_) == set(grid)
    assert CalibratedClassifierCV(base, cv=2).fit(X, Y).score(X, Y) > 0.7
    with pytest.raises(ValueError, match="is a name, which has no parameters"):
        SelfDistilledClassifier("tree").set_params(student__max_leaf_nodes=4)


def test_sample_weight_is_routed_and_acts() -> None:
    weight = np.where(Y == 1, 1.0, 0.0) + 1e-3
    with sklearn.config_context(enable_metadata_routing=True):
        model = SelfDistilledClassifier(SMALL, keep="average", generations=1, random_state=0)
        model.set_fit_request(sample_weight=True).set_score_request(sample_weight=True)
        scores = cross_validate(
            model, X, Y, cv=2, params={"sample_weight": weight}, return_estimator=True
        )
    assert min(np.mean(fitted.predict(X) == 1) for fitted in scores["estimator"]) > 0.9


class Interrupting(DecisionTreeClassifier):
    """A tree whose fits are counted, and stop at one of them."""

    fits, stop_at = 0, 0

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Any:
        Interrupting.fits += 1
        if Interrupting.fits == Interrupting.stop_at:
            raise KeyboardInterrupt
        return super().fit(X, y, sample_weight)


def test_interrupted_fit_goes_on_where_it_stopped(tmp_path: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr(Interrupting, "fits", 0)
    monkeypatch.setattr(Interrupting, "stop_at", 0)
    student = Interrupting(min_samples_leaf=2, random_state=0)
    plain = SelfDistilledClassifier(student, random_state=0).fit(X, Y)
    model = SelfDistilledClassifier(student, memory=str(tmp_path), random_state=0)
    n_fits = Interrupting.fits
    Interrupting.fits, Interrupting.stop_at = 0, 14
    with pytest.raises(KeyboardInterrupt):
        model.fit(X, Y)
    assert not hasattr(model, "student_")
    model.fit(X, Y)
    # Of the fits that were done none is done again, and those that labelled what they were scored
    # on are done once for both.
    assert Interrupting.fits <= n_fits + 1
    np.testing.assert_array_equal(model.predict_proba(X_TEST), plain.predict_proba(X_TEST))
    Interrupting.fits = 100
    model.fit(X, Y)
    assert Interrupting.fits == 101  # the student itself


# -- what cannot be -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("n_rows", "cv", "reason"),
    [(50, 5, "fewer than 60 rows"), (300, 200, "too few rows (of some class) for the folds")],
)
def test_too_few_rows_to_compare(n_rows: int, cv: int, reason: str) -> None:
    model = SelfDistilledClassifier(DEEP, cv=cv, random_state=0).fit(X[:n_rows], Y[:n_rows])
    assert (model.best_generation_, model.generations_) == (0, [])
    assert reason in model.distillation_.reasons["generations"]
    direct = clone(DEEP).fit(X[:n_rows], Y[:n_rows])
    np.testing.assert_array_equal(model.predict(X_TEST), direct.predict(X_TEST))


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"generations": 0}, ValueError, "generations must be an integer >= 1, got 0"),
        ({"generations": 1.5}, TypeError, "generations must be an integer"),
        ({"keep": "last"}, ValueError, "keep must be one of"),
        ({"hard_label_weight": 1.0}, ValueError, "leaves nothing to be learned"),
        ({"hard_label_weight": -0.1}, ValueError, "hard_label_weight must be"),
        ({"temperature": 0.5}, ValueError, "temperature must be"),
        ({"student": DEEP, "temperature": 2.0}, ValueError, "must be 1 for student Decision"),
        ({"student": LinearSVC()}, TypeError, "LinearSVC has no predict_proba"),
        ({"student": TreeStudentRegressor()}, ValueError, "student must be a classifier"),
        ({"student": KNeighborsClassifier()}, ValueError, "takes no sample_weight"),
        ({"cv": 1}, ValueError, "cv must be an integer >= 2"),
        ({"verbose": -1}, ValueError, "verbose must be"),
    ],
)
def test_what_cannot_act_is_refused(changes: Any, error: type[Exception], message: str) -> None:
    model = SelfDistilledClassifier(**{"student": SMALL, "random_state": 0, **changes})
    with pytest.raises(error, match=message):
        model.fit(X, Y)
    assert not hasattr(model, "student_")


@pytest.mark.parametrize("make", [SelfDistilledClassifier, SelfDistilledRegressor])
def test_labels_are_needed(make: Callable[[], Any]) -> None:
    with pytest.raises(ValueError, match="requires y to be passed"):
        make().fit(X, None)
    with pytest.raises(ValueError, match="y has one class"):
        SelfDistilledClassifier().fit(X, np.ones(300))


def test_progress_is_told(capsys: Any) -> None:
    SelfDistilledClassifier(SMALL, generations=1, random_state=0, verbose=1).fit(X, Y)
    said = capsys.readouterr().err
    for text in ("generation 0: loss", "generation 1: loss", "is kept"):
        assert text in said


def test_small_net_learns_from_itself() -> None:
    student = MLPStudentClassifier(hidden_layer_sizes=(4,), max_iter=20)
    model = SelfDistilledClassifier(student, generations=1, temperature=2.0, random_state=0)
    assert model.fit(X, Y).score(X_TEST, Y_TEST) > 0.7
