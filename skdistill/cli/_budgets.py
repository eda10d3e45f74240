"""What a student may cost, as written on the command line: ``10kB``, ``5us``, ``2%``."""

from __future__ import annotations

import argparse
import re

# Decimal units as the SI has them; B may be left out.
_BYTES = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "ki": 2**10, "mi": 2**20, "gi": 2**30}
_MICROSECONDS = {"": 1.0, "us": 1.0, "μs": 1.0, "ns": 1e-3, "ms": 1e3, "s": 1e6}


def parse_bytes(text: str) -> int:
    """Read a number of bytes: ``800``, ``10kB``, ``1.5MiB``."""
    amount, unit = _split(text)
    unit = unit.removesuffix("b")
    if unit not in _BYTES or amount <= 0:
        raise argparse.ArgumentTypeError(f"{text!r} is no size; write it as 800, 10kB or 1.5MiB")
    return int(amount * _BYTES[unit])


def parse_microseconds(text: str) -> float:
    """Read a time in microseconds: ``5us``, ``800ns``, ``1ms``."""
    amount, unit = _split(text)
    if unit not in _MICROSECONDS or amount <= 0:
        raise argparse.ArgumentTypeError(f"{text!r} is no time; write it as 5us, 800ns or 1ms")
    return amount * _MICROSECONDS[unit]


def parse_tolerated(text: str) -> float | str:
    """Read a tolerance: ``0.005`` in units of the metric, or ``2%`` of the teacher's score."""
    text = text.strip()
    try:
        amount = float(text.removesuffix("%"))
    except ValueError:
        amount = -1.0
    if not 0 <= amount < float("inf"):
        raise argparse.ArgumentTypeError(f"{text!r} is no tolerance; write it as 0.005 or 2%")
    return text if text.endswith("%") else amount


def _split(text: str) -> tuple[float, str]:
    found = re.fullmatch(r"\s*([0-9]*\.?[0-9]+(?:e[+-]?[0-9]+)?)\s*([a-zμ]*)\s*", text.casefold())
    # Case folding turns the micro sign into the Greek letter.
    return (float(found[1]), found[2]) if found else (0.0, "?")
