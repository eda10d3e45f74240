"""C code of sums over inputs, and of networks, which begin with one."""

from __future__ import annotations

import numpy as np

from skdistill.export._c.lookups import write_lookups
from skdistill.export._c.parts import COUNT_BELOW, Axes, Source
from skdistill.export._c.tables import Tables
from skdistill.export._form import Network, Slope, Sum, Table

INTERPOLATE = """\
/* The line between the knots next to x, flat outside. */
static real interpolate(const real *knot, const real *value, int n, real x)
{
    int i;
    real steep, y;
    if (x <= knot[0])
        return value[0];
    if (x >= knot[n - 1])
        return value[n - 1];
    i = count_below(knot, n, x) - 1;
    steep = (value[i + 1] - value[i]) / (knot[i + 1] - knot[i]);
    y = steep * (x - knot[i]) + value[i];
    if (isnan(y)) /* the knots are too far apart for a difference */
        y = steep * (x - knot[i + 1]) + value[i + 1];
    if (isnan(y) && !(value[i] < value[i + 1]) && !(value[i] > value[i + 1]))
        y = value[i];
    return y;
}
"""

SUM = """\
static void @NAME@(const real *row, real *out)
{
    int i, k;
    for (k = 0; k < N_SUMS; ++k)
        out[k] = intercepts[k];
@PARTS@}
"""

SLOPES = """\
    for (i = 0; i < N_SLOPES; ++i) {
        real x = row[slope_inputs[i]];
        if (isnan(x)) /* counts as the centre */
@MISSING@@MAP@        x -= slope_centres[i];
        for (k = 0; k < N_SUMS; ++k)
            out[k] += x * slope_coefs[i * N_SUMS + k];
    }
"""

MISSING = """\
        {
            const int r = slope_rows[i];
            for (k = 0; k < N_SUMS && r >= 0; ++k)
                out[k] += slope_missing[r * N_SUMS + k];
            continue;
        }
"""

MAP = """\
        if (slope_knots[i + 1] > slope_knots[i])
            x = interpolate(knots + slope_knots[i], knot_values + slope_knots[i],
                            slope_knots[i + 1] - slope_knots[i], x);
"""

TABLES = """\
    for (i = 0; i < N_TABLES; ++i) {
        const struct table *t = &tables[i];
        const int r = axis_row(row, t->axis);
        for (k = 0; k < N_SUMS; ++k)
            @OUT@[k] += points[t->start + r * N_SUMS + k];
    }
"""

DENSE = """\
/* A layer of numbers that were cut off at zero. */
static void dense(const real *in, int n_in, const real *coef, const real *intercept, int n_out,
                  real *out)
{
    int i, k;
    for (k = 0; k < n_out; ++k)
        out[k] = intercept[k];
    for (i = 0; i < n_in; ++i) {
        const real x = in[i];
        if (x <= 0)
            continue;
        for (k = 0; k < n_out; ++k)
            out[k] += x * coef[i * n_out + k];
    }
}
"""


def write_sum(source: Source, total: Sum, name: str = "outputs") -> None:
    """Add a function that sums an intercept and what each input adds to it."""
    source.constant("N_SUMS", len(total.intercept))
    intercept, parts = total.intercept, ""
    if total.slopes:
        parts += _write_slopes(source, total.slopes)
        intercept = intercept + _centres(total.slopes, source.tables) @ _coefs(total.slopes)
    source.tables.reals("intercepts", intercept)
    if total.tables:
        parts += write_points(source, total.tables)
        source.tables.reals("points", np.concatenate([t.points.ravel() for t in total.tables]))
    source.function(fill_sum(SUM.replace("@NAME@", name), parts))


def fill_sum(code: str, parts: str) -> str:
    """Put the parts into a function; what they do not use, C compilers complain of."""
    if not parts:
        code = code.replace("int i, k;", "int k;\n    (void)row;")
    elif "(i = 0;" not in parts:
        code = code.replace("int i, k;", "int k;")
    return code.replace("@PARTS@", parts)


def write_network(source: Source, network: Network) -> None:
    """Add ``outputs``, the layers one after the other; between two arrays they go to and fro."""
    write_sum(source, network.first, "first_layer")
    source.tables.reals("layer_coefs", np.concatenate([W.ravel() for W in network.coefs]))
    source.tables.reals("layer_intercepts", np.concatenate(network.intercepts))
    source.function(DENSE)
    widths = [len(network.first.intercept), *(W.shape[1] for W in network.coefs)]
    names = ["odd" if i % 2 else "even" for i in range(len(network.coefs))] + ["out"]
    arrays = {
        name: max(w for w, n in zip(widths, names, strict=True) if n == name) for name in names[:-1]
    }
    source.stack_bytes += source.real_bytes * sum(arrays.values())
    lines = [f"    real {name}[{width}];" for name, width in arrays.items()]
    lines.append("    first_layer(row, even);")
    coef = intercept = 0
    for i, W in enumerate(network.coefs):
        lines.append(
            f"    dense({names[i]}, {W.shape[0]}, layer_coefs + {coef}, "
            f"layer_intercepts + {intercept}, {W.shape[1]}, {names[i + 1]});"
        )
        coef, intercept = coef + W.size, intercept + W.shape[1]
    source.function(
        "\n".join(["static void outputs(const real *row, real *out)", "{", *lines, "}\n"])
    )


def _write_slopes(source: Source, slopes: tuple[Slope, ...]) -> str:
    """Add the coefficients; return the code that adds their products up."""
    tables, coefs = source.tables, _coefs(slopes)
    source.constant("N_SLOPES", len(slopes))
    tables.ints("slope_inputs", [s.input for s in slopes])
    tables.reals("slope_coefs", coefs)
    centres = _centres(slopes, tables)
    tables.reals("slope_centres", centres)
    missing = np.array([s.missing for s in slopes])
    rest = missing - centres[:, None] * coefs
    nothing = 2e-7 if tables.single else 1e-15 * np.maximum(1.0, np.abs(missing))
    unlike = (np.abs(rest) > nothing).any(axis=1)
    code = SLOPES.replace("@MISSING@", MISSING if unlike.any() else "            continue;\n")
    if unlike.any():
        tables.ints("slope_rows", np.where(unlike, np.cumsum(unlike) - 1, -1))
        tables.reals("slope_missing", rest[unlike])
    knots = [s.knots for s in slopes if s.knots is not None]
    if not knots:
        return code.replace("@MAP@", "")
    values = [s.values for s in slopes if s.values is not None]
    tables.reals("knots", np.concatenate(knots))
    tables.reals("knot_values", np.concatenate(values))
    lengths = [0 if s.knots is None else len(s.knots) for s in slopes]
    tables.ints("slope_knots", np.cumsum([0, *lengths]))
    source.function(COUNT_BELOW)
    source.function(INTERPOLATE)
    return code.replace("@MAP@", MAP)


def write_points(source: Source, parts: tuple[Table, ...], out: str = "out") -> str:
    """Add what finds a row's points; return the code that adds them to the array `out`."""
    starts = np.cumsum([0, *(part.points.size for part in parts)])[:-1]
    if any(len(part.axes) > 1 or part.axes[0].cuts is not None for part in parts):
        return write_lookups(source, parts, starts, out)
    axes = Axes()
    places = [axes.place(part.axes[0]) for part in parts]
    axes.write(source)
    source.constant("N_TABLES", len(parts))
    source.tables.structs("tables", "table", {"axis": places, "start": starts})
    return TABLES.replace("@OUT@", out)


def _coefs(slopes: tuple[Slope, ...]) -> np.ndarray:
    return np.array([s.coef for s in slopes], dtype=np.float64)


def _centres(slopes: tuple[Slope, ...], tables: Tables) -> np.ndarray:
    """Find the number that each missing value counts as, or comes closest to.

    Numbers are taken relative to it. For the student's own imputed means that leaves nothing else
    to be stored, and in single precision large numbers lose no digits in a difference of products.
    """
    coefs = _coefs(slopes)
    missing = np.array([s.missing for s in slopes])
    # By the largest coefficient of each, which no square can make vanish.
    largest = np.abs(coefs).argmax(axis=1)[:, None]
    divisor = np.take_along_axis(coefs, largest, axis=1)[:, 0]
    absent = np.take_along_axis(missing, largest, axis=1)[:, 0]
    with np.errstate(all="ignore"):
        centres = tables.rounded(absent / divisor)
    return np.where(np.isfinite(centres), centres, 0.0)
