"""The verdict: may the student take the teacher's place, and was the teacher needed for it."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import numpy as np

from skdistill._intervals import Interval, allowed, paired_interval
from skdistill._scorers import Answers, Metric
from skdistill.report._evidence import Evidence

SHIP, KEEP, NOT_WORTH_IT = "ship", "keep the teacher", "distillation not worth it"

HEADLINES = {
    SHIP: "Ship the student.",
    KEEP: "Keep the teacher.",
    NOT_WORTH_IT: "Distillation is not worth it here.",
}

CAVEAT = (
    "All figures are of the test rows given, and hold for rows like them. Where the teacher has "
    "seen these rows, its figures flatter it and the verdict is too strict on the student; where "
    "the student has seen them, the verdict means nothing."
)


def decide(
    evidence: Evidence,
    metric: Metric,
    tolerance: tuple[float, bool],
    used_teacher: bool,
    seed: int,
) -> dict[str, Any]:
    """Decide by the upper bound of the student's shortfall, and by the direct fit.

    Parameters
    ----------
    evidence : Evidence
        Test rows and answers.
    metric : Metric
        What is compared; greater is better.
    tolerance : (float, bool)
        How far the student may be below the teacher; see ``parse_tolerance``.
    used_teacher : bool
        False where the student learned from the true labels alone.
    seed : int
        Draws the bootstrap.

    Returns
    -------
    verdict : dict
        With the keys "decision", "headline", "reasons" (list of str), "metric", "allowed",
        "within_tolerance", "shortfall" (the interval), "direct_shortfall" (that of the direct fit
        below the student, or None), "caveat".
    """
    models = {
        name: Answers.of(evidence.classes, values) for name, values in evidence.answers.items()
    }

    def compare(lower: str, upper: str) -> Interval:
        return paired_interval(
            metric,
            evidence.y,
            models[lower],
            models[upper],
            sample_weight=evidence.weight,
            random_state=seed,
        )

    found = compare("student", "teacher")
    limit = allowed(tolerance, found.teacher)
    within = bool(found.upper <= limit)
    reasons = [_shortfall(found, metric.name, limit, within)]
    direct = compare("direct", "student") if "direct" in models else None
    # The rule by which the student was chosen too: the simpler one of those within one error.
    needless = not used_teacher
    if direct is not None:
        needless |= bool(direct.estimate <= direct.standard_error)
        reasons.append(_direct(direct, metric.name, used_teacher))
    elif not used_teacher:
        reasons.append(
            "The student is the direct fit: on held-out rows no teacher helped it, and it learned "
            "from the true labels alone."
        )
    else:
        reasons.append(
            "Whether the same student fitted to the true labels alone would do as well was not "
            "compared on these rows; give it as `direct` to know."
        )
    passed = NOT_WORTH_IT if needless else SHIP
    decision = passed if within else KEEP
    if decision == NOT_WORTH_IT:
        reasons.append(
            "A fit to the true labels, without a teacher, is as good and simpler to maintain."
        )
    if found.estimate < 0:
        reasons.append(f"On these rows the student scores better than its teacher ({metric.name}).")
    return {
        "decision": decision,
        "headline": HEADLINES[decision],
        "reasons": reasons,
        "metric": metric.name,
        "allowed": limit,
        "within_tolerance": within,
        "shortfall": asdict(found),
        "direct_shortfall": None if direct is None else asdict(direct),
        "caveat": CAVEAT,
    }


def _shortfall(found: Interval, metric: str, limit: float, within: bool) -> str:
    """Say by how much the student is below the teacher, and whether that is allowed."""
    scores = (
        f"by {metric} the student scores {found.student:.5g} and the teacher {found.teacher:.5g}"
    )
    if not np.isfinite(found.upper):
        return (
            f"On the test rows {scores}, but they are too few to bound the shortfall: the metric "
            "is undefined in most replicates of them."
        )
    if within:
        return (
            f"On the test rows {scores}. With 95 % confidence the student is below the teacher by "
            f"at most {max(found.upper, 0.0):.3g}, and {limit:.3g} is allowed."
        )
    likely = (
        "the shortfall itself is too large"
        if found.estimate > limit
        else "the shortfall itself is small enough, and more test rows may show it"
    )
    return (
        f"On the test rows {scores}. With 95 % confidence the student is below the teacher by at "
        f"most {found.upper:.3g}, and only {limit:.3g} is allowed: {likely}."
    )


def _direct(direct: Interval, metric: str, used_teacher: bool) -> str:
    """Say how the direct fit compares with the student."""
    student = "distilled student" if used_teacher else "student, which used no teacher either"
    if direct.estimate > direct.standard_error:
        return (
            f"The direct fit to the true labels scores {direct.student:.5g} by {metric}, "
            f"{direct.estimate:.3g} (standard error {direct.standard_error:.2g}) below the "
            f"{student}."
        )
    return (
        f"The direct fit to the true labels scores {direct.student:.5g} by {metric}: within one "
        f"standard error ({direct.standard_error:.2g}) as good as the {student}, or better."
    )
