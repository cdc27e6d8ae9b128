"""The command line: ``python -m benchmarks``."""

from __future__ import annotations

import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

from .cases import Case
from .ceilings import measure_ceilings
from .files import make_input, warm
from .gpu_ceilings import gpu_name, measure_gpu_ceilings
from .gpu_targets import GPU_TARGETS
from .machine import machine_facts, versions
from .options import Options, parse_options
from .overhead import measure_overhead
from .plot import can_plot
from .protocol import Protocol, run_case
from .report import as_json, as_markdown
from .results import SCHEMA, CaseResult, Document, Run
from .stored import save_plots
from .target_table import TARGETS
from .targets import found_ratios

_RESULTS = Path(__file__).parent / "results"
_ROOM = 1.1
"""Free space wanted, relative to the inputs: outputs are written beside them."""


def main() -> None:
    """Run what the command line asks for."""
    options = parse_options()
    # as an exception, so that a contender's processes end with this one
    signal.signal(signal.SIGTERM, lambda signum, frame: sys.exit(128 + signum))
    with ExitStack() as stack:
        folder = options.folder or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="benchmarks-")))
        folder.mkdir(parents=True, exist_ok=True)
        document = _run(options, folder.resolve())
    sys.stdout.write(as_markdown(document) + "\n")


def _run(options: Options, folder: Path) -> Document:
    """Run all, and keep what there is after each run."""
    _check_room(options, folder)
    _say(f"about {options.estimate_s / 60:.0f} minutes on 2 cores, and some for inputs and references")
    until = time.monotonic() + options.within_s if options.within_s is not None else float("inf")
    protocol = Protocol(folder, options.rounds, options.cold, options.durable, _say, settles=options.settles)
    runs: list[Run] = []
    for number in range(options.runs):
        _say(f"run {number + 1} of {options.runs}")
        for partly in _run_once(options, options.cases_of(number), protocol, until):
            # the first run is kept case by case: what was measured before an interruption counts
            if number == 0:
                document = _keep(options, _document(options, [partly]))
        runs.append(partly)
        document = _keep(options, _document(options, runs))
    return document


def _run_once(options: Options, cases: list[Case], protocol: Protocol, until: float) -> Iterator[Run]:
    """Yield the run after each case."""
    folder = protocol.folder
    _say("making inputs and measuring ceilings")
    # with a GPU, and little room, that of the first case
    matrices = [matrix for case in (cases[:1] if options.gpu else cases) for matrix in case.inputs]
    ceilings: dict[str, float] = {}
    if matrices:
        # the tallest input is what reading is measured on
        path = make_input(folder, max(matrices, key=lambda matrix: matrix.nbytes))
        warm(path)
        ceilings = measure_ceilings(path, quick=options.quick)
        if options.gpu:
            ceilings |= measure_gpu_ceilings(path, quick=options.quick, on_cpu=options.dry_run)
    figures = measure_overhead(folder, quick=options.quick) if options.with_overhead else {}
    yield Run(ceilings, (), figures)
    results: list[CaseResult] = []
    for place, case in enumerate(cases):
        if time.monotonic() > until:
            _say(f"{case.name}: left out, time is up")
            continue
        results.append(run_case(case, options.contenders_of(case), protocol, ceilings))
        yield Run(ceilings, tuple(results), figures)
        if options.drops_inputs:
            later = {matrix for other in cases[place + 1 :] for matrix in other.inputs}
            for matrix in set(case.inputs) - later:
                (folder / matrix.file_name).unlink(missing_ok=True)


def _document(options: Options, runs: list[Run]) -> Document:
    return Document(
        SCHEMA,
        "gpu" if options.gpu else "cpu",
        datetime.now(UTC).date().isoformat(),
        options.quick,
        options.cold,
        options.durable,
        options.rounds,
        options.settles,
        versions(),
        machine_facts(gpu_name() if options.gpu else None),
        tuple(runs),
        found_ratios(GPU_TARGETS if options.gpu else TARGETS, runs, quick=options.quick),
    )


def _check_room(options: Options, folder: Path) -> None:
    """Leave with 1 where inputs and the largest output cannot lie side by side."""
    groups = [case.inputs for case in options.cases]
    if not options.drops_inputs:
        groups = [tuple(matrix for group in groups for matrix in group)]
    missing = ({matrix for matrix in group if not (folder / matrix.file_name).exists()} for group in groups)
    inputs = max((sum(matrix.nbytes for matrix in group) for group in missing), default=0)
    wanted = _ROOM * inputs + 2 * max((case.bytes_written for case in options.cases), default=0)
    free = shutil.disk_usage(folder).free
    if free < wanted:
        sys.exit(f"{free / 1e9:.1f} GB are free and {wanted / 1e9:.1f} GB are needed: name another place with --folder")


def _keep(options: Options, document: Document) -> Document:
    # quick figures are not kept unless somebody says where
    named = f"{document.date}-gpu" if options.gpu else document.date
    out = options.out or (None if options.quick else _RESULTS / f"{named}.json")
    if out is None:
        return document
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(as_json(document))
    out.with_suffix(".md").write_text(as_markdown(document) + "\n")
    if can_plot():
        save_plots(document, out)
    else:
        _say("no plot: matplotlib is not installed (pip install -e '.[bench]')")
    return document


def _say(line: str) -> None:
    sys.stderr.write(line + "\n")


if __name__ == "__main__":
    main()
