"""The bridge to scikit-learn: rows of every container, weights, kinds, clones and seeds."""

from __future__ import annotations

import numpy as np
import pandas as pd
import polars as pl
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import BaseEstimator
from sklearn.cluster import KMeans
from sklearn.ensemble import BaggingClassifier, RandomForestClassifier
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier

from skdistill._compat import (
    check_sample_weight,
    clone_keeping,
    concat_rows,
    estimator_type,
    has_fitted_attributes,
    num_samples,
    seed_estimator,
    single_precision_tree,
    take_rows,
)

ARRAY = np.arange(12.0).reshape(6, 2)
FRAME = pd.DataFrame({"a": ARRAY[:, 0], "b": list("xyzxyz")})
CONTAINERS = {
    "array": ARRAY,
    "list": ["a", "b", "c", "d", "e", "f"],
    "pandas": FRAME.set_index(np.arange(6)[::-1]),
    "series": FRAME["b"],
    "polars": pl.DataFrame({"a": ARRAY[:, 0], "b": list("xyzxyz")}),
    **{form: sp.coo_matrix(ARRAY).asformat(form) for form in ("csr", "csc", "coo", "bsr")},
}


def as_list(X):
    if sp.issparse(X):
        return X.toarray().tolist()
    if isinstance(X, pl.DataFrame):
        return X.rows()
    return X.tolist() if isinstance(X, np.ndarray) else np.asarray(X, dtype=object).tolist()


@pytest.mark.parametrize("name", CONTAINERS)
@settings(max_examples=10, deadline=None)
@given(rows=st.lists(st.integers(0, 5), min_size=1, max_size=8))
def test_rows_are_taken_and_stacked_in_their_own_container(name, rows):
    X = CONTAINERS[name]
    rows = np.array(rows)
    assert num_samples(X) == 6
    taken = take_rows(X, rows)
    everything = as_list(X)
    assert as_list(taken) == [everything[i] for i in rows]
    stacked = concat_rows([taken, X])
    assert as_list(stacked) == as_list(taken) + everything
    assert isinstance(stacked, type(X)) or sp.issparse(X)
    assert concat_rows([X]) is X


@settings(max_examples=30, deadline=None)
@given(
    st.lists(st.sampled_from(["p", "q", None]), min_size=1, max_size=4),
    st.lists(st.sampled_from(["q", "r", "s", None]), min_size=1, max_size=4),
    st.booleans(),
)
def test_categories_of_all_blocks_are_kept(first, second, typed):
    left = pd.DataFrame({"c": pd.Categorical(first, categories=["q", "p"])})
    right = pd.DataFrame({"c": second}, dtype=None if typed else object)
    if typed:
        right = right.astype("category")
    stacked = concat_rows([left, right])["c"]
    assert isinstance(stacked.dtype, pd.CategoricalDtype)
    assert list(stacked.cat.categories[:2]) == ["q", "p"]
    assert stacked.astype(object).where(stacked.notna(), None).tolist() == first + second
    assert list(left["c"].cat.categories) == ["q", "p"]


def test_ordered_categories_are_never_extended():
    dtype = pd.CategoricalDtype(["low", "high"], ordered=True)
    left = pd.DataFrame({"level": pd.Series(["low"], dtype=dtype)})
    assert concat_rows([left, pd.DataFrame({"level": ["high"]})])["level"].dtype == dtype
    with pytest.raises(ValueError, match=r"'level'.*\['odd'\].*\['low', 'high'\]"):
        concat_rows([left, pd.DataFrame({"level": ["odd"]})])


def test_an_empty_column_takes_the_type_of_the_first_block():
    empty = pd.DataFrame({"a": [None, None], "b": [np.nan, np.nan]})
    stacked = concat_rows([FRAME, empty])
    assert stacked["a"].dtype == np.float64
    assert stacked["b"].dtype == FRAME["b"].dtype
    assert stacked.isna().to_numpy()[-2:].all()


def test_sample_weights():
    np.testing.assert_array_equal(check_sample_weight(None, ARRAY), np.ones(6))
    checked = check_sample_weight([1, 2, 3, 4, 5, 0], ARRAY)
    assert checked.dtype == np.float64
    for bad in ([1, 2], [-1, 1, 1, 1, 1, 1], [np.nan] * 6):
        with pytest.raises(ValueError, match=r"sample_weight|Negative|NaN"):
            check_sample_weight(bad, ARRAY)


class WithMethod:
    def __init__(self, fitted):
        self.fitted = fitted

    def is_fitted(self):
        return self.fitted


class WithFlag:
    is_fitted = True


def test_fitted_or_not():
    y = np.arange(6) % 2
    tree = DecisionTreeClassifier()
    assert not has_fitted_attributes(tree)
    assert has_fitted_attributes(tree.fit(ARRAY, y))
    assert not has_fitted_attributes(make_pipeline(StandardScaler(), LogisticRegression()))
    assert has_fitted_attributes(
        make_pipeline(StandardScaler(), LogisticRegression()).fit(ARRAY, y)
    )
    # As CatBoost (a method) and others (an attribute) tell it.
    assert has_fitted_attributes(WithMethod(True))
    assert not has_fitted_attributes(WithMethod(False))
    assert has_fitted_attributes(WithFlag())


def test_kinds_of_estimators():
    assert estimator_type(LogisticRegression()) == "classifier"
    assert estimator_type(make_pipeline(StandardScaler(), LinearRegression())) == "regressor"
    assert estimator_type(KMeans()) == "clusterer"
    assert estimator_type(StandardScaler()) is None
    old_style = type("Old", (), {"_estimator_type": "regressor"})
    assert estimator_type(old_style()) == "regressor"
    assert estimator_type(object()) is None


class Holder(BaseEstimator):
    def __init__(self, teacher=None, student=None, size=1):
        self.teacher = teacher
        self.student = student
        self.size = size


def test_a_clone_keeps_what_it_is_told_and_copies_the_rest():
    fitted = DecisionTreeClassifier().fit(ARRAY, np.arange(6) % 2)
    holder = Holder(teacher=fitted, student=fitted, size=[3])
    holder._sklearn_output_config = {"transform": "pandas"}
    copied = clone_keeping(holder, teacher=fitted)
    assert copied.teacher is fitted
    assert copied.student is not fitted
    assert not has_fitted_attributes(copied.student)
    assert copied.size == [3]
    assert copied.size is not holder.size
    assert copied._sklearn_output_config == holder._sklearn_output_config
    assert copied._sklearn_output_config is not holder._sklearn_output_config


def test_seeds_reach_nested_estimators_and_spare_given_ones():
    def seeds(seed):
        model = BaggingClassifier(make_pipeline(StandardScaler(), RandomForestClassifier()))
        params = seed_estimator(model, np.random.RandomState(seed)).get_params()
        return {name: v for name, v in params.items() if name.endswith("random_state")}

    first = seeds(0)
    assert len(first) == 2
    assert all(isinstance(value, int) for value in first.values())
    assert len(set(first.values())) == 2
    assert first == seeds(0)
    assert first != seeds(1)
    assert seed_estimator(KMeans(random_state=7), np.random.RandomState(0)).random_state == 7
    assert seed_estimator(LinearRegression(), np.random.RandomState(0)).fit_intercept
    without_parameters = object()
    assert seed_estimator(without_parameters, np.random.RandomState(0)) is without_parameters


def test_a_tree_of_given_nodes_finds_the_leaves_of_rows():
    apply = single_precision_tree(
        feature=np.array([1, 0, -1, -1]),
        threshold=np.array([0.5, -1.0, 0.0, 0.0]),
        left=np.array([1, 2, -1, -1]),
        right=np.array([3, 3, -1, -1]),  # two splits share a leaf
        missing_left=np.array([True, False, False, False]),
    )
    assert apply is not None  # in all versions that are supported
    rows = np.array([[-1.0, 0.5], [-0.5, 0.5], [-2.0, 1.0], [-2.0, np.nan], [np.nan, 0.0]])
    for order in ("C", "F"):
        leaves = apply(rows.astype(np.float32, order=order))
        np.testing.assert_array_equal(leaves, [2, 3, 3, 2, 3])


def test_a_scikit_learn_without_such_trees_is_no_error():
    wrong = np.zeros((2, 2))
    assert (
        single_precision_tree(
            feature=wrong, threshold=wrong, left=wrong, right=wrong, missing_left=wrong
        )
        is None
    )
