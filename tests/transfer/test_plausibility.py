"""Plausibility: one half for what cannot be told apart, one for what can."""

from __future__ import annotations

import numpy as np
import pandas as pd
import polars as pl
import pytest
import scipy.sparse as sp

from skdistill.transfer import MixupSampler, _plausibility, plausibility


def normal(seed: int, n_rows: int = 600) -> np.ndarray:
    return np.random.default_rng(seed).multivariate_normal([0, 0], [[1, 0.95], [0.95, 1]], n_rows)


def mixed(seed: int, n_rows: int = 500) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "number": np.where(rng.random(n_rows) < 0.2, np.nan, rng.normal(size=n_rows)),
            "level": pd.Categorical(rng.choice([*"abc"], size=n_rows), categories=[*"abcd"]),
            "text": rng.choice(["x", "y", None], size=n_rows),
        }
    )


def as_polars(X: pd.DataFrame) -> pl.DataFrame:
    columns = {name: X[name].astype(object).where(X[name].notna(), None) for name in X}
    return pl.DataFrame({name: column.tolist() for name, column in columns.items()})


class TestValue:
    def test_same_distribution(self):
        assert plausibility(normal(0), normal(1), random_state=0) == pytest.approx(0.5, abs=0.07)
        assert plausibility(mixed(0), mixed(1), random_state=0) == pytest.approx(0.5, abs=0.07)

    def test_other_place(self):
        assert plausibility(normal(0), normal(1) + 4, random_state=0) > 0.99

    def test_other_relation(self):
        independent = np.random.default_rng(1).normal(size=(600, 2))
        assert plausibility(normal(0), independent, random_state=0) > 0.8

    def test_copies(self):
        X = normal(0)
        assert plausibility(X, X[::-1], random_state=0) < 0.5

    def test_other_levels_and_missing_values(self):
        for name, column in [
            ("level", pd.Categorical(["d"] * 500, categories=[*"abcd"])),
            ("text", ["x"] * 500),
            ("number", np.full(500, np.nan)),
        ]:
            other = mixed(1).assign(**{name: column})
            assert plausibility(mixed(0), other, random_state=0) > 0.75

    def test_infinite_and_huge_numbers(self):
        X = np.array([np.inf, -np.inf, 1e308, np.nan, 5e-324, 2.0] * 20)[:, None]
        assert plausibility(X, np.full((50, 1), -1e300), random_state=0) > 0.85

    def test_kinds_of_data_frames(self):
        X, other = mixed(0), mixed(1).assign(text="x")
        expected = plausibility(X, other, random_state=0)
        frames = [as_polars(frame) for frame in (X, other)]
        assert plausibility(*frames, random_state=0) == pytest.approx(expected, abs=0.01)
        arrays = [frame.to_numpy(dtype=object) for frame in (X, other)]
        assert plausibility(*arrays, random_state=0) == pytest.approx(expected, abs=0.01)

    def test_another_number_of_rows(self):
        X = normal(0)
        children = MixupSampler().fit(X).sample(3000, 0)
        few, many = (plausibility(X, children[:k], random_state=0) for k in (600, 3000))
        assert few == pytest.approx(many, abs=0.08)

    def test_seed(self):
        X, other = normal(0, 200), normal(1, 200)
        first = plausibility(X, other, random_state=3)
        assert plausibility(X, other, random_state=3) == first
        assert plausibility(X, other, random_state=4) != first

    def test_given_rows_are_not_changed(self):
        X, other = mixed(0, 100), mixed(1, 100)
        plausibility(X, other, random_state=0)
        pd.testing.assert_frame_equal(X, mixed(0, 100))
        pd.testing.assert_frame_equal(other, mixed(1, 100))


@pytest.mark.parametrize(("max_rows", "expected"), [(50, 100), (5000, 400)])
def test_rows_are_bounded_and_balanced(monkeypatch, max_rows, expected):
    seen = []
    real = _plausibility.cross_val_predict

    def spy(classifier, Z, sampled, **options):
        seen.append((len(Z), sampled.mean()))
        return real(classifier, Z, sampled, **options)

    monkeypatch.setattr(_plausibility, "cross_val_predict", spy)
    plausibility(normal(0), normal(1, 200), random_state=0, max_rows=max_rows)
    assert seen == [(expected, 0.5)]


class TestErrors:
    @pytest.mark.parametrize(
        ("X", "other", "message"),
        [
            (np.zeros((20, 2)), np.zeros((20, 3)), "X_sampled has 3 columns, but X has 2"),
            (np.zeros((20, 2)), pd.DataFrame(np.zeros((20, 2))), "X_sampled is a DataFrame"),
            (np.zeros((20, 2)), np.zeros((9, 2)), "at least 10 rows each, got 20 and 9"),
            (np.zeros((4, 2)), np.zeros((20, 2)), "at least 10 rows each, got 4 and 20"),
        ],
    )
    def test_rows_that_cannot_be_compared(self, X, other, message):
        with pytest.raises(ValueError, match=message):
            plausibility(X, other)

    @pytest.mark.parametrize("X", [sp.csr_matrix((20, 2)), ["a text"] * 20])
    def test_no_table(self, X):
        with pytest.raises(TypeError, match="give a dense table"):
            plausibility(X, X)

    @pytest.mark.parametrize("max_rows", [9, 2.5])
    def test_max_rows(self, max_rows):
        with pytest.raises((TypeError, ValueError), match="max_rows must be an integer"):
            plausibility(normal(0), normal(1), max_rows=max_rows)
