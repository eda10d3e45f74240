"""The search for the smallest student, as ``skdistill distill`` runs it."""

from __future__ import annotations

import argparse
from typing import Any

from skdistill._optional import import_optional
from skdistill.cli._budgets import parse_bytes, parse_microseconds, parse_tolerated
from skdistill.search import CompactSearch
from skdistill.students import STUDENT_NAMES

# Left by the command where everything was written, but no student is good enough.
NOT_GOOD_ENOUGH = 3


def add_budgets(parser: argparse.ArgumentParser) -> None:
    """Add what a student may cost and must be able to; any of these asks for a search."""
    group = parser.add_argument_group(
        "budgets", "any of these, or several students, asks for the smallest student that meets all"
    )
    group.add_argument(
        "--max-bytes",
        type=parse_bytes,
        metavar="SIZE",
        help="most bytes of tables in C, such as 10kB",
    )
    group.add_argument(
        "--max-latency",
        type=parse_microseconds,
        metavar="TIME",
        help="longest call for one row in C, such as 5us",
    )
    group.add_argument("--max-leaves", type=int, metavar="N", help="most leaves, of all trees")
    group.add_argument(
        "--tolerance",
        type=parse_tolerated,
        metavar="AMOUNT",
        help="how far the score may be below the teacher's with 95 %% confidence: 0.005 in units "
        "of the metric, or 2%% of the teacher's score",
    )


def parse_students(text: str) -> str | list[str]:
    """Read one name, several with commas between them, or all."""
    names = list(dict.fromkeys(name.strip() for name in text.split(",")))
    unknown = [name for name in names if name not in (*STUDENT_NAMES, "all")]
    if unknown or ("all" in names and len(names) > 1):
        raise argparse.ArgumentTypeError(
            f"{(unknown or names)[0]!r} is not all, or one or more of {','.join(STUDENT_NAMES)}"
        )
    return names[0] if len(names) == 1 else names


def wants_search(arguments: argparse.Namespace) -> bool:
    """Tell whether the smallest student is asked for, rather than one."""
    demands = ("max_bytes", "max_latency", "max_leaves", "tolerance")
    several = isinstance(arguments.student, list) or arguments.student == "all"
    return several or any(getattr(arguments, name) is not None for name in demands)


def search(model: Any, train: tuple[Any, Any], arguments: argparse.Namespace) -> CompactSearch:
    """Search for the smallest student that meets the demands.

    Raises
    ------
    ValueError
        If a setting of a single student is given, or no student meets a budget.
    """
    for name in ("param", "setting"):
        if getattr(arguments, name):
            raise ValueError(
                f"--{name} sets up a single student, but a search was asked for; leave it out, or "
                "give one --student and no budget"
            )
    return CompactSearch(
        model,
        students=arguments.student,
        max_bytes=arguments.max_bytes,
        max_latency_us=arguments.max_latency,
        max_leaves=arguments.max_leaves,
        metric=arguments.metric,
        tolerance=arguments.tolerance,
        n_jobs=arguments.jobs,
        random_state=arguments.seed,
        verbose=int(not arguments.quiet),
    ).fit(*train)


def can_write_page() -> bool:
    """Tell whether what report.html needs is installed."""
    try:
        for name in ("jinja2", "matplotlib"):
            import_optional(name, extra="report", purpose="report.html")
    except ImportError:
        return False
    return True
