"""From an opened job of several steps to its outcome, without the store: results for later steps pass by scratch."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from arraymill.cluster.session import open_cluster

from ...arrays import MemorySource, Output, Source, create_output
from ...engine import BlockRecord
from ...job import Job
from ...plans.chain_plan import AnyPlan, ChainPlan, PlannedStep
from ...plans.placement import Place
from ...plans.planning import Plan
from ...runner import Progress
from ...spec.job_spec import OutputSpec
from ..calibration import measure_workers
from ..outcome import Outcome
from ..outputs import options_of
from ..resources import cluster_config, fitting_workers
from ..signals import deferred_interrupts
from ..steps import ChainProgress, last_uses, numbered, output_specs, result_source, step_job
from .destinations import ArrayOutput, ScratchOutput, as_files, check_fits, scratch_folder

__all__ = ["execute_chain"]

_RunStep = Callable[..., tuple[BlockRecord, ...]]
_SMALL_BYTES = 64 << 20
"""Results for a later step that are no larger stay in the memory of this process, where this is where it runs."""


def execute_chain(
    job: Job,
    plan: ChainPlan,
    place: Place,
    *,
    session: Any,
    run_step: _RunStep,
    on_plan: Callable[[AnyPlan, Place], object],
    on_open: Callable[[Any], object],
    on_progress: Callable[[Progress], object],
) -> Outcome:
    """Run the steps of a job one after another, and publish its outputs when all are whole.

    Parameters
    ----------
    job : Job
    plan : ChainPlan
    place : Place
    session : Session or None
    run_step : callable
        ``run_step(job, plan, session, sources, output, on_progress) -> records``.
    on_plan, on_open, on_progress : callable
        As for `execute`.

    Raises
    ------
    JobError, ClusterError
    """
    n_workers = fitting_workers(job, plan, place) if session is None else session.n_workers
    on_plan(plan, place)
    outcome: Outcome | None = None
    try:
        with ExitStack() as stack:
            run = _Run.begin(job, plan, place, stack)
            opened = time.perf_counter()
            if session is None:
                session = stack.enter_context(open_cluster(cluster_config(job, place, n_workers)))
                on_open(session)
                measure_workers(job, plan, session)
            started = time.perf_counter()
            records = run.all_steps(session, run_step, ChainProgress(plan, on_progress))
            run.prepare()
            with deferred_interrupts():
                main, *others = run.publish()
                seconds = time.perf_counter() - started
                value, path = (None, main) if isinstance(main, Path) else (main, None)
                names = [name for name, _ in plan.outputs[1:]]
                times = seconds, started - opened
                beside = dict(zip(names, others, strict=True))
                outcome = Outcome(plan, place, n_workers, value, path, *times, tuple(records), others=beside)
    except KeyboardInterrupt:
        # once the output is published, an interrupt only hurries the teardown
        if outcome is None:
            raise
    assert outcome is not None
    return outcome


@dataclass(slots=True)
class _Run:
    """The arrays of a job while its steps run."""

    job: Job
    plan: ChainPlan
    place: Place
    folder: Path
    stack: ExitStack
    made: dict[str, Source]
    specs: Mapping[str, OutputSpec]
    outputs: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def begin(cls, job: Job, plan: ChainPlan, place: Place, stack: ExitStack) -> _Run:
        """Create the outputs that the job names, so that what cannot be written is told before work starts."""
        passing = [source.header.nbytes for source in job.sources if isinstance(source, MemorySource)]
        passing += [step.plan.output.nbytes for step in plan.steps]
        most = plan.budget.host_bytes // 4
        folder = stack.enter_context(scratch_folder(sum(passing), most_in_memory_bytes=most))
        sources = job.sources if place.kind == "inline" else as_files(job.sources, folder)
        run = cls(job, plan, place, folder, stack, dict(zip(plan.input_names, sources, strict=True)), {})
        run.specs = output_specs(job, plan)
        for step in plan.steps:
            if step.name in {name for _, name in plan.outputs}:
                run.outputs[step.name] = stack.enter_context(run._open(step))
        return run

    def all_steps(self, session: Any, run_step: _RunStep, progress: ChainProgress) -> list[BlockRecord]:
        """Run the steps and return the records of all blocks."""
        records: list[BlockRecord] = []
        ends = last_uses(self.plan)
        for number, step in enumerate(self.plan.steps):
            if step.name not in self.outputs:
                self.outputs[step.name] = self.stack.enter_context(self._open(step))
            output = self.outputs[step.name]
            job = step_job(self.job, step, self.made, self.specs.get(step.name))
            done = run_step(job, step.plan, session, job.sources, output, progress.begin(number))
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

    def publish(self) -> list[NDArray[Any] | Path]:
        """Publish the outputs, the main one last, and return them in their order."""
        kept = [step for _, step in self.plan.outputs]
        for step in reversed(kept):
            self.outputs[step].publish()
        return [self._published(step) for step in kept]

    def _published(self, step: str) -> NDArray[Any] | Path:
        output = self.outputs[step]
        return output.value() if isinstance(output, ArrayOutput | ScratchOutput) else Path(self.specs[step].path)

    def _open(self, step: PlannedStep) -> Output | ArrayOutput | ScratchOutput:
        header, is_inline = step.plan.output, self.place.kind == "inline"
        if (asked := self.specs.get(step.name)) is not None:
            return _create(asked.path, step.plan, asked.if_exists == "replace", self.job.sources, asked)
        if step.name in {name for _, name in self.plan.outputs}:
            check_fits(header, self.plan.budget)
            return ArrayOutput(header) if is_inline else ScratchOutput(header, self.folder, step.name)
        if is_inline and header.nbytes <= _SMALL_BYTES:
            return ArrayOutput(header)
        return _create(str(self.folder / f"{step.name}.npy"), step.plan, False, ())


def _create(path: str, plan: Plan, replace: bool, inputs: tuple[Source, ...], spec: OutputSpec | None = None) -> Output:
    header = plan.output
    kind = header.shape, header.dtype, header.order
    return create_output(path, *kind, replace=replace, inputs=inputs, options=options_of(spec))
