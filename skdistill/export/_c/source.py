"""A form as C: the source, without its header."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from skdistill.export._c.parts import Source
from skdistill.export._c.quantize import Quantized, write_quantized
from skdistill.export._c.sums import write_network, write_sum
from skdistill.export._c.text import encode
from skdistill.export._c.trees import write_leaf_models, write_trees
from skdistill.export._form import Form, Input, LeafModels, Scorer, Sum, Trees

# The largest int of 16 bits.
SHORT = 2**15 - 1

# Stack for registers and return addresses of the at most five functions that are active at once.
FRAMES = 512

START = """\
/* How to call this, and what it costs, is told in the header. */
#include "@HEADER@"
#include <float.h>
@LIMITS@#include <math.h>
#include <stdint.h>
@INCLUDE@
#if defined(__FAST_MATH__) || (defined(__FINITE_MATH_ONLY__) && __FINITE_MATH_ONLY__)
#error "Missing values are NaN: compile without -ffast-math."
#endif
@CHECKS@
typedef @REAL@ real;

"""

# On some small devices double is float, and some options make constants float.
DOUBLE = """\
#if DBL_MANT_DIG < 53
#error "double has less than 64 bits here: export with dtype='float32'."
#endif
typedef char constants_are_double[sizeof(1.0) >= 8 ? 1 : -1];
"""

# Places in tables are counted in int.
LARGE = """\
#if INT_MAX < 2147483647
#error "The tables are too long for an int of 16 bits."
#endif
"""

IDENTITY = """\
void @P@_predict_proba(const real *row, real *proba)
{
    outputs(row, proba);
}
"""

MARGIN = """\
void @P@_predict_proba(const real *row, real *proba)
{
    real margin, e;
    outputs(row, &margin);
    e = @exp@(-@fabs@(margin));
    proba[!(margin < 0)] = 1 / (1 + e);
    proba[margin < 0] = e / (1 + e);
}
"""

LOGITS = """\
void @P@_predict_proba(const real *row, real *proba)
{
    const real largest = @MAX@ / 4; /* differences of two are finite */
    real highest, sum = 0;
    int k;
    outputs(row, proba);
    for (k = 0; k < @M@_N_CLASSES; ++k) {
        if (proba[k] > largest)
            proba[k] = largest;
        if (proba[k] < -largest)
            proba[k] = -largest;
    }
    highest = proba[0];
    for (k = 1; k < @M@_N_CLASSES; ++k)
        if (proba[k] > highest)
            highest = proba[k];
    for (k = 0; k < @M@_N_CLASSES; ++k) {
        proba[k] = @exp@(proba[k] - highest);
        sum += proba[k];
    }
    for (k = 0; k < @M@_N_CLASSES; ++k)
        proba[k] /= sum;
}
"""

CLASSIFIER = """\
int @P@_predict(const real *row)
{
    real proba[@M@_N_CLASSES];
    int k, best = 0;
    @P@_predict_proba(row, proba);
    for (k = 1; k < @M@_N_CLASSES; ++k)
        if (proba[k] > proba[best])
            best = k;
    return best;
}

void @P@_predict_proba_batch(const real *rows, size_t n_rows, real *proba)
{
    size_t i;
    for (i = 0; i < n_rows; ++i)
        @P@_predict_proba(rows + i * @M@_N_FEATURES, proba + i * @M@_N_CLASSES);
}

void @P@_predict_batch(const real *rows, size_t n_rows, int *classes)
{
    size_t i;
    for (i = 0; i < n_rows; ++i)
        classes[i] = @P@_predict(rows + i * @M@_N_FEATURES);
}
"""

REGRESSOR = """\
real @P@_predict(const real *row)
{
    real value;
    outputs(row, &value);
    return value;
}

void @P@_predict_batch(const real *rows, size_t n_rows, real *values)
{
    size_t i;
    for (i = 0; i < n_rows; ++i)
        values[i] = @P@_predict(rows + i * @M@_N_FEATURES);
}
"""

CLASS_NAME = """\
const char *@P@_class_name(int index)
{
    return index >= 0 && index < @M@_N_CLASSES ? class_texts + class_starts[index] : NULL;
}
"""

LEVEL = """\
real @P@_level(int feature, const char *text)
{
    int i;
    if (text == NULL)
        return (real)NAN;
    for (i = 0; i < N_CATEGORIES; ++i) {
        const struct category *c = &categories[i];
        int low = 0, high = c->n;
        if (c->feature != feature)
            continue;
        while (low < high) {
            const int middle = (low + high) / 2;
            const int order = strcmp(text, level_texts + level_starts[c->first + middle]);
            if (order == 0)
                return (real)middle;
            if (order < 0)
                high = middle;
            else
                low = middle + 1;
        }
    }
    return -1;
}
"""


@dataclass(frozen=True)
class Code:
    """A C source, and what it costs.

    Attributes
    ----------
    text : str
        The source without comments on top; it includes its header.
    table_bytes : int
        Bytes of its read-only tables.
    stack_bytes : int
        Bytes of stack that are enough for a call.
    """

    text: str
    table_bytes: int
    stack_bytes: int


def write_source(
    form: Form | Quantized,
    prefix: str,
    header: str,
    *,
    single: bool = False,
    texts: bool = True,
) -> Code:
    """Write the source of a form.

    Parameters
    ----------
    form : Form or Quantized
        With sorted levels, for `single` with thresholds that are float values.
    prefix, header : str
        Prefix of public names, and name of the header file.
    single : bool, default=False
        Compute in float.
    quantize : bool, default=False
        Write bit-packed trees and 16-bit values.
    texts : bool, default=True
        Include the texts of levels and classes, and the functions that tell them.
    """
    source = Source(single=single)
    if isinstance(form, Quantized):
        write_quantized(source, form)
        form = form.form
    else:
        _write_scorer(source, form.scorer)
    if form.classes is None:
        source.functions.append(REGRESSOR)
    else:
        link = {"identity": IDENTITY, "margin": MARGIN, "logits": LOGITS}[form.link]
        source.functions += [link, CLASSIFIER]
        source.stack_bytes += source.real_bytes * len(form.classes)
    include = ""
    if texts and form.classes is not None:
        _write_texts(source, "class", list(form.classes))
        source.function(CLASS_NAME)
    if texts and categories(form.inputs):
        _write_levels(source, form.inputs)
        include = "#include <string.h>\n"
    large = max(source.tables.longest, len(form.inputs)) > SHORT
    # What the user chose comes last, so that nothing in it is replaced.
    names = {
        "@LIMITS@": "#include <limits.h>\n" if large else "",
        "@CHECKS@\n": ("" if single else DOUBLE) + (LARGE if large else "") + "\n",
        "@INCLUDE@\n": include,
        "@REAL@": "float" if single else "double",
        "@MAX@": "FLT_MAX" if single else "DBL_MAX",
        "@exp@": "expf" if single else "exp",
        "@fabs@": "fabsf" if single else "fabs",
        "@P@": prefix,
        "@M@": prefix.upper(),
        "@HEADER@": header,
    }
    start, functions = START, "\n".join(source.functions)
    for name, value in names.items():
        start, functions = start.replace(name, value), functions.replace(name, value)
    text = f"{start}{source.tables.render()}\n{functions}"
    return Code(text, source.tables.nbytes, FRAMES + source.stack_bytes)


def _write_scorer(source: Source, scorer: Scorer) -> None:
    """Add the function ``outputs(row, out)``."""
    if isinstance(scorer, Trees):
        write_trees(source, scorer)
    elif isinstance(scorer, LeafModels):
        write_leaf_models(source, scorer)
    elif isinstance(scorer, Sum):
        write_sum(source, scorer)
    else:
        write_network(source, scorer)


def _write_texts(source: Source, name: str, values: Sequence[Any]) -> None:
    """Add texts one after the other, and where each starts."""
    texts = [encode(value) for value in values]
    source.tables.characters(f"{name}_texts", texts)
    source.tables.ints(f"{name}_starts", np.cumsum([0, *(len(t) + 1 for t in texts)])[:-1])


def _write_levels(source: Source, inputs: tuple[Input, ...]) -> None:
    """Add the sorted levels of all categories, and the search among them."""
    places = categories(inputs)
    levels = [inputs[j].levels or () for j in places]
    sizes = [len(values) for values in levels]
    # Where no category has a level the texts are never searched, but C knows no empty tables.
    _write_texts(source, "level", [level for values in levels for level in values] or [""])
    first = np.cumsum([0, *sizes])[:-1]
    source.tables.structs("categories", "category", {"feature": places, "first": first, "n": sizes})
    source.constant("N_CATEGORIES", len(places))
    source.function(LEVEL)


def categories(inputs: tuple[Input, ...]) -> list[int]:
    """List the inputs that are categories by name and are looked at."""
    return [j for j, c in enumerate(inputs) if c.levels is not None and c.used]
