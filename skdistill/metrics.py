"""Fidelity to the teacher, the gap closed, and how well probabilities are calibrated."""

from __future__ import annotations

import numpy as np
from scipy.special import rel_entr

from skdistill.targets import one_hot


def agreement(
    teacher: np.ndarray, student: np.ndarray, sample_weight: np.ndarray | None = None
) -> float:
    """Compute the share of rows where both give the largest probability to the same class.

    Parameters
    ----------
    teacher, student : ndarray of shape (n_samples, n_classes)
        Probabilities.
    sample_weight : ndarray of shape (n_samples,) or None
        Weights of the rows.

    Returns
    -------
    share : float in [0, 1]
    """
    same = teacher.argmax(axis=1) == student.argmax(axis=1)
    return float(np.average(same, weights=sample_weight))


def kl_divergence(
    teacher: np.ndarray,
    student: np.ndarray,
    sample_weight: np.ndarray | None = None,
    *,
    eps: float = 1e-15,
) -> float:
    """Compute the mean Kullback-Leibler divergence ``KL(teacher || student)``, in nats.

    Parameters
    ----------
    teacher, student : ndarray of shape (n_samples, n_classes)
        Probabilities.
    sample_weight : ndarray of shape (n_samples,) or None
        Weights of the rows.
    eps : float, default=1e-15
        The student's probabilities are raised to at least this, so that a student that rules out
        what the teacher holds possible gets a large but finite divergence.

    Returns
    -------
    divergence : float, at least 0

    Examples
    --------
    >>> import numpy as np
    >>> from skdistill.metrics import kl_divergence
    >>> kl_divergence(np.array([[1.0, 0.0]]), np.array([[0.5, 0.5]]))  # log 2
    0.693147...
    """
    rows = rel_entr(teacher, np.clip(student, eps, None)).sum(axis=1)
    return max(float(np.average(rows, weights=sample_weight)), 0.0)


def brier_distance(
    teacher: np.ndarray, student: np.ndarray, sample_weight: np.ndarray | None = None
) -> float:
    """Compute the mean squared distance of the two rows of probabilities (0 to 2).

    Parameters
    ----------
    teacher, student : ndarray of shape (n_samples, n_classes)
        Probabilities.
    sample_weight : ndarray of shape (n_samples,) or None
        Weights of the rows.

    Returns
    -------
    distance : float in [0, 2]
    """
    return float(np.average(((teacher - student) ** 2).sum(axis=1), weights=sample_weight))


def gap_closed(distilled: float, direct: float, teacher: float) -> float:
    """Compute the share of the gap between direct fit and teacher that distillation closed.

    Parameters
    ----------
    distilled, direct, teacher : float
        The same measure (a score or a loss) of the distilled student, of the same student fitted
        and tuned on the hard labels alone, and of the teacher.

    Returns
    -------
    share : float
        ``(distilled - direct) / (teacher - direct)``: 1 as good as the teacher, 0 as good as the
        direct fit, below 0 worse; NaN where teacher and direct fit are equal. Where the direct
        fit beats the teacher there is no gap to close, and the sign turns: look at the two
        differences themselves then.

    Examples
    --------
    >>> from skdistill.metrics import gap_closed
    >>> gap_closed(distilled=0.75, direct=0.5, teacher=1.0)
    0.5
    """
    gap = teacher - direct
    return float("nan") if gap == 0 else (distilled - direct) / gap


def classification_fidelity(
    teacher: np.ndarray, student: np.ndarray, sample_weight: np.ndarray | None = None
) -> dict[str, float]:
    """Collect agreement, Kullback-Leibler divergence and Brier distance to the teacher.

    Parameters
    ----------
    teacher, student : ndarray of shape (n_samples, n_classes)
        Probabilities.
    sample_weight : ndarray of shape (n_samples,) or None
        Weights of the rows.

    Returns
    -------
    fidelity : dict of str to float
        With the keys "agreement", "kl" and "brier".
    """
    return {
        "agreement": agreement(teacher, student, sample_weight),
        "kl": kl_divergence(teacher, student, sample_weight),
        "brier": brier_distance(teacher, student, sample_weight),
    }


def regression_fidelity(
    teacher: np.ndarray, student: np.ndarray, sample_weight: np.ndarray | None = None
) -> dict[str, float]:
    """Collect the R² and the root mean squared difference to the teacher's predictions.

    Parameters
    ----------
    teacher, student : ndarray of shape (n_samples,)
        Predictions.
    sample_weight : ndarray of shape (n_samples,) or None
        Weights of the rows.

    Returns
    -------
    fidelity : dict of str to float
        With the keys "r2" (NaN for a teacher that predicts a constant) and "rmse".
    """
    mse = float(np.average((teacher - student) ** 2, weights=sample_weight))
    counted = teacher if sample_weight is None else teacher[sample_weight > 0]
    centre = np.average(teacher, weights=sample_weight)
    variance = float(np.average((teacher - centre) ** 2, weights=sample_weight))
    # The variance of a constant may be a rounding error above zero; its range is exactly zero.
    constant = variance == 0 or np.ptp(counted) == 0
    return {"r2": float("nan") if constant else 1.0 - mse / variance, "rmse": mse**0.5}


def expected_calibration_error(
    proba: np.ndarray,
    codes: np.ndarray,
    sample_weight: np.ndarray | None = None,
    *,
    n_bins: int = 15,
) -> float:
    """Compute how far confidence is from accuracy, on average over bins of confidence.

    Rows are sorted into bins by their largest probability; in each bin the mean of it is compared
    with the share of rows whose largest probability is that of the true class [1]_.

    Bins hold equal numbers of rows. Bins of equal width, which are common too, leave the error of
    a confident model to one or two bins; of the two, equal numbers estimate the error with less
    bias [2]_. And as long as a calibration keeps the order of the confidences, as with two classes
    a temperature does, the same rows are compared before and after it. Rows of equal confidence
    share a bin, so that neither the order of rows nor repeats matter; few distinct values make
    fewer bins.

    It is not zero for a calibrated model on finitely many rows, but about
    ``sqrt(n_bins / n_samples) / 3`` where the confidence is about 0.8: differences smaller than
    that say nothing. And a model that always predicts the shares of the classes has none: read it
    beside the log loss.

    Parameters
    ----------
    proba : ndarray of shape (n_samples, n_classes)
        Rows that sum to one.
    codes : ndarray of shape (n_samples,), dtype int
        Index of the true class.
    sample_weight : ndarray of shape (n_samples,) or None
        Weights of the rows.
    n_bins : int, default=15
        Most bins, at least 1; the number that the literature reports.

    Returns
    -------
    error : float in [0, 1]

    References
    ----------
    .. [1] Naeini, M. P., Cooper, G. F., Hauskrecht, M. (2015). Obtaining Well Calibrated
       Probabilities Using Bayesian Binning. AAAI.
    .. [2] Roelofs, R., Cain, N., Shlens, J., Mozer, M. C. (2022). Mitigating Bias in Calibration
       Error Estimation. AISTATS.

    Examples
    --------
    >>> import numpy as np
    >>> from skdistill.metrics import expected_calibration_error
    >>> proba = np.tile([[0.95, 0.05]], (4, 1))
    >>> codes = np.array([0, 0, 0, 1])  # right only three times out of four
    >>> round(expected_calibration_error(proba, codes), 2)
    0.2
    """
    weight = np.ones(len(codes)) if sample_weight is None else sample_weight
    confidence = proba.max(axis=1)
    excess = weight * (confidence - (proba.argmax(axis=1) == codes))
    _, value = np.unique(confidence, return_inverse=True)
    mass = np.bincount(value, weights=weight)
    # A value belongs where the middle of its rows falls.
    middle = (np.cumsum(mass) - mass / 2) / mass.sum()
    bins = np.minimum((middle * n_bins).astype(np.intp), n_bins - 1)
    return float(np.abs(np.bincount(bins[value], weights=excess)).sum() / mass.sum())


def calibration_report(
    before: np.ndarray,
    after: np.ndarray,
    codes: np.ndarray,
    sample_weight: np.ndarray | None = None,
) -> dict[str, float]:
    """Collect log loss and calibration error before and after a calibration.

    Parameters
    ----------
    before, after : ndarray of shape (n_samples, n_classes)
        Probabilities of the same rows.
    codes : ndarray of shape (n_samples,), dtype int
        Index of the true class.
    sample_weight : ndarray of shape (n_samples,) or None
        Weights of the rows.

    Returns
    -------
    report : dict of str to float
        With the keys "log_loss_before", "log_loss_after", "ece_before" and "ece_after". On the
        rows that a temperature was fitted to, "after" is optimistic, but by little: it is one
        number for all rows.

    Examples
    --------
    >>> import numpy as np
    >>> from skdistill.metrics import calibration_report
    >>> from skdistill.targets import fit_temperature, soften
    >>> proba, codes = np.tile([[0.95, 0.05]], (4, 1)), np.array([0, 0, 0, 1])
    >>> report = calibration_report(proba, soften(proba, fit_temperature(proba, codes)), codes)
    >>> {name: round(value, 2) for name, value in report.items()}
    {'log_loss_before': 0.79, 'log_loss_after': 0.56, 'ece_before': 0.2, 'ece_after': 0.0}
    """
    truth = one_hot(codes, before.shape[1])
    return {  # against one-hot labels the divergence is the log loss
        "log_loss_before": kl_divergence(truth, before, sample_weight),
        "log_loss_after": kl_divergence(truth, after, sample_weight),
        "ece_before": expected_calibration_error(before, codes, sample_weight),
        "ece_after": expected_calibration_error(after, codes, sample_weight),
    }
