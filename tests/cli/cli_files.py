"""Small CSV files with text and missing values, teachers fitted to them, and the command."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import make_column_transformer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from skdistill.cli import main

NUMBERS, TEXTS = ["amount", "age"], ["city", "plan"]


def make_frame(n_rows: int, seed: int = 0) -> pd.DataFrame:
    """Two numbers and two texts with holes, and targets for three tasks."""
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "amount": rng.normal(50, 20, n_rows).round(2),
            "age": rng.integers(18, 80, n_rows),
            "city": rng.choice(["Köln", "Paris", "Rome"], n_rows),
            "plan": rng.choice(["free", "paid"], n_rows),
        }
    )
    signal = (
        (frame["amount"] - 50) / 20
        + (frame["city"] == "Rome")
        - (frame["plan"] == "free")
        + rng.normal(0, 0.5, n_rows)
    )
    frame["binary"] = np.where(signal > 0, "yes", "no")
    frame["three"] = np.digitize(signal, [-1, 1]) * 10
    frame["value"] = signal.round(3)
    frame.loc[::9, "amount"] = np.nan
    frame.loc[::11, "city"] = None
    return frame


def make_teacher(frame: pd.DataFrame, target: str) -> Any:
    """Fit a Pipeline to the raw columns."""
    model = Ridge() if target == "value" else LogisticRegression()
    numbers = make_pipeline(SimpleImputer(), StandardScaler())
    texts = OneHotEncoder(handle_unknown="ignore")
    steps = make_column_transformer((numbers, NUMBERS), (texts, TEXTS))
    return make_pipeline(steps, model).fit(frame[NUMBERS + TEXTS], frame[target])


@dataclass
class Files:
    """A folder with train.csv, test.csv and teacher.joblib for one target."""

    folder: Path
    frame: pd.DataFrame
    teacher: Any
    target: str

    @property
    def train(self) -> Path:
        return self.folder / "train.csv"

    @property
    def test(self) -> Path:
        return self.folder / "test.csv"

    @property
    def out(self) -> Path:
        return self.folder / "out"

    def distill(self, *options: Any, teacher: str = "teacher.joblib", trust: bool = True) -> int:
        """Run ``skdistill distill``; options given here win, as the last ones do."""
        return self.search("--setting", "search_budget=0", *options, teacher=teacher, trust=trust)

    def search(self, *options: Any, teacher: str = "teacher.joblib", trust: bool = True) -> int:
        """Run ``skdistill distill`` without a setting, as a search wants it."""
        arguments = ["--teacher", self.folder / teacher, "--data", self.train, "--out", self.out]
        arguments += ["--target", self.target, *(["--trust"] if trust else []), *options]
        return main(["distill", *map(str, arguments)])

    def summary(self) -> dict[str, Any]:
        """Read summary.json strictly: NaN and Infinity are not JSON."""
        text = (self.out / "summary.json").read_text(encoding="utf-8")
        return json.loads(text, parse_constant=lambda token: pytest.fail(f"{token} in JSON"))
