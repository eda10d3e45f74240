"""What all students share: checking, encoding, and the contract ``fit(..., soft_targets=...)``.

The public methods validate; a family implements ``_check_params``, ``_fit_encoded`` and
``_proba_encoded`` (or ``_predict_encoded``) on plain arrays. One that reads the teacher itself
overrides ``_fit_rows``.
"""

from __future__ import annotations

import pickle
from abc import ABCMeta, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, ClassVar

import numpy as np
import scipy.sparse as sp
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin, clone
from sklearn.utils import assert_all_finite
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import (
    check_consistent_length,
    check_is_fitted,
    column_or_1d,
    validate_data,
)

from skdistill._columns import is_frame
from skdistill._compat import check_sample_weight
from skdistill.hints import Hints
from skdistill.losses import DistillationLoss
from skdistill.students._checks import (
    check_labeled,
    check_unit_weights,
    check_values,
    encode_labels,
    find_real_rows,
    make_loss,
    mix_values,
    take,
    weighty_rows,
)
from skdistill.students._encoder import TabularEncoder, read_columns
from skdistill.students._hints import check_hints
from skdistill.students._real_rows import RealRows
from skdistill.targets import one_hot


class BaseStudent(BaseEstimator, metaclass=ABCMeta):
    """Checking and encoding of X, and the size of the fitted student."""

    _layout: ClassVar[str] = "ordered"
    _accept_sparse: ClassVar[bool] = False
    _encoder: Any  # turns checked rows into numbers, by its `transform`

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.input_tags.sparse = self._accept_sparse
        tags.input_tags.categorical = True
        tags.input_tags.string = True
        return tags

    @property
    def nbytes_(self) -> int:
        """Bytes of the pickled student: what it takes to store it."""
        check_is_fitted(self)
        return len(pickle.dumps(self, protocol=pickle.HIGHEST_PROTOCOL))

    @abstractmethod
    def _check_params(self) -> None:
        """Check the constructor's parameters."""

    def check_rows(self, X: Any) -> None:
        """Check, before anything costly, that the student could be fitted to these rows.

        Parameters
        ----------
        X : {array-like, DataFrame, sparse matrix} of shape (n_samples, n_features)
            Training rows.

        Raises
        ------
        TypeError, ValueError
            As `fit` would.
        """
        self._check_params()
        unused = clone(self)  # keeps the names and width of X off this one
        checked = unused._check_X(X, reset=True)
        if not sp.issparse(checked):
            read_columns(checked, range(checked.shape[1]))

    def _check_X(self, X: Any, *, reset: bool) -> Any:  # noqa: N802
        """Check names, shape and finiteness; the result is a frame, array or CSR matrix."""
        if is_frame(X):
            validate_data(self, X, reset=reset, skip_check_array=True)
            if X.shape[0] == 0 or X.shape[1] == 0:
                raise ValueError(
                    f"Found array with {X.shape[0]} sample(s) and {X.shape[1]} feature(s) "
                    "while a minimum of 1 is required."
                )
            return X
        return validate_data(
            self,
            X,
            reset=reset,
            accept_sparse="csr" if self._accept_sparse else False,
            dtype=np.float64 if sp.issparse(X) else None,
            # Columns of objects are checked one by one when they are read.
            ensure_all_finite=True if sp.issparse(X) else _finite_policy(X),
        )

    def _check_fit(self, X: Any, y: Any) -> tuple[Any, np.ndarray]:
        """Check X and that there is one y for each of its rows."""
        if y is None:
            raise ValueError(
                f"{type(self).__name__} requires y to be passed, but the target y is None."
            )
        X = self._check_X(X, reset=True)
        y = column_or_1d(y, warn=True)
        check_consistent_length(X, y)
        return X, y

    def _encode(self, X: Any) -> Any:
        """Check X against what was fitted and turn it into numbers."""
        if self._is_beyond_question(X):
            return self._encoder.transform(X)
        check_is_fitted(self)
        return self._encoder.transform(self._check_X(X, reset=False))

    def _is_beyond_question(self, X: Any) -> bool:
        """Tell whether X is what all checks would let pass as it is, in a few microseconds."""
        fitted = vars(self)
        return (
            type(X) is np.ndarray
            and X.dtype == np.float64
            and X.ndim == 2
            and X.shape[0] > 0
            and X.shape[1] == fitted.get("n_features_in_")
            and "feature_names_in_" not in fitted  # else scikit-learn misses them in X
            and not np.isinf(X).any()
        )

    def _fit_encoder(self, X: Any, response: np.ndarray, weight: np.ndarray) -> Any:
        self._encoder = TabularEncoder(self._layout)
        return self._encoder.fit_transform(X, response, weight)


class StudentClassifier(ClassifierMixin, BaseStudent):
    """Base of the students that learn class probabilities."""

    def fit(
        self,
        X: Any,
        y: Any,
        sample_weight: Any = None,
        *,
        soft_targets: Any = None,
        classes: Any = None,
        temperature: float = 1.0,
        hard_label_weight: Any = 0.0,
        labeled: Any = None,
    ) -> Any:
        """Fit the student to soft targets, or to hard labels alone.

        Parameters
        ----------
        X : {array-like, DataFrame, sparse matrix} of shape (n_samples, n_features)
            Training rows. DataFrames may hold strings, categories and missing values.
        y : array-like of shape (n_samples,)
            Hard labels. Where `hard_label_weight` is zero they only name the classes.
        sample_weight : array-like of shape (n_samples,), default=None
            Non-negative weights of the rows.
        soft_targets : array-like of shape (n_samples, n_classes), default=None
            Teacher probabilities, unsoftened, columns in the order of the sorted classes. None
            fits to the hard labels alone.
        classes : array-like of shape (n_classes,), default=None
            Sorted labels of the columns of `soft_targets`; needed where `y` lacks a class.
        temperature : float >= 1, default=1.0
            Softens both sides of the loss; see :class:`skdistill.losses.DistillationLoss`.
        hard_label_weight : float or array-like of shape (n_samples,), default=0.0
            Weight of the hard label of each row against its soft target, in [0, 1].
        labeled : array-like of shape (n_samples,), dtype bool, default=None
            Which rows of `y` are true, so that the student may choose its own settings on them.
            None means those whose hard label has weight; if none has, the student chooses by
            held-out soft targets.

        Returns
        -------
        self : object

        Raises
        ------
        ValueError
            If shapes or probabilities are wrong, if there is only one class, or if `temperature`,
            `hard_label_weight` or `labeled` is given without `soft_targets`.
        """
        return self._fit(
            X,
            y,
            sample_weight=sample_weight,
            soft_targets=soft_targets,
            classes=classes,
            temperature=temperature,
            hard_label_weight=hard_label_weight,
            labeled=labeled,
        )

    def _fit(
        self,
        X: Any,
        y: Any,
        *,
        sample_weight: Any,
        soft_targets: Any,
        classes: Any,
        temperature: Any,
        hard_label_weight: Any,
        labeled: Any,
        teacher: Any = None,
        hints: Any = None,
    ) -> Any:
        """Check everything, and fit to rows of positive weight."""
        with unchanged_on_error(self):
            self._check_params()
            X, y = self._check_fit(X, y)
            assert_all_finite(y, input_name="y")
            check_classification_targets(y)
            self.classes_, codes = encode_labels(y, classes)
            loss = make_loss(
                codes, len(self.classes_), soft_targets, temperature, hard_label_weight
            )
            labeled = check_labeled(labeled, soft_targets, loss.weight)
            weight = check_sample_weight(sample_weight, X)
            hints = check_hints(hints, len(y))
            rows = weighty_rows(weight)
            loss, weight, labeled = loss.take(rows), weight[rows], labeled[rows]
            truth = one_hot(codes[rows], len(self.classes_))
            real = find_real_rows(truth, loss.mixed, labeled, weight)
            hints = None if hints is None else hints.take(rows)
            self._fit_rows(take(X, rows), loss, weight, real, teacher=teacher, hints=hints)
        return self

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
        """Encode the rows and fit to them; teacher and hints are for families that use them."""
        Z = self._fit_encoder(X, loss.mixed, weight)
        self._fit_encoded(Z, loss, weight, real)

    def _fit_encoded(
        self, Z: Any, loss: DistillationLoss, weight: np.ndarray, real: RealRows
    ) -> None:
        """Fit to encoded rows of positive weight; choose what is to be chosen on the real ones."""
        raise NotImplementedError

    @abstractmethod
    def _proba_encoded(self, Z: Any) -> np.ndarray:
        """Compute probabilities (n_samples, n_classes) of encoded rows."""

    def predict_proba(self, X: Any) -> np.ndarray:
        """Predict class probabilities.

        Parameters
        ----------
        X : {array-like, DataFrame, sparse matrix} of shape (n_samples, n_features)
            Rows like those of `fit`. A student fitted without column names answers an array of
            dtype float64 fastest: one row takes microseconds.

        Returns
        -------
        proba : ndarray of shape (n_samples, n_classes), dtype float64
            Columns in the order of `classes_`.
        """
        return self._proba_encoded(self._encode(X))

    def predict(self, X: Any) -> np.ndarray:
        """Predict the most probable class.

        Parameters
        ----------
        X : {array-like, DataFrame, sparse matrix} of shape (n_samples, n_features)
            Rows like those of `fit`.

        Returns
        -------
        y : ndarray of shape (n_samples,)
            Labels with the dtype of `classes_`.
        """
        best = self.predict_proba(X).argmax(axis=1)
        return self.classes_[best]


class StudentRegressor(RegressorMixin, BaseStudent):
    """Base of the students that learn a real value."""

    def fit(
        self,
        X: Any,
        y: Any,
        sample_weight: Any = None,
        *,
        soft_targets: Any = None,
        hard_label_weight: Any = 0.0,
        labeled: Any = None,
    ) -> Any:
        """Fit the student to a teacher's predictions, or to the true values alone.

        Squared error to both is, up to a constant, squared error to their weighted mean.

        Parameters
        ----------
        X : {array-like, DataFrame, sparse matrix} of shape (n_samples, n_features)
            Training rows. DataFrames may hold strings, categories and missing values.
        y : array-like of shape (n_samples,)
            True values. Ignored where `hard_label_weight` is zero and `soft_targets` are given.
        sample_weight : array-like of shape (n_samples,), default=None
            Non-negative weights of the rows.
        soft_targets : array-like of shape (n_samples,), default=None
            The teacher's predictions. None fits to the true values alone.
        hard_label_weight : float or array-like of shape (n_samples,), default=0.0
            Weight of the true value of each row against the teacher's, in [0, 1].
        labeled : array-like of shape (n_samples,), dtype bool, default=None
            Which rows of `y` are true, so that the student may choose its own settings on them.
            None means those whose true value has weight; if none has, the student chooses by
            held-out soft targets.

        Returns
        -------
        self : object

        Raises
        ------
        ValueError
            If shapes are wrong, values are not finite, or `hard_label_weight` or `labeled` is
            given without `soft_targets`.
        """
        return self._fit(
            X,
            y,
            sample_weight=sample_weight,
            soft_targets=soft_targets,
            hard_label_weight=hard_label_weight,
            labeled=labeled,
        )

    def _fit(
        self,
        X: Any,
        y: Any,
        *,
        sample_weight: Any,
        soft_targets: Any,
        hard_label_weight: Any,
        labeled: Any,
        teacher: Any = None,
        hints: Any = None,
    ) -> Any:
        """Check everything, and fit to rows of positive weight."""
        with unchanged_on_error(self):
            self._check_params()
            X, y = self._check_fit(X, y)
            y = check_values(y, "y")
            w = check_unit_weights(hard_label_weight, "hard_label_weight", len(y))
            target = mix_values(y, soft_targets, w)
            labeled = check_labeled(labeled, soft_targets, np.broadcast_to(w, y.shape))
            weight = check_sample_weight(sample_weight, X)
            hints = check_hints(hints, len(y))
            rows = weighty_rows(weight)
            target, weight, labeled = target[rows], weight[rows], labeled[rows]
            real = find_real_rows(y[rows], target, labeled, weight)
            hints = None if hints is None else hints.take(rows)
            self._fit_rows(take(X, rows), target, weight, real, teacher=teacher, hints=hints)
        return self

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
        """Encode the rows and fit to them; teacher and hints are for families that use them."""
        Z = self._fit_encoder(X, target[:, None], weight)
        self._fit_encoded(Z, target, weight, real)

    def _fit_encoded(self, Z: Any, target: np.ndarray, weight: np.ndarray, real: RealRows) -> None:
        """Fit to encoded rows of positive weight; choose what is to be chosen on the real ones."""
        raise NotImplementedError

    @abstractmethod
    def _predict_encoded(self, Z: Any) -> np.ndarray:
        """Predict the value of encoded rows."""

    def predict(self, X: Any) -> np.ndarray:
        """Predict the value of each row.

        Parameters
        ----------
        X : {array-like, DataFrame, sparse matrix} of shape (n_samples, n_features)
            Rows like those of `fit`. A student fitted without column names answers an array of
            dtype float64 fastest: one row takes microseconds.

        Returns
        -------
        y : ndarray of shape (n_samples,), dtype float64
        """
        return self._predict_encoded(self._encode(X))


@contextmanager
def unchanged_on_error(estimator: Any) -> Iterator[None]:
    """Give an estimator its attributes back if the block raises: a failed fit changes nothing."""
    before = dict(vars(estimator))
    try:
        yield
    except BaseException:
        vars(estimator).clear()
        vars(estimator).update(before)
        raise


def _finite_policy(X: Any) -> bool | str:
    dtype = getattr(X, "dtype", None)
    return False if getattr(dtype, "kind", None) in ("O", "U", "S") else "allow-nan"
