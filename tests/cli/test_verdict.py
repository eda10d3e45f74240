"""What is printed about a distillation says no more than the measures do."""

from __future__ import annotations

from typing import Any

import pytest

from skdistill._record import DistillationRecord
from skdistill.cli._verdict import print_verdict


def measures(direct: float, distilled: float, *, error: float = 0.01) -> dict[str, dict[str, Any]]:
    comparison = {"difference": distilled - direct, "standard_error": error}
    return {
        "teacher": {"log_loss": 0.2, "agreement": 1.0},
        "direct": {"log_loss": direct, "agreement": 0.9},
        "distilled": {"log_loss": distilled, "agreement": 0.95, "against_direct": comparison},
    }


def verdict(
    capsys: Any,
    rows: dict[str, dict[str, Any]],
    *,
    tested: bool = True,
    plausibility: float | None = None,
    **record: Any,
) -> str:
    made = DistillationRecord(reasons={"teacher_labels": "because"}, **record)
    print_verdict(rows, made, tested=tested, plausibility=plausibility)
    return str(capsys.readouterr().out)


@pytest.mark.parametrize(
    ("direct", "distilled", "says"),
    [
        (0.4, 0.3, "The distilled student is better than the direct fit (log loss -0.1"),
        (0.3, 0.4, "Distillation did not pay here: the direct fit is better (log loss +0.1"),
        (0.4, 0.399, "No difference beyond chance"),
    ],
)
def test_comparison_with_the_direct_fit(
    capsys: Any, direct: float, distilled: float, says: str
) -> None:
    assert says in verdict(capsys, measures(direct, distilled))


def test_one_test_row_shows_no_difference(capsys: Any) -> None:
    out = verdict(capsys, measures(0.4, 0.3, error=float("nan")))
    assert "No difference beyond chance" in out


def test_gap_is_shown_only_where_it_can_be_known(capsys: Any) -> None:
    assert "Gap closed" in verdict(capsys, measures(0.4, 0.3))
    assert "log loss: 0.50." in verdict(capsys, measures(0.4, 0.3))
    assert "there is no gap to close" in verdict(capsys, measures(0.2, 0.19))
    untested = verdict(capsys, measures(0.4, 0.3), tested=False)
    assert "give --test rows" in untested
    assert "0.50" not in untested


def test_what_was_chosen_is_told(capsys: Any) -> None:
    rows = measures(0.4, 0.3)
    assert "Chosen" not in verdict(capsys, rows)
    tried = {"candidates": [{}, {}], "search_fits": 6}
    direct = verdict(capsys, rows, used_teacher=False, **tried)
    assert "of 2 candidates (6 student fits): the direct fit. The teacher was not used." in direct
    chosen = verdict(capsys, rows, hard_label_weight=1.0, temperature=2.0, **tried)
    assert "hard_label_weight=1.0, augment=None, temperature=2.0." in chosen
    assert "temperature" not in verdict(capsys, rows, temperature=None, **tried)


def test_plausibility_is_told_where_it_is_known(capsys: Any) -> None:
    rows = measures(0.4, 0.3)
    assert "AUC of 0.53" in verdict(capsys, rows, augment="MungeSampler", plausibility=0.53)
    assert "AUC" not in verdict(capsys, rows)
