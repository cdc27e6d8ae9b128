"""The thread pools of BLAS and OpenMP in this process, looked for again only once another library was loaded."""

from __future__ import annotations

import ctypes
from typing import Any

import threadpoolctl

__all__ = ["thread_pools"]


class _LoadedLibrary(ctypes.Structure):
    """The head of the C library's ``dl_phdr_info``."""

    _fields_ = (
        ("address", ctypes.c_void_p),
        ("name", ctypes.c_char_p),
        ("headers", ctypes.c_void_p),
        ("n_headers", ctypes.c_uint16),
        ("n_loaded", ctypes.c_ulonglong),
        ("n_unloaded", ctypes.c_ulonglong),
    )


_Visit = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(_LoadedLibrary), ctypes.c_size_t, ctypes.c_void_p)
_found: tuple[tuple[int, int], threadpoolctl.ThreadpoolController] | None = None


def thread_pools() -> threadpoolctl.ThreadpoolController:
    """Return the thread pools of the libraries that are loaded now.

    Examples
    --------
    >>> with thread_pools().limit(limits=1):
    ...     {pool["num_threads"] for pool in thread_pools().info()} <= {1}
    True

    Notes
    -----
    To look costs half a millisecond, the first time more, for every library is asked what it is; a small job has no
    more than a few milliseconds.
    """
    global _found
    stamp = _count_loads()
    if stamp is None:
        return threadpoolctl.ThreadpoolController()
    if _found is None or _found[0] != stamp:
        controller = threadpoolctl.ThreadpoolController()
        # the search itself may load a library, the first time
        _found = _count_loads() or stamp, controller
    return _found[1]


def _count_loads() -> tuple[int, int] | None:
    """Return how many libraries were ever loaded and unloaded, or None where the C library does not say."""
    counts: list[tuple[int, int]] = []

    def visit(library: Any, size: int, data: Any) -> int:
        counts.append((library.contents.n_loaded, library.contents.n_unloaded))
        return 1

    try:
        ctypes.CDLL(None).dl_iterate_phdr(_Visit(visit), None)
    except AttributeError:
        return None
    return counts[0] if counts else None
