"""Columns as integers whose order is all a tree needs, and whose equality is that of the cells."""

from __future__ import annotations

import numpy as np

from skdistill.transfer._tables import NumericRange, Table


def rank_columns(table: Table, ranges: list[NumericRange | None]) -> np.ndarray:
    """Encode each column by ranks of its distinct values.

    Ranks keep what trees look at, the order, also where numbers are infinite or too large for
    single precision.

    Parameters
    ----------
    table : Table
        The rows.
    ranges : list of NumericRange or None
        One for each column; None marks a nominal one.

    Returns
    -------
    ranks : ndarray of shape (n_rows, n_columns), dtype int32, in Fortran order
        From zero: numbers in ascending order, levels in descending order of frequency. Missing
        values are -1.
    """
    ranks = np.empty((table.n_rows, table.n_columns), dtype=np.int32, order="F")
    for j, allowed in enumerate(ranges):
        missing = table.missing(j)
        values = (table.codes(j) if allowed is None else table.numbers(j))[~missing]
        inverse, counts = np.unique(values, return_inverse=True, return_counts=True)[1:]
        rank = np.arange(len(counts), dtype=np.int32)
        if allowed is None:
            rank[np.argsort(-counts, kind="stable")] = np.arange(len(counts), dtype=np.int32)
        ranks[missing, j] = -1
        ranks[~missing, j] = rank[inverse.reshape(-1)]
    return ranks
