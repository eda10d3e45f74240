"""What the suite `deploy` deploys: teachers, students, and scikit-learn's own models beside."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Any

import numpy as np
from joblib import Memory
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import QuantileTransformer, StandardScaler
from sklearn.tree import DecisionTreeClassifier

from benchmarks.datasets import load, split
from benchmarks.encoding import make_encoder
from benchmarks.students import StudentSpec
from benchmarks.tasks import RunSettings
from skdistill import DistilledClassifier
from skdistill._compat import take_rows
from skdistill._ensembles._boosters import read_lightgbm
from skdistill._ensembles._forest import LEAF, Forest
from skdistill._optional import import_optional
from skdistill.export._form import Form, Input, Number, Trees
from skdistill.students._mlp.inputs import N_KNOTS

__all__ = ["FOREST", "LIGHTGBM", "TWINS", "Models", "form_of_lightgbm"]

LIGHTGBM, FOREST = "lightgbm500", "forest500"
MAX_ROWS = 5000
BATCH_ROWS = 10_000

# Scikit-learn's own models of the same kind and size, by family.
TWINS: dict[str, Callable[[StudentSpec], Any]] = {
    "tree": lambda spec: DecisionTreeClassifier(max_leaf_nodes=int(spec.size), random_state=0),
    "linear": lambda spec: LogisticRegression(),
    "mlp": lambda spec: MLPClassifier((int(spec.size),), max_iter=30, random_state=0),
    "boosting": lambda spec: HistGradientBoostingClassifier(
        max_iter=max(1, int(spec.size) // 8),
        max_leaf_nodes=8,
        early_stopping=False,
        random_state=0,
    ),
}


class Models:
    """Data and models of one data set, each fitted once.

    Parameters
    ----------
    dataset : str
        A set with classes.
    settings : RunSettings
        Data folder and cache.
    teacher_trees : int
        Trees of both teachers.

    Attributes
    ----------
    X_train, X_test : ndarray or DataFrame
        Tables of numbers are arrays, as a service would have them; others are frames.
    as_arrays : bool
        Which of the two.
    X_batch : ndarray or DataFrame
        10,000 test rows, repeated as needed.
    y_train, y_test : ndarray
    classes : ndarray
        Labels, sorted.
    """

    def __init__(self, dataset: str, settings: RunSettings, *, teacher_trees: int) -> None:
        self.teacher_trees = teacher_trees
        self.memory = Memory(settings.cache, verbose=0)
        self.dataset = load(dataset, settings.folder)
        parts = split(self.dataset, 0, MAX_ROWS, MAX_ROWS)
        self.y_train, self.y_test = parts.y_train, parts.y_test
        self.classes = np.unique(parts.y_train)
        numeric = self.dataset.X.select_dtypes("number").shape[1] == self.dataset.X.shape[1]
        self.as_arrays = numeric and not self.dataset.X.isna().any(axis=None)
        self.X_train, self.X_test = parts.X_train, parts.X_test
        if self.as_arrays:
            self.X_train, self.X_test = self.X_train.to_numpy(float), self.X_test.to_numpy(float)
        self.X_batch = take_rows(self.X_test, np.arange(BATCH_ROWS) % len(self.X_test))
        self._fitted: dict[tuple[str, StudentSpec | None], Any] = {}

    @cached_property
    def said(self) -> np.ndarray:
        """What the teacher of the students says of the test rows."""
        return np.asarray(self.teacher(LIGHTGBM).predict_proba(self.X_test))

    def teacher(self, name: str) -> Any:
        """Return a fitted teacher; where there are categories, behind an encoder."""
        return self._once((name, None), lambda: self._fit(self._make_teacher(name)))

    def student(self, spec: StudentSpec) -> Any:
        """Return the student that LightGBM was distilled into."""
        return self._once(("", spec), lambda: self._distill(spec))

    def twin(self, spec: StudentSpec) -> Any:
        """Return scikit-learn's own model of the kind, fitted to the labels."""
        return self._once(("twin", spec), lambda: self._fit(self._make_twin(spec)))

    def _make_twin(self, spec: StudentSpec) -> Any:
        model = TWINS[spec.family](spec)
        if spec.family != "mlp" or not self.as_arrays:  # the encoder of frames standardises
            return model
        # A network needs its inputs transformed; the student's chose how on its real rows.
        if self.student(spec).input_transform_ == "standard":
            return make_pipeline(StandardScaler(), model)
        quantiles = QuantileTransformer(n_quantiles=N_KNOTS, output_distribution="normal")
        return make_pipeline(quantiles, model)

    def _once(self, key: tuple[str, StudentSpec | None], make: Callable[[], Any]) -> Any:
        if key not in self._fitted:
            self._fitted[key] = make()
        return self._fitted[key]

    def _make_teacher(self, name: str) -> Any:
        if name == FOREST:
            return RandomForestClassifier(self.teacher_trees, n_jobs=1, random_state=0)
        lightgbm = import_optional("lightgbm", extra="boosting", purpose="The deploy suite")
        return lightgbm.LGBMClassifier(
            n_estimators=self.teacher_trees,
            learning_rate=0.05,
            n_jobs=1,
            verbose=-1,
            random_state=0,
        )

    def _fit(self, model: Any) -> Any:
        if not self.as_arrays:
            model = make_pipeline(make_encoder(), model)
        return model.fit(self.X_train, self.y_train)

    def _distill(self, spec: StudentSpec) -> Any:
        distilled = DistilledClassifier(
            self.teacher(LIGHTGBM),
            student=spec.make("classification"),
            search_budget=0,  # what a model costs does not depend on how it was chosen
            memory=self.memory,
            random_state=0,
        )
        return distilled.fit(self.X_train, self.y_train).student_


def form_of_lightgbm(model: Any, n_features: int) -> Form:
    """Return the intermediate form of a LightGBM model of two classes and numbers alone.

    Parameters
    ----------
    model : lightgbm.LGBMClassifier
    n_features : int

    Returns
    -------
    form : Form
        What the exporters of students write, so that a teacher has the same compiled forms.
    """
    forest = read_lightgbm(model.booster_)
    classes = tuple(model.classes_.tolist())
    inputs = tuple(Input(f"x{j}") for j in range(n_features))
    return Form(type(model).__name__, inputs, classes, _trees_of(forest, n_features), "margin")


def _trees_of(forest: Forest, n_features: int) -> Trees:
    """Give splits and leaves numbers of their own, as forms do."""
    leaf = forest.feature == LEAF
    number = np.where(leaf, ~(np.cumsum(leaf) - 1), np.cumsum(~leaf) - 1).astype(np.int32)
    return Trees(
        features=tuple(Number(j) for j in range(n_features)),
        feature=forest.feature[~leaf],
        threshold=forest.threshold[~leaf],
        left=number[forest.left[~leaf]],
        right=number[forest.right[~leaf]],
        missing_left=forest.missing_left[~leaf],
        roots=number[forest.roots],
        output=forest.output,
        value=forest.value[leaf],
        init=forest.init,
    )
