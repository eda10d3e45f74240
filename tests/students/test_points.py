"""Shape plots of scorecards."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from skdistill.students import AdditiveStudentClassifier, AdditiveStudentRegressor

matplotlib = pytest.importorskip("matplotlib")
matplotlib.use("Agg")


@pytest.fixture
def frame():
    rng = np.random.default_rng(0)
    x = rng.normal(size=200)
    x[:20] = np.nan
    return pd.DataFrame({"x": x, "c": rng.choice(["u", "v", "w"], 200)})


@pytest.mark.parametrize("n_classes", [2, 3])
def test_every_table_is_drawn(frame, n_classes):
    import matplotlib.pyplot as plt

    y = (np.nan_to_num(frame["x"].to_numpy()) > 0).astype(int) + (frame["c"] == "u") * (
        n_classes - 2
    )
    student = AdditiveStudentClassifier(alpha=0.1, n_pairs=1).fit(frame, y)
    axes = student.plot_shapes()
    titles = [ax.get_title() for ax in axes]
    if n_classes > 2:  # the map of a pair is that of the class whose points differ most
        term = next(t for t in student.scorecard_.terms if len(t.columns) == 2)
        widest = np.ptp(term.values, axis=(0, 1)).argmax()
        (place,) = [i for i, title in enumerate(titles) if title.endswith(f"\npoints of {widest}")]
        drawn = axes[place].images[0].get_array()
        np.testing.assert_allclose(drawn, term.values[:-1, :-1, widest].T)
        titles[place] = titles[place].split("\n")[0]
    assert sorted(titles) == sorted(["x", "c", *(" x ".join(p) for p in student.pairs_)])
    heights = axes[titles.index("x")].patches[0].get_data().values
    term = next(t for t in student.scorecard_.terms if t.columns == (0,))
    np.testing.assert_allclose(heights, term.values[:-1, 0])
    axes[0].figure.savefig("/dev/null", format="png")
    plt.close("all")


def test_given_axes_are_used_and_must_be_enough(frame):
    import matplotlib.pyplot as plt

    student = AdditiveStudentRegressor(alpha=1.0, n_pairs=0).fit(frame, frame["x"].fillna(3.0))
    figure, axes = plt.subplots(1, len(student.scorecard_.terms))
    drawn = student.plot_shapes(axes=axes)
    assert drawn[0].figure is figure
    with pytest.raises(ValueError, match=r"axes must hold at least one for each of the \d tables"):
        student.plot_shapes(axes=[])
    plt.close("all")


def test_names_are_cut_short_and_one_legend_names_the_classes():
    import matplotlib.pyplot as plt

    rng = np.random.default_rng(0)
    part = rng.integers(0, 30, 900)
    X = pd.DataFrame({"part": [f"the part with the number {i}" for i in part]})
    X["size"] = rng.normal(size=900)
    y = np.array(["ash", "a very long name of a class", "oak"])[
        (part % 3 + (X["size"] * (part % 2) > 0)) % 3
    ]
    student = AdditiveStudentClassifier(alpha=0.01, n_pairs=1).fit(X, y)
    axes = student.plot_shapes()
    figure = axes[0].figure
    (legend,) = figure.legends
    assert [t.get_text() for t in legend.get_texts()] == ["a very long name …", "ash", "oak"]
    assert all(ax.get_legend() is None for ax in axes)
    (pair,) = [ax for ax in axes if ax.images]
    assert {pair.get_xlabel(), pair.get_ylabel()} == {"part", "size"}
    assert pair.images[0].colorbar is not None
    levels = axes[[ax.get_title() for ax in axes].index("part")]
    labels = [label.get_text() for label in levels.get_yticklabels()]
    assert 1 < len(labels) <= 12
    assert max(map(len, labels)) == 18
    figure.draw_without_rendering()
    boxes = np.array([ax.get_tightbbox().extents for ax in axes])
    apart = (boxes[:, None, :2] >= boxes[None, :, 2:]) | (boxes[:, None, 2:] <= boxes[None, :, :2])
    assert (apart.any(axis=2) | np.eye(len(axes), dtype=bool)).all()
    own, theirs = plt.subplots(1, 3)
    student.plot_shapes(axes=theirs)
    assert sum(ax.get_legend() is not None for ax in theirs) == 1
    assert not own.legends
    plt.close("all")
