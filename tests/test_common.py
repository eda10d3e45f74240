"""scikit-learn's own checks of every public estimator."""

from sklearn.utils.estimator_checks import parametrize_with_checks

from skdistill.students import (
    BoostingStudentClassifier,
    BoostingStudentRegressor,
    LinearStudentClassifier,
    LinearStudentRegressor,
    MLPStudentClassifier,
    MLPStudentRegressor,
    TreeStudentClassifier,
    TreeStudentRegressor,
)

ESTIMATORS = [
    TreeStudentClassifier(random_state=0),
    TreeStudentRegressor(random_state=0),
    LinearStudentClassifier(),
    LinearStudentRegressor(),
    MLPStudentClassifier(random_state=0),
    MLPStudentRegressor(random_state=0),
    BoostingStudentClassifier(),
    BoostingStudentRegressor(),
    BoostingStudentClassifier(backend="xgboost"),
    BoostingStudentRegressor(backend="xgboost"),
]


@parametrize_with_checks(ESTIMATORS)
def test_estimator_checks(estimator, check):
    check(estimator)
