import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.datasets import make_classification, make_regression
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.metrics import log_loss

from benchmarks import teachers
from benchmarks.ensemble import WeightedEnsembleClassifier, WeightedEnsembleRegressor
from benchmarks.teachers import TEACHERS, CodedClassifier, make_teacher, tune


@pytest.fixture(scope="module")
def labelled():
    X, y = make_classification(240, 6, n_informative=4, n_classes=3, random_state=0)
    frame = pd.DataFrame(X, columns=[f"x{j}" for j in range(6)])
    frame["x5"] = np.where(frame["x5"] > 0, "high", "low")
    frame.iloc[::17, 0] = np.nan
    return frame, np.array(["a", "b", "c"], dtype=object)[y]


@pytest.fixture(scope="module")
def valued():
    X, y = make_regression(240, 5, noise=5.0, random_state=0)
    return pd.DataFrame(X, columns=[f"x{j}" for j in range(5)]), 1e4 * y


def made(name, task):
    for library in ("lightgbm", "xgboost"):
        if name in (library, "ensemble" if library == "lightgbm" else ""):
            pytest.importorskip(library)
    return make_teacher(name, task, 0)


@pytest.mark.parametrize("name", TEACHERS)
def test_classifiers_read_raw_tables_and_are_deterministic(name, labelled):
    X, y = labelled
    teacher = made(name, "classification").fit(X[:160], y[:160])
    proba = teacher.predict_proba(X[160:])
    assert list(teacher.classes_) == ["a", "b", "c"]
    np.testing.assert_allclose(proba.sum(axis=1), 1.0, rtol=1e-5)
    assert set(teacher.predict(X[160:])) <= {"a", "b", "c"}
    assert log_loss(y[160:], proba) < 0.9 * np.log(3)
    again = clone(teacher).fit(X[:160], y[:160]).predict_proba(X[160:])
    np.testing.assert_array_equal(again, proba)


@pytest.mark.parametrize("name", TEACHERS)
def test_regressors_learn_values_of_any_unit(name, valued):
    X, y = valued
    teacher = made(name, "regression").fit(X[:160], y[:160])
    assert teacher.score(X[160:], y[160:]) > 0.5


def test_tuning_sets_parameters_that_clones_keep(labelled, monkeypatch):
    xgboost = pytest.importorskip("xgboost")
    stump = CodedClassifier(xgboost.XGBClassifier(n_estimators=1, max_depth=1))
    monkeypatch.setitem(teachers._MAKERS, "xgboost", lambda task, seed: stump)
    monkeypatch.setitem(teachers._GRIDS, "xgboost", {"n_estimators": [40]})
    monkeypatch.setattr(teachers, "N_SETTINGS", 2)
    tuned = clone(tune("xgboost", "classification", *labelled, seed=0))
    assert tuned.get_params()["model__estimator__n_estimators"] == 40


def test_tuning_reaches_the_network_behind_the_scaled_target(valued, monkeypatch):
    monkeypatch.setitem(teachers._GRIDS, "mlp", {"max_iter": [80]})
    monkeypatch.setattr(teachers, "N_SETTINGS", 2)
    tuned = tune("mlp", "regression", *valued, seed=0)
    assert tuned.get_params()["model__regressor__max_iter"] == 80


def test_tuning_keeps_the_given_settings_where_none_is_better(valued, monkeypatch):
    monkeypatch.setitem(teachers._GRIDS, "mlp", {"max_iter": [1]})
    monkeypatch.setattr(teachers, "N_SETTINGS", 2)
    tuned = tune("mlp", "regression", *valued, seed=0)
    assert tuned.get_params()["model__regressor__max_iter"] == 40


def test_what_is_not_tuned_is_made_as_it_is(labelled):
    tuned = tune("forest500", "classification", *labelled, seed=3)
    assert tuned.get_params()["model__random_state"] == 3


def test_unknown_teachers_and_tasks_are_told():
    with pytest.raises(ValueError, match="name must be one of"):
        make_teacher("oracle", "classification", 0)
    with pytest.raises(ValueError, match="task must be one of"):
        make_teacher("mlp", "ranking", 0)


def test_the_ensemble_gives_the_weight_to_the_members_that_help():
    X, y = make_classification(300, 5, random_state=0)
    members = [("noise", DummyClassifier()), ("logistic", LogisticRegression())]
    ensemble = WeightedEnsembleClassifier(members, random_state=0).fit(X, y)
    assert ensemble.weights_[-1] >= 0.8
    assert len(ensemble.estimators_) == len(ensemble.weights_)

    X, y = make_regression(200, 5, random_state=0)
    members = [("mean", DummyRegressor()), ("linear", LinearRegression())]
    regressor = WeightedEnsembleRegressor(members, random_state=0).fit(X, y)
    np.testing.assert_array_equal(regressor.weights_, [1.0])
    np.testing.assert_allclose(regressor.predict(X), y)


def test_the_ensemble_is_calibrated():
    rng = np.random.RandomState(0)
    X, y = rng.randn(120, 30), rng.randint(2, size=120)
    members = [("overfitted", LogisticRegression(C=1e4))]
    ensemble = WeightedEnsembleClassifier(members, random_state=0).fit(X, y)
    assert ensemble.temperature_ > 3
    sharper = LogisticRegression(C=1e4).fit(X, y).predict_proba(X).max(axis=1)
    assert (ensemble.predict_proba(X).max(axis=1) <= sharper).all()
