"""A disk whose n-th lasting effect ends the process, or fails: what the tests of crashes and full disks stand on."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import pytest

from arraymill.jobs import disk


class Died(BaseException):
    """The process ended here: nothing that it would do afterwards reaches the disk."""


class FaultyDisk:
    """`arraymill.jobs.disk`, with its effects counted from 1.

    Parameters
    ----------
    patch : MonkeyPatch
        Undone by its owner.
    at : int
        The effect that goes wrong; 0: none.
    how : str or int
        "before", "after" or "half": the process ends before, after or in the midst of the effect. A number is an error
        of the system: this one effect fails with it.
    """

    def __init__(self, patch: pytest.MonkeyPatch, at: int = 0, how: str | int = "before") -> None:
        self.at, self.how = at, how
        self.is_dead = False
        self.log: list[tuple[str, tuple[Any, ...]]] = []
        for name in disk.__all__:
            patch.setattr(disk, name, self._counted(name, getattr(disk, name)))

    def _counted(self, name: str, effect: Callable[..., Any]) -> Callable[..., Any]:
        def run(*args: Any) -> Any:
            if self.is_dead:
                raise Died(name)
            self.log.append((name, args))
            return self._fail(name, effect, args) if len(self.log) == self.at else effect(*args)

        return run

    def _fail(self, name: str, effect: Callable[..., Any], args: tuple[Any, ...]) -> Any:
        if isinstance(self.how, int):
            raise OSError(self.how, os.strerror(self.how))
        self.is_dead = True
        if self.how == "after":
            effect(*args)
        elif self.how == "half" and name in {"pwritev", "write"}:
            content = b"".join(args[1]) if name == "pwritev" else args[1]
            position = args[2] if name == "pwritev" else os.lseek(args[0], 0, os.SEEK_CUR)
            os.pwrite(args[0], content[: len(content) // 2], position)
        raise Died(name)
