"""The report tells how real augmented rows look."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp
from report_parts import make_case
from sklearn.base import BaseEstimator, clone

from skdistill import DistillationReport
from skdistill.report._augmented import measure_plausibility
from skdistill.transfer import plausibility


class Elsewhere(BaseEstimator):
    """Moves real rows; notes what it was fitted to."""

    seen: list[Any] = []  # noqa: RUF012  (shared by clones on purpose)

    def __init__(self, by: float = 0.0) -> None:
        self.by = by

    def fit(self, X: Any) -> Elsewhere:
        self.rows_ = X
        self.seen.append(X)
        return self

    def sample(self, n: int, random_state: Any = None) -> Any:
        drawn = np.random.RandomState(0).randint(len(self.rows_), size=n)
        return self.rows_.iloc[drawn].reset_index(drop=True) + self.by


@pytest.fixture(scope="module")
def case():
    return make_case(2)


def distilled(case: Any, augment: Any) -> Any:
    return clone(case.estimator).set_params(augment=augment).fit(case.X_train, case.y_train)


def test_rows_from_elsewhere_are_told_from_real_ones(case):
    assert measure_plausibility(distilled(case, Elsewhere(100.0)), case.X, 0) > 0.95
    assert measure_plausibility(distilled(case, Elsewhere()), case.X, 0) < 0.8


def test_the_sampler_does_not_see_the_rows_that_its_own_are_compared_with(case):
    estimator = distilled(case, Elsewhere())
    auc = measure_plausibility(estimator, case.X, 3)
    fitted = Elsewhere.seen[-1]
    assert len(fitted) == len(case.X) // 2
    others = case.X.drop(index=fitted.index)
    sampled = Elsewhere().fit(fitted).sample(len(fitted))
    assert auc == plausibility(others, sampled, random_state=3)


@pytest.mark.parametrize("augment", ["auto", "jitter"])
def test_page_and_text_tell_it(case, augment):
    estimator = distilled(case, augment)
    report = DistillationReport.from_estimator(estimator, case.X, case.y)
    auc = report.to_dict()["choice"]["plausibility"]
    assert 0.3 < auc < 0.9
    for text in (str(report).replace("\n", " "), report.to_html()):
        assert f"AUC of {auc:.2g}, where" in text


def test_nothing_is_told_without_such_rows_or_by_too_few(case):
    without = distilled(case, None)
    assert measure_plausibility(without, case.X, 0) is None
    assert "AUC of" not in str(DistillationReport.from_estimator(without, case.X, case.y))
    assert measure_plausibility(case.estimator, case.X[:199], 0) is None
    assert measure_plausibility(case.estimator, case.X[:200], 0) is not None
    assert measure_plausibility(case.estimator, sp.csr_matrix(case.X.to_numpy()), 0) is None
