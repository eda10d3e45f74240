"""The section on the kinds of knowledge: what each is worth, with its interval."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from benchmarks.paired import Cell, by_student, count_outcomes, median_interval, pair
from benchmarks.results import is_ok, student_label
from benchmarks.tables import markdown, percent, plural
from benchmarks.tasks import Row

__all__ = ["kind_parts"]

# Kind, method, what it is compared with, and what that is called.
KINDS = (
    ("response", "ours-no_search", "plain", "true labels alone"),
    ("response and features", "ours-features", "ours-no_search", "response"),
    ("response and relations", "ours-relations", "ours-no_search", "response"),
    ("self-distillation", "self", "plain", "true labels alone"),
)


def kind_parts(knowledge: Sequence[Row], generations: Sequence[Row]) -> list[str]:
    """Write the section.

    Parameters
    ----------
    knowledge : sequence of dict
        Rows of the suite knowledge.
    generations : sequence of dict
        Rows of the suite self_distillation.

    Returns
    -------
    parts : list of str
        Markdown; empty without results.
    """
    body = [*_lines(knowledge), *_lines(generations)]
    if not body:
        return []
    rows = [row for row in (*knowledge, *generations) if is_ok(row)]
    n_sets = len({row["dataset"] for row in rows})
    n_seeds = len({row["seed"] for row in rows})
    header = ["knowledge", "against", "teacher", "student", "change of loss", "wins/ties/losses"]
    return [
        "## What each kind of knowledge is worth\n",
        f"{plural(n_sets, 'data set')}, {plural(n_seeds, 'seed')}, at most "
        f"{max(row['n_train'] for row in rows):,} rows to fit; all by fixed rules, one fit, so "
        "that nothing but the kind of knowledge differs. Median change of log loss or RMSE over "
        "the sets with its 95 % interval (sets, then seeds are resampled); below zero is better. A "
        "tie is judged by the spread over seeds, and half a per cent.\n",
        markdown(header, body, left=4),
        *_generations(generations),
    ]


def _lines(rows: Sequence[Row]) -> list[list[str]]:
    """List the lines of all kinds that were computed."""
    lines = []
    for kind, method, baseline, against in KINDS:
        cells = pair(rows, method, baseline=baseline)
        for teacher in sorted({cell.teacher for cell in cells}):
            own = [cell for cell in cells if cell.teacher == teacher]
            name = "itself" if method == "self" else f"`{teacher}`"
            for student, group in by_student(own).items():
                outcome = "/".join(map(str, count_outcomes(group)))
                lines.append(
                    [kind, against, name, student_label(*student), _effect(group), outcome]
                )
    return lines


def _effect(cells: Sequence[Cell]) -> str:
    """Write the median change with its interval."""
    changes = [np.divide(cell.losses, cell.baseline_losses) - 1.0 for cell in cells]
    effect = median_interval(changes)
    return f"{percent(effect.median)} [{percent(effect.low)}, {percent(effect.high)}]"


def _generations(rows: Sequence[Row]) -> list[str]:
    """Say how often a generation after the direct fit was kept."""
    chosen = [row["chosen"]["generation"] for row in rows if is_ok(row) and row["method"] == "self"]
    if not chosen:
        return []
    kept = sum(generation > 0 for generation in chosen)
    return [f"A generation after the direct fit was kept in {kept} of {len(chosen)} fits.\n"]
