"""The teacher labels the transfer set, gives hints, and is calibrated."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import asdict, replace
from typing import Any

import joblib
import numpy as np

from skdistill._choosing import Choices
from skdistill._problem import Problem, Settings, check_classes, settle_classes
from skdistill._record import DistillationRecord
from skdistill._trials import Fold, LabeledFold, Splits
from skdistill._trust import check_distrust, take_trust, targets_of, with_disagreement
from skdistill.exceptions import OverconfidentTeacherWarning
from skdistill.hints import Hints
from skdistill.knowledge import make_hints
from skdistill.metrics import calibration_report
from skdistill.targets import fit_temperature, soften
from skdistill.teachers import (
    EnsembleTeacher,
    Teacher,
    as_teacher,
    check_class_order,
    diagnose_labels,
    label_rows,
)
from skdistill.transfer import TransferSet, count_folds, cross_fit

# Folds of the out-of-fold labels within a fold of the search: fewer than elsewhere, since these
# teachers are fitted for the search alone.
INNER_FOLDS = 3

NO_MEMORY = joblib.Memory(None)


def adapt_teacher(
    teacher: Any, problem: Problem, record: DistillationRecord, *, task: str
) -> Teacher | None:
    """Adapt the teacher, whatever it is; None for precomputed soft targets alone."""
    if teacher is None:
        if problem.soft_targets is None:
            raise ValueError(
                "teacher is None and there are no soft_targets; give a teacher, or give fit "
                "precomputed soft_targets."
            )
        return None
    adapted = as_teacher(teacher, task=task)
    record.teacher = adapted.name
    adapted.check_features(problem.X)
    return adapted


def fit_teacher(
    teacher: Teacher | None,
    problem: Problem,
    settings: Settings,
    record: DistillationRecord,
    *,
    task: str,
) -> Teacher | None:
    """Fit the teacher if it is not fitted, and learn the weights of several."""
    if teacher is None or teacher.is_fitted:
        return teacher
    if problem.y is None:
        raise ValueError(
            f"teacher {teacher.name} is not fitted: fitting it requires y to be passed, "
            "but the target y is None; give y or a fitted teacher."
        )
    if task == "classification":
        weighty = slice(None) if problem.weight is None else problem.weight > 0
        check_classes(np.unique(problem.y[weighty]))
    if not isinstance(teacher, EnsembleTeacher) or not teacher.has_fitted_members:
        settings.report(f"fitting the teacher {teacher.name} on {problem.n_rows} rows")
        record.teacher_fits += 1
        teacher = teacher.fit_missing(
            problem.X, problem.y, problem.weight, random_state=settings.seed
        )
    if isinstance(teacher, EnsembleTeacher) and not teacher.is_fitted:
        teacher = _weigh(teacher, problem, settings, record, task=task)
    return teacher


def _weigh(
    teacher: EnsembleTeacher,
    problem: Problem,
    settings: Settings,
    record: DistillationRecord,
    *,
    task: str,
) -> EnsembleTeacher:
    """Learn the weights of several teachers on their out-of-fold labels."""
    fixed = [member.name for member in teacher.members if not member.refittable]
    if fixed:
        raise ValueError(
            f"weights='auto' needs teachers that can be fitted to other rows, which {fixed} cannot "
            "be: their labels of rows that they know would flatter them. Learn weights on rows "
            "that no teacher has seen: EnsembleTeacher(...).learn_weights(X, y)."
        )
    if task == "classification":
        problem = settle_classes(replace(problem, soft_targets=None), teacher)
    if not count_folds(settings.cv, problem.y, classification=task == "classification"):
        raise ValueError(
            f"weights='auto' needs more rows (of each class) than cv={settings.cv!r} makes folds; "
            "give weights, or a smaller cv."
        )
    labels = []
    for member in teacher.members:
        settings.report(f"cross-fitting the teacher {member.name} to weigh it")
        labels.append(_cross_fit(member, problem, settings.cv, settings, record))
    learned = teacher.weigh(
        labels, problem.y, classes=problem.classes, sample_weight=problem.weight
    )
    record.teacher_weights = learned.weights.tolist()
    return learned


def label_transfer_set(
    teacher: Teacher | None,
    rows: TransferSet,
    problem: Problem,
    choices: Choices,
    *,
    splits: Splits | None,
    settings: Settings,
    record: DistillationRecord,
) -> np.ndarray:
    """Label the real rows out of fold, in sample or as given, and all others by the teacher."""
    check_distrust(
        teacher,
        rows,
        hard_label_weight=choices.hard_label_weight,
        has_soft_targets=problem.soft_targets is not None,
    )
    if teacher is None or problem.soft_targets is not None:
        real = np.asarray(problem.soft_targets)
    elif choices.out_of_fold:
        settings.report(f"cross-fitting the teacher {teacher.name} on {problem.n_rows} rows")
        cv = settings.cv if splits is None else splits
        real = _cross_fit(teacher, problem, cv, settings, record)
    else:
        settings.report(f"labelling {problem.n_rows} rows by the teacher {teacher.name}")
        real = _label(teacher, problem.X, problem, settings, record)
    targets = real
    if teacher is not None and rows.n_rows > rows.n_real:
        settings.report(f"labelling {rows.n_rows - rows.n_real} further rows")
        others = _label(teacher, rows.others, problem, settings, record)
        targets = np.concatenate([real, others])
    if problem.classes is not None:
        proba = targets_of(targets, teacher)
        _check_order(proba[: rows.n_real], problem, teacher)
        if choices.teacher_labels == "in_sample":
            _diagnose(proba[: rows.n_real], proba[rows.n_real :], problem, record)
    return targets


def label_fold(
    teacher: Teacher | None,
    fold: Fold,
    real: np.ndarray,
    choices: Choices,
    *,
    keep_teacher: bool,
    nested: bool,
    settings: Settings,
    record: DistillationRecord,
) -> LabeledFold:
    """Label the rows of a fold of the search, without looking at what it holds out if possible.

    A teacher that can be refitted is fitted to the fold's own rows and cross-fitted on them. Even
    the out-of-fold labels of the final fit would tell what is held out: each comes from a teacher
    that has seen most of it, and a student adds up what all of them say. This matters where rows
    are few. Other teachers label all rows themselves.

    Parameters
    ----------
    teacher : Teacher or None
        The fitted teacher.
    fold : Fold
        Rows to fit to.
    real : ndarray of shape (n_real, ...)
        Soft targets of all real rows, for the final fit.
    choices : Choices
        Where labels come from.
    keep_teacher : bool
        Whether the teacher itself is read, by the student or for hints; labels alone can come
        from the cache.
    nested : bool
        Whether to cross-fit within the fold; else the labels of the final fit do.
    settings, record : Settings, DistillationRecord
        How to run, and what to note it in.

    Returns
    -------
    fold : LabeledFold
    """
    targets, own = real[fold.train], teacher
    further = fold.rows.n_rows > fold.rows.n_real
    if teacher is None or not choices.out_of_fold:
        if teacher is not None and further:
            others = _label(teacher, fold.rows.others, fold.problem, settings, record)
            targets = np.concatenate([targets, others])
        return _separate(fold, targets, own)
    part = fold.problem
    if nested and count_folds(INNER_FOLDS, part.y, classification=part.classes is not None):
        targets = _cross_fit(teacher, part, INNER_FOLDS, settings, record)
    refit = _Refit(teacher, part, settings, record)
    if keep_teacher:
        own = refit.teacher
    if further:
        targets = np.concatenate([targets, refit.label(fold.rows.others)])
    return _separate(fold, targets, own)


def _separate(fold: Fold, labels: np.ndarray, teacher: Teacher | None) -> LabeledFold:
    """Separate targets from what labels say besides."""
    targets, rows = take_trust(labels, fold.rows, teacher)
    return LabeledFold(replace(fold, rows=rows), targets, teacher)


def find_hints(
    teacher: Teacher | None, rows: TransferSet, choices: Choices, settings: Settings
) -> Hints | None:
    """Find what else the teacher knows of rows, always of the same seed; None if not wanted."""
    if not choices.knowledge:
        return None
    settings.report(f"representing {rows.n_rows} rows for {len(choices.knowledge)} kinds of hints")
    rng = np.random.RandomState(settings.seed)
    return make_hints(choices.knowledge, teacher, rows.X, rows.weight, rng)


class _Refit:
    """The teacher fitted to some rows, if it must be; what it says may be in the cache."""

    def __init__(
        self, teacher: Teacher, problem: Problem, settings: Settings, record: DistillationRecord
    ) -> None:
        self._original, self._problem = teacher, problem
        self._settings, self._record = settings, record
        self._fitted: Teacher | None = None

    @property
    def teacher(self) -> Teacher:
        """The teacher, fitted now if it was not."""
        if self._fitted is None:
            part, seed = self._problem, self._settings.seed
            self._fitted = self._original.refit(part.X, part.y, part.weight, random_state=seed)
            self._record.teacher_fits += 1
        return self._fitted

    def label(self, X: Any) -> np.ndarray:
        """Label rows."""
        part, memory = self._problem, self._settings.memory

        def ask() -> np.ndarray:
            return _label(
                self.teacher, X, part, replace(self._settings, memory=NO_MEMORY), self._record
            )

        if memory.location is None:
            return ask()
        what = (part.X, part.y, part.weight, part.classes, self._settings.seed, X)
        key = f"{with_disagreement(self._original).fingerprint()}-{joblib.hash(what)}"
        return np.asarray(memory.cache(_ask, ignore=["ask"])(key, ask))


def _ask(key: str, ask: Callable[[], np.ndarray]) -> np.ndarray:
    """Ask a teacher; `key` stands for the question in the cache."""
    return ask()


def _label(
    teacher: Teacher, X: Any, problem: Problem, settings: Settings, record: DistillationRecord
) -> np.ndarray:
    targets, n_scored = label_rows(
        with_disagreement(teacher),
        X,
        classes=problem.classes,
        memory=settings.memory,
        report=settings.report,
    )
    record.teacher_rows_scored += n_scored
    return targets


def _cross_fit(
    teacher: Teacher, problem: Problem, cv: Any, settings: Settings, record: DistillationRecord
) -> np.ndarray:
    folds = cross_fit(
        with_disagreement(teacher),
        problem.X,
        problem.y,
        classes=problem.classes,
        cv=cv,
        sample_weight=problem.weight,
        n_jobs=settings.n_jobs,
        memory=settings.memory,
        verbose=settings.verbose,
        random_state=settings.seed,
    )
    record.teacher_fits += folds.n_fits
    record.teacher_rows_scored += folds.n_rows_scored
    return folds.targets


def _check_order(real: np.ndarray, problem: Problem, teacher: Teacher | None) -> None:
    """Check the class order where only y can tell it."""
    codes, classes = problem.codes, problem.classes
    implicit = teacher is None or teacher.has_implicit_order
    if implicit and codes is not None and classes is not None:
        name = "soft_targets" if teacher is None else f"teacher {teacher.name}"
        check_class_order(real, codes, classes, name)


def _diagnose(
    real: np.ndarray, others: np.ndarray, problem: Problem, record: DistillationRecord
) -> None:
    """Warn of labels that tell what the teacher memorised, or nothing but the hard labels."""
    diagnosis = diagnose_labels(real, others if len(others) else None, problem.codes)
    record.diagnosis = {**asdict(diagnosis), "memorised": diagnosis.memorised}
    if diagnosis.advice:
        warnings.warn(diagnosis.advice, OverconfidentTeacherWarning, stacklevel=4)


def find_temperature(
    targets: np.ndarray, problem: Problem, choices: Choices, record: DistillationRecord
) -> float:
    """Find the temperature that calibrates the out-of-fold labels; 1 where none is wanted."""
    if not choices.calibrate or problem.codes is None:
        return 1.0
    real = targets[: problem.n_rows]
    temperature = fit_temperature(real, problem.codes, problem.weight)
    record.calibrated, record.teacher_temperature = True, temperature
    record.calibration = calibration_report(
        real, soften(real, temperature), problem.codes, problem.weight
    )
    return temperature
