"""Several teachers as one: the weighted mean of what they say."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from sklearn.exceptions import NotFittedError
from sklearn.utils import check_random_state

from skdistill._compat import num_samples
from skdistill._validation import check_choice, check_real
from skdistill.teachers._alignment import align_columns
from skdistill.teachers._base import Teacher
from skdistill.teachers._fingerprint import fingerprint
from skdistill.teachers._pooling import average, disagreement, known_classes, pool, spread
from skdistill.teachers._representation import join_blocks
from skdistill.teachers._weighing import check_weights, learn_weights


class EnsembleTeacher(Teacher):
    """The weighted mean of the probabilities, or predictions, of several teachers.

    Parameters
    ----------
    teachers : sequence
        Two forms may be mixed: adapters, and anything that `as_teacher` takes.
    weights : array-like of shape (n_teachers,), "auto" or None, default=None
        Weight of each teacher, at least 0 and not all 0; they are scaled to sum to one. None
        weights all alike. "auto" learns them: those with the least log loss, or squared error, on
        rows that the teachers have not seen. Where a student is distilled, these are the
        out-of-fold labels of copies of the teachers, at the cost of `cv` more fits of each; for
        teachers that cannot be refitted see `learn_weights`.
    scale : {"probability", "log"}, default="probability"
        "probability" is the arithmetic mean [1]_: a class is likely if some teacher finds it
        likely. "log" is the geometric mean, scaled to sum to one, the softmax of averaged logits:
        it is surer where teachers agree, and a class is unlikely if some teacher finds it so. A
        probability counts as at least 1e-6 there. In regression there is no such choice.
    distrust : float, default=0.0
        How much less rows count for the student where the teachers disagree. Their disagreement d
        is the variance of what they say of a row, summed over the classes; the teachers' part of
        the row's loss is divided by ``1 + distrust * d / mean(d)``, and scaled so that the rows
        count as much together as before. It is then what weighted least squares gives labels
        with the variance ``d + mean(d) / distrust``. 0 lets all rows count alike.

    Raises
    ------
    TypeError, ValueError
        If a teacher or parameter is invalid, or `distrust` cannot act: there is one teacher.

    Notes
    -----
    Probabilities are aligned by label before they are averaged. On the probability scale a teacher
    that does not know a class gives it a probability of zero. On the log scale it abstains: it
    only tells how the classes that it knows compare to each other, and the class gets what the
    other teachers say of it, by their weights; learned weights are at least 1e-6 there. To abstain
    is not to disagree.

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

    Weights learned on rows that the teachers have not seen:

    >>> members = [LogisticRegression(max_iter=500, C=c).fit(X[::2], y[::2]) for c in (1e-4, 1.0)]
    >>> teacher = EnsembleTeacher(members, weights="auto", scale="log")
    >>> teacher.learn_weights(X[1::2], y[1::2]).weights.round(2)
    array([0., 1.])
    """

    def __init__(
        self,
        teachers: Sequence[Any],
        *,
        weights: Sequence[float] | np.ndarray | str | None = None,
        scale: str = "probability",
        distrust: float = 0.0,
    ) -> None:
        from skdistill.teachers._resolve import adapt  # it makes ensembles of nested lists

        if not isinstance(teachers, list | tuple) or not teachers:
            raise ValueError(f"teachers must be a list of at least one teacher, got {teachers!r}.")
        self.members: list[Teacher] = [adapt(teacher) for teacher in teachers]
        self._weights = check_weights(weights, len(self.members))
        self.scale = check_choice(scale, "scale", ("probability", "log"))
        self.distrust = check_real(distrust, "distrust", minimum=0)
        self.name = " + ".join(member.name for member in self.members)
        _check_nested(self.members)
        if self.distrust and len(self.members) == 1:
            raise ValueError(
                f"distrust={distrust!r} has no effect with a single teacher, which disagrees with "
                "nobody; give several, or distrust=0."
            )

    @property
    def weights(self) -> np.ndarray:
        """Weights of the members, which sum to one (NotFittedError if they are to be learned)."""
        if self._weights is None:
            raise NotFittedError(
                f"teacher {self.name} has weights='auto', which are not learned yet; call "
                "learn_weights with rows that no member has seen."
            )
        return self._weights

    @property
    def has_fitted_members(self) -> bool:
        """Whether all members can label rows."""
        return all(member.is_fitted for member in self.members)

    @property
    def columns(self) -> np.ndarray | None:
        """Sorted labels of all members; None if no member has labels, or one is not fitted."""
        known = [member.classes for member in self.members]
        labels = [classes for classes in known if classes is not None]
        if not labels or not self.has_fitted_members:
            return None
        return np.unique(np.concatenate(labels))

    @property
    def is_fitted(self) -> bool:
        """Whether all members can label rows, and their weights are known."""
        return self.has_fitted_members and self._weights is not None

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
        if task == "regression" and self.scale == "log":
            raise ValueError(
                f"teacher {self.name} has scale='log', a mean of logarithms of probabilities, "
                "which regression does not have; give scale='probability'."
            )
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
        return self._with(members, self._weights)

    def check_features(self, X: Any) -> None:
        """Check the columns of `X` against those of every member."""
        for member in self.members:
            member.check_features(X)

    def fingerprint(self) -> str:
        """Compute a key of the members' keys, their weights and the scale."""
        keys = [member.fingerprint() for member in self.members]
        return fingerprint((keys, self._weights, self.scale), self.name)

    def refit(
        self,
        X: Any,
        y: Any,
        sample_weight: np.ndarray | None = None,
        *,
        random_state: int | np.random.RandomState | None = None,
    ) -> EnsembleTeacher:
        """Fit fresh copies of all members; weights stay as they are (see `Teacher.refit`)."""
        # One generator for all: members of the same kind must not be copies of each other.
        rng = None if random_state is None else check_random_state(random_state)
        members = [member.refit(X, y, sample_weight, random_state=rng) for member in self.members]
        return self._with(members, self._weights)

    def learn_weights(self, X: Any, y: Any, sample_weight: Any = None) -> EnsembleTeacher:
        """Learn weights on rows that no member has seen; this teacher stays as it is.

        Rows that members were fitted to favour the one that has memorised most.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows, in the form the members take.
        y : array-like of shape (n_samples,)
            Labels or numbers.
        sample_weight : array-like of shape (n_samples,) or None, default=None
            Weights of the rows.

        Returns
        -------
        teacher : EnsembleTeacher
            With the same members, and the weights of the least log loss or squared error.

        Raises
        ------
        NotFittedError
            If a member is not fitted.
        ValueError
            If y holds labels that no member knows.
        """
        columns = self._label_columns(np.asarray(y))
        if columns is None:
            labels = [member.predict(X) for member in self.members]
        else:
            labels = [member.predict_proba(X, columns) for member in self.members]
        return self.weigh(labels, y, classes=columns, sample_weight=sample_weight)

    def weigh(
        self,
        labels: Sequence[np.ndarray],
        y: Any,
        *,
        classes: np.ndarray | None,
        sample_weight: Any = None,
    ) -> EnsembleTeacher:
        """Learn weights from labels of the members, such as out-of-fold ones (`learn_weights`)."""
        known = None if classes is None else self._known(classes)
        options = {"scale": self.scale, "name": self.name}
        learned = learn_weights(labels, y, sample_weight, classes=classes, known=known, **options)
        return self._with(self.members, learned)

    def label_with_disagreement(
        self, X: Any, classes: np.ndarray | None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Label rows, and tell how far the members disagree on them.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows, in the form the members take.
        classes : ndarray of shape (n_classes,) or None
            Labels of the columns wanted; None for regression.

        Returns
        -------
        labels : ndarray of shape (n_samples, n_classes) or (n_samples,), dtype float64
            As by `predict_proba` or `predict`.
        disagreement : ndarray of shape (n_samples,), dtype float64
            Variance of what the members say, summed over the classes.
        """
        if classes is None:
            F = np.stack([member.predict(X) for member in self.members])
            return np.tensordot(self.weights, F, axes=1), spread(F, self.weights)
        columns = classes if self.columns is None else self.columns
        P = np.stack([member.predict_proba(X, columns) for member in self.members])
        known, name = self._known(columns), f"predict_proba of teacher {self.name}"
        pooled = pool(P, known, self.weights, scale=self.scale)
        labels = align_columns(pooled, columns, classes, name=name, n_rows=num_samples(X))
        return labels, disagreement(P, known, self.weights)

    def _predict_proba(self, X: Any, classes: np.ndarray) -> np.ndarray:
        columns = classes if self.columns is None else self.columns
        said = (member.predict_proba(X, columns) for member in self.members)
        if self.scale == "log":
            return pool(np.stack(list(said)), self._known(columns), self.weights, scale="log")
        return average(said, self.weights)

    def _predict(self, X: Any) -> np.ndarray:
        return average((member.predict(X) for member in self.members), self.weights)

    def _represent(self, X: Any, where: Any) -> Any:
        weighty = [(w, m) for w, m in zip(self.weights, self.members, strict=True) if w > 0]
        blocks = [member.represent(X, where) for _, member in weighty]
        return join_blocks(blocks, [weight for weight, _ in weighty])

    def _known(self, columns: np.ndarray) -> np.ndarray:
        """Tell which member knows which class."""
        return known_classes([member.classes for member in self.members], columns)

    def _label_columns(self, y: np.ndarray) -> np.ndarray | None:
        """Return the labels of the columns of probabilities; None for regression."""
        if self.columns is not None:
            return self.columns
        try:
            self.check_task("regression")
        except (TypeError, ValueError):
            return np.unique(y)
        return None

    def _check_is_fitted(self) -> None:
        if self.has_fitted_members:
            _ = self.weights  # says so if they are not learned
        super()._check_is_fitted()

    def _with(self, members: list[Teacher], weights: np.ndarray | None) -> EnsembleTeacher:
        """Return an ensemble like this one, of other members or weights."""
        given = "auto" if weights is None else weights
        return EnsembleTeacher(members, weights=given, scale=self.scale, distrust=self.distrust)


def _check_nested(members: list[Teacher]) -> None:
    """Refuse ensembles within an ensemble whose own weights or distrust would not act."""
    for member in members:
        if isinstance(member, EnsembleTeacher) and (member.distrust or member._weights is None):
            raise ValueError(
                f"teacher {member.name} is one of several teachers and has weights='auto' or "
                "distrust itself; give its members to the outer EnsembleTeacher, and these there."
            )
