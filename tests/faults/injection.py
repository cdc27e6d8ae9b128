"""What goes wrong in a worker, by script: the product has no hooks, the tests send this in place of `run_block`."""

from __future__ import annotations

import ctypes
import errno
import json
import os
import resource
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any
from unittest import mock

from arraymill.jobs import disk
from arraymill.jobs.engine import Attempt, BlockResult, Work, run_block
from arraymill.jobs.engine.backend import NumpyBackend
from arraymill.jobs.store import JobFolder, read_settled

__all__ = [
    "ALWAYS", "Hit", "Script", "count_invocation", "damage", "hits", "invocations", "refuse", "run_gated",
    "run_scripted", "set_gate",
]  # fmt: skip

ALWAYS = 1000
_AN_HOUR_S = 3600.0
_SLOW_S = 0.3


@dataclass(frozen=True, slots=True)
class Script:
    """What goes wrong in which block.

    Parameters
    ----------
    kind : str
        A key of the tables below.
    block : int
        -1: none.
    times : int
        In so many invocations of the block, from the first on.
    moment : {"load", "write", "start", "end"}
        Where a process ends: while the block reads, half way through its first write, before it is on the board, or
        when it is off the board and its result is not sent.
    depth : int
        So many allocations fail in one invocation.
    is_aged : bool
        The board says of a block that hangs that it has run for an hour, so that no deadline has to be waited for.
    """

    kind: str = "nothing"
    block: int = -1
    times: int = 1
    moment: str = "load"
    depth: int = 1
    is_aged: bool = True


@dataclass(frozen=True, slots=True)
class Hit:
    """The moment before a fault struck.

    Parameters
    ----------
    pid : int
        The worker's.
    acknowledged : dict of int to int
        The blocks that were done according to the ledger, each with its invocations so far.
    """

    pid: int
    acknowledged: dict[int, int]


def run_scripted(script: Script, folder: str, work: Work, index: int, attempt: Attempt) -> BlockResult:
    """Run a block as a script wants it; every invocation is counted in a folder, whatever becomes of its process."""
    number = count_invocation(folder, index)
    if index != script.block or number > script.times:
        return run_block(work, index, attempt)
    _note_hit(folder, work)
    run = partial(run_block, work, index, attempt)
    if script.kind in _ENDS:
        return _end(script, _ENDS[script.kind], work, index, run)
    if script.kind in _LOADS:
        with _LOADS[script.kind](script):
            return run()
    if script.kind in _WRITES:
        with _first_write(_WRITES[script.kind]):
            return run()
    raise AssertionError(script.kind)


def count_invocation(folder: str, index: int) -> int:
    """Return which invocation of a block this is, from 1, over all processes."""
    for number in range(1, ALWAYS):
        try:
            os.close(os.open(f"{folder}/{index}-{number}", os.O_CREAT | os.O_EXCL | os.O_CLOEXEC))
        except FileExistsError:
            continue
        return number
    raise AssertionError(f"block {index} ran without end")


def invocations(folder: str | Path) -> Counter[int]:
    """Return how often each block was begun."""
    return Counter(int(path.name.split("-")[0]) for path in Path(folder).glob("*-*") if path.name[0].isdecimal())


def hits(folder: str | Path) -> list[Hit]:
    """Return the faults that have struck."""
    found = [json.loads(path.read_text()) for path in sorted(Path(folder).glob("hit.*"))]
    return [Hit(one["pid"], {int(block): n for block, n in one["acknowledged"].items()}) for one in found]


def _note_hit(folder: str, work: Work) -> None:
    assert work.fence is not None
    done = read_settled(JobFolder(Path(work.fence.path).parent)).done
    counts = invocations(folder)
    hit = Hit(os.getpid(), {block: counts[block] for block in done})
    path = Path(folder) / f"hit.{time.monotonic_ns():020d}.{os.getpid()}"
    path.with_suffix(".tmp").write_text(json.dumps(asdict(hit)))
    path.with_suffix(".tmp").rename(path)


# What ends, stops or delays a process.


def _end(
    script: Script,
    strike: Callable[[], object],
    work: Work,
    index: int,
    run: Callable[[], BlockResult],
) -> BlockResult:
    if script.moment == "start":
        strike()
        return run()
    if script.moment == "end":
        result = run()
        strike()
        return result
    if script.moment == "write" and work.target is not None:

        def tear(descriptor: int, buffers: Sequence[memoryview], offset: int) -> int:
            _write_half(descriptor, buffers, offset)
            strike()
            raise AssertionError("the process went on")

        with _first_write(tear):
            return run()
    with _before_load(partial(_age_and, strike, script, work, index)):
        return run()


def _age_and(strike: Callable[[], object], script: Script, work: Work, index: int) -> None:
    if script.kind in _HANGS and script.is_aged:
        path = Path(f"{work.board}/{os.getpid()}-{threading.get_native_id()}")
        assert path.read_text().split()[0] == str(index)
        path.write_text(f"{index} {time.monotonic() - _AN_HOUR_S!r}".ljust(39) + "\n")
    strike()


def _kill() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _segv() -> None:
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    ctypes.string_at(0)


def _stop() -> None:
    os.kill(os.getpid(), signal.SIGSTOP)
    # the threads of a process stop one after another, this one maybe last
    time.sleep(_AN_HOUR_S)


def _hold_interpreter() -> None:
    ctypes.PyDLL(None).sleep(int(_AN_HOUR_S))


_ENDS: dict[str, Callable[[], object]] = {
    "sigkill": _kill,
    "segv": _segv,
    "exit-0": partial(os._exit, 0),
    "sigstop": _stop,
    "gil-hang": _hold_interpreter,
    "slow": partial(time.sleep, _SLOW_S),
}
_HANGS = ("sigstop", "gil-hang")


# What fails where a block takes its input in.


@contextmanager
def _before_load(act: Callable[[], object]) -> Iterator[None]:
    """Do something at the first load of a block."""
    load, waiting = NumpyBackend.load, [act]

    def loading(self: NumpyBackend, array: Any) -> Any:
        if waiting:
            waiting.pop()()
        return load(self, array)

    with mock.patch.object(NumpyBackend, "load", loading):
        yield


@contextmanager
def _failing_loads(depth: int, error: Callable[[], Exception]) -> Iterator[None]:
    load, rest = NumpyBackend.load, [error] * depth

    def loading(self: NumpyBackend, array: Any) -> Any:
        if rest:
            raise rest.pop()()
        return load(self, array)

    with mock.patch.object(NumpyBackend, "load", loading):
        yield


def _raises(error: Callable[[], Exception]) -> Callable[[Script], AbstractContextManager[None]]:
    return lambda script: _failing_loads(script.depth, error)


def _cuda_oom() -> Exception:
    import torch

    return torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB (scripted)")


@contextmanager
def _sticky(script: Script) -> Iterator[None]:
    def illegal(*args: object) -> None:
        raise RuntimeError("CUDA error: an illegal memory access was encountered (scripted)")

    with mock.patch.object(NumpyBackend, "load", illegal), mock.patch.object(NumpyBackend, "check", illegal):
        yield


_LOADS: dict[str, Callable[[Script], AbstractContextManager[None]]] = {
    "exception": _raises(partial(ValueError, "a scripted error")),
    "flaky": _raises(partial(RuntimeError, "a scripted hiccup")),
    "cuda-oom": _raises(_cuda_oom),
    "memory-error": _raises(partial(MemoryError, "a scripted shortage")),
    "sticky": _sticky,
    "nothing": lambda script: nullcontext(),
}


# What goes wrong between the worker and its disk.

_Write = Callable[[int, Sequence[memoryview], int], int]


@contextmanager
def _first_write(instead: _Write) -> Iterator[None]:
    """Let something else be done in place of the first write of a block."""
    write, waiting = disk.pwritev, [instead]

    def writing(descriptor: int, buffers: Sequence[memoryview], offset: int) -> int:
        return (waiting.pop() if waiting else write)(descriptor, buffers, offset)

    with mock.patch.object(disk, "pwritev", writing):
        yield


def _write_half(descriptor: int, buffers: Sequence[memoryview], offset: int) -> int:
    return os.pwrite(descriptor, buffers[0][: max(buffers[0].nbytes // 2, 1)], offset)


def damage(descriptor: int, buffers: Sequence[memoryview], offset: int) -> int:
    """Write what was to be written, but for one bit."""
    damaged = bytearray(b"".join(buffers))
    damaged[len(damaged) // 3] ^= 1
    return os.pwrite(descriptor, damaged, offset)


def refuse(number: int) -> _Write:
    """Return a write that fails with an error of the system."""

    def write(descriptor: int, buffers: Sequence[memoryview], offset: int) -> int:
        raise OSError(number, os.strerror(number))

    return write


_WRITES: dict[str, _Write] = {
    "wrong-bytes": damage,
    "short-write": _write_half,
    "enospc": refuse(errno.ENOSPC),
    "eio": refuse(errno.EIO),
}


# A gate, so that what is killed is killed in the midst of the work, however fast or slow the machine is.


def set_gate(folder: Path, n_blocks: int) -> None:
    """Let the blocks with the numbers below `n_blocks` pass."""
    (folder / "gate.tmp").write_text(str(n_blocks))
    (folder / "gate.tmp").rename(folder / "gate")


def run_gated(folder: str, work: Work, index: int, attempt: Attempt) -> BlockResult:
    """Run a block once the gate is open for it; its invocations are counted."""
    count_invocation(folder, index)
    with _before_load(partial(_wait_at_gate, Path(folder) / "gate", index)):
        return run_block(work, index, attempt)


def _wait_at_gate(gate: Path, index: int) -> None:
    while index >= int(gate.read_text()):
        time.sleep(0.005)
