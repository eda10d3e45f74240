"""Processes that load a model, predict one row and tell what that took."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import skdistill

__all__ = ["Start", "cold_start"]

# Processes that are started: those with much to import, and those with next to nothing.
STARTS, PLAIN_STARTS = 3, 9

# The peak of memory is read where it belongs to this program alone: Linux hands a parent's peak
# on to its children in `ru_maxrss`.
_TELL = """
import sys
print("ready", flush=True)
try:
    with open("/proc/self/status") as file:
        peak = next(int(line.split()[1]) * 1024 for line in file if line.startswith("VmHWM"))
except OSError:
    try:
        import resource
        unit = 1 if sys.platform == "darwin" else 1024
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
    except ImportError:
        peak = ""
print(peak)
"""


@dataclass(frozen=True)
class Start:
    """A program that loads a model and predicts one row.

    Attributes
    ----------
    code : str
        Python.
    arguments : tuple of str
        What it finds behind ``sys.argv[0]``.
    plain : bool
        Whether the bare interpreter will do: no packages, no ``site``.
    """

    code: str
    arguments: tuple[str, ...] = ()
    plain: bool = False


def cold_start(start: Start, *, repeats: int | None = None) -> dict[str, float | None]:
    """Start processes that predict one row.

    Parameters
    ----------
    start : Start
        The program.
    repeats : int, default=None
        Processes; the median is returned, so that reading files for the first time does not
        count. None starts 9 plain ones, or 3 others.

    Returns
    -------
    costs : dict
        "cold_seconds" from the start of the process to the first prediction, and "rss_bytes",
        the peak of its memory (None where the system does not tell).

    Raises
    ------
    RuntimeError
        If the process fails; the message is the last line that it wrote.

    Examples
    --------
    >>> from benchmarks.processes import Start, cold_start
    >>> costs = cold_start(Start("sum([1, 2])", plain=True), repeats=1)
    >>> 0 < costs["cold_seconds"] < 60
    True
    """
    repeats = repeats or (PLAIN_STARTS if start.plain else STARTS)
    runs = [_start_once(start) for _ in range(repeats)]
    peaks = [peak for _, peak in runs if peak is not None]
    return {
        "cold_seconds": statistics.median(seconds for seconds, _ in runs),
        "rss_bytes": statistics.median(peaks) if peaks else None,
    }


def _start_once(start: Start) -> tuple[float, int | None]:
    """Return the seconds to the first prediction and the peak of memory in bytes."""
    root = str(Path(skdistill.__file__).parents[1])
    one_thread = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
    environment = {**os.environ, **one_thread, "PYTHONPATH": root}
    options = ["-I", "-S"] if start.plain else ["-W", "ignore"]
    command = [sys.executable, *options, "-c", start.code + _TELL, *start.arguments]
    with tempfile.TemporaryFile("w+", encoding="utf-8") as errors:
        began = time.perf_counter()
        with subprocess.Popen(  # noqa: S603 (our own interpreter and program)
            command, stdout=subprocess.PIPE, stderr=errors, text=True, env=environment
        ) as process:
            assert process.stdout is not None  # noqa: S101 (tells the type)
            ready = process.stdout.readline().strip()
            seconds = time.perf_counter() - began
            peak = process.stdout.read().strip()
        errors.seek(0)
        lines = errors.read().strip().splitlines() or ["no message"]
    if ready != "ready":
        raise RuntimeError(f"cold start failed: {lines[-1]}")
    return seconds, int(peak) if peak else None
