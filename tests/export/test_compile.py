"""The compiled scorer: predicts as the student does, is kept, and is safe to share."""

from __future__ import annotations

import copy
import os
import pickle
import shutil
import sys
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from c_programs import needs_compiler
from hypothesis import given, settings
from random_students import TASKS, fitted_students, make_student, make_table
from sklearn.base import clone, is_classifier, is_regressor

from skdistill.exceptions import ParityError
from skdistill.export import CompiledStudent, compile
from skdistill.export._c import cache as c_cache
from skdistill.students import LinearStudentClassifier

pytestmark = [needs_compiler, pytest.mark.usefixtures("compiled_cache")]

fast = settings(max_examples=15, deadline=None)


def predict(student: Any, X: Any) -> np.ndarray:
    outputs = student.predict_proba(X) if hasattr(student, "classes_") else student.predict(X)
    return np.asarray(outputs)


@fast
@given(student=fitted_students())
def test_predicts_what_the_student_does(student: Any) -> None:
    compiled = compile(student)
    assert compiled.is_compiled_
    table = next(
        t for t in ("numbers", "frame") if make_table(t).shape[1] == student.n_features_in_
    )
    for X in (make_table(table, seed=5), make_table(table, seed=6)[:1]):
        np.testing.assert_allclose(predict(compiled, X), predict(student, X), rtol=1e-9, atol=1e-12)
        if hasattr(student, "classes_"):
            np.testing.assert_array_equal(compiled.predict(X), student.predict(X))
            assert compiled.predict(X).dtype == student.classes_.dtype


def test_is_like_the_student() -> None:
    student = make_student("tree", 3, "frame")
    compiled = compile(student)
    np.testing.assert_array_equal(compiled.classes_, student.classes_)
    np.testing.assert_array_equal(compiled.feature_names_in_, student.feature_names_in_)
    assert compiled.n_features_in_ == student.n_features_in_
    assert is_classifier(compiled)
    X = make_table("frame")
    y, weight = student.predict(X)[::-1], np.arange(len(X))
    assert compiled.score(X, y, weight) == student.score(X, y, sample_weight=weight)


def test_is_like_the_regressor() -> None:
    student, X = make_student("tree", 0, "numbers"), make_table("numbers")
    compiled = compile(student)
    assert is_regressor(compiled)
    assert not hasattr(compiled, "classes_")
    assert not hasattr(compiled, "predict_proba")
    assert compiled.score(X, X[:, 1]) == pytest.approx(student.score(X, X[:, 1]), abs=1e-12)


@pytest.mark.parametrize("n_columns", [1, 4])
def test_stays_what_it_was_when_the_student_is_fitted_again(n_columns: int) -> None:
    student, X = copy.deepcopy(make_student("linear", 2, "numbers")), make_table("numbers")
    compiled, expected = compile(student), student.predict_proba(X)
    student.fit(X[:, :n_columns], np.array(["x", "y", "z"])[np.arange(len(X)) % 3])
    np.testing.assert_allclose(compiled.predict_proba(X), expected, rtol=1e-12)
    np.testing.assert_array_equal(compiled.classes_, compiled.student_.classes_)
    # Memory of another width is never read, whatever is done.
    compiled.student_.fit(np.zeros((40, 1)), [0, 1] * 20)
    with pytest.raises(ValueError, match=r"rows must have the shape \(n_rows, 4\), got \(3, 1\)"):
        compiled.predict_proba(np.ones((3, 1)))


@pytest.mark.parametrize("table", ["numbers", "frame"])
def test_checks_what_the_student_checks(table: str) -> None:
    student = make_student("additive", 2, table)
    compiled, X = compile(student), make_table(table)
    wrong: list[Any] = [np.zeros((3, 2)), np.zeros(4), [[1.0 + 2.0j] * X.shape[1]], X[:0]]
    if table == "numbers":
        wrong += [np.full((2, 4), np.inf), np.full((2, 4), "a"), [[1.0, 2.0], [3.0]]]
        wrong += [sp.csr_matrix(X), np.array([[1.0, "a", 2.0, 3.0]], dtype=object)]
    else:
        strings, dates = X.copy(), X.copy()
        strings[X.columns[0]] = "text"
        dates[X.columns[0]] = pd.Timestamp("2020-01-01")
        infinite = X.copy()
        infinite.iloc[0, 0] = np.inf
        wrong += [strings, dates, infinite, X.rename(columns={"int": "other"}), X.iloc[:, ::-1]]
    for rows in wrong:
        with pytest.raises(Exception) as expected:  # noqa: PT011 - whatever the student says
            student.predict_proba(rows)
        with pytest.raises(type(expected.value)) as told:
            compiled.predict_proba(rows)
        assert type(told.value) is type(expected.value)


def test_every_kind_of_array() -> None:
    student = make_student("linear", 2, "numbers")
    compiled, X = compile(student), make_table("numbers")
    expected = student.predict_proba(X)
    kinds = [np.asfortranarray(X), X[::2].repeat(2, axis=0)[::1], X.tolist(), X.astype(object)]
    kinds += [pd.DataFrame(X), np.hstack([X, X])[:, :4]]
    for rows in kinds:
        np.testing.assert_allclose(
            compiled.predict_proba(rows), student.predict_proba(rows), rtol=1e-12
        )
    whole = X.round().astype(int)
    np.testing.assert_allclose(
        compiled.predict_proba(whole), student.predict_proba(whole), rtol=1e-12
    )
    assert compiled.predict_proba(X).shape == expected.shape


def test_sparse_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    X = sp.random(300, 6, density=0.3, format="csr", random_state=0)
    student = LinearStudentClassifier().fit(X, np.asarray(X.sum(axis=1)).ravel() > 1.0)
    compiled = compile(student)
    expected = student.predict_proba(X)
    np.testing.assert_allclose(compiled.predict_proba(X), expected, rtol=1e-12)
    monkeypatch.setattr("skdistill.export._compile.ROWS_AT_A_TIME", 7)
    np.testing.assert_allclose(compiled.predict_proba(X), expected, rtol=1e-12)


@pytest.mark.parametrize("n_classes", TASKS)
def test_function_of_one_row(n_classes: int) -> None:
    student = make_student("boosting", n_classes, "numbers")
    compiled, X = compile(student), make_table("numbers")
    function = compiled.function
    row, out = compiled.buffers()
    row[:] = X[7]
    told = list(out) if n_classes and function(row, out) is None else function(row)
    address = np.ascontiguousarray(X[7]).ctypes.data
    np.testing.assert_allclose(told if not n_classes else list(out), predict(student, X[7:8])[0])
    if n_classes == 0:
        assert function(address) == told


def test_threads_share_it() -> None:
    student = make_student("mlp", 3, "numbers")
    compiled, X = compile(student), make_table("numbers")
    expected, wrong = student.predict_proba(X), []

    def work() -> None:
        for _ in range(50):
            if np.abs(compiled.predict_proba(X) - expected).max() > 1e-12:
                wrong.append(1)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_pickles_as_for_workers_and_clones(compiled_cache: Path) -> None:
    compiled, X = compile(make_student("tree", 2, "frame")), make_table("frame")
    shutil.rmtree(compiled_cache)  # as on another machine
    again = pickle.loads(pickle.dumps(compiled))
    assert again.is_compiled_
    np.testing.assert_array_equal(again.predict(X), compiled.predict(X))
    assert clone(compiled) is compiled


# What goes wrong.


def test_without_compiler_the_student_predicts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CC", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    student, X = make_student("boosting", 2, "frame"), make_table("frame")
    with pytest.warns(UserWarning, match="not compiled: there is no C compiler"):
        compiled = compile(student)
    assert not compiled.is_compiled_
    np.testing.assert_array_equal(compiled.predict_proba(X), student.predict_proba(X))
    np.testing.assert_array_equal(compiled.predict(X), student.predict(X))
    with pytest.raises(RuntimeError, match="not compiled"):
        _ = compiled.function


@pytest.mark.parametrize(
    ("command", "reason"),
    [
        ('gcc "', "CC, 'gcc \"', is no command"),
        ("true", "no library can be made and loaded"),
        (f"{sys.executable} -c pass", "no library can be made and loaded"),
    ],
)
def test_command_that_is_no_compiler(
    monkeypatch: pytest.MonkeyPatch, command: str, reason: str
) -> None:
    student = make_student("boosting", 2, "frame")
    pickled = pickle.dumps(compile(student))
    monkeypatch.setenv("CC", command)
    with pytest.warns(UserWarning, match=f"not compiled: .*{reason}.*by NumPy"):
        assert not compile(student).is_compiled_
    with pytest.warns(UserWarning, match=f"not compiled: .*{reason}.*by NumPy"):
        assert not pickle.loads(pickled).is_compiled_


def test_no_folder_to_compile_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "nowhere"))
    with pytest.warns(UserWarning, match="not compiled: no library can be made .*nowhere"):
        assert not compile(make_student("tree", 2, "missing")).is_compiled_


def test_compiler_reads_no_input(monkeypatch: pytest.MonkeyPatch) -> None:
    code = "import sys; sys.stdin.read(); sys.exit('end of input')"
    monkeypatch.setenv("CC", f'{sys.executable} -c "{code}"')
    reader, _ = os.pipe()  # from which nothing ever comes
    before = os.dup(0)
    os.dup2(reader, 0)
    try:
        monkeypatch.setattr("skdistill.export._c.build.TIMEOUT", 10.0)
        with pytest.warns(UserWarning, match="failed:\nend of input"):
            compile(make_student("tree", 2, "missing"))
    finally:
        os.dup2(before, 0)


def test_difference_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    student = make_student("additive", 3, "missing")
    wrong = make_student("additive", 3, "missing", seed=1)
    files = CompiledStudent(wrong)._files
    load = c_cache.load_compiled
    monkeypatch.setattr("skdistill.export._compile.load_compiled", lambda _: load(files))
    with pytest.raises(ParityError, match="compiled form"):
        compile(student)


def test_wrong_rows_to_compare() -> None:
    with pytest.raises(ValueError, match="X must have rows"):
        compile(make_student("tree", 2, "numbers"), X=np.zeros((3, 9)))
