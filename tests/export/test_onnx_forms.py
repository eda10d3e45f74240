"""ONNX models compute what forms mean, also forms that no student of the tests happens to have."""

from __future__ import annotations

import numpy as np
import onnxruntime
import pytest
from form_evaluator import evaluate_rows
from hypothesis import given, settings
from hypothesis import strategies as st

from skdistill.export._form import (
    Axis,
    Form,
    Input,
    LeafModels,
    Lookup,
    Network,
    Number,
    Slope,
    Sum,
    Table,
    Trees,
)
from skdistill.export._onnx.inputs import Columns
from skdistill.export._probes import probe_rows
from skdistill.export.onnx import build_model, run_model

NUMBERS = (Input("a"), Input("unused", used=False), Input("b"))
CATEGORIES = (Input("c", ("p", "", "q")), Input("d", ("u", 5)))
SCORERS = ("sum", "network", "trees", "vector_trees", "leaf_models")


def draw_axis(rng, inputs, j, n_rows):
    levels = inputs[j].levels
    cuts = None if levels is not None else np.unique(rng.normal(size=rng.integers(0, 6)))
    n_codes = 2 + len(cuts if levels is None else levels)
    return Axis(j, cuts, rng.integers(n_rows, size=n_codes))


def draw_sum(rng, inputs, n_outputs):
    used = [j for j, column in enumerate(inputs) if column.used]
    slopes, tables = [], []
    for j in used:
        if inputs[j].levels is None and rng.random() < 0.6:
            knots = np.unique(rng.normal(size=rng.integers(1, 5))) if rng.random() < 0.5 else None
            values = None if knots is None else rng.normal(size=len(knots))
            coef, missing = rng.normal(size=(2, n_outputs))
            slopes.append(Slope(j, coef, missing, knots, values))
    for _ in range(rng.integers(0, 5)):
        shape = rng.integers(1, 4, size=rng.integers(1, 3))
        chosen = rng.choice(used, size=len(shape), replace=False).tolist()
        axes = [draw_axis(rng, inputs, j, n) for j, n in zip(chosen, shape, strict=True)]
        tables.append(Table(tuple(axes), rng.normal(size=(*shape, n_outputs))))
    return Sum(rng.normal(size=n_outputs), tuple(slopes), tuple(tables))


def draw_features(rng, inputs):
    features = [Number(0), Number(2)]
    for j in [j for j, column in enumerate(inputs) if column.used]:
        if inputs[j].levels is not None or rng.random() < 0.3:
            features.append(Lookup(draw_axis(rng, inputs, j, 3), rng.integers(0, 4, size=3) * 1.0))
    return tuple(features)


def draw_trees(rng, inputs, n_trees, n_outputs, *, vectors):
    features = draw_features(rng, inputs)
    feature, threshold, left, right, roots, n_leaves = [], [], [], [], [], 0
    for _ in range(n_trees):
        n_splits = rng.integers(0, 5)
        # Grow by splitting some leaf into two.
        tree, start = [~n_leaves], len(feature)
        n_leaves += 1
        roots.append(tree[0] if n_splits == 0 else start)
        places = {tree[0]: None}
        for _ in range(n_splits):
            leaf = list(places)[rng.integers(len(places))]
            node, other = len(feature), ~n_leaves
            n_leaves += 1
            feature.append(rng.integers(len(features)))
            threshold.append(rng.choice([rng.normal(), rng.integers(4), np.inf, -np.inf]))
            left.append(leaf)
            right.append(other)
            place = places.pop(leaf)
            if place is not None:
                place[0][place[1]] = node
            places |= {leaf: (left, node), other: (right, node)}
    return Trees(
        features,
        np.array(feature, dtype=np.int32),
        np.array(threshold, dtype=np.float64),
        np.array(left, dtype=np.int32),
        np.array(right, dtype=np.int32),
        rng.random(len(feature)) < 0.5,
        np.array(roots, dtype=np.int32),
        np.full(n_trees, -1) if vectors else rng.integers(n_outputs, size=n_trees),
        rng.normal(size=(n_leaves, n_outputs if vectors else 1)),
        rng.normal(size=n_outputs),
    )


def draw_scorer(rng, inputs, kind, n_outputs):
    if kind == "sum":
        return draw_sum(rng, inputs, n_outputs)
    if kind == "network":
        first = draw_sum(rng, inputs, 4)
        coefs = rng.normal(size=(4, 3)), rng.normal(size=(3, n_outputs))
        return Network(first, coefs, (rng.normal(size=3), rng.normal(size=n_outputs)))
    if kind == "leaf_models":
        trees = draw_trees(rng, inputs, 1, n_outputs, vectors=True)
        n_leaves, n_features = len(trees.value), len(trees.features)
        low, centre, high = np.sort(rng.normal(size=(3, n_features)), axis=0)
        slope = rng.normal(size=(n_leaves, n_features, n_outputs))
        return LeafModels(trees, low, high, centre, rng.normal(size=(n_leaves, n_outputs)), slope)
    n_trees = rng.integers(1, 5)
    return draw_trees(rng, inputs, n_trees, n_outputs, vectors=kind == "vector_trees")


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("kind", SCORERS)
@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), categories=st.booleans())
def test_random_forms(kind, dtype, seed, categories):
    rng = np.random.default_rng(seed)
    inputs = NUMBERS + CATEGORIES if categories else NUMBERS
    link, n_outputs, classes = (
        ("identity", 1, None),
        ("margin", 1, ("no", "yes")),
        ("logits", 3, (0, 1, 2)),
    )[rng.integers(3)]
    form = Form("Form", inputs, classes, draw_scorer(rng, inputs, kind, n_outputs), link)
    columns, single = Columns(form), dtype == "float32"
    model = build_model(form, columns, dtype)
    rows = probe_rows(form, single=single, random_state=seed % 100)[-300:]
    alone = np.arange(5)
    found = run_model(onnxruntime, model, columns, rows, dtype, alone)
    expected = evaluate_rows(form, np.concatenate([rows, rows[alone]]))
    tolerance = 1e-5 if single else 1e-12
    scale = np.maximum(1.0, np.abs(expected))
    np.testing.assert_array_less(np.abs(found - expected) / scale, tolerance)
