"""``skdistill demo``: a heavy teacher, four kinds of student, one table."""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
import warnings
from typing import Any

from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.ensemble import ExtraTreesClassifier
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split

from skdistill.cli._measure import format_table, measure_classifier
from skdistill.distillation import DistilledClassifier
from skdistill.report._footprint import pickled_bytes
from skdistill.students import (
    BoostingStudentClassifier,
    LinearStudentClassifier,
    MLPStudentClassifier,
    TreeStudentClassifier,
)

NEXT_STEPS = """\
direct: the student fitted to the labels alone; distilled: the same student, taught.
fidelity: share of test rows where student and teacher agree. µs/row: in batches of 500.
Only differences beyond chance count, and a direct fit can win: always look at both.

Next:
  your own model   skdistill distill --teacher model.joblib --trust --data train.csv \\
                       --target y --student tree --out out/
  in Python        from skdistill import DistilledClassifier
                   student = DistilledClassifier(teacher, student="mlp").fit(X, y)
  read             README.md, and docs/user_guide"""


def add_parser(commands: Any) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "demo",
        help="distil a forest of 500 trees into four kinds of student, in under a minute",
        description="Train a heavy teacher on the handwritten digits that come with scikit-learn, "
        "distil it into four kinds of student, and compare on test rows.",
    )
    parser.add_argument("--seed", type=int, default=0, help="seed of split, teacher and students")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> None:
    """Run the demo and print its table."""
    X, y = load_digits(return_X_y=True)
    X, X_test, y, y_test = train_test_split(
        X, y, test_size=0.3, stratify=y, random_state=arguments.seed
    )
    _say(f"teacher: 500 extremely randomised trees on {len(X)} images of digits, 10 classes")
    teacher = ExtraTreesClassifier(500, n_jobs=-1, random_state=arguments.seed).fit(X, y)
    teacher_proba = teacher.predict_proba(X_test)

    def score(model: Any) -> dict[str, Any]:
        row = measure_classifier(
            model.predict_proba, X_test, y_test, teacher.classes_, teacher_proba
        )
        return {**row, "bytes": pickled_bytes(model)}

    rows = {"teacher": score(teacher)}
    with tempfile.TemporaryDirectory() as cache:
        for name, student in _students().items():
            start = time.perf_counter()
            rows[f"{name}, direct"] = score(_fit_direct(student, X, y, arguments.seed))
            distilled = DistilledClassifier(
                teacher,
                student=student,
                search_budget=0,  # by the rules, to be quick
                memory=cache,
                random_state=arguments.seed,
            ).fit(X, y)
            rows[f"{name}, distilled"] = score(distilled.student_)
            _say(f"{name}: {time.perf_counter() - start:.1f} s")
    print()
    print(format_table(rows))
    print()
    print(NEXT_STEPS)


def _students() -> dict[str, Any]:
    students: dict[str, Any] = {
        "tree, 64 leaves": TreeStudentClassifier(max_leaf_nodes=64),
        "linear": LinearStudentClassifier(),
        "mlp, 32 hidden": MLPStudentClassifier(hidden_layer_sizes=(32,)),
    }
    try:
        import lightgbm  # noqa: F401
    except ImportError:
        _say("boosting is left out: it needs pip install 'skdistill[boosting]'")
    else:
        students["boosting, 620 leaves"] = BoostingStudentClassifier(max_total_leaves=620)
    return students


def _fit_direct(student: Any, X: Any, y: Any, seed: int) -> Any:
    direct = clone(student)
    if "random_state" in direct.get_params():
        direct.set_params(random_state=seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return direct.fit(X, y)


def _say(message: str) -> None:
    print(f"[skdistill] {message}", file=sys.stderr, flush=True)
