"""The pruned student: the teacher's own splits, the best leaves for them, on the raw table."""

from __future__ import annotations

import pickle

import lightgbm as lgb
import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.compose import ColumnTransformer
from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris
from sklearn.decomposition import PCA
from sklearn.ensemble import ExtraTreesClassifier, RandomForestClassifier, RandomForestRegressor
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    KBinsDiscretizer,
    OneHotEncoder,
    StandardScaler,
)
from sklearn.tree import DecisionTreeRegressor

from skdistill import DistilledClassifier
from skdistill.losses import softmax
from skdistill.students import (
    BoostingStudentClassifier,
    PrunedStudentClassifier,
    PrunedStudentRegressor,
    pruned,
)
from skdistill.students._float32 import in_double
from skdistill.students._pruned.columns import TreeColumns

X_BC, Y_BC = load_breast_cancer(return_X_y=True)


def make_table(n=300, seed=0):
    """A table with numbers, missing ones too, and categories; and a score of it."""
    rng = np.random.default_rng(seed)
    a, b = rng.normal(size=n), rng.exponential(size=n) * 1e4
    c = rng.choice(["red", "green", "blue", "rare"], n, p=[0.4, 0.3, 0.28, 0.02])
    d = rng.integers(0, 5, n)
    score = a + (c == "green") + np.where(np.isin(d, [1, 3]), 1.0, 0.0) + 0.2 * rng.normal(size=n)
    frame = pd.DataFrame({"a": a, "b": b, "c": c, "d": d})
    frame.loc[rng.random(n) < 0.2, "a"] = np.nan
    frame.loc[rng.random(n) < 0.1, "c"] = None
    return frame, score


def make_encoder():
    numbers = make_pipeline(SimpleImputer(strategy="median", add_indicator=True), StandardScaler())
    return ColumnTransformer(
        [
            ("numbers", numbers, ["a", "b"]),
            ("categories", OneHotEncoder(handle_unknown="ignore", sparse_output=False), ["c", "d"]),
        ]
    )


def make_teacher(seed=0):
    forest = RandomForestRegressor(20, random_state=seed, min_samples_leaf=3)
    return make_pipeline(make_encoder(), forest)


def used_thresholds(student):
    trees, columns = student.trees_, student._encoder
    found = {}
    for f, t in zip(trees.feature.tolist(), trees.threshold.tolist(), strict=True):
        if columns.tables[f] is None:
            found.setdefault(columns.inputs[f], set()).add(t)
    return found


class TestTrees:
    def test_splits_are_the_teachers(self):
        teacher = RandomForestClassifier(10, random_state=0).fit(X_BC, Y_BC)
        student = PrunedStudentClassifier(reg_lambda=1.0, random_state=0)
        student.fit(X_BC, Y_BC, soft_targets=teacher.predict_proba(X_BC), teacher=teacher)
        theirs = {}
        for tree in teacher.estimators_:
            for f, t in zip(tree.tree_.feature, tree.tree_.threshold, strict=True):
                theirs.setdefault(int(f), set()).update(in_double([t]).tolist())
        for column, thresholds in used_thresholds(student).items():
            assert thresholds <= theirs[column]

    @given(st.integers(2, 60), st.integers(1, 60))
    @settings(max_examples=8, deadline=None)
    def test_budget_and_leaf_size_hold(self, budget, least):
        X, y = load_iris(return_X_y=True)
        teacher = RandomForestClassifier(5, random_state=0).fit(X, y)
        student = PrunedStudentClassifier(
            max_total_leaves=budget, min_samples_leaf=least, reg_lambda=1.0, random_state=0
        ).fit(X, y, soft_targets=teacher.predict_proba(X), teacher=teacher)
        assert 2 <= student.n_leaves_ == len(student.trees_.value) <= budget
        codes = student.trees_.apply(student._encoder.transform(X))
        assert np.bincount(codes.ravel(), minlength=student.n_leaves_).min() >= min(least, 15)

    def test_a_teacher_that_fits_is_reproduced(self):
        X, y = load_diabetes(return_X_y=True)
        teacher = DecisionTreeRegressor(max_leaf_nodes=8, min_samples_leaf=10).fit(X, y)
        student = PrunedStudentRegressor(reg_lambda=0.0, max_total_leaves=60, random_state=0)
        student.fit(X, y, soft_targets=teacher.predict(X), teacher=teacher)
        assert_allclose(student.predict(X), teacher.predict(X), rtol=1e-3)
        assert student.n_leaves_ < 60  # it stops when nothing is left to be gained

    def test_more_leaves_lose_less(self):
        teacher = ExtraTreesClassifier(50, random_state=0, min_samples_leaf=3).fit(X_BC, Y_BC)
        P = teacher.predict_proba(X_BC)
        losses = []
        for budget in (4, 20, 100):
            student = PrunedStudentClassifier(
                max_total_leaves=budget, reg_lambda=1.0, random_state=0
            ).fit(X_BC, Y_BC, soft_targets=P, teacher=teacher)
            losses.append(-(P * np.log(student.predict_proba(X_BC))).sum(axis=1).mean())
        assert losses[0] > 1.05 * losses[1] > 1.05 * losses[2]

    def test_it_beats_boosting_of_the_same_leaves_from_a_small_sample(self):
        rng = np.random.default_rng(0)
        X = rng.normal(size=(4000, 8))
        y = (X[:, 0] * X[:, 1] + X[:, 2] + 0.5 * rng.normal(size=4000) > 0).astype(int)
        train, test = slice(0, 1000), slice(1000, None)
        teacher = lgb.LGBMClassifier(n_estimators=100, num_leaves=15, verbose=-1, n_jobs=1)
        teacher.fit(X[train], y[train])
        P = LogisticRegression().fit(X[test], y[test])  # rows of their own, out of sample
        soft = teacher.predict_proba(X[test])
        assert P.score(X[test], y[test]) < 0.85
        student = PrunedStudentClassifier(max_total_leaves=60, random_state=0)
        student.fit(X[test][:2000], y[test][:2000], soft_targets=soft[:2000], teacher=teacher)
        peer = BoostingStudentClassifier(max_total_leaves=60).fit(X[train], y[train])

        def loss(model):
            said = model.predict_proba(X[test][2000:])
            return -np.log(said[np.arange(1000), y[test][2000:]]).mean()

        assert loss(student) < loss(peer)


class TestLeaves:
    def leaf_indicators(self, student, X):
        codes = student.trees_.apply(student._encoder.transform(X))
        return np.eye(student.n_leaves_)[codes].sum(axis=1)

    def test_leaves_are_the_joint_optimum_of_two_classes(self):
        teacher = RandomForestClassifier(10, random_state=0).fit(X_BC, Y_BC)
        student = PrunedStudentClassifier(max_total_leaves=20, reg_lambda=3.0, random_state=0)
        student.fit(X_BC, Y_BC, teacher=teacher)
        B = self.leaf_indicators(student, X_BC)
        peer = LogisticRegression(C=1 / 3.0, tol=1e-10, max_iter=5000).fit(B, Y_BC)
        assert_allclose(student.predict_proba(X_BC), peer.predict_proba(B), atol=1e-4)

    def test_leaves_are_the_joint_optimum_of_values(self):
        X, y = load_diabetes(return_X_y=True)
        weight = np.linspace(0.5, 1.5, len(y))
        weight /= weight.mean()
        teacher = RandomForestRegressor(10, random_state=0).fit(X, y)
        student = PrunedStudentRegressor(max_total_leaves=20, reg_lambda=3.0, random_state=0)
        student.fit(X, y, weight, teacher=teacher)
        B = self.leaf_indicators(student, X)
        peer = Ridge(alpha=3.0, tol=1e-12).fit(B, y, weight)
        assert_allclose(student.predict(X), peer.predict(B), rtol=1e-4)

    @pytest.mark.parametrize("temperature", [1.0, 3.0])
    def test_gradient_is_zero_at_the_optimum_of_many_classes(self, temperature):
        X, y = load_iris(return_X_y=True)
        teacher = RandomForestClassifier(20, random_state=0, min_samples_leaf=5).fit(X, y)
        options = {"temperature": temperature, "hard_label_weight": 0.3, "teacher": teacher}
        student = PrunedStudentClassifier(max_total_leaves=24, reg_lambda=2.0, random_state=0)
        student.fit(X, y, soft_targets=teacher.predict_proba(X), **options)
        loss = pruned.DistillationLoss(
            teacher.predict_proba(X), y, temperature=temperature, hard_label_weight=0.3
        )
        Z = student.trees_.scores(student._encoder.transform(X), student.init_)
        by_leaf = self.leaf_indicators(student, X).T @ loss.gradient(Z)
        tree_of_leaf = student.trees_.apply(student._encoder.transform(X))
        output = np.zeros(student.n_leaves_, dtype=int)
        for t, k in enumerate(student.trees_.output):
            output[np.unique(tree_of_leaf[:, t])] = k
        total = by_leaf[np.arange(student.n_leaves_), output] + 2.0 * student.trees_.value
        assert_allclose(total, 0.0, atol=0.05)
        assert_allclose(loss.gradient(Z).sum(axis=0), 0.0, atol=0.05)
        assert_allclose(student.predict_proba(X), softmax(Z))

    def test_penalty(self):
        X, y = load_iris(return_X_y=True)
        options = {"max_total_leaves": 20, "random_state": 0}
        assert PrunedStudentClassifier(**options).fit(X, y).reg_lambda_ == pytest.approx(40 / 3)
        assert PrunedStudentClassifier(**options).fit(X, y > 0).reg_lambda_ == 20.0
        assert PrunedStudentRegressor(**options).fit(X, y).reg_lambda_ == 20.0
        sizes = []
        for ridge in (1.0, 100.0):
            student = PrunedStudentClassifier(reg_lambda=ridge, **options).fit(X, y)
            assert student.reg_lambda_ == ridge
            sizes.append(np.abs(student.trees_.value).mean())
        assert sizes[0] > 2 * sizes[1]


class TestRawTables:
    def test_it_runs_alone_on_raw_rows(self):
        X, y = make_table()
        teacher = make_teacher().fit(X, y)
        student = PrunedStudentRegressor(reg_lambda=1.0, random_state=0)
        student.fit(X, y, soft_targets=teacher.predict(X), teacher=teacher)
        assert np.corrcoef(student.predict(X), teacher.predict(X))[0, 1] > 0.97
        stored = pickle.dumps(student)
        assert len(stored) < 12_000
        assert b"ColumnTransformer" not in stored
        assert_array_equal(pickle.loads(stored).predict(X), student.predict(X))

    def test_splits_go_the_way_of_the_teachers_encoder(self):
        """The student's leaves are those of the same student behind the encoder."""
        X, y = make_table(400)
        teacher = make_teacher().fit(X, y)
        raw = PrunedStudentRegressor(reg_lambda=1.0, random_state=0)
        raw.fit(X, y, soft_targets=teacher.predict(X), teacher=teacher)
        encoded = PrunedStudentRegressor(reg_lambda=1.0, random_state=0)
        encoded.fit(
            teacher[:-1].transform(X), y, soft_targets=teacher.predict(X), teacher=teacher[-1]
        )
        assert_allclose(raw.predict(X), encoded.predict(teacher[:-1].transform(X)))
        # Values between those of the training rows may go either way; levels must not.
        new = make_table(400, seed=1)[0]
        same = np.isclose(raw.predict(new), encoded.predict(teacher[:-1].transform(new)))
        assert same.mean() > 0.9
        new = X.sample(frac=1.0, random_state=0)
        for column, value in (("a", np.nan), ("c", None), ("c", "never seen"), ("d", 99)):
            changed = new.copy()
            changed[column] = pd.Series([value] * len(new), new.index).astype(new[column].dtype)
            expected = encoded.predict(teacher[:-1].transform(changed))
            assert_allclose(raw.predict(changed), expected)

    def test_pandas_and_polars_agree(self):
        X, y = make_table()
        X = X[["a", "b", "d"]]
        predicted = []
        for table in (X, pl.DataFrame(X.to_dict(orient="list"))):
            teacher = make_pipeline(StandardScaler(), RandomForestRegressor(10, random_state=0))
            teacher.fit(table, y)
            student = PrunedStudentRegressor(reg_lambda=1.0, random_state=0)
            student.fit(table, y, soft_targets=teacher.predict(table), teacher=teacher)
            predicted.append(student.predict(table))
        assert_allclose(predicted[0], predicted[1])

    def test_categories_that_lightgbm_knows_itself(self):
        X, y = make_table(400)
        X["c"] = X["c"].astype("category")
        model = lgb.LGBMRegressor(
            n_estimators=20, verbose=-1, n_jobs=1, min_data_per_group=3, cat_smooth=1.0
        ).fit(X, y)
        student = PrunedStudentRegressor(reg_lambda=0.1, random_state=0)
        student.fit(X, y, soft_targets=model.predict(X), teacher=model)
        assert any(table is not None for table in student._encoder.tables)
        assert np.corrcoef(student.predict(X), model.predict(X))[0, 1] > 0.95

    def test_objects_in_arrays(self):
        X, y = make_table()
        X = X.fillna({"a": 0.0, "c": "none"}).to_numpy(dtype=object)
        encoder = ColumnTransformer(
            [("c", OneHotEncoder(sparse_output=False), [2])], remainder="passthrough"
        )
        teacher = make_pipeline(encoder, RandomForestRegressor(10, random_state=0)).fit(X, y)
        student = PrunedStudentRegressor(reg_lambda=1.0, random_state=0)
        student.fit(X, y, soft_targets=teacher.predict(X), teacher=teacher)
        assert np.corrcoef(student.predict(X), teacher.predict(X))[0, 1] > 0.95

    def test_decreasing_and_binned_numbers(self):
        X, y = load_diabetes(return_X_y=True)
        for encoder in (
            FunctionTransformer(np.negative),
            KBinsDiscretizer(5, encode="ordinal", strategy="uniform"),
        ):
            teacher = make_pipeline(encoder, RandomForestRegressor(10, random_state=0)).fit(X, y)
            student = PrunedStudentRegressor(reg_lambda=1.0, random_state=0)
            student.fit(X, y, soft_targets=teacher.predict(X), teacher=teacher)
            behind = clone(student).fit(
                encoder.transform(X), y, soft_targets=teacher.predict(X), teacher=teacher[-1]
            )
            assert_allclose(student.predict(X), behind.predict(encoder.transform(X)))

    def test_a_column_that_matters_at_one_value_only(self):
        rng = np.random.default_rng(0)
        X = np.column_stack([np.arange(300.0), rng.normal(size=300)])
        y = 30.0 * (X[:, 0] == 78) + X[:, 1]
        spike = FunctionTransformer(lambda Z: np.column_stack([Z[:, 0] == 78, Z[:, 1]]))
        teacher = make_pipeline(spike, RandomForestRegressor(5, random_state=0)).fit(X, y)
        student = PrunedStudentRegressor(min_samples_leaf=1, reg_lambda=0.1)
        with pytest.raises(ValueError, match="neither by a threshold nor by few values"):
            student.fit(X, y, soft_targets=teacher.predict(X), teacher=teacher)

    def test_columns_made_of_several_are_refused(self):
        teacher = make_pipeline(PCA(3), RandomForestClassifier(5)).fit(X_BC, Y_BC)
        student = PrunedStudentClassifier(reg_lambda=1.0)
        with pytest.raises(ValueError, match=r"RandomForestClassifier splits a column .* several"):
            student.fit(X_BC, Y_BC, teacher=teacher)
        assert not hasattr(student, "trees_")

    def test_folded_numbers_are_refused(self):
        X, y = load_diabetes(return_X_y=True)
        X = X + 1e-6 * np.random.default_rng(0).normal(size=X.shape)
        teacher = make_pipeline(FunctionTransformer(np.abs), RandomForestRegressor(5)).fit(X, y)
        with pytest.raises(ValueError, match="neither by a threshold nor by few values"):
            PrunedStudentRegressor(reg_lambda=1.0).fit(X, y, teacher=teacher)


class TestTeacher:
    def test_without_one_it_grows_its_own(self):
        X, y = make_table(500)
        for table in (X, X[["a", "b"]].to_numpy()):
            student = PrunedStudentRegressor(reg_lambda=1.0, random_state=0).fit(table, y)
            assert student.score(table, y) > 0.5
            assert 100 < student.n_leaves_ <= 155
        classifier = PrunedStudentClassifier(reg_lambda=1.0, random_state=0).fit(X, y > 0.5)
        assert classifier.score(X, y > 0.5) > 0.85

    def test_one_without_trees_is_told(self):
        linear = LogisticRegression(max_iter=5000).fit(X_BC, Y_BC)
        with pytest.raises(ValueError, match="teacher LogisticRegression has no trees"):
            PrunedStudentClassifier().fit(X_BC, Y_BC, teacher=linear)

    def test_members_with_trees_are_used(self):
        linear = LogisticRegression(max_iter=5000).fit(X_BC, Y_BC)
        forest = RandomForestClassifier(5, random_state=0).fit(X_BC, Y_BC)
        student = PrunedStudentClassifier(reg_lambda=1.0, random_state=0)
        alone = student.fit(X_BC, Y_BC, teacher=forest).predict_proba(X_BC)
        both = student.fit(X_BC, Y_BC, teacher=[linear, forest]).predict_proba(X_BC)
        assert_allclose(alone, both)

    def test_the_flow_hands_it_on(self):
        X, y = make_table(400)
        teacher = make_pipeline(
            make_encoder(), RandomForestClassifier(20, random_state=0, min_samples_leaf=3)
        )
        y = np.where(y > 0.5, "yes", "no")
        student = PrunedStudentClassifier(reg_lambda=1.0, random_state=0)
        settings = {"search_budget": 0, "random_state": 0}
        model = DistilledClassifier(teacher, student=student, **settings).fit(X, y)
        assert model.score(X, y) > 0.85
        assert isinstance(model.student_, PrunedStudentClassifier)
        # It is not the student that it would be without the teacher's trees.
        alone = DistilledClassifier(
            teacher, student=BoostingStudentClassifier(max_total_leaves=155), **settings
        ).fit(X, y)
        assert model.fidelity(X)["kl"] < 2 * alone.fidelity(X)["kl"]


class TestRows:
    def test_many_rows_choose_on_a_sample(self, monkeypatch):
        teacher = RandomForestClassifier(10, random_state=0).fit(X_BC, Y_BC)
        monkeypatch.setattr(pruned, "CHOOSING_ROWS", 300)
        student = PrunedStudentClassifier(max_total_leaves=30, random_state=0)
        assert student.fit(X_BC, Y_BC, teacher=teacher).score(X_BC, Y_BC) > 0.95

    def test_same_seed_same_student(self):
        fits = [
            PrunedStudentClassifier(random_state=3, max_total_leaves=12).fit(X_BC, Y_BC)
            for _ in range(2)
        ]
        assert pickle.dumps(fits[0].trees_) == pickle.dumps(fits[1].trees_)

    def test_unit_of_weights_is_void(self):
        options = {"max_total_leaves": 30, "reg_lambda": 2.0, "random_state": 0}
        w = np.random.default_rng(0).uniform(1.0, 3.0, len(Y_BC))
        teacher = RandomForestClassifier(5, random_state=0).fit(X_BC, Y_BC)
        a = PrunedStudentClassifier(**options).fit(X_BC, Y_BC, w, teacher=teacher)
        b = PrunedStudentClassifier(**options).fit(X_BC, Y_BC, 1e-3 * w / w.mean(), teacher=teacher)
        c = PrunedStudentClassifier(**options).fit(X_BC, Y_BC, w / w.mean(), teacher=teacher)
        assert_allclose(b.predict_proba(X_BC), c.predict_proba(X_BC))
        assert a.n_leaves_ == c.n_leaves_

    def test_nothing_to_split_gives_a_constant(self):
        X = np.zeros((40, 2))
        student = PrunedStudentRegressor().fit(X, np.arange(40.0))
        assert student.n_leaves_ == 0
        assert_allclose(student.predict(X), 19.5)

    @pytest.mark.parametrize(
        ("params", "message"),
        [
            ({"max_total_leaves": 1}, "max_total_leaves"),
            ({"min_samples_leaf": 0}, "min_samples_leaf"),
            ({"reg_lambda": -1.0}, "reg_lambda"),
            ({"reg_lambda": "cv"}, "reg_lambda must be 'auto' or a number, got 'cv'"),
        ],
    )
    def test_bad_parameters(self, params, message):
        with pytest.raises(ValueError, match=message):
            PrunedStudentRegressor(**params).fit(X_BC, Y_BC)


@pytest.mark.parametrize("tables", [(None, None), (None, {}), ({}, {2.0: 1}), ({None: 1}, None)])
def test_columns_of_a_matrix_are_those_of_a_frame(tables):
    X = np.array([[0.0, 1.0, 2.0], [3.0, np.nan, np.nan], [4.0, 5.0, 6.0]])
    columns = TreeColumns((2, 1), tables)
    assert_array_equal(columns.transform(X), columns.transform(pd.DataFrame(X)))
    assert_array_equal(columns.transform(X[:1]), columns.transform(X)[:1])


def test_no_columns():
    for X in (np.ones((3, 2)), pd.DataFrame(np.ones((3, 2)))):
        assert TreeColumns((), ()).transform(X).shape == (3, 0)
