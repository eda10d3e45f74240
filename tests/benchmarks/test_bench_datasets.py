import json
from urllib.error import URLError

import numpy as np
import pandas as pd
import pytest
from sklearn.utils import Bunch

from benchmarks import datasets
from benchmarks.datasets import Dataset, list_available, load, split


@pytest.fixture
def folder(tmp_path):
    """A data folder with a table of each kind."""
    rng = np.random.RandomState(0)
    colours = rng.choice(["red", "NA", "None"], size=60)
    tables = {
        "colours": ("multiclass", {"a": rng.randn(60), "target": colours}),
        "bank_marketing": ("binary", {"duration": 1.0, "b": rng.randn(60), "target": [0, 1] * 30}),
        "values": ("regression", {"a": rng.randn(60), "target": rng.randn(60)}),
        "words": ("text", {"text": "x", "target": [0, 1] * 30}),
    }
    entries = []
    for name, (task, columns) in tables.items():
        pd.DataFrame(columns).to_csv(tmp_path / f"{name}.csv.gz", index=False)
        entries.append({"name": name, "task": task, "file": f"{name}.csv.gz", "notes": ""})
    (tmp_path / "manifest.json").write_text(json.dumps(entries))
    return tmp_path


def table(y, task="classification"):
    y = np.asarray(y)
    X = pd.DataFrame({"row": np.arange(len(y))})
    return Dataset("made", task, X, y.astype(object) if task == "classification" else y, "0" * 12)


def test_bundled_sets_need_no_folder():
    tasks = list_available()
    assert tasks["sklearn:diabetes"] == "regression"
    for name, task in tasks.items():
        dataset = load(name)
        assert dataset.task == task
        assert len(dataset.X) == len(dataset.y)
        assert dataset.y.dtype == (np.float64 if task == "regression" else object)


def test_a_folder_adds_its_tables_but_neither_text_nor_ranking(folder):
    tasks = list_available(folder)
    assert "words" not in tasks
    assert tasks["values"] == "regression"
    with pytest.raises(ValueError, match="name='words' is no table"):
        load("words", folder)


def test_values_that_look_missing_are_labels(folder):
    assert set(load("colours", folder).y) == {"red", "NA", "None"}


def test_a_column_known_only_afterwards_is_dropped(folder):
    dataset = load("bank_marketing", folder)
    assert list(dataset.X) == ["b"]
    assert "duration dropped" in dataset.note


def test_rows_without_target_and_of_rare_classes_are_left_out(folder):
    frame = pd.DataFrame({"a": range(34), "target": ["x"] * 12 + ["y"] * 12 + ["z"] * 9 + [""]})
    frame.to_csv(folder / "colours.csv.gz", index=False)
    dataset = load("colours", folder)
    assert set(dataset.y) == {"x", "y"}
    assert list(dataset.X["a"]) == list(range(24))
    assert "10 rows" in dataset.note


def test_the_hash_follows_the_content(folder):
    first = load("values", folder)
    assert load("values", folder).hash == first.hash
    frame = pd.read_csv(folder / "values.csv.gz")
    frame.loc[0, "a"] += 1e-9
    frame.to_csv(folder / "values.csv.gz", index=False)
    assert load("values", folder).hash != first.hash


def test_names_and_folders_that_are_not_there_are_told(tmp_path):
    with pytest.raises(ValueError, match="name='adult' is no table"):
        load("adult")
    with pytest.raises(FileNotFoundError, match=r"manifest\.json"):
        list_available(tmp_path)


def test_openml_without_a_network_says_so(monkeypatch):
    def fail(**_):
        raise URLError("no route")

    monkeypatch.setattr(datasets.sklearn.datasets, "fetch_openml", fail)
    with pytest.raises(ConnectionError, match="'iris' could not be fetched"):
        load("openml:iris")


def test_openml_categories_become_text(monkeypatch):
    X = pd.DataFrame({"a": pd.Categorical(["u", "v"] * 10), "b": np.arange(20.0)})
    bunch = Bunch(data=X, target=pd.Series(pd.Categorical(["0", "1"] * 10)))
    monkeypatch.setattr(datasets.sklearn.datasets, "fetch_openml", lambda **_: bunch)
    dataset = load("openml:made")
    assert dataset.task == "classification"
    assert not isinstance(dataset.X["a"].dtype, pd.CategoricalDtype)


def test_a_split_is_seeded_and_its_parts_are_disjoint():
    dataset = table(np.repeat(["a", "b"], [300, 100]))
    parts, again, other = (split(dataset, seed, 1000, 1000) for seed in (0, 0, 1))
    rows = [set(part["row"]) for part in (parts.X_train, parts.X_test)]
    assert rows[0] | rows[1] == set(range(400))
    assert not rows[0] & rows[1]
    assert list(again.X_train["row"]) == list(parts.X_train["row"])
    assert list(other.X_train["row"]) != list(parts.X_train["row"])


def test_caps_keep_the_shares_of_classes_and_nest():
    dataset = table(np.repeat(["a", "b"], [3000, 1000]))
    small, large = (split(dataset, 0, cap, cap) for cap in (200, 400))
    assert len(small.y_train) == len(small.y_test) == 200
    assert np.mean(small.y_train == "a") == pytest.approx(0.75, abs=0.01)
    assert np.mean(small.y_test == "a") == pytest.approx(0.75, abs=0.01)
    assert set(small.X_train["row"]) < set(large.X_train["row"])


def test_rows_beyond_the_cap_are_left_without_label():
    dataset = table(np.repeat(["a", "b"], [300, 100]))
    whole, capped = (split(dataset, 0, cap, 1000) for cap in (1000, 50))
    assert len(whole.X_unlabeled) == 0
    rows = [set(part["row"]) for part in (capped.X_train, capped.X_unlabeled)]
    assert not rows[0] & rows[1]
    assert rows[0] | rows[1] == set(whole.X_train["row"])


def test_a_capped_training_part_keeps_rows_of_rare_classes():
    parts = split(table(np.repeat(["a", "b"], [5000, 20])), 0, 300, 300)
    assert len(parts.y_train) == 300
    assert np.sum(parts.y_train == "b") == datasets.MIN_TRAIN_ROWS_OF_CLASS


def test_values_are_split_and_capped_too():
    parts = split(table(np.arange(1000.0), "regression"), 0, 100, 50)
    assert (len(parts.y_train), len(parts.y_test)) == (100, 50)
    assert list(parts.X_train["row"]) == list(parts.y_train)
