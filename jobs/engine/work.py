"""One block of a stage, from its sources to its target or its partial; with smaller pieces if memory runs out."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ..arrays import Source, Target
from ..arrays.flat import flatten_source
from ..errors import CannotFitError
from ..stages.kernels import Partial
from ..stages.shapes import ContractStage, MapStage, ReduceStage
from ..workspace import thread_workspace
from .backend import Backend, BackendKind, open_backend
from .board import post
from .clock import Clock
from .contract import contract_block
from .device_fault import find_device_fault
from .elementwise import map_block
from .fence import Fence
from .given import bind_given
from .process_memory import own_bytes
from .record import FIRST_ATTEMPT, Attempt, BlockRecord, BlockResult
from .reduce import reduce_block
from .shortage import free_memory, is_out_of_memory
from .splitting import can_split, changes_bits, split_stage
from .stored import StoredTarget

__all__ = ["Work", "run_block"]


@dataclass(frozen=True, slots=True)
class Work:
    """What all blocks of a stage share. Small and picklable: paths and integers, never array data.

    Parameters
    ----------
    stage : MapStage, ReduceStage or ContractStage
    sources : tuple of Source
    target : Target or None
        None where blocks return partials.
    backend : {"numpy", "torch-cpu", "torch-cuda", "fake"}
    fence : Fence or None
        The epoch of a stored job: a block of an older one is refused.
    durable : bool
        What a block wrote is on disk and has a checksum when it returns.
    board : str or None
        The folder where running blocks are shown.
    deterministic : bool
        Fail rather than split where that may change last bits.
    staging_bytes : int
        Most host memory that the GPU engine pins; 0: a tenth of the machine's.
    """

    stage: MapStage | ReduceStage | ContractStage
    sources: tuple[Source, ...]
    target: Target | None
    backend: BackendKind
    fence: Fence | None = None
    durable: bool = False
    board: str | None = None
    deterministic: bool = False
    staging_bytes: int = 0


def run_block(work: Work, index: int, attempt: Attempt = FIRST_ATTEMPT) -> BlockResult:
    """Run block `index`: idempotent, so that a block may run twice.

    If memory runs out, everything that this process keeps is given back and the block runs once more; then with its
    pieces halved, up to `MOST_SPLITS` times (`splitting.py`).

    Raises
    ------
    CannotFitError
        If the smallest pieces do not fit either, or splitting is not allowed.
    StickyDeviceError
        If the device no longer works.
    JobError
        For an input that changed, an output that cannot be written, another run of the job.
    """
    backend = open_backend("numpy" if work.stage.on_host else work.backend)
    n_splits, is_second = attempt.n_splits, False
    with post(work.board, index):
        if work.fence is not None and (work.target is None or work.stage.n_parts > 1):
            # else it is checked before every write
            work.fence.check()
        while True:
            outcome = _try_block(work, index, replace(attempt, n_splits=n_splits), backend)
            if isinstance(outcome, BlockResult):
                return outcome
            # Here nothing of the failed try is held any more: its traceback went with the except block.
            free_memory(backend)
            if is_second:
                n_splits += 1
                _check_split(work, index, n_splits, outcome)
            is_second = True


def _try_block(work: Work, index: int, attempt: Attempt, backend: Backend) -> BlockResult | str:
    """Return the result, or what was said when memory ran out."""
    try:
        return _run_once(work, index, attempt, backend)
    except (MemoryError, OSError, RuntimeError) as error:
        if is_out_of_memory(error):
            return f"{type(error).__name__}: {error}"
        if fault := find_device_fault(error, backend):
            raise fault from error
        raise


def _check_split(work: Work, index: int, n_splits: int, shortage: str) -> None:
    is_refused = work.deterministic and changes_bits(work.stage, n_splits)
    if can_split(work.stage, n_splits) and not is_refused:
        return
    times = {0: "with whole pieces", 1: "with its pieces halved once"}.get(
        n_splits - 1, f"with its pieces halved {n_splits - 1} times"
    )
    why = "; a further split may change last bits, which the job does not allow (deterministic)" if is_refused else ""
    raise CannotFitError(
        f"block {index} of {work.stage.grid.n_blocks} does not fit in memory",
        cause=f"{shortage} ({times}{why})",
        safe="inputs are untouched",
        next="let the job have more memory, or fewer workers at once (cluster.workers), or smaller blocks "
        "(compute.block)",
    )


def _run_once(work: Work, index: int, attempt: Attempt, backend: Backend) -> BlockResult:
    started_s, start, clock = time.time(), time.perf_counter(), Clock()
    stage = split_stage(work.stage, attempt.n_splits)
    sources, target = work.sources, work.target
    if isinstance(stage, ReduceStage) and stage.given:
        stage, sources = bind_given(stage, sources, clock=clock)
    if stage.reverse:
        sources, target = tuple(source.T for source in sources), target.T if target is not None else None
    if isinstance(stage, MapStage) and stage.is_flat:
        sources = tuple(map(flatten_source, sources))
    stored = StoredTarget(target, fence=work.fence, clock=clock) if target is not None and work.durable else None
    backend.peak_bytes()
    # NumPy's warnings about inf and nan are the user's business when he looks at the result, not a worker's
    with np.errstate(all="ignore"):
        partial = _run_stage(work, stage, index, sources, stored or target, backend, clock)
    record = BlockRecord(
        index,
        os.getpid(),
        started_s,
        time.perf_counter() - start,
        clock.bytes_read,
        clock.bytes_written,
        own_bytes(),
        clock.seconds,
        attempt=attempt.number,
        n_splits=attempt.n_splits,
        crc32=stored.crc32 if stored is not None else None,
        peak_device_bytes=backend.peak_bytes(),
    )
    return BlockResult(record, partial)


def _run_stage(
    work: Work,
    stage: MapStage | ReduceStage | ContractStage,
    index: int,
    sources: tuple[Source, ...],
    target: Any,
    backend: Backend,
    clock: Clock,
) -> Partial | None:
    if work.backend in ("torch-cuda", "fake") and not stage.on_host:
        # it imports torch, which other backends may not need
        from .device import Call, open_engine, suits

        if suits(stage, sources, target):
            call = Call(target, clock, work.staging_bytes)
            return open_engine(work.backend).run(stage, index, sources, call)
    shared: dict[str, Any] = {"backend": backend, "workspace": thread_workspace(), "clock": clock}
    if isinstance(stage, MapStage):
        map_block(stage, index, sources, target, **shared)
        return None
    if isinstance(stage, ReduceStage):
        return reduce_block(stage, index, sources[0], target, **shared)
    return contract_block(stage, index, sources, target, **shared)
