"""A run as text: JSON for machines, Markdown tables for people."""

from __future__ import annotations

import json
from dataclasses import asdict

from .results import CaseResult, Document, Ratio, Row, Spread, merged

__all__ = ["as_json", "as_markdown"]

_COLUMNS = (
    "contender",
    "seconds",
    "whole process, s",
    "cluster start, s",
    "peak memory, MB (largest process)",
    "relative error",
    "seconds / arraymill's",
    "error / arraymill's",
    "efficiency",
)
_RATIO_COLUMNS = ("case", "ratio", "measured", "must", "goal", "met")


def as_json(document: Document) -> str:
    """Return the document as JSON."""
    return json.dumps(asdict(document), indent=1, allow_nan=False) + "\n"


def as_markdown(document: Document) -> str:
    """Return the document as Markdown: the machine, its ceilings, the ratios, and a table for each case."""
    cases = merged(document.runs)
    lines = [*_heading(document), *_ceilings(document), *_ratios(document.ratios)]
    return "\n".join([*lines, *(line for case in cases for line in _table(case)), *_figures(document)])


def _heading(document: Document) -> list[str]:
    machine = document.machine
    libraries = ", ".join(f"{name} {version}" for name, version in document.versions.items())
    cache = "cold" if document.cold else "warm"
    n_runs = len(document.runs)
    shown = f"median of {n_runs} runs (least to greatest run)" if n_runs > 1 else "median (least to greatest round)"
    notes = [f"{document.rounds} rounds", shown, f"page cache {cache}"]
    notes += ["sizes / 64: figures mean little"] if document.quick else []
    notes += [] if document.settled else ["memory not made ready before turns"]
    gpu = f" {machine.gpu}." if machine.gpu else ""
    return [
        f"{machine.cpu}, {machine.cores} cores, {machine.memory_bytes / 1e9:.0f} GB.{gpu} {libraries}.",
        f"{document.date}: {', '.join(notes)}.",
    ]


def _ceilings(document: Document) -> list[str]:
    names = [name for name in document.runs[0].ceilings if name != "n_threads"]
    best = {name: max(run.ceilings[name] for run in document.runs) for name in names}
    said = ", ".join(f"{name} {value:.3g}" for name, value in best.items())
    return [f"Ceilings in the same run{'s, the best' if len(document.runs) > 1 else ''}: {said}."]


def _ratios(ratios: tuple[Ratio, ...]) -> list[str]:
    if not ratios:
        return []
    head = ["", "### ratios", "", _line(_RATIO_COLUMNS), _line(["---", "---", "---:", "---:", "---:", "---"])]
    return [*head, *(_line(_ratio_cells(ratio)) for ratio in ratios)]


def _ratio_cells(ratio: Ratio) -> list[str]:
    sign = "<=" if ratio.lower_is_better else ">="
    met = f"**{ratio.met}**" if ratio.met in ("missed", "not measured") else ratio.met
    spread = ratio.spread
    measured = "-" if spread is None else f"{spread.median:.3g} ({spread.min:.3g} to {spread.max:.3g})"
    bounds = [f"{sign} {bound:g}" for bound in (ratio.must, ratio.goal)]
    return [ratio.row, ratio.what, measured, *bounds, f"{met} ({ratio.note})" if ratio.note else met]


def _table(case: CaseResult) -> list[str]:
    shapes = " @ ".join(f"{rows} x {columns}" for rows, columns in case.shapes)
    return [
        "",
        f"### {case.name}: {shapes}, {case.dtype}",
        "",
        _line(_COLUMNS),
        _line(["---", *["---:"] * (len(_COLUMNS) - 1)]),
        *(_line(_cells(row)) for row in case.rows),
        *_stages(case),
    ]


def _stages(case: CaseResult) -> list[str]:
    """Return what arraymill says of where its time went, in the last turn."""
    said = []
    for row in case.rows:
        busy = row.facts.get("busy_s")
        if not busy:
            continue
        stages = ", ".join(f"{name} {seconds:.3f} s" for name, seconds in busy.items())
        blocks, workers = row.facts["n_blocks"], row.facts["n_workers"]
        said.append(f"{row.contender}: {blocks} blocks on {workers} workers, busy in all with {stages}.")
    return ["", *said] if said else []


def _figures(document: Document) -> list[str]:
    figures = [run.figures for run in document.runs]
    if not figures[0]:
        return []
    rows = [[name, " / ".join(f"{found[name]:.4g}" for found in figures)] for name in figures[0]]
    return ["", "### overhead, each run", "", _line(["figure", "value"]), _line(["---", "---:"]), *map(_line, rows)]


def _line(cells: tuple[str, ...] | list[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _cells(row: Row) -> list[str]:
    # a contender's name says what kind of cluster it is
    chosen = [f"{key} {value}" for key, value in row.variant.items() if key != "cluster" and value is not None]
    name = f"{row.contender} ({', '.join(chosen)})" if chosen else row.contender
    if row.error is not None:
        return [name, row.error, *["-"] * (len(_COLUMNS) - 2)]
    start = f"{row.start_s:.2f}" if row.start_s and row.start_s >= 0.01 else "-"
    memory = "-" if row.peak_bytes is None else f"{row.peak_bytes / 1e6:.0f} ({(row.peak_worker_bytes or 0) / 1e6:.0f})"
    return [
        name,
        _spread(row.seconds),
        f"{row.process_s.median:.2f}" if row.process_s else "-",
        start,
        memory,
        _number(row.relative_error, ".1e"),
        _number(row.ratio, ".2f"),
        _number(row.error_ratio, ".3g"),
        _number(row.efficiency, ".2f"),
    ]


def _spread(spread: Spread | None) -> str:
    return "-" if spread is None else f"{spread.median:.3f} ({spread.min:.3f} to {spread.max:.3f})"


def _number(value: float | None, form: str) -> str:
    return "-" if value is None else format(value, form)
