"""What both error trees promise: one contract, checked for the jobs' errors and for the clusters'."""

from __future__ import annotations

import pickle
import re
from types import ModuleType

import pytest

_LINE = re.compile(r"^(?P<indent>[│├└─ ]*)(?P<name>\w+)(?: +\((?P<builtin>\w+)\))? +(?P<code>\d+)\b", re.MULTILINE)


def drawn_tree(module: ModuleType) -> dict[str, tuple[str, str | None, int]]:
    """Return {name: (parent, built-in, exit code)} as the docstring of an errors module draws it."""
    drawn: dict[str, tuple[str, str | None, int]] = {}
    path: list[str] = []
    for line in _LINE.finditer(_drawing(module)):
        depth = len(line["indent"]) // 4
        path[depth:] = [line["name"]]
        drawn[line["name"]] = (path[depth - 1] if depth else "Exception", line["builtin"], int(line["code"]))
    return drawn


def defined_tree(module: ModuleType) -> dict[str, tuple[str, str | None, int]]:
    """Return the same of the classes that the module exports."""
    return {name: _facts_of(getattr(module, name)) for name in module.__all__}


def check_contract(kind: type[Exception]) -> None:
    """Check that an error shows its four lines, survives pickling, and carries an id and an exit code."""
    error = kind("it broke", cause="3 > 2", safe="the inputs", next="use 2")  # type: ignore[call-arg]
    copy = pickle.loads(pickle.dumps(error))
    assert str(error) == "it broke\n  cause: 3 > 2\n  safe:  the inputs\n  next:  use 2"
    assert (type(copy), str(copy)) == (kind, str(error))
    assert (copy.what, copy.cause, copy.safe, copy.next) == ("it broke", "3 > 2", "the inputs", "use 2")
    assert str(kind("it broke")) == "it broke"
    with pytest.raises(kind):
        raise error


def _drawing(module: ModuleType) -> str:
    drawing = (module.__doc__ or "").split("::", 1)[1].split("\n\n", 2)[1]
    return "\n".join(line.removeprefix("    ") for line in drawing.splitlines())


def _facts_of(kind: type[Exception]) -> tuple[str, str | None, int]:
    parent, *builtins = kind.__bases__
    return parent.__name__, builtins[0].__name__ if builtins else None, kind.exit_code  # type: ignore[attr-defined]
