"""Names, levels and numbers of the user are never code, and are read as they were written."""

from __future__ import annotations

import ast
import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from python_module import run
from random_students import make_student

from skdistill.exceptions import ExportError
from skdistill.export import python
from skdistill.export._lowering import lower
from skdistill.export._python.text import bound, literal


def test_the_name_of_a_class_is_never_code():
    name = 'x"""\nimport os\n"""\\'
    source = python.write_source(replace(lower(make_student("tree", 2, "frame")), name=name))
    imported = [n.module for n in ast.walk(ast.parse(source)) if isinstance(n, ast.ImportFrom)]
    assert "import os" not in source.splitlines()
    assert set(imported) <= {"bisect", "math"}


@given(st.lists(st.text(max_size=80), min_size=4, max_size=4), st.text(), st.text())
@settings(max_examples=60, deadline=None)
def test_names_are_never_code(names, label, level):
    form = lower(make_student("boosting", 2, "frame"))
    columns = [
        replace(
            column,
            name=names[j % 4] + str(j),
            levels=column.levels and (f"{level}!", *column.levels[1:]),
        )
        for j, column in enumerate(form.inputs)
    ]
    form = replace(form, inputs=tuple(columns), classes=(label, f"{label}."))
    source = python.write_source(form)
    source.encode("utf-8")
    tree = ast.parse(source)
    assert {type(node) for node in tree.body} == {
        ast.Expr,  # its docstring
        ast.ImportFrom,
        ast.Assign,
        ast.FunctionDef,
    }
    calls = {ast.unparse(n.func) for n in ast.walk(tree) if isinstance(n, ast.Call)}
    plain = python.write_source(lower(make_student("boosting", 2, "frame")))
    known = {ast.unparse(n.func) for n in ast.walk(ast.parse(plain)) if isinstance(n, ast.Call)}
    assert calls == known
    module = run(source)
    assert module["FEATURES"] == tuple(column.name for column in columns)
    assert module["CLASSES"] == (label, f"{label}.")


@given(st.one_of(st.text(), st.booleans(), st.integers(), st.floats(allow_nan=False)))
@settings(deadline=None)
def test_literals_are_read_as_they_were(value):
    read = eval(literal(value), {"inf": math.inf})
    assert read == value
    assert type(read) is type(value)
    assert str(read) == str(value)  # -0.0 too


def test_numbers_of_numpy_are_plain():
    assert literal(np.int32(3)) == "3"
    assert literal(np.float64(0.1)) == "0.1"
    assert literal(np.bool_(True)) == "True"
    assert literal(np.str_("a")) == "'a'"


def test_other_labels_are_refused():
    with pytest.raises(ExportError, match="datetime64"):
        literal(np.datetime64("2020-01-01"))


@given(st.floats(allow_nan=False, allow_infinity=False), st.integers(-3, 3), st.integers(0, 4))
def test_bounds_hold_for_integers_as_for_floats(threshold, shift, quarters):
    above = math.nextafter(threshold, math.inf)
    gap = 0 if math.isinf(above) else int(above) - int(threshold)
    x = int(threshold) + gap * quarters // 4 + shift
    try:
        rounded = float(x)
    except OverflowError:
        return
    assert (x <= eval(bound(threshold), {"inf": math.inf})) == (rounded <= threshold)
