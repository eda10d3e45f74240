"""Has a teacher memorised the rows it labels? What its labels alone can tell."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

# A teacher that never saw the rows has about the doubt on them that it has near them (ratio one);
# a bagged one, of whose members about 37 in 100 have not seen a row, keeps that share of its doubt
# on rows it was fitted to; a boosted one keeps nearly none. The bound is in the middle.
MEMORISED_RATIO = 0.7

# Standard errors that the difference must have: on few rows, and with a sure teacher, a handful of
# rows makes the ratio. By chance, fewer than one diagnosis in 160 gets so far.
MIN_SIGNIFICANCE = 2.5

# A label is nearly one-hot if its largest probability is above this; labels are if nearly all are.
NEARLY_ONE_HOT = 0.99

_REMEDY = (
    "Use teacher_labels='cross_fit' with a teacher that can be refitted, give out-of-fold labels "
    "to fit as soft_targets, or distil on rows that the teacher has not seen (X_unlabeled)."
)


@dataclass(frozen=True)
class LabelDiagnosis:
    """What `diagnose_labels` saw; None where there were no rows or codes to see it from.

    Parameters
    ----------
    confidence : float
        Mean of the largest probability on the real rows.
    one_hot_share : float
        Share of the real rows whose largest probability is above 0.99.
    nearby_confidence, nearby_one_hot_share : float or None
        The same on the rows near them.
    agreement : float or None
        Share of the real rows where the largest probability is that of the true class.
    doubt_ratio : float or None
        Mean probability that the teacher leaves to the wrong classes of real rows (without codes:
        to all but its first), over the mean probability that it leaves to all but its first near
        them. Below one: surer of the real rows.
    significance : float or None
        The difference of the two means in standard errors; above zero: surer of the real rows.

    Attributes
    ----------
    memorised : bool
        Whether the teacher is so much surer of the real rows that it must have seen them.
    nearly_one_hot : bool
        Whether the labels, also those near the real rows, say no more than hard labels do.
    advice : str
        What was found and what to do about it; empty if there is nothing to do.
    """

    confidence: float
    one_hot_share: float
    nearby_confidence: float | None = None
    nearby_one_hot_share: float | None = None
    agreement: float | None = None
    doubt_ratio: float | None = None
    significance: float | None = None

    @property
    def memorised(self) -> bool:
        """Whether the teacher is so much surer of the real rows that it must have seen them."""
        if self.doubt_ratio is None or self.significance is None:
            return False
        return self.doubt_ratio < MEMORISED_RATIO and self.significance > MIN_SIGNIFICANCE

    @property
    def nearly_one_hot(self) -> bool:
        """Whether the labels, also those near the real rows, say no more than hard labels do.

        Such a teacher may have memorised the rows (one nearest neighbour, a full tree), may give
        no probabilities at all, may be overconfident, or may be rightly sure: only in part can its
        labels tell, by `agreement`.
        """
        shares = (self.one_hot_share, self.nearby_one_hot_share)
        return all(share is None or share > NEARLY_ONE_HOT for share in shares)

    @property
    def advice(self) -> str:
        """What was found and what to do about it; empty if there is nothing to do."""
        if self.memorised:
            return (
                "The teacher has probably memorised the rows of X: it leaves "
                f"{self.doubt_ratio:.2g} times the probability to the wrong classes there that it "
                "leaves to all but its first class near them. There it tells what it memorised, "
                f"not what it knows. {_REMEDY}"
            )
        if self.nearly_one_hot:
            where = "rows of X" if self.nearby_confidence is None else "rows of X and near them"
            found = f"The labels that the teacher gives the {where} are nearly one-hot"
            if self.agreement is not None and self.agreement < NEARLY_ONE_HOT:
                return (
                    f"{found}, and it is right on {self.agreement:.1%} of the rows of X: it gives "
                    "no probabilities or is far too sure of them. Calibrate it on rows it was not "
                    "fitted to, or use teacher_labels='cross_fit' with calibrate_teacher=True."
                )
            return (
                f"{found} and say hardly more than hard labels do. If it was fitted to these rows, "
                f"it tells what it memorised, not what it knows. {_REMEDY}"
            )
        return ""


def diagnose_labels(
    real: np.ndarray, perturbed: np.ndarray | None, codes: np.ndarray | None = None
) -> LabelDiagnosis:
    """Tell from a teacher's labels whether it has memorised the rows it was fitted to.

    To be sure is no sign of it: on easy data a good teacher is. But a teacher that has memorised
    rows is surer of them than of rows like them that it has not seen. So its doubt, which is the
    probability it leaves to the wrong classes of real rows, is compared with the probability it
    leaves to all but its first class on other rows: those made from the real ones for the transfer
    set, or, better, real rows that it has not seen. Memorised means less than 0.7 times the doubt,
    by at least 2.5 standard errors.

    The rows must be plausible. The nearer they are to real rows the less it shows, and where no
    row could be, every teacher doubts. MUNGE's rows serve well; jitter, which takes columns one
    by one, can make a teacher look worse than it is where columns are tied to each other.

    There is no such diagnosis for regression. A prediction carries no doubt of its own, and a
    residual near zero is knowledge as well as memory: where y is a smooth function of X without
    noise, a good teacher has it too, and how much its predictions change nearby is the same for
    both. Only labels of rows that it has not seen can tell.

    Parameters
    ----------
    real : ndarray of shape (n_real, n_classes)
        Teacher probabilities of the real rows, which it may have been fitted to; as they are
        before any calibration.
    perturbed : ndarray of shape (n_perturbed, n_classes) or None
        Teacher probabilities of rows like them that it was not fitted to. A few hundred do. None
        or no rows: only whether `real` is nearly one-hot can be told.
    codes : ndarray of shape (n_real,), dtype int, or None
        Index of the true class of the real rows. Without them it is taken to be the teacher's
        first, which finds as much, but more often accuses a teacher that is sure and wrong.

    Returns
    -------
    diagnosis : LabelDiagnosis

    Raises
    ------
    ValueError
        If the labels are no probabilities of the same classes, or there are no real rows.

    Examples
    --------
    >>> from sklearn.datasets import load_breast_cancer
    >>> from sklearn.ensemble import RandomForestClassifier
    >>> from skdistill.teachers import diagnose_labels
    >>> from skdistill.transfer import MungeSampler
    >>> X, y = load_breast_cancer(return_X_y=True)
    >>> near = MungeSampler().fit(X[:300]).sample(300, random_state=0)
    >>> for rows in 1, 20:
    ...     forest = RandomForestClassifier(min_samples_leaf=rows, random_state=0)
    ...     forest = forest.fit(X[:300], y[:300])
    ...     labels = forest.predict_proba(X[:300]), forest.predict_proba(near)
    ...     diagnosis = diagnose_labels(*labels, y[:300])
    ...     print(rows, round(diagnosis.doubt_ratio, 1), diagnosis.memorised)
    1 0.4 True
    20 1.0 False
    """
    _check(real, perturbed)
    first = real.max(axis=1)
    confidence, share = float(first.mean()), float((first > NEARLY_ONE_HOT).mean())
    agreement = None
    if codes is not None:
        agreement = float((real.argmax(axis=1) == codes).mean())
        first = real[np.arange(len(codes)), codes]
    if perturbed is None or len(perturbed) == 0:
        return LabelDiagnosis(confidence, share, agreement=agreement)
    near = perturbed.max(axis=1)
    return LabelDiagnosis(
        confidence=confidence,
        one_hot_share=share,
        nearby_confidence=float(near.mean()),
        nearby_one_hot_share=float((near > NEARLY_ONE_HOT).mean()),
        agreement=agreement,
        doubt_ratio=_ratio(1.0 - first, 1.0 - near),
        significance=_significance(1.0 - first, 1.0 - near),
    )


def _check(real: np.ndarray, perturbed: np.ndarray | None) -> None:
    if real.ndim != 2 or len(real) == 0:
        raise ValueError(
            f"real must hold probabilities of shape (n_real, n_classes), got shape {real.shape}; "
            "predictions of a regression cannot be diagnosed."
        )
    if perturbed is not None and perturbed.shape[1:] != real.shape[1:]:
        raise ValueError(
            f"perturbed has shape {perturbed.shape} where real has {real.shape[1]} classes; give "
            "probabilities of the same classes in the same order."
        )


def _ratio(doubt: np.ndarray, nearby: np.ndarray) -> float:
    """Divide the means; equal means, also of zero, have ratio one."""
    if doubt.mean() == nearby.mean():
        return 1.0
    return float(doubt.mean() / nearby.mean()) if nearby.mean() > 0 else float("inf")


def _significance(doubt: np.ndarray, nearby: np.ndarray) -> float:
    """Divide the difference of the means by its standard error; a single row shows nothing."""
    if min(len(doubt), len(nearby)) < 2:
        return 0.0
    difference = float(nearby.mean() - doubt.mean())
    error = float(np.sqrt(doubt.var(ddof=1) / len(doubt) + nearby.var(ddof=1) / len(nearby)))
    if error > 0 or difference == 0:
        return difference / error if error > 0 else 0.0
    return float(np.copysign(np.inf, difference))
