"""Small neural networks that learn soft targets: ReLU layers trained by Adam and L-BFGS."""

from __future__ import annotations

import numpy as np

from skdistill.hints import Hints
from skdistill.losses import DistillationLoss
from skdistill.students._hinted import HintedClassifier, HintedRegressor
from skdistill.students._mlp.base import MLPStudent, narrow
from skdistill.students._mlp.inputs import fit_scale
from skdistill.students._mlp.targets import ProbabilityTargets, ValueTargets, class_targets
from skdistill.students._real_rows import RealRows
from skdistill.students._scores import class_probabilities, prior_scores


class MLPStudentClassifier(MLPStudent, HintedClassifier):
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
    double precision, up to five times in single precision, and all values of the hidden layers.

    The last layer has one output for each class; with two classes a single one, the log-odds of
    the second. The temperature acts on the loss alone: predictions are at temperature one.

    A teacher's features and relations, given as `hints`, are learned by the last hidden layer and
    then dropped. A linear regressor on it meets the features [5]_: half the squared error, times
    its weight, is added to the row's loss, and the regressor is penalised like the output layer.
    The layer keeps relations itself [6]_: in each batch the distances between 48 rows, and with
    twice the weight the angles between 12 rows; in L-BFGS those of the same eight groups of 48
    rows, each row counting the same. With ``measure="similarity"`` it is the inner products of
    all pairs of the 48 rows instead [7]_. Inputs and penalty are chosen without hints.

    References
    ----------
    .. [1] Kingma, D. P., Ba, J. (2015). Adam: A Method for Stochastic Optimization. ICLR.
    .. [2] He, K., Zhang, X., Ren, S., Sun, J. (2015). Delving Deep into Rectifiers. ICCV.
    .. [3] Hinton, G., Vinyals, O., Dean, J. (2015). Distilling the Knowledge in a Neural Network.
       arXiv:1503.02531.
    .. [4] Liu, D. C., Nocedal, J. (1989). On the limited memory BFGS method for large scale
       optimization. Mathematical Programming 45.
    .. [5] Romero, A., Ballas, N., Kahou, S. E., Chassang, A., Gatta, C., Bengio, Y. (2015).
       FitNets: Hints for Thin Deep Nets. ICLR.
    .. [6] Park, W., Kim, D., Lu, Y., Cho, M. (2019). Relational Knowledge Distillation. CVPR.
    .. [7] Tung, F., Mori, G. (2019). Similarity-Preserving Knowledge Distillation. ICCV.

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

    def _fit_hinted(
        self,
        Z: np.ndarray,
        loss: DistillationLoss,
        weight: np.ndarray,
        real: RealRows,
        hints: Hints | None,
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
            predict=class_probabilities,
            hints=hints,
        )

    def _proba_encoded(self, Z: np.ndarray) -> np.ndarray:
        with np.errstate(over="ignore", invalid="ignore"):  # infinite scores are certain ones
            return class_probabilities(self._scores(Z))


class MLPStudentRegressor(MLPStudent, HintedRegressor):
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
    double precision, up to five times in single precision, and all values of the hidden layers.

    The target is standardised inside, too.

    A teacher's features and relations, given as `hints`, are learned by the last hidden layer and
    then dropped. A linear regressor on it meets the features [4]_: half the squared error, times
    its weight, is added to the row's loss, and the regressor is penalised like the output layer.
    The layer keeps relations itself [5]_: in each batch the distances between 48 rows, and with
    twice the weight the angles between 12 rows; in L-BFGS those of the same eight groups of 48
    rows, each row counting the same. With ``measure="similarity"`` it is the inner products of
    all pairs of the 48 rows instead [6]_. Inputs and penalty are chosen without hints.

    References
    ----------
    .. [1] Kingma, D. P., Ba, J. (2015). Adam: A Method for Stochastic Optimization. ICLR.
    .. [2] He, K., Zhang, X., Ren, S., Sun, J. (2015). Delving Deep into Rectifiers. ICCV.
    .. [3] Liu, D. C., Nocedal, J. (1989). On the limited memory BFGS method for large scale
       optimization. Mathematical Programming 45.
    .. [4] Romero, A., Ballas, N., Kahou, S. E., Chassang, A., Gatta, C., Bengio, Y. (2015).
       FitNets: Hints for Thin Deep Nets. ICLR.
    .. [5] Park, W., Kim, D., Lu, Y., Cho, M. (2019). Relational Knowledge Distillation. CVPR.
    .. [6] Tung, F., Mori, G. (2019). Similarity-Preserving Knowledge Distillation. ICCV.

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

    def _fit_hinted(
        self,
        Z: np.ndarray,
        target: np.ndarray,
        weight: np.ndarray,
        real: RealRows,
        hints: Hints | None,
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
            hints=hints,
        )
        last = self.coefs_[-1].astype(np.float64) * scale.width
        self.coefs_[-1] = narrow(last)
        self.intercepts_[-1] = self.intercepts_[-1] * scale.width + scale.offset

    def _predict_encoded(self, Z: np.ndarray) -> np.ndarray:
        return self._scores(Z)[:, 0]
