"""The transfer set: order, weights, and rows that stay of the user's type."""

from __future__ import annotations

import numpy as np
import pandas as pd
import polars as pl
import pytest
import scipy.sparse as sp
from sklearn.base import BaseEstimator

from skdistill.transfer import MungeSampler, build_transfer_set

X = np.array([[1.5, 2.0], [3.0, 5.0], [4.0, 8.0], [0.5, 7.0]])


class Fixed(BaseEstimator):
    """Returns what it was given, whatever is asked for."""

    def __init__(self, rows):
        self.rows = rows

    def fit(self, X):
        self.seen_ = X
        return self

    def sample(self, n, random_state=None):
        return self.rows


def union(first, second):
    """Stack by way of the unlabelled rows."""
    return build_transfer_set(first, X_unlabeled=second).X


class TestWeights:
    def test_real_rows_alone_are_passed_through(self):
        texts = ["one", "two", "three"]
        rows = build_transfer_set(texts)
        assert rows.X is texts
        assert (rows.n_real, rows.n_unlabeled, rows.n_augmented, rows.n_rows) == (3, 0, 0, 3)
        np.testing.assert_array_equal(rows.weight, np.ones(3))

    def test_all_kinds(self):
        weight = np.array([1.0, 2.0, 3.0, 2.0])
        rows = build_transfer_set(
            X,
            X_unlabeled=X[:2] + 0.25,
            sampler=MungeSampler(),
            n_augmented=10,
            sample_weight=weight,
            random_state=0,
        )
        assert (rows.n_real, rows.n_unlabeled, rows.n_augmented, rows.n_rows) == (4, 2, 10, 16)
        assert len(rows.X) == 16
        np.testing.assert_array_equal(rows.X[rows.real], X)
        np.testing.assert_array_equal(rows.X[rows.unlabeled], X[:2] + 0.25)
        np.testing.assert_array_equal(rows.X[4:], rows.others)
        np.testing.assert_array_equal(rows.weight[rows.real], weight)
        np.testing.assert_array_equal(rows.weight[rows.unlabeled], [2.0, 2.0])
        np.testing.assert_allclose(rows.weight[rows.augmented], 12.0 / 10)

    def test_sampler_sees_real_and_unlabelled_rows(self):
        sampler = Fixed(np.zeros((1, 2)))
        build_transfer_set(X, X_unlabeled=X[:1] * 9, sampler=sampler, n_augmented=1)
        np.testing.assert_array_equal(sampler.seen_, np.vstack([X, X[:1] * 9]))

    def test_rows_of_weight_zero_have_no_children(self):
        options = {"sampler": MungeSampler(), "n_augmented": 7, "random_state": 0}
        weighted = build_transfer_set(X, sample_weight=[1, 0, 1, 1], **options)
        without = build_transfer_set(X[[0, 2, 3]], **options)
        np.testing.assert_array_equal(weighted.X[weighted.augmented], without.X[without.augmented])

    def test_seed(self):
        def draw(seed):
            options = {"sampler": MungeSampler(), "n_augmented": 9, "random_state": seed}
            return build_transfer_set(X, **options).X

        np.testing.assert_array_equal(draw(1), draw(1))
        assert not np.array_equal(draw(1), draw(2))

    def test_frozen(self):
        rows = build_transfer_set(X)
        with pytest.raises(AttributeError):
            rows.n_real = 1


class TestTypes:
    def test_pandas_dtypes_are_kept(self):
        frame = pd.DataFrame(
            {
                "i": pd.Series([1, 2, 3], dtype="int32"),
                "n": pd.Series([1, None, 3], dtype="Int64"),
                "b": [True, False, True],
                "nb": pd.Series([True, None, False], dtype="boolean"),
                "s": ["a", "b", None],
                "c": pd.Categorical(["u", "v", None], categories=["w", "v", "u"], ordered=True),
                "d": pd.to_datetime(["2020-01-01", None, "2021-01-01"]),
                "f": pd.Series([0.5, np.nan, 2.5], dtype="float32"),
            },
            index=[7, 7, 9],
        )
        rows = build_transfer_set(
            frame, X_unlabeled=frame[::-1], sampler=MungeSampler(), n_augmented=8, random_state=0
        )
        pd.testing.assert_series_equal(rows.X.dtypes, frame.dtypes)
        assert rows.X.index.equals(pd.RangeIndex(14))
        pd.testing.assert_frame_equal(rows.X[:3], frame.reset_index(drop=True))
        assert rows.X.iloc[:3].equals(frame.reset_index(drop=True))

    def test_new_categories_are_added_behind(self):
        first = pd.DataFrame({"c": pd.Categorical(["b", "a"], categories=["b", "a"])})
        second = pd.DataFrame({"c": pd.Categorical(["z", "b"], categories=["z", "b"])})
        joined = union(first, second)["c"]
        assert joined.tolist() == ["b", "a", "z", "b"]
        assert joined.cat.categories.tolist() == ["b", "a", "z"]
        assert first["c"].cat.categories.tolist() == ["b", "a"]
        assert second["c"].cat.categories.tolist() == ["z", "b"]

    def test_strings_below_categories(self):
        first = pd.DataFrame({"c": pd.Categorical(["b", None])})
        joined = union(first, pd.DataFrame({"c": ["z", None]}))["c"]
        assert joined.cat.categories.tolist() == ["b", "z"]
        assert joined.isna().tolist() == [False, True, False, True]

    def test_unknown_ordered_categories(self):
        first = pd.DataFrame({"c": pd.Categorical(["b", "a"], ordered=True)})
        second = pd.DataFrame({"c": pd.Categorical(["z"], ordered=True)})
        with pytest.raises(ValueError, match=r"column 'c': the values \['z'\] are not among"):
            union(first, second)

    @pytest.mark.parametrize(
        ("dtype", "expected"),
        [
            ("float64", "float64"),
            ("int64", "float64"),
            ("category", "category"),
            ("Int64", "Int64"),
        ],
    )
    def test_columns_with_nothing_in_them(self, dtype, expected):
        first = pd.DataFrame({"a": pd.Series([1, 2], dtype=dtype)})
        joined = union(first, pd.DataFrame({"a": [None, None]}, dtype=object))["a"]
        assert joined.dtype.name == expected
        assert joined.isna().tolist() == [False, False, True, True]

    def test_polars(self):
        frame = pl.DataFrame(
            {
                "i": [1, 2, None],
                "s": ["a", "b", None],
                "c": pl.Series(["u", "v", None], dtype=pl.Categorical),
            }
        )
        more = frame.with_columns(c=pl.Series(["new", "v", "v"], dtype=pl.Categorical))
        rows = build_transfer_set(
            frame, X_unlabeled=more, sampler=MungeSampler(), n_augmented=5, random_state=0
        )
        assert rows.X.schema == frame.schema
        assert rows.X.height == 11
        assert rows.X[:3].equals(frame)
        assert rows.X["c"].to_list()[3] == "new"

    def test_polars_column_with_nothing_in_it(self):
        joined = union(pl.DataFrame({"a": [1.5]}), pl.DataFrame({"a": [None]}))
        assert joined.schema == {"a": pl.Float64}

    def test_sparse_and_texts_take_unlabelled_rows(self):
        joined = union(sp.csr_matrix(np.eye(2)), sp.csc_matrix(np.ones((1, 2))))
        np.testing.assert_array_equal(joined.toarray(), [[1, 0], [0, 1], [1, 1]])
        assert union(["a"], ["b", "c"]) == ["a", "b", "c"]
        texts = union(pd.Series(["a"]), pd.Series(["b"]))
        assert texts.tolist() == ["a", "b"]

    def test_memory_map(self, tmp_path):
        path = tmp_path / "X.npy"
        np.save(path, X)
        mapped = np.load(path, mmap_mode="r")
        options = {"sampler": MungeSampler(), "n_augmented": 5, "random_state": 0}
        rows = build_transfer_set(mapped, X_unlabeled=X, **options)
        np.testing.assert_array_equal(rows.X, build_transfer_set(X, X_unlabeled=X, **options).X)

    def test_integers_stay_integers(self):
        assert union(np.array([[1]]), np.array([[2]])).dtype.kind == "i"


FRAME = pd.DataFrame({"a": [1, 2], "b": [3, 4]})


class TestErrors:
    @pytest.mark.parametrize(
        ("first", "second", "message"),
        [
            (X, X[:, :1], "has 1 columns, but X has 2"),
            (X, X[0], "has 1 dimensions, but X has 2"),
            (X, pd.DataFrame(X), "is a DataFrame, but X is a ndarray"),
            (X, X.astype(str), "has dtype <U"),
            (FRAME, FRAME[["b", "a"]], "has 'b' as column 0, but X has 'a' there"),
            (FRAME, FRAME.rename(columns={"b": "c"}), "has 'c' as column 1, but X has 'b' there"),
            (FRAME, pl.DataFrame({"a": [1], "b": [2]}), "is a DataFrame"),
            (FRAME, FRAME.to_numpy(), "is a ndarray, but X is a DataFrame"),
            (sp.csr_matrix(X), X, "is a ndarray, but X is a csr_matrix"),
        ],
    )
    def test_unlabelled_rows_that_do_not_fit(self, first, second, message):
        with pytest.raises(ValueError, match=f"^X_unlabeled {message}.*give it the type and"):
            build_transfer_set(first, X_unlabeled=second)

    @pytest.mark.parametrize(
        ("returned", "message"),
        [
            (np.zeros((2, 2)), "has 2 rows where 3 were asked for"),
            (np.zeros((3, 1)), "has 1 columns, but X has 2"),
            ([[0, 0]] * 3, "is a list, but X is a ndarray"),
        ],
    )
    def test_sampler_that_returns_something_else(self, returned, message):
        with pytest.raises(ValueError, match=rf"(?s)augment: .*sampler Fixed\(.*{message}"):
            build_transfer_set(X, sampler=Fixed(returned), n_augmented=3)

    def test_no_sampler(self):
        with pytest.raises(ValueError, match="n_augmented is 3, but there is no sampler"):
            build_transfer_set(X, n_augmented=3)

    def test_number_of_rows(self):
        with pytest.raises(ValueError, match="n_augmented must be an integer >= 0"):
            build_transfer_set(X, n_augmented=-1)

    def test_negative_weights(self):
        with pytest.raises(ValueError, match=r"[Nn]egative"):
            build_transfer_set(X, sample_weight=[1, -1, 1, 1])
