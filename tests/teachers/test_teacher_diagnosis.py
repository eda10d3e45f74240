"""Memorised rows are told from rightly sure labels, by real teachers and by known numbers."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.datasets import load_breast_cancer, load_digits, make_classification
from sklearn.ensemble import (
    ExtraTreesClassifier,
    HistGradientBoostingClassifier,
    RandomForestClassifier,
)
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skdistill.teachers import diagnose_labels
from skdistill.transfer import MungeSampler

few = settings(max_examples=25, deadline=None)
seeds = st.integers(0, 2**32 - 1)


def noisy():
    """Make rows of which no teacher can know more than four labels in five."""
    return make_classification(1200, 8, n_informative=4, flip_y=0.4, random_state=0)


def digits():
    X, y = load_digits(return_X_y=True)
    return X[:1200], y[:1200]


# Noise; a set where a good teacher is rightly sure of nearly every row; small; many classes.
SETS = {
    "noisy": noisy,
    "easy": lambda: make_classification(
        1200, 6, n_informative=6, n_redundant=0, class_sep=3.0, flip_y=0.01, random_state=0
    ),
    "breast_cancer": lambda: load_breast_cancer(return_X_y=True),
    "digits": digits,
}

MEMORISING = {
    "forest": RandomForestClassifier(60, random_state=0),
    "extra_trees": ExtraTreesClassifier(60, random_state=0),
    "neighbours": KNeighborsClassifier(5, weights="distance"),
}

LEARNING = {
    "large_leaves": RandomForestClassifier(60, min_samples_leaf=20, random_state=0),
    "logistic": make_pipeline(StandardScaler(), LogisticRegression(C=0.01, max_iter=300)),
    "neighbours": KNeighborsClassifier(25),
}


def diagnose(name, teacher, *, fresh=False):
    """Fit to half of a set, and diagnose on that half, or on the other."""
    X, y = SETS[name]()
    order = np.random.default_rng(0).permutation(len(y))
    fitted, other = np.array_split(order, 2)
    teacher.fit(X[fitted], y[fitted])
    rows = other if fresh else fitted
    near = MungeSampler().fit(X[rows]).sample(len(rows), random_state=0)
    codes = np.searchsorted(teacher.classes_, y[rows])
    return diagnose_labels(teacher.predict_proba(X[rows]), teacher.predict_proba(near), codes)


@pytest.mark.parametrize("data", SETS)
@pytest.mark.parametrize("name", MEMORISING)
def test_memorised_rows_are_found_and_fresh_rows_are_not_accused(name, data):
    diagnosis = diagnose(data, MEMORISING[name])
    assert diagnosis.memorised
    assert diagnosis.agreement > 0.99
    assert "memorised" in diagnosis.advice
    assert "cross_fit" in diagnosis.advice
    diagnosis = diagnose(data, MEMORISING[name], fresh=True)
    assert not diagnosis.memorised


@pytest.mark.parametrize("data", SETS)
@pytest.mark.parametrize("name", LEARNING)
def test_teachers_that_learned_are_not_accused(name, data):
    for fresh in (False, True):
        diagnosis = diagnose(data, LEARNING[name], fresh=fresh)
        assert not diagnosis.memorised
        assert diagnosis.advice == ""


def test_boosting_of_many_rounds():
    many_rounds = HistGradientBoostingClassifier(max_iter=300, early_stopping=False)
    for data in ("noisy", "breast_cancer"):
        diagnosis = diagnose(data, many_rounds)
        assert diagnosis.memorised
        assert diagnosis.doubt_ratio < 0.1  # boosting leaves less doubt than bagging does
        assert not diagnose(data, many_rounds, fresh=True).memorised
    few_rounds = HistGradientBoostingClassifier(max_iter=15, max_leaf_nodes=4, early_stopping=False)
    assert not diagnose("noisy", few_rounds).memorised


def test_rightly_sure_is_not_memorised():
    # A sure teacher on easy rows has the confidence of one that has memorised noisy rows.
    sure = diagnose("easy", LEARNING["neighbours"], fresh=True)
    parrot = diagnose("noisy", MEMORISING["forest"])
    assert sure.confidence > parrot.confidence
    assert not sure.memorised
    assert parrot.memorised


def test_one_neighbour_is_nearly_one_hot_everywhere():
    diagnosis = diagnose("noisy", KNeighborsClassifier(1))
    assert diagnosis.nearly_one_hot
    assert not diagnosis.memorised  # one-hot labels alone cannot tell
    assert "If it was fitted to these rows" in diagnosis.advice
    assert diagnosis.doubt_ratio == 1.0
    assert diagnosis.significance == 0.0


def test_sure_and_wrong():
    diagnosis = diagnose("noisy", KNeighborsClassifier(1), fresh=True)
    assert not diagnosis.memorised
    assert 0.5 < diagnosis.agreement < 0.8
    assert f"right on {diagnosis.agreement:.1%}" in diagnosis.advice
    assert "Calibrate" in diagnosis.advice
    # Doubt near the rows is far below the errors on them; without codes it cannot be seen.
    X, y = load_digits(return_X_y=True)
    teacher = GaussianNB(var_smoothing=1e-6).fit(X[:900], y[:900])
    said, others = teacher.predict_proba(X[900:1350]), teacher.predict_proba(X[1350:])
    assert diagnose_labels(said, others, y[900:1350]).doubt_ratio > 3
    assert 0.3 < diagnose_labels(said, others).doubt_ratio < 3


def test_known_numbers():
    real = np.repeat([[0.9, 0.1], [0.3, 0.7], [1.0, 0.0], [0.2, 0.8]], 50, axis=0)
    near = np.repeat([[0.5, 0.5], [0.6, 0.4], [0.995, 0.005], [0.8, 0.2]], 50, axis=0)
    codes = np.repeat([0, 0, 0, 1], 50)
    plain, known = diagnose_labels(real, near), diagnose_labels(real, near, codes)
    assert plain.confidence == known.confidence == pytest.approx(0.85)
    assert plain.nearby_confidence == pytest.approx(0.72375)
    assert (plain.one_hot_share, plain.nearby_one_hot_share) == (0.25, 0.25)
    assert plain.agreement is None
    assert known.agreement == 0.75
    assert plain.doubt_ratio == pytest.approx(0.15 / 0.27625)
    assert known.doubt_ratio == pytest.approx(0.25 / 0.27625)
    variances = [np.var(doubt, ddof=1) for doubt in (1 - real.max(1), 1 - near.max(1))]
    error = (sum(variances) / 200) ** 0.5
    assert plain.significance == pytest.approx((0.27625 - 0.15) / error)
    assert plain.memorised
    assert not known.memorised


@few
@given(seeds)
def test_order_of_rows_and_classes_does_not_matter(seed):
    rng = np.random.default_rng(seed)
    real, near = rng.dirichlet(np.ones(3), 30), rng.dirichlet(np.full(3, 0.6), 40)
    codes = rng.integers(3, size=30)
    rows, others, classes = rng.permutation(30), rng.permutation(40), rng.permutation(3)
    place = np.argsort(classes)
    first = diagnose_labels(real, near, codes)
    second = diagnose_labels(real[rows][:, classes], near[others][:, classes], place[codes[rows]])
    assert vars(second) == pytest.approx(vars(first))
    assert second.memorised == first.memorised


@few
@given(seeds, st.integers(2, 60), st.integers(2, 60))
def test_labels_of_one_kind_are_hardly_ever_accused(seed, n_real, n_near):
    # Both samples are of the same teacher on the same kind of rows.
    rng = np.random.default_rng(seed)
    diagnosis = diagnose_labels(
        rng.dirichlet(np.ones(3), n_real), rng.dirichlet(np.ones(3), n_near)
    )
    assert np.isfinite(diagnosis.doubt_ratio)
    assert np.isfinite(diagnosis.significance)
    assert not diagnosis.memorised or diagnosis.significance > 2.5
    assert not diagnosis.nearly_one_hot


def test_a_handful_of_rows_accuses_nobody():
    sure, unsure = np.array([[0.99, 0.01]]), np.array([[0.6, 0.4]])
    assert not diagnose_labels(sure, unsure).memorised
    assert not diagnose_labels(sure.repeat(50, 0), unsure).memorised
    assert diagnose_labels(sure.repeat(2, 0), unsure.repeat(2, 0)).significance == np.inf
    mixed = np.array([[0.6, 0.4], [0.999, 0.001], [0.999, 0.001]])
    diagnosis = diagnose_labels(sure.repeat(3, 0), mixed)
    assert diagnosis.doubt_ratio < 0.1
    assert not diagnosis.memorised


def test_without_other_rows():
    for none in (None, np.empty((0, 2))):
        diagnosis = diagnose_labels(np.eye(2), none, np.arange(2))
        assert diagnosis.nearly_one_hot
        assert not diagnosis.memorised
        assert diagnosis.nearby_confidence is diagnosis.doubt_ratio is None
        assert "gives the rows of X are nearly one-hot" in diagnosis.advice
        soft = diagnose_labels(np.tile([0.98, 0.02], (5, 1)), none)
        assert soft.advice == ""


def test_doubt_only_on_real_rows():
    diagnosis = diagnose_labels(np.full((9, 2), 0.5), np.eye(2).repeat(5, 0))
    assert diagnosis.doubt_ratio == np.inf
    assert diagnosis.significance == -np.inf
    assert not diagnosis.memorised
    assert not diagnosis.nearly_one_hot


def test_what_cannot_be_diagnosed():
    P = np.eye(2)
    with pytest.raises(ValueError, match=r"real .* shape \(2,\).*regression"):
        diagnose_labels(P[0], P)
    with pytest.raises(ValueError, match="shape"):
        diagnose_labels(np.empty((0, 2)), P)
    with pytest.raises(ValueError, match=r"\(3, 3\).*2 classes"):
        diagnose_labels(P, np.eye(3))
