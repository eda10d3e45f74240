"""The command line: ``skdistill demo``, ``skdistill distill`` and ``skdistill export``."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence

from skdistill.cli import demo, distill, export


def build_parser() -> argparse.ArgumentParser:
    """Build the parser of all commands."""
    from skdistill import __version__

    parser = argparse.ArgumentParser(
        prog="skdistill",
        description="Distil heavy tabular models into the smallest student that is good enough.",
    )
    parser.add_argument("--version", action="version", version=f"skdistill {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    demo.add_parser(commands)
    distill.add_parser(commands)
    export.add_parser(commands)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command.

    Parameters
    ----------
    argv : sequence of str, default=None
        Arguments without the program's name; None takes those of the process.

    Returns
    -------
    code : int
        0 done, 1 the input or the teacher is at fault (a message on stderr says why), 3 all was
        written but no student is within --tolerance, 130 interrupted. Wrong options leave with 2,
        as argparse does.
    """
    if hasattr(sys.stdout, "reconfigure"):
        # An ASCII terminal gets "?s/row" for "µs/row"; it must not lose the table for it.
        sys.stdout.reconfigure(errors="replace")
    arguments = build_parser().parse_args(argv)
    try:
        return arguments.run(arguments) or 0
    except BrokenPipeError:  # whoever read the output has seen enough; the files are complete
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        print(f"skdistill {arguments.command}: interrupted", file=sys.stderr)
        return 130
    except (ValueError, TypeError, OSError, ImportError, LookupError) as error:
        print(f"skdistill {arguments.command}: error: {error}", file=sys.stderr)
        return 1
