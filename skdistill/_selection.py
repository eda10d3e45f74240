"""Choose settings by validation on real rows: the loss on rows that are held out decides."""

from __future__ import annotations

import time
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import joblib
import numpy as np
from joblib import Memory
from sklearn.base import clone
from sklearn.utils.parallel import Parallel, delayed

from skdistill._choosing import Choices
from skdistill._comparison import MOST_FOLDS, Trial, plan_rounds
from skdistill._labels import find_hints, label_fold
from skdistill._learning import answer_losses, learn, row_losses
from skdistill._problem import Problem, Settings
from skdistill._record import DistillationRecord
from skdistill._trials import MAX_REAL_ROWS, Fold, LabeledFold, Splits, hold_out, usable_splits
from skdistill.exceptions import TeacherError, TeacherNotUsedWarning
from skdistill.knowledge import needs_teacher
from skdistill.students import reads_teacher
from skdistill.targets import soften
from skdistill.teachers import Teacher
from skdistill.teachers._fingerprint import fingerprint


@dataclass(frozen=True)
class Search:
    """What the candidates are compared on.

    Parameters
    ----------
    student : estimator
        Unfitted and seeded; clones of it are fitted.
    problem : Problem
        All real rows.
    X_unlabeled : array-like or None
        Unlabelled rows.
    teacher : Teacher or None
        The fitted teacher.
    targets : ndarray of shape (n_real, ...)
        Soft targets of the real rows for the final fit, uncalibrated.
    temperature : float
        Calibrates the teacher.
    settings : Settings
        Budget, jobs, cache and progress.
    record : DistillationRecord
        Takes each candidate's score.
    rng : RandomState
        Draws rows.
    """

    student: Any
    problem: Problem
    X_unlabeled: Any
    teacher: Teacher | None
    targets: np.ndarray
    temperature: float
    settings: Settings
    record: DistillationRecord
    rng: np.random.RandomState

    def choose(self, candidates: Sequence[Choices], splits: Splits) -> Choices:
        """Fit the candidates on folds, and choose the simplest that is as good as the best.

        All are fitted on the first fold; the first candidate, the direct fit and the best of the
        others then on the other folds. As good as the best is what is within one standard error
        of it, that of the mean difference of losses row by row. The simplest are the first
        candidate, which are the settings that need no search, then one that leaves out hints
        alone, and then the direct fit, if these are better than the first. Where the teacher
        itself is not better than the direct fit by one standard error, there is nothing that
        speaks for its student, and a direct fit that is better comes first.

        Where the folds are drawn from more rows, the one chosen, if it needs the teacher, and
        the direct fit meet once more, by the same rules, on all the rows of a fold: a direct fit
        gains more by more rows.

        Parameters
        ----------
        candidates : sequence of Choices
            What to compare, the most promising first.
        splits : list of (train, test)
            The folds of `cv`.

        Returns
        -------
        choices : Choices
            The candidate chosen.
        """
        splits = usable_splits(splits, self.problem)
        if not splits:
            return candidates[0]
        is_drawn = any(len(train) > MAX_REAL_ROWS for train, _ in splits[:MOST_FOLDS])
        direct = next((c for c in candidates if not c.use_teacher), None)
        has_final = is_drawn and direct is not None
        trials, chosen = self._compare(candidates, splits, 2 if has_final else 0)
        finals: list[Trial] = []
        if has_final and direct is not None and chosen.choices is not direct:
            finals = [Trial(chosen.choices), Trial(direct)]
            fold = self._make_fold(splits[0], candidates[0], whole=True)
            winner = self._let_meet(finals[0], finals[1], fold)
            chosen = next((t for t in trials if t.choices is winner.choices), winner)
        self.record.candidates = [trial.describe(chosen) for trial in trials or finals]
        self.record.final_losses = [trial.score for trial in finals]
        self.record.search_fits = sum(len(trial.losses) for trial in [*trials, *finals])
        return _explain(chosen.choices, candidates[0])

    def _compare(
        self, candidates: Sequence[Choices], splits: Splits, n_reserved: int
    ) -> tuple[list[Trial], Trial]:
        """Fit candidates to drawn rows; return the trials and the one that is chosen."""
        budget = self.settings.search_budget - n_reserved
        if budget < 2:
            return [], Trial(candidates[0])
        n_first, n_kept, n_folds = plan_rounds(budget, len(candidates), len(splits))
        trials = [Trial(choices) for choices in candidates[:n_first]]
        rules, direct = trials[0], next((t for t in trials if not t.choices.use_teacher), None)
        kept, teacher = trials, Trial(candidates[0])
        for number, split in enumerate(splits[:n_folds]):
            fold = self._make_fold(split, candidates[0])
            self._try(kept, fold, f"{number + 1} of {n_folds}")
            teacher.add(*self._score_teacher(fold.fold))
            if number == 0:
                kept = sorted(trials, key=lambda t: (t is not rules and t is not direct, t.score))
                kept = kept[:n_kept]
        best = min(kept, key=lambda trial: trial.score)
        plain = next((t for t in kept if _lacks_hints(t.choices, rules.choices)), None)
        simplest = [rules, *(t for t in (plain, direct) if t and t.score < rules.score)]
        if direct is simplest[-1] and direct.is_as_good_as(teacher):
            simplest = [direct, *simplest[:-1]]
        return trials, next((trial for trial in simplest if trial.is_as_good_as(best)), best)

    def _let_meet(self, trial: Trial, direct: Trial, fold: LabeledFold) -> Trial:
        """Fit a candidate and the direct fit to a fold; return the one to take."""
        self._try([trial, direct], fold, "1, all rows")
        teacher = Trial(trial.choices)
        teacher.add(*self._score_teacher(fold.fold))
        if direct.score < trial.score and direct.is_as_good_as(teacher):
            return direct
        return trial if trial.is_as_good_as(direct) else direct

    def _score_teacher(self, fold: Fold) -> tuple[np.ndarray, np.ndarray, float]:
        """Compute the losses of what the teacher says of held-out rows, as it is told anyway."""
        answers, held_out = self.targets[fold.test], fold.held_out
        if held_out.classes is None:
            values = answers.reshape(len(answers), -1)[:, 0]  # without what teachers disagree by
            losses = answer_losses(values, held_out)
        else:
            P = answers[:, : len(held_out.classes)]
            if hasattr(self.student, "predict_proba"):
                losses = answer_losses(soften(P, self.temperature), held_out)
            else:  # like those of the students that it is compared with
                losses = np.asarray(P.argmax(axis=1) != held_out.codes, dtype=np.float64)
        return losses, _weights(held_out), 0.0

    def _make_fold(
        self, split: tuple[np.ndarray, np.ndarray], rules: Choices, *, whole: bool = False
    ) -> LabeledFold:
        """Hold out rows, and let the teacher label the others."""
        most = None if whole else MAX_REAL_ROWS
        fold = hold_out(split, self.problem, self.X_unlabeled, rules, self.rng, most=most)
        labeled = label_fold(
            self.teacher,
            fold,
            self.targets,
            rules,
            keep_teacher=reads_teacher(self.student) or needs_teacher(rules.knowledge),
            nested=not whole,
            settings=self.settings,
            record=self.record,
        )
        hints = find_hints(labeled.teacher, fold.rows, rules, self.settings)
        labeled = replace(labeled, hints=hints)
        return labeled if self.problem.classes is None else labeled.soften(self.temperature)

    def _try(self, trials: Sequence[Trial], fold: LabeledFold, where: str) -> None:
        """Fit and score candidates on one fold."""
        self.settings.report(f"search: {len(trials)} candidates on fold {where}")
        run = _Runner(self.student, fold, self.settings.memory)
        key = run.hash()
        answers = Parallel(n_jobs=self.settings.n_jobs)(
            delayed(run)(key, trial.choices) for trial in trials
        )
        for trial, answer in zip(trials, answers, strict=True):
            trial.add(*answer)


def _lacks_hints(choices: Choices, rules: Choices) -> bool:
    """Tell whether settings use the teacher, but not the hints of the rules."""
    return choices.use_teacher and bool(rules.knowledge) and not choices.knowledge


def _explain(chosen: Choices, rules: Choices) -> Choices:
    """Note for each setting that was searched why it is what it is."""
    before, after = rules.describe(), chosen.describe()
    if not chosen.use_teacher:
        changes = dict.fromkeys(before.keys() - {"use_teacher"}, "void: the teacher was not used")
    else:
        changes = {
            name: "better on held-out rows than what the rules say"
            for name in before
            if before[name] != after[name]
        }
        if _lacks_hints(chosen, rules):
            changes["knowledge"] = "the response alone is better on held-out rows than with hints"
    return replace(chosen, reasons={**chosen.reasons, **changes})


def warn_if_unused(record: DistillationRecord) -> None:
    """Say so where the direct fit was taken."""
    if record.used_teacher:
        return
    direct = next(c for c in record.candidates if c["chosen"])
    others = [c for c in record.candidates if c["use_teacher"]]
    best = min(others, key=lambda c: (-c["n_folds"], c["loss"]))
    what = "the soft_targets were" if record.teacher is None else f"teacher {record.teacher} was"
    warnings.warn(
        f"The {record.student} was fitted to the true labels alone: {what} not used. On held-out "
        f"rows its loss is {direct['loss']:.4g}; that of the best distilled one differs from it by "
        f"{best['excess']:+.3g} (standard error {best['standard_error']:.2g}). "
        "distillation_.candidates has the details.",
        TeacherNotUsedWarning,
        stacklevel=3,
    )


@dataclass(frozen=True)
class _Runner:
    """Fit and score one candidate through the cache; workers must be able to unpickle it."""

    student: Any
    fold: LabeledFold
    memory: Memory

    def hash(self) -> str | None:
        """Hash all that a trial depends on but the candidate.

        None where there is no cache, or the student cannot be hashed.
        """
        if self.memory.location is None:
            return None
        teacher = self.fold.teacher if reads_teacher(self.student) else None
        try:
            student = fingerprint(self.student, "student")
            seen = None if teacher is None else teacher.fingerprint()
        except TeacherError:
            return None
        data = str(joblib.hash((self.fold.fold, self.fold.targets, self.fold.hints)))
        return "-".join([student, str(seen), data])

    def __call__(self, key: str | None, choices: Choices) -> tuple[Any, ...]:
        if key is None:
            return _held_out_losses("", self, choices)
        cached = self.memory.cache(_held_out_losses, ignore=["run", "choices"])
        return cached(f"{key}-{sorted(choices.describe().items())}", self, choices)


def _held_out_losses(
    key: str, run: _Runner, choices: Choices
) -> tuple[np.ndarray, np.ndarray, float]:
    """Fit a candidate to a fold's rows and score it; `key` stands for the rest in the cache."""
    fold, start = run.fold.fold, time.perf_counter()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the final fit says what there is to say
        fitted = learn(
            clone(run.student),
            fold.rows,
            run.fold.targets,
            fold.problem,
            choices,
            run.fold.teacher,
            hints=run.fold.hints,
        )
        losses = row_losses(fitted, fold.held_out)
    return losses, _weights(fold.held_out), time.perf_counter() - start


def _weights(problem: Problem) -> np.ndarray:
    return np.ones(problem.n_rows) if problem.weight is None else problem.weight
