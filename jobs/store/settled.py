"""What a ledger says, all records taken together: which blocks are done, and what happened on the way."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from .home import JobFolder
from .ledger import read_ledger
from .partials import PartialRef

__all__ = ["Settled", "partial_end", "read_own", "read_settled", "settle", "step_offsets"]


@dataclass(frozen=True, slots=True)
class Settled:
    """What a ledger says, all records taken together.

    Parameters
    ----------
    plan : dict or None
        The plan's record, the last one if the job was planned again.
    output : dict or None
        Where the unfinished output lies, the last record; of several outputs the main one.
    left : tuple of (dict, dict)
        The records of header and place of every output, and result of a step, that was created and not published.
    epoch : int
        Number of the last attempt.
    done : dict of int to dict
        The last record of each block that is done.
    partials : dict of int to PartialRef
        Of the blocks that are done and have one.
    holes : frozenset of int
        Blocks that failed and were skipped.
    splits : int
        How often blocks were halved at most, which later blocks begin with.
    n_retries, n_deaths, n_timeouts, n_splits : int
        How often it happened.
    committed : bool
        The output is published.
    events : tuple of dict
        All records but plans and blocks, in their order.
    """

    plan: dict[str, Any] | None = None
    output: dict[str, Any] | None = None
    left: tuple[tuple[dict[str, Any], dict[str, Any]], ...] = ()
    epoch: int = 0
    done: dict[int, dict[str, Any]] = field(default_factory=dict)
    partials: dict[int, PartialRef] = field(default_factory=dict)
    holes: frozenset[int] = frozenset()
    splits: int = 0
    n_retries: int = 0
    n_deaths: int = 0
    n_timeouts: int = 0
    n_splits: int = 0
    committed: bool = False
    events: tuple[dict[str, Any], ...] = ()

    @property
    def n_blocks(self) -> int:
        """Number of blocks of the job, 0 where no plan is made yet."""
        return int(self.plan["n_blocks"]) if self.plan is not None else 0


def read_settled(folder: JobFolder) -> Settled:
    """Return what the ledgers of a job say, at any moment. Nothing is created or changed.

    The blocks of a job of several steps are numbered through all steps. Partials are left to the ledgers of the steps.

    Raises
    ------
    JobError
        If a ledger is there and cannot be read.
    """
    own = read_own(folder)
    plan = own.plan or {}
    steps = plan.get("steps", ())
    for number, (step, first) in enumerate(zip(steps, step_offsets(steps), strict=True)):
        settled = read_own(folder.step(number, step["name"]))
        is_main = step["name"] == plan["outputs"][0][1]
        own = _with_step(own, settled, step["name"], first)
        own = replace(own, output=settled.output) if is_main else own
    return own


def read_own(folder: JobFolder) -> Settled:
    """Return what the one ledger in a folder says."""
    return settle(read_ledger(folder.ledger)[0])


def step_offsets(steps: Sequence[Mapping[str, Any]]) -> list[int]:
    """Return how many blocks come before each step.

    >>> step_offsets([{"n_blocks": 3}, {"n_blocks": 2}, {"n_blocks": 1}])
    [0, 3, 5]
    """
    return [sum(before["n_blocks"] for before in steps[:place]) for place in range(len(steps))]


def _with_step(job: Settled, step: Settled, name: str, first: int) -> Settled:
    """Return what a job's ledgers say, with one step added whose blocks begin at number `first`."""

    def numbered(record: Mapping[str, Any]) -> dict[str, Any]:
        block = record.get("block")
        return {**record, "step": name} | ({"block": block + first} if isinstance(block, int) else {})

    return replace(
        job,
        left=job.left + step.left,
        epoch=max(job.epoch, step.epoch),
        done=job.done | {block + first: numbered(record) for block, record in step.done.items()},
        holes=job.holes | {block + first for block in step.holes},
        splits=max(job.splits, step.splits),
        n_retries=job.n_retries + step.n_retries,
        n_deaths=job.n_deaths + step.n_deaths,
        n_timeouts=job.n_timeouts + step.n_timeouts,
        n_splits=job.n_splits + step.n_splits,
        events=(*job.events, *(numbered(event) for event in step.events)),
    )


def settle(records: Iterable[Mapping[str, Any]]) -> Settled:
    """Return what records say together. The last one of a block wins; "corrupt" and "stale" take the block back.

    Examples
    --------
    >>> settled = settle([{"kind": "block", "block": 3}, {"kind": "block", "block": 4}, {"kind": "stale", "block": 3}])
    >>> sorted(settled.done)
    [4]
    """
    fold = _Fold()
    for record in records:
        fold.add(dict(record))
    return fold.settled()


def partial_end(record: Mapping[str, Any]) -> int:
    """Return where the partial of a block's record ends, 0 if it has none that can be read."""
    try:
        ref = PartialRef.from_json(record["partial"])
    except (KeyError, TypeError):
        return 0
    return ref.offset + ref.nbytes


@dataclass(slots=True)
class _Fold:
    last: dict[str, dict[str, Any]] = field(default_factory=dict)
    counts: Counter[str] = field(default_factory=Counter)
    done: dict[int, dict[str, Any]] = field(default_factory=dict)
    partials: dict[int, PartialRef] = field(default_factory=dict)
    holes: set[int] = field(default_factory=set)
    events: list[dict[str, Any]] = field(default_factory=list)
    epoch: int = 0
    splits: int = 0

    def add(self, record: dict[str, Any]) -> None:
        kind, block = record.pop("kind"), record.get("block")
        self.counts[kind] += 1
        if kind in ("plan", "output"):
            self.last[kind] = record
        if kind in ("block", "corrupt", "stale", "hole") and isinstance(block, int):
            self._take_back(block)
        if kind == "block" and isinstance(block, int):
            self._add_block(block, record)
        elif kind == "hole" and isinstance(block, int):
            self.holes.add(block)
        elif kind == "epoch":
            self.epoch = max(self.epoch, _number(record.get("epoch")))
        if kind in ("block", "split"):
            self.splits = max(self.splits, _number(record.get("n_splits")))
        if kind not in ("block", "plan"):
            self.events.append({"kind": kind, **record})

    def _add_block(self, block: int, record: dict[str, Any]) -> None:
        self.done[block] = record
        if (ref := record.get("partial")) is not None:
            try:
                self.partials[block] = PartialRef.from_json(ref)
            except (KeyError, TypeError):
                # of another version: the block runs again
                del self.done[block]

    def _take_back(self, block: int) -> None:
        self.done.pop(block, None)
        self.partials.pop(block, None)
        self.holes.discard(block)

    def settled(self) -> Settled:
        plan, output = self.last.get("plan"), self.last.get("output")
        is_left = output is not None and not self.counts["committed"]
        return Settled(
            plan=plan,
            output=output,
            left=(((plan or {}).get("output", {}), output or {}),) if is_left else (),
            epoch=self.epoch,
            done=self.done,
            partials=self.partials,
            holes=frozenset(self.holes),
            splits=self.splits,
            n_retries=self.counts["retry"],
            n_deaths=self.counts["death"],
            n_timeouts=self.counts["timeout"],
            n_splits=self.counts["split"],
            committed=self.counts["committed"] > 0,
            events=tuple(self.events),
        )


def _number(value: object) -> int:
    return value if isinstance(value, int) else 0
