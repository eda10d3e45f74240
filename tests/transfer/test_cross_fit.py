"""Out-of-fold labels: against scikit-learn, with a recording teacher, and through the cache."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from joblib import Memory
from sklearn.base import clone
from sklearn.datasets import load_diabetes, load_iris
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import (
    GroupKFold,
    KFold,
    LeaveOneOut,
    ShuffleSplit,
    StratifiedKFold,
    cross_val_predict,
)

from skdistill.transfer import count_folds, cross_fit

NO_CACHE = Memory(None, verbose=0)


class Adapter:
    """The least a teacher needs: an estimator, refitted, with aligned columns."""

    def __init__(self, estimator, *, model_id="a"):
        self.estimator = estimator
        self.model_id = model_id

    def refit(self, X, y, sample_weight=None, *, random_state=None):
        return Adapter(clone(self.estimator).fit(X, y, sample_weight), model_id=self.model_id)

    def predict_proba(self, X, classes):
        aligned = np.zeros((len(X), len(classes)))
        columns = np.searchsorted(classes, self.estimator.classes_)
        aligned[:, columns] = self.estimator.predict_proba(X)
        return aligned

    def predict(self, X):
        return self.estimator.predict(X)

    def fingerprint(self):
        return self.model_id


class Recorder:
    """Says of each row whether it was fitted to it; rows are told apart by their first column."""

    def __init__(self, seen=()):
        self.seen = seen

    def refit(self, X, y, sample_weight=None, *, random_state=None):
        assert random_state == 0
        assert len(y) == len(X)
        assert sample_weight is None or (sample_weight == X[:, 0] + 1).all()
        return Recorder(X[:, 0])

    def predict(self, X):
        return np.isin(X[:, 0], self.seen).astype(float)

    def predict_proba(self, X, classes):
        seen = self.predict(X)
        return np.column_stack([1 - seen, seen])

    def fingerprint(self):
        return "recorder"


class SparseRecorder(Recorder):
    """Insists on sparse rows."""

    def refit(self, X, y, sample_weight=None, *, random_state=None):
        assert sp.issparse(X)
        assert X.shape[0] == len(y)
        return self

    def predict_proba(self, X, classes):
        assert sp.issparse(X)
        return np.full((X.shape[0], len(classes)), 0.5)


class Failing(Adapter):
    """Fails on the fold whose test rows hold the row that it was told."""

    def __init__(self, estimator, row):
        super().__init__(estimator)
        self.row = row

    def refit(self, X, y, sample_weight=None, *, random_state=None):
        if self.row is not None and not np.equal(X, self.row).all(axis=1).any():
            raise KeyboardInterrupt
        return super().refit(X, y, sample_weight)


@pytest.fixture(scope="module")
def iris():
    X, y = load_iris(return_X_y=True)
    return X[::2], np.array(["setosa", "versicolor", "virginica"])[y[::2]]


def run(teacher, X, y, **options):
    defaults = {"classes": np.unique(y), "cv": 3, "memory": NO_CACHE, "random_state": 0}
    return cross_fit(teacher, X, y, **{**defaults, **options})


MODEL = LogisticRegression(max_iter=500)


class TestLabels:
    def test_against_cross_val_predict(self, iris):
        X, y = iris
        for cv in (StratifiedKFold(4), KFold(3, shuffle=True, random_state=1)):
            result = run(Adapter(MODEL), X, y, cv=cv)
            expected = cross_val_predict(MODEL, X, y, cv=cv, method="predict_proba")
            np.testing.assert_allclose(result.targets, expected)
            assert result.n_fits == cv.get_n_splits()
            assert result.n_rows_scored == len(y)
            for fold, (_, test) in enumerate(cv.split(X, y)):
                assert (result.folds[test] == fold).all()

    def test_regression_against_cross_val_predict(self):
        X, y = load_diabetes(return_X_y=True)
        cv = KFold(4, shuffle=True, random_state=3)
        weight = np.random.default_rng(0).uniform(0.5, 2, len(y))
        result = run(Adapter(Ridge()), X, y, cv=cv, classes=None, sample_weight=weight)
        expected = cross_val_predict(Ridge(), X, y, cv=cv, params={"sample_weight": weight})
        np.testing.assert_allclose(result.targets, expected)
        assert result.targets.shape == y.shape

    def test_number_of_folds_is_shuffled_and_stratified(self, iris):
        X, y = iris
        cv = StratifiedKFold(3, shuffle=True, random_state=0)
        expected = cross_val_predict(MODEL, X, y, cv=cv, method="predict_proba")
        np.testing.assert_allclose(run(Adapter(MODEL), X, y, cv=3).targets, expected)
        default = run(Adapter(MODEL), X, y, cv=None)
        assert len(np.unique(default.folds)) == 5
        counts = pd.crosstab(default.folds, y)
        assert counts.to_numpy().min() == counts.to_numpy().max() == 5
        assert (np.diff(default.folds) != 0).any()

    def test_sorted_targets_of_regression_are_shuffled(self):
        X = np.arange(20.0)[:, None]
        folds = run(Recorder(), X, X[:, 0], classes=None, cv=4).folds
        assert (np.bincount(folds) == 5).all()
        assert (np.diff(folds) < 0).any()

    @pytest.mark.parametrize("cv", [2, 5, KFold(3), LeaveOneOut()])
    @pytest.mark.parametrize("classes", [None, np.array([0, 1])])
    def test_no_row_is_labelled_by_a_teacher_that_saw_it(self, cv, classes):
        X = np.arange(12.0)[:, None]
        y = np.arange(12) % 2
        targets = run(Recorder(), X, y, cv=cv, classes=classes, sample_weight=X[:, 0] + 1).targets
        saw = targets if classes is None else targets[:, 1]
        np.testing.assert_array_equal(saw, np.zeros(12))

    def test_rare_class_is_zero_where_the_teacher_lacks_it(self, iris):
        X, y = iris
        rows = np.r_[0:25, 25:50, 50]
        result = run(Adapter(MODEL), X[rows], y[rows], cv=3)
        alone = result.folds == result.folds[50]
        assert (result.targets[alone, 2] == 0).all()
        assert (result.targets[~alone, 2] > 0).all()

    def test_data_frames_and_lists(self, iris):
        X, y = iris
        frame = pd.DataFrame(X, columns=[*"abcd"], index=np.arange(len(X)) * 3)
        expected = run(Adapter(MODEL), X, y).targets
        np.testing.assert_allclose(run(Adapter(MODEL), frame, list(y)).targets, expected)
        np.testing.assert_allclose(run(Adapter(MODEL), X.tolist(), y).targets, expected)

    @pytest.mark.parametrize("layout", ["csr", "csc", "coo"])
    def test_sparse(self, iris, layout):
        X, y = iris
        result = run(Adapter(MODEL), X, y)
        sparse = run(SparseRecorder(), sp.csr_matrix(X).asformat(layout), y)
        np.testing.assert_array_equal(result.folds, sparse.folds)
        assert (sparse.targets == 0.5).all()

    def test_iterables_and_masks(self, iris):
        X, y = iris
        expected = run(Adapter(MODEL), X, y, cv=KFold(3)).targets
        splits = list(KFold(3).split(X))
        np.testing.assert_array_equal(run(Adapter(MODEL), X, y, cv=splits).targets, expected)
        masks = ((np.isin(np.arange(len(y)), a), np.isin(np.arange(len(y)), b)) for a, b in splits)
        np.testing.assert_array_equal(run(Adapter(MODEL), X, y, cv=masks).targets, expected)

    def test_random_state(self, iris):
        X, y = iris
        first, again = run(Adapter(MODEL), X, y), run(Adapter(MODEL), X, y)
        np.testing.assert_array_equal(first.targets, again.targets)
        assert (run(Adapter(MODEL), X, y, random_state=1).folds != first.folds).any()

    def test_number_of_jobs(self, iris):
        X, y = iris
        one, two = run(Adapter(MODEL), X, y), run(Adapter(MODEL), X, y, n_jobs=2)
        np.testing.assert_array_equal(one.targets, two.targets)
        np.testing.assert_array_equal(one.folds, two.folds)
        assert (two.n_fits, two.n_rows_scored) == (3, len(y))

    def test_verbose(self, iris, capsys):
        X, y = iris
        run(Adapter(MODEL), X, y)
        assert capsys.readouterr() == ("", "")
        run(Adapter(MODEL), X, y, verbose=1)
        out, err = capsys.readouterr()
        assert out == ""
        assert "cross-fit 3/3: teacher fitted on 50 rows, 25 rows labelled" in err
        assert err.count("\n") == 3


class TestCache:
    def test_cached_folds_do_not_count(self, iris, tmp_path, capsys):
        X, y = iris
        memory = Memory(tmp_path, verbose=0)
        first = run(Adapter(MODEL), X, y, memory=memory)
        assert (first.n_fits, first.n_rows_scored) == (3, len(y))
        again = run(Adapter(MODEL), X.copy(), y.copy(), memory=memory, verbose=1)
        assert (again.n_fits, again.n_rows_scored) == (0, 0)
        assert "teacher from the cache" in capsys.readouterr().err
        np.testing.assert_array_equal(first.targets, again.targets)

    def test_workers_share_the_cache(self, iris, tmp_path):
        X, y = iris
        memory = Memory(tmp_path, verbose=0)
        first = run(Adapter(MODEL), X, y, memory=memory, n_jobs=2)
        assert first.n_fits == 3
        assert run(Adapter(MODEL), X, y, memory=memory).n_fits == 0

    def test_what_differs_is_not_taken_from_the_cache(self, iris, tmp_path):
        X, y = iris
        memory = Memory(tmp_path, verbose=0)
        run(Adapter(MODEL), X, y, memory=memory)
        weight = np.ones(len(y))
        other = np.append(np.unique(y), "zzz")
        assert run(Adapter(MODEL, model_id="b"), X, y, memory=memory).n_fits == 3
        assert run(Adapter(MODEL), X + 1, y, memory=memory).n_fits == 3
        assert run(Adapter(MODEL), X, y[::-1], memory=memory).n_fits == 3
        assert run(Adapter(MODEL), X, y, memory=memory, sample_weight=weight).n_fits == 3
        assert run(Adapter(MODEL), X, y, memory=memory, random_state=9).n_fits == 3
        wider = run(Adapter(MODEL), X, y, memory=memory, classes=other)
        assert wider.n_fits == 3
        assert wider.targets.shape == (len(y), 4)

    def test_interruption_loses_only_the_running_fold(self, iris, tmp_path):
        X, y = iris
        X = X + np.arange(len(y))[:, None] * 1e-6  # rows are told apart by their values
        memory = Memory(tmp_path, verbose=0)
        last = np.flatnonzero(run(Adapter(MODEL), X, y).folds == 2)[0]
        with pytest.raises(KeyboardInterrupt):
            run(Failing(MODEL, X[last]), X, y, memory=memory)
        resumed = run(Failing(MODEL, None), X, y, memory=memory)
        assert resumed.n_fits == 1
        assert resumed.n_rows_scored == 25


class TestErrors:
    def test_fewer_rows_than_folds(self):
        X, y = np.arange(4.0)[:, None], np.arange(4.0)
        with pytest.raises(
            ValueError, match=r"cv=5 needs at least 5 rows, got n_samples=4; use a smaller"
        ):
            run(Recorder(), X, y, classes=None, cv=5)

    def test_every_class_smaller_than_the_folds(self):
        X, y = np.arange(8.0)[:, None], np.arange(8) % 2
        with pytest.raises(ValueError, match=r"cv=5 needs a class .* the largest class has 4"):
            run(Recorder(), X, y, cv=5)

    def test_single_class_in_training(self):
        X, y = np.arange(11.0)[:, None], np.r_[np.zeros(10, int), 1]
        with pytest.raises(ValueError, match=r"training rows of fold \d have a single class"):
            run(Recorder(), X, y, cv=5)

    @pytest.mark.parametrize(
        "cv",
        [
            ShuffleSplit(3, random_state=0),
            [([0, 1, 2, 3], [4, 5])],
            [([3, 4, 5], [0, 1, 2]), ([0, 1, 2], [2, 3, 4, 5])],
            [([3, 4, 5], [0, 1, 2]), ([0, 1, 2], [-1, 3, 4])],
            [],
        ],
    )
    def test_no_partition(self, cv):
        X, y = np.arange(6.0)[:, None], np.arange(6) % 2
        with pytest.raises(ValueError, match="cv must put each of the 6 rows in exactly one"):
            run(Recorder(), X, y, cv=cv)

    def test_rows_in_training_and_test(self):
        X, y = np.arange(4.0)[:, None], np.arange(4) % 2
        with pytest.raises(ValueError, match="fold 1 has rows that are in both train and test"):
            run(Recorder(), X, y, cv=[([2, 3], [0, 1]), ([0, 1, 2], [2, 3])])

    def test_empty_training(self):
        X, y = np.arange(4.0)[:, None], np.arange(4) % 2
        with pytest.raises(ValueError, match="fold 0 has no training or no test rows"):
            run(Recorder(), X, y, cv=[([], [0, 1, 2, 3])])

    @pytest.mark.parametrize("cv", [1, 0, -3, True, 2.5, "five"])
    def test_cv(self, cv):
        X, y = np.arange(4.0)[:, None], np.arange(4) % 2
        with pytest.raises((TypeError, ValueError), match="cv"):
            run(Recorder(), X, y, cv=cv)
        with pytest.raises((TypeError, ValueError), match="cv"):
            count_folds(cv, y, classification=True)

    def test_groups(self):
        X, y = np.arange(4.0)[:, None], np.arange(4) % 2
        with pytest.raises(ValueError, match="groups"):
            run(Recorder(), X, y, cv=GroupKFold(2))


class TestCountFolds:
    @pytest.mark.parametrize(
        ("cv", "y", "classification", "expected"),
        [
            (None, [0, 1] * 5, True, 5),
            (3, [0, 1] * 5, True, 3),
            (6, [0, 1] * 5, True, 0),
            (6, [0, 1] * 5, False, 6),
            (5, [0] * 10 + [1], True, 0),
            (5, [0] * 10 + [1, 1], True, 5),
            (5, [0.5, 1.5, 2.5], False, 0),
            (5, None, True, 0),
            (KFold(4), [0, 1] * 5, True, 4),
            (LeaveOneOut(), [0, 1, 1], False, 3),
            ([([0], [1]), ([1], [0])], [0, 1], True, 2),
        ],
    )
    def test_counts(self, cv, y, classification, expected):
        assert count_folds(cv, y, classification=classification) == expected

    def test_iterator_is_not_used_up(self):
        y = np.array([0, 1, 0, 1])
        splits = KFold(2).split(y)
        assert count_folds(splits, y, classification=True) == 1
        X = np.arange(4.0)[:, None]
        assert run(Recorder(), X, y, cv=splits).n_fits == 2
