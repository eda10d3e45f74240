"""What both boosting students share: parameters, budget, growth, and the sum of their trees."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, ClassVar

import numpy as np
import scipy.sparse as sp
from joblib import effective_n_jobs
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from skdistill._validation import check_choice, check_integer, check_real
from skdistill.students._base import BaseStudent
from skdistill.students._boosting.engines import ENGINES, TreePlan
from skdistill.students._boosting.growth import BoostingTask
from skdistill.students._boosting.penalty import USUAL, Penalties, choose_penalties
from skdistill.students._real_rows import RealRows
from skdistill.students._routing import ROWS_AT_A_TIME
from skdistill.students._tree_sum import TreeSum

# With many classes, leaves per tree shrink until this many rounds fit into the budget.
WANTED_ROUNDS = 5

# What the libraries penalise a leaf's value by while a tree grows, and all that they do where
# leaves are not fitted together.
LIBRARY_PENALTY = 1.0

# Sweeps of Newton's method over the scores, at most, when all leaves are fitted to the end.
FINAL_SWEEPS = 50


class BoostingStudent(BaseStudent):
    """Parameters and training that the classifier and the regressor share."""

    _layout: ClassVar[str] = "ordered"
    _accept_sparse: ClassVar[bool] = True
    trees_: TreeSum
    init_: Any

    def __init__(
        self,
        *,
        max_total_leaves: int = 155,
        max_leaf_nodes: int = 8,
        backend: str = "lightgbm",
        learning_rate: float | str = "auto",
        min_samples_leaf: int = 10,
        reg_lambda: float | str = "auto",
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

    @property
    def n_leaves_(self) -> int:
        """Number of leaves of all trees together, at most `max_total_leaves`."""
        check_is_fitted(self)
        return len(self.trees_.value)

    def _check_params(self) -> None:
        check_integer(self.max_total_leaves, "max_total_leaves", minimum=2)
        check_integer(self.max_leaf_nodes, "max_leaf_nodes", minimum=2)
        check_choice(self.backend, "backend", ENGINES)
        if not _is_auto(self.learning_rate, "learning_rate"):
            check_real(self.learning_rate, "learning_rate", minimum=0.0, maximum=1.0, strict=True)
        check_integer(self.min_samples_leaf, "min_samples_leaf", minimum=1)
        if not _is_auto(self.reg_lambda, "reg_lambda"):
            check_real(self.reg_lambda, "reg_lambda", minimum=0.0)

    def _boost(
        self,
        Z: Any,
        task: BoostingTask,
        make_true_task: Callable[[np.ndarray], BoostingTask],
        real: RealRows,
        *,
        taught: bool,
    ) -> None:
        """Boost within the budget; settle what is "auto" by tasks of true labels."""
        engine = ENGINES[self.backend]
        plan = self._plan(task.loss.n_scores)
        if isinstance(self.learning_rate, str):
            if isinstance(self.reg_lambda, str):
                rng = np.random.default_rng(plan.seed)
                penalties = choose_penalties(
                    engine, Z[real.rows], make_true_task, plan, real, taught=taught, rng=rng
                )
            else:
                penalties = Penalties(USUAL.growth, float(self.reg_lambda))
            trees = task.grow_together(engine, Z, plan, penalties.growth)
            trees.refit(penalties.final, max_sweeps=FINAL_SWEEPS)
            self.trees_ = engine.read(trees.booster, trees.leaves.values)
            self.init_, self.reg_lambda_ = trees.leaves.init, penalties.final
        else:
            self.trees_ = engine.read(task.grow(engine, Z, plan))
            self.init_, self.reg_lambda_ = task.init, plan.reg_lambda
        # XGBoost takes what a sparse matrix does not store for missing.
        self.zero_is_missing_ = self.backend == "xgboost" and sp.issparse(Z)
        self.n_rounds_ = plan.n_rounds

    def _plan(self, n_trees: int) -> TreePlan:
        n_rounds, n_leaves = plan_rounds(self.max_total_leaves, self.max_leaf_nodes, n_trees)
        together = isinstance(self.learning_rate, str)
        own_penalty = isinstance(self.reg_lambda, str) or together
        return TreePlan(
            n_rounds=n_rounds,
            n_leaves=n_leaves,
            n_scores=n_trees,
            learning_rate=1.0 if together else float(self.learning_rate),
            reg_lambda=LIBRARY_PENALTY if own_penalty else float(self.reg_lambda),
            min_rows=self.min_samples_leaf,
            min_curvature=0.0,  # of each task
            seed=check_random_state(self.random_state).randint(np.iinfo(np.int32).max),
            n_threads=effective_n_jobs(self.n_jobs),
        )

    def _sum_trees(self, Z: Any, init: np.ndarray) -> np.ndarray:
        """Add the trees to `init`, shape (n_samples, n_scores)."""
        if not sp.issparse(Z):
            return self.trees_.scores(self._without_zeros(Z), init)
        used, feature = np.unique(self.trees_.feature, return_inverse=True)
        trees = replace(self.trees_, feature=feature)
        blocks = [np.zeros((0, len(init)))]
        for start in range(0, Z.shape[0], ROWS_AT_A_TIME):
            block = Z[start : start + ROWS_AT_A_TIME, used].toarray()
            blocks.append(trees.scores(self._without_zeros(block), init))
        return np.concatenate(blocks)

    def _without_zeros(self, Z: np.ndarray) -> np.ndarray:
        return np.where(Z == 0.0, np.nan, Z) if self.zero_is_missing_ else Z


def plan_rounds(max_total_leaves: int, max_leaf_nodes: int, n_trees: int) -> tuple[int, int]:
    """Divide a budget of leaves into rounds and leaves of a tree.

    Parameters
    ----------
    max_total_leaves : int
        The budget.
    max_leaf_nodes : int
        Leaves of a tree, at most.
    n_trees : int
        Trees of a round.

    Returns
    -------
    n_rounds, n_leaves : int
        Their product times `n_trees` is within the budget.

    Raises
    ------
    ValueError
        If the budget does not suffice for one round of trees with two leaves.

    Examples
    --------
    >>> from skdistill.students._boosting.base import plan_rounds
    >>> plan_rounds(155, 8, 1)
    (19, 8)
    >>> plan_rounds(155, 8, 7)  # 8 leaves would leave two rounds
    (5, 4)
    """
    if max_total_leaves < 2 * n_trees:
        raise ValueError(
            f"max_total_leaves={max_total_leaves} does not suffice for a single round of "
            f"{n_trees} trees with two leaves each; give at least {2 * n_trees}."
        )
    n_leaves = min(max_leaf_nodes, max(2, max_total_leaves // (n_trees * WANTED_ROUNDS)))
    return max_total_leaves // (n_trees * n_leaves), n_leaves


def _is_auto(value: Any, name: str) -> bool:
    if isinstance(value, str) and value != "auto":
        raise ValueError(f"{name} must be 'auto' or a number, got {value!r}.")
    return isinstance(value, str)
