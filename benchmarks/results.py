"""What was measured, as data: rows of contenders in cases, and the document that is written (schema 1)."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from .cases import Case
from .ceilings import Ceilings
from .machine import Machine

__all__ = ["SCHEMA", "CaseResult", "Document", "Row", "Spread", "Turn", "efficiency", "row_of", "spread_of"]

SCHEMA = 1


@dataclass(frozen=True, slots=True)
class Turn:
    """One contender, once.

    Parameters
    ----------
    seconds : float
        From files to file.
    process_s : float
        Of the whole process: imports, cluster and rehearsal included.
    start_s : float
        Of the cluster.
    relative_error : float
        The largest.
    """

    seconds: float
    process_s: float
    start_s: float
    relative_error: float


@dataclass(frozen=True, slots=True)
class Spread:
    """Several measurements of one thing."""

    median: float
    min: float
    max: float
    all: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Row:
    """One contender in one case; without figures where it failed, and `error` says how.

    Parameters
    ----------
    ratio, error_ratio : float or None
        Its median seconds and its relative error divided by arraymill's.
    efficiency : float or None
        See `efficiency`.
    """

    contender: str
    variant: dict[str, Any]
    error: str | None
    seconds: Spread | None = None
    process_s: Spread | None = None
    start_s: float | None = None
    relative_error: float | None = None
    ratio: float | None = None
    error_ratio: float | None = None
    efficiency: float | None = None


@dataclass(frozen=True, slots=True)
class CaseResult:
    """All rows of a case."""

    name: str
    operation: str
    axis: int | None
    shapes: tuple[tuple[int, int], ...]
    dtype: str
    rows: tuple[Row, ...]


@dataclass(frozen=True, slots=True)
class Document:
    """A run of the benchmarks."""

    schema: int
    date: str
    quick: bool
    cold: bool
    durable: bool
    rounds: int
    versions: dict[str, str]
    machine: Machine
    ceilings: Ceilings
    cases: tuple[CaseResult, ...]


def spread_of(values: Sequence[float]) -> Spread:
    """Return median, least and greatest.

    >>> spread_of([3.0, 1.0, 2.0]).median
    2.0
    """
    return Spread(statistics.median(values), min(values), max(values), tuple(values))


def efficiency(case: Case, ceilings: Ceilings, seconds: float) -> float:
    """Return the seconds that the slowest stage needs alone, at its ceiling, divided by the seconds measured."""
    stages = (
        case.bytes_read / ceilings.read_gb_s,
        case.product_flops / ceilings.matmul_gflop_s,
        case.bytes_written / ceilings.write_gb_s,
    )
    return max(stages) / 1e9 / seconds


def row_of(name: str, variant: dict[str, Any], turns: Sequence[Turn], *, case: Case, ceilings: Ceilings) -> Row:
    """Return the row of a contender whose every turn went well."""
    seconds = spread_of([turn.seconds for turn in turns])
    return Row(
        name,
        variant,
        None,
        seconds,
        spread_of([turn.process_s for turn in turns]),
        statistics.median(turn.start_s for turn in turns),
        max(turn.relative_error for turn in turns),
        efficiency=None if case.from_shell else efficiency(case, ceilings, seconds.median),
    )
