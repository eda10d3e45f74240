"""The report says what the measures say, as text, dictionary and page."""

from __future__ import annotations

import json

import numpy as np
import pytest
from numpy.testing import assert_allclose
from report_parts import HOSTILE, make_case
from scipy.stats import binomtest
from sklearn.base import clone
from sklearn.metrics import (
    accuracy_score,
    brier_score_loss,
    confusion_matrix,
    log_loss,
    mean_absolute_error,
    r2_score,
    roc_auc_score,
    root_mean_squared_error,
)

from skdistill import DistillationReport, DistilledClassifier, DistilledRegressor
from skdistill.report import _disagreement
from skdistill.students import TreeStudentClassifier
from skdistill.teachers import CallableTeacher


@pytest.fixture(scope="module")
def binary():
    return make_case(2)


@pytest.fixture(scope="module")
def regression():
    return make_case(1)


def report_of(case, **settings):
    return DistillationReport.from_estimator(case.estimator, case.X, case.y, **settings)


def values(report, model):
    return {row["measure"]: row[model]["value"] for row in report.to_dict()["measures"]}


def test_measures_of_two_classes_are_those_of_scikit_learn(binary):
    report = report_of(binary)
    classes = binary.estimator.classes_
    P = binary.estimator.teacher_.predict_proba(binary.X, classes)
    found = values(report, "teacher")
    assert_allclose(found["accuracy"], accuracy_score(binary.y, classes[P.argmax(axis=1)]))
    assert_allclose(found["log loss"], log_loss(binary.y, P))
    truth = binary.y == classes[1]
    assert_allclose(found["Brier score"], brier_score_loss(truth, P[:, 1]))
    assert_allclose(found["ROC AUC"], roc_auc_score(truth, P[:, 1]))


def test_measures_of_three_classes_and_weights_are_those_of_scikit_learn():
    case = make_case(3, student="linear")
    weight = np.random.RandomState(0).rand(len(case.y))
    report = report_of(case, sample_weight=weight)
    P = case.estimator.predict_proba(case.X)
    found = values(report, "student")
    auc = roc_auc_score(case.y, P, multi_class="ovr", sample_weight=weight)
    assert_allclose(found["ROC AUC (one against the rest)"], auc)
    assert_allclose(found["log loss"], log_loss(case.y, P, sample_weight=weight))
    weights = report.to_dict()["student"]["weights"]
    assert weights[0]["column"] == "(intercept)"
    assert len(weights[0]) == 4  # a column for each class
    assert "Weights of the encoded columns" in report.to_html()


def test_measures_of_values_are_those_of_scikit_learn(regression):
    report = report_of(regression)
    prediction = regression.estimator.predict(regression.X)
    found = values(report, "student")
    assert_allclose(found["RMSE"], root_mean_squared_error(regression.y, prediction))
    assert_allclose(found["MAE"], mean_absolute_error(regression.y, prediction))
    assert_allclose(found["R²"], r2_score(regression.y, prediction))
    assert report.to_dict()["calibration"] is None
    assert report.to_dict()["confusion"] is None


def test_interval_of_the_accuracy_is_the_binomial_one(binary):
    cell = report_of(binary).to_dict()["measures"][0]["student"]
    error = np.sqrt(cell["value"] * (1 - cell["value"]) / len(binary.y))
    assert_allclose(cell["high"] - cell["value"], 1.96 * error, rtol=0.2)
    assert_allclose(cell["high"] - cell["value"], cell["value"] - cell["low"])


def test_differences_are_narrower_than_unpaired_ones(binary):
    for row in report_of(binary).to_dict()["measures"][:2]:
        widths = [row[name]["high"] - row[name]["value"] for name in ("teacher", "student")]
        difference = row["difference"]
        assert_allclose(difference["value"], row["student"]["value"] - row["teacher"]["value"])
        assert difference["high"] - difference["value"] < np.hypot(*widths)


def test_confusion_is_against_the_teacher(binary):
    classes = binary.estimator.classes_
    teacher = classes[binary.estimator.teacher_.predict_proba(binary.X, classes).argmax(axis=1)]
    expected = confusion_matrix(teacher, binary.estimator.predict(binary.X), labels=classes)
    assert report_of(binary).to_dict()["confusion"] == expected.tolist()


def test_bound_of_disagreement_is_clopper_pearson(binary, monkeypatch):
    monkeypatch.setattr(_disagreement, "N_FRESH", 400)
    bound = report_of(binary).to_dict()["disagreement"]
    assert bound["n_rows"] == 400
    assert 0 < bound["n_disagreements"] < 400
    # The upper end of a two-sided interval of 90 %.
    test = binomtest(bound["n_disagreements"], 400).proportion_ci(0.9, method="exact")
    assert_allclose(bound["upper"], test.high)
    assert "MUNGE" in bound["assumption"]


def test_rows_of_disagreement_are_the_worst(binary):
    rows = report_of(binary).to_dict()["worst_rows"]
    P = binary.estimator.predict_proba(binary.X)
    teacher = binary.estimator.teacher_.predict_proba(binary.X, binary.estimator.classes_)
    distance = np.abs(P - teacher)[:, 1]
    assert [row["row"] for row in rows] == np.argsort(-distance, kind="stable")[:10].tolist()
    assert_allclose(rows[0]["distance"], distance.max())
    assert_allclose(rows[0]["values"]["b"], binary.X["b"].iloc[rows[0]["row"]])


def test_regions_tell_where_they_are_apart(binary):
    class Shifted:
        classes_ = binary.estimator.classes_

        def predict_proba(self, X):
            wrong = X["c"].to_numpy() > 0.5
            P = binary.estimator.teacher_.predict_proba(X, self.classes_)
            return np.where(wrong[:, None], P[:, ::-1], P)

    estimator = clone(binary.estimator).fit(binary.X_train, binary.y_train)
    good = estimator.student_
    estimator.student_ = Shifted()
    evidence = _disagreement.Evidence(
        binary.X,
        binary.y,
        Shifted.classes_,
        None,
        {
            "teacher": estimator.teacher_.predict_proba(binary.X, Shifted.classes_),
            "student": estimator.student_.predict_proba(binary.X),
        },
    )
    assert _disagreement.regions(evidence).startswith("|--- c <=")
    assert good is not estimator.student_


def test_same_rows_give_the_same_report(binary):
    first, second = report_of(binary).to_dict(), report_of(binary).to_dict()
    for report in (first, second):
        report["cost"] = {key: v for key, v in report["cost"].items() if "us_per_row" not in key}
    assert first == second


@pytest.mark.parametrize("n_classes", [1, 2, 3])
def test_dictionary_is_json(n_classes):
    report = report_of(make_case(n_classes))
    assert json.loads(json.dumps(report.to_dict(), allow_nan=False)) == report.to_dict()
    report.to_dict()["verdict"].clear()
    assert report.to_dict()["verdict"]  # it is a copy


def test_test_rows_of_one_class(binary):
    same = binary.y == "ok"
    report = DistillationReport.from_estimator(binary.estimator, binary.X[same], binary.y[same])
    auc = report.to_dict()["measures"][3]
    assert auc["measure"] == "ROC AUC"
    assert auc["student"] == {"value": None, "low": None, "high": None}
    assert "Teacher and student side by side" in str(report)
    assert report.to_html()


def test_text_has_the_verdict_first_and_all_sections(binary):
    text = str(report_of(binary, groups="c"))
    assert text.startswith("VERDICT: ")
    for title in (
        "Size and speed",
        "Does the student do what the teacher does?",
        "Where they disagree most",
        "Groups",
        "What was chosen, and why",
        "The student itself",
    ):
        assert f"\n{title}\n=" in text
    assert "fit it to" not in text
    assert repr(report_of(binary)).startswith("DistillationReport(verdict=")


def test_text_lets_no_control_character_through(binary):
    X = binary.X.rename(columns={HOSTILE: "\x1b[31mred\r"})
    X_train = binary.X_train.rename(columns={HOSTILE: "\x1b[31mred\r"})
    estimator = clone(binary.estimator).fit(X_train, binary.y_train)
    text = str(DistillationReport.from_estimator(estimator, X, binary.y, groups=list(X.columns)))
    assert not {c for c in text if not c.isprintable()} - {"\n"}


def test_settings_of_a_search_are_taken(binary):
    estimator = clone(binary.estimator).fit(binary.X_train, binary.y_train)
    estimator.metric_, estimator.verdict_ = "accuracy", "The search is content."
    estimator.frontier_ = [
        {"name": "tree", "distilled": True, "bytes": size, "latency_us": None, "score": score,
         "teacher_score": 0.9, "upper": 0.01, "chosen": size == 300}
        for size, score in ((100, 0.7), (300, 0.8))
    ]  # fmt: skip
    report = DistillationReport.from_estimator(estimator, binary.X, binary.y)
    assert report.to_dict()["verdict"]["metric"] == "accuracy"
    assert "The search is content." in str(report)
    assert "Score against bytes" in report.to_html()
    other = DistillationReport.from_estimator(estimator, binary.X, binary.y, metric="roc_auc")
    assert other.to_dict()["verdict"]["metric"] == "roc_auc"


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"y_test": ["ok"] * 3}, "one label for each of the 250 rows"),
        ({"y_test": ["what"] * 250}, r"labels \['what'\], which the student does not know"),
        ({"metric": "nothing"}, "metric='nothing' is unknown"),
        ({"tolerance": -1.0}, "tolerance must be a finite number >= 0"),
        ({"sample_weight": np.zeros(250)}, "at least one non-zero"),
        ({"groups": "nowhere"}, "are no columns of X_test"),
        ({"groups": [1, 2]}, "one group for each of the 250 rows"),
    ],
)
def test_errors_name_the_argument(binary, change, complaint):
    arguments = {"X_test": binary.X, "y_test": binary.y, **change}
    with pytest.raises(ValueError, match=complaint):
        DistillationReport.from_estimator(binary.estimator, **arguments)


def test_estimators_that_cannot_be_reported(binary, regression):
    with pytest.raises(TypeError, match="must be a DistilledClassifier"):
        DistillationReport.from_estimator(TreeStudentClassifier(), binary.X, binary.y)
    direct = DistilledClassifier(student="tree", search_budget=0)
    labels = np.eye(2)[(binary.y_train == "ok").astype(int)]
    direct.fit(binary.X_train, soft_targets=labels)
    with pytest.raises(ValueError, match="no teacher"):
        DistillationReport.from_estimator(direct, binary.X, direct.predict(binary.X))
    with pytest.raises(ValueError, match="NaN or infinite"):
        DistillationReport.from_estimator(
            regression.estimator, regression.X, np.full(len(regression.X), np.nan)
        )


def test_a_function_has_no_size_to_compare_with(regression):
    """An empty list of models has bytes as well, which are none of the teacher."""
    known = DistillationReport.from_estimator(regression.estimator, regression.X, regression.y)
    assert known.to_dict()["cost"]["times_smaller"] > 1
    function = CallableTeacher(lambda X: X["b"].to_numpy(), output="predictions")
    settings = {"search_budget": 0, "augment": None, "student": "linear"}
    distilled = DistilledRegressor(function, **settings)
    distilled.fit(regression.X_train, regression.y_train)
    report = DistillationReport.from_estimator(distilled, regression.X, regression.y)
    cost = report.to_dict()["cost"]
    assert cost["teacher_bytes"] is None
    assert cost["times_smaller"] is None
    assert "times smaller" not in str(report)
