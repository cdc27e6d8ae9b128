"""What the output holds, compared with what the ledger says was written."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from numpy.typing import NDArray

from arraymill.cluster.devices import cpu_count

from ...arrays import Target, Writer, block_checksum, checksum
from ...blocks import Region
from ...engine import output_regions
from ...errors import VerificationError
from ...stages.shapes import ConstantStage, Stage
from ...store import Journal

__all__ = ["OTHER_BYTES", "MergedRegions", "differing_blocks", "give_up_on", "sample_of", "take_back"]

OTHER_BYTES = "the output holds other bytes than were written"
"""Why a block is taken back."""

_LARGEST_WHOLE_BYTES = 100 * 10**9
"""Larger outputs are read back in part."""


def differing_blocks(stage: Stage, target: Target, records: Mapping[int, Mapping[str, Any]]) -> set[int]:
    """Return the blocks whose region of the output does not hold the bytes that the ledger says were written.

    Parameters
    ----------
    stage : Stage
    target : Target
        The unpublished output.
    records : mapping of int to dict
        The ledger's records of blocks that wrote their own region; others are left out.

    Notes
    -----
    Outputs above 100 GB are sampled: so many blocks that they make up 100 GB, evenly spread.
    """
    written_to = target.T if stage.reverse else target
    written = [block for block, record in records.items() if record.get("crc32") is not None]
    chosen = sample_of(sorted(written), target.header.nbytes)

    def differs(block: int) -> bool:
        record = records[block]
        regions: list[Region] = list(output_regions(stage, block, record.get("n_splits", 0)))
        return block_checksum(written_to, regions) != int(record["crc32"])

    if len(chosen) == 1:
        # a thread takes longer to start than a small block to read
        return set(filter(differs, chosen))
    from concurrent.futures import ThreadPoolExecutor  # it brings logging

    with ThreadPoolExecutor(cpu_count(), thread_name_prefix="arraymill-verify") as threads:
        return {block for block, is_different in zip(chosen, threads.map(differs, chosen), strict=True) if is_different}


@dataclass(slots=True)
class MergedRegions:
    """The regions that are merged from several blocks, written by the driver itself, each with its checksum.

    Parameters
    ----------
    writer : Writer
    target : Target
        What the writer was opened on, as the stage sees it.
    """

    writer: Writer
    target: Target
    _checksums: dict[Region, int] = field(default_factory=dict)

    def write(self, region: Region, block: NDArray[Any]) -> None:
        """Write a region."""
        self.writer.write(region, block)
        self._checksums[region] = checksum(block, self.target.header)

    def differing_blocks(self, stage: Stage) -> set[int]:
        """Return the blocks of regions that do not hold what was written; the partials of these blocks are good.

        All regions are read, however large the output: what blocks are merged into is small beside what they read.
        """
        differing = {region for region, crc in self._checksums.items() if block_checksum(self.target, [region]) != crc}
        if not differing or isinstance(stage, ConstantStage):
            return set()
        return {block for block in range(stage.grid.n_blocks) if stage.output_region(block) in differing}


def sample_of(blocks: list[int], n_bytes: int) -> list[int]:
    """Return the blocks to read back of an output of `n_bytes`, all of them up to 100 GB.

    >>> sample_of([0, 1, 2, 3], 10**9), len(sample_of(list(range(1000)), 10**12))
    ([0, 1, 2, 3], 100)
    """
    step = max(-(-n_bytes // _LARGEST_WHOLE_BYTES), 1)
    return blocks[::step]


def take_back(journal: Journal, blocks: Iterable[int], reason: str) -> None:
    """Write down that blocks are not done after all.

    Raises
    ------
    StoreFullError
    """
    for block in sorted(blocks):
        journal.event("corrupt", block=block, reason=reason)
    journal.commit()


def give_up_on(blocks: Iterable[int], n_blocks: int, path: str) -> VerificationError:
    """Return the error for an output that does not keep what is written to it."""
    listed = sorted(blocks)
    return VerificationError(
        f"{path}: block {listed[0]} of {n_blocks} is not what was written, again after it was written anew",
        cause=f"the checksum of {len(listed)} block(s) differs from the ledger's: the disk or its driver loses writes",
        next="give the output a place on another disk",
    )
