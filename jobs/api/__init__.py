"""The Python interface of arraymill, and what the command line stands on; each name is loaded when it is first used."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .calls import plan, plan_spec, run, run_spec, submit
    from .handles import JobHandle
    from .outcome import Outcome

__all__ = ["JobHandle", "Outcome", "plan", "plan_spec", "run", "run_spec", "submit"]

_MODULES = {"JobHandle": "handles", "Outcome": "outcome"}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{_MODULES.get(name, 'calls')}", __name__), name)
