"""The Python form predicts what the student does, alone and whatever it is given."""

from __future__ import annotations

import ast
import copy
import json
import math
import runpy
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from form_evaluator import evaluate_rows
from hypothesis import given, settings
from hypothesis import strategies as st
from python_module import run
from random_students import EXTREMES, FAMILIES, TABLES, TASKS, make_student, make_table

from skdistill.export import python, to_python
from skdistill.export._form import Number
from skdistill.export._lowering import lower
from skdistill.export._parity import check_parity, predict_rows
from skdistill.export._probes import probe_rows
from skdistill.students import LinearStudentClassifier, TreeStudentClassifier, TreeStudentRegressor


def make_module(*args):
    return run(python.write_source(lower(make_student(*args))))


def numbers(form, j):
    """Ordinary numbers of a column in many types, and the edges where the student changes."""
    column = np.unique(probe_rows(form)[:, j].astype(float)).tolist()
    return st.one_of(
        st.sampled_from(column),  # with NaN
        st.floats(-10, 10),
        st.integers(-5, 5),
        st.booleans(),
        st.sampled_from([None, math.nan]),
        st.floats(-10, 10, width=32).map(np.float32),
        st.integers(-5, 5).map(np.int64),
        st.floats(-10, 10).map(np.float64),
        st.booleans().map(np.bool_),
    )


def rows_of(form):
    cells = []
    for j, column in enumerate(form.inputs):
        if column.levels is None:
            cells.append(numbers(form, j))
        else:
            known = st.sampled_from([*column.levels, None, math.nan, np.str_(column.levels[0]), 3])
            cells.append(known | st.text(max_size=3))
    return st.tuples(*cells)


class TestParity:
    @pytest.mark.parametrize("table", TABLES)
    @pytest.mark.parametrize("n_classes", TASKS)
    @pytest.mark.parametrize("family", FAMILIES)
    def test_every_family(self, family, n_classes, table, tmp_path):
        student = make_student(family, n_classes, table)
        path = to_python(student, tmp_path / "student.py", X=make_table(table, 1))
        module = runpy.run_path(str(path))
        X = make_table(table)
        rows = probe_rows(lower(student), X)[: len(X)].tolist()
        # Label by label, as the student's own predict.
        expected = student.predict(X)
        predicted = module["predict_batch"](rows)
        if n_classes:
            assert predicted == expected.tolist()
            assert module["CLASSES"] == tuple(student.classes_.tolist())
            proba = module["predict_proba_batch"](rows)
            np.testing.assert_allclose(proba, student.predict_proba(X), rtol=0, atol=1e-12)
        else:
            np.testing.assert_allclose(predicted, expected, rtol=1e-12, atol=1e-12)
            assert "predict_proba" not in module
            assert "CLASSES" not in module

    @pytest.mark.parametrize("value", [1e308, -1e308])
    @pytest.mark.parametrize("n_classes", [2, 3])
    def test_infinite_scores_are_certain_ones(self, n_classes, value):
        student = copy.copy(make_student("linear", n_classes, "numbers"))
        student.coef_ = 10.0 * student.coef_
        proba = run(python.write_source(lower(student)))["predict_proba"]
        for column in range(student.n_features_in_):
            row = np.ones(student.n_features_in_)
            row[column] = value
            expected = student.predict_proba(row[None])[0]
            assert np.isfinite(expected).all()
            np.testing.assert_allclose(proba(row.tolist()), expected, rtol=0, atol=1e-12)

    @given(st.data())
    @settings(max_examples=60, deadline=None)
    def test_adversarial_rows(self, data):
        args = [data.draw(st.sampled_from(c)) for c in (FAMILIES, TASKS, TABLES, (0, 1))]
        student = make_student(*args)
        form = lower(student)
        module = run(python.write_source(form))
        rows = [list(row) for row in data.draw(st.lists(rows_of(form), min_size=1, max_size=10))]
        numeric = [j for j, column in enumerate(form.inputs) if column.levels is None]
        for row in rows:  # one extreme in a row: two could cancel
            if data.draw(st.booleans()):
                row[data.draw(st.sampled_from(numeric))] = data.draw(st.sampled_from(EXTREMES))
        table = np.empty((len(rows), len(form.inputs)), dtype=object)
        for i, row in enumerate(rows):
            for j, value in enumerate(row):
                table[i, j] = value
        with np.errstate(all="ignore"):
            expected = predict_rows(student, table)
        finite = np.isfinite(expected.reshape(len(rows), -1)).all(axis=1)
        name = "predict" if form.classes is None else "predict_proba"
        names = [column.name for column in form.inputs]
        for i in np.flatnonzero(finite):
            kinds = (rows[i], tuple(rows[i]), dict(zip(names, rows[i], strict=True)))
            with np.errstate(over="ignore"):  # of 1e308 and a float32 of NumPy
                first, *others = (module[name](row) for row in kinds)
            check_parity(student, table[[i]], [first], tolerance=1e-12, target="Python")
            assert others == [first, first]

    @pytest.mark.parametrize("threshold", [2.0**53, 2.0**60 + 2**10, -(2.0**53), -(2.0**62), 1e300])
    def test_large_integers_are_rounded_as_the_student_rounds_them(self, threshold):
        X = np.array([[threshold], [np.nextafter(threshold, np.inf)]]).repeat(20, axis=0)
        student = TreeStudentClassifier(max_leaf_nodes=2).fit(X, np.repeat([0, 1], 20))
        form = lower(student)
        exact = replace(form.scorer, threshold=np.array([threshold]))
        module = run(python.write_source(replace(form, scorer=exact)))
        start, step = int(threshold), int(np.nextafter(threshold, np.inf)) - int(threshold)
        near = {start + step * k // 4 + d for k in range(-4, 9) for d in (-1, 0, 1)}
        for x in near:
            assert module["predict"]([x]) == module["predict"]([float(x)])
            assert module["predict"]([float(x)]) == (float(x) > threshold)

    @pytest.mark.parametrize("depth", [24, 25, 150, 3000])
    def test_a_deep_tree_is_split_into_functions(self, depth):
        """Python nests no more than 100 blocks: here each split has the next one on its right."""
        form = lower(make_student("tree", 0, "numbers"))
        node = np.arange(depth, dtype=np.int32)
        chain = replace(
            form.scorer,
            features=(Number(1),),
            feature=np.zeros(depth, dtype=np.int32),
            threshold=node.astype(float),
            left=~node,
            right=np.append(node[1:], ~depth),
            missing_left=node == depth - 1,
            value=np.arange(depth + 1.0)[:, None],
        )
        columns = [replace(column, used=j == 1) for j, column in enumerate(form.inputs)]
        form = replace(form, inputs=tuple(columns), scorer=chain)
        source = python.write_source(form)
        assert ("def _branch_" in source) == (depth > 24)
        rows = probe_rows(form)
        rows = np.concatenate([rows[:: len(rows) // 30], rows[-30:]])
        assert np.array_equal(python.run_source(source, rows), evaluate_rows(form, rows))

    def test_many_inputs(self, tmp_path):
        rng = np.random.default_rng(0)
        X = rng.normal(size=(100, 300))
        y = (X[:, :50].sum(axis=1) > 0).astype(int)
        to_python(LinearStudentClassifier(alpha=1.0).fit(X, y), tmp_path / "wide.py")
        leaves = TreeStudentRegressor(max_leaf_nodes=2, leaf="linear").fit(X[:, :60], X[:, 0])
        to_python(leaves, tmp_path / "wide.py")


class TestAlone:
    def test_modules_run_without_any_library(self, tmp_path):
        """In an interpreter without site-packages, and without NumPy in particular."""
        expected, rows = {}, {}
        for family in FAMILIES:
            student = make_student(family, 3, "frame")
            to_python(student, tmp_path / f"{family}.py")
            probes = probe_rows(lower(student), make_table("frame"))[:40]
            expected[family] = predict_rows(student, probes).tolist()
            rows[family] = probes.tolist()
        (tmp_path / "rows.json").write_text(json.dumps(rows))
        code = """
import json, sys
sys.path.insert(0, ".")
rows = json.load(open("rows.json"))
print(json.dumps({name: __import__(name).predict_proba_batch(rows[name]) for name in rows}))
assert "numpy" not in sys.modules
"""
        done = subprocess.run(
            [sys.executable, "-I", "-S", "-W", "error", "-c", code],
            cwd=tmp_path,
            check=True,
            capture_output=True,
        )
        for family, proba in json.loads(done.stdout).items():
            np.testing.assert_allclose(proba, expected[family], rtol=0, atol=1e-12)

    @pytest.mark.parametrize("n_classes", TASKS)
    @pytest.mark.parametrize("family", FAMILIES)
    def test_source_is_plain(self, family, n_classes):
        source = python.write_source(lower(make_student(family, n_classes, "frame")))
        tree = ast.parse(source, feature_version=(3, 8))
        imported = [n.module for n in ast.walk(tree) if isinstance(n, ast.ImportFrom)]
        assert set(imported) <= {"bisect", "math", "operator"}
        names = {n.name for n in ast.walk(tree) if isinstance(n, ast.alias)}
        used = {n.id for n in ast.walk(tree) if isinstance(n, ast.Name)}
        assert names <= used
        assert source == python.write_source(lower(make_student(family, n_classes, "frame")))
        assert not any(line != line.rstrip() for line in source.split("\n"))

    def test_who_wrote_it(self, tmp_path):
        source = to_python(make_student("tree", 2, "frame"), tmp_path / "a.py").read_text("utf-8")
        assert "TreeStudentClassifier" in ast.get_docstring(ast.parse(source))
