"""The parts of the page on suites that ask one question each."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from benchmarks import appendix, learning, questions
from benchmarks.figures import draw_speed
from benchmarks.learning_figures import draw_curves, draw_unlabeled
from benchmarks.paired import by_student, pair
from benchmarks.results import is_ok, student_label
from benchmarks.tasks import Row

__all__ = ["FIGURES", "figure_text", "narrow_parts"]

FIGURES = Path("_static") / "results"


def narrow_parts(suites: dict[str, list[Row]], figures: Path) -> list[str]:
    """Write the sections on all suites of one question that have results.

    Parameters
    ----------
    suites : dict of str to list of dict
        Result rows by suite.
    figures : Path
        The folder of the figures.

    Returns
    -------
    parts : list of str
        Markdown.
    """
    parts = _sampler_parts(suites.get("samplers", []))
    parts += _curve_parts(suites.get("curves", []), figures)
    parts += _poor_parts(suites.get("poor_teachers", []))
    parts += _tree_parts(suites.get("trees", []))
    parts += _pruned_parts(suites.get("pruned", []))
    parts += _speed_parts(suites.get("speed", []), figures)
    return parts + _dao_parts(suites.get("dao", []))


def figure_text(name: str, alternative: str) -> str:
    """Write the Markdown of a figure."""
    return f"![{alternative}]({(FIGURES / name).as_posix()}.svg)\n"


def _sampler_parts(rows: Sequence[Row]) -> list[str]:
    table, told = questions.samplers(rows), questions.plausible(rows)
    parts = []
    if table:
        parts += [
            "## Which augmented rows help\n",
            "Five rows a real one of each sampler, labelled by the teacher, against none; all else "
            "by fixed rules, one fit. Median change of loss, and in brackets on how many sets it "
            "wins, ties and loses; a tie is judged by the spread over seeds alone.\n",
            table,
        ]
    if told:
        parts += [
            "### How real the rows look\n",
            "How well a gradient boosting tells rows of a sampler from real rows that the sampler "
            "has not seen: area under the ROC curve, 0.5 where it sees no difference, 1 where it "
            "is always right. Rows that look more real need not teach more: copies of real rows "
            "would have 0.5 and show the student nothing new.\n",
            told,
        ]
    return parts


def _curve_parts(rows: Sequence[Row], figures: Path) -> list[str]:
    table = learning.few_labels(rows)
    if not table:
        return []
    n_seeds = len({row["seed"] for row in rows if is_ok(row)})
    seeds = "one seed" if n_seeds == 1 else f"{n_seeds} seeds"
    parts = [
        "## Few labels, and rows without labels\n",
        "Teacher and student get the same labelled rows and no other label. The direct fit is "
        "tuned as everywhere; distilled students have default settings. Unlabelled rows are the "
        f"rest of the training part, at most 10,000. Of {seeds}. Wins/ties/losses are against the "
        "direct fit, over sets and numbers of labelled rows:\n",
        learning.summary(rows),
        "By the number of labelled rows, median change of loss against the direct fit on the same "
        "ones, with wins/ties/losses. The last columns tell how many times as many labels the "
        "direct fit needs for the loss of the distilled student, median over the sets, read off "
        "its own curve, which ends at the largest number of rows here.\n",
        table,
    ]
    for student in by_student(pair(rows, "ours")):
        name = "curves_" + "_".join(filter(None, student))
        draw_curves(rows, student, figures / f"{name}.svg")
        alternative = f"Loss of {student_label(*student)} against the number of labelled rows"
        parts.append(figure_text(name, alternative))
    steps = learning.unlabeled(rows)
    if steps:
        draw_unlabeled(rows, figures / "unlabeled.svg")
        n_labels = learning.labels_of_steps(rows)
        parts += [
            "### The number of rows without labels\n",
            f"With {n_labels} labelled rows: change of loss against the direct fit by the number "
            'of unlabelled rows; "all" are at most 10,000.\n',
            figure_text("unlabeled", "Change of loss against the number of unlabelled rows"),
            steps,
        ]
    return parts


def _poor_parts(rows: Sequence[Row]) -> list[str]:
    table = questions.poor_teachers(rows)
    if not table:
        return []
    return [
        "## Poor teachers\n",
        "`constant` says the same of every row, `noise` something at random, `adversarial` the "
        "contrary of a forest, and `shallow` is a single split. Median and largest change of loss "
        "against the tuned direct fit, with default settings and by fixed rules, which have no "
        "way to leave the teacher out.\n",
        table,
    ]


def _tree_parts(rows: Sequence[Row]) -> list[str]:
    parts = []
    searched, linear = questions.searched(rows), questions.linear_leaves(rows)
    if searched:
        parts += [
            "## What the search gives a tree\n",
            "Ours against the tree of the same size as greedy growth leaves it, on the same soft "
            "targets and rows. Mean change of the distance to the teacher on test rows, and on how "
            "many sets it is smaller, seeds averaged.\n",
            searched,
        ]
    if linear:
        parts += [
            "### Eight linear leaves, or 64 constant ones\n",
            "Log loss or RMSE on test rows, both distilled with default settings.\n",
            linear,
        ]
    return parts


def _pruned_parts(rows: Sequence[Row]) -> list[str]:
    text = questions.pruned(rows)
    if not text:
        return []
    return [
        "## A teacher's own trees, pruned\n",
        "155 leaves of the teacher's trees, refitted, against gradient boosting of at most 155 "
        "leaves on the hard labels, tuned by cross-validation. Log loss, seeds averaged.\n",
        text,
    ]


def _speed_parts(rows: Sequence[Row], figures: Path) -> list[str]:
    table = questions.speed(rows)
    if not table:
        return []
    draw_speed(questions.speeds(rows), figures / "fit.svg")
    return [
        "## What a fit costs\n",
        "One thread, 30 columns, a process for each fit; ours and scikit-learn's model of the same "
        "size follow each other. Networks make the same passes in the same batches. The peak of "
        "memory is in units of the rows' own and has them in it; the libraries are not counted.\n",
        table,
        figure_text("fit", "Seconds of a fit against the number of rows"),
    ]


def _dao_parts(rows: Sequence[Row]) -> list[str]:
    if not any(map(is_ok, rows)):
        return []
    parts = [
        "## Dao et al. 2021 again\n",
        "A forest of 500 trees is distilled into forests of one and five trees, measured by AUC "
        "(Knowledge Distillation as Semiparametric Inference, ICLR 2021).\n",
    ]
    published = [row for row in rows if not row["size"]]
    if any(map(is_ok, published)):
        parts += ["### As published\n", appendix.published(rows)]
    matched = appendix.size_matched(rows)
    if matched:
        text = (
            "The same with at most so many leaves in total, which the paper does not do. Every "
            "forest gets the same number of fits to choose from; `ours` is one fit of the "
            "library's tree in its default settings.\n"
        )
        parts += ["### At equal size\n", text, matched]
    return parts
