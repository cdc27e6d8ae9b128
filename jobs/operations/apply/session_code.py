"""Functions and models that a Python session hands over as objects: by value, under a name that this process knows.

A job that is stored is run by another process, where such a name means nothing: it is refused, and so is a job file
that makes one up. Nothing is ever unpickled because a file says so.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

from ...errors import SpecError
from ...sizes import format_bytes
from .user_code import PickledCode
from .user_errors import user_code
from .user_modules import find_module, is_installed

__all__ = ["SESSION", "name_callable", "session_code"]

SESSION = "<session>"
"""Stands where the names of other functions have a file or a module."""
_MOST_BYTES = 64 << 20
"""Of a pickle: it travels with every task's work."""
_MOST_KEPT = 64
_kept: dict[int, tuple[Any, str, PickledCode]] = {}


def name_callable(function: Callable[..., Any]) -> str:
    """Return a name for a function or a model of this process, the same each time.

    Raises
    ------
    SpecError
        If it is too large to travel with tasks.
    UserCodeError
        If it cannot be pickled.

    Examples
    --------
    >>> def double(x):
    ...     return 2 * x
    >>> name = name_callable(double)
    >>> name[:17], session_code(name).load()(4)
    ('<session>:double_', 8)
    """
    known = _kept.get(id(function))
    if known is None or known[0] is not function:
        called = getattr(function, "__name__", type(function).__name__)
        called = called if called.isidentifier() else "function"
        pickled = _pickle(function, called)
        name = f"{called}_{hashlib.sha256(pickled).hexdigest()[:16]}"
        # the object is kept, so that no other one gets its id
        known = _kept[id(function)] = (function, f"{SESSION}:{name}", PickledCode(SESSION, name, pickled))
        while len(_kept) > _MOST_KEPT:
            del _kept[next(iter(_kept))]
    return known[1]


def session_code(named: str) -> PickledCode:
    """Return the code of a name that `name_callable` gave out.

    Raises
    ------
    SpecError
        If it was another process, or too long ago.
    """
    for _, name, code in _kept.values():
        if name == named:
            return code
    raise SpecError(
        f"{named} is a function of a Python session that is over",
        cause="it was handed over as an object, which no file holds",
        next="put it into a file, and name it: file.py:function",
    )


def _pickle(function: Callable[..., Any], called: str) -> bytes:
    import cloudpickle

    with ExitStack() as stack, user_code(f"{called} cannot be sent to workers"):
        module = sys.modules.get(getattr(function, "__module__", None) or type(function).__module__)
        if module is not None and not _workers_have(module.__name__):
            cloudpickle.register_pickle_by_value(module)
            stack.callback(cloudpickle.unregister_pickle_by_value, module)
        pickled: bytes = cloudpickle.dumps(function)
    if len(pickled) > _MOST_BYTES:
        raise SpecError(
            f"{called} is too large to travel with every task: {format_bytes(len(pickled))}",
            cause=f"at most {format_bytes(_MOST_BYTES)}",
            next="save it with torch.export.save, and name the file: model='model.pt2'",
        )
    return pickled


def _workers_have(module: str) -> bool:
    # what cloudpickle sends by value in any case
    if module in ("__main__", "builtins"):
        return True
    try:
        return is_installed(find_module(module))
    except SpecError:
        return False
