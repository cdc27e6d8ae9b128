"""A job of one stage, run for its caller: its blocks, and where its result goes."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from ...arrays import MemorySource, Source
from ...blocks import Region, whole_region
from ...engine import BlockRecord
from ...job import Job
from ...plans.placement import Place
from ...plans.planning import Plan
from ...runner import Progress, run_work
from ...stages.shapes import ConstantStage
from ..work import fault_policy, passing_work
from .destinations import (
    ArrayOutput,
    Destination,
    ScratchOutput,
    as_files,
    check_fits,
    open_file,
    result_of,
    scratch_folder,
)

__all__ = ["StageRun", "run_stage"]


@dataclass(frozen=True, slots=True)
class StageRun:
    """The arrays of a job while its blocks run.

    Parameters
    ----------
    job : Job
    plan : Plan
    sources : tuple of Source
        Which the workers can open.
    output : Destination
    """

    job: Job
    plan: Plan
    sources: tuple[Source, ...]
    output: Destination

    @classmethod
    def begin(cls, job: Job, plan: Plan, place: Place, stack: ExitStack) -> StageRun:
        """Open the output, which `stack` closes: what cannot be written is told before work starts."""
        folder = _scratch(job, plan, place, stack)
        output = _open_output(job, plan, place, folder)
        stack.enter_context(output)
        return cls(job, plan, job.sources if folder is None else as_files(job.sources, folder), output)

    @property
    def needs_session(self) -> bool:
        """Whether there are blocks to run."""
        return not isinstance(self.plan.stage, ConstantStage)

    def run_blocks(self, session: Any, on_progress: Callable[[Progress], object]) -> tuple[BlockRecord, ...]:
        """Run all blocks and return their records."""
        return run_stage(self.job, self.plan, session, self.sources, self.output, on_progress)

    def prepare(self) -> None:
        """Do what takes long before the output can be published."""
        self.output.prepare()

    def publish(self) -> tuple[NDArray[Any] | Path, Mapping[str, NDArray[Any] | Path]]:
        """Publish the output and return it, and an empty dictionary: there are no others."""
        self.output.publish()
        return result_of(self.output, self.job.spec.output), {}


def run_stage(
    job: Job,
    plan: Plan,
    session: Any,
    sources: tuple[Source, ...],
    output: Destination,
    on_progress: Callable[[Progress], object],
) -> tuple[BlockRecord, ...]:
    """Run all blocks of a stage: regions that are merged from parts are written here, others by the workers."""
    stage = plan.stage
    if isinstance(stage, ConstantStage):
        with output.target.open() as constant:
            constant.write(whole_region(plan.output.shape), stage.value)
        return ()
    target = output.target.T if stage.reverse else output.target
    with ExitStack() as stack:
        writer = stack.enter_context(target.open()) if stage.n_parts > 1 else None

        def write_result(region: Region, block: NDArray[Any]) -> None:
            assert writer is not None
            writer.write(region, block)

        return run_work(
            passing_work(plan, sources, output.target),
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


def _open_output(job: Job, plan: Plan, place: Place, folder: Path | None) -> Destination:
    if job.spec.output is not None:
        return open_file(job.spec.output, plan.output, job.sources)
    check_fits(plan.output, plan.budget)
    if place.kind == "inline" or _is_written_here(plan):
        return ArrayOutput(plan.output)
    assert folder is not None
    return ScratchOutput(plan.output, folder)
