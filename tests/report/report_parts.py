"""Small distilled estimators with test rows, for reports of them."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from sklearn.datasets import make_classification
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor

from skdistill import DistilledClassifier, DistilledRegressor

HOSTILE = '<script>alert("1")</script> & $x'


class Case(NamedTuple):
    """A distilled estimator, and rows that it has not seen."""

    estimator: Any
    X: pd.DataFrame
    y: np.ndarray
    X_train: pd.DataFrame
    y_train: np.ndarray


def make_rows(n_classes: int, *, seed: int = 0) -> tuple[pd.DataFrame, np.ndarray]:
    """Make rows with a category and a hostile name of a column."""
    X, codes = make_classification(
        500, 5, n_informative=4, n_redundant=0, n_classes=n_classes, random_state=seed
    )
    frame = pd.DataFrame(X, columns=[HOSTILE, "b", "c", "d", "e"])
    frame["city"] = np.where(X[:, 1] > 0, "<b>Rome</b>", "Oslo")
    return frame, codes


def make_case(n_classes: int, student: Any = "tree") -> Case:
    """Distil a forest; one class stands for regression."""
    X, codes = make_rows(max(n_classes, 2))
    numbers = [name for name in X.columns if name != "city"]
    settings = {"search_budget": 0, "cv": 2, "max_size": 600, "random_state": 0}
    if n_classes == 1:
        y: np.ndarray = codes + X["b"].to_numpy()
        teacher: Any = RandomForestRegressor(15, random_state=0)
        distiller: Any = DistilledRegressor
    else:
        y = np.array([HOSTILE, "ok", "other"])[codes]
        teacher = RandomForestClassifier(15, random_state=0)
        distiller = DistilledClassifier
    train, test = np.arange(250), np.arange(250, 500)
    rows = X[numbers]
    estimator = distiller(teacher, student=student, **settings).fit(rows.iloc[train], y[train])
    return Case(estimator, rows.iloc[test], y[test], rows.iloc[train], y[train])
