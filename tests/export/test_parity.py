"""Differences between a student and its export are found, and told."""

from __future__ import annotations

import numpy as np
import pytest
from random_students import make_student, make_table, make_target
from sklearn.base import clone

from skdistill.exceptions import ExportError, ParityError
from skdistill.export._lowering import lower
from skdistill.export._parity import check_parity, predict_rows
from skdistill.export._probes import probe_rows
from skdistill.export.python import run_source, write_source
from skdistill.students import TreeStudentRegressor

PYTHON = {"tolerance": 1e-12, "target": "Python"}


def setup(n_classes=3, family="tree", table="frame"):
    student = make_student(family, n_classes, table)
    rows = probe_rows(lower(student), make_table(table))
    return student, rows, predict_rows(student, rows)


@pytest.mark.parametrize("table", ["numbers", "frame"])
@pytest.mark.parametrize("n_classes", [0, 2, 3])
def test_rows_of_objects_are_predicted_as_tables(n_classes, table):
    student = make_student("additive", n_classes, table)
    X = make_table(table)
    rows = probe_rows(lower(student), X)[: len(X)]
    expected = student.predict_proba(X) if n_classes else student.predict(X)
    assert np.array_equal(predict_rows(student, rows), expected)


def test_what_agrees_passes():
    student, rows, expected = setup()
    check_parity(student, rows, expected, tolerance=0.0, target="C")
    check_parity(student, rows, expected.tolist(), tolerance=0.0, target="C")


def test_the_worst_row_is_shown():
    student, rows, expected = setup()
    outputs = expected.copy()
    outputs[3] += 1e-9
    outputs[7, 1] -= 1e-6
    with pytest.raises(
        ParityError, match="C form differ by 1e-06, more than the tolerance"
    ) as info:
        check_parity(student, rows, outputs, tolerance=1e-12, target="C")
    message = str(info.value)
    assert "'lambda': " + repr(rows[7, 2]) in message
    assert repr(expected[7].tolist()) in message
    assert repr(outputs[7].tolist()) in message
    assert isinstance(info.value, ExportError)


def test_values_are_compared_by_their_size():
    student, rows, expected = setup(0)
    outputs = expected * (1.0 + 1e-9)
    check_parity(student, rows, outputs, tolerance=1.1e-9, target="C")
    with pytest.raises(ParityError):
        check_parity(student, rows, outputs, tolerance=1e-10, target="C")


def test_values_of_any_size_are_compared():
    X = make_table("numbers")
    for size in (1e-13, 1e-6, 1e9):
        student = TreeStudentRegressor(max_leaf_nodes=4, random_state=0).fit(X, X[:, 0] * size)
        rows = probe_rows(lower(student), X)
        expected = predict_rows(student, rows)
        check_parity(student, rows, expected * (1.0 + 1e-13), tolerance=1e-12, target="C")
        for outputs in (expected * (1.0 + 1e-4), np.zeros(len(rows))):
            with pytest.raises(ParityError, match="differ by"):
                check_parity(student, rows, outputs, tolerance=1e-5, target="C")


@pytest.mark.parametrize("n_classes", [0, 2, 3])
@pytest.mark.parametrize("family", ["linear", "mlp"])
def test_sums_of_large_terms(family, n_classes):
    # Seconds since 1970: sums of 1e5 and more whose results are about 1.
    rng = np.random.default_rng(0)
    X = np.column_stack([1.6e9 + 1e5 * rng.random(300), rng.normal(size=300)])
    y = make_target(X, n_classes)
    student = clone(make_student(family, n_classes, "numbers")).fit(X, y)
    rows = probe_rows(lower(student), X)
    expected = predict_rows(student, rows)
    check_parity(student, rows, run_source(write_source(lower(student)), rows), **PYTHON)
    outputs = expected.copy()
    outputs[3] += 1e-3 * np.ptp(expected) * np.array([1.0, -1.0, 0.0][:n_classes] or 1.0)
    with pytest.raises(ParityError, match="subtract a constant"):
        check_parity(student, rows, outputs, **PYTHON)


@pytest.mark.parametrize("wrong", [np.nan, np.inf])
def test_no_number_is_the_largest_difference(wrong):
    student, rows, expected = setup()
    outputs = expected.copy()
    outputs[5, 0] = wrong
    with pytest.raises(ParityError, match="differ by inf"):
        check_parity(student, rows, outputs, tolerance=1.0, target="ONNX")


def test_another_label_is_no_small_difference():
    student, rows, expected = setup(2)
    gaps = np.abs(expected[:, 0] - expected[:, 1])
    i = np.flatnonzero(gaps)[gaps[gaps > 0.0].argmin()]
    best, gap = expected[i].argmax(), gaps[i]
    outputs = expected.copy()
    outputs[i, best] -= 0.51 * gap
    outputs[i, 1 - best] += 0.51 * gap
    with pytest.raises(ParityError, match="another most probable class"):
        check_parity(student, rows, outputs, tolerance=0.9 * gap, target="C")
    # What is a tie in the student may fall either way.
    check_parity(student, rows, outputs, tolerance=1.1 * gap, target="C")


def test_another_shape():
    student, rows, expected = setup()
    with pytest.raises(ParityError, match="shape"):
        check_parity(student, rows, expected[:, :2], tolerance=1.0, target="C")


def test_no_warning_about_names(recwarn):
    student, rows, expected = setup()
    check_parity(student, rows, expected, tolerance=0.0, target="C")
    assert len(recwarn) == 0


def test_long_strings_are_cut():
    student, rows, _ = setup()
    rows[0, 4] = "x" * 10_000
    outputs = predict_rows(student, rows)
    outputs[0, 0] += 1.0
    with pytest.raises(ParityError) as info:
        check_parity(student, rows, outputs, tolerance=1e-12, target="C")
    assert len(str(info.value)) < 2000
