"""The steps of a job as jobs of their own: their inputs, which may be results of earlier ones, and their outputs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from ..arrays import MemorySource, MemoryTarget, Source, Target
from ..arrays.npy.source import open_npy
from ..engine import BlockRecord
from ..engine.fused import FusedSource
from ..job import Job
from ..output_names import output_beside
from ..plans.chain_plan import ChainPlan, Fusion, PlannedStep
from ..runner import Progress
from ..spec.job_spec import OutputSpec
from ..stages.shapes import MapStage

__all__ = ["ChainProgress", "last_uses", "numbered", "output_specs", "result_source", "step_job", "step_sources"]


def output_specs(job: Job, plan: ChainPlan) -> dict[str, OutputSpec]:
    """Return where each step's result goes that is an output of the job; none where no output was asked for."""
    asked = job.spec.output
    if asked is None:
        return {}
    (_, main), *others = plan.outputs
    beside = {
        # of another shape: chunks and names are those of the main one
        step: asked.model_copy(update={"path": output_beside(asked.path, output), "chunks": None, "columns": None})
        for output, step in others
    }
    return {main: asked, **beside}


def step_job(job: Job, step: PlannedStep, made: Mapping[str, Source], output: OutputSpec | None) -> Job:
    """Return one step as a job.

    Parameters
    ----------
    job : Job
    step : PlannedStep
    made : mapping of str to Source
        The inputs of the job and the results of earlier steps.
    output : OutputSpec or None
        None where the result is no output of the job, or is not to be written to a file.
    """
    params = dict(step.plan.params)
    spec = job.spec.model_copy(update={"op": step.operation.name, "params": params, "inputs": {}, "output": output})
    return Job(spec, step.operation, step_sources(step, made), params)


def step_sources(step: PlannedStep | Fusion, made: Mapping[str, Source]) -> tuple[Source, ...]:
    """Return what a step reads: arrays, and what is computed as it is read."""
    return tuple(_fused(step.fused[name], made) if name in step.fused else made[name] for name in step.inputs)


def _fused(step: Fusion, made: Mapping[str, Source]) -> Source:
    assert isinstance(step.plan.stage, MapStage)
    header = replace(step.plan.output, name=step.name)
    return FusedSource(header, step.plan.stage, step_sources(step, made))


def result_source(target: Target, name: str) -> Source:
    """Return what a step wrote as a source for later steps, published or not."""
    if isinstance(target, MemoryTarget):
        return MemorySource(name, target.array, may_be_records=True)
    return open_npy(name, target.path, may_be_records=True)  # type: ignore[attr-defined]


def last_uses(plan: ChainPlan) -> dict[str, int]:
    """Return the number of the step after which no later one reads a result, by its name; outputs are left out."""
    outputs = {step for _, step in plan.outputs}
    uses = {step.name: number for number, step in enumerate(plan.steps)}
    for number, step in enumerate(plan.steps):
        uses |= {name: number for name in step.arrays if name in uses}
    return {name: number for name, number in uses.items() if name not in outputs}


class ChainProgress:
    """The progress of a job, from that of its steps.

    Parameters
    ----------
    plan : ChainPlan
    tell : callable
        Takes the progress of the job.
    """

    def __init__(self, plan: ChainPlan, tell: Callable[[Progress], object]) -> None:
        self._plan, self._tell = plan, tell
        self._before = self._last = Progress(0, plan.n_blocks, 0)

    def begin(self, number: int) -> Callable[[Progress], object]:
        """Begin step `number` and return what takes its progress."""
        self._before = replace(self._last, done_blocks=self._plan.offsets[number])
        return self._step

    def _step(self, progress: Progress) -> None:
        before = self._before
        seconds = {step: before.seconds.get(step, 0.0) + spent for step, spent in progress.seconds.items()}
        counts = ("done_blocks", "done_bytes", "bytes_read", "bytes_written", "retries", "deaths", "timeouts")
        sums: dict[str, Any] = {
            name: getattr(before, name) + getattr(progress, name) for name in (*counts, "splits", "holes")
        }
        self._last = Progress(n_blocks=self._plan.n_blocks, seconds={**before.seconds, **seconds}, **sums)
        self._tell(self._last)


def numbered(records: tuple[BlockRecord, ...], offset: int) -> tuple[BlockRecord, ...]:
    """Return the records of a step's blocks, numbered through the whole job."""
    return tuple(replace(record, block=record.block + offset) for record in records)
