"""What a job may use of the machine that it runs on: memory, workers, and the cluster made of them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from arraymill.cluster.config import ClusterConfig
from arraymill.cluster.devices import cpu_count, memory_total_bytes, select_gpus

from ..blocks import ceil_div
from ..errors import CannotFitError, SpecError
from ..job import Job
from ..limits import Budget, DeviceKind, fit_workers, workers_bytes
from ..plans.chain_plan import AnyPlan
from ..plans.chains import plan_operation
from ..plans.placement import Place, process_bytes
from ..sizes import format_bytes, limit_bytes

__all__ = ["budget_of", "check_precision", "cluster_config", "fitting_workers", "wanted_workers"]

_MEGABYTE = 10**6
_MOST_OF_FREE = 0.92
"""Of what is free on a GPU: the rest is broken into pieces that nothing fits in, or taken by the next process."""


def budget_of(job: Job, device: DeviceKind) -> Budget:
    """Return the memory that a job may take here.

    Raises
    ------
    NoGpuError
        For a device that is not there.
    """
    memory = job.spec.memory
    host_bytes = limit_bytes(memory.host, memory_total_bytes())
    if device == "cpu":
        return Budget(host_bytes)
    chosen = select_gpus(job.spec.cluster.gpus)
    free_bytes = min(gpu.memory_free_bytes for gpu in chosen)
    return Budget(host_bytes, min(limit_bytes(memory.device, free_bytes), int(_MOST_OF_FREE * free_bytes)))


def check_precision(job: Job, session: Any) -> None:
    """Check that an open cluster of GPUs computes as the job asks; on the CPU precision is the plan's alone.

    Raises
    ------
    SpecError
    """
    asked = job.spec.compute.precision
    if session.device == "cuda" and ("fast" in (asked, session.precision)) and asked != session.precision:
        raise SpecError(
            f"the job asks for precision {asked}, and the cluster was opened for {session.precision}",
            cause="TF32 is allowed or forbidden when a worker starts",
            safe="nothing was read or written",
            next=f"open_cluster(ClusterConfig(kind={session.kind!r}, precision={asked!r}))",
        )


def wanted_workers(job: Job, device: DeviceKind) -> int:
    """Return how many workers a job would use if memory were no question: as asked, or one per GPU or CPU."""
    workers = job.spec.cluster.workers
    if device == "cuda":
        return len(select_gpus(job.spec.cluster.gpus))
    return cpu_count() if workers == "auto" else workers


def fitting_workers(job: Job, plan: AnyPlan, place: Place) -> int:
    """Return how many workers fit in the budget; where the user named a number, that number must.

    Raises
    ------
    CannotFitError
        What they need, what there is, and which setting would make them fit.
    """
    wanted = wanted_workers(job, plan.limits.device)
    fitting = fit_workers(
        plan.budget,
        task_bytes=plan.task_host_bytes,
        process_bytes=process_bytes(place.kind),
        shared_process=place.kind == "inline",
    )
    least = 1 if job.spec.cluster.workers == "auto" else wanted
    if fitting >= least:
        return min(wanted, fitting)
    need = _workers_bytes(least, plan, place)
    workers = "one worker needs" if least == 1 else f"{least} workers need"
    fewer = f", or --workers {fitting}" if fitting else ""
    raise CannotFitError(
        f"{workers} {format_bytes(need)}, and the job may take {format_bytes(plan.budget.host_bytes)}",
        cause=f"{format_bytes(plan.task_host_bytes)} of arrays for each, beside what a process takes for itself",
        safe="nothing was read or written",
        next=f"--memory {_enough_megabytes(job, plan, place, least)}MB or more{fewer}",
    )


def _workers_bytes(n_workers: int, plan: AnyPlan, place: Place) -> int:
    return workers_bytes(
        n_workers,
        task_bytes=plan.task_host_bytes,
        process_bytes=process_bytes(place.kind),
        shared_process=place.kind == "inline",
    )


def _enough_megabytes(job: Job, plan: AnyPlan, place: Place, n_workers: int) -> int:
    """Return a budget that fits: tasks take a share of it, so it is planned again until it holds what it makes."""
    megabytes = 0
    while (need := ceil_div(_workers_bytes(n_workers, plan, place), _MEGABYTE)) > megabytes:
        megabytes = need
        plan = plan_operation(
            job.operation,
            job.headers,
            job.params,
            budget=replace(plan.budget, host_bytes=megabytes * _MEGABYTE),
            device=plan.limits.device,
            precision=plan.limits.precision,
            block_bytes=plan.limits.block_bytes,
        )
    return megabytes


def cluster_config(
    job: Job,
    place: Place,
    n_workers: int,
    *,
    folder: Path | None = None,
    logs: Path | None = None,
    devices: tuple[str, ...] = (),
) -> ClusterConfig:
    """Return the settings of the cluster that a job opens for itself.

    Parameters
    ----------
    job : Job
    place : Place
    n_workers : int
    folder : Path, optional
        For the workers' temporary files.
    logs : Path, optional
        For what the workers print.
    devices : tuple of str, optional
        UUIDs of the GPUs to use; as the job says when left out.
    """
    cluster = job.spec.cluster
    gpus = devices if devices and place.device == "cuda" else cluster.gpus
    return ClusterConfig(
        kind=place.kind,
        workers=n_workers if place.kind != "cuda" else None,
        gpus=1 if place.kind == "inline" and place.device == "cuda" and gpus is None else gpus,
        precision=job.spec.compute.precision,
        dashboard=cluster.dashboard,
        scratch=folder,
        logs=logs,
    )
