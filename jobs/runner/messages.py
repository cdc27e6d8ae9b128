"""What a user is told when a run ends without its result."""

from __future__ import annotations

from collections.abc import Sequence

from ..blocks import Region, whole_region
from ..engine import Work
from ..errors import BlockFailedError, CannotFitError, DeviceFaultError, InterruptedJobError, JobError
from ..stages.inputs import input_regions
from .faults import Failure, counted

__all__ = ["Messages", "describe_region"]


def describe_region(region: Region, shape: tuple[int, ...], name: str) -> str:
    """Return a region of an array in words.

    >>> describe_region(((2, 4), (0, 6)), (8, 6), "x.npy")
    'rows 2:4 of x.npy'
    >>> describe_region(((2, 4), (0, 3)), (8, 6), "x.npy")
    '[2:4, 0:3] of x.npy'
    """
    cut = [axis for axis, bounds in enumerate(region) if bounds != whole_region(shape)[axis]]
    spans = [f"{start}:{stop}" for start, stop in region]
    if not cut:
        return f"all of {name}"
    if cut == [0]:
        return f"rows {spans[0]} of {name}"
    if cut == [1] and len(shape) == 2:
        return f"columns {spans[1]} of {name}"
    return f"[{', '.join(spans)}] of {name}"


class Messages:
    """Errors of one run.

    Parameters
    ----------
    work : Work
    job_id : str
        As the user names the job in a command.
    is_kept : bool
        The job has a journal: what is done stays done, and it can be resumed.
    first_block : int
        Blocks of the job that come before those of this run: of the steps before it.
    n_blocks : int, optional
        Of the whole job, where it has several steps.
    """

    __slots__ = ("_first_block", "_is_kept", "_job_id", "_work", "n_blocks")

    def __init__(
        self, work: Work, job_id: str, *, is_kept: bool, first_block: int = 0, n_blocks: int | None = None
    ) -> None:
        self._work, self._job_id, self._is_kept, self._first_block = work, job_id, is_kept, first_block
        self.n_blocks = work.stage.grid.n_blocks if n_blocks is None else n_blocks
        """Number of blocks of the job."""

    def block_failed(self, index: int, history: Sequence[Failure], n_done: int) -> BlockFailedError:
        """Return the error for a block that failed for good."""
        n_failed = counted(history)
        times = "once" if n_failed == 1 else f"{n_failed} times"
        last = history[-1]
        n_alone = sum(failure.kind == "death" and failure.is_alone for failure in history)
        alone = f" while this block ran alone, {n_alone} times" if last.kind == "death" and n_alone > 1 else ""
        look = f"arraymill explain {self._job_id} --block {self._number(index)}; then {self._resume}"
        return BlockFailedError(
            f"block {self._number(index)} of {self.n_blocks} failed {times} ({self._where(index)})",
            cause=last.message + alone,
            safe=self._safe(n_done),
            next=look if self._is_kept else "run again with -v for the traceback",
        )

    def too_many_deaths(self, n_deaths: int, allowed: int, last: str, n_done: int) -> JobError:
        """Return the error for a run whose workers die again and again."""
        return JobError(
            f"{_workers(n_deaths)} died, and the job survives {allowed} (fault.max_worker_deaths)",
            cause=last,
            safe=self._safe(n_done),
            next=self._next("look for what kills them (dmesg, the workers' logs)"),
        )

    def too_little_memory(self, n_deaths: int, allowed: int, last: str, n_done: int) -> CannotFitError:
        """Return the error for a run whose workers the kernel kills for want of memory again and again."""
        return CannotFitError(
            f"{_workers(n_deaths)} died, the last one for want of memory, and the job survives {allowed} "
            "(fault.max_worker_deaths)",
            cause=last,
            safe=self._safe(n_done),
            next=self._next(
                "let fewer workers run at once (cluster.workers), or make the blocks smaller (compute.block)"
            ),
        )

    def cannot_fit(self, index: int, death: str, n_done: int) -> CannotFitError:
        """Return the error for a block whose worker the kernel kills for want of memory, even alone."""
        return CannotFitError(
            f"block {self._number(index)} of {self.n_blocks} takes more memory than there is ({self._where(index)})",
            cause=death,
            safe=self._safe(n_done),
            next=self._next("make the blocks smaller (compute.block), or give the container more memory"),
        )

    def device_fault(self, message: str, n_done: int) -> DeviceFaultError:
        """Return the error for a run without a device that works."""
        return DeviceFaultError(
            "no device is left that works",
            cause=message,
            safe=self._safe(n_done),
            next=self._next("check the GPUs (nvidia-smi, dmesg)"),
        )

    def interrupted(self, n_done: int) -> InterruptedJobError:
        """Return the error for a run that was asked to stop."""
        return InterruptedJobError(
            f"stopped after {self._first_block + n_done} of {self.n_blocks} blocks",
            cause="the job was asked to stop",
            safe=self._safe(n_done),
            next=self._next(""),
        )

    @property
    def _resume(self) -> str:
        return f"arraymill resume {self._job_id}"

    def _number(self, index: int) -> int:
        """Return the number of a block in the whole job."""
        return self._first_block + index

    def _where(self, index: int) -> str:
        headers = [source.header for source in self._work.sources]
        regions = input_regions(self._work.stage, index)
        return " and ".join(
            describe_region(region, header.shape, header.name) for region, header in zip(regions, headers, strict=True)
        )

    def _safe(self, n_done: int) -> str:
        if not self._is_kept:
            return "inputs are untouched, and no output was left behind"
        return f"{self._first_block + n_done} of {self.n_blocks} blocks are done and verified"

    def _next(self, first: str) -> str:
        again = self._resume if self._is_kept else "run the job again"
        return f"{first}; then {again}" if first else again


def _workers(n: int) -> str:
    return "1 worker" if n == 1 else f"{n} workers"
