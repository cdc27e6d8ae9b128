"""The place where a job runs: opened, watched and closed in one way, whichever kind it is of."""

from .session import Future, Session, open_cluster

__all__ = ["Future", "Session", "open_cluster"]
