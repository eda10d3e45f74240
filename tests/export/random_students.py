"""Small fitted students of every family, and rows that try them, for the tests of exports.

The tables have what users have: numbers with missing values, strings with characters that mean
something in other languages, categories that are numbers, booleans, and columns without a value.
"""

from __future__ import annotations

import functools
import math
from typing import Any

import numpy as np
import pandas as pd
from hypothesis import strategies as st

from skdistill import students

FAMILIES = ("tree", "linear_leaves", "linear", "additive", "mlp", "boosting", "pruned")

# Number of classes; 0 is a regressor.
TASKS = (0, 2, 3)

# "numbers": an array without missing values; "missing": an array with; "frame": all of it.
TABLES = ("numbers", "missing", "frame")

# Strings that could end a string, a comment or a line, or start code, in some language.
NASTY = (
    'a"b',
    "it's",
    "back\\slash\\",
    "two\nlines",
    "*/ int x; /*",
    "??/ trigraph",
    "nul\0end",
    "é ü 語",
    "lone \ud800 surrogate",
    '"""; import os',
    "%s {x} $x `x`",
    "",
)
NASTY_NAMES = ('size"\n*/ exit(1); /*', "int", "lambda", "x0", "é\\", "'''\u2028# none")

_SETTINGS: dict[str, dict[str, Any]] = {
    "tree": {"max_leaf_nodes": 8, "min_samples_leaf": 5, "shrinkage": 0.0, "ccp_alpha": 0.0},
    "linear_leaves": {"max_leaf_nodes": 4, "leaf": "linear"},
    "linear": {"alpha": 0.01},
    "additive": {"alpha": 1e-3, "max_bins": 16},
    "mlp": {
        "hidden_layer_sizes": (8, 5),
        "alpha": 1e-3,
        "max_iter": 20,
        "polish": 0,
        "n_restarts": 1,
        "early_stopping": False,
    },
    "boosting": {"max_total_leaves": 40},
    "pruned": {"max_total_leaves": 40},
}
_CLASS_NAMES = {name: name.capitalize() for name in FAMILIES} | {
    "linear_leaves": "Tree",
    "mlp": "MLP",
}


def make_table(table: str, seed: int = 0, n_rows: int = 150) -> Any:
    """Draw the rows of one of `TABLES`."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n_rows, 4)) * np.array([1.0, 1e-3, 1e6, 1.0])
    X[:, 3] = rng.integers(0, 5, size=n_rows)
    if table == "numbers":
        return X
    X[rng.random(X.shape) < 0.1] = np.nan
    if table == "missing":
        return X
    levels = rng.choice(len(NASTY), size=5, replace=False).tolist()
    strings = np.array([NASTY[i] for i in levels] + [None], dtype=object)
    frame = pd.DataFrame(X)
    frame[4] = pd.Series(strings[rng.integers(6, size=n_rows)], dtype=object)
    frame[5] = pd.Categorical(rng.choice([1, 5, 7], size=n_rows))
    frame[6] = rng.random(n_rows) < 0.5
    frame[7] = pd.Categorical(rng.choice(list("pqrstuv"), size=n_rows))
    frame[8] = np.nan  # no value at all
    frame.columns = [*NASTY_NAMES, *(f"column {j}" for j in range(6, frame.shape[1]))]
    return frame


def make_target(X: Any, n_classes: int, seed: int = 0) -> np.ndarray:
    """Draw labels (strings for two classes, numbers for more) or values that depend on the rows."""
    rng = np.random.default_rng(seed + 1000)
    frame = pd.DataFrame(X)
    score = rng.normal(scale=0.1, size=len(frame))
    for j in range(frame.shape[1]):
        codes = pd.factorize(frame.iloc[:, j], sort=False)[0]
        if frame.iloc[:, j].dtype.kind == "f":
            values = frame.iloc[:, j].rank(pct=True).fillna(0.7).to_numpy()
            score += rng.normal() * values
        else:
            score += rng.normal(size=codes.max() + 2)[codes]
    if n_classes == 0:
        return 100.0 * score
    codes = np.digitize(score, np.quantile(score, np.arange(1, n_classes) / n_classes))
    return np.array(["no", 'y"e\\s\n'])[codes] if n_classes == 2 else codes - 1


@functools.cache
def make_student(family: str, n_classes: int, table: str, seed: int = 0) -> Any:
    """Fit a small student; the same for the same arguments.

    Parameters
    ----------
    family : one of `FAMILIES`
    n_classes : one of `TASKS`
    table : one of `TABLES`
    seed : int, default=0
        Of the table and the target.
    """
    X = make_table(table, seed)
    y = make_target(X, n_classes, seed)
    kind = "Classifier" if n_classes else "Regressor"
    student = getattr(students, f"{_CLASS_NAMES[family]}Student{kind}")(**_SETTINGS[family])
    if "random_state" in student.get_params():
        student.set_params(random_state=0)
    if family == "mlp":
        student.set_params(input_transform="quantile" if seed % 2 else "standard")
    return student.fit(X, y)


def fitted_students(
    families: tuple[str, ...] = FAMILIES,
    tasks: tuple[int, ...] = TASKS,
    tables: tuple[str, ...] = TABLES,
) -> st.SearchStrategy[Any]:
    """Strategy for students; each is fitted once in a session."""
    return st.builds(
        make_student,
        st.sampled_from(families),
        st.sampled_from(tasks),
        st.sampled_from(tables),
        st.integers(0, 1),
    )


# Numbers that break what is written without care.
EXTREMES = (0.0, -0.0, 5e-324, -5e-324, 2.2e-308, 1e308, -1e308, 1e16, -(2.0**53), 1e-17, math.nan)
