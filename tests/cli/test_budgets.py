"""Sizes, times and tolerances of the command line."""

from __future__ import annotations

import argparse

import pytest

from skdistill.cli._budgets import parse_bytes, parse_microseconds, parse_tolerated


@pytest.mark.parametrize(
    ("text", "size"),
    [("800", 800), ("10kB", 10_000), ("10 KB", 10_000), ("1.5MiB", 1_572_864), ("2e3B", 2000)],
)
def test_sizes_have_units(text, size):
    assert parse_bytes(text) == size


@pytest.mark.parametrize(
    ("text", "time"), [("5", 5.0), ("5us", 5.0), ("5µs", 5.0), ("800ns", 0.8), ("1ms", 1000.0)]
)
def test_times_have_units(text, time):
    assert parse_microseconds(text) == pytest.approx(time, rel=1e-12)  # one multiplication


@pytest.mark.parametrize(("text", "value"), [("0.005", 0.005), ("2%", "2%"), ("0", 0.0)])
def test_tolerances_are_numbers_or_shares(text, value):
    assert parse_tolerated(text) == value


@pytest.mark.parametrize("parse", [parse_bytes, parse_microseconds, parse_tolerated])
@pytest.mark.parametrize("text", ["", "much", "-1", "nan", "10 apples", "5%%"])
def test_nonsense_is_refused_by_name(parse, text):
    with pytest.raises(argparse.ArgumentTypeError, match="write it as"):
        parse(text)
