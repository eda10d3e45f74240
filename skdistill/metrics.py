"""What was kept and what was lost: fidelity to the teacher, and the gap closed."""

from __future__ import annotations

import numpy as np
from scipy.special import rel_entr


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
