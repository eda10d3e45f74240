"""Read-only tables of a C source, each in the smallest type that holds it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np

from skdistill.export._c.text import character

# Characters in a line of a table.
MAX_WIDTH = 96

INT_TYPES = (np.uint8, np.int8, np.uint16, np.int16, np.int32)


class Tables:
    """Tables in the order in which they were added, and what they weigh.

    Parameters
    ----------
    single : bool
        Whether the C type `real` is float, or double.

    Attributes
    ----------
    nbytes : int
        Bytes of all tables, with what C puts between the members of a structure.
    longest : int
        Number of entries of the longest table.
    """

    def __init__(self, *, single: bool) -> None:
        self.single = single
        self.nbytes = self.longest = 0
        self._parts: list[str] = []

    def reals(self, name: str, values: np.ndarray, *, comment: str = "") -> None:
        """Add a table of real numbers; they are rounded to the nearest float, if that is used."""
        self._array(name, "real", self._real_dtype, self._numbers(values), comment)

    def ints(self, name: str, values: np.ndarray | Sequence[int], *, comment: str = "") -> None:
        """Add a table of integers."""
        array = np.asarray(values, dtype=np.int64).ravel()
        dtype = smallest(array)
        self._array(name, f"{dtype.name}_t", dtype, map(str, array.tolist()), comment)

    def numbers(self, name: str, values: np.ndarray, *, comment: str = "") -> None:
        """Add a table of numbers, as integers where they are small whole ones."""
        small = np.abs(values) < 2**15
        if small.all() and (values == np.rint(values)).all():
            self.ints(name, values.astype(np.int64), comment=comment)
        else:
            self.reals(name, values, comment=comment)

    def characters(self, name: str, texts: Iterable[bytes], *, comment: str = "") -> None:
        """Add the characters of texts, with a zero at the end of each.

        Unlike literals they may be as long as they like, and hold no trigraphs.
        """
        entries = (entry for text in texts for entry in [*map(character, text), "0"])
        self._array(name, "char", np.dtype(np.int8), entries, comment)

    def structs(
        self,
        name: str,
        struct: str,
        members: Mapping[str, np.ndarray | Sequence[int]],
        *,
        comment: str = "",
    ) -> None:
        """Add a table of structures.

        Parameters
        ----------
        name, struct : str
            Names of the table and of the structure.
        members : mapping of str to array
            Float arrays become real numbers, others integers. A two-dimensional one becomes an
            array in the structure.
        """
        fields, texts = [], []
        declared = []
        for member, values in members.items():
            array = np.asarray(values)
            real = array.dtype.kind == "f"
            dtype = self._real_dtype if real else smallest(array)
            ctype = "real" if real else f"{dtype.name}_t"
            size = "" if array.ndim == 1 else f"[{array.shape[1]}]"
            fields.append((member, dtype, array.shape[1:]))
            declared.append(f"    {ctype} {member}{size};")
            flat = list(self._numbers(array) if real else map(str, array.ravel().tolist()))
            width = array.shape[1] if array.ndim == 2 else 1
            groups = [", ".join(flat[i : i + width]) for i in range(0, len(flat), width)]
            texts.append([f"{{{g}}}" for g in groups] if array.ndim == 2 else groups)
        record = np.dtype(fields, align=True)
        rows = ["{" + ", ".join(row) + "}" for row in zip(*texts, strict=True)]
        self._parts.append("\n".join([f"struct {struct} {{", *declared, "};\n"]))
        self._array(name, f"struct {struct}", record, rows, comment)

    def render(self) -> str:
        """Write the tables."""
        return "\n".join(self._parts)

    @property
    def _real_dtype(self) -> np.dtype:
        return np.dtype(np.float32 if self.single else np.float64)

    def rounded(self, values: np.ndarray) -> np.ndarray:
        """Return what numbers become in a table, as float64."""
        with np.errstate(over="ignore", under="ignore"):
            return np.asarray(values, dtype=np.float64).astype(self._real_dtype).astype(np.float64)

    def _numbers(self, values: np.ndarray) -> Iterable[str]:
        with np.errstate(over="ignore", under="ignore"):
            array = np.asarray(values, dtype=np.float64).ravel().astype(self._real_dtype)
        return (number(v) for v in array)

    def _array(
        self, name: str, ctype: str, dtype: np.dtype, values: Iterable[str], comment: str
    ) -> None:
        entries = list(values)
        if not entries:
            raise ValueError(f"The table {name} is empty, which C does not allow.")
        self.nbytes += dtype.itemsize * len(entries)
        self.longest = max(self.longest, len(entries))
        body = "\n".join(_lines(entries))
        about = f"/* {comment} */\n" if comment else ""
        self._parts.append(
            f"{about}static const {ctype} {name}[{len(entries)}] = {{\n{body}\n}};\n"
        )


def _lines(entries: Iterable[str]) -> Iterator[str]:
    """Break entries into lines; none is itself broken."""
    line = "   "
    for entry in entries:
        if len(line) + len(entry) > MAX_WIDTH:
            yield line
            line = "   "
        line += f" {entry},"
    yield line


def smallest(values: np.ndarray | Sequence[int]) -> np.dtype:
    """Return the smallest integer type that holds the values."""
    array = np.asarray(values)
    low, high = (int(array.min()), int(array.max())) if array.size else (0, 0)
    for dtype in INT_TYPES:
        if np.iinfo(dtype).min <= low and high <= np.iinfo(dtype).max:
            return np.dtype(dtype)
    raise OverflowError(f"values between {low} and {high} do not fit into 32 bits.")


def number(value: np.floating) -> str:
    """Write a finite or infinite number; a C compiler reads the same one.

    Examples
    --------
    >>> number(np.float64(0.1)), number(np.float32(0.1)), number(np.float64(-np.inf))
    ('0.1', '0.1f', '-HUGE_VAL')
    """
    suffix = "f" if value.dtype == np.float32 else ""
    if np.isinf(value):
        return f"{'-' if value < 0 else ''}HUGE_VAL{suffix.upper()}"
    if not suffix:
        return repr(float(value))
    # Not as str, which depends on NumPy's print options.
    short = value == 0 or 1e-4 <= abs(value) < 1e9
    write = np.format_float_positional if short else np.format_float_scientific
    return write(value, unique=True, trim="0") + suffix
