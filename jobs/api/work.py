"""What the workers of a job are told: its stage, its files, and how their writes are kept."""

from __future__ import annotations

from ..arrays import Source, Target
from ..engine import BackendKind, Fence, Work
from ..job import Job
from ..plans.planning import Plan
from ..runner import FaultPolicy
from ..stages.shapes import ConstantStage
from ..store import JobFolder

__all__ = ["durable_work", "fault_policy", "passing_work"]


def passing_work(plan: Plan, sources: tuple[Source, ...], target: Target) -> Work:
    """Return the work of a job that is not kept in the store: no write is waited for."""
    stage = plan.stage
    assert not isinstance(stage, ConstantStage)
    target_of_blocks = target if stage.n_parts == 1 else None
    return Work(stage, sources, target_of_blocks, _backend(plan), staging_bytes=plan.task_host_bytes)


def durable_work(folder: JobFolder, job: Job, plan: Plan, target: Target, epoch: int) -> Work:
    """Return the work of a stored job: every block is on disk before its receipt, and none of an old attempt writes."""
    stage = plan.stage
    assert not isinstance(stage, ConstantStage)
    return Work(
        stage,
        job.sources,
        target if stage.n_parts == 1 else None,
        _backend(plan),
        fence=Fence(str(folder.epoch), epoch),
        durable=True,
        board=str(folder.running),
        deterministic=job.spec.fault.deterministic,
        staging_bytes=plan.task_host_bytes,
    )


def fault_policy(job: Job) -> FaultPolicy:
    """Return what a job says of failures."""
    fault = job.spec.fault
    return FaultPolicy(fault.retries, fault.max_worker_deaths, on_error=fault.on_error, timeout_s=fault.timeout_s)


def _backend(plan: Plan) -> BackendKind:
    return "torch-cuda" if plan.limits.device == "cuda" else "numpy"
