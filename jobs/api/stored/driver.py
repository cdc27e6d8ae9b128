"""Drives a stored job from wherever it stands to its end, and leaves a state that anybody can read at any moment.

::

    PENDING    waits for devices            killed here: the next `resume` starts from the first record
    STARTING   plan, output, workers
    RUNNING    blocks; each is done once its bytes and then its receipt are durable
    FINISHING  the output is read back, renamed, `committed`
    DONE       ... and only then are the workers taken down

A job of several steps goes through RUNNING with one after another; its outputs are renamed when all are whole.
"""

from __future__ import annotations

import os
import time
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from typing import Any

from ...engine import BlockRecord
from ...errors import CancelledJobError
from ...job import Job
from ...plans.chain_plan import AnyPlan, ChainPlan
from ...plans.placement import Place
from ...plans.planning import Plan
from ...runner import Progress
from ...stages.shapes import ConstantStage
from ...store import JobFolder, JobLock, JobState, Journal, read_state, write_state
from ..calibration import measure_workers
from ..outcome import Outcome
from ..planned import plan_of
from ..resources import fitting_workers
from ..signals import StopSignals, deferred_interrupts
from ..watch import SILENT, Watch
from .asked_checks import check_chain, check_stage
from .conclusion import conclude, conclude_done
from .devices import hold_devices, wanted_devices
from .output import is_published, leave_output, make_ready, open_output, output_paths, packing_reason
from .preparation import readmit, record_plan, recorded_plan
from .step_run import StepRun
from .workplace import open_nothing, open_workplace

__all__ = ["drive"]

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
    """Run what is left of a job and publish its output; a result that is kept with the job is not loaded.

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
        plan, place = plan_of(self.job) if is_new else recorded_plan(self.job, journal.settled())
        held = self._wait_for_devices(place, is_free=in_foreground and place.kind == "inline" and place.device == "cpu")
        if is_new and place.device == "cuda":
            # what is free on the devices is known now that they are ours
            plan, place = plan_of(self.job)
        n_workers = fitting_workers(self.job, plan, place)
        self.watch.on_plan(plan, place)
        self._is_brief = place.kind == "inline" and plan.predicted_s < _STATE_PERIOD_S
        self._pass("STARTING", started_s=time.time(), n_blocks=plan.n_blocks, place=place.kind)
        if is_new:
            record_plan(self.folder, self.job, journal, plan, place)
        else:
            readmit(self.folder, self.job, journal, plan, place, accept_changed=accept_changed)
        begun = _Begun(journal, place, n_workers, held)
        if isinstance(plan, ChainPlan):
            self._run_chain(plan, begun)
        else:
            self._run_stage(plan, begun)

    def _wait_for_devices(self, place: Place, *, is_free: bool) -> tuple[str, ...]:
        """Return the devices that are this job's until its end."""
        if is_free:
            return ()

        def on_wait(reason: str) -> None:
            self._tell("PENDING", reason=reason)
            self.watch.on_wait(reason)

        held = self.stack.enter_context(hold_devices(self.folder.id, wanted_devices(self.job, place), on_wait))
        return held.devices

    def _run_stage(self, plan: Plan, begun: _Begun) -> None:
        journal = begun.journal
        if is_published(self.folder, self.job, journal, plan):
            with deferred_interrupts():
                self._finish(plan, begun, [], time.perf_counter(), 0.0)
            return
        output = open_output(self.folder, self.job, journal, plan)
        self.stack.callback(leave_output, journal, output)
        parts = self.folder.id, self.folder, self.job, plan, journal, output
        run = StepRun(*parts, self.signals, self._on_progress, self._pass)
        epoch, opened = journal.start_epoch(), time.perf_counter()
        if isinstance(plan.stage, ConstantStage):
            started = opened
            run.write_constant()
        else:
            session = self._open_session(plan, begun, is_done=len(journal.settled().done) == plan.n_blocks)
            started = time.perf_counter()
            self._tell("RUNNING", epoch=epoch)
            run.run_until_whole(session, epoch)
        check_stage(self.folder, self.job, plan, journal, output, self._pass)
        self._say_packing(plan)
        make_ready(journal, output)
        with deferred_interrupts():
            journal.event("verified")
            journal.commit()
            output.publish()
            self._finish(plan, begun, run.records, started, started - opened)

    def _run_chain(self, plan: ChainPlan, begun: _Begun) -> None:
        from .chain_run import ChainRun  # most jobs have one stage

        tell = self._on_progress, self._pass
        run = ChainRun(self.folder, self.job, plan, begun.place, self.signals, *tell, self.stack)
        run.open_steps()
        epoch, opened = begun.journal.start_epoch(), time.perf_counter()
        session = self._open_session(plan, begun, is_done=run.is_done)
        started = time.perf_counter()
        self._tell("RUNNING", epoch=epoch)
        run.all_steps(session)
        check_chain(self.job, plan, begun.journal, run.made, self._pass)
        self._say_packing(plan)
        run.make_ready()
        with deferred_interrupts():
            run.publish()
            self._finish(plan, begun, run.records, started, started - opened)
        run.remove_intermediates()

    def _say_packing(self, plan: AnyPlan) -> None:
        """Say what takes its time once the last block is done, where something does."""
        if reason := packing_reason(self.job, plan):
            self._pass("FINISHING", reason=reason)

    def _open_session(self, plan: AnyPlan, begun: _Begun, *, is_done: bool) -> Any:
        """Return an open session; where nothing is computed any more, no worker is worth its start."""
        place = begun.place
        workplace = (
            open_nothing() if is_done else open_workplace(self.folder, self.job, place, begun.n_workers, begun.held)
        )
        session = self.stack.enter_context(workplace)
        self.watch.on_open(session)
        if (rates := measure_workers(self.job, plan, session)) is not None:
            begun.journal.event("ceilings", **rates.to_json())
        return session

    def _on_progress(self, progress: Progress) -> None:
        self.watch.on_progress(progress)
        if time.monotonic() - self._told_s >= _STATE_PERIOD_S:
            self._tell("RUNNING", n_done=progress.done_blocks)

    def _finish(self, plan: AnyPlan, begun: _Begun, records: list[BlockRecord], started: float, start_s: float) -> None:
        begun.journal.event("committed")
        begun.journal.commit()
        seconds = time.perf_counter() - started
        skipped = conclude_done(self.folder, self.state)
        path, others = output_paths(self.job, plan)
        made = begun.place, begun.n_workers, None, path, seconds, start_s, tuple(records)
        self.outcome = Outcome(plan, *made, self.folder.id, skipped, others)

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


@dataclass(frozen=True, slots=True)
class _Begun:
    """What is settled of an attempt before its first block."""

    journal: Journal
    place: Place
    n_workers: int
    held: tuple[str, ...]
