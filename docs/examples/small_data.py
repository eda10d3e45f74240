"""A hundred and fifty labels: what a teacher and unlabelled rows add to a small model.

For whom: who has few labelled rows, many without a label, and a model that must stay small.

What happens: digits, of which 150 have a label. A forest learns from these alone and labels the
others. The student, a single tree, is fitted three times: to the 150 labels directly, distilled
from the same rows, and distilled with the unlabelled rows. All this is done for several draws of
the labelled rows, since one draw of 150 tells mostly luck.

What to expect: a forest well ahead of a tree that was fitted to 150 labels. How much of that the
student gets with the unlabelled rows is the last column. All models know the same 150 labels.

Run it with ``python small_data.py``; the digits come with scikit-learn.
"""

from __future__ import annotations

import numpy as np
from sklearn.datasets import load_digits
from sklearn.ensemble import ExtraTreesClassifier
from sklearn.metrics import log_loss
from sklearn.model_selection import train_test_split

from skdistill import DistilledClassifier
from skdistill.metrics import gap_closed
from skdistill.students import TreeStudentClassifier

N_LABELLED = 150


def load_rows() -> tuple[np.ndarray, np.ndarray]:
    """Return images of 8 x 8 points and their digits; they come with scikit-learn."""
    return load_digits(return_X_y=True)


def run_draw(seed: int, *, n_trees: int, max_leaf_nodes: int) -> dict[str, float]:
    """Return the log loss on test rows of all models, for one draw of the labelled rows."""
    X, X_test, y, y_test = train_test_split(*load_rows(), test_size=0.4, random_state=0)
    X, X_unlabeled, y, _ = train_test_split(
        X, y, train_size=N_LABELLED, stratify=y, random_state=seed
    )
    teacher = ExtraTreesClassifier(n_trees, random_state=seed).fit(X, y)
    student = TreeStudentClassifier(max_leaf_nodes=max_leaf_nodes, random_state=seed)
    distilled = DistilledClassifier(teacher, student=student, search_budget=0, random_state=seed)
    models = {
        "teacher": teacher,
        "direct": TreeStudentClassifier(max_leaf_nodes=max_leaf_nodes, random_state=seed).fit(X, y),
    }
    losses = {name: log_loss(y_test, model.predict_proba(X_test)) for name, model in models.items()}
    distilled.fit(X, y)
    losses["distilled"] = log_loss(y_test, distilled.predict_proba(X_test))
    distilled.fit(X, y, X_unlabeled=X_unlabeled)
    losses["with unlabelled"] = log_loss(y_test, distilled.predict_proba(X_test))
    return {name: float(loss) for name, loss in losses.items()}


def main(
    *, n_draws: int = 5, n_trees: int = 200, max_leaf_nodes: int = 32
) -> list[dict[str, float]]:
    """Compare over several draws; return the losses of each."""
    draws = [
        run_draw(seed, n_trees=n_trees, max_leaf_nodes=max_leaf_nodes) for seed in range(n_draws)
    ]
    print("log loss on test rows, by draw of the labelled ones")
    print("  ".join(f"{name:>15s}" for name in [*draws[0], "gap closed"]))
    for draw in draws:
        share = gap_closed(
            distilled=draw["with unlabelled"], direct=draw["direct"], teacher=draw["teacher"]
        )
        print("  ".join(f"{value:15.3f}" for value in [*draw.values(), share]))
    won = sum(draw["with unlabelled"] < draw["direct"] for draw in draws)
    print(f"With unlabelled rows better than the direct fit in {won} of {len(draws)} draws.")
    return draws


if __name__ == "__main__":
    main()
