import numpy as np
import pandas as pd
import pytest

from benchmarks.encoding import make_encoder


@pytest.fixture
def frame():
    return pd.DataFrame(
        {
            "number": [1.0, np.nan, 3.0, 5.0] * 10,
            "colour": ["red", "blue", None, "red"] * 10,
            "flag": [True, False] * 20,
        }
    )


def test_numbers_are_imputed_marked_and_standardised(frame):
    Z = make_encoder().fit_transform(frame[["number"]])
    assert Z.shape == (40, 2)
    np.testing.assert_allclose(Z.mean(axis=0), 0.0, atol=1e-12)
    np.testing.assert_allclose(Z.std(axis=0), 1.0)
    assert Z[1, 0] == pytest.approx(0.0)  # the median 3 is also the mean here


def test_categories_are_one_hot_and_missing_is_one(frame):
    Z = make_encoder().fit_transform(frame[["colour", "flag"]])
    assert Z.shape == (40, 5)
    np.testing.assert_array_equal(Z.sum(axis=1), 2.0)


def test_rare_and_unseen_categories_share_a_column(frame):
    frame.loc[0, "colour"] = "green"
    encoder = make_encoder().fit(frame[["colour"]])
    new = encoder.transform(pd.DataFrame({"colour": ["green", "violet", "red"]}))
    np.testing.assert_array_equal(new[0], new[1])
    assert not np.array_equal(new[0], new[2])


def test_values_missing_only_after_fitting_are_imputed(frame):
    encoder = make_encoder().fit(frame.fillna({"number": 3.0}))
    assert np.isfinite(encoder.transform(frame)).all()
