"""Drives a stored job from wherever it stands to its end, and leaves a state that anybody can read at any moment.

::

    PENDING    waits for devices            killed here: the next `resume` starts from the first record
    STARTING   plan, output, workers
    RUNNING    blocks; each is done once its bytes and then its receipt are durable
    FINISHING  the output is read back, renamed, `committed`
    DONE       ... and only then are the workers taken down
"""

from __future__ import annotations

import os
import time
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from ..arrays import Output
from ..blocks import whole_region
from ..engine import BlockRecord
from ..errors import CancelledJobError
from ..job import Job
from ..placement import Place
from ..planning import Plan
from ..runner import Progress, Stop, run_work
from ..stages import ConstantStage
from ..store import JobFolder, JobLock, JobState, Journal, read_state, write_state
from . import preparation
from .calibration import measure_workers
from .completion import MergedRegions, differing_blocks, give_up_on
from .conclusion import conclude, conclude_done
from .devices import hold_devices, wanted_devices
from .interrupts import deferred_interrupts
from .outcome import Outcome
from .planned import plan_of
from .resources import fitting_workers
from .signals import StopSignals
from .watch import SILENT, Watch
from .work import durable_work, fault_policy
from .workplace import open_nothing, open_workplace

__all__ = ["drive"]

_VERIFY_ROUNDS = 3
_STATE_PERIOD_S = 1.0


def drive(
    folder: JobFolder,
    lock: JobLock,
    job: Job,
    *,
    watch: Watch = SILENT,
    accept_changed: bool = False,
    in_foreground: bool = False,
) -> Outcome:
    """Run what is left of a job and publish its output.

    Parameters
    ----------
    folder : JobFolder
    lock : JobLock
        Held, and released at the end.
    job : Job
    watch : Watch
    accept_changed : bool
        Go on although inputs or versions changed; what may be stale runs again.
    in_foreground : bool
        Somebody waits for it: a job that is too short for a cluster does not wait for other jobs.

    Raises
    ------
    JobError, ClusterError
        The state of the job says the same.
    """
    signals = StopSignals(is_urgent=folder.cancel.exists, on_drain=watch.on_drain)
    with signals.installed(), lock:
        driven = _Drive(folder, job, watch, signals, read_state(folder))
        try:
            driven.run(accept_changed=accept_changed, in_foreground=in_foreground)
        except BaseException as error:
            # once the output is published, nothing undoes it: an interrupt only hurries the teardown
            if driven.outcome is None:
                with deferred_interrupts():
                    raise conclude(folder, error, signals.signum, is_kept=not in_foreground) from error
            if not isinstance(error, KeyboardInterrupt):
                raise
    assert driven.outcome is not None
    return driven.outcome


@dataclass(slots=True)
class _Drive:
    """One attempt at a job, from the plan to the published output."""

    folder: JobFolder
    job: Job
    watch: Watch
    signals: StopSignals
    state: JobState
    stack: ExitStack = field(default_factory=ExitStack)
    records: list[BlockRecord] = field(default_factory=list)
    outcome: Outcome | None = None
    _told_s: float = 0.0
    _is_brief: bool = False

    def run(self, *, accept_changed: bool, in_foreground: bool) -> None:
        """Go from where the job stands to its `outcome`, which is set the moment that nothing undoes it."""
        with self.stack:
            self._run(accept_changed=accept_changed, in_foreground=in_foreground)

    def _run(self, *, accept_changed: bool, in_foreground: bool) -> None:
        if self.folder.cancel.exists():
            raise CancelledJobError(f"job {self.folder.id} was cancelled before it began")
        journal = self.stack.enter_context(Journal.open(self.folder))
        is_new = journal.settled().plan is None
        plan, place = plan_of(self.job) if is_new else preparation.recorded_plan(self.job, journal.settled())
        held = self._wait_for_devices(place, is_free=in_foreground and place.kind == "inline" and place.device == "cpu")
        if is_new and place.device == "cuda":
            # what is free on the devices is known now that they are ours
            plan, place = plan_of(self.job)
        n_workers = fitting_workers(self.job, plan, place)
        self.watch.on_plan(plan, place)
        self._is_brief = place.kind == "inline" and plan.predicted_s < _STATE_PERIOD_S
        self._pass("STARTING", started_s=time.time(), n_blocks=plan.n_blocks, place=place.kind)
        if is_new:
            preparation.begin(self.folder, self.job, journal, plan, place)
        else:
            preparation.readmit(self.folder, self.job, journal, plan, place, accept_changed=accept_changed)
        if preparation.is_published(self.folder, self.job, journal, plan):
            with deferred_interrupts():
                self._finish(journal, plan, place, n_workers, time.perf_counter(), 0.0)
            return
        output = preparation.open_result(self.folder, self.job, journal, plan)
        self.stack.callback(preparation.leave_result, journal, output)
        self._compute(journal, plan, place, output, n_workers, held)

    def _wait_for_devices(self, place: Place, *, is_free: bool) -> tuple[str, ...]:
        """Return the devices that are this job's until its end."""
        if is_free:
            return ()

        def on_wait(reason: str) -> None:
            self._tell("PENDING", reason=reason)
            self.watch.on_wait(reason)

        held = self.stack.enter_context(hold_devices(self.folder.id, wanted_devices(self.job, place), on_wait))
        return held.devices

    def _compute(
        self, journal: Journal, plan: Plan, place: Place, output: Output, n_workers: int, held: tuple[str, ...]
    ) -> None:
        epoch, opened = journal.start_epoch(), time.perf_counter()
        if isinstance(plan.stage, ConstantStage):
            started = opened
            with output.target.open() as writer:
                writer.write(whole_region(plan.output.shape), plan.stage.value)
        else:
            is_done = len(journal.settled().done) == plan.n_blocks
            # nothing is computed any more: no worker is worth its start
            workplace = open_nothing() if is_done else open_workplace(self.folder, self.job, place, n_workers, held)
            session = self.stack.enter_context(workplace)
            self.watch.on_open(session)
            if (rates := measure_workers(self.job, plan, session)) is not None:
                journal.event("ceilings", **rates.to_json())
            started = time.perf_counter()
            self._tell("RUNNING", epoch=epoch)
            self._run_until_whole(journal, plan, session, output, epoch)
        with deferred_interrupts():
            journal.event("verified")
            journal.commit()
            output.publish()
            self._finish(journal, plan, place, n_workers, started, started - opened)

    def _run_until_whole(self, journal: Journal, plan: Plan, session: Any, output: Output, epoch: int) -> None:
        """Run blocks until the output holds what the ledger says was written."""
        bad, unmerged = set[int](), set[int]()
        for _ in range(_VERIFY_ROUNDS):
            merged = self._run_blocks(journal, plan, session, output, epoch)
            self._pass("FINISHING")
            bad = differing_blocks(plan.stage, output.target, journal.settled().done)
            unmerged = merged.differing_blocks(plan.stage)
            if not bad and not unmerged:
                return
            for block in sorted(bad):
                journal.event("corrupt", block=block, reason="the output holds other bytes than were written")
            journal.commit()
        raise give_up_on(bad | unmerged, plan.n_blocks, preparation.output_path(self.folder, self.job))

    def _run_blocks(self, journal: Journal, plan: Plan, session: Any, output: Output, epoch: int) -> MergedRegions:
        stage, stop = plan.stage, Stop()
        work = durable_work(self.folder, self.job, plan, output.target, epoch)
        target = output.target.T if stage.reverse else output.target
        with target.open() as writer, self.signals.draining(stop):
            merged = MergedRegions(writer, target)
            ran = run_work(
                work,
                session,
                job_id=self.folder.id,
                write_result=merged.write,
                on_progress=self._on_progress,
                fault=fault_policy(self.job),
                journal=journal,
                done=journal.settled(),
                stop=stop,
            )
        self.records += ran.records
        return merged

    def _on_progress(self, progress: Progress) -> None:
        self.watch.on_progress(progress)
        if time.monotonic() - self._told_s >= _STATE_PERIOD_S:
            self._tell("RUNNING", n_done=progress.done_blocks)

    def _finish(
        self, journal: Journal, plan: Plan, place: Place, n_workers: int, started: float, start_s: float
    ) -> None:
        journal.event("committed")
        journal.commit()
        seconds = time.perf_counter() - started
        skipped = conclude_done(self.folder, self.state, journal.settled(), plan.n_blocks)
        path, value = preparation.output_path(self.folder, self.job), None
        if self.job.spec.output is None:
            value = np.load(path, allow_pickle=False)
        file, times = Path(path) if value is None else None, (seconds, start_s)
        done = Outcome(plan, place, n_workers, value, file, *times, tuple(self.records), self.folder.id, skipped)
        self.outcome = done

    def _pass(self, status: str, **changes: Any) -> None:
        """Go through a state that a brief job leaves at once: to write it down would take as long as the job."""
        self._note(status, **changes) if self._is_brief else self._tell(status, **changes)

    def _tell(self, status: str, **changes: Any) -> None:
        self._note(status, **changes)
        self._told_s = time.monotonic()
        write_state(self.folder, self.state)

    def _note(self, status: str, **changes: Any) -> None:
        reason = changes.pop("reason", "")
        # what an earlier attempt ended with is over
        changes |= {"exit_code": None, "error": None, "ended_s": None}
        self.state = replace(self.state, status=status, reason=reason, pid=os.getpid(), **changes)
