"""The flow that both distilled estimators share: from rows to a fitted student."""

from __future__ import annotations

from abc import ABCMeta, abstractmethod
from typing import Any

import numpy as np
from sklearn.utils import check_random_state, get_tags
from sklearn.utils.validation import check_is_fitted

from skdistill._candidates import list_candidates
from skdistill._choosing import Choices, Situation, choose
from skdistill._compat import clone_keeping, num_samples
from skdistill._holder import StudentHolder, copy_columns, make_settings
from skdistill._labels import (
    adapt_teacher,
    find_hints,
    find_temperature,
    fit_teacher,
    label_transfer_set,
)
from skdistill._learning import learn
from skdistill._problem import (
    Problem,
    Settings,
    as_table,
    check_problem,
    separate_unlabeled,
)
from skdistill._record import DistillationRecord, note_fit
from skdistill._selection import Search, warn_if_unused
from skdistill._trials import split_rows
from skdistill._trust import take_trust
from skdistill._validation import check_integer
from skdistill.hints import Hints
from skdistill.knowledge import describe_hints
from skdistill.students import takes_hints, takes_soft_targets
from skdistill.students._expansion import takes_measure
from skdistill.targets import soften
from skdistill.teachers import Teacher, keep_fitted
from skdistill.transfer import TransferSet, build_transfer_set, count_folds


class BaseDistilled(StudentHolder, metaclass=ABCMeta):
    """The flow, the same for classification and regression."""

    def fit(
        self,
        X: Any,
        y: Any = None,
        sample_weight: Any = None,
        *,
        X_unlabeled: Any = None,
        soft_targets: Any = None,
    ) -> Any:
        """Distil the teacher into the student.

        Parameters
        ----------
        X : {array-like, DataFrame, sparse matrix, list} of shape (n_samples, ...)
            Real training rows; teacher and student both get them as they are.
        y : array-like of shape (n_samples,), default=None
            Hard labels. None is possible where the teacher is fitted (or `soft_targets` are
            given) and no hard labels are mixed in. For classification -1 marks rows without a
            label, as in :mod:`sklearn.semi_supervised`; they join `X_unlabeled`, without a weight
            of their own. It stays a class where the teacher knows it as one, or where there would
            not be two classes without it.
        sample_weight : array-like of shape (n_samples,), default=None
            Non-negative weights of the real rows, for the student and for teachers fitted here.
        X_unlabeled : like X, of shape (n_unlabeled, ...), default=None
            More rows of the same columns, without labels; the teacher labels them. Inside a
            cross-validation do not give exactly as many rows as X has: scikit-learn would take
            them for something to be split with X.
        soft_targets : array-like of shape (n_samples, n_classes) or (n_samples,), default=None
            Precomputed labels of the rows of X by the teacher, better out-of-fold ones: columns in
            the order of the sorted classes; for regression, values. The teacher, if there is one,
            then only labels the other rows of the transfer set.

        Returns
        -------
        self : object
            The fitted estimator.

        Raises
        ------
        ValueError
            If an argument or parameter is invalid, cannot act here, or does not fit the others;
            :class:`~skdistill.exceptions.TeacherError` where the teacher itself failed.
        TypeError
            If the teacher or the student is of no supported kind.
        """
        record, rng, settings = self._start()
        student = self._make_student(rng)
        X = self._check_rows(X, student)
        problem = check_problem(X, y, sample_weight, soft_targets, task=self._task)
        teacher = adapt_teacher(self.teacher, problem, record, task=self._task)
        X_unlabeled = self._check_unlabeled(X_unlabeled, teacher)
        if self._task == "classification":
            problem, X_unlabeled = separate_unlabeled(problem, X_unlabeled, teacher)
        with record.timed("teacher"):
            teacher = fit_teacher(teacher, problem, settings, record, task=self._task)
        problem = self._settle(problem, teacher)
        candidates = self._list_candidates(student, problem, X_unlabeled, teacher, settings)
        choices = candidates[0]
        with record.timed("transfer set"):
            rows = build_transfer_set(
                problem.X,
                X_unlabeled=X_unlabeled,
                sampler=choices.sampler,
                n_augmented=choices.n_augmented,
                sample_weight=problem.weight,
                random_state=rng,
            )
        hints = self._represent(teacher, rows, choices, settings, record)
        splits = split_rows(problem, settings) if len(candidates) > 1 else None
        with record.timed("teacher labels"):
            labels = label_transfer_set(
                teacher, rows, problem, choices, splits=splits, settings=settings, record=record
            )
        targets, rows = take_trust(labels, rows, teacher)
        temperature = find_temperature(targets, problem, choices, record)
        if splits is not None:
            with record.timed("search"):
                choices = Search(
                    student,
                    problem,
                    X_unlabeled,
                    teacher,
                    labels[: rows.n_real],
                    temperature,
                    settings,
                    record,
                    rng,
                ).choose(candidates, splits)
        if problem.classes is not None:
            targets = soften(targets, temperature)
        settings.report(f"fitting the student {type(student).__name__}")
        with record.timed("student"):
            student = learn(student, rows, targets, problem, choices, teacher, hints=hints)
        self._finish(student, teacher, problem, choices, record, rows)
        warn_if_unused(record)
        return self

    def _start(self) -> tuple[DistillationRecord, np.random.RandomState, Settings]:
        rng = check_random_state(self.random_state)
        budget = check_integer(self.search_budget, "search_budget", minimum=0)
        if budget == 1:
            raise ValueError(
                "search_budget=1 leaves nothing to compare; give 0 for fixed rules, or at least 2."
            )
        settings = make_settings(self, rng, search_budget=budget)
        return DistillationRecord(), rng, settings

    def _check_unlabeled(self, X_unlabeled: Any, teacher: Teacher | None) -> Any:
        if X_unlabeled is None:
            return None
        if teacher is None:
            raise ValueError(
                "X_unlabeled needs a teacher that labels it, but teacher is None; give one."
            )
        return as_table(X_unlabeled)

    @abstractmethod
    def _settle(self, problem: Problem, teacher: Teacher | None) -> Problem:
        """Settle the classes, and check precomputed targets."""

    def _list_candidates(
        self,
        student: Any,
        problem: Problem,
        X_unlabeled: Any,
        teacher: Teacher | None,
        settings: Settings,
    ) -> list[Choices]:
        """Resolve "auto" by rules, and list what the search compares with that."""
        situation = Situation(
            X=problem.X,
            has_labels=problem.y is not None,
            has_teacher=teacher is not None,
            has_targets=problem.soft_targets is not None,
            refittable=teacher is not None and teacher.refittable,
            n_folds=count_folds(settings.cv, problem.y, classification=problem.classes is not None),
            n_rows=problem.n_weighty,
            n_unlabeled=0 if X_unlabeled is None else num_samples(X_unlabeled),
            sees_temperature=takes_soft_targets(student),
            takes_hints=takes_hints(student),
            takes_similarity=takes_measure(student, "similarity"),
        )
        params = self.get_params(deep=False)
        choices = choose(params, situation)
        if settings.search_budget < 2:
            return [choices]
        return list_candidates(choices, params, situation)

    def _represent(
        self,
        teacher: Teacher | None,
        rows: TransferSet,
        choices: Choices,
        settings: Settings,
        record: DistillationRecord,
    ) -> Hints | None:
        """Find what else the teacher knows of the rows, before it is asked for costly labels."""
        if not choices.knowledge:
            return None
        with record.timed("knowledge"):
            hints = find_hints(teacher, rows, choices, settings)
        record.knowledge = describe_hints(choices.knowledge, hints)
        return hints

    def _finish(
        self,
        student: Any,
        teacher: Teacher | None,
        problem: Problem,
        choices: Choices,
        record: DistillationRecord,
        rows: TransferSet,
    ) -> None:
        """Set the fitted attributes, all at the end: a failed fit changes nothing."""
        note_fit(record, student, choices, rows)
        self.student_, self.teacher_, self.distillation_ = student, teacher, record
        if problem.classes is not None:
            self.classes_ = problem.classes
        copy_columns(self, student)

    def _fitted_teacher(self) -> Teacher:
        check_is_fitted(self)
        if self.teacher_ is None:
            raise ValueError(
                "fidelity compares with the teacher, but this student learned from precomputed "
                "soft_targets alone; use the functions of skdistill.metrics on your own labels."
            )
        return self.teacher_

    def set_params(self, **params: Any) -> Any:
        """Set parameters, also of the student and of an unfitted teacher.

        Parameters
        ----------
        **params : dict
            Values by name, as in ``student__max_leaf_nodes=8``.

        Returns
        -------
        self : object

        Raises
        ------
        ValueError
            If a name is unknown, if `student` is a name and has no parameters, or if it would
            change a fitted teacher: all clones share it, and its labels would stay what they are.
        """
        teacher = params.get("teacher", self.teacher)
        nested = sorted(name for name in params if name.startswith("teacher__"))
        if nested and keep_fitted(teacher) is teacher:
            raise ValueError(
                f"{nested} would change a teacher that is fitted and shared, and not what it has "
                "learned; give an unfitted teacher, which is fitted inside, or several fitted "
                "ones as values of 'teacher'."
            )
        return super().set_params(**params)

    def __sklearn_clone__(self) -> Any:
        """Clone everything but a fitted teacher, which both copies share."""
        return clone_keeping(self, teacher=keep_fitted(self.teacher))

    def _members(self) -> list[Any]:
        members = super()._members()
        if hasattr(self.teacher, "__sklearn_tags__"):
            members.append(get_tags(self.teacher))
        return members
