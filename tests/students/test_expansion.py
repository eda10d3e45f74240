"""Any classifier learns soft targets exactly from weighted, repeated rows."""

from __future__ import annotations

import numpy as np
import pandas as pd
import polars as pl
import pytest
import scipy.sparse as sp
from numpy.testing import assert_allclose, assert_array_equal
from sklearn import config_context
from sklearn.feature_extraction.text import HashingVectorizer
from sklearn.linear_model import LogisticRegression, SGDClassifier
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier

from skdistill.losses import softmax
from skdistill.students import LinearStudentClassifier, TreeStudentClassifier
from skdistill.students._expansion import (
    NEGLIGIBLE,
    fit_by_expansion,
    fit_keyword,
    last_step,
    takes_soft_targets,
)

CLASSES = np.array(["a", "b", "c"])


class Recorder(GaussianNB):
    """Keeps what it was fitted to."""

    def fit(self, X, y, sample_weight=None):
        self.seen_ = X, y, sample_weight
        return super().fit(X, y, sample_weight)


def make(n=60, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 3))
    return X, softmax(2 * X), rng.uniform(0.5, 2, n)


def fit(estimator, X, P, weight):
    return fit_by_expansion(estimator, X, classes=CLASSES, targets=P, weight=weight)


def test_weights_are_shares_of_the_rows():
    X, P, weight = make()
    estimator = Recorder()
    assert fit(estimator, X, P, weight) is estimator
    rows, y, shares = estimator.seen_
    assert len(rows) == 3 * len(X)
    assert_allclose(shares.sum(), weight.sum())
    for k, label in enumerate(CLASSES):
        assert_array_equal(rows[y == label], X)
        assert_allclose(shares[y == label], weight * P[:, k])


def test_the_cross_entropy_is_minimised():
    X, P, weight = make()
    other = LogisticRegression(tol=1e-8, max_iter=1000)
    built_in = LinearStudentClassifier(alpha=1.0, standardize=False, tol=1e-9)
    built_in.fit(X, P.argmax(axis=1), sample_weight=weight, soft_targets=P, classes=[0, 1, 2])
    assert_allclose(fit(other, X, P, weight).coef_, built_in.coef_, atol=1e-5)


def test_negligible_targets_are_left_out_but_no_class():
    X, P, weight = make()
    P = np.tile([1.0 - 3e-7, 2e-7, 1e-7], (len(X), 1))
    P[7] = [1.0 - 6e-7, 3e-7, 3e-7]
    assert P[0, 1] < NEGLIGIBLE
    estimator = fit(Recorder(), X, P, np.ones(len(X)))
    assert len(estimator.seen_[0]) == len(X) + 2
    assert_array_equal(estimator.classes_, CLASSES)
    # A class without any target, and rows without weight, are not made up.
    weight[:10] = 0.0
    estimator = fit(Recorder(), X, np.tile([0.5, 0.5, 0.0], (len(X), 1)), weight)
    assert len(estimator.seen_[0]) == 2 * (len(X) - 10)


@pytest.mark.parametrize("routing", [False, True])
def test_pipelines_pass_the_weight_to_their_last_step(routing):
    X, P, weight = make()
    scale = StandardScaler().fit(np.repeat(X, 3, axis=0))
    expected = fit(LogisticRegression(), scale.transform(X), P, weight)
    nested = make_pipeline(StandardScaler(), make_pipeline("passthrough", LogisticRegression()))
    with config_context(enable_metadata_routing=routing):
        fitted = fit(nested, X, P, weight)
    assert_allclose(last_step(fitted).coef_, expected.coef_, rtol=1e-6)


@pytest.mark.parametrize(
    "container", [pd.DataFrame, pl.DataFrame, sp.csr_matrix, lambda X: X.tolist()]
)
def test_rows_keep_their_container(container):
    X, P, weight = make()
    X = np.abs(X)
    rows = container(X)
    if isinstance(rows, pl.DataFrame | pd.DataFrame):
        rows.columns = ["x", "y", "z"]
    fitted = fit(DecisionTreeClassifier(random_state=0, max_depth=3), rows, P, weight)
    expected = fit(DecisionTreeClassifier(random_state=0, max_depth=3), X, P, weight)
    assert_allclose(fitted.predict_proba(rows), expected.predict_proba(X))


def test_text_goes_through_a_pipeline():
    texts = ["free prize now", "see you at lunch", "prize money free", "lunch tomorrow?"] * 5
    P = np.tile([[0.1, 0.9], [0.95, 0.05]], (10, 1))
    model = make_pipeline(HashingVectorizer(n_features=64), SGDClassifier(loss="log_loss"))
    model.set_params(sgdclassifier__random_state=0)
    fit_by_expansion(model, texts, classes=np.array(["ham", "spam"]), targets=P, weight=np.ones(20))
    assert model.predict(texts[:2]).tolist() == ["spam", "ham"]


def test_a_learner_without_weights_is_named_with_the_remedy():
    X, P, weight = make()
    with pytest.raises(
        ValueError, match=r"KNeighborsClassifier cannot .* give a student whose fit"
    ):
        fit(make_pipeline(StandardScaler(), KNeighborsClassifier()), X, P, weight)
    # Equal weights need not be passed on.
    one_hot = np.eye(3)[P.argmax(axis=1)]
    assert fit(KNeighborsClassifier(1), X, one_hot, np.full(len(X), 0.3)).score(
        X, CLASSES[P.argmax(axis=1)]
    )


def test_who_learns_soft_targets_itself():
    assert takes_soft_targets(TreeStudentClassifier())
    pipeline = make_pipeline(StandardScaler(), LinearStudentClassifier())
    assert takes_soft_targets(pipeline)
    assert fit_keyword(pipeline, "soft_targets") == "linearstudentclassifier__soft_targets"
    assert not takes_soft_targets(LogisticRegression())
    assert not takes_soft_targets(make_pipeline(StandardScaler(), "passthrough"))
