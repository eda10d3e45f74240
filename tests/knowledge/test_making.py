"""Hints are what one teacher sees in the rows, centred and scaled."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp
from numpy.testing import assert_allclose
from scipy.spatial.distance import pdist
from sklearn.datasets import load_iris
from sklearn.decomposition import PCA
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier

from skdistill.exceptions import TeacherError
from skdistill.hints import Hints
from skdistill.knowledge import (
    FeatureKnowledge,
    RelationKnowledge,
    _making,
    describe_hints,
    make_hints,
)
from skdistill.teachers import EstimatorTeacher

X, y = load_iris(return_X_y=True)
ONES = np.ones(150)
FOREST = EstimatorTeacher(RandomForestClassifier(15, random_state=0).fit(X, y))
SCALED = (X - X.mean(axis=0)) / X.std(axis=0)
NETS = {"solver": "lbfgs", "activation": "tanh", "random_state": 0, "max_iter": 1000}
NET = EstimatorTeacher(MLPClassifier(hidden_layer_sizes=(6, 5), **NETS).fit(SCALED, y))


def make(*knowledge: Any, teacher: Any = FOREST, weight: np.ndarray = ONES) -> Hints:
    hints = make_hints(knowledge, teacher, X, weight, np.random.RandomState(0))
    assert hints is not None
    return hints


def total_variance(columns: np.ndarray, weight: np.ndarray) -> float:
    mean = np.average(columns, axis=0, weights=weight)
    return float(np.average((columns - mean) ** 2, axis=0, weights=weight).sum())


@pytest.mark.parametrize("teacher", [FOREST, NET])
@pytest.mark.parametrize("weight", [ONES, np.arange(150) % 3 + 0.0])
def test_features_are_centred_and_of_variance_one(teacher: Any, weight: np.ndarray):
    hints = make(FeatureKnowledge(n_components=4), teacher=teacher, weight=weight)
    assert hints.features is not None
    assert hints.features.shape == (150, 4)
    assert_allclose(weight @ hints.features, 0.0, atol=1e-9)
    assert_allclose(total_variance(hints.features, weight), 1.0)
    assert hints.relations is None
    assert hints.feature_weight == FeatureKnowledge().weight


def test_features_are_principal_components_of_the_hidden_layer():
    hidden = NET.represent(X, where=0)
    expected = PCA(3).fit_transform(hidden)
    expected /= np.sqrt(total_variance(expected, ONES))
    features = make(FeatureKnowledge(n_components=3, representation=0), teacher=NET).features
    assert features is not None
    assert_allclose(np.abs(features), np.abs(expected), atol=1e-6)


def test_features_of_trees_are_components_of_their_leaves():
    leaves = FOREST.represent(X).toarray()
    expected = PCA(4).fit_transform(leaves)
    features = make(FeatureKnowledge(n_components=4)).features
    assert features is not None
    correlation = np.corrcoef(pdist(features), pdist(expected))[0, 1]
    assert correlation > 0.99


def test_wide_representations_are_sampled_and_reduced(monkeypatch: Any):
    monkeypatch.setattr(_making, "MOST_SVD_ROWS", 100)
    monkeypatch.setattr(_making, "MOST_COLUMNS", 4)
    knowledge = FeatureKnowledge(n_components=2, representation=lambda X: X @ np.eye(4, 9))
    features = make(knowledge).features
    assert features is not None
    expected = PCA(2).fit_transform(X)
    assert np.corrcoef(pdist(features), pdist(expected))[0, 1] > 0.99


def test_components_are_weighted():
    weight = 1.0 + np.arange(150) % 3 * (y == 2)
    features = make(FeatureKnowledge(n_components=3), teacher=NET, weight=weight).features
    assert features is not None
    hidden = NET.represent(X)
    expected = PCA(3).fit(np.repeat(hidden, weight.astype(int), axis=0)).transform(hidden)
    expected /= np.sqrt(total_variance(expected, weight))
    assert_allclose(np.abs(features), np.abs(expected), atol=1e-6)


def two_groups() -> tuple[np.ndarray, np.ndarray]:
    """Rows of two groups, each with columns of its own; the smaller group varies less."""
    rng = np.random.default_rng(0)
    F = np.zeros((150, 6))
    F[:100, :3] = 5.0 * rng.normal(size=(100, 3))
    F[100:, 3:] = rng.normal(size=(50, 3)) * [3.0, 0.5, 0.5]
    return F, np.arange(150) >= 100


@pytest.mark.parametrize("as_sparse", [False, True])
@pytest.mark.parametrize(
    ("n_svd_rows", "least"),
    [(1000, 1e-4), (40, 1e-4), (60, 0.0)],
    ids=["all rows", "drawn rows", "weighty rows"],
)
def test_wide_representations_are_reduced_by_weight(
    monkeypatch: Any, as_sparse: bool, n_svd_rows: int, least: float
):
    monkeypatch.setattr(_making, "MOST_COLUMNS", 4)
    monkeypatch.setattr(_making, "MOST_SVD_ROWS", n_svd_rows)
    F, counts = two_groups()
    values = sp.csr_matrix(F) if as_sparse else F
    knowledge = FeatureKnowledge(n_components=1, representation=lambda X: values)
    features = make(knowledge, teacher=None, weight=np.where(counts, 1.0, least)).features
    assert features is not None
    assert abs(np.corrcoef(features[counts, 0], F[counts, 3])[0, 1]) > 0.9
    assert np.var(features[counts]) > 0.9


def test_distances_of_relations_are_those_of_the_hidden_layer():
    relations = make(RelationKnowledge(n_landmarks=20), teacher=NET).relations
    assert relations is not None
    ours, theirs = pdist(relations), pdist(NET.represent(X))
    assert_allclose(ours / ours.mean(), theirs / theirs.mean(), atol=1e-4)
    assert_allclose(total_variance(relations, ONES), 1.0)


def test_relations_of_trees_are_meetings_in_leaves():
    relations = make(RelationKnowledge(n_landmarks=150)).relations
    assert relations is not None
    leaves = FOREST.represent(X)
    meetings = (leaves @ leaves.T).toarray()
    products = relations @ relations.T
    assert_allclose(products / products[0, 0], meetings, atol=1e-6)


def test_both_kinds_ask_the_teacher_once():
    asked = []

    class Counting(EstimatorTeacher):
        def _represent(self, X: Any, where: Any) -> Any:
            asked.append(where)
            return super()._represent(X, where)

    hints = make(FeatureKnowledge(), RelationKnowledge(), teacher=Counting(FOREST.estimator))
    assert asked == [None]
    assert hints.features is not None
    assert hints.relations is not None
    other = RelationKnowledge(representation=0, weight=3.0)
    hints = make(FeatureKnowledge(), other, teacher=Counting(NET.estimator))
    assert asked == [None, None, 0]
    assert hints.relation_weight == 3.0


@pytest.mark.parametrize("values", [X[:, 2], sp.csr_matrix(X), X.tolist()])
def test_a_function_of_the_rows_needs_no_teacher(values: Any):
    hints = make(FeatureKnowledge(representation=lambda X: values), teacher=None)
    assert hints.features is not None
    assert_allclose(total_variance(hints.features, ONES), 1.0)


def test_a_function_that_returns_no_features_is_named():
    def outer_half(X: Any) -> Any:
        return X[:3]

    with pytest.raises(ValueError, match="outer_half must have shape"):
        make(FeatureKnowledge(representation=outer_half))


def test_without_a_teacher_there_is_nothing_to_see():
    with pytest.raises(ValueError, match=r"teacher is None.*FeatureKnowledge"):
        make(FeatureKnowledge(), teacher=None)


def test_a_teacher_that_shows_nothing():
    linear = EstimatorTeacher(LogisticRegression(max_iter=500).fit(X, y))
    with pytest.raises(TeacherError, match="knowledge='response'"):
        make(RelationKnowledge(), teacher=linear)


def test_rows_that_look_alike_teach_nothing():
    constant = FeatureKnowledge(representation=lambda X: np.full((150, 3), 7.1))
    rng = np.random.RandomState(0)
    with pytest.warns(UserWarning, match="'feature' teaches nothing"):
        assert make_hints([constant], FOREST, X, ONES, rng) is None
    with pytest.warns(UserWarning, match="'feature' teaches nothing"):
        hints = make(constant, RelationKnowledge())
    assert hints.features is None
    assert hints.feature_weight == 0.0
    assert hints.relations is not None


def test_the_response_alone_gives_no_hints():
    assert make_hints([], FOREST, X, ONES, np.random.RandomState(0)) is None


def test_same_seed_same_hints():
    kinds = FeatureKnowledge(), RelationKnowledge(n_landmarks=5)
    first, second = make(*kinds), make(*kinds)
    assert_allclose(first.features, second.features, rtol=0)
    assert_allclose(first.relations, second.relations, rtol=0)


def test_description_is_plain():
    relation = RelationKnowledge(weight=2, measure="similarity")
    kinds = [FeatureKnowledge(representation=np.log, n_components=3), relation]
    hints = Hints(np.zeros((5, 3)), 0.1, None, 0.0)
    assert describe_hints(kinds, hints) == [
        {"kind": "feature", "representation": "log", "weight": 0.1, "n_columns": 3},
        {
            "kind": "relation",
            "representation": "auto",
            "weight": 2.0,
            "n_columns": 0,
            "measure": "similarity",
        },
    ]
    assert describe_hints(kinds, None)[0]["n_columns"] == 0
    assert describe_hints([], None) == []
