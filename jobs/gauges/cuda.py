"""Rates of a GPU, told by its own events: products in each arithmetic, and copies from and to pinned memory.

It is ``cuda:0`` of this process. Precision flags are set for a product and put back after it; memory is given back.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch

from .tries import best_of

__all__ = ["CUDA_KINDS", "cuda_product_rate", "from_device_rate", "to_device_rate", "wake_cuda"]

CUDA_KINDS = ("f4", "f8", "tf32", "fp16", "bf16")
_DTYPES = {"f8": torch.float64, "fp16": torch.float16, "bf16": torch.bfloat16}
_LARGEST = {"f4": 4096, "f8": 4096}
_LARGEST_TENSOR, _SMALLEST = 8192, 1024
"""Sides at which products reach their rate; tensor cores need larger ones."""
_LINK_BYTES = 64 << 20
_SPARE = 4
_LEAST_TRIES = 3
"""The first one loads kernels and chooses among them."""


def wake_cuda() -> None:
    """Start CUDA and do a little of all that is measured: kernels are loaded when they are first called.

    Raises
    ------
    RuntimeError
        If there is no GPU that works.
    """
    # by itself, for it says why there is none
    torch.cuda.init()  # type: ignore[no-untyped-call]
    for kind in CUDA_KINDS:
        with _flags(tf32=kind == "tf32"):
            _rate_of_side(_SMALLEST, _DTYPES.get(kind, torch.float32), 0.0)
    _ends_of_link()


def cuda_product_rate(kind: str, slice_s: float) -> float:
    """Return floating point operations per second of large products of one arithmetic.

    They grow until the next would take too long: a GPU made for graphics has a sixty-fourth of its speed in float64.

    Parameters
    ----------
    kind : {"f4", "f8", "tf32", "fp16", "bf16"}
    slice_s : float
    """
    side, best = _SMALLEST, 0.0
    with _flags(tf32=kind == "tf32"):
        while True:
            rate = _rate_of_side(side, _DTYPES.get(kind, torch.float32), slice_s / 8)
            best = max(best, rate)
            side *= 2
            takes_long = 2.0 * side**3 / rate > slice_s / 2
            if takes_long or side > _LARGEST.get(kind, _LARGEST_TENSOR) or not _has_room(side):
                return best


def _rate_of_side(side: int, dtype: torch.dtype, slice_s: float) -> float:
    try:
        # random, since a GPU is faster on zeros
        a, b = (torch.rand(side, side, device="cuda:0").to(dtype) for _ in range(2))
        c = torch.empty_like(a)
        return best_of(lambda: 2.0 * side**3 / _seconds(lambda: torch.mm(a, b, out=c)), slice_s, n_least=_LEAST_TRIES)
    finally:
        a = b = c = torch.empty(0)
        torch.cuda.empty_cache()
        # or the first block would seem to have taken this memory
        torch.cuda.reset_peak_memory_stats()


def _has_room(side: int) -> bool:
    most_itemsize = 8
    return int(torch.cuda.mem_get_info()[0]) >= _SPARE * side * side * most_itemsize


def to_device_rate(slice_s: float) -> float:
    """Return bytes per second from pinned memory to the GPU."""
    host, device = _ends_of_link()
    return _copy_rate(device, host, slice_s)


def from_device_rate(slice_s: float) -> float:
    """Return bytes per second from the GPU to pinned memory."""
    host, device = _ends_of_link()
    return _copy_rate(host, device, slice_s)


def _ends_of_link() -> tuple[torch.Tensor, torch.Tensor]:
    # torch keeps pinned memory for the next one who asks: both directions use the same
    host = torch.empty(_LINK_BYTES, dtype=torch.uint8, pin_memory=True)
    return host, torch.empty(_LINK_BYTES, dtype=torch.uint8, device="cuda:0")


def _copy_rate(target: torch.Tensor, source: torch.Tensor, slice_s: float) -> float:
    return best_of(
        lambda: _LINK_BYTES / _seconds(lambda: target.copy_(source, non_blocking=True)), slice_s, n_least=_LEAST_TRIES
    )


def _seconds(work: Callable[[], object]) -> float:
    """Return how long the GPU was at work."""
    began, ended = (torch.cuda.Event(enable_timing=True, blocking=True) for _ in range(2))  # type: ignore[no-untyped-call]
    began.record()
    work()
    ended.record()
    ended.synchronize()
    return max(float(began.elapsed_time(ended)) / 1e3, 1e-7)


@contextmanager
def _flags(*, tf32: bool) -> Iterator[None]:
    """Allow TF32 or forbid it, and forbid sums in half precision, as a job does; put back what was."""
    matmul = torch.backends.cuda.matmul
    # Torch 2.9 replaced one name by the other, and refuses a mixture of the two.
    has_new_names = hasattr(torch.backends.cudnn, "conv")
    wanted: dict[str, object] = {
        "allow_fp16_reduced_precision_reduction": False,
        "allow_bf16_reduced_precision_reduction": False,
    }
    wanted |= {"fp32_precision": "tf32" if tf32 else "ieee"} if has_new_names else {"allow_tf32": tf32}
    before = {name: getattr(matmul, name) for name in wanted}
    try:
        for name, value in wanted.items():
            setattr(matmul, name, value)
        yield
    finally:
        for name, value in before.items():
            setattr(matmul, name, value)
