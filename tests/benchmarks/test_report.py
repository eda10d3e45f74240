"""The page is written from the rows that there are, and says what is missing."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from result_rows import (
    REGRESSION,
    compact_rows,
    crashed,
    curve_rows,
    dao_rows,
    deploy_rows,
    kind_rows,
    poor_rows,
    pruned_rows,
    row,
    sampler_rows,
    searched_rows,
    speed_rows,
    suite_rows,
    tree_rows,
)

from benchmarks.appendix import missing_cells
from benchmarks.paired import pair
from benchmarks.results import append_row
from benchmarks.verdict import verdict_of

pytest.importorskip("matplotlib")
from benchmarks.report import write_report

SOME = ("adult", "concrete", "yeast")
NARROW = ("samplers", "curves", "poor_teachers", "trees", "pruned", "speed")
LAST = ("compact", "knowledge", "self_distillation")
FIRST = "## Where distillation wins, ties and loses today"


def narrow_rows():
    """Make the rows of the suites that ask one question each."""
    transfer = [*sampler_rows(), *curve_rows(), *poor_rows()]
    return [*transfer, *tree_rows(), *pruned_rows(), *speed_rows()]


@pytest.fixture
def written(tmp_path):
    """Write rows as result files and the report of them; return its text."""
    return lambda rows: _write(rows, tmp_path)


@pytest.fixture(scope="module")
def quick(tmp_path_factory):
    """The page of a whole suite."""
    return _write(suite_rows(), tmp_path_factory.mktemp("quick"))


def _write(rows, folder):
    for one in rows:
        append_row(folder / "results" / f"{one['suite']}.jsonl", one)
    page = write_report(folder / "results", folder / "docs")
    text = page.read_text()
    figures = set(re.findall(r"\((_static/results/\w+\.svg)\)", text))
    found = (page.parent / "_static").glob("**/*.svg")
    assert figures == {path.relative_to(page.parent).as_posix() for path in found}
    _check_tables(text)
    assert not re.search(r"\bnan\b|None", text)
    return text


def _check_tables(text):
    """All lines of a table have as many cells."""
    for block in re.split(r"\n\n+", text):
        lines = block.strip().splitlines()
        if lines[0].startswith("| "):
            counts = {len(re.findall(r"(?<!\\)\|", line)) for line in lines}
            assert len(counts) == 1, block


def _headings(text):
    return re.findall(r"^## (.*)$", text, flags=re.MULTILINE)


def test_first_section_tells_wins_ties_and_losses(quick):
    text = quick
    first = text[text.index(FIRST) : text.index("## Gap closed")]
    assert _headings(text)[0] == FIRST.removeprefix("## ")
    assert "21 wins, 10 ties, 3 losses" in first
    gains = re.search(r"Students that gain: (.*)\.\n", first).group(1)
    assert re.findall(r"[a-z]+ ?\d* \(", gains) == ["tree 16 (", "tree 64 (", "mlp 32 ("]
    assert "Students that do not gain: linear (0 wins, 6 ties, 0 losses); boosting" in first
    assert "1 cell without an outcome" in first
    assert re.search(r"\| tree 16 \| 7 \| 0 \| 0 \|.*\| all 7 \| none \|", first)


def test_signs_are_counted_whatever_the_noise(written):
    losses = {"adult": 0.36, "yeast": 0.399, "satimage": 0.4, "segment": 0.401, "magic_gamma": 0.5}
    rows = [row("direct", loss=0.4, dataset=name) for name in losses]
    rows += [row(loss=loss, dataset=name) for name, loss in losses.items()]
    assert ("2 of 5 are better (1 by more than half a per cent) and 2 worse (1).") in written(rows)


def test_gap_closed_over_students_is_told_in_each_way(written):
    shares = {"adult": 0.2, "yeast": 0.3, "satimage": 0.9, "segment": 1.0}
    rows = [
        row(method, loss=loss, dataset=name, student=student, size=size, seed=seed)
        for name, share in shares.items()
        for student, size, factor in (("tree", "16", 1.0), ("linear", "", 0.5))
        for method, loss in (("direct", 0.4), ("ours", 0.4 - 0.1 * factor * share))
        for seed in (0, 1)
    ]
    # The gap of segment, whose mean is .1 as that of the others, may be chance.
    rows += [
        row("teacher", loss=loss, dataset=name, seed=seed)
        for name in shares
        for seed, loss in enumerate((0.21, 0.39) if name == "segment" else (0.3, 0.3))
    ]
    # Tree: .2 .3 .9 1; linear: half of that. Without the last .3 and .15.
    assert (
        "the median of their medians is 0.45 with those in brackets (0.38 over all cells at once), "
        "0.23 without those in brackets (0.25 over all cells at once)."
    ) in written(rows)


def test_every_section_of_a_suite_is_there(quick):
    assert _headings(quick) == [
        "Where distillation wins, ties and loses today",
        "Gap closed",
        "What each ingredient does",
        "Quality against size and speed",
        "Where distillation does not help",
        "Against other projects",
        "What failed, was skipped or never ran",
        "How it was run",
    ]


def test_does_not_help_lists_losses_and_idle_ingredients(quick):
    section = quick[quick.index("## Where distillation does not help") : quick.index("## Against")]
    assert section.count("| boosting 155 |") == 3
    assert "**Students that do not gain:** linear, boosting 155." in section
    assert "| cross fit | tree 16 | 0 | 0 | 7 |" in section
    assert "augment" not in section


def test_teacher_worse_than_the_direct_fit_is_named(written):
    rows = [row("teacher", loss=0.5), row("direct", loss=0.4), row(loss=0.4)]
    text = written(rows)
    assert "- adult: tree 16" in text
    assert "| adult | no gap |" in text


def test_reasons_of_failures_are_shown_and_cannot_break_the_page(written):
    text = written(
        [*suite_rows(datasets=SOME), crashed(dataset="yeast", seed=7, reason="<b>`x`\n| [y](z)")]
    )
    failures = text[text.index("## What failed") : text.index("## How it was run")]
    assert "`ValueError: a \\| b`" in failures
    assert "`trustee is not installed`" in failures
    assert "`<b>'x' \\| [y](z)`" in failures
    assert "never reached" in failures  # the other cells of seed 7


def test_missing_cells_are_those_of_sets_of_the_same_task():
    rows = suite_rows()
    assert missing_cells(rows) == []
    gone = next(one for one in rows if one["method"] == "figs" and one["dataset"] in REGRESSION)
    (key,) = missing_cells([one for one in rows if one is not gone])
    assert key._asdict() == {name: gone[name] for name in key._fields}


def test_missing_cells_of_curves_are_those_with_as_many_labels():
    rows = curve_rows()
    rows += [
        {**one, "dataset": f"yeast{one['dataset'][5:]}"}
        for one in rows
        if "adult" in one["dataset"]
    ]
    assert missing_cells(rows) == []
    gone = next(one for one in rows if one["method"] == "ours-unlabeled_500")
    (key,) = missing_cells([one for one in rows if one is not gone])
    assert (key.dataset, key.method) == ("adult@200", "ours-unlabeled_500")


@pytest.mark.parametrize(
    ("rows", "absent"),
    [
        (suite_rows(datasets=SOME), ["full", *NARROW, "dao", "deploy", *LAST]),
        (dao_rows(), ["quick", "full", *NARROW, "deploy", *LAST]),
        (deploy_rows(), ["quick", "full", *NARROW, "dao", *LAST]),
        (
            [
                *suite_rows("full", datasets=SOME),
                *dao_rows(),
                *deploy_rows(),
                *narrow_rows(),
                *compact_rows(),
                *kind_rows(),
            ],
            ["quick"],
        ),
        ([], ["quick", "full", *NARROW, "dao", "deploy", *LAST]),
    ],
    ids=["quick", "dao", "deploy", "all but quick", "nothing"],
)
def test_any_suites_give_a_page_that_says_what_is_missing(written, rows, absent):
    text = written(rows)
    assert f"Not run yet: {', '.join(absent)} (" in text
    unknown = "Unknown: neither `quick` nor `full` has results yet."
    assert (unknown in text) == ({"quick", "full"} <= set(absent))
    assert ("## Dao et al. 2021 again" in text) == ("dao" not in absent)
    assert ("## Deployment" in text) == ("deploy" not in absent)


def test_targets_of_deployment_are_checked(written, tmp_path):
    rows = deploy_rows()
    text = written(rows)
    assert "one row takes 10 µs in the fastest form of a teacher (lightgbm500, C)" in text
    assert "0.25 to 0.25 in C, 2 to 2 in Python, 12 to 12 as estimators" in text
    assert "As estimators 5 of them are slower than that teacher, and in batches 0 of 5" in text
    assert (
        "estimator: tree, linear, additive | 20 µs | 12 µs | tree 16, estimator, adult | yes |"
        in text
    )
    assert "against scikit-learn's own | 1.00 times | 0.80 times | tree 16" in text
    assert "| C | 0.400 | 0.25 |" in text
    assert "| 1.25 times | 2e-16 |" in text
    slow = next(one for one in rows if one["student"] == "linear" and one["method"] == "ours")
    slow["us_1"] = 25.0
    text = _write(rows, tmp_path / "slow")
    assert "| 20 µs | 25 µs | linear, estimator, adult | **2 of 3** |" in text


def test_deployment_without_some_forms_is_written(written):
    rows = [one for one in deploy_rows() if one["method"] in ("teacher", "ours")]
    text = written([{**one, "input": "frame"} for one in rows])
    assert "| not measured |" in text
    assert "the teacher has an encoder of scikit-learn in front." in text


def test_promises_of_the_search_are_counted(written):
    text = written(compact_rows())
    assert "**500 times smaller**" in text
    assert "In 2 of 3 runs a student was said to be within the tolerance" in text
    assert "on the test rows **1 of 2** are (50 %; " in text
    assert "so many promises show a rate above 3 %, with 95 % confidence" in text
    assert "Of the 1 promise that the test rows do not confirm, 1 by more" in text
    assert "In the other 1 run nothing could be promised" in text
    assert "0.009 ± 0.001, **beyond**" in text


def test_kinds_of_knowledge_are_told_with_their_effect(written):
    text = written(kind_rows())
    line = (
        "| response and features | response | `mlp` | tree 16 | -5.0 % [-5.0 %, -5.0 %] | 3/0/0 |"
    )
    assert line in text
    assert "| response and relations | response | `mlp` | tree 16 | +2.5 %" in text
    assert "| self-distillation | true labels alone | itself | tree 16 | -2.0 %" in text
    assert "A generation after the direct fit was kept in 2 of 3 fits." in text


def test_nothing_is_missing_when_all_ran(written):
    suites = [one for name in ("full", "quick") for one in suite_rows(name, datasets=SOME)]
    rows = [*suites, *dao_rows(), *deploy_rows(), *narrow_rows(), *compact_rows(), *kind_rows()]
    assert "Not run yet" not in written(rows)


def test_full_is_told_before_quick_and_by_teacher(written):
    full = suite_rows("full", teachers=("ensemble", "lightgbm"), datasets=SOME)
    text = written([*suite_rows("quick", datasets=SOME), *full])
    assert "Suite `full`: 3 data sets, 2 seeds, teacher `ensemble`" in text
    assert "### By teacher" in text
    assert "| lightgbm |" in text


def test_paper_stands_beside_ours(written):
    text = written(dao_rows())
    line = re.search(r"\| adult \| forest1 \| cross_fit \| (\S+) \|.*\| 0\.8989 \| (\S+) \|", text)
    assert float(line.group(1)) - 0.8989 == pytest.approx(float(line.group(2)), abs=2e-4)
    assert "| adult | forest5 | 64 |" in text
    assert "- ours against direct: 2/0/0" in text


def test_suite_whose_cells_all_failed_gives_a_page(written):
    text = written([crashed(), crashed("teacher"), crashed("direct")])
    assert "Unknown" in text
    assert "`exit code -9`" in text


def test_same_rows_give_the_same_files(tmp_path):
    for one in suite_rows(datasets=SOME):
        append_row(tmp_path / "results" / "quick.jsonl", one)
    contents = []
    for _ in range(2):
        page = write_report(tmp_path / "results", tmp_path / "docs")
        figures = sorted((page.parent / "_static").glob("**/*.svg"))
        contents.append([path.read_bytes() for path in (page, *figures)])
    assert contents[0] == contents[1]
    assert [path.stem for path in figures] == ["bytes", "gap", "speed", "wins"]
    assert max(map(len, contents[0][1:])) < 60_000


def test_figures_of_an_older_report_go(written, tmp_path):
    old = tmp_path / "docs" / "_static" / "results" / "old.svg"
    old.parent.mkdir(parents=True)
    old.write_text("<svg/>")
    written(suite_rows(datasets=("adult",)))
    assert not old.exists()


@pytest.mark.parametrize(
    ("wins", "ties", "losses", "verdict"),
    [
        (6, 4, 0, "gains"),
        (6, 2, 2, "gains"),
        (5, 2, 3, "mixed"),
        (3, 6, 1, "mixed"),
        (2, 6, 2, "does not gain"),
        (0, 9, 0, "does not gain"),
    ],
)
def test_verdicts_follow_the_rule_on_the_page(wins, ties, losses, verdict):
    ours = [0.3] * wins + [0.4] * ties + [0.5] * losses
    rows = [row(loss=loss, dataset=str(number)) for number, loss in enumerate(ours)]
    rows += [row("direct", loss=0.4, dataset=str(number)) for number in range(len(ours))]
    assert verdict_of(pair(rows)) == verdict


def test_page_of_the_documentation_is_that_of_the_stored_results(tmp_path):
    root = Path(__file__).parents[2]
    page = write_report(root / "benchmarks" / "results", tmp_path)
    stored = (root / "docs" / "results.md").read_text(encoding="utf-8")
    assert page.read_text(encoding="utf-8") == stored, "run `python -m benchmarks report`"


@pytest.mark.parametrize("method", ["ours", "ours-no_search"], ids=["old rows", "new rows"])
def test_trees_are_compared_without_the_search_where_there_is_one(written, method):
    text = written(tree_rows(method))
    assert "| tree 8 | -5.0 % | 1 of 2 sets | -20.0 % | 1 of 1 sets | 3/0/0 |" in text
    assert "| **median** |  |  | -10.0 % |  |" in text


def test_narrow_suites_answer_their_questions(written):
    text = written(narrow_rows())
    assert "| tree 8 | -5.0 % | 1 of 2 sets | -20.0 % | 1 of 1 sets | 3/0/0 |" in text
    assert "| tree 64 | -20.0 % | 2 of 2 sets | -20.0 % | 1 of 1 sets | 3/0/0 |" in text
    assert "| **median** |  |  | -10.0 % |  |" in text
    assert "- teacher `lightgbm`: lower log loss in 1 of 2 cells (1/0/1 wins/ties/losses)" in text
    assert "| lightgbm | adult | 0.400 | 0.300 | 0.250 | win |" in text
    assert "| tree 64 | 1,000,000 | 10 | 20 | 0.50 | 1.50 | 3.00 |" in text


def test_samplers_stand_against_no_augmented_rows(written):
    text = written(sampler_rows())
    assert "| munge | -25.0 % (2/0/0) | -25.0 % (2/0/0) | -25.0 % (4/0/0) |" in text
    assert "| jitter | +10.0 % (0/0/2) | +10.0 % (0/0/2) | +10.0 % (0/0/4) |" in text
    assert "| adult | 0.70 | 0.90 |" in text
    assert "| **median** | 0.70 | 0.90 |" in text


def test_curves_tell_what_labels_are_worth(written, tmp_path):
    text = written(curve_rows())
    # Up to the end of its curve the direct fit needs twice the labels, or four times.
    assert re.search(
        r"\| tree 16 \| 100 \| 2 \|.*\| 2 of 4 fits \|.*2/0/0.*\| 2\.0 times \| 4\.0 times \|", text
    )
    bound = "at least 1.0 times"
    assert re.search(rf"\| tree 16 \| 400 \| 2 \|.*\| {bound} \| {bound} \|", text)
    assert re.search(r"\| tree 16 \| 200 \| 2 \|.*\| 2\.0 times \| at least 2\.0 times \|", text)
    assert "- mlp 32: distilled 6/0/0, with unlabelled rows 6/0/0; with them against" in text
    for name in ("curves_tree_16", "curves_mlp_32", "unlabeled"):
        assert f"_static/results/{name}.svg" in text
    drawn = (tmp_path / "docs" / "_static" / "results" / "curves_tree_16.svg").read_text()
    assert all(word in drawn for word in ("adult", "concrete", "with unlabelled rows", "teacher"))


def test_numbers_of_unlabelled_rows_stand_beside_each_other(written):
    text = written(curve_rows())
    assert "With 200 labelled rows" in text
    assert "| student | data set | 0 | 500 | 2000 | all |" in text
    line = re.search(r"\| tree 16 \| \*\*median\*\* \| (.*) \|\n", text).group(1)
    changes = [float(value.removesuffix(" %")) for value in line.split(" | ")]
    assert changes == sorted(changes, reverse=True)
    assert changes[0] == pytest.approx(100 * (0.8 / 0.9 - 1), abs=0.06)


def test_curves_without_unlabelled_rows_are_written_too(written):
    rows = [one for one in curve_rows() if "unlabeled" not in one["method"]]
    text = written(rows)
    assert "curves_tree_16" in text
    assert "The number of rows without labels" not in text


def test_poor_teachers_are_told_with_their_worst_set(written):
    text = written(poor_rows())
    assert (
        "| constant | tree 16 | 0 of 2 sets | 0.0 % | 0.0 % | 0/2/0 | +50.0 % | +50.0 % | 0/0/2 |"
        in text
    )
    assert "| noise | tree 16 | 1 of 2 sets | +2.5 % | +5.0 % | 0/1/1 |" in text


def test_the_search_tells_its_choices_and_its_cost(written):
    rows = searched_rows()
    text = written(rows)
    section = text[text.index("## The search") : text.index("## Quality against")]
    ours = [one for one in rows if one["method"] == "ours" and one["status"] == "ok"]
    kept = [one for one in ours if not one["chosen"]["used_teacher"]]
    direct = re.search(r"\| the direct fit \| (.*) \|", section).group(1).split(" | ")
    assert sum(map(int, direct)) == len(kept) > 0
    assert "| 1 of the true labels |" in section
    assert "MungeSampler" not in section  # all have it: there was no choice
    assert re.search(r"\| tree 16 \| -2\.0 % \| .* \| 13 \| 1 \| 10 \| 10\.0 \| 10\.0 \|", section)


def test_the_search_is_an_ingredient_and_the_others_are_compared_without_it(tmp_path):
    text = _write(searched_rows(), tmp_path / "new")
    section = text[text.index("## What each ingredient") : text.index("## The search")]
    assert re.search(r"\| without search \| \+2\.0 % ", section)
    old = _write(suite_rows(), tmp_path / "old")
    assert "## The search" not in old
    assert "without search" not in old
    for method in ("augment", "cross fit"):
        new_change, old_change = (
            float(re.search(rf"\| without {method} \| (\S+) %", page).group(1))
            for page in (text, old)
        )
        assert new_change < old_change - 1.0
