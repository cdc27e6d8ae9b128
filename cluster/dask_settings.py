"""Dask's settings for a cluster that serves one job of one user on one machine."""

from __future__ import annotations

from typing import Any

__all__ = ["LOOPBACK", "dask_settings", "session_settings"]

LOOPBACK = "127.0.0.1"
_HEALTH_ONLY = ["distributed.http.health"]

# glibc gives memory back to the kernel at once and asks for it again, page by page; Dask's own choice (trim at 64 KiB)
# makes that worse. A chain of NumPy temporaries of 1 MiB wrote 4.5 GiB/s with Dask's values and 40 with these; of
# 16 MiB, 12.8 and 18.5. The mmap threshold is the largest that glibc takes.
_MALLOC = {"MALLOC_MMAP_THRESHOLD_": str(32 * 2**20), "MALLOC_TRIM_THRESHOLD_": str(256 * 2**20)}


def session_settings() -> dict[str, Any]:
    """Return the settings that Dask reads again while the cluster runs.

    >>> session_settings()["distributed.deploy.lost-worker-timeout"]
    '3650 days'
    """
    # With the default of 15 s a worker whose restart is slow is given up for ever, and the job waits for it. Dask looks
    # once, so long after each death: with 1 h, a worker that just then is away for another reason would be given up.
    return {"distributed.deploy.lost-worker-timeout": "3650 days"}


def dask_settings(*, threads: int = 1, dashboard: bool = False) -> dict[str, Any]:
    """Return the settings to start a cluster with; workers inherit them.

    Parameters
    ----------
    threads : int
        Threads of BLAS, OpenMP and torch in a worker.
    dashboard : bool
        Keep the HTTP routes of Dask's dashboard; else only ``/health`` is served.

    Examples
    --------
    >>> dask_settings()["distributed.scheduler.allowed-failures"]
    0
    """
    routes = {f"distributed.{server}.http.routes": _HEALTH_ONLY for server in ("scheduler", "worker")}
    return {
        **session_settings(),
        **({} if dashboard else routes),
        # The driver decides about retries: Dask blames every task that a dead worker held.
        "distributed.scheduler.allowed-failures": 0,
        # Where all workers die at once, and again while they start, it is the nannies that decide when one is lost.
        "distributed.scheduler.no-workers-timeout": "600s",
        "distributed.scheduler.work-stealing": False,
        # A worker whose task holds the interpreter's lock sends no heartbeat. How long it may is for the driver to say;
        # Dask would restart it, and run its task again without a word.
        "distributed.scheduler.worker-ttl": None,
        "distributed.scheduler.active-memory-manager.start": False,
        "distributed.comm.require-encryption": True,
        # Memory is bounded by the plan. Dask does not see tensors, and counts mapped file pages as the worker's own.
        **{f"distributed.worker.memory.{limit}": False for limit in ("target", "spill", "pause", "terminate")},
        "distributed.worker.profile.enabled": False,
        "distributed.nanny.pre-spawn-environ": _environment(threads),
        # So that an index means to CUDA what it means to NVML.
        "distributed.nanny.environ": {"CUDA_DEVICE_ORDER": "PCI_BUS_ID"},
    }


def _environment(threads: int) -> dict[str, str]:
    libraries = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
    return {**_MALLOC, **dict.fromkeys(libraries, str(threads))}
