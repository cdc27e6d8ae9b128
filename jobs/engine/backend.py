"""The library that kernels run on: NumPy, or torch on a device. Chosen by the plan, never by a measurement."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any, Literal, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ..stages.kernels import Namespace

__all__ = ["Backend", "BackendKind", "NumpyBackend", "open_backend"]

BackendKind: TypeAlias = Literal["numpy", "torch-cpu", "torch-cuda", "fake"]
"""Where kernels run; "fake" is the CPU behind the GPU engine's pipeline, for tests (`device/fake.py`)."""


class Backend(Protocol):
    """Where kernels run: their namespace, and the way in and out for NumPy arrays."""

    @property
    def xp(self) -> Namespace:
        """The array API namespace of kernels."""
        ...

    def load(self, array: NDArray[Any]) -> Any:
        """Return an array of this backend; it may share memory, so kernels never write to it."""
        ...

    def store(self, array: Any) -> NDArray[Any]:
        """Return a NumPy array of a result; it may share memory with it."""
        ...

    def synchronize(self) -> None:
        """Wait until what was started is done, so that seconds are counted where they were spent."""
        ...

    def free(self) -> None:
        """Give back what memory the library keeps for later."""
        ...

    def peak_bytes(self) -> int:
        """Return the most memory that was held on the device since the last call; 0 on the CPU."""
        ...

    def check(self) -> None:
        """Compute a small product; raise whatever a device raises that no longer works."""
        ...


@dataclass(frozen=True, slots=True)
class NumpyBackend:
    """NumPy in this process."""

    @property
    def xp(self) -> Namespace:
        """NumPy itself, which follows the array API since version 2."""
        return np

    def load(self, array: NDArray[Any]) -> NDArray[Any]:
        """Return the array."""
        return array

    def store(self, array: Any) -> NDArray[Any]:
        """Return the array."""
        return np.asarray(array)

    def synchronize(self) -> None:
        """Return: nothing runs behind."""

    def free(self) -> None:
        """Return: NumPy keeps nothing."""

    def peak_bytes(self) -> int:
        """Return 0: there is no device."""
        return 0

    def check(self) -> None:
        """Return: the CPU works, or nothing would."""


@cache
def open_backend(kind: BackendKind) -> Backend:
    """Return the backend of a kind.

    >>> open_backend("numpy").xp is np
    True
    """
    if kind == "numpy":
        return NumpyBackend()
    from .torch_backend import FakeBackend, TorchBackend

    if kind == "fake":
        return FakeBackend()
    return TorchBackend("cuda:0" if kind == "torch-cuda" else "cpu")
