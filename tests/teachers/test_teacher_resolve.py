import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.ensemble import RandomForestClassifier
from sklearn.tree import DecisionTreeClassifier

from skdistill.targets import one_hot
from skdistill.teachers import (
    CallableTeacher,
    Teacher,
    as_teacher,
    check_class_order,
    keep_fitted,
    resolve_classes,
)
from skdistill.teachers._alignment import align_columns

X = np.arange(12.0)[:, None]


def fitted(labels):
    return as_teacher(DecisionTreeClassifier().fit(X, labels), task="classification")


def test_what_cannot_be_adapted():
    with pytest.raises(
        TypeError, match=r"predict_proba is a function.*CallableTeacher\(f, output="
    ):
        as_teacher(DecisionTreeClassifier().predict_proba, task="classification")
    with pytest.raises(TypeError, match=r"is the class RandomForestClassifier; give an instance"):
        as_teacher(RandomForestClassifier, task="classification")
    for other in ("model.joblib", np.eye(2), None):
        with pytest.raises(TypeError, match=r"is not understood.*soft_targets"):
            as_teacher(other, task="classification")
    with pytest.raises(ValueError, match="task must be one of"):
        as_teacher(RandomForestClassifier(), task="ranking")


def test_adapters_pass_through():
    teacher = CallableTeacher(len, output="predictions")
    assert as_teacher(teacher, task="regression") is teacher


class Constant(Teacher):
    """The least that a user's own adapter needs."""

    name = "constant"

    def check_task(self, task):
        pass

    def fingerprint(self):
        return "constant"

    def _predict(self, X):
        return np.ones(len(X))


def test_own_adapters():
    teacher = as_teacher(Constant(), task="regression")
    assert teacher.predict(X).sum() == 12
    with pytest.raises(TypeError, match="constant does not give class probabilities"):
        teacher.predict_proba(X, [0, 1])


@pytest.mark.parametrize(
    ("known", "y", "expected"),
    [
        ([0, 1, 2], [2, 0], [0, 1, 2]),
        (["a", "b"], np.array(["b", "a"], dtype=object), ["a", "b"]),
        ([0, 1], [True, False], [False, True]),
        ([False, True], [1, 0], [0, 1]),
        ([0, 1, 2], [True, False], [0, 1, 2]),
        ([0, 1], [1.0, 0.0], [0.0, 1.0]),
        ([0, 1], None, [0, 1]),
    ],
)
def test_resolve_classes(known, y, expected):
    classes = resolve_classes(fitted(np.resize(known, 12)), y)
    assert classes.tolist() == expected
    assert [type(label) for label in classes.tolist()] == [type(label) for label in expected]


@pytest.mark.parametrize(
    ("known", "y", "message"),
    [
        ([0, 1], [0, 1, 2], r"labels \[2\] that teacher DecisionTreeClassifier does not know"),
        ([0, 1], ["0", "1"], r"differ in type \(str here, int there\): convert"),
        (["0", "1"], [0, 1], r"differ in type \(int here, str there\): convert"),
        (["False", "True"], [False, True], r"differ in type \(bool here, str there\)"),
        (["a", "b"], [1, 2], r"classes are \['a', 'b'\]\.$"),
    ],
)
def test_labels_the_teacher_does_not_know(known, y, message):
    with pytest.raises(ValueError, match=message):
        resolve_classes(fitted(np.resize(known, 12)), y)


def test_classes_that_nobody_tells():
    teacher = CallableTeacher(len, output="probabilities")
    assert resolve_classes(teacher, ["b", "a"]).tolist() == ["a", "b"]
    with pytest.raises(ValueError, match=r"does not tell its classes; give y, or name them"):
        resolve_classes(teacher, None)


def test_probability_must_not_be_lost():
    proba = np.array([[0.2, 0.3, 0.5], [1.0, 0.0, 0.0]])
    columns = np.array(["c", "a", "b"])
    with pytest.raises(ValueError, match=r"labels \['b'\] get probabilities up to 0.5"):
        align_columns(proba, columns, np.array(["a", "c"]), name="P", n_rows=2)
    proba[:, 2] = [0, 0]
    proba[0, 0] = 0.7
    aligned = align_columns(proba, columns, np.array(["a", "c"]), name="P", n_rows=2)
    np.testing.assert_allclose(aligned, [[0.3, 0.7], [0.0, 1.0]])


@settings(max_examples=40, deadline=None)
@given(st.integers(2, 5), st.randoms(use_true_random=False))
def test_alignment_is_by_label(n_classes, random):
    labels = np.arange(n_classes) * 3
    order = random.sample(range(n_classes), n_classes)
    P = np.random.default_rng(n_classes).dirichlet(np.ones(n_classes), size=4)
    wanted = np.append(labels, 100)
    aligned = align_columns(P[:, order], labels[order], wanted, name="P", n_rows=4)
    np.testing.assert_allclose(aligned[:, :-1], P)
    assert not aligned[:, -1].any()


CLASSES = np.array(["x", "y", "z"])


def noisy_labels(share_right):
    rng = np.random.default_rng(0)
    codes = rng.integers(3, size=300)
    said = np.where(rng.random(300) < share_right, codes, rng.integers(3, size=300))
    return codes, one_hot(said, 3)


def test_class_order():
    codes, proba = noisy_labels(0.8)
    check_class_order(proba, codes, CLASSES, "it")
    with pytest.raises(ValueError, match=r"read as \['z', 'x', 'y'\].*CallableTeacher"):
        check_class_order(proba[:, [2, 0, 1]], codes, CLASSES, "it")
    binary, said = np.arange(40) % 2, one_hot(np.arange(40) % 2, 2)
    with pytest.raises(
        ValueError, match=r"right on 0% of the rows, and on 100% if read as \[1, 0\]"
    ):
        check_class_order(said[:, ::-1], binary, np.array([0, 1]), "it")


def test_a_useless_teacher_is_not_taken_for_a_wrong_order():
    codes, proba = noisy_labels(0.0)
    check_class_order(proba, codes, CLASSES, "it")
    check_class_order(proba[:0], codes[:0], CLASSES, "it")
    rare = (np.arange(100) < 3).astype(int)
    check_class_order(one_hot(np.zeros(100, dtype=int), 2), rare, np.array([0, 1]), "it")


def test_keep_fitted():
    trained = DecisionTreeClassifier().fit(X, np.arange(12) % 2)
    unfitted = DecisionTreeClassifier(max_depth=3)
    assert keep_fitted(None) is None
    assert keep_fitted(trained) is trained
    assert keep_fitted(len) is len
    copies = keep_fitted((trained, [unfitted]))
    assert copies[0] is trained
    assert copies[1][0] is not unfitted
    assert copies[1][0].max_depth == 3
