"""How long calls take, on one thread: warm, after the caches were emptied, and in batches.

What is given as the arguments is prepared beforehand, as a service would. A time is the best of
several repetitions of a mean over many calls: another process on the machine makes some slower
and none faster. Calls that are to be compared take turns.
"""

from __future__ import annotations

import gc
import statistics
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from threadpoolctl import threadpool_limits

__all__ = ["Calls", "batch", "evicted", "warm"]

# Repetitions are short, so that many of them are over before another process gets its turn. Of
# slow calls fewer arguments are used, at least three.
REPETITION_SECONDS = 0.001
MOST_SECONDS = 0.02
SECONDS = 0.4

# Single calls after emptied caches.
EVICTED_CALLS = 21

# Where the system does not tell the size of its caches.
CACHE_BYTES = 32 * 2**20


class Calls(NamedTuple):
    """A function and the arguments that it is called with, in turn.

    Attributes
    ----------
    function : callable
    arguments : sequence of tuple
        Different rows, so that no branch is learned by heart.
    """

    function: Callable[..., Any]
    arguments: Sequence[tuple[Any, ...]]


def warm(*several: Calls) -> list[float]:
    """Measure microseconds a call.

    Parameters
    ----------
    *several : Calls
        What is compared: they take turns.

    Returns
    -------
    microseconds : list of float
        One for each. A loop of Python around the calls is in it, some hundredths of a microsecond.

    Examples
    --------
    >>> from benchmarks.timing import Calls, warm
    >>> few, many = warm(Calls(sum, [([1],)]), Calls(sum, [([1] * 1000,)]))
    >>> few < many
    True
    """
    with _quiet():
        plans = [_plan(calls) for calls in several]
        best = [float("inf")] * len(several)
        stop = time.perf_counter() + SECONDS * len(several)
        while time.perf_counter() < stop:
            for i, (calls, rounds) in enumerate(plans):
                best[i] = min(best[i], _mean_seconds(calls, rounds))
    return [1e6 * seconds for seconds in best]


def evicted(*several: Calls) -> list[float]:
    """Measure microseconds of a call that finds nothing in the caches of the processor.

    Before each call more memory than the last of them holds is read and written.

    Parameters
    ----------
    *several : Calls
        What is compared: they take turns.

    Returns
    -------
    microseconds : list of float
        The median for each. The interpreter itself has to be fetched again too.
    """
    times: list[list[float]] = [[] for _ in several]
    buffer = _buffer()
    with _quiet():
        stop = time.perf_counter() + 2 * SECONDS * len(several)
        for i in range(EVICTED_CALLS):
            for (function, arguments), found in zip(several, times, strict=True):
                chosen = arguments[i % len(arguments)]
                buffer += 1
                start = time.perf_counter()
                function(*chosen)
                found.append(time.perf_counter() - start)
            if time.perf_counter() > stop:
                break
    return [1e6 * statistics.median(found) for found in times]


def batch(*several: Calls) -> list[float]:
    """Measure the seconds of the fastest of some calls that are slow, with the first arguments.

    Parameters
    ----------
    *several : Calls
        What is compared: they take turns.

    Returns
    -------
    seconds : list of float
        One for each.
    """
    with _quiet():
        best = [float("inf")] * len(several)
        stop = time.perf_counter() + SECONDS * len(several)
        while True:
            for i, calls in enumerate(several):
                once = Calls(calls.function, calls.arguments[:1])
                best[i] = min(best[i], _mean_seconds(once, 1))
            if time.perf_counter() > stop:
                return best


def _plan(calls: Calls) -> tuple[Calls, int]:
    """Choose arguments, and how often a repetition calls with each; this warms up too."""
    few = Calls(calls.function, calls.arguments[:3])
    _mean_seconds(few, 1)
    seconds = max(_mean_seconds(few, 1), 1e-9)
    chosen = calls.arguments[: max(3, int(MOST_SECONDS / seconds))]
    rounds = max(1, round(REPETITION_SECONDS / (seconds * len(chosen))))
    return Calls(calls.function, chosen), rounds


def _mean_seconds(calls: Calls, rounds: int) -> float:
    """Call with all arguments, so many times, and return the seconds of one call."""
    function, arguments = calls
    start = time.perf_counter()
    for _ in range(rounds):
        for chosen in arguments:
            function(*chosen)
    return (time.perf_counter() - start) / (rounds * len(arguments))


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep threads, warnings and the collector of garbage away."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        with threadpool_limits(limits=1), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        if enabled:
            gc.enable()


@lru_cache(maxsize=1)
def _buffer() -> np.ndarray:
    """Make what is twice as large as the last cache."""
    return np.zeros(2 * _cache_bytes() // 8)


def _cache_bytes() -> int:
    """Return the size of the largest cache, as Linux tells it."""
    sizes = []
    for path in Path("/sys/devices/system/cpu/cpu0/cache").glob("index*/size"):
        text = path.read_text(encoding="ascii").strip()
        if text.endswith("K") and text[:-1].isdigit():
            sizes.append(int(text[:-1]) * 1024)
    return max(sizes, default=CACHE_BYTES)
