"""The rows the student learns on: real, unlabelled and augmented, and out-of-fold labels."""

from skdistill.transfer._cross_fit import CrossFit, RefittableTeacher, count_folds, cross_fit
from skdistill.transfer._munge import MungeSampler
from skdistill.transfer._sampler import Sampler, resolve_sampler
from skdistill.transfer._set import TransferSet, build_transfer_set

__all__ = [
    "CrossFit",
    "MungeSampler",
    "RefittableTeacher",
    "Sampler",
    "TransferSet",
    "build_transfer_set",
    "count_folds",
    "cross_fit",
    "resolve_sampler",
]
