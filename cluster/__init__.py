"""Where work runs: this process, local workers, or one worker per GPU."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .config import ClusterConfig
    from .session import Future, Session, open_cluster

__all__ = ["ClusterConfig", "Future", "Session", "open_cluster"]


def __getattr__(name: str) -> object:
    # Looked up on first use, so that importing one module of the package does not import the others.
    if name == "ClusterConfig":
        from .config import ClusterConfig

        return ClusterConfig
    if name in __all__:
        from . import session

        return getattr(session, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
