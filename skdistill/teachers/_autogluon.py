"""A teacher that is a fitted predictor of AutoGluon."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np

from skdistill._columns import column_names
from skdistill._optional import comes_from
from skdistill.exceptions import TeacherError
from skdistill.teachers._base import Teacher
from skdistill.teachers._fingerprint import fingerprint

# Files and folders of a predictor that say how it labels; the others keep the training rows.
_MODEL_FILES = ("learner.pkl", "models/**/*")


def is_autogluon(model: Any) -> bool:
    """Tell, without importing it, whether `model` is AutoGluon's ``TabularPredictor``."""
    return comes_from(model, "autogluon") and any(
        cls.__name__ == "TabularPredictor" for cls in type(model).__mro__
    )


class AutoGluonTeacher(Teacher):
    """AutoGluon's ``TabularPredictor``, fitted to one target [1]_.

    Parameters
    ----------
    predictor : autogluon.tabular.TabularPredictor
        A fitted one. It is never changed. AutoGluon keeps predictors in pickles, which run code
        when they are read: load one that you trust, and give it.

    Raises
    ------
    TypeError
        If `predictor` is something else.

    Notes
    -----
    Columns are found by name; others beside them do no harm. Rows without names are taken to be in
    the order of the predictor's own columns.

    It is not refitted: copies of a bagged stack would cost hours. Where it was fitted with
    bagging, AutoGluon has out-of-fold labels of its rows already, which are better than those it
    gives them now: ``fit(X, y, soft_targets=predictor.predict_proba_oof())``.

    References
    ----------
    .. [1] Erickson, N., Mueller, J., Shirkov, A., Zhang, H., Larroy, P., Li, M., Smola, A. (2020).
       AutoGluon-Tabular: Robust and Accurate AutoML for Structured Data. arXiv:2003.06505.

    Examples
    --------
    >>> from autogluon.tabular import TabularPredictor  # doctest: +SKIP
    >>> from skdistill import DistilledClassifier
    >>> predictor = TabularPredictor("income").fit(train)  # doctest: +SKIP
    >>> X, y = train.drop(columns="income"), train["income"]  # doctest: +SKIP
    >>> distilled = DistilledClassifier(predictor, student="tree").fit(X, y)  # doctest: +SKIP
    """

    def __init__(self, predictor: Any) -> None:
        if not is_autogluon(predictor):
            raise TypeError(
                "predictor must be a TabularPredictor of AutoGluon, "
                f"got {type(predictor).__name__}; as_teacher takes estimators."
            )
        self.predictor = predictor
        self.name = "TabularPredictor"

    @property
    def columns(self) -> np.ndarray | None:
        """Labels of the columns of probabilities."""
        labels = self.predictor.class_labels if self._is_classifier else None
        return None if labels is None else np.asarray(labels)

    @property
    def is_fitted(self) -> bool:
        """Whether the predictor is fitted."""
        return bool(self.predictor.is_fit)

    @property
    def _is_classifier(self) -> bool:
        return self.is_fitted and self.predictor.problem_type in ("binary", "multiclass")

    def check_task(self, task: str) -> None:
        """Check what the predictor was fitted to (see `Teacher.check_task`)."""
        if not self.is_fitted:
            return
        fitted_to = self.predictor.problem_type
        if self._is_classifier == (task == "classification") and fitted_to != "quantile":
            return
        raise ValueError(
            f"teacher {self.name} was fitted to a problem of type {fitted_to!r}, which cannot "
            f"teach {task}; give one that was, or use the other form of the student "
            "(Classifier or Regressor)."
        )

    def check_ready(self) -> None:
        """Check that it is fitted."""
        if not self.is_fitted:
            raise ValueError(f"teacher {self.name} is not fitted, and is not fitted here; fit it.")

    def check_features(self, X: Any) -> None:
        """Check that X has the columns that the predictor uses (see `Teacher.check_features`)."""
        names, needed = column_names(X), self.predictor.features()
        missing = [] if names is None else [name for name in needed if str(name) not in names]
        if missing:
            raise ValueError(
                f"X lacks {missing}, which teacher {self.name} was fitted to; give X with the "
                f"columns {needed}."
            )

    def fingerprint(self) -> str:
        """Compute a key of the files that the predictor keeps its models in."""
        folder = Path(self.predictor.path)
        key = hashlib.sha256()
        files = sorted({f for pattern in _MODEL_FILES for f in folder.glob(pattern) if f.is_file()})
        if not files:
            raise TeacherError(
                f"teacher {self.name} has no files in {str(folder)!r} to tell it by, so that its "
                "labels cannot be cached. Use memory=None, or move them back."
            )
        for file in files:
            key.update(file.relative_to(folder).as_posix().encode())
            with file.open("rb") as content:
                for chunk in iter(lambda: content.read(1 << 20), b""):
                    key.update(chunk)
        # Which of its models it answers by can be changed in memory.
        return fingerprint((key.hexdigest(), self.predictor.model_best), self.name)

    def _predict_proba(self, X: Any, classes: np.ndarray) -> Any:
        # A column for each class, also where there are two, in the order of `class_labels`.
        return self.predictor.predict_proba(self._as_frame(X), as_multiclass=True).to_numpy()

    def _predict(self, X: Any) -> Any:
        return self.predictor.predict(self._as_frame(X)).to_numpy()

    def _as_frame(self, X: Any) -> Any:
        """Return rows as a pandas DataFrame with the predictor's columns."""
        import pandas as pd  # AutoGluon's own

        if isinstance(X, pd.DataFrame):
            return X
        if comes_from(X, "polars"):
            return pd.DataFrame({name: X[name].to_numpy() for name in X.columns})
        # Those that it was given; it uses some of them.
        names, rows = self.predictor.original_features, np.asarray(X)
        if rows.ndim != 2 or rows.shape[1] != len(names):
            raise ValueError(
                f"X has shape {rows.shape} and no names of columns; the predictor was fitted to "
                f"{len(names)}, {names}: give a DataFrame."
            )
        return pd.DataFrame(rows, columns=names)
