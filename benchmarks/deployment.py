"""The section on the suite `deploy`: what each model costs where it runs, and the targets."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.chapters import figure_text
from benchmarks.deployment_figures import draw_deployment
from benchmarks.deployment_rows import FORM_LABELS, is_estimator, model_label, ordered
from benchmarks.results import metric, short
from benchmarks.tables import NOTHING, fixed, markdown, quantity, size_text
from benchmarks.tasks import Row

__all__ = ["deployment_parts"]

# Columns of the tables: title, field, how it is written.
COLUMNS: tuple[tuple[str, str, Callable[[float], str]], ...] = (
    ("log loss", "log_loss", fixed),
    ("µs, 1 row", "us_1", quantity),
    ("caches emptied", "us_evicted", quantity),
    ("µs a row of 10k", "us_10k", quantity),
    ("on disk", "bytes", size_text),
    ("tables", "table_bytes", size_text),
    ("start, s", "cold_seconds", quantity),
    ("peak memory", "rss_bytes", size_text),
)

# The form of scikit-learn's own models.
TWIN = "scikit-learn"

# Forms that are told of in a sentence.
SAID = {"c": "in C", "python": "in Python", "ours": "as estimators"}

SIMPLE = ("tree", "linear", "additive")


@dataclass(frozen=True)
class Target:
    """A bound that the suite checks.

    Attributes
    ----------
    text : str
        What is measured of which models.
    limit : float
        The largest value that will do.
    write : callable
        Writes a value with its unit.
    values : callable
        Returns the rows that it is about, with their values.
    """

    text: str
    limit: float
    write: Callable[[float], str]
    values: Callable[[Sequence[Row]], list[tuple[float, Row]]]


def deployment_parts(rows: Sequence[Row], figures: Path) -> list[str]:
    """Write the section.

    Parameters
    ----------
    rows : sequence of dict
        Rows of the suite deploy.
    figures : Path
        The folder of the figures.

    Returns
    -------
    parts : list of str
        Markdown; empty where nothing was computed.
    """
    rows = ordered(rows)
    if not rows:
        return []
    draw_deployment(rows, figures / "deploy.svg")
    parts = [
        "## Deployment\n",
        "Every student in every form that it can be deployed in, beside the teachers and "
        "scikit-learn's own model of the same kind, which is there for its cost alone (a network "
        "behind the transform of inputs that the student chose); all of a data set in one run, on "
        "one thread. Rows are prepared beforehand as a service would have "
        "them: an array (or a frame, where there are categories) for estimators, a list for "
        "Python, ctypes arrays of numbers and codes for C, which is called from Python by ctypes. "
        "A time is the best of several means over many calls; "
        '"caches emptied" is the median of calls that find none of their data in the caches of '
        "the processor. A start is from that of a process to its first prediction; "
        '"of an empty call" compares with a C function that does nothing.\n',
        *_sentences(rows),
        figure_text("deploy", "Microseconds of one row by model and form"),
        "### What was to be reached\n",
        _targets(rows),
    ]
    for dataset in dict.fromkeys(row["dataset"] for row in rows):
        here = [row for row in rows if row["dataset"] == dataset]
        parts += [f"### {short(dataset)}\n", _table(here)]
    return parts


def _table(rows: Sequence[Row]) -> str:
    """Write a row for each model and form of a data set."""
    body = [
        [
            model_label(row),
            FORM_LABELS[row["method"]],
            *(_cell(row, name, write) for _, name, write in COLUMNS),
            _times(metric(row, "us_1") / metric(row, "bare_us")),
            _difference(row),
        ]
        for row in rows
    ]
    header = ["model", "form", *(title for title, _, _ in COLUMNS)]
    return markdown([*header, "of an empty call", "difference"], body, left=2)


def _cell(row: Row, name: str, write: Callable[[float], str]) -> str:
    """Write a measure; scikit-learn's own models are not tuned, so that their loss says nothing."""
    return NOTHING if (row["method"], name) == (TWIN, "log_loss") else write(metric(row, name))


def _difference(row: Row) -> str:
    """Write the largest difference to the estimator; it has none to itself."""
    return NOTHING if is_estimator(row) else _small(metric(row, "difference"))


def _small(value: float) -> str:
    if math.isnan(value):
        return NOTHING
    return "0" if value == 0.0 else f"{value:.0e}".replace("e-0", "e-")


def _targets(rows: Sequence[Row]) -> str:
    """Write the targets with the worst value of each."""
    body = []
    for target in TARGETS:
        found = target.values(rows)
        if not found:
            body.append([target.text, target.write(target.limit), NOTHING, NOTHING, "not measured"])
            continue
        value, row = max(found, key=lambda pair: pair[0])
        n_met = sum(value <= target.limit for value, _ in found)
        where = f"{model_label(row)}, {FORM_LABELS[row['method']]}, {short(row['dataset'])}"
        met = "yes" if n_met == len(found) else f"**{n_met} of {len(found)}**"
        body.append([target.text, target.write(target.limit), target.write(value), where, met])
    return markdown(["what", "at most", "worst", "which is", "met"], body, left=1, last=2)


def _of(
    name: str,
    forms: Iterable[str],
    families: Iterable[str] = (),
    *,
    size: str = "",
    input_kind: str = "",
    over: str = "",
) -> Callable[[Sequence[Row]], list[tuple[float, Row]]]:
    """Take a field of students, or its ratio to another field, of those that have it."""

    def values(rows: Sequence[Row]) -> list[tuple[float, Row]]:
        found = []
        for row in rows:
            if (
                row["student"]
                and row["method"] in forms
                and (not families or row["student"] in families)
                and size in ("", row["size"])
                and input_kind in ("", row["input"])
            ):
                value = metric(row, name) / (metric(row, over) if over else 1.0)
                found.append((value, row))
        return [pair for pair in found if not math.isnan(pair[0])]

    return values


def _us(value: float) -> str:
    return f"{quantity(value)} µs"


def _times(value: float) -> str:
    return NOTHING if math.isnan(value) else f"{value:.2f} times"


def _ms(value: float) -> str:
    return f"{1e3 * value:.0f} ms"


TARGETS = (
    Target(
        "one row of floats, estimator: tree, linear, additive",
        20.0,
        _us,
        _of("us_1", ("ours",), SIMPLE, input_kind="array"),
    ),
    Target(
        "one row of floats, estimator: mlp",
        30.0,
        _us,
        _of("us_1", ("ours",), ("mlp",), input_kind="array"),
    ),
    Target(
        "10,000 rows, estimator against scikit-learn's own",
        1.0,
        _times,
        _of("us_10k", ("ours",), over="rival_us_10k"),
    ),
    Target(
        "C through ctypes against an empty call: tree, linear, additive",
        1.3,
        _times,
        _of("us_1", ("c",), SIMPLE, over="bare_us"),
    ),
    Target(
        "one row, Python module: tree of 64 leaves",
        3.0,
        _us,
        _of("us_1", ("python",), ("tree",), size="64"),
    ),
    Target("start, Python and C", 0.06, _ms, _of("cold_seconds", ("python", "c", "c_int16"))),
    Target(
        "peak memory, Python and C", 15e6, size_text, _of("rss_bytes", ("python", "c", "c_int16"))
    ),
    Target("difference, Python and C", 1e-12, _small, _of("difference", ("python", "c"))),
    Target("difference, ONNX Runtime", 1e-5, _small, _of("difference", ("onnx",))),
)


def _sentences(rows: Sequence[Row]) -> list[str]:
    """Say for each data set what leaving Python brings, and where it brings nothing."""
    parts = []
    for dataset in dict.fromkeys(row["dataset"] for row in rows):
        here = [row for row in rows if row["dataset"] == dataset]
        forms = {form: [row for row in here if _is_student(row, form)] for form in SAID}
        forms = {form: found for form, found in forms.items() if found}
        teachers = [row for row in here if not row["student"]]
        if not teachers or not forms:
            continue
        best = min(teachers, key=lambda row: metric(row, "us_1"))
        slower = [
            row for row in forms.get("ours", []) if metric(row, "us_1") > metric(best, "us_1")
        ]
        text = (
            f"On {short(dataset)} one row takes {quantity(metric(best, 'us_1'))} µs in the fastest "
            f"form of a teacher ({best['teacher']}, {FORM_LABELS[best['method']]}), and students "
            f"take {_ranges(forms, 'us_1')}; with caches emptied {_ranges(forms, 'us_evicted')}. "
            f"As estimators {len(slower)} of them are slower than that teacher"
        )
        in_c = {(row["student"], row["size"]): row for row in forms.get("c", [])}
        pairs = [(row, in_c.get((row["student"], row["size"]))) for row in forms.get("ours", [])]
        faster = [metric(row, "us_10k") < metric(c, "us_10k") for row, c in pairs if c]
        if faster:
            text += f", and in batches {sum(faster)} of {len(faster)} are faster than in C"
        if best["input"] == "frame":
            text += (
                ". Much of the time of estimators is the frame here, and the teacher has an "
                "encoder of scikit-learn in front"
            )
        parts.append(text + ".\n")
    return parts


def _is_student(row: Row, form: str) -> bool:
    return bool(row["student"]) and row["method"] == form


def _ranges(forms: dict[str, list[Row]], name: str) -> str:
    """Write the smallest and the largest value of each form."""
    said = []
    for form, found in forms.items():
        values = [metric(row, name) for row in found]
        said.append(f"{quantity(min(values))} to {quantity(max(values))} {SAID[form]}")
    return ", ".join(said)
