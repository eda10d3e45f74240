"""ONNX models compute what students do: in ONNX Runtime, to the last bit of every threshold."""

from __future__ import annotations

import json

import numpy as np
import onnx
import onnxruntime
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from random_students import FAMILIES, make_student, make_table
from sklearn.base import BaseEstimator, RegressorMixin

from skdistill.exceptions import ExportError, ParityError
from skdistill.export import onnx as module
from skdistill.export import to_onnx
from skdistill.export._lowering import lower
from skdistill.export._onnx.graph import Graph
from skdistill.export._onnx.inputs import Columns
from skdistill.export._onnx.single import round_down
from skdistill.export._parity import predict_rows
from skdistill.export._probes import probe_rows
from skdistill.students import (
    AdditiveStudentRegressor,
    BoostingStudentRegressor,
    LinearStudentClassifier,
    LinearStudentRegressor,
    TreeStudentClassifier,
    TreeStudentRegressor,
)

DTYPES = ("float64", "float32")

# What the documentation says; float32 outputs of sums in double precision are rounded once.
AGREEMENT = {"float64": 1e-9, "float32": 1e-5}

# Students that the tests share, each fitted once: family, number of classes, table. Frames with
# this seed have the empty string among their levels, and no half of a surrogate pair.
SEED = 2
CASES = [
    *((family, *case) for family in FAMILIES for case in ((0, "missing"), (2, "frame"))),
    *((family, 3, "frame") for family in ("tree", "linear", "mlp", "boosting")),
    *((family, 3, "missing") for family in ("linear_leaves", "additive")),
]


def run(path, feed):
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    return dict(zip([o.name for o in session.get_outputs()], session.run(None, feed), strict=True))


def feed_rows(student, rows, dtype):
    return Columns(lower(student)).feed(rows, np.dtype(dtype))


def metadata(path):
    return {p.key: json.loads(p.value) for p in onnx.load(path).metadata_props}


@settings(max_examples=30, deadline=None)
@given(case=st.sampled_from(CASES), dtype=st.sampled_from(DTYPES), seed=st.integers(0, 9))
def test_runtime_computes_what_the_student_does(tmp_path_factory, case, dtype, seed):
    student = make_student(*case, SEED)
    path = to_onnx(student, tmp_path_factory.mktemp("m") / "m.onnx", dtype=dtype)
    onnx.checker.check_model(onnx.load(path), full_check=True)
    # Other rows than those of the export's own comparison.
    rows = probe_rows(lower(student), single=dtype == "float32", random_state=seed + 1)
    found = run(path, feed_rows(student, rows, dtype))
    expected = predict_rows(student, rows)
    if expected.ndim == 1:
        assert found["variable"].shape == (len(rows), 1)
        assert found["variable"].dtype == dtype
        scale = np.maximum(1.0, np.abs(expected))
        np.testing.assert_array_less(
            np.abs(found["variable"][:, 0] - expected) / scale, AGREEMENT[dtype]
        )
        return
    assert found["probabilities"].dtype == dtype
    np.testing.assert_allclose(found["probabilities"], expected, rtol=0, atol=AGREEMENT[dtype])
    clear = np.ptp(np.sort(expected, axis=1)[:, -2:], axis=1) > 2 * AGREEMENT[dtype]
    labels = student.classes_[expected.argmax(axis=1)]
    assert list(found["label"][clear]) == list(labels[clear])


@pytest.mark.parametrize("family", FAMILIES)
def test_one_row_at_a_time_and_none(family, tmp_path):
    student = make_student(family, 0, "missing", SEED)
    path = to_onnx(student, tmp_path / "m.onnx")
    X = make_table("missing", SEED)[:20]
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    one = np.concatenate([session.run(["variable"], {"X": X[[i]]})[0] for i in range(20)])
    np.testing.assert_allclose(one[:, 0], student.predict(X), rtol=0, atol=1e-10)
    assert session.run(["variable"], {"X": X[:0]})[0].shape == (0, 1)


@pytest.mark.parametrize("family", FAMILIES)
def test_same_results_in_a_newer_opset(family, tmp_path):
    student = make_student(family, 2, "frame", SEED)
    model = onnx.load(to_onnx(student, tmp_path / "m.onnx"))
    assert {(o.domain, o.version) for o in model.opset_import} == {("", 13), ("ai.onnx.ml", 3)}
    assert model.ir_version == 8
    rows = probe_rows(lower(student))
    feed = feed_rows(student, rows, "float64")
    model.opset_import[0].version = 20
    model.ir_version = 9
    onnx.save(model, tmp_path / "new.onnx")
    found = run(tmp_path / "new.onnx", feed)
    assert np.array_equal(found["probabilities"], run(tmp_path / "m.onnx", feed)["probabilities"])


def test_tree_probabilities_are_those_of_the_leaves_to_the_last_bit(tmp_path):
    student = make_student("tree", 3, "frame", SEED)
    rows = probe_rows(lower(student))
    found = run(to_onnx(student, tmp_path / "m.onnx"), feed_rows(student, rows, "float64"))
    assert np.array_equal(found["probabilities"], predict_rows(student, rows))


def test_an_empty_string_that_is_no_level_counts_as_missing(tmp_path):
    # Strings are all that ONNX has: the documentation says so.
    X = pd.DataFrame({"kind": ["a", "b", None] * 40})
    student = LinearStudentClassifier(alpha=0.1).fit(X, [0, 1, 1] * 40)
    path = to_onnx(student, tmp_path / "m.onnx")
    found = run(path, {"kind": np.array([[""]], dtype=object)})["probabilities"]
    missing, empty = (student.predict_proba(pd.DataFrame({"kind": [v, "a"]})) for v in (None, ""))
    np.testing.assert_allclose(found[0], missing[0], rtol=0, atol=1e-12)
    assert abs(found[0] - empty[0]).max() > 0.01


def test_frame_feeds_by_column(tmp_path):
    rng = np.random.default_rng(0)
    X = pd.DataFrame(
        {
            "age": rng.integers(20, 60, 200).astype(float),
            "home-town": rng.choice(["Bern", "Zürich", None], 200),
            "constant": np.ones(200),
        }
    )
    y = (X["age"] > 40) ^ (X["home-town"] == "Bern")
    student = TreeStudentClassifier(random_state=0).fit(X, y)
    unseen = X.assign(**{"home-town": "half \ud800"})
    path = to_onnx(student, tmp_path / "m.onnx", X=pd.concat([X, unseen]))
    # What the student does not look at is no input.
    feed = {
        "age": X[["age"]].to_numpy(),
        "home_town": X[["home-town"]].fillna("").to_numpy(dtype=object),
    }
    found = run(path, feed)
    assert np.array_equal(found["probabilities"], student.predict_proba(X))
    assert found["label"].dtype == np.int64
    assert np.array_equal(found["label"], student.predict(X).astype(int))
    info = metadata(path)
    assert info["student"] == "TreeStudentClassifier"
    assert info["features"] == list(X.columns)
    assert info["inputs"] == {"age": "age", "home_town": "home-town"}
    assert info["missing"] == {"home_town": ""}


def test_names_become_valid_and_unique(tmp_path):
    rng = np.random.default_rng(0)
    names = ["", "1st", "a b", "a_b", "label", "é", "variable\ud800", "r0", "c1", "X"]
    X = pd.DataFrame(rng.choice(["p", "q"], size=(300, len(names))), columns=names)
    y = (X == "p").to_numpy() @ np.arange(1.0, len(names) + 1.0)
    student = LinearStudentRegressor().fit(X, y)
    path = to_onnx(student, tmp_path / "m.onnx")
    inputs = [i.name for i in onnx.load(path).graph.input]
    expected = "x0 _1st a_b a_b_2 label_2 _ variable_ r0 c1 X"
    assert inputs == expected.split()
    assert metadata(path)["features"] == names
    found = run(path, {i: X.iloc[:, [j]].to_numpy(object) for j, i in enumerate(inputs)})
    np.testing.assert_allclose(found["variable"][:, 0], student.predict(X), rtol=0, atol=1e-12)


def test_empty_string_as_a_level(tmp_path):
    X = pd.DataFrame({"c": ["", "a", "b", None, "<missing>"] * 30})
    y = pd.Series([0.0, 1.0, 2.0, 3.0, 4.0] * 30)
    student = TreeStudentRegressor(max_leaf_nodes=8, min_samples_leaf=1).fit(X, y)
    path = to_onnx(student, tmp_path / "m.onnx")
    marker = metadata(path)["missing"]["c"]
    assert marker == "<missing!>"
    cells = np.array([["", "a", "b", marker, "<missing>"]], dtype=object).T
    assert run(path, {"c": cells})["variable"][:, 0].tolist() == student.predict(X[:5]).tolist()


def test_levels_that_are_numbers_among_strings(tmp_path):
    cells = np.array(["a", 5, 2.5, True, None] * 40, dtype=object)[:, None]
    y = np.array([0.0, 1.0, 2.0, 3.0, 4.0] * 40)
    student = TreeStudentRegressor(max_leaf_nodes=8, min_samples_leaf=1).fit(cells, y)
    path = to_onnx(student, tmp_path / "m.onnx")
    texts = np.array([["a", "5", "2.5", "True", ""]], dtype=object).T
    found = run(path, {"x0": texts})["variable"][:, 0]
    assert found.tolist() == student.predict(cells[:5]).tolist()


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        (["no", "yes"], ["no", "yes"]),
        (['"', "é\n\0"], ['"', "é\n\0"]),
        ([False, True], [0, 1]),
        ([-3, 2**40], [-3, 2**40]),
        ([1.0, 2.0], [1, 2]),
    ],
)
def test_labels(labels, expected, tmp_path):
    X = np.arange(20.0)[:, None]
    y = np.array(labels, dtype=object if isinstance(labels[0], str) else None)[[0, 1] * 10]
    student = TreeStudentClassifier(max_leaf_nodes=20, min_samples_leaf=1).fit(X, y)
    found = run(to_onnx(student, tmp_path / "m.onnx"), {"X": X})
    codes = (student.predict_proba(X)[:, 1] > 0.5).astype(int)
    assert found["label"].tolist() == [expected[code] for code in codes]


@pytest.mark.parametrize("levels", [["1", "a", 1, "b"], ["a\ud800", "b", "c", "d"]])
def test_levels_that_onnx_cannot_tell_apart_are_refused(levels, tmp_path):
    cells = np.array(levels * 40, dtype=object)[:, None]
    student = TreeStudentRegressor(min_samples_leaf=1).fit(cells, np.arange(160.0) % 4)
    with pytest.raises(ExportError, match=r"(?i)feature 'x0'"):
        to_onnx(student, tmp_path / "m.onnx")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("labels", [["a", "b\ud800"], [0, 2**63]])
def test_labels_that_onnx_cannot_hold_are_refused(labels, tmp_path):
    y = np.array(labels * 10, dtype=object if isinstance(labels[0], str) else np.uint64)
    student = TreeStudentClassifier().fit(np.arange(20.0)[:, None], y)
    with pytest.raises(ExportError, match=r"(?i)class label"):
        to_onnx(student, tmp_path / "m.onnx")


@given(st.lists(st.floats(allow_nan=False), min_size=1), st.data())
@settings(max_examples=50, deadline=None)
def test_rounded_thresholds_split_float32_rows_the_same_way(thresholds, data):
    t = np.array(thresholds)
    near = round_down(t)
    value = np.float32(data.draw(st.floats(width=32, allow_nan=False, allow_infinity=False)))
    with np.errstate(over="ignore"):
        tries = np.concatenate(
            [[value], near, np.nextafter(near, np.float32(np.inf)), t.astype(np.float32)]
        )
    tries = tries[np.isfinite(tries)]
    expected = tries.astype(np.float64)[:, None] <= t
    assert np.array_equal(tries[:, None] <= near, expected)


def timestamps():
    rng = np.random.default_rng(0)
    seconds = 1.6e9 + np.sort(rng.integers(0, 4000, size=400)).astype(float)
    return np.column_stack([rng.normal(size=400), seconds])


@pytest.mark.parametrize("family", ["tree", "additive"])
def test_float32_refuses_timestamps_whose_thresholds_are_too_close(family, tmp_path):
    X = pd.DataFrame(timestamps(), columns=["noise", "when"])
    student = TreeStudentRegressor(max_leaf_nodes=64)
    if family == "additive":
        student = AdditiveStudentRegressor(max_bins=64, alpha=1e-3)
    student.fit(X, np.sin(X["when"] / 100.0))
    with pytest.raises(ExportError, match=r"thresholds .* of feature 'when'"):
        to_onnx(student, tmp_path / "m.onnx", dtype="float32")
    assert list(tmp_path.iterdir()) == []
    path = to_onnx(student, tmp_path / "m.onnx", X=X)
    found = run(path, {"X": X.to_numpy()})
    np.testing.assert_allclose(found["variable"][:, 0], student.predict(X), rtol=0, atol=1e-12)


def test_float32_refuses_rows_that_would_go_another_way(tmp_path):
    X = timestamps()
    student = BoostingStudentRegressor(max_total_leaves=2).fit(X, (X[:, 1] > X[200, 1]) * 1.0)
    # One threshold alone is no reason; rows are.
    to_onnx(student, tmp_path / "m.onnx", dtype="float32")
    with pytest.raises(ExportError, match=r"sends \d+ of 400 rows .* feature 'x1'"):
        to_onnx(student, tmp_path / "other.onnx", dtype="float32", X=X)
    assert not (tmp_path / "other.onnx").exists()
    for rows in (X.tolist(), pd.DataFrame(X)):
        with pytest.raises(ExportError, match="feature 'x1'"):
            to_onnx(student, tmp_path / "other.onnx", dtype="float32", X=rows)
    to_onnx(student, tmp_path / "other.onnx", dtype="float32", X=X.astype(np.float32))


def test_single_leaf_and_constant_students(tmp_path):
    X = np.ones((30, 2))
    y = np.arange(30) % 2
    for student in (TreeStudentClassifier(), LinearStudentClassifier(alpha=0.1)):
        student.fit(X, y)
        found = run(to_onnx(student, tmp_path / "m.onnx"), {"X": np.full((3, 2), np.nan)})
        assert found["label"].shape == (3,)
        np.testing.assert_allclose(found["probabilities"], student.predict_proba(X[:3]), atol=1e-15)
    booster = BoostingStudentRegressor().fit(X, np.full(30, 2.5))
    found = run(to_onnx(booster, tmp_path / "m.onnx"), {"X": X[:3]})
    assert found["variable"].tolist() == [[2.5]] * 3


def test_float32_with_rows_of_a_frame(tmp_path):
    student, X = make_student("additive", 2, "frame", SEED), make_table("frame", SEED)
    numeric = X.columns[:4]
    X[numeric] = X[numeric].astype(np.float32)
    assert to_onnx(student, tmp_path / "m.onnx", dtype="float32", X=X).exists()


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("dtype", DTYPES)
def test_same_student_same_bytes(family, dtype, tmp_path):
    student = make_student(family, 2, "frame", SEED)
    first = to_onnx(student, tmp_path / "a.onnx", dtype=dtype).read_bytes()
    assert to_onnx(student, str(tmp_path / "b.onnx"), dtype=dtype).read_bytes() == first


@pytest.mark.parametrize("family", FAMILIES)
def test_nothing_is_written_where_the_model_differs(family, tmp_path, monkeypatch):
    student = make_student(family, 2, "frame", SEED)
    doubles = Graph.doubles

    def wrong(self, values):
        return doubles(self, 1.001 * np.asarray(values, dtype=np.float64))

    monkeypatch.setattr(Graph, "doubles", wrong)
    with pytest.raises(ParityError, match="ONNX"):
        to_onnx(student, tmp_path / "m.onnx")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("family", ["tree", "additive", "boosting", "pruned"])
def test_a_threshold_one_ulp_off_is_found(family, tmp_path, monkeypatch):
    student = make_student(family, 0, "missing", SEED)
    add = Graph.add

    def wrong(self, operator, *inputs, **attributes):
        if operator == "TreeEnsembleRegressor":
            held = onnx.numpy_helper.to_array(attributes["nodes_values_as_tensor"])
            moved = onnx.numpy_helper.from_array(np.nextafter(held, np.inf))
            attributes["nodes_values_as_tensor"] = moved
        return add(self, operator, *inputs, **attributes)

    monkeypatch.setattr(Graph, "add", wrong)
    with pytest.raises(ParityError, match="ONNX"):
        to_onnx(student, tmp_path / "m.onnx")


def test_distilled_estimators_are_unwrapped(tmp_path):
    class Distilled(RegressorMixin, BaseEstimator):
        def fit(self):
            self.student_ = make_student("tree", 0, "missing", SEED)
            return self

    distilled = Distilled().fit()
    expected = to_onnx(distilled.student_, tmp_path / "a.onnx").read_bytes()
    assert to_onnx(distilled, tmp_path / "b.onnx").read_bytes() == expected


def test_arguments(tmp_path, monkeypatch):
    student = make_student("tree", 0, "missing", SEED)
    with pytest.raises(ValueError, match="dtype must be one of"):
        to_onnx(student, tmp_path / "m.onnx", dtype="float16")

    def missing(name, *, extra, purpose):
        raise ImportError(f"{purpose} needs {name}: {extra}")

    monkeypatch.setattr(module, "import_optional", missing)
    with pytest.raises(ImportError, match="Export to ONNX needs onnxruntime: onnx"):
        to_onnx(student, tmp_path / "m.onnx")
