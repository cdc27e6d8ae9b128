"""dask.array at its best: workers open the files themselves, rows in chunks, all of k in a product, one BLAS thread."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import dask
import dask.array as da
import numpy as np
import threadpoolctl
from distributed import Client, LocalCluster
from numpy.lib.format import open_memmap
from numpy.typing import NDArray

__all__ = ["NpyFile", "opened"]


@dataclass(frozen=True, slots=True)
class NpyFile:
    """A `.npy` file as dask.array takes it; a memmap would travel to the workers with all its data."""

    path: str
    shape: tuple[int, ...]
    dtype: np.dtype[Any]

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return len(self.shape)

    def __getitem__(self, index: Any) -> NDArray[Any]:
        return np.asarray(np.load(self.path, mmap_mode="r")[index])

    def __setitem__(self, index: Any, block: NDArray[Any]) -> None:
        np.load(self.path, mmap_mode="r+")[index] = block


@contextmanager
def opened(*, scheduler: str, chunk_mib: int) -> Iterator[Callable[..., None]]:
    """Yield ``compute(operation, params, inputs, output)`` on threads or on worker processes."""

    chunk_bytes = chunk_mib << 20

    def compute(operation: str, params: dict[str, Any], inputs: list[str], output: str) -> None:
        if operation == "matmul":
            _multiply(inputs, output, chunk_bytes)
            return
        x = _open(inputs[0], chunk_bytes)
        result = x.T @ x if operation == "gram" else getattr(da, operation)(x, **params)
        np.save(output, result.compute())

    n_workers = len(os.sched_getaffinity(0))
    if scheduler == "threads":
        with dask.config.set(scheduler="threads", num_workers=n_workers), threadpoolctl.threadpool_limits(1):
            yield compute
    else:
        with started_cluster(n_workers):
            yield compute


@contextmanager
def started_cluster(n_workers: int) -> Iterator[Client]:
    """Yield the client of a LocalCluster: one thread per process, no memory limit that maps would count against."""
    with (
        LocalCluster(
            n_workers=n_workers, threads_per_worker=1, memory_limit=0, dashboard_address=None, host="127.0.0.1"
        ) as cluster,
        Client(cluster) as client,
    ):
        yield client


def _open(path: str, chunk_bytes: int) -> Any:
    mapped = np.load(path, mmap_mode="r")
    # two chunks for each worker at least
    share = -(-mapped.shape[0] // (2 * len(os.sched_getaffinity(0))))
    rows = max(min(chunk_bytes // mapped[0].nbytes, share), 1)
    file = NpyFile(path, mapped.shape, mapped.dtype)
    # name=False: else dask reads and hashes the whole file for a name
    return da.from_array(file, chunks=(rows, -1), name=False, asarray=False)


def _multiply(inputs: list[str], output: str, chunk_bytes: int) -> None:
    a = _open(inputs[0], chunk_bytes)
    mapped = np.load(inputs[1], mmap_mode="r")
    right = NpyFile(inputs[1], mapped.shape, mapped.dtype)
    c = a @ da.from_array(right, chunks=-1, name=False, asarray=False)
    open_memmap(output, "w+", c.dtype, c.shape)
    da.store(c, NpyFile(output, c.shape, c.dtype), lock=False)
