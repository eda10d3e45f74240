"""The one preprocessing for every method that cannot read raw tables."""

from __future__ import annotations

import numpy as np
from sklearn.compose import ColumnTransformer, make_column_selector
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

# Categories with fewer rows than this share one column.
MIN_CATEGORY_ROWS = 10


def make_encoder() -> ColumnTransformer:
    """Make the unfitted encoder from frames to dense float arrays without missing values.

    Numbers: the median for missing ones, an indicator column where any were missing, then
    standardised. All else is a category, missing being one of them: one-hot, where categories
    of fewer than ten rows share a column with those that appear only after fitting.

    Returns
    -------
    encoder : ColumnTransformer
        To be fitted on a DataFrame, on training rows only.

    Examples
    --------
    >>> import pandas as pd
    >>> from benchmarks.encoding import make_encoder
    >>> X = pd.DataFrame({"a": [1.0, None, 3.0] * 10, "b": ["x", "y", "y"] * 10})
    >>> make_encoder().fit_transform(X).shape  # a, its indicator, b = x, b = y
    (30, 4)
    """
    numbers = make_pipeline(
        SimpleImputer(strategy="median", add_indicator=True, keep_empty_features=True),
        StandardScaler(),
    )
    categories = OneHotEncoder(
        handle_unknown="infrequent_if_exist",
        min_frequency=MIN_CATEGORY_ROWS,
        sparse_output=False,
    )
    return ColumnTransformer(
        [
            ("numbers", numbers, make_column_selector(dtype_include=np.number)),
            ("categories", categories, make_column_selector(dtype_exclude=np.number)),
        ],
        sparse_threshold=0.0,
    )
