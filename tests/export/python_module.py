"""The source of a Python form as a module, for the tests of what it does."""

from __future__ import annotations

from typing import Any


def run(source: str) -> dict[str, Any]:
    """Execute a source in a namespace of its own, and return that."""
    module: dict[str, Any] = {}
    exec(compile(source, "form", "exec", dont_inherit=True), module)
    return module
