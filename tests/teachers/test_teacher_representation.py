"""What teachers show of their inside, against what the libraries themselves say."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from numpy.testing import assert_allclose
from sklearn.compose import TransformedTargetRegressor
from sklearn.datasets import load_diabetes, load_iris
from sklearn.ensemble import (
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler

from skdistill.exceptions import TeacherError
from skdistill.teachers import (
    BoosterTeacher,
    CallableTeacher,
    EnsembleTeacher,
    EstimatorTeacher,
    as_teacher,
)
from skdistill.teachers._representation import MOST_TREES

X, y = load_iris(return_X_y=True)
# Training stops at once: any weights will do.
MLPS = {"activation": "tanh", "solver": "lbfgs", "tol": 10.0, "random_state": 0}


@pytest.fixture(scope="module")
def net():
    return MLPClassifier(hidden_layer_sizes=(7, 5), **MLPS).fit(X, y)


@pytest.fixture(scope="module")
def forest():
    return RandomForestClassifier(12, random_state=0).fit(X, y)


def meetings(leaves):
    """The share of trees in which two rows meet."""
    return (leaves[:, None, :] == leaves[None, :, :]).mean(axis=2)


def test_last_hidden_layer_of_a_net_leads_to_its_logits(net):
    hidden = EstimatorTeacher(net).represent(X)
    assert hidden.shape == (150, 5)
    logits = hidden @ net.coefs_[-1] + net.intercepts_[-1]
    proba = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    assert_allclose(proba, net.predict_proba(X), atol=1e-12)


@pytest.mark.parametrize("activation", ["identity", "logistic", "tanh", "relu"])
def test_activations_of_a_regressor(activation):
    X, y = load_diabetes(return_X_y=True)
    net = MLPRegressor(hidden_layer_sizes=4, **{**MLPS, "activation": activation}).fit(X, y)
    hidden = EstimatorTeacher(net).represent(X)
    assert_allclose((hidden @ net.coefs_[1] + net.intercepts_[1])[:, 0], net.predict(X))


def test_a_layer_is_chosen_by_its_index(net):
    teacher = EstimatorTeacher(net)
    first = np.tanh(X @ net.coefs_[0] + net.intercepts_[0])
    assert_allclose(teacher.represent(X, where=0), first)
    assert_allclose(teacher.represent(X, where=-2), first)
    assert_allclose(teacher.represent(X, where=1), teacher.represent(X))
    assert_allclose(teacher.represent(sp.csr_matrix(X), where=0), first)


@pytest.mark.parametrize("where", [2, -3, "first", 0.5, True])
def test_what_is_no_layer_is_refused(net, where):
    with pytest.raises(TeacherError, match="give its index, from 0 to 1"):
        EstimatorTeacher(net).represent(X, where=where)


def test_wrappers_are_opened(net, forest):
    for model in (net, forest):
        scaler = StandardScaler().fit(X)
        scaled = type(model)(**model.get_params()).fit(scaler.transform(X), y)
        expected = EstimatorTeacher(scaled).represent(scaler.transform(X))
        pipeline = make_pipeline(scaler, scaled)
        search = GridSearchCV(make_pipeline(StandardScaler(), scaled), {}, cv=2).fit(X, y)
        for wrapper in (pipeline, FrozenEstimator(pipeline), search):
            found = EstimatorTeacher(wrapper).represent(X)
            assert found.shape == expected.shape
            assert abs(found - expected).max() < 1e-12


def test_regressor_of_a_transformed_target():
    X, y = load_diabetes(return_X_y=True)
    net = MLPRegressor(hidden_layer_sizes=4, **MLPS)
    model = TransformedTargetRegressor(net, transformer=StandardScaler()).fit(X, y)
    assert_allclose(
        EstimatorTeacher(model).represent(X), EstimatorTeacher(model.regressor_).represent(X)
    )


def test_inner_products_of_a_forest_are_meetings_in_leaves(forest):
    F = EstimatorTeacher(forest).represent(X)
    assert sp.issparse(F)
    assert F.shape == (150, sum(tree.get_n_leaves() for tree in forest.estimators_))
    assert_allclose((F @ F.T).toarray(), meetings(forest.apply(X)))


def test_inner_products_of_scikit_learn_boosting():
    gradient = GradientBoostingClassifier(n_estimators=4, random_state=0).fit(X, y)
    F = EstimatorTeacher(gradient).represent(X)
    assert_allclose((F @ F.T).toarray(), meetings(gradient.apply(X).reshape(150, -1)))
    hist = HistGradientBoostingClassifier(max_iter=4, min_samples_leaf=5).fit(X, y)
    F = EstimatorTeacher(hist).represent(X)
    assert_allclose(F.multiply(F).sum(axis=1), 1.0)


def test_inner_products_of_lightgbm():
    lightgbm = pytest.importorskip("lightgbm")
    model = lightgbm.LGBMClassifier(n_estimators=4, verbose=-1, n_jobs=1).fit(X, y)
    expected = meetings(model.predict(X, pred_leaf=True))
    for teacher in (EstimatorTeacher(model), BoosterTeacher(model.booster_)):
        F = teacher.represent(X)
        assert_allclose((F @ F.T).toarray(), expected)


def test_inner_products_of_xgboost():
    xgboost = pytest.importorskip("xgboost")
    model = xgboost.XGBClassifier(n_estimators=4, n_jobs=1).fit(X, y)
    F = EstimatorTeacher(model).represent(X)
    assert_allclose((F @ F.T).toarray(), meetings(model.apply(X)))


def test_leaves_behind_an_encoder_of_texts():
    frame = pd.DataFrame({"a": ["x", "y", "z"] * 20, "b": ["u", "v"] * 30})
    labels = (frame["a"] == "x").astype(int)
    model = make_pipeline(OneHotEncoder(), RandomForestClassifier(5, random_state=0))
    F = EstimatorTeacher(model.fit(frame, labels)).represent(frame)
    assert_allclose((F @ F.T).diagonal(), 1.0)


def test_some_of_many_trees_stand_for_all():
    n_trees = MOST_TREES + 60
    model = RandomForestRegressor(n_trees, max_depth=3, random_state=0).fit(X, y)
    F = EstimatorTeacher(model).represent(X)
    assert (np.diff(F.indptr) == MOST_TREES).all()
    assert np.abs((F @ F.T).toarray() - meetings(model.apply(X))).mean() < 0.03
    assert abs(F - EstimatorTeacher(model).represent(X)).max() == 0


def test_members_of_an_ensemble_are_side_by_side(net, forest):
    both = EnsembleTeacher([net, forest], weights=[1, 3]).represent(X)
    hidden, leaves = (EstimatorTeacher(m).represent(X) for m in (net, forest))
    assert both.shape == (150, hidden.shape[1] + leaves.shape[1])
    F = both.toarray()
    hidden_part, leaf_part = F[:, :5], F[:, 5:]
    assert_allclose((hidden_part**2).sum(axis=1).mean(), 0.25)
    assert_allclose((leaf_part**2).sum(axis=1).mean(), 0.75)
    assert_allclose(leaf_part, np.sqrt(0.75) * leaves.toarray())
    dense = EnsembleTeacher([net, net]).represent(X)
    assert dense.shape == (150, 10)


def test_a_member_without_weight_is_left_out(net, forest):
    found = EnsembleTeacher([net, forest], weights=[0, 1]).represent(X)
    assert found.shape == EstimatorTeacher(forest).represent(X).shape


def test_trees_have_no_layer(forest):
    with pytest.raises(TeacherError, match="leave it at 'auto' for their leaves"):
        EstimatorTeacher(forest).represent(X, where=0)


@pytest.mark.parametrize(
    "teacher",
    [
        LogisticRegression(max_iter=500).fit(X, y),
        CallableTeacher(lambda X: X[:, :3], output="probabilities"),
    ],
)
def test_what_shows_nothing_says_what_can_be_given(teacher):
    with pytest.raises(TeacherError, match="FeatureKnowledge"):
        as_teacher(teacher, task="classification").represent(X)


def test_an_unfitted_teacher_is_refused():
    with pytest.raises(ValueError, match="not fitted"):
        EstimatorTeacher(RandomForestClassifier()).represent(X)


def test_a_failing_teacher_is_named(forest):
    steps = make_pipeline(FunctionTransformer(lambda X: 1 / 0), forest)
    with pytest.raises(TeacherError, match="teacher Pipeline failed in represent on 150 rows"):
        EstimatorTeacher(steps).represent(X)


class Shape(CallableTeacher):
    """A teacher of someone else that represents rows in a given form."""

    def __init__(self, values):
        super().__init__(len, output="predictions")
        self.values = values

    def _represent(self, X, where):
        return self.values


def test_numbers_are_one_column():
    assert Shape(np.arange(150)).represent(X).shape == (150, 1)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (np.zeros((150, 2, 2)), "flatten what has more dimensions"),
        (np.zeros((3, 2)), "150 rows and at least one column"),
        (np.zeros((150, 0)), "at least one column"),
        (np.full((150, 2), np.nan), "NaN or infinite"),
        (sp.csr_matrix(np.full((150, 2), np.inf)), "NaN or infinite"),
        (np.array([["a"]] * 150), "an array of numbers"),
    ],
)
def test_what_is_no_representation_is_refused(values, message):
    with pytest.raises(ValueError, match=message):
        Shape(values).represent(X)
