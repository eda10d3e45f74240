"""Metrics of known answers under many weights: the same as scikit-learn's."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import get_scorer, roc_auc_score

from skdistill._scorers import Answers, make_metric

CLASSES = np.array(["a", "b", "c"])


def draw(seed, n_classes, n_rows=60, n_levels=7):
    """Draw labels, probabilities with many ties, and weights of which some are zero."""
    rng = np.random.RandomState(seed)
    P = rng.randint(1, n_levels, size=(n_rows, n_classes)).astype(float)
    weight = rng.randint(3, size=n_rows) * rng.rand(n_rows)
    y = np.r_[np.arange(n_classes), rng.randint(n_classes, size=n_rows - n_classes)]
    weight[:n_classes] = 1.0
    return CLASSES[y], P / P.sum(axis=1, keepdims=True), weight


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 10_000))
@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("name", ["neg_log_loss", "accuracy", "roc_auc", "roc_auc_ovr"])
def test_scores_by_weights_are_those_of_the_scorer(name, n_classes, seed):
    y, P, weight = draw(seed, n_classes)
    metric, answers = make_metric(name, CLASSES[:n_classes]), Answers.of(CLASSES[:n_classes], P)
    score = metric.by_weights(answers, y)
    if name == "roc_auc" and n_classes == 3:
        assert score is None
        return
    if name == "roc_auc_ovr" and n_classes == 2:
        expected = roc_auc_score(y, P[:, 1], sample_weight=weight)
    else:
        expected = metric(answers, np.arange(len(y)), y, weight)
    assert score(weight) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(
    "name", ["neg_mean_absolute_error", "neg_mean_squared_error", "neg_root_mean_squared_error"]
)
def test_scores_of_values_by_weights(name):
    rng = np.random.RandomState(0)
    y, weight = rng.randn(100), rng.rand(100)
    metric, answers = make_metric(name, None), Answers.of(None, 0.5 * y)
    expected = get_scorer(name)(answers, np.arange(100), y, sample_weight=weight)
    assert metric.by_weights(answers, y)(weight) == pytest.approx(expected, rel=1e-12)


def test_an_area_needs_both_classes():
    y, P, weight = draw(0, 2)
    area = make_metric("roc_auc", CLASSES[:2]).by_weights(Answers.of(CLASSES[:2], P), y)
    assert math.isnan(area(weight * (y == "a")))


def test_other_metrics_are_left_to_their_scorer():
    y, P, _ = draw(0, 2)
    metric, answers = make_metric("f1_macro", CLASSES[:2]), Answers.of(CLASSES[:2], P)
    assert metric.by_weights(answers, y) is None
    assert 0 < metric(answers, np.arange(len(y)), y) < 1


@pytest.mark.parametrize("name", ["nonsense", 3])
def test_unknown_metric(name):
    with pytest.raises(ValueError, match=f"metric={name!r} is unknown"):
        make_metric(name, None)
