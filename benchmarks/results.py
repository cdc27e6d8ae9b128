"""What was measured, as data: rows of contenders in cases, runs of all cases, and the document that is written."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from .cases import Case
from .machine import Machine

__all__ = ["SCHEMA", "CaseResult", "Document", "Ratio", "Row", "Run", "Spread", "Turn", "merged", "row_of", "spread_of"]

SCHEMA = 2


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
    relative_error : float or None
        The largest; None where there is nothing to check.
    peak_bytes, peak_worker_bytes : int
        Most anonymous memory of all its processes, and of the largest.
    facts : dict
        What the contender says of itself.
    """

    seconds: float
    process_s: float
    start_s: float
    relative_error: float | None
    peak_bytes: int
    peak_worker_bytes: int
    facts: dict[str, Any] = field(default_factory=dict)


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
        Seconds that the slowest stage needs alone, at its ceiling, divided by the seconds measured.
    """

    contender: str
    variant: dict[str, Any]
    error: str | None
    seconds: Spread | None = None
    process_s: Spread | None = None
    start_s: float | None = None
    relative_error: float | None = None
    peak_bytes: int | None = None
    peak_worker_bytes: int | None = None
    ratio: float | None = None
    error_ratio: float | None = None
    efficiency: float | None = None
    facts: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class CaseResult:
    """All rows of a case."""

    name: str
    group: str
    operation: str
    axis: int | None
    shapes: tuple[tuple[int, int], ...]
    dtype: str
    settings: dict[str, Any]
    rows: tuple[Row, ...]


@dataclass(frozen=True, slots=True)
class Run:
    """All cases, once through.

    Parameters
    ----------
    ceilings : mapping of str to float
        What the machine can do, units at the end of the names.
    cases : tuple of CaseResult
    figures : mapping of str to float
        What is measured without a contender.
    """

    ceilings: Mapping[str, float]
    cases: tuple[CaseResult, ...]
    figures: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Ratio:
    """A ratio, over all runs, against what is asked of it.

    Parameters
    ----------
    row, what : str
    must, goal : float
    lower_is_better : bool
    spread : Spread or None
        None where it was not measured, and `note` says why.
    met : str
        "goal", "must", "missed" or "not measured".
    note : str
    """

    row: str
    what: str
    must: float
    goal: float
    lower_is_better: bool
    spread: Spread | None
    met: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class Document:
    """All runs of the benchmarks on a machine, and the ratios that come out."""

    schema: int
    kind: str
    date: str
    quick: bool
    cold: bool
    durable: bool
    rounds: int
    settled: bool
    versions: dict[str, str]
    machine: Machine
    runs: tuple[Run, ...]
    ratios: tuple[Ratio, ...]


def spread_of(values: Sequence[float]) -> Spread:
    """Return median, least and greatest.

    >>> spread_of([3.0, 1.0, 2.0]).median
    2.0
    """
    return Spread(statistics.median(values), min(values), max(values), tuple(values))


def row_of(name: str, variant: dict[str, Any], turns: Sequence[Turn], *, case: Case, slowest_s: float | None) -> Row:
    """Return the row of a contender whose every turn went well; `slowest_s`: its slowest stage alone."""
    seconds = spread_of([turn.seconds for turn in turns])
    errors = [turn.relative_error for turn in turns if turn.relative_error is not None]
    return Row(
        name,
        variant,
        None,
        seconds,
        spread_of([turn.process_s for turn in turns]),
        statistics.median(turn.start_s for turn in turns),
        max(errors, default=None),
        max(turn.peak_bytes for turn in turns),
        max(turn.peak_worker_bytes for turn in turns),
        efficiency=None if case.from_shell or slowest_s is None else slowest_s / seconds.median,
        facts=turns[-1].facts,
    )


def merged(runs: Sequence[Run]) -> tuple[CaseResult, ...]:
    """Return the cases of one run as they are, and of several with the spread of the runs' medians."""
    by_name: dict[str, list[CaseResult]] = {}
    for run in runs:
        for case in run.cases:
            by_name.setdefault(case.name, []).append(case)
    return tuple(_merge(cases) if len(cases) > 1 else cases[0] for cases in by_name.values())


def _merge(cases: Sequence[CaseResult]) -> CaseResult:
    same = zip(*(case.rows for case in cases), strict=True)
    return replace(cases[0], rows=tuple(_merge_rows(rows) for rows in same))


def _merge_rows(rows: Sequence[Row]) -> Row:
    failed = next((row for row in rows if row.seconds is None), None)
    if failed is not None:
        return failed
    return replace(
        rows[0],
        seconds=spread_of([row.seconds.median for row in rows if row.seconds]),
        process_s=spread_of([row.process_s.median for row in rows if row.process_s]),
        relative_error=_over(max, [row.relative_error for row in rows]),
        peak_bytes=_over(max, [row.peak_bytes for row in rows]),
        peak_worker_bytes=_over(max, [row.peak_worker_bytes for row in rows]),
        ratio=_over(statistics.median, [row.ratio for row in rows]),
        error_ratio=_over(statistics.median, [row.error_ratio for row in rows]),
        efficiency=_over(statistics.median, [row.efficiency for row in rows]),
    )


def _over(function: Any, values: Sequence[float | None]) -> Any:
    known = [value for value in values if value is not None]
    return function(known) if known else None
