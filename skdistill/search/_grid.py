"""Which students are tried: families, sizes, and each with and without the teacher."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from sklearn.base import clone

from skdistill._choosing import Choices
from skdistill._compat import seed_estimator
from skdistill._ensembles import find_sources
from skdistill._optional import import_optional
from skdistill.students import STUDENT_NAMES, BaseStudent, make_student
from skdistill.teachers import Teacher

# Fitting all leaves together takes time with the square of their number; beyond this many, plain
# boosting with larger trees is as good and much faster.
PLAIN = {"learning_rate": 0.1, "max_leaf_nodes": 31}

SIZES: dict[str, list[dict[str, Any]]] = {
    "linear": [{}],
    "tree": [{"max_leaf_nodes": n} for n in (4, 8, 16, 32, 64, 128)],
    "additive": [{"n_pairs": 0}, {}],
    "mlp": [{"hidden_layer_sizes": sizes, "n_restarts": 1} for sizes in ((8,), (32,), (64, 32))],
    "boosting": [
        *({"max_total_leaves": n} for n in (80, 155, 310)),
        *({"max_total_leaves": n, **PLAIN} for n in (620, 1250, 2500, 5000)),
    ],
    "pruned": [{"max_total_leaves": n} for n in (155, 620)],
}
LEAVES = ("max_leaf_nodes", "max_total_leaves")  # the latter is the size where there are both


@dataclass(frozen=True, eq=False)
class Candidate:
    """A student of some size, to be fitted in some way.

    Parameters
    ----------
    student : BaseStudent
        Unfitted and seeded; clones of it are fitted.
    name : str
        What people read.
    params : dict
        The parameters that make its size.
    choices : Choices
        How it is fitted.
    """

    student: BaseStudent
    name: str
    params: dict[str, Any]
    choices: Choices

    @property
    def distilled(self) -> bool:
        """Whether the teacher has a part in it."""
        return self.choices.use_teacher


def list_candidates(
    students: Any,
    teacher: Teacher,
    choices: Choices,
    X: Any,
    *,
    task: str,
    max_leaves: int | None,
    rng: np.random.RandomState,
) -> tuple[list[Candidate], dict[str, str]]:
    """List what is tried.

    Parameters
    ----------
    students : str, BaseStudent or list of these
        The parameter of the search.
    teacher : Teacher
        Fitted.
    choices : Choices
        What the rules say of distilling.
    X : array-like
        Rows that the students must take.
    task : {"classification", "regression"}
        What they learn.
    max_leaves : int or None
        Most leaves of a student.
    rng : RandomState
        Seeds the students.

    Returns
    -------
    candidates : list of Candidate
    skipped : dict of str to str
        Families that cannot be tried, and why.

    Raises
    ------
    TypeError, ValueError
        If `students` is not what it has to be, or none can be tried.
    """
    direct = replace(choices, use_teacher=False)
    candidates: list[Candidate] = []
    skipped: dict[str, str] = {}
    errors: list[Exception] = []
    for family, named in list_families(students):
        try:
            _check_family(family, teacher, X, task)
        except (ImportError, TypeError, ValueError) as error:
            if named and isinstance(error, ImportError):
                raise
            skipped[family if isinstance(family, str) else type(family).__name__] = str(error)
            errors.append(error)
            continue
        for student, name, params in _list_sizes(family, task, max_leaves):
            seeded = seed_estimator(student, rng)
            candidates.append(Candidate(seeded, name, params, choices))
            if family != "pruned":  # without the teacher's trees it is another student
                candidates.append(Candidate(seeded, name, params, direct))
    if not candidates and errors:
        raise errors[0]
    if not candidates:
        raise ValueError(
            f"max_leaves={max_leaves!r} leaves none of students={students!r}; allow more leaves, "
            "or give other students."
        )
    return candidates, skipped


def list_families(students: Any) -> list[tuple[Any, bool]]:
    """List names and instances, each with whether it was named; raise where it is neither."""
    if isinstance(students, str) and students == "all":
        return [(name, False) for name in SIZES]
    members = list(students) if isinstance(students, list | tuple) else [students]
    if not members:
        raise ValueError("students is empty; give 'all', or names and instances of students.")
    for member in members:
        if isinstance(member, str) and member in STUDENT_NAMES:
            continue
        if isinstance(member, str):
            raise ValueError(
                f"students has {member!r}, which is none of {list(STUDENT_NAMES)}; give some of "
                "these, or 'all'."
            )
        if not isinstance(member, BaseStudent):
            raise TypeError(
                f"students has {member!r}, which cannot be exported, so that its size is not "
                "known; give instances of skdistill.students, or names of them."
            )
    return [(member, True) for member in members]


def check_rows(students: Any, X: Any, *, task: str) -> None:
    """Check that some of the students take X: a bad X must not cost teacher time.

    Parameters
    ----------
    students : str, BaseStudent or list of these
        The parameter of the search.
    X : array-like
        Rows.
    task : {"classification", "regression"}
        What they learn.

    Raises
    ------
    TypeError, ValueError
        What the first of them says, if none takes X.
    """
    first: Exception | None = None
    for family, _ in list_families(students):
        try:
            make_student(family, task=task).check_rows(X)
        except (TypeError, ValueError) as error:
            first = first or error
        else:
            return
    if first is not None:
        raise first


def _check_family(family: Any, teacher: Teacher, X: Any, task: str) -> None:
    """Raise where it cannot be tried."""
    student = make_student(family, task=task)
    student.check_rows(X)
    if family == "boosting":
        import_optional("lightgbm", extra="boosting", purpose="A boosting student")
    if family == "pruned":
        models = teacher.fitted_models
        if not any(find_sources(model, missing_ok=True) for model in models):
            raise ValueError(f"teacher {teacher.name} has no trees that can be read")


def _list_sizes(
    family: Any, task: str, max_leaves: int | None
) -> Iterator[tuple[Any, str, dict[str, Any]]]:
    """List the sizes of a family with at most so many leaves."""
    if not isinstance(family, str):
        student = make_student(family, task=task)
        if max_leaves is None or (_n_leaves(student) or 0) <= max_leaves:
            yield student, _describe(student), _changed(student)
        return
    seen = []
    for size in SIZES[family]:
        student = make_student(family, task=task)
        params = {
            name: min(value, max_leaves) if max_leaves and name in LEAVES else value
            for name, value in size.items()
        }
        if params not in seen:
            seen.append(params)
            student.set_params(**params)
            yield clone(student), _describe(student), params


def _n_leaves(student: BaseStudent) -> int | None:
    params = student.get_params(deep=False)
    return params.get("max_total_leaves", params.get("max_leaf_nodes"))


def _changed(student: BaseStudent) -> dict[str, Any]:
    """Return the parameters that are not at their defaults."""
    default = type(student)().get_params(deep=False)
    return {
        name: value
        for name, value in student.get_params(deep=False).items()
        if name != "random_state" and repr(value) != repr(default[name])
    }


def _describe(student: BaseStudent) -> str:
    """Name a student by its family and size, such as "tree, 16 leaves"."""
    family = type(student).__name__.split("Student")[0].lower()
    params = student.get_params(deep=False)
    if family == "mlp":
        units = " and ".join(map(str, params["hidden_layer_sizes"]))
        return f"mlp, {units} hidden units"
    if family == "additive" and params["n_pairs"] == 0:
        return "additive, no pairs"
    leaves = _n_leaves(student)
    return family if leaves is None else f"{family}, {leaves} leaves"
