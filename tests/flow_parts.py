"""Small problems, settings and choices for the tests of the parts of the flow."""

from __future__ import annotations

from typing import Any

import numpy as np
from joblib import Memory

from skdistill._choosing import Choices, Situation
from skdistill._problem import Problem, Settings, check_problem, settle_classes


def make_rows(n_rows: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Four numbers, and labels of a known function of three of them; none are alike."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n_rows, 4))
    chance = 1.0 / (1.0 + np.exp(-(2.0 * X[:, 0] - 1.5 * X[:, 1] + X[:, 2])))
    return X, (rng.random(n_rows) < chance).astype(int)


def make_values(n_rows: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """The same columns, and noisy values."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n_rows, 4))
    return X, 2.0 * X[:, 0] - 1.5 * X[:, 1] + X[:, 2] + 0.5 * rng.normal(size=n_rows)


def make_problem(X: Any, y: Any, weight: Any = None, targets: Any = None) -> Problem:
    """A classification, checked as `fit` checks it."""
    return settle_classes(check_problem(X, y, weight, targets, task="classification"), None)


def make_settings(**changes: Any) -> Settings:
    usual = {
        "cv": 3,
        "memory": Memory(None),
        "n_jobs": None,
        "seed": 0,
        "verbose": 0,
        "search_budget": 12,
    }
    return Settings(**{**usual, **changes})


def make_choices(**changes: Any) -> Choices:
    usual = {
        "temperature": 1.0,
        "hard_label_weight": 0.3,
        "teacher_labels": "cross_fit",
        "sampler": None,
        "n_augmented": 0,
        "calibrate": False,
        "reasons": {},
    }
    return Choices(**{**usual, **changes})


def make_situation(**changes: Any) -> Situation:
    usual = {
        "X": np.zeros((500, 3)),
        "has_labels": True,
        "has_teacher": True,
        "has_targets": False,
        "refittable": True,
        "n_folds": 5,
        "n_rows": 500,
    }
    return Situation(**{**usual, **changes})


class Repeat:
    """A sampler that repeats rows, and remembers what it was fitted to."""

    def fit(self, X: Any) -> Repeat:
        self.X_ = X
        return self

    def sample(self, n: int, random_state: Any) -> Any:
        return self.X_[np.arange(n) % len(self.X_)]
