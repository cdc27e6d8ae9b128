"""Tells errors of memory from others, and frees the memory that this process keeps for later blocks."""

from __future__ import annotations

import errno
import gc

from ..errors import JobError
from ..workspace import thread_workspace
from .backend import Backend

__all__ = ["free_memory", "is_out_of_memory"]

_TORCH_SAYS = (
    "can't allocate memory",
    "CUDA out of memory",
    # of pinned memory, too
    "CUDA error: out of memory",
    "CUBLAS_STATUS_ALLOC_FAILED",
    "cudaErrorMemoryAllocation",
)


def is_out_of_memory(error: BaseException) -> bool:
    """Return whether memory, of the host or of a device, ran out.

    Examples
    --------
    >>> is_out_of_memory(MemoryError()), is_out_of_memory(OSError(errno.ENOMEM, "")), is_out_of_memory(OSError())
    (True, True, False)
    """
    if isinstance(error, JobError):
        return False
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        return True
    if isinstance(error, OSError):
        return error.errno == errno.ENOMEM
    return isinstance(error, RuntimeError) and any(words in str(error) for words in _TORCH_SAYS)


def free_memory(backend: Backend) -> None:
    """Give back this thread's buffers, garbage and the device's cache.

    To be called outside the ``except`` block of the error: its traceback keeps alive what the failed task held.
    """
    thread_workspace().clear()
    gc.collect()
    backend.free()
