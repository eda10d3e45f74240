"""What every teacher adapter has in common: the interface, its checks and its errors."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
from sklearn.exceptions import NotFittedError

from skdistill._compat import num_samples
from skdistill.exceptions import TeacherError
from skdistill.teachers._alignment import align_columns
from skdistill.teachers._representation import check_representation


class Teacher(ABC):
    """Anything that labels rows: with aligned probabilities, or with predictions.

    A subclass says what it wraps in `_predict_proba` (classification), `_predict` (regression), or
    both; the public methods check and align what these return. `sklearn.base.clone` keeps an
    adapter as it is, so that a fitted teacher stays fitted in a grid search.

    Attributes
    ----------
    name : str
        What it wraps, for messages and records.
    columns : ndarray of shape (n_classes,) or None
        Labels of the columns of probabilities, in the order of the columns. None if they carry no
        labels, or not yet.
    classes : ndarray of shape (n_classes,) or None
        The same labels, sorted.
    is_fitted : bool
        Whether it can label rows.
    refittable : bool
        Whether a copy can be fitted to other rows, as cross-fitting needs it.
    has_implicit_order : bool
        Whether columns of probabilities carry no labels, so that they are taken to be in the
        order of the sorted labels.
    feature_names : list of str or None
        Columns that it was fitted to, where it needs just these, in this order. None if it has
        no names or checks them itself.
    fitted_models : list
        The models that it wraps, for students that are made of a model's parts. Empty if there
        is nothing to be seen but labels.
    """

    name: str = "teacher"

    @property
    def columns(self) -> np.ndarray | None:
        """Labels of the columns of probabilities, in the order of the columns."""
        return None

    @property
    def classes(self) -> np.ndarray | None:
        """Sorted labels, or None where the columns carry no labels."""
        return None if self.columns is None else np.unique(self.columns)

    @property
    def is_fitted(self) -> bool:
        """Whether it can label rows."""
        return True

    @property
    def refittable(self) -> bool:
        """Whether a copy can be fitted to other rows."""
        return False

    @property
    def has_implicit_order(self) -> bool:
        """Whether columns of probabilities are in an order that nothing tells."""
        return False

    @property
    def feature_names(self) -> list[str] | None:
        """Columns that it was fitted to, or None where there is nothing to check."""
        return None

    @property
    def fitted_models(self) -> list[Any]:
        """The models that it wraps; none if there is nothing to be seen but labels."""
        return []

    @abstractmethod
    def check_task(self, task: str) -> None:
        """Check that it can teach a task.

        Parameters
        ----------
        task : {"classification", "regression"}
            What the student is to learn.

        Raises
        ------
        TypeError or ValueError
            If it cannot; the message says what can be given instead.
        """

    @abstractmethod
    def fingerprint(self) -> str:
        """Compute a key for caches, which changes when the model does.

        Returns
        -------
        key : str

        Raises
        ------
        TeacherError
            If what is wrapped cannot be hashed.
        """

    def _predict_proba(self, X: Any, classes: np.ndarray) -> Any:
        """Label rows with probabilities whose columns are `columns`, or `classes` if None."""
        raise TypeError(f"teacher {self.name} does not give class probabilities.")

    def _predict(self, X: Any) -> Any:
        """Label rows with numbers."""
        raise TypeError(f"teacher {self.name} does not give numeric predictions.")

    def _represent(self, X: Any, where: Any) -> Any:
        """Represent rows as the model sees them inside."""
        raise TeacherError(
            f"teacher {self.name} shows nothing but labels. Give its features as a function of X: "
            "skdistill.knowledge.FeatureKnowledge(representation=f); or knowledge='response'."
        )

    def predict_proba(self, X: Any, classes: Sequence[Any] | np.ndarray) -> np.ndarray:
        """Label rows with class probabilities.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows, in the form the teacher takes.
        classes : array-like of shape (n_classes,)
            Labels of the columns wanted. One that the teacher does not know gets zeros.

        Returns
        -------
        proba : ndarray of shape (n_samples, n_classes), dtype float64
            Rows that sum to one.

        Raises
        ------
        NotFittedError
            If the teacher is not fitted.
        TeacherError
            If the teacher fails; its own message is kept.
        ValueError
            If what it returns are no probabilities, or `classes` lacks one that it finds possible.
        """
        classes = np.asarray(classes)
        n_rows = num_samples(X)
        with self._reporting("predict_proba", n_rows):
            self._check_is_fitted()
            raw = self._predict_proba(X, classes)
        columns = classes if self.columns is None else self.columns
        return align_columns(
            raw, columns, classes, name=f"predict_proba of teacher {self.name}", n_rows=n_rows
        )

    def predict(self, X: Any) -> np.ndarray:
        """Label rows with numbers (regression).

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows, in the form the teacher takes.

        Returns
        -------
        predictions : ndarray of shape (n_samples,), dtype float64

        Raises
        ------
        NotFittedError
            If the teacher is not fitted.
        TeacherError
            If the teacher fails; its own message is kept.
        ValueError
            If what it returns is not one finite number for each row.
        """
        n_rows = num_samples(X)
        with self._reporting("predict", n_rows):
            self._check_is_fitted()
            raw = self._predict(X)
        return check_predictions(raw, f"predict of teacher {self.name}", n_rows=n_rows)

    def represent(self, X: Any, where: Any = None) -> Any:
        """Represent rows as the model sees them inside, before it says a label.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows, in the form the teacher takes.
        where : int, str or None, default=None
            Which of several representations: of a net the hidden layer, by its index or name.
            None is the last hidden layer. Models of trees have one: the leaves of their trees.

        Returns
        -------
        representation : ndarray or sparse matrix of shape (n_samples, n_columns), dtype float64
            Activations of a hidden layer; or indicators of the leaves that a row reaches, scaled
            so that the inner product of two rows is the share of trees in which they meet.

        Raises
        ------
        NotFittedError
            If the teacher is not fitted.
        TeacherError
            If there is nothing to be seen inside, `where` names nothing in it, or the teacher
            fails; its own message is kept.
        ValueError
            If what it returns is not one row of finite numbers for each row.
        """
        n_rows = num_samples(X)
        with self._reporting("represent", n_rows):
            self._check_is_fitted()
            raw = self._represent(X, where)
        return check_representation(raw, f"the representation of teacher {self.name}", n_rows)

    def refit(
        self,
        X: Any,
        y: Any,
        sample_weight: np.ndarray | None = None,
        *,
        random_state: int | np.random.RandomState | None = None,
    ) -> Teacher:
        """Fit a fresh copy to other rows; this one stays as it is.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows, in the form the teacher takes.
        y : array-like of shape (n_samples,)
            Labels or numbers.
        sample_weight : ndarray of shape (n_samples,) or None
            Weights of the rows; they are used where the teacher's `fit` takes them.
        random_state : int, RandomState or None, default=None
            Seeds what has no seed of its own. None leaves it without.

        Returns
        -------
        teacher : Teacher
            A fitted one.

        Raises
        ------
        TypeError
            If there is nothing that could be fitted.
        TeacherError
            If fitting fails; the teacher's own message is kept.
        """
        raise TypeError(
            f"teacher {self.name} cannot be fitted to other rows; label the training rows with it "
            "as it is (teacher_labels='in_sample')."
        )

    def check_ready(self) -> None:
        """Check that it is fitted, or can be.

        Raises
        ------
        ValueError
            If it is neither.
        """
        if not self.is_fitted and not self.refittable:
            raise ValueError(
                f"teacher {self.name} is an unfitted teacher declared frozen; fit it first, or "
                "give it without FrozenEstimator to have it fitted here. A fitted model that does "
                "not follow scikit-learn's conventions is given by its function: "
                "CallableTeacher(model.predict_proba, output='probabilities')."
            )

    def fit_missing(
        self, X: Any, y: Any, sample_weight: np.ndarray | None = None, *, random_state: Any = None
    ) -> Teacher:
        """Fit what is not fitted yet, in a copy; what is fitted stays as it is.

        Parameters
        ----------
        X, y, sample_weight, random_state
            As for `refit`.

        Returns
        -------
        teacher : Teacher
            A fitted one; this one if it is.
        """
        if self.is_fitted:
            return self
        return self.refit(X, y, sample_weight, random_state=random_state)

    def check_features(self, X: Any) -> None:
        """Check that the columns of `X` are those the teacher was fitted to.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows. Without column names there is nothing to compare, and they are accepted.

        Raises
        ------
        ValueError
            If columns are missing, unknown or in another order; the message names them.
        """
        own, given = self.feature_names, column_names(X)
        if own is None or given is None:
            return
        given = self._trained_names(given)
        if own == given:
            return
        missing = [name for name in own if name not in given]
        unknown = [name for name in given if name not in own]
        parts = []
        if missing:
            parts.append(f"X lacks {_listed(missing)}")
        if unknown:
            parts.append(f"the teacher was fitted without {_listed(unknown)}")
        if not parts:
            moved = [name for name, other in zip(own, given, strict=False) if name != other]
            parts.append(f"the order differs, first at {_listed(moved)}")
        raise ValueError(
            f"the columns of X are not those that teacher {self.name} was fitted to: "
            f"{'; '.join(parts)}. Give X with the teacher's columns: {_listed(own)}."
        )

    def _trained_names(self, names: list[str]) -> list[str]:
        """Write names of columns as the teacher's library does."""
        return names

    def _check_is_fitted(self) -> None:
        if not self.is_fitted:
            raise NotFittedError(
                f"teacher {self.name} is not fitted yet; call its fit, or refit of the adapter."
            )

    @contextmanager
    def _reporting(self, method: str, n_rows: int) -> Iterator[None]:
        """Say which teacher failed in what; its own message and its traceback are kept."""
        try:
            yield
        except (TeacherError, NotFittedError, MemoryError):
            raise
        except Exception as error:
            # Some errors are both, as scikit-learn's InvalidParameterError: a bad value, then.
            only_type = isinstance(error, TypeError) and not isinstance(error, ValueError)
            kind = TypeError if only_type else TeacherError
            detail = str(error) or type(error).__name__
            raise kind(
                f"teacher {self.name} failed in {method} on {n_rows} rows: {detail}"
            ) from error

    def __sklearn_clone__(self) -> Teacher:
        """Keep the adapter, and with it a fitted teacher, when scikit-learn clones."""
        return self

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.name})"


def check_predictions(values: Any, name: str, *, n_rows: int) -> np.ndarray:
    """Check numeric predictions and return them as float64 of shape (n_rows,)."""
    predictions = np.asarray(values, dtype=np.float64)
    if predictions.ndim == 2 and predictions.shape[1] == 1:
        predictions = predictions[:, 0]
    if predictions.shape != (n_rows,):
        raise ValueError(
            f"{name} must be one number for each of the {n_rows} rows, "
            f"got shape {predictions.shape}."
        )
    if not np.isfinite(predictions).all():
        raise ValueError(
            f"{name} contains NaN or infinite values; leave such rows out or mend the teacher."
        )
    return predictions


def column_names(X: Any) -> list[str] | None:
    """Return the names of the columns of a data frame; None if there are none, or not strings."""
    columns = getattr(X, "columns", None)
    if columns is None:
        return None
    names = list(columns)
    return names if names and all(isinstance(name, str) for name in names) else None


def _listed(names: list[str], limit: int = 8) -> str:
    """Write out the first few names."""
    more = f" and {len(names) - limit} more" if len(names) > limit else ""
    return f"{names[:limit]}{more}"
