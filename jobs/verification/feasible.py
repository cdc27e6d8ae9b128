"""Whether a check can be done at all, before anything is read: it is begun on arrays that have only headers."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NoReturn

from ..arrays import Source
from ..headers import ArrayHeader
from .families import check_problem
from .problem import Problem

__all__ = ["check_feasible"]


class _Begun(Exception):  # noqa: N818 - no error: the check has come as far as to read
    pass


@dataclass(frozen=True, slots=True)
class _Unread:
    """An array that nothing is read of."""

    header: ArrayHeader

    @property
    def data_offset(self) -> int:
        return 0

    @property
    def T(self) -> _Unread:  # noqa: N802 - NumPy's name
        return _Unread(self.header.T)

    def open(self) -> NoReturn:
        raise _Begun


def check_feasible(problem: Problem) -> None:
    """Check that the outputs of a problem can be checked; of its arrays only the headers are looked at.

    Raises
    ------
    SpecError
        If the operation, or arrays of this size, cannot be checked.
    """
    sources: tuple[Source, ...] = tuple(_Unread(source.header) for source in problem.sources)
    outputs: dict[str, Source] = {name: _Unread(header) for name, header in problem.headers.items()}
    try:
        check_problem(replace(problem, sources=sources, outputs=outputs))
    except _Begun:
        return
