"""The record of a distillation is plain data."""

from __future__ import annotations

import json
import pickle

import pytest
from sklearn.datasets import load_iris
from sklearn.tree import DecisionTreeClassifier

from skdistill import DistilledClassifier
from skdistill._record import DistillationRecord
from skdistill.students import TreeStudentClassifier


def test_steps_add_up_and_records_share_nothing():
    record = DistillationRecord()
    for _ in range(2):
        with record.timed("teacher"):
            before = record.seconds.get("teacher", 0.0)
        assert record.seconds["teacher"] > before
    with record.timed("student"):
        pass
    assert list(record.seconds) == ["teacher", "student"]
    assert DistillationRecord().seconds == {}
    assert DistillationRecord().reasons is not DistillationRecord().reasons


def test_an_error_in_a_step_goes_through():
    with pytest.raises(KeyError), DistillationRecord().timed("teacher"):
        raise KeyError("teacher")


@pytest.mark.filterwarnings("ignore::skdistill.exceptions.TeacherNotUsedWarning")
def test_the_record_of_a_fit_is_json():
    X, y = load_iris(return_X_y=True)
    teacher = DecisionTreeClassifier(max_depth=3, random_state=0).fit(X, y)
    student = TreeStudentClassifier(max_leaf_nodes=4, refine=False)
    record = DistilledClassifier(teacher, student=student, random_state=0).fit(X, y).distillation_
    plain = record.to_dict()
    assert json.loads(json.dumps(plain, allow_nan=False)) == plain
    assert pickle.loads(pickle.dumps(record)) == record
    assert plain["n_real"] == 150
    assert set(plain["reasons"]) >= {"temperature", "hard_label_weight", "augment"}
    assert all(seconds >= 0 for seconds in plain["seconds"].values())
    plain["reasons"].clear()
    assert record.reasons  # the dictionary is a copy
