"""Nominal rates of device classes: what predictions are made from before anything is measured.

They predict seconds and choose where a job runs; they never decide how anything is added up. Sources: CPU rates were
measured on a 2-core virtual machine (Zen 5, 2.6 GHz) with NumPy's own BLAS on one thread; GPU rates are 0.7 of NVIDIA's
data sheet for the H100 SXM (67 TFLOP/s FP32 and FP64 tensor, 495 TFLOP/s TF32 dense, PCIe gen 5 at 64 GB/s).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from .limits import DeviceKind, Precision

__all__ = ["Rates", "rates_of"]


@dataclass(frozen=True, slots=True)
class Rates:
    """Rates of one worker, per second.

    Parameters
    ----------
    read : float
        Bytes from the page cache into a buffer, per worker.
    most_read : float
        Bytes that all workers of a machine read together.
    write : float
        Bytes into the page cache, per machine.
    flops : float
        Floating point operations in products.
    link : float
        Bytes to the device or from it; infinite on the CPU.
    """

    read: float
    most_read: float
    write: float
    flops: float
    link: float = math.inf


def rates_of(device: DeviceKind, precision: Precision, dtype: np.dtype[Any]) -> Rates:
    """Return the rates of a device class for a dtype.

    >>> rates_of("cpu", "standard", np.dtype("f8")).flops
    50000000000.0
    """
    is_double = dtype.itemsize >= 8 * (1 + (dtype.kind == "c")) or precision == "strict"
    if device == "cpu":
        return Rates(read=8e9, most_read=40e9, write=1.5e9, flops=5e10 if is_double else 1e11)
    tensor = precision == "fast" and not is_double
    return Rates(read=8e9, most_read=40e9, write=1.5e9, flops=3.4e14 if tensor else 4.5e13, link=4.5e10)
