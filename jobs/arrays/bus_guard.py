"""Lets a process outlive a mapped file that is truncated under it: the block fails, with a clear error.

Touching a page behind the end of a truncated file raises SIGBUS in the thread that touches it, and ends the process.
While the guard is up, the signal does nothing but wake a thread, which lays pages of zeros over what is gone; the
thread that was stopped goes on, over zeros, and the check of the file's stamp that follows every block throws the
result away. ::

    compute thread   reads page 7 -- SIGBUS -- again -- SIGBUS -- again -- reads 0 --> done --> file changed: error
    guard thread                       `-- woken -- mmap(zeros, MAP_FIXED) --'

It works because NumPy and BLAS release the interpreter's lock while they read arrays this large. Where no mapped file
is shorter than it was (a disk that fails), the signal ends the process after all, and says so first.
"""

from __future__ import annotations

import contextlib
import ctypes
import faulthandler
import mmap
import os
import signal
import sys
import threading
from collections.abc import Iterator

from .maps import live_maps

__all__ = ["bus_guard"]

_MAP_FIXED = 0x10
"""From <sys/mman.h>, on Linux of every architecture that NumPy is built for."""


@contextlib.contextmanager
def bus_guard() -> Iterator[None]:
    """Guard this process for the length of a ``with``.

    Nothing is done outside the main thread, where Python sets no signal handlers, nor where somebody else listens to
    signals already: an event loop, `faulthandler`. Then a truncated file ends the process, as with `numpy.memmap`.

    Examples
    --------
    >>> with bus_guard():
    ...     pass
    """
    if not _may_listen():
        yield
        return
    ear, mouth = os.pipe2(os.O_CLOEXEC)
    os.set_blocking(mouth, False)
    before = signal.set_wakeup_fd(mouth, warn_on_full_buffer=False)
    thread = threading.Thread(target=_listen, args=(ear,), name="arraymill-bus-guard", daemon=True)
    try:
        if before != -1:
            # somebody else listens
            signal.set_wakeup_fd(before)
            yield
            return
        thread.start()
        signal.signal(signal.SIGBUS, _ignore)
        try:
            yield
        finally:
            signal.signal(signal.SIGBUS, signal.SIG_DFL)
            signal.set_wakeup_fd(-1)
    finally:
        os.close(mouth)
        if thread.ident is not None:
            thread.join()
        os.close(ear)


def _may_listen() -> bool:
    is_free = signal.getsignal(signal.SIGBUS) == signal.SIG_DFL and not faulthandler.is_enabled()
    return is_free and threading.current_thread() is threading.main_thread()


def _ignore(signum: int, frame: object) -> None:
    """Take no notice: the thread that listens does what is to be done."""


def _listen(ear: int) -> None:
    while numbers := os.read(ear, 512):
        if signal.SIGBUS in numbers and not _cover_what_is_gone():
            sys.stderr.write("arraymill: the disk of a mapped file failed; this process ends (SIGBUS)\n")
            sys.stderr.flush()
            _libc().signal(signal.SIGBUS, 0)
            return


def _cover_what_is_gone() -> bool:
    """Lay zeros over the part of every map that its file has lost; return whether any map has lost something."""
    found = False
    for mapped in live_maps():
        size = os.fstat(mapped.descriptor).st_size
        kept = -(-size // mmap.PAGESIZE) * mmap.PAGESIZE
        if size < mapped.length:
            found = True
            _lay_zeros(mapped.address() + kept, mapped.length - kept)
    return found


def _lay_zeros(address: int, length: int) -> None:
    if length <= 0:
        return
    protection, flags = mmap.PROT_READ, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | _MAP_FIXED
    _libc().mmap(ctypes.c_void_p(address), ctypes.c_size_t(length), protection, flags, -1, ctypes.c_long(0))


def _libc() -> ctypes.CDLL:
    libc = ctypes.CDLL(None)
    libc.mmap.restype = ctypes.c_void_p
    return libc
