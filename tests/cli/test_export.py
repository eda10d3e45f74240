"""``skdistill export`` from a saved student to code that predicts the same."""

from __future__ import annotations

import ctypes
import shutil
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from cli_files import NUMBERS, TEXTS, make_frame

import skdistill.export
from skdistill import load, save
from skdistill.cli import main
from skdistill.exceptions import ParityError
from skdistill.students import LinearStudentRegressor, TreeStudentClassifier

compiler = shutil.which("cc") or shutil.which("gcc")
needs_compiler = pytest.mark.skipif(compiler is None, reason="there is no C compiler")


@pytest.fixture
def frame():
    return make_frame(120)


@pytest.fixture
def student(tmp_path, frame):
    """A saved tree of mixed columns."""
    model = TreeStudentClassifier(max_leaf_nodes=6, min_samples_leaf=5, random_state=0)
    save(model.fit(frame[NUMBERS + TEXTS], frame["three"]), tmp_path / "churn.skd")
    return tmp_path / "churn.skd"


@pytest.fixture
def numeric(tmp_path, frame):
    """A saved linear model of an array, without names."""
    X = frame[NUMBERS].to_numpy()
    save(LinearStudentRegressor(alpha=1.0).fit(X, frame["value"]), tmp_path / "value.skd")
    return tmp_path / "value.skd"


def export(student, forms, *options):
    out = student.parent / "out"
    return main(["export", str(student), "--to", forms, "--out", str(out), *map(str, options)])


def written(student):
    out = student.parent / "out"
    return sorted(path.name for path in out.iterdir()) if out.exists() else None


def fails(capsys, student, forms, *options):
    assert export(student, forms, *options) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("skdistill export: error: ")
    assert written(student) is None
    return captured.err


@needs_compiler
def test_all_forms_are_written_together(student, capsys):
    assert export(student, "c, python,onnx,c") == 0
    names = ["churn.c", "churn.h", "churn.onnx", "churn.py"]
    assert written(student) == names
    printed = capsys.readouterr().out
    assert all(str(student.parent / "out" / name) in printed for name in names)


@needs_compiler
def test_forms_may_be_asked_for_one_by_one(student):
    assert export(student, "c", "--to", "python") == 0
    assert written(student) == ["churn.c", "churn.h", "churn.py"]


def test_python_predicts_what_the_student_does(student, frame):
    assert export(student, "python") == 0
    rows = frame[NUMBERS + TEXTS]
    loaded = load(student)
    code = f"""
import json, churn
rows = {rows.astype(object).where(rows.notna(), None).values.tolist()!r}
print(json.dumps([churn.predict_proba(row) for row in rows]))
"""
    run = subprocess.run(
        [sys.executable, "-c", code],
        check=True,
        capture_output=True,
        text=True,
        cwd=student.parent / "out",
    )
    np.testing.assert_allclose(eval(run.stdout), loaded.predict_proba(rows), atol=1e-12)


@needs_compiler
def test_c_predicts_what_the_student_does(numeric, frame, tmp_path):
    assert export(numeric, "c", "--dtype", "float32") == 0
    library = tmp_path / "value.so"
    command = [compiler, "-std=c99", "-shared", "-fPIC", "-o", library, "value.c", "-lm"]
    subprocess.run(command, check=True, cwd=tmp_path / "out")
    predict = ctypes.CDLL(str(library)).value_predict
    predict.restype = ctypes.c_float
    rows = np.ascontiguousarray(frame[NUMBERS], dtype=np.float32)
    found = [predict(row.ctypes.data_as(ctypes.c_void_p)) for row in rows]
    expected = load(numeric).predict(rows.astype(np.float64))
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_data_is_read_as_the_student_takes_it(tmp_path, frame, monkeypatch):
    # Codes of digits are texts; other columns and the target are left out.
    codes = frame["three"].add(7).map("{:03d}".format)
    X = pd.DataFrame({"code": codes, "amount": frame["amount"]})
    model = TreeStudentClassifier(max_leaf_nodes=3).fit(X, frame["binary"])
    save(model, tmp_path / "churn.skd")
    X.assign(binary=frame["binary"])[["binary", "amount", "code"]].to_csv(tmp_path / "rows.csv")
    seen = []
    monkeypatch.setattr(skdistill.export, "to_python", lambda student, path, *, X: seen.append(X))
    assert export(tmp_path / "churn.skd", "python", "--data", tmp_path / "rows.csv") == 0
    pd.testing.assert_frame_equal(seen[0].astype(X.dtypes), X)
    assert model.predict(seen[0]).tolist() == model.predict(X).tolist()


def test_data_of_a_student_without_names(numeric, frame, capsys):
    path = numeric.parent / "rows.csv"
    frame[NUMBERS].to_csv(path, index=False)
    assert export(numeric, "python", "--data", path) == 0
    shutil.rmtree(numeric.parent / "out")
    capsys.readouterr()
    frame.to_csv(path, index=False)
    error = fails(capsys, numeric, "python", "--data", path)
    assert "has 7 columns, but the student was fitted to 2 without names" in error


def test_data_that_cannot_be_used(student, frame, capsys):
    path = student.parent / "rows.csv"
    assert "--data: there is no file" in fails(capsys, student, "python", "--data", path)
    frame.drop(columns="city").to_csv(path, index=False)
    assert "lacks the columns ['city'] of the student" in fails(
        capsys, student, "python", "--data", path
    )
    frame.head(0).to_csv(path, index=False)
    assert "has no rows" in fails(capsys, student, "python", "--data", path)


def test_options_that_cannot_be(student, capsys):
    assert "'java' is not one of python, c, onnx" in fails(capsys, student, "c,java")
    assert "'' is not one of" in fails(capsys, student, "")
    error = fails(capsys, student, "python", "--dtype", "float32")
    assert "--dtype float32: Python has one kind of float" in error
    with pytest.raises(SystemExit) as stop:
        main(["export", str(student), "--to", "c"])
    assert stop.value.code == 2


def test_files_that_are_no_student(student, capsys):
    data = student.read_bytes()
    student.write_bytes(data[:-1])
    assert "is cut short or was changed" in fails(capsys, student, "python")
    student.write_bytes(b"\x80\x04N.")
    assert "no file of skdistill.save" in fails(capsys, student, "python")
    student.unlink()
    assert "churn.skd" in fails(capsys, student, "python")


def test_where_one_form_fails_nothing_is_written(student, capsys, monkeypatch):
    def fail(*args, **kwargs):
        raise ParityError("the ONNX form differs in row 3")

    monkeypatch.setattr(skdistill.export, "to_onnx", fail)
    assert "differs in row 3" in fails(capsys, student, "python,onnx")


def test_old_files_stay_where_something_is_in_the_way(student, capsys):
    out = student.parent / "out"
    (out / "churn.py").mkdir(parents=True)
    assert export(student, "python") == 1
    assert "is a folder; nothing was written" in capsys.readouterr().err
    assert written(student) == ["churn.py"]
    assert "is no folder" in _error_of(capsys, ["export", student, "--to", "c", "--out", student])


def _error_of(capsys, arguments):
    assert main(list(map(str, arguments))) == 1
    return capsys.readouterr().err
