"""The suites of students: which sets, seeds, teachers, students and methods.

``quick`` stays as it is, so that results of different versions can be compared. Twelve sets over
the three tasks, chosen for variety (rows, classes, categories, missing values), two seeds, at
most 2000 training rows. ``trees`` and ``pruned`` ask one question each on the same sets and rows:
what the search for a tree gives beyond greedy growth, and whether a teacher's own trees, pruned,
beat a gradient boosting of the same size that is fitted directly.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from benchmarks.datasets import list_available, load
from benchmarks.tasks import Emit, Key, RunSettings
from skdistill.students import (
    AdditiveStudentClassifier,
    AdditiveStudentRegressor,
    BoostingStudentClassifier,
    BoostingStudentRegressor,
    LinearStudentClassifier,
    LinearStudentRegressor,
    MLPStudentClassifier,
    MLPStudentRegressor,
    PrunedStudentClassifier,
    PrunedStudentRegressor,
    TreeStudentClassifier,
    TreeStudentRegressor,
)

BASE_METHODS = ("direct", "hard_labels", "soft_in_sample", "ours")
ABLATIONS = (
    "ours-no_cross_fit",
    "ours-no_augment",
    "ours-no_calibration",
    "ours-no_hard_labels",
    "ours-no_temperature",
)
TREE_PEERS = ("figs", "hstree_cv", "trustee")
STACK_PEERS = ("autogluon", "tabtune")

# What names of sets at OpenML begin with.
OPENML = "openml:"

# Methods on class probabilities that regression has nothing for.
NOT_FOR_REGRESSION = {"hard_labels", "ours-no_calibration", "ours-no_temperature"}


# Classifier and regressor of each family. Trees with linear leaves are one of their own here.
FAMILIES: dict[str, tuple[Any, Any]] = {
    "tree": (TreeStudentClassifier, TreeStudentRegressor),
    "linear leaves": (TreeStudentClassifier, TreeStudentRegressor),
    "linear": (LinearStudentClassifier, LinearStudentRegressor),
    "additive": (AdditiveStudentClassifier, AdditiveStudentRegressor),
    "mlp": (MLPStudentClassifier, MLPStudentRegressor),
    "boosting": (BoostingStudentClassifier, BoostingStudentRegressor),
    "pruned": (PrunedStudentClassifier, PrunedStudentRegressor),
}


@dataclass(frozen=True)
class StudentSpec:
    """A student family at one size."""

    family: str
    size: str = ""

    def make(self, task: str) -> Any:
        """Make the unfitted student, in its default settings but for the size."""
        student = FAMILIES[self.family][task != "classification"]
        settings: dict[str, Any] = {}
        if self.family in {"tree", "linear leaves"}:
            settings["max_leaf_nodes"] = int(self.size)
        if self.family == "linear leaves":
            settings["leaf"] = "linear"
        if self.family == "mlp":
            settings["hidden_layer_sizes"] = (int(self.size),)
        if self.family in {"boosting", "pruned"}:
            settings["max_total_leaves"] = int(self.size)
        return student(**settings)


@dataclass(frozen=True)
class SuitePlan:
    """What a suite computes."""

    name: str
    datasets: tuple[str, ...]
    seeds: tuple[int, ...]
    teachers: tuple[str, ...]
    students: tuple[StudentSpec, ...]
    ablated: tuple[StudentSpec, ...]
    max_train: int
    max_test: int
    peers: tuple[str, ...] = TREE_PEERS
    base: tuple[str, ...] = BASE_METHODS
    task: str = ""  # sets of other tasks are left out

    def methods(self, spec: StudentSpec, task: str) -> list[str]:
        """List the methods for a student, the direct fit first: others are compared with it."""
        if spec.family == "linear leaves":
            return ["ours"]  # compared with larger trees of constant leaves, not with a direct fit
        methods = list(self.base)
        if spec in self.ablated:
            methods += ABLATIONS
            # Only trees are refined after they are grown.
            methods += ["ours-no_refinement"] if spec.family == "tree" else []
        if spec.family == "tree":
            methods += ["cart_hs", *self.peers]
        if task == "regression":
            methods = [method for method in methods if method not in NOT_FOR_REGRESSION]
        return methods


TREES = tuple(StudentSpec("tree", size) for size in ("8", "16", "64"))
LINEAR = StudentSpec("linear")
MLPS = tuple(StudentSpec("mlp", size) for size in ("8", "32"))
ADDITIVE, PRUNED = StudentSpec("additive"), StudentSpec("pruned", "155")
BOOSTINGS = tuple(StudentSpec("boosting", size) for size in ("155", "620"))

QUICK = SuitePlan(
    name="quick",
    datasets=(
        "german_credit",
        "magic_gamma",
        "adult",
        "telco_churn",
        "credit_default_taiwan",
        "yeast",
        "segment",
        "satimage",
        "dry_bean",
        "concrete",
        "california_housing",
        "bike_sharing",
    ),
    seeds=(0, 1),
    teachers=("ensemble",),
    students=(TREES[1], TREES[2], LINEAR, ADDITIVE, MLPS[1], BOOSTINGS[0], PRUNED),
    ablated=(TREES[1], MLPS[1]),
    max_train=2000,
    max_test=4000,
)

FULL = SuitePlan(
    name="full",
    datasets=(),  # all there are
    seeds=(0, 1, 2),
    teachers=("lightgbm", "xgboost", "forest500", "ensemble", "mlp"),
    students=(*TREES, LINEAR, ADDITIVE, *MLPS, *BOOSTINGS, PRUNED),
    ablated=(*TREES, LINEAR, *MLPS, *BOOSTINGS),
    max_train=10_000,
    max_test=10_000,
    peers=(*TREE_PEERS, *STACK_PEERS),
)

LINEAR_LEAVES = tuple(StudentSpec("linear leaves", size) for size in ("8", "16"))

TREES_PLAN = replace(
    QUICK,
    name="trees",
    students=(*TREES, *LINEAR_LEAVES),
    ablated=(),
    peers=(),
    base=("ours-greedy", "ours"),
)

PRUNED_PLAN = replace(
    QUICK,
    name="pruned",
    teachers=("lightgbm", "forest500"),
    students=(PRUNED,),
    ablated=(),
    base=("direct", "gbdt", "ours"),
    task="classification",
)

SMOKE = SuitePlan(
    name="smoke",
    datasets=("sklearn:breast_cancer", "sklearn:diabetes"),
    seeds=(0,),
    teachers=("lightgbm",),
    students=(TREES[0], LINEAR),
    ablated=(TREES[0],),
    max_train=200,
    max_test=150,
    peers=(),
)

PLANS = {plan.name: plan for plan in (QUICK, FULL, TREES_PLAN, PRUNED_PLAN, SMOKE)}


@dataclass(frozen=True)
class CellTask:
    """All cells of one data set, seed and teacher."""

    suite: str
    dataset: str
    seed: int
    teacher: str
    task: str

    @property
    def name(self) -> str:
        """What the progress bar shows."""
        return f"{self.dataset} {self.seed} {self.teacher}"

    @property
    def plan(self) -> SuitePlan:
        """The suite's plan."""
        return PLANS[self.suite]

    def key(self, spec: StudentSpec | None, method: str) -> Key:
        """Name one cell; the teacher's own has no student."""
        family, size = ("", "") if spec is None else (spec.family, spec.size)
        return Key(self.suite, self.dataset, self.seed, self.teacher, family, size, method)


def list_tasks(plan: SuitePlan, folder: Path | None) -> list[CellTask]:
    """List the tasks of a plan for the data that there are.

    Parameters
    ----------
    plan : SuitePlan
        The suite.
    folder : Path or None
        The data folder; without it, the plan's sets that scikit-learn carries, or all of those
        if the plan names none of them. Sets of OpenML are fetched to know their task.

    Returns
    -------
    tasks : list of CellTask
    """
    available = list_available(folder)
    available |= {name: load(name).task for name in plan.datasets if name.startswith(OPENML)}
    wanted = [name for name in plan.datasets if name in available]
    if not wanted:
        wanted = list(available)
    return [
        CellTask(plan.name, dataset, seed, teacher, available[dataset])
        for seed in plan.seeds
        for dataset in wanted
        for teacher in plan.teachers
        if plan.task in {"", available[dataset]}
    ]


@dataclass(frozen=True)
class PlannedSuite:
    """A plan as the runner wants it."""

    plan: SuitePlan

    def tasks(self, folder: Path | None) -> list[CellTask]:
        """List the tasks for the data that there are."""
        return list_tasks(self.plan, folder)

    def expected_keys(self, task: CellTask) -> list[Key]:
        """List the cells of a task."""
        return expected_keys(task)

    @property
    def run_task(self) -> Callable[[CellTask, Emit, RunSettings], None]:
        """The function that computes the cells of a task."""
        from benchmarks.cells import run_task

        return run_task


def expected_keys(task: CellTask) -> list[Key]:
    """List the cells of a task."""
    keys = [task.key(None, "teacher")]
    for spec in task.plan.students:
        keys += [task.key(spec, method) for method in task.plan.methods(spec, task.task)]
    return keys
