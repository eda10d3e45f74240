"""The neural network student: scales, targets, weights, what it chooses and what it stores."""

import pickle

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import expit
from sklearn.base import clone
from sklearn.datasets import load_iris

from skdistill.losses import softmax
from skdistill.metrics import kl_divergence
from skdistill.students import MLPStudentClassifier, MLPStudentRegressor
from skdistill.students._mlp.network import forward
from skdistill.students._scores import n_scores, prior_scores

QUICK = {
    "hidden_layer_sizes": (8,),
    "alpha": 5.0,
    "max_iter": 150,
    "polish": 20,
    "n_restarts": 1,
    "random_state": 0,
}


def make_soft(n_classes, n_samples=600, seed=0):
    """Rows, and the probabilities of a linear teacher."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n_samples, 3))
    return X, softmax(1.5 * X @ rng.normal(size=(3, n_classes)))


def draw_labels(P, seed=0):
    u = np.random.default_rng(seed).random((len(P), 1))
    return (P.cumsum(axis=1)[:, :-1] < u).sum(axis=1)


@pytest.mark.parametrize("n_classes", [2, 4])
@pytest.mark.parametrize("temperature", [1.0, 4.0])
def test_learns_the_teacher_and_no_temperature_flattens_it(n_classes, temperature):
    X, P = make_soft(n_classes, 1200)
    student = MLPStudentClassifier(hidden_layer_sizes=(16,), alpha=0.1, random_state=0)
    student.fit(X[:800], draw_labels(P)[:800], soft_targets=P[:800], temperature=temperature)
    Q = student.predict_proba(X[800:])
    assert kl_divergence(P[800:], Q) < 0.01
    assert abs(Q.max(axis=1).mean() - P[800:].max(axis=1).mean()) < 0.02


def test_temperature_and_hard_label_weight_act():
    X, P = make_soft(3)
    y = draw_labels(P)
    fits = [
        MLPStudentClassifier(**QUICK).fit(X, y, soft_targets=P, **how).predict_proba(X)
        for how in ({}, {"temperature": 3.0}, {"hard_label_weight": 0.5})
    ]
    for i, j in [(0, 1), (0, 2), (1, 2)]:
        assert np.abs(fits[i] - fits[j]).max() > 1e-3


def test_hard_labels_alone_are_one_hot_soft_targets():
    X, P = make_soft(3)
    y = draw_labels(P)
    hard = MLPStudentClassifier(**QUICK).fit(X, y)
    soft = MLPStudentClassifier(**QUICK).fit(X, y, soft_targets=np.eye(3)[y])
    np.testing.assert_array_equal(hard.predict_proba(X), soft.predict_proba(X))


def test_real_data():
    X, y = load_iris(return_X_y=True)
    student = MLPStudentClassifier(random_state=0).fit(X[::2], y[::2])
    assert student.score(X[1::2], y[1::2]) > 0.93


def test_regressor_learns_a_linear_function_on_any_scale():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(400, 4)) * [1e-6, 1.0, 1e5, 10.0] + [0.0, 1e9, -3.0, 5.0]
    y = 1e8 + 1e4 * (X - X.mean(axis=0)) @ [2e6, 1.0, 1e-5, 0.1]
    student = MLPStudentRegressor(random_state=0, alpha=0.1).fit(X[:300], y[:300])
    assert student.score(X[300:], y[300:]) > 0.98


def test_regressor_mixes_teacher_and_truth():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(100, 2)), rng.normal(size=100)
    settings = {**QUICK, "input_transform": "standard"}
    mixed = MLPStudentRegressor(**settings).fit(X, y, soft_targets=y + 2.0, hard_label_weight=0.5)
    shifted = MLPStudentRegressor(**settings).fit(X, y + 1.0)
    np.testing.assert_allclose(mixed.predict(X), shifted.predict(X), rtol=1e-4, atol=1e-4)


# Powers of two change no digit, so that the standardised inputs are the same to the last bit.
@given(power=st.integers(-400, 400))
@settings(max_examples=6, deadline=None)
def test_units_of_measurement_do_not_matter(power):
    X, P = make_soft(2, 200)
    y = draw_labels(P)
    plain = MLPStudentClassifier(**QUICK).fit(X, y)
    scaled = MLPStudentClassifier(**QUICK).fit(X * 2.0**power, y)
    np.testing.assert_allclose(
        plain.predict_proba(X), scaled.predict_proba(X * 2.0**power), rtol=1e-5
    )


@pytest.mark.parametrize("offset", [1e4, 1e9, -1e12])
def test_columns_far_from_zero_keep_their_precision(offset):
    """Timestamps and identifiers: single precision alone would lose them altogether."""
    rng = np.random.default_rng(0)
    X = np.round(rng.normal(size=(300, 2)) * 100)
    y = (X.sum(axis=1) > 0).astype(int)
    plain = MLPStudentClassifier(**QUICK).fit(X, y)
    moved = MLPStudentClassifier(**QUICK).fit(X + offset, y)
    np.testing.assert_allclose(plain.predict_proba(X), moved.predict_proba(X + offset), atol=2e-3)
    assert moved.coefs_[0].dtype == np.float32


@pytest.mark.parametrize("transform", ["standard", "quantile"])
def test_prediction_is_that_of_the_stored_tables_and_weights(transform):
    X, P = make_soft(3)
    student = MLPStudentClassifier(
        hidden_layer_sizes=(7, 5), input_transform=transform, max_iter=50, random_state=0
    )
    student.fit(X, draw_labels(P), soft_targets=P)
    hidden = X
    if transform == "quantile":
        tables = student.input_tables_
        bounds = np.split(np.arange(len(tables.knots)), tables.ends[:-1])
        hidden = np.column_stack(
            [
                np.interp(x, tables.knots[i], tables.values[i])
                for x, i in zip(X.T, bounds, strict=True)
            ]
        )
    for W, b in list(zip(student.coefs_, student.intercepts_, strict=True))[:-1]:
        hidden = np.maximum(hidden @ W.astype(float) + b, 0.0)
    expected = softmax(hidden @ student.coefs_[-1] + student.intercepts_[-1])
    np.testing.assert_allclose(student.predict_proba(X), expected, rtol=1e-12)
    assert [W.shape for W in student.coefs_] == [(3, 7), (7, 5), (5, 3)]
    assert student.n_parameters_ == 4 * 7 + 8 * 5 + 6 * 3
    assert student.input_transform_ == transform


def test_inputs_are_chosen_on_held_out_rows():
    """A wave along the ranks of a skewed column needs them; one along its values does not."""
    rng = np.random.default_rng(0)
    z = rng.normal(size=(600, 1))
    X = np.exp(3.0 * z)
    settings = {**QUICK, "alpha": 0.1, "max_iter": 600}
    ranks = MLPStudentRegressor(**settings).fit(X, np.sin(4.0 * z[:, 0]))
    assert ranks.input_transform_ == "quantile"
    values = MLPStudentRegressor(**settings).fit(X, X[:, 0])
    assert values.input_transform_ == "standard"


def test_penalty_is_chosen_on_the_true_labels():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(200, 30)), rng.integers(2, size=200)
    settings = {**QUICK, "alpha": "auto", "max_iter": 500}
    noise = MLPStudentClassifier(**settings).fit(X, y)
    assert noise.alpha_ == 20.0
    # The rows and labels are the same, so is the choice; the teacher's word has less noise.
    P = np.full((200, 2), 0.5)
    taught = MLPStudentClassifier(**settings)
    assert taught.fit(X, y, soft_targets=P, labeled=np.ones(200, bool)).alpha_ == 5.0
    clear = MLPStudentClassifier(**settings).fit(X, X[:, 0] > 0)
    assert clear.alpha_ < 20.0
    few = MLPStudentClassifier(**settings).fit(X[:20], y[:20])
    assert (few.alpha_, few.input_transform_) == (5.0, "standard")


def test_without_numbers_there_are_no_tables():
    X = pd.DataFrame({"colour": ["red", "blue"] * 50})
    student = MLPStudentClassifier(**QUICK, input_transform="quantile").fit(X, [0, 1] * 50)
    assert student.input_tables_ is None
    assert student.score(X, [0, 1] * 50) == 1.0


def test_polish_and_restarts_act():
    X, P = make_soft(3)
    y = draw_labels(P)
    losses = {}
    for name, how in {
        "plain": {},
        "restarts": {"n_restarts": 6},
        "polished": {"polish": 100},
    }.items():
        settings = {**QUICK, "alpha": 0.0, "input_transform": "standard", "polish": 0} | how
        student = MLPStudentClassifier(**settings).fit(X, y, soft_targets=P)
        losses[name] = kl_divergence(P, student.predict_proba(X))
    assert losses["polished"] < 0.5 * losses["plain"]
    assert losses["restarts"] < losses["plain"]


def test_early_stopping_acts_where_training_overfits_and_only_there():
    rng = np.random.default_rng(0)
    X, P = rng.normal(size=(300, 10)), np.full((300, 2), 0.5)
    y = draw_labels(P)
    settings = {**QUICK, "alpha": 0.0, "max_iter": 1000, "polish": 50}
    settings["input_transform"] = "standard"

    def fit(**how):
        early = MLPStudentClassifier(**settings).fit(X, y, **how)
        whole = MLPStudentClassifier(**settings, early_stopping=False).fit(X, y, **how)
        assert (whole.n_iter_, whole.n_polish_ <= 50) == (1000, True)
        return early, whole

    early, whole = fit()
    assert (early.n_iter_, early.n_polish_) == (100, 0)
    assert whole.n_polish_ > 10
    losses = [kl_divergence(P, student.predict_proba(X)) for student in (early, whole)]
    assert losses[0] < 0.5 * losses[1]
    early, whole = fit(soft_targets=P, labeled=np.arange(300) < 59)
    np.testing.assert_array_equal(early.predict_proba(X), whole.predict_proba(X))


def test_two_classes_share_one_margin():
    X, P = make_soft(2)
    student = MLPStudentClassifier(**QUICK, input_transform="standard")
    student.fit(X, draw_labels(P), soft_targets=P)
    assert student.coefs_[-1].shape == (8, 1)
    margin = forward(X, student.coefs_, student.intercepts_)[-1][:, 0]
    np.testing.assert_allclose(student.predict_proba(X)[:, 1], expit(margin), rtol=1e-12)


def test_same_seed_same_result():
    X, P = make_soft(3)
    y = draw_labels(P)
    first = MLPStudentClassifier(**QUICK).fit(X, y)
    again = clone(first).fit(X, y)
    other = clone(first).set_params(random_state=1).fit(X, y)
    np.testing.assert_array_equal(first.predict_proba(X), again.predict_proba(X))
    assert np.abs(first.predict_proba(X) - other.predict_proba(X)).max() > 1e-6


def test_unit_of_weights_does_not_matter_but_weights_do():
    X, P = make_soft(2)
    y = draw_labels(P)
    weight = np.where(y == 1, 10.0, 1.0)
    probas = [
        MLPStudentClassifier(**QUICK).fit(X, y, sample_weight=w).predict_proba(X)
        for w in (None, weight, weight * 1024.0, weight * 2.0**1000)
    ]
    np.testing.assert_array_equal(probas[1], probas[2])
    np.testing.assert_array_equal(probas[1], probas[3])
    assert probas[1][:, 1].mean() > probas[0][:, 1].mean() + 0.1


def test_constant_target_and_constant_columns():
    X = np.column_stack([np.ones(30), np.full(30, 1e12), np.zeros(30)])
    student = MLPStudentRegressor(**QUICK).fit(X, np.full(30, 7.0))
    np.testing.assert_allclose(student.predict(X), 7.0, atol=0.05)
    P = np.tile([[0.2, 0.3, 0.5]], (30, 1))
    classifier = MLPStudentClassifier(**QUICK).fit(X, np.arange(30) % 3, soft_targets=P)
    np.testing.assert_allclose(classifier.predict_proba(X), P, atol=1e-3)


def test_a_column_constant_up_to_rounding_is_not_blown_up():
    rng = np.random.default_rng(0)
    x = rng.normal(size=50)
    noise = np.where(rng.random(50) > 0.5, 0.1 + 0.2, 0.3)  # differ in the last digit
    student = MLPStudentRegressor(**QUICK).fit(np.column_stack([x, noise]), x)
    moved = student.predict(np.column_stack([x, np.full(50, 0.35)]))
    assert np.abs(moved - x).max() < 2.0


@pytest.mark.parametrize("n_samples", [2, 3, 5])
def test_a_handful_of_rows(n_samples):
    X = np.arange(2.0 * n_samples).reshape(n_samples, 2)
    y = np.arange(n_samples) % 2
    student = MLPStudentClassifier(random_state=0).fit(X, y, soft_targets=np.eye(2)[y])
    P = student.predict_proba(X)
    assert np.isfinite(P).all()
    assert MLPStudentRegressor(random_state=0).fit(X, y).predict(X).shape == (n_samples,)


def test_class_without_a_label():
    X, P = make_soft(2)
    P = np.column_stack([P, np.zeros(len(P))])
    y = np.array(["a", "b"])[P.argmax(axis=1)]
    student = MLPStudentClassifier(**QUICK).fit(X, y, soft_targets=P, classes=["a", "b", "c"])
    assert student.predict_proba(X)[:, 2].max() < 1e-3
    assert set(student.predict(X)) == {"a", "b"}


def test_raw_frame_with_categories_and_missing_values():
    rng = np.random.default_rng(0)
    colour = rng.choice(["red", "green", "blue"], 300).astype(object)
    size = rng.normal(size=300)
    y = np.where((colour == "red") == (size > 0), "yes", "no")
    colour[::10], size[5::10] = None, np.nan
    X = pd.DataFrame({"colour": colour, "size": size})
    student = MLPStudentClassifier(random_state=0).fit(X, y)
    assert student.score(X, y) > 0.85
    assert student.coefs_[0].shape[0] == 1 + 1 + 4  # size, size is missing, four colours
    unseen = pd.DataFrame({"colour": ["violet"], "size": [0.5]})
    assert np.isfinite(student.predict_proba(unseen)).all()


def test_pickle_holds_weights_and_little_else():
    X, P = make_soft(3, 4000)
    student = MLPStudentClassifier(max_iter=20, input_transform="quantile", random_state=0)
    student.fit(X, draw_labels(P))
    weights = 4 * sum(W.size for W in student.coefs_)
    tables = 3 * 16 * (8 + 4)
    assert student.nbytes_ < weights + 8 * 35 + tables + 2800
    restored = pickle.loads(pickle.dumps(student))
    np.testing.assert_array_equal(restored.predict_proba(X), student.predict_proba(X))


def test_max_iter_counts_steps():
    X, P = make_soft(2, 250)
    y = draw_labels(P)

    def steps(**how):
        settings = QUICK | {"input_transform": "standard", "max_iter": "auto"} | how
        settings |= {"early_stopping": False}
        return MLPStudentClassifier(**settings).fit(X, y).n_iter_

    assert steps(max_iter=7) == 7
    assert steps(batch_size=100) == 500  # the least
    assert steps(batch_size=25) == 1000
    assert steps(batch_size=1) == 6000  # the most


@pytest.mark.parametrize(
    ("params", "error"),
    [
        ({"hidden_layer_sizes": 32}, ValueError),
        ({"hidden_layer_sizes": ()}, ValueError),
        ({"hidden_layer_sizes": (8, 0)}, ValueError),
        ({"hidden_layer_sizes": (8.0,)}, TypeError),
        ({"alpha": -1.0}, ValueError),
        ({"alpha": "best"}, ValueError),
        ({"input_transform": "log"}, ValueError),
        ({"polish": -1}, ValueError),
        ({"n_restarts": 0}, ValueError),
        ({"early_stopping": "auto"}, TypeError),
        ({"learning_rate_init": 0.0}, ValueError),
        ({"batch_size": 0}, ValueError),
        ({"batch_size": "auto"}, TypeError),
        ({"max_iter": "all"}, ValueError),
        ({"max_iter": 0}, ValueError),
    ],
)
@pytest.mark.parametrize("student", [MLPStudentClassifier, MLPStudentRegressor])
def test_bad_parameters_are_named(student, params, error):
    with pytest.raises(error, match=next(iter(params))):
        student(**params).fit([[0.0], [1.0]], [0, 1])


def test_divergence_is_an_error_that_says_what_to_do():
    X, P = make_soft(3, 300)
    student = MLPStudentClassifier(learning_rate_init=1e35, random_state=0)
    with pytest.raises(ValueError, match="learning_rate_init=1e\\+35 is too large"):
        student.fit(X, draw_labels(P))


def test_scores_of_two_and_more_classes():
    weight = np.array([1.0, 3.0])
    np.testing.assert_allclose(
        prior_scores(np.array([[1.0, 0.0], [0.0, 1.0]]), weight), [np.log(3.0)]
    )
    three = np.array([[0.2, 0.8, 0.0], [0.2, 0.8, 0.0]])
    np.testing.assert_allclose(softmax(prior_scores(three, weight)[None])[0, :2], [0.2, 0.8], 1e-5)
    assert (n_scores(2), n_scores(3)) == (1, 3)
