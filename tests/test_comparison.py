"""Comparing candidates: the plan of the fits, and the paired difference of losses."""

from __future__ import annotations

import numpy as np
from flow_parts import Repeat, make_choices
from hypothesis import given, settings
from hypothesis import strategies as st

from skdistill._comparison import MOST_FOLDS, Trial, plan_rounds

RULES = make_choices(sampler=Repeat(), n_augmented=240)
DIRECT = make_choices(use_teacher=False)


@given(st.integers(2, 40), st.integers(2, 10), st.integers(1, 10))
@settings(max_examples=200, deadline=None)
def test_the_budget_is_kept(budget: int, n_candidates: int, n_folds: int):
    n_first, n_kept, used = plan_rounds(budget, n_candidates, n_folds)
    assert n_first + n_kept * (used - 1) <= budget
    # No fit is spent on a candidate that has nothing to be compared with.
    assert 2 <= n_kept <= n_first <= n_candidates
    assert 1 <= used <= min(n_folds, MOST_FOLDS)
    if budget >= n_candidates * min(n_folds, MOST_FOLDS):
        assert (n_first, n_kept, used) == (n_candidates, n_candidates, min(n_folds, MOST_FOLDS))


def test_excess_compares_on_the_folds_that_both_have():
    one, two = Trial(RULES), Trial(DIRECT)
    one.add(np.array([1.0, 2.0]), np.ones(2), 0.0)
    two.add(np.array([0.5, 1.5]), np.ones(2), 0.0)
    two.add(np.array([9.0, 9.0]), np.ones(2), 0.0)
    assert one.excess(two) == (0.5, 0.0)
    assert two.excess(one) == (-0.5, 0.0)
    assert two.score == 5.0
