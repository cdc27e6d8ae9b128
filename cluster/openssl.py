"""Keeps an error of one TLS connection from ending another.

OpenSSL keeps errors in a queue for each thread, which "must be empty before the TLS/SSL I/O operation is attempted"
(manual of ``SSL_get_error``), and Python does not empty it. With OpenSSL 3.5, a write to a peer that is gone can leave
one there: the thread's next connection then fails with somebody else's ``BrokenPipeError``, and with it a worker that
has just joined.
"""

from __future__ import annotations

import ctypes
import functools
from collections.abc import Callable
from typing import Any

__all__ = ["mend_tls"]

_OPERATIONS = ("read_from_fd", "write_to_fd", "_do_ssl_handshake")


@functools.cache
def mend_tls() -> bool:
    """Let this process empty the queue before each operation on a connection of Dask's; return whether it can."""
    import _ssl

    from tornado.iostream import SSLIOStream

    try:
        # what Python's own module is linked with, whichever file that is in
        clear = ctypes.PyDLL(getattr(_ssl, "__file__", None)).ERR_clear_error
    except (OSError, AttributeError):
        return False
    clear.restype, clear.argtypes = None, []
    for name in _OPERATIONS:
        if (operation := getattr(SSLIOStream, name, None)) is not None:
            setattr(SSLIOStream, name, _clearing(clear, operation))
    return True


def _clearing(clear: Callable[[], object], operation: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(operation)
    def call(*args: Any, **kwargs: Any) -> Any:
        clear()
        return operation(*args, **kwargs)

    return call
