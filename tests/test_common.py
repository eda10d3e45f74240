"""scikit-learn's own checks of every public estimator."""

from typing import Any

import pytest
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.utils.estimator_checks import parametrize_with_checks

from skdistill import (
    CompactSearch,
    DistilledClassifier,
    DistilledRegressor,
    SelfDistilledClassifier,
    SelfDistilledRegressor,
)
from skdistill.students import (
    AdditiveStudentClassifier,
    AdditiveStudentRegressor,
    BoostingStudentClassifier,
    BoostingStudentRegressor,
    LinearStudentClassifier,
    LinearStudentRegressor,
    MLPStudentClassifier,
    MLPStudentRegressor,
    PrunedStudentClassifier,
    PrunedStudentRegressor,
    TreeStudentClassifier,
    TreeStudentRegressor,
)

ESTIMATORS = [
    TreeStudentClassifier(random_state=0),
    TreeStudentRegressor(random_state=0),
    TreeStudentClassifier(leaf="linear", random_state=0),
    TreeStudentRegressor(leaf="linear", random_state=0),
    LinearStudentClassifier(),
    LinearStudentRegressor(),
    AdditiveStudentClassifier(random_state=0),
    AdditiveStudentRegressor(random_state=0),
    AdditiveStudentClassifier(alpha=1.0, n_pairs=0),
    AdditiveStudentRegressor(alpha=1.0, n_pairs=0),
    LinearStudentClassifier(l1_ratio=0.5),
    LinearStudentRegressor(l1_ratio=0.5),
    MLPStudentClassifier(random_state=0),
    MLPStudentRegressor(random_state=0),
    BoostingStudentClassifier(),
    BoostingStudentRegressor(),
    BoostingStudentClassifier(backend="xgboost"),
    BoostingStudentRegressor(backend="xgboost"),
    PrunedStudentClassifier(max_total_leaves=30, random_state=0),
    PrunedStudentRegressor(max_total_leaves=30, random_state=0),
    # All as it comes, but for a student whose search takes little time.
    DistilledClassifier(
        LogisticRegression(), student=TreeStudentClassifier(max_leaf_nodes=4, refine=False)
    ),
    DistilledRegressor(Ridge(), student=TreeStudentRegressor(max_leaf_nodes=4, refine=False)),
    DistilledClassifier(LogisticRegression(), student=LogisticRegression()),
    DistilledRegressor(Ridge(), student=Ridge()),
    DistilledClassifier(LogisticRegression(), search_budget=0),
    DistilledClassifier(LogisticRegression(), student="linear", search_budget=0),
    DistilledClassifier(LogisticRegression(), student="mlp", search_budget=0),
    DistilledClassifier(LogisticRegression(), student="boosting", search_budget=0),
    DistilledRegressor(Ridge(), search_budget=0),
    DistilledRegressor(Ridge(), student="linear", search_budget=0),
    # Without a search, folds and augmented rows, weights must act exactly.
    DistilledClassifier(
        LogisticRegression(),
        student=TreeStudentClassifier(
            min_samples_leaf=5, shrinkage=0.0, ccp_alpha=0.0, random_state=0
        ),
        teacher_labels="in_sample",
        augment=None,
        search_budget=0,
    ),
    DistilledRegressor(
        Ridge(), student="linear", teacher_labels="in_sample", augment=None, search_budget=0
    ),
    CompactSearch(
        LogisticRegression(), students=TreeStudentClassifier(max_leaf_nodes=4, refine=False), cv=2
    ),
    CompactSearch(Ridge(), students=TreeStudentRegressor(max_leaf_nodes=4, refine=False), cv=2),
    SelfDistilledClassifier(TreeStudentClassifier(max_leaf_nodes=4, refine=False)),
    SelfDistilledRegressor(TreeStudentRegressor(max_leaf_nodes=4, refine=False)),
    SelfDistilledClassifier("linear", keep="average", hard_label_weight=0.0),
    SelfDistilledRegressor("linear", keep="average", hard_label_weight=0.0),
    SelfDistilledClassifier(LogisticRegression(), generations=1),
    SelfDistilledRegressor(Ridge()),
]

NAN = "The student takes missing values, also where the teacher does not."
WEIGHTS = "Folds and augmented rows are drawn by row: weight two is not two rows there."


def expected_failures(estimator: Any) -> dict[str, str]:
    """Reason of each check that an estimator is not meant to pass."""
    name = type(estimator).__name__
    if name.startswith("MLP"):
        reason = "Minibatches are drawn by row, so that a repeated row is drawn more than once."
    elif name.startswith("Boosting"):
        reason = "The libraries bin and count by row: a row of weight two is not two rows there."
    elif name.startswith("Pruned"):
        reason = "The teacher that it grows itself bins and counts by row."
    elif name.startswith("SelfDistilled"):
        if not isinstance(estimator.student, TreeStudentClassifier | TreeStudentRegressor):
            return {}  # labels are noise here, and generation 0 is chosen
        reason = "Folds are drawn by row: weight two is not two rows there."
    elif name.startswith("Distilled"):
        return expected_of_distilled(estimator)
    elif name == "CompactSearch":
        return {
            "check_estimators_nan_inf": NAN,
            "check_sample_weight_equivalence_on_dense_data": WEIGHTS,
        }
    else:
        return {}
    check = "check_sample_weight_equivalence_on_{}_data"
    kinds = ["dense", "sparse"] if estimator.__sklearn_tags__().input_tags.sparse else ["dense"]
    return {check.format(kind): reason for kind in kinds}


def expected_of_distilled(estimator: Any) -> dict[str, str]:
    """Reason of each check that a distilled estimator is not meant to pass."""
    reasons = {}
    if isinstance(estimator.student, str | TreeStudentClassifier | TreeStudentRegressor):
        reasons["check_estimators_nan_inf"] = NAN
    if estimator.augment is not None:
        reasons["check_sample_weight_equivalence_on_dense_data"] = WEIGHTS
        if estimator.student == "boosting":
            reasons["check_sample_weight_equivalence_on_sparse_data"] = WEIGHTS
    return reasons


# scikit-learn 1.6 gives a generator, which pytest takes no more.
checks = parametrize_with_checks(ESTIMATORS, expected_failed_checks=expected_failures).mark


# Labels of some checks are noise, of which no teacher knows anything.
@pytest.mark.filterwarnings("ignore::skdistill.exceptions.TeacherNotUsedWarning")
@pytest.mark.parametrize(checks.args[0], list(checks.args[1]), **checks.kwargs)
def test_estimator_checks(estimator: Any, check: Any) -> None:
    check(estimator)
