"""Trees in words and as drawings: names, sets of levels, exact thresholds, shares of rows."""

from __future__ import annotations

import re

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure
from sklearn.exceptions import NotFittedError

from skdistill.students import (
    LinearStudentRegressor,
    TreeStudentClassifier,
    TreeStudentRegressor,
    export_text,
    plot_tree,
)

mpl.use("Agg")


def frame_and_labels():
    rng = np.random.default_rng(0)
    town = rng.choice(["Ulm", "Bonn", "Kiel", "Jena"], 400)
    age = rng.integers(18, 80, 400).astype(float)
    age[::9] = np.nan
    y = np.where(np.isin(town, ["Ulm", "Kiel"]), "yes", np.where(age > 50, "maybe", "no"))
    return pd.DataFrame({"town": town, "age": age}), y


def read(text, row):
    """Follow the rules for one row, as a reader would."""
    lines, depth, i = text.split("\n"), 0, 0
    while True:
        line = lines[i]
        level, words = line.count("|   "), line.split("|--- ")[1]
        condition = re.fullmatch(r"(\w+) (<=|>|in|not in) (.+?)( or missing)?", words)
        if level != depth:
            i += 1
        elif "% of rows" in line:
            return words
        else:
            name, sign, value, missing = condition.groups()
            x = row[name]
            if sign in ("in", "not in"):
                holds = (x in value.strip("{}").split(", ")) == (sign == "in")
            elif pd.isna(x):
                holds = missing is not None
            else:
                holds = x <= float(value) if sign == "<=" else x > float(value)
            depth, i = depth + holds, i + 1


def test_the_rules_predict_what_the_student_predicts():
    X, y = frame_and_labels()
    student = TreeStudentClassifier(max_leaf_nodes=5, min_samples_leaf=5, ccp_alpha=0)
    student.set_params(random_state=0).fit(X, y)
    text = export_text(student)
    assert " in {" in text
    assert "or missing" in text
    unseen = pd.DataFrame({"town": ["Rom", "Ulm"], "age": [20.0, np.nan]})
    rows = pd.concat([X.head(60), unseen], ignore_index=True)
    for (_, row), proba in zip(rows.iterrows(), student.predict_proba(rows), strict=True):
        best = student.classes_[proba.argmax()]
        assert read(text, row).startswith(f"{best} {proba.max():.4g}")


def test_shares_of_the_leaves_sum_to_all_rows():
    X, y = frame_and_labels()
    student = TreeStudentClassifier(max_leaf_nodes=4, random_state=0).fit(X, y)
    shares = re.findall(r"\(([\d.]+) % of rows\)", export_text(student))
    assert len(shares) == student.n_leaves_
    assert sum(map(float, shares)) == pytest.approx(100, abs=0.5)
    np.testing.assert_allclose(student.leaf_shares_, np.bincount(student.apply(X)) / len(X))


def test_linear_leaves_show_their_strongest_terms():
    rng = np.random.default_rng(0)
    X = pd.DataFrame(rng.normal(size=(300, 4)), columns=list("abcd"))
    y = 3 * X["b"] - 2 * X["d"] + 0.01 * X["a"]
    student = TreeStudentRegressor(max_leaf_nodes=2, leaf="linear", random_state=0).fit(X, y)
    lines = [x for x in export_text(student, decimals=2, n_terms=2).split("\n") if "value =" in x]
    assert len(lines) == 2
    for line in lines:
        assert re.search(r"\+ \d\.\d\d \* \(b [-+] 0\.\d\d\)", line)
        assert re.search(r"- \d\.\d\d \* \(d [-+] 0\.\d\d\)", line)
        assert line.endswith("+ 2 smaller terms")
    y = np.where(y > 0, "yes", "no")
    student = TreeStudentClassifier(max_leaf_nodes=2, leaf="linear", random_state=0).fit(X, y)
    assert export_text(student).count("logit yes = ") == 2


def test_a_split_of_missing_values_from_all_others():
    x = np.r_[np.arange(30.0), np.full(30, np.nan)]
    for y in (np.repeat([0.0, 1.0], 30), np.repeat([1.0, 0.0], 30)):
        student = TreeStudentRegressor(max_leaf_nodes=2, shrinkage=0, ccp_alpha=0)
        text = export_text(student.fit(pd.DataFrame({"age": x}), y), decimals=0)
        assert f"age is missing\n|   |--- {y[-1]:.0f} (" in text
        assert f"age is not missing\n|   |--- {y[0]:.0f} (" in text


def test_levels_that_are_not_clear_stand_in_quotes():
    levels = ["work, other", "missing", None, "plain"]
    X = pd.DataFrame({"use": np.repeat(np.array(levels, dtype=object), 20)})
    student = TreeStudentRegressor(max_leaf_nodes=4, shrinkage=0, ccp_alpha=0)
    student.fit(X, np.repeat([0.0, 1.0, 2.0, 3.0], 20))
    text = export_text(student)
    words = re.findall(r"'[^']*'|[^{}', ]+", " ".join(re.findall(r"{.*?}", text)))
    assert set(words) <= {"'work, other'", "'missing'", "missing", "plain"}
    assert len(set(words)) >= 3
    boxes = plot_tree(student, ax=Figure().subplots())
    assert any("'work, other'" in box.get_text() for box in boxes) == ("'work, other'" in text)


def test_a_small_slope_is_not_written_as_zero():
    rng = np.random.default_rng(0)
    X = pd.DataFrame({"amount": rng.uniform(0, 1e6, 300), "b": rng.choice(["u", "v"], 300)})
    y = 1.5e-5 * X["amount"] + (X["b"] == "v")
    student = TreeStudentRegressor(max_leaf_nodes=2, leaf="linear", random_state=0).fit(X, y)
    line = export_text(student, decimals=2).split("\n")[1]
    assert re.search(r"\+ 1\.\de-05 \* \(amount - ", line)
    assert "(rank of b - " in line
    assert export_text(student, decimals=2, n_terms=1).split("\n")[1].endswith("+ 1 smaller term")
    boxes = plot_tree(student, ax=Figure().subplots(), decimals=2)
    assert "\n+ 1" in boxes[-1].get_text()


def test_a_tree_of_one_leaf():
    student = TreeStudentRegressor().fit(np.zeros((30, 1)), np.full(30, 2.5))
    assert export_text(student) == "|--- 2.5 (100 % of rows)"
    assert len(plot_tree(student, ax=Figure().subplots())) == 1


def test_a_drawing_has_a_box_for_every_node():
    X, y = frame_and_labels()
    student = TreeStudentClassifier(max_leaf_nodes=5, ccp_alpha=0, random_state=0).fit(X, y)
    figure = Figure()
    boxes = plot_tree(student, ax=figure.subplots(), decimals=1)
    assert len(boxes) == 2 * student.n_leaves_ - 1
    texts = [box.get_text() for box in boxes]
    assert texts[0].startswith("town")
    assert sum("% of rows" in text for text in texts) == student.n_leaves_
    # Children are below their parent, and no two boxes are in one place.
    places = [box.xy for box in boxes]
    assert len(set(places)) == len(places)
    assert max(y for _, y in places) == places[0][1]
    figure.savefig("/dev/null", format="png")


def many_classes(n_rows=600):
    rng = np.random.default_rng(0)
    level = rng.integers(0, 14, n_rows)
    X = pd.DataFrame({"part": [f"a long name of the level {i:02d}" for i in level]})
    X["size"] = rng.normal(size=n_rows)
    code = (2 * (level % 7 > 2) + (X["size"] > 0.3) + (rng.random(n_rows) < 0.4)) % 5
    return X, np.array(["ash", "beech", "elm", "fir", "oak"])[code]


@pytest.mark.parametrize("leaf", ["constant", "linear"])
@pytest.mark.parametrize("size", [(6.4, 4.8), (14, 4), (3, 9)])
def test_no_box_covers_another_and_none_leaves_the_page(leaf, size):
    X, y = many_classes()
    student = TreeStudentClassifier(max_leaf_nodes=12, leaf=leaf, min_samples_leaf=5, ccp_alpha=0)
    student.set_params(random_state=0).fit(X, y)
    assert student.n_leaves_ > 6
    figure = Figure(figsize=size)
    ax = figure.subplots()
    boxes = plot_tree(student, ax=ax)
    figure.draw_without_rendering()
    extents = np.array([box.get_bbox_patch().get_window_extent().extents for box in boxes])
    low, high = extents[:, :2], extents[:, 2:]
    apart = (low[:, None] >= high[None] - 0.5) | (high[:, None] <= low[None] + 0.5)
    assert (apart.any(axis=2) | np.eye(len(boxes), dtype=bool)).all()
    page = ax.get_window_extent()
    assert (low >= [page.x0 - 1, page.y0 - 1]).all()
    assert (high <= [page.x1 + 1, page.y1 + 1]).all()
    answers = {text.get_text(): text for text in ax.texts if text not in boxes}
    assert set(answers) == {"yes", "no"}
    assert answers["yes"].get_position()[0] < answers["no"].get_position()[0]


def test_a_drawing_is_short_where_the_text_is_whole():
    X, y = many_classes()
    student = TreeStudentClassifier(max_leaf_nodes=2, min_samples_leaf=5, ccp_alpha=0)
    student.set_params(random_state=0).fit(X[["part"]], y)
    root, *leaves = [box.get_text() for box in plot_tree(student, ax=Figure().subplots())]
    named = re.search(r"{(.*?)}", export_text(student)).group(1).split(", ")
    assert len(named) > 4
    assert root.endswith(f",\n{len(named) - 3} more}}")
    assert root.count("a long name of th…") == 3
    for leaf, line in zip(leaves, export_text(student).split("\n")[1::2], strict=True):
        assert leaf.count("\n") == 2
        assert line.count(", ") >= 2
    linear = TreeStudentClassifier(max_leaf_nodes=2, leaf="linear", random_state=0).fit(X, y)
    box = plot_tree(linear, ax=Figure().subplots())[-1].get_text()
    assert box.count("logit") == 2
    assert "\n3 more scores\n" in box


def test_numbers_have_few_digits_and_one_sign():
    rng = np.random.default_rng(0)
    X = pd.DataFrame({"year": rng.integers(2010, 2020, 400), "b": rng.choice(["u", "v"], 400)})
    X["far"] = rng.normal(-8.4375, 1.0, 400)
    y = np.where(X["year"] > 2015, 1e6, 0.0) / 7
    step = TreeStudentRegressor(max_leaf_nodes=2, shrinkage=0, ccp_alpha=0).fit(X[["year"]], y)
    assert export_text(step).startswith("|--- year <= 2015.5\n")
    assert "|--- 142857.1 (" in export_text(step)
    y = X["far"] / 3 + 2.0 * (X["b"] == "v")
    student = TreeStudentRegressor(max_leaf_nodes=2, leaf="linear", random_state=0).fit(X, y)
    text = export_text(student)
    assert re.search(r"\* \(far \+ 8\.\d{2,3}\)", text)
    assert "- -" not in text
    digits = [number.replace(".", "").lstrip("0") for number in re.findall(r"\d+\.\d+", text)]
    assert max(map(len, digits)) <= 5  # 2014.5
    table = student._encoder.tables_[1]
    if "rank of b -" in text:
        assert text.split("\n")[-1].startswith(
            f"rank of b: u {table['u']:g}, v {table['v']:g}, any"
        )
    assert "rank of b:" in text or "rank of b -" not in text


def test_a_drawing_without_axes_takes_the_current_ones():
    from matplotlib import pyplot as plt

    student = TreeStudentRegressor(random_state=0).fit(np.arange(40.0)[:, None], np.arange(40.0))
    figure, ax = plt.subplots()
    assert plot_tree(student)[0].axes is ax
    plt.close(figure)


def test_what_cannot_be_written():
    with pytest.raises(NotFittedError):
        export_text(TreeStudentRegressor())
    other = LinearStudentRegressor().fit(np.arange(9.0)[:, None], np.arange(9.0))
    with pytest.raises(TypeError, match="must be a TreeStudentClassifier or TreeStudentRegressor"):
        plot_tree(other)
    student = TreeStudentRegressor().fit(np.zeros((30, 1)), np.full(30, 2.5))
    with pytest.raises(ValueError, match="decimals must be an integer >= 0, got -1"):
        export_text(student, decimals=-1)
