"""What a sampler of augmented rows is, and how a name becomes one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol, cast, runtime_checkable

from sklearn.base import clone

from skdistill.transfer._conditional import ConditionalSampler
from skdistill.transfer._jitter import JitterSampler
from skdistill.transfer._mixup import MixupSampler
from skdistill.transfer._munge import MungeSampler
from skdistill.transfer._spunge import SpungeSampler

_SAMPLERS: dict[str, Callable[[], Sampler]] = {
    "conditional": ConditionalSampler,
    "jitter": JitterSampler,
    "mixup": MixupSampler,
    "munge": MungeSampler,
    "spunge": SpungeSampler,
}


@runtime_checkable
class Sampler(Protocol):
    """Makes new rows that resemble given ones.

    A class of your own should derive from :class:`sklearn.base.BaseEstimator`, so that ``clone``
    and ``GridSearchCV`` can copy it and set its parameters.
    """

    def fit(self, X: Any) -> Any:
        """Learn from the rows `X` what new rows must look like; return the sampler itself."""

    def sample(self, n: int, random_state: Any = None) -> Any:
        """Return `n` new rows of the type, columns and dtypes that `fit` saw."""


def resolve_sampler(augment: Any) -> Sampler | None:
    """Turn the parameter ``augment`` into an unfitted sampler.

    Parameters
    ----------
    augment : None, str or sampler
        None: no augmented rows. A name ("conditional", "jitter", "mixup", "munge", "spunge"):
        that sampler with its defaults. An object with ``fit`` and ``sample``: an unfitted copy of
        it, so that the given one is never changed.

    Returns
    -------
    sampler : Sampler or None

    Raises
    ------
    ValueError
        If `augment` is neither a known name nor a sampler.

    Examples
    --------
    >>> from skdistill.transfer import resolve_sampler
    >>> resolve_sampler("munge")
    MungeSampler()
    """
    if augment is None:
        return None
    if isinstance(augment, str) and augment in _SAMPLERS:
        return _SAMPLERS[augment]()
    if not isinstance(augment, type) and isinstance(augment, Sampler):
        return cast(Sampler, clone(augment, safe=False))
    raise ValueError(
        f"augment must be None, one of {sorted(_SAMPLERS)}, or a sampler object with the methods "
        f"fit(X) and sample(n, random_state), got {augment!r}."
    )
