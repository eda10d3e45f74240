"""The nearest distinct row in a metric for mixed columns, in bounded memory."""

from __future__ import annotations

import numpy as np

from skdistill.transfer._tables import NumericRange, Table

# Rows among which a neighbour is sought. Ten thousand are enough for a near one, and keep the
# cost linear in the number of rows.
MAX_REFERENCE_ROWS = 10_000

# One-hot columns in all: the levels of each nominal column beyond its share are taken as one.
MAX_ONE_HOT_COLUMNS = 512
MIN_LEVELS, MAX_LEVELS = 4, 32

# Rows compared at a time with all reference rows: 256 x 10_000 distances are 20 MB.
CHUNK_ROWS = 256


class MixedMetric:
    """Encode the columns of a table for a squared distance over numbers and levels.

    The squared distance of two rows is the sum over the columns of: for numbers, the squared
    difference in standard deviations; for levels, 1 if they differ. A missing (or infinite)
    value is a level of its own. Rare levels of a column with very many count as one.

    Parameters
    ----------
    table : Table
        The rows.
    ranges : list of NumericRange or None
        One for each column; None marks a nominal one.

    Attributes
    ----------
    numbers : ndarray of shape (n_rows, n_numeric), dtype float64
        Standardised numbers, scaled so that squares are twice the distance; zero where missing.
    levels : ndarray of shape (n_rows, n_levelled), dtype int32
        Level codes from zero: nominal columns, and presence in numeric ones with missing values.
    """

    def __init__(self, table: Table, ranges: list[NumericRange | None]) -> None:
        n_nominal = sum(allowed is None for allowed in ranges)
        n_levels = int(np.clip(MAX_ONE_HOT_COLUMNS // max(n_nominal, 1), MIN_LEVELS, MAX_LEVELS))
        numbers, levels = [], []
        for j, allowed in enumerate(ranges):
            if allowed is None:
                levels.append(_common_levels(table.codes(j), n_levels))
                continue
            values, finite = _standardize(table.numbers(j))
            numbers.append(values)
            if not finite.all():
                levels.append(finite.astype(np.int32))
        empty = (table.n_rows, 0)
        self.numbers = np.column_stack(numbers) if numbers else np.empty(empty)
        self.levels = np.column_stack(levels) if levels else np.empty(empty, dtype=np.int32)
        self._starts = np.cumsum([0, *(int(code.max()) + 1 for code in levels)])

    def encode(self, rows: np.ndarray) -> np.ndarray:
        """Encode rows as vectors whose squared Euclidean distance is twice the metric's.

        The factor two lets levels be zeros and ones, so that ties between them are exact.
        """
        n_numeric = self.numbers.shape[1]
        encoded = np.zeros((len(rows), n_numeric + int(self._starts[-1])))
        encoded[:, :n_numeric] = self.numbers[rows]
        positions = n_numeric + self._starts[:-1] + self.levels[rows]
        encoded[np.arange(len(rows))[:, None], positions] = 1.0
        return encoded

    def identify(self) -> np.ndarray:
        """Give each row an id, equal where the metric sees no difference."""
        numbers = self.numbers + 0.0  # turns -0.0 into 0.0, which has other bytes
        raw = np.column_stack([numbers, self.levels.astype(np.float64)])
        as_bytes = np.ascontiguousarray(raw).view(
            np.dtype((np.void, raw.dtype.itemsize * raw.shape[1]))
        )
        return np.unique(as_bytes.ravel(), return_inverse=True)[1].reshape(-1)


def nearest_distinct(
    metric: MixedMetric, queries: np.ndarray, rng: np.random.RandomState
) -> np.ndarray:
    """Find for each query row the nearest row that differs from it.

    Parameters
    ----------
    metric : MixedMetric
        The encoded rows.
    queries : ndarray of shape (n_queries,), dtype int
        Row indices.
    rng : numpy.random.RandomState
        Draws the reference rows where there are more than 10 000 distinct ones.

    Returns
    -------
    neighbours : ndarray of shape (n_queries,), dtype int
        Row indices; the query itself where all rows are equal.
    """
    ids = metric.identify()
    distinct, reference = np.unique(ids, return_index=True)
    if len(distinct) == 1:
        return queries
    if len(distinct) > MAX_REFERENCE_ROWS:
        chosen = np.sort(rng.choice(len(distinct), size=MAX_REFERENCE_ROWS, replace=False))
        distinct, reference = distinct[chosen], reference[chosen]
    encoded = metric.encode(reference)
    # |q - r|² is least where q·r - |r|²/2 is greatest: one matrix product finds it.
    half_norms = 0.5 * np.einsum("ij,ij->i", encoded, encoded)
    own = np.searchsorted(distinct, ids[queries]).clip(max=len(distinct) - 1)
    has_own = distinct[own] == ids[queries]
    nearest = np.empty(len(queries), dtype=np.intp)
    for start in range(0, len(queries), CHUNK_ROWS):
        batch = slice(start, start + CHUNK_ROWS)
        closeness = metric.encode(queries[batch]) @ encoded.T
        closeness -= half_norms
        same = np.flatnonzero(has_own[batch])
        closeness[same, own[batch][same]] = -np.inf
        nearest[batch] = closeness.argmax(axis=1)
    return reference[nearest]


def _common_levels(codes: np.ndarray, n_levels: int) -> np.ndarray:
    """Recode levels by descending frequency, those beyond `n_levels` - 1 as one."""
    inverse, counts = np.unique(codes, return_inverse=True, return_counts=True)[1:]
    rank = np.empty(len(counts), dtype=np.int32)
    rank[np.argsort(-counts, kind="stable")] = np.arange(len(counts), dtype=np.int32)
    return np.minimum(rank, n_levels - 1)[inverse.reshape(-1)]


def _standardize(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Centre and scale the finite values, the others to zero; also say which are finite."""
    finite = np.isfinite(values)
    values = np.where(finite, values, 0.0)
    largest = np.abs(values).max()
    if largest > 0:
        values /= largest  # squares of very large or small numbers would leave float64's range
    observed = values[finite]
    spread = observed.std()
    if spread == 0 or largest == 0:
        return np.zeros_like(values), finite
    return np.where(finite, (values - observed.mean()) * (np.sqrt(2.0) / spread), 0.0), finite
