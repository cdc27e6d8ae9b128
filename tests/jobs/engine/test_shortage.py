"""Facts of shortages: what counts as memory that ran out, and what is given back."""

from __future__ import annotations

import errno

import numpy as np
import pytest

from arraymill.jobs.engine.backend import open_backend
from arraymill.jobs.engine.shortage import free_memory, is_out_of_memory
from arraymill.jobs.errors import CannotFitError
from arraymill.jobs.workspace import thread_workspace


class OutOfMemoryError(RuntimeError):
    """As torch calls its own."""


@pytest.mark.parametrize(
    "error",
    [
        MemoryError("Unable to allocate 1.00 GiB"),
        OSError(errno.ENOMEM, "Cannot allocate memory"),
        OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB"),
        RuntimeError("[enforce fail at alloc_cpu.cpp:124] . DefaultCPUAllocator: can't allocate memory: you tried"),
        RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"),
    ],
)
def test_memory_that_ran_out(error: Exception) -> None:
    assert is_out_of_memory(error)


@pytest.mark.parametrize(
    "error",
    [
        CannotFitError("the disk is full"),
        OSError(errno.ENOSPC, "No space left on device"),
        RuntimeError("CUDA error: an illegal memory access was encountered"),
        ValueError("no"),
    ],
)
def test_other_errors(error: Exception) -> None:
    assert not is_out_of_memory(error)


def test_buffers_of_the_thread_are_given_back() -> None:
    thread_workspace().take("operand0", (1000,), np.dtype("f8"))
    free_memory(open_backend("numpy"))
    with pytest.raises(KeyError):
        thread_workspace().peek("operand0", (1000,), np.dtype("f8"))
