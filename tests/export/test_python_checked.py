"""A form that is wrong in a single place is found out, and not written."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from random_students import TABLES, make_student

from skdistill.exceptions import ParityError
from skdistill.export import python, to_python
from skdistill.export._form import LeafModels, Lookup, Sum, Trees
from skdistill.export._lowering import lower


def _with_trees(form, **changes):
    scorer = form.scorer
    if isinstance(scorer, LeafModels):
        return replace(form, scorer=replace(scorer, trees=replace(scorer.trees, **changes)))
    assert isinstance(scorer, Trees)
    return replace(form, scorer=replace(scorer, **changes))


def _reached(trees):
    """Yield (node, low, high, missing): what of its feature's values can get to it."""
    stack = [(int(root), {}) for root in trees.roots if root >= 0]
    while stack:
        node, seen = stack.pop()
        f, t = int(trees.feature[node]), float(trees.threshold[node])
        low, high, missing = seen.get(f, (-np.inf, np.inf, True))
        yield node, low, high, missing
        sides = (
            (trees.left, (low, min(high, t), missing and trees.missing_left[node])),
            (trees.right, (max(low, t), high, missing and not trees.missing_left[node])),
        )
        stack += [(int(c[node]), {**seen, f: s}) for c, s in sides if c[node] >= 0]


def refuse(monkeypatch, tmp_path, student, form):
    path = tmp_path / "student.py"
    path.write_text("old")
    monkeypatch.setattr(python, "lower", lambda student: form)
    with pytest.raises(ParityError, match="Python form differ"):
        to_python(student, path)
    assert path.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["student.py"]


@pytest.mark.parametrize("family", ["tree", "linear_leaves", "boosting", "pruned"])
@pytest.mark.parametrize("side", [-np.inf, np.inf])
def test_any_threshold_moved_by_one_ulp(family, side, monkeypatch, tmp_path):
    student = make_student(family, 0, "missing")
    form = lower(student)
    trees = getattr(form.scorer, "trees", form.scorer)
    for node, low, high, _ in _reached(trees):
        moved = trees.threshold.copy()
        moved[node] = np.nextafter(moved[node], side)
        if low < max(moved[node], trees.threshold[node]) <= high:
            refuse(monkeypatch, tmp_path, student, _with_trees(form, threshold=moved))


@pytest.mark.parametrize("family", ["tree", "linear_leaves", "boosting", "pruned"])
def test_missing_values_sent_the_other_way(family, monkeypatch, tmp_path):
    student = make_student(family, 0, "missing")
    form = lower(student)
    trees = getattr(form.scorer, "trees", form.scorer)
    for node, _, _, missing in _reached(trees):
        turned = trees.missing_left.copy()
        turned[node] = not turned[node]
        if missing:
            refuse(monkeypatch, tmp_path, student, _with_trees(form, missing_left=turned))


@pytest.mark.parametrize("family", ["tree", "boosting", "pruned"])
@pytest.mark.parametrize("table", TABLES)
def test_any_leaf_changed(family, table, monkeypatch, tmp_path):
    student = make_student(family, 0, table)
    form = lower(student)
    for leaf in range(len(form.scorer.value)):
        value = form.scorer.value.copy()
        value[leaf] += 1e-7
        refuse(monkeypatch, tmp_path, student, _with_trees(form, value=value))


def test_a_level_that_is_forgotten(monkeypatch, tmp_path):
    student = make_student("tree", 2, "frame")
    form = lower(student)
    for k, feature in enumerate(form.scorer.features):
        if isinstance(feature, Lookup):
            values = feature.values[::-1].copy()
            features = list(form.scorer.features)
            features[k] = replace(feature, values=values)
            wrong = _with_trees(form, features=tuple(features))
            refuse(monkeypatch, tmp_path, student, wrong)


@pytest.mark.parametrize("side", [-np.inf, np.inf])
def test_any_cut_moved_by_one_ulp(side, monkeypatch, tmp_path):
    student = make_student("additive", 0, "missing")
    form = lower(student)
    assert isinstance(form.scorer, Sum)
    for i, table in enumerate(form.scorer.tables):
        axis = table.axes[0]
        for k in range(len(axis.cuts)):
            cuts = axis.cuts.copy()
            cuts[k] = np.nextafter(cuts[k], side)
            axes = (replace(axis, cuts=cuts), *table.axes[1:])
            tables = list(form.scorer.tables)
            tables[i] = replace(table, axes=axes)
            wrong = replace(form, scorer=replace(form.scorer, tables=tuple(tables)))
            refuse(monkeypatch, tmp_path, student, wrong)


def test_any_weight_changed(monkeypatch, tmp_path):
    student = make_student("linear", 2, "missing")
    form = lower(student)
    for i, slope in enumerate(form.scorer.slopes):
        for change in ({"coef": slope.coef * (1 + 1e-9)}, {"missing": slope.missing + 1e-9}):
            slopes = list(form.scorer.slopes)
            slopes[i] = replace(slope, **change)
            wrong = replace(form, scorer=replace(form.scorer, slopes=tuple(slopes)))
            refuse(monkeypatch, tmp_path, student, wrong)
