"""What sums of trees minimise is the combined loss, and its derivatives are the loss's own."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from skdistill.losses import DistillationLoss
from skdistill.students._pruned.score_loss import ClassScores, ValueScores
from skdistill.students._scores import score_curvature, score_gradient, to_logits


@pytest.mark.parametrize("temperature", [1.0, 3.0])
@given(st.integers(2, 5), st.floats(0.1, 300.0), st.integers(0, 99))
@settings(max_examples=15, deadline=None)
def test_classes_have_the_loss_of_their_rows(temperature, n_classes, reach, seed):
    rng = np.random.default_rng(seed)
    n = 7
    loss = DistillationLoss(
        rng.dirichlet(np.ones(n_classes), n),
        rng.integers(0, n_classes, n),
        temperature=temperature,
        hard_label_weight=rng.random(n),
    )
    weight = rng.random(n) + 0.1
    ours = ClassScores(loss, weight)
    a, b = reach * rng.normal(size=(2, n, ours.n_scores))
    expected = weight @ (loss(to_logits(a)) - loss(to_logits(b)))
    assert_allclose(ours.value(a) - ours.value(b), expected, atol=1e-9 * reach * n)
    gradient, curvature = ours.derivatives(a)
    assert_allclose(gradient, weight[:, None] * score_gradient(loss, a), atol=1e-12)
    least = np.maximum(score_curvature(loss, a), 1e-6)
    assert_allclose(curvature, weight[:, None] * least, atol=1e-12)
    rows = np.array([4, 1])
    assert_allclose(ours.take(rows).derivatives(a[rows])[0], gradient[rows], atol=1e-12)


def test_values_have_half_the_squared_error():
    rng = np.random.default_rng(0)
    target, weight, z = rng.normal(size=(3, 9))
    weight = weight**2
    ours = ValueScores(target, weight, centre=2.0, scale=0.5)
    errors = z - (target - 2.0) / 0.5
    assert_allclose(ours.value(z[:, None]), 0.5 * weight @ errors**2)
    gradient, curvature = ours.derivatives(z[:, None])
    assert_allclose(gradient[:, 0], weight * errors)
    assert_allclose(curvature[:, 0], weight)
