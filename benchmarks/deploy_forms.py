"""Models in the forms that stay in Python, ready to be measured.

A form gets its rows as the service that uses it has them, prepared beforehand: an array or frame
for estimators, a list for the Python module. What it does with them itself is in its time: an
estimator checks its rows and encodes categories, the Python module checks numbers and looks
categories up.
"""

from __future__ import annotations

import pickle
import runpy
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

from benchmarks.deploy_models import Models
from benchmarks.processes import Start
from benchmarks.tasks import Row, SkippedError
from benchmarks.timing import Calls
from skdistill import export
from skdistill._compat import take_rows

__all__ = ["N_SINGLES", "Ready", "ready_compiled", "ready_estimator", "ready_python"]

# Rows that single calls take in turn: more than a processor learns the branches of by heart.
N_SINGLES = 400


@dataclass(frozen=True)
class Ready:
    """A model in one form.

    Attributes
    ----------
    single, batch : Calls
        For one row, and for the 10,000 rows of a batch at once.
    predict : callable
        Returns the probabilities of the test rows.
    n_bytes : int
        On disk.
    start : Start
        The program that loads it and predicts one row.
    bare : Calls or None
        An empty function, called in the same way.
    details : dict
        More fields of the result row.
    """

    single: Calls
    batch: Calls
    predict: Callable[[], np.ndarray]
    n_bytes: int
    start: Start
    bare: Calls | None = None
    details: Row = field(default_factory=dict)


def ready_estimator(model: Any, models: Models, folder: Path) -> Ready:
    """Make the estimator ready: pickled as it is."""
    return _called(model, model.predict_proba, models, folder)


def ready_compiled(model: Any, models: Models, folder: Path) -> Ready:
    """Make the in-process scorer ready: the estimator's checks, and C for the rest."""
    scorer = export.compile(model)
    if not scorer.is_compiled_:
        raise SkippedError("the scorer is not compiled: there is no C compiler")
    return _called(scorer, scorer.predict_proba, models, folder)


_UNPICKLE = """
import pickle, sys
with open(sys.argv[1], "rb") as file:
    model, row = pickle.load(file)
model.predict_proba(row)
"""


def _called(model: Any, predict: Callable[[Any], Any], models: Models, folder: Path) -> Ready:
    rows = [take_rows(models.X_batch, np.array([i])) for i in range(N_SINGLES)]
    path = folder / "model.pickle"
    path.write_bytes(pickle.dumps((model, rows[0]), protocol=5))
    return Ready(
        single=Calls(predict, [(row,) for row in rows]),
        batch=Calls(predict, [(models.X_batch,)]),
        predict=lambda: np.asarray(predict(models.X_test)),
        n_bytes=len(pickle.dumps(model, protocol=5)),
        start=Start(_UNPICKLE, (str(path),)),
    )


_IMPORT = """
import sys
sys.path.insert(0, {folder!r})
import student
student.predict_proba({row!r})
"""


def ready_python(model: Any, models: Models, folder: Path) -> Ready:
    """Make the Python module ready; of the starts all but the first find it compiled."""
    path = export.to_python(model, folder / "student.py", X=models.X_test)
    module = SimpleNamespace(**runpy.run_path(str(path)))
    test, rows = _plain_rows(models.X_test), _plain_rows(models.X_batch)
    return Ready(
        single=Calls(module.predict_proba, [(row,) for row in rows[:N_SINGLES]]),
        batch=Calls(module.predict_proba_batch, [(rows,)]),
        predict=lambda: np.array(module.predict_proba_batch(test)),
        n_bytes=path.stat().st_size,
        start=Start(_IMPORT.format(folder=str(folder), row=test[0]), plain=True),
    )


def _plain_rows(X: Any) -> list[list[Any]]:
    """Return rows as lists of numbers and strings, None where missing."""
    if isinstance(X, np.ndarray):
        return X.tolist()
    X = X.astype(object)
    return X.where(X.notna(), None).to_numpy().tolist()
