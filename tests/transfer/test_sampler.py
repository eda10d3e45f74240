"""Names and objects given as augment."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.base import BaseEstimator

from skdistill.transfer import (
    ConditionalSampler,
    JitterSampler,
    MixupSampler,
    MungeSampler,
    Sampler,
    SpungeSampler,
    resolve_sampler,
)


class Shuffler(BaseEstimator):
    def __init__(self, scale=1.0):
        self.scale = scale

    def fit(self, X):
        self.X_ = X
        return self

    def sample(self, n, random_state=None):
        return self.X_[np.zeros(n, dtype=int)] * self.scale


def test_none():
    assert resolve_sampler(None) is None


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("conditional", ConditionalSampler),
        ("jitter", JitterSampler),
        ("mixup", MixupSampler),
        ("munge", MungeSampler),
        ("spunge", SpungeSampler),
    ],
)
def test_names(name, kind):
    sampler = resolve_sampler(name)
    assert isinstance(sampler, kind)
    assert isinstance(sampler, Sampler)
    assert sampler.get_params() == kind().get_params()


def test_object_is_cloned():
    given = Shuffler(scale=3.0).fit(np.eye(2))
    sampler = resolve_sampler(given)
    assert sampler is not given
    assert sampler.scale == 3.0
    assert not hasattr(sampler, "X_")
    assert hasattr(given, "X_")


def test_object_that_is_no_estimator_is_copied():
    class Plain:
        def fit(self, X):
            return self

        def sample(self, n, random_state=None):
            return np.zeros((n, 1))

    given = Plain()
    sampler = resolve_sampler(given)
    assert isinstance(sampler, Plain)
    assert sampler is not given


@pytest.mark.parametrize("augment", ["mung", 5, True, MungeSampler, BaseEstimator()])
def test_other(augment):
    with pytest.raises(
        ValueError, match=r"augment must be None, one of \['conditional', .*'spunge'\]"
    ) as error:
        resolve_sampler(augment)
    assert repr(augment) in str(error.value)
