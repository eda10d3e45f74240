"""Thresholds of a teacher's trees, in units of the raw table."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from sklearn.compose import make_column_transformer
from sklearn.decomposition import PCA
from sklearn.ensemble import (
    GradientBoostingRegressor,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
)
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from skdistill.students._additive import teacher_cuts as _teacher_cuts
from skdistill.students._additive.teacher_cuts import find_splits

RNG = np.random.default_rng(0)
X = RNG.normal(size=(3000, 3))
JUMP = 0.7
Y = (X[:, 1] > JUMP).astype(float)
NUMBERS = dict(enumerate(X.T))


def near_jump(splits):
    return np.abs(splits.thresholds - JUMP).max() < 0.01


def test_a_stump_has_one_threshold():
    stump = DecisionTreeRegressor(max_depth=1).fit(X, Y)
    found = find_splits(stump, X, NUMBERS)
    assert_allclose(found[1].thresholds, stump.tree_.threshold[0])
    assert_allclose(found[1].gains, 1.0)
    assert not any(len(found[j].thresholds) for j in found if j != 1)


@pytest.mark.parametrize(
    "encoder",
    [
        StandardScaler(),
        FunctionTransformer(lambda X: -5.0 * X),
        FunctionTransformer(lambda X: X[:, ::-1]),
        FunctionTransformer(np.exp),
    ],
    ids=["scaled", "turned", "reordered", "bent"],
)
def test_encoders_are_undone(encoder):
    found = find_splits(
        make_pipeline(encoder, DecisionTreeRegressor(max_depth=1)).fit(X, Y), X, NUMBERS
    )
    assert near_jump(found[1])


def test_a_frame_with_categories_and_missing_values():
    frame = pd.DataFrame({"c": np.where(X[:, 0] > 0, "u", "v"), "x": X[:, 1], "z": X[:, 2]})
    frame.loc[::7, "x"] = np.nan
    encoder = make_column_transformer(
        (OneHotEncoder(), ["c"]), (StandardScaler(), ["x", "z"]), sparse_threshold=0.0
    )
    teacher = make_pipeline(encoder, HistGradientBoostingRegressor(max_iter=5))
    teacher.fit(frame, np.where(frame["x"] > JUMP, 1.0, 0.0))
    numbers = {j: frame.iloc[:, j].to_numpy(dtype=float) for j in (1, 2)}
    found = find_splits(teacher, frame, numbers)
    heavy = found[1].thresholds[found[1].gains > 0.05]
    assert_allclose(heavy, JUMP, atol=0.02)


def test_a_split_counts_by_what_it_explains():
    y = 10.0 * (X[:, 0] > 0) + (X[:, 0] > 1.5)
    teacher = GradientBoostingRegressor(n_estimators=20, max_leaf_nodes=3, random_state=0)
    found = find_splits(teacher.fit(X, y), X, NUMBERS)[0]
    at_zero = np.abs(found.thresholds) < 0.05
    assert 0.9 < found.gains[at_zero].sum() < 1.0
    # The unit of the values does not matter.
    huge = find_splits(teacher.fit(X, 1e9 * y), X, NUMBERS)[0]
    assert_allclose(huge.gains[np.abs(huge.thresholds) < 0.05].sum(), found.gains[at_zero].sum())


@pytest.mark.parametrize(
    "teacher",
    [
        LinearRegression(),
        make_pipeline(PCA(), DecisionTreeRegressor(max_depth=3)),
    ],
    ids=["no trees", "columns mixed"],
)
def test_there_may_be_none(teacher):
    found = find_splits(teacher.fit(X, Y), X, NUMBERS)
    assert not any(len(splits.thresholds) for splits in found.values())


def test_rows_that_the_teacher_does_not_take_have_none():
    frame = pd.DataFrame(X, columns=["a", "b", "c"])
    encoder = make_column_transformer((StandardScaler(), ["a", "b"]))
    teacher = make_pipeline(encoder, DecisionTreeRegressor(max_depth=2)).fit(frame, Y)
    assert find_splits(teacher, X, NUMBERS) == {}
    wide = DecisionTreeRegressor(max_depth=2).fit(np.hstack([X[:, [0, 0, 0]], X]), Y)
    assert find_splits(wide, X, NUMBERS) == {}


def test_an_indicator_of_a_rare_level_is_not_made_of_a_number():
    # It rises with a number when its only row has the largest one.
    rare = np.zeros(len(X))
    rare[X[:, 0].argmax()] = 1.0
    tree = DecisionTreeClassifier(max_depth=1).fit(rare[:, None], rare)
    table = np.column_stack([X[:, 0], rare])
    encoder = FunctionTransformer(lambda X: X[:, 1:])
    teacher = make_pipeline(encoder.fit(table), tree)
    found = find_splits(teacher, table, {0: table[:, 0]})
    assert not any(len(splits.thresholds) for splits in found.values())


def test_what_is_read_is_bounded(monkeypatch):
    seen = []

    def gains(forest, encoded):
        seen.append((len(forest), len(encoded)))
        return real(forest, encoded)

    real = _teacher_cuts._gains
    monkeypatch.setattr(_teacher_cuts, "_gains", gains)
    forest = RandomForestClassifier(40, max_depth=2, random_state=0).fit(X, Y)
    find_splits([forest] * 12, X, NUMBERS)
    assert seen == [(32, 2000)] * 8
