"""Small sums of trees that are cut out of the teacher's own."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from skdistill._compat import take_rows
from skdistill._ensembles import Source, find_sources
from skdistill._validation import check_integer, check_real
from skdistill.hints import Hints
from skdistill.losses import DistillationLoss
from skdistill.students._base import BaseStudent
from skdistill.students._encoder import TabularEncoder
from skdistill.students._pruned.candidates import CandidateTrees, Subtree
from skdistill.students._pruned.columns import TreeColumns
from skdistill.students._pruned.leaf_values import LeafValues
from skdistill.students._pruned.raw_trees import build_trees, check_routes
from skdistill.students._pruned.score_loss import ClassScores, ScoreLoss, ValueScores
from skdistill.students._pruned.tops import Budget, keep_subtrees
from skdistill.students._real_rows import RealRows
from skdistill.students._scores import class_probabilities, mean_one, prior_scores
from skdistill.students._taught import TaughtClassifier, TaughtRegressor
from skdistill.students._tree_sum import no_trees
from skdistill.students._weights import one_row

# Trees are chosen on at most so many rows, which bounds the memory; leaves are fitted to all.
CHOOSING_ROWS = 20_000

# The penalty of "auto" for values and two classes, the best or close to it on most of twelve real
# sets. It is not chosen on held-out rows: the teacher has seen them, and so the weakest would win.
AUTO_RIDGE = 20.0

# Sweeps of Newton's method over the scores, at most.
FINAL_SWEEPS = 100

# The teacher that a student grows itself where it is given none.
OWN_TEACHER = {
    "max_iter": 100,
    "max_leaf_nodes": 15,
    "l2_regularization": 5.0,
    "early_stopping": False,
}


class _Pruned(BaseStudent):
    """Parameters and training that the classifier and the regressor share."""

    def __init__(
        self,
        *,
        max_total_leaves: int = 155,
        min_samples_leaf: int = 10,
        reg_lambda: float | str = "auto",
        random_state: Any = None,
    ) -> None:
        self.max_total_leaves = max_total_leaves
        self.min_samples_leaf = min_samples_leaf
        self.reg_lambda = reg_lambda
        self.random_state = random_state

    @property
    def n_leaves_(self) -> int:
        """Number of leaves of all trees together, at most `max_total_leaves`."""
        check_is_fitted(self)
        return len(self.trees_.value)

    def _check_params(self) -> None:
        check_integer(self.max_total_leaves, "max_total_leaves", minimum=2)
        check_integer(self.min_samples_leaf, "min_samples_leaf", minimum=1)
        if isinstance(self.reg_lambda, str):
            if self.reg_lambda != "auto":
                raise ValueError(f"reg_lambda must be 'auto' or a number, got {self.reg_lambda!r}.")
        else:
            check_real(self.reg_lambda, "reg_lambda", minimum=0.0)

    def _prune(
        self,
        X: Any,
        loss: ScoreLoss,
        init: np.ndarray,
        weight: np.ndarray,
        sources: list[Source],
    ) -> None:
        """Choose trees on a part of the rows, and fit their leaves to all of them."""
        self.trees_, self.init_, self._encoder = no_trees(), init, TreeColumns((), ())
        self.reg_lambda_ = self._ridge(loss.n_scores)
        if not sources:
            return
        part, some = self._sample_rows(X, len(weight))
        part_loss = loss.take(some)
        budget = Budget(self.max_total_leaves, self._least_weight(weight, loss.weight))
        candidates = CandidateTrees.read(sources, part)
        kept, leaves = keep_subtrees(candidates, part_loss, init, budget, self.reg_lambda_)
        if not kept:
            return
        trees, self._encoder = build_trees(candidates, kept, leaves.outputs, part, part_loss.weight)
        starts = np.cumsum([0, *(len(subtree.leaves) for subtree in kept)])[:-1]
        codes = trees.apply(self._encoder.transform(X))
        check_routes(codes[some], candidates, kept, starts)
        refitted = _refit(loss, leaves, kept, (codes - starts).astype(np.int32))
        self.trees_ = trees.with_values(np.concatenate(refitted.values))
        self.init_ = refitted.init

    def _ridge(self, n_scores: int) -> float:
        """Settle the penalty; the curvature of a score shrinks with the share of its class."""
        if isinstance(self.reg_lambda, str):
            return AUTO_RIDGE if n_scores == 1 else 2.0 * AUTO_RIDGE / n_scores
        return float(self.reg_lambda)

    def _sample_rows(self, X: Any, n_rows: int) -> tuple[Any, np.ndarray]:
        """Draw rows to choose trees on; all of them where there are not too many."""
        if n_rows <= CHOOSING_ROWS:
            return X, np.arange(n_rows)
        rng = check_random_state(self.random_state)
        rows = np.sort(rng.choice(n_rows, CHOOSING_ROWS, replace=False))
        return take_rows(X, rows), rows

    def _least_weight(self, weight: np.ndarray, relative: np.ndarray) -> float:
        """Compute the least weight of a leaf in the unit of the relative weights."""
        n_rows = min(self.min_samples_leaf, max(1, len(weight) // 10))
        return n_rows * one_row(weight) * float(relative[0] / weight[0])

    def _grow(
        self,
        model: Any,
        X: Any,
        response: np.ndarray,
        weight: np.ndarray,
        real: RealRows,
        truth: np.ndarray,
    ) -> list[Source]:
        """Grow trees on the real rows; categories are ranked by the mean response of all rows."""
        encoder = TabularEncoder("ordered")
        Z = encoder.fit_transform(X, response, weight)
        least = min(20, max(1, len(real) // 10))
        model.set_params(min_samples_leaf=least, random_state=self.random_state)
        model.fit(Z[real.rows], truth, sample_weight=mean_one(real.weight))
        return [
            Source(source.name, source.forest, encoder.transform)
            for source in find_sources(model, missing_ok=True)
        ]

    def _scores(self, Z: np.ndarray) -> np.ndarray:
        return self.trees_.scores(Z, self.init_)


class PrunedStudentClassifier(_Pruned, TaughtClassifier):
    """Small sum of trees, cut out of the teacher's own, that learns class probabilities.

    A few tops of the teacher's trees are kept, and the values of their leaves are fitted anew, all
    together, to the combined distillation loss. Which tops: for the gradient at the current
    predictions, dynamic programming finds the best top of every tree at every size; the one that
    lowers the loss most per leaf is kept, the leaves of its class are fitted together again, and
    so on until the leaves are used up. The ideas are those of level-wise pruning (LOP) [1]_,
    ForestPrune [2]_ and the global refinement of forests [3]_.

    Parameters
    ----------
    max_total_leaves : int, default=155
        Budget: no fitted student has more leaves, all trees together. As in
        `BoostingStudentClassifier` a leaf is one number: a tree adds to the margin of two
        classes, or to the score of one of several.
    min_samples_leaf : int, default=10
        Least number of rows in a leaf, but never more than a tenth of the training rows.
    reg_lambda : float or "auto", default="auto"
        Penalty of the squares of the leaves' values, with weights of mean one. "auto" is 20 for
        two classes and 40 divided by their number for more, whose scores have less curvature.
        Without soft targets more, such as 80, is often better.
    random_state : int, RandomState instance or None, default=None
        Draws the 20000 rows that trees are chosen on where there are more, and seeds the trees that
        it grows itself; void otherwise.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        Sorted labels.
    trees_ : TreeSum
        The trees: arrays of splits and leaves.
    init_ : ndarray of shape (1,) or (n_classes,)
        What the trees are added to: the margin of the second of two classes, or logits.
    reg_lambda_ : float
        The penalty used.
    n_leaves_ : int
        Leaves of all trees together.
    nbytes_ : int
        Bytes of the pickled student.
    n_features_in_ : int
        Number of input columns.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the input columns, if `X` had string names in `fit`.

    See Also
    --------
    PrunedStudentRegressor : The same for real values.
    BoostingStudentClassifier : Grows its own trees, for teachers without.

    Notes
    -----
    Without a teacher `fit` grows 100 trees of histogram boosting on the labelled rows, and prunes
    these. The student runs alone on raw tables. Where the teacher is a Pipeline, each split of an
    encoded column is translated: numbers get a threshold, categories the set of levels on either
    side. Thresholds move to between neighbouring training values where the encoder changes
    numbers.

    At most 300 trees are looked at, evenly spaced over those of the teacher, down to six splits
    below the root. Memory is twelve bytes for each of them and each of at most 20000 rows, and
    four for each kept tree and each row.

    The penalty is not chosen on held-out rows with a true label. The teacher has seen them, in its
    trees and in its labels of augmented rows, so that the weakest penalty would win.

    References
    ----------
    .. [1] Devos, L., Martens, T., Oruc, D. C., Meert, W., Blockeel, H., Davis, J. (2025).
       Compressing Tree Ensembles through Level-wise Optimization and Pruning. ICML.
    .. [2] Liu, B., Mazumder, R. (2023). ForestPrune: Compact Depth-Pruned Tree Ensembles. AISTATS.
    .. [3] Ren, S., Cao, X., Wei, Y., Sun, J. (2015). Global Refinement of Random Forest. CVPR.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.ensemble import RandomForestClassifier
    >>> from skdistill.students import PrunedStudentClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> teacher = RandomForestClassifier(random_state=0).fit(X, y)
    >>> student = PrunedStudentClassifier(max_total_leaves=30, random_state=0)
    >>> student = student.fit(X, y, soft_targets=teacher.predict_proba(X), teacher=teacher)
    >>> student.n_leaves_ <= 30, bool(student.score(X, y) > 0.9)
    (True, True)
    """

    def _fit_rows(
        self,
        X: Any,
        loss: DistillationLoss,
        weight: np.ndarray,
        real: RealRows,
        *,
        teacher: Any,
        hints: Hints | None,
    ) -> None:
        if teacher is None:
            truth = real.truth.argmax(axis=1)
            model = HistGradientBoostingClassifier(**OWN_TEACHER)
            # One class leaves nothing to be grown.
            sources = (
                [] if np.ptp(truth) == 0 else self._grow(model, X, loss.mixed, weight, real, truth)
            )
        else:
            sources = find_sources(teacher)
        scores = ClassScores(loss, mean_one(weight))
        self._prune(X, scores, prior_scores(loss.mixed, weight), weight, sources)

    def _proba_encoded(self, Z: Any) -> np.ndarray:
        return class_probabilities(self._scores(Z))


class PrunedStudentRegressor(_Pruned, TaughtRegressor):
    """Small sum of trees, cut out of the teacher's own, that learns its predictions.

    A few tops of the teacher's trees are kept, and the values of their leaves are fitted anew, all
    together, to the mixture of its predictions and the true values; see
    :class:`PrunedStudentClassifier` for how they are chosen.

    Parameters
    ----------
    max_total_leaves : int, default=155
        Budget: no fitted student has more leaves, all trees together.
    min_samples_leaf : int, default=10
        Least number of rows in a leaf, but never more than a tenth of the training rows.
    reg_lambda : float or "auto", default="auto"
        Penalty of the squares of the leaves' values, in standard deviations of the target and
        with weights of mean one. "auto" is 20. Where the true values have little noise, less is
        better.
    random_state : int, RandomState instance or None, default=None
        Draws the 20000 rows that trees are chosen on where there are more, and seeds the trees that
        it grows itself; void otherwise.

    Attributes
    ----------
    trees_ : TreeSum
        The trees: arrays of splits and leaves, in standard deviations of the target.
    init_ : ndarray of shape (1,)
        What the trees are added to.
    centre_, scale_ : float
        Predictions are `centre_` plus `scale_` times the sum.
    reg_lambda_ : float
        The penalty used.
    n_leaves_ : int
        Leaves of all trees together.
    nbytes_ : int
        Bytes of the pickled student.
    n_features_in_ : int
        Number of input columns.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the input columns, if `X` had string names in `fit`.

    See Also
    --------
    PrunedStudentClassifier : The same for classes, with notes and references.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from sklearn.ensemble import RandomForestRegressor
    >>> from skdistill.students import PrunedStudentRegressor
    >>> X, y = load_diabetes(return_X_y=True)
    >>> teacher = RandomForestRegressor(random_state=0).fit(X, y)
    >>> student = PrunedStudentRegressor(max_total_leaves=60, random_state=0)
    >>> student.fit(X, y, soft_targets=teacher.predict(X), teacher=teacher).n_leaves_ <= 60
    True
    """

    def _fit_rows(
        self,
        X: Any,
        target: np.ndarray,
        weight: np.ndarray,
        real: RealRows,
        *,
        teacher: Any,
        hints: Hints | None,
    ) -> None:
        if teacher is None:
            model = HistGradientBoostingRegressor(**OWN_TEACHER)
            sources = self._grow(model, X, target[:, None], weight, real, real.truth)
        else:
            sources = find_sources(teacher)
        relative = mean_one(weight)
        self.centre_ = float(np.average(target, weights=weight))
        self.scale_ = _spread(target - self.centre_, relative)
        scores = ValueScores(target, relative, self.centre_, self.scale_)
        self._prune(X, scores, np.zeros(1), weight, sources)

    def _predict_encoded(self, Z: Any) -> np.ndarray:
        return np.asarray(self.centre_ + self.scale_ * self._scores(Z)[:, 0])


def _refit(
    loss: ScoreLoss, chosen: LeafValues, kept: list[Subtree], codes: np.ndarray
) -> LeafValues:
    """Fit all leaves to all rows, from where the choice of trees left them."""
    leaves = LeafValues(loss, chosen.init, chosen.ridge)
    for t, subtree in enumerate(kept):
        leaves.add(chosen.outputs[t], codes[:, t], len(subtree.leaves))
    leaves.refit(list(range(loss.n_scores)), max_sweeps=FINAL_SWEEPS)
    return leaves


def _spread(centred: np.ndarray, weight: np.ndarray) -> float:
    """Compute the standard deviation; one for a constant."""
    reach = float(np.abs(centred).max()) or 1.0  # squares of huge values are infinite
    return reach * float(np.sqrt(np.average((centred / reach) ** 2, weights=weight))) or 1.0
