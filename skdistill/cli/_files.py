"""Read teachers and tables; no pickle goes unasked."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import joblib

from skdistill._optional import comes_from, import_optional
from skdistill.teachers import OnnxTeacher

WHY_TRUST = (
    "is read as a pickle, and loading a pickle can run any code that its author put into it. If "
    "you know where the file comes from, say so with --trust. Model files of LightGBM (.txt), "
    "XGBoost (.json, .ubj) and ONNX (.onnx) are no pickles and are loaded without it."
)


def load_teacher(path: Path, *, trust: bool) -> Any:
    """Load a model from a joblib or pickle file, or from one of LightGBM, XGBoost or ONNX.

    Raises
    ------
    ValueError
        If a pickle is not trusted, or the file holds no model.
    """
    if not path.is_file():
        raise FileNotFoundError(f"--teacher: there is no file {str(path)!r}")
    if path.suffix == ".txt":
        lightgbm = import_optional("lightgbm", extra="boosting", purpose=f"Reading {path.name}")
        # LightGBM reads on past the end of a file that was cut short, and crashes.
        if b"\nend of trees" not in path.read_bytes():
            raise ValueError(f"--teacher: {path} is no LightGBM model, or not the whole of one")
        try:
            return lightgbm.Booster(model_file=str(path))
        except (lightgbm.basic.LightGBMError, ValueError) as error:
            raise ValueError(f"--teacher: {path} is no LightGBM model: {error}") from error
    if path.suffix in (".json", ".ubj"):
        xgboost = import_optional("xgboost", extra="boosting", purpose=f"Reading {path.name}")
        try:
            return xgboost.Booster(model_file=str(path))
        except xgboost.core.XGBoostError as error:
            # What follows the first line is a trace of native code.
            reason = str(error).partition("\n")[0]
            raise ValueError(f"--teacher: {path} is no XGBoost model: {reason}") from error
    if path.suffix == ".onnx":
        try:
            return OnnxTeacher(path)
        except (TypeError, ValueError) as error:
            raise ValueError(f"--teacher: {path} cannot teach: {error}") from error
    if not trust:
        raise ValueError(f"--teacher: {path} {WHY_TRUST}")
    try:
        return joblib.load(path)
    except ImportError as error:
        raise ImportError(f"--teacher: {path} needs a package to load: {error}") from error
    except Exception as error:  # unpickling can fail in any way
        reason = str(error) or type(error).__name__
        raise ValueError(f"--teacher: {path} could not be loaded: {reason}") from error


def read_frame(path: Path, option: str, *, texts: Iterable[str] = ()) -> Any:
    """Read a CSV or Parquet file with at least one row as a DataFrame.

    The columns `texts` of a CSV file are read as text even where all their values look like
    numbers; a Parquet file, whose name ends in .parquet, says itself what its columns hold.
    """
    pandas = import_optional("pandas", extra="cli", purpose="Reading a table")
    if not path.is_file():
        raise FileNotFoundError(f"{option}: there is no file {str(path)!r}")
    kind = "Parquet" if path.suffix == ".parquet" else "CSV"
    try:
        if kind == "Parquet":
            import_optional("pyarrow", extra="parquet", purpose="Reading a Parquet file")
            frame = pandas.read_parquet(path)
        else:
            frame = pandas.read_csv(path, dtype=dict.fromkeys(texts, str), low_memory=False)
    except ImportError:
        raise
    except Exception as error:  # parsers, decoders and decompressors have errors of their own
        raise ValueError(f"{option}: {path} could not be read as a {kind} file: {error}") from error
    if not len(frame):
        raise ValueError(f"{option}: {path} has no rows")
    return frame


def read_table(
    path: Path, target: str, option: str, *, texts: Iterable[str] = ()
) -> tuple[Any, Any]:
    """Read the features as a DataFrame, and the target as a Series; see `read_frame`."""
    frame = read_frame(path, option, texts=texts)
    if target not in frame.columns:
        raise ValueError(
            f"--target: {path} has no column {target!r}; it has {list(map(str, frame.columns))}"
        )
    missing = int(frame[target].isna().sum())
    if missing:
        raise ValueError(
            f"--target: {missing} rows of {path} have no {target!r} (an empty cell, NA, None and "
            "the like); fill them in or leave them out"
        )
    return frame.drop(columns=target), frame[target]


def text_columns(frame: Any) -> list[str]:
    """Name the columns that hold strings."""
    from pandas.api.types import infer_dtype

    return [name for name in frame.columns if infer_dtype(frame[name], skipna=True) == "string"]


def as_teacher_saw_it(frame: Any, teacher: Any, names: list[str] | None) -> Any:
    """Give the teacher's columns, in its order; strings as categories where it needs that."""
    if isinstance(teacher, OnnxTeacher):
        names = names or teacher.input_columns or None
    if names is not None and set(names) <= set(frame.columns):
        frame = frame[names]
    if comes_from(teacher, "lightgbm", "xgboost"):
        texts = [c for c in frame.columns if frame[c].dtype.kind not in "biufc"]
        booster = getattr(teacher, "booster_", teacher)
        if texts and not getattr(booster, "pandas_categorical", True):
            raise ValueError(
                f"--data: the columns {texts} hold text, but the teacher was not trained on "
                "categories, or its file lost them; give the numbers that it was trained on"
            )
        frame = frame.astype(dict.fromkeys(texts, "category"))
    return frame


def as_train_has_it(frame: Any, train: Any, path: Path) -> Any:
    """Give a second table the columns of the first; categories that it lacks become missing."""
    missing = [name for name in train.columns if name not in frame.columns]
    if missing:
        raise ValueError(f"--test: {path} lacks the columns {missing} of --data")
    frame = frame[list(train.columns)].copy()
    for name, dtype in train.dtypes.items():
        if str(dtype) == "category":
            known = frame[name].isin(dtype.categories)
            frame[name] = frame[name].where(known).astype(dtype)
    return frame


def check_folder(folder: Path) -> None:
    """Check that files can be written to a folder or that it can be made, but make nothing."""
    existing = folder.absolute()
    while not existing.exists():
        existing = existing.parent
    if not existing.is_dir():
        raise NotADirectoryError(f"--out: {str(existing)!r} is no folder")
    if not os.access(existing, os.W_OK | os.X_OK):
        raise PermissionError(f"--out: no permission to write to {str(existing)!r}")
