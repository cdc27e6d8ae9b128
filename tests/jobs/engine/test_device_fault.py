"""Facts of device errors: those that stick are told from those of a block."""

from __future__ import annotations

import os
import pickle
from dataclasses import dataclass
from typing import Any

import pytest

from arraymill.jobs.engine import StickyDeviceError
from arraymill.jobs.engine.backend import NumpyBackend, open_backend
from arraymill.jobs.engine.device_fault import find_device_fault

ILLEGAL = RuntimeError("CUDA error: an illegal memory access was encountered")


@dataclass(frozen=True)
class BrokenBackend(NumpyBackend):
    """A device that fails its check."""

    def check(self) -> None:
        raise RuntimeError("CUDA error: unspecified launch failure")


def test_an_error_of_a_device_that_still_works_is_the_blocks() -> None:
    assert find_device_fault(ILLEGAL, open_backend("torch-cpu")) is None


def test_a_device_that_fails_a_small_product_too_is_at_fault() -> None:
    fault = find_device_fault(ILLEGAL, BrokenBackend())
    assert fault is not None
    assert fault.pid == os.getpid()
    assert "illegal memory access" in str(fault)
    assert "a small product failed too" in str(fault)


@pytest.mark.parametrize("error", [OSError(5, "Input/output error"), ValueError("no"), MemoryError()])
def test_only_a_runtime_error_is_a_devices(error: Exception) -> None:
    assert find_device_fault(error, BrokenBackend()) is None


def test_a_fault_is_whole_after_a_trip_between_processes() -> None:
    fault: Any = pickle.loads(pickle.dumps(StickyDeviceError("ECC", 42)))
    assert (fault.message, fault.pid, str(fault)) == ("ECC", 42, "ECC")
