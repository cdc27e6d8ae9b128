"""The library that kernels run on: NumPy, or torch on a device. Chosen by the plan, never by a measurement."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any, Literal, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ..stages.kernels import Namespace

__all__ = ["Backend", "BackendKind", "FakeBackend", "NumpyBackend", "TorchBackend", "open_backend"]

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


@dataclass(frozen=True, slots=True)
class TorchBackend:
    """Torch on a device.

    Parameters
    ----------
    device : str
        ``"cpu"`` or ``"cuda:0"``: inside a worker the GPU is always the first of its own list.
    """

    device: str

    @property
    def xp(self) -> Namespace:
        """Torch with the names of the array API."""
        import array_api_compat.torch as namespace

        return namespace

    def load(self, array: NDArray[Any]) -> Any:
        """Return a tensor on the device; on the CPU it shares memory where torch can look at it."""
        from ..tensors import to_tensor

        if self.device != "cpu":
            return to_tensor(array, device=self.device)
        try:
            return to_tensor(array, copy=False)
        except ValueError:
            # negative strides, unaligned elements
            return to_tensor(array)

    def store(self, array: Any) -> NDArray[Any]:
        """Return the tensor's elements in host memory."""
        from ..tensors import to_array

        return to_array(array)

    def synchronize(self) -> None:
        """Wait for the device."""
        if self.device != "cpu":
            import torch

            torch.cuda.synchronize(self.device)

    def free(self) -> None:
        """Let the GPU engine give back its memory, and torch its cache of device memory."""
        if self.device != "cpu":
            import torch

            from .device import release_engine

            release_engine("torch-cuda")

            torch.cuda.empty_cache()

    def peak_bytes(self) -> int:
        """Return the most memory that torch reserved on the device since the last call."""
        if self.device == "cpu":
            return 0
        import torch

        peak = int(torch.cuda.max_memory_reserved(self.device))
        torch.cuda.reset_peak_memory_stats(self.device)
        return peak

    def check(self) -> None:
        """Compute a small product of ones on the device.

        Raises
        ------
        RuntimeError
            If the device raises, or gives a wrong answer.
        """
        import torch

        ones = torch.ones((16, 16), device=self.device)
        total = float((ones @ ones).sum().cpu())
        if total != 16.0**3:
            raise RuntimeError(f"a product of ones adds up to {total} instead of {16.0**3}")


@dataclass(frozen=True, slots=True)
class FakeBackend(TorchBackend):
    """Torch on the CPU, whose pipelines run on the fake device.

    Parameters
    ----------
    device : str
        ``"cpu"``: what does not suit the engine is computed there.
    """

    device: str = "cpu"

    def free(self) -> None:
        """Let the engine give back its memory."""
        from .device import release_engine

        release_engine("fake")


@cache
def open_backend(kind: BackendKind) -> Backend:
    """Return the backend of a kind.

    >>> open_backend("numpy").xp is np
    True
    """
    if kind == "numpy":
        return NumpyBackend()
    if kind == "fake":
        return FakeBackend()
    return TorchBackend("cuda:0" if kind == "torch-cuda" else "cpu")
