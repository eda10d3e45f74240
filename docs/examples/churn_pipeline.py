"""Who will leave? A Pipeline on raw customer records becomes a scorecard without dependencies.

For whom: a team whose churn model is a Pipeline of encoders and a forest, and whose caller (a
function in the cloud, a shop's back end) has Python and nothing else.

What happens: teacher and student both read the raw table, with its strings and missing values. The
student is an additive scorecard. The report compares it with the teacher, and with the same
scorecard fitted without a teacher; then it is written as one Python module, which is checked
against the student.

What to expect: kilobytes in place of megabytes. On such data a forest has little over a good
scorecard, and the report says so where the direct fit does as well.

Run it with ``python churn_pipeline.py [FOLDER]``, where FOLDER holds ``telco_churn.csv.gz``;
without one the rows come from OpenML.
"""

from __future__ import annotations

import os
import pickle
import runpy
import sys
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.datasets import fetch_openml
from sklearn.ensemble import RandomForestClassifier
from sklearn.impute import SimpleImputer
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

from skdistill import DistillationReport, DistilledClassifier, export
from skdistill.students import AdditiveStudentClassifier


def load_rows(folder: Path | None) -> tuple[pd.DataFrame, np.ndarray]:
    """Return customers and whether each left, "Yes" or "No"."""
    if folder is None:
        bunch = fetch_openml(data_id=42178, as_frame=True)  # telco-customer-churn
        X, y = bunch.data.drop(columns="customerID", errors="ignore"), bunch.target
    else:
        path = folder / "telco_churn.csv.gz"
        X = pd.read_csv(path, keep_default_na=False, na_values=[""])  # "None" would be a value
        y = X.pop("target")
    X["TotalCharges"] = pd.to_numeric(X["TotalCharges"], errors="coerce")  # blank for new customers
    return X, np.asarray(y, dtype=str)


def make_teacher(n_trees: int) -> object:
    """Return the heavy model: encoders for raw columns, then a forest."""
    numbers = make_column_selector(dtype_include="number")
    others = make_column_selector(dtype_exclude="number")
    encode = make_column_transformer(
        (SimpleImputer(strategy="median"), numbers),
        (OneHotEncoder(handle_unknown="ignore"), others),
    )
    return make_pipeline(
        encode, RandomForestClassifier(n_trees, min_samples_leaf=5, random_state=0)
    )


def main(folder: Path | None = None, *, n_trees: int = 200) -> dict[str, object]:
    """Distil, report, export; return what was measured."""
    X, y = load_rows(folder)
    X, X_test, y, y_test = train_test_split(X, y, test_size=0.3, stratify=y, random_state=0)
    teacher = make_teacher(n_trees).fit(X, y)

    # By fixed rules the forest is refitted five times; a search does so more often.
    student = AdditiveStudentClassifier(n_pairs=4)
    distilled = DistilledClassifier(teacher, student=student, search_budget=0, random_state=0)
    distilled.fit(X, y)
    direct = AdditiveStudentClassifier(n_pairs=4, random_state=0).fit(X, y)

    report = DistillationReport.from_estimator(
        distilled, X_test, y_test, direct=direct, groups="Contract"
    )
    print(report)

    sizes = {"teacher": len(pickle.dumps(teacher)), "student": distilled.student_.nbytes_}
    print(f"\nTeacher {sizes['teacher']:,} bytes, student {sizes['student']:,} bytes.")

    with tempfile.TemporaryDirectory() as out:
        path = export.to_python(distilled, Path(out) / "churn.py", X=X_test)  # checked on X_test
        module = runpy.run_path(str(path))
        customer = X_test.iloc[0].to_dict()
        answer = dict(zip(module["CLASSES"], module["predict_proba"](customer), strict=True))
        print(f"The module has {Path(path).stat().st_size:,} bytes. The first customer: {answer}")
    return {"report": report.to_dict(), "sizes": sizes, "answer": answer}


if __name__ == "__main__":
    given = sys.argv[1] if len(sys.argv) > 1 else os.environ.get("SKDISTILL_DATA")
    main(Path(given) if given else None)
