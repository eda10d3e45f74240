"""Trees read from models say what the models say, also at thresholds and for missing values."""

from __future__ import annotations

import re

import lightgbm as lgb
import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
import xgboost as xgb
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import (
    AdaBoostClassifier,
    BaggingClassifier,
    ExtraTreesRegressor,
    GradientBoostingClassifier,
    GradientBoostingRegressor,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
    VotingClassifier,
)
from sklearn.exceptions import NotFittedError
from sklearn.feature_selection import RFE
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.tree import DecisionTreeClassifier

from skdistill._ensembles import LEAF, find_sources
from skdistill.teachers import CallableTeacher, as_teacher

LGB = {"n_estimators": 6, "verbose": -1, "n_jobs": 1, "min_child_samples": 5}
XGB = {"n_estimators": 6, "n_jobs": 1}


def make_rows(n=240, seed=0, missing=True):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 4)) * np.array([1.0, 1e-3, 1e6, 1.0])
    X[:, 3] = rng.integers(0, 6, n)
    score = X[:, 0] + X[:, 2] / 1e6 + X[:, 3] % 2 + 0.3 * rng.normal(size=n)
    if missing:
        X[rng.random(n) < 0.15, 0] = np.nan
    return X, score, np.digitize(score, [0.0, 1.0])


def raw_scores(model, X):
    if isinstance(model, lgb.LGBMModel):
        said = model.predict(X, raw_score=True)
    elif isinstance(model, xgb.XGBModel):
        said = model.predict(X, output_margin=True)
    elif hasattr(model, "decision_function"):
        said = model.decision_function(X)
    else:
        said = model.predict_proba(X) if hasattr(model, "predict_proba") else model.predict(X)
    return np.asarray(said, dtype=np.float64).reshape(X.shape[0], -1)


def assert_same(model, X, source=None):
    """Compare scores up to a constant, which not every library writes down."""
    if source is None:
        (source,) = find_sources(model)
    difference = source.forest.scores(source.encode(X)) - raw_scores(model, X)
    assert_allclose(difference, np.broadcast_to(difference[0], difference.shape), atol=2e-6)


def at_thresholds(model, X):
    """Rows that hold the thresholds of the trees, and their neighbours in float32 and float64."""
    forest = find_sources(model)[0].forest
    rows = []
    for j in range(X.shape[1]):
        cuts = np.unique(forest.threshold[forest.feature == j])[:20]
        single = cuts.astype(np.float32)
        up, down = np.nextafter(single, np.float32(np.inf)), np.nextafter(single, -np.float32(9e9))
        values = np.concatenate([cuts, np.nextafter(cuts, np.inf), single, up, down])
        for value in values[np.abs(values) > 2e-35]:  # LightGBM takes the others for zero
            row = X[len(rows) % len(X)].copy()
            row[j] = value
            rows.append(row)
    return np.array(rows)


@pytest.mark.parametrize(
    ("model", "task"),
    [
        (lgb.LGBMClassifier(**LGB), "classes"),
        (lgb.LGBMClassifier(**LGB), "binary"),
        (lgb.LGBMRegressor(**LGB, boosting_type="dart"), "values"),
        (xgb.XGBClassifier(**XGB), "classes"),
        (xgb.XGBClassifier(**XGB, num_parallel_tree=2), "binary"),
        (xgb.XGBRegressor(**XGB), "values"),
        (HistGradientBoostingClassifier(max_iter=6), "classes"),
        (HistGradientBoostingRegressor(max_iter=6), "values"),
        (RandomForestClassifier(6, random_state=0), "classes"),
        (RandomForestRegressor(6, random_state=0), "values"),
        (ExtraTreesRegressor(6, random_state=0), "values"),
        (DecisionTreeClassifier(random_state=0), "classes"),
        (GradientBoostingClassifier(n_estimators=6), "classes"),
        (GradientBoostingRegressor(n_estimators=6), "values"),
    ],
    ids=lambda value: type(value).__name__ if hasattr(value, "fit") else value,
)
def test_scores_are_the_models_own(model, task):
    X, score, codes = make_rows(missing=not isinstance(model, GRADIENT))
    y = {"values": score, "classes": codes, "binary": (codes > 0).astype(int)}[task]
    model.fit(X, y)
    new = make_rows(seed=1, missing=not isinstance(model, GRADIENT))[0]
    assert_same(model, new)
    assert_same(model, at_thresholds(model, new))


GRADIENT = GradientBoostingClassifier | GradientBoostingRegressor


def test_missing_values_that_were_none_in_training():
    X, score, codes = make_rows(missing=False)
    Z = X.copy()
    Z[::3, 0] = np.nan
    for model in (lgb.LGBMRegressor(**LGB), xgb.XGBRegressor(**XGB)):
        assert_same(model.fit(X, score), Z)
    for model in (HistGradientBoostingClassifier(max_iter=6), RandomForestClassifier(5)):
        assert_same(model.fit(X, codes), Z)


@pytest.mark.parametrize(
    "model",
    [
        lgb.LGBMRegressor(**LGB, min_data_per_group=3, cat_smooth=1.0),
        HistGradientBoostingRegressor(max_iter=6, categorical_features="from_dtype"),
    ],
    ids=lambda model: type(model).__name__,
)
def test_categories_of_a_frame(model):
    X, score, _ = make_rows()
    frame = pd.DataFrame(X, columns=list("abcd"))
    frame["d"] = pd.Categorical(
        [None if v == 5 else f"level {v:.0f}" for v in X[:, 3]],
        categories=[f"level {v}" for v in (3, 1, 0, 4, 2)],
    )
    (source,) = find_sources(model.fit(frame, score))
    assert len(source.forest.level_sets) > 0
    assert_same(model, frame, source)
    assert_same(model, frame.iloc[::-1], source)


def test_sparse_cells_are_missing_to_xgboost_and_zero_to_others():
    X, score, _ = make_rows()
    codes = X[:, 3:].astype(int).astype(str)
    rounded = sp.csr_matrix(np.round(X[:, [2, 3]] / [1e6, 1.0]))
    for model in (xgb.XGBRegressor(**XGB), lgb.LGBMRegressor(**LGB)):
        pipeline = make_pipeline(OneHotEncoder(), model).fit(codes, score)
        (source,) = find_sources(pipeline)
        said = raw_scores(model, pipeline[:-1].transform(codes))
        difference = source.forest.scores(source.encode(codes)) - said
        assert_allclose(difference, np.full_like(difference, difference[0, 0]), atol=2e-6)
        assert_same(model.fit(rounded, score), rounded)


def test_fractions_of_codes_are_cut_off():
    X, score, _ = make_rows()
    model = lgb.LGBMRegressor(**LGB, min_data_per_group=3, cat_smooth=1.0)
    model.fit(X, score, categorical_feature=[3])
    for moved in (0.5, -0.5, -2.0, 99.0):
        Z = X.copy()
        Z[:, 3] += moved
        assert_same(model, Z)


def test_missing_numbers_of_nullable_columns():
    X, score, _ = make_rows()
    frame = pd.DataFrame(X, columns=list("abcd"))
    frame["d"] = frame["d"].astype(int).astype("Int64").mask(frame["d"] == 2)
    for model in (HistGradientBoostingRegressor(max_iter=6), lgb.LGBMRegressor(**LGB)):
        assert_same(model.fit(frame, score), frame)


def test_best_iteration_counts():
    X, score, _ = make_rows(120)
    model = xgb.XGBRegressor(n_estimators=60, learning_rate=1.0, early_stopping_rounds=2, n_jobs=1)
    model.fit(X[:60], score[:60], eval_set=[(X[60:], score[60:])], verbose=False)
    assert_same(model, X)
    assert len(find_sources(model)[0].forest) == model.best_iteration + 1 < 60
    params = {"verbose": -1, "num_threads": 1, "learning_rate": 1.0, "min_data_in_leaf": 5}
    train, valid = lgb.Dataset(X[:60], score[:60]), lgb.Dataset(X[60:], score[60:])
    stop = lgb.early_stopping(2, verbose=False)
    booster = lgb.train(params, train, 60, valid_sets=[valid], callbacks=[stop])
    (source,) = find_sources(booster)
    assert len(source.forest) == booster.best_iteration < 60
    assert_allclose(source.forest.scores(X)[:, 0], booster.predict(X))


def test_truncated_trees_route_alike_above_the_cut():
    X, score, _ = make_rows()
    (source,) = find_sources(RandomForestRegressor(5, random_state=0).fit(X, score))
    forest = source.forest
    cut = forest.truncated(3)
    assert len(cut.levels()) == 4
    assert len(forest.truncated(99).feature) == len(forest.feature)
    leaves = cut.apply(X)
    assert (cut.feature[leaves] == LEAF).all()
    # The rows of a leaf that was there are the rows of the leaf that is there.
    for t in range(len(cut)):
        whole, top = forest.apply(X)[:, t], leaves[:, t]
        assert len(np.unique(np.column_stack([whole, top]), axis=0)) == len(np.unique(whole))
    some = forest.take(np.array([1, 3])).truncated(3)
    assert len(some) == 2
    assert_array_equal(some.feature[some.apply(X)], LEAF)


class TestWhereTreesAreFound:
    def test_wrapped_models(self):
        X, _, codes = make_rows(missing=False)
        forest = RandomForestClassifier(3, max_depth=3, random_state=0)
        forest.fit(X, codes)
        search = GridSearchCV(forest, {"max_depth": [3]}, cv=2).fit(X, codes)
        voting = VotingClassifier([("a", forest), ("b", GaussianNB())]).fit(X, codes)
        calibrated = CalibratedClassifierCV(FrozenEstimator(forest)).fit(X, codes)
        for model in (
            FrozenEstimator(forest),
            search,
            voting,
            calibrated,
            as_teacher(forest, task="classification"),
            as_teacher([forest, GaussianNB().fit(X, codes)], task="classification"),
            [forest],
        ):
            assert len(find_sources(model)[0].forest) == 3

    def test_pipelines_encode(self):
        X, score, _ = make_rows()
        model = lgb.LGBMRegressor(**LGB)
        pipeline = make_pipeline(StandardScaler(), model).fit(X, score)
        (source,) = find_sources(pipeline)
        assert_allclose(source.forest.scores(source.encode(X))[:, 0], pipeline.predict(X))
        assert len(find_sources(make_pipeline(model).fit(X, score))) == 1

    def test_bagging_draws_columns(self):
        X, _, codes = make_rows()
        model = BaggingClassifier(n_estimators=4, max_features=2, random_state=0).fit(X, codes)
        said = [source.forest.scores(source.encode(X)) for source in find_sources(model)]
        assert_allclose(np.mean(said, axis=0), model.predict_proba(X))

    def test_feature_elimination_keeps_some_columns(self):
        X, _, codes = make_rows(missing=False)
        forest = RandomForestClassifier(5, random_state=0)
        assert_same(RFE(forest, n_features_to_select=2).fit(X, codes), X)

    def test_adaptive_boosting(self):
        X, _, codes = make_rows(missing=False)
        model = AdaBoostClassifier(DecisionTreeClassifier(max_depth=2), n_estimators=3)
        assert len(find_sources(model.fit(X, codes))) == 3

    def test_boosters_themselves(self):
        X, score, _ = make_rows()
        model = xgb.XGBRegressor(**XGB).fit(X, score)
        assert len(find_sources(model.get_booster())[0].forest) == 6
        booster = lgb.LGBMRegressor(**LGB).fit(X, score).booster_
        for given in (booster, as_teacher(booster, task="regression")):
            assert len(find_sources(given)[0].forest) == 6

    def test_a_function_shows_no_trees(self):
        teacher = CallableTeacher(lambda X: X[:, 0], output="predictions")
        assert teacher.fitted_models == []
        with pytest.raises(ValueError, match=rf"teacher {re.escape(teacher.name)} has no trees"):
            find_sources(teacher)


class TestErrors:
    def test_no_trees(self):
        X, _, codes = make_rows(missing=False)
        linear = LogisticRegression().fit(X[:, 3:], codes)
        with pytest.raises(ValueError, match=r"teacher LogisticRegression has no trees .* give a"):
            find_sources(linear)
        assert find_sources(linear, missing_ok=True) == []
        stump = DecisionTreeClassifier(max_depth=1, min_samples_leaf=len(X)).fit(X, codes)
        with pytest.raises(ValueError, match="no trees"):
            find_sources(stump)

    @pytest.mark.filterwarnings("ignore:.*booster=gblinear.*deprecated:UserWarning")
    def test_forms_that_are_not_read(self):
        X, score, _ = make_rows(missing=False)
        with pytest.raises(ValueError, match="booster='gblinear'"):
            find_sources(xgb.XGBRegressor(booster="gblinear", n_estimators=2).fit(X, score))
        with pytest.raises(ValueError, match="zero_as_missing"):
            find_sources(lgb.LGBMRegressor(**LGB, zero_as_missing=True).fit(X, score))
        with pytest.raises(ValueError, match="linear leaves"):
            find_sources(lgb.LGBMRegressor(**LGB, linear_tree=True).fit(X, score))
        with pytest.raises(ValueError, match=r"missing=-999\.0, which is not supported"):
            find_sources(xgb.XGBRegressor(**XGB, missing=-999.0).fit(X, score))
        frame = pd.DataFrame({"a": X[:, 0], "b": pd.Categorical(X[:, 3].astype(int))})
        model = xgb.XGBRegressor(**XGB, enable_categorical=True, max_cat_to_onehot=1)
        with pytest.raises(ValueError, match="categorical splits"):
            find_sources(model.fit(frame, X[:, 3] % 2))

    def test_models_that_are_not_fitted(self):
        for model in (lgb.LGBMRegressor(), xgb.XGBRegressor(), HistGradientBoostingRegressor()):
            with pytest.raises(NotFittedError, match=type(model).__name__):
                find_sources(make_pipeline(model))

    def test_rows_of_other_columns(self):
        X, score, _ = make_rows()
        for model in (lgb.LGBMRegressor(**LGB), xgb.XGBRegressor(**XGB)):
            (source,) = find_sources(model.fit(X, score))
            (bare,) = find_sources(model._Booster)
            for one in (source, bare):
                with pytest.raises(ValueError, match=r"X has 5 columns .* fitted to 4"):
                    one.encode(np.hstack([X, X[:, :1]]))

    def test_columns_in_another_order(self):
        X, score, _ = make_rows()
        frame = pd.DataFrame(X, columns=list("abcd"))
        for model in (lgb.LGBMRegressor(**LGB), RandomForestRegressor(3)):
            (source,) = find_sources(model.fit(frame, score))
            with pytest.raises(ValueError, match=r"another order .* 'b', 'c', 'd'"):
                source.encode(frame[list("badc")])

    def test_strings_without_an_encoder(self):
        X, score, _ = make_rows()
        (source,) = find_sources(RandomForestRegressor(3).fit(X, score))
        frame = pd.DataFrame(X, columns=list("abcd")).astype({"d": str})
        with pytest.raises(ValueError, match=r"column 'd' holds .* as a Pipeline"):
            source.encode(frame)
