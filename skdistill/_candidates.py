"""What the search compares: the settings of the rules, their neighbours, and the direct fit."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from skdistill._choosing import Choices, Situation, is_auto

# Weights of the true labels besides that of the rules, and besides all of it, where the teacher
# speaks for the other rows only.
OTHER_WEIGHTS = (0.7, 0.0)
OTHER_TEMPERATURE = 2.0

# Strengths of the loss correction besides that of the rules.
OTHER_CORRECTIONS = (1.0, 0.01, 10.0)

# Rows below which a validation tells noise.
MIN_ROWS_TO_SEARCH = 60


def list_candidates(
    choices: Choices, params: dict[str, Any], situation: Situation
) -> list[Choices]:
    """List the settings to compare, the most promising first.

    Parameters
    ----------
    choices : Choices
        What the rules chose.
    params : dict
        The estimator's parameters: only those that are "auto" are varied.
    situation : Situation
        What is known of the data and the teacher.

    Returns
    -------
    candidates : list of Choices
        `choices` first. Only that where nothing can be compared: without true labels, with too
        few rows, or if nothing is "auto".
    """
    comparable = situation.has_labels and situation.n_folds >= 2
    if not comparable or situation.n_rows < MIN_ROWS_TO_SEARCH:
        return [choices]
    alone = replace(choices, sampler=None, n_augmented=0)
    others = choices.sampler is not None or situation.n_unlabeled > 0
    auto = {name for name, value in params.items() if is_auto(value)}
    candidates = [choices]
    if "hard_label_weight" in auto:
        candidates.append(replace(alone, use_teacher=False, hard_label_weight=1.0))
        # Hints that do harm should not cost the teacher.
        if choices.knowledge:
            candidates.append(replace(choices, knowledge=()))
        # Without other rows, all weight on the true labels is the direct fit.
        if others and choices.correction is None:
            candidates.append(replace(choices, hard_label_weight=1.0))
    if "temperature" in auto and situation.sees_temperature:
        candidates.append(replace(choices, temperature=OTHER_TEMPERATURE))
    if "augment" in auto and choices.sampler is not None:
        candidates.append(alone)
    if choices.correction is not None:
        candidates += [replace(choices, correction=c) for c in OTHER_CORRECTIONS]
    elif "hard_label_weight" in auto:
        candidates += [replace(choices, hard_label_weight=w) for w in OTHER_WEIGHTS]
    return candidates
