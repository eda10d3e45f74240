"""The fitted form of an additive model: an intercept, and tables of points by bin."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass, replace
from functools import cached_property
from math import isnan
from typing import Any

import numpy as np

from skdistill.students._additive.thresholds import coarse_bins, codes_of
from skdistill.students._arrays import Arrays

# Sweeps that move what a table of two columns says of one alone to that one. Each gains digits.
MAX_SWEEPS = 50


@dataclass(frozen=True)
class Term:
    """A table of points over the bins of one column, or of two.

    Attributes
    ----------
    columns : tuple of int
        One or two encoded columns.
    cuts : tuple of ndarray
        Thresholds of each; values at most the first one are in the first bin.
    values : ndarray of shape (n_cuts + 2, n_outputs), or (n_cuts + 2, n_cuts + 2, n_outputs)
        Points of each bin (and bin), the last one for missing values.
    """

    columns: tuple[int, ...]
    cuts: tuple[np.ndarray, ...]
    values: np.ndarray

    def codes(self, Z: np.ndarray) -> tuple[np.ndarray, ...]:
        """Return the bins of encoded rows, one array for each column of the term."""
        pairs = zip(self.columns, self.cuts, strict=True)
        return tuple(codes_of(Z[:, j], cuts) for j, cuts in pairs)


@dataclass(frozen=True)
class Scorecard(Arrays):
    """An intercept and terms; the scores of a row are their sum.

    Attributes
    ----------
    intercept : ndarray of shape (n_outputs,), dtype float64
        Scores of the average training row.
    terms : list of Term
        First those of one column each, then those of two.
    """

    intercept: np.ndarray
    terms: list[Term]

    def scores(self, Z: np.ndarray) -> np.ndarray:
        """Sum the points of encoded rows.

        Parameters
        ----------
        Z : ndarray of shape (n_rows, n_columns), dtype float64
            Encoded rows, NaN for missing.

        Returns
        -------
        scores : ndarray of shape (n_rows, n_outputs), dtype float64
        """
        if len(Z) == 1:
            return self._points.take(self._cells(Z[0].tolist()), axis=0).sum(axis=0)[None]
        total = np.tile(self.intercept, (len(Z), 1))
        for term in self.terms:
            cells = np.ravel_multi_index(term.codes(Z), term.values.shape[:-1])
            total += term.values.reshape(-1, total.shape[1]).take(cells, axis=0)
        return total

    def _cells(self, row: list[float]) -> list[int]:
        """Find the rows of `_points` that add up to the scores of one row."""
        singles, pairs = self._lookups
        cells = [0]
        for start, (column, cuts, missing) in singles:
            x = row[column]
            cells.append(start + (missing if isnan(x) else bisect_left(cuts, x)))
        for start, *axes in pairs:
            (cell, _), (code, missing) = [
                (missing if isnan(row[column]) else bisect_left(cuts, row[column]), missing)
                for column, cuts, missing in axes
            ]
            cells.append(start + cell * (missing + 1) + code)
        return cells

    @cached_property
    def _points(self) -> np.ndarray:
        """The intercept, and the points of all tables, one cell a row."""
        tables = [term.values.reshape(-1, self.intercept.size) for term in self.terms]
        return np.concatenate([self.intercept[None], *tables], dtype=np.float64)

    @cached_property
    def _lookups(self) -> tuple[list[Any], list[Any]]:
        """Describe the tables of one column, and those of two.

        Each by its first row of `_points`, and for each axis its column, cuts and last bin.
        """
        found: tuple[list[Any], list[Any]] = [], []
        start = 1
        for term in self.terms:
            pairs = zip(term.columns, term.cuts, strict=True)
            axes = [(j, cuts.tolist(), len(cuts) + 1) for j, cuts in pairs]
            found[len(axes) - 1].append((start, *axes))
            start += term.values.size // self.intercept.size
        return found

    def rescaled(self, width: float, offset: float) -> Scorecard:
        """Let scores become ``offset + width * score``."""
        terms = [replace(term, values=width * term.values) for term in self.terms]
        return Scorecard(offset + width * self.intercept, terms)

    def narrow(self) -> Scorecard:
        """Store points in single precision; log-odds are small numbers, nothing is lost."""
        terms = [replace(term, values=term.values.astype(np.float32)) for term in self.terms]
        return Scorecard(self.intercept, terms)

    def without_empty(self) -> Scorecard:
        """Leave out the tables that say nothing."""
        return Scorecard(self.intercept, [term for term in self.terms if term.values.any()])

    @property
    def n_values(self) -> int:
        """Number of points in all tables, and the intercepts."""
        return self.intercept.size + sum(term.values.size for term in self.terms)


def centre(card: Scorecard, Z: np.ndarray, weight: np.ndarray) -> Scorecard:
    """Let every term say only what no smaller one can, without changing any score.

    A table of two columns gets a weighted mean of zero over the rows of each of its bins: what
    it says of one column alone goes to that column's own table. Tables of one column get a
    weighted mean of zero over all rows; the rest is the intercept. For several classes the
    intercepts then have a mean of zero.

    Parameters
    ----------
    card : Scorecard
        Each column of a pair has a term of its own, whose cuts include those of the pair.
    Z : ndarray of shape (n_rows, n_columns)
        Training rows.
    weight : ndarray of shape (n_rows,)
        Their weights.

    Returns
    -------
    card : Scorecard
    """
    own = {term.columns[0]: i for i, term in enumerate(card.terms) if len(term.columns) == 1}
    values = [term.values.copy() for term in card.terms]
    for i, term in enumerate(card.terms):
        if len(term.columns) == 2:
            joint = np.zeros(term.values.shape[:2])
            np.add.at(joint, term.codes(Z), weight)
            values[i], moved = _purify(term.values, joint)
            for column, cuts, points in zip(term.columns, term.cuts, moved, strict=True):
                fine = card.terms[own[column]].cuts[0]
                values[own[column]] += points[coarse_bins(fine, cuts)]
    intercept = card.intercept.copy()
    for i, term in enumerate(card.terms):
        if len(term.columns) == 1:
            mass = np.bincount(term.codes(Z)[0], weights=weight, minlength=len(values[i]))
            mean = mass @ values[i] / mass.sum()
            values[i] -= mean
            # What no row had says nothing, such as a missing value where there was none, and
            # neither does what all rows had.
            values[i][-1] *= mass[-1] > 0
            values[i] *= np.count_nonzero(mass) > 1
            intercept += mean
    if intercept.size > 1:
        intercept -= intercept.mean()
    terms = [replace(term, values=v) for term, v in zip(card.terms, values, strict=True)]
    return Scorecard(intercept, terms)


def _purify(
    table: np.ndarray, mass: np.ndarray
) -> tuple[np.ndarray, tuple[np.ndarray, np.ndarray]]:
    """Split a table into one without marginal means, and those means by row and by column."""
    rest = table.copy()
    by_row = np.zeros((table.shape[0], table.shape[2]))
    by_column = np.zeros((table.shape[1], table.shape[2]))
    row_mass = np.maximum(mass.sum(axis=1), np.finfo(float).tiny)[:, None]
    column_mass = np.maximum(mass.sum(axis=0), np.finfo(float).tiny)[:, None]
    for _ in range(MAX_SWEEPS):
        mean = np.einsum("ab,abs->as", mass, rest) / row_mass
        rest -= mean[:, None]
        by_row += mean
        step = np.abs(mean).max()
        mean = np.einsum("ab,abs->bs", mass, rest) / column_mass
        rest -= mean[None]
        by_column += mean
        if max(step, np.abs(mean).max()) <= 1e-12 * np.abs(table).max():
            break
    return rest, (by_row, by_column)
