"""SPUNGE: a few cells of every row come from another row, the marginals stay."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_breast_cancer

from skdistill.transfer import SpungeSampler


@pytest.mark.parametrize(
    ("n_columns", "share", "expected"),
    [(4, 0.1, {1}), (8, 0.25, {2}), (10, 0.1, {1}), (10, 0.25, {2, 3}), (20, 0.5, {10})],
)
def test_number_of_changed_columns(n_columns, share, expected):
    X = np.random.default_rng(0).normal(size=(50, n_columns))
    children = SpungeSampler(share=share, noise=0).fit(X).sample(1000, 0)
    changed = (children.reshape(20, 50, n_columns) != X).sum(axis=2)
    assert set(changed.ravel()) == expected
    assert changed.mean() == pytest.approx(max(1, share * n_columns), rel=0.05)


def test_every_child_differs_from_its_parent():
    # Rare levels: a value drawn from the marginal would mostly be the old one.
    X = (np.random.default_rng(0).random((200, 8)) < 0.2).astype(int)
    children = SpungeSampler().fit(X).sample(2000, 0).reshape(10, 200, 8)
    changed = (children != X).sum(axis=2)
    assert (changed <= 1).all()
    equal = (X[:, None] == X).all(axis=2).mean() - 1 / 200  # pairs of rows with nothing to change
    assert (changed == 0).mean() == pytest.approx(equal, abs=0.02)


def test_every_column_is_chosen_equally_often():
    X = np.random.default_rng(0).normal(size=(100, 5))
    children = SpungeSampler(noise=0).fit(X).sample(5000, 0)
    often = (children.reshape(50, 100, 5) != X).mean(axis=(0, 1))
    assert often == pytest.approx(np.full(5, 0.2), abs=0.03)


def test_values_are_those_of_another_row():
    X = np.arange(40.0).reshape(10, 4) + 0.5
    children = SpungeSampler(share=0.5, noise=0).fit(X).sample(500, 0).reshape(50, 10, 4)
    own = np.arange(10)[None, :, None]
    came_from = (children // 4).astype(int)
    np.testing.assert_array_equal(X[came_from, np.arange(4)], children)
    others = [np.unique(row[row != i]) for i in range(10) for row in came_from[:, i]]
    assert all(len(rows) == 1 for rows in others)
    assert ((came_from != own).sum(axis=2) == 2).all()


def test_marginals_are_kept_also_of_dependent_columns():
    # The usual level goes with the usual level elsewhere, where fewer columns differ.
    rng = np.random.default_rng(0)
    common = rng.random(500) < 0.8
    X = np.column_stack([np.where(rng.random(500) < 0.9, common, ~common) for _ in range(6)])
    children = SpungeSampler().fit(X).sample(50_000, 0)
    assert children.mean(axis=0) == pytest.approx(X.mean(axis=0), abs=0.006)


def test_relations_are_lost():
    x = np.random.default_rng(0).normal(size=500)
    children = SpungeSampler().fit(np.column_stack([x, x])).sample(5000, 0)
    assert abs(np.corrcoef(children.T)[0, 1]) < 0.05


def test_noise():
    rng = np.random.default_rng(0)
    X = np.column_stack([rng.normal(0, 5, 1000), rng.normal(0, 0.01, 1000), np.arange(1000) % 2])
    for noise in (0.1, 0.4):
        children = SpungeSampler(share=0.3, noise=noise).fit(X).sample(5000, 0)
        for j in range(2):
            distance = np.abs(children[:, j, None] - X[:, j]).min(axis=1)
            assert (distance > 0).mean() == pytest.approx(0.3, abs=0.03)
        # Of the parents' cells that were not resampled: the spread of what moved.
        moved = children[:1000, 0] - X[:, 0]
        moved = moved[(moved != 0) & ~np.isin(children[:1000, 0], X[:, 0])]
        middle = np.diff(np.quantile(moved, [0.3, 0.7])).item()
        assert 0.5 < middle / (noise * 5) < 2.0
        assert set(children[:, 2]) == {0.0, 1.0}


def test_no_noise_on_what_is_no_number():
    X = pd.DataFrame({"date": pd.to_datetime(["2020-01-01", "2021-06-30"]), "text": ["a", "b"]})
    children = SpungeSampler(noise=5.0).fit(X).sample(50, 0)
    assert set(children["date"]) == set(X["date"])


def test_spread_stays_on_real_data():
    X = load_breast_cancer().data
    children = SpungeSampler().fit(X).sample(5 * len(X), 0)
    assert children.std(axis=0) / X.std(axis=0) == pytest.approx(np.ones(30), abs=0.05)
    rows = {row.tobytes() for row in X}
    assert not any(row.tobytes() in rows for row in children)
