"""What the command line says: ``python -m benchmarks --help``."""

from __future__ import annotations

import argparse
from dataclasses import dataclass, replace
from pathlib import Path

from .case_table import CASES, EXTRA, chosen_cases, groups
from .cases import Case
from .contenders import CONTENDERS, Contender
from .gpu_table import gpu_cases

__all__ = ["Options", "parse_options"]

_OVERHEAD = "overhead"
_ROUNDS = 3
_PER_RUN_S = 45.0
"""Ceilings and overhead, each run."""


@dataclass(frozen=True, slots=True)
class Options:
    """What was asked for."""

    cases: list[Case]
    contenders: list[Contender] | None
    with_overhead: bool
    rounds: int
    runs: int
    gpu: bool
    quick: bool
    dry_run: bool
    cold: bool
    durable: bool
    settles: bool
    folder: Path | None
    out: Path | None
    within_s: float | None
    drops_inputs: bool

    def contenders_of(self, case: Case) -> list[Contender]:
        """Return who takes part in a case."""
        if self.contenders is not None:
            return self.contenders
        return [item for name in case.contenders for item in CONTENDERS if item.name == name]

    @property
    def estimate_s(self) -> float:
        """Seconds that all of it takes on 2 cores, about; inputs and references apart."""
        seconds = 0.0
        for number in range(self.runs):
            seconds += sum(case.round_s * min(self.rounds, case.most_rounds) for case in self.cases_of(number))
            seconds += 10.0 if self.quick else _PER_RUN_S
        return seconds

    def cases_of(self, run: int) -> list[Case]:
        """Return the cases of a run, counted from 0."""
        return [case for case in self.cases if run < case.most_runs]


def parse_options(arguments: list[str] | None = None) -> Options:
    """Return the options of a command line; leave with 2 where it makes no sense."""
    parser = _parser()
    chosen = parser.parse_args(arguments)
    if chosen.list:
        _print_list(gpu_cases())
        parser.exit()
    for name in ("rounds", "runs"):
        if getattr(chosen, name) is not None and getattr(chosen, name) < 1:
            parser.error(f"--{name}: at least 1")
    known = [case.name for case in gpu_cases()] if chosen.gpu else [*groups(), *(c.name for c in (*CASES, *EXTRA))]
    for name in chosen.case or []:
        if name not in known:
            parser.error(f"--case {name}: not one of {', '.join(known)}")
    quick = chosen.quick or chosen.dry_run
    return Options(
        cases=_cases(chosen, quick),
        contenders=_contenders(chosen),
        with_overhead=not chosen.gpu and (chosen.case is None or _OVERHEAD in chosen.case),
        rounds=chosen.rounds or (_ROUNDS if chosen.runs == 1 else 1),
        runs=chosen.runs,
        gpu=chosen.gpu,
        quick=quick,
        dry_run=chosen.dry_run,
        cold=chosen.cold,
        durable=chosen.durable,
        settles=chosen.settle and not quick,
        folder=chosen.folder,
        out=chosen.out,
        within_s=chosen.within,
        drops_inputs=chosen.drop_inputs and chosen.runs == 1,
    )


def _cases(chosen: argparse.Namespace, quick: bool) -> list[Case]:
    if chosen.gpu:
        cases = [case for case in gpu_cases(on_cpu=chosen.dry_run) if chosen.case is None or case.name in chosen.case]
    else:
        cases = [_enlarged(case, chosen.larger_gb) for case in chosen_cases(chosen.case)]
    if chosen.case is not None:
        cases = [replace(case, most_runs=chosen.runs) for case in cases]
    cases = [case.shrunk() for case in cases] if quick else cases
    # a rehearsal on the CPU is of the code alone
    return [case.shrunk() for case in cases] if chosen.dry_run else cases


def _enlarged(case: Case, size_gb: float | None) -> Case:
    if case.group != "cold" or size_gb is None:
        return case
    (matrix,) = case.inputs
    rows = int(size_gb * 1e9 / (matrix.nbytes // matrix.rows))
    return replace(case, inputs=(replace(matrix, rows=rows),), round_s=case.round_s * rows / matrix.rows)


def _contenders(chosen: argparse.Namespace) -> list[Contender] | None:
    if chosen.contender is None:
        return None
    return [item for item in CONTENDERS if item.name in chosen.contender]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Time arraymill against others.")
    say = parser.add_argument
    say("--list", action="store_true", help="list the cases, and run nothing")
    say("--quick", action="store_true", help="inputs of 1/64 of the size; figures mean little")
    say("--gpu", action="store_true", help="the cases of a GPU instead of the CPU's")
    say("--dry-run", action="store_true", help="with --gpu: the same code on the CPU, at tiny sizes")
    say("--case", nargs="+", metavar="NAME", help="only these cases, or groups of them (--list)")
    names = [item.name for item in CONTENDERS]
    say("--contender", nargs="+", choices=names, metavar="NAME", help=f"only some of {', '.join(names)}")
    say("--rounds", type=int, metavar="N", help="turns of each contender in a run (3, and 1 of several runs)")
    say("--runs", type=int, default=1, metavar="N", help="repeat all of it; medians and spread are then those of runs")
    say("--within", type=float, metavar="SECONDS", help="start no case after so long; what was measured is kept")
    say("--drop-inputs", action="store_true", help="remove each input unless the next case reads it (one run)")
    say("--larger-gb", type=float, metavar="N", help="size of the file of cold-sum (4): more than memory, to be sure")
    say("--cold", action="store_true", help="drop the inputs from the page cache before each turn")
    say("--durable", action="store_true", help="sync everybody's output to disk within the time")
    say("--no-settle", dest="settle", action="store_false", help="do not touch memory right before a turn")
    say("--folder", type=Path, metavar="DIR", help="inputs are kept here for the next run")
    say("--out", type=Path, metavar="FILE.json", help="results, plot and tables beside (benchmarks/results/DATE.json)")
    return parser


def _print_list(gpu: list[Case]) -> None:
    for heading, cases in (("always", CASES), ("when named", EXTRA), ("with --gpu", gpu)):
        print(f"{heading}:")
        for case in cases:
            shapes = " @ ".join(f"{matrix.rows} x {matrix.columns}" for matrix in case.inputs)
            print(f"  {case.group:<11} {case.name:<16} {case.operation:<7} {shapes:<30} {' '.join(case.contenders)}")
        if heading == "always":
            print(f"  {_OVERHEAD:<11} {'-':<16} tasks and jobs with next to nothing in them")
