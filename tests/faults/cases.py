"""The matrix of faults: what goes wrong, where, in which shape of job, and how exactly that has to end."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from itertools import product
from typing import Any

from faults.injection import ALWAYS, Script
from faults.jobs import SHAPES

__all__ = ["Case", "all_cases", "chosen_cases"]

KINDS = (
    "exception", "sigkill", "flaky", "segv", "slow", "sigstop", "cuda-oom", "sticky", "wrong-bytes", "gil-hang",
    "short-write", "lost-receipt", "enospc", "exit-0", "eio",
)  # fmt: skip
POSITIONS = ("first", "middle", "last")
OPERATIONS = ("map", "reduce", "contract")
_NEEDS_A_WRITE = ("wrong-bytes", "short-write", "enospc", "eio")
_HANGS = ("sigstop", "gil-hang")
_SHORT_TIMEOUT_S = 12.0


@dataclass(frozen=True, slots=True)
class Case:
    """A fault, and the ending that is right.

    Parameters
    ----------
    kind : str
    position : {"first", "middle", "last"}
    shape : str
    script : Script
    fault : dict
        The job's `fault` section.
    n_invocations : int
        Of the block that is hit.
    blame : tuple of str
        What was held against it, each time that it was sent again.
    events : dict of str to int
        How many other records of a kind the ledger has of this block.
    exit_code : int
        0: the job survives. Else it fails cleanly, and the job is resumed.
    words : tuple of str
        What the error says.
    seed : int
    """

    kind: str
    position: str
    shape: str
    script: Script
    fault: dict[str, Any] = field(default_factory=dict)
    n_invocations: int = 1
    blame: tuple[str, ...] = ()
    events: dict[str, int] = field(default_factory=dict)
    exit_code: int = 0
    words: tuple[str, ...] = ()
    seed: int = 0

    @property
    def name(self) -> str:
        """How pytest calls it."""
        return f"{self.kind}-{self.position}-{self.shape}-{self.seed}"

    @property
    def is_deadly(self) -> bool:
        """Whether a worker's process ends, and with it results that nobody has fetched yet."""
        return self.kind in (*_DEADLY, *_HANGS, "sticky", "lost-receipt")


_DEADLY = ("sigkill", "segv", "exit-0")
_MOMENTS = ("load", "write", "start")


def make_case(kind: str, position: str, operation: str, seed: int) -> Case:
    """Return a case; the seed says at which moment, how often, or by which error it strikes."""
    shape = "reduce-rows" if operation == "reduce" and kind in _NEEDS_A_WRITE else operation
    n_blocks = SHAPES[shape].n_blocks
    block = {"first": 0, "middle": n_blocks // 2 - 1 + seed, "last": n_blocks - 1}[position]
    what = _ENDINGS[kind](Script(kind, block), operation, seed)
    return Case(kind, position, shape, seed=seed, **what)


def _exception(script: Script, operation: str, seed: int) -> dict[str, Any]:
    script = _changed(script, times=ALWAYS)
    return {
        "script": script,
        "n_invocations": 2,
        "blame": ("error",),
        "events": {"failed": 1},
        "exit_code": 1,
        "words": (f"block {script.block} of ", "failed 2 times", "ValueError: a scripted error"),
    }


def _flaky(script: Script, operation: str, seed: int) -> dict[str, Any]:
    return {"script": script, "n_invocations": 2, "blame": ("error",)}


def _death(script: Script, operation: str, seed: int) -> dict[str, Any]:
    moment = _MOMENTS[seed % 3]
    # before it is on the board, nobody can know what the worker ran
    blame = () if moment == "start" else ("death",)
    return {"script": _changed(script, moment=moment), "n_invocations": 2, "blame": blame}


def _lost_receipt(script: Script, operation: str, seed: int) -> dict[str, Any]:
    # the block had ended, and the worker ran nothing any more
    return {"script": _changed(script, kind="sigkill", moment="end"), "n_invocations": 2}


def _hang(script: Script, operation: str, seed: int) -> dict[str, Any]:
    # one of three waits for its deadline in seconds of the wall; the others are too late from the start
    waits = operation == "contract"
    return {
        "script": _changed(script, is_aged=not waits),
        "fault": {"timeout_s": _SHORT_TIMEOUT_S} if waits else {},
        "n_invocations": 2,
        "blame": ("timeout",),
        "events": {"timeout": 1},
    }


def _slow(script: Script, operation: str, seed: int) -> dict[str, Any]:
    return {"script": script}


def _oom(script: Script, operation: str, seed: int) -> dict[str, Any]:
    """Once is mended on the spot; more often splits, which jobs whose last bits it may change are told to refuse."""
    # torch's own error costs the worker the import of torch
    kind = "cuda-oom" if seed % 3 == 0 else "memory-error"
    if seed % 3 == 0 and operation == "reduce":
        return {"script": _changed(script, kind=kind)}
    script = _changed(script, kind=kind, depth=2)
    if operation == "map":
        return {"script": script, "events": {"split": 1}}
    return {
        "script": script,
        "fault": {"deterministic": True},
        "exit_code": 6,
        "words": (f"block {script.block} of ", "does not fit in memory", "a further split may change last bits"),
    }


def _sticky(script: Script, operation: str, seed: int) -> dict[str, Any]:
    return {"script": script, "n_invocations": 2, "blame": ("device",), "events": {"device": 1}}


def _wrong_bytes(script: Script, operation: str, seed: int) -> dict[str, Any]:
    if seed % 3 < 2:
        return {"script": script, "n_invocations": 2, "events": {"corrupt": 1}}
    return {
        "script": _changed(script, times=ALWAYS),
        "n_invocations": 3,
        "events": {"corrupt": 3},
        "exit_code": 8,
        "words": (f"block {script.block} of ", "is not what was written"),
    }


def _enospc(script: Script, operation: str, seed: int) -> dict[str, Any]:
    return {"script": script, "exit_code": 75, "words": ("the disk is full", "No space left on device")}


def _eio(script: Script, operation: str, seed: int) -> dict[str, Any]:
    if seed % 3 < 2:
        return {"script": script, "n_invocations": 2, "blame": ("io",)}
    return {
        "script": _changed(script, times=ALWAYS),
        "fault": {"retries": 1},
        "n_invocations": 2,
        "blame": ("io",),
        "events": {"failed": 1},
        "exit_code": 1,
        "words": (f"block {script.block} of ", "failed 2 times", "Input/output error"),
    }


_ENDINGS = {
    "exception": _exception,
    "flaky": _flaky,
    "sigkill": _death,
    "segv": _death,
    "sigstop": _hang,
    "gil-hang": _hang,
    "slow": _slow,
    "cuda-oom": _oom,
    "sticky": _sticky,
    "wrong-bytes": _wrong_bytes,
    "short-write": _slow,
    "enospc": _enospc,
    "eio": _eio,
    "lost-receipt": _lost_receipt,
    "exit-0": _death,
}


def _changed(script: Script, **changes: Any) -> Script:
    return replace(script, **changes)


def all_cases(n_seeds: int) -> Iterator[Case]:
    """Yield every kind at every position in every shape."""
    for seed, position, operation, kind in product(range(n_seeds), POSITIONS, OPERATIONS, KINDS):
        yield make_case(kind, position, operation, seed)


def chosen_cases() -> Iterator[Case]:
    """Yield four cases of every kind: each position, each shape, and each ending that it can have."""
    for number in range(4):
        # kinds take turns, so that a worker starts again while the next case runs
        for turn, kind in enumerate(KINDS):
            seed, operation = (number, OPERATIONS[number]) if number < 3 else (0, "reduce")
            yield make_case(kind, POSITIONS[(turn + seed) % 3], operation, seed)
