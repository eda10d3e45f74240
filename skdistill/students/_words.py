"""Short words for drawings."""

from __future__ import annotations


def shorten(text: str, longest: int = 18) -> str:
    """Cut a text that is too long for a drawing, with an ellipsis."""
    return text if len(text) <= longest else text[: longest - 1] + "…"
