"""Small neural networks that learn soft targets: ReLU layers trained by Adam, in NumPy alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from skdistill._validation import check_integer, check_real
from skdistill.losses import DistillationLoss, softmax
from skdistill.students._base import BaseStudent, StudentClassifier, StudentRegressor
from skdistill.students._network import Network, Targets, forward, train
from skdistill.students._real_rows import RealRows
from skdistill.students._scores import (
    mean_one,
    prior_scores,
    score_gradient,
    to_logits,
)

# On inputs of unit width a smaller weight moves no score that single precision could show.
DEAD_WEIGHT = 1e-15

# max_iter="auto": passes over the rows, and the bounds of the number of steps they make.
AUTO_PASSES = 100
AUTO_MIN_STEPS = 500
AUTO_MAX_STEPS = 6000


class _MLP(BaseStudent):
    """Parameters and training that the classifier and the regressor share."""

    _layout: ClassVar[str] = "onehot"

    def __init__(
        self,
        *,
        hidden_layer_sizes: tuple[int, ...] = (32,),
        alpha: float = 5.0,
        learning_rate_init: float = 1e-2,
        batch_size: int = 100,
        max_iter: int | str = "auto",
        random_state: Any = None,
    ) -> None:
        self.hidden_layer_sizes = hidden_layer_sizes
        self.alpha = alpha
        self.learning_rate_init = learning_rate_init
        self.batch_size = batch_size
        self.max_iter = max_iter
        self.random_state = random_state

    @property
    def n_parameters_(self) -> int:
        """Number of coefficients and intercepts."""
        check_is_fitted(self)
        return sum(W.size for W in self.coefs_) + sum(b.size for b in self.intercepts_)

    def _check_params(self) -> None:
        sizes = self.hidden_layer_sizes
        if not isinstance(sizes, tuple | list) or not sizes:
            raise ValueError(
                f"hidden_layer_sizes must be a tuple of one or more widths, got {sizes!r}; "
                "for a single layer of 32 units give (32,)."
            )
        for size in sizes:
            check_integer(size, "hidden_layer_sizes", minimum=1)
        check_real(self.alpha, "alpha", minimum=0.0)
        check_real(self.learning_rate_init, "learning_rate_init", minimum=0.0, strict=True)
        check_integer(self.batch_size, "batch_size", minimum=1)
        if isinstance(self.max_iter, str):
            if self.max_iter != "auto":
                raise ValueError(f"max_iter must be 'auto' or an integer, got {self.max_iter!r}.")
        else:
            check_integer(self.max_iter, "max_iter", minimum=1)

    def _train(
        self, Z: np.ndarray, n_numeric: int, targets: Targets, start: np.ndarray, weight: np.ndarray
    ) -> None:
        """Train on encoded rows and keep the weights for unscaled inputs."""
        scale = _fit_scale(Z[:, :n_numeric], weight)
        X = np.hstack([scale.apply(Z[:, :n_numeric]), Z[:, n_numeric:]]).astype(np.float32)
        seed = check_random_state(self.random_state).randint(np.iinfo(np.int32).max)
        rng = np.random.default_rng(seed)
        network = Network([X.shape[1], *self.hidden_layer_sizes, len(start)])
        network.initialise(rng, start)
        self.n_iter_ = self._n_steps(len(X))
        with np.errstate(over="ignore", invalid="ignore"):  # told below, in our own words
            train(
                network,
                X,
                targets,
                mean_one(weight),
                alpha=self.alpha / len(X),
                learning_rate=self.learning_rate_init,
                batch_size=self.batch_size,
                n_steps=self.n_iter_,
                rng=rng,
            )
        if not np.isfinite(network.theta).all():
            raise ValueError(
                "Training diverged: the weights are not finite. learning_rate_init="
                f"{self.learning_rate_init!r} is too large; give a smaller one."
            )
        self._keep(network, scale)

    def _n_steps(self, n_samples: int) -> int:
        if not isinstance(self.max_iter, str):
            return int(self.max_iter)
        steps = AUTO_PASSES * -(-n_samples // self.batch_size)
        return int(np.clip(steps, AUTO_MIN_STEPS, AUTO_MAX_STEPS))

    def _keep(self, network: Network, scale: _Scale) -> None:
        """Fold the scale of the inputs into the first layer.

        The intercept takes up the offsets *after* the coefficients were rounded: evaluated in
        double precision, the rounding then acts on centred inputs, however far they are from 0.
        """
        coefs = [W.astype(np.float64) for W in network.coefs]
        intercepts = [b.astype(np.float64) for b in network.intercepts]
        n_numeric = len(scale.offset)
        # Decay leaves dead weights that are almost, but not quite, zero.
        coefs = [np.where(np.abs(W) < DEAD_WEIGHT, 0.0, W) for W in coefs]
        coefs[0][:n_numeric] /= scale.width[:, None]
        self.coefs_ = [_narrow(W) for W in coefs]
        intercepts[0] -= scale.offset @ self.coefs_[0][:n_numeric].astype(np.float64)
        self.intercepts_ = intercepts

    def _scores(self, Z: np.ndarray) -> np.ndarray:
        return forward(Z, self.coefs_, self.intercepts_)[-1]


@dataclass(frozen=True)
class _Scale:
    """Offset and width of each numeric input, float64."""

    offset: np.ndarray
    width: np.ndarray

    def apply(self, Z: np.ndarray) -> np.ndarray:
        return (Z - self.offset) / self.width


def _fit_scale(Z: np.ndarray, weight: np.ndarray) -> _Scale:
    """Find the weighted mean and standard deviation of each column; a constant has width 1."""
    share = weight / weight.sum()
    offset = share @ Z
    centred = Z - offset
    reach = np.abs(centred).max(axis=0)
    # What differs from the mean by rounding alone is constant.
    constant = reach <= 1e-13 * np.abs(offset)
    reach[constant | (reach == 0.0)] = 1.0
    # Dividing by the reach first keeps the squares of huge values finite.
    width = reach * np.sqrt(share @ (centred / reach) ** 2)
    width[constant | (width == 0.0)] = 1.0
    return _Scale(offset, width)


def _narrow(W: np.ndarray) -> np.ndarray:
    """Store coefficients in single precision, in which they were trained, if its range allows."""
    with np.errstate(over="ignore", under="ignore"):
        narrow = W.astype(np.float32)
    return narrow if np.allclose(narrow, W, rtol=1e-6, atol=0.0) else W


@dataclass(frozen=True)
class _ClassTargets:
    """The combined loss by scores, for the network."""

    loss: DistillationLoss

    def take(self, rows: Any) -> _ClassTargets:
        return _ClassTargets(self.loss.take(rows))

    def gradient(self, scores: np.ndarray) -> np.ndarray:
        return score_gradient(self.loss, scores)


@dataclass(frozen=True)
class _ValueTargets:
    """Half the squared error, for the network."""

    values: np.ndarray

    def take(self, rows: Any) -> _ValueTargets:
        return _ValueTargets(self.values[rows])

    def gradient(self, scores: np.ndarray) -> np.ndarray:
        return scores - self.values


class MLPStudentClassifier(_MLP, StudentClassifier):
    """Small neural network that learns class probabilities from soft targets.

    Fully connected ReLU layers; minimises the combined distillation loss [3]_ by minibatch Adam
    [1]_ from weights drawn as in [2]_. The output starts at the mean targets.

    Parameters
    ----------
    hidden_layer_sizes : tuple of int, default=(32,)
        Width of each hidden layer.
    alpha : float, default=5.0
        Strength of the penalty: half the sum of the squared coefficients times `alpha` is added
        to the sum of the rows' losses. Chosen on hard labels, on rows in the low thousands;
        soft targets and augmented rows stand a smaller one.
    learning_rate_init : float, default=0.01
        Rate of Adam's first step; it falls to zero along half a cosine.
    batch_size : int, default=100
        Rows of a step, at most; each pass over the rows is cut into equal batches.
    max_iter : int or "auto", default="auto"
        Number of steps (not of passes: what counts for a small network is how often it is
        updated). "auto" makes 100 passes over the rows, but at least 500 and at most 6000 steps.
    random_state : int, RandomState instance or None, default=None
        Seeds the first weights and the order of the rows.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        Sorted labels.
    coefs_ : list of ndarray
        Coefficients of each layer, shape (n_in, n_out), on unscaled encoded columns; float32
        unless the columns' scale exceeds its range.
    intercepts_ : list of ndarray
        Intercepts of each layer, shape (n_out,), dtype float64.
    n_iter_ : int
        Steps made.
    n_parameters_ : int
        Number of coefficients and intercepts.
    nbytes_ : int
        Bytes of the pickled student.
    n_features_in_ : int
        Number of input columns.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the input columns, if `X` had string names in `fit`.

    See Also
    --------
    MLPStudentRegressor : The same for real values.

    Notes
    -----
    Missing numbers are imputed by the mean and marked by an indicator column; each category gets
    a column. Numbers are standardised inside. Training is in single precision, prediction in
    double precision, so that columns far from zero (dates, identifiers) lose nothing.
    The last layer has one output for each class; with two classes a single one, the log-odds of
    the second. The temperature acts on the loss alone: predictions are at temperature one.

    References
    ----------
    .. [1] Kingma, D. P., Ba, J. (2015). Adam: A Method for Stochastic Optimization. ICLR.
    .. [2] He, K., Zhang, X., Ren, S., Sun, J. (2015). Delving Deep into Rectifiers. ICCV.
    .. [3] Hinton, G., Vinyals, O., Dean, J. (2015). Distilling the Knowledge in a Neural Network.
       arXiv:1503.02531.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.ensemble import RandomForestClassifier
    >>> from skdistill.students import MLPStudentClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> teacher = RandomForestClassifier(random_state=0).fit(X, y)
    >>> student = MLPStudentClassifier(hidden_layer_sizes=(8,), random_state=0)
    >>> student = student.fit(X, y, soft_targets=teacher.predict_proba(X), temperature=2.0)
    >>> student.n_parameters_  # (4 + 1) * 8 + (8 + 1) * 3
    67
    >>> bool(student.score(X, y) > 0.9)
    True
    """

    def _fit_encoded(
        self, Z: np.ndarray, loss: DistillationLoss, weight: np.ndarray, real: RealRows
    ) -> None:
        start = prior_scores(loss.mixed, weight)
        self._train(Z, self._encoder.n_numeric_, _ClassTargets(loss), start, weight)

    def _proba_encoded(self, Z: np.ndarray) -> np.ndarray:
        return softmax(to_logits(self._scores(Z)))


class MLPStudentRegressor(_MLP, StudentRegressor):
    """Small neural network that learns a teacher's predictions.

    Fully connected ReLU layers; minimises the squared error to the mixture of the teacher's
    predictions and the true values by minibatch Adam [1]_ from weights drawn as in [2]_.

    Parameters
    ----------
    hidden_layer_sizes : tuple of int, default=(32,)
        Width of each hidden layer.
    alpha : float, default=5.0
        Strength of the penalty: half the sum of the squared coefficients times `alpha` is added
        to the sum of half the squared errors, in units of the targets' variance.
    learning_rate_init : float, default=0.01
        Rate of Adam's first step; it falls to zero along half a cosine.
    batch_size : int, default=100
        Rows of a step, at most; each pass over the rows is cut into equal batches.
    max_iter : int or "auto", default="auto"
        Number of steps (not of passes: what counts for a small network is how often it is
        updated). "auto" makes 100 passes over the rows, but at least 500 and at most 6000 steps.
    random_state : int, RandomState instance or None, default=None
        Seeds the first weights and the order of the rows.

    Attributes
    ----------
    coefs_ : list of ndarray
        Coefficients of each layer, shape (n_in, n_out), on unscaled encoded columns; float32
        unless the columns' scale exceeds its range.
    intercepts_ : list of ndarray
        Intercepts of each layer, shape (n_out,), dtype float64.
    n_iter_ : int
        Steps made.
    n_parameters_ : int
        Number of coefficients and intercepts.
    nbytes_ : int
        Bytes of the pickled student.
    n_features_in_ : int
        Number of input columns.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the input columns, if `X` had string names in `fit`.

    See Also
    --------
    MLPStudentClassifier : The same for classes.

    Notes
    -----
    Missing numbers are imputed by the mean and marked by an indicator column; each category gets
    a column. Numbers are standardised inside. Training is in single precision, prediction in
    double precision, so that columns far from zero (dates, identifiers) lose nothing.
    The target is standardised inside, too.

    References
    ----------
    .. [1] Kingma, D. P., Ba, J. (2015). Adam: A Method for Stochastic Optimization. ICLR.
    .. [2] He, K., Zhang, X., Ren, S., Sun, J. (2015). Delving Deep into Rectifiers. ICCV.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from sklearn.ensemble import RandomForestRegressor
    >>> from skdistill.students import MLPStudentRegressor
    >>> X, y = load_diabetes(return_X_y=True)
    >>> teacher = RandomForestRegressor(random_state=0).fit(X, y)
    >>> student = MLPStudentRegressor(hidden_layer_sizes=(8,), random_state=0)
    >>> student.fit(X, y, soft_targets=teacher.predict(X)).predict(X[:2]).shape
    (2,)
    """

    def _fit_encoded(
        self, Z: np.ndarray, target: np.ndarray, weight: np.ndarray, real: RealRows
    ) -> None:
        scale = _fit_scale(target[:, None], weight)
        values = _ValueTargets(scale.apply(target[:, None]).astype(np.float32))
        self._train(Z, self._encoder.n_numeric_, values, np.zeros(1), weight)
        last = self.coefs_[-1].astype(np.float64) * scale.width
        self.coefs_[-1] = _narrow(last)
        self.intercepts_[-1] = self.intercepts_[-1] * scale.width + scale.offset

    def _predict_encoded(self, Z: np.ndarray) -> np.ndarray:
        return self._scores(Z)[:, 0]
