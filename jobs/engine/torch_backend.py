"""Torch as the library that kernels run on: on a GPU, on the CPU, and on the CPU behind the pipelines of a GPU."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from ..stages.kernels import Namespace

__all__ = ["FakeBackend", "TorchBackend"]


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
