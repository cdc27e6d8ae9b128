"""One input as the steps of a task need it: which region at each step, and in which slot it is."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from ...arrays import Source
from ...blocks import Grid, Region, Shape, offset_region, region_shape, row_major_chunks
from ...tensors import torch_dtype
from .schedule import Use, assign_slots

__all__ = ["Operand", "cut_region", "file_order", "typed_view"]


@dataclass(frozen=True, slots=True)
class Operand:
    """An input, step by step.

    Parameters
    ----------
    source : Source
        In C order: an array in Fortran order is taken with its axes reversed.
    regions : tuple of Region
        Of the source, one per step.
    uses : tuple of Use
        One per step.
    """

    source: Source
    regions: tuple[Region, ...]
    uses: tuple[Use, ...]

    @classmethod
    def of(cls, source: Source, regions: Sequence[Region], n_slots: int) -> Operand:
        """Return an operand whose regions pass through so many slots."""
        return cls(source, tuple(regions), tuple(assign_slots(regions, n_slots)))

    @property
    def dtype(self) -> np.dtype[Any]:
        """Of its elements, in native byte order."""
        return self.source.header.dtype.newbyteorder("=")

    @property
    def largest_elements(self) -> int:
        """Of one region."""
        return max(math.prod(region_shape(region)) for region in self.regions)

    @property
    def n_slots(self) -> int:
        """How many slots the steps use."""
        return max(use.slot for use in self.uses) + 1

    @property
    def loads(self) -> list[Region]:
        """The regions that are copied, in order."""
        return [region for region, use in zip(self.regions, self.uses, strict=True) if use.is_load]

    @property
    def link_bytes(self) -> int:
        """Bytes that are copied to the device."""
        return sum(math.prod(region_shape(region)) for region in self.loads) * self.dtype.itemsize


def cut_region(region: Region, itemsize: int, slot_bytes: int) -> list[tuple[Region, int]]:
    """Return the parts of a region that fit in a slot, and where each begins in the packed region, in bytes.

    Examples
    --------
    >>> cut_region(((2, 5), (0, 4)), 8, 64)
    [(((2, 4), (0, 4)), 0), (((4, 5), (0, 4)), 64)]
    """
    shape, origin = region_shape(region), [start for start, _ in region]
    chunks = row_major_chunks(shape, max(slot_bytes // itemsize, 1))
    parts, start = [], 0
    for part in Grid(shape, chunks).regions():
        # in C order the parts follow one another: each is one run of bytes
        parts.append((offset_region(part, origin), start))
        start += math.prod(region_shape(part)) * itemsize
    return parts


def file_order(source: Source, regions: Sequence[Region]) -> tuple[Source, list[Region]]:
    """Return a source in C order, and regions of it: a file in Fortran order is taken with its axes reversed."""
    if source.header.order == "C":
        return source, list(regions)
    return source.T, [region[::-1] for region in regions]


def typed_view(memory: torch.Tensor, shape: Shape, dtype: np.dtype[Any] | torch.dtype) -> torch.Tensor:
    """Return the beginning of a slot's bytes as a packed tensor."""
    kind = dtype if isinstance(dtype, torch.dtype) else torch_dtype(dtype)
    n_bytes = math.prod(shape) * kind.itemsize
    return memory[:n_bytes].view(kind).view(shape)
