"""NumPy as it is: inputs mapped, a product written straight into a mapped output, threads as it likes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.lib.format import open_memmap

__all__ = ["opened"]


@contextmanager
def opened() -> Iterator[Callable[..., None]]:
    """Yield ``compute(operation, params, inputs, output)``."""
    yield _compute


def _compute(operation: str, params: dict[str, Any], inputs: list[str], output: str) -> None:
    arrays = [np.load(path, mmap_mode="r") for path in inputs]
    x = arrays[0]
    if operation == "matmul":
        shape = (x.shape[0], arrays[1].shape[1])
        np.matmul(x, arrays[1], out=open_memmap(output, "w+", x.dtype, shape))
    elif operation == "gram":
        np.save(output, x.T @ x)
    elif operation == "cov":
        # by default it makes two copies in float64, four times the input; in float32 it is faster
        np.save(output, np.cov(x, dtype=x.dtype, **params))
    else:
        np.save(output, getattr(np, operation)(x, **params))
