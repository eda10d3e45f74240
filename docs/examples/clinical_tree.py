"""A tree that a clinician can read, and the report that goes with it.

For whom: who may only use a model that fits on a page, and must show a reviewer what that costs.

What happens: a forest learns to tell malignant from benign tumours by thirty measurements. A tree
of six leaves learns from it. It is printed as text; then a report on rows that neither has seen
compares it with its teacher, and with the same tree fitted without one.

What to expect: a readable tree and an honest verdict. With some hundred patients the intervals are
wide: "keep the teacher" is a likely answer under a strict tolerance, and the direct fit may be as
good. The report says either. It is an example of the tools and no medical device.

Run it with ``python clinical_tree.py [REPORT.html]``; the data come with scikit-learn. The page
needs the extra "report".
"""

from __future__ import annotations

import sys
from pathlib import Path

import pandas as pd
from sklearn.datasets import load_breast_cancer
from sklearn.ensemble import RandomForestClassifier
from sklearn.model_selection import train_test_split

from skdistill import DistillationReport, DistilledClassifier
from skdistill.students import TreeStudentClassifier, export_text


def load_rows() -> tuple[pd.DataFrame, pd.Series]:
    """Return measurements and diagnoses as words; they come with scikit-learn."""
    bunch = load_breast_cancer(as_frame=True)
    return bunch.data, bunch.target.map(dict(enumerate(map(str, bunch.target_names))))


def main(page: Path | None = None, *, n_trees: int = 300) -> dict[str, object]:
    """Distil, print the tree and the report; return the text of the tree and the report."""
    X, y = load_rows()
    X, X_test, y, y_test = train_test_split(X, y, test_size=0.4, stratify=y, random_state=0)
    teacher = RandomForestClassifier(n_trees, random_state=0).fit(X, y)

    student = TreeStudentClassifier(max_leaf_nodes=6)
    distilled = DistilledClassifier(teacher, student=student, search_budget=0, random_state=0)
    distilled.fit(X, y)
    direct = TreeStudentClassifier(max_leaf_nodes=6, random_state=0).fit(X, y)

    text = export_text(distilled.student_)
    print(text)

    # A tolerance in the unit of the metric: three points of the area under the ROC curve.
    report = DistillationReport.from_estimator(
        distilled, X_test, y_test, direct=direct, metric="roc_auc", tolerance=0.03
    )
    print(report)
    if page is not None:
        report.to_html(page)  # one file, to send on
    return {"tree": text, "report": report, "distilled": distilled}


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else None)
