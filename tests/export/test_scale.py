"""The size of what predictions are added up from."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from form_evaluator import evaluate_rows
from random_students import FAMILIES, TABLES, TASKS, make_student, make_table, make_target
from sklearn.base import clone

from skdistill.export._lowering import lower
from skdistill.export._parity import predict_rows
from skdistill.export._probes import probe_rows
from skdistill.export._scale import allowed_differences, term_sizes
from skdistill.students import LinearStudentRegressor, MLPStudentRegressor


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("n_classes", TASKS)
@pytest.mark.parametrize("family", FAMILIES)
def test_no_score_is_larger_than_its_terms(family, n_classes, table):
    student = make_student(family, n_classes, table)
    form = lower(student)
    rows = probe_rows(form)[::7]
    sizes = term_sizes(form, rows)
    scores = evaluate_rows(replace(form, link="identity", classes=("scores",)), rows)
    assert sizes.shape == (len(rows),)
    assert (np.abs(scores).reshape(len(rows), -1).max(axis=1) <= sizes * (1.0 + 1e-12)).all()


def test_terms_of_a_linear_student():
    X = np.random.default_rng(0).normal(size=(50, 3)) + np.array([1e6, 0.0, 0.0])
    student = LinearStudentRegressor(alpha=0.0).fit(X, X[:, 0] - 1e6 + X[:, 1])
    expected = student.predict(X)
    found = term_sizes(lower(student), X.astype(object))
    sizes = np.abs(student.intercept_) + (np.abs(X) * np.abs(student.coef_)).sum(axis=1)
    np.testing.assert_allclose(found, sizes)
    assert np.ptp(expected) < 10.0
    assert found.min() > 1e5
    # What is missing has a weight of its own.
    X[::5, 0] = np.nan
    student.fit(X, X[:, 1])
    missing = lower(student).scorer.slopes[0].missing[0]
    rows = np.array([[np.nan, 0.0, 0.0]], dtype=object)
    found = term_sizes(lower(student), rows)
    np.testing.assert_allclose(found, abs(student.intercept_) + abs(missing))


def test_terms_go_through_a_network():
    X = make_table("numbers")
    student = MLPStudentRegressor(
        hidden_layer_sizes=(3,), max_iter=3, input_transform="standard", alpha=1.0, random_state=0
    ).fit(X, X[:, 0])
    scorer, rows = lower(student).scorer, X.astype(object)
    terms = [np.abs(X[:, [s.input]]) * np.abs(s.coef) for s in scorer.first.slopes]
    hidden = sum(terms) + np.abs(scorer.first.intercept)
    sizes = hidden @ np.abs(scorer.coefs[0]) + np.abs(scorer.intercepts[0])
    np.testing.assert_allclose(term_sizes(lower(student), rows), sizes[:, 0])


def test_trees_count_by_their_largest_leaves():
    X = make_table("missing")
    student = clone(make_student("boosting", 0, "missing"))
    student.fit(X, make_target(X, 0) + 1000.0)
    trees = lower(student).scorer
    owners = []
    for root in trees.roots.tolist():
        leaves = {~root} if root < 0 else _leaves_of(trees, root)
        owners.append(max(abs(trees.value[leaf, 0]) for leaf in leaves))
    found = term_sizes(lower(student), X.astype(object))
    np.testing.assert_allclose(found, abs(trees.init[0]) + sum(owners))


def _leaves_of(trees, node):
    if node < 0:
        return {~node}
    return _leaves_of(trees, int(trees.left[node])) | _leaves_of(trees, int(trees.right[node]))


def test_far_rows_do_not_widen_the_spread_and_all_is_finite():
    student = LinearStudentRegressor(alpha=0.0).fit(np.arange(40.0)[:, None], np.arange(40.0))
    rows = np.array([[0.0]] * 97 + [[1e6], [1e300], [1.7e308]], dtype=object)
    form = lower(student)
    slope = replace(form.scorer.slopes[0], coef=np.array([1e9]))
    form = replace(form, scorer=replace(form.scorer, slopes=(slope,)))
    expected = np.append(np.linspace(0.0, 1e-6, 97), [1e6, 1e300, np.inf])
    allowed = allowed_differences(form, rows, expected, tolerance=1.0, single=False)
    assert allowed[0] < 1e-5
    assert np.isfinite(allowed).all()


@pytest.mark.parametrize("n_classes", [0, 2])
def test_what_is_allowed(n_classes):
    X = make_table("numbers")
    student = make_student("linear", n_classes, "numbers")
    form, rows = lower(student), X.astype(object)
    expected = predict_rows(student, rows)
    sizes = term_sizes(form, rows)
    unit = 1.0 if n_classes else np.subtract(*np.percentile(expected, [95, 5]))
    for single, rounding in ((False, 64 * np.finfo(np.float64).eps), (True, 4 * 2.0**-23)):
        allowed = allowed_differences(form, rows, expected, tolerance=1e-7, single=single)
        share = 0.5 if n_classes else 1.0
        np.testing.assert_allclose(allowed, 1e-7 * unit + share * rounding * sizes)
