"""Buffers that outlive a task: allocated once per thread, so that no task pays for fresh pages.

Fresh memory is slow: the kernel clears each page at its first touch (measured 0.2 to 0.5 GB/s on a virtual machine,
against 20 GB/s into memory that is there; 1.5 in huge pages).
"""

from __future__ import annotations

import math
import mmap
import threading
from contextlib import suppress
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .blocks import Shape
from .headers import Order

__all__ = ["Workspace", "thread_workspace"]

_HUGE_PAGE = 2 << 20


class Workspace:
    """Named buffers of one thread, each as large as it ever had to be."""

    __slots__ = ("_buffers", "_contents")

    def __init__(self) -> None:
        self._buffers: dict[str, NDArray[np.uint8]] = {}
        self._contents: dict[str, object] = {}

    def take(self, name: str, shape: Shape, dtype: np.dtype[Any], order: Order = "C") -> NDArray[Any]:
        """Return the buffer `name` as an array; what it held before is undefined.

        Parameters
        ----------
        name : str
        shape : tuple of int
        dtype : numpy.dtype
        order : {"C", "F"}

        Examples
        --------
        >>> workspace = Workspace()
        >>> workspace.take("piece", (2, 3), np.dtype("f4"), "F").flags.f_contiguous
        True
        """
        self._contents.pop(name, None)
        n_bytes = math.prod(shape) * dtype.itemsize
        if name not in self._buffers or self._buffers[name].nbytes < n_bytes:
            # the old buffer first, or both are held at once
            self._buffers.pop(name, None)
            self._buffers[name] = _allocate(n_bytes)
        return self.peek(name, shape, dtype, order)

    def peek(self, name: str, shape: Shape, dtype: np.dtype[Any], order: Order = "C") -> NDArray[Any]:
        """Return the buffer `name` with what it holds."""
        flat = self._buffers[name][: math.prod(shape) * dtype.itemsize].view(dtype)
        return flat.reshape(shape) if order == "C" else flat.reshape(shape[::-1]).T

    def holds(self, name: str, content: object) -> bool:
        """Tell whether buffer `name` was labelled with an equal `content` since it was last taken."""
        return self._contents.get(name) == content

    def label(self, name: str, content: object, array: NDArray[Any]) -> None:
        """Say what buffer `name` holds now, if `array` is in it: a view of something else is not remembered."""
        if name in self._buffers and np.may_share_memory(self._buffers[name], array):
            self._contents[name] = content

    def clear(self) -> None:
        """Give every buffer back."""
        self._buffers.clear()
        self._contents.clear()


def _allocate(n_bytes: int) -> NDArray[np.uint8]:
    """Return memory that starts on a page, of huge pages where it is large: its first touch is then 3 times as fast."""
    try:
        pages = mmap.mmap(-1, max(n_bytes, 1), flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    except OSError as error:
        raise MemoryError(f"a buffer of {n_bytes} bytes cannot be had: {error.strerror}") from error
    if n_bytes >= _HUGE_PAGE and hasattr(mmap, "MADV_HUGEPAGE"):
        # Refused where the kernel was built without them.
        with suppress(OSError):
            pages.madvise(mmap.MADV_HUGEPAGE)
    return np.frombuffer(pages, np.uint8)


_local = threading.local()


def thread_workspace() -> Workspace:
    """Return the workspace of the calling thread."""
    if not hasattr(_local, "workspace"):
        _local.workspace = Workspace()
    workspace: Workspace = _local.workspace
    return workspace
