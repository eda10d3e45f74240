"""What every sampler promises: valid rows of the user's type, the same for the same seed."""

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
from sampler_frames import check_column, frames
from sklearn.base import clone
from sklearn.datasets import load_iris
from sklearn.exceptions import NotFittedError

from skdistill.transfer import (
    ConditionalSampler,
    JitterSampler,
    MixupSampler,
    MungeSampler,
    Sampler,
    SpungeSampler,
    build_transfer_set,
)
from skdistill.transfer._base_sampler import draw_others, draw_parents

few = settings(max_examples=15, deadline=None)

# Away from the defaults, where more cells change.
SAMPLERS = [
    ConditionalSampler(n_sweeps=2, n_trees=2, min_samples_split=4),
    JitterSampler(noise=0.5, swap_probability=0.5),
    MixupSampler(alpha=2.0),
    MungeSampler(swap_probability=0.7),
    SpungeSampler(share=0.4, noise=0.5),
]
each_sampler = pytest.mark.parametrize(
    "sampler", SAMPLERS, ids=lambda sampler: type(sampler).__name__
)


@each_sampler
class TestValidRows:
    @few
    @given(X=frames(), n=st.integers(0, 40), seed=st.integers(0, 9))
    def test_data_frames(self, sampler, X, n, seed):
        before = X.copy()
        sampler = clone(sampler).fit(X)
        children = sampler.sample(n, seed)
        assert isinstance(children, pd.DataFrame)
        assert list(children.columns) == list(X.columns)
        assert children.index.equals(pd.RangeIndex(n))
        for name in X.columns:
            check_column(children[name], X[name])
        pd.testing.assert_frame_equal(children, sampler.sample(n, seed))
        pd.testing.assert_frame_equal(children, clone(sampler).fit(X).sample(n, seed))
        pd.testing.assert_frame_equal(X, before)

    @pytest.mark.parametrize("dtype", ["int8", "uint64", "int64", "float16", "float32", "bool"])
    def test_arrays_keep_their_dtype(self, sampler, dtype):
        X = (np.random.default_rng(0).normal(size=(30, 3)) * 9 + 30).astype(dtype)
        children = clone(sampler).fit(X).sample(50, 0)
        assert children.dtype == X.dtype
        assert (children >= X.min(axis=0)).all()
        assert (children <= X.max(axis=0)).all()

    @pytest.mark.parametrize("dtype", ["U3", "datetime64[D]"])
    def test_other_arrays_are_swapped(self, sampler, dtype):
        X = np.array([["2001", "2002"], ["2003", "2004"], ["NaT", "2002"]]).astype(dtype)
        children = clone(sampler).fit(X).sample(60, 0)
        assert children.dtype == X.dtype
        for j in range(2):
            assert set(children[:, j].astype(str)) == set(X[:, j].astype(str))

    def test_objects_stay_of_their_kind(self, sampler):
        X = np.array([[1, "a", 0.5, None], [2, "b", 2.5, True], [9, np.nan, 3.0, False]], object)
        children = clone(sampler).fit(X).sample(200, 0)
        assert children.dtype == object
        assert set(map(type, children[:, 0])) == {int}
        assert set(map(type, children[:, 2])) == {float}
        assert {*children[:, 1]} <= {"a", "b", X[2, 1]}
        assert {*children[:, 3]} == {None, True, False}

    def test_extreme_numbers(self, sampler):
        big = np.finfo(float).max
        X = np.array([[-big, 5e-324], [big, 0.0], [0.0, 1e-310], [1e300, 0.0]])
        children = clone(sampler).fit(X).sample(200, 0)
        assert np.isfinite(children).all()
        assert (children[:, 1] >= 0).all()

    def test_no_pandas_guess_for_objects(self, sampler):
        X = pd.DataFrame({"a": pd.Series(["x", "y", None], dtype=object)})
        assert clone(sampler).fit(X).sample(5, 0)["a"].dtype == object

    def test_objects_without_pandas(self, sampler, monkeypatch):
        X = np.array([[1, "a"], [None, None], [np.nan, "b"], [7, "b"]], dtype=object)
        expected = clone(sampler).fit(X).sample(40, 0)
        monkeypatch.delitem(sys.modules, "pandas")
        children = clone(sampler).fit(X).sample(40, 0)
        np.testing.assert_array_equal(children.astype(str), expected.astype(str))

    def test_integers_beyond_64_bits_are_swapped(self, sampler):
        X = np.array([[2**70], [-1], [2**63], [5]], dtype=object)
        assert {*clone(sampler).fit(X).sample(40, 0)[:, 0]} == {2**70, -1, 2**63, 5}
        assert {*clone(sampler).fit(X[1:]).sample(40, 0)[:, 0]} == {-1, 2**63, 5}

    def test_nothing_observed(self, sampler):
        X = pd.DataFrame({"a": [np.nan, np.nan], "b": [None, None], "c": [pd.NA, 1]})
        children = clone(sampler).fit(X).sample(6, 0)
        assert children[["a", "b"]].isna().all(axis=None)
        assert list(children.dtypes) == list(X.dtypes)

    def test_repeated_column_names(self, sampler):
        X = pd.DataFrame([[1, "a"], [2, "b"], [3, "c"]], columns=["x", "x"])
        children = clone(sampler).fit(X).sample(7, 0)
        assert list(children.columns) == ["x", "x"]
        assert list(children.dtypes) == list(X.dtypes)

    def test_sparse_pandas_columns(self, sampler):
        X = pd.DataFrame({"a": pd.arrays.SparseArray([0.0, 0.0, 1.0]), "b": [1.0, 2.0, 3.0]})
        children = clone(sampler).fit(X).sample(7, 0)
        assert list(children.dtypes) == list(X.dtypes)

    def test_polars(self, sampler):
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
        children = clone(sampler).fit(X).sample(80, 0)
        assert children.schema == X.schema
        assert children.height == 80
        for name in ("text", "cat", "enum", "bool", "date"):
            assert set(children[name].to_list()) == set(X[name].to_list())
        assert set(children["small"].to_list()) == {1, 2, 3, 4}
        assert set(children["int"].to_list()) <= {1, 2, 3, 4, None}
        assert children["float"].drop_nans().drop_nulls().is_between(0.5, 2.0).all()
        assert children.equals(clone(sampler).fit(X).sample(80, 0))

    def test_share_of_missing_values(self, sampler):
        rng = np.random.default_rng(0)
        X = pd.DataFrame(
            {
                "number": np.where(rng.random(1000) < 0.3, np.nan, rng.normal(size=1000)),
                "text": rng.choice(["a", "b", None], size=1000, p=[0.5, 0.3, 0.2]),
                "full": rng.normal(size=1000),
            }
        )
        share = clone(sampler).fit(X).sample(3000, 0).isna().mean()
        assert share.tolist() == pytest.approx(X.isna().mean().tolist(), abs=0.05)

    @pytest.mark.parametrize("X", [np.ones((1, 3)), np.ones((5, 3)), np.full((4, 2), np.nan)])
    def test_equal_rows_are_copied(self, sampler, X):
        children = clone(sampler).fit(X).sample(9, 0)
        np.testing.assert_array_equal(children, np.tile(X[:1], (9, 1)))

    def test_shares_of_levels_and_means_stay(self, sampler):
        rng = np.random.default_rng(0)
        X = pd.DataFrame(
            {
                "level": rng.choice([*"abc"], size=600, p=[0.7, 0.2, 0.1]),
                "normal": rng.normal(size=600),
                "count": rng.poisson(2.0, size=600),
            }
        )
        children = type(sampler)().fit(X).sample(6000, 0)
        expected = X["level"].value_counts(normalize=True)
        found = children["level"].value_counts(normalize=True)
        assert found[expected.index].to_numpy() == pytest.approx(expected.to_numpy(), abs=0.03)
        for name in ("normal", "count"):
            assert children[name].mean() == pytest.approx(X[name].mean(), abs=0.1)


@each_sampler
class TestContract:
    def test_protocol(self, sampler):
        assert isinstance(sampler, Sampler)
        X = load_iris(as_frame=True).data
        rows = build_transfer_set(X, sampler=sampler, n_augmented=200, random_state=0)
        assert rows.X.shape == (350, 4)

    def test_seeds(self, sampler):
        sampler = clone(sampler).fit(load_iris().data)
        assert not np.array_equal(sampler.sample(50, 0), sampler.sample(50, 1))
        np.testing.assert_array_equal(
            sampler.sample(50, 3), sampler.sample(50, np.random.RandomState(3))
        )

    def test_global_seed_is_not_touched(self, sampler):
        np.random.seed(0)  # noqa: NPY002
        before = np.random.get_state()[1].copy()  # noqa: NPY002
        clone(sampler).fit(load_iris().data).sample(20, 0)
        np.testing.assert_array_equal(before, np.random.get_state()[1])  # noqa: NPY002

    def test_later_changes_of_X_do_no_harm(self, sampler):
        X = load_iris().data.copy()
        sampler = clone(sampler).fit(X)
        expected = sampler.sample(20, 0)
        X[:] = -1
        np.testing.assert_array_equal(sampler.sample(20, 0), expected)

    def test_few_children_are_copies(self, sampler):
        X = load_iris().data
        X = X + np.random.default_rng(0).uniform(-0.05, 0.05, X.shape)
        children = clone(sampler).fit(X).sample(300, 0)
        real = {row.tobytes() for row in X}
        assert np.mean([row.tobytes() in real for row in children]) < 0.1

    def test_clone_and_pickle(self, sampler):
        fitted = clone(sampler).fit(load_iris().data)
        assert clone(fitted).get_params() == sampler.get_params()
        with pytest.raises(NotFittedError):
            clone(fitted).sample(2)
        again = pickle.loads(pickle.dumps(fitted))
        np.testing.assert_array_equal(again.sample(9, 0), fitted.sample(9, 0))

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
    def test_other_data(self, sampler, X):
        with pytest.raises(TypeError, match=r"X must be .* use augment=None"):
            clone(sampler).fit(X)

    @pytest.mark.parametrize("shape", [(0, 2), (2, 0)])
    def test_empty(self, sampler, shape):
        with pytest.raises(ValueError, match="at least one row and one column"):
            clone(sampler).fit(np.zeros(shape))

    @pytest.mark.parametrize("n", [-1, 2.5])
    def test_n(self, sampler, n):
        with pytest.raises((TypeError, ValueError), match="n must be an integer"):
            clone(sampler).fit(np.eye(2)).sample(n)

    def test_no_rows(self, sampler):
        assert clone(sampler).fit(load_iris().data).sample(0, 0).shape == (0, 4)


@pytest.mark.parametrize("kind", [ConditionalSampler, MungeSampler, SpungeSampler])
def test_values_that_cannot_be_compared(kind):
    X = pd.DataFrame({"tags": [["a"], ["b", "c"]], "x": [1, 2]})
    with pytest.raises(TypeError, match=r"column 'tags'.*augment=None"):
        kind().fit(X)


@pytest.mark.parametrize(
    ("kind", "name", "value"),
    [
        (ConditionalSampler, "n_sweeps", 0),
        (ConditionalSampler, "n_sweeps", 1.0),
        (ConditionalSampler, "n_trees", 0),
        (ConditionalSampler, "min_samples_split", 1),
        (JitterSampler, "noise", 0.0),
        (JitterSampler, "noise", np.nan),
        (JitterSampler, "swap_probability", 1.5),
        (JitterSampler, "swap_probability", -0.1),
        (MixupSampler, "alpha", 0.0),
        (MixupSampler, "alpha", np.inf),
        (SpungeSampler, "share", 0.0),
        (SpungeSampler, "share", 0.6),
        (SpungeSampler, "noise", -0.1),
    ],
)
def test_parameters_are_checked(kind, name, value):
    with pytest.raises((TypeError, ValueError), match=f"{name} must be"):
        kind(**{name: value}).fit(np.eye(2))


class TestDrawing:
    @few
    @given(st.integers(1, 20), st.integers(0, 60))
    def test_rows_take_turns(self, n_rows, n):
        parents = draw_parents(n_rows, n, np.random.RandomState(0))
        counts = np.bincount(parents, minlength=n_rows)
        assert len(parents) == n
        assert counts.max() - counts.min() <= 1

    @few
    @given(st.integers(2, 20))
    def test_others_are_others(self, n_rows):
        parents = np.repeat(np.arange(n_rows), 200)
        others = draw_others(parents, n_rows, np.random.RandomState(0))
        assert (others != parents).all()
        assert set(others) == set(range(n_rows))

    def test_no_other(self):
        assert draw_others(np.zeros(3, int), 1, np.random.RandomState(0)).tolist() == [0, 0, 0]
