"""A stand-in for NVML: the few calls that are made of it, over GPUs that a test describes."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import pytest


class NVMLError(Exception):
    pass


class NotFoundError(NVMLError):
    pass


class NotSupportedError(NVMLError):
    pass


class InvalidArgumentError(NVMLError):
    pass


@dataclass
class FakeGpu:
    uuid: str | bytes
    mig: tuple[str | None, ...] | None = None
    has_memory: bool = True


class FakeNvml:
    """The module `pynvml` as far as it is used."""

    NVML_DEVICE_MIG_ENABLE = 1
    NVMLError = NVMLError
    NVMLError_NotFound = NotFoundError
    NVMLError_NotSupported = NotSupportedError
    NVMLError_InvalidArgument = InvalidArgumentError

    def __init__(self, gpus: Sequence[FakeGpu] = (), *, problem: str = "") -> None:
        self.gpus, self.problem = list(gpus), problem
        self.n_stops = 0

    def install(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(sys.modules, "pynvml", self)

    def nvmlInit(self) -> None:  # noqa: N802
        if self.problem:
            raise NVMLError(self.problem)

    def nvmlShutdown(self) -> None:  # noqa: N802
        self.n_stops += 1

    def nvmlDeviceGetCount(self) -> int:  # noqa: N802
        return len(self.gpus)

    def nvmlDeviceGetHandleByIndex(self, index: int) -> FakeGpu:  # noqa: N802
        return self.gpus[index]

    def nvmlDeviceGetMigMode(self, gpu: FakeGpu) -> list[int]:  # noqa: N802
        if gpu.mig is None:
            raise NotSupportedError
        return [1, 1]

    def nvmlDeviceGetMaxMigDeviceCount(self, gpu: FakeGpu) -> int:  # noqa: N802
        return len(gpu.mig or ())

    def nvmlDeviceGetMigDeviceHandleByIndex(self, gpu: FakeGpu, slot: int) -> FakeGpu:  # noqa: N802
        uuid = (gpu.mig or ())[slot]
        if uuid is None:
            raise NotFoundError
        return FakeGpu(uuid)

    def nvmlDeviceGetUUID(self, gpu: FakeGpu) -> str | bytes:  # noqa: N802
        return gpu.uuid

    def nvmlDeviceGetName(self, _: FakeGpu) -> str:  # noqa: N802
        return "Fake H100"

    def nvmlDeviceGetMemoryInfo(self, gpu: FakeGpu) -> Any:  # noqa: N802
        if not gpu.has_memory:
            raise NotSupportedError
        return SimpleNamespace(total=80, free=60)

    def nvmlDeviceGetCudaComputeCapability(self, _: FakeGpu) -> tuple[int, int]:  # noqa: N802
        return (9, 0)
