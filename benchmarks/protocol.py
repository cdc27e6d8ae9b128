"""How a case is measured: interleaved rounds A B C A B C, each turn a fresh process, every result checked."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from .cases import Case
from .ceilings import Ceilings
from .contenders import ARRAYMILL, SHELL_CONTENDERS, Contender, Order, Variant
from .files import cool, make_input, poison, sync, warm
from .fresh import ContenderFailedError, module_command, run_fresh
from .references import Check, WrongResultError, check_of
from .results import CaseResult, Row, Turn, row_of

__all__ = ["Protocol", "compare", "run_case"]


@dataclass(frozen=True, slots=True)
class Protocol:
    """What all cases of a run share.

    Parameters
    ----------
    folder : Path
        For inputs and outputs.
    rounds : int
    cold : bool
        Inputs are dropped from the page cache before each turn, else read into it.
    durable : bool
        Every contender's output is synced within its time.
    say : callable
        Takes a line about each turn.
    """

    folder: Path
    rounds: int
    cold: bool
    durable: bool
    say: Callable[[str], object]


@dataclass(slots=True)
class _Entry:
    """A contender during the rounds of a case."""

    contender: Contender
    variant: Variant
    turns: list[Turn] = field(default_factory=list)
    error: str | None = None


@dataclass(frozen=True, slots=True)
class _Track:
    """A case with its files: where every turn runs."""

    case: Case
    inputs: list[Path]
    rehearsal_inputs: list[Path]
    output: Path
    check: Check


def run_case(case: Case, contenders: Sequence[Contender], protocol: Protocol, ceilings: Ceilings) -> CaseResult:
    """Measure every contender in a case."""
    if case.from_shell:
        contenders = [replace(item, variants=({},)) for item in contenders if item.name in SHELL_CONTENDERS]
    inputs = [make_input(protocol.folder, matrix) for matrix in case.inputs]
    small = [make_input(protocol.folder, matrix) for matrix in case.rehearsal().inputs]
    track = _Track(case, inputs, small, protocol.folder / "output.npy", check_of(case, inputs))
    entries = [_choose_variant(contender, track, protocol) for contender in contenders]
    for number in range(protocol.rounds):
        for entry in entries:
            _take_turn(entry, track, protocol, f"round {number + 1} of {protocol.rounds}")
    rows = [_row(entry, case, ceilings) for entry in entries]
    shapes = tuple((matrix.rows, matrix.columns) for matrix in case.inputs)
    return CaseResult(case.name, case.operation, case.axis, shapes, "float32", tuple(compare(rows)))


def _choose_variant(contender: Contender, track: _Track, protocol: Protocol) -> _Entry:
    """Return a contender with its fastest variant; one that fails may not be chosen while another works."""
    entries = [_Entry(contender, variant) for variant in contender.variants]
    if len(entries) > 1:
        for entry in entries:
            _take_turn(entry, track, protocol, f"trial of {entry.variant}")
        entries.sort(key=lambda entry: (entry.error is not None, entry.turns[0].seconds if entry.turns else 0.0))
        entries[0].turns.clear()
    return entries[0]


def _take_turn(entry: _Entry, track: _Track, protocol: Protocol, label: str) -> None:
    """Add a turn to an entry, or its error: who failed once is out."""
    if entry.error is not None:
        return
    poison(track.output, track.case.output_shape)
    for path in track.inputs:
        (cool if protocol.cold else warm)(path)
    try:
        turn = _measure(entry, track, protocol)
        entry.turns.append(turn)
        outcome = f"{turn.seconds:.3f} s"
    except (ContenderFailedError, WrongResultError) as error:
        # the kind alone is kept: a message may hold paths, and results are published
        entry.error = type(error).__name__
        outcome = f"{entry.error}: {error}"
    protocol.say(f"{track.case.name}: {label}: {entry.contender.name}: {outcome}")


def _measure(entry: _Entry, track: _Track, protocol: Protocol) -> Turn:
    case = track.case
    order = Order(
        entry.contender.module,
        entry.variant,
        case.operation,
        case.params,
        [str(path) for path in track.inputs],
        str(track.output),
        [str(path) for path in track.rehearsal_inputs],
        protocol.durable,
    )
    if case.from_shell:
        process_s, _ = run_fresh(SHELL_CONTENDERS[entry.contender.name](order))
        seconds, start_s = process_s, 0.0
    else:
        process_s, out = run_fresh(module_command("child", json.dumps(order.to_dict())))
        measured = json.loads(out.splitlines()[-1])
        seconds, start_s = measured["seconds"], measured["start_s"]
    relative_error = track.check(track.output)
    sync(track.output)
    return Turn(seconds, process_s, start_s, relative_error)


def _row(entry: _Entry, case: Case, ceilings: Ceilings) -> Row:
    if entry.error is not None:
        return Row(entry.contender.name, entry.variant, entry.error)
    return row_of(entry.contender.name, entry.variant, entry.turns, case=case, ceilings=ceilings)


def compare(rows: Sequence[Row]) -> list[Row]:
    """Return the rows with their ratios to arraymill's; none where arraymill is missing or exact."""
    ours = next((row for row in rows if row.contender == ARRAYMILL), None)
    if ours is None or ours.seconds is None:
        return list(rows)
    compared = []
    for row in rows:
        if row.seconds is None or row.relative_error is None:
            compared.append(row)
            continue
        error_ratio = row.relative_error / ours.relative_error if ours.relative_error else None
        compared.append(replace(row, ratio=row.seconds.median / ours.seconds.median, error_ratio=error_ratio))
    return compared
