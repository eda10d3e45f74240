"""MUNGE: children are valid rows, near their parents, and the same for the same seed."""

from __future__ import annotations

import pickle
import sys

import numpy as np
import pandas as pd
import polars as pl
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer, load_iris
from sklearn.exceptions import NotFittedError
from sklearn.metrics import pairwise_distances
from sklearn.preprocessing import StandardScaler

from skdistill.transfer import MungeSampler, _neighbors
from skdistill.transfer._neighbors import MixedMetric, nearest_distinct
from skdistill.transfer._tables import NumericRange, as_table

few = settings(max_examples=25, deadline=None)

COLUMNS = {
    "int": (st.integers(-(2**63), 2**63 - 1), "int64"),
    "uint8": (st.integers(0, 255), "uint8"),
    "float": (st.none() | st.floats(allow_infinity=False), "float64"),
    "infinite": (st.sampled_from([0.5, 1.5, np.nan, np.inf, -np.inf]), "float64"),
    "single": (st.floats(width=32, allow_nan=False, allow_infinity=False), "float32"),
    "whole": (st.none() | st.integers(-5, 5).map(float), "float64"),
    "bool": (st.booleans(), "bool"),
    "text": (st.none() | st.sampled_from("abc"), "object"),
    "string": (st.none() | st.sampled_from("abc"), "string"),
    "category": (st.none() | st.sampled_from("xyz"), pd.CategoricalDtype([*"wxyz"])),
    "numbered": (st.sampled_from([1, 2, 30]), pd.CategoricalDtype([30, 2, 1], ordered=True)),
    "nullable": (st.none() | st.integers(-5, 5), "Int64"),
    "nullable_float": (st.none() | st.floats(-1, 1), "Float64"),
    "nullable_bool": (st.none() | st.booleans(), "boolean"),
    "date": (st.none() | st.sampled_from(["2020-01-01", "2021-06-30"]), "datetime64[ns]"),
    "mixed": (st.none() | st.sampled_from(["a", "b", True]), "object"),
    "objects": (st.none() | st.integers(0, 9), "object"),
}


@st.composite
def frames(draw):
    names = draw(st.lists(st.sampled_from(sorted(COLUMNS)), min_size=1, max_size=5))
    n_rows = draw(st.integers(1, 12))
    columns = []
    for name in names:
        values, dtype = COLUMNS[name]
        cells = draw(st.lists(values, min_size=n_rows, max_size=n_rows))
        columns.append(pd.Series(cells, dtype=dtype))
    frame = pd.concat(columns, axis=1)
    frame.columns = [f"{name}{i}" for i, name in enumerate(names)]
    frame.index = frame.index[::-1] * 10
    return frame


def check_column(child: pd.Series, original: pd.Series) -> None:
    assert child.dtype == original.dtype
    if child.isna().any():
        assert original.isna().any()
    present, allowed = child.dropna(), original.dropna()
    if original.name.startswith(("float", "single", "nullable_float", "infinite")):
        finite = present[np.isfinite(present.to_numpy(dtype=float))]
        assert set(present[~present.isin(finite)]) <= set(allowed)
        if len(finite):
            bounds = allowed[np.isfinite(allowed.to_numpy(dtype=float))]
            assert bounds.min() <= finite.min()
            assert finite.max() <= bounds.max()
    elif original.name.startswith(("int", "uint8", "whole", "objects")) or child.dtype == "Int64":
        if len(present):
            assert (present == present.map(int)).all()
            assert allowed.min() <= present.min()
            assert present.max() <= allowed.max()
    else:
        assert set(present) <= set(allowed)


class TestValidRows:
    @few
    @given(frames(), st.integers(0, 40), st.floats(0.05, 1.0), st.integers(0, 9))
    def test_children_are_valid_rows(self, X, n, probability, seed):
        before = X.copy()
        sampler = MungeSampler(swap_probability=probability).fit(X)
        children = sampler.sample(n, seed)
        assert isinstance(children, pd.DataFrame)
        assert list(children.columns) == list(X.columns)
        assert children.index.equals(pd.RangeIndex(n))
        for name in X.columns:
            check_column(children[name], X[name])
        pd.testing.assert_frame_equal(children, sampler.sample(n, seed))
        pd.testing.assert_frame_equal(X, before)

    def test_objects_stay_of_their_kind(self):
        X = np.array([[1, "a", 0.5, None], [2, "b", 2.5, True], [9, np.nan, 3.0, False]], object)
        children = MungeSampler().fit(X).sample(200, 0)
        assert children.dtype == object
        assert set(map(type, children[:, 0])) == {int}
        assert set(map(type, children[:, 2])) == {float}
        assert {*children[:, 1]} <= {"a", "b", X[2, 1]}
        assert {*children[:, 3]} == {None, True, False}
        assert len(set(children[:, 0])) > 3  # numbers are drawn, not only swapped

    @pytest.mark.parametrize("dtype", ["int8", "uint64", "int64", "float16", "float32", "bool"])
    def test_arrays_keep_their_dtype(self, dtype):
        X = (np.random.default_rng(0).normal(size=(30, 3)) * 9 + 30).astype(dtype)
        children = MungeSampler().fit(X).sample(50, 0)
        assert children.dtype == X.dtype
        assert (children >= X.min(axis=0)).all()
        assert (children <= X.max(axis=0)).all()

    @pytest.mark.parametrize("dtype", ["U3", "datetime64[D]"])
    def test_other_arrays_are_swapped(self, dtype):
        X = np.array([["2001", "2002"], ["2003", "2004"], ["NaT", "2002"]]).astype(dtype)
        children = MungeSampler().fit(X).sample(60, 0)
        assert children.dtype == X.dtype
        for j in range(2):
            assert set(children[:, j].astype(str)) == set(X[:, j].astype(str))

    def test_extreme_numbers(self):
        big = np.finfo(float).max
        X = np.array([[-big, 5e-324], [big, 0.0], [0.0, 1e-310], [1e300, 0.0]])
        children = MungeSampler().fit(X).sample(200, 0)
        assert np.isfinite(children).all()
        assert (children[:, 1] >= 0).all()

    def test_no_pandas_guess_for_objects(self):
        X = pd.DataFrame({"a": pd.Series(["x", "y", None], dtype=object)})
        assert MungeSampler().fit(X).sample(5, 0)["a"].dtype == object

    def test_objects_without_pandas(self, monkeypatch):
        X = np.array([[1, "a"], [None, None], [np.nan, "b"], [7, "b"]], dtype=object)
        expected = MungeSampler().fit(X).sample(40, 0)
        monkeypatch.delitem(sys.modules, "pandas")
        children = MungeSampler().fit(X).sample(40, 0)
        np.testing.assert_array_equal(children.astype(str), expected.astype(str))

    def test_integers_beyond_64_bits_are_swapped(self):
        X = np.array([[2**70], [-1], [2**63], [5]], dtype=object)
        assert {*MungeSampler().fit(X).sample(40, 0)[:, 0]} == {2**70, -1, 2**63, 5}
        assert {*MungeSampler().fit(X[1:]).sample(40, 0)[:, 0]} == {-1, 2**63, 5}

    def test_nothing_observed(self):
        X = pd.DataFrame({"a": [np.nan, np.nan], "b": [None, None], "c": [pd.NA, 1]})
        children = MungeSampler().fit(X).sample(6, 0)
        assert children[["a", "b"]].isna().all(axis=None)
        assert list(children.dtypes) == list(X.dtypes)

    def test_repeated_column_names(self):
        X = pd.DataFrame([[1, "a"], [2, "b"], [3, "c"]], columns=["x", "x"])
        children = MungeSampler().fit(X).sample(7, 0)
        assert list(children.columns) == ["x", "x"]
        assert list(children.dtypes) == list(X.dtypes)

    def test_sparse_pandas_columns(self):
        X = pd.DataFrame({"a": pd.arrays.SparseArray([0.0, 0.0, 1.0]), "b": [1.0, 2.0, 3.0]})
        children = MungeSampler().fit(X).sample(7, 0)
        assert list(children.dtypes) == list(X.dtypes)

    def test_polars(self):
        X = pl.DataFrame(
            {
                "int": [1, 2, None, 4],
                "small": pl.Series([1, 2, 3, 4], dtype=pl.UInt8),
                "float": [0.5, None, float("nan"), 2.0],
                "text": ["a", None, "b", "b"],
                "cat": pl.Series(["u", "v", "v", None], dtype=pl.Categorical),
                "enum": pl.Series(["u", "v", "v", None], dtype=pl.Enum(["w", "v", "u"])),
                "bool": [True, False, None, True],
                "date": pl.Series([1, 2, 3, None]).cast(pl.Date),
                "nothing": [None, None, None, None],
            }
        )
        children = MungeSampler().fit(X).sample(80, 0)
        assert children.schema == X.schema
        assert children.height == 80
        for name in ("text", "cat", "enum", "bool", "date"):
            assert set(children[name].to_list()) == set(X[name].to_list())
        assert set(children["small"].to_list()) == {1, 2, 3, 4}
        assert set(children["int"].to_list()) <= {1, 2, 3, 4, None}
        assert children["float"].drop_nans().drop_nulls().is_between(0.5, 2.0).all()
        assert children.equals(MungeSampler().fit(X).sample(80, 0))


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

    @pytest.mark.parametrize("X", [np.ones((1, 3)), np.ones((5, 3)), np.full((4, 2), np.nan)])
    def test_equal_rows_are_copied(self, X):
        np.testing.assert_array_equal(MungeSampler().fit(X).sample(9, 0), np.tile(X[:1], (9, 1)))

    def test_seeds(self):
        sampler = MungeSampler().fit(load_iris().data)
        assert not np.array_equal(sampler.sample(50, 0), sampler.sample(50, 1))
        np.testing.assert_array_equal(
            sampler.sample(50, 3), sampler.sample(50, np.random.RandomState(3))
        )

    def test_later_changes_of_X_do_no_harm(self):
        X = load_iris().data.copy()
        sampler = MungeSampler().fit(X)
        expected = sampler.sample(20, 0)
        X[:] = -1
        np.testing.assert_array_equal(sampler.sample(20, 0), expected)


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


class TestContract:
    def test_clone_and_pickle(self):
        sampler = MungeSampler(swap_probability=0.3, local_variance=2.0).fit(np.eye(3))
        assert clone(sampler).get_params() == {"swap_probability": 0.3, "local_variance": 2.0}
        with pytest.raises(NotFittedError):
            clone(sampler).sample(2)
        again = pickle.loads(pickle.dumps(sampler))
        np.testing.assert_array_equal(again.sample(9, 0), sampler.sample(9, 0))

    @pytest.mark.parametrize(
        "X",
        [
            ["a text", "another"],
            pd.Series([1, 2]),
            sp.csr_matrix(np.eye(2)),
            np.zeros(3),
            np.zeros((2, 2, 2)),
            [[1, 2], [3, 4]],
        ],
    )
    def test_other_data(self, X):
        with pytest.raises(TypeError, match=r"X must be .* use augment=None"):
            MungeSampler().fit(X)

    @pytest.mark.parametrize("shape", [(0, 2), (2, 0)])
    def test_empty(self, shape):
        with pytest.raises(ValueError, match="at least one row and one column"):
            MungeSampler().fit(np.zeros(shape))

    def test_values_that_cannot_be_compared(self):
        X = pd.DataFrame({"tags": [["a"], ["b", "c"]], "x": [1, 2]})
        with pytest.raises(TypeError, match=r"column 'tags'.*augment=None"):
            MungeSampler().fit(X)

    @pytest.mark.parametrize("value", [0.0, 1.5, np.nan, "half", True])
    def test_swap_probability(self, value):
        with pytest.raises((TypeError, ValueError), match="swap_probability must be"):
            MungeSampler(swap_probability=value).fit(np.eye(2))

    @pytest.mark.parametrize("value", [0.0, -1.0, np.inf])
    def test_local_variance(self, value):
        with pytest.raises(ValueError, match="local_variance must be"):
            MungeSampler(local_variance=value).fit(np.eye(2))

    @pytest.mark.parametrize("n", [-1, 2.5])
    def test_n(self, n):
        with pytest.raises((TypeError, ValueError), match="n must be an integer"):
            MungeSampler().fit(np.eye(2)).sample(n)
