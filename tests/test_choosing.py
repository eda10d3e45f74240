"""The rules behind "auto", each with its reason."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp

from skdistill._choosing import Situation, choose
from skdistill.transfer import MungeSampler

AUTO: dict[str, Any] = {
    "temperature": "auto",
    "hard_label_weight": "auto",
    "teacher_labels": "auto",
    "augment": "auto",
    "size_factor": 5.0,
    "max_size": 1000,
    "calibrate_teacher": "auto",
}
REGRESSION = {k: v for k, v in AUTO.items() if k not in ("temperature", "calibrate_teacher")}


def situation(**changes: Any) -> Situation:
    usual = {
        "X": np.zeros((500, 3)),
        "has_labels": True,
        "has_teacher": True,
        "has_targets": False,
        "refittable": True,
        "n_folds": 5,
        "n_rows": 500,
    }
    return Situation(**{**usual, **changes})


def test_the_usual_situation() -> None:
    choices = choose(AUTO, situation())
    assert choices.teacher_labels == "cross_fit"
    assert choices.calibrate
    assert isinstance(choices.sampler, MungeSampler)
    assert choices.n_augmented == 1000  # five times 500, capped
    assert (choices.temperature, choices.hard_label_weight) == (1.0, 0.3)
    assert "given" not in choices.reasons.values()


@pytest.mark.parametrize(
    ("changes", "labels", "calibrate", "reason"),
    [
        ({"refittable": False}, "in_sample", False, "the teacher cannot be refitted"),
        ({"n_folds": 0}, "in_sample", False, "too few rows"),
        ({"has_labels": False}, "in_sample", False, "no hard labels"),
        ({"has_targets": True}, "given", False, "soft_targets were given"),
        ({"n_rows": 99}, "cross_fit", False, "may have memorised"),
    ],
)
def test_labels_and_calibration(
    changes: dict[str, Any], labels: str, calibrate: bool, reason: str
) -> None:
    choices = choose(AUTO, situation(**changes))
    assert (choices.teacher_labels, choices.calibrate) == (labels, calibrate)
    assert reason in choices.reasons["teacher_labels"]


@pytest.mark.parametrize(
    "changes",
    [
        {"has_teacher": False, "has_targets": True},
        {"X": sp.csr_matrix((500, 3))},
        {"X": ["a text"] * 500},
        {"X": np.array(["a text"] * 500)},
    ],
)
def test_no_rows_are_added_where_none_can_be(changes: dict[str, Any]) -> None:
    choices = choose(AUTO, situation(**changes))
    assert choices.sampler is None
    assert choices.n_augmented == 0


def test_without_labels_there_is_no_weight_for_them() -> None:
    assert choose(AUTO, situation(has_labels=False)).hard_label_weight == 0.0


def test_what_is_given_is_taken() -> None:
    given = {
        "temperature": 2,
        "hard_label_weight": 1,
        "teacher_labels": "in_sample",
        "augment": None,
        "calibrate_teacher": False,
    }
    choices = choose({**AUTO, **given}, situation())
    assert (choices.temperature, choices.hard_label_weight) == (2.0, 1.0)
    assert (choices.teacher_labels, choices.sampler, choices.calibrate) == (
        "in_sample",
        None,
        False,
    )
    assert set(choices.reasons.values()) == {"given"}


def test_regression_has_no_temperature_and_no_calibration() -> None:
    choices = choose(REGRESSION, situation())
    assert choices.temperature is None
    assert not choices.calibrate
    assert "temperature" not in choices.reasons
