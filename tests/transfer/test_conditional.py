"""The conditional sampler: values are taken from rows alike, and relations are kept."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_breast_cancer, load_iris

from skdistill.transfer import ConditionalSampler, SpungeSampler, _conditional, plausibility


def correlated(n_rows: int, n_columns: int = 6, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n_rows, 1)) + 0.3 * rng.normal(size=(n_rows, n_columns))


class TestRelations:
    def test_correlations_that_spunge_destroys(self):
        X = load_breast_cancer().data
        rows = np.triu_indices(X.shape[1], 1)
        real = np.corrcoef(X.T)[rows]

        def error(sampler):
            return np.abs(np.corrcoef(sampler.fit(X).sample(3000, 0).T)[rows] - real).mean()

        conditional = error(ConditionalSampler())
        assert conditional < 0.04
        assert error(SpungeSampler()) > 2 * conditional

    def test_plausibility(self):
        fitted, held_out = correlated(800), correlated(800, seed=1)

        def auc(sampler):
            children = sampler.fit(fitted).sample(800, 0)
            return plausibility(held_out, children, random_state=0)

        assert auc(ConditionalSampler()) < auc(SpungeSampler(share=0.5)) - 0.1

    def test_curved_relation(self):
        x = np.random.default_rng(0).normal(size=500)
        children = ConditionalSampler().fit(np.column_stack([x, x**2])).sample(1000, 0)
        assert np.corrcoef(children[:, 0] ** 2, children[:, 1])[0, 1] > 0.95
        signs = np.sign(children[:, 0]) == np.sign(np.tile(x, 2))
        assert 0.4 < signs.mean() < 0.7  # the square does not tell the sign

    def test_conditional_distribution_of_levels(self):
        rng = np.random.default_rng(0)
        first = rng.choice([*"abc"], size=1000)
        usual = {"a": "u", "b": "v", "c": None}
        second = [usual[level] if rng.random() < 0.8 else "w" for level in first]
        X = pd.DataFrame({"first": first, "second": pd.Categorical(second)})
        children = ConditionalSampler(n_sweeps=3).fit(X).sample(9000, 0)
        for frame in (X, children):
            frame["second"] = frame["second"].astype(object).fillna("none")
        expected = pd.crosstab(X["first"], X["second"], normalize=True)
        found = pd.crosstab(children["first"], children["second"], normalize=True)
        assert found.shape == expected.shape
        assert np.abs(found - expected).to_numpy().max() < 0.02

    def test_missing_values_go_together(self):
        rng = np.random.default_rng(0)
        X = rng.normal(size=(600, 3))
        X[rng.random(600) < 0.3, :2] = np.nan
        missing = np.isnan(ConditionalSampler().fit(X).sample(3000, 0))
        assert (missing[:, 0] == missing[:, 1]).mean() > 0.97
        assert missing.mean(axis=0) == pytest.approx([0.3, 0.3, 0.0], abs=0.03)


class TestAlgorithm:
    def test_values_are_only_taken(self):
        X = load_iris().data + np.random.default_rng(0).random((150, 4))
        children = ConditionalSampler().fit(X).sample(600, 0)
        for j in range(4):
            assert set(children[:, j]) <= set(X[:, j])

    def test_every_cell_is_drawn_anew(self):
        X = correlated(500)
        children = ConditionalSampler().fit(X).sample(500, 0)
        assert ((children != X).mean(axis=0) > 0.6).all()

    def test_sweeps_forget_the_parent(self):
        X = correlated(500)
        first, third = (
            ConditionalSampler(n_sweeps=k, min_samples_split=40).fit(X).sample(2000, 0)
            for k in (1, 4)
        )
        parents = np.tile(X, (4, 1))
        near = [np.abs(children - parents).mean() for children in (first, third)]
        assert near[1] > 1.15 * near[0]

    def test_large_leaves_forget_relations(self):
        X = correlated(400)
        children = ConditionalSampler(min_samples_split=1000).fit(X).sample(2000, 0)
        assert np.abs(np.corrcoef(children.T) - np.eye(6)).max() < 0.1

    def test_least_leaves_are_rows(self):
        X = correlated(300)
        children = ConditionalSampler(min_samples_split=2).fit(X).sample(300, 0)
        larger = ConditionalSampler(min_samples_split=30).fit(X).sample(300, 0)
        assert np.abs(children - X).mean() < 0.6 * np.abs(larger - X).mean()

    def test_trees(self):
        sampler = ConditionalSampler(n_trees=3).fit(correlated(100))
        assert [len(trees) for trees in sampler.conditionals_.values()] == [3] * 6

    def test_fit_has_a_seed_of_its_own(self):
        X = correlated(100)
        one, other = (ConditionalSampler().fit(X).sample(50, 0) for _ in range(2))
        np.testing.assert_array_equal(one, other)

    def test_column_alone_is_drawn_from_its_marginal(self):
        X = np.arange(10)[:, None]
        counts = np.bincount(ConditionalSampler().fit(X).sample(5000, 0).ravel())
        assert counts / 5000 == pytest.approx(np.full(10, 0.1), abs=0.02)


class TestBounds:
    def test_rows(self, monkeypatch):
        monkeypatch.setattr(_conditional, "MAX_ROWS", 20)
        X = correlated(100)
        children = ConditionalSampler().fit(X).sample(400, 0)
        for j in range(6):
            assert len(set(children[:, j])) <= 20

    def test_columns(self, monkeypatch):
        monkeypatch.setattr(_conditional, "MAX_COLUMNS", 2)
        X = correlated(100)
        changed = (ConditionalSampler().fit(X).sample(100, 0) != X).mean(axis=0)
        assert sorted(changed > 0) == [False] * 4 + [True] * 2

    def test_levels_are_all_drawn(self):
        X = pd.DataFrame({"id": [f"user {i}" for i in range(100)], "x": range(100)})
        children = ConditionalSampler().fit(X).sample(2000, 0)
        assert children["id"].nunique() == 100
