"""Write the students that later releases must load: ``python tests/compat/write_files.py``."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE.parent.parent), str(HERE.parent / "persistence"), str(HERE)]

from small_students import (  # noqa: E402
    CASES,
    fitted,
    make_table,
    other_rows,
    predictions,
    sparse_students,
)
from test_old_files import as_input  # noqa: E402

import skdistill  # noqa: E402
from skdistill.students import (  # noqa: E402
    LinearStudentClassifier,
    PrunedStudentRegressor,
    TreeStudentClassifier,
)

N_ROWS = 8


def named_students() -> Iterator[tuple[str, str, Any]]:
    """Yield a name, the table, and a student."""
    for family, task, table in CASES:
        if table == "mixed" or task == "three":
            yield f"{family}_{task}_{table}", table, fitted(family, task, table)
    for i, (student, _) in enumerate(sparse_students()):
        yield f"sparse_{i}", "sparse", student
    X = make_table("numbers")
    flat = np.ones(len(X))
    yield "no_trees", "numbers", PrunedStudentRegressor().fit(X, flat)
    labels = np.arange(len(X)) % 2 == 0
    yield "one_leaf", "numbers", TreeStudentClassifier(ccp_alpha=1.0).fit(X, labels)
    for name, classes in (
        ("object", np.array(["ä", "b"], dtype=object)),
        ("int8", np.array([-1, 1], dtype=np.int8)),
        ("float32", np.array([-2.0, 5.0], dtype=np.float32)),
    ):
        student = LinearStudentClassifier(alpha=1.0).fit(X, classes[labels.astype(int)])
        yield f"labels_{name}", "numbers", student


def plain_rows(table: str) -> list[list[Any]]:
    """Return rows as JSON has them, None for missing."""
    if table == "sparse":
        return next(sparse_students())[1][:N_ROWS].toarray().tolist()
    rows = np.asarray(other_rows(table), dtype=object)[:N_ROWS].tolist()
    return [[None if x is None or x != x else x for x in row] for row in rows]  # noqa: PLR0124


def main() -> None:
    folder = HERE / skdistill.__version__
    rows = {table: plain_rows(table) for table in ("numbers", "mixed", "sparse")}
    columns = {"mixed": list(make_table("mixed").columns)}
    saved = list(named_students())
    folder.mkdir()  # an error where it is there
    students = {}
    for name, table, student in saved:
        skdistill.save(student, folder / f"{name}.skd")
        students[name] = {
            "class": type(student).__name__,
            "table": table,
            "params": student.get_params(),
            "labels": getattr(student, "classes_", np.zeros(0)).tolist(),
            "predictions": predictions(student, as_input(rows[table], columns.get(table))).tolist(),
        }
    expected = {"columns": columns, "rows": rows, "students": students}
    text = json.dumps(expected, ensure_ascii=False, separators=(",", ":"))
    (folder / "expected.json").write_text(text + "\n", encoding="utf-8")
    print(f"Wrote {folder}, {sum(path.stat().st_size for path in folder.iterdir())} bytes.")


if __name__ == "__main__":
    main()
