"""Keeps Dask's log off the user's terminal: its records go to the logger ``arraymill.cluster`` instead."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["LOGGER", "quiet_dask"]

LOGGER = logging.getLogger("arraymill.cluster")
# Without a handler of the user's, Python would print warnings to stderr.
LOGGER.addHandler(logging.NullHandler())

_DASK_LOGGERS = ("distributed", "tornado")


class _Forward(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        # Dask warns of everything that we handle (a dead worker, a slow loop): for our user that is detail.
        if LOGGER.isEnabledFor(logging.DEBUG):
            LOGGER.debug("%s: %s", record.name, record.getMessage(), exc_info=record.exc_info)


@contextmanager
def quiet_dask(*more: str) -> Iterator[None]:
    """Send what Dask logs to ``arraymill.cluster`` at level DEBUG, until the end of the block.

    Parameters
    ----------
    *more : str
        Other loggers to treat so: while Dask starts and stops, ``asyncio`` complains of the tasks it drops.
    """
    loggers = [logging.getLogger(name) for name in (*_DASK_LOGGERS, *more)]
    before = [(logger, logger.handlers, logger.propagate) for logger in loggers]
    for logger in loggers:
        logger.handlers, logger.propagate = [_Forward()], False
    try:
        yield
    finally:
        for logger, handlers, propagate in before:
            logger.handlers, logger.propagate = handlers, propagate
