"""Additive students: scorecards of binned columns and a few pairs, learned from soft targets."""

from __future__ import annotations

from typing import Any

import numpy as np

from skdistill.hints import Hints
from skdistill.losses import DistillationLoss
from skdistill.students._additive.base import AdditiveStudent
from skdistill.students._additive.fit import FINE, FINEST
from skdistill.students._additive.targets import ClassTarget, ValueTarget
from skdistill.students._mlp.inputs import fit_scale
from skdistill.students._real_rows import RealRows
from skdistill.students._scores import class_probabilities
from skdistill.students._taught import TaughtHintedClassifier, TaughtHintedRegressor


class AdditiveStudentClassifier(AdditiveStudent, TaughtHintedClassifier):
    """Scorecard that learns class probabilities from soft targets.

    A sum of tables: each column is cut into bins that have points, and a few pairs of columns
    have a table of both. Minimises the sum over the rows of the combined distillation loss [1]_
    plus a penalty on the differences between the points of neighbouring bins [2]_.

    Parameters
    ----------
    max_bins : int, default=32
        Most bins of a column; missing values have one more. Half of the cuts are at quantiles, up
        to a quarter where the teacher's trees split if it is given to `fit` and has any, the
        others where a small tree on the column alone would split.
    alpha : float or "auto", default="auto"
        Strength of the penalty: `alpha` times half the squared differences is added to the sum of
        the losses, in units of one row. "auto" takes the best of a few between 100 and 0.3, by
        5-fold cross-validation of fits to the true labels alone.
    n_pairs : int or "auto", default="auto"
        Most pairs of columns with a table of their own, of 8 x 8 bins. They are those whose
        interaction a sum of single columns misses most [3]_, by what the targets say. "auto"
        takes the best number of 0, 4, 8 and 16, in the same way.
    random_state : int, RandomState instance or None, default=None
        Seeds the folds of "auto".

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        Sorted labels.
    scorecard_ : object
        Intercepts, thresholds and points.
    alpha_ : float
        Strength of the penalty that was used.
    pairs_ : list of tuple of str
        Names of the columns of each table of two.
    n_parameters_ : int
        Number of points in all tables, and the intercepts.
    nbytes_ : int
        Bytes of the pickled student.
    n_features_in_ : int
        Number of input columns.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the input columns, if `X` had string names in `fit`.

    See Also
    --------
    AdditiveStudentRegressor : The same for real values.

    Notes
    -----
    Categories are ordered by their mean target; levels never seen count as the one nearest to the
    average, missing numbers as a bin of their own. Points have a mean of zero over the training
    rows, and those of a pair over the rows of each bin of either column, so that the intercept is
    the score of the average row and a table of two shows what both do together and not alone
    [4]_. Two classes have the log-odds of the second as their score, more classes a logit each.
    The temperature acts on the loss alone: predictions are at temperature one.

    Of a teacher at most 8 models with 256 trees together are read, on 2000 rows. Their thresholds
    count by how much the two sides of a split differ in what the tree says, times the rows. On
    real sets they brought the student a little closer to most teachers of boosted trees, and made
    no clear difference to the loss on test rows.

    A teacher's features and relations, given as `hints`, shape cuts and pairs alone: the small
    trees tell up to six principal components of both apart as well, and pairs are ranked by what
    tables of two would gain for these, too. A variance of one counts as much as all there is to
    learn of the targets, times its weight. Points, and the number of pairs, are those of the
    targets.

    Memory in `fit` is about 24 bytes for each value of `X`.

    References
    ----------
    .. [1] Hinton, G., Vinyals, O., Dean, J. (2015). Distilling the Knowledge in a Neural Network.
       arXiv:1503.02531.
    .. [2] Eilers, P. H. C., Marx, B. D. (1996). Flexible Smoothing with B-splines and Penalties.
       Statistical Science 11.
    .. [3] Lou, Y., Caruana, R., Gehrke, J., Hooker, G. (2013). Accurate Intelligible Models with
       Pairwise Interactions. KDD.
    .. [4] Lengerich, B., Tan, S., Chang, C.-H., Hooker, G., Caruana, R. (2020). Purifying
       Interaction Effects with the Functional ANOVA. AISTATS.

    Examples
    --------
    >>> from sklearn.datasets import load_breast_cancer
    >>> from sklearn.ensemble import RandomForestClassifier
    >>> from skdistill.students import AdditiveStudentClassifier
    >>> X, y = load_breast_cancer(return_X_y=True, as_frame=True)
    >>> X = X[["mean radius", "mean texture"]]
    >>> teacher = RandomForestClassifier(random_state=0).fit(X, y)
    >>> student = AdditiveStudentClassifier(max_bins=4, alpha=1.0, n_pairs=0)
    >>> student = student.fit(X, y, soft_targets=teacher.predict_proba(X))
    >>> for row in student.points_table(scale=10, decimals=0)[:4]:
    ...     print(row["feature"], row["bin"], row["points"])
    intercept  9.0
    mean radius <= 12.26 24.0
    mean radius (12.26, 14.79] 6.0
    mean radius (14.79, 15.045] -8.0
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
        Z = self._fit_encoder(X, loss.mixed, weight)
        card = self._fit_tables(
            Z,
            ClassTarget(loss),
            loss.mixed,
            weight,
            truth=ClassTarget(DistillationLoss(real.truth, None)),
            real=real,
            splits=self._read_teacher(teacher, X, Z),
            hints=hints,
            limits=FINE,
        )
        self._keep(card.narrow())

    def _proba_encoded(self, Z: np.ndarray) -> np.ndarray:
        return class_probabilities(self.scorecard_.scores(Z))


class AdditiveStudentRegressor(AdditiveStudent, TaughtHintedRegressor):
    """Scorecard that learns a teacher's predictions.

    A sum of tables: each column is cut into bins that have points, and a few pairs of columns
    have a table of both. Minimises half the sum of squared errors, in units of the targets'
    variance, plus a penalty on the differences between the points of neighbouring bins [1]_.

    Parameters
    ----------
    max_bins : int, default=32
        Most bins of a column; missing values have one more. Half of the cuts are at quantiles, up
        to a quarter where the teacher's trees split if it is given to `fit` and has any, the
        others where a small tree on the column alone would split.
    alpha : float or "auto", default="auto"
        Strength of the penalty: `alpha` times half the squared differences is added to the sum of
        the losses, in units of one row. "auto" takes the best of a few between 100 and 0.3, by
        5-fold cross-validation of fits to the true values alone.
    n_pairs : int or "auto", default="auto"
        Most pairs of columns with a table of their own, of 8 x 8 bins. They are those whose
        interaction a sum of single columns misses most [2]_, by what the targets say. "auto"
        takes the best number of 0, 4, 8 and 16, in the same way.
    random_state : int, RandomState instance or None, default=None
        Seeds the folds of "auto".

    Attributes
    ----------
    scorecard_ : object
        Intercept, thresholds and points.
    alpha_ : float
        Strength of the penalty that was used.
    pairs_ : list of tuple of str
        Names of the columns of each table of two.
    n_parameters_ : int
        Number of points in all tables, and the intercept.
    nbytes_ : int
        Bytes of the pickled student.
    n_features_in_ : int
        Number of input columns.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the input columns, if `X` had string names in `fit`.

    See Also
    --------
    AdditiveStudentClassifier : The same for classes.

    Notes
    -----
    Categories are ordered by their mean target; levels never seen count as the one nearest to the
    average, missing numbers as a bin of their own. Points have a mean of zero over the training
    rows, and those of a pair over the rows of each bin of either column, so that the intercept is
    the mean prediction and a table of two shows what both do together and not alone [3]_.

    A teacher's features and relations, given as `hints`, shape cuts and pairs alone: the small
    trees tell up to six principal components of both apart as well, and pairs are ranked by what
    tables of two would gain for these, too. A variance of one counts as much as all there is to
    learn of the targets, times its weight. Points, and the number of pairs, are those of the
    targets.

    Memory in `fit` is about 24 bytes for each value of `X`.

    References
    ----------
    .. [1] Eilers, P. H. C., Marx, B. D. (1996). Flexible Smoothing with B-splines and Penalties.
       Statistical Science 11.
    .. [2] Lou, Y., Caruana, R., Gehrke, J., Hooker, G. (2013). Accurate Intelligible Models with
       Pairwise Interactions. KDD.
    .. [3] Lengerich, B., Tan, S., Chang, C.-H., Hooker, G., Caruana, R. (2020). Purifying
       Interaction Effects with the Functional ANOVA. AISTATS.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from sklearn.ensemble import RandomForestRegressor
    >>> from skdistill.students import AdditiveStudentRegressor
    >>> X, y = load_diabetes(return_X_y=True, as_frame=True)
    >>> teacher = RandomForestRegressor(random_state=0).fit(X, y)
    >>> student = AdditiveStudentRegressor(alpha=10.0, n_pairs=1)
    >>> student.fit(X, y, soft_targets=teacher.predict(X)).pairs_
    [('bmi', 's4')]
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
        Z = self._fit_encoder(X, target[:, None], weight)
        scale = fit_scale(target[:, None], weight)
        offset, width = float(scale.offset[0]), float(scale.width[0])
        values = ValueTarget(target, offset, width)
        card = self._fit_tables(
            Z,
            values,
            values.standardized()[:, None],
            weight,
            truth=ValueTarget(real.truth, offset, width),
            real=real,
            splits=self._read_teacher(teacher, X, Z),
            hints=hints,
            limits=FINEST,
        )
        self._keep(card.rescaled(width, offset))

    def _predict_encoded(self, Z: np.ndarray) -> np.ndarray:
        return self.scorecard_.scores(Z)[:, 0]
