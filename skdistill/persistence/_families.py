"""What is stored of each family of students, and how a student is made of it again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from skdistill import students
from skdistill.exceptions import PersistenceError
from skdistill.persistence._columns import (
    read_encoder,
    read_tree_columns,
    write_encoder,
    write_tree_columns,
)
from skdistill.persistence._parts import Arrays, Fields, is_increasing, split_at
from skdistill.persistence._tree_arrays import read_nodes, read_tree_sum, write_splits
from skdistill.students._additive.scorecard import Scorecard, Term
from skdistill.students._mlp.inputs import QuantileTables
from skdistill.students._scores import n_scores
from skdistill.students._tree.linear_leaves import Inputs, LinearLeaves

# How far a leaf's probabilities may be below zero, and their sum from one.
ROUNDING = 1e-6


@dataclass
class Draft:
    """What a student is written as.

    Attributes
    ----------
    names : list of str or None
        Names of the columns.
    fitted : dict
        Single values by name.
    arrays : dict of ndarray
    encoder : object
        Description of what is made of the columns.
    """

    names: list[str] | None
    fitted: dict[str, Any] = field(default_factory=dict)
    arrays: dict[str, np.ndarray] = field(default_factory=dict)
    encoder: Any = None

    def put_numbers(self, student: Any, *names: str) -> None:
        """Store fitted numbers under their names without the underscore."""
        for name in names:
            value = getattr(student, f"{name}_")
            if not np.isfinite(value):
                raise PersistenceError(f"the student cannot be saved: its {name}_ is {value}")
            self.fitted[name] = value.item() if isinstance(value, np.generic) else value


@dataclass
class Parts:
    """What a student is made of.

    Attributes
    ----------
    n_inputs : int
        Number of columns.
    names : list of str or None
        Their names.
    n_classes : int
        0 for values.
    fitted : Fields
    arrays : Arrays
    encoder : object
        As in `Draft`.
    """

    n_inputs: int
    names: list[str] | None
    n_classes: int
    fitted: Fields
    arrays: Arrays
    encoder: Any

    @property
    def n_scores(self) -> int:
        """Number of scores: a value, a margin of two classes, or a logit of each."""
        return n_scores(self.n_classes) if self.n_classes else 1

    def get_numbers(self, student: Any, *names: str) -> None:
        """Give a student back what `Draft.put_numbers` took."""
        for name in names:
            setattr(student, f"{name}_", self.fitted.number(name))

    def get_encoder(self, student: Any) -> int:
        """Give a student its encoder; return the number of encoded columns."""
        student._encoder = read_encoder(
            self.encoder,
            self.arrays,
            layout=student._layout,
            n_inputs=self.n_inputs,
            names=self.names,
        )
        return int(student._encoder.n_outputs_)


def _write_encoder(student: Any, draft: Draft) -> None:
    draft.encoder = write_encoder(student._encoder, draft.names, draft.arrays)


def _write_tree(student: Any, draft: Draft) -> None:
    _write_encoder(student, draft)
    draft.put_numbers(student, "min_samples_leaf", "shrinkage", "ccp_alpha")
    write_splits(student.tree_, draft.arrays)
    draft.arrays["leaf_shares"] = student.leaf_shares_
    draft.arrays["missing_features"] = student.missing_features_
    if student.leaves_ is not None:
        inputs = student.leaves_.inputs
        draft.arrays["leaves.low"], draft.arrays["leaves.high"] = inputs.low, inputs.high
        draft.arrays["leaves.centre"] = inputs.centre
        draft.arrays["leaves.intercept"] = student.leaves_.intercept
        draft.arrays["leaves.slope"] = student.leaves_.slope


def _read_tree(student: Any, parts: Parts) -> None:
    arrays, n_columns = parts.arrays, parts.get_encoder(student)
    parts.get_numbers(student, "min_samples_leaf", "shrinkage", "ccp_alpha")
    linear = "leaves.slope" in arrays
    n_values = 0 if linear else max(parts.n_classes, 1)
    student.tree_ = read_nodes(arrays, n_columns=n_columns, n_values=n_values)
    _check_read(student._encoder, student.tree_.feature)
    n_leaves = len(student.tree_.value)
    if parts.n_classes and not linear:
        _check_probabilities(student.tree_.value)
    student.leaf_shares_ = arrays.floats("leaf_shares", [n_leaves])
    if (student.leaf_shares_ < 0.0).any():
        raise PersistenceError("a leaf has a negative share of the training rows")
    student.missing_features_ = arrays.integers("missing_features", [None], low=0, high=n_columns)
    if not is_increasing(student.missing_features_):
        raise PersistenceError("the array 'missing_features' is not increasing")
    student.leaves_ = None
    if linear:
        low, high, centre = (
            arrays.floats(f"leaves.{name}", [n_columns]) for name in ("low", "high", "centre")
        )
        student.leaves_ = LinearLeaves(
            Inputs(low, high, centre),
            arrays.floats("leaves.intercept", [n_leaves, parts.n_scores]),
            arrays.floats("leaves.slope", [n_leaves, n_columns, parts.n_scores]),
        )


def _write_linear(student: Any, draft: Draft) -> None:
    _write_encoder(student, draft)
    draft.put_numbers(student, "alpha")
    draft.arrays["coef"] = student.coef_
    if hasattr(student, "classes_"):
        draft.put_numbers(student, "n_iter")
        draft.arrays["intercept"] = student.intercept_
    else:
        draft.put_numbers(student, "intercept")


def _read_linear(student: Any, parts: Parts) -> None:
    arrays, n_columns = parts.arrays, parts.get_encoder(student)
    parts.get_numbers(student, "alpha")
    if parts.n_classes:
        student.n_iter_ = parts.fitted.integer("n_iter")
        student.coef_ = arrays.floats("coef", [parts.n_scores, n_columns])
        student.intercept_ = arrays.floats("intercept", [parts.n_scores])
    else:
        student.coef_ = arrays.floats("coef", [n_columns])
        parts.get_numbers(student, "intercept")


def _write_additive(student: Any, draft: Draft) -> None:
    _write_encoder(student, draft)
    draft.put_numbers(student, "alpha")
    card = student.scorecard_
    # A table of one column has no second one: -1.
    columns = [(*term.columns, -1)[:2] for term in card.terms]
    n_cuts = [(*map(len, term.cuts), 0)[:2] for term in card.terms]
    draft.arrays["terms.columns"] = np.array(columns, dtype=np.int32).reshape(-1, 2)
    draft.arrays["terms.n_cuts"] = np.array(n_cuts, dtype=np.int32).reshape(-1, 2)
    cuts = [c for term in card.terms for c in term.cuts]
    draft.arrays["terms.cuts"] = np.concatenate([np.zeros(0), *cuts])
    n_outputs = len(card.intercept)
    points = [term.values.reshape(-1, n_outputs) for term in card.terms]
    draft.arrays["terms.points"] = np.concatenate(points or [np.zeros((0, n_outputs))])
    draft.arrays["intercept"] = card.intercept


def _read_additive(student: Any, parts: Parts) -> None:
    arrays, n_columns = parts.arrays, parts.get_encoder(student)
    parts.get_numbers(student, "alpha")
    columns = arrays.integers("terms.columns", [None, 2], low=-1, high=n_columns)
    n_terms, pair = len(columns), columns[:, 1] >= 0
    if (columns[:, 0] < 0).any() or (columns[:, 0] == columns[:, 1]).any():
        raise PersistenceError("a table of points has no column, or the same one twice")
    _check_read(student._encoder, columns[columns >= 0])
    n_cuts = arrays.integers("terms.n_cuts", [n_terms, 2], low=0, high=2**16)
    of_axis = n_cuts.ravel()[np.column_stack([np.ones(n_terms, dtype=bool), pair]).ravel()]
    cuts = split_at(arrays.floats("terms.cuts", [None], infinite=True), of_axis, "terms.cuts")
    if not all(map(is_increasing, cuts)):
        raise PersistenceError("the thresholds of a table of points are not increasing")
    sizes = n_cuts.astype(np.int64) + 2
    n_points = sizes[:, 0] * np.where(pair, sizes[:, 1], 1)
    points = arrays.floats("terms.points", [None, parts.n_scores], single=True)
    blocks = split_at(points, n_points, "terms.points")
    terms, axes = [], iter(cuts)
    for own, two, block in zip(columns.tolist(), pair.tolist(), blocks, strict=True):
        of_term = tuple(next(axes) for _ in range(1 + two))
        shape = (*(len(c) + 2 for c in of_term), parts.n_scores)
        terms.append(Term(tuple(own[: 1 + two]), of_term, block.reshape(shape)))
    student.scorecard_ = Scorecard(arrays.floats("intercept", [parts.n_scores]), terms)


def _write_mlp(student: Any, draft: Draft) -> None:
    _write_encoder(student, draft)
    draft.put_numbers(student, "alpha", "n_iter", "n_polish")
    draft.fitted["input_transform"] = student.input_transform_
    draft.fitted["n_layers"] = len(student.coefs_)
    for i, (coef, intercept) in enumerate(zip(student.coefs_, student.intercepts_, strict=True)):
        draft.arrays[f"coefs.{i}"], draft.arrays[f"intercepts.{i}"] = coef, intercept
    if student.input_tables_ is not None:
        for name in ("knots", "values", "ends"):
            draft.arrays[f"tables.{name}"] = getattr(student.input_tables_, name)


def _read_mlp(student: Any, parts: Parts) -> None:
    arrays, n_in = parts.arrays, parts.get_encoder(student)
    parts.get_numbers(student, "alpha")
    student.n_iter_ = parts.fitted.integer("n_iter")
    student.n_polish_ = parts.fitted.integer("n_polish")
    transform = parts.fitted.choice("input_transform", ("standard", "quantile"))
    student.input_transform_, student.input_tables_ = transform, None
    student.coefs_, student.intercepts_ = [], []
    n_layers = parts.fitted.integer("n_layers", 1)
    for i in range(n_layers):
        n_out = parts.n_scores if i == n_layers - 1 else None
        coef = arrays.floats(f"coefs.{i}", [n_in, n_out], single=True)
        n_in = coef.shape[1]
        student.coefs_.append(coef)
        student.intercepts_.append(arrays.floats(f"intercepts.{i}", [n_in]))
    if transform == "quantile":
        student.input_tables_ = _read_tables(arrays, student._encoder.n_numeric_)


def _read_tables(arrays: Arrays, n_numeric: int) -> QuantileTables:
    knots = arrays.floats("tables.knots", [None])
    values = arrays.floats("tables.values", [len(knots)], single=True)
    ends = arrays.integers("tables.ends", [n_numeric], low=1, high=len(knots) + 1)
    of_column = split_at(knots, np.diff(ends, prepend=0), "tables.knots")
    if not is_increasing(ends) or not all(map(is_increasing, of_column)):
        raise PersistenceError("the quantiles of a column are not increasing")
    return QuantileTables(knots, values, ends)


def _write_tree_sum(student: Any, draft: Draft) -> None:
    write_splits(student.trees_, draft.arrays)
    draft.arrays["trees.roots"] = student.trees_.roots
    draft.arrays["trees.output"] = student.trees_.output


def _write_boosting(student: Any, draft: Draft) -> None:
    _write_encoder(student, draft)
    draft.put_numbers(student, "reg_lambda", "n_rounds")
    draft.fitted["zero_is_missing"] = bool(student.zero_is_missing_)
    _write_tree_sum(student, draft)
    if hasattr(student, "classes_"):
        draft.arrays["init"] = student.init_
    else:
        draft.put_numbers(student, "scale", "init")


def _read_boosting(student: Any, parts: Parts) -> None:
    arrays, n_columns = parts.arrays, parts.get_encoder(student)
    parts.get_numbers(student, "reg_lambda")
    student.n_rounds_ = parts.fitted.integer("n_rounds")
    student.zero_is_missing_ = parts.fitted.boolean("zero_is_missing")
    student.trees_ = read_tree_sum(arrays, n_columns=n_columns, n_scores=parts.n_scores)
    _check_read(student._encoder, student.trees_.feature)
    if parts.n_classes:
        student.init_ = arrays.floats("init", [parts.n_scores])
    else:
        parts.get_numbers(student, "scale", "init")


def _write_pruned(student: Any, draft: Draft) -> None:
    draft.encoder = write_tree_columns(student._encoder)
    draft.put_numbers(student, "reg_lambda")
    _write_tree_sum(student, draft)
    draft.arrays["init"] = student.init_
    if not hasattr(student, "classes_"):
        draft.put_numbers(student, "centre", "scale")


def _read_pruned(student: Any, parts: Parts) -> None:
    columns = read_tree_columns(parts.encoder, parts.n_inputs)
    student._encoder = columns
    parts.get_numbers(student, "reg_lambda")
    student.trees_ = read_tree_sum(
        parts.arrays, n_columns=len(columns.inputs), n_scores=parts.n_scores
    )
    student.init_ = parts.arrays.floats("init", [parts.n_scores])
    if not parts.n_classes:
        parts.get_numbers(student, "centre", "scale")


def _check_probabilities(values: np.ndarray) -> None:
    """Check that the values of each leaf are probabilities of the classes, up to rounding."""
    if (values < -ROUNDING).any() or (np.abs(values.sum(axis=1) - 1.0) > ROUNDING).any():
        raise PersistenceError("the values of a leaf are no probabilities, which sum to one")


def _check_read(encoder: Any, columns: np.ndarray) -> None:
    """Check that the encoder reads all columns that the student looks at."""
    if encoder.read_ is not None and not np.isin(columns, encoder.read_).all():
        raise PersistenceError("the student looks at a column that its encoder does not read")


@dataclass(frozen=True)
class Family:
    """A class of students, and how it is written and read."""

    cls: Any
    write: Callable[[Any, Draft], None]
    read: Callable[[Any, Parts], None]


_CODECS: dict[str, tuple[Callable[[Any, Draft], None], Callable[[Any, Parts], None]]] = {
    "Tree": (_write_tree, _read_tree),
    "Linear": (_write_linear, _read_linear),
    "Additive": (_write_additive, _read_additive),
    "MLP": (_write_mlp, _read_mlp),
    "Boosting": (_write_boosting, _read_boosting),
    "Pruned": (_write_pruned, _read_pruned),
}

FAMILIES = {
    f"{name}Student{kind}": Family(getattr(students, f"{name}Student{kind}"), *codec)
    for name, codec in _CODECS.items()
    for kind in ("Classifier", "Regressor")
}
