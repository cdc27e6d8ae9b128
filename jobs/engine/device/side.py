"""One operand of the products of a task: its slabs as they were copied, or made into what is multiplied."""

from __future__ import annotations

from functools import partial
from typing import Protocol

import numpy as np
import torch

from ...blocks import region_shape
from .arithmetic import Arithmetic, prepare
from .buffers import DeviceSlot
from .feeder import Feeder
from .operand import Operand, typed_view
from .task import Task

__all__ = ["PreparedSide", "Side", "StoredSide"]


class Side(Protocol):
    """An operand."""

    def use(self, step: int) -> torch.Tensor:
        """Return the slab of a step, as a matrix; what is started on `comp` from now on finds it there."""

    def release(self, step: int) -> None:
        """Say that the products of a step have been started."""


class StoredSide:
    """Slabs that are multiplied as they are in the file.

    Parameters
    ----------
    task : Task
    feeder : Feeder
    operand : Operand
    slots : list of DeviceSlot
    transposed : bool
        The matrix is that of the file with its axes swapped.
    """

    def __init__(
        self, task: Task, feeder: Feeder, operand: Operand, slots: list[DeviceSlot], *, transposed: bool
    ) -> None:
        self.operand, self.transposed = operand, transposed
        self._task, self._feeder, self._slots = task, feeder, slots

    def use(self, step: int) -> torch.Tensor:
        """Return the slab of a step, copied if it is not there."""
        stored = self.use_stored(step)
        return stored.t() if self.transposed else stored

    def use_stored(self, step: int) -> torch.Tensor:
        """Return the slab of a step as it is in the file."""
        use = self.operand.uses[step]
        slot = self._slots[use.slot]
        if use.is_load:
            self._feeder.fetch(slot)
        self._task.comp.stream.wait(slot.ready)
        return typed_view(slot.bytes, region_shape(self.operand.regions[step])[-2:], self.operand.dtype)

    def release(self, step: int) -> None:
        """Let the slab's slot be filled again behind what was started."""
        self._task.comp.stream.record(self._slots[self.operand.uses[step].slot].last_use)


class PreparedSide:
    """Slabs of another dtype, rounded, or in several terms, made on the computing stream before their product.

    Parameters
    ----------
    task : Task
    stored : StoredSide
    slab : torch.Tensor
        Bytes of one slab: products and what makes their operands take turns on one stream.
    mask : torch.Tensor
        Bytes: one per element of a slab.
    arithmetic : Arithmetic
    side : {0, 1}
    """

    def __init__(
        self,
        task: Task,
        stored: StoredSide,
        slab: torch.Tensor,
        mask: torch.Tensor,
        arithmetic: Arithmetic,
        *,
        side: int,
    ) -> None:
        self._task, self._stored, self._slab, self._mask = task, stored, slab, mask
        self._arithmetic, self._side = arithmetic, side

    def use(self, step: int) -> torch.Tensor:
        """Return the slab of a step, made unless it is that of the step before."""
        operand = self._stored.operand
        matrix, parts = self._views(region_shape(operand.regions[step])[-2:])
        if step == 0 or operand.regions[step] != operand.regions[step - 1]:
            x = self._stored.use_stored(step)
            self._task.device.scrub(self._slab, self._task.comp.stream)
            mask = typed_view(self._mask, tuple(x.shape), np.dtype(bool))
            self._task.comp.run(partial(prepare, self._arithmetic, self._side, x, parts, mask))
            # the product does not need what was copied any more
            self._stored.release(step)
        return matrix.t() if self._stored.transposed else matrix

    def release(self, step: int) -> None:
        """Return: the copied slab has been released."""

    def _views(self, shape: tuple[int, ...]) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the slab as a matrix in the order of the file, and its terms, each of the shape of the operand."""
        (rows, columns), terms, dtype = shape, self._arithmetic.n_terms, self._arithmetic.operand
        # terms follow one another along k: the first axis in the file of b and of a transposed a
        if (self._side == 1) != self._stored.transposed:
            matrix = typed_view(self._slab, (terms * rows, columns), dtype)
            return matrix, matrix.view(terms, rows, columns)
        matrix = typed_view(self._slab, (rows, terms * columns), dtype)
        return matrix, matrix.view(rows, terms, columns).transpose(0, 1)
