"""The report as paragraphs and tables, the same for the terminal and the page."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

Content = dict[str, Any]

MODELS = ("teacher", "student", "direct")

NOTHING = "-"


@dataclass(frozen=True)
class Table:
    """A table of texts; the first cell of each row is its heading.

    A terminal shows the first `n_narrow` columns, None all.
    """

    caption: str
    header: list[str]
    rows: list[list[str]]
    n_narrow: int | None = None


@dataclass(frozen=True)
class Section:
    """A heading with what stands below it; `key` names it for the figures."""

    key: str
    title: str
    paragraphs: list[str] = field(default_factory=list)
    tables: list[Table] = field(default_factory=list)
    listing: str | None = None


def list_sections(content: Content) -> list[Section]:
    """Lay out all sections but the verdict, which stands above them."""
    writers: list[Callable[[Content], Section | None]] = [
        _measures,
        _cost,
        _fidelity,
        _worst,
        _calibration,
        _groups,
        _choice,
        _student,
    ]
    return [section for write in writers if (section := write(content)) is not None]


def number(value: Any, digits: int = 4) -> str:
    """Write a number shortly; a dash for none."""
    if value is None:
        return NOTHING
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    return f"{value:.{digits}g}" if isinstance(value, float) else str(value)


def _interval(cell: dict[str, Any]) -> str:
    if cell["low"] is None:
        return number(cell["value"])
    return f"{number(cell['value'])} ({number(cell['low'])} to {number(cell['high'])})"


def _measures(content: Content) -> Section:
    measures = content["measures"]
    models = [name for name in MODELS if name in measures[0]]
    rows = [
        [
            f"{row['measure']} ({row['better']} is better)",
            *(_interval(row[name]) for name in models),
            _interval(row["difference"]),
        ]
        for row in measures
    ]
    caption = f"Measures on {content['n_test']:,} test rows, with 95 % intervals"
    return Section(
        "measures",
        "Teacher and student side by side",
        tables=[Table(caption, ["measure", *models, "student minus teacher"], rows)],
    )


def _cost(content: Content) -> Section:
    cost = content["cost"]
    rows = [
        ["pickle, bytes", number(cost["teacher_bytes"]), number(cost["student_bytes"])],
        ["tables of the C form, bytes", NOTHING, number(cost["student_c_table_bytes"])],
        [
            "time in Python, µs per row",
            number(cost["teacher_us_per_row"], 3),
            number(cost["student_us_per_row"], 3),
        ],
    ]
    paragraphs = []
    if cost["times_smaller"] is not None:
        paragraphs.append(
            f"The student's pickle is {cost['times_smaller']:,.3g} times smaller than the "
            "teacher's. Times are of batches of 500 rows, on the machine that made this report."
        )
    caption = "Bytes and time of both models"
    return Section("cost", "Size and speed", paragraphs, [Table(caption, ["", *MODELS[:2]], rows)])


def _fidelity(content: Content) -> Section:
    names = {
        "agreement": "share of rows of the same class",
        "kl": "Kullback-Leibler divergence, nats",
        "brier": "Brier distance",
        "r2": "R² against the teacher",
        "rmse": "RMSE against the teacher",
    }
    fidelity = content["fidelity"].items()
    tables = [
        Table(
            "The student against the teacher's answers on the test rows",
            ["measure", "value"],
            [[names[key], number(value)] for key, value in fidelity],
        )
    ]
    bound = content["disagreement"]
    if bound["upper"] is None:
        paragraphs = [f"No bound of the disagreement on fresh rows. {bound['assumption']}"]
    else:
        paragraphs = [
            f"On {bound['n_rows']:,} fresh rows teacher and student disagree "
            f"{bound['n_disagreements']:,} times ({bound['meaning']}): with 95 % confidence on at "
            f"most {bound['upper']:.2%} of such rows. {bound['assumption']}"
        ]
    if content["confusion"] is not None:
        classes = content["classes"]
        rows = [
            [name, *map(number, counts)]
            for name, counts in zip(classes, content["confusion"], strict=True)
        ]
        caption = "Test rows by the teacher's class (down) and the student's (across)"
        tables.append(Table(caption, ["teacher says", *classes], rows))
    return Section("fidelity", "Does the student do what the teacher does?", paragraphs, tables)


def _worst(content: Content) -> Section | None:
    worst = content["worst_rows"]
    if not worst:
        return None
    columns = list(worst[0]["values"])
    rows = [
        [
            number(row["row"]),
            *(number(row[key]) for key in ("distance", "truth", "teacher", "student")),
            *(number(row["values"][name]) for name in columns),
        ]
        for row in worst
    ]
    header = ["row", "distance", "truth", "teacher", "student", *columns]
    measure = (
        "half of the summed differences of the probabilities"
        if content["task"] == "classification"
        else "the difference of the values"
    )
    paragraphs = [f"The distance is {measure}."]
    if content["regions"] is not None:
        paragraphs.append(
            "Below the table a small tree tells the regions where they are far apart: each leaf "
            "is the mean distance."
        )
    return Section(
        "worst",
        "Where they disagree most",
        paragraphs,
        [Table("The test rows of most disagreement", header, rows, n_narrow=5)],
        content["regions"],
    )


def _calibration(content: Content) -> Section | None:
    curves = content["calibration"]
    if curves is None:
        return None
    tables = []
    for name, curve in curves.items():
        pairs = zip(curve["predicted"], curve["observed"], strict=True)
        rows = [[f"{a:.3f}", f"{b:.3f}"] for a, b in pairs]
        caption = f"Calibration of the {name}"
        tables.append(Table(caption, ["mean predicted", "observed share"], rows))
    what = "the second class" if len(content["classes"]) == 2 else "the likeliest class"
    text = f"What is predicted for {what}, and how often it came true, in bins of equal rows."
    return Section("calibration", "Can the probabilities be taken at their word?", [text], tables)


def _groups(content: Content) -> Section | None:
    if not content["groups"]:
        return None
    metric = content["verdict"]["metric"]
    said = {
        "inherits": "the student inherits the teacher's gap: no difference beyond chance",
        "widens": "the student widens the teacher's gap",
        "narrows": "the student narrows the teacher's gap",
    }
    paragraphs = [
        f"Scores by {metric}, greater is better; intervals are of the student's shortfall, the "
        "teacher's score minus the student's. Groups of fewer than 20 rows do not count for gaps."
    ]
    tables = []
    for table in content["groups"]:
        rows = []
        for row in table["rows"]:
            shortfall = {"value": row["shortfall"], "low": row["low"], "high": row["high"]}
            scores = [number(row[key]) for key in ("n", "teacher", "student")]
            rows.append([row["group"], *scores, _interval(shortfall)])
        header = ["group", "rows", "teacher", "student", "shortfall"]
        more = table["n_groups"] - len(rows)
        caption = f"By {table['name']}" + (f" (the largest; {more} more)" if more else "")
        tables.append(Table(caption, header, rows))
        if table["teacher_gap"] is None:
            paragraphs.append(f"{table['name']}: too few rows in all groups but one to tell.")
        else:
            paragraphs.append(
                f"{table['name']}: between the best and the worst group the teacher's gap is "
                f"{number(table['teacher_gap'])} and the student's {number(table['student_gap'])}; "
                f"{said[table['verdict']]}."
            )
    return Section("groups", "Groups", paragraphs, tables)


def _choice(content: Content) -> Section:
    choice = content["choice"]
    rows = choice["rows"]
    paragraphs = [
        f"The student learned from {rows['real']:,} real, {rows['unlabeled']:,} unlabelled and "
        f"{rows['augmented']:,} augmented rows."
    ]
    if choice["plausibility"] is not None:
        paragraphs.append(
            "Of rows made in the same way from half of the test rows, a classifier tells the other "
            f"half with an AUC of {number(choice['plausibility'], 2)}, where 0.5 is not at all and "
            "1 is always."
        )
    if choice["search_verdict"]:
        paragraphs.append(f"The search said: {choice['search_verdict']}")
    settings = [
        [name, number(value), choice["reasons"].get(name, "")]
        for name, value in choice["settings"].items()
    ]
    tables = [Table("Settings", ["setting", "value", "why"], settings)]
    frontier = [
        [
            number(row.get("name")),
            "yes" if row.get("distilled") else "direct fit",
            *(number(row.get(key)) for key in ("bytes", "latency_us", "score", "upper")),
            "chosen" if row.get("chosen") else "",
        ]
        for row in choice["frontier"]
    ]
    if frontier:
        header = ["candidate", "distilled", "bytes", "µs", "score", "shortfall at most", ""]
        tables.append(Table("The frontier of size and quality", header, frontier))
    elif choice["candidates"]:
        tables.append(_candidates(choice["candidates"]))
    return Section("choice", "What was chosen, and why", paragraphs, tables)


def _candidates(candidates: list[dict[str, Any]]) -> Table:
    keys = [key for key in candidates[0] if key != "chosen"]
    rows = [
        [*(number(row.get(key)) for key in keys), "chosen" if row.get("chosen") else ""]
        for row in candidates
    ]
    caption = "Settings compared on held-out rows"
    return Table(caption, [*(key.replace("_", " ") for key in keys), ""], rows)


def _student(content: Content) -> Section:
    student = content["student"]
    paragraphs = [f"{student['class']}."]
    if "n_parameters" in student:
        paragraphs = [f"{student['class']} with {student['n_parameters']:,} parameters."]
    tables = []
    for key, total, caption in (
        ("points", "n_points", "Points of each bin; a row's score is their sum"),
        ("weights", "n_weights", "Weights of the encoded columns, largest first"),
    ):
        if student.get(key):
            header = list(student[key][0])
            rows = [[number(row[name]) for name in header] for row in student[key]]
            more = student[total] - len(rows)
            tables.append(Table(caption + (f" ({more} more)" if more > 0 else ""), header, rows))
    return Section("student", "The student itself", paragraphs, tables, student.get("rules"))
