"""Where the modules are that a user names, and whether workers have them, too."""

from __future__ import annotations

import os
import sys
import sysconfig
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.machinery import BuiltinImporter, ModuleSpec, PathFinder
from pathlib import Path
from typing import Any

from ...errors import SpecError

__all__ = ["files_of", "find_module", "is_installed", "looking_in"]


def find_module(name: str) -> ModuleSpec:
    """Return where a module is; nothing is run. The folder that the command is called in is looked in first.

    Raises
    ------
    SpecError
        If it is nowhere.

    Examples
    --------
    >>> find_module("json.decoder").name
    'json.decoder'
    """
    parts = name.split(".")
    if all(part.isidentifier() for part in parts):
        path: Any = [str(Path.cwd()), *sys.path]
        for n in range(1, len(parts) + 1):
            spec = PathFinder.find_spec(".".join(parts[:n]), path) or BuiltinImporter.find_spec(parts[0])
            if spec is None:
                break
            path = spec.submodule_search_locations or []
            if n == len(parts):
                return spec
    raise SpecError(
        f"there is no module {name!r}",
        cause="looked for in this folder and in the installed packages",
        next="check its spelling, or name a file: path/to/file.py:function",
    )


def files_of(name: str) -> list[str]:
    """Return the files that a module's code is in: of one that is not installed, those of its whole package.

    Raises
    ------
    SpecError
        If it is nowhere.

    Examples
    --------
    >>> [Path(path).name for path in files_of("json.decoder")]
    ['decoder.py']
    """
    spec, package = find_module(name), find_module(name.split(".")[0])
    if not is_installed(spec) and package.submodule_search_locations:
        roots = [Path(location) for location in package.submodule_search_locations]
        return [str(path) for root in roots for path in sorted(root.rglob("*.py"))]
    return [spec.origin] if spec.origin is not None and Path(spec.origin).is_file() else []


def is_installed(spec: ModuleSpec) -> bool:
    """Return whether a module is one that workers have, too: of Python itself, or among the installed packages."""
    locations = [*(spec.submodule_search_locations or ()), *([spec.origin] if spec.origin else [])]
    roots = [sysconfig.get_path(key) for key in ("stdlib", "platstdlib", "purelib", "platlib")]
    if spec.origin in ("built-in", "frozen"):
        return True
    return any(location.startswith(root + os.sep) for location in locations for root in roots)


@contextmanager
def looking_in(folder: str) -> Iterator[None]:
    """Import from a folder first, as ``python file.py`` does."""
    sys.path.insert(0, folder)
    try:
        yield
    finally:
        sys.path.remove(folder)
