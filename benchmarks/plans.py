"""The plans of the suites of students: which sets, seeds, teachers, students and methods.

``quick`` stays as it is, so that results of different versions can be compared. Twelve sets over
the three tasks, chosen for variety (rows, classes, categories, missing values), two seeds, at
most 2000 training rows. The others but ``full`` ask one question each: ``trees`` what the search
for a tree gives beyond greedy growth; ``pruned`` whether a teacher's own trees, pruned, beat a
gradient boosting of the same size that is fitted directly; ``samplers`` which augmented rows help;
``curves`` what few labels and unlabelled rows do; ``poor_teachers`` whether a teacher that knows
nothing does harm; ``knowledge`` what features and relations are worth beside the responses;
``self_distillation`` what a student learns from itself.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from benchmarks.poor_teachers import POOR_TEACHERS
from benchmarks.students import (
    ADDITIVE,
    BOOSTINGS,
    LINEAR,
    LINEAR_LEAVES,
    MLPS,
    PRUNED,
    TREES,
    StudentSpec,
)

__all__ = [
    "CURVES",
    "FULL",
    "KNOWLEDGE",
    "PLANS",
    "POOR",
    "QUICK",
    "SAMPLERS",
    "SELF",
    "SMOKE",
    "SuitePlan",
    "plausibility_method",
    "sampler_method",
]

BASE_METHODS = ("direct", "hard_labels", "soft_in_sample", "ours", "ours-no_search")
ABLATIONS = (
    "ours-no_cross_fit",
    "ours-no_augment",
    "ours-no_calibration",
    "ours-no_hard_labels",
    "ours-no_temperature",
)
TREE_PEERS = ("figs", "hstree_cv", "trustee")
STACK_PEERS = ("autogluon", "tabtune")

# Names of the samplers that are compared, and the numbers of unlabelled rows beside all there are.
SAMPLER_NAMES = ("munge", "spunge", "mixup", "jitter", "conditional")
UNLABELED = ("ours-unlabeled_500", "ours-unlabeled_2000")

# Methods on class probabilities that regression has nothing for.
NOT_FOR_REGRESSION = {"hard_labels", "ours-no_calibration", "ours-no_temperature"}


def sampler_method(name: str) -> str:
    """Name the method that distils by fixed rules with the augmented rows of a sampler."""
    return f"ours-{name}"


def plausibility_method(name: str) -> str:
    """Name the cell that measures how real the rows of a sampler look; it has no student."""
    return f"plausibility-{name}"


@dataclass(frozen=True)
class SuitePlan:
    """What a suite computes.

    Attributes
    ----------
    name : str
        The suite.
    datasets : tuple of str
        Empty for all there are.
    seeds : tuple of int
        Each is another split.
    teachers : tuple of str
        As `benchmarks.teachers.make_teacher` takes them.
    students : tuple of StudentSpec
        Forms and sizes.
    ablated : tuple of StudentSpec
        Those whose ingredients are left out one by one.
    max_train, max_test : int
        Most rows of each part of a split.
    peers : tuple of str
        Other projects, for trees.
    base : tuple of str
        Methods of every student.
    task : str
        Sets of other tasks are left out, unless it is empty.
    train_sizes : tuple of int
        Numbers of labelled rows, each a task of its own on sets that have more; empty: one task
        with `max_train`.
    unlabeled_at : int
        The number of labelled rows at which also fewer than all unlabelled rows are tried.
    plausibility : tuple of str
        Samplers whose rows are told from real ones.
    """

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
    task: str = ""
    train_sizes: tuple[int, ...] = ()
    unlabeled_at: int = 0
    plausibility: tuple[str, ...] = ()

    def methods(self, spec: StudentSpec, task: str, n_train: int = 0) -> list[str]:
        """List the methods for a student, the direct fit first: others are compared with it."""
        if spec.family == "linear leaves":
            # Compared with larger trees of constant leaves, not with a direct fit.
            return ["ours-no_search"]
        methods = list(self.base)
        if spec in self.ablated:
            methods += ABLATIONS
            # Only trees are refined after they are grown.
            methods += ["ours-no_refinement"] if spec.family == "tree" else []
        if spec.family == "tree" and self.peers:
            methods += ["cart_hs", *self.peers]
        if n_train and n_train == self.unlabeled_at:
            methods += UNLABELED
        if task == "regression":
            methods = [method for method in methods if method not in NOT_FOR_REGRESSION]
        return methods


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
    datasets=(),
    seeds=(0, 1, 2),
    teachers=("lightgbm", "xgboost", "forest500", "ensemble", "mlp"),
    students=(*TREES, LINEAR, ADDITIVE, *MLPS, *BOOSTINGS, PRUNED),
    ablated=(*TREES, LINEAR, *MLPS, *BOOSTINGS),
    max_train=10_000,
    max_test=10_000,
    peers=(*TREE_PEERS, *STACK_PEERS),
)

TREES_PLAN = replace(
    QUICK,
    name="trees",
    students=(*TREES, *LINEAR_LEAVES),
    ablated=(),
    peers=(),
    base=("ours-greedy", "ours-no_search"),
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

SAMPLERS = replace(
    QUICK,
    name="samplers",
    students=(TREES[1], MLPS[1], BOOSTINGS[0]),
    ablated=(),
    peers=(),
    base=("ours-no_augment", *map(sampler_method, SAMPLER_NAMES)),
    plausibility=SAMPLER_NAMES,
)

# Sets with so many rows that most of them can stand without their labels.
CURVES = replace(
    QUICK,
    name="curves",
    datasets=(
        "adult",
        "magic_gamma",
        "credit_default_taiwan",
        "dry_bean",
        "bike_sharing",
        "california_housing",
    ),
    teachers=("ensemble",),
    students=(TREES[1], MLPS[1]),
    ablated=(),
    peers=(),
    base=("direct", "ours-no_search", "ours", "ours-unlabeled"),
    train_sizes=(100, 300, 1000),
    unlabeled_at=300,
)

POOR = replace(
    QUICK,
    name="poor_teachers",
    datasets=("german_credit", "yeast", "magic_gamma", "concrete"),
    seeds=(0,),
    teachers=POOR_TEACHERS,
    students=(TREES[1], LINEAR, MLPS[1]),
    ablated=(),
    peers=(),
    base=("direct", "ours", "ours-no_search"),
    max_train=1000,
)

KNOWLEDGE = replace(
    QUICK,
    name="knowledge",
    datasets=(
        "german_credit",
        "magic_gamma",
        "telco_churn",
        "yeast",
        "segment",
        "satimage",
        "california_housing",
        "kin8nm",
        "concrete",
    ),
    teachers=("lightgbm", "mlp"),
    students=(TREES[1], LINEAR, MLPS[1]),
    ablated=(),
    peers=(),
    base=("plain", "ours-no_search", "ours-features", "ours-relations"),
    max_train=1000,
)

# A student is its own teacher: the one named here is fitted for comparison alone.
SELF = replace(
    KNOWLEDGE,
    name="self_distillation",
    teachers=("lightgbm",),
    students=(TREES[1], MLPS[1]),
    base=("plain", "self"),
)

SMOKE = SuitePlan(
    name="smoke",
    datasets=("sklearn:breast_cancer", "sklearn:diabetes"),
    seeds=(0,),
    teachers=("lightgbm",),
    students=(StudentSpec("tree", "4"), LINEAR),
    ablated=(LINEAR,),
    max_train=150,
    max_test=150,
    peers=(),
)

PLANS = {
    plan.name: plan
    for plan in (
        QUICK,
        FULL,
        TREES_PLAN,
        PRUNED_PLAN,
        SAMPLERS,
        CURVES,
        POOR,
        KNOWLEDGE,
        SELF,
        SMOKE,
    )
}
