"""One small decision tree that learns soft targets."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any, ClassVar

import numpy as np
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from skdistill._validation import check_bool, check_choice, check_integer, check_real
from skdistill.hints import Hints
from skdistill.losses import DistillationLoss
from skdistill.students._base import BaseStudent
from skdistill.students._hinted import HintedClassifier, HintedRegressor
from skdistill.students._hints import structure_columns
from skdistill.students._real_rows import RealRows
from skdistill.students._tree.leaf_fit import TreeTargets, fit_leaves, predict_leaves
from skdistill.students._tree.nodes import Nodes
from skdistill.students._tree.search import grow_tree
from skdistill.students._tree.settings import Settings, choose_settings, grid, is_worth_choosing
from skdistill.students._weights import one_row
from skdistill.targets import mix_targets


class _TreeStudent(BaseStudent):
    """Parameters, growth and size, the same for classes and values."""

    _layout: ClassVar[str] = "ordered"
    _relation_measures: ClassVar[tuple[str, ...]] = ("distance",)

    def __init__(
        self,
        *,
        max_leaf_nodes: int = 16,
        max_depth: int | None = None,
        min_samples_leaf: int | str = "auto",
        shrinkage: float | str = "auto",
        ccp_alpha: float | str = "auto",
        leaf: str = "constant",
        refine: bool = True,
        random_state: Any = None,
    ) -> None:
        self.max_leaf_nodes = max_leaf_nodes
        self.max_depth = max_depth
        self.min_samples_leaf = min_samples_leaf
        self.shrinkage = shrinkage
        self.ccp_alpha = ccp_alpha
        self.leaf = leaf
        self.refine = refine
        self.random_state = random_state

    @property
    def n_leaves_(self) -> int:
        """Number of leaves, at most `max_leaf_nodes`."""
        check_is_fitted(self)
        return len(self.tree_.value)

    @property
    def n_parameters_(self) -> int:
        """Number of thresholds of the splits, and of values or coefficients of the leaves."""
        check_is_fitted(self)
        n_parameters = self.tree_.threshold.size + self.tree_.value.size
        if self.leaves_ is not None:
            n_parameters += self.leaves_.intercept.size + self.leaves_.slope.size
        return int(n_parameters)

    def get_depth(self) -> int:
        """Return the depth of the tree.

        Returns
        -------
        depth : int
            Number of splits on the longest way from the root to a leaf.
        """
        check_is_fitted(self)
        return self.tree_.depth()

    def apply(self, X: Any) -> np.ndarray:
        """Return the index of the leaf of each row.

        Parameters
        ----------
        X : {array-like, DataFrame} of shape (n_samples, n_features)
            Rows like those of `fit`.

        Returns
        -------
        leaf : ndarray of shape (n_samples,), dtype int32
            Indices in ``[0, n_leaves_)``.
        """
        return self.tree_.apply(self._encode(X))

    def _check_params(self) -> None:
        check_integer(self.max_leaf_nodes, "max_leaf_nodes", minimum=2)
        for name in ("min_samples_leaf", "shrinkage", "ccp_alpha"):
            value = getattr(self, name)
            if isinstance(value, str):
                if value != "auto":
                    raise ValueError(f"{name} must be 'auto' or a number, got {value!r}.")
            elif name == "min_samples_leaf":
                check_integer(value, name, minimum=1)
            else:
                check_real(value, name, minimum=0.0)
        check_choice(self.leaf, "leaf", ["constant", "linear"])
        check_bool(self.refine, "refine")
        if self.max_depth is not None:
            check_integer(self.max_depth, "max_depth", minimum=1)

    def _fit_tree(
        self,
        Z: np.ndarray,
        targets: TreeTargets,
        weight: np.ndarray,
        real: RealRows,
        *,
        hard: bool,
        hints: Hints | None,
    ) -> None:
        """Choose the settings, grow the tree and fit its leaves; `hard` tells of hard labels."""
        # From here on a row of shares weighs one too: next to rounding nothing may be too light.
        weight = weight / one_row(weight)
        if hints is not None:
            targets = targets.with_hints(structure_columns(hints, weight))
        settings = self._choose(Z, targets, weight, real, hard=hard)
        linear = self.leaf == "linear"
        nodes = self._grow_on(Z, targets, weight, settings.min_samples_leaf, search=self.refine)
        self.tree_, self.leaves_, self.leaf_shares_ = fit_leaves(
            nodes,
            Z,
            targets,
            weight,
            ccp_alpha=settings.ccp_alpha,
            strength=settings.shrinkage,
            linear=linear,
        )
        used = np.unique(self.tree_.feature)
        self.missing_features_ = used[[bool(np.isnan(Z[:, j]).any()) for j in used]]
        if not linear:  # linear leaves read all columns
            self._encoder.keep_only(self.tree_.feature, self.tree_.threshold)
        self.min_samples_leaf_ = settings.min_samples_leaf
        self.shrinkage_, self.ccp_alpha_ = settings.shrinkage, settings.ccp_alpha

    def _choose(
        self, Z: np.ndarray, targets: TreeTargets, weight: np.ndarray, real: RealRows, *, hard: bool
    ) -> Settings:
        """Choose the settings that are "auto" on the real rows, if these are worth it."""
        compared = grid(
            self.min_samples_leaf,
            self.ccp_alpha,
            self.shrinkage,
            hard=hard,
            linear=self.leaf == "linear",
        )
        if len(compared.all()) == 1 or not is_worth_choosing(len(real), self.max_leaf_nodes):
            return compared.default()
        grow = partial(self._grow_on, search=False)
        rng = np.random.default_rng(self._seed())
        return choose_settings(compared, grow, Z, targets, weight, real, rng=rng)

    def _seed(self) -> int:
        return int(check_random_state(self.random_state).randint(np.iinfo(np.int32).max))

    def _grow_on(
        self,
        Z: np.ndarray,
        targets: TreeTargets,
        weight: np.ndarray,
        min_weight: float,
        *,
        search: bool,
    ) -> Nodes:
        """Grow a tree with empty leaves, and search for a better one."""
        return grow_tree(
            Z,
            targets.structure,
            weight,
            max_leaf_nodes=self.max_leaf_nodes,
            max_depth=self.max_depth,
            min_weight=min_weight,
            cross_entropy=targets.cross_entropy,
            search=search,
            rng=np.random.default_rng(self._seed()),
            n_hints=targets.n_hints,
        )


class TreeStudentClassifier(_TreeStudent, HintedClassifier):
    """A decision tree with few leaves that learns class probabilities from soft targets.

    The tree grows best-first by the squared error to the target probabilities of all classes,
    which for hard labels is CART's Gini criterion [1]_. Under a temperature it grows on softened
    targets, so that the teacher's small probabilities weigh more in the choice of the splits; its
    leaves hold means of the unsoftened targets, so that no temperature flattens the predictions,
    shrunk to those of the nodes above as far as that helps on held-out rows.

    Parameters
    ----------
    max_leaf_nodes : int, default=16
        Most leaves the tree may have: its size. Sixteen can still be read.
    max_depth : int or None, default=None
        Most splits in a row. None leaves the shape to best-first growth, which for a given number
        of leaves is better than a complete tree.
    min_samples_leaf : int or "auto", default="auto"
        Fewest rows in a leaf. A row counts with its sample weight, so that weight two is the same
        as two rows; weights that sum to less than the number of rows are first scaled to a mean
        of one. "auto" chooses 5, 10, 20 or 40 (see Notes); 20 with linear leaves.
    shrinkage : float or "auto", default="auto"
        Strength of hierarchical shrinkage [3]_, in rows: a leaf keeps half of its difference to
        its parent if the parent has that many rows, more if it has more, and so on up to the
        root. With linear leaves it holds back the slopes instead: the squared slopes of columns
        of unit spread weigh as much as that many rows. Zero is none. "auto" chooses among values
        up to 300 (see Notes).
    ccp_alpha : float or "auto", default="auto"
        Cost-complexity pruning: the share of the root's training loss that each leaf must save,
        so that the tree has fewer leaves than allowed where more do not help. "auto" chooses
        0, 0.0003, 0.001 or 0.003 (see Notes); 0 with linear leaves.
    leaf : {"constant", "linear"}, default="constant"
        What a leaf predicts: one vector of probabilities, or those of a ridge-regularised linear
        model of all columns, fitted to the exact soft cross-entropy. On most tables eight linear
        leaves predict better than 64 constant ones, but they are harder to read.
    refine : bool, default=True
        After the greedy growth search for a better tree of that size: in rounds a random part is
        removed, others grow, and the splits that this touches are chosen again for the tree as
        it is [2]_. Before any shrinkage the loss of the training targets is never above that of
        the greedy tree. It takes a few seconds for ten thousand rows; of more than 20,000 rows
        the search looks at a random sample.
    random_state : int, RandomState instance or None, default=None
        Seed of the folds, of samples of many rows, and of the search.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        Sorted labels.
    tree_ : object
        Arrays of the split nodes and leaf values.
    leaves_ : object or None
        With linear leaves the arrays of their models.
    min_samples_leaf_, shrinkage_, ccp_alpha_ : int, float and float
        The settings used: those given, or chosen.
    n_leaves_ : int
        Number of leaves.
    leaf_shares_ : ndarray of shape (n_leaves,)
        Share of the training rows in each leaf, by weight.
    missing_features_ : ndarray of int
        The columns of splits that had missing values in training.
    n_parameters_ : int
        Number of thresholds of the splits, and of values or coefficients of the leaves.
    nbytes_ : int
        Bytes of the pickled student.
    n_features_in_ : int
        Number of input columns.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the input columns, if `X` had string names in `fit`.

    See Also
    --------
    TreeStudentRegressor : The same for real values.

    Notes
    -----
    Missing values are kept: each split sends them to the better side. Categories are ordered by
    their mean target. Numbers are compared in float64.

    What is "auto" is chosen by the log loss in a three-fold cross-validation on the rows with a
    true label, with trees grown greedily on these rows alone: augmented rows resemble the
    held-out ones, and their teacher has seen these. Folds are drawn by row. With fewer than 50
    such rows, or more than 1000 for each leaf allowed, nothing is chosen: a leaf has five rows or
    more, nothing is pruned, and shrinkage is 10 rows for hard labels or linear leaves, else 0. Of
    more than 20,000 such rows as many are drawn to choose on.

    Linear leaves see categories as ranks and missing values as the mean, and each column only
    between its first and last percentile in training: predictions level off outside. Fitting
    them takes one more copy of the encoded rows.

    A teacher's features and relations, given as `hints`, shape the splits alone. Up to six
    principal components of both are further outputs: their squared error counts in growth,
    refinement and search, a variance of one as much as all that splits can save of the targets'
    loss, times its weight. The values of the leaves and the pruning are those of the targets.

    References
    ----------
    .. [1] Breiman, L., Friedman, J. H., Olshen, R. A., Stone, C. J. (1984). Classification and
       Regression Trees. Wadsworth.
    .. [2] Carreira-Perpiñán, M. Á., Tavallali, P. (2018). Alternating Optimization of Decision
       Trees, with Application to Learning Sparse Oblique Trees. NeurIPS.
    .. [3] Agarwal, A., Tan, Y. S., Ronen, O., Singh, C., Yu, B. (2022). Hierarchical Shrinkage:
       improving the accuracy and interpretability of tree-based methods. ICML.

    Examples
    --------
    >>> from sklearn.datasets import load_breast_cancer
    >>> from sklearn.ensemble import RandomForestClassifier
    >>> from skdistill.students import TreeStudentClassifier
    >>> X, y = load_breast_cancer(return_X_y=True)
    >>> teacher = RandomForestClassifier(random_state=0).fit(X, y)
    >>> student = TreeStudentClassifier(max_leaf_nodes=8, random_state=0)
    >>> student.fit(X, y, soft_targets=teacher.predict_proba(X)).n_leaves_
    8
    """

    def _fit_hinted(
        self,
        Z: np.ndarray,
        loss: DistillationLoss,
        weight: np.ndarray,
        real: RealRows,
        hints: Hints | None,
    ) -> None:
        structure = loss.mixed
        if loss.temperature != 1.0:
            structure = mix_targets(loss.softened, loss.codes, loss.weight)
        hard = bool(np.any(loss.weight))
        targets = TreeTargets(structure, loss.mixed, cross_entropy=True)
        self._fit_tree(Z, targets, weight, real, hard=hard, hints=hints)

    def _proba_encoded(self, Z: np.ndarray) -> np.ndarray:
        return predict_leaves(self.tree_, self.leaves_, Z, cross_entropy=True)


class TreeStudentRegressor(_TreeStudent, HintedRegressor):
    """A decision tree with few leaves that learns a teacher's predictions.

    The tree grows best-first by the squared error [1]_. Its leaves hold means of the targets,
    shrunk to those of the nodes above as far as that helps on held-out rows.

    Parameters
    ----------
    max_leaf_nodes : int, default=16
        Most leaves the tree may have: its size. Sixteen can still be read.
    max_depth : int or None, default=None
        Most splits in a row. None leaves the shape to best-first growth, which for a given number
        of leaves is better than a complete tree.
    min_samples_leaf : int or "auto", default="auto"
        Fewest rows in a leaf. A row counts with its sample weight, so that weight two is the same
        as two rows; weights that sum to less than the number of rows are first scaled to a mean
        of one. "auto" chooses 5, 10, 20 or 40 (see Notes); 20 with linear leaves.
    shrinkage : float or "auto", default="auto"
        Strength of hierarchical shrinkage [3]_, in rows: a leaf keeps half of its difference to
        its parent if the parent has that many rows, more if it has more, and so on up to the
        root. With linear leaves it holds back the slopes instead: the squared slopes of columns
        of unit spread weigh as much as that many rows. Zero is none. "auto" chooses among values
        up to 300 (see Notes).
    ccp_alpha : float or "auto", default="auto"
        Cost-complexity pruning: the share of the root's training loss that each leaf must save,
        so that the tree has fewer leaves than allowed where more do not help. "auto" chooses
        0, 0.0003, 0.001 or 0.003 (see Notes); 0 with linear leaves.
    leaf : {"constant", "linear"}, default="constant"
        What a leaf predicts: one value, or a ridge-regularised linear model
        of all columns. On most tables eight linear leaves predict better than 64 constant ones,
        but they are harder to read.
    refine : bool, default=True
        After the greedy growth search for a better tree of that size: in rounds a random part is
        removed, others grow, and the splits that this touches are chosen again for the tree as
        it is [2]_. Before any shrinkage the loss of the training targets is never above that of
        the greedy tree. It takes a few seconds for ten thousand rows; of more than 20,000 rows
        the search looks at a random sample.
    random_state : int, RandomState instance or None, default=None
        Seed of the folds, of samples of many rows, and of the search.

    Attributes
    ----------
    tree_ : object
        Arrays of the split nodes and leaf values.
    leaves_ : object or None
        With linear leaves the arrays of their models.
    min_samples_leaf_, shrinkage_, ccp_alpha_ : int, float and float
        The settings used: those given, or chosen.
    n_leaves_ : int
        Number of leaves.
    leaf_shares_ : ndarray of shape (n_leaves,)
        Share of the training rows in each leaf, by weight.
    missing_features_ : ndarray of int
        The columns of splits that had missing values in training.
    n_parameters_ : int
        Number of thresholds of the splits, and of values or coefficients of the leaves.
    nbytes_ : int
        Bytes of the pickled student.
    n_features_in_ : int
        Number of input columns.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the input columns, if `X` had string names in `fit`.

    See Also
    --------
    TreeStudentClassifier : The same for classes.

    Notes
    -----
    Missing values are kept: each split sends them to the better side. Categories are ordered by
    their mean target. Numbers are compared in float64.

    What is "auto" is chosen by the squared error in a three-fold cross-validation on the rows
    with a true value, with trees grown greedily on these rows alone: augmented rows resemble the
    held-out ones, and their teacher has seen these. Folds are drawn by row. With fewer than 50
    such rows, or more than 1000 for each leaf allowed, nothing is chosen: a leaf has five rows or
    more, nothing is pruned, and shrinkage is 0, or 10 rows with linear leaves. Of more than
    20,000 such rows as many are drawn to choose on.

    Linear leaves see categories as ranks and missing values as the mean, and each column only
    between its first and last percentile in training: predictions level off outside. Fitting
    them takes one more copy of the encoded rows.

    A teacher's features and relations, given as `hints`, shape the splits alone. Up to six
    principal components of both are further outputs: their squared error counts in growth,
    refinement and search, a variance of one as much as all that splits can save of the targets'
    loss, times its weight. The values of the leaves and the pruning are those of the targets.

    References
    ----------
    .. [1] Breiman, L., Friedman, J. H., Olshen, R. A., Stone, C. J. (1984). Classification and
       Regression Trees. Wadsworth.
    .. [2] Carreira-Perpiñán, M. Á., Tavallali, P. (2018). Alternating Optimization of Decision
       Trees, with Application to Learning Sparse Oblique Trees. NeurIPS.
    .. [3] Agarwal, A., Tan, Y. S., Ronen, O., Singh, C., Yu, B. (2022). Hierarchical Shrinkage:
       improving the accuracy and interpretability of tree-based methods. ICML.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from skdistill.students import TreeStudentRegressor
    >>> X, y = load_diabetes(return_X_y=True)
    >>> student = TreeStudentRegressor(max_leaf_nodes=4, random_state=0).fit(X, y)
    >>> student.n_leaves_, student.get_depth()
    (4, 2)
    """

    def _fit_hinted(
        self,
        Z: np.ndarray,
        target: np.ndarray,
        weight: np.ndarray,
        real: RealRows,
        hints: Hints | None,
    ) -> None:
        # In units of its own spread no target is too large or too small; that of all rows, so
        # that what the others differ in is more than rounding beside an outlier.
        middle = target.mean()
        size = np.abs(target - middle).max() or 1.0
        spread = size * (((target - middle) / size).std() or 1.0)
        values = (target - middle)[:, None] / spread
        real = replace(real, truth=(real.truth - middle) / spread)
        targets = TreeTargets(values, values, cross_entropy=False)
        self._fit_tree(Z, targets, weight, real, hard=False, hints=hints)
        if self.leaves_ is None:
            self.tree_ = replace(self.tree_, value=self.tree_.value * spread + middle)
        else:
            self.leaves_ = self.leaves_.rescaled(spread, middle)

    def _predict_encoded(self, Z: np.ndarray) -> np.ndarray:
        return predict_leaves(self.tree_, self.leaves_, Z, cross_entropy=False)[:, 0]
