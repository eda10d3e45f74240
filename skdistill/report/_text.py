"""The report for a terminal."""

from __future__ import annotations

import textwrap
from typing import Any

from skdistill.report._sections import Section, Table, list_sections

WIDTH = 88

# Tables and listings that are longer than this are cut: the page has all.
MOST_LINES = 24


def write_text(content: dict[str, Any]) -> str:
    """Write all sections as text, the verdict first."""
    verdict = content["verdict"]
    parts = [
        f"VERDICT: {verdict['headline']}",
        *(_wrap(reason) for reason in [*verdict["reasons"], verdict["caveat"]]),
        *(_section(section) for section in list_sections(content)),
    ]
    # Terminals obey control characters, which a name of a column or class may hold.
    return "\n".join(map(_flat, "\n\n".join(parts).split("\n"))) + "\n"


def _wrap(text: str) -> str:
    return textwrap.fill(text, WIDTH, break_long_words=False, break_on_hyphens=False)


def _section(section: Section) -> str:
    parts = [f"{section.title}\n{'=' * len(section.title)}"]
    parts += [_wrap(text) for text in section.paragraphs]
    parts += [_table(table) for table in section.tables]
    if section.listing is not None:
        parts.append(_cut(section.listing.splitlines()))
    return "\n\n".join(parts)


def _cut(lines: list[str]) -> str:
    if len(lines) > MOST_LINES:
        lines = [*lines[:MOST_LINES], f"... {len(lines) - MOST_LINES} more lines"]
    return "\n".join(lines)


def _table(table: Table) -> str:
    lines = [
        [_flat(cell) for cell in line[: table.n_narrow]] for line in [table.header, *table.rows]
    ]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    written = []
    for line in lines:
        cells = [cell.rjust(width) for cell, width in zip(line[1:], widths[1:], strict=True)]
        written.append("  ".join([line[0].ljust(widths[0]), *cells]).rstrip())
    rule = "-" * min(WIDTH, max(map(len, written)))
    return f"{table.caption}\n{written[0]}\n{rule}\n{_cut(written[1:])}"


def _flat(cell: str) -> str:
    """Put spaces for what cannot be printed, such as ends of lines."""
    return "".join(c if c.isprintable() else " " for c in cell)
