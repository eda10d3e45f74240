"""The displays show what they are given, on the axes they are given."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.calibration import calibration_curve
from sklearn.datasets import load_diabetes, load_iris, make_classification
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor

from skdistill import DistilledClassifier, DistilledRegressor
from skdistill.plotting import CalibrationComparisonDisplay, FidelityDisplay, ParetoDisplay

figures = pytest.importorskip("matplotlib.figure")


@pytest.fixture
def ax():
    return figures.Figure().subplots()


@pytest.fixture(scope="module")
def binary():
    X, y = make_classification(300, random_state=0)
    y = np.array(["$a$", "b $2"])[y]
    teacher = RandomForestClassifier(20, random_state=0).fit(X[:150], y[:150])
    student = DistilledClassifier(teacher, search_budget=0, cv=2, random_state=0)
    return student.fit(X[:150], y[:150]), X[150:], y[150:]


@pytest.fixture(scope="module")
def iris():
    X, y = load_iris(return_X_y=True)
    teacher = RandomForestClassifier(10, random_state=0).fit(X, y)
    return DistilledClassifier(teacher, search_budget=0, cv=2, random_state=0).fit(X, y), X, y


def test_fidelity_of_two_classes_is_the_second_probability(binary, ax):
    student, X, _ = binary
    display = FidelityDisplay.from_estimator(student, X, ax=ax)
    teacher = student.teacher_.predict_proba(X, student.classes_)
    points = np.column_stack([teacher[:, 1], student.predict_proba(X)[:, 1]])
    assert_allclose(display.points_.get_offsets(), points)
    assert display.ax_ is ax
    assert display.figure_ is ax.figure
    assert display.ax_.get_xlabel() == "teacher's probability of b $2"
    display.figure_.canvas.draw()  # a lone dollar sign is no formula


def test_fidelity_of_more_classes_is_of_the_teachers_choice(iris, ax):
    student, X, _ = iris
    display = FidelityDisplay.from_estimator(student, X, ax=ax)
    teacher = student.teacher_.predict_proba(X, student.classes_)
    assert_array_equal(display.teacher, teacher.max(axis=1))
    rows = np.arange(len(X))
    assert_array_equal(display.student, student.predict_proba(X)[rows, teacher.argmax(axis=1)])


def test_fidelity_of_values(ax):
    X, y = load_diabetes(return_X_y=True)
    teacher = RandomForestRegressor(5, random_state=0).fit(X, y)
    student = DistilledRegressor(teacher, search_budget=0, cv=2, random_state=0).fit(X, y)
    display = FidelityDisplay.from_estimator(student, X, ax=ax)
    assert_array_equal(display.teacher, teacher.predict(X))
    assert_array_equal(display.student, student.predict(X))


def test_fidelity_draws_few_of_many_points(ax):
    values = np.arange(10_001.0)
    display = FidelityDisplay.from_predictions(values, values, ax=ax, color="red")
    assert len(display.points_.get_offsets()) <= 2_000
    assert len(display.teacher) == 10_001


def test_fidelity_wants_the_same_shapes(ax):
    with pytest.raises(ValueError, match=r"same shape.*\(3,\) and \(2,\)"):
        FidelityDisplay.from_predictions(np.zeros(3), np.zeros(2), ax=ax)


def test_fidelity_without_a_teacher():
    X, y = load_iris(return_X_y=True)
    student = DistilledClassifier(student="tree", search_budget=0)
    student.fit(X, soft_targets=np.eye(3)[y])
    with pytest.raises(ValueError, match="no teacher to compare with"):
        FidelityDisplay.from_estimator(student, X)


def test_calibration_is_that_of_scikit_learn(binary, ax):
    student, X, y = binary
    display = CalibrationComparisonDisplay.from_estimator(student, X, y, n_bins=5, ax=ax)
    assert list(display.curves) == ["teacher", "student"]
    observed, predicted = calibration_curve(
        y == "b $2",
        student.teacher_.predict_proba(X, student.classes_)[:, 1],
        n_bins=5,
        strategy="quantile",
    )
    assert_allclose(display.lines_[0].get_xdata(), predicted)
    assert_allclose(display.lines_[0].get_ydata(), observed)
    display.figure_.canvas.draw()


def test_calibration_of_more_classes_is_of_the_largest(ax):
    P = np.array([[0.8, 0.1, 0.1], [0.1, 0.6, 0.3], [0.2, 0.2, 0.6], [0.4, 0.3, 0.3]])
    display = CalibrationComparisonDisplay.from_predictions(
        [0, 1, 2, 1], {"model": P}, n_bins=1, ax=ax
    )
    predicted, observed = display.curves["model"]
    assert_allclose(predicted, [0.6])
    assert_allclose(observed, [0.75])


def test_calibration_where_all_rows_are_of_one_class(ax):
    P = np.array([[0.8, 0.2], [0.6, 0.4]])
    display = CalibrationComparisonDisplay.from_predictions(
        [0, 0], {"model": P}, classes=[0, 1], ax=ax
    )
    assert_allclose(np.ravel(display.curves["model"]), [0.3, 0.0])


def test_calibration_errors(binary):
    with pytest.raises(ValueError, match="a column for each of the 2 classes, got \\(2, 3\\)"):
        CalibrationComparisonDisplay.from_predictions([0, 1], {"m": np.ones((2, 3)) / 3})
    regressor = SimpleNamespace()
    with pytest.raises(ValueError, match="predicts values"):
        CalibrationComparisonDisplay.from_estimator(regressor, None, None)


def brute_frontier(sizes, scores):
    """Those that no candidate of at most their size equals, but for exact copies."""
    return {
        (sizes[i], scores[i])
        for i in range(len(sizes))
        if not any(
            (sizes[j] < sizes[i] and scores[j] >= scores[i])
            or (sizes[j] == sizes[i] and scores[j] > scores[i])
            for j in range(len(sizes))
        )
    }


@pytest.mark.parametrize("seed", range(20))
def test_frontier_is_that_of_all_pairs(seed):
    rng = np.random.RandomState(seed)
    sizes, scores = rng.randint(1, 8, 12), rng.randint(0, 6, 12)
    display = ParetoDisplay(sizes, scores)
    found = [(sizes[i], scores[i]) for i in display.frontier]
    assert len(found) == len(set(found))
    assert set(found) == brute_frontier(sizes, scores)
    assert found == sorted(found)


def test_pareto_draws_levels_and_names(ax):
    display = ParetoDisplay.from_predictions(
        [100, 1000],
        [0.8, 0.9],
        names=["tree, 4 $leaves", "b"],
        teacher_score=0.95,
        lowest=0.85,
        metric="roc_auc",
        ax=ax,
    )
    assert_array_equal(display.line_.get_xydata(), [[100, 0.8], [1000, 0.9]])
    assert [text.get_text() for text in ax.texts] == ["tree, 4 $leaves", "b"]
    assert {"teacher", "tolerance"} <= {text.get_text() for text in ax.get_legend().get_texts()}
    assert ax.get_ylabel() == "roc_auc"
    display.figure_.canvas.draw()


@pytest.mark.parametrize(
    ("sizes", "scores", "names", "complaint"),
    [
        ([1, 2], [1.0], None, "one number for each candidate"),
        ([], [], None, "one number for each candidate"),
        ([1, 2], [1.0, 2.0], ["a"], "names must be 2 texts, got 1"),
        ([0, 2], [1.0, 2.0], None, "sizes must be above zero, got 0"),
    ],
)
def test_pareto_errors(sizes, scores, names, complaint):
    with pytest.raises(ValueError, match=complaint):
        ParetoDisplay(sizes, scores, names=names)


def test_pareto_of_what_is_no_search(binary):
    with pytest.raises(TypeError, match="must be a CompactSearch, got DistilledClassifier"):
        ParetoDisplay.from_estimator(binary[0])
