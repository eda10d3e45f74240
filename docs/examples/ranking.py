"""Search results in order: a LambdaRank model becomes a few trees that keep its NDCG.

For whom: a team that ranks documents or offers with a large LightGBM ranker, and pays for every
candidate of every query.

What happens: the teacher is trained on graded relevance, query by query. Its *score* is what
orders the results, so that the student is a regressor on that score. The scores of the training
rows come from rankers that did not see their query. Relevance itself is not mixed in: it is on
another scale. What counts is the order: NDCG of each test query, averaged.

What to expect: a student of 155 leaves at most that keeps most of what the teacher has over any
order. The same trees fitted to relevance itself stand beside it. Differences have their standard
error over the test queries: of few queries, small ones say nothing.

Run it with ``python ranking.py [FOLDER]``, where FOLDER holds ``lightgbm_lambdarank.csv.gz``;
without one the rows come from LightGBM's repository. It needs the extra "boosting".
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from urllib.request import urlopen

import numpy as np
import pandas as pd
from lightgbm import LGBMRanker
from sklearn.datasets import load_svmlight_file
from sklearn.frozen import FrozenEstimator
from sklearn.metrics import ndcg_score
from sklearn.model_selection import GroupKFold

from skdistill import DistilledRegressor
from skdistill.students import BoostingStudentRegressor

LIGHTGBM = "https://raw.githubusercontent.com/microsoft/LightGBM/master/examples/lambdarank/rank."
Rows = tuple[np.ndarray, np.ndarray, np.ndarray]


def load_rows(folder: Path | None) -> dict[str, Rows]:
    """Return X, relevance and query of each row, for "train" and "test"."""
    parts = {}
    if folder is not None:
        rows = pd.read_csv(folder / "lightgbm_lambdarank.csv.gz")
        for name, part in rows.groupby("split"):
            X = part.drop(columns=["split", "qid", "target"])
            parts[name] = X.to_numpy(), part["target"].to_numpy(), part["qid"].to_numpy()
        return parts
    for name in ("train", "test"):
        with urlopen(LIGHTGBM + name) as rows, urlopen(f"{LIGHTGBM}{name}.query") as sizes:  # noqa: S310
            X, relevance = load_svmlight_file(rows, n_features=301, zero_based=True)
            counts = np.loadtxt(sizes, dtype=int)
        parts[name] = X.toarray(), relevance, np.repeat(np.arange(len(counts)), counts)
    return parts


def list_ndcg(relevance: np.ndarray, score: np.ndarray, query: np.ndarray) -> np.ndarray:
    """Return the NDCG at 10 of each query that has something to rank."""
    values = []
    for q in np.unique(query):
        rows = query == q
        if rows.sum() > 1 and relevance[rows].any():
            values.append(ndcg_score([relevance[rows]], [score[rows]], k=10))
    return np.array(values)


def fit_ranker(X: np.ndarray, relevance: np.ndarray, query: np.ndarray, n_trees: int) -> LGBMRanker:
    """Fit LambdaRank; the rows of a query must follow each other."""
    _, first, counts = np.unique(query, return_index=True, return_counts=True)
    ranker = LGBMRanker(
        n_estimators=n_trees, learning_rate=0.05, n_jobs=1, random_state=0, verbose=-1
    )
    return ranker.fit(X, relevance, group=counts[np.argsort(first)])


def main(folder: Path | None = None, *, n_trees: int = 100, leaves: int = 155) -> dict[str, float]:
    """Distil the ranker; return the NDCG at 10 of all models on the test queries."""
    parts = load_rows(folder)
    X, relevance, query = parts["train"]
    X_test, relevance_test, query_test = parts["test"]
    teacher = fit_ranker(X, relevance, query, n_trees)

    scores = np.empty(len(X))
    for train, held_out in GroupKFold(5).split(X, groups=query):  # a query is never split
        ranker = fit_ranker(X[train], relevance[train], query[train], n_trees)
        scores[held_out] = ranker.predict(X[held_out])

    # Frozen, since its fit takes queries; it is asked for `fidelity` alone. No rows are made up.
    student = BoostingStudentRegressor(max_total_leaves=leaves)
    distilled = DistilledRegressor(
        FrozenEstimator(teacher), student=student, augment=None, random_state=0
    ).fit(X, soft_targets=scores)
    direct = BoostingStudentRegressor(max_total_leaves=leaves, random_state=0).fit(X, relevance)

    models = {"teacher": teacher, "distilled": distilled, "direct": direct}
    answers = {name: model.predict(X_test) for name, model in models.items()}
    answers["any order"] = np.random.default_rng(0).random(len(X_test))
    lists = {name: list_ndcg(relevance_test, score, query_test) for name, score in answers.items()}
    ndcg = {name: float(values.mean()) for name, values in lists.items()}
    for name, value in ndcg.items():
        lost = lists["teacher"] - lists[name]  # query by query, since queries differ far more
        error = lost.std(ddof=1) / np.sqrt(len(lost))
        print(f"{name:10s} NDCG@10 {value:.4f}  below the teacher {lost.mean():.4f} +- {error:.4f}")
    kept = (ndcg["distilled"] - ndcg["any order"]) / (ndcg["teacher"] - ndcg["any order"])
    print(f"Kept of what the teacher has over any order: {kept:.0%} on {len(lost)} queries.")
    all_leaves = sum(tree["num_leaves"] for tree in teacher.booster_.dump_model()["tree_info"])
    print(f"{all_leaves} leaves became {distilled.student_.n_leaves_}, which explain")
    print(f"{distilled.fidelity(X_test)['r2']:.0%} of the variance of the teacher's scores.")
    return ndcg


if __name__ == "__main__":
    given = sys.argv[1] if len(sys.argv) > 1 else os.environ.get("SKDISTILL_DATA")
    main(Path(given) if given else None)
