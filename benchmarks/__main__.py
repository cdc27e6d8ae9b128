"""The command line: ``python -m benchmarks``."""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

from .cases import CASES, Case
from .ceilings import measure_ceilings
from .contenders import CONTENDERS
from .files import make_input, warm
from .machine import machine_facts, versions
from .plot import can_plot, save_plot
from .protocol import Protocol, run_case
from .report import as_json, as_markdown
from .results import SCHEMA, Document

_RESULTS = Path(__file__).parent / "results"
_ROOM = 1.2
"""Free space wanted, relative to the inputs: outputs are written beside them."""


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Time arraymill against others.")
    parser.add_argument("--quick", action="store_true", help="inputs of 1/64 of the size; figures mean little")
    names = {"--case": [case.name for case in CASES], "--contender": [item.name for item in CONTENDERS]}
    for option, known in names.items():
        some = f"only some of {', '.join(known)}"
        parser.add_argument(option, nargs="+", choices=known, metavar="NAME", help=some)
    parser.add_argument("--rounds", type=int, default=5, metavar="N", help="turns of each contender (5)")
    parser.add_argument("--cold", action="store_true", help="drop the inputs from the page cache before each turn")
    parser.add_argument("--durable", action="store_true", help="sync everybody's output to disk within the time")
    parser.add_argument("--folder", type=Path, metavar="DIR", help="inputs are kept here for the next run")
    parser.add_argument(
        "--out", type=Path, metavar="FILE.json", help="results, the plot beside them (benchmarks/results/DATE.json)"
    )
    chosen = parser.parse_args()
    if chosen.rounds < 1:
        parser.error("--rounds: at least 1")
    return chosen


def main() -> None:
    """Run what the command line asks for."""
    chosen = _arguments()
    cases = [case for case in CASES if chosen.case is None or case.name in chosen.case]
    cases = [case.shrunk() for case in cases] if chosen.quick else cases
    with ExitStack() as stack:
        folder = chosen.folder or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="benchmarks-")))
        folder.mkdir(parents=True, exist_ok=True)
        document = _run(chosen, cases, folder.resolve())
    sys.stdout.write(as_markdown(document) + "\n")
    # quick figures are not kept unless somebody says where
    out = chosen.out or (None if chosen.quick else _RESULTS / f"{document.date}.json")
    if out is not None:
        _save(document, out)


def _run(chosen: argparse.Namespace, cases: list[Case], folder: Path) -> Document:
    _check_room(cases, folder)
    _say("making inputs and measuring ceilings")
    # the largest input is what reading is measured on
    largest = max((matrix for case in cases for matrix in case.inputs), key=lambda matrix: matrix.nbytes)
    path = make_input(folder, largest)
    warm(path)
    ceilings = measure_ceilings(path, quick=chosen.quick)
    protocol = Protocol(folder, chosen.rounds, chosen.cold, chosen.durable, _say)
    contenders = [item for item in CONTENDERS if chosen.contender is None or item.name in chosen.contender]
    results = tuple(run_case(case, contenders, protocol, ceilings) for case in cases)
    return Document(
        SCHEMA,
        datetime.now(UTC).date().isoformat(),
        chosen.quick,
        chosen.cold,
        chosen.durable,
        chosen.rounds,
        versions(),
        machine_facts(),
        ceilings,
        results,
    )


def _check_room(cases: list[Case], folder: Path) -> None:
    missing = {matrix for case in cases for matrix in case.inputs if not (folder / matrix.file_name).exists()}
    wanted = _ROOM * sum(matrix.nbytes for matrix in missing) + 2 * max(case.bytes_written for case in cases)
    free = shutil.disk_usage(folder).free
    if free < wanted:
        sys.exit(f"{free / 1e9:.1f} GB are free and {wanted / 1e9:.1f} GB are needed: name another place with --folder")


def _save(document: Document, out: Path) -> None:
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(as_json(document))
    if can_plot():
        save_plot(document, out.with_suffix(".png"))
    else:
        _say("no plot: matplotlib is not installed (pip install -e '.[bench]')")


def _say(line: str) -> None:
    sys.stderr.write(line + "\n")


if __name__ == "__main__":
    main()
