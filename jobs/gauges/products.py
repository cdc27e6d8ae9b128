"""Rates of products on the CPU: one thread of BLAS for each core, all at once, as the workers of a job compute."""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np
import threadpoolctl

from .tries import best_of, crew

__all__ = ["CPU_KINDS", "CpuProducts"]

CPU_KINDS = ("f4", "f8")
_ROWS, _DEPTH = 256, 1024
"""Reaches the rate of large products, and 16 threads need 40 MiB."""
_MOST_THREADS = 16
_SHORTEST_S = 1e-7


@dataclass(slots=True)
class CpuProducts:
    """Multiplies on all cores, of more than 16 on 16.

    Parameters
    ----------
    n_cores : int
    share : float
        Of those cores' time, what the products got in the least disturbed try so far.

    Examples
    --------
    >>> products = CpuProducts(1)
    >>> products.rate("f4", 0.01) > 0, 0 < products.share
    (True, True)
    """

    n_cores: int
    share: float = 0.0

    def rate(self, code: str, slice_s: float) -> float:
        """Return floating point operations per second of one core's time, while all others compute too.

        Parameters
        ----------
        code : {"f4", "f8"}
        slice_s : float

        Notes
        -----
        The time is that in which a thread has its core: other programs lower the share, and hardly the rate.
        """
        n_threads = min(self.n_cores, _MOST_THREADS)
        generator = np.random.default_rng(0)
        a, b = (generator.random(shape).astype(code) for shape in ((_ROWS, _DEPTH), (_DEPTH, _DEPTH)))
        products = [np.empty((_ROWS, _DEPTH), code) for _ in range(n_threads)]

        def multiply(number: int) -> float:
            began_s = time.thread_time()
            np.matmul(a, b, out=products[number])
            return time.thread_time() - began_s

        def rate_of_try() -> float:
            began_s = time.perf_counter()
            computing_s = together(multiply) / n_threads
            self.share = min(max(self.share, computing_s / (time.perf_counter() - began_s)), 1.0)
            return 2.0 * _ROWS * _DEPTH * _DEPTH / max(computing_s, _SHORTEST_S)

        with threadpoolctl.threadpool_limits(1), crew(n_threads) as together:
            return best_of(rate_of_try, slice_s)
