"""The examples of README and guide run, and the API reference is complete."""

from __future__ import annotations

import doctest
import importlib
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PAGES = sorted((ROOT / "docs").glob("**/*.rst"))
PAGES = [page for page in PAGES if not {"_build", "_templates", "generated"} & set(page.parts)]
WITH_EXAMPLES = [page for page in PAGES if ">>>" in page.read_text(encoding="utf-8")]


def test_pages_with_examples_are_found():
    assert len(WITH_EXAMPLES) >= 5


@pytest.mark.parametrize("page", WITH_EXAMPLES, ids=lambda page: page.stem)
def test_examples_of_page(page):
    flags = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS
    result = doctest.testfile(str(page), module_relative=False, optionflags=flags, encoding="utf-8")
    assert result.failed == 0


def test_example_of_readme(capsys, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)  # it writes files
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```python\n(.*?)```", text, flags=re.DOTALL)
    assert blocks
    names = {}  # the blocks follow each other
    for block in blocks:
        exec(compile(block, "README.md", "exec"), names)
    assert "agreement" in capsys.readouterr().out


@pytest.mark.parametrize(
    "module", ["skdistill", "skdistill.students", "skdistill.teachers", "skdistill.export"]
)
def test_public_names_are_in_the_reference(module):
    reference = (ROOT / "docs" / "api" / "index.rst").read_text(encoding="utf-8")
    listed = set(re.findall(r"^   (\w+)$", reference, flags=re.MULTILINE))
    namespace = importlib.import_module(module)
    public = {
        name
        for name in namespace.__all__
        if isinstance(getattr(namespace, name), type) and not name.startswith(("_", "Base"))
    }
    assert public - listed == set()


def test_readme_and_install_page_give_the_same_commands():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    install = (ROOT / "docs" / "install.rst").read_text(encoding="utf-8")
    for command in ("pip install '.[boosting]'", "skdistill demo", "pip install '.[test]'"):
        assert command in readme
        assert command in install
