"""``skdistill export``: a saved student in, code that runs without this library out."""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from typing import Any

import skdistill.export as exporters
from skdistill import load
from skdistill._output import write_files
from skdistill.cli._files import check_folder, read_frame
from skdistill.export._lowering import lower

FORMS = ("python", "c", "onnx")
WITH_DTYPE = ("c", "onnx")


def add_parser(commands: Any) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "export",
        help="turn a saved student into Python, C or ONNX",
        description="Write a student as code that needs neither this library nor scikit-learn. "
        "Each form is compared with the student before anything is written.",
    )
    parser.add_argument(
        "student",
        type=Path,
        metavar="STUDENT",
        help="file of skdistill.save, such as the student.skd of skdistill distill",
    )
    parser.add_argument(
        "--to",
        action="append",
        required=True,
        metavar="FORMS",
        help=f"one or more of {','.join(FORMS)}; onnx needs the extra of that name",
    )
    parser.add_argument(
        "--out",
        type=Path,
        required=True,
        metavar="DIR",
        help="where to write; files are named after the student's",
    )
    parser.add_argument(
        "--data",
        type=Path,
        metavar="CSV",
        help="rows to compare on, besides those at every threshold; without it rows are sampled",
    )
    parser.add_argument(
        "--dtype",
        choices=("float64", "float32"),
        help="numbers of the C and ONNX forms; default: float64",
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> None:
    """Load, export everything asked for, and write all of it or nothing."""
    forms = parse_forms(",".join(arguments.to), arguments.dtype)
    check_folder(arguments.out)
    student = load(arguments.student)
    X = None if arguments.data is None else read_rows(arguments.data, student)
    contents = export_files(student, arguments.student.stem, forms, X=X, dtype=arguments.dtype)
    files = {arguments.out / name: content for name, content in contents.items()}
    arguments.out.mkdir(parents=True, exist_ok=True)
    write_files(files)
    print(f"Wrote {', '.join(map(str, files))}.")
    print(
        "On the rows compared they predict what the student does. How to call the Python module is"
    )
    print("said at its beginning, the C functions in the header, the ONNX model in its metadata.")


def export_files(
    student: Any, stem: str, forms: list[str], *, X: Any = None, dtype: str | None = None
) -> dict[str, bytes]:
    """Write a student in some forms, each compared with it; return the files by name."""
    options: dict[str, Any] = {} if dtype is None else {"dtype": dtype}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / stem
        for form in forms:
            if form == "python":
                exporters.to_python(student, path.with_name(f"{stem}.py"), X=X)
            elif form == "c":
                exporters.to_c(student, path.with_name(f"{stem}.c"), X=X, **options)
            else:
                exporters.to_onnx(student, path.with_name(f"{stem}.onnx"), X=X, **options)
        return {p.name: p.read_bytes() for p in sorted(Path(folder).iterdir())}


def parse_forms(text: str, dtype: str | None, option: str = "--to") -> list[str]:
    """Read the forms asked for, each once."""
    forms = list(dict.fromkeys(part.strip() for part in text.split(",")))
    unknown = [form for form in forms if form not in FORMS]
    if unknown:
        raise ValueError(f"{option} {text!r}: {unknown[0]!r} is not one of {', '.join(FORMS)}")
    if dtype is not None and not set(forms) & set(WITH_DTYPE):
        raise ValueError(f"--dtype {dtype}: Python has one kind of float; leave it out")
    return forms


def read_rows(path: Path, student: Any) -> Any:
    """Read the columns that a student takes; categories of strings as text.

    Columns of a student that was fitted without names are taken by position.
    """
    texts = [column.name for column in lower(student).inputs if column.levels is not None]
    frame = read_frame(path, "--data", texts=texts)
    names = getattr(student, "feature_names_in_", None)
    if names is None:
        if frame.shape[1] != student.n_features_in_:
            raise ValueError(
                f"--data: {path} has {frame.shape[1]} columns, but the student was fitted to "
                f"{student.n_features_in_} without names; give these alone, in their order"
            )
        return frame.to_numpy()
    missing = [name for name in names if name not in frame.columns]
    if missing:
        raise ValueError(f"--data: {path} lacks the columns {missing} of the student")
    return frame[list(names)]
