"""Predictors of AutoGluon as teachers: the real ones where it is installed, else a stand-in."""

import pickle
import warnings
from types import SimpleNamespace

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import load_iris
from sklearn.linear_model import LinearRegression, LogisticRegression

from skdistill import DistilledClassifier, DistilledRegressor
from skdistill.exceptions import TeacherError
from skdistill.teachers import AutoGluonTeacher, as_teacher, find_task, keep_fitted

pd = pytest.importorskip("pandas")

X, CODES = load_iris(return_X_y=True)
FRAME = pd.DataFrame(X, columns=list("abcd")).assign(constant=1.0)
TARGETS = {
    "binary": CODES > 0,
    "multiclass": np.array(["u", "v", "w"])[CODES],
    "regression": X @ [1.0, -1.0, 2.0, 0.5],
}


class TabularPredictor:
    """Has what the adapter uses of AutoGluon's class, and leaves out a constant column as it."""

    def __init__(self, label, path):
        self.label, self.path, self.is_fit, self.problem_type = label, path, False, None

    def fit(self, frame, problem_type):
        rows, y = frame.drop(columns=self.label), frame[self.label]
        self.problem_type, self.is_fit, self.model_best = problem_type, True, "Linear"
        self.original_features = list(rows.columns)
        model = (
            LinearRegression()
            if problem_type == "regression"
            else LogisticRegression(max_iter=2000)
        )
        self._model = model.fit(rows[self.features()].to_numpy(), y)
        folder = self.path / "models" / "Linear"
        folder.mkdir(parents=True)
        (folder / "model.pkl").write_bytes(pickle.dumps(self._model))
        (self.path / "learner.pkl").write_bytes(b"learner")
        return self

    def features(self):
        return [name for name in self.original_features if name != "constant"]

    @property
    def class_labels(self):
        return None if self.problem_type == "regression" else list(self._model.classes_)

    def predict_proba(self, data, *, as_multiclass):
        assert as_multiclass
        return self._frame(self._model.predict_proba(data[self.features()].to_numpy()), data)

    def predict(self, data):
        return pd.Series(self._model.predict(data[self.features()].to_numpy()), index=data.index)

    def _frame(self, values, data):
        return pd.DataFrame(values, columns=self.class_labels, index=data.index)


TabularPredictor.__module__ = "autogluon.stand_in"


def fit_real(frame, problem_type, path):
    tabular = pytest.importorskip("autogluon.tabular", reason="needs autogluon.tabular")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        predictor = tabular.TabularPredictor(
            "target", path=str(path), problem_type=problem_type, verbosity=0
        )
        # One model: stacks of many take minutes.
        forest = {"RF": [{"n_estimators": 10, "max_depth": 4}]}
        return predictor.fit(frame, hyperparameters=forest, num_cpus=1)


def fit_stand_in(frame, problem_type, path):
    return TabularPredictor("target", path).fit(frame, problem_type)


@pytest.fixture(scope="module", params=[fit_stand_in, fit_real], ids=["stand-in", "autogluon"])
def fitted(request, tmp_path_factory):
    """Predictors of each type, and how to fit more."""
    folder = tmp_path_factory.mktemp("autogluon")
    predictors = {
        kind: request.param(FRAME.assign(target=y), kind, folder / kind)
        for kind, y in TARGETS.items()
    }
    return SimpleNamespace(fit=request.param, **predictors)


@pytest.mark.parametrize("kind", ["binary", "multiclass"])
def test_classes_are_aligned_by_label(fitted, kind):
    predictor = getattr(fitted, kind)
    teacher = as_teacher(predictor, task="classification")
    assert isinstance(teacher, AutoGluonTeacher)
    labels = np.unique(TARGETS[kind])
    assert teacher.classes.tolist() == labels.tolist()
    expected = predictor.predict_proba(FRAME, as_multiclass=True)
    for order in (labels, labels[::-1]):
        P = teacher.predict_proba(FRAME, order)
        for j, label in enumerate(order):
            np.testing.assert_allclose(P[:, j], expected[label], atol=1e-6)
    assert teacher.is_fitted
    assert not teacher.refittable
    assert teacher.fitted_models == []
    assert find_task(predictor) == "classification"
    assert clone(teacher) is teacher
    assert keep_fitted(predictor) is predictor


def test_regression(fitted):
    teacher = as_teacher(fitted.regression, task="regression")
    np.testing.assert_allclose(teacher.predict(FRAME), fitted.regression.predict(FRAME))
    assert teacher.classes is None
    with pytest.raises(ValueError, match="problem of type 'regression', which cannot teach class"):
        as_teacher(fitted.regression, task="classification")
    with pytest.raises(ValueError, match="problem of type 'binary', which cannot teach regression"):
        as_teacher(fitted.binary, task="regression")


def test_columns_are_found_by_name(fitted):
    teacher = as_teacher(fitted.regression, task="regression")
    expected = teacher.predict(FRAME)
    other = FRAME.assign(more=0.0)[["more", "d", "c", "b", "a"]]
    teacher.check_features(other)
    np.testing.assert_allclose(teacher.predict(other), expected)
    np.testing.assert_allclose(teacher.predict(FRAME.to_numpy()), expected)
    with pytest.raises(ValueError, match=r"X lacks \['b'\], which teacher TabularPredictor was"):
        teacher.check_features(FRAME.drop(columns="b"))
    with pytest.raises(TeacherError, match="no names of columns; the predictor was fitted to 5"):
        teacher.predict(X)


def test_rows_of_polars(fitted):
    pl = pytest.importorskip("polars")
    teacher = as_teacher(fitted.regression, task="regression")
    in_polars = pl.DataFrame({name: FRAME[name].to_numpy() for name in FRAME})
    np.testing.assert_allclose(teacher.predict(in_polars), teacher.predict(FRAME))


def test_fingerprint(fitted, tmp_path):
    y = TARGETS["multiclass"]
    keys = [AutoGluonTeacher(getattr(fitted, kind)).fingerprint() for kind in TARGETS]
    assert len(set(keys)) == 3
    assert AutoGluonTeacher(fitted.binary).fingerprint() == keys[0]
    AutoGluonTeacher(fitted.binary).predict_proba(FRAME, [False, True])
    assert AutoGluonTeacher(fitted.binary).fingerprint() == keys[0]
    moved = fitted.fit(FRAME.assign(target=y), "multiclass", tmp_path / "m")
    (tmp_path / "m").rename(tmp_path / "elsewhere")
    with pytest.raises(TeacherError, match="has no files in"):
        AutoGluonTeacher(moved).fingerprint()


def test_distillation(fitted, tmp_path):
    y = TARGETS["multiclass"]
    fits = [
        DistilledClassifier(
            fitted.multiclass, student="tree", search_budget=0, memory=str(tmp_path), random_state=0
        ).fit(FRAME, y)
        for _ in range(2)
    ]
    assert fits[0].distillation_.teacher_labels == "in_sample"
    assert fits[0].distillation_.teacher_rows_scored > 0
    assert fits[1].distillation_.teacher_rows_scored == 0
    assert fits[0].score(FRAME, y) > 0.9
    student = DistilledRegressor(
        fitted.regression, student="linear", search_budget=0, random_state=0
    )
    assert student.fit(FRAME, TARGETS["regression"]).score(FRAME, TARGETS["regression"]) > 0.8


def test_what_is_no_fitted_predictor(tmp_path):
    with pytest.raises(ValueError, match="teacher TabularPredictor is not fitted"):
        as_teacher(TabularPredictor("target", tmp_path), task="classification")
    with pytest.raises(TypeError, match=r"predictor must be a TabularPredictor.*got int"):
        AutoGluonTeacher(1)
