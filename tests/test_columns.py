"""Columns read the same from pandas, polars and NumPy."""

from __future__ import annotations

import datetime
import pickle

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from skdistill._columns import Factor, column_names, factor_codes, is_frame, read_column

few = settings(max_examples=30, deadline=None)
LEVELS = ["a", "b", "c"]


def values_of(factor: Factor) -> list:
    return [None if code < 0 else factor.levels[code] for code in factor.codes]


@few
@given(values=st.lists(st.none() | st.sampled_from(LEVELS), min_size=1).map(lambda v: [*v, "a"]))
def test_strings_are_factors_in_every_container(values):
    category = pd.DataFrame({"x": pd.Categorical(values, categories=LEVELS[::-1])})
    containers = [
        np.array([values], dtype=object).T,
        pd.DataFrame({"x": values}),
        pd.DataFrame({"x": pd.array(values, dtype="string")}),
        category,
        pl.DataFrame({"x": values}),
        pl.DataFrame({"x": pl.Series(values, dtype=pl.Categorical)}),
    ]
    for X in containers:
        column = read_column(X, 0)
        assert isinstance(column, Factor)
        assert values_of(column) == values


@pytest.mark.parametrize("dtype", ["string", object])
def test_a_column_without_any_string_is_one_of_missing_numbers(dtype):
    column = read_column(pd.DataFrame({"x": pd.array([None, None], dtype=dtype)}), 0)
    assert_array_equal(column, [np.nan, np.nan])


@few
@given(values=st.lists(st.none() | st.integers(-1000, 1000), min_size=1))
def test_numbers_are_float64_with_nan_for_missing(values):
    expected = np.array([np.nan if v is None else v for v in values], dtype=float)
    containers = [
        np.array([values], dtype=object).T,
        expected[:, None],
        pd.DataFrame({"x": pd.Series(values, dtype=object)}),
        pd.DataFrame({"x": pd.array(values, dtype="Int64")}),
        pd.DataFrame({"x": pd.array(values, dtype="Float64")}),
        pl.DataFrame({"x": pl.Series(values, dtype=pl.Int64)}),
    ]
    for X in containers:
        column = read_column(X, 0)
        assert column.dtype == np.float64
        assert_array_equal(column, expected)


@pytest.mark.parametrize(
    "X",
    [
        pd.DataFrame({"x": [True, False]}),
        pd.DataFrame({"x": pd.array([True, False], dtype="boolean")}),
        pl.DataFrame({"x": [True, False]}),
        np.array([[True], [False]]),
        np.array([[True], [False]], dtype=object),
    ],
)
def test_booleans_are_numbers(X):
    assert_array_equal(read_column(X, 0), [1.0, 0.0])


def test_intervals_and_other_levels_become_strings():
    X = pd.DataFrame({"x": pd.cut([1, 5, 9], [0, 4, 10])})
    assert values_of(read_column(X, 0)) == ["(0, 4]", "(4, 10]", "(4, 10]"]


def test_numbered_categories_stay_categories():
    column = read_column(pd.DataFrame({"x": pd.Categorical([3, 1, None])}), 0)
    assert values_of(column) == [3, 1, None]


@pytest.mark.parametrize("frame", [pd.DataFrame, pl.DataFrame])
def test_dates_are_refused_with_the_remedy(frame):
    days = [np.datetime64("2020-01-01", "us"), np.datetime64("2020-01-02", "us")]
    with pytest.raises(TypeError, match=r"'day' has dtype .* turn dates into numbers"):
        read_column(frame({"day": np.array(days)}), 0)


def test_complex_numbers_are_refused():
    with pytest.raises(ValueError, match="Complex data not supported"):
        read_column(pd.DataFrame({"x": [1j]}), 0)


@pytest.mark.parametrize(
    "X",
    [
        pd.DataFrame({"x": [1.0, np.inf]}),
        pl.DataFrame({"x": [1.0, np.inf]}),
        np.array([[1.0], [-np.inf]], dtype=object),
    ],
)
def test_infinity_is_refused(X):
    with pytest.raises(ValueError, match="contains infinity"):
        read_column(X, 0)


@pytest.mark.parametrize("values", [["a", [1]], ["a", (2,)], [{}, 1.0]])
def test_cells_that_are_no_scalars_are_refused(values):
    X = np.empty((2, 1), dtype=object)
    X[:, 0] = values
    with pytest.raises(TypeError, match=r"must be a string or a (real )?number"):
        read_column(X, 0)


@pytest.mark.parametrize("value", [datetime.date(2020, 1, 1), pd.Period("2020"), [1, 2]])
def test_other_objects_are_refused_by_the_name_of_the_column(value):
    frame = pd.DataFrame({"day": pd.Series([value] * 2, dtype=object)})
    with pytest.raises(TypeError, match="'day' holds values that are neither numbers nor strings"):
        read_column(frame, 0)


def test_repeated_column_names_are_read_by_position():
    X = pd.DataFrame([[1.0, "a"]], columns=["x", "x"])
    assert read_column(X, 0) == [1.0]
    assert values_of(read_column(X, 1)) == ["a"]


def test_codes_of_unknown_and_missing_values():
    table = {"a": 0, "b": 1, None: 2}
    column = read_column(np.array([["a", "b", "z", None, np.nan]], dtype=object).T, 0)
    assert_array_equal(factor_codes(column, table, 7), [0, 1, 7, 2, 2])
    del table[None]
    assert_array_equal(factor_codes(column, table, 7), [0, 1, 7, 7, 7])


def test_codes_of_numbers_are_found_by_value():
    assert_array_equal(factor_codes(np.array([1.0, 2.0, np.nan]), {1: 5, None: 6}, -1), [5, -1, 6])


def test_frames_are_told_from_arrays():
    assert is_frame(pd.DataFrame({"x": [1]}))
    assert is_frame(pl.DataFrame({"x": [1]}))
    assert not is_frame(np.zeros((1, 1)))
    assert column_names(pd.DataFrame({0: [1], "b": [2]})) == ["0", "b"]
    assert column_names(np.zeros((1, 1))) is None


def test_reading_leaves_unpickled_strings_alone():
    frame = pickle.loads(pickle.dumps(pd.DataFrame({"c": ["u", None, "v"]})))
    for _ in range(2):  # pandas 3.1 would find None in its own array the second time
        assert read_column(frame, 0).levels == ["u", "v"]
    assert frame["c"].isna().tolist() == [False, True, False]
