"""The examples of the documentation run, and show what they say."""

from __future__ import annotations

import importlib
import io
import os
import runpy
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import dump_svmlight_file
from sklearn.utils import Bunch

EXAMPLES = Path(__file__).parent.parent / "docs" / "examples"
REAL = os.environ.get("SKDISTILL_DATA")
needs_real_files = pytest.mark.skipif(not REAL, reason="SKDISTILL_DATA names no folder of data")


@pytest.fixture(autouse=True)
def _find_examples(monkeypatch):
    monkeypatch.syspath_prepend(EXAMPLES)


def load(name):
    """Import an example; it starts only as a script."""
    return importlib.import_module(name)


def write_telco(folder, n_rows=240):
    """Write made-up customers in the columns of the real table."""
    rng = np.random.default_rng(0)
    yes_no = ["gender", "Partner", "Dependents", "PhoneService", "MultipleLines", "OnlineSecurity"]
    yes_no += ["OnlineBackup", "DeviceProtection", "TechSupport", "StreamingTV", "StreamingMovies"]
    rows = pd.DataFrame({name: rng.choice(["No", "Yes"], n_rows) for name in yes_no})
    rows["SeniorCitizen"] = rng.integers(0, 2, n_rows)
    rows["tenure"] = rng.integers(0, 72, n_rows)
    rows["InternetService"] = rng.choice(["DSL", "Fiber optic", "No"], n_rows)
    rows["Contract"] = rng.choice(["Month-to-month", "One year", "Two year"], n_rows)
    rows["PaperlessBilling"] = rng.choice(["No", "Yes"], n_rows)
    rows["PaymentMethod"] = rng.choice(["Mailed check", "Electronic check"], n_rows)
    rows["MonthlyCharges"] = rng.uniform(20, 120, n_rows).round(2)
    rows["TotalCharges"] = (rows["MonthlyCharges"] * rows["tenure"]).where(rows["tenure"] > 3)
    risk = 2.0 * (rows["Contract"] == "Month-to-month") - rows["tenure"] / 24
    rows["target"] = np.where(risk + rng.normal(0, 0.5, n_rows) > 0, "Yes", "No")
    rows.to_csv(folder / "telco_churn.csv.gz", index=False)


def make_messages(n_rows=300):
    rng = np.random.default_rng(0)
    common = [f"word{i}" for i in range(60)]
    special = {"spam": ["prize", "win", "free", "cash", "call"], "ham": ["home", "lunch", "ok"]}
    targets = rng.choice(["ham", "spam"], n_rows, p=[0.7, 0.3])
    texts = [
        " ".join([*rng.choice(common, 8), *rng.choice(special[target], 2)]) for target in targets
    ]
    return pd.DataFrame({"text": texts, "target": targets})


def make_queries(n_queries=40, n_documents=12, n_features=20):
    rng = np.random.default_rng(0)
    n_rows = n_queries * n_documents
    X = rng.random((n_rows, n_features)).round(2) * (rng.random((n_rows, n_features)) < 0.2)
    relevance = np.digitize(X[:, 0] + X[:, 1] + rng.normal(0, 0.1, n_rows), [0.2, 0.5, 0.8, 1.1])
    rows = pd.DataFrame(X, columns=[f"f{i + 1}" for i in range(n_features)])
    query = np.repeat(np.arange(n_queries), n_documents)
    rows.insert(0, "qid", query)
    rows.insert(1, "split", np.where(query < 0.7 * n_queries, "train", "test"))
    return rows.assign(target=relevance)


def check_churn(measured, printed):
    assert printed.startswith("VERDICT")
    report, sizes = measured["report"], measured["sizes"]
    assert all("direct" in measure for measure in report["measures"])
    contracts = {row["group"] for row in report["groups"][0]["rows"]}
    assert contracts == {"Month-to-month", "One year", "Two year"}
    assert f"student {sizes['student']:,} bytes" in printed
    assert sizes["student"] < 10_000  # "kilobytes"
    assert set(measured["answer"]) == {"No", "Yes"}
    assert sum(measured["answer"].values()) == pytest.approx(1.0)


def check_spam(scores, printed):
    assert set(scores) == {"teacher", "direct", "labelled only", "distilled"}
    assert f"{scores['distilled']['log_loss']:.6g}" in printed
    # The same columns, whatever the rows: only the teacher's size follows its vocabulary.
    assert scores["distilled"]["bytes"] == scores["direct"]["bytes"]
    assert scores["distilled"]["roc_auc"] > 0.9


def check_ranking(ndcg, printed):
    assert f"{ndcg['distilled']:.4f}" in printed
    assert set(ndcg) == {"teacher", "distilled", "direct", "any order"}
    assert ndcg["distilled"] > ndcg["any order"]
    kept = (ndcg["distilled"] - ndcg["any order"]) / (ndcg["teacher"] - ndcg["any order"])
    assert kept > 0.5  # "most of what the teacher has over any order"


def test_every_example_is_on_the_page_and_tested():
    page = (EXAMPLES / "index.rst").read_text(encoding="utf-8")
    tests = Path(__file__).read_text(encoding="utf-8")
    names = [path.stem for path in EXAMPLES.glob("*.py")]
    assert len(names) == 7
    for name in names:
        assert f"literalinclude:: {name}.py" in page
        assert f'load("{name}")' in tests


def test_churn_pipeline(tmp_path, capsys):
    write_telco(tmp_path)
    example = load("churn_pipeline")
    X, _ = example.load_rows(tmp_path)
    assert X["TotalCharges"].isna().any()
    assert not pd.api.types.is_numeric_dtype(X["Contract"])
    check_churn(example.main(tmp_path, n_trees=20), capsys.readouterr().out)


@needs_real_files
def test_churn_pipeline_on_the_real_table(capsys):
    measured = load("churn_pipeline").main(Path(REAL), n_trees=20)
    check_churn(measured, capsys.readouterr().out)
    assert measured["sizes"]["student"] < measured["sizes"]["teacher"] / 50


def test_text_spam(tmp_path, capsys):
    make_messages().to_csv(tmp_path / "sms_spam.csv.gz", index=False)
    example = load("text_spam")
    scores = example.main(tmp_path, n_trees=20, n_columns=256)
    check_spam(scores, capsys.readouterr().out)


@needs_real_files
def test_text_spam_on_the_real_messages(capsys):
    scores = load("text_spam").main(Path(REAL), n_trees=50)
    check_spam(scores, capsys.readouterr().out)
    # The teacher is the better model here, and the unlabelled messages hand on some of that.
    assert scores["teacher"]["log_loss"] < scores["direct"]["log_loss"]
    assert scores["distilled"]["log_loss"] < scores["direct"]["log_loss"]
    assert scores["distilled"]["log_loss"] < scores["labelled only"]["log_loss"]
    assert scores["distilled"]["bytes"] < scores["teacher"]["bytes"] / 10


def test_digits_network(capsys):
    measured = load("digits_network").main(teacher_layers=(64,), max_iter=300)
    printed = capsys.readouterr().out
    assert measured["distilled"]["weights"] == (64 + 1) * 8 + (8 + 1) * 10
    assert measured["distilled"]["weights"] == measured["direct"]["weights"]
    assert measured["distilled"]["accuracy"] > 0.9
    assert measured["distilled"]["kl_to_teacher"] < measured["direct"]["kl_to_teacher"]
    assert measured["c"]["same_labels"] == 1.0
    assert f"{measured['c']['table_bytes']:,} bytes of tables" in printed


def test_clinical_tree(tmp_path, capsys):
    pytest.importorskip("matplotlib", reason="the page has figures")
    pytest.importorskip("jinja2", reason="the page is a template")
    page = tmp_path / "report.html"
    made = load("clinical_tree").main(page, n_trees=20)
    printed = capsys.readouterr().out
    assert printed.startswith(made["tree"])
    assert made["tree"].count("benign") == made["distilled"].student_.n_leaves_ <= 6
    assert "VERDICT" in printed
    assert made["report"].verdict in {"ship", "keep the teacher", "distillation not worth it"}
    assert page.read_text(encoding="utf-8").lstrip().lower().startswith("<!doctype html")


def test_ranking(tmp_path, capsys):
    make_queries().to_csv(tmp_path / "lightgbm_lambdarank.csv.gz", index=False)
    ndcg = load("ranking").main(tmp_path, n_trees=30, leaves=60)
    check_ranking(ndcg, capsys.readouterr().out)


@needs_real_files
def test_ranking_on_the_real_queries(capsys):
    ndcg = load("ranking").main(Path(REAL), n_trees=30)
    check_ranking(ndcg, capsys.readouterr().out)


def test_ndcg_leaves_out_queries_without_anything_to_rank():
    list_ndcg = load("ranking").list_ndcg
    relevance = np.array([0, 0, 2, 1, 0, 3])
    query = np.array([7, 7, 8, 8, 8, 9])  # 7 has nothing relevant, 9 a single document
    np.testing.assert_array_equal(list_ndcg(relevance, np.array([1.0, 2, 3, 2, 1, 0]), query), 1.0)
    reversed_order = list_ndcg(relevance, np.array([1.0, 2, 1, 2, 3, 0]), query)
    best = 2 + 1 / np.log2(3)  # gains 2, 1, 0; and 0, 1, 2 if reversed
    np.testing.assert_allclose(reversed_order, [(1 / np.log2(3) + 2 / 2) / best])


def test_small_data(capsys):
    draws = load("small_data").main(n_draws=1, n_trees=30, max_leaf_nodes=24)
    assert all(draw["teacher"] < draw["direct"] for draw in draws)
    assert all(draw["with unlabelled"] < draw["direct"] for draw in draws)
    assert all(draw["with unlabelled"] < draw["distilled"] for draw in draws)
    assert "in 1 of 1 draws" in capsys.readouterr().out


def test_costly_teacher(capsys):
    measured = load("costly_teacher").main()
    n_rows, n_more = 159, 106
    asked = {name: row["rows"] for name, row in measured.items()}
    assert asked.pop("chosen by validation") > 2 * asked["+ 5 new rows each"]  # "several times"
    assert asked == {
        "no teacher": 0,
        "in-sample labels": n_rows,
        "out-of-fold labels": n_rows,
        "+ unlabelled rows": n_rows + n_more,
        "+ 1 new row each": n_rows + n_rows,
        "+ 5 new rows each": n_rows + 5 * n_rows,
        "a smaller tree, cached": 0,
    }
    assert all(row["noted"] == row["rows"] for row in measured.values() if "noted" in row)
    assert measured["out-of-fold labels"]["log_loss"] < measured["in-sample labels"]["log_loss"]
    assert f"{n_rows} labelled rows, {n_more} others" in capsys.readouterr().out


def test_in_context_stand_in_repeats_labels_of_its_context():
    example = load("costly_teacher")
    X, y = example.load_rows()
    model = example.InContextModel().fit(X, y)
    before = type(model).rows_asked
    np.testing.assert_array_equal(model.predict_proba(X).max(axis=1), 1.0)
    assert type(model).rows_asked - before == len(X)


def test_an_example_is_a_script_that_takes_a_folder(tmp_path, capsys, monkeypatch):
    make_messages().to_csv(tmp_path / "sms_spam.csv.gz", index=False)
    monkeypatch.setattr("sys.argv", ["text_spam.py", str(tmp_path)])
    runpy.run_path(str(EXAMPLES / "text_spam.py"), run_name="__main__")
    assert "distilled" in capsys.readouterr().out


# What is public is fetched from stand-ins: no test needs a network.


def test_messages_are_fetched(monkeypatch):
    rows = make_messages()
    monkeypatch.setattr(load("text_spam"), "urlopen", serve_messages(rows))
    texts, targets = load("text_spam").load_rows(None)
    kept = rows.drop_duplicates("text")
    assert texts == kept["text"].tolist()
    assert targets.tolist() == kept["target"].tolist()


def test_queries_are_fetched(monkeypatch):
    rows = make_queries(n_features=300)
    monkeypatch.setattr(load("ranking"), "urlopen", serve_queries(rows))
    parts = load("ranking").load_rows(None)
    assert set(parts) == {"train", "test"}
    for name, (X, relevance, query) in parts.items():
        expected = rows[rows["split"] == name]
        np.testing.assert_array_equal(X[:, 1:], expected.filter(regex="^f"))  # counted from one
        np.testing.assert_array_equal(relevance, expected["target"])
        np.testing.assert_array_equal(query, expected["qid"] - expected["qid"].min())


def serve_messages(rows):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        lines = "".join(f"{row.target}\t{row.text}\n" for row in rows.itertuples())
        archive.writestr("SMSSpamCollection", lines)
        archive.writestr("readme", "")
    return lambda url: io.BytesIO(packed.getvalue())


def serve_queries(rows):
    def answer(url):
        part = rows[rows["split"] == ("train" if "train" in url else "test")]
        written = io.BytesIO()
        if url.endswith(".query"):
            sizes = part.groupby("qid", sort=False).size()
            return io.BytesIO("\n".join(map(str, sizes)).encode())
        X = part.filter(regex="^f").to_numpy()
        dump_svmlight_file(X, part["target"], written, zero_based=False)
        return io.BytesIO(written.getvalue())

    return answer


def test_churn_is_fetched_from_openml(monkeypatch):
    example = load("churn_pipeline")
    data = pd.DataFrame({"customerID": ["a", "b"], "TotalCharges": ["12.5", " "]})
    bunch = Bunch(data=data, target=pd.Series(["No", "Yes"], dtype="category"))
    monkeypatch.setattr(example, "fetch_openml", lambda **_: bunch)
    X, y = example.load_rows(None)
    assert list(X.columns) == ["TotalCharges"]
    assert X["TotalCharges"].isna().tolist() == [False, True]
    assert y.tolist() == ["No", "Yes"]
