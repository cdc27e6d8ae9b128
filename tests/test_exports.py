"""`__all__` says what a module offers: every public function and class, sorted, and nothing that is not there."""

from __future__ import annotations

import ast
from importlib import import_module

import pytest
from source_tree import SourceFile, source_files

FILES = [file for file in source_files("jobs", "cluster") if file.path.name != "__main__.py"]
MODULES = [file for file in FILES if not file.is_package]


def sorted_exports(names: list[str]) -> list[str]:
    """Return names in the order that ruff (RUF022) keeps: constants, classes, functions."""
    return sorted(names, key=lambda name: (0 if name.isupper() else 1 if name[:1].isupper() else 2, name))


def defined_names(tree: ast.Module) -> set[str]:
    """Return the public functions and classes that a module defines, rather than imports."""
    definitions = (node.name for node in tree.body if isinstance(node, ast.ClassDef | ast.FunctionDef))
    return {name for name in definitions if not name.startswith("_")}


@pytest.mark.parametrize("file", MODULES, ids=lambda file: file.name)
def test_all_is_what_a_module_defines(file: SourceFile) -> None:
    module = import_module(file.module)
    exported = list(module.__all__)
    assert exported == sorted_exports(exported)
    # Constants and type aliases may be left out; functions and classes are either exported or private.
    assert defined_names(file.tree) - set(exported) == set()
    assert [name for name in exported if not hasattr(module, name)] == []


@pytest.mark.parametrize("file", [file for file in FILES if file.is_package], ids=lambda file: file.name)
def test_a_package_exports_what_it_can_give(file: SourceFile) -> None:
    package = import_module(file.module)
    exported = list(getattr(package, "__all__", []))
    assert exported == sorted_exports(exported)
    assert [name for name in exported if not hasattr(package, name)] == []


LAZY = [file for file in FILES if any(getattr(node, "name", "") == "__getattr__" for node in file.tree.body)]


@pytest.mark.parametrize("file", LAZY, ids=lambda file: file.name)
def test_no_part_of_a_package_takes_the_name_of_what_it_loads_when_used(file: SourceFile) -> None:
    # importing a.plan sets the attribute `plan` of a, and a.__getattr__ is not asked for a function of that name
    folder = file.path.parent
    parts = {path.stem for path in folder.glob("*.py")} | {path.parent.name for path in folder.glob("*/__init__.py")}
    assert parts & set(import_module(file.module).__all__) == set()
