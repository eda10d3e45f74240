"""``python -m benchmarks run|compare|report``; see benchmarks/README.md."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from benchmarks import compact, dao, deploy, speed
from benchmarks.cells import cache_folder
from benchmarks.compare import compare
from benchmarks.datasets import list_available
from benchmarks.plans import PLANS
from benchmarks.run import RunInterruptedError, run_suite
from benchmarks.suites import OPENML, PlannedSuite
from benchmarks.tasks import RunSettings

RESULTS = Path(__file__).parent / "results"
DOCS = Path(__file__).parent.parent / "docs"
SUITES: dict[str, Any] = {
    **{name: PlannedSuite(plan) for name, plan in PLANS.items()},
    "compact": compact,
    "dao": dao,
    "deploy": deploy,
    "speed": speed,
}


def build_parser() -> argparse.ArgumentParser:
    """Build the parser of all commands."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    run = commands.add_parser("run", help="run a suite and write its result file")
    run.add_argument("--suite", choices=sorted(SUITES), default="quick")
    run.add_argument(
        "--data",
        type=Path,
        default=os.environ.get("SKDISTILL_DATA"),
        help="folder of data sets; default: SKDISTILL_DATA, else what scikit-learn carries",
    )
    run.add_argument(
        "--sets", nargs="+", metavar="NAME", help="other sets than the suite's; needs --out"
    )
    run.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="processes at a time")
    run.add_argument("--resume", action="store_true", help="keep the finished cells of the file")
    run.add_argument(
        "--out",
        type=Path,
        help="default: benchmarks/results/SUITE.jsonl, or SUITE-bundled.jsonl without a folder",
    )
    run.add_argument("--cache", type=Path, help="where fitted teachers are kept between runs")
    run.set_defaults(call=_run)
    comparison = commands.add_parser("compare", help="tell what changed between two result files")
    comparison.add_argument("old", type=Path, metavar="A")
    comparison.add_argument("new", type=Path, metavar="B")
    comparison.add_argument(
        "--fail-on-worse", action="store_true", help="exit with 1 if a cell is worse beyond noise"
    )
    comparison.set_defaults(call=_compare)
    report = commands.add_parser("report", help="write docs/results.md and its figures")
    report.add_argument("--results", type=Path, default=RESULTS, help="file or folder of results")
    report.add_argument("--docs", type=Path, default=DOCS, help="where the page is written")
    report.set_defaults(call=_report)
    return parser


def _run(arguments: argparse.Namespace) -> int:
    folder = None if arguments.data is None else Path(arguments.data)
    if folder is not None and not folder.is_dir():
        raise ValueError(f"--data: there is no folder {str(folder)!r}")
    if arguments.jobs < 1:
        raise ValueError(f"--jobs must be at least 1, got {arguments.jobs}")
    # Results on what scikit-learn carries must not take the place of those on the suite's sets.
    name = arguments.suite if folder is not None else f"{arguments.suite}-bundled"
    out = arguments.out or RESULTS / f"{name}.jsonl"
    settings = RunSettings(folder=folder, cache=cache_folder(arguments.cache))
    suite = _choose_suite(arguments, folder)
    counts = run_suite(suite, out, settings, jobs=arguments.jobs, resume=arguments.resume)
    print(", ".join(f"{count} {status}" for status, count in counts.items()) + f"; see {out}")
    return 0


def _choose_suite(arguments: argparse.Namespace, folder: Path | None) -> Any:
    """Return the suite, on the sets asked for; tell on stderr which of its own are not there."""
    suite, available = SUITES[arguments.suite], list_available(folder)
    if arguments.sets is None:
        own = suite.plan.datasets if isinstance(suite, PlannedSuite) else ()
        absent = [name for name in own if name not in available]
        if absent:
            print(f"not there, left out: {', '.join(absent)}", file=sys.stderr)
        return suite
    if not isinstance(suite, PlannedSuite):
        raise ValueError(f"--sets: the sets of the suite {arguments.suite!r} are fixed")
    if arguments.out is None:
        raise ValueError("--sets needs --out, so that the suite's own results stay as they are")
    unknown = [n for n in arguments.sets if n not in available and not n.startswith(OPENML)]
    if unknown:
        raise ValueError(f"--sets: {unknown} are not there; there are {list(available)}")
    return PlannedSuite(replace(suite.plan, datasets=tuple(arguments.sets)))


def _compare(arguments: argparse.Namespace) -> int:
    text, code = compare(arguments.old, arguments.new, fail_on_worse=arguments.fail_on_worse)
    print(text)
    return code


def _report(arguments: argparse.Namespace) -> int:
    from benchmarks.report import write_report  # needs matplotlib, which a run does not

    print(f"wrote {write_report(arguments.results, arguments.docs)}")
    return 0


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command; return the exit code."""
    arguments = build_parser().parse_args(argv)
    try:
        return int(arguments.call(arguments))
    except RunInterruptedError as stop:
        print(f"interrupted: {stop}", file=sys.stderr)
        return 130
    except (ValueError, OSError) as error:
        print(f"benchmarks: error: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
