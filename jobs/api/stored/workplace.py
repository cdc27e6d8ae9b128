"""The cluster that a stored job runs on: a warm one that fits, or one of its own."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from arraymill.cluster.config import ClusterConfig
from arraymill.cluster.session import open_cluster

from ...job import Job
from ...plans.placement import Place
from ...store import JobFolder, home_folder
from ..resources import cluster_config

__all__ = ["open_nothing", "open_workplace", "warm_home"]


def warm_home() -> Path:
    """Return the file by which the warm cluster of this user is found."""
    return home_folder() / "cluster.json"


def open_workplace(folder: JobFolder, job: Job, place: Place, n_workers: int, held: tuple[str, ...]) -> Any:
    """Return an open session for a job: the warm cluster where it is what the job would start, else a new one.

    Parameters
    ----------
    folder : JobFolder
        Takes the workers' scratch files and logs.
    job : Job
    place : Place
    n_workers : int
        The most that fit in the job's memory.
    held : tuple of str
        UUIDs of the GPUs that are this job's.

    Raises
    ------
    ClusterError
    """
    if place.kind != "inline" and _warm_fits(job, place, n_workers):
        from arraymill.cluster.warm.cluster import attach

        return attach(warm_home())
    for left in folder.path.glob("arraymill-*"):
        # an earlier attempt was killed before it could clean up
        shutil.rmtree(left, ignore_errors=True)
    return open_cluster(cluster_config(job, place, n_workers, folder=folder.path, logs=folder.workers, devices=held))


def open_nothing() -> Any:
    """Return a session in this process, for a job none of whose blocks is left."""
    return open_cluster(ClusterConfig("inline", workers=1))


def _warm_fits(job: Job, place: Place, n_workers: int) -> bool:
    from arraymill.cluster.warm.cluster import warm_status

    if job.spec.cluster.dashboard or job.spec.cluster.gpus is not None:
        return False
    warm = warm_status(warm_home())
    if warm is None or warm.kind != place.kind or warm.precision != job.spec.compute.precision:
        return False
    return warm.n_workers <= n_workers
