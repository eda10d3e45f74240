"""Choose the smoothness and the pairs of an additive model on real rows, and fit it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from skdistill.students._additive.pairs import pair_gains, rank_pairs
from skdistill.students._additive.scorecard import Scorecard, centre
from skdistill.students._additive.tables import Fit, Layout, Limits, Problem
from skdistill.students._additive.targets import HintTarget, Response, Target
from skdistill.students._additive.teacher_cuts import Splits
from skdistill.students._additive.thresholds import choose_cuts, codes_of, merge_cuts
from skdistill.students._real_rows import RealRows
from skdistill.students._weights import one_row

# Bins of each column in a table of two. More make many cells that no row is in.
PAIR_BINS = 8

# Strengths tried with alpha="auto", from smooth to rough, and how far apart they are.
ALPHAS = (100.0, 30.0, 10.0, 3.0, 1.0, 0.3)
STEP = 3.0

# Numbers of pairs tried with n_pairs="auto"; more can hardly be read.
N_PAIRS = (0, 4, 8, 16)

N_FOLDS = 5

# With fewer real rows than this nothing is chosen: then these are the settings.
LEAST_ROWS = 30
DEFAULT_ALPHA = 10.0

# Most rows on which settings are chosen. Strengths are in units of rows, so that what is best
# hardly depends on the number of rows.
MAX_ROWS = 20_000

# Fits to choose by, and the last one: of classes to six digits of the loss, of values, whose fits
# converge fast, to the last ones.
ROUGH = Limits(decrease=1e-5, gradient=1e-5, steps=50)
FINE = Limits(decrease=1e-10, gradient=1e-5, steps=1000)
FINEST = Limits(decrease=0.0, gradient=1e-12, steps=1000)


@dataclass(frozen=True)
class Settings:
    """Strength of the penalty, and number of pairs."""

    alpha: float
    n_pairs: int


@dataclass(frozen=True)
class Data:
    """Binned rows and what they should say.

    Attributes
    ----------
    codes : ndarray of shape (n_rows, n_columns)
        Bins of the columns.
    target : Target
        What to fit.
    weight : ndarray of shape (n_rows,)
        Weights of the rows.
    """

    codes: np.ndarray
    target: Target
    weight: np.ndarray

    def take(self, rows: np.ndarray) -> Data:
        return Data(self.codes[rows], self.target.take(rows), self.weight[rows])


class Model:
    """Tables fitted to some rows, refitted step by step under other settings."""

    def __init__(self, layout: Layout, data: Data, limits: Limits) -> None:
        self.layout, self.data, self.limits = layout, data, limits
        self.ranked: list[tuple[int, int]] | None = None
        self.fit = Fit.constant(sum(layout.sizes), data.target, data.weight)
        self._matrix = layout.matrix(data.codes)
        self._penalty = layout.penalty()

    def refit(self, settings: Settings) -> None:
        """Fit under these settings, starting from the last fit."""
        if settings.n_pairs != len(self.layout.pairs):
            self._set_pairs(settings.n_pairs)
        strength = settings.alpha * one_row(self.data.weight)
        problem = Problem(
            self._matrix,
            self.data.target,
            self.data.weight,
            self._penalty * strength,
            self.layout.bandwidth,
        )
        self.fit = problem.solve(self.fit, self.limits)

    def scores(self, codes: np.ndarray) -> np.ndarray:
        """Compute the scores of binned rows."""
        return self.layout.matrix(codes) @ self.fit.values + self.fit.intercept

    def scorecard(self) -> Scorecard:
        """Put the fitted values into tables."""
        return self.layout.scorecard(self.fit)

    def pair_gains(self) -> dict[tuple[int, int], float]:
        """Compute what a table of two columns would gain, for each pair of them."""
        data = self.data
        return pair_gains(self.layout, self.fit, data.codes, data.target, data.weight)

    def _set_pairs(self, n_pairs: int) -> None:
        if self.ranked is None:
            self.ranked = rank_pairs(self.pair_gains())
        self.layout = replace(self.layout, pairs=self.ranked[:n_pairs])
        self.fit = self.fit.resized(sum(self.layout.sizes))
        self._matrix = self.layout.matrix(self.data.codes)
        self._penalty = self.layout.penalty()


class Search:
    """Models of all folds, which move through the settings together."""

    def __init__(self, layout: Layout, data: Data, real: RealRows, rng: np.random.Generator):
        self.predict = data.target.predict
        self.tried: dict[Settings, float] = {}
        self.folds = [
            (Model(layout, data.take(train), ROUGH), data.codes[held_out.rows], held_out)
            for train, held_out in real.folds(N_FOLDS, len(real), rng)
        ]

    def score(self, settings: Settings) -> float:
        """Refit all models, and compute their mean loss on the rows held out."""
        losses, weights = [], []
        for model, codes, held_out in self.folds:
            model.refit(settings)
            losses.append(held_out.score(self.predict(model.scores(codes))))
            weights.append(held_out.weight.sum())
        self.tried[settings] = float(np.average(losses, weights=weights))
        return self.tried[settings]

    @property
    def best(self) -> Settings:
        """The settings of the least loss so far."""
        return min(self.tried, key=lambda settings: self.tried[settings])

    def try_alphas(self, alphas: Sequence[float]) -> None:
        """Go from smooth to rough until the loss has risen twice in a row."""
        risen = 0
        for alpha in alphas:
            settings = Settings(alpha, 0)
            self.score(settings)
            risen = 0 if self.best == settings else risen + 1
            if risen == 2:
                break

    def try_pairs(self, numbers: Sequence[int]) -> None:
        """Append pairs to the best model without."""
        start = self.best
        self.score(start)  # pairs are ranked by what this one misses
        for number in numbers:
            self.score(replace(start, n_pairs=number))

    def try_around(self) -> None:
        """With pairs there are more values: see whether they should be smoother, or rougher."""
        start = self.best
        for factor in (STEP, 1.0 / STEP):
            settings = replace(start, alpha=start.alpha * factor)
            self.score(settings)
            if self.best == settings:
                break


def choose_settings(
    layout: Layout,
    data: Data,
    real: RealRows,
    *,
    alpha: float | str,
    n_pairs: int | str,
    rng: np.random.Generator,
) -> Settings:
    """Choose what is "auto" by cross-validation of fits to the true labels of the real rows alone.

    What a teacher says of other rows must not take part: it has seen the labels of the rows held
    out, and repeats them on rows nearby. Judged by them, a model that believes every detail of
    what the teacher says would look best.

    Parameters
    ----------
    layout : Layout
        Tables of single columns.
    data : Data
        The real rows, with their truth as target.
    real : RealRows
        The same rows, numbered from zero.
    alpha : float or "auto"
        Strength of the penalty.
    n_pairs : int or "auto"
        Number of pairs.
    rng : numpy.random.Generator
        Makes the folds.

    Returns
    -------
    settings : Settings
    """
    alphas = ALPHAS if isinstance(alpha, str) else (float(alpha),)
    numbers = N_PAIRS if isinstance(n_pairs, str) else (int(n_pairs),)
    if len(alphas) == len(numbers) == 1:
        return Settings(alphas[0], numbers[0])
    if len(real) < LEAST_ROWS:
        return Settings(DEFAULT_ALPHA if len(alphas) > 1 else alphas[0], min(numbers))
    search = Search(layout, data, real, rng)
    search.try_alphas(alphas)
    if max(numbers):
        search.try_pairs(numbers)
        search.tried = {s: loss for s, loss in search.tried.items() if s.n_pairs in numbers}
        if len(alphas) > 1 and search.best.n_pairs:
            search.try_around()
    return search.best


def fit_scorecard(
    Z: np.ndarray,
    target: Response,
    response: np.ndarray,
    weight: np.ndarray,
    truth: Target,
    real: RealRows,
    *,
    splits: Mapping[int, Splits],
    hints: np.ndarray,
    max_bins: int,
    alpha: float | str,
    n_pairs: int | str,
    limits: Limits,
    rng: np.random.Generator,
) -> tuple[Scorecard, Settings]:
    """Cut the columns, choose the settings, and fit the tables.

    Memory: for each value of `Z` about 24 bytes.

    Parameters
    ----------
    Z : ndarray of shape (n_rows, n_columns)
        Encoded rows, NaN for missing.
    target : Target
        What to fit.
    response : ndarray of shape (n_rows, n_responses)
        What the cuts should tell apart.
    weight : ndarray of shape (n_rows,)
        Weights of the rows.
    truth : Target
        The true labels of the real rows.
    real : RealRows
        Rows to choose settings on.
    splits : mapping of int to Splits
        Where the teacher's trees split some of the columns.
    hints : ndarray of shape (n_rows, n_hints)
        What else cuts and pairs should tell apart: a variance of one as much as the response.
    max_bins, alpha, n_pairs
        As in the estimators.
    limits : Limits
        When the last fit is good enough.
    rng : numpy.random.Generator
        Makes the folds.

    Returns
    -------
    card : Scorecard
        Centred.
    settings : Settings
        Those chosen.
    """
    cuts = choose_cuts(Z, _beside(response, hints, weight), weight, max_bins, splits)
    codes = np.column_stack([codes_of(z, c) for z, c in zip(Z.T, cuts, strict=True)])
    coarse = [
        merge_cuts(c, np.bincount(codes[:, j], weights=weight, minlength=len(c) + 2), PAIR_BINS)
        for j, c in enumerate(cuts)
    ]
    layout = Layout(cuts, coarse, [])
    seen = Data(codes[real.rows], truth, real.weight)
    settings = choose_settings(
        layout, *_sample(seen, real, rng), alpha=alpha, n_pairs=n_pairs, rng=rng
    )
    model = Model(layout, Data(codes, target, weight), limits)
    model.refit(replace(settings, n_pairs=0))
    if settings.n_pairs:
        if hints.shape[1]:
            # Half the squares of a variance of one are to weigh what there is to learn.
            unit = 2.0 * target.to_save(weight / weight.sum())
            hinted = Data(codes, HintTarget(np.sqrt(unit) * hints), weight)
            other = Model(layout, hinted, ROUGH)
            other.refit(replace(settings, n_pairs=0))
            model.ranked = rank_pairs(model.pair_gains(), other.pair_gains())
        model.refit(settings)
    return centre(model.scorecard(), Z, weight), settings


def _beside(response: np.ndarray, hints: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Put hints beside the response, a variance of one as large as that of the response."""
    if not hints.shape[1]:
        return response
    share = weight / weight.sum()
    variance = (share @ np.square(response - share @ response)).sum()
    return np.hstack([response, np.sqrt(variance) * hints])


def _sample(data: Data, real: RealRows, rng: np.random.Generator) -> tuple[Data, RealRows]:
    """Take some of the real rows, numbered from zero."""
    rows = np.arange(len(real))
    if len(rows) > MAX_ROWS:
        rows = np.sort(rng.choice(rows, MAX_ROWS, replace=False))
        data = data.take(rows)
    return data, RealRows(np.arange(len(rows)), real.truth[rows], real.weight[rows])
