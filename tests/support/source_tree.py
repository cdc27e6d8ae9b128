"""The project's source files, parsed: what the tests about the shape of the code look at."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SUPPORT = ROOT / "tests" / "support"
"""Where modules and scripts lie that tests stand on."""
PACKAGES = ("jobs", "cluster", "configs")


@dataclass(frozen=True, slots=True)
class SourceFile:
    """One Python file of ours: its path and the module it is installed as."""

    path: Path

    @property
    def name(self) -> str:
        """Where it lies in the repository, for messages."""
        return str(self.path.relative_to(ROOT))

    @property
    def is_package(self) -> bool:
        return self.path.name == "__init__.py"

    @property
    def module(self) -> str:
        """The installed name: ``arraymill.jobs.arrays.npy.source`` for ``jobs/arrays/npy/source.py``."""
        parts = self.path.relative_to(ROOT).with_suffix("").parts
        return ".".join(("arraymill", *(parts[:-1] if self.is_package else parts)))

    @property
    def tree(self) -> ast.Module:
        return _parse(self.path)

    def imports(self) -> Iterator[tuple[int, str]]:
        """Yield (line, module) of every import, those inside functions and by ``import_module("x")`` included."""
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import):
                yield from ((node.lineno, alias.name) for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                yield from ((node.lineno, module) for module in self._imported_from(node))
            elif isinstance(node, ast.Call) and (module := _imported_by_call(node)):
                yield node.lineno, self._absolute(module)

    def absolute_imports(self) -> Iterator[tuple[int, str]]:
        """Yield (line, module) of the imports that are spelled without a leading dot."""
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import):
                yield from ((node.lineno, alias.name) for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and node.level == 0:
                yield node.lineno, node.module or ""

    def _imported_from(self, node: ast.ImportFrom) -> Iterator[str]:
        source = self._absolute("." * node.level + (node.module or ""))
        for alias in node.names:
            # `from . import plan` names a module; `from .plan import Plan` names something inside one.
            whole = f"{source}.{alias.name}"
            yield whole if is_module(whole) else source

    def _absolute(self, module: str) -> str:
        level = len(module) - len(module.lstrip("."))
        if level == 0:
            return module
        package = self.module.split(".") if self.is_package else self.module.split(".")[:-1]
        return ".".join([*package[: len(package) - level + 1], *filter(None, [module[level:]])])


def source_files(*packages: str) -> list[SourceFile]:
    """Return the source files of `packages`, all of ours by default, sorted by path."""
    return [SourceFile(path) for package in packages or PACKAGES for path in sorted((ROOT / package).rglob("*.py"))]


def is_module(name: str) -> bool:
    """Return whether `name` is a module or package of ours."""
    top, *rest = name.split(".")
    path = ROOT.joinpath(*rest)
    return top == "arraymill" and bool(rest) and (path.with_suffix(".py").is_file() or (path / "__init__.py").is_file())


def _imported_by_call(node: ast.Call) -> str | None:
    function = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
    argument = node.args[0] if node.args else None
    if function in {"import_module", "__import__"} and isinstance(argument, ast.Constant):
        return str(argument.value)
    return None


@cache
def _parse(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))
