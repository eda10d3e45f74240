"""Several teachers as one: the weighted mean of what they say."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import scipy.sparse as sp
from sklearn.utils import check_random_state

from skdistill.teachers._base import Teacher
from skdistill.teachers._fingerprint import fingerprint


class EnsembleTeacher(Teacher):
    """The weighted mean of the probabilities, or predictions, of several teachers.

    Parameters
    ----------
    teachers : sequence
        Two forms may be mixed: adapters, and anything that `as_teacher` takes.
    weights : array-like of shape (n_teachers,) or None, default=None
        Weight of each teacher, at least 0 and not all 0; they are scaled to sum to one. None
        weights all alike.

    Notes
    -----
    Probabilities are aligned by label before they are averaged, arithmetically [1]_. A teacher
    that does not know a class gives it a probability of zero.

    References
    ----------
    .. [1] Hinton, G., Vinyals, O., Dean, J. (2015). Distilling the Knowledge in a Neural Network.
       arXiv:1503.02531.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.naive_bayes import GaussianNB
    >>> from skdistill.teachers import EnsembleTeacher
    >>> X, y = load_iris(return_X_y=True)
    >>> members = [GaussianNB().fit(X, y), LogisticRegression(max_iter=500).fit(X, y)]
    >>> teacher = EnsembleTeacher(members, weights=[1, 3])
    >>> teacher.predict_proba(X[:1], classes=[0, 1, 2]).shape
    (1, 3)
    """

    def __init__(
        self, teachers: Sequence[Any], *, weights: Sequence[float] | np.ndarray | None = None
    ) -> None:
        from skdistill.teachers._resolve import adapt  # it makes ensembles of nested lists

        if not isinstance(teachers, list | tuple) or not teachers:
            raise ValueError(f"teachers must be a list of at least one teacher, got {teachers!r}.")
        self.members: list[Teacher] = [adapt(teacher) for teacher in teachers]
        self.weights = _check_weights(weights, len(self.members))
        self.name = " + ".join(member.name for member in self.members)

    @property
    def columns(self) -> np.ndarray | None:
        """Sorted labels of all members; None if no member has labels, or one is not fitted."""
        known = [member.classes for member in self.members]
        labels = [classes for classes in known if classes is not None]
        return np.unique(np.concatenate(labels)) if labels and self.is_fitted else None

    @property
    def is_fitted(self) -> bool:
        """Whether all members can label rows."""
        return all(member.is_fitted for member in self.members)

    @property
    def refittable(self) -> bool:
        """Whether copies of all members can be fitted to other rows."""
        return all(member.refittable for member in self.members)

    @property
    def has_implicit_order(self) -> bool:
        """Whether columns of some member carry no labels."""
        return any(member.has_implicit_order for member in self.members)

    @property
    def fitted_models(self) -> list[Any]:
        """The models of all members."""
        return [model for member in self.members for model in member.fitted_models]

    def check_task(self, task: str) -> None:
        """Check that every member can teach the task."""
        for member in self.members:
            member.check_task(task)

    def check_ready(self) -> None:
        """Check that every member is fitted, or can be."""
        for member in self.members:
            member.check_ready()

    def fit_missing(
        self, X: Any, y: Any, sample_weight: np.ndarray | None = None, *, random_state: Any = None
    ) -> Teacher:
        """Fit the members that are not fitted yet (see `Teacher.fit_missing`)."""
        rng = None if random_state is None else check_random_state(random_state)
        members = [
            member.fit_missing(X, y, sample_weight, random_state=rng) for member in self.members
        ]
        return EnsembleTeacher(members, weights=self.weights)

    def check_features(self, X: Any) -> None:
        """Check the columns of `X` against those of every member."""
        for member in self.members:
            member.check_features(X)

    def fingerprint(self) -> str:
        """Compute a key of the members' keys and weights."""
        keys = [member.fingerprint() for member in self.members]
        return fingerprint((keys, self.weights), self.name)

    def refit(
        self,
        X: Any,
        y: Any,
        sample_weight: np.ndarray | None = None,
        *,
        random_state: int | np.random.RandomState | None = None,
    ) -> Teacher:
        """Fit fresh copies of all members (see `Teacher.refit`)."""
        # One generator for all: members of the same kind must not be copies of each other.
        rng = None if random_state is None else check_random_state(random_state)
        members = [member.refit(X, y, sample_weight, random_state=rng) for member in self.members]
        return EnsembleTeacher(members, weights=self.weights)

    def _predict_proba(self, X: Any, classes: np.ndarray) -> np.ndarray:
        columns = classes if self.columns is None else self.columns
        total = np.zeros((1, len(columns)))
        for weight, member in zip(self.weights, self.members, strict=True):
            total = total + weight * member.predict_proba(X, columns)
        return total

    def _predict(self, X: Any) -> np.ndarray:
        total = np.zeros(1)
        for weight, member in zip(self.weights, self.members, strict=True):
            total = total + weight * member.predict(X)
        return total

    def _represent(self, X: Any, where: Any) -> Any:
        """Put the members' representations side by side, each by its weight and mean length."""
        blocks = []
        for weight, member in zip(self.weights, self.members, strict=True):
            if weight:
                block = member.represent(X, where)
                squares = block.multiply(block) if sp.issparse(block) else block**2
                length = np.sqrt(squares.sum() / block.shape[0])
                blocks.append(block * (np.sqrt(weight) / length if length else 1.0))
        if any(sp.issparse(block) for block in blocks):
            return sp.hstack(blocks, format="csr")
        return np.hstack(blocks)


def _check_weights(weights: Any, n_teachers: int) -> np.ndarray:
    if weights is None:
        return np.full(n_teachers, 1.0 / n_teachers)
    w = np.asarray(weights, dtype=np.float64)
    if w.shape != (n_teachers,):
        raise ValueError(
            f"weights must be one number for each of the {n_teachers} teachers, got {weights!r}."
        )
    if not np.isfinite(w).all() or (w < 0).any() or w.sum() == 0:
        raise ValueError(f"weights must be finite, at least 0 and not all 0, got {weights!r}.")
    return w / w.sum()
