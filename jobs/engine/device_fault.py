"""Device errors that stick: after an illegal access or an ECC error every later call of the process fails too."""

from __future__ import annotations

import os

from .backend import Backend

__all__ = ["StickyDeviceError", "find_device_fault"]


class StickyDeviceError(RuntimeError):
    """The device of a worker gives errors that end only with its process.

    Attributes
    ----------
    message : str
        What the device said first.
    pid : int
        The worker's process.
    """

    def __init__(self, message: str, pid: int) -> None:
        super().__init__(message, pid)
        self.message, self.pid = message, pid

    def __str__(self) -> str:
        return self.message


def find_device_fault(error: BaseException, backend: Backend) -> StickyDeviceError | None:
    """Return the fault of the device behind an error, or None if the device still works: then the block is to blame.

    Parameters
    ----------
    error : BaseException
        Not one of memory.
    backend : Backend
        Whose device is asked for a small product.
    """
    if not isinstance(error, RuntimeError):
        return None
    try:
        backend.check()
    except Exception as fault:  # noqa: BLE001 - whatever it raises, it does not work
        message = f"{type(error).__name__}: {error}; then a small product failed too: {type(fault).__name__}: {fault}"
        return StickyDeviceError(message, os.getpid())
    return None
