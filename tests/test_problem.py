"""What the user gave to fit: rows that y marks as unlabelled, classes, targets."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from flow_parts import make_rows
from sklearn.base import clone
from sklearn.feature_extraction.text import HashingVectorizer
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from skdistill import DistilledClassifier, DistilledRegressor
from skdistill._problem import (
    check_problem,
    separate_unlabeled,
    settle_classes,
    take_problem,
)
from skdistill.students import LinearStudentClassifier, TreeStudentClassifier
from skdistill.teachers import as_teacher

X, Y = make_rows(90)
MISSING = np.arange(90) % 3 == 0
TREE = TreeStudentClassifier(max_leaf_nodes=4, refine=False)


def frozen(X: Any, y: Any) -> FrozenEstimator:
    return FrozenEstimator(LogisticRegression().fit(X, y))


def separate(X: Any, y: Any, teacher: Any = None, *, others: Any = None, **given: Any) -> Any:
    """Check and separate, as `fit` does."""
    problem = check_problem(
        X, y, given.get("weight"), given.get("soft_targets"), task="classification"
    )
    if teacher is not None:
        teacher = as_teacher(teacher, task="classification")
    return separate_unlabeled(problem, others, teacher)


# -- rows without a label -----------------------------------------------------------------------


def test_rows_of_label_minus_one_go_to_the_unlabelled_ones():
    weight = np.arange(90.0)
    problem, others = separate(X, np.where(MISSING, -1, Y), frozen(X, Y), weight=weight)
    np.testing.assert_array_equal(problem.X, X[~MISSING])
    np.testing.assert_array_equal(problem.y, Y[~MISSING])
    np.testing.assert_array_equal(problem.weight, weight[~MISSING])
    np.testing.assert_array_equal(others, X[MISSING])


def test_they_join_those_that_are_given():
    more = X[:5] + 1.0
    _, others = separate(X, np.where(MISSING, -1, Y), frozen(X, Y), others=more)
    np.testing.assert_array_equal(others, np.concatenate([X[MISSING], more]))


@pytest.mark.parametrize("minus_one", [-1, np.int64(-1)])
def test_texts_beside_the_number_minus_one(minus_one: Any):
    names = np.array(["no", "yes"])[Y]
    y = np.array([minus_one if gone else name for gone, name in zip(MISSING, names, strict=True)])
    assert y.dtype.kind == "U"  # NumPy made a text of it, which is a class like others
    y = np.where(MISSING, -1, names.astype(object))
    problem, others = separate(X, y, frozen(X, names))
    assert problem.y.tolist() == names[~MISSING].tolist()
    assert problem.y.dtype.kind == "U"
    assert len(others) == MISSING.sum()
    # The text "-1" is a name like any other.
    assert separate(X, np.where(MISSING, "-1", names))[1] is None


@pytest.mark.parametrize(
    "y",
    [
        np.where(MISSING, -1, 1),
        np.where(MISSING, -1.0, 1.0),
        Y,
        np.array(["no", "yes"])[Y],
        Y.astype(bool),
    ],
    ids=["two classes", "floats", "no -1", "texts", "booleans"],
)
def test_classes_stay_classes(y: Any):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        problem, others = separate(X, y)
    np.testing.assert_array_equal(problem.y, y)
    assert others is None


def test_a_teacher_that_knows_minus_one_as_a_class():
    y = np.where(MISSING, -1, Y)
    problem, others = separate(X, y, frozen(X, y))
    np.testing.assert_array_equal(problem.y, y)
    assert others is None
    # It decides also where y itself would leave two classes.
    distilled = DistilledClassifier(frozen(X, y), student="linear", search_budget=0, random_state=0)
    assert distilled.fit(X, y).classes_.tolist() == [-1, 0, 1]
    assert distilled.distillation_.n_unlabeled == 0


def test_it_is_said_where_nobody_knows_what_minus_one_means():
    y = np.where(MISSING, -1, Y)
    with pytest.warns(UserWarning, match=r"y is -1 in 30 rows.*X_unlabeled says the same"):
        separate(X, y, LogisticRegression())
    with pytest.raises(ValueError, match=r"y is -1 in 30 rows.*soft_targets.*as X_unlabeled"):
        separate(X, y, soft_targets=np.full((90, 2), 0.5))


def test_a_value_of_minus_one_is_a_value():
    values = np.where(MISSING, -1.0, 2.0)
    distilled = DistilledRegressor(
        teacher=None, student="linear", search_budget=0, hard_label_weight=1.0
    ).fit(X, values, soft_targets=values)
    assert distilled.distillation_.n_real == 90
    assert distilled.distillation_.n_unlabeled == 0


def frame(X: np.ndarray) -> pd.DataFrame:
    kinds = pd.Categorical(np.where(X[:, 3] > 0, "a", "b"), categories=["a", "b"])
    return pd.DataFrame(X[:, :3], columns=["u", "v", "w"]).assign(kind=kinds)


def of_numbers(rows: pd.DataFrame) -> pd.DataFrame:
    return rows[["u", "v", "w"]]


KINDS = {
    "array": np.asarray,
    "list": lambda rows: rows.tolist(),
    "pandas": frame,
    "sparse": lambda rows: sp.csr_matrix(np.where(np.abs(rows) > 0.2, rows, 0.0)),
}


@pytest.mark.filterwarnings("ignore::skdistill.exceptions.TeacherNotUsedWarning")
@pytest.mark.parametrize("budget", [0, 4])
@pytest.mark.parametrize("kind", KINDS)
def test_it_is_the_same_as_giving_them_as_unlabelled_rows(kind: str, budget: int):
    make = KINDS[kind]
    rows, real, others = make(X), make(X[~MISSING]), make(X[MISSING])
    if kind == "pandas":
        teacher = make_pipeline(FunctionTransformer(of_numbers), LogisticRegression())
        teacher = FrozenEstimator(teacher.fit(rows, Y))
    else:
        teacher = frozen(rows, Y)
    weight = 1.0 + np.arange(90) % 2
    student = "linear" if kind == "sparse" else TREE
    distilled = DistilledClassifier(teacher, student=student, search_budget=budget, random_state=0)
    marked = clone(distilled).fit(rows, np.where(MISSING, -1, Y), weight)
    explicit = clone(distilled).fit(real, Y[~MISSING], weight[~MISSING], X_unlabeled=others)
    np.testing.assert_array_equal(marked.predict_proba(rows), explicit.predict_proba(rows))
    one, two = marked.distillation_, explicit.distillation_
    assert (one.n_real, one.n_unlabeled) == (two.n_real, two.n_unlabeled) == (60, 30)
    assert [c["loss"] for c in one.candidates] == [c["loss"] for c in two.candidates]


def test_texts_as_rows():
    texts = [f"{'cheap offer' if i % 2 else 'old friend'} {i % 7}" for i in range(60)]
    names = np.array(["spam" if i % 2 else "ham" for i in range(60)], dtype=object)
    teacher = make_pipeline(HashingVectorizer(n_features=16), LogisticRegression())
    teacher.fit(texts, names)
    student = make_pipeline(HashingVectorizer(n_features=16), LinearStudentClassifier())
    distilled = DistilledClassifier(teacher, student=student, search_budget=0, random_state=0)
    names[::4] = -1
    distilled.fit(texts, names)
    assert distilled.classes_.tolist() == ["ham", "spam"]
    assert (distilled.distillation_.n_real, distilled.distillation_.n_unlabeled) == (45, 15)
    assert distilled.score(texts[1::2], ["spam"] * 30) == 1.0


def test_a_teacher_fitted_here_sees_the_labelled_rows_alone():
    seen = []

    class Spy(LogisticRegression):
        def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Any:
            seen.append((len(X), sorted(set(y))))
            return super().fit(X, y, sample_weight)

    distilled = DistilledClassifier(Spy(), student="linear", search_budget=0, random_state=0)
    with pytest.warns(UserWarning, match="they are taken to have no label"):
        distilled.fit(X, np.where(MISSING, -1, Y))
    assert seen[0] == (60, [0, 1])
    assert max(seen)[0] == 60
    assert distilled.classes_.tolist() == [0, 1]


@pytest.mark.parametrize("make", [np.asarray, frame], ids=["array", "pandas"])
def test_unlabelled_rows_of_other_columns(make: Any):
    other = make(X)[:, :2] if make is np.asarray else make(X)[["v", "u"]]
    distilled = DistilledClassifier(LogisticRegression(), student="linear", search_budget=0)
    with (
        pytest.warns(UserWarning, match="y is -1"),
        pytest.raises(ValueError, match=r"X_unlabeled has .*columns of X"),
    ):
        distilled.fit(make(X), np.where(MISSING, -1, Y), X_unlabeled=other)


def test_one_class_beside_minus_one():
    distilled = DistilledClassifier(LogisticRegression(), student="linear", search_budget=0)
    numbers = np.where(MISSING, -1, 1)
    assert distilled.fit(X, numbers).classes_.tolist() == [-1, 1]
    # Among texts it is no class, so that there is one alone.
    texts = np.where(MISSING, -1, np.full(90, "yes", dtype=object))
    with (
        pytest.warns(UserWarning, match="y is -1"),
        pytest.raises(ValueError, match="y has one class, 'yes'"),
    ):
        distilled.fit(X, texts)


# -- parts --------------------------------------------------------------------------------------


def test_some_of_the_rows():
    weight = np.arange(90.0)
    P = np.column_stack([1.0 - Y, Y]).astype(float)
    problem = settle_classes(check_problem(frame(X), Y, weight, P, task="classification"), None)
    rows = np.array([4, 17, 50])
    part = take_problem(problem, rows)
    pd.testing.assert_frame_equal(part.X, frame(X).iloc[rows])
    for values, whole in ((part.y, Y), (part.codes, Y), (part.weight, weight)):
        np.testing.assert_array_equal(values, whole[rows])
    np.testing.assert_array_equal(part.soft_targets, P[rows])
    np.testing.assert_array_equal(part.classes, [0, 1])  # also where a part lacks one
    bare = take_problem(check_problem(X, None, None, None, task="classification"), rows)
    assert (bare.y, bare.weight, bare.codes, bare.soft_targets) == (None,) * 4
