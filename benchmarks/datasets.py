"""Data sets for the benchmark: scikit-learn's own, a folder's, OpenML's; and their splits."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import sklearn.datasets
from sklearn.model_selection import train_test_split

BUNDLED = {
    "sklearn:breast_cancer": "classification",
    "sklearn:wine": "classification",
    "sklearn:digits": "classification",
    "sklearn:diabetes": "regression",
}

# Tasks of a folder's manifest that suites of tables can use; text and ranking are left out.
_TASKS = {"binary": "classification", "multiclass": "classification", "regression": "regression"}

# Columns that are known only after what is to be predicted.
_LEAKING = {"bank_marketing": ["duration"]}

# Rows of rarer classes are dropped: cross-validation could not show each fold every class.
MIN_ROWS_OF_CLASS = 10

# A capped training part keeps up to this many rows of each class, for the same reason.
MIN_TRAIN_ROWS_OF_CLASS = 8

TEST_SHARE = 0.3


@dataclass(frozen=True)
class Dataset:
    """A table and its target.

    Attributes
    ----------
    name : str
        What `load` was given.
    task : {"classification", "regression"}
        The kind of target.
    X : DataFrame of shape (n_samples, n_features)
        As it came: numbers, text for categories, NaN where missing.
    y : ndarray of shape (n_samples,)
        Labels as str objects, or float64 values.
    hash : str
        Twelve hexadecimal digits of the SHA-256 of the content.
    note : str
        What was left out, and known weaknesses of the set.
    """

    name: str
    task: str
    X: pd.DataFrame
    y: np.ndarray
    hash: str
    note: str = ""


@dataclass(frozen=True)
class Split:
    """Training and test part of a data set.

    ``X_unlabeled`` are the rows of the training part beyond its cap, whose labels nobody gets.
    """

    X_train: pd.DataFrame
    y_train: np.ndarray
    X_test: pd.DataFrame
    y_test: np.ndarray
    X_unlabeled: pd.DataFrame


def list_available(folder: Path | str | None = None) -> dict[str, str]:
    """List what `load` can read without a network.

    Parameters
    ----------
    folder : path or None
        A folder with a ``manifest.json``; None for scikit-learn's own sets only.

    Returns
    -------
    tasks : dict of str to str
        Task by name: the bundled sets, then the folder's tables in the order of its manifest.

    Raises
    ------
    FileNotFoundError
        If the folder has no manifest.
    """
    tasks = dict(BUNDLED)
    if folder is not None:
        for entry in _read_manifest(folder):
            if entry["task"] in _TASKS:
                tasks[entry["name"]] = _TASKS[entry["task"]]
    return tasks


def load(name: str, folder: Path | str | None = None) -> Dataset:
    """Load a data set.

    Parameters
    ----------
    name : str
        ``"sklearn:..."`` (see `BUNDLED`), ``"openml:..."`` with the name of a set at OpenML
        (needs a network), or the name of a set in the folder's manifest.
    folder : path or None
        The folder with ``manifest.json`` and one ``NAME.csv.gz`` for each set.

    Returns
    -------
    dataset : Dataset
        Without rows that have no target and rows of classes with fewer than ten rows.

    Raises
    ------
    ValueError
        If there is no such set, or one at OpenML has no single target.
    ConnectionError
        If OpenML cannot be reached.

    Examples
    --------
    >>> from benchmarks.datasets import load
    >>> load("sklearn:wine").X.shape
    (178, 13)
    """
    if name.startswith("openml:"):
        X, y, task, note = _read_openml(name.removeprefix("openml:"))
    elif name in BUNDLED:
        X, y, task, note = _read_bundled(name)
    else:
        X, y, task, note = _read_from_folder(name, folder)
    known = y.notna().to_numpy()
    if task == "classification":
        labels = y.astype(str)
        counts = labels[known].value_counts()
        known = known & (labels.map(counts).fillna(0).to_numpy() >= MIN_ROWS_OF_CLASS)
        target = labels.to_numpy(dtype=object)
    else:
        target = y.to_numpy(dtype=np.float64)
    if not known.all():
        left_out = f"{int((~known).sum())} rows without target or of rare classes left out"
        note = "; ".join(part for part in (note, left_out) if part)
    X, target = X.loc[known].reset_index(drop=True), target[known]
    return Dataset(name, task, X, target, _hash(X, target), note)


def split(dataset: Dataset, seed: int, max_train: int, max_test: int) -> Split:
    """Shuffle, hold out 30 percent for testing, and cap both parts.

    The larger cap's rows contain the smaller cap's, so that runs of several sizes compare.

    Parameters
    ----------
    dataset : Dataset
        The whole set.
    seed : int
        Another seed is another split.
    max_train, max_test : int
        Most rows of each part. Classes keep their shares in both the split and the cap, except
        that the training part keeps up to eight rows of each class.

    Returns
    -------
    parts : Split

    Examples
    --------
    >>> from benchmarks.datasets import load, split
    >>> parts = split(load("sklearn:wine"), seed=0, max_train=100, max_test=1000)
    >>> len(parts.y_train), len(parts.y_test)
    (100, 54)
    """
    strata = dataset.y if dataset.task == "classification" else None
    train, test = train_test_split(
        np.arange(len(dataset.y)), test_size=TEST_SHARE, stratify=strata, random_state=seed
    )
    whole = train
    train = _cap(whole, strata, max_train, at_least=MIN_TRAIN_ROWS_OF_CLASS)
    rest = whole[~np.isin(whole, train)]
    test = _cap(test, strata, max_test, at_least=0)
    X, y = dataset.X, dataset.y
    return Split(
        X.iloc[train].reset_index(drop=True),
        y[train],
        X.iloc[test].reset_index(drop=True),
        y[test],
        X.iloc[rest].reset_index(drop=True),
    )


def _cap(rows: np.ndarray, strata: np.ndarray | None, most: int, *, at_least: int) -> np.ndarray:
    """Keep the first of the shuffled rows, the same share of each stratum."""
    if strata is None or len(rows) <= most:
        return rows[:most]
    groups = pd.Series(strata[rows]).groupby(strata[rows])
    rank = groups.cumcount().to_numpy()
    # Sorted by how far down its own class a row stands, any first part holds equal shares.
    place = (rank + 0.5) / groups.transform("size").to_numpy()
    kept = np.argsort(np.where(rank < at_least, -1.0, place), kind="stable")[:most]
    return rows[np.sort(kept)]


def _read_manifest(folder: Path | str) -> list[dict[str, Any]]:
    """Read the descriptions of a folder's sets."""
    path = Path(folder) / "manifest.json"
    if not path.is_file():
        raise FileNotFoundError(
            f"the data folder {str(folder)!r} has no manifest.json; name another one with --data "
            "or SKDISTILL_DATA, or none to use the sets that scikit-learn carries."
        )
    entries: list[dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))
    return entries


def _read_from_folder(
    name: str, folder: Path | str | None
) -> tuple[pd.DataFrame, pd.Series, str, str]:
    """Read ``NAME.csv.gz``; empty cells are missing, "NA" and "None" are values."""
    entries = {} if folder is None else {entry["name"]: entry for entry in _read_manifest(folder)}
    if folder is None or name not in entries or entries[name]["task"] not in _TASKS:
        raise ValueError(
            f"name={name!r} is no table that is available here; there are "
            f"{list(list_available(folder))}, and 'openml:NAME' for sets at OpenML."
        )
    entry = entries[name]
    frame = pd.read_csv(Path(folder) / entry["file"], keep_default_na=False, na_values=[""])
    dropped = [column for column in _LEAKING.get(name, []) if column in frame]
    notes = [entry.get("notes", ""), *(f"{column} dropped" for column in dropped)]
    X = frame.drop(columns=["target", *dropped])
    return X, frame["target"], _TASKS[entry["task"]], "; ".join(note for note in notes if note)


def _read_bundled(name: str) -> tuple[pd.DataFrame, pd.Series, str, str]:
    """Read a set that scikit-learn carries."""
    reader = getattr(sklearn.datasets, f"load_{name.removeprefix('sklearn:')}")
    bunch = reader(as_frame=True)
    target = bunch.target
    if BUNDLED[name] == "classification":
        target = target.map(dict(enumerate(map(str, bunch.target_names))))
    return bunch.data, target, BUNDLED[name], ""


def _read_openml(name: str) -> tuple[pd.DataFrame, pd.Series, str, str]:
    """Fetch a set from OpenML by name (the oldest active version), or from its local cache."""
    try:
        bunch = sklearn.datasets.fetch_openml(name=name, version=1, as_frame=True)
    except (OSError, ValueError) as error:
        raise ConnectionError(
            f"the set {name!r} could not be fetched from OpenML ({error}); check its name and the "
            "network, or use the sets of list_available(), which need none."
        ) from error
    target = bunch.target
    if not isinstance(target, pd.Series):
        raise ValueError(f"the set {name!r} at OpenML must have one target column to predict.")
    X = bunch.data.copy()
    for column in X.columns:
        if isinstance(X[column].dtype, pd.CategoricalDtype):
            X[column] = X[column].astype(object)
    task = "regression" if pd.api.types.is_numeric_dtype(target) else "classification"
    return X, target.astype(float if task == "regression" else object), task, "OpenML version 1"


def _hash(X: pd.DataFrame, y: np.ndarray) -> str:
    """Hash names and values, whatever pandas calls their dtypes."""
    digest = hashlib.sha256()
    for name, column in [*X.items(), ("target", pd.Series(y))]:
        digest.update(str(name).encode() + b"\x1e")
        if pd.api.types.is_numeric_dtype(column):
            digest.update(np.ascontiguousarray(column.to_numpy(dtype=np.float64)).tobytes())
        else:
            values = column.astype(object).where(column.notna(), "\x00")
            digest.update("\x1f".join(map(str, values)).encode())
    return digest.hexdigest()[:12]
