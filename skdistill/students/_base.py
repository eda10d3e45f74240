"""What all students share: checking, encoding, and the contract ``fit(..., soft_targets=...)``.

The public methods validate; a family implements ``_check_params``, ``_fit_encoded`` and
``_proba_encoded`` (or ``_predict_encoded``) on plain arrays.
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
    check_array,
    check_consistent_length,
    check_is_fitted,
    column_or_1d,
    validate_data,
)

from skdistill._columns import is_frame
from skdistill._compat import check_sample_weight, take_rows
from skdistill._validation import check_probabilities, check_real
from skdistill.losses import DistillationLoss
from skdistill.students._encoder import TabularEncoder, read_columns
from skdistill.targets import one_hot


class BaseStudent(BaseEstimator, metaclass=ABCMeta):
    """Checking and encoding of X, and the size of the fitted student."""

    _layout: ClassVar[str] = "ordered"
    _accept_sparse: ClassVar[bool] = False

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

    def _encode(self, X: Any) -> Any:
        """Check X against what was fitted and turn it into numbers."""
        check_is_fitted(self)
        return self._encoder.transform(self._check_X(X, reset=False))

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

        Returns
        -------
        self : object

        Raises
        ------
        ValueError
            If shapes or probabilities are wrong, if there is only one class, or if `temperature`
            or `hard_label_weight` is given without `soft_targets`.
        """
        with unchanged_on_error(self):
            self._check_params()
            if y is None:
                raise ValueError(
                    f"{type(self).__name__} requires y to be passed, but the target y is None."
                )
            X = self._check_X(X, reset=True)
            y = column_or_1d(y, warn=True)
            check_consistent_length(X, y)
            assert_all_finite(y, input_name="y")
            check_classification_targets(y)
            self.classes_, codes = _encode_labels(y, classes)
            loss = _make_loss(
                codes, len(self.classes_), soft_targets, temperature, hard_label_weight
            )
            weight = check_sample_weight(sample_weight, X)
            X, loss, weight = _drop_weightless(X, loss, weight)
            Z = self._fit_encoder(X, loss.mixed, weight)
            self._fit_encoded(Z, loss, weight)
        return self

    @abstractmethod
    def _fit_encoded(self, Z: Any, loss: DistillationLoss, weight: np.ndarray) -> None:
        """Fit to encoded rows of positive weight."""

    @abstractmethod
    def _proba_encoded(self, Z: Any) -> np.ndarray:
        """Compute probabilities (n_samples, n_classes) of encoded rows."""

    def predict_proba(self, X: Any) -> np.ndarray:
        """Predict class probabilities.

        Parameters
        ----------
        X : {array-like, DataFrame, sparse matrix} of shape (n_samples, n_features)
            Rows like those of `fit`.

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

        Returns
        -------
        self : object

        Raises
        ------
        ValueError
            If shapes are wrong, values are not finite, or `hard_label_weight` is given without
            `soft_targets`.
        """
        with unchanged_on_error(self):
            self._check_params()
            if y is None:
                raise ValueError(
                    f"{type(self).__name__} requires y to be passed, but the target y is None."
                )
            X = self._check_X(X, reset=True)
            y = _check_values(y, "y")
            check_consistent_length(X, y)
            target = _mix_values(y, soft_targets, hard_label_weight)
            weight = check_sample_weight(sample_weight, X)
            X, target, weight = _drop_weightless(X, target, weight)
            Z = self._fit_encoder(X, target[:, None], weight)
            self._fit_encoded(Z, target, weight)
        return self

    @abstractmethod
    def _fit_encoded(self, Z: Any, target: np.ndarray, weight: np.ndarray) -> None:
        """Fit to encoded rows of positive weight."""

    @abstractmethod
    def _predict_encoded(self, Z: Any) -> np.ndarray:
        """Predict the value of encoded rows."""

    def predict(self, X: Any) -> np.ndarray:
        """Predict the value of each row.

        Parameters
        ----------
        X : {array-like, DataFrame, sparse matrix} of shape (n_samples, n_features)
            Rows like those of `fit`.

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


def _encode_labels(y: np.ndarray, classes: Any) -> tuple[np.ndarray, np.ndarray]:
    """Return sorted classes and the index of each label."""
    found, codes = np.unique(y, return_inverse=True)
    if classes is not None:
        given = np.asarray(classes)
        if given.ndim != 1 or not np.array_equal(given, np.unique(given)):
            raise ValueError(f"classes must be sorted and distinct labels, got {classes!r}.")
        unknown = np.setdiff1d(found, given)
        if len(unknown):
            raise ValueError(f"y has labels {unknown.tolist()} that classes does not list.")
        codes = np.searchsorted(given, found)[codes]
        found = given
    if len(found) < 2:
        raise ValueError(f"y has one class, {found[0]!r}: a classifier needs at least two classes.")
    return found, codes.ravel()


def _make_loss(
    codes: np.ndarray,
    n_classes: int,
    soft_targets: Any,
    temperature: float,
    hard_label_weight: Any,
) -> DistillationLoss:
    """Check the targets and build the combined loss."""
    T = check_real(temperature, "temperature", minimum=1.0)
    w = check_unit_weights(hard_label_weight, "hard_label_weight", len(codes))
    if soft_targets is None:
        if T != 1.0 or np.any(w):
            raise ValueError(
                "temperature and hard_label_weight act on soft targets and have no effect "
                f"without them, got {temperature!r} and {hard_label_weight!r}; give soft_targets."
            )
        return DistillationLoss(one_hot(codes, n_classes), codes, hard_label_weight=1.0)
    P = check_probabilities(soft_targets, "soft_targets", n_rows=len(codes), n_classes=n_classes)
    return DistillationLoss(P, codes, temperature=T, hard_label_weight=w)


def check_unit_weights(value: Any, name: str, n_rows: int) -> Any:
    """Check a weight in [0, 1]: one number, or one for each row."""
    if np.ndim(value) == 0:
        return check_real(value, name, minimum=0.0, maximum=1.0)
    weights = check_array(value, ensure_2d=False, dtype=np.float64, input_name=name)
    if weights.shape != (n_rows,) or weights.min() < 0 or weights.max() > 1:
        raise ValueError(
            f"{name} must be a number in [0, 1] or one for each of the {n_rows} rows, "
            f"got an array of shape {weights.shape} with values in "
            f"[{weights.min():g}, {weights.max():g}]."
        )
    return weights


def _check_values(values: Any, name: str) -> np.ndarray:
    flat = column_or_1d(values, warn=True)
    return check_array(flat, ensure_2d=False, dtype=np.float64, input_name=name)


def _mix_values(y: np.ndarray, soft_targets: Any, hard_label_weight: Any) -> np.ndarray:
    """Mix true values with the teacher's predictions."""
    w = check_unit_weights(hard_label_weight, "hard_label_weight", len(y))
    if soft_targets is None:
        if np.any(w):
            raise ValueError(
                "hard_label_weight acts on soft targets and has no effect without them, "
                f"got {hard_label_weight!r}; give soft_targets."
            )
        return y
    teacher = _check_values(soft_targets, "soft_targets")
    if teacher.shape != y.shape:
        raise ValueError(
            f"soft_targets has {len(teacher)} values where there are {len(y)} samples; "
            "give one prediction for each sample."
        )
    return (1.0 - w) * teacher + w * y


def _drop_weightless(X: Any, targets: Any, weight: np.ndarray) -> tuple[Any, Any, np.ndarray]:
    """Drop rows of zero weight, so that they cannot act through the encoding either."""
    rows = np.flatnonzero(weight)
    if len(rows) == len(weight):
        return X, targets, weight
    if len(rows) == 0:
        raise ValueError("sample_weight is zero everywhere; give some row a positive weight.")
    kept = targets.take(rows)
    return take_rows(X, rows), kept, weight[rows]
