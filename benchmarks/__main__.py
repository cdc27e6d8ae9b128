"""The command line: ``python -m benchmarks``."""

from __future__ import annotations

import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from .cases import Case
from .ceilings import measure_ceilings
from .files import make_input, warm
from .fresh import ContenderFailedError
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
    options = _fitting(options, folder)
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
    _draw(options, document)
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
        ceilings = _measured_ceilings(options, path)
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
            # what a later one reads is made again: that takes seconds, and room for all at once is what a node has not
            wanted = {matrix for other in cases[place + 1 : place + 2] for matrix in other.inputs}
            for matrix in set(case.inputs) - wanted:
                (folder / matrix.file_name).unlink(missing_ok=True)


def _measured_ceilings(options: Options, path: Path) -> dict[str, float]:
    """Return what could be measured: a node that gives minutes has none to begin again because one ceiling failed."""
    measures = [partial(measure_ceilings, path, quick=options.quick)]
    if options.gpu:
        measures.append(partial(measure_gpu_ceilings, path, quick=options.quick, on_cpu=options.dry_run))
    found: dict[str, float] = {}
    for measure in measures:
        try:
            found |= measure()
        except ContenderFailedError as error:
            _say(f"ceilings: {error}")
    return found


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


def _fitting(options: Options, folder: Path) -> Options:
    """Return the options with the cases that there is room for; leave with 1 where there is not enough.

    Where all inputs stay, that is all cases or none. Where each is removed after its case, one that is too large costs
    the others nothing.
    """
    free = shutil.disk_usage(folder).free
    groups = [[case] for case in options.cases] if options.drops_inputs else [options.cases]
    fitting: list[Case] = []
    for cases in groups:
        wanted = _room_for(cases, folder)
        if free >= wanted:
            fitting += cases
        else:
            names = ", ".join(case.name for case in cases) if options.drops_inputs else "it"
            _say(f"{names}: left out, {free / 1e9:.1f} GB are free and {wanted / 1e9:.1f} GB are needed")
    if options.cases and not fitting:
        sys.exit("there is no room for any of it: name another place with --folder")
    return replace(options, cases=fitting)


def _room_for(cases: list[Case], folder: Path) -> float:
    """Return the bytes that the inputs that are not there yet, and the largest output, need side by side."""
    inputs = {matrix for case in cases for matrix in case.inputs}
    missing = sum(matrix.nbytes for matrix in inputs if not (folder / matrix.file_name).exists())
    return _ROOM * missing + 2 * max((case.bytes_written for case in cases), default=0)


def _keep(options: Options, document: Document) -> Document:
    if (out := _out(options, document)) is not None:
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_text(as_json(document))
        out.with_suffix(".md").write_text(as_markdown(document) + "\n")
    return document


def _draw(options: Options, document: Document) -> None:
    """Write the plots, once: a node that gives minutes has none for a plot after each case."""
    if (out := _out(options, document)) is None:
        return
    if can_plot():
        save_plots(document, out)
    else:
        _say("no plot: matplotlib is not installed (pip install -e '.[bench]')")


def _out(options: Options, document: Document) -> Path | None:
    """Return the file for the results; quick figures are not kept unless somebody says where."""
    named = f"{document.date}-gpu" if options.gpu else document.date
    return options.out or (None if options.quick else _RESULTS / f"{named}.json")


def _say(line: str) -> None:
    sys.stderr.write(line + "\n")


if __name__ == "__main__":
    main()
