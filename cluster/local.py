"""A cluster of worker processes on the CPUs of this machine."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import dask
from distributed import LocalCluster

from .config import ClusterConfig
from .dask_settings import dask_settings
from .devices import cpu_count
from .worker.options import worker_options
from .worker.plugin import PrepareWorker

__all__ = ["start_local"]


def start_local(config: ClusterConfig, scratch: Path) -> Any:
    """Start one worker process per CPU, or as many as the configuration says.

    Parameters
    ----------
    config : ClusterConfig
    scratch : Path
        Private folder for the workers' files.

    Returns
    -------
    distributed.LocalCluster
    """
    n_workers = config.workers or cpu_count()
    names = {index: f"cpu{index}" for index in range(n_workers)}
    prepare = PrepareWorker("cpu", config.precision, threads=config.threads, names=names)
    with dask.config.set(dask_settings(threads=config.threads, dashboard=config.dashboard)):
        return LocalCluster(
            n_workers=n_workers, processes=True, memory_limit=0, **worker_options(config, scratch, prepare)
        )
