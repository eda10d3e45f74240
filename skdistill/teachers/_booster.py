"""Raw boosters of LightGBM and XGBoost: their link is read from the model and applied here."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any

import joblib
import numpy as np
from scipy.special import expit, log_expit

from skdistill._optional import comes_from
from skdistill.losses import softmax
from skdistill.teachers._alignment import check_labels
from skdistill.teachers._base import Teacher, column_names
from skdistill.teachers._representation import represent_model

# From raw scores to probabilities, by objective; names are unique over both libraries.
LINKS = {
    "binary": "sigmoid",
    "cross_entropy": "sigmoid",
    "multiclass": "softmax",
    "multiclassova": "one-vs-all",
    "binary:logistic": "sigmoid",
    "binary:logitraw": "sigmoid",
    "reg:logistic": "sigmoid",
    "multi:softprob": "softmax",
    "multi:softmax": "softmax",
}


def is_booster(model: Any) -> bool:
    """Tell whether `model` is a ``Booster`` of LightGBM or XGBoost."""
    return comes_from(model, "lightgbm", "xgboost") and any(
        cls.__name__ == "Booster" for cls in type(model).__mro__
    )


def booster_feature_names(booster: Any) -> list[str] | None:
    """Return the names of the columns a booster was trained on; None if they had none."""
    if comes_from(booster, "xgboost"):
        names = booster.feature_names
        return None if names is None else list(names)
    names = booster.feature_name()
    unnamed = names == [f"Column_{i}" for i in range(len(names))]
    return None if unnamed else names


def trained_names(model: Any, names: list[str]) -> list[str]:
    """Write names of columns as the model's library does: LightGBM has no white space in them."""
    if comes_from(model, "lightgbm"):
        return [re.sub(r"\s", "_", name) for name in names]
    return names


class BoosterTeacher(Teacher):
    """A ``lightgbm.Booster`` or ``xgboost.Booster``.

    Raw scores are taken from the library and turned into probabilities here, in float64, by the
    link of the model's own objective. Where training stopped early, the best iteration is used.

    Parameters
    ----------
    booster : lightgbm.Booster or xgboost.Booster
        A trained one.
    classes : array-like of shape (n_classes,) or None, default=None
        Labels of the codes 0, 1, ... it was trained on. None takes the sorted labels of y.

    Raises
    ------
    TypeError
        If `booster` is something else.

    Examples
    --------
    >>> import lightgbm
    >>> from sklearn.datasets import load_breast_cancer
    >>> from skdistill.teachers import BoosterTeacher
    >>> X, y = load_breast_cancer(return_X_y=True)
    >>> params = {"objective": "binary", "verbose": -1, "num_threads": 1}
    >>> booster = lightgbm.train(params, lightgbm.Dataset(X, y), num_boost_round=5)
    >>> teacher = BoosterTeacher(booster, classes=["malignant", "benign"])
    >>> teacher.predict_proba(X[:1], classes=["benign", "malignant"]).shape
    (1, 2)
    """

    def __init__(self, booster: Any, *, classes: Sequence[Any] | np.ndarray | None = None) -> None:
        if not is_booster(booster):
            raise TypeError(
                "booster must be a lightgbm.Booster or xgboost.Booster, "
                f"got {type(booster).__name__}; as_teacher takes estimators."
            )
        self.booster = booster
        self._labels = None if classes is None else check_labels(classes)
        kind = _LightGBM if comes_from(booster, "lightgbm") else _XGBoost
        self._model: _LightGBM | _XGBoost = kind(booster)
        self.name = f"{'lightgbm' if kind is _LightGBM else 'xgboost'}.Booster"

    @property
    def columns(self) -> np.ndarray | None:
        """Labels of the columns as given."""
        return self._labels

    @property
    def has_implicit_order(self) -> bool:
        """Whether it is a classifier and `classes` was left out."""
        return self._labels is None and self._model.link is not None

    @property
    def feature_names(self) -> list[str] | None:
        """Columns that it was trained on, if they had names."""
        return booster_feature_names(self.booster)

    @property
    def fitted_models(self) -> list[Any]:
        """The booster."""
        return [self.booster]

    def check_task(self, task: str) -> None:
        """Check that the model's objective fits the task (see `Teacher.check_task`)."""
        objective = self._model.objective
        if task == "classification":
            if self._model.link is None:
                raise ValueError(
                    f"teacher {self.name} has the objective {objective!r}, which tells no "
                    "probabilities. If it is your own, give the raw scores: CallableTeacher(f, "
                    "output='logits'); if it is hard labels, output='predictions'."
                )
        elif self._labels is not None:
            raise ValueError(f"teacher {self.name} has classes, which regression does not have.")
        elif not self._model.is_regressor:
            raise ValueError(
                f"teacher {self.name} has the objective {objective!r}, which is none of "
                "regression. If its predictions are numbers to be learnt, say so: "
                "CallableTeacher(f, output='predictions')."
            )

    def fingerprint(self) -> str:
        """Compute a key of the trained model."""
        return str(joblib.hash((self._model.serialised(), self._model.rounds, self._labels)))

    def _trained_names(self, names: list[str]) -> list[str]:
        return trained_names(self.booster, names)

    def _predict_proba(self, X: Any, classes: np.ndarray) -> np.ndarray:
        Z = np.array(self._model.raw_scores(X), dtype=np.float64)
        link = self._model.link
        if link == "softmax":
            return softmax(Z)
        Z *= self._model.sigmoid
        # Independent sigmoids, scaled to sum to one; by logarithms, as they can all underflow.
        return softmax(log_expit(Z)) if link == "one-vs-all" else expit(Z)

    def _predict(self, X: Any) -> Any:
        return self._model.predict(X)

    def _represent(self, X: Any, where: Any) -> Any:
        return represent_model(self.booster, X, where)


class _LightGBM:
    """What is particular to ``lightgbm.Booster``."""

    def __init__(self, booster: Any) -> None:
        self.booster = booster
        # The header names the objective; the trees are left out as far as possible.
        header = booster.model_to_string(num_iteration=1).split("\nTree=")[0].split("\n")
        fields = dict(line.partition("=")[::2] for line in header)
        # A custom objective leaves no trace: there is no such line.
        words = fields.get("objective", "custom").split(" ")
        self.objective = words[0]
        options = dict(word.partition(":")[::2] for word in words[1:])
        self.sigmoid = float(options.get("sigmoid", 1.0))
        self.link = LINKS.get(self.objective)
        self.is_regressor = self.objective not in (
            "custom",
            "binary",
            "multiclass",
            "multiclassova",
        )
        self._averages = "average_output" in fields

    @property
    def rounds(self) -> int:
        best = self.booster.best_iteration
        return best if best > 0 else self.booster.current_iteration()

    def raw_scores(self, X: Any) -> np.ndarray:
        scores = self.booster.predict(X, raw_score=True)
        # A random forest sums its trees in the raw score, and averages them in the link.
        return scores / self.rounds if self._averages else scores

    def predict(self, X: Any) -> np.ndarray:
        return self.booster.predict(X)

    def serialised(self) -> str:
        return self.booster.model_to_string(num_iteration=-1)


class _XGBoost:
    """What is particular to ``xgboost.Booster``."""

    sigmoid = 1.0

    def __init__(self, booster: Any) -> None:
        self.booster = booster
        # A custom objective leaves the default here, reg:squarederror.
        config = json.loads(booster.save_config())
        self.objective: str = config["learner"]["objective"]["name"]
        self.link = LINKS.get(self.objective)
        self.is_regressor = self.objective.split(":")[0] in ("reg", "count", "survival", "rank")

    @property
    def rounds(self) -> int:
        best = self.booster.attr("best_iteration")
        return self.booster.num_boosted_rounds() if best is None else int(best) + 1

    def raw_scores(self, X: Any) -> np.ndarray:
        return self._predict(X, output_margin=True)

    def predict(self, X: Any) -> np.ndarray:
        return self._predict(X)

    def serialised(self) -> bytes:
        return bytes(self.booster.save_raw())

    def _predict(self, X: Any, **options: Any) -> np.ndarray:
        import xgboost

        # Names on one side only are no mismatch; where both have them, `check_features` compares.
        own = self.booster.feature_names
        names = own if column_names(X) is None else None
        data = xgboost.DMatrix(X, enable_categorical=True, feature_names=names)
        if data.num_col() != self.booster.num_features():
            raise ValueError(
                f"X has {data.num_col()} features, the model has {self.booster.num_features()}."
            )
        if self.booster.attr("best_iteration") is not None:
            options["iteration_range"] = (0, self.rounds)
        return self.booster.predict(data, validate_features=own is not None, **options)
