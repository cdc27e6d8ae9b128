"""The steps of a stored job, each with a ledger and an output of its own, from where they stand to their last block."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ...arrays import Output, Source, open_source
from ...engine import BlockRecord
from ...job import Job
from ...plans.chain_plan import ChainPlan, PlannedStep
from ...plans.placement import Place
from ...plans.record import plan_record
from ...runner import Progress
from ...spec.job_spec import OutputSpec
from ...stages.shapes import ConstantStage
from ...store import JobFolder, Journal, create_step_folder, write_file
from ..signals import StopSignals
from ..steps import ChainProgress, numbered, output_specs, result_source, step_job
from .output import is_published, leave_output, make_ready, open_output
from .step_run import StepRun

__all__ = ["ChainRun"]

_LARGE_BYTES = 16 << 20
"""Results for later steps that are smaller lie in the folder of the job."""


@dataclass(slots=True)
class _OpenStep:
    """A step whose journal and output are open; `output` is None if an earlier attempt published it."""

    number: int
    step: PlannedStep
    folder: JobFolder
    journal: Journal
    spec: OutputSpec | None
    is_output: bool
    output: Output | None

    @property
    def name(self) -> str:
        return self.step.name

    @property
    def is_done(self) -> bool:
        """Whether no block of it is left."""
        return self.output is None or len(self.journal.settled().done) == self.step.plan.n_blocks


@dataclass(slots=True)
class ChainRun:
    """One attempt at the steps of a job.

    Parameters
    ----------
    folder : JobFolder
    job : Job
    plan : ChainPlan
    place : Place
    signals : StopSignals
    on_progress : callable
        Takes the progress of the job.
    on_pass : callable
        Called with a status that the job goes through.
    stack : ExitStack
        Closes what is opened; outputs that are not published then are kept for a resume.
    """

    folder: JobFolder
    job: Job
    plan: ChainPlan
    place: Place
    signals: StopSignals
    on_progress: Callable[[Progress], object]
    on_pass: Callable[[str], object]
    stack: ExitStack
    records: list[BlockRecord] = field(default_factory=list)
    made: dict[str, Source] = field(default_factory=dict)
    """The results of the steps so far."""
    _steps: list[_OpenStep] = field(default_factory=list)

    def open_steps(self) -> None:
        """Open the journals and outputs of all steps: what cannot be written is told before the first block runs.

        Raises
        ------
        JobError
        """
        specs = output_specs(self.job, self.plan)
        for number, step in enumerate(self.plan.steps):
            self._steps.append(self._open(number, step, specs.get(step.name)))

    @property
    def is_done(self) -> bool:
        """Whether no block is left."""
        return all(opened.is_done for opened in self._steps)

    def all_steps(self, session: Any) -> None:
        """Run what is left of the steps, one after another.

        Raises
        ------
        JobError, ClusterError
        """
        made: dict[str, Source] = dict(zip(self.plan.input_names, self.job.sources, strict=True))
        progress = ChainProgress(self.plan, self.on_progress)
        for opened in self._steps:
            tell = progress.begin(opened.number)
            if opened.output is None:
                made[opened.name] = self.made[opened.name] = open_source(self._path(opened))
                continue
            self._run(opened, step_job(self.job, opened.step, made, opened.spec), session, tell)
            made[opened.name] = self.made[opened.name] = result_source(opened.output.target, opened.name)

    def make_ready(self) -> None:
        """Do what takes long before the outputs can be published.

        Raises
        ------
        JobError
        """
        for opened in self._steps:
            if opened.is_output and opened.output is not None:
                make_ready(opened.journal, opened.output)

    def publish(self) -> None:
        """Publish the outputs, the main one last.

        Raises
        ------
        JobError
        """
        main = self.plan.outputs[0][1]
        for opened in sorted(self._steps, key=lambda one: one.name == main):
            if not opened.is_output or opened.output is None:
                continue
            opened.journal.event("verified")
            opened.journal.commit()
            opened.output.publish()
            opened.journal.event("committed")
            opened.journal.commit()

    def remove_intermediates(self) -> None:
        """Remove the results that only later steps needed."""
        for opened in self._steps:
            if not opened.is_output and opened.output is not None:
                opened.output.discard()

    def _open(self, number: int, step: PlannedStep, spec: OutputSpec | None) -> _OpenStep:
        folder = self.folder.step(number, step.name)
        create_step_folder(folder)
        journal = self.stack.enter_context(Journal.open(folder))
        if journal.settled().plan is None:
            record = plan_record(step.plan, self.place, {})
            write_file(folder.plan, json.dumps(record, indent=2).encode())
            journal.begin(record)
        is_output = step.name in {name for _, name in self.plan.outputs}
        spec = spec or self._beside_output(number, step)
        # an output must not lie where any input of the job does, whether the step reads that or not
        job = replace(self.job, spec=self.job.spec.model_copy(update={"output": spec}))
        opened = _OpenStep(number, step, folder, journal, spec, is_output, None)
        if is_output and spec is not None and is_published(folder, job, journal, step.plan):
            return opened
        opened.output = open_output(folder, job, journal, step.plan)
        self.stack.callback(leave_output, journal, opened.output)
        return opened

    def _beside_output(self, number: int, step: PlannedStep) -> OutputSpec | None:
        """Return where a large result for later steps goes: the output's disk has room for such, a home may not."""
        output, header = self.job.spec.output, step.plan.output
        if output is None or header.nbytes < _LARGE_BYTES or header.dtype.names is not None:
            return None
        file = Path(output.path.partition("::")[0])
        return OutputSpec(path=str(file.with_name(f".{file.name}.{self.folder.id}.{number}.npy")), if_exists="replace")

    def _run(self, opened: _OpenStep, job: Job, session: Any, tell: Callable[[Progress], object]) -> None:
        assert opened.output is not None
        is_last = opened.number == len(self._steps) - 1
        run = StepRun(
            self.folder.id,
            opened.folder,
            job,
            opened.step.plan,
            opened.journal,
            opened.output,
            self.signals,
            tell,
            self.on_pass if is_last else lambda status: None,
            self.plan.offsets[opened.number],
            self.plan.n_blocks,
        )
        if isinstance(opened.step.plan.stage, ConstantStage):
            run.write_constant()
            return
        try:
            run.run_until_whole(session, opened.journal.start_epoch())
        finally:
            self.records += numbered(tuple(run.records), self.plan.offsets[opened.number])

    def _path(self, opened: _OpenStep) -> Path:
        return Path(opened.spec.path) if opened.spec is not None else opened.folder.result
