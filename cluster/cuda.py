"""A cluster of one worker process per GPU of this machine."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import dask

from .config import ClusterConfig
from .dask_settings import dask_settings
from .worker.options import worker_options
from .worker.plugin import PrepareWorker
from .worker.process import Device
from .worker.spawning import spawning

__all__ = ["start_cuda"]


def start_cuda(config: ClusterConfig, gpus: Sequence[str], scratch: Path, *, device: Device = "cuda") -> Any:
    """Start one worker per GPU; each sees its own GPU first, so ``cuda:0`` is its own.

    Parameters
    ----------
    config : ClusterConfig
    gpus : sequence of str
        UUIDs or indices in PCI bus order.
    scratch : Path
        Private folder for the workers' files.
    device : {"cuda", "cpu"}
        What the workers are prepared for; "cpu" lets the pinning be tested where there is no GPU.

    Returns
    -------
    dask_cuda.LocalCUDACluster
    """
    # Lazily: it imports CUDA's bindings, which a machine without a GPU need not have.
    from dask_cuda import LocalCUDACluster

    keys = [int(gpu) if gpu.isdigit() else gpu for gpu in gpus]
    names = {key: f"gpu{position}" for position, key in enumerate(keys)}
    prepare = PrepareWorker(device, config.precision, threads=config.threads, names=names)
    settings = dask_settings(threads=config.threads, dashboard=config.dashboard)
    # dask-cuda sets RAPIDS_NO_INITIALIZE in the driver.
    with dask.config.set(settings), spawning({"RAPIDS_NO_INITIALIZE"}), _own_cores():
        return LocalCUDACluster(
            CUDA_VISIBLE_DEVICES=keys,
            # No limits and no pool: ours bound the device, and a pool would hide torch's out-of-memory error.
            memory_limit=None,
            device_memory_limit=None,
            rmm_pool_size=None,
            **worker_options(config, scratch, prepare),
        )


@contextmanager
def _own_cores() -> Iterator[None]:
    """Let workers stay on the cores that this process may use, and start where nobody knows which are near a GPU.

    In many virtual machines NVML does not say. dask-cuda 26.10 means to warn of that, in words that a GPU's UUID does
    not fit in (`get_cpu_affinity`): a `TypeError` is what came of the cluster.
    """
    from dask_cuda import worker_common

    ask = getattr(worker_common, "get_cpu_affinity", None)
    if ask is None:
        # a later version: there is nothing to mend
        yield
        return

    def cores_near(device_index: Any = None) -> list[int]:
        allowed = os.sched_getaffinity(0)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                near = set(ask(device_index))
            except TypeError:
                near = allowed
        return sorted(near & allowed or allowed)

    worker_common.get_cpu_affinity = cores_near
    try:
        yield
    finally:
        worker_common.get_cpu_affinity = ask
