"""The section on the suite `compact`: how small the smallest good student is, and if it holds."""

from __future__ import annotations

import statistics
from collections.abc import Sequence

from benchmarks.results import is_ok, metric, short
from benchmarks.tables import fixed, markdown, plural, quantity, size_text
from benchmarks.tasks import Row
from skdistill._intervals import disagreement_bound

__all__ = ["compact_parts"]

# What the table calls the metrics.
METRICS = {
    "roc_auc": "AUC",
    "roc_auc_ovr": "AUC, one against the rest",
    "neg_root_mean_squared_error": "RMSE",
}


def compact_parts(rows: Sequence[Row]) -> list[str]:
    """Write the section.

    Parameters
    ----------
    rows : sequence of dict
        Rows of the suite compact.

    Returns
    -------
    parts : list of str
        Markdown; empty without results.
    """
    rows = [row for row in rows if is_ok(row)]
    if not rows:
        return []
    n_seeds = len({row["seed"] for row in rows})
    return [
        "## The smallest student that is good enough\n",
        "`CompactSearch` with all families and a tolerance of .005 AUC, or 2 % of the RMSE; "
        f"teacher `{rows[0]['teacher']}`, at most {max(row['n_train'] for row in rows):,} rows to "
        f"search on, {plural(n_seeds, 'seed')}. The student that is chosen then meets the teacher "
        "on test rows that the search never saw. The teacher's size is that of its pickle, the "
        "student's that of its tables in C.\n",
        _summary(rows),
        _table(rows),
    ]


def _summary(rows: Sequence[Row]) -> str:
    promised = [row for row in rows if row["promised"]]
    held = [row for row in promised if metric(row, "holds")]
    broken = [row for row in promised if not metric(row, "holds")]
    beyond = [row for row in broken if _excess(row) > 1.64]
    ratios = [metric(row, "ratio") for row in rows]
    n_sets = len({row["dataset"] for row in rows})
    text = (
        f"- The student is **{quantity(statistics.median(ratios))} times smaller** than the "
        f"teacher at the median (from {quantity(min(ratios))} to {quantity(max(ratios))} times), "
        f"over {plural(n_sets, 'data set')}.\n"
        f"- In {len(promised)} of {plural(len(rows), 'run')} a student was said to be within "
        "the tolerance with 95 % confidence"
    )
    if promised:
        ratio = statistics.median(metric(row, "ratio") for row in promised)
        share = 100 * len(held) / len(promised)
        least = 100 * (1.0 - disagreement_bound(len(broken), len(promised)))
        text += (
            f" ({quantity(ratio)} times smaller at the median); on the test rows **{len(held)} of "
            f"{len(promised)}** are ({share:.0f} %; so many promises show a rate above {least:.0f} "
            "%, with 95 % confidence)"
        )
    text += ".\n"
    if broken:
        text += (
            f"- Of the {plural(len(broken), 'promise')} that the test rows do not confirm, "
            f"{len(beyond)} by more than the noise of the test rows.\n"
        )
    others = [row for row in rows if not row["promised"]]
    if others:
        good = sum(bool(metric(row, "holds")) for row in others)
        text += (
            f"- In the other {plural(len(others), 'run')} nothing could be promised, and the "
            f"best student was taken; {good} of these are within the tolerance on the test rows.\n"
        )
    return text


def _excess(row: Row) -> float:
    """By how many standard errors the shortfall on the test rows is beyond the tolerance."""
    return (metric(row, "shortfall") - metric(row, "limit")) / metric(row, "standard_error")


def _table(rows: Sequence[Row]) -> str:
    header = [
        "data set",
        "seed",
        "metric",
        "teacher",
        "student",
        "score of teacher",
        "of student",
        "times smaller",
        "promised",
        "shortfall on test rows",
        "allowed",
    ]
    body = [
        [
            short(row["dataset"]),
            str(row["seed"]),
            METRICS[row["metric"]],
            size_text(row["teacher_bytes"]),
            f"{row['chosen']}, {'distilled' if row['distilled'] else 'direct'}, "
            f"{size_text(row['bytes'])}",
            fixed(abs(metric(row, "teacher_score"))),
            fixed(abs(metric(row, "student_score"))),
            quantity(metric(row, "ratio")),
            "yes" if row["promised"] else "no",
            f"{metric(row, 'shortfall'):.2g} ± {metric(row, 'standard_error'):.1g}"
            + ("" if metric(row, "holds") else ", **beyond**"),
            f"{metric(row, 'limit'):.2g}",
        ]
        for row in sorted(rows, key=lambda row: (row["dataset"], row["seed"]))
    ]
    return markdown(header, body)
