"""Turn a fitted student into its intermediate form."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from skdistill import students
from skdistill.exceptions import ExportError
from skdistill.export._columns import EncodedColumns, name_inputs, read_tree_columns
from skdistill.export._form import (
    Feature,
    Form,
    Input,
    LeafModels,
    Network,
    Scorer,
    Sum,
    Table,
    Trees,
)
from skdistill.students._base import BaseStudent
from skdistill.students._unwrap import unwrap

__all__ = ["lower", "unwrap"]

# What a scorer's outputs become: of a value, of two classes, of more.
IDENTITY, MARGIN, LOGITS = "identity", "margin", "logits"


def lower(student: BaseStudent) -> Form:
    """Return the intermediate form of a fitted student.

    Parameters
    ----------
    student : estimator
        One of the built-in students, fitted.

    Returns
    -------
    form : Form
        It predicts what the student does, up to rounding of sums.

    Raises
    ------
    ExportError
        If the student cannot be written down: trees of XGBoost fitted to sparse rows, or levels
        that are whole numbers of 2**53 or more.
    """
    classes = None
    if hasattr(student, "classes_"):
        classes = tuple(student.classes_.tolist())
    lowered = next(low for family, low in _FAMILIES.items() if isinstance(student, family))
    inputs, scorer = lowered(student)
    return Form(type(student).__name__, inputs, classes, scorer, _link(classes, scorer))


def _link(classes: tuple[Any, ...] | None, scorer: Scorer) -> str:
    if classes is None or (isinstance(scorer, Trees) and -1 in scorer.output):
        return IDENTITY  # leaves of a single tree are probabilities
    return MARGIN if len(classes) == 2 else LOGITS


Lowered = tuple[tuple[Input, ...], Scorer]


def _lower_tree(student: Any) -> Lowered:
    nodes, leaves = student.tree_, student.leaves_
    columns = _encoded(student)
    linear = leaves is not None
    used = np.arange(len(columns.inputs)) if linear else np.unique(nodes.feature)
    trees = Trees(
        features=tuple(columns.feature(j) for j in used.tolist()),
        feature=np.searchsorted(used, nodes.feature).astype(np.int32),
        threshold=nodes.threshold,
        left=nodes.left,
        right=nodes.right,
        missing_left=nodes.missing_left,
        roots=np.array([0 if len(nodes.feature) else ~0], dtype=np.int32),
        output=np.array([-1], dtype=np.int32),
        value=nodes.value,
        init=np.zeros(nodes.value.shape[1]),
    )
    if not linear:
        return columns.inputs, trees
    inputs = leaves.inputs
    return columns.inputs, LeafModels(
        trees, inputs.low, inputs.high, inputs.centre, leaves.intercept, leaves.slope
    )


def _lower_linear(student: Any) -> Lowered:
    columns = _encoded(student)
    slopes, tables = columns.weighted(np.atleast_2d(student.coef_).T)
    intercept = np.atleast_1d(np.asarray(student.intercept_, dtype=np.float64))
    return columns.inputs, Sum(intercept, slopes, tables)


def _lower_additive(student: Any) -> Lowered:
    columns, card = _encoded(student), student.scorecard_
    tables = tuple(
        Table(
            tuple(columns.binned(j, c) for j, c in zip(term.columns, term.cuts, strict=True)),
            term.values.astype(np.float64),
        )
        for term in card.terms
    )
    return columns.inputs, Sum(card.intercept, (), tables)


def _lower_mlp(student: Any) -> Lowered:
    columns, transform = _encoded(student), student.input_tables_
    knots = None
    if transform is not None:
        ends = transform.ends[:-1]
        values = transform.values.astype(np.float64)
        knots = list(zip(np.split(transform.knots, ends), np.split(values, ends), strict=True))
    coefs = [W.astype(np.float64) for W in student.coefs_]
    first = Sum(student.intercepts_[0], *columns.weighted(coefs[0], knots))
    return columns.inputs, Network(first, tuple(coefs[1:]), tuple(student.intercepts_[1:]))


def _lower_boosting(student: Any) -> Lowered:
    if student.zero_is_missing_:
        raise ExportError(
            "The student was fitted to sparse rows by XGBoost, which takes a zero for a missing "
            "value; fit it to X.toarray(), or with backend='lightgbm'."
        )
    columns = _encoded(student)
    used = np.unique(student.trees_.feature)
    features = tuple(columns.feature(j) for j in used.tolist())
    places = np.searchsorted(used, student.trees_.feature).astype(np.int32)
    return columns.inputs, _sum_of_trees(student, features, places)


def _lower_pruned(student: Any) -> Lowered:
    inputs, features = read_tree_columns(student._encoder, name_inputs(student, None))
    return inputs, _sum_of_trees(student, features, student.trees_.feature)


def _encoded(student: Any) -> EncodedColumns:
    return EncodedColumns(student._encoder, name_inputs(student, student._encoder.names_))


def _sum_of_trees(student: Any, features: tuple[Feature, ...], places: np.ndarray) -> Trees:
    """Take trees whose leaves add to one output each; values get their unit here."""
    trees, init = student.trees_, np.atleast_1d(np.asarray(student.init_, dtype=np.float64))
    scale = getattr(student, "scale_", 1.0)
    if hasattr(student, "centre_"):
        init = student.centre_ + scale * init
    return Trees(
        features=features,
        feature=places.astype(np.int32),
        threshold=trees.threshold,
        left=trees.left,
        right=trees.right,
        missing_left=trees.missing_left,
        roots=trees.roots,
        output=trees.output,
        value=scale * trees.value[:, None],
        init=init,
    )


_FAMILIES: dict[tuple[type, type], Callable[[Any], Lowered]] = {
    (students.TreeStudentClassifier, students.TreeStudentRegressor): _lower_tree,
    (students.LinearStudentClassifier, students.LinearStudentRegressor): _lower_linear,
    (students.AdditiveStudentClassifier, students.AdditiveStudentRegressor): _lower_additive,
    (students.MLPStudentClassifier, students.MLPStudentRegressor): _lower_mlp,
    (students.BoostingStudentClassifier, students.BoostingStudentRegressor): _lower_boosting,
    (students.PrunedStudentClassifier, students.PrunedStudentRegressor): _lower_pruned,
}
