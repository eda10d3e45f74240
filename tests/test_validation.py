"""Checks of parameters and probabilities: what passes, and every message."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from scipy.special import softmax

from skdistill._optional import comes_from, import_optional
from skdistill._validation import check_choice, check_integer, check_probabilities, check_real


@pytest.mark.parametrize("value", [2, 2.0, np.float32(2), np.int64(2), Fraction(2)])
def test_real_numbers_of_any_kind_become_floats(value):
    number = check_real(value, "temperature", minimum=2, maximum=2)
    assert (type(number), number) == (float, 2.0)


@pytest.mark.parametrize("value", [True, np.True_, "2", None, [2.0], 1j, np.array(2.0)])
def test_what_is_no_number(value):
    with pytest.raises(TypeError, match=r"^temperature must be a number, got .*\("):
        check_real(value, "temperature")


@pytest.mark.parametrize(
    ("value", "bounds", "message"),
    [
        (0.5, {"minimum": 1}, "T must be a finite number >= 1, got 0.5."),
        (0, {"minimum": 0, "strict": True}, "T must be a finite number > 0, got 0."),
        (2, {"maximum": 1}, "T must be a finite number <= 1, got 2."),
        (-1, {"minimum": 0, "maximum": 1}, "T must be a finite number >= 0 and <= 1, got -1."),
        (float("nan"), {}, "T must be a finite number, got nan."),
        (float("inf"), {"minimum": 1}, "T must be a finite number >= 1, got inf."),
    ],
)
def test_numbers_out_of_bounds(value, bounds, message):
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - the whole message is compared
        check_real(value, "T", **bounds)
    assert str(caught.value) == message


@pytest.mark.parametrize("value", [3, np.int32(3), np.uint8(3)])
def test_integers_of_any_kind_become_int(value):
    number = check_integer(value, "max_size", minimum=3)
    assert (type(number), number) == (int, 3)


def test_what_is_no_integer_or_too_small():
    for value in (True, 3.0, "3", None):
        with pytest.raises(TypeError, match="max_size must be an integer, got"):
            check_integer(value, "max_size", minimum=1)
    with pytest.raises(ValueError, match=r"max_size must be an integer >= 1, got 0\."):
        check_integer(0, "max_size", minimum=1)


def test_choices():
    assert check_choice("b", "mode", ("a", "b")) == "b"
    for value in ("c", None, 1, ["a"]):
        with pytest.raises(ValueError, match=r"mode must be one of \['a', 'b'\], got"):
            check_choice(value, "mode", iter("ab"))


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(2, 200), st.sampled_from([np.float32, np.float64]))
def test_probabilities_of_any_precision_come_back_normalised(seed, k, dtype):
    P = softmax(np.random.default_rng(seed).normal(0, 5, (4, k)).astype(dtype), axis=1)
    kept = P.copy()
    checked = check_probabilities(P, "p", n_rows=4, n_classes=k)
    assert checked.dtype == np.float64
    assert_allclose(checked.sum(axis=1), 1, rtol=1e-15 * k)
    assert_allclose(checked, P, rtol=1e-4)
    assert_array_equal(P, kept)
    assert not np.shares_memory(checked, P)


def test_one_column_is_that_of_the_second_class():
    expected = [[0.75, 0.25], [0.0, 1.0]]
    for proba in ([0.25, 1.0], [[0.25], [1.0]], np.float32([0.25, 1.0])):
        for n_classes in (None, 2):
            checked = check_probabilities(proba, "p", n_rows=2, n_classes=n_classes)
            assert_array_equal(checked, expected)


def test_rounding_is_mended_and_no_rows_are_no_error():
    checked = check_probabilities([[-1e-9, 1 + 1e-9], [0.5004, 0.5001]], "p", n_rows=2)
    assert (checked >= 0).all()
    assert_allclose(checked.sum(axis=1), 1, rtol=1e-15)
    assert check_probabilities(np.empty((0, 3)), "p", n_rows=0, n_classes=3).shape == (0, 3)


@pytest.mark.parametrize(
    ("proba", "n_classes", "message"),
    [
        ([["a", "b"]] * 2, None, "p must be an array of probabilities.*'a'"),
        ([[0.5, 0.5], [1.0]], None, "p must be an array of probabilities"),
        ([0.5, 0.5], 3, r"p must be probabilities of shape.*got shape \(2,\)"),
        (np.ones((2, 2, 1)), None, r"got shape \(2, 2, 1\)"),
        ([[0.5, 0.5]], None, "p has 1 rows where there are 2 samples"),
        ([[0.5, 0.5]] * 2, 3, "p has 2 columns where there are 3 classes.*sorted labels"),
        ([[np.nan, 1.0]] * 2, None, "p contains NaN or infinite"),
        ([[np.inf, 1.0]] * 2, None, "p contains NaN or infinite"),
        ([np.nan, 1.0], None, "p contains NaN or infinite"),
        ([[-2.0, 3.0]] * 2, None, r"negative values \(least: -2\).*output='logits'"),
        ([0.5, 1.5], None, r"negative values \(least: -0.5\).*output='logits'"),
        ([[0.5, 0.5], [0.5, 0.6]], None, "p: row 1 sums to 1.1, not to 1"),
        ([[0.0, 0.0]] * 2, None, "p: row 0 sums to 0, not to 1"),
    ],
)
def test_what_are_no_probabilities(proba, n_classes, message):
    with pytest.raises(ValueError, match=message):
        check_probabilities(proba, "p", n_rows=2, n_classes=n_classes)


def test_optional_packages():
    assert import_optional("json", extra="x", purpose="This").dumps([]) == "[]"
    with pytest.raises(ImportError, match=r"This needs the package 'no_such'.*skdistill\[x\]"):
        import_optional("no_such", extra="x", purpose="This")
    assert comes_from(np.ones(1), "scipy", "numpy")
    assert not comes_from(np.ones(1), "num")
