"""The layers hold: read every import of the package and compare it with the table of layers."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = "skdistill"
ROOT = Path(__file__).parent.parent / PACKAGE

# (layer, place within the layer). A module may import modules of a smaller pair; equal pairs may
# not import each other, except on the ground floor.
GROUND = (0, 0)
LAYERS: dict[str, tuple[int, int]] = {
    "exceptions": GROUND,
    "_columns": GROUND,
    "_compat": GROUND,
    "_optional": GROUND,
    "_output": GROUND,
    "_validation": GROUND,
    "targets": (1, 0),
    "losses": (1, 1),
    "hints": (1, 1),
    "metrics": (1, 1),
    "_scorers": (1, 2),
    "_intervals": (1, 3),
    "_ensembles": (1, 1),
    "teachers": (2, 0),
    "transfer": (2, 0),
    "students": (2, 0),
    "knowledge": (2, 1),
    "_record": (3, 0),
    "_trust": (3, 0),
    "_choosing": (3, 1),
    "_candidates": (3, 2),
    "_comparison": (3, 2),
    "_problem": (3, 2),
    "_trials": (3, 3),
    "_labels": (3, 4),
    "_learning": (3, 4),
    "_selection": (3, 5),
    "_holder": (3, 5),
    "_generations": (3, 5),
    "_base_distilled": (3, 6),
    "_base_self_distilled": (3, 7),
    "distillation": (3, 7),
    "self_distillation": (3, 8),
    "export": (4, 0),
    "persistence": (4, 0),
    "plotting": (4, 0),
    "report": (4, 1),
    "search": (4, 1),
    "__init__": (5, 0),
    "cli": (5, 1),
    "__main__": (5, 2),
}

# What a fitted student becomes must not know where it came from.
FORBIDDEN = {
    "export": {"teachers", "transfer", "distillation"},
    "persistence": {"teachers", "transfer"},
}

OPTIONAL = {
    "autogluon",
    "catboost",
    "jinja2",
    "lightgbm",
    "matplotlib",
    "onnx",
    "onnxruntime",
    "pandas",
    "polars",
    "torch",
    "xgboost",
}


def check_source(module: str, source: str, *, is_package: bool = False) -> list[str]:
    """List what is wrong with the imports of a module.

    `module` is its dotted name, such as ``"skdistill.students.tree"``; `is_package` says that
    the source is that of an ``__init__.py``. Imports inside functions and under TYPE_CHECKING
    count for the layers.
    """
    unit = _unit_of(module)
    if unit not in LAYERS:
        return [f"{module}: the new module {unit!r} has no layer; give it one in LAYERS."]
    tree = ast.parse(source)
    problems = []
    for target, line in _imports(tree, module, is_package):
        where = f"{module}:{line}"
        if target.split(".")[0] == PACKAGE:
            problems += _check_layer(unit, _unit_of(target), where)
        elif target.split(".")[0] == "sklearn" and unit != "_compat" and _is_private(target):
            problems.append(f"{where}: {target} is private; go through _compat.")
    problems += [
        f"{module}:{line}: sklearn's private {name} is used; go through _compat."
        for name, line in _private_attributes(tree)
        if unit != "_compat"
    ]
    problems += [
        f"{module}:{line}: {name} is optional; import it where it is used."
        for name, line in _imported_at_top(tree.body)
        if name in OPTIONAL
    ]
    return problems


def _unit_of(module: str) -> str:
    """Name the module or subpackage directly below the package; the package is ``__init__``."""
    parts = module.split(".")
    return parts[1] if len(parts) > 1 else "__init__"


def _check_layer(unit: str, target: str, where: str) -> list[str]:
    if target == unit:
        return []
    if target not in LAYERS:
        return [f"{where}: the module {target!r} has no layer; give it one in LAYERS."]
    if target in FORBIDDEN.get(unit, ()):
        return [f"{where}: {unit} must not know {target}."]
    if LAYERS[target] < LAYERS[unit] or LAYERS[target] == LAYERS[unit] == GROUND:
        return []
    return [f"{where}: {unit} {LAYERS[unit]} imports {target} {LAYERS[target]}."]


def _imports(tree: ast.Module, module: str, is_package: bool) -> Iterator[tuple[str, int]]:
    """Yield the full dotted name and the line of everything imported anywhere in a module."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name, node.lineno
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                parents = module.split(".")
                cut = len(parents) - node.level + is_package
                base = ".".join(parents[:cut] + ([node.module] if node.module else []))
            for alias in node.names:
                yield _resolve(base, alias.name), node.lineno


def _resolve(base: str, name: str) -> str:
    """Join, except where `from skdistill import Name` takes a name of ``__init__`` itself."""
    if base == PACKAGE and name not in LAYERS and not _is_module(name):
        return PACKAGE
    return f"{base}.{name}"


def _is_module(name: str) -> bool:
    return (ROOT / name).is_dir() or (ROOT / f"{name}.py").is_file()


def _is_private(target: str) -> bool:
    return any(part.startswith("_") and part != "__version__" for part in target.split("."))


def _private_attributes(tree: ast.Module) -> Iterator[tuple[str, int]]:
    """Yield uses such as ``sklearn.utils._safe_indexing``."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            name = ast.unparse(node)
            if name.startswith("sklearn.") and _is_private(name):
                yield name, node.lineno


def _imported_at_top(body: list[ast.stmt]) -> Iterator[tuple[str, int]]:
    """Yield the packages that importing the module imports (not functions, TYPE_CHECKING)."""
    for node in body:
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name.split(".")[0], node.lineno
        elif isinstance(node, ast.ImportFrom) and not node.level:
            yield (node.module or "").split(".")[0], node.lineno
        elif isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            yield from _imported_at_top(node.orelse)
        elif not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            for field in ("body", "orelse", "finalbody"):
                yield from _imported_at_top(getattr(node, field, []))
            for handler in getattr(node, "handlers", []):
                yield from _imported_at_top(handler.body)


def _modules() -> list[tuple[str, Path]]:
    found = []
    for path in sorted(ROOT.rglob("*.py")):
        parts = path.relative_to(ROOT.parent).with_suffix("").parts
        found.append((".".join(p for p in parts if p != "__init__"), path))
    return found


@pytest.mark.parametrize(
    ("module", "path"), [pytest.param(*found, id=found[0]) for found in _modules()]
)
def test_module_keeps_to_its_layer(module, path):
    is_package = path.name == "__init__.py"
    problems = check_source(module, path.read_text(encoding="utf-8"), is_package=is_package)
    assert not problems, "\n".join(problems)


@pytest.mark.parametrize(
    ("module", "source", "complaint"),
    [
        ("targets", "from skdistill.losses import softmax", "targets (1, 0) imports losses"),
        ("losses", "import skdistill.metrics", "losses (1, 1) imports metrics"),
        ("students.tree", "from skdistill.teachers import as_teacher", "imports teachers"),
        ("students.tree", "from skdistill import teachers", "imports teachers"),
        ("students.tree", "from ..transfer import cross_fit", "imports transfer"),
        ("students.tree", "from .. import transfer", "imports transfer"),
        ("students.tree", "from skdistill import DistilledClassifier", "imports __init__"),
        ("transfer._set", "def f():\n    import skdistill.distillation", "imports distillation"),
        (
            "metrics",
            "if TYPE_CHECKING:\n    from skdistill.students import TreeStudentClassifier",
            "imports students",
        ),
        ("distillation", "from skdistill.cli import main", "imports cli"),
        ("export.c", "from skdistill.teachers import Teacher", "export must not know teachers"),
        ("brand_new", "import numpy", "give it one in LAYERS"),
        ("students.tree", "import skdistill.brand_new", "give it one in LAYERS"),
        ("losses", "from sklearn.utils import _safe_indexing", "go through _compat"),
        ("losses", "from sklearn.tree._tree import Tree", "go through _compat"),
        ("losses", "def f():\n    import sklearn.tree._tree", "go through _compat"),
        ("losses", "import sklearn\nsklearn.utils._safe_indexing(X, i)", "go through _compat"),
        ("_columns", "import pandas as pd", "pandas is optional"),
        ("students.boosting", "from lightgbm import Booster", "lightgbm is optional"),
        ("report", "try:\n    import jinja2\nexcept ImportError:\n    pass", "jinja2 is optional"),
        ("report", "try:\n    pass\nexcept ImportError:\n    import torch", "torch is optional"),
        ("teachers", "from autogluon.tabular import TabularPredictor", "autogluon is optional"),
        ("report", "class A:\n    import polars.selectors", "polars is optional"),
    ],
)
def test_checker_finds_bad_imports(module, source, complaint):
    problems = check_source(f"skdistill.{module}", source)
    assert any(complaint in problem for problem in problems), problems


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("students.tree", "from skdistill.students._base import StudentClassifier"),
        ("students.tree", "from ._base import StudentClassifier"),
        ("_columns", "from skdistill._optional import comes_from"),
        ("losses", "from skdistill.targets import soften"),
        ("cli._demo", "from skdistill import DistilledClassifier, __version__, students"),
        ("_compat", "from sklearn.utils import _safe_indexing"),
        ("_columns", "def f():\n    import pandas"),
        ("_columns", "if TYPE_CHECKING:\n    import pandas"),
        ("metrics", "import sklearn\nversion = sklearn.__version__"),
    ],
)
def test_checker_accepts_good_imports(module, source):
    assert check_source(f"skdistill.{module}", source) == []


def test_relative_imports_of_a_package_start_at_the_package():
    good = "from . import tree\nfrom .._optional import comes_from"
    assert check_source("skdistill.students", good, is_package=True) == []
    assert check_source("skdistill.students", "from ..teachers import Teacher", is_package=True)


def test_import_needs_no_optional_dependency():
    code = f"""
import sys
class Block:
    def find_spec(self, name, path=None, target=None):
        if name in {sorted(OPTIONAL)!r}:
            raise ImportError(name + " is blocked")
sys.meta_path.insert(0, Block())
import {PACKAGE}, {PACKAGE}.cli
"""
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT.parent)
