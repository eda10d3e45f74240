"""Small students of every family and task, fitted in a moment to tables of every kind."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from functools import cache
from typing import Any

import numpy as np
import pandas as pd
import scipy.sparse as sp
from sklearn.exceptions import ConvergenceWarning

from skdistill import students

CONSTANT = {"max_leaf_nodes": 6, "min_samples_leaf": 5, "shrinkage": 1, "ccp_alpha": 0.0}
NETWORK = {
    "hidden_layer_sizes": (5, 3),
    "alpha": 1.0,
    "max_iter": 60,
    "polish": 5,
    "n_restarts": 1,
    "early_stopping": False,
    "random_state": 0,
}
FAMILIES: dict[str, tuple[str, dict[str, Any]]] = {
    "tree": ("Tree", {**CONSTANT, "random_state": 3}),
    "tree_linear": ("Tree", {**CONSTANT, "max_leaf_nodes": 3, "leaf": "linear"}),
    "linear": ("Linear", {"alpha": 1.0}),
    "additive": ("Additive", {"max_bins": 6, "alpha": 1.0, "n_pairs": 1, "random_state": 0}),
    "mlp_standard": ("MLP", {**NETWORK, "input_transform": "standard"}),
    "mlp_quantile": ("MLP", {**NETWORK, "input_transform": "quantile"}),
    "boosting": ("Boosting", {"max_total_leaves": 24, "reg_lambda": 1.0}),
    "pruned": ("Pruned", {"max_total_leaves": 16, "random_state": 0}),
}
TASKS = ("binary", "three", "value")
TABLES = ("numbers", "mixed")
CASES = [(family, task, table) for family in FAMILIES for task in TASKS for table in TABLES]


@cache
def make_table(kind: str, n_rows: int = 160, seed: int = 0) -> Any:
    """Numbers with holes as an array, or a DataFrame with categories of several types."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n_rows, 4)) * [1.0, 100.0, 1e-3, 1.0]
    X[:, 3] = rng.integers(0, 4, n_rows)
    X[rng.random(n_rows) < 0.15, 0] = np.nan
    if kind == "numbers":
        return X
    mixed = np.array(["a", 'ä"\\\n', 7, 2.5, True, None], dtype=object)
    codes = pd.Categorical.from_codes(rng.integers(-1, 4, n_rows), [10, 20, 30, 40])
    return pd.DataFrame(
        {
            "number": X[:, 0],
            "wide, with a comma": X[:, 1],
            "flag": X[:, 3] > 1,
            "mixed": mixed[rng.integers(0, 6, n_rows)],
            "codes": codes,
            "nothing": np.full(n_rows, np.nan),
        }
    )


def make_target(task: str, table: Any) -> np.ndarray:
    """Labels that are strings, integers, or a value."""
    rng = np.random.default_rng(1)
    first = np.asarray(table)[:, 1].astype(float)
    signal = first / 100.0 + rng.normal(0, 0.3, len(first))
    if isinstance(table, pd.DataFrame):
        signal = signal + (table["mixed"] == "a") - (table["codes"] == 20).to_numpy()
    if task == "binary":
        return np.where(signal > 0, "yes", "no")
    return np.digitize(signal, [-0.5, 0.5]) * 10 if task == "three" else 1e3 * signal


@cache
def fitted(family: str, task: str, table: str) -> Any:
    """Fit one of the students."""
    name, params = FAMILIES[family]
    kind = "Regressor" if task == "value" else "Classifier"
    X = make_table(table)
    student = getattr(students, f"{name}Student{kind}")(**params)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return student.fit(X, make_target(task, X))


def predictions(student: Any, X: Any) -> np.ndarray:
    """Probabilities, or values."""
    return getattr(student, "predict_proba", student.predict)(X)


def other_rows(table: str) -> Any:
    """Rows that no student has seen, with levels that none knows."""
    X = make_table(table, n_rows=60, seed=5)
    if table == "numbers":
        return X
    X = X.astype(object)
    X.iloc[:5, X.columns.get_loc("mixed")] = ["new", 3, None, 1, 2.5]
    X["codes"] = np.where(np.arange(60) % 3 == 0, 99, X["codes"])
    return X


def sparse_students() -> Iterator[tuple[Any, Any]]:
    """Students that were fitted to a sparse matrix, and its rows."""
    X = sp.random(120, 6, density=0.4, format="csr", random_state=0)
    y = np.asarray(X.sum(axis=1)).ravel()
    for model in (
        students.LinearStudentRegressor(alpha=1.0),
        students.LinearStudentClassifier(alpha=1.0),
        students.BoostingStudentRegressor(max_total_leaves=20, learning_rate=0.5),
        students.BoostingStudentRegressor(max_total_leaves=20, backend="xgboost", reg_lambda=1.0),
    ):
        hard = y > np.median(y)
        yield model.fit(X, hard if hasattr(model, "predict_proba") else y), X
