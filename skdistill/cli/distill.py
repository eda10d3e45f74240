"""``skdistill distill``: a model file and a CSV file in, a student and what it lost out."""

from __future__ import annotations

import argparse
import ast
import json
import math
import shlex
import sys
import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.base import clone
from sklearn.model_selection import train_test_split
from sklearn.utils import check_random_state

from skdistill._compat import seed_estimator
from skdistill._output import write_files
from skdistill._scorers import make_metric
from skdistill.cli._compact import (
    NOT_GOOD_ENOUGH,
    add_budgets,
    can_write_page,
    parse_students,
    search,
    wants_search,
)
from skdistill.cli._files import (
    as_teacher_saw_it,
    as_train_has_it,
    check_folder,
    load_teacher,
    read_table,
    text_columns,
)
from skdistill.cli._measure import measure_models
from skdistill.cli._verdict import print_verdict
from skdistill.cli.export import export_files, parse_forms
from skdistill.distillation import DistilledClassifier, DistilledRegressor
from skdistill.persistence._student import encode
from skdistill.report import DistillationReport
from skdistill.students import STUDENT_NAMES, make_student
from skdistill.teachers import as_teacher, find_task

TEST_SHARE = 0.2
# Parameters of the distillation that have options of their own: --jobs, --seed, --quiet.
OWN_OPTIONS = {"teacher", "student", "n_jobs", "random_state", "verbose"}
MIN_ROWS = 10  # of which two are held out


def add_parser(commands: Any) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "distill",
        help="distil a model file on a table, and print what was lost",
        description="Distil a fitted scikit-learn, LightGBM, XGBoost or ONNX model or Pipeline on "
        "the rows of a file. Writes student.skd, summary.json and report.html, and the exports "
        "asked for. Exit codes: 0 done, 1 error, 2 wrong options, 3 no student within --tolerance.",
    )
    _add_input(parser)
    _add_student(parser)
    add_budgets(parser)
    _add_evidence(parser)
    _add_output(parser)
    parser.set_defaults(run=run)


def _add_input(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--teacher",
        type=Path,
        required=True,
        metavar="FILE",
        help="joblib or pickle file (needs --trust), LightGBM .txt, XGBoost .json or .ubj, .onnx",
    )
    parser.add_argument(
        "--trust", action="store_true", help="load the teacher even though a pickle can run code"
    )
    parser.add_argument(
        "--data",
        type=Path,
        required=True,
        metavar="FILE",
        help="CSV or Parquet file of rows with their labels",
    )
    parser.add_argument("--target", required=True, metavar="COLUMN", help="column of the labels")
    parser.add_argument(
        "--test",
        type=Path,
        metavar="FILE",
        help="rows to measure on, best such that the teacher has not seen them; without it a "
        "fifth of --data is held out",
    )


def _add_student(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--student",
        type=parse_students,
        default=None,
        metavar="NAMES",
        help=f"one or more of {','.join(STUDENT_NAMES)}, or all; default: tree, or all if there "
        "is a budget",
    )
    parser.add_argument(
        "--param",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="a parameter of the student, such as max_leaf_nodes=64; may be given several times; "
        "an unknown name lists those there are",
    )
    parser.add_argument(
        "--setting",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="a parameter of the distillation, such as hard_label_weight=1 or augment=None; may "
        "be given several times",
    )


def _add_evidence(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--metric",
        default="auto",
        help="scikit-learn's name of the score that decides, such as roc_auc; default: log loss, "
        "or the root mean squared error",
    )
    parser.add_argument(
        "--groups",
        action="append",
        metavar="COLUMN",
        help="compare quality between the groups of a column; may be given several times",
    )


def _add_output(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--export", metavar="FORMS", help="also write the student as any of python,c,onnx"
    )
    parser.add_argument("--jobs", type=int, metavar="N", help="fits at the same time")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="where to write")
    parser.add_argument("--json", action="store_true", help="print the summary instead of text")
    parser.add_argument("--seed", type=int, default=0, help="seed of split, rows and student")
    parser.add_argument(
        "--quiet", action="store_true", help="no progress and no warnings on stderr"
    )


def run(arguments: argparse.Namespace) -> int:
    """Distil, measure, write and print; return 3 if no student is within the tolerance."""
    check_folder(arguments.out)
    make_metric(arguments.metric, None)  # a wrong name must not cost a fit
    forms = [] if arguments.export is None else parse_forms(arguments.export, None, "--export")
    if arguments.student is None:
        arguments.student = "all" if wants_search(arguments) else "tree"
    with _noting_warnings(quiet=arguments.quiet) as notes:
        model = load_teacher(arguments.teacher, trust=arguments.trust)
        task = find_task(model)
        train, test = _read_rows(arguments, model, task)
        _check_groups(arguments, train[0])
        if wants_search(arguments):
            found = _search(model, train, arguments)
        else:
            found = _distil(model, train, test, arguments)
        report = DistillationReport.from_estimator(
            found.estimator,
            *test,
            groups=arguments.groups,
            direct=found.direct,
            metric=arguments.metric,
            random_state=arguments.seed,
        )
        summary = {
            "task": task,
            "columns": list(train[0].columns),
            "distillation": found.estimator.distillation_.to_dict(),
            "test_rows": len(test[1]),
            **found.summary,
            "report": report.to_dict(),
            "warnings": notes,
        }
        files = {"student.skd": encode(found.estimator.student_)}
        if forms:
            files |= export_files(found.estimator.student_, "student", forms, X=test[0])
        if can_write_page():
            files["report.html"] = report.to_html().encode("utf-8")
        else:
            warnings.warn("report.html needs the extra 'report' and is left out", stacklevel=1)
    text = json.dumps(_without_nan(summary), indent=2, allow_nan=False) + "\n"
    files["summary.json"] = text.encode("utf-8")
    arguments.out.mkdir(parents=True, exist_ok=True)
    write_files({arguments.out / name: content for name, content in files.items()})
    if arguments.json:
        print(text, end="")
    else:
        found.tell(report)
        _tell_files(arguments.out, list(files))
    return found.code


@dataclass(frozen=True)
class _Found:
    """What was fitted, what the summary says of it, how to tell it, and the exit code."""

    estimator: Any
    direct: Any
    summary: dict[str, Any]
    tell: Callable[[DistillationReport], None]
    code: int = 0


def _distil(model: Any, train: Any, test: Any, arguments: argparse.Namespace) -> _Found:
    """Distil into one student, and fit it directly too."""
    task = find_task(model)
    student = make_student(arguments.student, task=task)
    student.set_params(**_parse_pairs(arguments.param, "--param", student.get_params()))
    distiller = (DistilledClassifier if task == "classification" else DistilledRegressor)(
        model,
        student=student,
        n_jobs=arguments.jobs,
        random_state=arguments.seed,
        verbose=int(not arguments.quiet),
    )
    allowed = distiller.get_params(deep=False).keys() - OWN_OPTIONS
    distiller.set_params(**_parse_pairs(arguments.setting, "--setting", allowed))
    distiller.fit(*train)
    direct = seed_estimator(clone(student), check_random_state(arguments.seed)).fit(*train)
    rows = measure_models(distiller, direct, *test)

    def tell(report: DistillationReport) -> None:
        tested = arguments.test is not None
        plausibility = report.to_dict()["choice"]["plausibility"]
        print_verdict(rows, distiller.distillation_, tested=tested, plausibility=plausibility)

    return _Found(distiller, direct, {"measured": rows}, tell)


def _search(model: Any, train: Any, arguments: argparse.Namespace) -> _Found:
    """Search for the smallest student that meets the demands."""
    found = search(model, train, arguments)
    summary = {"frontier": found.frontier_, "verdict": found.verdict_}
    met = found.within_tolerance_ is not False

    def tell(report: DistillationReport) -> None:
        print(found.verdict_, end="\n\n")
        print(report)

    return _Found(found, None, summary, tell, 0 if met else NOT_GOOD_ENOUGH)


def _tell_files(folder: Path, names: list[str]) -> None:
    student_file = folder / "student.skd"
    print(f"Wrote {', '.join(str(folder / name) for name in names)}. Use the student with")
    print(f"    student = skdistill.load({str(student_file)!r}); student.predict(X)")
    print("where X has the columns that summary.json lists, in their order; or take it elsewhere:")
    print(f"    skdistill export {shlex.quote(str(student_file))} --to python,c --out DIR")


def _check_groups(arguments: argparse.Namespace, X: Any) -> None:
    """Check the names before anything is fitted."""
    unknown = [name for name in arguments.groups or [] if name not in X.columns]
    if unknown:
        raise ValueError(f"--groups: {unknown[0]!r} is no column; there are {list(X.columns)}")


@contextmanager
def _noting_warnings(*, quiet: bool) -> Iterator[list[str]]:
    """Collect the messages of warnings, and print each once in one line."""
    notes: list[str] = []
    with warnings.catch_warnings(record=True) as caught:
        try:
            yield notes
        finally:
            notes.extend(dict.fromkeys(str(warning.message) for warning in caught))
            for note in notes if not quiet else []:
                print(f"[skdistill] warning: {note}", file=sys.stderr)


def _without_nan(value: Any) -> Any:
    """Replace NaN and infinity, which JSON does not know, by None."""
    if isinstance(value, dict):
        return {key: _without_nan(member) for key, member in value.items()}
    if isinstance(value, list | tuple):
        return [_without_nan(member) for member in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _parse_pairs(pairs: list[str], option: str, names: Iterable[str]) -> dict[str, Any]:
    """Read NAME=VALUE pairs; values are Python literals, anything else is a string."""
    params = {}
    for pair in pairs:
        name, equals, text = pair.partition("=")
        if not equals or name not in names:
            raise ValueError(
                f"{option} {pair!r}: give NAME=VALUE, with one of the names {sorted(names)}"
            )
        try:
            params[name] = ast.literal_eval(text)
        except (ValueError, SyntaxError):
            params[name] = text
    return params


def _read_rows(arguments: argparse.Namespace, model: Any, task: str) -> tuple[Any, Any]:
    """Read the files; return (X, y) to distil on and (X, y) to measure on."""
    teacher, target = as_teacher(model, task=task), arguments.target
    X, y = read_table(arguments.data, target, "--data")
    _check_numbers(y, arguments.data, task)
    texts = text_columns(X.assign(**{target: y}))
    X, y = as_teacher_saw_it(X, model, teacher.feature_names), y.to_numpy()
    if arguments.test is None:
        return _hold_out(X, y, arguments, task)
    X_test, y_test = read_table(arguments.test, target, "--test", texts=texts)
    _check_numbers(y_test, arguments.test, task)
    y_test = y_test.to_numpy()
    if task == "classification":
        known = {*y.tolist(), *(() if teacher.classes is None else teacher.classes.tolist())}
        unknown = sorted(set(y_test.tolist()) - known, key=str)
        if unknown:
            raise ValueError(
                f"--test: {arguments.test} has the labels {unknown[:8]}, which are neither in "
                "--data nor known to the teacher"
            )
    return (X, y), (as_train_has_it(X_test, X, arguments.test), y_test)


def _check_numbers(y: Any, path: Path, task: str) -> None:
    """Check that the target of a regression holds numbers."""
    if task == "regression" and y.dtype.kind not in "biuf":
        raise ValueError(
            f"--target: the column {y.name!r} of {path} holds text, but the teacher predicts "
            "numbers"
        )


def _hold_out(X: Any, y: np.ndarray, arguments: argparse.Namespace, task: str) -> tuple[Any, Any]:
    """Split off the rows to measure on, with a like share of each class where there are enough."""
    if len(y) < MIN_ROWS:
        raise ValueError(
            f"--data: {arguments.data} has {len(y)} rows, too few to hold some out; give --test"
        )
    strata = None
    if task == "classification":
        counts = np.unique(y, return_counts=True)[1]
        strata = y if np.min(counts) > 1 and len(counts) <= TEST_SHARE * len(y) else None
    X, X_test, y, y_test = train_test_split(
        X, y, test_size=TEST_SHARE, random_state=arguments.seed, stratify=strata
    )
    return (X, y), (X_test, y_test)
