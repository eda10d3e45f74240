"""What a search is given: frames, sparse rows, rows without labels, teachers of all kinds."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from sklearn.base import clone
from sklearn.compose import make_column_transformer
from sklearn.datasets import make_classification
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

from skdistill import CompactSearch
from skdistill.export import _compile
from skdistill.export._c.build import CompilerError
from skdistill.students import LinearStudentClassifier, TreeStudentClassifier
from skdistill.teachers import CallableTeacher

SMALL = TreeStudentClassifier(max_leaf_nodes=4, refine=False)
OPTIONS = {"cv": 2, "random_state": 0}


@pytest.fixture(scope="module")
def rows():
    return make_classification(300, 5, n_informative=3, random_state=0)


def test_frames_with_categories_and_missing_values(rows):
    X, y = rows
    frame = pd.DataFrame({"number": X[:, 0], "colour": np.where(X[:, 1] > 0, "red", "blue")})
    frame.loc[::7, "colour"] = None
    encode = make_column_transformer(
        (OneHotEncoder(handle_unknown="ignore"), ["colour"]), remainder="passthrough"
    )
    teacher = make_pipeline(encode, LogisticRegression())
    search = CompactSearch(teacher, students=[SMALL, "linear"], **OPTIONS).fit(frame, y)
    assert search.feature_names_in_.tolist() == ["number", "colour"]
    assert search.predict(frame).shape == (300,)
    with pytest.raises(ValueError, match="colour"):
        search.predict(frame[["number"]])


def test_sparse_rows_leave_students_out_that_take_none(rows):
    X, y = rows
    X = sp.csr_matrix(np.where(np.abs(X) > 0.5, X, 0.0))
    search = CompactSearch(LogisticRegression(), **OPTIONS)
    assert search.__sklearn_tags__().input_tags.sparse
    search.set_params(students=["linear", "tree", "additive"], max_leaves=4).fit(X, y)
    tried = {row["student"] for row in search.candidates_}
    assert "LinearStudentClassifier" in tried
    assert tried.isdisjoint(set(search.skipped_))
    assert search.skipped_
    assert search.predict(X).shape == (300,)


def test_rows_without_labels_teach_too(rows):
    X, y = rows
    search = CompactSearch(LogisticRegression(), students=SMALL, **OPTIONS)
    alone = clone(search).fit(X[:150], y[:150])
    given = clone(search).fit(X[:150], y[:150], X_unlabeled=X[150:])
    with pytest.warns(UserWarning, match="y is -1 in 150 rows"):
        marked = clone(search).fit(X, np.where(np.arange(300) < 150, y, -1))
    assert marked.classes_.tolist() == [0, 1]
    distilled = [
        next(row["score"] for row in one.candidates_ if row["distilled"])
        for one in (alone, given, marked)
    ]
    assert distilled[1] == distilled[2] != distilled[0]


def test_the_number_of_jobs_changes_nothing(rows):
    students = [SMALL, LinearStudentClassifier()]
    forest = RandomForestClassifier(5, random_state=0)
    one, two = (
        CompactSearch(forest, students=students, n_jobs=n_jobs, **OPTIONS).fit(*rows)
        for n_jobs in (1, 2)
    )
    assert [row["score"] for row in one.candidates_] == [row["score"] for row in two.candidates_]
    np.testing.assert_array_equal(one.predict_proba(rows[0]), two.predict_proba(rows[0]))


def test_a_teacher_that_cannot_be_refitted_answers_itself(rows):
    X, y = rows
    model = LogisticRegression().fit(X, y)
    teacher = CallableTeacher(model.predict_proba, output="probabilities")
    search = CompactSearch(teacher, students=SMALL, metric="accuracy", **OPTIONS).fit(X, y)
    assert "cannot be refitted" in search.verdict_
    assert search.distillation_.teacher_fits == 0
    # The second half verifies: there the teacher's score is that of its own answers.
    assert abs(search.interval_.teacher - model.score(X, y)) < 0.1


def test_the_teacher_that_verifies_was_fitted_to_all_other_rows(rows, monkeypatch):
    """Not to as few as the first round has."""
    from skdistill.search import _rounds

    monkeypatch.setattr(_rounds, "FIRST_ROWS", 60)
    monkeypatch.setattr(_rounds, "SURVIVOR_ROWS", 60)
    X, y = rows
    model = RandomForestClassifier(10, random_state=0)
    search = CompactSearch(model, students=SMALL, metric="accuracy", **OPTIONS)
    seen = []
    run = _rounds.Rounds.run

    def spy(self, trials, split, *, first):
        held_out = run(self, trials, split, first=first)
        if not first:
            seen.append((self.labels[split[1]], held_out.teacher))
        return held_out

    monkeypatch.setattr(_rounds.Rounds, "run", spy)
    search.fit(X, y)
    for out_of_fold, answers in seen:
        np.testing.assert_array_equal(out_of_fold, answers)


def test_without_a_compiler_the_verdict_says_whose_time_it_is(rows, monkeypatch):
    def missing(*args, **kwargs):
        raise CompilerError("there is none")

    monkeypatch.setattr(_compile, "load_compiled", missing)
    search = CompactSearch(LogisticRegression(), students=SMALL, **OPTIONS).fit(*rows)
    (chosen,) = (row for row in search.candidates_ if row["chosen"])
    assert chosen["compiled"] is False
    assert chosen["latency_us"] > 0
    assert "no C compiler" in search.verdict_
