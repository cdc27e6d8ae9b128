"""The memory of an engine: allocated once, before the first copy, and kept until another shape of work needs more."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from ...blocks import Shape
from .device import Device

__all__ = ["Buffers", "DeviceSlot", "Layout", "PinnedSlot", "ResultSlot"]

N_EVENTS = 16
"""Most stripes of a result."""


class PinnedSlot:
    """Host memory that the device copies from or to.

    Attributes
    ----------
    bytes : torch.Tensor
    done : Event
        Recorded behind each copy, in or out.
    """

    __slots__ = ("_host", "bytes", "done")

    def __init__(self, device: Device, n_bytes: int, *, is_in: bool) -> None:
        self.bytes = device.pin(n_bytes)
        self.done = device.event("h2d_done" if is_in else "copied")
        self._host: NDArray[np.uint8] = self.bytes.numpy()

    def array(self, shape: Shape, dtype: np.dtype[Any]) -> NDArray[Any]:
        """Return the beginning of the slot as a packed array."""
        n_bytes = int(np.prod(shape, dtype=np.int64)) * dtype.itemsize
        return self._host[:n_bytes].view(dtype).reshape(shape)


class DeviceSlot:
    """Device memory of an operand: `ready` once it was copied in, free again after its `last_use`."""

    __slots__ = ("bytes", "last_use", "ready")

    def __init__(self, device: Device, n_bytes: int) -> None:
        self.bytes = device.allocate(n_bytes)
        self.ready, self.last_use = device.event("ready"), device.event("last_use")


class ResultSlot:
    """Device memory of a result: its stripes are `computed` one by one, and it is free again once it was `drained`."""

    __slots__ = ("bytes", "computed", "drained")

    def __init__(self, device: Device, n_bytes: int) -> None:
        self.bytes = device.allocate(n_bytes) if n_bytes else torch.empty(0, dtype=torch.uint8)
        self.computed = [device.event("computed") for _ in range(N_EVENTS)]
        self.drained = device.event("drained")


@dataclass(frozen=True, slots=True)
class Layout:
    """What a task needs: how many slots, of how many bytes each.

    Parameters
    ----------
    slots : mapping of str to (int, int)
        That copies go to.
    scratch : mapping of str to (int, int)
        That only the computing stream knows.
    results, pinned_in, pinned_out : (int, int)
    """

    slots: Mapping[str, tuple[int, int]]
    results: tuple[int, int]
    pinned_in: tuple[int, int]
    pinned_out: tuple[int, int]
    scratch: Mapping[str, tuple[int, int]] = field(default_factory=dict)


class Buffers:
    """The slots of an engine.

    Parameters
    ----------
    device : Device
    """

    def __init__(self, device: Device) -> None:
        self._device = device
        self._on_device: tuple[object, ...] | None = None
        self._pinned: dict[str, tuple[int, list[PinnedSlot]]] = {}
        self.slots: dict[str, list[DeviceSlot]] = {}
        self.scratch: dict[str, list[torch.Tensor]] = {}
        self.results: list[ResultSlot] = []

    def reserve(self, layout: Layout, most_pinned_bytes: int = 0) -> bool:
        """Have what a task needs; return whether anything was allocated for it.

        Parameters
        ----------
        layout : Layout
        most_pinned_bytes : int
            More than this is not kept from a task that was allowed more; 0: as much as there is.

        Raises
        ------
        RuntimeError
            If the device, or what can be pinned, is too small; nothing is held then.
        """
        before = self._device.n_allocations
        if 0 < most_pinned_bytes < sum(n_bytes * len(slots) for n_bytes, slots in self._pinned.values()):
            self._pinned.clear()
        try:
            self._reserve_pinned("in", *layout.pinned_in)
            self._reserve_pinned("out", *layout.pinned_out)
            self._reserve_on_device(layout)
        except BaseException:
            self.clear()
            raise
        return self._device.n_allocations != before

    def pinned(self, name: str, n_slots: int) -> list[PinnedSlot]:
        """Return pinned slots that were reserved, on the way ``"in"`` or ``"out"``."""
        return self._pinned[name][1][:n_slots]

    def clear(self) -> None:
        """Let go of everything."""
        self._pinned.clear()
        self._clear_device()

    def _reserve_pinned(self, name: str, n_slots: int, n_bytes: int) -> None:
        held_bytes, held = self._pinned.get(name, (0, []))
        if held_bytes < n_bytes or len(held) < n_slots:
            # the old ones first, or both are held at once
            del held
            self._pinned.pop(name, None)
            slots = [PinnedSlot(self._device, n_bytes, is_in=name == "in") for _ in range(n_slots)]
            self._pinned[name] = (n_bytes, slots)

    def _reserve_on_device(self, layout: Layout) -> None:
        wanted = (dict(layout.slots), dict(layout.scratch), layout.results)
        if self._on_device is not None and _covers(self._on_device, wanted):
            return
        self._clear_device()
        device = self._device
        for name, (n_slots, n_bytes) in layout.slots.items():
            self.slots[name] = [DeviceSlot(device, n_bytes) for _ in range(n_slots)]
        for name, (n_slots, n_bytes) in layout.scratch.items():
            self.scratch[name] = [device.allocate(n_bytes) for _ in range(n_slots)]
        n_slots, n_bytes = layout.results
        self.results = [ResultSlot(device, n_bytes) for _ in range(n_slots)]
        self._on_device = wanted

    def _clear_device(self) -> None:
        # also when an allocation failed before anything of it could be kept here
        self.slots.clear()
        self.scratch.clear()
        self.results = []
        self._on_device = None
        self._device.release()


def _covers(held: Any, wanted: Any) -> bool:
    """Return whether slots that are there are as many and as large as those wanted, and no others are held."""
    if isinstance(held, dict):
        return held.keys() == wanted.keys() and all(_covers(held[name], wanted[name]) for name in held)
    return all(_covers(*pair) if isinstance(pair[0], dict | tuple) else pair[0] >= pair[1]
               for pair in zip(held, wanted, strict=True))  # fmt: skip
