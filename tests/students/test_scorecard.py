"""Tables of points: what centring moves, and that it changes no score."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from skdistill.students._additive.scorecard import Scorecard, Term, centre


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 1000), n_outputs=st.integers(1, 3))
def test_centring_moves_what_smaller_terms_can_say(seed, n_outputs):
    rng = np.random.default_rng(seed)
    Z = rng.normal(size=(200, 2))
    Z[rng.uniform(size=Z.shape) < 0.1] = np.nan
    weight = rng.uniform(0.5, 2, 200)
    fine = [np.array([-1.0, -0.5, 0.0, 0.5, 1.0]), np.array([-0.3, 0.3])]
    coarse = (fine[0][[1, 3]], fine[1])
    card = Scorecard(
        rng.normal(size=n_outputs),
        [
            Term((0,), (fine[0],), rng.normal(size=(7, n_outputs))),
            Term((1,), (fine[1],), rng.normal(size=(4, n_outputs))),
            Term((0, 1), coarse, rng.normal(size=(4, 4, n_outputs))),
        ],
    )
    before, centred = card.scores(Z), centre(card, Z, weight)
    after = centred.scores(Z)
    if n_outputs > 1:  # only differences of logits count
        before -= before.mean(axis=1, keepdims=True)
        after -= after.mean(axis=1, keepdims=True)
    assert_allclose(after, before, atol=1e-8)
    for term in centred.terms:
        points = term.values[term.codes(Z)]
        assert_allclose(weight @ points, 0.0, atol=1e-7)
    pair = centred.terms[2]
    for own in pair.codes(Z):
        for b in range(own.max() + 1):
            inside = own == b
            assert_allclose(weight[inside] @ pair.values[pair.codes(Z)][inside], 0.0, atol=1e-7)


def test_tables_that_say_nothing_are_left_out():
    tables = [np.zeros((3, 1)), np.array([[0.1], [-0.2], [0.0]])]
    card = Scorecard(np.zeros(1), [Term((j,), (np.zeros(1),), v) for j, v in enumerate(tables)])
    (term,) = card.without_empty().narrow().terms
    assert term.columns == (1,)
    assert term.values.dtype == np.float32
    assert card.n_values == 7


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 1000), n_outputs=st.integers(1, 3))
def test_one_row_has_the_points_of_its_bins(seed, n_outputs):
    rng = np.random.default_rng(seed)
    cuts = [np.unique(rng.integers(-4, 4, rng.integers(0, 6)) / 2.0) for _ in range(3)]
    columns = [(2,), (0,), (0, 2), (1, 0)]
    terms = [
        Term(
            of_term,
            tuple(cuts[j] for j in of_term),
            rng.normal(size=(*(len(cuts[j]) + 2 for j in of_term), n_outputs)).astype(np.float32),
        )
        for of_term in columns
    ]
    card = Scorecard(rng.normal(size=n_outputs), terms)
    Z = rng.integers(-5, 5, (60, 3)) / 2.0
    Z = np.nextafter(Z, Z + rng.integers(-1, 2, Z.shape))
    Z[rng.random(Z.shape) < 0.1] = np.nan
    many = card.scores(Z)
    expected = card.intercept + sum(term.values.astype(np.float64)[term.codes(Z)] for term in terms)
    assert_allclose(many, expected, rtol=0.0, atol=1e-14)
    assert_allclose(np.concatenate([card.scores(row[None]) for row in Z]), many, atol=1e-14)
