"""Probabilities of scores: those of the softmax, for one row and for many."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from skdistill.losses import softmax
from skdistill.students._scores import class_probabilities, to_logits


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    n_scores=st.sampled_from([1, 2, 3, 11, 40]),
    scale=st.sampled_from([1e-9, 1.0, 30.0, 1e4, 1e307]),
)
def test_probabilities_are_the_softmax(seed, n_scores, scale):
    scores = np.random.default_rng(seed).normal(size=(7, n_scores)) * scale
    scores[0] = 0.0
    expected = softmax(to_logits(scores))
    for order in ("C", "F"):
        proba = class_probabilities(np.array(scores, order=order))
        assert_allclose(proba, expected, rtol=1e-14, atol=0.0)
        assert proba.flags["C_CONTIGUOUS"]
    for row, p in zip(scores, proba, strict=True):
        one = class_probabilities(row[None])
        assert_allclose(one[0], p, rtol=1e-14, atol=0.0)
        assert one.shape == (1, expected.shape[1])


@pytest.mark.parametrize("n_scores", [1, 3])
def test_scores_stay_and_none_are_none(n_scores):
    scores = np.ones((4, n_scores))
    class_probabilities(scores)
    assert_array_equal(scores, 1.0)
    assert class_probabilities(scores[:0]).shape == (0, max(2, n_scores))


@pytest.mark.parametrize(
    ("scores", "expected"),
    [
        ([np.inf], [0.0, 1.0]),
        ([-np.inf], [1.0, 0.0]),
        ([-np.inf, 3.0, -np.inf], [0.0, 1.0, 0.0]),
        ([np.inf, 3.0, np.inf], [0.5, 0.0, 0.5]),
    ],
)
def test_infinite_scores_are_certain_in_one_row_and_in_many(scores, expected):
    assert_array_equal(class_probabilities(np.array([scores])), [expected])
    assert_array_equal(class_probabilities(np.array([scores, scores])), [expected, expected])
