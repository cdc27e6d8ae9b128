"""What work is: operations, plans, and the loop that runs them.

``from arraymill.jobs import run, plan, submit`` is the Python interface; it is loaded when it is first used, so that
importing a part of the package stays light.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .api import JobHandle, Outcome, plan, run, submit

__all__ = ["JobHandle", "Outcome", "plan", "run", "submit"]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from . import api

    return getattr(api, name)
