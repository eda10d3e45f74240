"""Small sums of trees that learn soft targets, grown by LightGBM or XGBoost."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from joblib import effective_n_jobs
from sklearn.utils import check_random_state

from skdistill._validation import check_choice, check_integer, check_real
from skdistill.losses import DistillationLoss, softmax
from skdistill.students._base import BaseStudent, StudentClassifier, StudentRegressor
from skdistill.students._engines import ENGINES, Objective, TreePlan
from skdistill.students._scores import (
    mean_one,
    n_scores,
    prior_scores,
    score_curvature,
    score_gradient,
    to_logits,
)

# With many classes, leaves per tree shrink until this many rounds fit into the budget.
WANTED_ROUNDS = 5

# Curvatures below this would let a single leaf take a step of any size.
LEAST_CURVATURE = 1e-6


class _Boosting(BaseStudent):
    """Parameters and training that the classifier and the regressor share."""

    _layout: ClassVar[str] = "ordered"
    _accept_sparse: ClassVar[bool] = True

    def __init__(
        self,
        *,
        max_total_leaves: int = 155,
        max_leaf_nodes: int = 8,
        backend: str = "lightgbm",
        learning_rate: float | str = "auto",
        min_samples_leaf: int = 20,
        reg_lambda: float = 1.0,
        random_state: Any = None,
        n_jobs: int | None = None,
    ) -> None:
        self.max_total_leaves = max_total_leaves
        self.max_leaf_nodes = max_leaf_nodes
        self.backend = backend
        self.learning_rate = learning_rate
        self.min_samples_leaf = min_samples_leaf
        self.reg_lambda = reg_lambda
        self.random_state = random_state
        self.n_jobs = n_jobs

    def _check_params(self) -> None:
        check_integer(self.max_total_leaves, "max_total_leaves", minimum=2)
        check_integer(self.max_leaf_nodes, "max_leaf_nodes", minimum=2)
        check_choice(self.backend, "backend", ENGINES)
        if isinstance(self.learning_rate, str):
            if self.learning_rate != "auto":
                raise ValueError(
                    f"learning_rate must be 'auto' or a number, got {self.learning_rate!r}."
                )
        else:
            check_real(self.learning_rate, "learning_rate", minimum=0.0, maximum=1.0, strict=True)
        check_integer(self.min_samples_leaf, "min_samples_leaf", minimum=1)
        check_real(self.reg_lambda, "reg_lambda", minimum=0.0)

    def _boost(self, Z: Any, n_trees: int, objective: Objective) -> None:
        """Boost `n_trees` trees a round within the budget."""
        n_rounds, n_leaves = plan_rounds(self.max_total_leaves, self.max_leaf_nodes, n_trees)
        min_rows = min(self.min_samples_leaf, max(1, Z.shape[0] // 10))
        curvature = objective(np.zeros((Z.shape[0], n_trees)))[1]
        plan = TreePlan(
            n_rounds=n_rounds,
            n_leaves=n_leaves,
            n_scores=n_trees,
            learning_rate=self._rate(n_rounds),
            reg_lambda=self.reg_lambda,
            min_rows=min_rows,
            min_curvature=min_rows * float(curvature.mean()),
            seed=check_random_state(self.random_state).randint(np.iinfo(np.int32).max),
            n_threads=effective_n_jobs(self.n_jobs),
        )
        self._engine = ENGINES[self.backend]
        # Through bytes, so that what predicts now is exactly what a pickle restores.
        stored = self._engine.to_bytes(self._engine.fit(Z, plan, objective))
        self.booster_ = self._engine.from_bytes(stored)
        self.n_leaves_ = self._engine.n_leaves(self.booster_)

    def __getstate__(self) -> dict[str, Any]:
        state = dict(super().__getstate__())
        if "booster_" in state:
            state["booster_"] = self._engine.to_bytes(self.booster_)
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        if "booster_" in state:
            state = {**state, "booster_": state["_engine"].from_bytes(state["booster_"])}
        super().__setstate__(state)

    def _rate(self, n_rounds: int) -> float:
        if self.learning_rate != "auto":
            return float(self.learning_rate)
        return float(np.clip(7.0 / n_rounds, 0.1, 0.5))

    def _boosted_scores(self, Z: Any) -> np.ndarray:
        return self._engine.scores(self.booster_, Z, effective_n_jobs(self.n_jobs))


def plan_rounds(max_total_leaves: int, max_leaf_nodes: int, n_trees: int) -> tuple[int, int]:
    """Divide a budget of leaves into rounds and leaves of a tree."""
    if max_total_leaves < 2 * n_trees:
        raise ValueError(
            f"max_total_leaves={max_total_leaves} does not suffice for a single round of "
            f"{n_trees} trees with two leaves each; give at least {2 * n_trees}."
        )
    n_leaves = min(max_leaf_nodes, max(2, max_total_leaves // (n_trees * WANTED_ROUNDS)))
    return max_total_leaves // (n_trees * n_leaves), n_leaves


class BoostingStudentClassifier(_Boosting, StudentClassifier):
    """A small sum of trees."""

    def _fit_encoded(self, Z: Any, loss: DistillationLoss, weight: np.ndarray) -> None:
        n_classes = loss.mixed.shape[1]
        relative = mean_one(weight)[:, None]
        self.init_ = prior_scores(loss.mixed, weight)
        # The diagonal understates the curvature of the softmax: moving all scores is free.
        factor = 1.0 if n_classes == 2 else n_classes / (n_classes - 1.0)

        def objective(scores: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
            raw = scores + self.init_
            curvature = np.maximum(factor * score_curvature(loss, raw), LEAST_CURVATURE)
            return relative * score_gradient(loss, raw), relative * curvature

        self._boost(Z, n_scores(n_classes), objective)

    def _proba_encoded(self, Z: Any) -> np.ndarray:
        return softmax(to_logits(self._boosted_scores(Z) + self.init_))


class BoostingStudentRegressor(_Boosting, StudentRegressor):
    """A small sum of trees."""

    def _fit_encoded(self, Z: Any, target: np.ndarray, weight: np.ndarray) -> None:
        relative = mean_one(weight)[:, None]
        self.init_ = float(np.average(target, weights=weight))
        centred = target - self.init_
        reach = float(np.abs(centred).max()) or 1.0
        self.scale_ = reach * float(np.sqrt(np.average((centred / reach) ** 2, weights=weight)))
        self.scale_ = self.scale_ or 1.0
        values = (centred / self.scale_)[:, None]

        def objective(scores: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
            return relative * (scores - values), relative

        self._boost(Z, 1, objective)

    def _predict_encoded(self, Z: Any) -> np.ndarray:
        return self._boosted_scores(Z)[:, 0] * self.scale_ + self.init_
