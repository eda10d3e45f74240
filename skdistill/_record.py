"""The plain record of one distillation: what was chosen and why, rows, teacher calls, timings."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass
class DistillationRecord:
    """What one call of ``fit`` did.

    Attributes
    ----------
    teacher : str or None
        Name of the teacher; None for precomputed soft targets alone.
    student : str
        Class of the student.
    teacher_weights : list of float
        Weights of several teachers, where they were learned; else empty.
    temperature : float or None
        Temperature of the loss; None for regression.
    used_teacher : bool
        False: the direct fit to the true labels was as good on held-out rows, and was taken.
    hard_label_weight : float
        Weight of the true labels on the rows that have one.
    teacher_labels : str
        "cross_fit", "corrected", "in_sample" or "given": where the soft targets of the rows of X
        came from.
    correction : float or None
        Strength of the loss correction of "corrected" labels.
    augment : str or None
        Name of the sampler of augmented rows.
    calibrated : bool
        Whether the teacher's probabilities were temperature-scaled.
    teacher_temperature : float or None
        The calibrating temperature (above one: the teacher was overconfident).
    calibration : dict of str to float
        Log loss and expected calibration error of the out-of-fold labels before and after.
    knowledge : list of dict
        What was taught beside the response: each "kind" with its "representation", "weight" and
        "n_columns", relations with their "measure". Empty for the response alone, also where
        the search dropped the rest, and where no teacher was used.
    diagnosis : dict
        For in-sample labels: whether the teacher has memorised the rows, and what tells it; see
        :class:`skdistill.teachers.LabelDiagnosis`.
    reasons : dict of str to str
        For each of the choices above, why: "given", or the rule that made it.
    candidates : list of dict
        What the search compared: settings, `loss` on held-out real rows (log loss or squared
        error), `excess` over the one chosen and its `standard_error`, `n_folds`, `seconds`,
        `chosen`. Empty if nothing was searched.
    final_losses : list of float
        With more rows than the search draws: losses on held-out rows of the one chosen and of the
        direct fit, both fitted to all other rows.
    search_fits : int
        Students fitted in the search.
    n_real, n_unlabeled, n_augmented : int
        Rows of the transfer set.
    teacher_rows_scored : int
        Rows that teachers labelled; answers from the cache do not count.
    teacher_fits : int
        Teachers fitted here; those from the cache do not count.
    seconds : dict of str to float
        Wall-clock seconds of each step.
    """

    teacher: str | None = None
    student: str = ""
    teacher_weights: list[float] = field(default_factory=list)
    used_teacher: bool = True
    temperature: float | None = None
    hard_label_weight: float = 0.0
    teacher_labels: str = "given"
    correction: float | None = None
    augment: str | None = None
    calibrated: bool = False
    teacher_temperature: float | None = None
    calibration: dict[str, float] = field(default_factory=dict)
    knowledge: list[dict[str, Any]] = field(default_factory=list)
    diagnosis: dict[str, Any] = field(default_factory=dict)
    reasons: dict[str, str] = field(default_factory=dict)
    candidates: list[dict[str, Any]] = field(default_factory=list)
    final_losses: list[float] = field(default_factory=list)
    search_fits: int = 0
    n_real: int = 0
    n_unlabeled: int = 0
    n_augmented: int = 0
    teacher_rows_scored: int = 0
    teacher_fits: int = 0
    seconds: dict[str, float] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """Return the record as a dictionary that ``json.dump`` takes."""
        return asdict(self)

    @contextmanager
    def timed(self, step: str) -> Iterator[None]:
        """Add the wall-clock time of a block to ``seconds[step]``."""
        start = time.perf_counter()
        yield
        self.seconds[step] = self.seconds.get(step, 0.0) + time.perf_counter() - start


def note_fit(record: DistillationRecord, student: Any, choices: Any, rows: Any) -> None:
    """Note what a student was fitted to, and how.

    Parameters
    ----------
    record : DistillationRecord
        Changed in place.
    student : estimator
        Fitted.
    choices : Choices
        How it was fitted.
    rows : TransferSet
        What it was fitted to.
    """
    record.student = type(student).__name__
    record.used_teacher = choices.use_teacher
    record.temperature = choices.temperature
    record.hard_label_weight = choices.hard_label_weight
    record.teacher_labels, record.correction = choices.teacher_labels, choices.correction
    record.augment = None if choices.sampler is None else type(choices.sampler).__name__
    record.reasons = choices.reasons
    record.n_real = rows.n_real
    if not (choices.use_teacher and choices.knowledge):
        record.knowledge = []
    record.n_unlabeled = rows.n_unlabeled if choices.use_teacher else 0
    record.n_augmented = rows.n_augmented if choices.sampler is not None else 0
