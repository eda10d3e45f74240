"""What a Python form says to rows that it cannot take."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from python_module import run
from random_students import make_student, make_table

from skdistill.export import python
from skdistill.export._lowering import lower
from skdistill.students import TreeStudentClassifier, TreeStudentRegressor

MODULE = run(python.write_source(lower(make_student("linear", 2, "frame"))))
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
