"""What a search says of its choice, in sentences."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from skdistill._intervals import allowed
from skdistill.search._rounds import Trial


def unmet_budget(
    trials: Sequence[Trial], max_bytes: int | None, max_latency_us: float | None
) -> str:
    """Say which demand none of the students meets, and by how much.

    Parameters
    ----------
    trials : sequence of Trial
        All that could be fitted.
    max_bytes, max_latency_us : int, float or None
        The demands.

    Returns
    -------
    message : str
    """
    parts = []
    if max_bytes is not None:
        smallest = min(trials, key=lambda t: t.n_bytes)
        if smallest.n_bytes > max_bytes:
            parts.append(
                f"max_bytes={max_bytes}: the smallest, {smallest.candidate.name}, has "
                f"{smallest.n_bytes} bytes"
            )
    timed = [t for t in trials if t.latency_us is not None]
    if max_latency_us is not None and timed:
        fastest = min(timed, key=lambda t: t.latency_us or 0.0)
        if (fastest.latency_us or 0.0) > max_latency_us:
            parts.append(
                f"max_latency_us={max_latency_us:g}: the fastest, {fastest.candidate.name}, takes "
                f"{fastest.latency_us:.3g} microseconds a row"
            )
    what = "; ".join(parts) or (
        f"max_bytes={max_bytes} together with max_latency_us={max_latency_us}: each alone is met"
    )
    return f"No student meets {what}. Allow more, or try other students."


def write_verdict(
    chosen: Trial,
    tolerance: tuple[float, bool] | None,
    *,
    metric: str,
    within: bool | None,
    refittable: bool,
    verified: bool,
    n_rivals: int,
) -> str:
    """Say what was chosen, and how it compares with the teacher.

    Parameters
    ----------
    chosen : Trial
        With its interval.
    tolerance : tuple or None
        Of :func:`~skdistill._intervals.parse_tolerance`.
    metric : str
        Name of the metric.
    within : bool or None
        Whether the tolerance is met.
    refittable : bool
        Whether the teacher was refitted without the held-out rows.
    verified : bool
        Whether the rows are others than those that chose who is compared.
    n_rivals : int
        How many others were compared on these rows.

    Returns
    -------
    verdict : str
    """
    gap: Any = chosen.interval
    way = "distilled" if chosen.candidate.distilled else "fitted to the true labels alone"
    text = (
        f"{chosen.candidate.name}, {way}, {chosen.n_bytes} bytes: {metric} {gap.student:.4g} on "
        f"held-out rows where the teacher has {gap.teacher:.4g}"
    )
    if tolerance is None:
        text += "."
    else:
        limit = allowed(tolerance, gap.teacher)
        if within:
            text += f"; within the tolerance of {limit:.3g} with 95 % confidence."
        else:
            text += (
                f"; not shown to be within the tolerance of {limit:.3g}: the shortfall is "
                f"{gap.estimate:.3g}, and up to {gap.upper:.3g} with 95 % confidence."
            )
    if gap.high < 0:
        text += " It is better than the teacher."
    elif not chosen.candidate.distilled:
        text += " Distilling the teacher made no smaller or better one."
    if not refittable:
        text += (
            " The teacher cannot be refitted: if it has seen these rows, its score is flattered, "
            "and the comparison too strict."
        )
    if not chosen.is_compiled:
        text += " There is no C compiler here: its time is that of the estimator in Python."
    if not verified:
        text += " The same rows chose it, which flatters it."
    elif not within and n_rivals:
        text += (
            f" It was chosen by its score from {n_rivals + 1} on these rows, which flatters the "
            "score a little."
        )
    return text
