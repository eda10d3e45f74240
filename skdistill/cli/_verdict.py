"""What ``skdistill distill`` prints: the table, and what may be read off it."""

from __future__ import annotations

from typing import Any

from skdistill._record import DistillationRecord
from skdistill.cli._measure import COLUMNS, format_table
from skdistill.metrics import gap_closed
from skdistill.report._footprint import BATCH

# Differences within so many standard errors are called chance (90 % of normal ones).
CHANCE = 1.64

LEGEND = f"""\
direct: the same student fitted to the labels alone, with the same settings, not tuned.
fidelity: {{fidelity}} µs/row: in batches of {BATCH} rows.
"""


def print_verdict(
    rows: dict[str, dict[str, Any]],
    record: DistillationRecord,
    *,
    tested: bool,
    plausibility: float | None,
) -> None:
    """Print the table of models, the comparison with the direct fit, and what was done.

    Parameters
    ----------
    rows : dict
        Measures of "teacher", "direct" and "distilled".
    record : DistillationRecord
        What the distillation did.
    tested : bool
        Whether the rows measured on were given apart from those to distil on. Otherwise the
        teacher has perhaps been fitted to them, and nothing is said of its lead.
    plausibility : float or None
        How well a classifier tells augmented rows from real ones; None if there are none.
    """
    classification = "log_loss" in rows["teacher"]
    loss = "log_loss" if classification else "rmse"
    fidelity = (
        "share of rows where student and teacher agree."
        if classification
        else "R² of the student against the teacher's predictions."
    )
    print(format_table(rows), end="\n\n")
    print(LEGEND.format(fidelity=fidelity))
    print(_against_direct(rows["distilled"]["against_direct"], classification))
    print(_against_teacher(rows, loss, tested))
    if record.candidates:
        print(_choice(record))
    if plausibility is not None:
        print(
            f"Augmented rows ({record.augment}): a classifier tells them from real ones with an "
            f"AUC of {plausibility:.2f}, where 0.5 is not at all and 1 is always."
        )
    print(
        f"Teacher labels: {record.teacher_labels} ({record.reasons['teacher_labels']}). "
        f"Rows: {record.n_real} real, {record.n_augmented} augmented; "
        f"{record.teacher_rows_scored} scored by teachers, {record.teacher_fits} teacher fits."
    )


def _choice(record: DistillationRecord) -> str:
    """Say what was chosen on held-out rows."""
    tried = f"of {len(record.candidates)} candidates ({record.search_fits} student fits)"
    if not record.used_teacher:
        return f"Chosen on held-out rows {tried}: the direct fit. The teacher was not used."
    settings = f"hard_label_weight={record.hard_label_weight}, augment={record.augment}"
    if record.temperature is not None:
        settings += f", temperature={record.temperature}"
    return f"Chosen on held-out rows {tried}: {settings}."


def _against_direct(comparison: dict[str, float], classification: bool) -> str:
    """Say whether the distilled student is better than the direct fit beyond chance."""
    measure = "log loss" if classification else "squared error"
    change, error = comparison["difference"], comparison["standard_error"]
    if not abs(change) > CHANCE * error:
        verdict = "No difference beyond chance between the distilled student and the direct fit"
    elif change < 0:
        verdict = "The distilled student is better than the direct fit"
    else:
        verdict = "Distillation did not pay here: the direct fit is better"
    return f"{verdict} ({measure} {change:+.4g}, standard error {error:.2g})."


def _against_teacher(rows: dict[str, dict[str, Any]], loss: str, tested: bool) -> str:
    """Say what share of the teacher's lead was kept, where its lead can be known."""
    measure = COLUMNS[loss][0]
    teacher, direct, distilled = (rows[name][loss] for name in ("teacher", "direct", "distilled"))
    if not tested:
        return (
            "The rows measured on were held out from both students, but perhaps not from the "
            "teacher, whose figures flatter it then: give --test rows that it has not seen to "
            "learn the gap closed."
        )
    if direct <= teacher:
        return (
            f"By {measure} the direct fit is no worse than the teacher: there is no gap to close. "
            "The teacher may be overconfident; its other measures tell."
        )
    closed = gap_closed(distilled, direct, teacher)
    return f"Gap closed between the direct fit and the teacher, by {measure}: {closed:.2f}."
