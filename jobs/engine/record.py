"""What a block that was run returns: its record, and its partial."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from ..stages.kernels import Partial
from .clock import Step

__all__ = ["FIRST_ATTEMPT", "Attempt", "BlockRecord", "BlockResult"]


@dataclass(frozen=True, slots=True)
class Attempt:
    """Which try of a block this is.

    Parameters
    ----------
    number : int
        From 1, each time that the block is sent.
    n_splits : int
        How often its pieces are halved from the start, since memory ran out before (`splitting.py`).
    """

    number: int = 1
    n_splits: int = 0


FIRST_ATTEMPT = Attempt()


@dataclass(frozen=True, slots=True)
class BlockRecord:
    """What is recorded of a block that was run.

    Parameters
    ----------
    block : int
    pid : int
        Process that ran it.
    started_s : float
        Unix time.
    wall_s : float
        Seconds it took; `seconds` tells them apart by step.
    bytes_read, bytes_written : int
    peak_rss_bytes : int
        Resident bytes of the process's own at the end of the block, whose buffers are kept for the next.
    seconds : dict
    attempt : int
        How often it had been sent.
    n_splits : int
        How often its pieces were halved until it fitted in memory.
    crc32 : int or None
        Checksum of what it wrote, in the order of `output_regions`; None where it wrote nothing, or not durably.
    peak_device_bytes : int
        Most memory that torch held on the GPU during the block; 0 on the CPU.

    Examples
    --------
    >>> record = BlockRecord(3, 4242, 0.0, 0.5, 800, 80, 1 << 20, {"read": 0.25}, crc32=7)
    >>> BlockRecord.from_json(record.to_json()) == record
    True
    """

    block: int
    pid: int
    started_s: float
    wall_s: float
    bytes_read: int
    bytes_written: int
    peak_rss_bytes: int
    seconds: dict[Step, float] = field(default_factory=dict)
    attempt: int = 1
    n_splits: int = 0
    crc32: int | None = None
    peak_device_bytes: int = 0

    def to_json(self) -> dict[str, Any]:
        """Return the record as a dict of JSON's types."""
        return {field.name: getattr(self, field.name) for field in fields(self)} | {"seconds": dict(self.seconds)}

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> BlockRecord:
        """Return the record of a dict; fields of other versions, and the ledger's own, are left out.

        Raises
        ------
        TypeError
            If a field without a default is missing.
        """
        names = {field.name for field in fields(cls)}
        return cls(**{name: value for name, value in record.items() if name in names})


@dataclass(frozen=True, slots=True)
class BlockResult:
    """A record and, where the block is one part of several, its partial."""

    record: BlockRecord
    partial: Partial | None
