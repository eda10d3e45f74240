"""The rows on which exports are compared with their students."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from form_evaluator import route
from hypothesis import given, settings
from hypothesis import strategies as st
from random_students import FAMILIES, TABLES, TASKS, make_student, make_table

from skdistill.export import _paths, _probes
from skdistill.export._form import (
    Axis,
    Form,
    Input,
    LeafModels,
    Network,
    Number,
    Sum,
    Table,
    Trees,
)
from skdistill.export._lowering import lower
from skdistill.export._parity import predict_rows
from skdistill.export._paths import split_rows
from skdistill.export._probes import N_BASE_ROWS, probe_rows

any_form = st.builds(
    lambda *args: lower(make_student(*args)),
    st.sampled_from(FAMILIES),
    st.sampled_from(TASKS),
    st.sampled_from(TABLES),
)


def find_edges(form):
    """List (input, edge) of numbers, found in another way than the probes do."""
    scorer = form.scorer.first if isinstance(form.scorer, Network) else form.scorer
    if isinstance(scorer, LeafModels):
        scorer = scorer.trees
    if isinstance(scorer, Trees):
        for f, t in zip(scorer.feature.tolist(), scorer.threshold.tolist(), strict=True):
            if isinstance(scorer.features[f], Number):
                yield scorer.features[f].input, t
        axes = [f.axis for f in scorer.features if not isinstance(f, Number)]
    else:
        for slope in scorer.slopes:
            for knot in [] if slope.knots is None else slope.knots.tolist():
                yield slope.input, knot
        axes = [axis for table in scorer.tables for axis in table.axes]
    for axis in axes:
        for cut in [] if axis.cuts is None else axis.cuts.tolist():
            yield axis.input, cut


@given(any_form, st.booleans())
@settings(max_examples=25, deadline=None)
def test_every_edge_is_met_from_both_sides(form, single):
    rows = probe_rows(form, single=single)
    dtype = np.float32 if single else np.float64
    for j, edge in find_edges(form):
        if np.isfinite(edge):
            at = dtype(edge)
            near = {float(np.nextafter(at, dtype(s))) for s in (-np.inf, np.inf)} | {float(at)}
            assert near <= set(rows[:, j].tolist())


@given(any_form)
@settings(max_examples=25, deadline=None)
def test_categories_and_missing_values(form):
    rows = probe_rows(form)
    for j, column in enumerate(form.inputs):
        values = rows[:, j].tolist()
        if column.levels is None:
            assert np.isnan(values).any() or not column.used
        else:
            assert None in values
            assert set(column.levels) < set(values) - {None}  # and one that is not listed


@given(any_form, st.booleans(), st.booleans())
@settings(max_examples=25, deadline=None)
def test_numbers_are_finite_floats(form, single, given_rows):
    table = {4: "missing"}.get(len(form.inputs), "frame")
    X = make_table(table) if given_rows else None
    rows = probe_rows(form, X, single=single)
    assert rows.dtype == object
    for j, column in enumerate(form.inputs):
        if column.levels is None:
            assert {type(value) for value in rows[:, j]} == {float}
            values = rows[:, j].astype(float)
            assert not np.isinf(values).any()
            if single:
                exact = values.astype(np.float32).astype(float)
                assert np.array_equal(exact, values, equal_nan=True)


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("family", ["tree", "linear_leaves", "boosting", "pruned"])
def test_every_split_sends_rows_both_ways(family, table):
    form = lower(make_student(family, 3, table, 1))
    trees = getattr(form.scorer, "trees", form.scorer)
    seen = set()
    for row in probe_rows(form, make_table(table, 1)).tolist():
        for root in trees.roots:
            seen.update(route(form, trees, row, root)[:-1])
    assert seen == {(node, left) for node in range(len(trees.feature)) for left in (True, False)}


def test_given_rows_come_first_and_as_they_are():
    form = lower(make_student("linear", 2, "frame"))
    X = make_table("frame")
    rows = probe_rows(form, X)
    for j, column in enumerate(form.inputs):
        if column.levels is None:
            expected = pd.to_numeric(X.iloc[:, j]).to_numpy(float)
            assert np.array_equal(rows[: len(X), j].astype(float), expected, equal_nan=True)
        else:
            expected = X.iloc[:, j].astype(object)
            assert rows[: len(X), j].tolist() == expected.where(expected.notna(), None).tolist()


def test_kinds_of_tables_give_the_same_rows():
    form = lower(make_student("tree", 2, "numbers"))
    X = make_table("numbers")
    expected = probe_rows(form, X)
    for other in (X.tolist(), pd.DataFrame(X), sp.csr_matrix(X), X.astype(object)):
        rows = probe_rows(form, other)
        assert np.array_equal(rows.astype(float), expected.astype(float), equal_nan=True)


def test_many_rows_are_sampled_by_the_seed():
    form = lower(make_student("linear", 2, "numbers"))
    X = make_table("numbers", n_rows=3000)
    first, again, other = (probe_rows(form, X, random_state=s).astype(float) for s in (0, 0, 1))
    assert np.array_equal(first, again, equal_nan=True)
    assert not np.array_equal(first, other, equal_nan=True)
    assert N_BASE_ROWS < len(first) < N_BASE_ROWS + 100


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("family", FAMILIES)
def test_sampled_rows_see_different_predictions(family, table):
    student = make_student(family, 2, table)
    predicted = predict_rows(student, probe_rows(lower(student))[:N_BASE_ROWS])
    assert predicted.argmax(axis=1).std() > 0.1


@given(any_form, st.booleans(), st.sampled_from([1, 2000]))
@settings(max_examples=25, deadline=None)
def test_wide_tables_have_many_edges_in_a_row(form, single, n_values):
    with pytest.MonkeyPatch.context() as patch:
        alone = probe_rows(form, single=single)
        patch.setattr(_probes, "N_EDGE_VALUES", n_values)
        rows = probe_rows(form, single=single)
        patch.setattr(_paths, "_walk", lambda trees: [])
        edges = probe_rows(form, single=single)[N_BASE_ROWS:]
    assert len(rows) <= len(alone)
    dtype = np.float32 if single else np.float64
    for j, column in enumerate(form.inputs):
        values = set(edges[:, j].tolist())
        if column.levels is not None and column.used:
            assert set(column.levels) | {None} < values
        edge = [e for k, e in find_edges(form) if k == j and np.isfinite(e)]
        at = np.array(edge, dtype=dtype)
        for near in (at, np.nextafter(at, dtype(-np.inf)), np.nextafter(at, dtype(np.inf))):
            assert set(map(float, near)) <= values


@pytest.mark.parametrize("n_columns", [500, 2000])
def test_size_of_wide_tables(n_columns):
    cuts = np.linspace(-1.0, 1.0, 255)
    points = np.linspace(0.0, 1.0, 257)[:, None]
    tables = tuple(Table((Axis(j, cuts, np.arange(257)),), points) for j in range(n_columns))
    inputs = tuple(Input(f"x{j}") for j in range(n_columns))
    form = Form("wide", inputs, None, Sum(np.zeros(1), (), tables), "identity")
    rows = probe_rows(form)
    assert rows.size <= N_BASE_ROWS * n_columns + max(2_500_000, 3 * 257 * n_columns)
    for j in range(0, n_columns, 97):
        assert set(cuts.tolist()) <= set(rows[:, j].tolist())
        assert np.isnan(rows[:, j].astype(float)).any()


def test_number_of_rows_on_paths():
    form = lower(make_student("boosting", 3, "missing"))
    base, rng = probe_rows(form)[:100], np.random.default_rng(0)
    every = split_rows(form, form.scorer, base, rng, np.float64, most=10**9)
    some = split_rows(form, form.scorer, base, rng, np.float64, most=len(every) // 3)
    assert 0 < len(some) < 0.6 * len(every)


class TestWrongRows:
    form = lower(make_student("linear", 2, "numbers"))

    @pytest.mark.parametrize("X", [np.zeros((3, 5)), np.zeros((0, 4)), np.zeros(4), [[1.0]]])
    def test_shape(self, X):
        with pytest.raises(ValueError, match="X must have rows with the 4 columns"):
            probe_rows(self.form, X)

    def test_infinite_number(self):
        X = np.zeros((3, 4))
        X[1, 2] = np.inf
        with pytest.raises(ValueError, match="Column 2 contains infinity"):
            probe_rows(self.form, X)

    def test_string(self):
        with pytest.raises(TypeError, match="strings in column 'x1'"):
            probe_rows(self.form, [[0.0, "a", 1.0, 2.0]])
