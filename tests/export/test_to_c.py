"""The C form: what students predict, clean under every warning and sanitizer."""

from __future__ import annotations

import functools
import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from c_programs import (
    all_students,
    find_compiler,
    needs_compiler,
    run_program,
)
from form_evaluator import evaluate_rows
from hypothesis import given, settings
from hypothesis import strategies as st
from random_students import EXTREMES, fitted_students, make_student
from sklearn.exceptions import NotFittedError

from skdistill.exceptions import ExportError, ParityError
from skdistill.export import to_c
from skdistill.export._c.build import Scorer, build, load
from skdistill.export._c.draft import Draft
from skdistill.export._c.header import write_header
from skdistill.export._c.rows import RowReader
from skdistill.export._c.source import write_source
from skdistill.export._c.tables import Tables, number
from skdistill.export._form import Axis, Form, Input, Slope, Sum, Table
from skdistill.export._lowering import lower
from skdistill.export._parity import check_parity
from skdistill.export._probes import probe_rows
from skdistill.students import (
    AdditiveStudentRegressor,
    LinearStudentClassifier,
    TreeStudentClassifier,
    TreeStudentRegressor,
)

pytestmark = needs_compiler

# The folder of compiled students.
FOLDERS: dict[str, Path] = {}

fast = settings(max_examples=20, deadline=None)


@functools.cache
def scorer_of(student: Any, folder: Path) -> tuple[Scorer, RowReader]:
    """Compile a student once in a session."""
    draft = Draft(student, None, "student", "student.h")
    folder = folder / str(id(student))
    folder.mkdir()
    build({"student.c": draft.code.text, "student.h": draft.header()}, folder, folder / "lib")
    n_classes = len(student.classes_) if hasattr(student, "classes_") else None
    library = load(folder / "lib")
    return Scorer(library, "student", student.n_features_in_, n_classes), draft.reader


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


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_infinite_scores_are_certain(tmp_path: Path, dtype: Any) -> None:
    single, largest = dtype is np.float32, float(np.finfo(dtype).max)
    slope = Slope(0, np.array([2.0, -3.0, 0.1, 1.0]), np.zeros(4))
    form = Form("Sum", (Input("x"),), tuple("abcd"), Sum(np.zeros(4), (slope,), ()), "logits")
    source, header = tmp_path / "sum.c", tmp_path / "sum.h"
    source.write_text(write_source(form, "sum", "sum.h", single=single).text)
    header.write_text(write_header(form, "sum", single=single, costs=(), version=""))
    rows = np.array([[largest], [-largest]])
    told = run_program(source, rows, classifier=True, single=single)
    # Very large and infinite scores are one, as in students.
    np.testing.assert_array_equal(told, [[0.5, 0.0, 0.0, 0.5, 0.0], [0.0, 1.0, 0.0, 0.0, 1.0]])


@pytest.mark.parametrize("pairs", [False, True])
@pytest.mark.parametrize("n_classes", [0, 3])
def test_any_number_of_cuts_is_searched(tmp_path: Path, pairs: bool, n_classes: int) -> None:
    form = random_tables(n_cuts=[*range(20), 31, 32, 33, 300], pairs=pairs, n_classes=n_classes)
    files = {
        "sum.c": write_source(form, "sum", "sum.h", texts=False).text,
        "sum.h": write_header(form, "sum", single=False, costs=(), version=""),
    }
    build(files, tmp_path, tmp_path / "library")
    scorer = Scorer(load(tmp_path / "library"), "sum", len(form.inputs), n_classes or None)
    rows = probe_rows(form)
    np.testing.assert_allclose(
        scorer.outputs(rows.astype(float)), evaluate_rows(form, rows), rtol=1e-12, atol=1e-12
    )


def random_tables(*, n_cuts: list[int], pairs: bool, n_classes: int) -> Form:
    """Make a sum of tables of numbers, with pairs of coarser cuts and of cuts of their own."""
    rng = np.random.default_rng(0)

    def table(*axes: Axis) -> Table:
        return Table(axes, rng.normal(size=(*(a.rows.max() + 1 for a in axes), n_classes or 1)))

    def axis(j: int, cuts: np.ndarray) -> Axis:
        return Axis(j, cuts, rng.permutation(len(cuts) + 2))

    all_cuts = [np.sort(rng.normal(size=n)) for n in n_cuts]
    tables = [table(axis(j, cuts)) for j, cuts in enumerate(all_cuts)]
    if pairs:
        for j, cuts in enumerate(all_cuts[:-1]):
            others = (cuts[::3], cuts[1::2], np.sort(rng.normal(size=3)))
            tables += [table(axis(j, c), axis(j + 1, all_cuts[j + 1][::4])) for c in others]
    inputs = tuple(Input(f"x{j}") for j in range(len(n_cuts)))
    scorer = Sum(rng.normal(size=n_classes or 1), (), tuple(tables))
    classes = tuple(range(n_classes)) or None
    return Form("Sum", inputs, classes, scorer, "logits" if n_classes else "identity")


def test_one_leaf_and_no_feature(tmp_path: Path) -> None:
    X = np.zeros((40, 2))
    tree = TreeStudentRegressor().fit(X, np.full(40, 2.5))
    linear = LinearStudentClassifier().fit(X, [0, 1] * 20)
    for student, expected in ((tree, [2.5]), (linear, [0.5, 0.5, 0.0])):
        source = to_c(student, tmp_path / "model.c").source
        told = run_program(source, np.ones((1, 2)), classifier=len(expected) > 1, single=False)
        np.testing.assert_allclose(told, [expected], atol=1e-9)


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


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_print_options_change_nothing(tmp_path: Path, dtype: str) -> None:
    student = make_student("additive", 3, "frame")
    texts = []
    for legacy in (False, "1.13"):
        with np.printoptions(legacy=legacy, precision=3):
            texts.append(to_c(student, tmp_path / "model.c", dtype=dtype).source.read_text())
    assert texts[0] == texts[1]


@given(st.floats(width=32, allow_nan=False, allow_infinity=False))
def test_numbers_are_written_with_all_digits(value: float) -> None:
    for dtype in (np.float64, np.float32):
        text = number(dtype(value))
        assert re.fullmatch(r"-?\d+(\.\d+)?(e[+-]\d+)?f?", text)
        assert dtype(text.rstrip("f")) == dtype(value)


def test_header_tells_what_to_mind(tmp_path: Path) -> None:
    header = to_c(make_student("tree", 2, "frame"), tmp_path / "model.c").header.read_text()
    told = " ".join(header.replace(" * ", " ").split())
    for expected in ("must not overlap", "flushed", "(AVR)", "-1 for all others"):
        assert expected in told


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
