import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from skdistill.exceptions import TeacherError
from skdistill.teachers import CallableTeacher, as_teacher

X = np.linspace(-2, 2, 12).reshape(6, 2)


def second_class(X):
    return 1 / (1 + np.exp(-X[:, 0]))


def margin(X):
    return X[:, 0]


def test_binary_outputs_agree():
    by_probability = CallableTeacher(second_class, output="probabilities")
    by_column = CallableTeacher(lambda X: second_class(X)[:, None], output="probabilities")
    by_margin = CallableTeacher(margin, output="logits")
    by_margin_column = CallableTeacher(lambda X: X[:, :1], output="logits")
    by_logits = CallableTeacher(lambda X: np.c_[-X[:, 0], 0 * X[:, 0]], output="logits")
    expected = by_probability.predict_proba(X, ["a", "b"])
    np.testing.assert_allclose(expected[:, 1], second_class(X))
    for teacher in (by_column, by_margin, by_margin_column, by_logits):
        np.testing.assert_allclose(teacher.predict_proba(X, ["a", "b"]), expected)


@settings(max_examples=25, deadline=None)
@given(
    hnp.arrays(float, (5, 4), elements=st.floats(-800, 800)),
    st.permutations(["a", "b", "c", "d"]),
)
def test_logits_are_a_softmax_aligned_by_label(Z, order):
    teacher = CallableTeacher(lambda X: Z, output="logits", classes=order)
    P = teacher.predict_proba(np.zeros((5, 1)), ["a", "b", "c", "d"])
    np.testing.assert_allclose(P.sum(axis=1), 1.0)
    for j, label in enumerate("abcd"):
        relative = np.exp(Z[:, order.index(label)] - Z.max(axis=1))
        np.testing.assert_allclose(P[:, j] / P.max(axis=1), relative, rtol=1e-6, atol=1e-300)


def test_minus_infinity_is_a_probability_of_zero():
    teacher = CallableTeacher(lambda X: np.tile([0.0, -np.inf, 0.0], (6, 1)), output="logits")
    np.testing.assert_allclose(teacher.predict_proba(X, [0, 1, 2]), [[0.5, 0, 0.5]] * 6)


@pytest.mark.parametrize("bad", [[np.nan, 0.0], [np.inf, 0.0], [-np.inf, -np.inf]])
def test_bad_logits(bad):
    teacher = CallableTeacher(lambda X: np.tile(bad, (6, 1)), output="logits")
    with pytest.raises(TeacherError, match="logits contain NaN or infinite"):
        teacher.predict_proba(X, [0, 1])


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([[0.5, 0.6]], "sums to 1.1, not to 1"),
        ([[-0.5, 1.5]], "negative"),
        ([[np.nan, 1.0]], "NaN or infinite"),
        ([[0.2, 0.3, 0.5]], "3 columns where there are 2 classes"),
    ],
)
def test_what_are_no_probabilities(rows, message):
    teacher = CallableTeacher(lambda X: np.repeat(rows, 6, axis=0), output="probabilities")
    with pytest.raises(ValueError, match=rf"predict_proba of teacher .*{message}"):
        teacher.predict_proba(X, [0, 1])


def test_wrong_number_of_rows():
    teacher = CallableTeacher(lambda X: second_class(X[1:]), output="probabilities")
    with pytest.raises(ValueError, match="5 rows where there are 6 samples"):
        teacher.predict_proba(X, [0, 1])


@pytest.mark.parametrize("classes", [None, ["yes", "no"]])
def test_labels_become_one_hot(classes):
    teacher = CallableTeacher(
        lambda X: np.where(X[:, 0] > 0, "yes", "no"), output="predictions", classes=classes
    )
    P = teacher.predict_proba(X, ["no", "yes"])
    np.testing.assert_array_equal(P[:, 1], X[:, 0] > 0)
    assert not teacher.has_implicit_order


def test_unknown_labels():
    teacher = CallableTeacher(lambda X: np.full(len(X), 1), output="predictions")
    with pytest.raises(TeacherError, match=r"predicts \[1\], which is not among .*int here, str"):
        teacher.predict_proba(X, ["0", "1"])
    teacher = CallableTeacher(lambda X: X, output="predictions")
    with pytest.raises(TeacherError, match=r"one label for each row.*shape \(6, 2\)"):
        teacher.predict_proba(X, [0, 1])


def test_regression():
    teacher = as_teacher(CallableTeacher(margin, output="predictions"), task="regression")
    np.testing.assert_array_equal(teacher.predict(X), X[:, 0])
    column = CallableTeacher(lambda X: X[:, :1], output="predictions")
    np.testing.assert_array_equal(column.predict(X), X[:, 0])
    with pytest.raises(ValueError, match=r"one number for each of the 6 rows, got shape \(6, 2\)"):
        CallableTeacher(lambda X: X, output="predictions").predict(X)
    with pytest.raises(ValueError, match="NaN or infinite"):
        CallableTeacher(lambda X: X[:, 0] * np.inf, output="predictions").predict(X + 3)


def test_output_must_fit_the_task():
    with pytest.raises(ValueError, match="output='predictions'"):
        as_teacher(CallableTeacher(margin, output="logits"), task="regression")
    labelled = CallableTeacher(margin, output="predictions", classes=[0, 1])
    with pytest.raises(ValueError, match="has classes, which regression does not have"):
        as_teacher(labelled, task="regression")


def test_parameters_are_checked():
    with pytest.raises(TypeError, match="output"):
        CallableTeacher(margin)
    with pytest.raises(ValueError, match="output must be one of"):
        CallableTeacher(margin, output="proba")
    with pytest.raises(TypeError, match="must be callable, got str"):
        CallableTeacher("model", output="logits")
    with pytest.raises(ValueError, match="each label once"):
        CallableTeacher(margin, output="logits", classes=[0, 0])
    with pytest.raises(ValueError, match="at least two labels"):
        CallableTeacher(margin, output="logits", classes=[0])


@pytest.mark.parametrize(
    ("error", "expected"),
    [(RuntimeError("no GPU"), TeacherError), (TypeError("no GPU"), TypeError)],
)
def test_its_own_message_is_kept(error, expected):
    def fails(X):
        raise error

    teacher = CallableTeacher(fails, output="probabilities")
    with pytest.raises(
        expected, match=r"fails failed in predict_proba on 6 rows: no GPU"
    ) as caught:
        teacher.predict_proba(X, [0, 1])
    assert caught.value.__cause__ is error


@pytest.mark.parametrize("error", [KeyboardInterrupt, MemoryError])
def test_interrupts_are_left_alone(error):
    def fails(X):
        raise error

    with pytest.raises(error):
        CallableTeacher(fails, output="predictions").predict(X)
