"""Several teachers in the flow: learned weights, and rows on which they disagree."""

import numpy as np
import pytest
from flow_parts import make_rows, make_values
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.metrics import log_loss
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from skdistill import CompactSearch, DistilledClassifier, DistilledRegressor
from skdistill._trust import discount, take_trust, targets_of, with_disagreement
from skdistill.students import LinearStudentRegressor
from skdistill.teachers import CallableTeacher, EnsembleTeacher
from skdistill.transfer import build_transfer_set

PLAIN = {
    "student": "linear",
    "search_budget": 0,
    "augment": None,
    "hard_label_weight": 0.0,
    "random_state": 0,
}


class Listener(RegressorMixin, BaseEstimator):
    """A student that keeps what it is given."""

    def fit(self, X, y, sample_weight=None):
        self.targets_, self.weight_ = y, sample_weight
        return self

    def predict(self, X):
        return np.zeros(len(X))


class Column(RegressorMixin, BaseEstimator):
    """A teacher that repeats a column."""

    def __init__(self, column=0):
        self.column = column

    def fit(self, X, y, sample_weight=None):
        self.n_features_in_ = X.shape[1]
        return self

    def predict(self, X):
        return X[:, self.column]


def split_opinions(distrust):
    """Teachers that agree where the first column is negative, and elsewhere one is far off."""

    def first(X):
        return X[:, 0] + 0.0

    def second(X):
        return np.where(X[:, 0] > 0, -9.0 * X[:, 0], X[:, 0])

    members = [CallableTeacher(f, output="predictions") for f in (first, second)]
    return EnsembleTeacher(members, distrust=distrust)


def test_discount_changes_the_soft_part_alone():
    rng = np.random.default_rng(0)
    weight, hard, trust = rng.random((3, 50))
    weight[0] = hard[1] = 0.0
    hard[2] = 1.0
    new_weight, new_hard = discount(weight, hard, trust)
    np.testing.assert_allclose(new_weight * new_hard, weight * hard)
    soft = weight * (1 - hard)
    ratio = (new_weight * (1 - new_hard))[3:] / soft[3:]
    np.testing.assert_allclose(ratio / trust[3:], (ratio / trust[3:])[0])
    assert (new_weight * (1 - new_hard)).sum() == pytest.approx(soft.sum())
    assert new_hard[0] == hard[0]  # of a row without weight
    for same in (np.ones(50), np.full(50, 0.3)):
        np.testing.assert_allclose(discount(weight, hard, same), (weight, hard), atol=1e-15)


def test_trust_falls_with_disagreement():
    rows = build_transfer_set(np.zeros((4, 1)), sample_weight=[1.0, 1.0, 2.0, 0.0])
    teacher = split_opinions(2.0)
    d = np.array([0.0, 1.0, 3.5, 100.0])
    targets, trusted = take_trust(np.c_[np.arange(4.0), d], rows, teacher)
    np.testing.assert_array_equal(targets, np.arange(4.0))
    np.testing.assert_allclose(trusted.trust, 1 / (1 + 2 * d / 2.0))
    agreed = take_trust(np.c_[np.arange(4.0), 0 * d], rows, teacher)[1]
    np.testing.assert_array_equal(agreed.trust, 1.0)
    P = np.full((4, 3), 0.5)
    np.testing.assert_array_equal(targets_of(P, teacher), P[:, :2])
    assert trusted.without_augmented().trust.shape == (4,)


def test_without_distrust_nothing_changes():
    teacher = split_opinions(0.0)
    assert with_disagreement(teacher) is teacher
    X, y = make_values(60)
    fits = [
        DistilledRegressor(t, **PLAIN).fit(X, y)
        for t in (teacher, EnsembleTeacher(teacher.members), teacher.members)
    ]
    for fit in fits[1:]:
        np.testing.assert_array_equal(fit.predict(X), fits[0].predict(X))
    labels = np.arange(60.0)
    rows = build_transfer_set(X)
    assert take_trust(labels, rows, teacher) == (labels, rows)


def test_weights_of_rows_are_those_of_the_formula():
    X, y = make_values(200)
    given = 1.0 + np.arange(200) % 3
    options = {**PLAIN, "student": Listener()}
    student = DistilledRegressor(split_opinions(3.0), **options).fit(X, y, given).student_
    said = np.stack([member.predict(X) for member in split_opinions(0.0).members])
    d = said.var(axis=0)
    trust = 1 / (1 + 3 * d / np.average(d, weights=given))
    np.testing.assert_allclose(student.weight_, given * trust * given.sum() / (given @ trust))
    np.testing.assert_allclose(student.targets_, said.mean(axis=0))
    plain = DistilledRegressor(split_opinions(0.0), **options).fit(X, y, given).student_
    np.testing.assert_array_equal(plain.weight_, given)


def test_rows_of_disagreement_count_less():
    X, _ = make_values(400)
    negative = X[:, 0] < 0
    errors = []
    for distrust in (0.0, 50.0):
        model = DistilledRegressor(split_opinions(distrust), **PLAIN).fit(X, X[:, 0])
        errors.append(np.mean((model.predict(X) - X[:, 0])[negative] ** 2))
    assert errors[1] < 0.3 * errors[0]


def test_true_labels_keep_their_weight():
    """Where teachers disagree the label decides."""
    X, _ = make_values(400)
    options = {**PLAIN, "hard_label_weight": 0.5, "student": LinearStudentRegressor()}
    errors = []
    for distrust in (0.0, 1e6):
        model = DistilledRegressor(split_opinions(distrust), **options).fit(X, X[:, 0])
        errors.append(np.mean((model.predict(X) - X[:, 0])[X[:, 0] > 0] ** 2))
    assert errors[1] < 0.1 * errors[0]


def test_disagreement_is_out_of_fold():
    """Two deep trees agree on the rows they have memorised, and nowhere else."""
    X, y = make_values(150)
    members = [DecisionTreeRegressor(random_state=seed, max_features=2) for seed in (0, 1)]
    teacher = EnsembleTeacher([member.fit(X, y) for member in members], distrust=5.0)
    options = {**PLAIN, "student": Listener()}
    in_sample, out_of_fold = (
        DistilledRegressor(teacher, teacher_labels=labels, **options).fit(X, y).student_
        for labels in ("in_sample", "cross_fit")
    )
    np.testing.assert_allclose(in_sample.weight_, 1.0)
    assert out_of_fold.weight_.std() > 0.3


@pytest.mark.filterwarnings("ignore::skdistill.exceptions.TeacherNotUsedWarning")
def test_the_whole_flow_with_distrust(tmp_path):
    X, codes = make_rows(120)
    y = np.array(["no", "yes"])[codes]
    more = make_rows(50, seed=1)[0]
    members = [DecisionTreeClassifier(max_depth=3, random_state=0), LogisticRegression()]

    def fit(distrust):
        teacher = EnsembleTeacher(members, distrust=distrust, scale="log")
        options = {"search_budget": 4, "memory": str(tmp_path), "random_state": 0, "cv": 3}
        model = DistilledClassifier(teacher, student=LogisticRegression(), **options)
        return model.fit(X, y, X_unlabeled=more)

    first, again, plain = fit(2.0), fit(2.0), fit(0.0)
    np.testing.assert_array_equal(first.predict_proba(X), again.predict_proba(X))
    assert again.distillation_.teacher_rows_scored == 0
    # The cache keeps what is trusted apart from what is not.
    assert plain.distillation_.teacher_rows_scored > 0
    scores = [[c["loss"] for c in fit.distillation_.candidates] for fit in (first, again, plain)]
    assert scores[0] == scores[1]
    assert scores[0] != scores[2]


def test_soft_targets_tell_no_disagreement():
    X, y = make_values(60)
    with pytest.raises(ValueError, match="which soft_targets do not tell"):
        DistilledRegressor(split_opinions(1.0), **PLAIN).fit(X, y, soft_targets=y)


def test_distrust_of_what_is_not_learned():
    X, y = make_values(60)
    teacher, options = split_opinions(1.0), {**PLAIN, "hard_label_weight": 1.0}
    with pytest.raises(ValueError, match=r"distrust=1.*hard_label_weight=1 .*leaves nothing"):
        DistilledRegressor(teacher, **options).fit(X, y)
    fits = [
        DistilledRegressor(split_opinions(d), **options).fit(X, y, X_unlabeled=X[:30] + 0.1)
        for d in (0.0, 9.0)
    ]
    assert not np.allclose(fits[0].predict(X), fits[1].predict(X))


def test_weights_are_learned_out_of_fold():
    """A tree that has memorised the rows is worth nothing on others."""
    X, y = make_rows(300)
    members = [DecisionTreeClassifier(random_state=0), LogisticRegression()]
    members = [member.fit(X, y) for member in members]
    teacher = EnsembleTeacher(members, weights="auto")
    assert teacher.learn_weights(X, y).weights[0] > 0.9
    options = {**PLAIN, "teacher_labels": "in_sample", "cv": 3}
    model = DistilledClassifier(teacher, **options).fit(X, y)
    weights = model.teacher_.weights
    assert weights[1] > 0.9
    assert model.distillation_.teacher_weights == weights.tolist()
    assert model.distillation_.teacher_fits == 6
    X_new, y_new = make_rows(500, seed=1)
    mean = EnsembleTeacher(members)
    assert log_loss(y_new, model.teacher_.predict_proba(X_new, [0, 1])) < log_loss(
        y_new, mean.predict_proba(X_new, [0, 1])
    )
    # The teacher given stays as it is.
    assert not teacher.is_fitted


def test_learned_weights_heed_those_of_the_rows():
    X = np.random.default_rng(0).normal(size=(90, 2))
    first = np.arange(90) % 2 == 0
    y = np.where(first, X[:, 0], X[:, 1])
    teacher = EnsembleTeacher([Column(0), Column(1)], weights="auto")
    for best, weighty in enumerate((first, ~first)):
        model = DistilledRegressor(teacher, **{**PLAIN, "cv": 3})
        model.fit(X, y, sample_weight=np.where(weighty, 1.0, 0.01))
        assert model.teacher_.weights[best] > 0.9


def test_unfitted_members_are_fitted_and_weighed():
    X, y = make_values(120)
    members = [LinearRegression(), DecisionTreeRegressor(random_state=0)]
    model = DistilledRegressor(EnsembleTeacher(members, weights="auto"), **{**PLAIN, "cv": 3})
    model.fit(X, y)
    assert model.teacher_.weights[0] > 0.9
    # One fit of all, three of each to weigh it, three of all for labels.
    assert model.distillation_.teacher_fits == 1 + 6 + 3
    again = DistilledRegressor(EnsembleTeacher(members, weights="auto"), **{**PLAIN, "cv": 3})
    np.testing.assert_array_equal(again.fit(X, y).predict(X), model.predict(X))


def test_where_weights_cannot_be_learned():
    X, y = make_rows(60)
    frozen = FrozenEstimator(LogisticRegression().fit(X, y))
    teacher = EnsembleTeacher([frozen, DecisionTreeClassifier()], weights="auto")
    with pytest.raises(ValueError, match=r"which \['LogisticRegression'\] cannot be.*learn_weight"):
        DistilledClassifier(teacher, **PLAIN).fit(X, y)
    teacher = EnsembleTeacher([LogisticRegression(), DecisionTreeClassifier()], weights="auto")
    with pytest.raises(ValueError, match="needs more rows"):
        DistilledClassifier(teacher, **PLAIN).fit(X[:6], [0, 1, 0, 1, 0, 1])


def test_search_of_the_smallest_student():
    X, y = make_rows(150)
    members = [DecisionTreeClassifier(max_depth=3), LogisticRegression()]
    teacher = EnsembleTeacher(members, weights="auto", distrust=1.0)
    search = CompactSearch(teacher, students=["linear"], max_bytes=10_000, cv=2, random_state=0)
    search.fit(X, y)
    assert search.score(X, y) > 0.7
    assert len(search.distillation_.teacher_weights) == 2
