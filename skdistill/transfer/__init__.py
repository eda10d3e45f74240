"""The rows the student learns on: real, unlabelled and augmented, and out-of-fold labels."""

from skdistill.transfer._conditional import ConditionalSampler
from skdistill.transfer._cross_fit import CrossFit, RefittableTeacher, cross_fit
from skdistill.transfer._folds import check_partition, count_folds, make_folds
from skdistill.transfer._jitter import JitterSampler
from skdistill.transfer._mixup import MixupSampler
from skdistill.transfer._munge import MungeSampler
from skdistill.transfer._plausibility import plausibility
from skdistill.transfer._sampler import Sampler, resolve_sampler
from skdistill.transfer._set import TransferSet, build_transfer_set
from skdistill.transfer._spunge import SpungeSampler

__all__ = [
    "ConditionalSampler",
    "CrossFit",
    "JitterSampler",
    "MixupSampler",
    "MungeSampler",
    "RefittableTeacher",
    "Sampler",
    "SpungeSampler",
    "TransferSet",
    "build_transfer_set",
    "check_partition",
    "count_folds",
    "cross_fit",
    "make_folds",
    "plausibility",
    "resolve_sampler",
]
