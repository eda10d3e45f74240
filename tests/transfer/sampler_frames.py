"""Random data frames of many dtypes, and what a sampled column may hold."""

from __future__ import annotations

import numpy as np
import pandas as pd
from hypothesis import strategies as st

COLUMNS = {
    "int": (st.integers(-(2**63), 2**63 - 1), "int64"),
    "uint8": (st.integers(0, 255), "uint8"),
    "float": (st.none() | st.floats(allow_infinity=False), "float64"),
    "infinite": (st.sampled_from([0.5, 1.5, np.nan, np.inf, -np.inf]), "float64"),
    "single": (st.floats(width=32, allow_nan=False, allow_infinity=False), "float32"),
    "whole": (st.none() | st.integers(-5, 5).map(float), "float64"),
    "bool": (st.booleans(), "bool"),
    "text": (st.none() | st.sampled_from("abc"), "object"),
    "string": (st.none() | st.sampled_from("abc"), "string"),
    "category": (st.none() | st.sampled_from("xyz"), pd.CategoricalDtype([*"wxyz"])),
    "numbered": (st.sampled_from([1, 2, 30]), pd.CategoricalDtype([30, 2, 1], ordered=True)),
    "nullable": (st.none() | st.integers(-5, 5), "Int64"),
    "nullable_float": (st.none() | st.floats(-1, 1), "Float64"),
    "nullable_bool": (st.none() | st.booleans(), "boolean"),
    "date": (st.none() | st.sampled_from(["2020-01-01", "2021-06-30"]), "datetime64[ns]"),
    "mixed": (st.none() | st.sampled_from(["a", "b", True]), "object"),
    "objects": (st.none() | st.integers(0, 9), "object"),
}


@st.composite
def frames(draw):
    names = draw(st.lists(st.sampled_from(sorted(COLUMNS)), min_size=1, max_size=5))
    n_rows = draw(st.integers(1, 12))
    columns = []
    for name in names:
        values, dtype = COLUMNS[name]
        cells = draw(st.lists(values, min_size=n_rows, max_size=n_rows))
        columns.append(pd.Series(cells, dtype=dtype))
    frame = pd.concat(columns, axis=1)
    frame.columns = [f"{name}{i}" for i, name in enumerate(names)]
    frame.index = frame.index[::-1] * 10
    return frame


def check_column(child: pd.Series, original: pd.Series) -> None:
    assert child.dtype == original.dtype
    if child.isna().any():
        assert original.isna().any()
    present, allowed = child.dropna(), original.dropna()
    if original.name.startswith(("float", "single", "nullable_float", "infinite")):
        finite = present[np.isfinite(present.to_numpy(dtype=float))]
        assert set(present[~present.isin(finite)]) <= set(allowed)
        if len(finite):
            bounds = allowed[np.isfinite(allowed.to_numpy(dtype=float))]
            assert bounds.min() <= finite.min()
            assert finite.max() <= bounds.max()
    elif original.name.startswith(("int", "uint8", "whole", "objects")) or child.dtype == "Int64":
        if len(present):
            assert (present == present.map(int)).all()
            assert allowed.min() <= present.min()
            assert present.max() <= allowed.max()
    else:
        assert set(present) <= set(allowed)
