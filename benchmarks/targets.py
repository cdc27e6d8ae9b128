"""What is asked of each ratio: at least, and as a goal; and what came out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from .contenders import ARRAYMILL
from .overhead import exponent
from .results import Ratio, Row, Run, spread_of

__all__ = [
    "Rows",
    "Target",
    "accuracy",
    "figure",
    "found_ratios",
    "growth",
    "ratio_of",
    "seconds_of",
    "speed",
    "time_against",
]

Rows = Mapping[tuple[str, str], Row]
"""Rows of a run by case and contender."""

_ROUNDING = 1.001 * 2.0**-24
"""Half a unit in the last place of float32, and the double that it is rounded from: none can promise less."""


@dataclass(frozen=True, slots=True)
class Target:
    """One ratio that is asked for.

    Parameters
    ----------
    row, what : str
        Line of the table, and the ratio.
    value : callable
        Takes a run and its rows, and returns the ratio, or None where it was not measured.
    must, goal : float
    lower_is_better : bool
    cases : tuple of str
        What it rests on; a run without any of them leaves the target out. Empty: figures of the run.
    excuse : callable, optional
        Takes a run's rows and returns why the ratio counts as met, or "".
    """

    row: str
    what: str
    value: Callable[[Run, Rows], float | None]
    must: float
    goal: float
    lower_is_better: bool = False
    cases: tuple[str, ...] = ()
    excuse: Callable[[Rows], str] = lambda rows: ""


def found_ratios(targets: Sequence[Target], runs: Sequence[Run], *, quick: bool = False) -> tuple[Ratio, ...]:
    """Return the ratios of all runs against their targets; targets of cases that did not run are left out.

    Of a rehearsal at small sizes, nothing is judged.
    """
    indexed = [(run, {(case.name, row.contender): row for case in run.cases for row in case.rows}) for run in runs]
    wanted = ((target, [pair for pair in indexed if _is_wanted(target, pair[0])]) for target in targets)
    found = tuple(_found(target, pairs) for target, pairs in wanted if pairs)
    return tuple(replace(ratio, met="rehearsed", note="") for ratio in found) if quick else found


def _is_wanted(target: Target, run: Run) -> bool:
    present = {case.name for case in run.cases}
    return bool(present.intersection(target.cases)) if target.cases else bool(run.figures)


def _found(target: Target, indexed: Sequence[tuple[Run, Rows]]) -> Ratio:
    values = [_value(target, run, rows) for run, rows in indexed]
    known = [value for value in values if value is not None]
    excuse = target.excuse(indexed[-1][1])
    same = target.row, target.what, target.must, target.goal, target.lower_is_better
    if len(known) < len(values):
        return Ratio(*same, None, "goal" if excuse else "not measured", excuse or _reason(target, indexed))
    spread = spread_of(known)
    met = "missed"
    for name, bound in (("must", target.must), ("goal", target.goal)):
        if (spread.median <= bound) if target.lower_is_better else (spread.median >= bound):
            met = name
    if met != "goal" and excuse:
        met, note = "goal", excuse
    else:
        note = ""
    return Ratio(*same, spread, met, note)


def _value(target: Target, run: Run, rows: Rows) -> float | None:
    try:
        return target.value(run, rows)
    except KeyError:
        # a ceiling that could not be measured
        return None


def _reason(target: Target, indexed: Sequence[tuple[Run, Rows]]) -> str:
    failed = [
        f"{contender}: {row.error}"
        for _, rows in indexed
        for (case, contender), row in rows.items()
        if case in target.cases and row.error is not None
    ]
    return "; ".join(dict.fromkeys(failed)) or "a contender did not take part"


def seconds_of(rows: Rows, case: str, contender: str) -> float | None:
    """Return a contender's median seconds in a case, if it has any."""
    row = rows.get((case, contender))
    return None if row is None or row.seconds is None else row.seconds.median


def ratio_of(above: float | None, below: float | None) -> float | None:
    """Return a quotient of what may not have been measured."""
    return above / below if above is not None and below else None


def speed(row: str, case: str, other: str, must: float, goal: float) -> Target:
    """Return the target of another's seconds divided by ours."""

    def value(run: Run, rows: Rows) -> float | None:
        return ratio_of(seconds_of(rows, case, other), seconds_of(rows, case, ARRAYMILL))

    return Target(row, f"{other} / arraymill, seconds", value, must, goal, cases=(case,))


def accuracy(row: str, case: str, must: float, goal: float) -> Target:
    """Return the target of NumPy's relative error divided by ours."""

    def value(run: Run, rows: Rows) -> float | None:
        theirs, ours = rows.get((case, "numpy")), rows.get((case, ARRAYMILL))
        return None if theirs is None or ours is None else ratio_of(theirs.relative_error, ours.relative_error)

    def excuse(rows: Rows) -> str:
        ours = rows.get((case, ARRAYMILL))
        exact = ours is not None and ours.relative_error is not None and ours.relative_error <= _ROUNDING
        return f"ours is {ours.relative_error:.1g}: rounding to float32 alone" if exact and ours else ""

    return Target(row, "error of numpy / arraymill", value, must, goal, cases=(case,), excuse=excuse)


def time_against(row: str, case: str, ours: str, other: str, must: float, goal: float) -> Target:
    """Return the target of seconds of `ours` divided by those of `other`: lower is better."""

    def value(run: Run, rows: Rows) -> float | None:
        return ratio_of(seconds_of(rows, case, ours), seconds_of(rows, case, other))

    return Target(row, f"{ours} / {other}, seconds", value, must, goal, lower_is_better=True, cases=(case,))


def figure(row: str, what: str, name: str, must: float, goal: float) -> Target:
    """Return the target of something that is measured without contenders: lower is better."""
    return Target(row, what, lambda run, rows: run.figures.get(name), must, goal, lower_is_better=True)


def growth(row: str, operation: str, sizes_gib: Sequence[int], must: float, goal: float) -> Target:
    """Return the target of the exponent of time against size."""
    cases = tuple(f"grow-{operation}-{gib}gib" for gib in sizes_gib)

    def value(run: Run, rows: Rows) -> float | None:
        seconds = [seconds_of(rows, case, ARRAYMILL) for case in cases]
        known = [s for s in seconds if s is not None]
        return exponent([float(gib) for gib in sizes_gib], known) if len(known) == len(cases) else None

    return Target(row, f"exponent of time against size, {operation}", value, must, goal, True, cases)
