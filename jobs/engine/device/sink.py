"""Where the pieces of a result go: a target, written by several threads with one checksum; or an array of this process.

A block's checksum is that of its bytes in the order of `output_regions`. Several writers finish in any order, so each
piece is summed by itself and the sums are joined in the right one.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ...arrays import Target, Writer, checksum
from ...blocks import Region, as_slices, offset_region, region_shape
from ..product import round_product
from ..stored import StoredTarget
from .crc32 import join_crc32

__all__ = ["ArraySink", "Sink", "TargetSink"]


class Sink(Protocol):
    """Takes the pieces of a result, in any order and by several threads, each with a writer of its own."""

    def hold(self) -> AbstractContextManager[None]:
        """Return a context manager around all writing: when it is left, what was written is as safe as it has to be."""

    def open(self) -> AbstractContextManager[Any]:
        """Return a context manager that gives a thread its writer."""

    def put(self, writer: Any, number: int, region: Region, block: NDArray[Any]) -> int:
        """Write a piece and return its bytes; `number` is its place in the block."""


class TargetSink:
    """A target.

    Parameters
    ----------
    target : Target or StoredTarget
        In C order.
    """

    def __init__(self, target: Target | StoredTarget) -> None:
        self._target = target
        self._sums: dict[int, tuple[int, int]] = {}

    @contextmanager
    def hold(self) -> Iterator[None]:
        """Have a stored target on disk, and its checksum known, when this is left."""
        if not isinstance(self._target, StoredTarget):
            yield
            return
        with self._target.hold():
            yield
        self._target.crc32 = join_crc32(self._sums[number] for number in sorted(self._sums))

    @contextmanager
    def open(self) -> Iterator[Writer]:
        """Open the target once more."""
        target = self._target
        with target.open_part() if isinstance(target, StoredTarget) else target.open() as writer:
            yield writer

    def put(self, writer: Writer, number: int, region: Region, block: NDArray[Any]) -> int:
        """Write a piece, in the output's dtype, and sum it."""
        header = self._target.header
        if block.dtype != header.dtype.newbyteorder("="):
            block = round_product(block, header.dtype.newbyteorder("="))
        block = block.reshape(region_shape(region))
        n_bytes = writer.write(region, block)
        if isinstance(self._target, StoredTarget):
            self._sums[number] = (checksum(block, header), block.nbytes)
        return n_bytes


class ArraySink:
    """An array: that of a tile whose sum over k is a part of several.

    Parameters
    ----------
    region : Region
        That the array is, of which pieces come.
    dtype : numpy.dtype
        At least as wide as the pieces.
    """

    def __init__(self, region: Region, dtype: np.dtype[Any]) -> None:
        self._origin = [-start for start, _ in region]
        self.array: NDArray[Any] = np.empty(region_shape(region), dtype)

    @contextmanager
    def hold(self) -> Iterator[None]:
        """Return: memory is as safe as it was."""
        yield

    @contextmanager
    def open(self) -> Iterator[None]:
        """Return: there is nothing to open."""
        yield

    def put(self, writer: None, number: int, region: Region, block: NDArray[Any]) -> int:
        """Copy a piece to its place."""
        self.array[as_slices(offset_region(region, self._origin))] = block.reshape(region_shape(region))
        return 0
