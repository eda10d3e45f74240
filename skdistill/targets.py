"""Soft targets: soften, mix with hard labels, correct, calibrate. Pure functions on arrays."""

from __future__ import annotations

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import xlogy

# Half a vote of a forest of 5000 trees: less than any vote that was counted.
INSTEAD_OF_ZERO = 1e-4


def one_hot(codes: np.ndarray, n_classes: int) -> np.ndarray:
    """Encode class indices as rows with a single one.

    Parameters
    ----------
    codes : ndarray of shape (n_samples,), dtype int
        Class indices in ``[0, n_classes)``.
    n_classes : int
        Number of columns.

    Returns
    -------
    targets : ndarray of shape (n_samples, n_classes), dtype float64
    """
    targets = np.zeros((len(codes), n_classes))
    targets[np.arange(len(codes)), codes] = 1.0
    return targets


def soften(proba: np.ndarray, temperature: float) -> np.ndarray:
    """Raise the temperature of probabilities: ``softmax(log(p) / T)``.

    Zeros stay zero and ones stay one: no temperature can soften a label that is exactly one-hot.
    Temperatures below one sharpen.

    Parameters
    ----------
    proba : ndarray of shape (n_samples, n_classes)
        Rows that sum to one.
    temperature : float
        Above zero; 1.0 returns the probabilities unchanged.

    Returns
    -------
    softened : ndarray of shape (n_samples, n_classes)

    Examples
    --------
    >>> import numpy as np
    >>> from skdistill.targets import soften
    >>> soften(np.array([[0.9, 0.1]]), 2.0).round(3)
    array([[0.75, 0.25]])
    """
    if temperature == 1.0:
        return proba
    with np.errstate(divide="ignore"):
        log_proba = np.log(proba) / temperature
    log_proba -= log_proba.max(axis=1, keepdims=True)
    softened = np.exp(log_proba)
    softened /= softened.sum(axis=1, keepdims=True)
    return softened


def raise_zeros(proba: np.ndarray) -> np.ndarray:
    """Put a small probability in place of zero, and let the rows sum to one again.

    It is 1e-4, or half the smallest one above zero of the row if that is less, so that the order
    of the classes stays. Rows without a zero are not changed.

    Parameters
    ----------
    proba : ndarray of shape (n_samples, n_classes)
        Rows that sum to one.

    Returns
    -------
    raised : ndarray of shape (n_samples, n_classes)
        All above zero.
    """
    zero = proba == 0.0
    if not zero.any():
        return proba
    smallest = np.where(zero, 1.0, proba).min(axis=1, keepdims=True)
    raised = np.where(zero, np.minimum(INSTEAD_OF_ZERO, smallest / 2), proba)
    raised /= raised.sum(axis=1, keepdims=True)
    return raised


def mix_targets(
    soft_targets: np.ndarray, codes: np.ndarray | None, weight: float | np.ndarray
) -> np.ndarray:
    """Mix soft targets with one-hot labels: ``(1 - w) * p + w * onehot(y)``.

    At temperature one, cross-entropy to the mixture is the combined loss up to a constant.

    Parameters
    ----------
    soft_targets : ndarray of shape (n_samples, n_classes)
        Teacher probabilities.
    codes : ndarray of shape (n_samples,), dtype int, or None
        Index of the true class; None only if `weight` is zero everywhere.
    weight : float or ndarray of shape (n_samples,)
        Weight of the hard label, in [0, 1].

    Returns
    -------
    mixed : ndarray of shape (n_samples, n_classes)

    Raises
    ------
    ValueError
        If a weight is above zero and there are no labels.
    """
    w = np.broadcast_to(np.asarray(weight, dtype=float), (len(soft_targets),))
    if not w.any():
        return soft_targets
    if codes is None:
        raise ValueError("hard_label_weight is above 0, but there are no hard labels; give y.")
    mixed = (1.0 - w)[:, None] * soft_targets
    mixed[np.arange(len(codes)), codes] += w
    return mixed


def correct_targets(
    soft_targets: np.ndarray,
    truth: np.ndarray,
    c: float,
    sample_weight: np.ndarray | None = None,
) -> np.ndarray:
    """Correct the teacher where the truth is known, most where the two nearly agree.

    Moves each target from the teacher's ``p`` towards the truth ``y`` [1]_::

        p + γ (y - p),    γ = c / (c + r²)

    with one ``γ`` a row. In classification ``r²`` is half the squared distance from ``p`` to the
    one-hot ``y``, between 0 and 1; with two classes that is the ``(y - p)²`` of the paper, whose
    published code knows no more classes. One ``γ`` a row keeps rows on the simplex, and the
    odds among the classes that are wrong; a ``γ`` for each class would erase the smallest of
    these first. In regression ``r²`` is the squared residual over its mean, so that `c` depends
    neither on the unit of y nor on how good the teacher is.

    A large residual is thought to be noise of the label, a small one an error of the teacher. As
    ``γ`` looks at the label, targets come out *surer* than the truth even where the teacher is
    perfect: with ``p = 0.9`` and ``c = 0.1`` they are 0.97 on average. That leaves the order of
    rows alone (the paper reports AUC) and may mend a teacher that is not sure enough, but it
    costs log loss where the teacher is calibrated; ``mix_targets``, whose weight is the same for
    every row, does not do that.

    Use out-of-fold targets: where the teacher has memorised ``y``, there is nothing to correct.

    Parameters
    ----------
    soft_targets : ndarray of shape (n_samples, n_classes) or (n_samples,), dtype float64
        Teacher probabilities, rows that sum to one; or predictions in regression.
    truth : ndarray of shape (n_samples,)
        Index of the true class, dtype int; or the true value.
    c : float
        Strength, at least 0: 0 gives the teacher's targets, infinity the truth. The paper chooses
        it by cross-validation from 1e-5, 1e-4, ..., 1e3.
    sample_weight : ndarray of shape (n_samples,) or None
        Weights of the rows in the mean of regression; without effect in classification, where no
        row depends on another.

    Returns
    -------
    corrected : ndarray, of the shape of `soft_targets`
        Each between teacher and truth.

    Raises
    ------
    ValueError
        If `c` is negative or NaN.

    References
    ----------
    .. [1] Dao, T., Kamath, G. M., Syrgkanis, V., Mackey, L. (2021). Knowledge Distillation as
       Semiparametric Inference. ICLR.

    Examples
    --------
    >>> import numpy as np
    >>> from skdistill.targets import correct_targets
    >>> said = np.array([[0.9, 0.1], [0.9, 0.1]])
    >>> correct_targets(said, np.array([0, 1]), c=0.1).round(2)  # the second may be noise
    array([[0.99, 0.01],
           [0.8 , 0.2 ]])
    """
    if not c >= 0:
        raise ValueError(f"c must be a number >= 0, got {c!r}.")
    if c == 0:
        return soft_targets
    if soft_targets.ndim == 1:
        residual = truth - soft_targets
        return soft_targets + _correction(_relative_squares(residual, sample_weight), c) * residual
    residual = one_hot(truth, soft_targets.shape[1]) - soft_targets
    squares = 0.5 * (residual**2).sum(axis=1, keepdims=True)
    return soft_targets + _correction(squares, c) * residual


def _correction(squares: np.ndarray, c: float) -> np.ndarray:
    """Return the share of the residual to add: ``c / (c + r²)``, also for infinite `c`."""
    with np.errstate(over="ignore"):  # of a c near the smallest number: the share is 0
        return np.asarray(1.0 / (1.0 + squares / c))


def _relative_squares(residual: np.ndarray, weight: np.ndarray | None) -> np.ndarray:
    """Return squared residuals over their mean; zeros if all are zero."""
    largest = np.abs(residual).max(initial=0.0)
    if largest == 0:
        return np.zeros_like(residual)
    squares = (residual / largest) ** 2  # scaled first: the squares of huge ones overflow
    mean = np.average(squares, weights=weight)
    return np.asarray(squares / mean) if mean > 0 else np.zeros_like(residual)


def fit_temperature(
    proba: np.ndarray, codes: np.ndarray, sample_weight: np.ndarray | None = None
) -> float:
    """Find the temperature that calibrates probabilities on labelled rows.

    Minimises the log loss of ``softmax(log(p) / T)`` over ``T`` in [1/4, 20] [1]_. Use rows that
    the model was not fitted to: on its training rows it looks better than it is. Probabilities
    below 1e-6 are raised to it first: a temperature cannot mend a zero, so that one such row
    must not decide the temperature of all the others.

    Parameters
    ----------
    proba : ndarray of shape (n_samples, n_classes)
        Rows that sum to one.
    codes : ndarray of shape (n_samples,), dtype int
        Index of the true class.
    sample_weight : ndarray of shape (n_samples,) or None
        Weights of the rows.

    Returns
    -------
    temperature : float
        Above one if the model is overconfident.

    References
    ----------
    .. [1] Guo, C., Pleiss, G., Sun, Y., Weinberger, K. Q. (2017). On Calibration of Modern Neural
       Networks. ICML.

    Examples
    --------
    >>> import numpy as np
    >>> from skdistill.targets import fit_temperature
    >>> proba = np.tile([[0.95, 0.05]], (4, 1))
    >>> codes = np.array([0, 0, 0, 1])  # right only three times out of four
    >>> round(fit_temperature(proba, codes), 2)
    2.68
    """
    log_proba = np.log(np.clip(proba, 1e-6, None))
    rows = np.arange(len(codes))
    weight = np.ones(len(codes)) if sample_weight is None else sample_weight

    def log_loss(log_temperature: float) -> float:
        scaled = log_proba / np.exp(log_temperature)
        top = scaled.max(axis=1)
        log_norm = top + np.log(np.exp(scaled - top[:, None]).sum(axis=1))
        return float(np.average(log_norm - scaled[rows, codes], weights=weight))

    result = minimize_scalar(log_loss, bounds=(-np.log(4.0), np.log(20.0)), method="bounded")
    return float(np.exp(result.x))


def entropy(proba: np.ndarray) -> np.ndarray:
    """Compute the Shannon entropy of each row, in nats; ``0 log 0`` is zero.

    Parameters
    ----------
    proba : ndarray of shape (n_samples, n_classes)
        Rows that sum to one.

    Returns
    -------
    entropy : ndarray of shape (n_samples,)
        Between 0 and the logarithm of the number of classes.
    """
    return -xlogy(proba, proba).sum(axis=1)
