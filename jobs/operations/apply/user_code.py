"""Code of the user: found by what a job calls it, and carried to workers that do not have its file.

==========================  ==========================================================================
``file.py:name``            the text of the file travels, and is run once in each process that needs it
``module:name``             of an installed module its name travels; of any other module a copy of all of
                            its package that `name` uses (cloudpickle, by value)
==========================  ==========================================================================

What a file imports is imported on the worker: installed modules, and files beside it where the worker sees its folder.
All of it runs with the rights of the user who starts the job.
"""

from __future__ import annotations

import hashlib
import linecache
import os
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import reduce
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any, TypeAlias

from ...errors import InputError, SpecError
from .user_errors import user_code
from .user_modules import files_of, find_module, is_installed, looking_in

__all__ = ["Code", "InstalledCode", "PickledCode", "SourceCode", "absolute_code", "code_digest", "find_code"]

_imports = threading.RLock()
"""The path of imports is the process's, and so is the list of modules."""


@dataclass(frozen=True, slots=True)
class SourceCode:
    """A name in the text of a file.

    Parameters
    ----------
    path : str
        Where the text was read: what tracebacks show, and whose folder is looked in for what it imports.
    name : str
    text : str
    """

    path: str
    name: str
    text: str = field(repr=False)

    def load(self) -> Any:
        """Return the object. The text is run once per process, as a module that nothing else can import by name."""
        digest = hashlib.sha256(self.text.encode()).hexdigest()[:16]
        module_name = f"arraymill_user_{Path(self.path).stem}_{digest}"
        with _imports:
            module = sys.modules.get(module_name)
            if module is None:
                module = ModuleType(module_name)
                module.__file__ = self.path
                # before it runs: dataclasses and pickle look for the module of a class
                sys.modules[module_name] = module
                linecache.cache[self.path] = (len(self.text), None, self.text.splitlines(keepends=True), self.path)
                try:
                    self._run(module)
                except BaseException:
                    del sys.modules[module_name]
                    raise
        return _attribute(module, self.name, self.path)

    def _run(self, module: ModuleType) -> None:
        with looking_in(str(Path(self.path).parent)), user_code(f"{self.path} cannot be loaded"):
            exec(compile(self.text, self.path, "exec"), vars(module))


@dataclass(frozen=True, slots=True)
class PickledCode:
    """An object of a module that workers do not have.

    Parameters
    ----------
    module, name : str
    pickled : bytes
        By value, with all that it uses of its package.
    """

    module: str
    name: str
    pickled: bytes = field(repr=False)

    def load(self) -> Any:
        """Return the object."""
        import cloudpickle

        with user_code(f"{self.module}:{self.name} cannot be loaded"):
            return cloudpickle.loads(self.pickled)


@dataclass(frozen=True, slots=True)
class InstalledCode:
    """An object of an installed module.

    Parameters
    ----------
    module, name : str
    """

    module: str
    name: str

    def load(self) -> Any:
        """Return the object."""
        with _imports, user_code(f"{self.module} cannot be imported"):
            module = import_module(self.module)
        return _attribute(module, self.name, self.module)


Code: TypeAlias = SourceCode | PickledCode | InstalledCode


def find_code(named: str) -> Code:
    """Return the code that ``file.py:name`` or ``module:name`` stands for. The file or the module is run.

    Raises
    ------
    SpecError
        If it is not written like that, or there is no such module, or no such name in it.
    InputError
        If there is no such file.
    UserCodeError
        If it raises while it is run.

    Examples
    --------
    >>> find_code("math:hypot").load()(3, 4)
    5.0
    """
    place, name = _parts(named)
    if _is_file(place):
        code: Code = SourceCode(str(Path(place).absolute()), name, _read_file(place).decode())
    elif is_installed(find_module(place)):
        code = InstalledCode(place, name)
    else:
        code = _pickle_by_value(place, name)
    code.load()
    return code


def code_digest(named: str) -> bytes:
    """Return the SHA-256 of a name and of the files that travel for it; nothing of them is run.

    Raises
    ------
    SpecError, InputError
    """
    place, name = _parts(named)
    digest = hashlib.sha256(name.encode())
    for path in [place] if _is_file(place) else files_of(place):
        digest.update(b"\0" + _read_file(path))
    return digest.digest()


def absolute_code(named: str) -> str:
    """Return a name that means the same in every folder.

    >>> absolute_code("math:hypot")
    'math:hypot'
    """
    place, _, name = named.rpartition(":")
    return f"{Path(place).absolute()}:{name}" if place and _is_file(place) else named


def _parts(named: str) -> tuple[str, str]:
    place, _, name = named.rpartition(":")
    if place and all(part.isidentifier() for part in name.split(".")):
        return place, name
    raise SpecError(
        f"{named!r} names no function",
        cause="a file or a module, a colon and a name are needed",
        next="write file.py:function or package.module:function",
    )


def _is_file(place: str) -> bool:
    return place.endswith(".py") or os.sep in place


def _read_file(path: str) -> bytes:
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise InputError(
            f"{path} cannot be read: {error.strerror}", cause="its code is to be run", next="check the path"
        ) from error


def _pickle_by_value(module_name: str, name: str) -> PickledCode:
    import cloudpickle

    with _imports, looking_in(str(Path.cwd())):
        with user_code(f"{module_name} cannot be loaded"):
            found = _attribute(import_module(module_name), name, module_name)
        package = sys.modules[module_name.split(".")[0]]
        cloudpickle.register_pickle_by_value(package)
        try:
            with user_code(f"{module_name}:{name} cannot be sent to workers"):
                return PickledCode(module_name, name, cloudpickle.dumps(found))
        finally:
            cloudpickle.unregister_pickle_by_value(package)


def _attribute(module: ModuleType, name: str, place: str) -> Callable[..., Any]:
    try:
        found = reduce(getattr, name.split("."), module)
    except AttributeError:
        offered = [key for key, value in vars(module).items() if callable(value) and not key.startswith("_")]
        raise SpecError(
            f"there is no {name} in {place}", cause=f"it has {', '.join(offered) or 'nothing to call'}", next="name one"
        ) from None
    if callable(found):
        return found
    raise SpecError(f"{place}:{name} cannot be called", cause=f"it is a {type(found).__name__}", next="name a function")
