"""What is loaded is what was saved: class, parameters, predictions to the last bit."""

from __future__ import annotations

import pickle
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.datasets import load_iris
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from small_students import (
    CASES,
    FAMILIES,
    fitted,
    make_table,
    make_target,
    other_rows,
    predictions,
    sparse_students,
)

import skdistill
from skdistill import DistilledClassifier, DistilledRegressor, load, save
from skdistill.export._lowering import lower
from skdistill.students import LinearStudentClassifier, TreeStudentClassifier, TreeStudentRegressor


def through_file(student, tmp_path):
    save(student, tmp_path / "student.skd")
    return load(tmp_path / "student.skd")


def assert_same_attributes(one, other):
    """Compare everything that was fitted, to the type."""
    assert type(one) is type(other)
    if isinstance(one, np.ndarray):
        assert one.dtype.kind == other.dtype.kind
        if one.dtype.kind == "f":
            assert one.dtype == other.dtype
        np.testing.assert_array_equal(one, other)
    elif isinstance(one, list | tuple):
        assert len(one) == len(other)
        for a, b in zip(one, other, strict=True):
            assert_same_attributes(a, b)
    elif isinstance(one, dict):
        assert list(map(repr, one)) == list(map(repr, other))
        assert_same_attributes(list(one.values()), list(other.values()))
    elif type(one).__module__.startswith("skdistill"):
        # What is prepared for prediction is not stored, by pickle neither.
        state, loaded = (pickle.loads(pickle.dumps(x)) for x in (one, other))
        assert vars(state).keys() == vars(loaded).keys()
        for name, value in vars(state).items():
            assert_same_attributes(value, vars(loaded)[name])
    else:
        assert repr(one) == repr(other)


@pytest.mark.parametrize(("family", "task", "table"), CASES)
def test_a_loaded_student_is_the_one_that_was_saved(family, task, table, tmp_path):
    student = fitted(family, task, table)
    loaded = through_file(student, tmp_path)
    assert_same_attributes(student, loaded)
    for X in (make_table(table), other_rows(table)):
        for rows in (X, X[:1]):
            np.testing.assert_array_equal(predictions(loaded, rows), predictions(student, rows))
            labels = student.predict(rows)
            np.testing.assert_array_equal(loaded.predict(rows), labels)
            assert loaded.predict(rows).dtype == labels.dtype


@pytest.mark.parametrize(("family", "task", "table"), CASES)
def test_files_are_smaller_than_pickles_and_always_the_same(family, task, table, tmp_path):
    student = fitted(family, task, table)
    paths = [tmp_path / name for name in ("a.skd", "b.skd", "c.skd")]
    save(student, paths[0])
    save(pickle.loads(pickle.dumps(student)), paths[1])
    save(load(paths[0]), paths[2])
    first, second, third = (path.read_bytes() for path in paths)
    assert first == second == third
    assert len(first) <= student.nbytes_


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("task", ["three", "value"])
def test_a_loaded_student_can_be_cloned_fitted_again_and_exported(family, task, tmp_path):
    student = fitted(family, task, "mixed")
    loaded = through_file(student, tmp_path)
    assert lower(loaded).inputs == lower(student).inputs
    X = make_table("mixed")
    again = clone(loaded).fit(X, make_target(task, X))
    np.testing.assert_array_equal(predictions(again, X), predictions(student, X))


@pytest.mark.parametrize("family", FAMILIES)
def test_students_that_learned_nothing(family, tmp_path):
    X = make_table("mixed")
    student = clone(fitted(family, "value", "mixed")).fit(X, np.full(len(X), 2.5))
    loaded = through_file(student, tmp_path)
    assert_same_attributes(student, loaded)
    np.testing.assert_array_equal(loaded.predict(X), student.predict(X))


def test_sparse_students(tmp_path):
    for student, X in sparse_students():
        loaded = through_file(student, tmp_path)
        assert_same_attributes(student, loaded)
        for rows in (X, X.toarray()):
            np.testing.assert_array_equal(predictions(loaded, rows), predictions(student, rows))


@pytest.mark.parametrize("distiller", [DistilledClassifier, DistilledRegressor])
def test_of_a_distilled_estimator_the_student_is_saved(distiller, tmp_path):
    X, y = load_iris(return_X_y=True)
    teacher = LogisticRegression(max_iter=500) if distiller is DistilledClassifier else Ridge()
    distilled = distiller(teacher, search_budget=0, augment=None, random_state=0).fit(X, y)
    loaded = through_file(distilled, tmp_path)
    assert type(loaded) is type(distilled.student_)
    np.testing.assert_array_equal(loaded.predict(X), distilled.predict(X))


@pytest.mark.parametrize(
    "labels",
    [
        np.array(["b", "", "ü"]),
        np.array(["b", "a", "long"], dtype="U20"),
        np.array(["b", "a", "c"], dtype=object),
        np.array([3, -1, 2], dtype=np.int8),
        np.array([3, 1, 2], dtype=np.uint64),
        np.array([2.0, 1.0, -7.0], dtype=np.float32),
        np.array([True, False, True]),
    ],
    ids=lambda labels: str(labels.dtype),
)
def test_labels_keep_their_values_and_dtype(labels, tmp_path):
    X, codes = load_iris(return_X_y=True)
    student = LinearStudentClassifier(alpha=1.0).fit(X, labels[codes])
    loaded = through_file(student, tmp_path)
    assert loaded.classes_.dtype == student.classes_.dtype
    assert loaded.classes_.tolist() == student.classes_.tolist()
    assert [*map(type, loaded.classes_.tolist())] == [*map(type, student.classes_.tolist())]
    assert loaded.predict(X).tolist() == student.predict(X).tolist()


# Halves of surrogate pairs too, one after the other: no Unicode, but Python's strings hold them.
texts = st.text(
    st.characters(exclude_categories=()) | st.sampled_from(["\ud83d", "\ude00", "\0"]), max_size=6
)


@settings(max_examples=40, deadline=None)
@given(
    levels=st.lists(
        texts | st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False) | st.booleans(),
        min_size=2,
        unique=True,
    ),
    names=st.lists(texts, min_size=2, max_size=2, unique=True),
)
def test_any_names_and_levels(levels, names, tmp_path_factory):
    levels = ["a text", *(level for level in levels if level != "a text")]
    column = np.array([*levels, None], dtype=object)
    column = np.tile(column, 8)
    X = pd.DataFrame({names[0]: column, names[1]: np.arange(len(column))})
    y = np.arange(len(column)) % len(levels) % 2
    student = LinearStudentClassifier(alpha=0.1).fit(X, y)
    folder = tmp_path_factory.mktemp("any")
    loaded = through_file(student, folder)
    assert loaded.feature_names_in_.tolist() == names
    assert [*map(repr, loaded._encoder.tables_[0])] == [*map(repr, student._encoder.tables_[0])]
    np.testing.assert_array_equal(loaded.predict_proba(X), student.predict_proba(X))


def test_numpy_scalars_among_levels_find_their_rows_again(tmp_path):
    column = np.array(
        ["a", np.int64(3), np.float32(0.1), np.bool_(True), np.str_("b")] * 10, object
    )
    X = pd.DataFrame({"c": column, "n": np.arange(50.0)})
    student = LinearStudentClassifier(alpha=0.1).fit(X, np.arange(50) % 5 > 2)
    loaded = through_file(student, tmp_path)
    np.testing.assert_array_equal(loaded.predict_proba(X), student.predict_proba(X))


def test_columns_whose_names_are_numbers(tmp_path):
    X = pd.DataFrame(make_table("numbers")).assign(**{"4": 1.0})
    X.columns = [0, 1, 2, 3, 4]
    student = TreeStudentRegressor(max_leaf_nodes=4).fit(
        X, make_target("value", make_table("numbers"))
    )
    loaded = through_file(student, tmp_path)
    assert not hasattr(loaded, "feature_names_in_")
    assert_same_attributes(student, loaded)


def test_columns_of_the_same_name_are_refused(tmp_path):
    X = pd.DataFrame(make_table("numbers"), columns=list("abcd"))
    student = TreeStudentRegressor(max_leaf_nodes=4).fit(X, X["b"])
    student.feature_names_in_[3] = "a"  # some releases of scikit-learn refuse them in fit
    with pytest.raises(
        skdistill.exceptions.PersistenceError, match="two columns have the same name; give each"
    ):
        save(student, tmp_path / "student.skd")


def test_labels_of_a_dtype_far_wider_than_any_of_them(tmp_path):
    X, codes = load_iris(return_X_y=True)
    y = np.array(["b", "a", "long"], dtype="U1005")[codes]
    student = LinearStudentClassifier(alpha=1.0).fit(X, y)
    with pytest.raises(
        skdistill.exceptions.PersistenceError, match=r"<U1005, .*np.array\(y.tolist"
    ):
        save(student, tmp_path / "student.skd")
    loaded = through_file(student.fit(X, np.array(y.tolist())), tmp_path)
    assert loaded.classes_.dtype == "<U4"


def test_parameters_changed_since_to_wrong_ones_are_not_written(tmp_path):
    X, y = load_iris(return_X_y=True)
    student = LinearStudentClassifier(alpha=1.0).fit(X, y).set_params(alpha=-1.0)
    with pytest.raises(skdistill.exceptions.PersistenceError, match="no student has: alpha must"):
        save(student, tmp_path / "student.skd")


def test_splits_that_part_missing_values_from_all_others(tmp_path):
    X = np.tile([[1.0], [np.nan]], (30, 1))
    y = np.isnan(X[:, 0])
    student = TreeStudentClassifier(min_samples_leaf=2).fit(X, y)
    assert np.isinf(student.tree_.threshold).all()
    loaded = through_file(student, tmp_path)
    assert_same_attributes(student, loaded)
    assert (loaded.predict(X) == y).all()


def test_parameters_are_plain_values_or_refused_with_the_remedy(tmp_path):
    X, y = load_iris(return_X_y=True)
    student = TreeStudentClassifier(max_leaf_nodes=np.int64(4), shrinkage=np.float32(0.5))
    loaded = through_file(student.set_params(random_state=7).fit(X, y), tmp_path)
    assert (loaded.max_leaf_nodes, loaded.shrinkage, loaded.random_state) == (4, 0.5, 7)
    assert type(loaded.max_leaf_nodes) is int
    student.set_params(random_state=np.random.RandomState(0))
    with pytest.raises(TypeError, match=r"random_state is RandomState.*set_params\(random_state=0"):
        save(student, tmp_path / "other.skd")
    assert not (tmp_path / "other.skd").exists()


def test_what_is_no_built_in_student_is_refused(tmp_path):
    X, y = load_iris(return_X_y=True)
    other = LogisticRegression(max_iter=500)
    pipeline = make_pipeline(StandardScaler(), TreeStudentClassifier())
    distilled = DistilledClassifier(other, student=other, search_budget=0, augment=None)
    for model in (other, pipeline, distilled):
        with pytest.raises(TypeError, match=r"built-in students .*by joblib"):
            save(model.fit(X, y), tmp_path / "student.skd")


class OwnTree(TreeStudentClassifier):
    """A class of a user's own."""


def test_a_subclass_is_refused_and_so_is_an_unfitted_student(tmp_path):
    X, y = load_iris(return_X_y=True)
    with pytest.raises(TypeError, match="student is a OwnTree"):
        save(OwnTree().fit(X, y), tmp_path / "student.skd")
    with pytest.raises(NotFittedError):
        save(TreeStudentClassifier(), tmp_path / "student.skd")
    assert list(tmp_path.iterdir()) == []


def test_a_broken_student_is_not_written(tmp_path):
    student = pickle.loads(pickle.dumps(fitted("linear", "value", "numbers")))
    student.coef_[0] = np.nan
    with pytest.raises(skdistill.exceptions.PersistenceError, match=r"cannot be saved: .*'coef'"):
        save(student, tmp_path / "student.skd")
    student.intercept_ = np.inf
    with pytest.raises(skdistill.exceptions.PersistenceError, match="its intercept_ is inf"):
        save(student, tmp_path / "student.skd")
    assert list(tmp_path.iterdir()) == []


def test_saving_is_all_or_nothing(tmp_path, monkeypatch):
    student, path = fitted("tree", "binary", "numbers"), tmp_path / "student.skd"
    with pytest.raises(FileNotFoundError, match="there is no folder"):
        save(student, tmp_path / "no" / "student.skd")
    path.write_text("old")

    def fail(*args):
        raise OSError("disk full")

    monkeypatch.setattr("skdistill._output.os.replace", fail)
    with pytest.raises(OSError, match="disk full"):
        save(student, str(path))
    assert [p.read_text() for p in tmp_path.iterdir()] == ["old"]


def test_loading_needs_no_training_library(tmp_path):
    student = fitted("boosting", "binary", "numbers")
    save(student, tmp_path / "student.skd")
    np.save(tmp_path / "X.npy", make_table("numbers"))
    code = """
import sys
sys.modules.update(dict.fromkeys(["lightgbm", "xgboost", "pandas"]))
import numpy as np
import skdistill
student = skdistill.load("student.skd")
np.save("P.npy", student.predict_proba(np.load("X.npy")))
"""
    environment = {"PYTHONPATH": ":".join(sys.path)}
    subprocess.run([sys.executable, "-c", code], check=True, cwd=tmp_path, env=environment)
    P = np.load(tmp_path / "P.npy")
    np.testing.assert_array_equal(P, student.predict_proba(make_table("numbers")))
