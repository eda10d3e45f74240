"""``skdistill distill``: a model file and a CSV file in, a student and what it lost out."""

from __future__ import annotations

import argparse
import ast
import json
from pathlib import Path
from typing import Any

import joblib
import numpy as np
from sklearn.base import clone
from sklearn.model_selection import train_test_split
from sklearn.utils import check_random_state

from skdistill._compat import seed_estimator
from skdistill.cli._files import (
    as_teacher_saw_it,
    as_train_has_it,
    load_teacher,
    read_table,
    write_whole,
)
from skdistill.cli._measure import (
    COLUMNS,
    aligned_proba,
    format_table,
    measure_classifier,
    measure_regressor,
    pickled_bytes,
)
from skdistill.distillation import DistilledClassifier, DistilledRegressor
from skdistill.metrics import gap_closed
from skdistill.students import STUDENT_NAMES, make_student
from skdistill.teachers import as_teacher

TEST_SHARE = 0.2


def add_parser(commands: Any) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "distill",
        help="distil a model file on a CSV file, and print what was lost",
        description="Distil a fitted scikit-learn, LightGBM or XGBoost model or Pipeline on the "
        "rows of a CSV file. Writes student.joblib and summary.json.",
    )
    parser.add_argument(
        "--teacher",
        type=Path,
        required=True,
        metavar="FILE",
        help="joblib or pickle file (needs --trust), LightGBM .txt, XGBoost .json or .ubj",
    )
    parser.add_argument(
        "--trust", action="store_true", help="load the teacher even though a pickle can run code"
    )
    parser.add_argument(
        "--data", type=Path, required=True, metavar="CSV", help="rows with their labels"
    )
    parser.add_argument("--target", required=True, metavar="COLUMN", help="column of the labels")
    parser.add_argument(
        "--test",
        type=Path,
        metavar="CSV",
        help="rows to measure on, best such that the teacher has not seen them; without it a "
        "fifth of --data is held out",
    )
    parser.add_argument("--student", choices=STUDENT_NAMES, default="tree", help="default: tree")
    parser.add_argument(
        "--param",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="a parameter of the student, such as max_leaf_nodes=64; may be given several times",
    )
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="where to write")
    parser.add_argument("--seed", type=int, default=0, help="seed of split, rows and student")
    parser.add_argument("--quiet", action="store_true", help="no progress on stderr")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> None:
    """Distil, measure, write and print."""
    model = load_teacher(arguments.teacher, trust=arguments.trust)
    task = _find_task(model)
    student = make_student(arguments.student, task=task)
    student.set_params(**_parse_params(arguments.param, student))
    train, test = _read_rows(arguments, model, task)
    distiller = (DistilledClassifier if task == "classification" else DistilledRegressor)(
        model, student=student, random_state=arguments.seed, verbose=0 if arguments.quiet else 1
    )
    distiller.fit(*train)
    direct = seed_estimator(clone(student), check_random_state(arguments.seed)).fit(*train)
    rows = _measure(distiller, direct, test)
    summary = {
        "task": task,
        "distillation": distiller.distillation_.to_dict(),
        "test_rows": len(test[1]),
        "measured": rows,
    }
    arguments.out.mkdir(parents=True, exist_ok=True)
    write_whole(
        arguments.out / "summary.json",
        lambda path: path.write_text(json.dumps(summary, indent=2) + "\n"),
    )
    write_whole(arguments.out / "student.joblib", lambda path: joblib.dump(distiller.student_, path))
    _print_verdict(arguments, rows, distiller, task)


def _find_task(model: Any) -> str:
    """Take the model for a classifier if it can be one."""
    try:
        as_teacher(model, task="classification")
    except (TypeError, ValueError) as error:
        try:
            as_teacher(model, task="regression")
        except (TypeError, ValueError):
            raise error from None
        return "regression"
    return "classification"


def _parse_params(pairs: list[str], student: Any) -> dict[str, Any]:
    """Read NAME=VALUE pairs; values are Python literals, anything else is a string."""
    params = {}
    for pair in pairs:
        name, equals, text = pair.partition("=")
        if not equals or name not in student.get_params():
            raise ValueError(
                f"--param {pair!r}: {type(student).__name__} has the parameters "
                f"{sorted(student.get_params())}; give one of them as NAME=VALUE"
            )
        try:
            params[name] = ast.literal_eval(text)
        except (ValueError, SyntaxError):
            params[name] = text
    return params


def _read_rows(arguments: argparse.Namespace, model: Any, task: str) -> tuple[Any, Any]:
    """Read the files; return (X, y) to distil on and (X, y) to measure on."""
    names = as_teacher(model, task=task).feature_names
    X, y = read_table(arguments.data, arguments.target, "--data")
    X = as_teacher_saw_it(X, model, names)
    if arguments.test is not None:
        X_test, y_test = read_table(arguments.test, arguments.target, "--test")
        return (X, y), (as_train_has_it(X_test, X, arguments.test), y_test)
    strata = y if task == "classification" and np.unique(y, return_counts=True)[1].min() > 1 else None
    X, X_test, y, y_test = train_test_split(
        X, y, test_size=TEST_SHARE, random_state=arguments.seed, stratify=strata
    )
    return (X, y), (X_test, y_test)


def _measure(distiller: Any, direct: Any, test: tuple[Any, Any]) -> dict[str, dict[str, Any]]:
    """Measure teacher, direct fit and distilled student on the test rows."""
    X, y = test
    teacher, student = distiller.teacher_, distiller.student_
    models = {"direct": direct, "distilled": student}
    if hasattr(distiller, "classes_"):
        classes = distiller.classes_
        proba = teacher.predict_proba(X, classes)
        rows = {
            "teacher": measure_classifier(
                lambda rows: teacher.predict_proba(rows, classes), X, y, classes, proba
            )
        }
        for name, model in models.items():
            rows[name] = measure_classifier(aligned_proba(model, classes), X, y, classes, proba)
    else:
        values = teacher.predict(X)
        rows = {"teacher": measure_regressor(teacher.predict, X, y, values)}
        for name, model in models.items():
            rows[name] = measure_regressor(model.predict, X, y, values)
    rows["teacher"]["bytes"] = pickled_bytes(distiller.teacher)
    for name, model in models.items():
        rows[name]["bytes"] = pickled_bytes(model)
    return rows


def _print_verdict(
    arguments: argparse.Namespace, rows: dict[str, dict[str, Any]], distiller: Any, task: str
) -> None:
    record = distiller.distillation_
    loss = "log_loss" if task == "classification" else "rmse"
    closed = gap_closed(rows["distilled"][loss], rows["direct"][loss], rows["teacher"][loss])
    print(format_table(rows))
    print()
    if rows["direct"][loss] <= rows["teacher"][loss]:
        print(
            f"The direct fit is as good as the teacher here ({COLUMNS[loss][0]}): distillation is "
            "not needed."
        )
    else:
        print(f"Gap closed between direct fit and teacher ({COLUMNS[loss][0]}): {closed:.2f}")
    if arguments.test is None:
        print(
            "The test rows were held out from both students. If the teacher was fitted to them, "
            "its own figures flatter it: give --test rows that it has not seen."
        )
    print(
        f"Teacher labels: {record.teacher_labels} ({record.reasons['teacher_labels']}). "
        f"Rows: {record.n_real} real, {record.n_augmented} augmented; "
        f"{record.teacher_rows_scored} scored by teachers, {record.teacher_fits} teacher fits."
    )
    out = arguments.out
    print(f"Wrote {out / 'student.joblib'} and {out / 'summary.json'}. Use it with")
    print(f"    student = joblib.load({str(out / 'student.joblib')!r}); student.predict(X)")
