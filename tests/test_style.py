"""Measures that no linter takes: a file fits in the head, a function does one thing, what is public is explained."""

from __future__ import annotations

import ast

import pytest
from source_tree import PACKAGES, ROOT, SourceFile, source_files

LONGEST_FILE = 250
LONGEST_FUNCTION = 50
VAGUE_NAMES = {"utils", "helpers", "common", "base", "manager", "misc"}

FILES = source_files()


def n_lines(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Return the length of a function without its docstring, which may be as long as it is useful."""
    body = function.body[1:] if ast.get_docstring(function) is not None else function.body
    signature = function.body[0].lineno - function.lineno
    return signature + (body[-1].end_lineno - body[0].lineno + 1 if body else 0)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_a_file_fits_in_the_head(file: SourceFile) -> None:
    n_lines_of_file = len(file.path.read_text().splitlines())
    assert n_lines_of_file <= LONGEST_FILE


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_a_function_does_one_thing(file: SourceFile) -> None:
    functions = [node for node in ast.walk(file.tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    assert {f.name: n_lines(f) for f in functions if n_lines(f) > LONGEST_FUNCTION} == {}


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_everything_public_has_a_docstring(file: SourceFile) -> None:
    documented = [file.tree, *(node for node in file.tree.body if is_public_definition(node))]
    bare = [getattr(node, "name", "the module") for node in documented if not ast.get_docstring(node)]
    assert bare == []


def is_public_definition(node: ast.stmt) -> bool:
    return isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_")


def test_no_module_has_a_vague_name() -> None:
    assert [str(path) for package in PACKAGES for path in (ROOT / package).rglob("*") if path.stem in VAGUE_NAMES] == []
