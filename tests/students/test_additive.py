"""The additive student: known optima, exact soft targets, pairs, and what a reader sees."""

from __future__ import annotations

import pickle

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.linalg import block_diag, solve_triangular
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.metrics import log_loss
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from skdistill import DistilledRegressor
from skdistill.losses import softmax
from skdistill.students import AdditiveStudentClassifier, AdditiveStudentRegressor
from skdistill.students._additive.tables import RIDGE


def make(n=400, n_classes=3, seed=0, strength=1.0):
    """Rows of few values, so that the bins are known: one for each value."""
    rng = np.random.default_rng(seed)
    X = rng.integers(0, 6, size=(n, 3)).astype(float)
    effects = strength * rng.normal(size=(3, 6, n_classes))
    P = softmax(sum(effects[j][X[:, j].astype(int)] for j in range(3)))
    return X, (P.cumsum(axis=1) < rng.uniform(size=(n, 1))).sum(axis=1), P


def one_hot_design(X):
    return np.hstack([np.eye(6)[X[:, j].astype(int)] for j in range(X.shape[1])])


def penalty(n_columns=3):
    D = np.diff(np.eye(6), axis=0)
    return block_diag(*[D.T @ D + RIDGE * np.eye(6)] * n_columns)


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("w", [0.0, 0.4])
def test_soft_targets_have_the_optimum_of_penalised_logistic_regression(n_classes, w):
    X, y, P = make(n_classes=n_classes)
    weight = np.random.default_rng(1).uniform(0.5, 3.0, len(X))
    weight /= weight.mean()
    student = AdditiveStudentClassifier(alpha=2.0, n_pairs=0)
    student.fit(X, y, sample_weight=weight, soft_targets=P, hard_label_weight=w)
    # In coordinates in which the penalty is a sum of squares it is that of scikit-learn; soft
    # targets are rows repeated for each class.
    factor = np.linalg.cholesky(penalty())
    F = solve_triangular(factor, one_hot_design(X).T, lower=True).T
    mixed = (1 - w) * P + w * np.eye(n_classes)[y]
    rows, codes = np.nonzero(mixed)
    reference = LogisticRegression(C=1 / 2.0, solver="newton-cg", tol=1e-10, max_iter=1000)
    reference.fit(F[rows], codes, sample_weight=(weight[:, None] * mixed)[rows, codes])
    assert_allclose(student.predict_proba(X), reference.predict_proba(F), atol=2e-4)


def test_values_have_the_optimum_of_penalised_least_squares():
    X, _, P = make()
    y = 1e6 + 1e3 * P[:, 0]
    student = AdditiveStudentRegressor(alpha=5.0, n_pairs=0).fit(X, y)
    A = np.column_stack([one_hot_design(X), np.ones(len(X))])
    M = block_diag(5.0 * penalty(), 0.0)  # the fit is in units of the spread: no scale in it
    expected = A @ np.linalg.solve(A.T @ A + M, A.T @ y)
    assert_allclose(student.predict(X) - y.mean(), expected - y.mean(), atol=0.1)


def test_an_additive_teacher_is_met_and_no_temperature_flattens():
    X, y, P = make(n=2000)
    for temperature in (1.0, 5.0):
        student = AdditiveStudentClassifier(alpha=1e-4, n_pairs=0)
        student.fit(X, y, soft_targets=P, temperature=temperature)
        assert_allclose(student.predict_proba(X), P, atol=5e-3)
    hot = AdditiveStudentClassifier(alpha=50.0, n_pairs=0).fit(X, y, soft_targets=P)
    hotter = AdditiveStudentClassifier(alpha=50.0, n_pairs=0)
    hotter.fit(X, y, soft_targets=P, temperature=5.0)
    assert np.abs(hot.predict_proba(X) - hotter.predict_proba(X)).max() > 1e-3


@pytest.mark.parametrize("regression", [False, True])
def test_an_interaction_is_found_and_needs_a_pair(regression):
    rng = np.random.default_rng(0)
    X = rng.uniform(-1, 1, size=(1500, 5))
    truth = 3.0 * np.sign(X[:, 1] * X[:, 3]) + X[:, 0]
    y = truth + rng.normal(size=len(X)) if regression else (truth > rng.logistic(size=len(X)))
    kind = AdditiveStudentRegressor if regression else AdditiveStudentClassifier
    alone = kind(n_pairs=0, random_state=0).fit(X[:1000], y[:1000])
    paired = kind(random_state=0).fit(X[:1000], y[:1000])
    assert paired.pairs_[0] == ("x1", "x3")
    assert alone.pairs_ == []
    assert paired.score(X[1000:], y[1000:]) > alone.score(X[1000:], y[1000:]) + 0.2
    one = kind(n_pairs=1, alpha=3.0).fit(X, y)
    assert one.pairs_ == [("x1", "x3")]
    assert one.alpha_ == 3.0


def test_smooth_effects_of_many_values_are_learned():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(3000, 4))
    y = np.sin(2 * X[:, 0]) + np.abs(X[:, 1]) + 0.1 * rng.normal(size=3000)
    student = AdditiveStudentRegressor(random_state=0).fit(X[:2000], y[:2000])
    assert student.score(X[2000:], y[2000:]) > 0.95
    assert max(len(term.cuts[0]) for term in student.scorecard_.terms) <= 31
    assert student.nbytes_ == len(pickle.dumps(student, protocol=5)) < 60_000


def test_the_points_add_up_to_the_score():
    frame, y = make_frame()
    student = AdditiveStudentClassifier(alpha=1.0, n_pairs=1, max_bins=8).fit(frame, y)
    rows = student.points_table()
    assert rows[0] == {"feature": "intercept", "bin": "", "points": student.scorecard_.intercept[0]}
    points = {(row["feature"], row["bin"]): row["points"] for row in rows}
    assert any(f == "colour" and "missing" in b.split(" or ") for f, b in points)
    (pair,) = student.pairs_
    row = frame[frame["colour"] == "red"].iloc[[0]]
    size = next(b for f, b in points if f == "size" and holds(b, row["size"].iloc[0]))
    colour = next(
        b for f, b in points if f == "colour" and row["colour"].iloc[0] in b.split(" or ")
    )
    label = ", ".join({"size": size, "colour": colour}[name] for name in pair)
    score = rows[0]["points"] + points["size", size] + points["colour", colour]
    # The bins of a pair may be coarser, but not those of a column with few levels or bins.
    score += points[" x ".join(pair), label]
    assert_allclose(1 / (1 + np.exp(-score)), student.predict_proba(row)[0, 1], rtol=1e-5)


def make_frame():
    rng = np.random.default_rng(0)
    colour = np.array(["red", "green", "blue", None], dtype=object)[rng.integers(0, 4, 400)]
    size = rng.integers(0, 5, 400) / 2.0
    odds = (colour == "red") * 2.0 - 1.0 + (size > 1) * np.where(colour == "blue", 2.0, -1.0)
    frame = pd.DataFrame({"colour": colour, "size": size})
    return frame, (odds > rng.logistic(size=400)).astype(int)


def holds(label, value):
    """Tell whether a bin, as it is written, holds a number."""
    if label.startswith("<="):
        return value <= float(label[2:])
    if label.startswith(">"):
        return value > float(label[1:])
    low, high = (float(end) for end in label.strip("(]").split(","))
    return low < value <= high


def test_points_are_scaled_and_rounded_and_told_by_class():
    X, y, P = make()
    student = AdditiveStudentClassifier(alpha=1.0, n_pairs=0).fit(X, y, soft_targets=P)
    plain, scaled = student.points_table(), student.points_table(scale=20.0, decimals=0)
    assert list(plain[0]) == ["feature", "bin", "points of 0", "points of 1", "points of 2"]
    for row, other in zip(plain, scaled, strict=True):
        assert other["points of 1"] == np.round(20 * row["points of 1"])
    with pytest.raises(ValueError, match="scale must be a finite number > 0"):
        student.points_table(scale=0.0)
    with pytest.raises(ValueError, match="decimals must be an integer >= 0"):
        student.points_table(decimals=-1)


def test_settings_are_chosen_by_the_true_labels_and_not_by_the_teacher():
    X, y, P = make(n=300, strength=0.3)
    direct = AdditiveStudentClassifier(random_state=0).fit(X, y)
    # A teacher that has memorised its rows makes the roughest fit look best.
    sure = 0.999 * np.eye(3)[y] + 0.001 / 3
    more = np.vstack([X, X])
    student = AdditiveStudentClassifier(random_state=0).fit(
        more,
        np.concatenate([y, y]),
        soft_targets=np.vstack([P, sure]),
        labeled=np.arange(600) < 300,
    )
    assert student.alpha_ == direct.alpha_ > 1.0


def test_soft_targets_help_where_labels_are_noisy():
    rng = np.random.default_rng(0)
    X = rng.uniform(-2, 2, size=(3000, 6))
    odds = np.sin(3 * X[:, 0]) + X[:, 1] ** 2 - X[:, 2] + 1.5 * np.sign(X[:, 3] * X[:, 4]) - 1
    proba = 1 / (1 + np.exp(-odds))
    y = (proba > rng.uniform(size=3000)).astype(int)
    direct = AdditiveStudentClassifier(random_state=0).fit(X[:500], y[:500])
    student = AdditiveStudentClassifier(random_state=0)
    student.fit(X[:500], y[:500], soft_targets=proba[:500], labeled=np.ones(500, dtype=bool))
    losses = [log_loss(y[500:], model.predict_proba(X[500:])) for model in (student, direct)]
    assert losses[0] < losses[1] - 0.01


def test_what_was_never_seen_is_average():
    frame, y = make_frame()
    student = AdditiveStudentClassifier(alpha=1.0, n_pairs=0).fit(frame, y)
    unknown = pd.DataFrame({"colour": ["violet"], "size": [np.nan]})
    known = {row["bin"]: row["points"] for row in student.points_table()[1:]}
    (of_others,) = [points for label, points in known.items() if "any other" in label]
    # No size was missing in fit: it has no points.
    expected = student.scorecard_.intercept[0] + of_others
    assert_allclose(
        np.log(np.divide(*student.predict_proba(unknown)[0, ::-1])), expected, rtol=1e-5
    )
    assert not any(
        row["bin"] == "missing" and row["feature"] == "size" for row in student.points_table()
    )


def test_columns_without_effect_are_not_read():
    X, y, _ = make(n_classes=2)
    X = np.column_stack([X, np.full(len(X), 7.0)])
    student = AdditiveStudentClassifier(alpha=1.0, n_pairs=0).fit(X, y)
    assert_array_equal(student._encoder.read_, [0, 1, 2])
    constant = AdditiveStudentClassifier().fit(np.ones((40, 2)), np.arange(40) % 2)
    assert_allclose(constant.predict_proba(np.zeros((1, 2))), 0.5)
    assert constant.n_parameters_ == 1


def test_a_class_without_rows_is_unlikely():
    X, _, _ = make(n=60, n_classes=2)
    student = AdditiveStudentClassifier().fit(
        X, np.ones(60, dtype=int), soft_targets=np.ones(60), classes=[0, 1]
    )
    assert (student.predict_proba(X)[:, 1] > 0.999).all()


def test_few_rows_and_extreme_values_are_safe():
    X = np.array([[1e300, 0.0], [-1e300, np.nan], [1e-300, 1.0], [0.0, 2.0]])
    student = AdditiveStudentRegressor().fit(X, [1e300, 0.0, 1.0, 2.0])
    assert np.isfinite(student.predict(X)).all()
    assert (
        AdditiveStudentClassifier(alpha=1e-9, n_pairs=2).fit(X, [0, 1, 0, 1]).score(X, [0, 1, 0, 1])
        == 1
    )


@pytest.mark.parametrize("n_pairs", [0, 2])
def test_weight_two_is_two_rows(n_pairs):
    X, y, P = make(n=200)
    twice = np.arange(200) < 50
    weight = np.where(twice, 2.0, 1.0)
    rows = np.concatenate([np.arange(200), np.flatnonzero(twice)])
    settings = {"alpha": 2.0, "n_pairs": n_pairs}
    weighted = AdditiveStudentClassifier(**settings).fit(X, y, weight, soft_targets=P)
    repeated = AdditiveStudentClassifier(**settings).fit(X[rows], y[rows], soft_targets=P[rows])
    assert_allclose(weighted.predict_proba(X), repeated.predict_proba(X), atol=1e-3)
    shares = AdditiveStudentClassifier(**settings).fit(X, y, np.full(200, 1e-6), soft_targets=P)
    plain = AdditiveStudentClassifier(**settings).fit(X, y, soft_targets=P)
    assert_allclose(shares.predict_proba(X), plain.predict_proba(X), atol=1e-3)


def test_the_same_seed_gives_the_same():
    X, y, P = make()
    fits = [AdditiveStudentClassifier(random_state=3).fit(X, y, soft_targets=P) for _ in range(2)]
    assert pickle.dumps(fits[0]) == pickle.dumps(fits[1])


def column_cuts(student, column):
    return next(t.cuts[0] for t in student.scorecard_.terms if t.columns == (column,))


@pytest.mark.parametrize("scaled", [False, True])
@pytest.mark.parametrize("regression", [False, True])
def test_cuts_are_those_of_the_teachers_trees(regression, scaled):
    # What the teacher says of this column alone is flat: its jump turns with the sign of another.
    rng = np.random.default_rng(0)
    X = rng.uniform(size=(2000, 2)) * [1.0, 2.0] - [0.0, 1.0]
    y = (X[:, 0] > 0.3141) ^ (X[:, 1] > 0)
    tree = (DecisionTreeRegressor if regression else DecisionTreeClassifier)(max_depth=4)
    teacher = make_pipeline(StandardScaler(), tree) if scaled else tree
    teacher.fit(X, y)
    kind = AdditiveStudentRegressor if regression else AdditiveStudentClassifier
    soft = teacher.predict(X) if regression else teacher.predict_proba(X)

    def nearest(**options):
        student = kind(max_bins=8, alpha=1.0, n_pairs=0).fit(X, y, soft_targets=soft, **options)
        return np.abs(column_cuts(student, 0) - 0.3141).min()

    assert nearest(teacher=teacher) < 2e-3
    assert nearest() > 5e-3


def test_a_teacher_without_trees_changes_nothing():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(300, 2))
    y = X[:, 0] + rng.normal(size=300)
    teacher = LinearRegression().fit(X, y)
    student = AdditiveStudentRegressor(alpha=1.0, n_pairs=0)
    alone = pickle.dumps(student.fit(X, y, soft_targets=teacher.predict(X)))
    student.fit(X, y, soft_targets=teacher.predict(X), teacher=teacher)
    assert pickle.dumps(student) == alone


def test_distillation_hands_over_the_teacher_and_a_pipeline_may_be_in_the_way():
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"a": rng.uniform(size=400), "b": rng.uniform(-1, 1, size=400)})
    y = np.sign(frame["a"] - 0.3141) * np.sign(frame["b"])
    teacher = DecisionTreeRegressor(max_depth=4).fit(frame, y)
    student = AdditiveStudentRegressor(max_bins=8, alpha=1.0, n_pairs=0)
    options = {"augment": None, "hard_label_weight": 0.0, "random_state": 0}
    distilled = DistilledRegressor(teacher, student=student, **options).fit(frame, y)
    assert np.abs(column_cuts(distilled.student_, 0) - 0.3141).min() < 0.01
    scaled = make_pipeline(StandardScaler(), student)
    assert DistilledRegressor(teacher, student=scaled, **options).fit(frame, y).score(frame, y) > -1


@pytest.mark.parametrize(
    ("params", "error", "message"),
    [
        ({"max_bins": 1}, ValueError, "max_bins must be an integer >= 2, got 1"),
        ({"max_bins": 256}, ValueError, "max_bins must be an integer <= 255, got 256"),
        ({"alpha": 0.0}, ValueError, "alpha must be a finite number > 0, got 0.0"),
        ({"alpha": "none"}, ValueError, "alpha must be 'auto' or a number, got 'none'"),
        ({"n_pairs": -1}, ValueError, "n_pairs must be an integer >= 0, got -1"),
        ({"n_pairs": "all"}, ValueError, "n_pairs must be 'auto' or a number, got 'all'"),
    ],
)
@pytest.mark.parametrize("kind", [AdditiveStudentClassifier, AdditiveStudentRegressor])
def test_bad_parameters(kind, params, error, message):
    X, y, _ = make()
    with pytest.raises(error, match=message):
        kind(**params).fit(X, y)
