"""The ways to fit one student: directly, or by what a teacher says."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from sklearn.model_selection import GridSearchCV, KFold, StratifiedKFold
from sklearn.pipeline import make_pipeline

from benchmarks.baselines import HSTreeClassifier, HSTreeRegressor
from benchmarks.datasets import Split
from benchmarks.encoding import make_encoder
from benchmarks.suites import StudentSpec
from benchmarks.tasks import SkippedError
from skdistill import DistilledClassifier, DistilledRegressor

# Folds of the cross-validation that tunes a direct student.
TUNING_FOLDS = 3


@dataclass(frozen=True)
class Context:
    """What every method gets."""

    split: Split
    task: str
    teacher: Any
    spec: StudentSpec
    seed: int
    memory: Any
    changes: dict[str, Any] = field(default_factory=dict)

    def student(self) -> Any:
        """Make the unfitted, seeded student, with its parameters changed if so wanted."""
        student = self.spec.make(self.task).set_params(**self.changes)
        if "random_state" in student.get_params():
            student.set_params(random_state=self.seed)
        return student


@dataclass
class Fitted:
    """A fitted model and what it took."""

    model: Any
    n_fits: int = 1
    teacher_rows: int = 0
    chosen: dict[str, Any] = field(default_factory=dict)


def direct(context: Context) -> Fitted:
    """Fit to the hard labels alone, tuned by cross-validation over four or five candidates.

    For trees three of them are CART with hierarchical shrinkage, the strongest tree without a
    teacher, so that the baseline is the better of both.
    """
    split, classification = context.split, context.task == "classification"
    folds = StratifiedKFold if classification else KFold
    splitter = folds(TUNING_FOLDS, shuffle=True, random_state=context.seed)
    scoring = "neg_log_loss" if classification else "neg_root_mean_squared_error"
    searches = [
        GridSearchCV(estimator, grid, cv=splitter, scoring=scoring, error_score="raise").fit(
            split.X_train, split.y_train
        )
        for estimator, grid in _direct_candidates(context)
    ]
    best = max(searches, key=lambda search: search.best_score_)
    name = type(best.estimator[-1] if hasattr(best.estimator, "steps") else best.estimator)
    chosen = {"model": name.__name__, **best.best_params_}
    n_candidates = sum(len(search.cv_results_["params"]) for search in searches)
    return Fitted(best.best_estimator_, TUNING_FOLDS * n_candidates + 1, chosen=chosen)


def _direct_candidates(context: Context) -> list[tuple[Any, dict[str, list[Any]]]]:
    """List the candidates of a family, as estimators with grids."""
    student, family = context.student(), context.spec.family
    if family in {"tree", "linear leaves"}:
        shrunken = HSTreeClassifier if context.task == "classification" else HSTreeRegressor
        tree = shrunken(max_leaf_nodes=int(context.spec.size), random_state=context.seed)
        name = type(tree).__name__.lower() + "__reg_param"
        return [
            (student, {"min_samples_leaf": [5, 20]}),
            (make_pipeline(make_encoder(), tree), {name: [10.0, 100.0, 500.0]}),
        ]
    grids: dict[str, dict[str, list[Any]]] = {
        "linear": {"alpha": [0.1, 1.0, 10.0, 100.0]},
        "mlp": {"alpha": [1.0, 5.0, 20.0, 60.0]},
        "boosting": {"learning_rate": ["auto", 0.2], "min_samples_leaf": [5, 20]},
    }
    return [(student, grids[family])]


def hard_labels(context: Context) -> Fitted:
    """Fit to the teacher's own labels of the training rows."""
    labels = context.teacher.predict(context.split.X_train)
    if len(np.unique(labels)) < 2:
        raise SkippedError("the teacher gives all training rows one label")
    student = context.student().fit(context.split.X_train, labels)
    return Fitted(student, teacher_rows=len(labels))


def soft_in_sample(context: Context) -> Fitted:
    """Fit to what the teacher says of the rows it was fitted to, and to nothing else."""
    X, y = context.split.X_train, context.split.y_train
    student = context.student()
    if context.task == "classification":
        student.fit(X, y, soft_targets=context.teacher.predict_proba(X))
    else:
        student.fit(X, y, soft_targets=context.teacher.predict(X))
    return Fitted(student, teacher_rows=len(y))


def ours(context: Context, **changes: Any) -> Fitted:
    """Distil with the defaults, but for `changes`."""
    classification = context.task == "classification"
    estimator = (DistilledClassifier if classification else DistilledRegressor)(
        context.teacher,
        student=context.student(),
        memory=context.memory,
        random_state=context.seed,
        **changes,
    ).fit(context.split.X_train, context.split.y_train)
    record = estimator.distillation_
    chosen = {
        "temperature": record.temperature,
        "hard_label_weight": record.hard_label_weight,
        "teacher_labels": record.teacher_labels,
        "augment": record.augment,
        "teacher_temperature": record.teacher_temperature,
    }
    # What a user would have paid: the cache only spares this benchmark the repetition.
    asked = record.n_real + record.n_unlabeled + record.n_augmented
    return Fitted(estimator.student_, teacher_rows=asked, chosen=chosen)


def ours_without_temperature(context: Context) -> Fitted:
    """Distil at temperature one."""
    if ours(context).chosen["temperature"] == 1.0:
        raise SkippedError("temperature='auto' is 1 here, so that there is nothing to remove")
    return ours(context, temperature=1.0)


def ours_without_refinement(context: Context) -> Fitted:
    """Distil without refining the tree after it is grown."""
    unrefined = replace(context, changes={"refine": False})
    return ours(unrefined)


METHODS: dict[str, Callable[[Context], Fitted]] = {
    "direct": direct,
    "hard_labels": hard_labels,
    "soft_in_sample": soft_in_sample,
    "ours": ours,
    "ours-no_cross_fit": lambda context: ours(context, teacher_labels="in_sample"),
    "ours-no_augment": lambda context: ours(context, augment=None),
    "ours-no_calibration": lambda context: ours(context, calibrate_teacher=False),
    "ours-no_hard_labels": lambda context: ours(context, hard_label_weight=0.0),
    "ours-no_temperature": ours_without_temperature,
    "ours-no_refinement": ours_without_refinement,
}
