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
    if operation == "matmul":
        shape = (arrays[0].shape[0], arrays[1].shape[1])
        np.matmul(arrays[0], arrays[1], out=open_memmap(output, "w+", np.float32, shape))
        return
    np.save(output, getattr(np, operation)(*arrays, **params))
