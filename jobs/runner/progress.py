"""How far a run is: blocks, bytes, seconds per step, and what went wrong on the way."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields

from ..engine import BlockRecord

__all__ = ["Progress", "Tally"]


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a job is.

    Parameters
    ----------
    done_blocks, n_blocks : int
        Blocks of earlier runs of the job are done.
    done_bytes : int
        Bytes read and written in this run.
    bytes_read, bytes_written : int
    seconds : mapping of str to float
        Busy seconds of all workers together, by step: read, to_device, compute, from_device, write.
    retries, deaths, timeouts, splits, holes : int
        Blocks sent again, workers that died, workers replaced for a hang, blocks whose pieces were halved, blocks
        left out.
    """

    done_blocks: int
    n_blocks: int
    done_bytes: int
    bytes_read: int = 0
    bytes_written: int = 0
    seconds: Mapping[str, float] = field(default_factory=dict)
    retries: int = 0
    deaths: int = 0
    timeouts: int = 0
    splits: int = 0
    holes: int = 0


@dataclass(slots=True)
class Tally:
    """The sums behind `Progress`."""

    n_blocks: int
    done_blocks: int = 0
    bytes_read: int = 0
    bytes_written: int = 0
    retries: int = 0
    deaths: int = 0
    timeouts: int = 0
    splits: int = 0
    holes: int = 0
    seconds: dict[str, float] = field(default_factory=dict)

    def add(self, record: BlockRecord) -> None:
        """Count a block that is done."""
        self.done_blocks += 1
        self.bytes_read += record.bytes_read
        self.bytes_written += record.bytes_written
        for step, seconds in record.seconds.items():
            self.seconds[step] = self.seconds.get(step, 0.0) + seconds

    def progress(self) -> Progress:
        """Return how far the run is."""
        counts = {field.name: getattr(self, field.name) for field in fields(self)}
        return Progress(**counts | {"done_bytes": self.bytes_read + self.bytes_written, "seconds": dict(self.seconds)})
