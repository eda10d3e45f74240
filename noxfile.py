"""Checks in environments of their own: ``nox`` alone tests both ends of what is supported."""

from __future__ import annotations

import nox

nox.options.sessions = ["tests"]
nox.options.reuse_existing_virtualenvs = True
nox.options.error_on_missing_interpreters = True  # a skipped end has not passed

# Oldest and newest Python, each with the scikit-learn of its end.
ENDS = [
    nox.param("3.10", "scikit-learn==1.6.*", id="oldest"),
    nox.param("3.13", "scikit-learn", id="newest"),
]


@nox.session
@nox.parametrize(("python", "scikit_learn"), ENDS)
def tests(session: nox.Session, scikit_learn: str) -> None:
    """Run the tests and the documented examples."""
    session.install("--upgrade", ".[test]", scikit_learn)
    session.run("python", "-c", "import sys, sklearn; print(sys.version, sklearn.__version__)")
    session.run("pytest", *session.posargs)


@nox.session
def foreign(session: nox.Session) -> None:
    """Test teachers of libraries that are too large for the extra test."""
    session.install(".[test,torch]", "skl2onnx", "onnxmltools")
    session.run("pytest", "tests/teachers", "skdistill/teachers", *session.posargs)


@nox.session
def browser(session: nox.Session) -> None:
    """Open the report's page in the Chromium that PySide6 brings."""
    session.install(".[test]", "pyside6")
    session.run("pytest", "-m", "browser", "tests/report", *session.posargs)


@nox.session
def lint(session: nox.Session) -> None:
    """Check style and layout."""
    session.install(*_pinned("ruff"))
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")


@nox.session
def types(session: nox.Session) -> None:
    """Check the type hints."""
    session.install(".", *_pinned("mypy"))
    session.run("mypy")


@nox.session
def docs(session: nox.Session) -> None:
    """Build the documentation; warnings are errors."""
    session.install(".[docs]")
    session.run("sphinx-build", "-W", "--keep-going", "-b", "html", "docs", "docs/_build/html")


@nox.session
def demo(session: nox.Session) -> None:
    """Run the demo with what the README installs for it."""
    session.install(".[boosting]")
    session.run("skdistill", "demo")


def _pinned(name: str) -> list[str]:
    """Return the requirement of a tool as the dev extra gives it."""
    extras = nox.project.load_toml("pyproject.toml")["project"]["optional-dependencies"]
    return [requirement for requirement in extras["dev"] if requirement.startswith(name)]
