"""A job of several steps, run for its caller: one step after another; results for later steps pass by scratch."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from ...arrays import MemorySource, Source
from ...engine import BlockRecord
from ...job import Job
from ...plans.chain_plan import ChainPlan, PlannedStep
from ...plans.placement import Place
from ...runner import Progress
from ...spec.job_spec import OutputSpec
from ..steps import ChainProgress, last_uses, numbered, output_specs, result_source, step_job
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
from .stage import run_stage

__all__ = ["ChainRun"]

_SMALL_BYTES = 64 << 20
"""Results for a later step that are no larger stay in the memory of this process, where this is where it runs."""


@dataclass(frozen=True, slots=True)
class ChainRun:
    """The arrays of a job while its steps run.

    Parameters
    ----------
    job : Job
    plan : ChainPlan
    place : Place
    stack : ExitStack
        Closes what is opened.
    folder : Path
        For scratch files.
    made : dict of str to Source
        The inputs, and the results of steps that later ones read.
    specs : mapping of str to OutputSpec
        The outputs that are files, by the names of their steps.
    outputs : dict of str to Destination
        Of steps that are open, by their names.
    """

    job: Job
    plan: ChainPlan
    place: Place
    stack: ExitStack
    folder: Path
    made: dict[str, Source]
    specs: Mapping[str, OutputSpec]
    outputs: dict[str, Destination] = field(default_factory=dict)

    needs_session = True

    @classmethod
    def begin(cls, job: Job, plan: ChainPlan, place: Place, stack: ExitStack) -> ChainRun:
        """Open the outputs of the job, so that what cannot be written is told before work starts."""
        passing = [source.header.nbytes for source in job.sources if isinstance(source, MemorySource)]
        passing += [step.plan.output.nbytes for step in plan.steps]
        most = plan.budget.host_bytes // 4
        folder = stack.enter_context(scratch_folder(sum(passing), most_in_memory_bytes=most))
        sources = job.sources if place.kind == "inline" else as_files(job.sources, folder)
        made = dict(zip(plan.input_names, sources, strict=True))
        run = cls(job, plan, place, stack, folder, made, output_specs(job, plan))
        for step in plan.steps:
            if run._is_output(step):
                run._open(step)
        return run

    def run_blocks(self, session: Any, on_progress: Callable[[Progress], object]) -> list[BlockRecord]:
        """Run the steps one after another and return the records of all blocks."""
        records: list[BlockRecord] = []
        progress, ends = ChainProgress(self.plan, on_progress), last_uses(self.plan)
        for number, step in enumerate(self.plan.steps):
            if not self._is_output(step):
                self._open(step)
            output = self.outputs[step.name]
            job = step_job(self.job, step, self.made, self.specs.get(step.name))
            done = run_stage(job, step.plan, session, job.sources, output, progress.begin(number))
            records += numbered(done, self.plan.offsets[number])
            self.made[step.name] = result_source(output.target, step.name)
            for name in [name for name, end in ends.items() if end == number]:
                del self.made[name]
                self.outputs.pop(name).discard()
        return records

    def prepare(self) -> None:
        """Do what takes long before the outputs can be published."""
        for _, step in self.plan.outputs:
            self.outputs[step].prepare()

    def publish(self) -> tuple[NDArray[Any] | Path, Mapping[str, NDArray[Any] | Path]]:
        """Publish the outputs, the main one last; return it, and the others by their names."""
        for _, step in reversed(self.plan.outputs):
            self.outputs[step].publish()
        results = {name: result_of(self.outputs[step], self.specs.get(step)) for name, step in self.plan.outputs}
        return results.pop(self.plan.outputs[0][0]), results

    def _is_output(self, step: PlannedStep) -> bool:
        return step.name in {name for _, name in self.plan.outputs}

    def _open(self, step: PlannedStep) -> None:
        self.outputs[step.name] = output = self._destination(step)
        self.stack.enter_context(output)

    def _destination(self, step: PlannedStep) -> Destination:
        header, is_inline = step.plan.output, self.place.kind == "inline"
        if (asked := self.specs.get(step.name)) is not None:
            return open_file(asked, header, self.job.sources)
        if self._is_output(step):
            check_fits(header, self.plan.budget)
            return ArrayOutput(header) if is_inline else ScratchOutput(header, self.folder, step.name)
        if is_inline and header.nbytes <= _SMALL_BYTES:
            return ArrayOutput(header)
        return open_file(OutputSpec(path=str(self.folder / f"{step.name}.npy")), header, ())
