"""A teacher that is paid by the row: what distillation asks of it, and how to ask for less.

For whom: who distils an in-context model (a tabular foundation model, a service behind an API) of
which every answer costs seconds or money.

What happens: a stand-in plays the costly model and counts the rows that it is asked for. Like an
in-context model it fits by keeping its rows, so that fitting is free and answers are not; and
asked for a row of its own context it repeats the label. Several ways to distil it are compared by
rows asked for, by what these would cost, and by the student's log loss.

What to expect: the rows asked for can be counted beforehand. With ``search_budget=0`` they are the
rows of X once, ``size_factor`` more of each, and those of ``X_unlabeled``. The search asks for
several times as many. With ``memory=`` a second student asks for none. In-sample labels cost as
much as out-of-fold ones, and tell what y told already.

Run it with ``python costly_teacher.py``; the data come with scikit-learn.
"""

from __future__ import annotations

import tempfile
import warnings
from typing import ClassVar

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.datasets import load_diabetes
from sklearn.metrics import log_loss
from sklearn.model_selection import train_test_split
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skdistill import DistilledClassifier
from skdistill.exceptions import OverconfidentTeacherWarning, TeacherNotUsedWarning
from skdistill.students import TreeStudentClassifier

SECONDS_PER_ROW = 0.5  # stated, not slept


class InContextModel(ClassifierMixin, BaseEstimator):
    """Stand-in: neighbours by nearness, so that a row of the context gets its own label."""

    rows_asked: ClassVar[int] = 0  # by all copies together

    def fit(self, X: np.ndarray, y: np.ndarray) -> InContextModel:
        """Keep the context."""
        neighbours = KNeighborsClassifier(25, weights="distance", algorithm="brute")
        self.model_ = make_pipeline(StandardScaler(), neighbours).fit(X, y)
        self.classes_ = self.model_.classes_
        return self

    def predict_proba(self, X: np.ndarray) -> np.ndarray:
        """Answer, and count."""
        InContextModel.rows_asked += len(X)
        return self.model_.predict_proba(X)

    def predict(self, X: np.ndarray) -> np.ndarray:
        """Return the most probable class."""
        return self.classes_[self.predict_proba(X).argmax(axis=1)]


def load_rows() -> tuple[np.ndarray, np.ndarray]:
    """Return measurements and whether the disease progressed more than in the median patient."""
    X, progress = load_diabetes(return_X_y=True)
    return X, (progress > np.median(progress)).astype(int)


def main() -> dict[str, dict[str, float]]:
    """Distil in several ways; return rows asked for, as counted and as noted, and log loss."""
    X, X_test, y, y_test = train_test_split(*load_rows(), test_size=0.4, random_state=0)
    X, X_more, y, _ = train_test_split(X, y, test_size=0.4, random_state=0)  # without labels
    teacher = InContextModel().fit(X, y)
    direct = TreeStudentClassifier(max_leaf_nodes=8, random_state=0).fit(X, y)
    loss = float(log_loss(y_test, direct.predict_proba(X_test)))
    measured = {"no teacher": {"rows": 0, "log_loss": loss}}

    def distil(
        name: str, leaves: int = 8, X_unlabeled: np.ndarray | None = None, **options: object
    ) -> None:
        before = InContextModel.rows_asked
        student = TreeStudentClassifier(max_leaf_nodes=leaves)
        distilled = DistilledClassifier(teacher, student=student, random_state=0, **options)
        distilled.fit(X, y, X_unlabeled=X_unlabeled)
        asked = InContextModel.rows_asked - before
        noted = distilled.distillation_.teacher_rows_scored
        loss = float(log_loss(y_test, distilled.predict_proba(X_test)))
        measured[name] = {"rows": asked, "noted": noted, "log_loss": loss}

    rules = {"search_budget": 0}
    with warnings.catch_warnings(), tempfile.TemporaryDirectory() as cache:
        # In-sample labels of such a model are y again; that it warns of that is right.
        warnings.simplefilter("ignore", OverconfidentTeacherWarning)
        distil("in-sample labels", teacher_labels="in_sample", augment=None, **rules)
        distil("out-of-fold labels", augment=None, **rules)
        distil("+ unlabelled rows", X_unlabeled=X_more, augment=None, **rules)
        distil("+ 1 new row each", size_factor=1, **rules)
        distil("+ 5 new rows each", size_factor=5, memory=cache, **rules)
        distil("a smaller tree, cached", leaves=4, memory=cache, **rules)
        warnings.simplefilter("ignore", TeacherNotUsedWarning)  # a fair result of a search
        distil("chosen by validation")

    print(f"{len(X)} labelled rows, {len(X_more)} others; {SECONDS_PER_ROW} s a row")
    for name, row in measured.items():
        cost = row["rows"] * SECONDS_PER_ROW
        print(f"{name:24s} {row['rows']:5d} rows {cost:6.0f} s  log loss {row['log_loss']:.3f}")
    return measured


if __name__ == "__main__":
    main()
