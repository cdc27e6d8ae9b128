"""A driver of a job in a process of its own, forked from one that has everything loaded and no threads."""

from __future__ import annotations

import gc
import json
import os
import signal
import threading
import traceback
import warnings
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import arraymill.cluster.inline as inline
import arraymill.jobs.api.stored.driver as driver
import arraymill.jobs.runner.batching as batching
import arraymill.jobs.runner.loop as loop
import arraymill.jobs.store.journal as journal
from arraymill.cluster.errors import ClusterError
from arraymill.cluster.worker.tasks import run_task
from arraymill.jobs.api.stored.attempts import resume_job, run_stored
from arraymill.jobs.errors import JobError
from arraymill.jobs.store import Journal, read_settled

from .effects import Fault, Listener, install
from .shapes import SHAPES, Case, new_case

__all__ = ["Driver", "Ending", "drive", "start", "warm_up"]

LONGEST_S = 240
GROUP_RECORDS = 3


@dataclass(frozen=True, slots=True)
class Ending:
    """How a driver ended.

    Parameters
    ----------
    signal : int
        That killed it, or 0.
    exit_code : int
        What the command would have returned; -1 if a signal killed it.
    error_id, text : str
        Of the error; "bug" if it is not one of ours.
    ran : tuple of int
        Blocks that were begun, in order.
    acknowledged : tuple of int
        Blocks that the journal said were committed.
    """

    signal: int
    exit_code: int
    error_id: str
    text: str
    ran: tuple[int, ...]
    acknowledged: tuple[int, ...]

    @property
    def is_clean(self) -> bool:
        """Whether it finished, or raised an error of ours."""
        return self.signal == 0 and self.error_id != "bug"


@dataclass(frozen=True, slots=True)
class Driver:
    """A driver that runs.

    Parameters
    ----------
    pid : int
    notes : int
        What it notes comes out here.
    """

    pid: int
    notes: int

    def wait_until_stopped(self) -> None:
        """Wait until SIGSTOP has stopped it."""
        _, status = os.waitpid(self.pid, os.WUNTRACED)
        assert os.WIFSTOPPED(status)

    def end(self) -> Ending:
        """Wait for its end, and say how it ended."""
        with os.fdopen(self.notes) as file:
            told = [json.loads(line) for line in file.read().splitlines()]
        _, status = os.waitpid(self.pid, 0)
        exit_code, error_id, text = next((what for word, what in told if word == "ended"), (-1, "", ""))
        return Ending(
            os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0,
            exit_code,
            error_id,
            text,
            tuple(block for word, block in told if word == "ran"),
            tuple(block for word, blocks in told if word == "acknowledged" for block in blocks),
        )


def drive(case: Case, action: str, fault: Fault | None = None, **how: Any) -> Ending:
    """Run a case's job, or resume it, to its end or its death: see `start`."""
    return start(case, action, fault, **how).end()


def start(
    case: Case,
    action: str,
    fault: Fault | None = None,
    *,
    listener: Callable[[], Listener] | None = None,
    changes: Sequence[Callable[[], object]] = (),
    accept_changed: bool = False,
) -> Driver:
    """Start to run a case's job, or to resume it.

    Parameters
    ----------
    case : Case
    action : {"run", "resume"}
    fault : Fault, optional
    listener : callable, optional
        Makes what hears of all effects, in the new process.
    changes : sequence of callable
        Called in the new process first: mutants of the protocol, other versions.
    accept_changed : bool
    """
    # not a file: limits of file size do not reach a pipe
    reader, notes = os.pipe()
    with warnings.catch_warnings():
        # Python warns of it from 3.12 on: the threads are those of NumPy's library, which the child starts anew
        warnings.filterwarnings("ignore", "This process .* is multi-threaded", DeprecationWarning)
        pid = os.fork()
    if pid == 0:
        try:
            os.close(reader)
            signal.alarm(LONGEST_S)
            _prepare(case, notes, fault, listener, changes)
            _note(notes, "ended", _act(case, action, accept_changed=accept_changed))
        except BaseException:  # noqa: BLE001 - whatever it is must not go on in the test's process
            _note(notes, "ended", [70, "bug", traceback.format_exc()])
        finally:
            os._exit(0)
    os.close(notes)
    return Driver(pid, reader)


def warm_up(folder: Path) -> None:
    """Do in this process what every driver would do once, so that those forked from it need not."""
    for name in SHAPES:
        case = new_case(folder / name, name)
        os.environ["ARRAYMILL_HOME"] = str(case.home)
        run_stored(case.spec)
    assert threading.active_count() == 1, "a process with threads is not to be forked"
    gc.collect()
    gc.freeze()


def _act(case: Case, action: str, *, accept_changed: bool) -> list[Any]:
    try:
        if action == "run":
            run_stored(case.spec)
        else:
            # one that was stopped before its first record may lie beside it
            folder = max(case.jobs(), key=lambda job: read_settled(job).plan is not None)
            resume_job(folder, accept_changed=accept_changed)
    except (JobError, ClusterError) as error:
        return [error.exit_code, error.id, str(error)]
    return [0, "", ""]


def _prepare(
    case: Case,
    notes: int,
    fault: Fault | None,
    listener: Callable[[], Listener] | None,
    changes: Sequence[Callable[[], object]],
) -> None:
    os.environ["ARRAYMILL_HOME"] = str(case.home)
    heard = listener() if listener is not None else None
    install(fault, heard)
    _be_deterministic()
    for change in changes:
        change()
    _take_notes(notes, getattr(heard, "acknowledge", lambda blocks: None))


def _be_deterministic() -> None:
    """Let no clock and no second thread decide in which order the effects come."""
    assert hasattr(journal, "_GROUP_RECORDS")
    assert hasattr(journal, "_GROUP_S")
    assert hasattr(driver, "_STATE_PERIOD_S")
    journal._GROUP_RECORDS, journal._GROUP_S = GROUP_RECORDS, 1e9
    driver._STATE_PERIOD_S = 1e9
    # a block to a task, however short it is: what is kept between two of them is to be seen
    batching._MOST_BLOCKS = 1

    order: dict[Future[Any], int] = {}

    def submit(session: Any, function: Callable[..., Any], /, *args: Any, key: str) -> Future[Any]:
        future: Future[Any] = Future()
        order[future] = len(order)
        try:
            future.set_result(run_task(function, args))
        except BaseException as error:  # noqa: BLE001 - a future keeps whatever its task raised
            future.set_exception(error)
        return future

    def wait(session: Any, futures: Collection[Future[Any]], timeout_s: float | None) -> set[Future[Any]]:
        return {min(futures, key=order.__getitem__)}

    inline.InlineSession.submit, inline.InlineSession.wait = submit, wait


def _take_notes(notes: int, acknowledge: Callable[[tuple[int, ...]], object]) -> None:
    run_block, commit = loop.run_block, Journal.commit

    def noted_run(work: Any, index: int, *args: Any) -> Any:
        _note(notes, "ran", _number(work.fence.path, index))
        return run_block(work, index, *args)

    def noted_commit(self: Journal) -> tuple[int, ...]:
        blocks = commit(self)
        if blocks:
            blocks = tuple(_number(str(self.folder.epoch), block) for block in blocks)
            _note(notes, "acknowledged", list(blocks))
            acknowledge(blocks)
        return blocks

    loop.run_block, Journal.commit = noted_run, noted_commit


def _number(epoch: str, block: int) -> int:
    """Return a number for a block that no other block of the job has, in whichever step."""
    step = Path(epoch).parent.name.partition("-")[0]
    return block + 1000 * int(step) if step.isdigit() else block


def _note(notes: int, word: str, what: Any) -> None:
    os.write(notes, json.dumps([word, what]).encode() + b"\n")
