"""Rates of workers: what predictions are made from, nominal ones of a device class until something is measured.

They predict seconds and choose where a job runs; they never decide how anything is added up. Sources: CPU rates were
measured on a 2-core virtual machine (Zen 5, 2.6 GHz) with NumPy's own BLAS on one thread; GPU rates are 0.7 of NVIDIA's
data sheet for the H100 SXM (67 TFLOP/s FP32 and FP64 tensor, 495 TFLOP/s TF32 and 989 TFLOP/s FP16 and BF16 dense, PCIe
gen 5 at 64 GB/s).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any, Literal

import numpy as np

from ..limits import DeviceKind, Precision
from .calibration import Calibration, is_plausible

__all__ = ["Rates", "measured_rates", "product_kind", "rates_of"]

_CUDA_FLOPS = {"f4": 4.5e13, "f8": 4.5e13, "tf32": 3.4e14, "3xtf32": 1.1e14, "fp16": 6.9e14, "bf16": 6.9e14}
_CPU_FLOPS = {"f4": 1e11, "f8": 5e10}
_SINGLE_KINDS = {"fast": "tf32", "fast-fp32": "3xtf32", "fast-bf16": "bf16"}


@dataclass(frozen=True, slots=True)
class Rates:
    """Rates of one worker, and what all workers of a machine reach together; per second.

    Parameters
    ----------
    read : float
        Bytes from the page cache into a buffer, per worker.
    most_read : float
        Bytes that all workers of a machine read together.
    write : float
        Bytes of one writer into the page cache.
    most_write : float
        Bytes that all writers of a machine write together.
    flops : float
        Floating point operations in products, per worker.
    to_device, from_device : float
        Bytes over the link to a device, each way; infinite on the CPU.
    is_measured : bool
        Whether these are this machine's own; else they are those of the device class.

    Examples
    --------
    >>> Rates(read=8e9, most_read=4e10, write=1e9, most_write=2e9, flops=1e11).link
    inf
    """

    read: float
    most_read: float
    write: float
    most_write: float
    flops: float
    to_device: float = math.inf
    from_device: float = math.inf
    is_measured: bool = False

    @property
    def ceilings(self) -> Literal["measured", "nominal"]:
        """Whose rates they are: this machine's own, or those of the device class."""
        return "measured" if self.is_measured else "nominal"

    @property
    def link(self) -> float:
        """The slower way over the link, bytes per second."""
        return min(self.to_device, self.from_device)

    def together(self, n_workers: int) -> dict[str, float]:
        """Return what so many workers of one machine reach at each stage of a block, per second.

        Examples
        --------
        >>> rates_of("cpu", "standard", np.dtype("f4")).together(8)["read"]
        40000000000.0
        """
        return {
            "read": min(self.read * n_workers, self.most_read),
            "to_device": self.to_device * n_workers,
            "compute": self.flops * n_workers,
            "from_device": self.from_device * n_workers,
            "write": min(self.write * n_workers, self.most_write),
        }

    def to_json(self) -> dict[str, Any]:
        """Return them in types that JSON has: None for what is infinite."""
        return {name: None if value == math.inf else value for name, value in asdict(self).items()}

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Rates:
        """Return what `to_json` made a document of.

        Raises
        ------
        ValueError
            If a rate is missing or not plausible.
        """
        names = [field.name for field in fields(cls) if field.name != "is_measured"]
        rates = {name: document.get(name, 0.0) for name in names}
        if bad := [name for name, rate in rates.items() if rate is not None and not is_plausible(rate)]:
            raise ValueError(f"no rate: {', '.join(bad)}")
        found = {name: math.inf if rate is None else float(rate) for name, rate in rates.items()}
        return cls(**found, is_measured=document.get("is_measured") is True)


def product_kind(device: DeviceKind, precision: Precision, dtype: np.dtype[Any]) -> str:
    """Return the arithmetic of products, as rates tell it apart: "f4", "f8", "tf32", "3xtf32", "fp16" or "bf16".

    >>> product_kind("cuda", "fast", np.dtype("f4")), product_kind("cpu", "fast", np.dtype("f4"))
    ('tf32', 'f4')
    """
    real_bytes = dtype.itemsize // (1 + (dtype.kind == "c"))
    if precision == "strict" or real_bytes >= 8:
        return "f8"
    if device == "cuda" and dtype.kind == "f":
        return "fp16" if real_bytes == 2 else _SINGLE_KINDS.get(precision, "f4")
    return "f4"


def rates_of(device: DeviceKind, precision: Precision, dtype: np.dtype[Any]) -> Rates:
    """Return the nominal rates of a device class for a dtype: grids and tiles are made from these alone.

    >>> rates_of("cpu", "standard", np.dtype("f8")).flops
    50000000000.0
    """
    kind = product_kind(device, precision, dtype)
    if device == "cpu":
        return Rates(read=8e9, most_read=4e10, write=1.5e9, most_write=1.5e9, flops=_CPU_FLOPS[kind])
    return Rates(
        read=8e9,
        most_read=4e10,
        write=1.5e9,
        most_write=1.5e9,
        flops=_CUDA_FLOPS[kind],
        to_device=4.5e10,
        from_device=4.5e10,
    )


def measured_rates(
    calibration: Calibration | None, device: DeviceKind, precision: Precision, dtype: np.dtype[Any]
) -> Rates:
    """Return the rates of a device as they were measured; nominal is what was not measured, or on another device.

    They are called measured if reading and the product of this arithmetic were, and on a GPU its link.

    Parameters
    ----------
    calibration : Calibration or None
    device, precision : str
    dtype : numpy.dtype

    Notes
    -----
    What all writers write together is bounded by the disk, since a stored block counts once it is durable.

    Examples
    --------
    >>> one = Calibration("cpu", 1.7e9, 1.1, 1.0, 2, "/scratch", read=9e9, flops={"f4": 2e10})
    >>> measured_rates(one, "cpu", "standard", np.dtype("f4")).flops
    20000000000.0
    """
    nominal = rates_of(device, precision, dtype)
    if calibration is None or calibration.device != device:
        return nominal
    kind = product_kind(device, precision, dtype)
    found = {
        "read": calibration.read,
        "most_read": calibration.most_read,
        "write": calibration.write,
        "most_write": calibration.durable_write or calibration.most_write,
        "flops": _product_rate(calibration, kind),
        "to_device": calibration.to_device if device == "cuda" else None,
        "from_device": calibration.from_device if device == "cuda" else None,
    }
    measured = {name: rate for name, rate in found.items() if rate is not None and is_plausible(rate)}
    wanted = {"read", "flops"} | ({"to_device", "from_device"} if device == "cuda" else set())
    return replace(nominal, **measured, is_measured=measured.keys() >= wanted)


def _product_rate(calibration: Calibration, kind: str) -> float | None:
    tf32 = calibration.flops.get("tf32")
    if kind == "3xtf32" and kind not in calibration.flops and tf32 is not None:
        # one product of three times the depth
        return tf32 / 3
    return calibration.flops.get(kind)
