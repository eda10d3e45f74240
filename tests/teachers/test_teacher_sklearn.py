import pickle

import catboost as cb
import lightgbm as lgb
import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
import sklearn
import xgboost as xgb
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import make_column_transformer
from sklearn.datasets import load_iris
from sklearn.exceptions import NotFittedError
from sklearn.feature_extraction.text import HashingVectorizer
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LinearRegression, LogisticRegression, Perceptron
from sklearn.model_selection import GridSearchCV
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.svm import LinearSVC
from sklearn.tree import DecisionTreeClassifier

from skdistill.exceptions import TeacherError
from skdistill.teachers import EstimatorTeacher, as_teacher

X, Y3 = load_iris(return_X_y=True)
Y2 = (Y3 == 2).astype(int)
SPECIES = np.array(["setosa", "versicolor", "virginica"])[Y3]
FRAME = pd.DataFrame(X, columns=["sepal length", "sepal width", "petal length", "petal width"])


def classifiers():
    return [
        LogisticRegression(max_iter=500),
        make_pipeline(StandardScaler(), KNeighborsClassifier()),
        lgb.LGBMClassifier(n_estimators=3, verbose=-1, n_jobs=1),
        xgb.XGBClassifier(n_estimators=3, n_jobs=1),
        cb.CatBoostClassifier(iterations=3, verbose=0, allow_writing_files=False, thread_count=1),
        GridSearchCV(DecisionTreeClassifier(random_state=0), {"max_depth": [1, 2]}, cv=2),
        CalibratedClassifierCV(LinearSVC(), cv=2),
    ]


def name_of(model):
    return type(model).__name__


@pytest.mark.parametrize("model", classifiers(), ids=name_of)
def test_classifiers(model):
    teacher = as_teacher(model, task="classification")
    assert teacher.refittable
    assert not teacher.is_fitted
    assert not teacher.has_implicit_order
    assert teacher.classes is None
    with pytest.raises(NotFittedError, match=f"teacher {name_of(model)} is not fitted yet"):
        teacher.predict_proba(X, [0, 1, 2])

    fitted = teacher.refit(X, Y3)
    assert fitted.is_fitted
    assert not teacher.is_fitted
    assert fitted.classes.tolist() == [0, 1, 2]
    expected = fitted.estimator.predict_proba(X)
    np.testing.assert_allclose(fitted.predict_proba(X, [0, 1, 2]), expected, atol=1e-6)
    wider = fitted.predict_proba(X, [2, 7, 1, 0])
    np.testing.assert_allclose(wider[:, [3, 2, 0]], expected, atol=1e-6)
    assert not wider[:, 1].any()

    key = fitted.fingerprint()
    assert key == fitted.fingerprint() != teacher.fingerprint()
    assert fitted.refit(X[::2], Y3[::2]).fingerprint() != key
    copy = pickle.loads(pickle.dumps(fitted))
    np.testing.assert_array_equal(copy.predict_proba(X, [2, 7, 1, 0]), wider)


@pytest.mark.parametrize(
    "model",
    [
        LinearRegression(),
        lgb.LGBMRegressor(n_estimators=3, verbose=-1, n_jobs=1),
        xgb.XGBRegressor(n_estimators=3, n_jobs=1),
        cb.CatBoostRegressor(iterations=3, verbose=0, allow_writing_files=False, thread_count=1),
    ],
    ids=name_of,
)
def test_regressors(model):
    fitted = as_teacher(model, task="regression").refit(X, X[:, 0] * 2)
    predictions = fitted.predict(X)
    np.testing.assert_allclose(predictions, fitted.estimator.predict(X))
    assert predictions.dtype == np.float64
    assert fitted.classes is None
    assert not fitted.has_implicit_order
    with pytest.raises(ValueError, match="is a regressor, which cannot teach classification"):
        as_teacher(model, task="classification")


@pytest.mark.parametrize("labels", [SPECIES, SPECIES.astype(object), Y2.astype(bool), Y3 * 10 - 5])
def test_label_types(labels):
    teacher = EstimatorTeacher(DecisionTreeClassifier().fit(X, labels))
    classes = np.unique(labels)
    proba = teacher.predict_proba(X, classes)
    np.testing.assert_array_equal(classes[proba.argmax(axis=1)], labels)


def test_wrong_kinds():
    with pytest.raises(TypeError, match=r"Perceptron has no predict_proba.*CalibratedClassifierCV"):
        as_teacher(Perceptron().fit(X, Y3), task="classification")
    with pytest.raises(TypeError, match=r"decision_function, output='logits'"):
        as_teacher(make_pipeline(StandardScaler(), LinearSVC()), task="classification")
    with pytest.raises(ValueError, match="is a classifier, which cannot teach regression"):
        as_teacher(LogisticRegression(), task="regression")


def test_several_targets():
    model = DecisionTreeClassifier().fit(X, np.c_[Y2, Y3])
    with pytest.raises(ValueError, match="was fitted to 2 targets"):
        as_teacher(model, task="classification")


def test_frozen():
    model = DecisionTreeClassifier(random_state=0).fit(X, Y3)
    teacher = as_teacher(FrozenEstimator(model), task="classification")
    assert teacher.name == "DecisionTreeClassifier"
    assert teacher.is_fitted
    assert not teacher.refittable
    assert teacher.classes.tolist() == [0, 1, 2]
    with pytest.raises(TypeError, match="cannot be fitted to other rows"):
        teacher.refit(X, Y3)
    with pytest.raises(ValueError, match="unfitted teacher declared frozen"):
        as_teacher(FrozenEstimator(DecisionTreeClassifier()), task="classification")


def test_frozen_parts():
    scaler = FrozenEstimator(StandardScaler().fit(X))
    assert EstimatorTeacher(make_pipeline(scaler, LogisticRegression())).refittable
    model = FrozenEstimator(LogisticRegression(max_iter=500).fit(X, Y3))
    assert not EstimatorTeacher(make_pipeline(StandardScaler(), model)).refittable
    assert not EstimatorTeacher(CalibratedClassifierCV(model)).refittable


def test_clone_keeps_the_adapter():
    teacher = EstimatorTeacher(DecisionTreeClassifier().fit(X, Y3))
    assert clone(teacher) is teacher
    assert repr(teacher) == "EstimatorTeacher(DecisionTreeClassifier)"


def weighted_fit_teachers():
    logistic = LogisticRegression(max_iter=500)
    grid = {"C": [1.0]}
    return [
        logistic,
        make_pipeline(StandardScaler(), logistic),
        make_pipeline(StandardScaler(), make_pipeline(StandardScaler(), logistic)),
        GridSearchCV(logistic, grid, cv=2),
        GridSearchCV(
            make_pipeline(StandardScaler(), logistic), {"logisticregression__C": [1.0]}, cv=2
        ),
    ]


@pytest.mark.parametrize("routing", [False, True])
@pytest.mark.parametrize("model", weighted_fit_teachers(), ids=name_of)
def test_weights_reach_the_fit(model, routing):
    weight = np.where(Y2 == 1, 50.0, 1.0)
    teacher = EstimatorTeacher(model)
    with sklearn.config_context(enable_metadata_routing=routing):
        weighted = teacher.refit(X, Y2, weight)
    unweighted = teacher.refit(X, Y2)
    mean = [t.predict_proba(X, [0, 1])[:, 1].mean() for t in (weighted, unweighted)]
    assert mean[0] > mean[1] + 0.02


def test_weights_are_left_out_where_fit_takes_none():
    weight = np.ones(len(X))
    for model in (KNeighborsClassifier(), make_pipeline(StandardScaler(), KNeighborsClassifier())):
        assert EstimatorTeacher(model).refit(X, Y3, weight).is_fitted


def test_refit_of_a_search_does_not_search_again():
    search = GridSearchCV(DecisionTreeClassifier(), {"max_depth": [1, 3]}, cv=2).fit(X, Y3)
    refitted = EstimatorTeacher(search).refit(X[::2], Y3[::2])
    assert isinstance(refitted.estimator, DecisionTreeClassifier)
    assert refitted.estimator.max_depth == search.best_params_["max_depth"]
    assert search.best_estimator_ is not refitted.estimator


def test_seed_is_set_only_where_there_is_none():
    model = DecisionTreeClassifier(max_features=1)
    first, again, other = (
        EstimatorTeacher(model).refit(X, Y3, random_state=seed) for seed in (0, 0, 1)
    )
    assert first.fingerprint() == again.fingerprint() != other.fingerprint()
    assert model.random_state is None
    seeded = EstimatorTeacher(DecisionTreeClassifier(random_state=5)).refit(X, Y3, random_state=0)
    assert seeded.estimator.random_state == 5


def shuffled():
    return np.random.default_rng(0).permutation(Y2)


def n_rounds(model):
    if isinstance(model, xgb.XGBClassifier):
        return getattr(model, "best_iteration", model.n_estimators - 1) + 1
    return model.tree_count_ if hasattr(model, "tree_count_") else model.booster_.num_trees()


def test_refit_keeps_the_rounds_of_early_stopping():
    data = [(X, shuffled())]
    boosted = xgb.XGBClassifier(n_estimators=30, early_stopping_rounds=2, n_jobs=1)
    boosted.fit(X, Y2, eval_set=data, verbose=False)
    light = lgb.LGBMClassifier(n_estimators=30, verbose=-1, n_jobs=1, early_stopping_rounds=2)
    light.fit(X, Y2, eval_X=X, eval_y=shuffled())
    cat = cb.CatBoostClassifier(
        iterations=30, use_best_model=True, verbose=0, allow_writing_files=False, thread_count=1
    ).fit(X, Y2, eval_set=data[0])
    for model in (boosted, light, cat):
        refitted = EstimatorTeacher(model).refit(X, Y2).estimator
        pipe = EstimatorTeacher(make_pipeline(StandardScaler(), model)).refit(X, Y2).estimator
        assert n_rounds(refitted) == n_rounds(pipe[-1]) == n_rounds(model) < 30


def test_catboost_is_quiet(tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    pipe = make_pipeline(StandardScaler(), cb.CatBoostClassifier(iterations=2, thread_count=1))
    EstimatorTeacher(pipe).refit(X, Y2)
    assert not list(tmp_path.iterdir())
    assert not capfd.readouterr().out
    EstimatorTeacher(cb.CatBoostClassifier(iterations=2, verbose=1)).refit(X, Y2)
    assert "learn" in capfd.readouterr().out


@pytest.mark.parametrize(
    "model",
    [
        LogisticRegression(max_iter=500),
        make_pipeline(StandardScaler(), LogisticRegression()),
        lgb.LGBMClassifier(n_estimators=2, verbose=-1, n_jobs=1),
        xgb.XGBClassifier(n_estimators=2, n_jobs=1),
        GridSearchCV(DecisionTreeClassifier(), {"max_depth": [1]}, cv=2),
        FrozenEstimator(DecisionTreeClassifier().fit(FRAME, Y3)),
    ],
    ids=name_of,
)
def test_feature_names_are_checked(model):
    teacher = EstimatorTeacher(model)
    if teacher.refittable:
        teacher.check_features(FRAME)  # an unfitted one takes any
        teacher = teacher.refit(FRAME, Y3)
    teacher.check_features(FRAME)
    teacher.check_features(X)
    with pytest.raises(ValueError, match=r"X lacks .*petal.width"):
        teacher.check_features(FRAME.rename(columns={"petal width": "width"}))
    with pytest.raises(ValueError, match=r"order differs, first at .*petal.width"):
        teacher.check_features(FRAME[FRAME.columns[::-1]])


def test_columns_that_are_found_by_name():
    encode = make_column_transformer((StandardScaler(), ["sepal length", "petal length"]))
    pipe = EstimatorTeacher(make_pipeline(encode, LogisticRegression())).refit(FRAME, Y3)
    other = FRAME[FRAME.columns[::-1]].drop(columns="sepal width").assign(extra=1)
    pipe.check_features(other)
    expected = pipe.predict_proba(FRAME, [0, 1, 2])
    np.testing.assert_array_equal(pipe.predict_proba(other, [0, 1, 2]), expected)
    with pytest.raises(TeacherError, match=r"failed in predict_proba on 150 rows.*sepal length"):
        pipe.predict_proba(FRAME.drop(columns="sepal length"), [0, 1, 2])


def test_raw_rows_reach_the_teacher():
    frame = FRAME.assign(species=SPECIES).astype({"species": "category"})
    frame.loc[frame.index[:5], "species"] = None
    encode = make_column_transformer(
        (OneHotEncoder(handle_unknown="ignore"), ["species"]), remainder="passthrough"
    )
    pipe = make_pipeline(encode, DecisionTreeClassifier(random_state=0))
    teacher = EstimatorTeacher(pipe).refit(frame, SPECIES)
    assert teacher.predict_proba(frame[:7], teacher.classes).shape == (7, 3)
    texts = ["good", "bad", "fine", "awful"] * 3
    text_teacher = make_pipeline(HashingVectorizer(n_features=16), LogisticRegression())
    proba = (
        EstimatorTeacher(text_teacher).refit(texts, [1, 0, 1, 0] * 3).predict_proba(texts, [0, 1])
    )
    np.testing.assert_array_equal(proba.argmax(axis=1), [1, 0, 1, 0] * 3)
    S = sp.csr_matrix(X)
    sparse = EstimatorTeacher(LogisticRegression(max_iter=500)).refit(S, Y3)
    assert sparse.predict_proba(S[:3], [0, 1, 2]).shape == (3, 3)


def test_a_fold_with_one_class():
    teacher = EstimatorTeacher(DecisionTreeClassifier()).refit(X[:20], Y3[:20])
    np.testing.assert_array_equal(teacher.predict_proba(X, [0, 1]), [[1.0, 0.0]] * 150)


def test_failures_in_fit_keep_their_message():
    teacher = EstimatorTeacher(LogisticRegression(C=-1.0))
    with pytest.raises(TeacherError, match=r"LogisticRegression failed in fit on 150 rows: .*'C'"):
        teacher.refit(X, Y3)
    fitted = EstimatorTeacher(LogisticRegression(max_iter=500)).refit(X, Y3)
    with pytest.raises(TeacherError, match=r"predict_proba on 150 rows: .*3 features"):
        fitted.predict_proba(X[:, :3], [0, 1, 2])


class Foreign:
    """A classifier that follows the conventions without scikit-learn's base class."""

    def fit(self, X, y):
        return self

    def predict(self, X):
        return np.zeros(len(X))

    def predict_proba(self, X):
        return np.tile([0.25, 0.75], (len(X), 1))


def test_classes_without_tags():
    model = Foreign()
    model.fitted_ = True
    teacher = as_teacher(model, task="classification")
    assert teacher.has_implicit_order
    assert not teacher.refittable
    np.testing.assert_array_equal(teacher.predict_proba(X[:1], ["a", "b"]), [[0.25, 0.75]])
    assert as_teacher(model, task="regression").predict(X[:2]).tolist() == [0, 0]


@pytest.mark.parametrize("in_pipeline", [False, True])
@pytest.mark.parametrize("labels", [["a", "b", "d"], [0, 2, 3]])
def test_xgboost_learns_labels_that_are_not_counted_from_zero(labels, in_pipeline):
    labels = np.array(labels)
    model = xgb.XGBClassifier(n_estimators=3, n_jobs=1)
    model = make_pipeline(StandardScaler(), model) if in_pipeline else model
    counted = EstimatorTeacher(model.fit(X, Y3))
    teacher = counted.refit(X, labels[Y3])
    np.testing.assert_array_equal(teacher.classes, labels)
    expected = counted.predict_proba(X, [0, 1, 2])
    np.testing.assert_allclose(teacher.predict_proba(X, labels), expected, rtol=1e-6)
    again = teacher.refit(X, labels[Y3])
    assert again.fingerprint() == teacher.fingerprint() != counted.fingerprint()
