"""The header of a C source: how to call it, what a row holds, what it costs."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from skdistill.export._c.source import categories
from skdistill.export._c.text import in_comment
from skdistill.export._form import Form, Input

# Levels that the comment lists of one category.
SHOWN_LEVELS = 12

HEADER = """\
/*
@ABOUT@
 */
#ifndef @P@_H
#define @P@_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

#define @M@_N_FEATURES @N_FEATURES@
@DECLARATIONS@
#ifdef __cplusplus
}
#endif

#endif
"""

CLASSIFIER = """\
#define @M@_N_CLASSES @N_CLASSES@

/* Probabilities of the classes of one row; the two must not overlap. */
void @P@_predict_proba(const @REAL@ *row, @REAL@ *proba);

/* Index of the most probable class of one row. */
int @P@_predict(const @REAL@ *row);

/* Text of a class; NULL for another index. */
const char *@P@_class_name(int index);

/* The same for rows one after the other. */
void @P@_predict_proba_batch(const @REAL@ *rows, size_t n_rows, @REAL@ *proba);
void @P@_predict_batch(const @REAL@ *rows, size_t n_rows, int *classes);
"""

REGRESSOR = """\

/* Value of one row. */
@REAL@ @P@_predict(const @REAL@ *row);

/* The same for rows one after the other. */
void @P@_predict_batch(const @REAL@ *rows, size_t n_rows, @REAL@ *values);
"""

LEVEL = """\

/* What a row holds for a category: the code of a text (UTF-8) that is told apart; NaN for NULL,
   which is missing; and -1 for all others, which are treated alike. */
@REAL@ @P@_level(int feature, const char *text);
"""


def write_header(
    form: Form,
    prefix: str,
    *,
    single: bool,
    costs: Sequence[str],
    version: str,
) -> str:
    """Write the header.

    Parameters
    ----------
    form : Form
        With sorted levels.
    prefix : str
        Of all names.
    single : bool
        Whether rows are float.
    costs : sequence of str
        Sentences about memory and accuracy.
    version : str
        Of this package.
    """
    kind = "regressor" if form.classes is None else f"classifier of {len(form.classes)} classes"
    declarations = REGRESSOR if form.classes is None else CLASSIFIER
    if categories(form.inputs):
        declarations += LEVEL
    about = [
        *_wrapped(f"{form.name}: a {kind}, written by skdistill {version}."),
        "",
        *(line for cost in costs for line in _wrapped(cost)),
        "",
        *_wrapped(
            f"A row is an array of {len(form.inputs)} {'float' if single else 'double'}. NaN is a "
            "missing value. Infinite numbers are compared as such, and what they are multiplied "
            "with may become NaN. Nothing is allocated, and there is no state: calls from many "
            "threads are safe. Link with -lm; compile without -ffast-math. Where numbers next to "
            "zero are flushed to it, rows that hold some may be predicted otherwise. Devices that "
            "read constants like variables copy the tables to RAM (AVR)."
        ),
        "",
        "Features of a row:",
        *(_describe(j, column, prefix) for j, column in enumerate(form.inputs)),
    ]
    if form.classes is not None:
        about += ["", "Classes:"]
        about += [f"  {k}  {in_comment(label)}" for k, label in enumerate(form.classes)]
    if _has_nul(form):
        about += ["", *_wrapped("In texts a NUL character is written as the two bytes C0 80.")]
    # User's names come last, so that nothing in them is replaced.
    names = {
        "@DECLARATIONS@": declarations,
        "@N_FEATURES@": str(len(form.inputs)),
        "@N_CLASSES@": str(len(form.classes or ())),
        "@REAL@": "float" if single else "double",
        "@P@": prefix,
        "@M@": prefix.upper(),
        "@ABOUT@": "\n".join(f" * {line}".rstrip() for line in about),
    }
    text = HEADER
    for name, value in names.items():
        text = text.replace(name, value)
    return text


def _wrapped(text: str) -> list[str]:
    return textwrap.wrap(text, width=92)


def _describe(j: int, column: Input, prefix: str) -> str:
    about = f"  {j}  {in_comment(column.name)}: "
    if not column.used:
        return about + "not looked at"
    if column.levels is None:
        return about + "number"
    shown = [in_comment(level) for level in column.levels[:SHOWN_LEVELS]]
    more = "" if len(shown) == len(column.levels) else ", ..."
    return about + f"category, {prefix}_level({j}, ...) of {', '.join(shown)}{more}"


def _has_nul(form: Form) -> bool:
    texts = [*(form.classes or ()), *(v for c in form.inputs for v in c.levels or ())]
    return any("\0" in str(text) for text in texts)
