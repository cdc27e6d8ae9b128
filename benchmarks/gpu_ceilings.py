"""What a GPU and its link can do: pinned copies both ways, staging, and `torch.matmul` of resident matrices per mode.

Each is warmed up once and timed with the device synchronised; the best of several tries counts. On the CPU, to rehearse
the code, the same calls run on its memory.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from arraymill.cluster.devices import gpus

from .fresh import module_command, run_fresh

__all__ = ["gpu_name", "measure_gpu_ceilings"]

_TRIES = 3
_SLOT_BYTES = 64 << 20
_READERS = (4, 8, 16)
_SIDES = {"fp32": 16_384, "fp64": 16_384, "tf32": 24_576, "fp16": 32_768, "bf16": 32_768}
_QUICK_SIDE = 256


def gpu_name() -> str | None:
    """Return the model of the first GPU, or None without one."""
    return next((gpu.name for gpu in gpus()), None)


def measure_gpu_ceilings(file: Path, *, quick: bool, on_cpu: bool) -> dict[str, float]:
    """Measure in a fresh process; `file` is what staging reads.

    Returns
    -------
    dict
        ``to_device_gb_s``, ``from_device_gb_s``, ``staging_gb_s`` and ``resident_MODE_gflop_s``.

    Raises
    ------
    ContenderFailedError
    """
    arguments = [str(file), "cpu" if on_cpu else "cuda", *(["quick"] if quick else [])]
    return dict(json.loads(run_fresh(module_command("gpu_ceilings", *arguments)).out))


def _measure(file: Path, device: str, *, quick: bool) -> dict[str, float]:
    link_bytes = (4 if quick else 1024) << 20
    found = dict(zip(("to_device_gb_s", "from_device_gb_s"), _link_rates(device, link_bytes), strict=True))
    found["staging_gb_s"] = max(_staging_rate(file, n_readers, device) for n_readers in _READERS)
    for mode, side in _SIDES.items():
        try:
            found[f"resident_{mode}_gflop_s"] = _product_rate(mode, _QUICK_SIDE if quick else side, device)
        except RuntimeError as error:
            # a mode that this GPU cannot do, or has no memory for, costs the others nothing
            sys.stderr.write(f"{mode}: {error}\n")
    return found


def _timed(work: Callable[[], object], device: str) -> float:
    import torch

    synchronize = torch.cuda.synchronize if device == "cuda" else (lambda: None)
    work()
    synchronize()
    seconds = []
    for _ in range(_TRIES):
        began = time.perf_counter()
        work()
        synchronize()
        seconds.append(time.perf_counter() - began)
    return min(seconds)


def _link_rates(device: str, n_bytes: int) -> tuple[float, float]:
    import torch

    host = torch.ones(n_bytes, dtype=torch.uint8, pin_memory=device == "cuda")
    there = torch.ones(n_bytes, dtype=torch.uint8, device=device)
    to_device = _timed(lambda: there.copy_(host, non_blocking=True), device)
    from_device = _timed(lambda: host.copy_(there, non_blocking=True), device)
    return n_bytes / to_device / 1e9, n_bytes / from_device / 1e9


def _staging_rate(file: Path, n_readers: int, device: str) -> float:
    """Return the rate at which threads read the file into pinned slots of their own."""
    import torch

    size = file.stat().st_size
    slot_bytes = min(_SLOT_BYTES, -(-size // n_readers))
    slots = [torch.empty(slot_bytes, dtype=torch.uint8, pin_memory=device == "cuda") for _ in range(n_readers)]
    views = [memoryview(slot.numpy()) for slot in slots]
    descriptor = os.open(file, os.O_RDONLY)

    def read_share(number: int) -> None:
        for offset in range(number * slot_bytes, size, n_readers * slot_bytes):
            os.preadv(descriptor, [views[number]], offset)

    try:
        with ThreadPoolExecutor(n_readers) as pool:
            seconds = _timed(lambda: list(pool.map(read_share, range(n_readers))), "cpu")
    finally:
        os.close(descriptor)
    return size / seconds / 1e9


def _product_rate(mode: str, side: int, device: str) -> float:
    import torch

    dtypes = {"fp64": torch.float64, "fp16": torch.float16, "bf16": torch.bfloat16}
    torch.backends.cuda.matmul.allow_tf32 = mode == "tf32"
    # as the engine has it: sums of half-precision products stay in float32
    torch.backends.cuda.matmul.allow_fp16_reduced_precision_reduction = False
    torch.backends.cuda.matmul.allow_bf16_reduced_precision_reduction = False
    dtype = dtypes.get(mode, torch.float32)
    a, b = (torch.randn(side, side, device=device).to(dtype) for _ in range(2))
    c = torch.empty_like(a)
    return float(2 * side**3 / _timed(lambda: torch.matmul(a, b, out=c), device) / 1e9)


if __name__ == "__main__":
    rates = _measure(Path(sys.argv[1]), sys.argv[2], quick=sys.argv[3:] == ["quick"])
    sys.stdout.write(json.dumps(rates) + "\n")
