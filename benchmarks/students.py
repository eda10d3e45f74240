"""The students of the suites: families at sizes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

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


TREES = tuple(StudentSpec("tree", size) for size in ("8", "16", "64"))
LINEAR_LEAVES = tuple(StudentSpec("linear leaves", size) for size in ("8", "16"))
LINEAR = StudentSpec("linear")
MLPS = tuple(StudentSpec("mlp", size) for size in ("8", "32"))
ADDITIVE, PRUNED = StudentSpec("additive"), StudentSpec("pruned", "155")
BOOSTINGS = tuple(StudentSpec("boosting", size) for size in ("155", "620"))
