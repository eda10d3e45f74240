"""Is it spam? Two models over all n-grams become a hashed linear one, by unlabelled messages.

For whom: a team that filters messages with a heavy model over a large vocabulary, has few labelled
messages and many others, and wants a filter that keeps no vocabulary.

What happens: the teacher, a forest and a logistic regression on TF-IDF of letters and words, is
fitted to a quarter of the messages. The student hashes the words of a text into a sparse row of
4096 columns and is a logistic regression on them. It learns from the labelled messages, and from
the teacher's answers to the others. Texts go in as they are: each model has its own vectoriser.

What to expect: a filter whose size does not grow with the words to come. A linear student gains
little from softer labels of the same texts, as the line "labelled only" shows; what it gains over
the direct fit, it gains by the further texts, and only where the teacher is the better model.

Run it with ``python text_spam.py [FOLDER]``, where FOLDER holds ``sms_spam.csv.gz``; without one
the messages come from the UCI repository.
"""

from __future__ import annotations

import csv
import io
import os
import pickle
import sys
import zipfile
from pathlib import Path
from urllib.request import urlopen

import numpy as np
import pandas as pd
from sklearn.base import clone
from sklearn.ensemble import RandomForestClassifier, VotingClassifier
from sklearn.feature_extraction.text import HashingVectorizer, TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss, roc_auc_score
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline, make_union

from skdistill import DistilledClassifier
from skdistill.students import LinearStudentClassifier

UCI = "https://archive.ics.uci.edu/static/public/228/sms+spam+collection.zip"


def load_rows(folder: Path | None) -> tuple[list[str], np.ndarray]:
    """Return the messages, each once, and whether each is "ham" or "spam"."""
    if folder is None:
        with urlopen(UCI) as answer:
            archive = zipfile.ZipFile(io.BytesIO(answer.read()))
        with archive.open("SMSSpamCollection") as file:
            names = ["target", "text"]
            rows = pd.read_csv(file, sep="\t", names=names, quoting=csv.QUOTE_NONE)
    else:
        path = folder / "sms_spam.csv.gz"
        rows = pd.read_csv(path, keep_default_na=False, na_values=[""])
    rows = rows.drop_duplicates("text")  # a message in training and test would flatter all models
    return rows["text"].tolist(), rows["target"].to_numpy(dtype=str)


def make_teacher(n_trees: int) -> object:
    """Return the heavy model: two classifiers over all n-grams of letters and of words."""
    grams = make_union(
        TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 5), sublinear_tf=True),
        TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True),
    )
    forest = RandomForestClassifier(n_trees, random_state=0)
    linear = LogisticRegression(C=100.0, max_iter=1000)
    vote = VotingClassifier([("forest", forest), ("linear", linear)], voting="soft")
    return make_pipeline(grams, vote)


def make_student(n_columns: int) -> object:
    """Return a hashing vectoriser and the linear student; sparse between the two."""
    hashing = HashingVectorizer(n_features=n_columns, ngram_range=(1, 2), alternate_sign=False)
    return make_pipeline(hashing, LinearStudentClassifier())


def main(
    folder: Path | None = None, *, n_trees: int = 200, n_columns: int = 4096
) -> dict[str, dict[str, float]]:
    """Fit teacher, distilled and direct student; return their scores on test messages."""
    texts, y = load_rows(folder)
    texts, texts_test, y, y_test = train_test_split(
        texts, y, test_size=0.3, stratify=y, random_state=0
    )
    labelled, others, y_labelled, _ = train_test_split(
        texts, y, train_size=0.25, stratify=y, random_state=0
    )
    teacher = make_teacher(n_trees).fit(labelled, y_labelled)

    direct = make_student(n_columns).fit(labelled, y_labelled)
    distilled = DistilledClassifier(
        teacher, student=make_student(n_columns), search_budget=0, random_state=0
    )
    labels_only = clone(distilled).fit(labelled, y_labelled)  # clone keeps the fitted teacher
    distilled.fit(labelled, y_labelled, X_unlabeled=others)

    record = distilled.distillation_
    print(f"{record.n_real} labelled and {record.n_unlabeled} unlabelled messages")
    scores = {}
    models = {"teacher": teacher, "direct": direct}
    models |= {"labelled only": labels_only, "distilled": distilled}
    for name, model in models.items():
        P = model.predict_proba(texts_test)
        scores[name] = {
            "log_loss": float(log_loss(y_test, P, labels=["ham", "spam"])),
            "roc_auc": float(roc_auc_score(y_test == "spam", P[:, 1])),
            "bytes": len(pickle.dumps(getattr(model, "student_", model))),
        }
        print(f"{name:14s} " + "  ".join(f"{key} {v:.6g}" for key, v in scores[name].items()))
    return scores


if __name__ == "__main__":
    given = sys.argv[1] if len(sys.argv) > 1 else os.environ.get("SKDISTILL_DATA")
    main(Path(given) if given else None)
