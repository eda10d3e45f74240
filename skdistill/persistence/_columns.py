"""What students make of the columns of a table, as entries and arrays."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from skdistill.exceptions import PersistenceError
from skdistill.persistence._container import MAX_LENGTH
from skdistill.persistence._parts import Arrays, Fields, is_increasing
from skdistill.persistence._values import decode_scalar, encode_scalar
from skdistill.students._encoder import TabularEncoder
from skdistill.students._pruned.columns import TreeColumns


def write_encoder(
    encoder: TabularEncoder, names: list[str] | None, arrays: dict[str, np.ndarray]
) -> dict[str, Any]:
    """Describe an encoder; its arrays are added to `arrays`.

    Parameters
    ----------
    encoder : TabularEncoder
        Fitted.
    names : list of str or None
        Names of the columns that the student knows; the encoder's own are stored where they are
        others, as those of a DataFrame whose names are numbers.
    arrays : dict of ndarray
        Gets "encoder.read", "encoder.means" and "encoder.missing", as far as there are any.

    Returns
    -------
    entries : dict
    """
    entries: dict[str, Any] = {"n_numeric": int(encoder.n_numeric_)}
    if encoder.names_ != names:
        entries["names"] = encoder.names_
    entries["categories"] = [
        {
            "column": int(j),
            "strings": j in encoder.strings_,
            "levels": [encode_scalar(level, f"a level of column {j}") for level in table],
            "codes": [int(code) for code in table.values()],
            "other": int(encoder.defaults_[j]),
        }
        for j, table in encoder.tables_.items()
    ]
    if encoder.read_ is not None:
        arrays["encoder.read"] = encoder.read_
    if encoder.layout == "onehot":
        arrays["encoder.means"] = encoder.means_
        arrays["encoder.missing"] = encoder.missing_
    return entries


def read_encoder(
    entries: Any, arrays: Arrays, *, layout: str, n_inputs: int, names: list[str] | None
) -> TabularEncoder:
    """Make an encoder of what `write_encoder` stored.

    Parameters
    ----------
    entries : object
        From the document.
    arrays : Arrays
        Those of the file.
    layout : {"ordered", "onehot"}
        That of the family.
    n_inputs : int
        Number of columns of the table.
    names : list of str or None
        Names of the columns that the student knows.

    Returns
    -------
    encoder : TabularEncoder
    """
    fields, onehot = Fields(entries, "the encoder"), layout == "onehot"
    encoder = TabularEncoder(layout)
    encoder.n_inputs_, encoder.names_ = n_inputs, names
    encoder.n_numeric_ = fields.integer("n_numeric", 0, n_inputs)
    if "names" in fields:
        encoder.names_ = fields.items("names", str, length=n_inputs)
    encoder.tables_, encoder.defaults_, encoder.strings_ = {}, {}, set()
    for entry in fields.items("categories"):
        _read_category(encoder, Fields(entry, "a category"))
    fields.finish()
    encoder.read_ = None
    encoder.means_, encoder.missing_ = np.zeros(0), np.zeros(0, dtype=np.intp)
    encoder.n_outputs_ = n_inputs
    if onehot:
        _read_onehot(encoder, arrays)
    elif "encoder.read" in arrays:
        encoder.read_ = arrays.integers("encoder.read", [None], low=0, high=n_inputs)
        if not is_increasing(encoder.read_) or not set(encoder.tables_) <= set(
            encoder.read_.tolist()
        ):
            raise PersistenceError("the encoder reads columns twice, or not all categories")
    return encoder


def _read_category(encoder: TabularEncoder, fields: Fields) -> None:
    """Add the table of one category to an encoder."""
    onehot = encoder.layout == "onehot"
    column = fields.integer("column", 0, encoder.n_inputs_ - 1)
    levels, strings = read_levels(fields)
    if strings:
        encoder.strings_.add(column)
    codes = fields.items("codes", int, length=len(levels))
    # A level's code is its own column of the output, or a rank that splits compare.
    in_range = all(0 <= code <= MAX_LENGTH for code in codes)
    if column in encoder.tables_ or not in_range or (onehot and codes != list(range(len(codes)))):
        raise PersistenceError(f"the category in column {column} has wrong codes")
    encoder.tables_[column] = dict(zip(levels, codes, strict=True))
    low, high = (-1, -1) if onehot else (0, MAX_LENGTH)
    encoder.defaults_[column] = fields.integer("other", low, high)
    fields.finish()


def _read_onehot(encoder: TabularEncoder, arrays: Arrays) -> None:
    """Read the means of numbers, and which of them have an indicator of missing values."""
    n_numeric = encoder.n_inputs_ - len(encoder.tables_)
    if encoder.n_numeric_ != n_numeric:
        raise PersistenceError(f"the encoder has {n_numeric} numbers, not {encoder.n_numeric_}")
    encoder.means_ = arrays.floats("encoder.means", [n_numeric])
    missing = arrays.integers("encoder.missing", [None], low=0, high=encoder.n_inputs_)
    if not is_increasing(missing) or set(missing.tolist()) & set(encoder.tables_):
        raise PersistenceError("the encoder marks missing values of a category, or twice")
    encoder.missing_ = missing.astype(np.intp)
    levels = sum(len(table) for table in encoder.tables_.values())
    encoder.n_outputs_ = n_numeric + len(missing) + levels


def write_tree_columns(columns: TreeColumns) -> list[dict[str, Any]]:
    """Describe the columns that a pruned student's trees compare."""
    return [
        {"input": int(j)}
        if table is None
        else {
            "input": int(j),
            "strings": j in columns.strings,
            "levels": [encode_scalar(level, f"a level of column {j}") for level in table],
        }
        for j, table in zip(columns.inputs, columns.tables, strict=True)
    ]


def read_tree_columns(entries: Any, n_inputs: int) -> TreeColumns:
    """Make the columns of what `write_tree_columns` stored."""
    if not isinstance(entries, list):
        raise PersistenceError("the columns of the trees are no list")
    inputs: list[int] = []
    tables: list[dict[Any, int] | None] = []
    of_strings: dict[int, bool] = {}
    for entry in entries:
        fields = Fields(entry, "a column of the trees")
        inputs.append(fields.integer("input", 0, n_inputs - 1))
        levels, strings = read_levels(fields) if "levels" in fields else (None, False)
        tables.append(None if levels is None else dict.fromkeys(levels, 1))
        if of_strings.setdefault(inputs[-1], strings) != strings:
            raise PersistenceError(f"column {inputs[-1]} holds strings and does not")
        fields.finish()
    held = frozenset(j for j, strings in of_strings.items() if strings)
    return TreeColumns(tuple(inputs), tuple(tables), held)


def read_levels(fields: Fields) -> tuple[list[Any], bool]:
    """Take the levels of a category, each of them once, and whether its column held strings.

    The level None stands for missing.
    """
    strings = fields.boolean("strings")
    levels = [decode_scalar(level, "a level") for level in fields.items("levels")]
    nan = any(isinstance(level, float) and math.isnan(level) for level in levels)
    if nan or len(set(levels)) < len(levels):
        raise PersistenceError("the levels of a category are not distinct")
    if not strings and any(isinstance(level, str) for level in levels):
        raise PersistenceError("a category has a string as a level, but held no strings")
    return levels, strings
