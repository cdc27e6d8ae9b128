"""Temporaries of kernels that are not paid for again with every piece.

A fresh temporary of a megabyte costs more in page faults than the arithmetic that fills it (measured: 2 GB/s against
30). On NumPy a kernel therefore writes into a buffer of its thread; torch's allocator keeps its own.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..stages.kernels import Namespace
from ..workspace import thread_workspace

__all__ = ["scratch_like"]


def scratch_like(xp: Namespace, x: Any, name: str) -> dict[str, Any]:
    """Return ``{"out": buffer}`` for a function of `x` on NumPy, to be called with ``**``; nothing on torch.

    The buffer `name` holds until the same thread asks for it again.

    Examples
    --------
    >>> x = np.arange(4.0)
    >>> np.subtract(x, 1.0, **scratch_like(np, x, "deviations"))
    array([-1.,  0.,  1.,  2.])
    """
    if xp is not np:
        return {}
    return {"out": thread_workspace().take(f"kernel-{name}", x.shape, x.dtype)}
