"""Names and texts of the user's data, written so that no C compiler can take them for code."""

from __future__ import annotations

import re
from typing import Any

# Characters that a comment shows of one name.
SHOWN = 60

_PLAIN = frozenset(
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789 !#$%&()+,-./:;<=>@[]^_`{|}~"
)


def identifier(stem: str) -> str:
    """Make a prefix for C names of the stem of a file name.

    With an underscore and a name behind it, it is neither a keyword nor reserved: it starts with a
    letter and has no two underscores in a row.

    Examples
    --------
    >>> identifier("churn-2 (new)"), identifier("2nd"), identifier("__")
    ('churn_2_new', 'student_2nd', 'student')
    """
    name = re.sub(r"[^A-Za-z0-9]+", "_", stem).strip("_")
    return name if name[:1].isalpha() else f"student_{name}".rstrip("_")


def encode(text: Any) -> bytes:
    """Encode a level or a class as the bytes of a C string.

    They are UTF-8. A NUL, which would end the string, is the two bytes C0 80 as in Java, and
    lone surrogates are encoded like other characters, so that no two texts are the same bytes.
    """
    return str(text).encode("utf-8", "surrogatepass").replace(b"\0", b"\xc0\x80")


def in_comment(text: Any) -> str:
    r"""Write a text between quotes, on one line and without an end of the comment.

    Examples
    --------
    >>> print(in_comment('a "b" */ system();'), in_comment("Größe"), in_comment("a" * 99)[-8:])
    "a \"b\" \052/ system();" "Größe" aaaa..."
    """
    shown = str(text)
    if len(shown) > SHOWN:
        shown = shown[:SHOWN] + "..."
    return '"' + "".join(map(_shown, shown)) + '"'


def character(byte: int) -> str:
    """Write a byte as a character constant."""
    char = chr(byte)
    return f"'{char}'" if char in _PLAIN else f"'\\{byte:03o}'"


def _shown(char: str) -> str:
    if char in _PLAIN or (char.isprintable() and not char.isascii()):
        return char
    if char == '"':
        return '\\"'
    return "".join(f"\\{byte:03o}" for byte in char.encode("utf-8", "surrogatepass"))
