"""The report: what it holds, and its forms as text, dictionary and page."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from skdistill._intervals import parse_tolerance
from skdistill._output import check_path, write_files
from skdistill._scorers import make_metric
from skdistill.plotting._calibration import reliability
from skdistill.report._augmented import measure_plausibility
from skdistill.report._disagreement import (
    bound_disagreement,
    confusion,
    measure_fidelity,
    regions,
    worst_rows,
)
from skdistill.report._evidence import Evidence, collect
from skdistill.report._groups import compare_groups
from skdistill.report._html import write_page
from skdistill.report._measures import compare_measures
from skdistill.report._model import describe_choice, describe_cost, describe_student
from skdistill.report._text import write_text
from skdistill.report._verdict import decide

N_BINS = 10

TOLERANCE = "5%"


class DistillationReport:
    """Evidence on whether a student may take its teacher's place, verdict first.

    Make it by `from_estimator`; ``print(report)`` shows it in a terminal, `to_dict` is for
    programs, and `to_html` for readers.

    Parameters
    ----------
    content : dict
        What the report holds; see `to_dict`.
    evidence : Evidence
        The test rows and all answers, for the figures.
    student : estimator
        The student, for its drawing.

    Attributes
    ----------
    verdict : str
        "ship", "keep the teacher" or "distillation not worth it".

    Notes
    -----
    "ship" is said where the upper bound of the student's shortfall, with 95 % confidence by a
    paired bootstrap over the test rows, is within the tolerance, and the direct fit is not as
    good. The bound of the disagreement on fresh rows is exact [1]_ for rows that come about as
    they do.

    References
    ----------
    .. [1] Clopper, C. J., Pearson, E. S. (1934). The Use of Confidence or Fiducial Limits
       Illustrated in the Case of the Binomial. Biometrika 26.

    Examples
    --------
    >>> from sklearn.datasets import load_breast_cancer
    >>> from sklearn.ensemble import RandomForestClassifier
    >>> from sklearn.model_selection import train_test_split
    >>> from skdistill import DistillationReport, DistilledClassifier
    >>> X, y = load_breast_cancer(return_X_y=True)
    >>> X, X_test, y, y_test = train_test_split(X, y, random_state=0)
    >>> teacher = RandomForestClassifier(n_estimators=50, random_state=0).fit(X, y)
    >>> student = DistilledClassifier(teacher, random_state=0, search_budget=0).fit(X, y)
    >>> report = DistillationReport.from_estimator(student, X_test, y_test, metric="roc_auc")
    >>> report.verdict in ("ship", "keep the teacher", "distillation not worth it")
    True
    >>> sorted(report.to_dict())[:4]
    ['calibration', 'choice', 'classes', 'confusion']
    """

    def __init__(self, content: dict[str, Any], evidence: Evidence, student: Any) -> None:
        self._content = content
        self._evidence = evidence
        self._student = student

    @property
    def verdict(self) -> str:
        """What to do."""
        return str(self._content["verdict"]["decision"])

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X_test: Any,
        y_test: Any,
        *,
        groups: Any = None,
        direct: Any = None,
        metric: str | None = None,
        tolerance: float | str | None = None,
        sample_weight: Any = None,
        random_state: Any = 0,
    ) -> DistillationReport:
        """Measure a distilled estimator and its teacher on test rows.

        Parameters
        ----------
        estimator : DistilledClassifier, DistilledRegressor or CompactSearch
            A fitted one, which has its teacher.
        X_test : array-like or DataFrame of shape (n_samples, n_features)
            Rows that neither teacher nor student has seen.
        y_test : array-like of shape (n_samples,)
            Their true labels or values.
        groups : str, list of str, or array-like of shape (n_samples,), default=None
            Names of columns of `X_test` (a column of many numbers is cut at its quartiles), or
            one group for each row: the quality of both models is compared for each of them.
        direct : estimator, default=None
            The same student fitted to the true labels alone. The verdict says whether it does as
            well.
        metric : str, default=None
            What the verdict is by: "auto" (log loss, or RMSE) or a name of
            :func:`sklearn.metrics.get_scorer_names`. None is that of a `CompactSearch`, and "auto"
            otherwise.
        tolerance : float or str, default=None
            How far below the teacher the student may be: a number in units of the metric, or a
            share of the teacher's score such as "2%". None is that of a `CompactSearch`, where it
            has one, and "5%" otherwise.
        sample_weight : array-like of shape (n_samples,), default=None
            Non-negative weights of the test rows.
        random_state : int, RandomState instance or None, default=0
            Seeds bootstrap and fresh rows: the same rows give the same report, but for times.

        Returns
        -------
        report : DistillationReport

        Raises
        ------
        ValueError
            If rows, labels, groups or metric do not fit each other or the estimator, or it has no
            teacher.
        TypeError
            If `estimator` is no distilled estimator.
        """
        if not (hasattr(estimator, "get_params") and "teacher" in estimator.get_params(deep=False)):
            raise TypeError(
                "estimator must be a DistilledClassifier, DistilledRegressor or CompactSearch, got "
                f"{type(estimator).__name__}."
            )
        check_is_fitted(estimator)
        classes = getattr(estimator, "classes_", None)
        if metric is None:
            metric = getattr(estimator, "metric_", "auto")
        scorer = make_metric(metric, classes)
        if tolerance is None:
            tolerance = getattr(estimator, "tolerance", None)
        limits = parse_tolerance(TOLERANCE if tolerance is None else tolerance)
        rng = check_random_state(random_state)
        seed = int(rng.randint(np.iinfo(np.int32).max))
        evidence = collect(estimator, X_test, y_test, direct, sample_weight)
        used_teacher = bool(estimator.distillation_.used_teacher)
        content = {
            "task": "regression" if classes is None else "classification",
            "n_test": len(evidence.y),
            "classes": evidence.class_names,
            "verdict": decide(evidence, scorer, limits, used_teacher, seed),
            "measures": compare_measures(evidence, rng),
            "fidelity": measure_fidelity(evidence),
            "disagreement": bound_disagreement(estimator, evidence, seed),
            "calibration": _calibration(evidence),
            "confusion": confusion(evidence),
            "worst_rows": worst_rows(evidence),
            "regions": regions(evidence),
            "groups": compare_groups(evidence, groups, scorer, seed),
            "choice": describe_choice(estimator)
            | {"plausibility": measure_plausibility(estimator, evidence.X, seed)},
            "cost": describe_cost(estimator, evidence),
            "student": describe_student(estimator.student_),
        }
        return cls(plain(content), evidence, estimator.student_)

    def to_dict(self) -> dict[str, Any]:
        """Return all figures.

        Returns
        -------
        content : dict
            As ``json.dumps`` takes it, with the keys "verdict", "measures", "fidelity",
            "disagreement", "calibration", "confusion" (the teacher's class by rows), "worst_rows",
            "regions", "groups", "choice", "cost", "student", "task", "classes" and "n_test".
            What is not defined is None.
        """
        return plain(self._content)

    def to_html(self, path: str | os.PathLike[str] | None = None) -> str:
        """Write a page of one file, without scripts, that needs no network.

        Parameters
        ----------
        path : str or path-like, default=None
            Where to write it; the file appears whole or not at all. None only returns it.

        Returns
        -------
        html : str

        Raises
        ------
        ImportError
            If matplotlib or jinja2 is not installed (the extra "report").
        FileNotFoundError
            If there is no such folder.
        """
        target = None if path is None else check_path(path)
        html = write_page(self._content, self._evidence, self._student)
        if target is not None:
            write_files({target: html.encode("utf-8")})
        return html

    def __str__(self) -> str:
        return write_text(self._content)

    def __repr__(self) -> str:
        return f"DistillationReport(verdict={self.verdict!r}, n_test={self._content['n_test']})"


def _calibration(evidence: Evidence) -> dict[str, dict[str, list[float]]] | None:
    """Compute the reliability curve of each model."""
    if evidence.classes is None:
        return None
    curves = {}
    for name, proba in evidence.answers.items():
        predicted, observed = reliability(evidence.y, proba, evidence.classes, N_BINS)
        curves[name] = {"predicted": predicted.tolist(), "observed": observed.tolist()}
    return curves


def plain(value: Any) -> Any:
    """Copy as what JSON holds: numbers that are none become None, other objects text."""
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | np.ndarray):
        return [plain(item) for item in value]
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float):
        return value if np.isfinite(value) else None
    if value is None or isinstance(value, bool | int | str):
        return value
    return str(value)
