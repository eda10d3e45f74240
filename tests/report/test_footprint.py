"""Bytes and time of an estimator in Python."""

from __future__ import annotations

import pickle

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression

from skdistill.export import to_onnx
from skdistill.report._footprint import (
    BATCH,
    microseconds_per_row,
    pickled_bytes,
    teacher_bytes,
)
from skdistill.students import TreeStudentClassifier
from skdistill.teachers import CallableTeacher, EnsembleTeacher, OnnxTeacher, as_teacher


@pytest.mark.parametrize("n_rows", [1, 3, BATCH + 1])
def test_speed_is_timed_on_full_batches(n_rows):
    seen = []
    frame = pd.DataFrame({"a": np.arange(n_rows)})
    assert microseconds_per_row(seen.append, frame) >= 0
    assert [len(rows) for rows in seen] == [BATCH] * 4
    assert seen[0]["a"].tolist() == (np.arange(BATCH) % n_rows).tolist()


def test_bytes():
    assert pickled_bytes([1]) == len(pickle.dumps([1], protocol=pickle.HIGHEST_PROTOCOL))
    assert pickled_bytes(lambda: 0) is None


def test_bytes_of_a_teacher_are_those_of_what_it_wraps(tmp_path):
    X, y = np.arange(10.0)[:, None], np.arange(10) % 2
    model = LogisticRegression().fit(X, y)
    wrapped = as_teacher(model, task="classification")
    assert teacher_bytes(wrapped) == pickled_bytes(model)
    assert teacher_bytes(EnsembleTeacher([model, model])) == 2 * pickled_bytes(model)
    function = CallableTeacher(model.predict_proba, output="probabilities")
    assert teacher_bytes(function) is None
    assert teacher_bytes(EnsembleTeacher([model, function])) is None
    pytest.importorskip("onnxruntime")
    path = to_onnx(TreeStudentClassifier().fit(X, y), tmp_path / "tree.onnx")
    assert teacher_bytes(OnnxTeacher(path)) == path.stat().st_size
