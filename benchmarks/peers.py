"""Other packages' ways to one small tree or booster, each optional.

What is not installed, or cannot do a task, is skipped with the reason. Peers read what
`make_encoder` makes of the raw table.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from sklearn.model_selection import KFold, StratifiedKFold
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from benchmarks.encoding import make_encoder
from benchmarks.methods import Context, Fitted
from benchmarks.tasks import SkippedError

# Trustee's own defaults, and the sample its documentation uses.
TRUSTEE_ROUNDS, TRUSTEE_REPEATS, TRUSTEE_SHARE = 50, 5, 0.3

# Seconds for AutoGluon's teacher, and again for the distillation.
AUTOGLUON_SECONDS = 120


def fit(name: str, context: Context) -> Fitted:
    """Fit a peer.

    Parameters
    ----------
    name : str
        One of `PEERS`.
    context : Context
        Split, teacher, task, seed and the student whose size bounds the peer's leaves.

    Returns
    -------
    fitted : Fitted

    Raises
    ------
    SkippedError
        If the peer is not installed or cannot do this task.
    ValueError
        If there is no such peer.
    """
    if name not in PEERS:
        raise ValueError(f"name must be one of {list(PEERS)}, got {name!r}.")
    with _global_seed(context.seed):
        return PEERS[name](context)


@dataclass
class PeerModel:
    """A peer behind the encoder, with the labels as they were.

    Attributes
    ----------
    encoder : transformer
        Fitted.
    model : estimator
        Fitted to encoded rows and, for classification, the index of each label.
    classes_ : ndarray of shape (n_classes,) or None
        The labels, sorted; None for values.
    n_leaves_ : int
        Leaves of all its trees.
    """

    encoder: Any
    model: Any
    classes_: np.ndarray | None
    n_leaves_: int

    def predict_proba(self, X: Any) -> np.ndarray:
        """Return probabilities of shape (n_samples, n_classes)."""
        assert self.classes_ is not None  # noqa: S101 - for mypy: only classifiers are asked
        said = self.model.predict_proba(self.encoder.transform(X))
        proba = np.zeros((len(said), len(self.classes_)))
        proba[:, np.asarray(self.model.classes_, dtype=np.intp)] = said
        return proba

    def predict(self, X: Any) -> np.ndarray:
        """Return the likeliest labels, or the values."""
        if self.classes_ is None:
            return np.asarray(self.model.predict(self.encoder.transform(X)), dtype=np.float64)
        return np.asarray(self.classes_[self.predict_proba(X).argmax(axis=1)])


@dataclass
class _Encoded:
    """The training rows as a peer gets them."""

    encoder: Any
    X: np.ndarray
    target: np.ndarray
    classes: np.ndarray | None

    @classmethod
    def of(cls, context: Context) -> _Encoded:
        encoder = make_encoder()
        X = encoder.fit_transform(context.split.X_train)
        y = context.split.y_train
        if context.task != "classification":
            return cls(encoder, X, y, None)
        classes, codes = np.unique(y, return_inverse=True)
        return cls(encoder, X, codes, classes)

    def model(self, fitted: Any, n_leaves: int) -> PeerModel:
        """Put a fitted peer behind the encoder."""
        return PeerModel(self.encoder, fitted, self.classes, int(n_leaves))


def _figs(context: Context) -> Fitted:
    """Fit a sum of trees (imodels) with at most as many leaves in all as the student."""
    imodels = _require("imodels")
    data = _Encoded.of(context)
    learner = imodels.FIGSRegressor if data.classes is None else imodels.FIGSClassifier
    most = n_rules = int(context.spec.size)
    n_fits = 0
    n_leaves = most + 1
    # Every tree of the sum has one leaf more than rules; how many trees there are is seen after.
    while n_leaves > most and n_rules > 1:
        n_rules -= max(n_leaves - most, 1)
        n_rules = max(n_rules, 1)
        model = learner(max_rules=n_rules, random_state=context.seed).fit(data.X, data.target)
        n_leaves = model.complexity_ + len(model.trees_)
        n_fits += 1
    chosen = {"max_rules": n_rules, "trees": len(model.trees_)}
    return Fitted(data.model(model, n_leaves), n_fits, chosen=chosen)


def _hstree_cv(context: Context) -> Fitted:
    """Shrink a CART hierarchically, the strength chosen by imodels' cross-validation."""
    imodels = _require("imodels")
    data = _Encoded.of(context)
    classification = data.classes is not None
    cart = (DecisionTreeClassifier if classification else DecisionTreeRegressor)(
        max_leaf_nodes=int(context.spec.size), random_state=context.seed
    )
    learner = imodels.HSTreeClassifierCV if classification else imodels.HSTreeRegressorCV
    # Its folds are thirds of the rows as they stand, and it fails where one lacks a class.
    folds = (StratifiedKFold if classification else KFold)(
        3, shuffle=True, random_state=context.seed
    )
    order = np.concatenate([rows for _, rows in folds.split(data.X, data.target)])
    model = learner(estimator_=cart, cv=3).fit(data.X[order], data.target[order])
    fitted = data.model(model, model.estimator_.get_n_leaves())
    return Fitted(fitted, n_fits=model.cv + 1, chosen={"reg_param": float(model.reg_param)})


@dataclass
class _Expert:
    """What trustee asks: the teacher's labels of encoded rows, as codes, or its values."""

    model: Any
    classes: np.ndarray | None

    def predict(self, X: Any) -> np.ndarray:
        said = self.model.predict(np.asarray(X))
        return said if self.classes is None else np.searchsorted(self.classes, said)


def _trustee(context: Context) -> Fitted:
    """Imitate the teacher's labels by DAgger-like rounds of CART (trustee)."""
    trustee = _require("trustee")
    data = _Encoded.of(context)
    # The teacher's encoder saw the same rows, so it equals ours; trustee feeds what is behind it.
    expert = _Expert(context.teacher[-1], data.classes)
    learner = (
        trustee.RegressionTrustee if data.classes is None else trustee.ClassificationTrustee
    )(expert)
    learner.fit(
        data.X,
        data.target,
        max_leaf_nodes=int(context.spec.size),
        num_iter=TRUSTEE_ROUNDS,
        num_stability_iter=TRUSTEE_REPEATS,
        samples_size=TRUSTEE_SHARE,
    )
    tree = learner.explain()[0]
    n_fits = TRUSTEE_ROUNDS * TRUSTEE_REPEATS
    return Fitted(data.model(tree, tree.get_n_leaves()), n_fits, teacher_rows=len(data.X))


@dataclass
class _AutoGluonModel:
    """One model of an AutoGluon predictor, on raw tables."""

    predictor: Any
    name: str
    classes_: np.ndarray | None
    n_leaves_: int

    def predict_proba(self, X: Any) -> np.ndarray:
        """Return probabilities of shape (n_samples, n_classes)."""
        proba = self.predictor.predict_proba(X, model=self.name)
        return np.asarray(proba[self.predictor.class_labels], dtype=np.float64)

    def predict(self, X: Any) -> np.ndarray:
        """Return the likeliest labels, or the values."""
        return np.asarray(self.predictor.predict(X, model=self.name))


def _autogluon(context: Context) -> Fitted:
    """Distil AutoGluon's own ensemble into its LightGBM, with at most the student's leaves."""
    tabular = _require("autogluon.tabular")
    X, y = context.split.X_train, context.split.y_train
    classes = np.unique(y) if context.task == "classification" else None
    n_classes = 1 if classes is None or len(classes) == 2 else len(classes)
    leaves = max(int(context.spec.size) // n_classes, 2)
    per_tree = min(leaves, 8)
    n_rounds = leaves // per_tree
    booster = {
        "num_leaves": per_tree,
        "num_boost_round": n_rounds,
        # AutoGluon's own rate is made for hundreds of rounds.
        "learning_rate": min(1.0, 3.0 / n_rounds),
    }
    with TemporaryDirectory() as folder:
        predictor = tabular.TabularPredictor(
            "target",
            path=folder,
            eval_metric="root_mean_squared_error" if classes is None else "log_loss",
            verbosity=0,
        )
        predictor.fit(X.assign(target=y), time_limit=AUTOGLUON_SECONDS, num_cpus=1)
        names = predictor.distill(hyperparameters={"GBM": booster}, time_limit=AUTOGLUON_SECONDS)
        if not names:
            raise SkippedError("AutoGluon distilled no model within its time")
        predictor.persist(names)
    # Trees may have fewer leaves than they were allowed.
    n_leaves = n_classes * per_tree * n_rounds
    return Fitted(_AutoGluonModel(predictor, names[0], classes, n_leaves), chosen=booster)


def _tabtune(context: Context) -> Fitted:
    """Skip: TabTune takes no teacher but its own."""
    _require("tabtune")
    raise SkippedError(
        "TabTune refits its teacher by the name of a foundation model, which it downloads: its "
        "labels cannot come from the teacher of the other methods"
    )


def _require(name: str) -> Any:
    """Import a peer's package or skip."""
    try:
        return import_module(name)
    except ImportError as error:
        raise SkippedError(f"{name} could not be imported: {error}") from error


@contextmanager
def _global_seed(seed: int) -> Iterator[None]:
    """Seed NumPy's global generator, which peers draw from, and put it back afterwards."""
    state = np.random.get_state()  # noqa: NPY002
    np.random.seed(seed)  # noqa: NPY002
    try:
        yield
    finally:
        np.random.set_state(state)  # noqa: NPY002


PEERS: dict[str, Callable[[Context], Fitted]] = {
    "figs": _figs,
    "hstree_cv": _hstree_cv,
    "trustee": _trustee,
    "autogluon": _autogluon,
    "tabtune": _tabtune,
}
