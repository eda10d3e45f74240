"""Additive students: scorecards of binned columns and a few pairs, learned from soft targets."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from skdistill._validation import check_integer, check_real
from skdistill.losses import DistillationLoss, softmax
from skdistill.students._additive_fit import FINE, FINEST, fit_scorecard
from skdistill.students._base import BaseStudent, StudentClassifier, StudentRegressor
from skdistill.students._inputs import fit_scale
from skdistill.students._points import plot_terms, points_rows
from skdistill.students._real_rows import RealRows
from skdistill.students._scorecard import Scorecard
from skdistill.students._scores import to_logits
from skdistill.students._table_targets import ClassTarget, Target, ValueTarget
from skdistill.students._tables import Limits


class _AdditiveStudent(BaseStudent):
    """Parameters, fit and readable forms, the same for classes and values."""

    _layout: ClassVar[str] = "ordered"

    def __init__(
        self,
        *,
        max_bins: int = 32,
        alpha: float | str = "auto",
        n_pairs: int | str = "auto",
        random_state: Any = None,
    ) -> None:
        self.max_bins = max_bins
        self.alpha = alpha
        self.n_pairs = n_pairs
        self.random_state = random_state

    @property
    def n_parameters_(self) -> int:
        """Number of points in all tables, and the intercepts."""
        check_is_fitted(self)
        return self.scorecard_.n_values

    @property
    def pairs_(self) -> list[tuple[str, str]]:
        """Names of the columns of each table of two."""
        check_is_fitted(self)
        names = self._encoder.feature_names_out()
        pairs = [term.columns for term in self.scorecard_.terms if len(term.columns) == 2]
        return [(names[j], names[k]) for j, k in pairs]

    def points_table(self, *, scale: float = 1.0, decimals: int | None = None) -> list[dict]:
        """List the points of every bin: all that the student knows, to be read or printed.

        A row's score is the sum of the points of its bins and of the intercept: the log-odds of
        the second of two classes, the logit of each of more classes, or the value.

        Parameters
        ----------
        scale : float, default=1.0
            Points of one unit of the score. ``20 / log(2)`` lets 20 points double the odds, as
            is usual in credit scoring.
        decimals : int or None, default=None
            Round to so many decimals; None does not round.

        Returns
        -------
        rows : list of dict
            With the keys "feature", "bin" and "points"; for more than two classes with a key
            "points of <class>" for each instead of the last. ``pandas.DataFrame(rows)`` makes a
            table of them. The bin ``(a, b]`` holds values above `a` up to `b`.

        Raises
        ------
        ValueError
            If `scale` is zero or less, or `decimals` below zero.
        """
        check_is_fitted(self)
        check_real(scale, "scale", minimum=0.0, strict=True)
        if decimals is not None:
            check_integer(decimals, "decimals", minimum=0)
        return points_rows(
            self.scorecard_, self._encoder, self._output_names(), scale=scale, decimals=decimals
        )

    def plot_shapes(self, *, axes: Any = None) -> np.ndarray:
        """Draw the points of each column as a function of its value, and pairs as maps.

        Needs matplotlib: ``pip install 'skdistill[report]'``.

        Parameters
        ----------
        axes : array of matplotlib Axes or None, default=None
            Where to draw, at least as many as there are tables; None makes a figure. The largest
            effects come first. For more than two classes pairs show the first class.

        Returns
        -------
        axes : ndarray of Axes
            One for each table.

        Raises
        ------
        ImportError
            If matplotlib is missing.
        ValueError
            If there are fewer axes than tables.
        """
        check_is_fitted(self)
        return plot_terms(self.scorecard_, self._encoder, self._output_names(), axes)

    def _output_names(self) -> list[str]:
        """Name of each score where there are several, else none."""
        classes = getattr(self, "classes_", ())
        return [str(label) for label in classes] if len(classes) > 2 else []

    def _check_params(self) -> None:
        check_integer(self.max_bins, "max_bins", minimum=2)
        if self.max_bins > 255:
            raise ValueError(f"max_bins must be an integer <= 255, got {self.max_bins!r}.")
        for name, value in (("alpha", self.alpha), ("n_pairs", self.n_pairs)):
            if isinstance(value, str) and value != "auto":
                raise ValueError(f"{name} must be 'auto' or a number, got {value!r}.")
        if not isinstance(self.alpha, str):
            check_real(self.alpha, "alpha", minimum=0.0, strict=True)
        if not isinstance(self.n_pairs, str):
            check_integer(self.n_pairs, "n_pairs", minimum=0)

    def _fit_tables(
        self,
        Z: np.ndarray,
        target: Target,
        response: np.ndarray,
        weight: np.ndarray,
        *,
        truth: Target,
        real: RealRows,
        limits: Limits,
    ) -> Scorecard:
        seed = check_random_state(self.random_state).randint(np.iinfo(np.int32).max)
        card, settings = fit_scorecard(
            Z,
            target,
            response,
            weight,
            truth,
            real,
            max_bins=self.max_bins,
            alpha=self.alpha,
            n_pairs=self.n_pairs,
            limits=limits,
            rng=np.random.default_rng(seed),
        )
        self.alpha_ = settings.alpha
        return card

    def _keep(self, card: Scorecard) -> None:
        """Keep the fitted tables, and of the encoder what they look at."""
        self.scorecard_ = card.without_empty()
        columns = [j for term in self.scorecard_.terms for j in term.columns]
        self._encoder.keep_columns(np.array(columns, dtype=np.int64))


class AdditiveStudentClassifier(_AdditiveStudent, StudentClassifier):
    """Scorecard that learns class probabilities from soft targets.

    A sum of tables: each column is cut into bins that have points, and a few pairs of columns
    have a table of both. Minimises the sum over the rows of the combined distillation loss [1]_
    plus a penalty on the differences between the points of neighbouring bins [2]_.

    Parameters
    ----------
    max_bins : int, default=32
        Most bins of a column; missing values have one more. Half of the cuts are at quantiles,
        half where a small tree on the column alone would split.
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
    Categories are ordered by their mean target; levels never seen count as an average one, missing
    numbers as a bin of their own. Points have a mean of zero over the training rows, and those of
    a pair over the rows of each bin of either column, so that the intercept is the score of the
    average row and a table of two shows what both do together and not alone [4]_. Two classes
    have the log-odds of the second as their score, more classes a logit each. The temperature
    acts on the loss alone: predictions are at temperature one.

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

    def _fit_encoded(
        self, Z: np.ndarray, loss: DistillationLoss, weight: np.ndarray, real: RealRows
    ) -> None:
        card = self._fit_tables(
            Z,
            ClassTarget(loss),
            loss.mixed,
            weight,
            truth=ClassTarget(DistillationLoss(real.truth, None)),
            real=real,
            limits=FINE,
        )
        self._keep(card.narrow())

    def _proba_encoded(self, Z: np.ndarray) -> np.ndarray:
        return softmax(to_logits(self.scorecard_.scores(Z)))


class AdditiveStudentRegressor(_AdditiveStudent, StudentRegressor):
    """Scorecard that learns a teacher's predictions.

    A sum of tables: each column is cut into bins that have points, and a few pairs of columns
    have a table of both. Minimises half the sum of squared errors, in units of the targets'
    variance, plus a penalty on the differences between the points of neighbouring bins [1]_.

    Parameters
    ----------
    max_bins : int, default=32
        Most bins of a column; missing values have one more. Half of the cuts are at quantiles,
        half where a small tree on the column alone would split.
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
    Categories are ordered by their mean target; levels never seen count as an average one, missing
    numbers as a bin of their own. Points have a mean of zero over the training rows, and those of
    a pair over the rows of each bin of either column, so that the intercept is the mean prediction
    and a table of two shows what both do together and not alone [3]_.

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

    def _fit_encoded(
        self, Z: np.ndarray, target: np.ndarray, weight: np.ndarray, real: RealRows
    ) -> None:
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
            limits=FINEST,
        )
        self._keep(card.rescaled(width, offset))

    def _predict_encoded(self, Z: np.ndarray) -> np.ndarray:
        return self.scorecard_.scores(Z)[:, 0]
