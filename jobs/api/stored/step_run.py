"""One stage of a stored job: its blocks run until its output holds what its ledger says was written."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from ...arrays import Output
from ...blocks import whole_region
from ...engine import BlockRecord
from ...job import Job
from ...plans.planning import Plan
from ...runner import Progress, Stop, run_work
from ...stages.shapes import ConstantStage
from ...store import JobFolder, Journal
from ..signals import StopSignals
from ..work import durable_work, fault_policy
from .output import output_path
from .verification import OTHER_BYTES, MergedRegions, differing_blocks, give_up_on, take_back

__all__ = ["StepRun"]

_VERIFY_ROUNDS = 3


@dataclass(slots=True)
class StepRun:
    """One stage of a stored job, from its first missing block to a whole output, which is not published.

    Parameters
    ----------
    job_id : str
        The job as messages name it.
    folder : JobFolder
        That of the job, or of one of its steps.
    job : Job
        Of this stage alone.
    plan : Plan
    journal : Journal
    output : Output
    signals : StopSignals
    on_progress : callable
    on_pass : callable
        Called with the status FINISHING whenever all blocks are done.
    first_block, n_job_blocks : int, optional
        How messages number its blocks.
    """

    job_id: str
    folder: JobFolder
    job: Job
    plan: Plan
    journal: Journal
    output: Output
    signals: StopSignals
    on_progress: Callable[[Progress], object]
    on_pass: Callable[[str], object]
    first_block: int = 0
    n_job_blocks: int | None = None
    records: list[BlockRecord] = field(default_factory=list)

    def write_constant(self) -> None:
        """Write a result that is known from the shapes alone."""
        assert isinstance(self.plan.stage, ConstantStage)
        with self.output.target.open() as writer:
            writer.write(whole_region(self.plan.output.shape), self.plan.stage.value)

    def run_until_whole(self, session: Any, epoch: int) -> None:
        """Run blocks until the output holds what the ledger says was written.

        Raises
        ------
        JobError, ClusterError
        """
        plan, journal = self.plan, self.journal
        bad, unmerged = set[int](), set[int]()
        for _ in range(_VERIFY_ROUNDS):
            merged = self._run_blocks(session, epoch)
            self.on_pass("FINISHING")
            bad = differing_blocks(plan.stage, self.output.target, journal.settled().done)
            unmerged = merged.differing_blocks(plan.stage)
            if not bad and not unmerged:
                return
            take_back(journal, bad, OTHER_BYTES)
        raise give_up_on(bad | unmerged, plan.n_blocks, output_path(self.folder, self.job))

    def _run_blocks(self, session: Any, epoch: int) -> MergedRegions:
        stage, stop = self.plan.stage, Stop()
        work = durable_work(self.folder, self.job, self.plan, self.output.target, epoch)
        target = self.output.target.T if stage.reverse else self.output.target
        with target.open() as writer, self.signals.draining(stop):
            merged = MergedRegions(writer, target)
            ran = run_work(
                work,
                session,
                job_id=self.job_id,
                write_result=merged.write,
                on_progress=self.on_progress,
                fault=fault_policy(self.job),
                journal=self.journal,
                done=self.journal.settled(),
                stop=stop,
                first_block=self.first_block,
                n_job_blocks=self.n_job_blocks,
            )
        self.records += ran.records
        return merged
