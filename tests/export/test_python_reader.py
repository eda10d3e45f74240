"""What a Python form says to rows that it cannot take."""

from __future__ import annotations

import collections
import math
from dataclasses import replace
from types import MappingProxyType

import numpy as np
import pandas as pd
import pytest
from python_module import run
from random_students import make_student, make_table

from skdistill.export import python
from skdistill.export._lowering import lower
from skdistill.students import (
    LinearStudentClassifier,
    TreeStudentClassifier,
    TreeStudentRegressor,
)

MODULE = run(python.write_source(lower(make_student("linear", 2, "frame"))))
NUMBERS = run(python.write_source(lower(make_student("linear", 2, "numbers"))))
ROW = (0.5, 1e-3, 2.0, 1.0, "a", 5, True, "p", 0.0)


def changed(j, value):
    return [*ROW[:j], value, *ROW[j + 1 :]]


@pytest.mark.parametrize("n", [0, 8, 10])
def test_width(n):
    with pytest.raises(ValueError, match=f"must have 9 values, those of FEATURES, got {n}"):
        MODULE["predict_proba"]((ROW * 2)[:n])


def test_width_of_numbers():
    module = run(python.write_source(lower(make_student("linear", 2, "numbers"))))
    for row in ([], [1.0] * 3, [1.0] * 5):
        with pytest.raises(ValueError, match="must have 4 values"):
            module["predict"](row)


class Labelled(collections.UserDict):
    """A mapping that is no dict."""


def in_another_order(names, row):
    order = [2, *range(len(row) - 1, 2, -1), 0, 1]
    return {names[j]: row[j] for j in order}


@pytest.mark.parametrize(
    "kind", [dict, collections.OrderedDict, Labelled, MappingProxyType, pd.Series]
)
def test_whatever_has_keys_is_read_by_names(kind):
    frame = pd.DataFrame([ROW], columns=MODULE["FEATURES"]).astype(object)
    row = in_another_order(MODULE["FEATURES"], ROW)
    assert MODULE["predict_proba"](kind(row)) == MODULE["predict_proba"](frame.iloc[0].tolist())
    numbers = [0.5, 1e-3, 2.0, 1.0]
    row = in_another_order(NUMBERS["FEATURES"], numbers)
    assert NUMBERS["predict_proba"](kind(row)) == NUMBERS["predict_proba"](numbers)
    with pytest.raises(ValueError, match="has no 'x1'"):
        NUMBERS["predict_proba"](kind({"x0": 1.0, "x2": 1.0, "x3": 1.0}))


def test_other_sequences_are_read_by_position():
    named = collections.namedtuple("named", "d, c, b, a")
    expected = NUMBERS["predict_proba"]([0.5, 1e-3, 2.0, 1.0])
    row = named(0.5, 1e-3, 2.0, 1.0)
    for other in (row, np.array(row), collections.deque(row), iter(row)):
        assert NUMBERS["predict_proba"](other) == expected
    for other in (collections.UserList(ROW), np.array(ROW, dtype=object), collections.deque(ROW)):
        assert MODULE["predict_proba"](other) == MODULE["predict_proba"](ROW)


@pytest.mark.parametrize("row", ["xu", b"\x01\x02", bytearray(2), {1.0, 2.0}, frozenset("xu")])
def test_what_is_no_row(row):
    X = np.array([["x", "u"], ["y", "v"]] * 20, dtype=object)
    strings = LinearStudentClassifier().fit(X, [0, 1] * 20)
    numbers = LinearStudentClassifier().fit([[1.0, 2.0], [2.0, 1.0]] * 20, [0, 1] * 20)
    for student in (strings, numbers):
        module = run(python.write_source(lower(student)))
        with pytest.raises(TypeError, match="A row must be a list, a tuple or a dict, got a"):
            module["predict"](row)


def test_absent_names():
    row = dict(zip(MODULE["FEATURES"], ROW, strict=True))
    del row["int"], row["column 7"]
    with pytest.raises(ValueError, match="no 'int', 'column 7'"):
        MODULE["predict_proba"](row)


@pytest.mark.parametrize("value", [math.inf, -math.inf, 10**400, np.float32(np.inf)])
def test_infinite_numbers(value):
    with pytest.raises(ValueError, match="'lambda' is infinite or too large"):
        MODULE["predict_proba"](changed(2, value))
    both = changed(2, value)
    both[3] = math.nan
    with pytest.raises(ValueError, match="'lambda' is infinite or too large"):
        MODULE["predict_proba"](both)


def test_infinities_that_cancel():
    row = changed(2, math.inf)
    row[3] = -math.inf
    with pytest.raises(ValueError, match="infinite"):
        MODULE["predict_proba"](row)


@pytest.mark.parametrize("value", ["1.5", b"1.5", [1.5], {}, 1j, object()])
def test_what_is_no_number(value):
    with pytest.raises(TypeError, match="'lambda' must be a number"):
        MODULE["predict_proba"](changed(2, value))


@pytest.mark.parametrize("value", [b"a", ["a"], ("a",), {}, object()])
def test_what_is_no_category(value):
    with pytest.raises(TypeError, match="'column 7' must be a string, a number or None"):
        MODULE["predict_proba"](changed(7, value))


def test_equal_names_need_a_list():
    form = lower(make_student("tree", 2, "numbers"))
    form = replace(form, inputs=tuple(replace(c, name="same") for c in form.inputs))
    for unused in (False, True):
        inputs = [replace(c, used=c.used and not unused) for c in form.inputs[:1]]
        inputs += form.inputs[1:]
        module = run(python.write_source(replace(form, inputs=tuple(inputs))))
        with pytest.raises(TypeError, match="Two features have the same name"):
            module["predict"]({"same": 1.0})


def test_columns_that_are_not_looked_at():
    X = make_table("numbers")
    student = TreeStudentClassifier(max_leaf_nodes=2).fit(X, (X[:, 1] > 0).astype(int))
    module = run(python.write_source(lower(student)))
    expected = module["predict_proba"]([0.0, 1.0, 0.0, 0.0])
    assert module["predict_proba"]({"x1": 1.0}) == expected
    assert module["predict_proba"]([math.inf, 1.0, None, "any"]) == expected
    assert module["predict_proba"]([object(), np.float32(1.0), b"", {}]) == expected


def test_a_student_that_looks_at_nothing():
    student = TreeStudentRegressor().fit(np.zeros((20, 2)), np.ones(20))
    module = run(python.write_source(lower(student)))
    assert module["predict"]([1.0, None]) == module["predict"]({}) == 1.0
    with pytest.raises(ValueError, match="must have 2 values"):
        module["predict"]([1.0])
