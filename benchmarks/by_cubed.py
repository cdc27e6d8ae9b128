"""cubed: a plan checked against memory, then tasks that hand each other Zarr arrays; its executors for one machine.

It reads the same ``.npy`` files, through an object that opens them where a task runs. What it computes it stores as
Zarr, which is its way: a product is stored uncompressed, and turned into ``.npy`` for the check after the clock has
stopped. A small result is computed, and saved.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import cubed
import cubed.array_api as xp
import numpy as np
import threadpoolctl
import zarr

from .by_dask import NpyFile
from .contenders import Finish

__all__ = ["opened"]

_MEMORY_SHARE = 0.7
"""Of the machine's memory for all tasks together: what arraymill takes by default."""


@contextmanager
def opened(*, executor: str, chunk_mib: int, allowed_mem: int | None = None) -> Iterator[Callable[..., Finish | None]]:
    """Yield ``compute(operation, params, inputs, output)`` on threads or processes.

    Parameters
    ----------
    executor : {"threads", "processes"}
    chunk_mib : int
    allowed_mem : int, optional
        Bytes that one task may take.
    """
    n_workers = len(os.sched_getaffinity(0))
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")

    def compute(operation: str, params: dict[str, Any], inputs: list[str], output: str) -> Finish | None:
        work_dir = tempfile.mkdtemp(prefix="cubed-", dir=Path(output).parent)
        spec = cubed.Spec(
            work_dir,
            allowed_mem=allowed_mem or int(_MEMORY_SHARE * total / n_workers),
            executor_name=executor,
            executor_options={"max_workers": n_workers},
            zarr_compressor=None,
        )
        try:
            if operation == "matmul":
                return _multiply(inputs, output, chunk_mib << 20, spec)
            x = _open(inputs[0], chunk_mib << 20, spec)
            result = xp.matmul(xp.permute_dims(x), x) if operation == "gram" else getattr(xp, operation)(x, **params)
            np.save(output, np.asarray(result.compute()))
            return None
        finally:
            shutil.rmtree(work_dir, ignore_errors=True)

    with threadpoolctl.threadpool_limits(1):
        yield compute


def _open(path: str, chunk_bytes: int, spec: cubed.Spec) -> Any:
    mapped = np.load(path, mmap_mode="r")
    share = -(-mapped.shape[0] // (2 * len(os.sched_getaffinity(0))))
    rows = max(min(chunk_bytes // mapped[0].nbytes, share), 1)
    return cubed.from_array(NpyFile(path, mapped.shape, mapped.dtype), chunks=(rows, mapped.shape[1]), spec=spec)


def _multiply(inputs: list[str], output: str, chunk_bytes: int, spec: cubed.Spec) -> Finish:
    a = _open(inputs[0], chunk_bytes, spec)
    mapped = np.load(inputs[1], mmap_mode="r")
    b = cubed.from_array(NpyFile(inputs[1], mapped.shape, mapped.dtype), chunks=mapped.shape, spec=spec)
    store = f"{output}.zarr"
    shutil.rmtree(store, ignore_errors=True)
    cubed.to_zarr(xp.matmul(a, b), store)

    def finish() -> dict[str, Any]:
        np.save(output, np.asarray(zarr.open_array(store, mode="r")[:]))
        shutil.rmtree(store)
        return {}

    return finish
