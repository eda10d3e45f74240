"""Small neural networks that learn soft targets: ReLU layers trained by Adam and L-BFGS."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, ClassVar

import numpy as np
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from skdistill._validation import check_bool, check_choice, check_integer, check_real
from skdistill.losses import DistillationLoss, softmax
from skdistill.students._base import BaseStudent, StudentClassifier, StudentRegressor
from skdistill.students._inputs import (
    QuantileTables,
    Scale,
    fit_quantile_tables,
    fit_scale,
)
from skdistill.students._network import Network, forward
from skdistill.students._network_fit import Recipe, Task, choose, fit_network
from skdistill.students._network_stop import stop_early
from skdistill.students._network_targets import (
    ProbabilityTargets,
    Targets,
    ValueTargets,
    class_targets,
)
from skdistill.students._real_rows import RealRows
from skdistill.students._scores import mean_one, prior_scores, to_logits

# On inputs of unit width a smaller weight moves no score that single precision could show.
DEAD_WEIGHT = 1e-15

# max_iter="auto": passes over the rows, and the bounds of the number of steps they make.
AUTO_PASSES = 100
AUTO_MIN_STEPS = 500
AUTO_MAX_STEPS = 6000

# alpha="auto" tries these on true labels; the first where nothing can be chosen. What a teacher
# says has less noise: its students take this share of the penalty, but at least the least one.
AUTO_ALPHAS = (5.0, 1.0, 20.0)
SOFT_SHARE = 0.25


class _MLP(BaseStudent):
    """Parameters and training that the classifier and the regressor share."""

    _layout: ClassVar[str] = "onehot"

    def __init__(
        self,
        *,
        hidden_layer_sizes: tuple[int, ...] = (32,),
        input_transform: str = "auto",
        alpha: float | str = "auto",
        learning_rate_init: float = 1e-2,
        batch_size: int = 100,
        max_iter: int | str = "auto",
        polish: int = 200,
        n_restarts: int = 2,
        early_stopping: bool = True,
        random_state: Any = None,
    ) -> None:
        self.hidden_layer_sizes = hidden_layer_sizes
        self.input_transform = input_transform
        self.alpha = alpha
        self.learning_rate_init = learning_rate_init
        self.batch_size = batch_size
        self.max_iter = max_iter
        self.polish = polish
        self.n_restarts = n_restarts
        self.early_stopping = early_stopping
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
        check_choice(self.input_transform, "input_transform", ("auto", "standard", "quantile"))
        if not _is_auto(self.alpha, "alpha", "a number"):
            check_real(self.alpha, "alpha", minimum=0.0)
        check_real(self.learning_rate_init, "learning_rate_init", minimum=0.0, strict=True)
        check_integer(self.batch_size, "batch_size", minimum=1)
        if not _is_auto(self.max_iter, "max_iter", "an integer"):
            check_integer(self.max_iter, "max_iter", minimum=1)
        check_integer(self.polish, "polish", minimum=0)
        check_integer(self.n_restarts, "n_restarts", minimum=1)
        check_bool(self.early_stopping, "early_stopping")

    def _train(
        self,
        Z: np.ndarray,
        targets: Targets,
        start: np.ndarray,
        weight: np.ndarray,
        *,
        real: RealRows,
        truth: Targets,
        taught: bool,
        predict: Callable[[np.ndarray], np.ndarray],
    ) -> None:
        """Choose inputs and penalty, train, and keep the weights for untransformed inputs."""
        transforms = self._fit_transforms(Z, weight)
        inputs = {name: self._inputs(Z, transform) for name, transform in transforms.items()}
        seed = check_random_state(self.random_state).randint(np.iinfo(np.int32).max)
        rng = np.random.default_rng(seed)
        alphas = AUTO_ALPHAS if isinstance(self.alpha, str) else (float(self.alpha),)
        n_steps = self._n_steps(len(Z))
        recipe = Recipe(
            hidden=tuple(self.hidden_layer_sizes),
            start=start,
            alpha=alphas[0],
            learning_rate=self.learning_rate_init,
            batch_size=self.batch_size,
            n_steps=n_steps,
            last_step=n_steps,
            polish_steps=self.polish,
            n_restarts=self.n_restarts,
        )
        with np.errstate(all="ignore"):  # told below, in our own words
            name, alpha = choose(
                inputs, alphas, recipe, real=real, truth=truth, predict=predict, rng=rng
            )
            if taught and isinstance(self.alpha, str):
                alpha = max(SOFT_SHARE * alpha, min(AUTO_ALPHAS))
            task = Task(inputs[name], targets, mean_one(weight))
            recipe = replace(recipe, alpha=alpha)
            if self.early_stopping:
                own = np.random.default_rng([seed, 1])  # training to the end is the same without
                recipe = stop_early(task, recipe, real=real, predict=predict, rng=own)
            network, self.n_polish_ = fit_network(task, recipe, rng)
        if not np.isfinite(network.theta).all():
            raise ValueError(
                "Training diverged: the weights are not finite. learning_rate_init="
                f"{self.learning_rate_init!r} is too large; give a smaller one."
            )
        self.n_iter_, self.alpha_, self.input_transform_ = recipe.last_step, alpha, name
        self._keep(network, transforms[name])

    def _fit_transforms(
        self, Z: np.ndarray, weight: np.ndarray
    ) -> dict[str, Scale | QuantileTables]:
        """Fit the transforms to choose from; without numeric columns there is no choice."""
        numbers = Z[:, : self._encoder.n_numeric_]
        transforms: dict[str, Scale | QuantileTables] = {}
        if self.input_transform != "quantile" or not numbers.shape[1]:
            transforms["standard"] = fit_scale(numbers, weight)
        if self.input_transform != "standard" and numbers.shape[1]:
            transforms["quantile"] = fit_quantile_tables(numbers, weight)
        return transforms

    def _inputs(self, Z: np.ndarray, transform: Scale | QuantileTables) -> np.ndarray:
        n_numeric = self._encoder.n_numeric_
        X = np.empty(Z.shape, dtype=np.float32)
        X[:, :n_numeric] = transform.apply(Z[:, :n_numeric])
        X[:, n_numeric:] = Z[:, n_numeric:]
        return X

    def _n_steps(self, n_samples: int) -> int:
        if not isinstance(self.max_iter, str):
            return int(self.max_iter)
        steps = AUTO_PASSES * -(-n_samples // self.batch_size)
        return int(np.clip(steps, AUTO_MIN_STEPS, AUTO_MAX_STEPS))

    def _keep(self, network: Network, transform: Scale | QuantileTables) -> None:
        """Fold the scale of the inputs into the first layer, or keep the tables.

        The intercept takes up the offsets *after* the coefficients were rounded: evaluated in
        double precision, the rounding then acts on centred inputs, however far they are from 0.
        """
        coefs = [W.astype(np.float64) for W in network.coefs]
        intercepts = [b.astype(np.float64) for b in network.intercepts]
        # Decay leaves dead weights that are almost, but not quite, zero.
        coefs = [np.where(np.abs(W) < DEAD_WEIGHT, 0.0, W) for W in coefs]
        self.input_tables_ = None if isinstance(transform, Scale) else transform
        if isinstance(transform, Scale):
            n_numeric = len(transform.offset)
            coefs[0][:n_numeric] /= transform.width[:, None]
        self.coefs_ = [_narrow(W) for W in coefs]
        if isinstance(transform, Scale):
            intercepts[0] -= transform.offset @ self.coefs_[0][:n_numeric].astype(np.float64)
        self.intercepts_ = intercepts

    def _scores(self, Z: np.ndarray) -> np.ndarray:
        if self.input_tables_ is not None:
            n_numeric = self._encoder.n_numeric_
            Z = np.hstack([self.input_tables_.apply(Z[:, :n_numeric]), Z[:, n_numeric:]])
        return forward(Z, self.coefs_, self.intercepts_)[-1]


def _narrow(W: np.ndarray) -> np.ndarray:
    """Store coefficients in single precision, in which they were trained, if its range allows."""
    with np.errstate(over="ignore", under="ignore"):
        narrow = W.astype(np.float32)
    return narrow if np.allclose(narrow, W, rtol=1e-6, atol=0.0) else W


def _is_auto(value: Any, name: str, otherwise: str) -> bool:
    if isinstance(value, str) and value != "auto":
        raise ValueError(f"{name} must be 'auto' or {otherwise}, got {value!r}.")
    return isinstance(value, str)


def _class_probabilities(scores: np.ndarray) -> np.ndarray:
    return softmax(to_logits(scores))


class MLPStudentClassifier(_MLP, StudentClassifier):
    """Small neural network that learns class probabilities from soft targets.

    Fully connected ReLU layers; minimises the combined distillation loss [3]_ by minibatch Adam
    [1]_ from weights drawn as in [2]_, and then by L-BFGS [4]_. The output starts at the mean
    targets.

    Parameters
    ----------
    hidden_layer_sizes : tuple of int, default=(32,)
        Width of each hidden layer.
    input_transform : {"auto", "standard", "quantile"}, default="auto"
        What is done to numbers: "standard" subtracts the mean and divides by the standard
        deviation, which costs nothing at prediction. "quantile" maps each column by a table of
        16 quantiles to normal scores: skewed columns spread out, outliers end at the last
        quantile. "auto" takes the better one on held-out rows with a true label.
    alpha : float or "auto", default="auto"
        Strength of the penalty: half the sum of the squared coefficients times `alpha` is added
        to the sum of the rows' losses. "auto" takes the best of 1, 5 and 20 on held-out rows
        with a true label, and of that a quarter, but at least 1, if there are soft targets: they
        have less noise.
    learning_rate_init : float, default=0.01
        Rate of Adam's first step; it falls to zero along half a cosine.
    batch_size : int, default=100
        Rows of a step, at most; each pass over the rows is cut into equal batches.
    max_iter : int or "auto", default="auto"
        Largest number of steps of Adam (not of passes: what counts for a small network is how
        often it is updated). "auto" allows 100 passes over the rows, but at least 500 and at most
        6000 steps.
    polish : int, default=200
        Largest number of iterations of L-BFGS on all rows after Adam, which leaves the last
        digits of the optimum undone. They pass through four million rows at most, all together,
        and are left out if that allows fewer than ten. 0 is Adam alone.
    n_restarts : int, default=2
        How often Adam starts from new weights; the network with the least objective is polished
        and kept.
    early_stopping : bool, default=True
        Whether Adam or L-BFGS may end earlier, where the loss of held-out rows with a true label
        was clearly less. It takes one more training, and seldom acts where `alpha` is chosen.
    random_state : int, RandomState instance or None, default=None
        Seeds the first weights, the order of the rows, and the rows held out.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        Sorted labels.
    coefs_ : list of ndarray
        Coefficients of each layer, shape (n_in, n_out), on encoded columns: unscaled ones, or
        mapped by `input_tables_`; float32 unless the columns' scale exceeds its range.
    intercepts_ : list of ndarray
        Intercepts of each layer, shape (n_out,), dtype float64.
    input_transform_ : {"standard", "quantile"}
        The transform chosen.
    input_tables_ : object or None
        With "quantile" the tables of the numeric columns, which come first: `knots` (float64) and
        `values` (float32) of one column after the other, and where each `ends`; linear between
        two knots and constant outside.
    alpha_ : float
        The penalty chosen.
    n_iter_ : int
        Steps of Adam made, by each start.
    n_polish_ : int
        Iterations of L-BFGS made.
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
    a column. Training is in single precision, prediction in double precision, so that columns far
    from zero (dates, identifiers) lose nothing.

    The inputs and the penalty are chosen in turn by three-fold cross-validation over the rows with
    a true label and by these labels alone, as a teacher's answers know what is held out. The
    networks tried make 2000 steps at most and are not polished; of many rows the first fold
    decides. With fewer than 60 such rows numbers are standardised and `alpha` is 5 before it is
    scaled, and nothing ends early.

    The number of steps is chosen by one training without a fifth of these rows, 3000 at most. They
    are looked at ten times while Adam runs and after every ten iterations of L-BFGS. If their mean
    loss was less than at the end by two standard errors of the difference, training ends where it
    was least. Augmented rows know a little of those held out, so that the choice errs towards
    training on. Then the network is trained on all rows. Memory is that of the encoded rows in
    double precision, and up to five times in single precision.

    The last layer has one output for each class; with two classes a single one, the log-odds of
    the second. The temperature acts on the loss alone: predictions are at temperature one.

    References
    ----------
    .. [1] Kingma, D. P., Ba, J. (2015). Adam: A Method for Stochastic Optimization. ICLR.
    .. [2] He, K., Zhang, X., Ren, S., Sun, J. (2015). Delving Deep into Rectifiers. ICCV.
    .. [3] Hinton, G., Vinyals, O., Dean, J. (2015). Distilling the Knowledge in a Neural Network.
       arXiv:1503.02531.
    .. [4] Liu, D. C., Nocedal, J. (1989). On the limited memory BFGS method for large scale
       optimization. Mathematical Programming 45.

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
        truth = ProbabilityTargets(real.truth[:, -len(start) :].astype(np.float32))
        taught = not np.array_equal(loss.mixed[real.rows], real.truth)
        self._train(
            Z,
            class_targets(loss),
            start,
            weight,
            real=real,
            truth=truth,
            taught=taught,
            predict=_class_probabilities,
        )

    def _proba_encoded(self, Z: np.ndarray) -> np.ndarray:
        return _class_probabilities(self._scores(Z))


class MLPStudentRegressor(_MLP, StudentRegressor):
    """Small neural network that learns a teacher's predictions.

    Fully connected ReLU layers; minimises the squared error to the mixture of the teacher's
    predictions and the true values by minibatch Adam [1]_ from weights drawn as in [2]_, and then
    by L-BFGS [3]_.

    Parameters
    ----------
    hidden_layer_sizes : tuple of int, default=(32,)
        Width of each hidden layer.
    input_transform : {"auto", "standard", "quantile"}, default="auto"
        What is done to numbers: "standard" subtracts the mean and divides by the standard
        deviation, which costs nothing at prediction. "quantile" maps each column by a table of
        16 quantiles to normal scores: skewed columns spread out, outliers end at the last
        quantile. "auto" takes the better one on held-out rows with a true label.
    alpha : float or "auto", default="auto"
        Strength of the penalty: half the sum of the squared coefficients times `alpha` is added
        to the sum of half the squared errors, in units of the targets' variance. "auto" takes the
        best of 1, 5 and 20 on held-out rows with a true value, and of that a quarter, but at
        least 1, if there is a teacher: its predictions have less noise.
    learning_rate_init : float, default=0.01
        Rate of Adam's first step; it falls to zero along half a cosine.
    batch_size : int, default=100
        Rows of a step, at most; each pass over the rows is cut into equal batches.
    max_iter : int or "auto", default="auto"
        Largest number of steps of Adam (not of passes: what counts for a small network is how
        often it is updated). "auto" allows 100 passes over the rows, but at least 500 and at most
        6000 steps.
    polish : int, default=200
        Largest number of iterations of L-BFGS on all rows after Adam, which leaves the last
        digits of the optimum undone. They pass through four million rows at most, all together,
        and are left out if that allows fewer than ten. 0 is Adam alone.
    n_restarts : int, default=2
        How often Adam starts from new weights; the network with the least objective is polished
        and kept.
    early_stopping : bool, default=True
        Whether Adam or L-BFGS may end earlier, where the loss of held-out rows with a true label
        was clearly less. It takes one more training, and seldom acts where `alpha` is chosen.
    random_state : int, RandomState instance or None, default=None
        Seeds the first weights, the order of the rows, and the rows held out.

    Attributes
    ----------
    coefs_ : list of ndarray
        Coefficients of each layer, shape (n_in, n_out), on encoded columns: unscaled ones, or
        mapped by `input_tables_`; float32 unless the columns' scale exceeds its range.
    intercepts_ : list of ndarray
        Intercepts of each layer, shape (n_out,), dtype float64.
    input_transform_ : {"standard", "quantile"}
        The transform chosen.
    input_tables_ : object or None
        With "quantile" the tables of the numeric columns, which come first: `knots` (float64) and
        `values` (float32) of one column after the other, and where each `ends`; linear between
        two knots and constant outside.
    alpha_ : float
        The penalty chosen.
    n_iter_ : int
        Steps of Adam made, by each start.
    n_polish_ : int
        Iterations of L-BFGS made.
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
    a column. Training is in single precision, prediction in double precision, so that columns far
    from zero (dates, identifiers) lose nothing.

    The inputs and the penalty are chosen in turn by three-fold cross-validation over the rows with
    a true label and by these labels alone, as a teacher's answers know what is held out. The
    networks tried make 2000 steps at most and are not polished; of many rows the first fold
    decides. With fewer than 60 such rows numbers are standardised and `alpha` is 5 before it is
    scaled, and nothing ends early.

    The number of steps is chosen by one training without a fifth of these rows, 3000 at most. They
    are looked at ten times while Adam runs and after every ten iterations of L-BFGS. If their mean
    loss was less than at the end by two standard errors of the difference, training ends where it
    was least. Augmented rows know a little of those held out, so that the choice errs towards
    training on. Then the network is trained on all rows. Memory is that of the encoded rows in
    double precision, and up to five times in single precision.

    The target is standardised inside, too.

    References
    ----------
    .. [1] Kingma, D. P., Ba, J. (2015). Adam: A Method for Stochastic Optimization. ICLR.
    .. [2] He, K., Zhang, X., Ren, S., Sun, J. (2015). Delving Deep into Rectifiers. ICCV.
    .. [3] Liu, D. C., Nocedal, J. (1989). On the limited memory BFGS method for large scale
       optimization. Mathematical Programming 45.

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
        scale = fit_scale(target[:, None], weight)
        targets = ValueTargets(scale.apply(target[:, None]).astype(np.float32))

        truth = ValueTargets(scale.apply(real.truth[:, None]).astype(np.float32))
        taught = not np.array_equal(target[real.rows], real.truth)

        def predict(scores: np.ndarray) -> np.ndarray:
            return scores[:, 0] * scale.width + scale.offset

        self._train(
            Z,
            targets,
            np.zeros(1),
            weight,
            real=real,
            truth=truth,
            taught=taught,
            predict=predict,
        )
        last = self.coefs_[-1].astype(np.float64) * scale.width
        self.coefs_[-1] = _narrow(last)
        self.intercepts_[-1] = self.intercepts_[-1] * scale.width + scale.offset

    def _predict_encoded(self, Z: np.ndarray) -> np.ndarray:
        return self._scores(Z)[:, 0]
