"""The ways to fit one student: directly, or by what a teacher says."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import numpy as np
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, KFold, StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from benchmarks.baselines import HSTreeClassifier, HSTreeRegressor
from benchmarks.datasets import Split
from benchmarks.encoding import make_encoder
from benchmarks.plans import SAMPLER_NAMES, sampler_method
from benchmarks.students import StudentSpec
from benchmarks.tasks import SkippedError
from skdistill import (
    DistilledClassifier,
    DistilledRegressor,
    SelfDistilledClassifier,
    SelfDistilledRegressor,
)

# Folds of the cross-validation that tunes a direct student.
TUNING_FOLDS = 3

# At most so many rows without labels are given to the student.
MAX_UNLABELED = 10_000


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
    steps: dict[str, float] = field(default_factory=dict)  # seconds of each


def direct(context: Context) -> Fitted:
    """Fit to the hard labels alone, tuned by cross-validation.

    The candidates are the student itself and the strongest known forms of its kind and size that
    need no teacher: for trees CART and hierarchical shrinkage, for pruned ensembles boosting.
    """
    own = [(context.student(), OWN_GRIDS[context.spec.family])]
    known = {"tree": _known_trees, "pruned": _known_boosting}
    others = known.get(context.spec.family)
    return _tune(context, own + (others(context) if others else []))


def cart_hs(context: Context) -> Fitted:
    """Fit the better of CART and hierarchical shrinkage to the hard labels, tuned likewise."""
    return _tune(context, _known_trees(context))


def gbdt(context: Context) -> Fitted:
    """Fit gradient boosting of as many leaves to the hard labels, tuned likewise."""
    return _tune(context, _known_boosting(context))


# What is tuned of each student. Trees and pruned ensembles choose their own settings.
OWN_GRIDS: dict[str, dict[str, list[Any]]] = {
    "tree": {},
    "linear": {"alpha": ["auto", 0.1, 1.0, 10.0, 100.0]},
    "additive": {"alpha": ["auto", 10.0]},
    "mlp": {"alpha": [1.0, 5.0, 20.0, 60.0]},
    "boosting": {"learning_rate": ["auto", 0.2], "min_samples_leaf": [5, 10, 20]},
    "pruned": {},
}


def _known_trees(context: Context) -> list[tuple[Any, dict[str, list[Any]]]]:
    """List CART, as scikit-learn grows it, and hierarchical shrinkage."""
    size, classification = int(context.spec.size), context.task == "classification"
    shrunken = HSTreeClassifier if classification else HSTreeRegressor
    tree = shrunken(max_leaf_nodes=size, random_state=context.seed)
    name = type(tree).__name__.lower() + "__reg_param"
    cart = (DecisionTreeClassifier if classification else DecisionTreeRegressor)(
        max_leaf_nodes=size, random_state=context.seed
    )
    leaf = type(cart).__name__.lower() + "__min_samples_leaf"
    return [
        (make_pipeline(make_encoder(), cart), {leaf: [5, 20]}),
        (make_pipeline(make_encoder(), tree), {name: [10.0, 100.0, 500.0]}),
    ]


def _known_boosting(context: Context) -> list[tuple[Any, dict[str, list[Any]]]]:
    """List the boosting student of as many leaves."""
    spec = StudentSpec("boosting", context.spec.size)
    student = replace(context, spec=spec, changes={}).student()
    return [(student, OWN_GRIDS["boosting"])]


def _tune(context: Context, candidates: list[tuple[Any, dict[str, list[Any]]]]) -> Fitted:
    """Choose among candidates with grids by cross-validation, and fit the best to all rows."""
    split, classification = context.split, context.task == "classification"
    folds = StratifiedKFold if classification else KFold
    splitter = folds(TUNING_FOLDS, shuffle=True, random_state=context.seed)
    scoring = "neg_log_loss" if classification else "neg_root_mean_squared_error"
    searches = [
        GridSearchCV(
            estimator, grid, cv=splitter, scoring=scoring, error_score="raise", refit=False
        ).fit(split.X_train, split.y_train)
        for estimator, grid in candidates
    ]
    best = max(searches, key=lambda search: search.best_score_)
    model = clone(best.estimator).set_params(**best.best_params_)
    name = type(model[-1] if hasattr(model, "steps") else model).__name__
    n_candidates = sum(len(search.cv_results_["params"]) for search in searches)
    return Fitted(
        model.fit(split.X_train, split.y_train),
        TUNING_FOLDS * n_candidates + 1,
        chosen={"model": name, **best.best_params_},
    )


def plain(context: Context) -> Fitted:
    """Fit to the hard labels alone, in the student's own settings."""
    return Fitted(context.student().fit(context.split.X_train, context.split.y_train))


def self_distilled(context: Context) -> Fitted:
    """Let the student learn from itself, with the defaults."""
    classification = context.task == "classification"
    estimator = (SelfDistilledClassifier if classification else SelfDistilledRegressor)(
        context.student(), memory=context.memory, random_state=context.seed
    ).fit(context.split.X_train, context.split.y_train)
    chosen = {"generation": estimator.best_generation_, "tried": len(estimator.generations_)}
    return Fitted(estimator.student_, chosen=chosen)


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


def ours(context: Context, *, X_unlabeled: Any = None, **changes: Any) -> Fitted:
    """Distil with the defaults, but for `changes`."""
    classification = context.task == "classification"
    estimator = (DistilledClassifier if classification else DistilledRegressor)(
        context.teacher,
        student=context.student(),
        memory=context.memory,
        random_state=context.seed,
        **changes,
    ).fit(context.split.X_train, context.split.y_train, X_unlabeled=X_unlabeled)
    record = estimator.distillation_
    chosen = {
        "used_teacher": record.used_teacher,
        "hard_label_weight": record.hard_label_weight,
        "augment": record.augment,
        "temperature": record.temperature,
        "teacher_labels": record.teacher_labels,
        "teacher_temperature": record.teacher_temperature,
        "n_candidates": len(record.candidates),
        "n_unlabeled": record.n_unlabeled,
    }
    return Fitted(
        estimator.student_,
        n_fits=1 + record.search_fits,
        # What a user would have paid: the cache only spares this benchmark the repetition.
        teacher_rows=record.n_real + record.n_unlabeled + record.n_augmented,
        chosen=chosen,
        # The candidates' own seconds are true also where they come from the cache.
        steps={**record.seconds, "search": sum(tried["seconds"] for tried in record.candidates)},
    )


def by_rules(context: Context, **changes: Any) -> Fitted:
    """Distil by one fit with the settings of the rules, but for `changes`; nothing is searched."""
    return ours(context, search_budget=0, **changes)


def with_unlabeled(context: Context, n_rows: int = MAX_UNLABELED) -> Fitted:
    """Distil with the defaults and so many rows without labels, or all that there are."""
    rows = context.split.X_unlabeled[:n_rows]
    if len(rows) < (1 if n_rows == MAX_UNLABELED else n_rows):
        raise SkippedError(f"there are only {len(rows)} rows without labels")
    return ours(context, X_unlabeled=rows)


def without_temperature(context: Context) -> Fitted:
    """Distil at temperature one."""
    if by_rules(context).chosen["temperature"] == 1.0:
        raise SkippedError("temperature='auto' is 1 here, so that there is nothing to remove")
    return by_rules(context, temperature=1.0)


def without_refinement(context: Context) -> Fitted:
    """Distil into a tree as greedy growth leaves it; all else by the rules."""
    return by_rules(replace(context, changes={"refine": False}))


def greedy(context: Context) -> Fitted:
    """Distil into the plain tree: greedy growth, at least five rows in a leaf, their means."""
    plain = {"refine": False, "min_samples_leaf": 5, "shrinkage": 0.0, "ccp_alpha": 0.0}
    return by_rules(replace(context, changes=plain))


METHODS: dict[str, Callable[[Context], Fitted]] = {
    "direct": direct,
    "cart_hs": cart_hs,
    "gbdt": gbdt,
    "hard_labels": hard_labels,
    "soft_in_sample": soft_in_sample,
    "ours": ours,
    "ours-unlabeled": with_unlabeled,
    "ours-unlabeled_500": lambda context: with_unlabeled(context, 500),
    "ours-unlabeled_2000": lambda context: with_unlabeled(context, 2000),
    "ours-no_search": by_rules,
    "ours-no_cross_fit": lambda context: by_rules(context, teacher_labels="in_sample"),
    "ours-no_augment": lambda context: by_rules(context, augment=None),
    "ours-no_calibration": lambda context: by_rules(context, calibrate_teacher=False),
    "ours-no_hard_labels": lambda context: by_rules(context, hard_label_weight=0.0),
    "ours-no_temperature": without_temperature,
    "ours-no_refinement": without_refinement,
    "ours-features": lambda context: by_rules(context, knowledge=["response", "feature"]),
    "ours-relations": lambda context: by_rules(context, knowledge=["response", "relation"]),
    "plain": plain,
    "self": self_distilled,
    "ours-greedy": greedy,
    **{sampler_method(name): partial(by_rules, augment=name) for name in SAMPLER_NAMES},
}
