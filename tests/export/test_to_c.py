"""The C form: what students predict, clean under every warning and sanitizer."""

from __future__ import annotations

import functools
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from c_programs import (
    compile_files,
    compiler_name,
    find_compiler,
    needs_compiler,
    run_program,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from random_students import EXTREMES, FAMILIES, TABLES, TASKS, fitted_students, make_student
from sklearn.exceptions import NotFittedError

from skdistill.exceptions import ExportError, ParityError
from skdistill.export import to_c
from skdistill.export._c.build import Scorer, build, load
from skdistill.export._c.draft import Draft
from skdistill.export._c.rows import RowReader
from skdistill.export._c.tables import Tables
from skdistill.export._c.text import encode, identifier, in_comment
from skdistill.export._lowering import lower
from skdistill.export._parity import check_parity
from skdistill.export._probes import probe_rows
from skdistill.students import (
    AdditiveStudentRegressor,
    LinearStudentClassifier,
    LinearStudentRegressor,
    TreeStudentClassifier,
    TreeStudentRegressor,
)

pytestmark = needs_compiler

# The folder of compiled students.
FOLDERS: dict[str, Path] = {}

fast = settings(max_examples=20, deadline=None)


def all_students() -> list[tuple[str, int, str]]:
    """Every family with every task, on the tables in turn."""
    pairs = [(family, task) for family in FAMILIES for task in TASKS]
    return [(f, t, TABLES[(i + i // 3) % len(TABLES)]) for i, (f, t) in enumerate(pairs)]


@functools.cache
def scorer_of(student: Any, folder: Path) -> tuple[Scorer, RowReader]:
    """Compile a student once in a session."""
    draft = Draft(student, None, "student", "student.h")
    folder = folder / str(id(student))
    folder.mkdir()
    build({"student.c": draft.code.text, "student.h": draft.header()}, folder, folder / "lib")
    n_classes = len(student.classes_) if hasattr(student, "classes_") else None
    return Scorer(load(folder / "lib"), "student", n_classes), draft.reader


def symbols(source: Path) -> list[tuple[int, str, str]]:
    """Return size, type and name of what a compiled source defines."""
    compile_files([source], source.with_suffix(".o"), "-c", "-O0")
    told = subprocess.run(
        ["nm", "-S", "--defined-only", source.with_suffix(".o")],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    lines = [line.split() for line in told.splitlines()]
    return [(int(line[1], 16), line[2], line[3]) for line in lines if len(line) == 4]


# What is predicted.


@pytest.mark.parametrize(("family", "n_classes", "table"), all_students())
def test_sanitized_program_predicts_what_the_student_does(
    tmp_path: Path, family: str, n_classes: int, table: str
) -> None:
    student = make_student(family, n_classes, table)
    report = to_c(student, tmp_path / "model.c")
    rows = probe_rows(lower(student))[::3]
    coded = Draft(student, None, "model", "model.h").reader.read(rows)
    told = run_program(report.source, coded, classifier=n_classes > 0, single=False)
    outputs = told[:, :-1] if n_classes else told[:, 0]
    check_parity(student, rows, outputs, tolerance=1e-12, target="C")
    if n_classes:
        np.testing.assert_array_equal(told[:, -1], outputs.argmax(axis=1))
    assert report.max_difference is not None
    assert report.max_difference < 1e-9
    assert report.same_labels in ((1.0,) if n_classes else (None,))


@fast
@given(
    student=fitted_students(), seed=st.integers(0, 9999), values=st.lists(st.sampled_from(EXTREMES))
)
def test_no_row_is_predicted_otherwise(
    tmp_path_factory: pytest.TempPathFactory, student: Any, seed: int, values: list[float]
) -> None:
    scorer, reader = scorer_of(student, FOLDERS.setdefault("c", tmp_path_factory.mktemp("c")))
    form, rng = lower(student), np.random.default_rng(seed)
    rows = probe_rows(form, random_state=seed)
    numbers = [j for j, column in enumerate(form.inputs) if column.levels is None]
    extreme = rows[rng.integers(len(rows), size=len(values))]
    for row, value in zip(extreme, values, strict=True):
        row[rng.choice(numbers)] = value
    rows = np.concatenate([rows, extreme])
    with np.errstate(all="ignore"):
        check_parity(student, rows, scorer.outputs(reader.read(rows)), tolerance=1e-12, target="C")


@pytest.mark.parametrize(
    ("family", "n_classes", "table"),
    # Values of some hundreds that cancel out need more digits than there are.
    [case for case in all_students()[::2] if case[:2] != ("linear", 0)],
)
def test_float32_form(tmp_path: Path, family: str, n_classes: int, table: str) -> None:
    student = make_student(family, n_classes, table, seed=1)
    report = to_c(student, tmp_path / "model.c", dtype="float32")
    assert report.table_bytes < report.plain_bytes
    rows = probe_rows(lower(student), single=True)[::5]
    coded = Draft(student, None, "model", "model.h", single=True).reader.read(rows)
    told = run_program(report.source, coded, classifier=n_classes > 0, single=True)
    outputs = told[:, :-1] if n_classes else told[:, 0]
    check_parity(student, rows, outputs, tolerance=1e-5, target="C")
    assert "double" not in report.source.read_text()


def test_codes_that_no_level_has_are_safe_and_never_seen(tmp_path: Path) -> None:
    X = pd.DataFrame({"c": ["a", "b", "c", None] * 25, "x": np.arange(100.0)})
    y = (X["c"] == "b") | (X["x"] > 70)
    student = AdditiveStudentRegressor().fit(X, y.astype(float))
    source = to_c(student, tmp_path / "model.c").source
    weird = [-1.0, 0.5, 3.0, 4.0, 300.0, -1e300, 1e300, np.inf, -np.inf]
    rows = np.array([[code, 10.0] for code in weird] + [[1.0, 10.0], [np.nan, 10.0]])
    told = run_program(source, rows, classifier=False, single=False)[:, 0]
    frame = pd.DataFrame({"c": ["new", "b", None], "x": 10.0})
    unseen, level, missing = student.predict(frame)
    np.testing.assert_allclose(told, [unseen] * len(weird) + [level, missing], rtol=1e-12)


@pytest.mark.parametrize("family", ["tree", "linear", "additive", "mlp"])
def test_infinite_numbers_are_safe(tmp_path: Path, family: str) -> None:
    student = make_student(family, 2, "numbers")
    source = to_c(student, tmp_path / "model.c").source
    rows = np.array([[np.inf] * 4, [-np.inf] * 4, [np.inf, -np.inf, 0.0, np.nan]])
    told = run_program(source, rows, classifier=True, single=False)
    assert set(told[:, -1]) <= {0.0, 1.0}


def test_one_leaf_and_no_feature(tmp_path: Path) -> None:
    X = np.zeros((40, 2))
    tree = TreeStudentRegressor().fit(X, np.full(40, 2.5))
    linear = LinearStudentClassifier().fit(X, [0, 1] * 20)
    for student, expected in ((tree, [2.5]), (linear, [0.5, 0.5, 0.0])):
        source = to_c(student, tmp_path / "model.c").source
        told = run_program(source, np.ones((1, 2)), classifier=len(expected) > 1, single=False)
        np.testing.assert_allclose(told, [expected], atol=1e-9)


# Names and texts.


def test_nasty_names_stay_names(tmp_path: Path) -> None:
    student = make_student("additive", 2, "frame")
    report = to_c(student, tmp_path / "bad name, int.c")
    header = report.header.read_text(encoding="utf-8")
    comment, code = header.split("*/", 1)
    assert "exit" in comment
    assert "exit" not in code
    assert "bad_name_int_predict_proba" in code
    compile_files([report.source], tmp_path / "model.o", "-c", "-Wtrigraphs", "-Wcomment")


@pytest.mark.skipif(shutil.which("g++") is None, reason="there is no C++ compiler")
def test_header_is_cpp(tmp_path: Path) -> None:
    report = to_c(make_student("tree", 3, "frame"), tmp_path / "model.c")
    compile_files([report.source], tmp_path / "model.o", "-c")
    main = '#include "model.h"\nint main() { return model_class_name(0) == nullptr; }\n'
    (tmp_path / "main.cpp").write_text(main)
    command = ["g++", "-Wall", "-Werror", "-o", "program", "main.cpp", "model.o", "-lm"]
    subprocess.run(command, cwd=tmp_path, check=True)
    subprocess.run([tmp_path / "program"], check=True)


@given(st.text(), st.text())
def test_texts_keep_their_difference(a: str, b: str) -> None:
    assert (encode(a) == encode(b)) == (a == b)
    assert b"\0" not in encode(a)


@given(st.text(alphabet=st.characters(exclude_categories=[])))
def test_comments_cannot_be_left(text: str) -> None:
    shown = in_comment(text + "*/ ??/\n /* \u2028 \\")
    shown.encode()  # no lone surrogates
    assert "*" not in shown
    assert "?" not in shown
    assert len(shown.splitlines()) == 1
    assert not shown.endswith("\\")


@given(st.text())
def test_prefixes_are_identifiers(stem: str) -> None:
    assert re.fullmatch("[A-Za-z][A-Za-z0-9]*(_[A-Za-z0-9]+)*", identifier(stem))


def test_levels_of_one_text_are_refused(tmp_path: Path) -> None:
    X = pd.DataFrame({"size": pd.Series(["5", 5, "other"] * 20, dtype=object)})
    student = LinearStudentRegressor().fit(X, [0.0, 1.0, 2.0] * 20)
    with pytest.raises(ExportError, match="'size' has the levels '5' and 5"):
        to_c(student, tmp_path / "model.c")


# Float rows.


def test_timestamps_are_refused_by_float32(tmp_path: Path) -> None:
    seconds = 1.7e9 + np.arange(200.0)
    X = np.column_stack([np.zeros(200), seconds])
    student = TreeStudentRegressor(max_leaf_nodes=8).fit(X, np.sin(np.arange(200) / 20.0))
    with pytest.raises(ExportError, match="feature 'x1' apart: its thresholds"):
        to_c(student, tmp_path / "model.c", dtype="float32")
    assert list(tmp_path.iterdir()) == []
    stump = TreeStudentRegressor(max_leaf_nodes=2).fit(X, np.arange(200) > 100)
    to_c(stump, tmp_path / "model.c", dtype="float32")
    with pytest.raises(ExportError, match=r"'x1' apart: of 200 given rows .*float64"):
        to_c(stump, tmp_path / "other.c", dtype="float32", X=X)
    to_c(stump, tmp_path / "model.c", X=X)


def test_numbers_that_are_levels_are_told_apart_in_float32(tmp_path: Path) -> None:
    X = pd.DataFrame({"code": pd.Categorical([1, 5, 7] * 30)})
    student = TreeStudentRegressor().fit(X, [0.0, 1.0, 0.3] * 30)
    report = to_c(student, tmp_path / "model.c", dtype="float32", X=X)
    rows = np.array([[1.0], [5.0], [7.0]])
    told = run_program(report.source, rows, classifier=False, single=True)[:, 0]
    np.testing.assert_allclose(told, student.predict(X.iloc[:3]), atol=1e-6)
    X["code"] = pd.Categorical([2.0**24, 2.0**24 + 1, 7] * 30)
    student = TreeStudentRegressor().fit(X, [0.0, 1.0, 0.3] * 30)
    with pytest.raises(ExportError, match="'code' apart"):
        to_c(student, tmp_path / "model.c", dtype="float32")


# Memory.


@pytest.mark.skipif(shutil.which("nm") is None, reason="nm tells the sizes")
@pytest.mark.parametrize(("family", "n_classes", "table"), all_students())
def test_table_bytes_are_what_the_compiler_makes(
    tmp_path: Path, family: str, n_classes: int, table: str
) -> None:
    student = make_student(family, n_classes, table)
    dtype = "float32" if n_classes == 2 else "float64"
    report = to_c(student, tmp_path / "model.c", dtype=dtype, check=False)
    found = symbols(report.source)
    assert sum(size for size, kind, _ in found if kind == "r") == report.table_bytes
    assert {kind for _, kind, _ in found} <= {"r", "t", "T"}  # nothing that can be written to
    assert all(name.startswith("model_") for _, kind, name in found if kind == "T")
    assert f"{report.table_bytes} bytes of read-only tables" in report.header.read_text()


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("family", FAMILIES)
def test_stack_bytes_are_enough(tmp_path: Path, family: str, dtype: str) -> None:
    student = make_student(family, 3, "frame")
    report = to_c(student, tmp_path / "model.c", dtype=dtype, check=False)
    if "Free Software Foundation" not in compiler_name():
        pytest.skip("only gcc tells the stack")
    for level in ("-O1", "-O3"):
        compile_files([report.source], tmp_path / "model.o", "-c", level, "-fstack-usage")
        lines = (tmp_path / "model.su").read_text().splitlines()
        # No more than all functions at once, each with a return address.
        used = sum(int(line.split("\t")[1]) + 8 for line in lines)
        assert used <= report.stack_bytes
    assert report.stack_bytes < 2000


# What goes wrong.


@pytest.mark.parametrize(("dtype", "change"), [("float64", 1e-9), ("float32", 1e-3)])
def test_changed_table_is_caught(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, dtype: str, change: float
) -> None:
    reals = Tables.reals

    def changed(self: Tables, name: str, values: np.ndarray, **options: Any) -> None:
        values = np.array(values, dtype=np.float64)
        values.flat[-1] += change * (name == "leaf_values")
        reals(self, name, values, **options)

    monkeypatch.setattr(Tables, "reals", changed)
    with pytest.raises(ParityError, match="C form differ") as caught:
        to_c(make_student("boosting", 2, "missing"), tmp_path / "model.c", dtype=dtype)
    assert ("use dtype='float64'" in str(caught.value)) == (dtype == "float32")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["level_texts", "class_texts"])
def test_changed_text_is_caught(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    characters = Tables.characters

    def changed(self: Tables, table: str, texts: Any, **options: Any) -> None:
        texts = [b"?" * len(text) if table == name else text for text in texts]
        characters(self, table, texts, **options)

    monkeypatch.setattr(Tables, "characters", changed)
    with pytest.raises(ParityError, match=r"levels of feature|the classes"):
        to_c(make_student("tree", 2, "frame"), tmp_path / "model.c")
    assert list(tmp_path.iterdir()) == []


def test_without_compiler(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    student = make_student("tree", 2, "numbers")
    monkeypatch.delenv("CC", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ExportError, match=r"no C compiler .* check=False"):
        to_c(student, tmp_path / "model.c")
    report = to_c(student, tmp_path / "model.c", check=False)
    assert report.max_difference is None
    assert "not compared" in report.header.read_text()
    monkeypatch.setenv("CC", "strange-cc -m32")
    with pytest.raises(ExportError, match="'strange-cc'"):
        to_c(student, tmp_path / "model.c")


def test_failing_compiler(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CC", f"{find_compiler()} --no-such-option")
    with pytest.raises(ExportError, match="no-such-option"):
        to_c(make_student("tree", 2, "numbers"), tmp_path / "model.c")


def test_fast_math_is_refused(tmp_path: Path) -> None:
    report = to_c(make_student("tree", 2, "numbers"), tmp_path / "model.c")
    with pytest.raises(AssertionError, match="without -ffast-math"):
        compile_files([report.source], tmp_path / "model.o", "-c", "-ffast-math")


@pytest.mark.parametrize("name", ["model", "model.h", 'a"b.c', "new\nline.c", "back\\slash.c"])
def test_wrong_paths(tmp_path: Path, name: str) -> None:
    with pytest.raises(ValueError, match=r"path must end in \.c"):
        to_c(make_student("tree", 2, "numbers"), tmp_path / name)


@pytest.mark.parametrize("stem", ["math", "stdint"])
def test_headers_of_the_library_are_not_hidden(tmp_path: Path, stem: str) -> None:
    with pytest.raises(ValueError, match=f"<{stem}.h>"):
        to_c(make_student("tree", 2, "numbers"), tmp_path / f"{stem}.c")


def test_wrong_arguments(tmp_path: Path) -> None:
    student = make_student("tree", 2, "numbers")
    for options in ({"dtype": "float16"}, {"quantize": "int8"}, {"X": np.zeros((3, 9))}):
        with pytest.raises(ValueError, match=next(iter(options))):
            to_c(student, tmp_path / "model.c", **options)
    with pytest.raises(TypeError, match="check"):
        to_c(student, tmp_path / "model.c", check=1)
    with pytest.raises(NotFittedError):
        to_c(TreeStudentClassifier(), tmp_path / "model.c")


def test_same_student_same_files(tmp_path: Path) -> None:
    student = make_student("boosting", 3, "frame")
    texts = []
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        report = to_c(student, tmp_path / folder / "model.c")
        texts.append((report.source.read_bytes(), report.header.read_bytes()))
    assert texts[0] == texts[1]
    assert b"\r" not in texts[0][0]
