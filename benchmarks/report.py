"""Write docs/results.md and its figures from result files; no number comes from elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from benchmarks import appendix, searching, sections, verdict
from benchmarks.chapters import FIGURES, figure_text, narrow_parts
from benchmarks.compact_tables import compact_parts
from benchmarks.deployment import deployment_parts
from benchmarks.figures import draw_gap_closed, draw_matrix, draw_pareto
from benchmarks.kinds import kind_parts
from benchmarks.paired import Cell, pair
from benchmarks.results import by_suite, is_ok, main_teacher, read_rows
from benchmarks.tables import plural
from benchmarks.tasks import Row

__all__ = ["write_report"]

# Suites of students, the more telling first, and all that the page knows.
STUDENT_SUITES = ("full", "quick", "smoke")
ALL_SUITES = (
    "quick",
    "full",
    "samplers",
    "curves",
    "poor_teachers",
    "trees",
    "pruned",
    "speed",
    "dao",
    "deploy",
    "compact",
    "knowledge",
    "self_distillation",
)


def write_report(results: Path, docs: Path) -> Path:
    """Write the page and the figures.

    Parameters
    ----------
    results : Path
        A result file, or a folder with some.
    docs : Path
        The folder of the documentation: ``results.md`` and ``_static/results/*.svg`` go there.
        Older figures are removed.

    Returns
    -------
    page : Path
        The page.
    """
    rows = read_rows(results)
    figures = docs / FIGURES
    for old in figures.glob("*.svg"):
        old.unlink()
    suites = by_suite(rows)
    suite = next((name for name in STUDENT_SUITES if any(map(is_ok, suites.get(name, [])))), "")
    parts = [_introduction(rows), *_student_parts(suites.get(suite, []), figures)]
    parts += narrow_parts(suites, figures)
    parts += kind_parts(suites.get("knowledge", []), suites.get("self_distillation", []))
    parts += compact_parts(suites.get("compact", []))
    parts += deployment_parts(suites.get("deploy", []), figures)
    parts += _closing_parts(rows)
    page = docs / "results.md"
    page.parent.mkdir(parents=True, exist_ok=True)
    page.write_text("\n".join(parts), encoding="utf-8")
    return page


def _introduction(rows: Sequence[Row]) -> str:
    """Say what the page is written from and what is missing."""
    present = by_suite(rows)
    absent = [name for name in ALL_SUITES if name not in present]
    commands = ", ".join(f"`python -m benchmarks run --suite {name}`" for name in absent)
    return (
        "# Benchmark results\n\n"
        "`python -m benchmarks report` writes this page from the stored result files; every number "
        "is read from them.\n"
        + (f"Not run yet: {', '.join(absent)} ({commands}).\n" if absent else "")
    )


def _student_parts(rows: Sequence[Row], figures: Path) -> list[str]:
    """Write the sections on a suite of students, those that have something to say."""
    title = "## Where distillation wins, ties and loses today\n"
    teacher = main_teacher(rows)
    main = [row for row in rows if row["teacher"] == teacher]
    cells = pair(main)
    if not cells:
        return [title, "Unknown: neither `quick` nor `full` has results yet.\n"]
    draw_matrix(cells, figures / "wins.svg")
    parts = [
        title,
        _setting(main, cells, teacher),
        verdict.wins_ties_losses(cells),
        figure_text("wins", "Change of loss for every data set and student, coloured by outcome"),
    ]
    parts += _gap_parts(rows, cells, figures)
    parts += _ingredient_parts(main) + _search_parts(main)
    parts += _cost_parts(main, figures)
    parts += [
        "## Where distillation does not help\n",
        verdict.does_not_help(main, cells, sections.ablations(main)),
    ]
    return parts + _peer_parts(main)


def _setting(rows: Sequence[Row], cells: Sequence[Cell], teacher: str) -> str:
    """Describe the runs in a sentence or two."""
    seeds = sorted({seed for cell in cells for seed in cell.seeds})
    trained = sorted({row["n_train"] for row in rows if is_ok(row)})
    fitted = " to ".join(map(str, dict.fromkeys([trained[0], trained[-1]])))
    wanted = {(row["dataset"], row["student"], row["size"]) for row in rows if row["student"]}
    n_open = len(wanted) - len(cells)
    gaps = (
        f"**{plural(n_open, 'cell')} without an outcome**, because a fit was skipped, failed or "
        "never ran: the reasons are at the end.\n"
    )
    n_sets = len({cell.dataset for cell in cells})
    return (
        f"Suite `{rows[0]['suite']}`: {plural(n_sets, 'data set')}, {plural(len(seeds), 'seed')}, "
        f"teacher `{teacher}`, {fitted} rows to fit. Each student distilled with "
        "default settings is compared with a direct fit of the same size to the hard labels, tuned "
        "by cross-validation.\n" + (gaps if n_open else "")
    )


def _gap_parts(rows: Sequence[Row], cells: Sequence[Cell], figures: Path) -> list[str]:
    parts = [
        "## Gap closed\n",
        "The gap is what the teacher's loss is below the direct fit's; closed is the share that "
        "the distilled student makes good. Below 0 it is worse than the direct fit, above 1 better "
        'than the teacher; "no gap" means that the teacher is not better than the direct fit. '
        "Brackets: it is better by more than half a per cent, but that may be noise. Medians are "
        "over sets with a gap beyond noise unless it says otherwise, with 95 % bootstrap intervals "
        "(sets, then seeds, drawn with replacement).\n",
        sections.gap_closed(cells),
        sections.over_students(cells),
    ]
    if any(cell.has_gap for cell in cells):
        draw_gap_closed(cells, figures / "gap.svg")
        parts.insert(2, figure_text("gap", "Gap closed by student and size"))
    main = [row for row in rows if row["teacher"] == cells[0].teacher]
    known = sections.against_known_trees(main)
    if known:
        parts.append(
            "The direct tree of the table is the best of CART, hierarchical shrinkage and the "
            "student's own search on hard labels. Against the better of the first two alone: "
            f"{known}.\n"
        )
    by_teacher = sections.teachers(rows)
    if by_teacher:
        parts += ["### By teacher\n", "Median gap closed (wins/ties/losses).\n", by_teacher]
    return parts


def _ingredient_parts(rows: Sequence[Row]) -> list[str]:
    table = sections.ingredients(rows)
    if not table:
        return []
    return [
        "## What each ingredient does\n",
        "Median change of loss against ours, and in brackets on how many sets the change wins, "
        "ties and loses. A positive change means that the ingredient helps. A tie is judged by the "
        "spread over seeds alone. All of these are one fit, and compared with one fit by our fixed "
        "rules where there is one; only the search is compared with our defaults.\n",
        table,
    ]


def _search_parts(rows: Sequence[Row]) -> list[str]:
    chosen = searching.choices(rows)
    if not chosen:
        return []
    return [
        "## The search\n",
        "Settings are chosen on held-out real rows among a few candidates, the direct fit always "
        "one of them. How often each was chosen, over sets and seeds:\n",
        chosen,
        "Whether rightly is seen on the test rows of each split. Counted are the splits where the "
        "loss is lower, within half a per cent, and higher: of the direct fit that was taken, "
        "against distillation by fixed rules; of the student that used the teacher, against the "
        "tuned direct fit.\n",
        searching.rightness(rows),
        "What the search gives and costs against one fit by fixed rules, medians. Seconds are "
        "those of fitting students, without the teacher's labels.\n",
        searching.costs(rows),
    ]


def _cost_parts(rows: Sequence[Row], figures: Path) -> list[str]:
    parts = ["## Quality against size and speed\n"]
    if any(row["task"] == "classification" for row in rows if is_ok(row)):
        draw_pareto(rows, {"bytes": "bytes, pickled"}, figures / "bytes.svg")
        speed = {"us_1": "µs a row, 1 row at a time", "us_10k": "µs a row, 10k rows at a time"}
        draw_pareto(rows, speed, figures / "speed.svg")
        parts += [
            figure_text(
                "bytes", "Accuracy against bytes for teacher, direct and distilled students"
            ),
            figure_text("speed", "Accuracy against microseconds a row"),
            "A line joins the direct fit and the distilled student of one size; the dotted line is "
            "the best accuracy for the price.\n",
        ]
    parts += [
        "Accuracy and R² are means, the others medians, over the sets that all models of the table "
        "have. Models are pickled and called in Python, one thread. Where hierarchical shrinkage "
        "is the better direct tree, it is measured with the encoder it needs, which makes it "
        "larger and slower than the tree alone. Of the distilled students of a set the first "
        "pays for the teacher's out-of-fold labels, which the others find in the cache. Times are "
        "taken while another process of the run works beside.\n",
        sections.cost(rows),
        "Means over the same sets. Agreement and KL divergence are to the teacher.\n",
        sections.quality(rows),
    ]
    return parts


def _peer_parts(rows: Sequence[Row]) -> list[str]:
    title = "## Against other projects\n"
    table = sections.peers(rows)
    if not table:
        return [
            title,
            "No other project has results: none was installed, or the suite asks for none.\n",
        ]
    text = (
        "The same student form and leaf limit. FIGS and HSTree use no teacher. Wins/ties/losses "
        "are counted for ours over the sets; a tie is judged by the spread over seeds alone. "
        "Log loss flatters ours here: FIGS flattens its probabilities by a softmax, and a tree of "
        "trustee is certain, which costs up to 34.5 where it is wrong. Compare on accuracy.\n"
    )
    return [title, text, table]


def _closing_parts(rows: Sequence[Row]) -> list[str]:
    if not rows:
        return []
    return [
        "## What failed, was skipped or never ran\n",
        appendix.trouble(rows),
        "## How it was run\n",
        appendix.coverage(rows),
        appendix.where(rows),
        appendix.data_sets(rows),
    ]
