"""Counts the faults that tests inject and what became of the jobs that they hit, over a whole run of the tests."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal, TypeAlias

__all__ = ["Ending", "count_fault", "counted", "summary"]

Ending: TypeAlias = Literal["survived byte-identical", "failed cleanly", "anything else"]

_ENDINGS: Counter[Ending] = Counter()


def count_fault(ending: Ending, n_faults: int = 1) -> None:
    """Count faults by how the job that they hit ended."""
    _ENDINGS[ending] += n_faults


@contextmanager
def counted(ending: Ending, n_faults: int = 1) -> Iterator[None]:
    """Count faults as `ending` if the body, which asserts just that, passes; as anything else if it does not."""
    try:
        yield
    except KeyboardInterrupt:
        # whoever watches has seen enough: that says nothing about the job
        raise
    except BaseException:
        count_fault("anything else", n_faults)
        raise
    count_fault(ending, n_faults)


def summary() -> str:
    """Return the count in one line."""
    survived, failed = _ENDINGS["survived byte-identical"], _ENDINGS["failed cleanly"]
    other = _ENDINGS["anything else"]
    total = survived + failed + other
    return (
        f"faults injected {total}, survived byte-identical {survived}, failed cleanly {failed}, anything else {other}"
    )
