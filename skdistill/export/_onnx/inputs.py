"""The columns of the user's table as inputs of an ONNX graph, and rows as what it is fed."""

from __future__ import annotations

import re
from typing import Any

import numpy as np

from skdistill.exceptions import ExportError
from skdistill.export._form import Axis, Form, Input, Lookup, Number, Trees
from skdistill.export._onnx.ensembles import Ensemble, add_search
from skdistill.export._onnx.graph import ML_DOMAIN, Graph

# The input of students that read numbers alone, as converters of scikit-learn call it.
MATRIX = "X"

# Names of outputs; no input may have them.
OUTPUTS = ("label", "probabilities", "variable")


class Columns:
    """The inputs of a graph.

    If all columns that the student looks at are numbers, the graph has one input ``X`` with all
    columns of the table. Otherwise each column that it looks at is an input of shape (N, 1).

    Parameters
    ----------
    form : Form
        Of the student.

    Attributes
    ----------
    names : dict of int to str
        The input for each column of the table; empty if there is only ``X``.
    strings : dict of int to dict
        For each category its levels as strings.
    missing : dict of int to str
        For each category the string that stands for a missing value.

    Raises
    ------
    ExportError
        If two levels of a category are the same string, or one cannot be written as UTF-8.
    """

    def __init__(self, form: Form) -> None:
        self.form = form
        self.used = [j for j, column in enumerate(form.inputs) if column.used]
        self.names: dict[int, str] = {}
        self.strings: dict[int, dict[Any, str]] = {}
        self.missing: dict[int, str] = {}
        if all(form.inputs[j].levels is None for j in self.used):
            return
        taken = set(OUTPUTS)
        for j in self.used:
            self.names[j] = _make_name(form.inputs[j].name, j, taken)
            taken.add(self.names[j])
            if form.inputs[j].levels is not None:
                self.strings[j] = _level_strings(form.inputs[j])
                self.missing[j] = _missing_string(self.strings[j])

    def declare(self, graph: Graph) -> None:
        """Add the inputs to a graph."""
        if not self.names:
            graph.add_input(MATRIX, len(self.form.inputs))
        for j, name in self.names.items():
            graph.add_input(name, 1, strings=j in self.strings)

    def feed(self, rows: np.ndarray, dtype: np.dtype) -> dict[str, np.ndarray]:
        """Return what a session is fed for rows of numbers, levels and None."""
        if not self.names:
            matrix = np.full(rows.shape, np.nan, dtype=dtype)
            matrix[:, self.used] = rows[:, self.used].astype(np.float64)
            return {MATRIX: matrix}
        feed = {}
        for j, name in self.names.items():
            if j in self.strings:
                # Python finds the level 5 also by 5.0.
                known, missing = self.strings[j], self.missing[j]
                cells = [missing if v is None else known.get(v) or _to_text(v) for v in rows[:, j]]
                feed[name] = np.array(cells, dtype=object)[:, None]
            else:
                feed[name] = rows[:, [j]].astype(np.float64).astype(dtype)
        return feed

    def numbers(self, graph: Graph, inputs: list[int]) -> str:
        """Return the numbers (N, n_inputs) of some columns, in their order."""
        if self.names:
            return graph.concat([self.names[j] for j in inputs])
        if inputs == list(range(len(self.form.inputs))):
            return MATRIX
        return graph.add("Gather", MATRIX, graph.constant(np.array(inputs)), axis=1)

    def matrix(self, graph: Graph, inputs: list[int]) -> tuple[str, dict[int, int], int]:
        """Return a matrix that holds the numbers of some columns, their places, and its width."""
        if self.names:
            places = {j: i for i, j in enumerate(inputs)}
            return self.numbers(graph, inputs), places, len(inputs)
        return MATRIX, {j: j for j in inputs}, len(self.form.inputs)

    def encode(self, graph: Graph, axis: Axis, values: np.ndarray) -> str:
        """Look up what belongs to each level of a category.

        Parameters
        ----------
        graph : Graph
        axis : Axis
            Of a category.
        values : ndarray of shape (n_rows,), dtype int64 or float32
            What belongs to the rows of the axis.

        Returns
        -------
        found : str
            Of shape (N, 1) and the dtype of `values`.
        """
        column = self.form.inputs[axis.input]
        of_code = values[axis.rows].tolist()
        default = of_code[column.unseen_code]
        keys = [self.strings[axis.input][level] for level in column.levels or ()]
        keys.append(self.missing[axis.input])
        pairs = zip(keys, of_code[:-1], strict=True)
        known = {key: value for key, value in pairs if value != default}
        known = known or {keys[-1]: default}  # a table must not be empty
        kind = "floats" if values.dtype == np.float32 else "int64s"
        found = {f"values_{kind}": list(known.values()), f"default_{kind[:-1]}": default}
        return graph.add(
            "LabelEncoder",
            self.names[axis.input],
            domain=ML_DOMAIN,
            keys_strings=[key.encode("utf-8") for key in known],
            **found,
        )


def feature_matrix(graph: Graph, columns: Columns, trees: Trees) -> tuple[str, np.ndarray]:
    """Return a matrix with what trees compare, and the column of each feature in it."""
    inputs = sorted({f.input for f in trees.features if isinstance(f, Number)})
    parts: list[str] = []
    places: dict[int, int] = {}
    width = 0
    if inputs:
        matrix, places, width = columns.matrix(graph, inputs)
        parts.append(matrix)
    of_feature = np.zeros(len(trees.features), dtype=np.int64)
    encoded: list[str] = []
    searched: list[Lookup] = []
    for k, feature in enumerate(trees.features):
        if isinstance(feature, Number):
            of_feature[k] = places[feature.input]
        elif feature.axis.cuts is None:
            # Ranks, zeros and ones, which single precision holds.
            of_feature[k] = width + len(encoded)
            encoded.append(columns.encode(graph, feature.axis, feature.values.astype(np.float32)))
    for k, feature in enumerate(trees.features):
        if isinstance(feature, Lookup) and feature.axis.cuts is not None:
            of_feature[k] = width + len(encoded) + len(searched)
            searched.append(feature)
    if searched:
        encoded.append(_search(graph, columns, searched))
    if encoded:
        parts.append(graph.cast(graph.concat(encoded)))
    return graph.concat(parts), of_feature


def _search(graph: Graph, columns: Columns, features: list[Lookup]) -> str:
    """Look up what belongs to numbers."""
    matrix, places, _ = columns.matrix(graph, sorted({f.axis.input for f in features}))
    ensemble = Ensemble()
    for i, feature in enumerate(features):
        add_search(ensemble, feature.axis, places[feature.axis.input], feature.values, i)
    return ensemble.apply(graph, matrix)


def _make_name(name: str, j: int, taken: set[str]) -> str:
    """Make a name valid in ONNX, where it has letters, digits and underscores, and unique."""
    valid = re.sub(r"[^0-9A-Za-z_]", "_", name) or f"x{j}"
    valid = f"_{valid}" if valid[0].isdigit() else valid
    unique, k = valid, 1
    while unique in taken:
        k += 1
        unique = f"{valid}_{k}"
    return unique


def _level_strings(column: Input) -> dict[Any, str]:
    """Write the levels of a category as strings, as Python does."""
    strings = {level: str(level) for level in column.levels or ()}
    seen: dict[str, Any] = {}
    for level, text in strings.items():
        if text in seen:
            raise ExportError(
                f"Feature {column.name!r} has the levels {seen[text]!r} and {level!r}, which are "
                "the same string in ONNX; turn the column into strings before fitting."
            )
        seen[text] = level
        check_text(text, f"level of feature {column.name!r}")
    return strings


def check_text(text: str, what: str) -> None:
    """Raise ExportError if a string cannot be written in ONNX."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        raise ExportError(
            f"The {what} {text!r} has half of a surrogate pair, which ONNX cannot hold; replace it "
            "before fitting."
        ) from None


def _to_text(level: Any) -> str:
    """Write a level that is not listed, where halves of surrogate pairs are question marks."""
    return str(level).encode("utf-8", "replace").decode("utf-8")


def _missing_string(strings: dict[Any, str]) -> str:
    """Return the empty string, or another if this is a level."""
    levels, missing = set(strings.values()), ""
    while missing in levels:
        missing = f"{missing[:-1]}!>" if missing else "<missing>"
    return missing
