import pickle

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_iris
from sklearn.ensemble import GradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss, roc_auc_score
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier

from benchmarks.measures import evaluate, latency, row_losses, size_of

CLASSES = np.array(["a", "b", "c"], dtype=object)


@pytest.fixture
def said():
    return np.random.RandomState(0).dirichlet([1.0, 1.0, 1.0], size=200)


@pytest.fixture
def y():
    return np.random.RandomState(1).choice(CLASSES, size=200)


def test_class_metrics_agree_with_scikit_learn(said, y):
    metrics = evaluate(said, y, CLASSES)
    assert metrics["log_loss"] == pytest.approx(log_loss(y, said))
    assert metrics["auc"] == pytest.approx(roc_auc_score(y, said, multi_class="ovr"))
    assert metrics["accuracy"] == np.mean(CLASSES[said.argmax(axis=1)] == y)
    assert row_losses(said, y, CLASSES).mean() == pytest.approx(metrics["log_loss"])


def test_binary_auc_is_that_of_the_second_class(said):
    said = said[:, :2] / said[:, :2].sum(axis=1, keepdims=True)
    y = np.random.RandomState(1).choice(CLASSES[:2], size=200)
    metrics = evaluate(said, y, CLASSES[:2])
    assert metrics["auc"] == pytest.approx(roc_auc_score(y == "b", said[:, 1]))


def test_certainty_costs_nothing_if_right_and_a_bounded_price_if_wrong():
    metrics = evaluate(np.eye(3), CLASSES, CLASSES)
    perfect = {"log_loss": 0.0, "brier": 0.0, "auc": 1.0, "accuracy": 1.0, "ece": 0.0}
    assert metrics == pytest.approx(perfect)
    wrong = evaluate(np.eye(3), CLASSES[[1, 2, 0]], CLASSES)
    assert wrong["log_loss"] == pytest.approx(-np.log(1e-15))
    assert (wrong["brier"], wrong["ece"]) == (2.0, 1.0)


def test_ece_is_the_distance_of_confidence_and_accuracy():
    said = np.tile([0.9, 0.1], (10, 1))
    y = np.array(["a"] * 6 + ["b"] * 4, dtype=object)
    assert evaluate(said, y, CLASSES[:2])["ece"] == pytest.approx(0.3)


def test_auc_counts_the_classes_that_occur(said):
    assert evaluate(said, np.full(200, "a", dtype=object), CLASSES)["auc"] is None
    y = np.random.RandomState(1).choice(CLASSES[:2], size=200)
    expected = np.mean([roc_auc_score(y == c, said[:, j]) for j, c in enumerate("ab")])
    assert evaluate(said, y, CLASSES)["auc"] == pytest.approx(expected)


def test_an_unknown_label_has_probability_zero(said):
    losses = row_losses(said[:1], np.array(["z"], dtype=object), CLASSES)
    assert losses == pytest.approx(-np.log(1e-15))


def test_regression_metrics():
    metrics = evaluate(np.array([1.0, 2.0]), np.array([0.0, 3.0]), None)
    assert metrics == pytest.approx({"r2": 1 - 2 / 4.5, "rmse": 1.0})
    assert evaluate(np.array([1.0, 2.0]), np.ones(2), None)["r2"] is None


def test_leaves_and_parameters_are_counted_wherever_they_are():
    X, y = load_iris(return_X_y=True)
    tree = DecisionTreeClassifier(max_leaf_nodes=5).fit(X, y)
    assert size_of(tree) == {
        "bytes": len(pickle.dumps(tree, protocol=5)),
        "n_leaves": 5,
        "n_parameters": None,
    }
    forest = make_pipeline(StandardScaler(), RandomForestClassifier(3, max_leaf_nodes=4)).fit(X, y)
    assert size_of(forest)["n_leaves"] == 12
    boosted = GradientBoostingClassifier(n_estimators=2, max_depth=1).fit(X, y)
    assert size_of(boosted)["n_leaves"] == 2 * 3 * 2
    assert size_of(LogisticRegression(max_iter=1000).fit(X, y))["n_parameters"] == 3 * 4 + 3
    network = MLPClassifier((8,), solver="lbfgs", alpha=1.0, max_iter=1000).fit(X, y)
    assert size_of(network)["n_parameters"] == 4 * 8 + 8 + 8 * 3 + 3


@pytest.mark.parametrize("library", ["lightgbm", "xgboost"])
def test_boosters_leaves_are_counted(library):
    module = pytest.importorskip(library)
    X, y = load_iris(return_X_y=True)
    if library == "lightgbm":
        model = module.LGBMClassifier(n_estimators=2, num_leaves=3, verbose=-1).fit(X, y)
    else:
        model = module.XGBClassifier(n_estimators=2, max_leaves=3, grow_policy="lossguide")
        model.fit(X, y)
    assert 2 * 3 < size_of(model)["n_leaves"] <= 2 * 3 * 3


def test_what_cannot_be_pickled_has_no_bytes():
    size = size_of(lambda X: X)
    assert size == {"bytes": None, "n_leaves": None, "n_parameters": None}


def test_latency_asks_for_single_rows_and_for_the_whole_batch():
    asked = []
    speed = latency(lambda X: asked.append(len(X)), pd.DataFrame({"a": range(7)}))
    assert asked.count(1) >= 200
    assert asked.count(10_000) == 3
    assert speed["us_1"] > speed["us_10k"] > 0
