"""Losses of hints against slow references and finite differences."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest
import scipy.sparse as sp
from numpy.testing import assert_allclose
from scipy.optimize import approx_fprime
from scipy.spatial.distance import pdist

from skdistill.hints import (
    MOST_ANGLE_ROWS,
    Hints,
    hint_loss,
    landmark_embedding,
    rkd_angle,
    rkd_distance,
    similarity_loss,
)

RELATIONS = [rkd_distance, rkd_angle, similarity_loss]


def make_pair(n_rows=7, width=3, reference_width=5, seed=0):
    """A student's representation of some rows and a teacher's, which is another one."""
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n_rows, width)), rng.normal(size=(n_rows, reference_width)) + 0.5


def numeric_gradient(value, Z):
    flat = approx_fprime(Z.ravel(), lambda z: value(z.reshape(Z.shape)), 1e-7)
    return flat.reshape(Z.shape)


def huber(x):
    return 0.5 * x**2 if abs(x) <= 1 else abs(x) - 0.5


@pytest.mark.parametrize("loss", RELATIONS)
@pytest.mark.parametrize("seed", range(3))
def test_gradient_of_relations_is_that_of_the_value(loss, seed):
    Z, reference = make_pair(seed=seed)
    _, gradient = loss(Z, reference)
    assert_allclose(gradient, numeric_gradient(lambda z: loss(z, reference)[0], Z), atol=1e-6)


@pytest.mark.parametrize("loss", RELATIONS)
def test_gradient_holds_where_differences_are_large(loss):
    """The linear part of the Huber loss, and the row mean of distances far from equal."""
    Z, reference = make_pair()
    Z[0] *= 30.0
    _, gradient = loss(Z, reference)
    assert_allclose(gradient, numeric_gradient(lambda z: loss(z, reference)[0], Z), atol=1e-6)


def test_distance_loss_is_the_mean_over_pairs():
    Z, reference = make_pair()
    Z[0] *= 30.0  # some differences are above one, where the Huber loss is linear
    ours, theirs = pdist(Z), pdist(reference)
    expected = [huber(x) for x in ours / ours.mean() - theirs / theirs.mean()]
    assert max(expected) > 0.5
    assert_allclose(rkd_distance(Z, reference)[0], np.mean(expected))


@pytest.mark.parametrize("some_coincide", [False, True])
def test_angle_loss_is_the_mean_over_triplets(some_coincide):
    Z, reference = make_pair()
    if some_coincide:
        Z[3] = Z[1]  # there is no direction from one to the other: its cosines are zero

    def cosine(A, i, j, k):
        a, b = A[i] - A[j], A[k] - A[j]
        return a @ b / (np.linalg.norm(a) * np.linalg.norm(b) or 1.0)

    expected = [
        huber(cosine(Z, *triplet) - cosine(reference, *triplet))
        for triplet in permutations(range(len(Z)), 3)
    ]
    assert_allclose(rkd_angle(Z, reference)[0], np.mean(expected))


def test_similarity_loss_is_that_of_normalised_kernels():
    Z, reference = make_pair()

    def kernel(A):
        return np.array([row / np.linalg.norm(row) for row in A @ A.T])

    expected = np.linalg.norm(kernel(Z) - kernel(reference), "fro") ** 2 / len(Z) ** 2
    assert_allclose(similarity_loss(Z, reference)[0], expected)


@pytest.mark.parametrize("loss", RELATIONS)
def test_unit_and_rotation_do_not_matter(loss):
    Z, _ = make_pair()
    rotation, _ = np.linalg.qr(np.random.default_rng(1).normal(size=(3, 3)))
    value, gradient = loss(7.0 * Z @ rotation, Z)
    assert value < 1e-20
    assert_allclose(gradient, 0.0, atol=1e-10)


@pytest.mark.parametrize("loss", [rkd_distance, rkd_angle])
def test_shift_does_not_matter(loss):
    Z, reference = make_pair()
    assert_allclose(loss(Z + 100.0, reference - 50.0)[0], loss(Z, reference)[0])


@pytest.mark.parametrize("loss", RELATIONS)
def test_descent_brings_relations_nearer(loss):
    Z, reference = make_pair(n_rows=20)
    before = loss(Z, reference)[0]
    for _ in range(200):
        Z = Z - 2.0 * loss(Z, reference)[1]
    assert loss(Z, reference)[0] < 0.8 * before


@pytest.mark.parametrize("loss", RELATIONS)
def test_single_precision_stays_single(loss):
    Z, reference = make_pair()
    value, gradient = loss(Z.astype(np.float32), reference.astype(np.float32))
    assert gradient.dtype == np.float32
    assert_allclose(value, loss(Z, reference)[0], rtol=1e-4)
    assert_allclose(gradient, loss(Z, reference)[1], atol=1e-5)


@pytest.mark.parametrize("loss", RELATIONS)
@pytest.mark.parametrize("n_rows", [1, 2, 5])
def test_equal_rows_have_finite_gradients(loss, n_rows):
    reference = np.arange(2.0 * n_rows).reshape(n_rows, 2)
    for Z in (np.zeros((n_rows, 3)), np.repeat(np.eye(3), 2, axis=0)[:n_rows]):
        value, gradient = loss(Z, reference)
        assert np.isfinite(value)
        assert np.isfinite(gradient).all()
        value, gradient = loss(reference, Z)
        assert np.isfinite(value)
        assert np.isfinite(gradient).all()


def test_angles_are_compared_in_the_first_rows():
    Z, reference = make_pair(n_rows=MOST_ANGLE_ROWS + 10)
    value, gradient = rkd_angle(Z, reference)
    first, first_gradient = rkd_angle(Z[:MOST_ANGLE_ROWS], reference[:MOST_ANGLE_ROWS])
    assert value == first
    assert_allclose(gradient[:MOST_ANGLE_ROWS], first_gradient)
    assert not gradient[MOST_ANGLE_ROWS:].any()


@pytest.mark.parametrize("weighted", [False, True])
def test_hint_loss_and_its_gradients(weighted):
    hidden, features = make_pair()
    rng = np.random.default_rng(3)
    coef, intercept = rng.normal(size=(3, 5)), rng.normal(size=5)
    weight = rng.random(len(hidden)) if weighted else None
    value, by_hidden, by_coef, by_intercept = hint_loss(hidden, features, coef, intercept, weight)
    squares = ((features - hidden @ coef - intercept) ** 2).sum(axis=1)
    assert_allclose(value, 0.5 * np.average(squares, weights=weight))

    def at(h=hidden, c=coef, b=intercept):
        return hint_loss(h, features, c, b, weight)[0]

    assert_allclose(by_hidden, numeric_gradient(lambda h: at(h=h), hidden), atol=1e-6)
    assert_allclose(by_coef, numeric_gradient(lambda c: at(c=c), coef), atol=1e-6)
    assert_allclose(by_intercept, numeric_gradient(lambda b: at(b=b), intercept), atol=1e-6)


@pytest.mark.parametrize("as_sparse", [False, True])
def test_landmarks_that_span_the_features_keep_inner_products(as_sparse):
    rng = np.random.RandomState(0)
    F = rng.normal(size=(60, 4))
    given = sp.csr_matrix(F) if as_sparse else F
    E = landmark_embedding(given, 12, rng=rng)
    assert E.shape == (60, 4)
    assert E.dtype == np.float64
    assert_allclose(E @ E.T, F @ F.T, atol=1e-8)


def test_few_landmarks_project():
    """The kernel is exact between landmarks, and never too large: a projection shortens."""
    rng = np.random.RandomState(0)
    F = rng.normal(size=(60, 20))
    weight = np.zeros(60)
    weight[:8] = 1.0  # these are drawn
    E = landmark_embedding(F, 8, weight=weight, rng=rng)
    assert E.shape == (60, 8)
    assert_allclose(E[:8] @ E[:8].T, F[:8] @ F[:8].T, atol=1e-8)
    assert ((E**2).sum(axis=1) <= (F**2).sum(axis=1) + 1e-8).all()


def test_more_landmarks_approximate_better():
    rng = np.random.RandomState(0)
    F = rng.normal(size=(200, 30)) * 0.8 ** np.arange(30)

    def error(n):
        E = landmark_embedding(F, n, rng=np.random.RandomState(1))
        return np.linalg.norm(E @ E.T - F @ F.T)

    errors = [error(n) for n in (2, 5, 10, 20)]
    assert errors == sorted(errors, reverse=True)


def test_features_of_nothing_have_no_columns():
    assert landmark_embedding(np.zeros((5, 3)), 4, rng=np.random.RandomState(0)).shape == (5, 0)


def test_some_rows_of_hints():
    hints = Hints(np.arange(6.0).reshape(3, 2), 0.5, None, 0.0)
    head = hints.take(slice(0, 2))
    assert head.relations is None
    assert head.feature_weight == 0.5
    assert_allclose(head.features, [[0, 1], [2, 3]])
