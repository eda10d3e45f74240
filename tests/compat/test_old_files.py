"""Files of every release load, and predict what they did then."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import skdistill
from skdistill import students

HERE = Path(__file__).parent
RELEASES = sorted(path.parent for path in HERE.glob("*/expected.json"))
FILES = sorted(HERE.glob("*/*.skd"))
MAX_BYTES_OF_A_RELEASE = 100_000


def as_input(rows: list[list[Any]], columns: list[str] | None) -> Any:
    """Make a table of rows from JSON: a DataFrame of objects, or an array."""
    if columns is None:
        return np.array(rows, dtype=np.float64)
    return pd.DataFrame(rows, columns=columns, dtype=object)


def read_expected(folder: Path) -> dict[str, Any]:
    return json.loads((folder / "expected.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_an_old_file_predicts_what_it_did(path):
    everything = read_expected(path.parent)
    expected = everything["students"][path.stem]
    table = expected["table"]
    X = as_input(everything["rows"][table], everything["columns"].get(table))
    student = skdistill.load(path)
    assert type(student).__name__ == expected["class"]
    for name, value in expected["params"].items():
        found = student.get_params()[name]
        assert (list(found) if isinstance(found, tuple) else found) == value
    # Not to the last bit: exponentials differ between releases of NumPy.
    tolerances = {"rtol": 1e-9, "atol": 1e-12}
    if hasattr(student, "classes_"):
        assert student.classes_.tolist() == expected["labels"]
        proba = np.array(expected["predictions"])
        np.testing.assert_allclose(student.predict_proba(X), proba, **tolerances)
        np.testing.assert_array_equal(student.predict(X), student.classes_[proba.argmax(axis=1)])
    else:
        np.testing.assert_allclose(student.predict(X), expected["predictions"], **tolerances)


@pytest.mark.parametrize("folder", RELEASES, ids=lambda folder: folder.name)
def test_every_file_of_a_release_is_there(folder):
    names = read_expected(folder)["students"]
    assert {path.stem for path in folder.glob("*.skd")} == set(names)
    assert sum(path.stat().st_size for path in folder.iterdir()) <= MAX_BYTES_OF_A_RELEASE


def test_the_files_cover_every_family():
    classes = {
        entry["class"]
        for folder in RELEASES
        for entry in read_expected(folder)["students"].values()
    }
    built_in = {name for name in students.__all__ if "Student" in name} - {"BaseStudent"}
    assert classes == built_in
