"""Measures all rates of a device within two seconds or so; what cannot be measured is left out, and said."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from ..limits import DeviceKind
from ..rates.calibration import Calibration, is_plausible
from . import files
from .products import CPU_KINDS, CpuProducts
from .scratch import scratch_file
from .tries import Slices

__all__ = ["calibrate"]

# more than the gauges want together: a slow disk prolongs the tries that it is in
_TOTAL_S = {"cpu": 1.4, "cuda": 2.4}
_SLICE_S = 0.08
_PRODUCTS_S = 0.24
_SHARE_S = 0.03
_WRITERS = (1, 2, 4)
_MOST_READERS = 16
_LONGEST_TEXT = 300
_MOST_PROBLEMS = 16


def calibrate(
    device: DeviceKind, folder: Path, *, n_cores: int | None = None, total_s: float | None = None
) -> Calibration:
    """Return what this machine reaches now.

    Nothing is left on the disk, and never more than 64 MiB are taken of memory. It does not raise: what a folder that
    cannot be written, a full disk or a missing GPU prevent is None.

    Parameters
    ----------
    device : {"cpu", "cuda"}
        With "cuda", ``cuda:0`` of this process.
    folder : Path
        Where outputs go.
    n_cores : int, optional
        Cores that a job may use; those that this process may, when left out.
    total_s : float, optional
        No gauge begins later. What a GPU takes to wake up comes before.

    Examples
    --------
    >>> nothing = calibrate("cpu", Path("/no/such/folder"), n_cores=1)
    >>> nothing.read, nothing.flops["f4"] > 0, nothing.problems[0]
    (None, True, 'files: No such file or directory')
    """
    n_cores = n_cores or len(os.sched_getaffinity(0))
    # before the clock starts: to load torch and wake CUDA takes longer than all gauges together
    asleep = _wake(device)
    bench = _Bench(Slices(_TOTAL_S[device] if total_s is None else total_s))
    measured_s, cpu = time.time(), CpuProducts(n_cores)
    # The device first: while a GPU is measured its precision flags are not the job's, and no disk can prolong that.
    found = _cpu_rates(bench, cpu) if device == "cpu" else _cuda_rates(bench, asleep)
    found |= _file_rates(bench, folder, n_cores)
    share = _share(bench, cpu)
    return Calibration(
        device=device,
        measured_s=measured_s,
        took_s=bench.slices.spent_s(),
        share=share,
        n_cores=n_cores,
        folder=str(folder)[-_LONGEST_TEXT:],
        problems=tuple(bench.problems[:_MOST_PROBLEMS]),
        **found,
    )


@dataclass(slots=True)
class _Bench:
    """Runs one gauge after the other, and notes what went wrong."""

    slices: Slices
    problems: list[str] = field(default_factory=list)

    def gauge(self, name: str, wanted_s: float, measure: Callable[[float], float]) -> float | None:
        """Return the rate that a gauge measures in its slice, None if it cannot."""
        if not (slice_s := self.slices.next_s(wanted_s)):
            self.note(name, "no time was left")
            return None
        try:
            rate = measure(slice_s)
        except Exception as error:  # noqa: BLE001 - whatever keeps it from measuring, the job goes on
            self.note(name, error)
            return None
        return rate if is_plausible(rate) else None

    def note(self, name: str, problem: object) -> None:
        said = getattr(problem, "strerror", None) or str(problem) or type(problem).__name__
        self.problems.append(f"{name}: {said}"[:_LONGEST_TEXT])


def _cpu_rates(bench: _Bench, cpu: CpuProducts) -> dict[str, Any]:
    return {"flops": _products(bench, CPU_KINDS, cpu.rate)}


def _share(bench: _Bench, cpu: CpuProducts) -> float:
    """Return which part of the cores' time products got, at the beginning or now: the lesser."""
    now = CpuProducts(cpu.n_cores)
    bench.gauge("share of the cores", _SHARE_S, partial(now.rate, "f4"))
    return min([products.share for products in (cpu, now) if products.share], default=1.0)


def _wake(device: DeviceKind) -> Exception | None:
    """Make a GPU ready to be measured; return what keeps it from that."""
    if device == "cpu":
        return None
    try:
        from . import cuda  # torch takes seconds to import, and only a GPU needs it here

        cuda.wake_cuda()
    except Exception as error:  # noqa: BLE001 - whatever it is, files are measured all the same
        return error
    return None


def _cuda_rates(bench: _Bench, asleep: Exception | None) -> dict[str, Any]:
    if asleep is not None:
        bench.note("GPU", asleep)
        return {}
    from . import cuda

    return {
        "flops": _products(bench, cuda.CUDA_KINDS, cuda.cuda_product_rate),
        "to_device": bench.gauge("link to the device", _SLICE_S, cuda.to_device_rate),
        "from_device": bench.gauge("link from the device", _SLICE_S, cuda.from_device_rate),
    }


def _products(bench: _Bench, kinds: tuple[str, ...], product_rate: Callable[[str, float], float]) -> dict[str, float]:
    slice_s = _PRODUCTS_S / len(kinds)
    rates = {kind: bench.gauge(f"product {kind}", slice_s, partial(product_rate, kind)) for kind in kinds}
    return {kind: rate for kind, rate in rates.items() if rate is not None}


def _file_rates(bench: _Bench, folder: Path, n_cores: int) -> dict[str, Any]:
    try:
        with scratch_file(folder) as descriptor:
            n_bytes = files.fill(descriptor, _SLICE_S)
            return _rates_of_file(bench, descriptor, n_bytes, n_cores)
    except OSError as error:
        bench.note("files", error)
        return {}


def _rates_of_file(bench: _Bench, descriptor: int, n_bytes: int, n_cores: int) -> dict[str, Any]:
    n_readers = min(n_cores, _MOST_READERS)
    read = partial(files.read_rate, descriptor, n_bytes=n_bytes)
    one, all_cores = (bench.gauge(f"read by {n}", _SLICE_S, partial(read, n_readers=n)) for n in (1, n_readers))
    found: dict[str, Any] = {
        "read": one,
        # where other programs take cores, many may seem slower than one
        "most_read": None if all_cores is None else max(all_cores, one or 0.0),
        "map_read": bench.gauge("read a map", _SLICE_S, partial(files.map_read_rate, descriptor, n_bytes=n_bytes)),
    }
    writes = {
        n: bench.gauge(f"write by {n}", _SLICE_S, partial(files.write_rate, descriptor, n_writers=n)) for n in _WRITERS
    }
    found["writes"] = {n: rate for n, rate in writes.items() if rate is not None}
    found["map_write"] = bench.gauge("write a map", _SLICE_S, partial(files.map_write_rate, descriptor))
    # last, since nobody knows how long a disk takes
    found["durable_write"] = bench.gauge("write to the disk", _SLICE_S, partial(files.durable_rate, descriptor))
    return found
