"""The kinds of knowledge beyond the response, and how a name becomes one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from numbers import Integral
from typing import Any

from sklearn.base import BaseEstimator

from skdistill._validation import check_choice, check_integer, check_real
from skdistill.hints import RELATION_MEASURES


class FeatureKnowledge(BaseEstimator):
    """What a teacher makes of the rows on the way to its outputs, as a hint for the student [1]_.

    The representation is centred, reduced to its principal components, and scaled so that their
    variances sum to one. A student meets it in squared error, half of ``||t - s||**2`` a row.

    Parameters
    ----------
    weight : float, default=0.1
        Weight in the student's loss against that of the response, above zero. The default is
        small, as larger ones compete with the response for the same splits and units; which is
        best differs by data.
    representation : "auto", str, int or callable, default="auto"
        What represents the rows. "auto" is what the teacher itself offers: the last hidden layer
        of a net, the leaves of the trees of an ensemble. A number or another name is a layer of
        it; see :meth:`skdistill.teachers.Teacher.represent`. A function of X returns an array or
        sparse matrix of shape (n_samples, n_columns); it is taken as it is in all folds of the
        search, so that it should not have been fitted to y.
    n_components : int, default=16
        At most so many principal components. Hidden layers and leaves of tabular teachers vary
        along few directions; more make a student slower.

    See Also
    --------
    RelationKnowledge : Distances between rows in place of features.

    References
    ----------
    .. [1] Romero, A., Ballas, N., Kahou, S. E., Chassang, A., Gatta, C., Bengio, Y. (2015).
       FitNets: Hints for Thin Deep Nets. ICLR. arXiv:1412.6550.

    Examples
    --------
    >>> from sklearn.datasets import load_breast_cancer
    >>> from sklearn.neural_network import MLPClassifier
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> from skdistill import DistilledClassifier
    >>> from skdistill.knowledge import FeatureKnowledge
    >>> X, y = load_breast_cancer(return_X_y=True)
    >>> net = MLPClassifier((50, 20), solver="lbfgs", max_iter=1000, random_state=0)
    >>> teacher = make_pipeline(StandardScaler(), net).fit(X, y)
    >>> knowledge = ["response", FeatureKnowledge(representation=0, n_components=4)]
    >>> student = DistilledClassifier(
    ...     teacher, student="tree", knowledge=knowledge, search_budget=0, random_state=0
    ... ).fit(X, y)
    >>> student.distillation_.knowledge[0]["n_columns"]
    4
    """

    kind = "feature"

    def __init__(
        self,
        *,
        weight: float = 0.1,
        representation: str | int | Callable[[Any], Any] = "auto",
        n_components: int = 16,
    ) -> None:
        self.weight = weight
        self.representation = representation
        self.n_components = n_components

    def check(self) -> None:
        """Check the parameters.

        Raises
        ------
        TypeError, ValueError
            If one is invalid.
        """
        check_real(self.weight, "weight of FeatureKnowledge", minimum=0.0, strict=True)
        check_integer(self.n_components, "n_components", minimum=1)
        _check_representation(self.representation)


class RelationKnowledge(BaseEstimator):
    """How a teacher relates the rows to each other: their distances and angles [1]_, [2]_.

    The rows are embedded so that inner products are those of the teacher's representation, by
    the Nystroem method (:func:`skdistill.hints.landmark_embedding`). For ensembles of trees the
    inner product is the proximity: the share of trees in which two rows meet in a leaf. The mlp
    compares distances and angles within its batches (:func:`skdistill.hints.rkd_distance`,
    :func:`skdistill.hints.rkd_angle`), or similarities (:func:`skdistill.hints.similarity_loss`);
    other students learn the embedding like features.

    Parameters
    ----------
    weight : float, default=0.1
        As for :class:`FeatureKnowledge`.
    representation : "auto", str, int or callable, default="auto"
        As for :class:`FeatureKnowledge`.
    n_landmarks : int, default=64
        Rows that all others are compared with. A hidden layer of at most so many units is
        embedded exactly.
    measure : {"distance", "similarity"}, default="distance"
        How the hidden layer of an mlp is compared with the embedding: by distances and angles
        [1]_, or by the inner products of all pairs of rows, each row of them scaled to length one
        [2]_. Other students have no such layer, and refuse "similarity".

    See Also
    --------
    FeatureKnowledge : The features themselves.

    References
    ----------
    .. [1] Park, W., Kim, D., Lu, Y., Cho, M. (2019). Relational Knowledge Distillation. CVPR.
       arXiv:1904.05068.
    .. [2] Tung, F., Mori, G. (2019). Similarity-Preserving Knowledge Distillation. ICCV.
       arXiv:1907.09682.

    Examples
    --------
    >>> from sklearn.datasets import load_breast_cancer
    >>> from sklearn.ensemble import RandomForestClassifier
    >>> from skdistill import DistilledClassifier
    >>> from skdistill.knowledge import RelationKnowledge
    >>> X, y = load_breast_cancer(return_X_y=True)
    >>> teacher = RandomForestClassifier(30, random_state=0).fit(X, y)
    >>> knowledge = ["response", RelationKnowledge(n_landmarks=20)]
    >>> student = DistilledClassifier(
    ...     teacher, student="tree", knowledge=knowledge, search_budget=0, random_state=0
    ... ).fit(X, y)
    >>> student.distillation_.knowledge[0]["kind"]
    'relation'
    """

    kind = "relation"

    def __init__(
        self,
        *,
        weight: float = 0.1,
        representation: str | int | Callable[[Any], Any] = "auto",
        n_landmarks: int = 64,
        measure: str = "distance",
    ) -> None:
        self.weight = weight
        self.representation = representation
        self.n_landmarks = n_landmarks
        self.measure = measure

    def check(self) -> None:
        """Check the parameters.

        Raises
        ------
        TypeError, ValueError
            If one is invalid.
        """
        check_real(self.weight, "weight of RelationKnowledge", minimum=0.0, strict=True)
        check_integer(self.n_landmarks, "n_landmarks", minimum=2)
        check_choice(self.measure, "measure", RELATION_MEASURES)
        _check_representation(self.representation)


Knowledge = FeatureKnowledge | RelationKnowledge

_KINDS: dict[str, type[FeatureKnowledge] | type[RelationKnowledge]] = {
    "feature": FeatureKnowledge,
    "relation": RelationKnowledge,
}


def resolve_knowledge(knowledge: Any) -> tuple[Knowledge, ...]:
    """Turn the parameter ``knowledge`` into the kinds that come beside the response.

    Parameters
    ----------
    knowledge : str or sequence
        "response", or a list with "response" and any of "feature", "relation" (with their
        defaults) or a `FeatureKnowledge` and a `RelationKnowledge`.

    Returns
    -------
    kinds : tuple of FeatureKnowledge or RelationKnowledge
        Empty for the response alone.

    Raises
    ------
    TypeError, ValueError
        If it is something else, "response" is missing, a kind comes twice, or one of its
        parameters is invalid.

    Examples
    --------
    >>> from skdistill.knowledge import resolve_knowledge
    >>> resolve_knowledge("response")
    ()
    >>> resolve_knowledge(["response", "relation"])
    (RelationKnowledge(),)
    """
    if isinstance(knowledge, str) and knowledge == "response":
        return ()
    if not isinstance(knowledge, Sequence) or isinstance(knowledge, str):
        raise ValueError(
            "knowledge must be 'response', or a list with 'response' and any of "
            f"{sorted(_KINDS)}, FeatureKnowledge(...) or RelationKnowledge(...), such as "
            f"['response', 'feature']; got {knowledge!r}."
        )
    kinds = [_resolve_one(entry) for entry in knowledge if not _is_response(entry)]
    if len(kinds) == len(knowledge):
        raise ValueError(
            f"knowledge={knowledge!r} lacks 'response', without which a student learns nothing to "
            "predict; add it to the list."
        )
    names = [kind.kind for kind in kinds]
    if len(set(names)) < len(names) or len(knowledge) - len(kinds) > 1:
        raise ValueError(f"knowledge={knowledge!r} names a kind twice; give each once.")
    for kind in kinds:
        kind.check()
    return tuple(kinds)


def needs_teacher(kinds: Sequence[Knowledge]) -> bool:
    """Tell whether a teacher is asked for the representation of some kind."""
    return any(not callable(kind.representation) for kind in kinds)


def _is_response(entry: Any) -> bool:
    return isinstance(entry, str) and entry == "response"


def _resolve_one(entry: Any) -> Knowledge:
    if isinstance(entry, FeatureKnowledge | RelationKnowledge):
        return entry
    if isinstance(entry, str) and entry in _KINDS:
        return _KINDS[entry]()
    raise ValueError(
        f"knowledge has the entry {entry!r}; it may hold 'response', {sorted(_KINDS)}, "
        "FeatureKnowledge(...) and RelationKnowledge(...)."
    )


def _check_representation(value: Any) -> None:
    is_index = isinstance(value, Integral) and not isinstance(value, bool)
    if not (is_index or isinstance(value, str) or callable(value)):
        raise TypeError(
            "representation must be 'auto', the name or index of a layer, or a function of X, "
            f"got {value!r}."
        )
