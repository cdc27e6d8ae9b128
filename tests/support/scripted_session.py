"""A session, a clock and a journal of the tests' own: failures by script, counted, and no second really waited for."""

from __future__ import annotations

import random
from collections import Counter, deque
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from arraymill.jobs.engine import BlockRecord, StickyDeviceError
from arraymill.jobs.errors import StoreFullError
from arraymill.jobs.stages.kernels import Partial


class WorkerDiedError(Exception):
    """What a cluster raises for every task that a dead worker held."""

    is_worker_death = True

    def __init__(self, pid: int | None, *, is_oom: bool = False) -> None:
        super().__init__(f"worker (pid {pid}) was killed by SIGKILL")
        self.pid, self.is_oom = pid, is_oom


@dataclass
class Die:
    """The worker dies while it runs the block."""

    is_oom: bool = False


@dataclass
class DieUnseen:
    """The worker dies before it has shown the block on its board."""


@dataclass
class Hang:
    """The block never ends."""


@dataclass
class Lose:
    """The block runs, and its result never arrives."""


@dataclass
class FakeTime:
    """Seconds that pass only when somebody waits."""

    seconds: float = 1000.0
    slept: list[float] = field(default_factory=list)

    def now(self) -> float:
        return self.seconds

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.seconds += seconds


class ScriptedFuture:
    """A task, until its worker is done with it."""

    def __init__(self, function: Callable[..., Any], args: tuple[Any, ...], key: str) -> None:
        self.function, self.args, self.key = function, args, key
        self.outcome: tuple[Any, BaseException | None] | None = None
        self.is_cancelled = False

    @property
    def block(self) -> int:
        return int(self.args[1])

    def result(self) -> Any:
        assert self.outcome is not None, "a result was asked for before there was one"
        value, error = self.outcome
        if error is not None:
            raise error
        return value

    def cancel(self) -> bool:
        self.is_cancelled = True
        return True


@dataclass
class Worker:
    """A process that runs its tasks one after another."""

    name: str
    pid: int
    tasks: deque[ScriptedFuture] = field(default_factory=deque)
    is_hung: bool = False


class ScriptedSession:
    """Workers that fail as told.

    Parameters
    ----------
    script : dict of int to list
        By block, what happens each time it runs: an exception, Die(), Hang(), Lose(), or None to run it. Then it runs.
    board : Path or None
        The folder of `Work.board`.
    seed : int or None
        None takes workers in turn.
    """

    kind = "local"
    device = "cpu"

    def __init__(
        self,
        script: dict[int, list[Any]] | None = None,
        *,
        n_workers: int = 2,
        board: Path | None = None,
        clock: FakeTime | None = None,
        seed: int | None = None,
    ) -> None:
        self.script = {block: list(steps) for block, steps in (script or {}).items()}
        self.board, self.clock, self._random = board, clock or FakeTime(), random.Random(seed)
        self._is_random = seed is not None
        self._pids = iter(range(100_001, 200_000))
        self.workers = [Worker(f"cpu{i}", next(self._pids)) for i in range(n_workers)]
        self._turn = 0
        self.bad_devices: set[str] = set()
        self.runs: Counter[int] = Counter()
        self.submitted: list[ScriptedFuture] = []
        self.replaced: list[int] = []
        self.retired: list[str] = []
        self.out_beside: dict[int, list[int]] = {}
        self.most_out = 0

    @property
    def n_workers(self) -> int:
        return len(self.workers)

    def facts(self) -> list[Any]:
        return [SimpleNamespace(name=worker.name, pid=worker.pid) for worker in self.workers]

    def submit(self, function: Callable[..., Any], /, *args: Any, key: str) -> ScriptedFuture:
        assert key not in {future.key for future in self.submitted}
        future = ScriptedFuture(function, args, key)
        self.submitted.append(future)
        min(self.workers, key=lambda worker: len(worker.tasks)).tasks.append(future)
        return future

    def wait(self, futures: Collection[ScriptedFuture], timeout_s: float | None) -> set[ScriptedFuture]:
        self.most_out = max(self.most_out, len(futures))
        done = {future for future in futures if future.outcome is not None}
        if done or timeout_s == 0:
            return done
        ready = [worker for worker in self.workers if worker.tasks and not worker.is_hung]
        if not ready:
            assert timeout_s is not None, "nothing will ever come, and nobody looks up"
            self.clock.seconds += timeout_s
            return set()
        self._turn += 1
        worker = self._random.choice(ready) if self._is_random else ready[self._turn % len(ready)]
        self._step(worker, len(futures))
        return {future for future in futures if future.outcome is not None}

    def replace(self, pid: int) -> bool:
        self.replaced.append(pid)
        return self._kill(pid)

    def retire(self, name: str) -> bool:
        self.retired.append(name)
        worker = next(worker for worker in self.workers if worker.name == name)
        self._kill(worker.pid)
        self.workers.remove(worker)
        return True

    def _kill(self, pid: int) -> bool:
        for worker in self.workers:
            if worker.pid == pid:
                self._die(worker, is_oom=False)
                return True
        return False

    def _step(self, worker: Worker, n_out: int) -> None:
        future = worker.tasks[0]
        block = future.block
        self.runs[block] += 1
        self.out_beside.setdefault(block, []).append(n_out - 1)
        steps = self.script.get(block)
        step = steps.pop(0) if steps else None
        if isinstance(step, Die | Hang):
            self._show(worker, block)
        if isinstance(step, Die):
            self._die(worker, is_oom=step.is_oom)
        elif isinstance(step, DieUnseen):
            self._die(worker, is_oom=False)
        elif isinstance(step, Hang):
            worker.is_hung = True
        elif isinstance(step, Lose):
            worker.tasks.popleft()
        else:
            worker.tasks.popleft()
            if worker.name in self.bad_devices:
                step = StickyDeviceError("CUDA error: an illegal memory access was encountered", worker.pid)
            future.outcome = _outcome(future, step)

    def _die(self, worker: Worker, *, is_oom: bool) -> None:
        for future in worker.tasks:
            future.outcome = None, WorkerDiedError(worker.pid, is_oom=is_oom)
        worker.tasks.clear()
        worker.pid, worker.is_hung = next(self._pids), False

    def _show(self, worker: Worker, block: int) -> None:
        if self.board is not None:
            (self.board / f"{worker.pid}-{worker.pid}").write_text(f"{block} {self.clock.seconds!r}\n")


def _outcome(future: ScriptedFuture, step: Any) -> tuple[Any, BaseException | None]:
    try:
        if isinstance(step, BaseException):
            raise step
        return future.function(*future.args), None
    except Exception as error:  # noqa: BLE001 - a future keeps whatever its task raised
        return None, error


@dataclass
class ScriptedJournal:
    """A journal in memory that commits in groups.

    Parameters
    ----------
    group : int
        Receipts of one commit.
    full_after : int or None
        The commit after so many receipts fails for want of room.
    """

    group: int = 3
    full_after: int | None = None
    done_records: dict[int, BlockRecord] = field(default_factory=dict)
    stored: dict[int, Partial] = field(default_factory=dict)
    unreadable: set[int] = field(default_factory=set)
    events: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    committed: list[int] = field(default_factory=list)
    waiting: list[tuple[BlockRecord, Partial | None]] = field(default_factory=list)
    n_commits: int = 0

    def done(self, record: BlockRecord, partial: Partial | None) -> Collection[int]:
        self.waiting.append((record, partial))
        return self.commit() if len(self.waiting) >= self.group else ()

    def tick(self) -> Collection[int]:
        return ()

    def commit(self) -> Collection[int]:
        self.n_commits += 1
        if self.full_after is not None and len(self.committed) + len(self.waiting) > self.full_after:
            raise StoreFullError("the job's folder is full")
        blocks = []
        for record, partial in self.waiting:
            blocks.append(record.block)
            self.done_records[record.block] = record
            if partial is not None:
                self.stored[record.block] = partial
        self.waiting.clear()
        self.committed += blocks
        return blocks

    def event(self, kind: str, **fields: Any) -> None:
        self.events.append((kind, fields))

    def read_partial(self, ref: int) -> Partial | None:
        return None if ref in self.unreadable else self.stored[ref]

    def kinds(self) -> Counter[str]:
        return Counter(kind for kind, _ in self.events)

    def blocks_of(self, kind: str) -> list[int]:
        return [fields["block"] for found, fields in self.events if found == kind]

    def settled(self, *, splits: int = 0) -> Any:
        return SimpleNamespace(
            done=dict(self.done_records),
            partials={block: block for block in self.stored},
            holes=frozenset(self.blocks_of("hole")),
            splits=splits,
        )
