"""From an opened job to its outcome: plan, place, output, session, blocks, publish."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from arraymill.cluster.session import open_cluster

from ...arrays import MemorySource, Source, create_output
from ...blocks import Region, whole_region
from ...engine import BlockRecord
from ...job import Job
from ...plans.chain_plan import AnyPlan, ChainPlan
from ...plans.placement import Place
from ...plans.planning import Plan
from ...runner import Progress, run_work
from ...stages.shapes import ConstantStage
from ..calibration import measure_workers
from ..outcome import Outcome
from ..outputs import options_of
from ..planned import plan_of
from ..resources import cluster_config, fitting_workers
from ..signals import deferred_interrupts
from ..work import fault_policy, passing_work
from .chain import execute_chain
from .destinations import ArrayOutput, ScratchOutput, as_files, check_fits, scratch_folder

__all__ = ["execute"]

_Publishable = Any
"""An Output of arrays/, an ArrayOutput or a ScratchOutput."""


def execute(
    job: Job,
    *,
    session: Any = None,
    on_plan: Callable[[AnyPlan, Place], object] = lambda plan, place: None,
    on_open: Callable[[Any], object] = lambda session: None,
    on_progress: Callable[[Progress], object] = lambda progress: None,
) -> Outcome:
    """Run a job and return its outcome; without a session, one is opened and closed.

    Raises
    ------
    JobError, ClusterError
    """
    plan, place = plan_of(job, session=session)
    if isinstance(plan, ChainPlan):
        return execute_chain(
            job, plan, place, session=session, run_step=_run, on_plan=on_plan, on_open=on_open, on_progress=on_progress
        )
    n_workers = fitting_workers(job, plan, place) if session is None else session.n_workers
    on_plan(plan, place)
    outcome: Outcome | None = None
    try:
        with ExitStack() as stack:
            folder = _scratch(job, plan, place, stack)
            output: _Publishable = stack.enter_context(_open_output(job, plan, place, folder))
            sources = job.sources if folder is None else as_files(job.sources, folder)
            opened = time.perf_counter()
            if session is None and not isinstance(plan.stage, ConstantStage):
                session = stack.enter_context(open_cluster(cluster_config(job, place, n_workers)))
                on_open(session)
                measure_workers(job, plan, session)
            started = time.perf_counter()
            records = _run(job, plan, session, sources, output, on_progress)
            # may take long, and be interrupted
            output.prepare()
            # published before the cluster is closed: a teardown that fails must not cost the result
            with deferred_interrupts():
                output.publish()
                seconds = time.perf_counter() - started
                value = output.value() if isinstance(output, ArrayOutput | ScratchOutput) else None
                path = Path(job.spec.output.path) if job.spec.output is not None else None
                outcome = Outcome(plan, place, n_workers, value, path, seconds, started - opened, tuple(records))
    except KeyboardInterrupt:
        # once the output is published, an interrupt only hurries the teardown
        if outcome is None:
            raise
    assert outcome is not None
    return outcome


def _run(
    job: Job,
    plan: Plan,
    session: Any,
    sources: tuple[Source, ...],
    output: _Publishable,
    on_progress: Callable[[Progress], object],
) -> tuple[BlockRecord, ...]:
    """Run all blocks; regions that are merged from parts are written here, others by the workers."""
    stage = plan.stage
    target = output.target.T if stage.reverse else output.target
    if isinstance(stage, ConstantStage):
        with output.target.open() as writer:
            writer.write(whole_region(plan.output.shape), stage.value)
        return ()
    work = passing_work(plan, sources, output.target)
    with ExitStack() as stack:
        writer = stack.enter_context(target.open()) if stage.n_parts > 1 else None

        def write_result(region: Region, block: NDArray[Any]) -> None:
            assert writer is not None
            writer.write(region, block)

        return run_work(
            work,
            session,
            job_id=f"{job.spec.name or plan.operation}-{os.urandom(4).hex()}",
            write_result=write_result,
            on_progress=on_progress,
            fault=fault_policy(job),
        ).records


def _scratch(job: Job, plan: Plan, place: Place, stack: ExitStack) -> Path | None:
    """Return a scratch folder where arrays have to pass between this process and the workers, else None."""
    inputs = [source.header.nbytes for source in job.sources if isinstance(source, MemorySource)]
    result = [] if job.spec.output is not None or _is_written_here(plan) else [plan.output.nbytes]
    if place.kind == "inline" or not inputs + result:
        return None
    return stack.enter_context(scratch_folder(sum(inputs + result)))


def _is_written_here(plan: Plan) -> bool:
    return plan.stage.n_parts > 1 or isinstance(plan.stage, ConstantStage)


def _open_output(job: Job, plan: Plan, place: Place, folder: Path | None) -> _Publishable:
    output = plan.output
    if job.spec.output is not None:
        return create_output(
            job.spec.output.path,
            output.shape,
            output.dtype,
            output.order,
            replace=job.spec.output.if_exists == "replace",
            inputs=job.sources,
            options=options_of(job.spec.output),
        )
    check_fits(output, plan.budget)
    if place.kind == "inline" or _is_written_here(plan):
        return ArrayOutput(output)
    assert folder is not None
    return ScratchOutput(output, folder)
