"""Read teachers and tables, write students; nothing is half written, no pickle goes unasked."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import joblib

from skdistill._optional import comes_from, import_optional

WHY_TRUST = (
    "is a pickle, and loading a pickle can run any code that its author put into it. If you know "
    "where the file comes from, say so with --trust. LightGBM (.txt) and XGBoost (.json, .ubj) "
    "model files are loaded without it."
)


def load_teacher(path: Path, *, trust: bool) -> Any:
    """Load a model from a joblib or pickle file, or from a LightGBM or XGBoost model file.

    Raises
    ------
    ValueError
        If a pickle is not trusted, or the file holds no model.
    """
    if not path.is_file():
        raise FileNotFoundError(f"--teacher: there is no file {str(path)!r}")
    if path.suffix == ".txt":
        lightgbm = import_optional("lightgbm", extra="boosting", purpose=f"Reading {path.name}")
        try:
            return lightgbm.Booster(model_file=str(path))
        except lightgbm.basic.LightGBMError as error:
            raise ValueError(f"--teacher: {path} is no LightGBM model: {error}") from error
    if path.suffix in (".json", ".ubj"):
        xgboost = import_optional("xgboost", extra="boosting", purpose=f"Reading {path.name}")
        try:
            return xgboost.Booster(model_file=str(path))
        except xgboost.core.XGBoostError as error:
            raise ValueError(f"--teacher: {path} is no XGBoost model: {error}") from error
    if not trust:
        raise ValueError(f"--teacher: {path} {WHY_TRUST}")
    try:
        return joblib.load(path)
    except ImportError as error:
        raise ImportError(f"--teacher: {path} needs a package to load: {error}") from error
    except Exception as error:  # unpickling can fail in any way
        raise ValueError(f"--teacher: {path} could not be loaded: {error}") from error


def read_table(path: Path, target: str, option: str) -> tuple[Any, Any]:
    """Read a CSV file; return the features as a DataFrame, and the target column."""
    pandas = import_optional("pandas", extra="cli", purpose="Reading a CSV file")
    if not path.is_file():
        raise FileNotFoundError(f"{option}: there is no file {str(path)!r}")
    frame = pandas.read_csv(path)
    if target not in frame.columns:
        raise ValueError(
            f"--target: {path} has no column {target!r}; it has {list(map(str, frame.columns))}"
        )
    missing = int(frame[target].isna().sum())
    if missing:
        raise ValueError(
            f"--target: {missing} rows of {path} have no {target!r}; fill them in or leave them out"
        )
    return frame.drop(columns=target), frame[target].to_numpy()


def as_teacher_saw_it(frame: Any, teacher: Any, names: list[str] | None) -> Any:
    """Give the teacher's columns, in its order; strings as categories where it needs that."""
    if names is not None and set(names) <= set(frame.columns):
        frame = frame[names]
    if comes_from(teacher, "lightgbm", "xgboost"):
        texts = [c for c in frame.columns if frame[c].dtype.kind not in "biufc"]
        frame = frame.astype(dict.fromkeys(texts, "category"))
    return frame


def as_train_has_it(frame: Any, train: Any, path: Path) -> Any:
    """Give a second table the columns of the first, with the same categories."""
    missing = [name for name in train.columns if name not in frame.columns]
    if missing:
        raise ValueError(f"--test: {path} lacks the columns {missing} of --data")
    categories = {c: d for c, d in train.dtypes.items() if str(d) == "category"}
    return frame[list(train.columns)].astype(categories)


def write_whole(path: Path, write: Callable[[Path], Any]) -> None:
    """Write a file under another name and rename it once it is complete."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    os.close(handle)
    try:
        write(Path(name))
        os.replace(name, path)
    except BaseException:
        os.unlink(name)
        raise
