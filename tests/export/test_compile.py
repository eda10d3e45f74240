"""The compiled scorer: predicts as the student does, is kept, and is safe to share."""

from __future__ import annotations

import multiprocessing
import os
import pickle
import shutil
import threading
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from c_programs import needs_compiler
from hypothesis import given, settings
from random_students import TASKS, fitted_students, make_student, make_table
from sklearn.base import clone

from skdistill.exceptions import ParityError
from skdistill.export import CompiledStudent, compile
from skdistill.export._c import cache as c_cache
from skdistill.students import LinearStudentClassifier

pytestmark = needs_compiler

fast = settings(max_examples=15, deadline=None)


@pytest.fixture(autouse=True, scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Keep compiled students in a folder of the tests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield Path(os.environ["XDG_CACHE_HOME"], "skdistill", "compiled")


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
    assert compiled.student_ is student
    regressor = compile(make_student("tree", 0, "numbers"))
    with pytest.raises(AttributeError, match="regressor"):
        regressor.predict_proba(make_table("numbers"))
    assert not hasattr(regressor, "classes_")


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


def test_pickles_as_for_workers_and_clones(cache: Path) -> None:
    compiled, X = compile(make_student("tree", 2, "frame")), make_table("frame")
    shutil.rmtree(cache)  # as on another machine
    again = pickle.loads(pickle.dumps(compiled))
    assert again.is_compiled_
    np.testing.assert_array_equal(again.predict(X), compiled.predict(X))
    assert clone(compiled) is compiled


# Where libraries are kept.


def compile_at_once(student: Any, barrier: Any, told: Any) -> None:
    """Compile when all others are ready, and tell what is predicted."""
    barrier.wait()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        told.put(compile(student).predict([[0.5, 0.5, 0.5, 0.5]])[0])


@pytest.mark.skipif(not hasattr(os, "fork"), reason="processes start slowly without fork")
def test_many_processes_compile_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    student = make_student("boosting", 0, "numbers")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    fork = multiprocessing.get_context("fork")
    barrier, told = fork.Barrier(20), fork.Queue()
    running = [
        fork.Process(target=compile_at_once, args=(student, barrier, told)) for _ in range(20)
    ]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # these children hold no locks
        for process in running:
            process.start()
    values = [told.get(timeout=60) for _ in running]
    for process in running:
        process.join(timeout=60)
    assert [process.exitcode for process in running] == [0] * 20
    np.testing.assert_allclose(values, student.predict([[0.5] * 4])[0], rtol=1e-12)
    kept = list((tmp_path / "skdistill" / "compiled").iterdir())
    assert [path.suffix for path in kept] == [".so"]  # one library, and nothing left over


def test_library_is_used_again(monkeypatch: pytest.MonkeyPatch) -> None:
    student = make_student("pruned", 2, "numbers")
    compile(student)
    monkeypatch.setattr(c_cache, "build", None)
    assert compile(student).is_compiled_
    with pytest.raises(TypeError):
        compile(make_student("pruned", 2, "numbers", seed=1))


def test_another_compiler_makes_another_library(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    student = make_student("tree", 0, "numbers")
    for options in ("", " -O1"):
        monkeypatch.setenv("CC", f"{shutil.which('cc')}{options}")
        assert compile(student).is_compiled_
    assert len(list((tmp_path / "skdistill" / "compiled").iterdir())) == 2


def test_damaged_library_is_made_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    folder = tmp_path / "skdistill" / "compiled"
    student = make_student("additive", 0, "numbers")
    files = CompiledStudent(student)._files
    shutil.rmtree(folder)
    folder.mkdir(mode=0o700)
    (folder / f"{c_cache._hash(files)}.so").write_bytes(b"no library")
    assert compile(student).is_compiled_


@pytest.mark.parametrize("mode", [0o777, 0o770, 0o750])
def test_folder_open_to_others_is_not_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mode: int
) -> None:
    student = make_student("tree", 2, "missing")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    folder = tmp_path / "skdistill" / "compiled"
    files = CompiledStudent(student)._files
    shutil.rmtree(folder)
    folder.mkdir()
    planted = folder / f"{c_cache._hash(files)}.so"
    planted.write_bytes(b"planted")
    folder.chmod(mode)
    monkeypatch.setattr(c_cache, "load", refuse(planted, c_cache.load))
    with pytest.warns(UserWarning, match="open to others.*0700"):
        assert compile(student).is_compiled_
    assert planted.read_bytes() == b"planted"


def test_link_and_foreign_folder_are_not_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    student = make_student("tree", 2, "missing")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    (tmp_path / "elsewhere").mkdir(mode=0o700)
    (tmp_path / "skdistill").mkdir(mode=0o700)
    (tmp_path / "skdistill" / "compiled").symlink_to(tmp_path / "elsewhere")
    with pytest.warns(UserWarning, match="open to others"):
        assert compile(student).is_compiled_
    (tmp_path / "skdistill" / "compiled").unlink()
    monkeypatch.setattr(os, "getuid", lambda: 12345)
    with pytest.warns(UserWarning, match="belongs to others"):
        assert compile(student).is_compiled_
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_folder_from_which_nothing_is_loaded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    load = c_cache.load

    def not_here(library: Path) -> Any:
        if tmp_path in library.parents:
            raise OSError("no library is loaded from here")
        return load(library)

    monkeypatch.setattr(c_cache, "load", not_here)
    with pytest.warns(UserWarning, match="loaded from here"):
        assert compile(make_student("tree", 2, "missing")).is_compiled_


def test_no_folder_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    with pytest.warns(UserWarning, match="XDG_CACHE_HOME"):
        assert compile(make_student("tree", 2, "missing")).is_compiled_


def refuse(path: Path, load: Any) -> Any:
    """Let a loader fail the test where it is given a path."""

    def checked(library: Path) -> Any:
        assert library != path
        return load(library)

    return checked


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
