import numpy as np
import pandas as pd
import polars as pl
import pytest
import scipy.sparse as sp
from joblib import Memory
from sklearn.datasets import load_iris
from sklearn.linear_model import LinearRegression

from skdistill.exceptions import TeacherError
from skdistill.teachers import CallableTeacher, as_teacher, label_rows

X = load_iris().data
NO_CACHE = Memory(None)


def first_column(X):
    if hasattr(X, "columns"):
        return np.asarray(X["a"], dtype=float)
    if sp.issparse(X):
        return X.toarray()[:, 0]
    return np.array([len(row) if isinstance(row, str) else row[0] for row in X], dtype=float)


def frame():
    data = pd.DataFrame(X, columns=list("abcd"))
    return data.assign(text="x", kind=pd.Categorical(["u", None, "v"] * 50))


KINDS = {
    "array": X,
    "list": X.tolist(),
    "texts": ["x" * n for n in range(1, 151)],
    "sparse": sp.csr_matrix(X),
    "pandas": frame(),
    "polars": pl.DataFrame({"a": X[:, 0], "s": ["x"] * 150}),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("chunk_rows", [1000, 64])
def test_chunks_and_cache(kind, chunk_rows, tmp_path):
    rows, seen = KINDS[kind], []

    def spy(X):
        labels = first_column(X)
        seen.append((type(X), len(labels)))
        return labels

    teacher = CallableTeacher(first_column, output="predictions")
    teacher.function = spy
    teacher.fingerprint = lambda: "key"
    memory = Memory(tmp_path, verbose=0)
    labels, n_scored = label_rows(teacher, rows, classes=None, memory=memory, chunk_rows=chunk_rows)
    np.testing.assert_array_equal(labels, first_column(rows))
    assert n_scored == 150
    assert {t for t, _ in seen} == {type(rows)}
    assert max(n for _, n in seen) <= chunk_rows

    calls = len(seen)
    again, n_scored = label_rows(teacher, rows, classes=None, memory=memory, chunk_rows=chunk_rows)
    np.testing.assert_array_equal(again, labels)
    assert n_scored == 0
    assert len(seen) == calls

    teacher.fingerprint = lambda: "another key"
    assert label_rows(teacher, rows, classes=None, memory=memory)[1] == 150


def test_probabilities_are_kept_apart_by_classes(tmp_path):
    teacher = CallableTeacher(lambda X: X[:, 0] - 5, output="logits", classes=["a", "b"])
    memory = Memory(tmp_path, verbose=0)
    straight, _ = label_rows(teacher, X, classes=np.array(["a", "b"]), memory=memory)
    reverse, n_scored = label_rows(teacher, X, classes=np.array(["b", "a"]), memory=memory)
    assert n_scored == 150
    np.testing.assert_array_equal(straight, reverse[:, ::-1])
    np.testing.assert_array_equal(
        straight, label_rows(teacher, X, classes=np.array(["a", "b"]), memory=NO_CACHE)[0]
    )


def test_interrupted_labelling_goes_on(tmp_path):
    budget = {"rows": 100}

    def slow(X):
        budget["rows"] -= len(X)
        if budget["rows"] < 0:
            raise KeyboardInterrupt
        return X[:, 0]

    teacher = CallableTeacher(slow, output="predictions")
    teacher.fingerprint = lambda: "key"  # the budget above would be part of it
    memory = Memory(tmp_path, verbose=0)
    with pytest.raises(KeyboardInterrupt):
        label_rows(teacher, X, classes=None, memory=memory, chunk_rows=40)
    budget["rows"] = 1000
    labels, n_scored = label_rows(teacher, X, classes=None, memory=memory, chunk_rows=40)
    assert n_scored == 70
    np.testing.assert_array_equal(labels, X[:, 0])


def test_refitted_teachers_are_not_confused(tmp_path):
    memory = Memory(tmp_path, verbose=0)
    for target in (X[:, 1], X[:, 2]):
        teacher = as_teacher(LinearRegression().fit(X, target), task="regression")
        labels, n_scored = label_rows(teacher, X, classes=None, memory=memory)
        np.testing.assert_allclose(labels, target)
        assert n_scored == 150


def test_the_fingerprint_is_needed_for_a_cache_only(tmp_path):
    stream = (i for i in range(1000))
    teacher = CallableTeacher(lambda X: [next(stream) for _ in X], output="predictions")
    assert label_rows(teacher, X, classes=None, memory=NO_CACHE)[0][-1] == 149
    with pytest.raises(TeacherError, match="memory=None"):
        label_rows(teacher, X, classes=None, memory=Memory(tmp_path, verbose=0))


def test_no_rows():
    teacher = CallableTeacher(lambda X: X[:, 0], output="predictions")
    labels, n_scored = label_rows(teacher, X[:0], classes=None, memory=NO_CACHE)
    assert labels.shape == (0,)
    assert n_scored == 0
    with pytest.raises(ValueError, match="chunk_rows must be an integer >= 1"):
        label_rows(teacher, X, classes=None, memory=NO_CACHE, chunk_rows=0)
