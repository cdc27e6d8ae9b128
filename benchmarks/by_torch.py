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
    arrays = [np.load(path, mmap_mode="c") for path in inputs]
    tensors = [torch.from_numpy(array) for array in arrays]
    if operation == "matmul":
        shape = (arrays[0].shape[0], arrays[1].shape[1])
        torch.matmul(tensors[0], tensors[1], out=torch.from_numpy(open_memmap(output, "w+", arrays[0].dtype, shape)))
    elif operation == "gram":
        np.save(output, (tensors[0].T @ tensors[0]).numpy())
    elif operation == "cov":
        np.save(output, torch.cov(tensors[0].T).numpy())
    else:
        np.save(output, _reduce(operation, tensors[0], params["axis"]).numpy())


def _reduce(operation: str, x: torch.Tensor, axis: int | None) -> torch.Tensor:
    if operation in ("var", "std"):
        return (torch.var if operation == "var" else torch.std)(x, dim=axis, correction=0)
    if operation == "max":
        return torch.amax(x, dim=() if axis is None else axis)
    # no axes at all mean all axes
    axes = () if axis is None else (axis,)
    return torch.sum(x, dim=axes) if operation == "sum" else torch.mean(x, dim=axes)
