"""Network students learn a teacher's features and relations in their hidden layer."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from sklearn.linear_model import LinearRegression

from skdistill.hints import Hints, rkd_angle, rkd_distance
from skdistill.losses import softmax
from skdistill.students import MLPStudentClassifier, MLPStudentRegressor
from skdistill.students._mlp.network import forward


def make(n_rows=300):
    """Targets tell of the first column alone, the teacher's features of three others."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n_rows, 4))
    features = np.abs(X[:, 1:])
    features -= features.mean(axis=0)
    return X, X[:, 0], features / np.sqrt(features.var(axis=0).sum())


SETTINGS = {
    "hidden_layer_sizes": (16,),
    "alpha": 1.0,
    "input_transform": "standard",
    "early_stopping": False,
    "max_iter": 800,
    "polish": 30,
    "n_restarts": 1,
    "random_state": 0,
}


def fit(kind, hints, **changes):
    X, target, _ = make()
    if kind == "regressor":
        student = MLPStudentRegressor(**{**SETTINGS, **changes})
        return student.fit(X, target, soft_targets=target, hints=hints)
    student = MLPStudentClassifier(**{**SETTINGS, **changes})
    P = softmax(np.column_stack([np.zeros(len(X)), target]))
    return student.fit(X, target > 0, soft_targets=P, hints=hints)


def hidden_of(student, X):
    return forward(X, student.coefs_, student.intercepts_)[-2]


def explained(student, hints):
    """Share of the features' variance that the hidden layer explains."""
    X, _, features = make()
    hidden = hidden_of(student, X)
    return LinearRegression().fit(hidden, features).score(hidden, features)


@pytest.mark.parametrize("kind", ["classifier", "regressor"])
@pytest.mark.parametrize("hidden", [(16,), (16, 12)])
def test_the_hidden_layer_learns_the_features(kind, hidden):
    X, _, features = make()
    plain = fit(kind, None, hidden_layer_sizes=hidden)
    hinted = fit(kind, Hints(features, 1.0, None, 0.0), hidden_layer_sizes=hidden)
    assert explained(plain, features) < 0.6
    assert explained(hinted, features) > 0.85
    # What met the features is dropped.
    assert hinted.n_parameters_ == plain.n_parameters_
    assert [W.shape for W in hinted.coefs_] == [W.shape for W in plain.coefs_]
    assert hinted.predict(X).shape == plain.predict(X).shape


@pytest.mark.parametrize("kind", ["classifier", "regressor"])
@pytest.mark.parametrize("polish", [0, 30])
def test_the_hidden_layer_keeps_the_relations(kind, polish):
    X, _, features = make()
    losses = []
    for hints in (None, Hints(None, 0.0, features, 1.0)):
        hidden = hidden_of(fit(kind, hints, polish=polish), X)
        losses.append([rkd_distance(hidden, features)[0], rkd_angle(hidden, features)[0]])
    assert losses[1][0] < 0.5 * losses[0][0]
    assert losses[1][1] < 0.5 * losses[0][1]


@pytest.mark.parametrize("kind", ["classifier", "regressor"])
def test_a_weight_near_zero_changes_little_and_the_response_is_still_learned(kind):
    X, target, features = make()
    hints = Hints(features, 1e-9, features, 1e-9)
    said = [fit(kind, given).predict(X) for given in (None, hints)]
    strong = fit(kind, Hints(features, 1.0, features, 1.0)).predict(X)
    if kind == "regressor":
        assert np.abs(said[0] - said[1]).max() < 0.2
        assert np.corrcoef(strong, target)[0, 1] > 0.97
    else:
        assert (said[0] == said[1]).mean() > 0.97
        assert (strong == (target > 0)).mean() > 0.95


@pytest.mark.parametrize("kind", ["classifier", "regressor"])
def test_settings_are_chosen_and_training_is_ended_with_hints_too(kind):
    X, _, features = make()
    hints = Hints(features, 1.0, features, 1.0)
    auto = {"alpha": "auto", "input_transform": "auto", "early_stopping": True}
    shorter = {"max_iter": 200, "polish": 10, "n_restarts": 2}
    students = [fit(kind, hints, **auto, **shorter) for _ in range(2)]
    assert_array_equal(*(student.predict(X) for student in students))
    assert explained(students[0], features) > 0.5
