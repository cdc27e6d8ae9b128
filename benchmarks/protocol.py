"""How a case is measured: rounds of all contenders, each turn a fresh process, every result checked."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from .cases import Case
from .contenders import ARRAYMILL, SHELL_CONTENDERS, Contender, Order, Variant, why_not
from .files import cool, make_input, poison, sync, warm
from .fresh import ContenderFailedError, module_command, run_fresh
from .references import Check, Compare, WrongResultError, check_of
from .results import CaseResult, Row, Turn, row_of
from .settle import settle

__all__ = ["Protocol", "compare", "run_case", "slowest_stage_s"]


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
    timeout_s : float
        For one turn.
    references, choices : dict
        References and fastest variants, found once and kept for all runs.
    settles : bool
        Memory is made ready before each turn: as much as the contender took in its last one (`peaks`).
    """

    folder: Path
    rounds: int
    cold: bool
    durable: bool
    say: Callable[[str], object]
    timeout_s: float = 900.0
    references: dict[str, Compare] = field(default_factory=dict)
    choices: dict[tuple[str, str], Variant] = field(default_factory=dict)
    settles: bool = True
    peaks: dict[tuple[str, str], int] = field(default_factory=dict)


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


def run_case(
    case: Case, contenders: Sequence[Contender], protocol: Protocol, ceilings: Mapping[str, float]
) -> CaseResult:
    """Measure every contender in a case."""
    inputs = [make_input(protocol.folder, matrix) for matrix in case.inputs]
    small = [make_input(protocol.folder, matrix) for matrix in case.rehearsal().inputs]
    check = check_of(case, inputs, protocol.references)
    track = _Track(case, inputs, small, protocol.folder / "output.npy", check)
    entries = [_enter(contender, track, protocol) for contender in contenders]
    rounds = min(protocol.rounds, case.most_rounds)
    for number in range(rounds):
        for entry in _shuffled(entries, number):
            _take_turn(entry, track, protocol, f"round {number + 1} of {rounds}")
    track.output.unlink(missing_ok=True)
    rows = compare([_row(entry, case, ceilings) for entry in entries])
    shapes = tuple((matrix.rows, matrix.columns) for matrix in case.inputs)
    dtype = case.inputs[0].dtype
    return CaseResult(case.name, case.group, case.operation, case.axis, shapes, dtype, dict(case.settings), tuple(rows))


def _shuffled(entries: Sequence[_Entry], number: int) -> list[_Entry]:
    """Return contenders in an order of the round's own: who comes after whom matters, to disks most of all."""
    return random.Random(number).sample(entries, len(entries))


def _enter(contender: Contender, track: _Track, protocol: Protocol) -> _Entry:
    """Return a contender with its fastest variant; cases of one group share the choice."""
    case = track.case
    reason = why_not(contender, case)
    variants = contender.variants_for(case)[: 1 if case.from_shell or reason else None]
    key = contender.name, case.group
    if len(variants) == 1 or key in protocol.choices:
        return _Entry(contender, protocol.choices.get(key, variants[0]), error=reason)
    entries = [_Entry(contender, variant) for variant in variants]
    for entry in entries:
        _take_turn(entry, track, protocol, f"trial of {entry.variant}")
    # one that fails may not be chosen while another works
    best = min(entries, key=lambda entry: (entry.error is not None, entry.turns[0].seconds if entry.turns else 0.0))
    best.turns.clear()
    if best.error is None:
        protocol.choices[key] = best.variant
    return best


def _take_turn(entry: _Entry, track: _Track, protocol: Protocol, label: str) -> None:
    """Add a turn to an entry, or its error: who failed once is out."""
    if entry.error is not None or len(entry.turns) >= entry.contender.most_rounds:
        return
    case = track.case
    poison(track.output, case.output_shape, case.inputs[0].dtype)
    for path in track.inputs:
        (cool if protocol.cold or case.cold else warm)(path)
    try:
        turn = _measure(entry, track, protocol)
        entry.turns.append(turn)
        outcome = f"{turn.seconds:.3f} s, {turn.peak_bytes / 1e6:.0f} MB"
    except (ContenderFailedError, WrongResultError) as error:
        # the kind alone is kept: a message may hold paths, and results are published
        entry.error = type(error).__name__
        outcome = f"{entry.error}: {error}"
    protocol.say(f"{case.name}: {label}: {entry.contender.name}: {outcome}")


def _measure(entry: _Entry, track: _Track, protocol: Protocol) -> Turn:
    case, writes = track.case, entry.contender.writes
    order = Order(
        entry.contender.module,
        entry.variant,
        case.operation,
        case.params,
        [str(path) for path in track.inputs],
        str(track.output),
        [str(path) for path in track.rehearsal_inputs],
        protocol.durable and writes,
    )
    if case.from_shell:
        ran = run_fresh(SHELL_CONTENDERS[entry.contender.name](order), timeout_s=protocol.timeout_s)
        measured = {"seconds": ran.seconds, "start_s": 0.0, "facts": {}}
    else:
        command = module_command("child", json.dumps(order.to_dict()))
        ran = run_fresh(
            command, timeout_s=protocol.timeout_s, when_ready=lambda: _make_memory_ready(entry, case, protocol)
        )
        measured = json.loads(ran.out.splitlines()[-1])
    protocol.peaks[entry.contender.name, case.name] = ran.peak_bytes
    relative_error = track.check(track.output) if writes else None
    if writes:
        sync(track.output)
    memory = ran.peak_bytes, ran.peak_worker_bytes
    return Turn(measured["seconds"], ran.seconds, measured["start_s"], relative_error, *memory, measured["facts"])


def _make_memory_ready(entry: _Entry, case: Case, protocol: Protocol) -> None:
    if not protocol.settles:
        return
    guess = int(entry.contender.input_copies * case.bytes_read)
    # pages of the output's file, too
    settle(protocol.peaks.get((entry.contender.name, case.name), guess) + case.bytes_written)


def _row(entry: _Entry, case: Case, ceilings: Mapping[str, float]) -> Row:
    name, variant = entry.contender.name, entry.variant
    if entry.error is not None:
        return Row(name, variant, entry.error)
    # the stages of a GPU are others: its efficiency is eta, among the ratios
    slowest_s = None if case.group == "gpu" else slowest_stage_s(case, ceilings)
    return row_of(name, variant, entry.turns, case=case, slowest_s=slowest_s)


def slowest_stage_s(case: Case, ceilings: Mapping[str, float]) -> float:
    """Return the seconds that the slowest stage of a case needs alone, at its ceiling."""
    kind = {"float64": "fp64", "float16": "fp16"}.get(case.inputs[0].dtype, "fp32")
    stages = {
        "disk_read_gb_s" if case.cold else "read_gb_s": case.bytes_read,
        f"matmul_{kind}_gflop_s": case.product_flops,
        "write_disk_gb_s": case.bytes_written,
    }
    return max(amount / ceilings[name] for name, amount in stages.items() if name in ceilings) / 1e9


def compare(rows: Sequence[Row]) -> list[Row]:
    """Return the rows with their ratios to arraymill's; none where arraymill is missing or exact."""
    ours = next((row for row in rows if row.contender == ARRAYMILL), None)
    if ours is None or ours.seconds is None:
        return list(rows)
    compared = []
    for row in rows:
        if row.seconds is None:
            compared.append(row)
            continue
        known = row.relative_error is not None and ours.relative_error
        error_ratio = row.relative_error / ours.relative_error if known else None  # type: ignore[operator]
        compared.append(replace(row, ratio=row.seconds.median / ours.seconds.median, error_ratio=error_ratio))
    return compared
