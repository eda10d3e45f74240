"""The flow: what the student learns, from whom, and what is left of the teacher afterwards."""

from __future__ import annotations

import inspect
import pickle
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.compose import make_column_transformer
from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor
from sklearn.feature_extraction.text import HashingVectorizer, TfidfVectorizer
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.metrics import log_loss
from sklearn.model_selection import KFold, cross_val_predict
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.tree import DecisionTreeClassifier

from skdistill import DistilledClassifier, DistilledRegressor
from skdistill.exceptions import OverconfidentTeacherWarning
from skdistill.students import (
    BoostingStudentClassifier,
    LinearStudentClassifier,
    PrunedStudentClassifier,
    TreeStudentClassifier,
    TreeStudentRegressor,
)
from skdistill.targets import fit_temperature, soften
from skdistill.teachers import CallableTeacher, EnsembleTeacher

# "pruned" is made of a teacher's trees and has its own test.
STUDENTS = ["tree", "linear", "additive", "mlp", "boosting"]
PLAIN: dict[str, Any] = {"augment": None, "calibrate_teacher": False, "hard_label_weight": 0.0}
# Teachers here label the rows they were fitted to, and the flow says so.
IN_SAMPLE = pytest.mark.filterwarnings(
    "ignore::skdistill.exceptions.OverconfidentTeacherWarning",
)


@pytest.fixture(scope="module")
def cancer() -> tuple[np.ndarray, np.ndarray]:
    X, y = load_breast_cancer(return_X_y=True)
    return StandardScaler().fit_transform(X), y


@pytest.fixture(scope="module")
def forest(cancer: Any) -> RandomForestClassifier:
    return RandomForestClassifier(20, random_state=0).fit(*cancer)


@pytest.fixture(scope="module")
def people() -> tuple[pd.DataFrame, np.ndarray]:
    """Raw rows: strings, categories, integers, booleans, missing values of every kind."""
    rng = np.random.RandomState(0)
    n = 300
    job = rng.choice(["clerk", "nurse", "pilot"], n).astype(object)
    age = rng.randint(18, 80, n).astype(float)
    X = pd.DataFrame(
        {
            "age": np.where(rng.rand(n) < 0.1, np.nan, age),
            "job": np.where(rng.rand(n) < 0.1, None, job),
            "town": pd.Categorical(rng.choice(["a", "b"], n), categories=["a", "b", "c"]),
            "children": rng.randint(0, 4, n),
            "owner": rng.rand(n) < 0.5,
        }
    )
    y = np.where((age > 45) ^ (job == "pilot") ^ (rng.rand(n) < 0.1), "yes", "no")
    return X, y


def raw_teacher(X: pd.DataFrame) -> Any:
    encode = make_column_transformer(
        (OneHotEncoder(handle_unknown="ignore"), ["job", "town"]),
        (make_pipeline("passthrough"), ["children", "owner"]),
    )
    return make_pipeline(encode, RandomForestClassifier(15, random_state=0))


# -- what the student learns ------------------------------------------------------------------


@pytest.mark.parametrize("student", STUDENTS)
def test_student_learns_what_the_teacher_says_and_not_what_y_says(
    student: Any, cancer: Any
) -> None:
    X, y = cancer
    teacher = FrozenEstimator(LogisticRegression().fit(X[:, :3], y))
    blind = CallableTeacher(lambda rows: teacher.predict_proba(rows[:, :3]), output="probabilities")
    shuffled = np.random.RandomState(0).permutation(y)
    if student == "tree":  # or it would choose to learn next to nothing: these labels are noise
        student = TreeStudentClassifier(min_samples_leaf=5, shrinkage=0, ccp_alpha=0)
    if student == "linear":  # it would choose the strongest penalty
        student = LinearStudentClassifier(alpha=1.0)
    if student == "boosting":  # it would stop early
        student = BoostingStudentClassifier(learning_rate=0.37)
    distilled = DistilledClassifier(blind, student=student, random_state=0, **PLAIN)
    distilled.fit(X, shuffled)
    assert distilled.fidelity(X)["agreement"] > 0.95
    assert log_loss(y, distilled.predict_proba(X)) < log_loss(shuffled, distilled.predict_proba(X))


# An additive student takes cuts of the teacher's, whatever its labels weigh.
@pytest.mark.parametrize("student", [name for name in STUDENTS if name != "additive"])
def test_hard_label_weight_one_is_the_direct_fit(student: str, cancer: Any, forest: Any) -> None:
    X, y = cancer
    distilled = DistilledClassifier(
        forest, student=student, hard_label_weight=1.0, augment=None, random_state=0
    ).fit(X, y)
    direct = clone(distilled.student_).fit(X, y)
    np.testing.assert_allclose(
        distilled.predict_proba(X), direct.predict_proba(X), atol=2e-3 if student == "mlp" else 1e-6
    )


@pytest.mark.parametrize("student", STUDENTS)
def test_temperature_acts_and_does_not_flatten(student: str) -> None:
    X, y = load_iris(return_X_y=True)
    teacher = CallableTeacher(
        LogisticRegression(max_iter=2000).fit(X, y).decision_function, output="logits"
    )
    settings = {**PLAIN, "student": student, "random_state": 0}
    cold = DistilledClassifier(teacher, temperature=1.0, **settings).fit(X, y).predict_proba(X)
    hot = DistilledClassifier(teacher, temperature=4.0, **settings).fit(X, y).predict_proba(X)
    assert not np.allclose(cold, hot)
    wanted = teacher.predict_proba(X, [0, 1, 2])
    flat = soften(wanted, 4.0)
    # Flattened predictions would be near the softened targets; these are near the plain ones.
    assert np.abs(hot - wanted).mean() < 0.25 * np.abs(flat - wanted).mean()


def test_temperature_softens_a_teacher_that_is_sure() -> None:
    # A forest's votes reach zero, which would stay zero at any temperature.
    X, y = load_iris(return_X_y=True)
    teacher = FrozenEstimator(RandomForestClassifier(10, random_state=0).fit(X, y))
    settings = {**PLAIN, "student": LinearStudentClassifier(alpha=0.01)}
    warm, hot = (
        DistilledClassifier(teacher, temperature=T, **settings)
        .fit(X, y)
        .predict_proba(X)
        .max(axis=1)
        for T in (2.0, 20.0)
    )
    assert hot.mean() < warm.mean() + 0.01


def test_cross_fitted_labels_are_those_of_cross_val_predict(cancer: Any) -> None:
    X, y = cancer
    folds = KFold(3, shuffle=True, random_state=1)
    teacher = RandomForestClassifier(10, random_state=0)
    student = TreeStudentClassifier(max_leaf_nodes=8, random_state=0)
    distilled = DistilledClassifier(
        teacher, student=student, cv=folds, search_budget=0, **PLAIN
    ).fit(X, y)
    out_of_fold = cross_val_predict(teacher, X, y, cv=folds, method="predict_proba")
    reference = TreeStudentClassifier(max_leaf_nodes=8, random_state=0)
    reference.fit(X, y, soft_targets=out_of_fold, labeled=np.ones(len(X), dtype=bool))
    np.testing.assert_array_equal(distilled.predict_proba(X), reference.predict_proba(X))
    assert distilled.distillation_.teacher_fits == 4  # three folds, and the teacher itself


def test_calibration_is_fitted_to_out_of_fold_labels(cancer: Any) -> None:
    X, y = cancer
    folds = KFold(3, shuffle=True, random_state=1)
    teacher = GaussianNB()
    distilled = DistilledClassifier(
        teacher, cv=folds, augment=None, search_budget=0, random_state=0
    ).fit(X, y)
    out_of_fold = cross_val_predict(teacher, X, y, cv=folds, method="predict_proba")
    record = distilled.distillation_
    assert record.calibrated
    assert record.teacher_temperature == pytest.approx(fit_temperature(out_of_fold, y))
    assert record.teacher_temperature > 1.5  # naive Bayes is overconfident


@pytest.mark.filterwarnings("ignore::skdistill.exceptions.OverconfidentTeacherWarning")
def test_augmented_and_unlabeled_rows_are_labelled_by_the_teacher(cancer: Any, forest: Any) -> None:
    X, y = cancer
    distilled = DistilledClassifier(
        FrozenEstimator(forest), size_factor=2.0, search_budget=0, random_state=0
    ).fit(X[:200], y[:200], X_unlabeled=X[200:300])
    record = distilled.distillation_
    assert (record.n_real, record.n_unlabeled, record.n_augmented) == (200, 100, 400)
    assert record.teacher_rows_scored == 700
    capped = clone(distilled).set_params(max_size=150).fit(X[:200], y[:200])
    assert capped.distillation_.n_augmented == 150


def test_unlabeled_rows_teach(cancer: Any) -> None:
    X, y = cancer
    teacher = FrozenEstimator(LogisticRegression().fit(X, y))
    student = TreeStudentClassifier(max_leaf_nodes=64, random_state=0)
    few = DistilledClassifier(teacher, student=student, **PLAIN).fit(X[:60], y[:60])
    more = DistilledClassifier(teacher, student=student, **PLAIN)
    more.fit(X[:60], y[:60], X_unlabeled=X[60:400])
    assert more.fidelity(X[400:])["kl"] < few.fidelity(X[400:])["kl"]


@pytest.mark.filterwarnings("ignore::skdistill.exceptions.OverconfidentTeacherWarning")
def test_labels_are_not_needed(cancer: Any, forest: Any) -> None:
    X, _ = cancer
    distilled = DistilledClassifier(forest, random_state=0).fit(X)
    assert distilled.distillation_.hard_label_weight == 0.0
    assert distilled.distillation_.teacher_labels == "in_sample"
    assert distilled.fidelity(X)["agreement"] > 0.9


def test_precomputed_soft_targets_alone(cancer: Any, forest: Any) -> None:
    X, y = cancer
    P = forest.predict_proba(X)
    distilled = DistilledClassifier(hard_label_weight=0.0, search_budget=0, random_state=0)
    distilled.fit(X, y, soft_targets=P)
    reference = clone(distilled.student_).fit(X, y, soft_targets=P)
    np.testing.assert_array_equal(distilled.predict_proba(X), reference.predict_proba(X))
    assert distilled.distillation_.teacher_labels == "given"
    assert distilled.distillation_.teacher_rows_scored == 0
    with pytest.raises(ValueError, match="precomputed soft_targets alone"):
        distilled.fidelity(X)


def test_precomputed_soft_targets_with_a_teacher_for_the_other_rows(
    cancer: Any, forest: Any
) -> None:
    X, y = cancer
    distilled = DistilledClassifier(forest, size_factor=1.0, search_budget=0, random_state=0)
    distilled.fit(X, y, soft_targets=forest.predict_proba(X))
    assert distilled.distillation_.teacher_labels == "given"
    assert distilled.distillation_.teacher_rows_scored == len(X)
    assert distilled.distillation_.teacher_fits == 0


# -- kinds of students and data ---------------------------------------------------------------


@pytest.mark.parametrize("student", [*STUDENTS, DecisionTreeClassifier(max_leaf_nodes=8)])
def test_raw_frames_go_to_the_teacher_as_they_are(student: Any, people: Any) -> None:
    X, y = people
    if isinstance(student, DecisionTreeClassifier):
        encode = make_column_transformer((OneHotEncoder(handle_unknown="ignore"), ["job", "town"]))
        student = make_pipeline(encode, student)
    before = X.copy(deep=True)
    teacher = raw_teacher(X).fit(X, y)
    distilled = DistilledClassifier(teacher, student=student, search_budget=0, random_state=0)
    distilled.fit(X, y)
    pd.testing.assert_frame_equal(X, before)
    assert set(distilled.predict(X)) <= {"yes", "no"}
    assert list(distilled.feature_names_in_) == list(X.columns)
    # Levels and gaps that fit never saw must not stop a prediction.
    strange = X.head(3).assign(job=["smith", None, "clerk"], age=np.nan)
    assert distilled.student_.predict(strange).shape == (3,)


@pytest.mark.parametrize("student", ["linear", "boosting"])
def test_sparse_rows(student: str, cancer: Any) -> None:
    import scipy.sparse as sp

    X, y = cancer
    S = sp.csr_matrix(np.where(np.median(X, axis=0) < X, X, 0.0))
    distilled = DistilledClassifier(
        RandomForestClassifier(10, random_state=0), student=student, search_budget=0, random_state=0
    ).fit(S, y)
    assert distilled.distillation_.augment is None
    np.testing.assert_allclose(
        distilled.predict_proba(S), distilled.predict_proba(S.tocoo()), rtol=1e-12
    )
    assert distilled.score(S, y) > 0.9


@pytest.mark.parametrize("final", [LinearStudentClassifier(), LogisticRegression()])
@pytest.mark.parametrize("container", [list, pd.Series])
def test_text_reaches_teacher_and_student_untouched(final: Any, container: Any) -> None:
    texts = [f"{'buy now cheap' if i % 2 else 'see you at home'} {i % 7}" for i in range(60)]
    y = np.array(["spam" if i % 2 else "ham" for i in range(60)])
    teacher = make_pipeline(TfidfVectorizer(), RandomForestClassifier(10, random_state=0))
    student = make_pipeline(HashingVectorizer(n_features=64), final)
    distilled = DistilledClassifier(teacher, student=student, search_budget=0, random_state=0)
    distilled.fit(container(texts), y)
    assert distilled.distillation_.augment is None
    assert distilled.score(container(texts), y) == 1.0
    assert distilled.predict_proba(container(texts[:5])).shape == (5, 2)


def test_any_classifier_learns_by_row_expansion(cancer: Any, forest: Any) -> None:
    X, y = cancer
    P = RandomForestClassifier(20, random_state=0).fit(X, y).predict_proba(X)
    student = LogisticRegression(C=1.0, tol=1e-8, max_iter=5000)
    distilled = DistilledClassifier(student=student, hard_label_weight=0.0)
    distilled.fit(X, y, soft_targets=P)
    ours = LinearStudentClassifier(alpha=1.0, standardize=False, tol=1e-9, max_iter=5000)
    ours.fit(X, y, soft_targets=P)
    np.testing.assert_allclose(distilled.predict_proba(X), ours.predict_proba(X), atol=1e-4)
    with pytest.raises(ValueError, match="temperature must be 1 for student LogisticRegression"):
        clone(distilled).set_params(temperature=2.0).fit(X, y, soft_targets=P)


def test_string_bool_and_integer_classes(cancer: Any) -> None:
    X, y = cancer
    teacher = LogisticRegression()
    predictions = []
    for labels in (np.array(["no", "yes"]), np.array([False, True]), np.array([7, 9])):
        distilled = DistilledClassifier(teacher, augment=None, search_budget=0, random_state=0)
        distilled.fit(X, labels[y])
        np.testing.assert_array_equal(distilled.classes_, labels)
        predictions.append(np.searchsorted(labels, distilled.predict(X)))
    np.testing.assert_array_equal(predictions[0], predictions[1])
    np.testing.assert_array_equal(predictions[0], predictions[2])


def test_teacher_may_know_more_classes_than_y_shows() -> None:
    X, y = load_iris(return_X_y=True)
    teacher = RandomForestClassifier(10, random_state=0).fit(X, y)
    distilled = DistilledClassifier(FrozenEstimator(teacher), search_budget=0, random_state=0)
    distilled.fit(X[:100], y[:100])
    np.testing.assert_array_equal(distilled.classes_, [0, 1, 2])
    assert distilled.predict_proba(X).shape == (150, 3)


def test_list_of_teachers_is_averaged(cancer: Any, forest: Any) -> None:
    X, y = cancer
    other = LogisticRegression().fit(X, y)
    settings = {**PLAIN, "teacher_labels": "in_sample", "random_state": 0}
    mean = (forest.predict_proba(X) + 3 * other.predict_proba(X)) / 4
    averaged = DistilledClassifier(EnsembleTeacher([forest, other], weights=[1, 3]), **settings)
    reference = DistilledClassifier(**{**settings, "teacher_labels": "auto"})
    np.testing.assert_allclose(
        averaged.fit(X, y).predict_proba(X),
        reference.fit(X, y, soft_targets=mean).predict_proba(X),
        atol=1e-12,
    )
    assert DistilledClassifier([forest, other], **settings).fit(X, y).score(X, y) > 0.9


# -- regression -------------------------------------------------------------------------------


@pytest.mark.parametrize("student", [*STUDENTS, LinearRegression()])
def test_regression(student: Any) -> None:
    X, y = load_diabetes(return_X_y=True)
    teacher = RandomForestRegressor(20, random_state=0)
    distilled = DistilledRegressor(teacher, student=student, search_budget=0, random_state=0).fit(
        X, y
    )
    fidelity = distilled.fidelity(X)
    assert fidelity["r2"] > 0.4
    assert fidelity["rmse"] > 0.0
    assert distilled.distillation_.teacher_labels == "cross_fit"
    assert distilled.distillation_.temperature is None
    assert not hasattr(distilled, "classes_")
    assert distilled.score(X, y) > 0.3


def test_regression_mixes_teacher_and_truth() -> None:
    X, y = load_diabetes(return_X_y=True)
    values = LinearRegression().fit(X, y).predict(X)
    student = TreeStudentRegressor(min_samples_leaf=5, shrinkage=1, ccp_alpha=0, random_state=0)
    distilled = DistilledRegressor(student=student, hard_label_weight=0.25, random_state=0)
    distilled.fit(X, y, soft_targets=values)
    reference = clone(student).fit(X, 0.75 * values + 0.25 * y)
    np.testing.assert_allclose(distilled.predict(X), reference.predict(X), rtol=1e-12)


# -- what is left of the teacher --------------------------------------------------------------


@IN_SAMPLE
def test_student_is_small_and_holds_no_teacher(cancer: Any) -> None:
    X = cancer[0]
    rng = np.random.RandomState(0)
    letters = rng.randint(0, 26, len(X))
    teacher = RandomForestClassifier(100, random_state=0).fit(X, letters)
    student = TreeStudentClassifier(max_leaf_nodes=64, min_samples_leaf=1)
    distilled = DistilledClassifier(
        teacher, student=student, teacher_labels="in_sample", search_budget=0, random_state=0
    )
    distilled.fit(X, letters)
    assert distilled.student_.n_leaves_ == 64
    stored = pickle.dumps(distilled.student_)
    assert len(stored) < 20_000
    assert b"RandomForest" not in stored
    restored = pickle.loads(stored)
    np.testing.assert_array_equal(restored.predict(X), distilled.predict(X))


@pytest.mark.filterwarnings("ignore::skdistill.exceptions.TeacherNotUsedWarning")
def test_fit_changes_neither_teacher_nor_student_template(cancer: Any, forest: Any) -> None:
    X, y = cancer
    template = TreeStudentClassifier(max_leaf_nodes=4, refine=False)
    before = forest.predict_proba(X)
    params = template.get_params()
    distilled = DistilledClassifier(forest, student=template, augment=None, random_state=0)
    assert distilled.fit(X, y).distillation_.search_fits > 0
    np.testing.assert_array_equal(forest.predict_proba(X), before)
    assert template.get_params() == params
    assert not hasattr(template, "classes_")


def test_failed_fit_leaves_the_fitted_estimator_as_it_was(cancer: Any, forest: Any) -> None:
    X, y = cancer
    distilled = DistilledClassifier(forest, search_budget=0, random_state=0).fit(X, y)
    before = dict(vars(distilled))
    with pytest.raises(ValueError, match="NaN"):
        distilled.fit(X, y, soft_targets=np.full((len(X), 2), np.nan))
    assert {name: id(value) for name, value in vars(distilled).items()} == {
        name: id(value) for name, value in before.items()
    }


# -- the record, progress and warnings ----------------------------------------------------------


def test_record_says_what_was_done(cancer: Any, forest: Any) -> None:
    import json

    distilled = DistilledClassifier(forest, search_budget=0, random_state=0).fit(*cancer)
    record = distilled.distillation_
    assert record.teacher == "RandomForestClassifier"
    assert record.student == "TreeStudentClassifier"
    assert (record.temperature, record.hard_label_weight) == (1.0, 0.3)
    assert (record.teacher_labels, record.augment) == ("cross_fit", "MungeSampler")
    choices = {"temperature", "hard_label_weight", "teacher_labels", "augment", "calibrate_teacher"}
    assert set(record.reasons) == choices
    assert set(record.seconds) == {"teacher", "transfer set", "teacher labels", "student"}
    json.dumps(record.to_dict(), allow_nan=False)


def test_progress_goes_to_stderr_if_wanted(cancer: Any, forest: Any, capsys: Any) -> None:
    distilled = DistilledClassifier(forest, search_budget=2, random_state=0, cv=2)
    distilled.fit(*cancer)
    assert capsys.readouterr() == ("", "")
    distilled.set_params(verbose=1).fit(*cancer)
    out, err = capsys.readouterr()
    assert out == ""
    assert "cross-fit 2/2" in err
    assert "fitting the student" in err


def test_memorised_labels_bring_a_warning(cancer: Any) -> None:
    X, y = cancer
    memorised = DecisionTreeClassifier().fit(X, y)
    distilled = DistilledClassifier(FrozenEstimator(memorised), search_budget=0, random_state=0)
    with pytest.warns(OverconfidentTeacherWarning, match="nearly one-hot"):
        distilled.fit(X, y)
    # Out-of-fold labels: no warning.
    DistilledClassifier(memorised, search_budget=0, random_state=0).fit(X, y)


def test_any_sampler_object(cancer: Any, forest: Any) -> None:
    X, y = cancer

    class Repeat:
        def fit(self, X: Any) -> Repeat:
            self.X_ = X
            return self

        def sample(self, n: int, random_state: Any) -> Any:
            return self.X_[np.arange(n) % len(self.X_)]

    distilled = DistilledClassifier(forest, augment=Repeat(), search_budget=0, random_state=0)
    record = distilled.fit(X, y).distillation_
    assert record.augment == "Repeat"
    assert record.n_augmented == 5 * len(X)


@IN_SAMPLE
def test_students_are_told_which_labels_are_true_and_given_the_teacher(
    cancer: Any, forest: Any, monkeypatch: Any
) -> None:
    given: dict[str, Any] = {}
    fit = PrunedStudentClassifier.fit

    def spy(self: Any, X: Any, y: Any, sample_weight: Any = None, **options: Any) -> Any:
        given.update(options, n_rows=len(X))
        return fit(self, X, y, sample_weight, **options)

    # The flow reads the signature, which must stay what it is.
    spy.__signature__ = inspect.signature(fit)  # type: ignore[attr-defined]
    monkeypatch.setattr(PrunedStudentClassifier, "fit", spy)
    X, y = cancer
    student = PrunedStudentClassifier(max_total_leaves=8, random_state=0)
    distilled = DistilledClassifier(
        forest,
        student=student,
        size_factor=1.0,
        teacher_labels="in_sample",
        search_budget=0,
        random_state=0,
    ).fit(X, y)
    assert given["n_rows"] == 2 * len(X)
    assert given["labeled"].tolist() == [True] * len(X) + [False] * len(X)
    assert given["teacher"] is distilled.teacher_
    assert distilled.student_.n_leaves_ <= 8
