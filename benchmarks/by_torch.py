"""torch in one process, with all its threads, on tensors that share memory with the mapped files."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from numpy.lib.format import open_memmap

__all__ = ["opened"]


@contextmanager
def opened() -> Iterator[Callable[..., None]]:
    """Yield ``compute(operation, params, inputs, output)``."""
    with torch.inference_mode():
        yield _compute


def _compute(operation: str, params: dict[str, Any], inputs: list[str], output: str) -> None:
    # mapped copy-on-write: the same pages as "r", and torch takes them without a warning
    tensors = [torch.from_numpy(np.load(path, mmap_mode="c")) for path in inputs]
    if operation == "matmul":
        shape = (tensors[0].shape[0], tensors[1].shape[1])
        torch.matmul(tensors[0], tensors[1], out=torch.from_numpy(open_memmap(output, "w+", np.float32, shape)))
        return
    np.save(output, _reduce(operation, tensors[0], params["axis"]).numpy())


def _reduce(operation: str, x: torch.Tensor, axis: int | None) -> torch.Tensor:
    if operation == "var":
        return torch.var(x, dim=axis, correction=0)
    if operation == "max":
        return torch.amax(x, dim=() if axis is None else axis)
    # no axes at all mean all axes
    axes = () if axis is None else (axis,)
    return torch.sum(x, dim=axes) if operation == "sum" else torch.mean(x, dim=axes)
