"""MUNGE: children are near their parents; the neighbours are the nearest."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_breast_cancer, load_iris
from sklearn.metrics import pairwise_distances
from sklearn.preprocessing import StandardScaler

from skdistill.transfer import MungeSampler, _neighbors
from skdistill.transfer._neighbors import MixedMetric, nearest_distinct
from skdistill.transfer._tables import NumericRange, as_table


class TestAlgorithm:
    def test_numbers_are_drawn_around_the_neighbour(self):
        # Two far clusters of two rows: each row's neighbour is the other of its cluster. The last
        # two keep clipping out of the way, the half keeps the column from being one of integers.
        X = np.array([[0.0], [1.0], [1000.0], [1100.0], [-1e4], [1e4 + 0.5]])
        for s in (1.0, 4.0):
            sampler = MungeSampler(swap_probability=1.0, local_variance=s).fit(X)
            children = sampler.sample(6 * 4000, 0)
            by_parent = children.reshape(4000, 6)
            for parent, neighbour, distance in [(0, 1.0, 1.0), (1, 0.0, 1.0), (2, 1100.0, 100.0)]:
                drawn = by_parent[:, parent]
                error = distance / s / np.sqrt(len(drawn))
                assert abs(drawn.mean() - neighbour) < 5 * error
                assert drawn.std() == pytest.approx(distance / s, rel=0.1)

    def test_swap_probability_is_the_share_of_changes(self):
        X = np.array([["a", "b"], ["c", "d"]], dtype=object)
        children = MungeSampler(swap_probability=0.2).fit(X).sample(4000, 0).reshape(2000, 2, 2)
        changed = children != X
        assert changed.mean(axis=(0, 1)) == pytest.approx([0.2, 0.2], abs=0.03)
        both = changed.all(axis=2).mean()  # features change independently
        assert both == pytest.approx(0.04, abs=0.02)

    def test_parents_take_turns(self):
        X = np.arange(10.0)[:, None] * 100
        children = MungeSampler(swap_probability=1e-9).fit(X).sample(27, 0)
        counts = np.unique(children, return_counts=True)[1]
        assert len(counts) == 10
        assert set(counts) == {2, 3}

    def test_numbers_among_objects_are_drawn(self):
        X = np.array([[1, "a"], [2, "b"], [9, "a"]], dtype=object)
        assert len(set(MungeSampler().fit(X).sample(200, 0)[:, 0])) > 3

    def test_missing_values_are_swapped_as_they_are(self):
        X = np.array([[np.nan, 0.0], [5.0, 0.1], [100.0, 50.0]])
        children = MungeSampler(swap_probability=1.0).fit(X).sample(300, 0).reshape(100, 3, 2)
        assert (children[:, 0, 0] == 5.0).all()
        assert np.isnan(children[:, 1, 0]).all()

    def test_marginals_and_copies(self):
        X = load_breast_cancer().data
        children = MungeSampler().fit(X).sample(5 * len(X), 0)
        shift = np.abs(children.mean(axis=0) - X.mean(axis=0)) / X.std(axis=0)
        assert shift.max() < 0.15
        assert (children.std(axis=0) / X.std(axis=0)).max() < 1.15
        assert (children.std(axis=0) / X.std(axis=0)).min() > 0.8
        rows = {row.tobytes() for row in X}
        assert not any(row.tobytes() in rows for row in children)

    def test_repeated_rows_have_distinct_neighbours(self):
        X = np.repeat(load_iris().data, 20, axis=0)
        children = MungeSampler(swap_probability=1.0, local_variance=1e9).fit(X).sample(len(X), 0)
        assert not (np.abs(children - X).max(axis=1) < 1e-6).any()


class TestNeighbours:
    def setup_metric(self, X):
        table = as_table(X, remedy="")
        ranges = [NumericRange.of(table.observed(j)) for j in range(table.n_columns)]
        return MixedMetric(table, ranges)

    def test_against_brute_force(self):
        X = load_iris().data
        metric = self.setup_metric(X)
        rows = np.arange(len(X))
        found = nearest_distinct(metric, rows, np.random.RandomState(0))
        distances = pairwise_distances(StandardScaler().fit_transform(X))
        distances[distances == 0] = np.inf
        np.testing.assert_allclose(distances[rows, found], distances.min(axis=1))

    def test_metric_counts_mismatches_and_missing_values(self):
        X = np.array([[0.0, "a"], [2.0, "b"], [np.nan, "a"], [0.0, None]], dtype=object)
        encoded = self.setup_metric(X).encode(np.arange(4))
        squared = pairwise_distances(encoded) ** 2 / 2
        spread = np.std([0.0, 2.0, 0.0])
        mean = 2 / 3
        assert squared[0, 1] == pytest.approx((2 / spread) ** 2 + 1)
        assert squared[0, 2] == pytest.approx((mean / spread) ** 2 + 1)
        assert squared[0, 3] == pytest.approx(1.0)

    def test_many_levels_and_columns_stay_narrow(self):
        rng = np.random.default_rng(0)
        X = rng.integers(0, 10**6, size=(300, 200)).astype(str)
        assert self.setup_metric(X).encode(np.arange(2)).shape[1] <= 200 * _neighbors.MIN_LEVELS
        ids = pd.DataFrame({"id": [f"user{i}" for i in range(300)]})
        assert self.setup_metric(ids).encode(np.arange(2)).shape[1] <= _neighbors.MAX_LEVELS

    def test_random_reference_rows(self, monkeypatch):
        monkeypatch.setattr(_neighbors, "MAX_REFERENCE_ROWS", 20)
        X = load_iris().data
        metric = self.setup_metric(X)
        rows = np.arange(len(X))
        found = nearest_distinct(metric, rows, np.random.RandomState(0))
        assert len(np.unique(found)) <= 20
        assert (X[found] != X).any(axis=1).all()
        again = nearest_distinct(metric, rows, np.random.RandomState(0))
        np.testing.assert_array_equal(found, again)


class TestParameters:
    @pytest.mark.parametrize("value", [0.0, 1.5, np.nan, "half", True])
    def test_swap_probability(self, value):
        with pytest.raises((TypeError, ValueError), match="swap_probability must be"):
            MungeSampler(swap_probability=value).fit(np.eye(2))

    @pytest.mark.parametrize("value", [0.0, -1.0, np.inf])
    def test_local_variance(self, value):
        with pytest.raises(ValueError, match="local_variance must be"):
            MungeSampler(local_variance=value).fit(np.eye(2))
