"""Dask tasks as tutorials write them: arrays as arguments, from_numpy, torch, .cpu().numpy(), gather, concatenate."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .by_dask import started_cluster

__all__ = ["opened"]

_CHUNK_BYTES = {"cpu": 64 << 20, "cuda": 512 << 20}
"""On a GPU each chunk of a product takes the whole right operand along: fewer, larger ones are faster."""


@contextmanager
def opened(*, device: str = "cpu") -> Iterator[Callable[..., None]]:
    """Yield ``compute(operation, params, inputs, output)`` on a worker process per core, or one that has the GPU."""
    n_workers = len(os.sched_getaffinity(0)) if device == "cpu" else 1
    with started_cluster(n_workers) as client:

        def compute(operation: str, params: dict[str, Any], inputs: list[str], output: str) -> None:
            arrays = [np.load(path, mmap_mode="r") for path in inputs]
            n_chunks = max(arrays[0].nbytes // _CHUNK_BYTES[device], 2 * n_workers)
            chunks = [np.asarray(chunk) for chunk in np.array_split(arrays[0], n_chunks)]
            if operation == "matmul":
                right = client.scatter(np.asarray(arrays[1]), broadcast=True)
                futures = client.map(partial(_multiply, device=device), chunks, b=right, pure=False)
                np.save(output, np.concatenate(client.gather(futures)))
                return
            work = partial(_reduce, operation=operation, device=device, **params)
            futures = client.map(work, chunks, pure=False)
            np.save(output, _combine(operation, params["axis"], client.gather(futures)))

        yield compute


def _multiply(chunk: NDArray[Any], b: NDArray[Any], device: str) -> NDArray[Any]:
    import torch

    # copied, since what Dask delivers is read-only
    left, right = torch.from_numpy(chunk.copy()).to(device), torch.from_numpy(b.copy()).to(device)
    product: NDArray[Any] = (left @ right).cpu().numpy()
    return product


def _reduce(
    chunk: NDArray[Any], operation: str, device: str, axis: int | None
) -> tuple[int, NDArray[Any], NDArray[Any]]:
    """Return how many elements went into each result, the result, and for a variance the mean."""
    import torch

    x = torch.from_numpy(chunk.copy()).to(device)
    axes = (0, 1) if axis is None else axis
    count = x.numel() if axis is None else x.shape[axis]
    if operation in ("var", "std"):
        variance, mean = torch.var_mean(x, dim=axes, correction=0)
        return count, variance.cpu().numpy(), mean.cpu().numpy()
    functions: dict[str, Any] = {"sum": torch.sum, "mean": torch.mean, "max": torch.amax}
    result = functions[operation](x, dim=axes).cpu().numpy()
    return count, result, result


def _combine(operation: str, axis: int | None, partials: list[tuple[int, NDArray[Any], NDArray[Any]]]) -> NDArray[Any]:
    results = [result for _, result, _ in partials]
    finish = np.sqrt if operation == "std" else np.asarray
    if axis == 1:
        return np.asarray(finish(np.concatenate(results)))
    if operation in ("sum", "max"):
        return np.asarray(getattr(np, operation)(results, axis=0))
    counts = [count for count, _, _ in partials]
    means = np.array([mean for _, _, mean in partials])
    mean = np.average(means, axis=0, weights=counts)
    if operation == "mean":
        return np.asarray(mean)
    spread = np.square(means - mean)
    return np.asarray(finish(np.average(np.array(results) + spread, axis=0, weights=counts)))
