"""Draw the figures of the user guide: ``python docs/draw.py``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.figure import Figure
from sklearn.datasets import load_breast_cancer, make_classification
from sklearn.ensemble import RandomForestClassifier
from sklearn.model_selection import train_test_split

from skdistill import CompactSearch, DistilledClassifier
from skdistill.plotting import ParetoDisplay
from skdistill.students import AdditiveStudentClassifier, TreeStudentClassifier, plot_tree

FOLDER = Path(__file__).parent / "_static"
STYLE: Any = {"svg.fonttype": "none", "svg.hashsalt": "skdistill", "font.size": 9}


def main() -> None:
    """Draw a tree, a scorecard of four columns and the frontier of a search; a forest teaches."""
    data = load_breast_cancer(as_frame=True)
    few = ["worst area", "worst texture", "worst concave points", "worst smoothness"]
    tree = distil(data.data, data, TreeStudentClassifier(max_leaf_nodes=6))
    card = distil(data.data[few], data, AdditiveStudentClassifier(max_bins=12, n_pairs=0))
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(8, 4.2), layout="constrained", facecolor="white")
        plot_tree(tree, ax=figure.subplots(), decimals=3)
        _save(figure, "tree.svg")
        figure = Figure(figsize=(8, 2.2), layout="constrained", facecolor="white")
        card.plot_shapes(axes=figure.subplots(1, len(few)))
        _save(figure, "shapes.svg")
        figure = Figure(figsize=(8, 4.2), layout="constrained", facecolor="white")
        ParetoDisplay.from_estimator(search(), ax=figure.subplots())
        _save(figure, "frontier.svg")


def distil(X: Any, data: Any, student: Any) -> Any:
    """Teach a student by a forest on these columns."""
    y = data.target_names[data.target]
    teacher = RandomForestClassifier(200, random_state=0).fit(X, y)
    return DistilledClassifier(teacher, student=student, random_state=0).fit(X, y).student_


def search() -> CompactSearch:
    """Search as the tutorial does, in more families."""
    X, y = make_classification(3000, 10, n_informative=6, flip_y=0.05, random_state=0)
    X, _, y, _ = train_test_split(X, y, random_state=0)
    teacher = RandomForestClassifier(100, min_samples_leaf=3, random_state=0).fit(X, y)
    students = ["linear", "tree", "boosting"]
    return CompactSearch(
        teacher, students=students, metric="roc_auc", tolerance=0.05, cv=3, random_state=0
    ).fit(X, y)


def _save(figure: Any, name: str) -> None:
    figure.savefig(FOLDER / name, format="svg", metadata={"Date": None, "Creator": None})


if __name__ == "__main__":
    main()
