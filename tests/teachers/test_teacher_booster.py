import pickle

import lightgbm as lgb
import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
import xgboost as xgb
from scipy.special import expit
from sklearn.datasets import load_iris

from skdistill.teachers import BoosterTeacher, as_teacher

X, Y3 = load_iris(return_X_y=True)
Y2 = (Y3 == 2).astype(int)
COUNTS = np.round(X[:, 2] * 2) + 1
FRAME = pd.DataFrame(X, columns=["sepal length", "sepal width", "petal length", "petal width"])


def train_lightgbm(objective, y=Y2, X=X, *, rounds=4, **params):
    params = {"verbose": -1, "num_leaves": 4, "num_threads": 1, "objective": objective, **params}
    return lgb.train(params, lgb.Dataset(X, y), num_boost_round=rounds)


def train_xgboost(objective, y=Y2, X=X, **params):
    params = {"max_depth": 2, "nthread": 1, "objective": objective, **params}
    return xgb.train(params, xgb.DMatrix(X, y, enable_categorical=True), num_boost_round=4)


def two_columns(p):
    return np.column_stack([1 - p, p])


@pytest.mark.parametrize(
    ("objective", "y", "params"),
    [
        ("binary", Y2, {}),
        ("binary", Y2, {"sigmoid": 2.5}),
        ("cross_entropy", Y2 * 0.8 + 0.1, {}),
        ("multiclass", Y3, {"num_class": 3}),
        ("multiclassova", Y3, {"num_class": 3, "sigmoid": 0.7}),
        ("binary", Y2, {"boosting": "rf", "bagging_freq": 1, "bagging_fraction": 0.6}),
        ("binary", Y2, {"boosting": "dart"}),
        ("binary", Y2, {"linear_tree": True}),
    ],
)
def test_lightgbm_probabilities_are_those_of_the_library(objective, y, params):
    booster = train_lightgbm(objective, y, **params)
    expected = booster.predict(X)
    if expected.ndim == 1:
        expected = two_columns(expected)
    teacher = as_teacher(booster, task="classification")
    proba = teacher.predict_proba(X, np.arange(expected.shape[1]))
    # LightGBM does not scale the independent sigmoids of one-vs-all to a sum of one.
    np.testing.assert_allclose(proba, expected / expected.sum(axis=1, keepdims=True), rtol=1e-12)
    assert teacher.has_implicit_order
    assert teacher.classes is None


@pytest.mark.parametrize(
    ("objective", "y", "params"),
    [
        ("binary:logistic", Y2, {}),
        ("binary:logistic", Y2, {"base_score": 0.9}),
        ("binary:logitraw", Y2, {}),
        ("reg:logistic", Y2 * 0.8 + 0.1, {}),
        ("multi:softprob", Y3, {"num_class": 3}),
        ("multi:softmax", Y3, {"num_class": 3}),
        ("binary:logistic", Y2, {"booster": "gblinear", "verbosity": 0}),
        ("binary:logistic", Y2, {"booster": "dart", "rate_drop": 0.3}),
    ],
)
def test_xgboost_probabilities_are_those_of_the_library(objective, y, params):
    booster = train_xgboost(objective, y, **params)
    if objective == "multi:softmax":
        expected = train_xgboost("multi:softprob", y, **params).predict(xgb.DMatrix(X))
    elif objective == "binary:logitraw":
        expected = expit(booster.predict(xgb.DMatrix(X)))
    else:
        expected = booster.predict(xgb.DMatrix(X))
    if expected.ndim == 1:
        expected = two_columns(expected)
    proba = as_teacher(booster, task="classification").predict_proba(
        X, np.arange(expected.shape[1])
    )
    np.testing.assert_allclose(proba, expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    "objective", ["regression", "regression_l1", "poisson", "gamma", "tweedie", "huber", "quantile"]
)
def test_lightgbm_regression_uses_the_library_link(objective):
    booster = train_lightgbm(objective, COUNTS)
    teacher = as_teacher(booster, task="regression")
    np.testing.assert_array_equal(teacher.predict(X), booster.predict(X))
    assert not teacher.has_implicit_order


@pytest.mark.parametrize("objective", ["reg:squarederror", "count:poisson", "reg:gamma"])
def test_xgboost_regression_uses_the_library_link(objective):
    booster = train_xgboost(objective, COUNTS)
    teacher = as_teacher(booster, task="regression")
    np.testing.assert_allclose(teacher.predict(X), booster.predict(xgb.DMatrix(X)))
    assert abs(teacher.predict(X).mean() - COUNTS.mean()) < 2.0  # not on the log scale


def shuffled(seed=0):
    return np.random.default_rng(seed).permutation(Y2)


def test_lightgbm_uses_the_best_iteration():
    params = {"objective": "binary", "verbose": -1, "num_threads": 1, "metric": "binary_logloss"}
    data = lgb.Dataset(X, Y2)
    booster = lgb.train(
        params,
        data,
        num_boost_round=20,
        valid_sets=[lgb.Dataset(X, shuffled(), reference=data)],
        callbacks=[lgb.early_stopping(2, verbose=False)],
        keep_training_booster=True,  # or the later trees are cut off
    )
    assert 0 < booster.best_iteration < booster.current_iteration()
    proba = BoosterTeacher(booster).predict_proba(X, [0, 1])
    np.testing.assert_allclose(
        proba[:, 1], booster.predict(X, num_iteration=booster.best_iteration)
    )


def test_xgboost_uses_the_best_iteration():
    booster = xgb.train(
        {"objective": "binary:logistic", "nthread": 1},
        xgb.DMatrix(X, Y2),
        num_boost_round=20,
        evals=[(xgb.DMatrix(X, shuffled()), "valid")],
        early_stopping_rounds=2,
        verbose_eval=False,
    )
    best = booster.best_iteration + 1
    assert best < booster.num_boosted_rounds()
    proba = BoosterTeacher(booster).predict_proba(X, [0, 1])
    expected = booster.predict(xgb.DMatrix(X), iteration_range=(0, best))
    np.testing.assert_allclose(proba[:, 1], expected, rtol=1e-5)
    assert not np.allclose(proba[:, 1], booster.predict(xgb.DMatrix(X)))


def squared_error(scores, data):
    return scores - data.get_label(), np.ones_like(scores)


def test_custom_objectives_ask_for_a_callable():
    lightgbm = train_lightgbm(squared_error, Y2)
    xgboost = xgb.train({"nthread": 1}, xgb.DMatrix(X, Y2), num_boost_round=2, obj=squared_error)
    for booster in (lightgbm, xgboost):
        with pytest.raises(ValueError, match="output='logits'"):
            as_teacher(booster, task="classification")
    with pytest.raises(ValueError, match="'custom', which is none of regression"):
        as_teacher(lightgbm, task="regression")


@pytest.mark.parametrize(
    "booster", [train_lightgbm("binary"), train_xgboost("binary:logistic")], ids=["lgb", "xgb"]
)
def test_classification_objective_cannot_teach_regression(booster):
    with pytest.raises(ValueError, match="none of regression"):
        as_teacher(booster, task="regression")


def test_hinge_has_no_probabilities():
    with pytest.raises(ValueError, match="tells no probabilities"):
        as_teacher(train_xgboost("binary:hinge"), task="classification")


@pytest.mark.parametrize("train", [train_lightgbm, train_xgboost])
def test_sparse_rows(train):
    objective = "binary" if train is train_lightgbm else "binary:logistic"
    S = sp.csr_matrix(np.where(X < 1.5, 0.0, X))
    booster = train(objective, X=S)
    teacher = BoosterTeacher(booster)
    assert teacher.predict_proba(S[:7], [0, 1]).shape == (7, 2)


def categorical_frame():
    colours = pd.Categorical(np.array(["red", "green", "blue"])[Y3], categories=list("x") + COLOURS)
    return pd.DataFrame({"colour": colours, "length": X[:, 0]})


COLOURS = ["red", "green", "blue"]


@pytest.mark.parametrize("train", [train_lightgbm, train_xgboost])
def test_pandas_categories(train):
    objective = "binary" if train is train_lightgbm else "binary:logistic"
    frame = categorical_frame()
    # Small leaves, or LightGBM makes no split by a category of 50 rows.
    extra = {"min_data_per_group": 1, "min_data_in_leaf": 1} if train is train_lightgbm else {}
    teacher = BoosterTeacher(train(objective, X=frame, **extra))
    proba = teacher.predict_proba(frame, [0, 1])
    assert proba[Y2 == 1, 1].min() > proba[Y2 == 0, 1].max()
    np.testing.assert_array_equal(teacher.predict_proba(frame[140:], [0, 1]), proba[140:])


@pytest.mark.parametrize(
    "booster",
    [train_lightgbm("binary", X=FRAME), train_xgboost("binary:logistic", X=FRAME)],
    ids=["lgb", "xgb"],
)
def test_feature_names_are_checked(booster):
    teacher = BoosterTeacher(booster)
    teacher.check_features(FRAME)
    teacher.check_features(X)
    with pytest.raises(ValueError, match=r"X lacks .*petal.width.*Give X with"):
        teacher.check_features(FRAME.drop(columns="petal width"))
    with pytest.raises(ValueError, match=r"fitted without .*'extra'"):
        teacher.check_features(FRAME.assign(extra=1))
    with pytest.raises(ValueError, match=r"order differs, first at .*sepal.length"):
        teacher.check_features(FRAME[FRAME.columns[::-1]])


@pytest.mark.parametrize("train", [train_lightgbm, train_xgboost])
def test_names_on_one_side_only_are_no_mismatch(train):
    objective = "binary" if train is train_lightgbm else "binary:logistic"
    named, unnamed = BoosterTeacher(train(objective, X=FRAME)), BoosterTeacher(train(objective))
    unnamed.check_features(FRAME)
    expected = named.predict_proba(FRAME, [0, 1])
    for teacher, rows in [(named, X), (unnamed, FRAME), (unnamed, X)]:
        np.testing.assert_allclose(teacher.predict_proba(rows, [0, 1]), expected)


@pytest.mark.parametrize("train", [train_lightgbm, train_xgboost])
def test_wrong_number_of_features(train, capfd):
    objective = "binary" if train is train_lightgbm else "binary:logistic"
    with pytest.raises(ValueError, match=r"failed in predict_proba on 150 rows: .*features"):
        BoosterTeacher(train(objective)).predict_proba(X[:, :3], [0, 1])


def test_classes_name_the_codes():
    booster = train_lightgbm("multiclass", Y3, num_class=3)
    teacher = BoosterTeacher(booster, classes=["setosa", "versicolor", "aaa"])
    assert teacher.classes.tolist() == ["aaa", "setosa", "versicolor"]
    proba = teacher.predict_proba(X, teacher.classes)
    np.testing.assert_allclose(proba, booster.predict(X)[:, [2, 0, 1]])
    assert not teacher.has_implicit_order
    with pytest.raises(ValueError, match="has classes, which regression does not have"):
        as_teacher(BoosterTeacher(train_lightgbm("poisson"), classes=[0, 1]), task="regression")


@pytest.mark.parametrize("train", [train_lightgbm, train_xgboost])
def test_fingerprint_survives_pickling_and_sees_the_model(train):
    objective = "binary" if train is train_lightgbm else "binary:logistic"
    teacher = BoosterTeacher(train(objective))
    key = teacher.fingerprint()
    teacher.predict_proba(X, [0, 1])
    assert teacher.fingerprint() == key
    copy = pickle.loads(pickle.dumps(teacher))
    assert copy.fingerprint() == key
    np.testing.assert_array_equal(copy.predict_proba(X, [0, 1]), teacher.predict_proba(X, [0, 1]))
    assert BoosterTeacher(train(objective, shuffled())).fingerprint() != key
    assert BoosterTeacher(train(objective), classes=["a", "b"]).fingerprint() != key


def test_other_objects_are_refused():
    with pytest.raises(TypeError, match=r"must be a lightgbm\.Booster"):
        BoosterTeacher(object())


def test_boosters_cannot_be_refitted():
    teacher = BoosterTeacher(train_lightgbm("binary"))
    assert not teacher.refittable
    with pytest.raises(TypeError, match="teacher_labels='in_sample'"):
        teacher.refit(X, Y2)
