"""Digits on a small device: a wide network becomes a narrow one in C.

For whom: who trained a neural net on small images or sensor readings, and must run it where there
is neither Python nor much memory.

What happens: scikit-learn's ``MLPClassifier`` with two wide layers is the teacher. The student is
a net with one layer of eight units, which learns the teacher's probabilities of real digits and of
digits made from them. It is exported as C99 in single precision; where there is a C compiler, the
export is compiled and compared with the student before it is written.

What to expect: a student of about a hundredth of the weights that follows its teacher closely. The
labels of these digits are clean, so that the direct fit is a strong rival: the table of the run
tells which of the two is right more often, and which is nearer to the teacher.

Run it with ``python digits_network.py``; the digits come with scikit-learn.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
from sklearn.datasets import load_digits
from sklearn.metrics import accuracy_score, log_loss
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler

from skdistill import DistilledClassifier, export
from skdistill.metrics import classification_fidelity
from skdistill.students import MLPStudentClassifier


def load_rows() -> tuple[np.ndarray, np.ndarray]:
    """Return images of 8 x 8 points and their digits; they come with scikit-learn."""
    return load_digits(return_X_y=True)


def main(
    *, teacher_layers: tuple[int, ...] = (256, 128), width: int = 8, max_iter: int | str = "auto"
) -> dict[str, dict[str, float]]:
    """Distil and export; return what was measured."""
    X, y = load_rows()
    X, X_test, y, y_test = train_test_split(X, y, test_size=0.4, stratify=y, random_state=0)
    net = MLPClassifier(teacher_layers, max_iter=500, tol=1e-3, random_state=0)
    teacher = make_pipeline(MinMaxScaler(), net).fit(X, y)

    student = MLPStudentClassifier(hidden_layer_sizes=(width,), max_iter=max_iter, random_state=0)
    distilled = DistilledClassifier(teacher, student=student, search_budget=0, random_state=0)
    distilled.fit(X, y)
    direct = MLPStudentClassifier(
        hidden_layer_sizes=(width,), max_iter=max_iter, random_state=0
    ).fit(X, y)

    P_teacher = teacher.predict_proba(X_test)
    n_weights = sum(part.size for part in [*net.coefs_, *net.intercepts_])
    sizes = {"teacher": n_weights, "distilled": distilled.student_.n_parameters_}
    sizes["direct"] = direct.n_parameters_
    measured = {}
    for name, model in {"teacher": teacher, "distilled": distilled, "direct": direct}.items():
        P = model.predict_proba(X_test)
        measured[name] = {
            "weights": sizes[name],
            "accuracy": float(accuracy_score(y_test, model.predict(X_test))),
            "log_loss": float(log_loss(y_test, P)),
            "kl_to_teacher": float(classification_fidelity(P_teacher, P)["kl"]),
        }
        print(f"{name:10s} " + "  ".join(f"{key} {v:.5g}" for key, v in measured[name].items()))

    with tempfile.TemporaryDirectory() as out:
        report = export.to_c(distilled, Path(out) / "digits.c", dtype="float32", X=X_test)
        source = (Path(out) / "digits.c").stat().st_size
    print(f"C: {report.table_bytes:,} bytes of tables in {source:,} bytes of source.")
    print(f"Same digit as the student on {report.same_labels:.2%} of the rows compared.")
    measured["c"] = {"table_bytes": report.table_bytes, "same_labels": report.same_labels}
    return measured


if __name__ == "__main__":
    main()
