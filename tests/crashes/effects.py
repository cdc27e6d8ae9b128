"""The lasting effects of a driver, numbered from 1, with a fault at one of them; or written down as they happen."""

from __future__ import annotations

import errno
import os
import signal
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TypeAlias

from arraymill.jobs import disk

__all__ = ["Effect", "Fail", "Fault", "Flip", "Kill", "Listener", "Meanwhile", "install"]

Effect: TypeAlias = Callable[..., Any]
_WRITES = frozenset({"write", "pwritev"})
_NAMED = frozenset({"create", "fsync_folder", "mkdir", "unlink", "rename", "link"})


class Fault(Protocol):
    """What happens to some effects."""

    def strike(self, number: int, name: str, effect: Effect, args: tuple[Any, ...]) -> Any:
        """Do the effect, or what happens in its place."""
        ...


class Listener(Protocol):
    """Hears of every effect."""

    def before(self, name: str, args: tuple[Any, ...]) -> Any: ...
    def after(self, number: int, name: str, args: tuple[Any, ...], heard: Any, result: Any) -> None: ...


def content_of(name: str, args: tuple[Any, ...]) -> tuple[int, bytes]:
    """Return where a write goes, and what is written."""
    if name == "pwritev":
        return args[2], b"".join(args[1])
    return os.lseek(args[0], 0, os.SEEK_CUR), bytes(args[1])


def path_of(name: str, args: tuple[Any, ...]) -> str:
    """Return the path that an effect concerns."""
    return os.fspath(args[0]) if name in _NAMED else str(Path(f"/proc/self/fd/{args[0]}").readlink())


@dataclass(frozen=True, slots=True)
class Kill:
    """SIGKILL before an effect, or half way through a write."""

    at: int
    is_half: bool = False

    def strike(self, number: int, name: str, effect: Effect, args: tuple[Any, ...]) -> Any:
        if number != self.at:
            return effect(*args)
        if self.is_half and name in _WRITES:
            offset, content = content_of(name, args)
            os.pwrite(args[0], content[: len(content) // 2], offset)
        os.kill(os.getpid(), signal.SIGKILL)
        raise AssertionError("unreachable")


@dataclass(frozen=True, slots=True)
class Fail:
    """An error of the system at one effect, or at all from there on that concern a folder.

    Parameters
    ----------
    at : int
    number : int
        Of `errno`.
    for_ever_under : str
        A folder; empty: the one effect fails.
    """

    at: int
    number: int
    for_ever_under: str = ""

    def strike(self, number: int, name: str, effect: Effect, args: tuple[Any, ...]) -> Any:
        under = self.for_ever_under
        if number == self.at and not under:
            self._fail(name, args)
        if under and number >= self.at and path_of(name, args).startswith(under):
            self._fail(name, args)
        return effect(*args)

    def _fail(self, name: str, args: tuple[Any, ...]) -> None:
        if name == "write" and self.number in (errno.ENOSPC, errno.EDQUOT):
            # as far as there is room
            offset, content = content_of(name, args)
            os.pwrite(args[0], content[: len(content) // 3], offset)
        raise OSError(self.number, os.strerror(self.number), *([args[0]] if name in _NAMED else []))


@dataclass(frozen=True, slots=True)
class Meanwhile:
    """Something happens just before an effect: somebody removes a folder, changes a file, stops the process."""

    at: int
    act: Callable[[], object]

    def strike(self, number: int, name: str, effect: Effect, args: tuple[Any, ...]) -> Any:
        if number == self.at:
            self.act()
        return effect(*args)


@dataclass(frozen=True, slots=True)
class Flip:
    """A disk that lies: of what one effect writes, one bit arrives as another."""

    at: int

    def strike(self, number: int, name: str, effect: Effect, args: tuple[Any, ...]) -> Any:
        result = effect(*args)
        if number == self.at and name == "pwritev":
            offset, content = content_of(name, args)
            middle = len(content) // 2
            os.pwrite(args[0], bytes([content[middle] ^ 4]), offset + middle)
        return result


@dataclass(slots=True)
class _Numbered:
    fault: Fault | None
    listener: Listener | None
    n_effects: int = 0

    def of(self, name: str, effect: Effect) -> Effect:
        def run(*args: Any) -> Any:
            self.n_effects += 1
            number = self.n_effects
            heard = self.listener.before(name, args) if self.listener is not None else None
            result = self.fault.strike(number, name, effect, args) if self.fault is not None else effect(*args)
            if self.listener is not None:
                self.listener.after(number, name, args, heard, result)
            return result

        return run


def install(fault: Fault | None, listener: Listener | None) -> None:
    """Put numbered effects in the place of this process's. Syncs wait for nothing: no test pulls a plug."""
    numbered = _Numbered(fault, listener)
    unsynced = {"fsync": os.fstat, "fdatasync": os.fstat, "fsync_folder": _look_at_folder}
    for name in disk.__all__:
        setattr(disk, name, numbered.of(name, unsynced.get(name, getattr(disk, name))))


def _look_at_folder(path: str | Path) -> None:
    os.close(os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC))
