"""What the search compares: the settings of the rules, their neighbours, and the direct fit."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from skdistill._choosing import Choices, Situation, is_auto

# Weights of the true labels besides that of the rules: all of it, so that the teacher speaks for
# the other rows only, and none of it.
OTHER_WEIGHTS = (1.0, 0.7, 0.0)

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
    candidates = [choices]
    if is_auto(params["hard_label_weight"]):
        candidates.append(replace(choices, use_teacher=False, sampler=None, n_augmented=0))
    if is_auto(params["augment"]) and choices.sampler is not None:
        candidates.append(replace(choices, sampler=None, n_augmented=0))
    if is_auto(params["hard_label_weight"]):
        candidates += [
            replace(choices, hard_label_weight=weight)
            for weight in OTHER_WEIGHTS
            # Without other rows, all weight on the true labels is the direct fit.
            if weight < 1.0 or choices.sampler is not None or situation.n_unlabeled
        ]
    return candidates
