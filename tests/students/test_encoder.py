"""The students' preprocessing: the same table gives the same numbers."""

from __future__ import annotations

import numpy as np
import pandas as pd
import polars as pl
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from skdistill.students._encoder import MAX_LEVELS, TabularEncoder

few = settings(max_examples=40, deadline=None)


@st.composite
def tables(draw):
    n = draw(st.integers(1, 12))
    cells = {
        "number": st.none() | st.floats(-1e6, 1e6),
        "text": st.none() | st.sampled_from("abc"),
        "all_missing": st.none(),
        "flag": st.booleans(),
    }
    kinds = draw(st.lists(st.sampled_from(sorted(cells)), min_size=1, max_size=5))
    columns = [draw(st.lists(cells[kind], min_size=n, max_size=n)) for kind in kinds]
    return pd.DataFrame({f"c{j}": pd.Series(v, dtype=object) for j, v in enumerate(columns)})


def fit(layout, X, response=None, weight=None):
    n = X.shape[0]
    response = np.arange(n, dtype=float)[:, None] if response is None else response
    weight = np.ones(n) if weight is None else weight
    encoder = TabularEncoder(layout)
    return encoder, encoder.fit_transform(X, response, weight)


@few
@given(X=tables(), layout=st.sampled_from(["ordered", "onehot"]))
def test_transform_of_the_training_rows_is_what_fit_gave(X, layout):
    encoder, Z = fit(layout, X)
    assert Z.dtype == np.float64
    assert Z.shape == (len(X), encoder.n_outputs_)
    assert len(encoder.feature_names_out()) == encoder.n_outputs_
    assert_array_equal(encoder.transform(X), Z)
    assert_array_equal(encoder.transform(X.to_numpy(dtype=object)), Z)
    assert_array_equal(np.vstack([encoder.transform(X.iloc[[i]]) for i in range(len(X))]), Z)


@few
@given(X=tables(), layout=st.sampled_from(["ordered", "onehot"]))
def test_weights_are_repetitions(X, layout):
    repeats = 1 + np.arange(len(X)) % 3
    response = np.cos(np.arange(len(X)))[:, None]
    _, Z = fit(layout, X, response, repeats.astype(float))
    rows = np.repeat(np.arange(len(X)), repeats)
    _, repeated = fit(layout, X.iloc[rows], response[rows])
    assert_allclose(repeated, Z[rows], rtol=1e-12, atol=1e-9)


def test_onehot_columns_and_their_names():
    X = pd.DataFrame({"color": ["red", None, "blue"], "size": [1.0, np.nan, 3.0]})
    encoder, Z = fit("onehot", X)
    assert encoder.feature_names_out() == [
        "size",
        "size is missing",
        "color=red",
        "color=blue",
        "color is missing",
    ]
    assert_array_equal(Z, [[1, 0, 1, 0, 0], [2, 1, 0, 0, 1], [3, 0, 0, 1, 0]])
    unseen = pd.DataFrame({"color": ["green"], "size": [2.0]})
    assert_array_equal(encoder.transform(unseen), [[2, 0, 0, 0, 0]])


def test_categories_are_ordered_by_their_mean_response():
    X = pd.DataFrame({"x": list("abcabc")})
    response = np.array([5.0, 1.0, 3.0, 5.0, 1.0, 3.0])[:, None]
    encoder, Z = fit("ordered", X, response)
    assert_array_equal(Z[:3, 0], [2, 0, 1])
    # A level never seen has the rank of the level nearest to the overall mean.
    assert_array_equal(encoder.transform(pd.DataFrame({"x": ["z"]})), [[1]])


def test_a_level_never_seen_is_like_the_nearest_to_the_mean_on_either_side():
    X = pd.DataFrame({"x": list("aaaab")})  # mean 2.8: a is 1.8 below, b is 7.2 above
    encoder, _ = fit("ordered", X, np.array([1.0, 1.0, 1.0, 1.0, 10.0])[:, None])
    unseen = pd.DataFrame({"x": ["z", "a", "b"]})
    assert_array_equal(encoder.transform(unseen), [[0], [0], [1]])


def test_with_more_classes_the_order_follows_the_strongest_contrast():
    X = pd.DataFrame({"x": list("abcd") * 5})
    share = np.array([0.9, 0.1, 0.6, 0.3])[np.arange(20) % 4]
    response = np.column_stack([share, 1 - share, np.zeros(20)])
    ranks = fit("ordered", X, response)[1][:4, 0]
    assert ranks.tolist() in ([3, 0, 2, 1], [0, 3, 1, 2])


def test_identifiers_cannot_blow_up_the_student():
    X = pd.DataFrame({"id": [f"row {i}" for i in range(1000)] + ["row 999"]})
    encoder, Z = fit("onehot", X)
    assert Z.shape[1] == len(encoder.tables_[0]) == MAX_LEVELS
    assert "row 999" in encoder.tables_[0]
    encoder, Z = fit("ordered", X)
    assert Z.max() == MAX_LEVELS - 1


def test_a_column_without_values_may_get_some_later():
    X = pd.DataFrame({"x": [None, None], "y": [1.0, 2.0]})
    later = pd.DataFrame({"x": ["a", None], "y": [1.0, 2.0]})
    assert_array_equal(fit("onehot", X)[0].transform(later), [[1, 0], [2, 1]])
    assert_array_equal(fit("ordered", X)[0].transform(later)[:, 1], [1, 2])


def test_a_numeric_column_that_turns_into_strings_is_named():
    for layout in ("ordered", "onehot"):
        encoder, _ = fit(layout, pd.DataFrame({"age": [1.0, 2.0]}))
        with pytest.raises(TypeError, match="'age' was numeric in fit and now holds"):
            encoder.transform(pd.DataFrame({"age": ["old"]}))


def test_sparse_passes_through_and_may_become_dense_later():
    X = sp.csr_matrix([[0.0, 1.0], [2.0, 0.0]])
    encoder, Z = fit("onehot", X)
    assert Z is X
    assert encoder.transform(X) is X
    assert_array_equal(encoder.transform(X.toarray()), X.toarray())
    encoder, _ = fit("onehot", np.array([[np.nan], [1.0]]))
    with pytest.raises(TypeError, match="X is sparse, but"):
        encoder.transform(sp.csr_matrix([[1.0]]))


def test_pandas_and_polars_agree():
    data = {"a": ["x", "y", None], "b": [1, 2, None]}
    for layout in ("ordered", "onehot"):
        assert_array_equal(fit(layout, pl.DataFrame(data))[1], fit(layout, pd.DataFrame(data))[1])


def test_unread_columns_cost_nothing():
    X = pd.DataFrame({"a": list("xyz"), "b": list("uvw"), "c": [1.0, 2.0, 3.0]})
    encoder, Z = fit("ordered", X)
    encoder.keep_only(np.array([1, 1], dtype=np.int32), np.array([0.5, 1.5]))
    assert list(encoder.tables_) == [1]
    encoder.keep_only(np.array([], dtype=np.int32), np.array([]))
    assert encoder.transform(X).shape == Z.shape


@pytest.mark.parametrize("layout", ["ordered", "onehot"])
def test_columns_that_held_strings_are_known(layout):
    X = pd.DataFrame(
        {
            "text": list("xyz"),
            "mixed": np.array([1, "a", None], dtype=object),
            "codes": pd.Categorical([1, 2, 3]),
            "declared": pd.Categorical([None, None, None], categories=["a"]),
            "number": [1.0, 2.0, 3.0],
            "nothing": [np.nan, np.nan, np.nan],
        }
    )
    encoder, _ = fit(layout, X)
    assert encoder.strings_ == {0, 1, 3}


def test_strings_are_known_where_no_level_is_kept():
    X = pd.DataFrame({"a": np.array(["x", "y", None], dtype=object), "b": list("uvw")})
    encoder, _ = fit("ordered", X)
    encoder.keep_only(np.array([0], dtype=np.int32), np.array([99.0]))
    assert encoder.tables_ == {0: {}}
    assert encoder.strings_ == {0}


@few
@given(X=tables(), cuts=st.lists(st.integers(-1, 3), max_size=4), seed=st.integers(0, 9))
def test_forgotten_levels_go_the_same_way(X, cuts, seed):
    encoder, _ = fit("ordered", X)
    X = pd.concat([X, X.iloc[:1].assign(**{name: "unseen" for name in X if X[name].isna().all()})])
    for j in encoder.tables_:
        X.iloc[0, j] = "unseen"
    before = encoder.transform(X)
    features = np.random.default_rng(seed).integers(0, X.shape[1], len(cuts))
    thresholds = np.array(cuts, dtype=float) + 0.5
    encoder.keep_only(features, thresholds)
    after = encoder.transform(X)
    for j, cut in zip(features, thresholds, strict=True):
        assert_array_equal(after[:, j] <= cut, before[:, j] <= cut)


@pytest.mark.parametrize("missing", [False, True])
@pytest.mark.parametrize("new_missing", [False, True])
def test_a_matrix_is_encoded_as_its_columns_are(missing, new_missing):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(20, 3))
    X[::4, 1] = np.nan if missing else 1.0
    encoder, _ = fit("onehot", X)
    new = rng.normal(size=(20, 3))
    if new_missing:
        new[::3, 0] = new[5:, 1] = np.nan
    for rows in (new, new[:1]):
        assert_array_equal(encoder.transform(rows), encoder.transform(pd.DataFrame(rows)))
