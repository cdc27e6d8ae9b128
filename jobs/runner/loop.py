"""The only loop over tasks: a bounded window of blocks on a session, partials merged in block order."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from numpy.typing import NDArray

from ..blocks import Region
from ..engine import BlockRecord, BlockResult, Work, finish, merge, run_block
from ..errors import BlockFailedError, JobError
from ..kernels import Partial

__all__ = ["FaultPolicy", "Merger", "Progress", "run_work"]

_AHEAD = 4
"""So many windows of partials may wait for an earlier one before no more blocks are sent."""


class _Future(Protocol):
    def result(self) -> Any: ...
    def cancel(self) -> Any: ...


class _Session(Protocol):
    @property
    def n_workers(self) -> int: ...
    def submit(self, function: Callable[..., Any], /, *args: Any, key: str) -> Any: ...
    def wait(self, futures: Any, timeout_s: float | None) -> set[Any]: ...


@dataclass(frozen=True, slots=True)
class FaultPolicy:
    """How often a block is tried again.

    Parameters
    ----------
    retries : int
        After an error of input or output.
    max_worker_deaths : int
        Deaths of workers that the job survives.
    """

    retries: int = 3
    max_worker_deaths: int = 5


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a job is."""

    done_blocks: int
    n_blocks: int
    done_bytes: int
    """Bytes read and written."""


@dataclass(slots=True)
class _Run:
    """The state of the loop."""

    pending: dict[Any, int] = field(default_factory=dict)
    attempts: dict[int, int] = field(default_factory=dict)
    deaths: int = 0
    done_bytes: int = 0
    records: list[BlockRecord] = field(default_factory=list)


def run_work(
    work: Work,
    session: _Session,
    *,
    job_id: str,
    write_result: Callable[[Region, NDArray[Any]], object],
    on_progress: Callable[[Progress], object] = lambda progress: None,
    fault: FaultPolicy = FaultPolicy(),
    order: Sequence[int] | None = None,
) -> list[BlockRecord]:
    """Run every block of a stage and return their records.

    Parameters
    ----------
    work : Work
    session : Session
    job_id : str
        Part of the task's keys.
    write_result : callable
        ``write_result(region, block)`` for regions that are merged from several parts.
    on_progress : callable
    fault : FaultPolicy
    order : sequence of int, optional
        The order in which blocks are sent; block order when left out. The result does not depend on it.

    Raises
    ------
    JobError
        From a block, as it is; every other error of a block becomes BlockFailedError.
    """
    n_blocks = work.stage.grid.n_blocks
    blocks = iter(range(n_blocks) if order is None else order)
    merger, run = Merger(work.stage, write_result), _Run()
    window = 2 * session.n_workers
    try:
        while True:
            is_clogged = run.pending and merger.n_waiting >= _AHEAD * window
            for index in _take(blocks, 0 if is_clogged else window - len(run.pending)):
                _send(run, work, session, index, job_id)
            if not run.pending:
                return run.records
            for future in session.wait(set(run.pending), None):
                index = run.pending.pop(future)
                result = _result_of(future, index, work, run, fault)
                if result is None:
                    _send(run, work, session, index, job_id)
                    continue
                merger.add(index, result.partial)
                run.records.append(result.record)
                run.done_bytes += result.record.bytes_read + result.record.bytes_written
                on_progress(Progress(len(run.records), n_blocks, run.done_bytes))
    finally:
        for future in run.pending:
            future.cancel()


def _take(blocks: Iterator[int], most: int) -> list[int]:
    taken: list[int] = []
    while len(taken) < most and (index := next(blocks, None)) is not None:
        taken.append(index)
    return taken


def _send(run: _Run, work: Work, session: _Session, index: int, job_id: str) -> None:
    attempt = run.attempts[index] = run.attempts.get(index, 0) + 1
    run.pending[session.submit(run_block, work, index, key=f"{job_id}-block-{index}-{attempt}")] = index


def _result_of(future: _Future, index: int, work: Work, run: _Run, fault: FaultPolicy) -> BlockResult | None:
    """Return a block's result, or None if it is to run again.

    Raises
    ------
    JobError
    """
    try:
        result: BlockResult = future.result()
        return result
    except JobError:
        raise
    except OSError as error:
        if run.attempts[index] <= fault.retries:
            return None
        raise _block_failed(index, work, run.attempts[index], error) from error
    except Exception as error:
        if getattr(error, "is_worker_death", False):
            run.deaths += 1
            if run.deaths <= fault.max_worker_deaths and run.attempts[index] <= fault.retries:
                return None
        elif getattr(error, "exit_code", None) is not None:
            raise
        raise _block_failed(index, work, run.attempts[index], error) from error


def _block_failed(index: int, work: Work, attempts: int, error: BaseException) -> BlockFailedError:
    n_blocks = work.stage.grid.n_blocks
    rows = work.stage.output_region(index)
    region = ", ".join(f"{start}:{stop}" for start, stop in rows) or "all"
    times = "once" if attempts == 1 else f"{attempts} times"
    names = ", ".join(source.header.name for source in work.sources)
    return BlockFailedError(
        f"block {index} of {n_blocks} failed {times} (output [{region}], from {names})",
        cause=f"{type(error).__name__}: {error}",
        safe="inputs are untouched, and no output was left behind",
        next="run again with -v for the traceback",
    )


@dataclass(slots=True)
class _Parts:
    """What has arrived for one region of the output."""

    merged: Partial | None = None
    n_merged: int = 0
    waiting: dict[int, Partial] = field(default_factory=dict)


class Merger:
    """Partials, merged in the order of their parts whatever the order of arrival.

    Parameters
    ----------
    stage : Stage
    write : callable
        Takes each region of the output when its last part has been merged.
    """

    __slots__ = ("_regions", "_stage", "_write")

    def __init__(self, stage: Any, write: Callable[[Region, NDArray[Any]], object]) -> None:
        self._stage, self._write = stage, write
        self._regions: dict[Region, _Parts] = {}

    @property
    def n_waiting(self) -> int:
        """Number of partials that wait for an earlier one."""
        return sum(len(parts.waiting) for parts in self._regions.values())

    def add(self, index: int, partial: Partial | None) -> None:
        """Take the partial of block `index`."""
        if partial is None:
            return
        region = self._stage.output_region(index)
        parts = self._regions.setdefault(region, _Parts())
        parts.waiting[self._stage.part(index)] = partial
        while parts.n_merged in parts.waiting:
            following = parts.waiting.pop(parts.n_merged)
            parts.merged = following if parts.merged is None else merge(self._stage, parts.merged, following)
            parts.n_merged += 1
        if parts.merged is not None and parts.n_merged == self._stage.n_parts:
            del self._regions[region]
            self._write(region, finish(self._stage, parts.merged, region))


