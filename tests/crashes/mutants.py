"""The protocol with one of its precautions taken out: the tests of crashes must notice each."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import arraymill.jobs.api.stored.output as output
import arraymill.jobs.api.stored.step_run as step_run
import arraymill.jobs.store.ledger as ledger
import arraymill.jobs.store.partials as partials
from arraymill.jobs.api.stored.verification import MergedRegions
from arraymill.jobs.arrays.npy.target import NpyTarget
from arraymill.jobs.store import Journal

__all__ = ["MUTANTS"]


def drop_sync_of_blocks() -> None:
    """A block's receipt may be durable before its bytes."""
    assert hasattr(NpyTarget, "_sync")
    NpyTarget._sync = lambda self, descriptor: None  # type: ignore[method-assign]


def write_ledger_before_data() -> None:
    """The ledger may name partials that are not there."""
    assert hasattr(Journal, "_sync")

    def sync(self: Any) -> None:
        self._ledger.sync()
        self._partials.sync()

    Journal._sync = sync  # type: ignore[method-assign]


def keep_torn_tail() -> None:
    """New records follow half a line."""
    assert hasattr(ledger, "_cut")
    ledger._cut = lambda descriptor, good_bytes: os.lseek(descriptor, 0, os.SEEK_END)  # type: ignore[assignment]


def believe_blocks() -> None:
    """What the output holds is never compared with the ledger."""
    assert hasattr(output, "differing_blocks")
    output.differing_blocks = lambda *arguments: set()  # type: ignore[assignment]
    publish_without_reading_back()


def believe_partials() -> None:
    """What was stored of a reduction is never compared with the ledger."""
    assert hasattr(partials, "zlib")

    class Crc:
        @staticmethod
        def crc32(content: bytes, value: int = 0) -> int:
            return 0

    partials.zlib = Crc  # type: ignore[assignment]


def publish_without_reading_back() -> None:
    """The output gets its name without a look at what the disk made of it."""
    assert hasattr(step_run, "differing_blocks")
    step_run.differing_blocks = lambda *arguments: set()  # type: ignore[assignment]
    MergedRegions.differing_blocks = lambda *arguments: set()  # type: ignore[method-assign]


MUTANTS: dict[str, Callable[[], object]] = {
    function.__name__: function
    for function in (
        drop_sync_of_blocks,
        write_ledger_before_data,
        keep_torn_tail,
        believe_blocks,
        believe_partials,
        publish_without_reading_back,
    )
}
