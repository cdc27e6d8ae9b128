"""The plan of an opened job on this machine, and the place where it runs."""

from __future__ import annotations

from typing import Any

from arraymill.cluster.devices import gpus

from ..job import Job
from ..limits import DeviceKind, fit_workers
from ..plans.chain_plan import AnyPlan
from ..plans.chains import plan_operation
from ..plans.placement import Place, choose_device, choose_place, process_bytes
from ..rates.workers import Rates
from .calibration import rates_for
from .formats import check_formats
from .resources import budget_of, check_precision, wanted_workers

__all__ = ["plan_of"]

_ASKED = {"inline": "in this process", "local": "on worker processes", "cuda": "on one worker per GPU"}


def plan_of(job: Job, *, session: Any = None) -> tuple[AnyPlan, Place]:
    """Return the plan of a job and the place where it would run.

    Rates that were measured on this machine make its seconds and choose its place; its blocks and tiles they never
    change.

    Raises
    ------
    JobError, ClusterError
    """
    plan, place = _plan_of(job, session)
    check_formats(job, plan)
    return plan, place


def _plan_of(job: Job, session: Any) -> tuple[AnyPlan, Place]:
    chosen: dict[DeviceKind, Rates] = {}

    def plan_on(device: DeviceKind, n_workers: int | None = None) -> AnyPlan:
        rates = rates_for(job, device)
        plan = plan_operation(
            job.operation,
            job.headers,
            job.params,
            budget=budget_of(job, device),
            device=device,
            precision=job.spec.compute.precision,
            n_workers=n_workers or (wanted_workers(job, device) if session is None else session.n_workers),
            block_bytes=job.spec.compute.block_bytes,
            rates=rates,
        )
        chosen[device] = rates(plan.output.dtype)
        return plan

    if session is not None:
        check_precision(job, session)
        plan, said = plan_on(session.device), "on the cluster that was given"
        return plan, Place(session.kind, session.device, said, chosen[session.device])
    device, kind = job.spec.compute.device, job.spec.cluster.kind
    if device == "auto" and job.spec.cluster.gpus is not None:
        # who names GPUs has chosen: the CPU would be a silent way out
        device = "cuda"
    if kind == "auto" and device == "auto" and gpus():
        plan, reason = choose_device(plan_on, lambda plan: chosen[plan.limits.device].ceilings)
    else:
        plan, reason = plan_on("cuda" if "cuda" in (device, kind) else "cpu"), ""
    rates = chosen[plan.limits.device]
    if kind == "auto":
        place = choose_place(plan, reason=reason, rates=rates)
    else:
        place = Place(kind, plan.limits.device, f"{_ASKED[kind]}, as asked", rates)
    n_fitting = _n_fitting(plan, place) if place.device == "cpu" else plan.n_workers
    # seconds are predicted for the workers that there will be; blocks do not depend on them
    return (plan_on(place.device, n_fitting) if 0 < n_fitting < plan.n_workers else plan), place


def _n_fitting(plan: AnyPlan, place: Place) -> int:
    return fit_workers(
        plan.budget,
        task_bytes=plan.task_host_bytes,
        process_bytes=process_bytes(place.kind),
        shared_process=place.kind == "inline",
    )
