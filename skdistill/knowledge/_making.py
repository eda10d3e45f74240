"""From a fitted teacher's representation of the transfer rows to hints for the student."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
import scipy.sparse as sp
from sklearn.decomposition import TruncatedSVD

from skdistill._compat import num_samples
from skdistill.hints import Hints, landmark_embedding
from skdistill.knowledge._kinds import Knowledge, RelationKnowledge
from skdistill.teachers import Teacher, check_representation

# Wider representations are reduced by a truncated SVD before their covariance is formed.
MOST_COLUMNS = 512

# The truncated SVD is fitted to at most so many rows: its directions change little with more.
MOST_SVD_ROWS = 10_000

# Components of less than this share of the variance are rounding.
LEAST_SHARE = 1e-10


def make_hints(
    knowledge: Sequence[Knowledge],
    teacher: Teacher | None,
    X: Any,
    weight: np.ndarray,
    rng: np.random.RandomState,
) -> Hints | None:
    """Make hints of what one fitted teacher sees in rows.

    Features of different teachers, as those of cross-fitting, do not align; so one teacher
    represents all rows, also those it was fitted to.

    Parameters
    ----------
    knowledge : sequence of FeatureKnowledge or RelationKnowledge
        What to teach, as :func:`resolve_knowledge` returns it: at most one of each kind.
    teacher : Teacher or None
        A fitted one. None is possible where all representations are functions of X.
    X : array-like with n_rows rows
        The rows of the transfer set, as the teacher takes them.
    weight : ndarray of shape (n_rows,)
        Weights of the rows, not all zero.
    rng : RandomState
        Draws landmarks, and rows for the truncated SVD.

    Returns
    -------
    hints : Hints or None
        None where `knowledge` is empty, or the rows all look the same to the teacher.

    Raises
    ------
    ValueError
        If there is no teacher to ask; :class:`~skdistill.exceptions.TeacherError` where the
        teacher shows nothing of its inside.

    Warns
    -----
    UserWarning
        If the rows all look the same to the teacher, which then teaches the response alone.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.ensemble import RandomForestClassifier
    >>> from skdistill.knowledge import FeatureKnowledge, make_hints
    >>> from skdistill.teachers import as_teacher
    >>> X, y = load_iris(return_X_y=True)
    >>> forest = RandomForestClassifier(20, random_state=0).fit(X, y)
    >>> teacher = as_teacher(forest, task="classification")
    >>> knowledge = [FeatureKnowledge(n_components=5)]
    >>> hints = make_hints(knowledge, teacher, X, np.ones(150), np.random.RandomState(0))
    >>> hints.features.shape
    (150, 5)
    """
    made: dict[str, np.ndarray | None] = {}
    weights: dict[str, float] = {}
    seen: list[tuple[Any, Any]] = []
    for kind in knowledge:
        F = next((F for asked, F in seen if asked == kind.representation), None)
        if F is None:
            F = _represent(kind, teacher, X)
            seen.append((kind.representation, F))
        if isinstance(kind, RelationKnowledge):
            columns = landmark_embedding(F, kind.n_landmarks, weight=weight, rng=rng)
        else:
            columns = _principal_components(F, kind.n_components, weight, rng)
        made[kind.kind] = _scale(columns, weight)
        if made[kind.kind] is None:
            warnings.warn(
                f"knowledge {kind.kind!r} teaches nothing: the rows all look the same in the "
                f"representation {_name(kind.representation)}.",
                UserWarning,
                stacklevel=2,
            )
        weights[kind.kind] = float(kind.weight)
    features, relations = made.get("feature"), made.get("relation")
    if features is None and relations is None:
        return None
    return Hints(
        features,
        weights["feature"] if features is not None else 0.0,
        relations,
        weights["relation"] if relations is not None else 0.0,
        next((k.measure for k in knowledge if isinstance(k, RelationKnowledge)), "distance"),
    )


def describe_hints(knowledge: Sequence[Knowledge], hints: Hints | None) -> list[dict[str, Any]]:
    """Write down as plain data what was taught beside the response.

    Parameters
    ----------
    knowledge : sequence of FeatureKnowledge or RelationKnowledge
        What was asked for.
    hints : Hints or None
        What was made of it.

    Returns
    -------
    kinds : list of dict
        For each "kind", its "representation", its "weight" and the number of its columns,
        "n_columns": zero, where there was nothing to be learned. For relations, too, the
        "measure".
    """
    found = {} if hints is None else {"feature": hints.features, "relation": hints.relations}
    described = []
    for kind in knowledge:
        columns = found.get(kind.kind)
        one = {
            "kind": kind.kind,
            "representation": _name(kind.representation),
            "weight": float(kind.weight),
            "n_columns": 0 if columns is None else int(columns.shape[1]),
        }
        if isinstance(kind, RelationKnowledge):
            one["measure"] = kind.measure
        described.append(one)
    return described


def _name(representation: Any) -> str | int:
    if callable(representation):
        return getattr(representation, "__qualname__", type(representation).__name__)
    return representation if isinstance(representation, str) else int(representation)


def _represent(kind: Knowledge, teacher: Teacher | None, X: Any) -> Any:
    """Ask the user's function, or the teacher, to represent the rows."""
    where = kind.representation
    if callable(where):
        return check_representation(where(X), f"representation {_name(where)}", num_samples(X))
    if teacher is None:
        raise ValueError(
            f"knowledge {kind.kind!r} needs a teacher that represents the rows, but teacher is "
            f"None; give one, or a function of X: {type(kind).__name__}(representation=f)."
        )
    return teacher.represent(X, where=None if isinstance(where, str) and where == "auto" else where)


def _principal_components(
    F: Any, n_components: int, weight: np.ndarray, rng: np.random.RandomState
) -> np.ndarray:
    """Compute the weighted principal components, the largest first; none of no variance."""
    if sp.issparse(F) or F.shape[1] > MOST_COLUMNS:
        F = _truncate(F, n_components, weight, rng)
    share = weight / weight.sum()
    centred = F - share @ F
    values, vectors = np.linalg.eigh(centred.T @ (share[:, None] * centred))
    kept = np.flatnonzero(values > LEAST_SHARE * max(values[-1], 0.0))[::-1][:n_components]
    return np.asarray(centred @ vectors[:, kept])


def _truncate(F: Any, n_components: int, weight: np.ndarray, rng: np.random.RandomState) -> Any:
    """Reduce many columns to those that hold the leading components.

    The columns are not centred, which would fill a sparse matrix. One more component is kept
    than wanted, as the first is mostly the mean.
    """
    if F.shape[1] <= n_components + 1:
        return F.toarray() if sp.issparse(F) else F
    rows = np.flatnonzero(weight)
    if len(rows) > MOST_SVD_ROWS:
        # Drawn by weight, rows need no further one.
        chance = weight[rows] / weight[rows].sum()
        seen = F[np.sort(rng.choice(rows, MOST_SVD_ROWS, replace=False, p=chance))]
    else:
        scale = np.sqrt(weight[rows] / weight.sum())
        seen = sp.diags(scale) @ F[rows] if sp.issparse(F) else scale[:, None] * F[rows]
    return TruncatedSVD(n_components + 1, random_state=rng).fit(seen).transform(F)


def _scale(columns: np.ndarray, weight: np.ndarray) -> np.ndarray | None:
    """Scale columns together so that their variances sum to one; None if there is no variance."""
    share = weight / weight.sum()
    centred = columns - share @ columns
    squares = float((share @ np.square(columns)).sum())
    total = float((share @ np.square(centred)).sum())
    return None if total <= LEAST_SHARE * squares or total == 0.0 else columns / np.sqrt(total)
